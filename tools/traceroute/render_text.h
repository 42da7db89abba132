/*
 * A trace as traceroute(8) 2.1.2 prints it, character by character, streamed: each
 * probe is printed as soon as it and all before it are known, and its name if one is
 * wanted. What traceroute does not print is not printed here either (see notes.h), but
 * for the marks of rare cases (anomalies.h), which an ordinary path has none of.
 */
#ifndef TOOLS_TRACEROUTE_RENDER_TEXT_H
#define TOOLS_TRACEROUTE_RENDER_TEXT_H

#include <stdbool.h>

#include "tools/shared/naming.h"
#include "tools/shared/output.h"
#include "tools/traceroute/record.h"

struct render_text {
	const struct record *record;
	const struct naming *naming; /* NULL: addresses only */
	bool extensions;             /* -e */
	bool tcp_info;               /* -O info; the caller may set it, as the next */
	bool tcp_mss;                /* -O mss */
	uint16_t mss;                /* as known so far; 0: as it left */
	bool plain;                  /* no marks of rare cases; the caller may set it */
	bool back;                   /* --back; the caller may set it, as the next */
	bool print_ttl;              /* --print-ttl */
	bool follows;                /* an empty line stands before it */
	struct output *out;
	bool header; /* printed */
	int ttl;     /* next to print */
	int query;
	int row; /* hop of the latest line; 0: none */
};

void render_text_init(struct render_text *r, const struct record *record,
    const struct naming *naming, bool extensions, struct output *out);

/*
 * Prints what can be printed now. Returns true when the trace is over and everything is
 * printed, its last newline included.
 */
bool render_text_advance(struct render_text *r);

#endif
