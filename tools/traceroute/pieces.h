/*
 * The fragments in which the probes of a trace leave, and what replies quote of them,
 * for the formats that tell it. Whoever splits: we (--fragment), or the kernel, where
 * the way out takes less than a probe has.
 */
#ifndef TOOLS_TRACEROUTE_PIECES_H
#define TOOLS_TRACEROUTE_PIECES_H

#include <stddef.h>

#include "tools/traceroute/record.h"

#define PIECES_MAX 1400     /* of a packet of 65535 bytes, and a link that takes 68 */
#define PIECES_TEXT_MAX 640 /* of those that --fragment may name, or of quotes */

enum pieces_by {
	PIECES_WHOLE, /* probes are not split */
	PIECES_BY_US,
	PIECES_BY_KERNEL,
};

/*
 * Who splits, and into what, in the order of sending, each once: *count pieces in list
 * (PIECES_MAX). Texts have PIECES_TEXT_MAX bytes. Of a
 * trace that has started.
 */
enum pieces_by pieces_of(
    const struct record *t, struct prober_fragment *list, size_t *count);

/* " in fragments 0+8 8+16": what --fragment does to the probes, or "". Returns text. */
const char *pieces_text(const struct record *t, char *text);

/*
 * What the replies to the probes of a hop quoted of them: "fragment 0+8 (3), 8+16 (2)",
 * each with how often; or "". Returns text.
 */
const char *pieces_quoted(const struct record *t, int ttl, char *text);

/* " [fragment 0+8]": likewise of one reply. Returns text. */
const char *pieces_mark(const struct prober_result *m, char *text);

#endif
