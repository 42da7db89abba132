/*
 * Which address the host that the user typed stands for.
 */
#ifndef TOOLS_SHARED_TARGET_H
#define TOOLS_SHARED_TARGET_H

#include <stdint.h>

#include "common/addr.h"
#include "tools/shared/naming.h"

#define TARGET_ERROR_MAX 1600

/*
 * The address of a numeric host, in any form that getaddrinfo(3) takes. Returns 0,
 * -EINVAL when host may be a name, or -ENOENT with one line in error (TARGET_ERROR_MAX
 * bytes) when it is not of the family asked for (AF_UNSPEC: any), or cannot be a name.
 */
int target_from_text(
    const char *host, uint32_t family, struct addr *target, char *error);

/*
 * Looks a name up through paris-names, waiting for it. IPv4 is preferred when family is
 * AF_UNSPEC, as traceroute does. Returns 0, or a negative with one line in error.
 */
int target_from_names(struct name_cache *names, const char *host, uint32_t family,
    struct addr *target, char *error);

/*
 * The same in two steps, without waiting: the question, which returns 0 or a negative
 * with one line in error, and what its answer (name_cache.found) says.
 */
int target_ask(struct name_cache *names, const char *host, uint32_t family,
    uint32_t question, char *error);
int target_from_answer(const struct name_cache *names, const char *host,
    uint32_t family, const struct names_addrs *answer, struct addr *target,
    char *error);

#endif
