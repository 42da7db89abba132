/*
 * What the user namespace that we run in is worth. Containers, and tools like
 * unshare(1), make users root of a namespace of their own.
 */
#ifndef COMMON_USER_NAMESPACE_H
#define COMMON_USER_NAMESPACE_H

#include <stdbool.h>

/*
 * True when uid 0 is the one user here and an ordinary one outside: root by name, who
 * can become nobody else, and whose files are those of that user. False when that
 * cannot be told, and for a namespace that the parent's uid 0 has made.
 */
bool user_namespace_has_one_user(void);

/*
 * Whether capabilities that are gained here count in the network that we use. True when
 * that cannot be told (before Linux 4.9, or without /proc).
 */
bool user_namespace_owns_network(void);

#endif
