/*
 * A list of address prefixes, such as those never to be probed (--exclude). Used by the
 * tools.
 */
#ifndef TOOLS_SHARED_PREFIXES_H
#define TOOLS_SHARED_PREFIXES_H

#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"

/* Room for one as text, "2001:db8::/32". */
#define PREFIX_TEXT_MAX (ADDR_TEXT_MAX + 4)

struct prefix {
	struct addr addr; /* bits past len are 0; IPv4 mapped into IPv6 is IPv4 */
	uint8_t len;
};

struct prefixes {
	struct prefix *list; /* sorted once they are read; none is inside another */
	uint32_t count;
	uint32_t room;
};

/*
 * "192.0.2.0/24", "2001:db8::/32", or an address alone. Bits past the length are
 * ignored. Returns 0 or -EINVAL.
 */
int prefix_from_text(const char *text, struct prefix *out);
const char *prefix_to_text(const struct prefix *p, char *buf);

/*
 * Reads a file of prefixes, one a line (see line_reader.h), and takes fd over; name is
 * for messages. Returns 0, -EINVAL when a line was wrong, or -ENOMEM; each is told on
 * standard error.
 */
int prefixes_read(struct prefixes *p, int fd, const char *name);
void prefixes_clear(struct prefixes *p);

/*
 * The prefix that has an address in common with the first `len` bits of a, all of it
 * when len is 128 (whatever its family), or NULL.
 */
const struct prefix *prefixes_find(
    const struct prefixes *p, const struct addr *a, uint8_t len);

#endif
