/*
 * How traces that are over are printed, one after the other: all formats behind one
 * interface, so that whoever runs one trace or thousands need know none of them. Text
 * that shall appear while its trace runs is render_text.h's own business.
 *
 *     r->begin(began, out);                      before the first trace
 *     while (!renderer_names_known(t, naming)) wait;
 *     r->trace(t, &how, out);                    each, when it is over
 *     r->end(ended, out);                        after the last one
 *
 * Where an output is appended to (a run is resumed) begin may be left out. What goes
 * wrong is remembered in the output.
 */
#ifndef TOOLS_TRACEROUTE_RENDERER_H
#define TOOLS_TRACEROUTE_RENDERER_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/shared/naming.h"
#include "tools/shared/output.h"
#include "tools/shared/trace_options.h"
#include "tools/traceroute/record.h"

struct rendering {
	const struct naming *naming; /* NULL: addresses only */
	const char *failure;         /* why the trace broke off, or NULL */
	bool extensions;             /* text: -e */
	bool plain;                  /* text: no marks of rare cases */
	bool tcp_info;               /* text: -O info */
	bool tcp_mss;                /* text: -O mss */
};

struct renderer {
	/* Times are of CLOCK_REALTIME. */
	void (*begin)(int64_t began, struct output *out);
	void (*trace)(
	    const struct record *t, const struct rendering *how, struct output *out);
	void (*end)(int64_t ended, struct output *out);
};

/* Never NULL; a format that only multipath algorithms have is text. */
const struct renderer *renderer_of(enum trace_format format);

/* Asks for all names of a trace; true when no look-up is open any more. */
bool renderer_names_known(const struct record *t, const struct naming *naming);

#endif
