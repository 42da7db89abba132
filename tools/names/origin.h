/*
 * Whose an address is, put together from what a source says of the prefixes that have
 * it. Part of paris-names; all that is read here is hostile.
 */
#ifndef TOOLS_NAMES_ORIGIN_H
#define TOOLS_NAMES_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/names_messages.h"
#include "tools/names/mmdb.h"

#define ORIGIN_LINE_MAX 1024                /* bytes of a line that are looked at */
#define ORIGIN_WHOIS_MAX ((size_t)64 << 10) /* bytes of a whois answer, likewise */

/*
 * As traceroute(8) has it: the numbers of the longest prefix, in the order in which
 * they came, each once.
 */
struct origin {
	unsigned int prefix_len; /* of the best so far */
	uint8_t count;
	uint32_t numbers[NAMES_AS_MAX];
	char country[3];
	char as_name[NAMES_NAME_MAX + 1];
};

/* A whois answer that is being read, in whatever pieces it comes. */
struct origin_whois {
	struct origin *origin;
	unsigned int prefix_len; /* of the route that is being read */
	size_t left;             /* bytes that will be looked at still */
	size_t line_len;
	char line[ORIGIN_LINE_MAX];
};

/* Whether text is the number of an AS, "64496" or "AS64496"; *out is set then. */
bool origin_read_number(const char *text, size_t len, uint32_t *out);

/* Reads route: or route6: and origin: of RPSL (RFC 2622); all else is passed over. */
void origin_whois_begin(struct origin_whois *w, struct origin *origin);
/* Returns false when the answer is so long that the rest does not matter. */
bool origin_whois_add(struct origin_whois *w, const void *data, size_t len);
void origin_whois_end(struct origin_whois *w);

/*
 * One text of Team Cymru's zones: "64496 64497 | 192.0.2.0/24 | US | arin | 2001-01-01"
 * of an address, and "64496 | US | arin | 2001-01-01 | EXAMPLE, US" of an AS.
 */
void origin_add_zone_text(struct origin *origin, const char *text);
void origin_add_zone_name(struct origin *origin, const char *text);

/*
 * What a file says, in MaxMind's words or IPinfo's; what *origin has already stays.
 * Returns 0, -ENOENT when it says nothing, or -EBADMSG when it is broken there.
 */
int origin_add_number(
    struct origin *origin, const struct mmdb *db, const struct addr *a);
int origin_add_country(
    struct origin *origin, const struct mmdb *db, const struct addr *a);

#endif
