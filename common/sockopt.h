/*
 * Options of sockets, many at once. Any process may use it.
 */
#ifndef COMMON_SOCKOPT_H
#define COMMON_SOCKOPT_H

#include <stdbool.h>
#include <stddef.h>

struct socket_option {
	int level;
	int name;
	int value;
	bool needed; /* a kernel without it will not do */
	int family;  /* of the sockets that have it; AF_UNSPEC: of any */
};

/* setsockopt of an int. 0 or -errno. */
int socket_option(int fd, int level, int name, int value);

/* Sets those of the socket's family. 0, or -errno of a needed one. */
int socket_options(
    int fd, int family, const struct socket_option *options, size_t count);

#endif
