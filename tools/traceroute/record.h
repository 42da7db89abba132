/*
 * What is known of one trace so far: what was asked, how it is done, every result and
 * how it ended. Filled from the prober's messages, read by the renderers.
 */
#ifndef TOOLS_TRACEROUTE_RECORD_H
#define TOOLS_TRACEROUTE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/prober_messages.h"

/* Replies that are not the final word on a query are kept up to this many. */
#define RECORD_OTHERS_MAX 4096

struct record {
	const char *host; /* as the user typed it; not owned */
	struct prober_start asked;
	const char *protocol; /* "udp" or "icmp"; not owned */
	struct prober_plan_family plan;
	int64_t began; /* CLOCK_REALTIME */
	int64_t ended; /* likewise, of its PROBER_DONE; 0: it has none */
	bool has_started;
	struct prober_started how;
	struct prober_result **finals; /* by hop and query; NULL: not known */
	struct prober_result **others; /* in the order of arrival */
	size_t others_count;
	uint32_t others_lost; /* over RECORD_OTHERS_MAX: counted only */
	uint8_t final_ttl;    /* lowest hop with a reply that ends the path; 0: none */
	uint8_t end_ttl;      /* hop at which a result has ended the trace; 0: none */
	bool has_done;
	struct prober_done done;
	bool broken; /* the prober went away before its PROBER_DONE */
};

/* Returns 0 or -ENOMEM. host and protocol must outlive the trace. */
int record_init(struct record *t, const char *host, const char *protocol,
    const struct prober_start *asked, const struct prober_plan_family *plan);
void record_clear(struct record *t);

/*
 * Take one message each. Return 0, -ENOMEM, or -EBADMSG when it cannot be true: another
 * instance, a hop or query that was not asked, a second final word, the wrong order.
 */
int record_take_started(struct record *t, const struct prober_started *m);
int record_take_result(struct record *t, const struct prober_result *m);
int record_take_done(struct record *t, const struct prober_done *m);

/* The final word on a query of a hop, or NULL when there is none (yet). */
const struct prober_result *record_final(const struct record *t, int ttl, int query);

/* The last hop that belongs to the path, as far as is known now. */
int record_last_ttl(const struct record *t);

/* When it ended; of a trace that broke off, when the last answer came. */
int64_t record_ended(const struct record *t);

/* True when no more results will come. */
bool record_is_over(const struct record *t);

#endif
