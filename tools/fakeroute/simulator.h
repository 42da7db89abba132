/*
 * The simulated network at work: a packet goes in, replies come out when they are due.
 * No sockets and no clock: the caller brings packets and times, so a test can run it on
 * a clock of its own.
 */
#ifndef FAKEROUTE_SIMULATOR_H
#define FAKEROUTE_SIMULATOR_H

#include <stddef.h>
#include <stdint.h>

#include "tools/fakeroute/network.h"
#include "tools/fakeroute/replyqueue.h"
#include "tools/fakeroute/simpacket.h"
#include "tools/fakeroute/simtcp.h"

/* What became of a packet. */
enum simulator_result {
	SIMULATOR_ANSWERED,
	SIMULATOR_SILENT,   /* the node answers nothing, or not this */
	SIMULATOR_LOST,     /* by chance: the packet on its way, or its answer */
	SIMULATOR_LIMITED,  /* the router's token bucket is empty */
	SIMULATOR_FILTERED, /* dropped by a rule: the packet, or its answer */
	SIMULATOR_IGNORED,  /* multicast, an ICMP error, another packet not to answer */
	SIMULATOR_DROPPED,  /* a wrong checksum where one is looked at */
	SIMULATOR_MALFORMED, /* not an IP packet that holds together; nothing walked */
	SIMULATOR_FRAGMENT,  /* arrived, and waits for the rest of its packet */
	SIMULATOR_FULL,      /* too many replies waiting, or no memory */
	SIMULATOR_RESULTS,
};

/* Told of each packet. Everything pointed to ends with the call. */
struct simulator_seen {
	int64_t now;
	const struct simpacket *packet;  /* NULL when malformed */
	const struct network_walk *walk; /* NULL when it went nowhere */
	enum simulator_result result;
};

typedef void simulator_observer(void *context, const struct simulator_seen *seen);

struct simulator_counts {
	uint64_t received;
	uint64_t results[SIMULATOR_RESULTS];
	uint64_t bad_header_checksum;
	uint64_t bad_checksum;
	uint64_t unknown_destination;
	uint64_t foreign_source;
	int64_t first, last; /* when the first and the last packet were sent */
	uint64_t replies, duplicates, late, reordered;
};

struct simulator;

/*
 * observer may be NULL. The network stays the caller's and must outlive the simulator.
 * Returns NULL without memory.
 */
struct simulator *simulator_new(
    struct network *network, simulator_observer *observer, void *context);
void simulator_free(struct simulator *s);

/* The host sent a packet of len bytes, which begins with its IP header, at time now. */
void simulator_receive(
    struct simulator *s, const uint8_t *bytes, size_t len, int64_t now);

/* Where the replies wait: the caller takes them out when they are due. */
struct replyqueue *simulator_replies(struct simulator *s);

const struct simulator_counts *simulator_counts(const struct simulator *s);

/* The TCP connections to all destinations. */
const struct simtcp *simulator_tcp(const struct simulator *s);

#endif
