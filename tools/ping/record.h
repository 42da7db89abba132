/*
 * What is known of one ping: what was asked, how it is done, counts and round trip
 * times, how it ended. Filled from the prober's messages, read by the renderers; as
 * large after a day as after a second.
 */
#ifndef TOOLS_PING_RECORD_H
#define TOOLS_PING_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/prober_messages.h"

struct ping_record {
	const char *host; /* as the user typed it; not owned */
	struct prober_start asked;
	const char *protocol; /* "icmp", "udp" or "tcp"; not owned */
	struct prober_plan_family plan;
	int64_t began; /* CLOCK_REALTIME */
	bool has_started;
	struct prober_started how;
	bool has_done;
	struct prober_done done;
	bool broken; /* the prober went away before its PROBER_DONE */
	/* Counts. Those of replies beyond a few of each packet are in `done` only. */
	uint32_t transmitted;
	uint32_t received; /* packets that the host answered, late or not */
	uint32_t errors;   /* ... or a router or the host said that it could not */
	uint32_t failed;   /* ... or that did not leave */
	uint32_t lost;     /* ... or that nobody answered in time */
	uint32_t duplicates;
	uint32_t late; /* of those received */
	uint32_t late_errors;
	uint32_t ambiguous; /* answers of the host to one packet of several */
	/* Round trip times of packets received, ns. */
	uint32_t timed; /* how many there are */
	int64_t rtt_min;
	int64_t rtt_max;
	double rtt_mean;
	double rtt_squares; /* of the distances from the mean, summed up */
	double rtt_recent;  /* exponentially weighted, an eighth each */
	/* Packets that were under way when the host's answer to the first came. */
	uint32_t pipe;
	int64_t first_sent; /* CLOCK_MONOTONIC */
	int64_t last_sent;
};

/* Starts a record; host and protocol must outlive it. */
void ping_record_init(struct ping_record *t, const char *host, const char *protocol,
    const struct prober_start *asked, const struct prober_plan_family *plan);

/*
 * Take one message each, at `now` (CLOCK_MONOTONIC). Return 0, or -EBADMSG when it
 * cannot be true: another instance, a packet that was not sent, more answers than
 * packets, the wrong order.
 */
int ping_record_take_started(struct ping_record *t, const struct prober_started *m);
int ping_record_take_result(
    struct ping_record *t, const struct prober_result *m, int64_t now);
int ping_record_take_done(struct ping_record *t, const struct prober_done *m);

/* True when no more results will come. */
bool ping_record_is_over(const struct ping_record *t);

/* Whether the target itself answered, as this kind of reply tells. */
bool ping_record_is_answer(const struct prober_result *m);

/* Packets that neither host nor router answered, as far as is known, in percent. */
double ping_record_loss(const struct ping_record *t);

/* Mean deviation of the round trip times, ns. */
double ping_record_mdev(const struct ping_record *t);

/* From the first packet sent to the last one, ns. */
int64_t ping_record_time(const struct ping_record *t);

/*
 * Whether it went as asked: an answer came or, where a number and a deadline were
 * given, so many did.
 */
bool ping_record_is_success(const struct ping_record *t);

#endif
