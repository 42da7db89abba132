/*
 * The compiled network: routes, balancing and the walk of one packet through it. Pure:
 * no sockets, no clock, and the same seed and packets give the same walks, so it serves
 * the simulator and any test that needs a network without one.
 */
#ifndef FAKEROUTE_NETWORK_H
#define FAKEROUTE_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "tools/fakeroute/topology.h"

#define NETWORK_WALK_MAX 255 /* nodes on one walk: no TTL leads further */
#define NETWORK_NOWHERE UINT32_MAX
#define NETWORK_NATS_MAX 8 /* translations of one packet; more and it is lost */

struct network;

/* What the network looks at of a packet. */
struct network_packet {
	int64_t now; /* when the host sent it, ns */
	struct addr src, dst;
	uint8_t protocol;
	uint8_t ttl; /* as it left the host: 1 to 255 */
	uint8_t tos;
	bool may_fragment;
	bool has_transport; /* what follows is known, else zero */
	uint8_t icmp_type, icmp_code;
	uint16_t src_port, dst_port;
	uint16_t icmp_id;
	uint16_t checksum; /* of the transport header */
	uint32_t flow_label;
	size_t len; /* of the whole IP packet */
};

enum network_outcome {
	NETWORK_DELIVERED, /* arrived at the node that has the address */
	NETWORK_EXPIRED,   /* TTL 1 on arrival at a node that is not the destination */
	NETWORK_UNREACHABLE, /* a node refuses to forward: its option unreachable */
	NETWORK_NO_ROUTE,    /* nothing leads to that address from here */
	NETWORK_TOO_BIG,     /* larger than the node's mtu and not to be fragmented */
	NETWORK_DROPPED,     /* by the rule of a node */
	NETWORK_REJECTED,    /* likewise, and the rule says how */
	NETWORK_LOST,        /* dropped on the last link, or walked too far */
};

struct network_walk {
	enum network_outcome outcome;
	size_t count;                     /* nodes walked, 1 at least unless lost */
	uint32_t nodes[NETWORK_WALK_MAX]; /* the last one acts on the packet */
	uint32_t links[NETWORK_WALK_MAX]; /* links[i] leads to nodes[i] */
	uint8_t ttl;                      /* on arrival at the last node */
	int64_t rtt;                      /* of the way there and back, in ns */
	uint32_t
	    asked;   /* who has the address that the host asked, or NETWORK_NOWHERE */
	uint32_t to; /* ... that the packet has at last */
	const struct topology_rule *rule; /* that dropped or rejected it */
	size_t nats_count;                /* rules that changed it, one after another */
	const struct topology_rule *nats[NETWORK_NATS_MAX];
	/* The way back: nodes[0] to nodes[back - 1]. Less than there after a loop. */
	size_t back;
	uint8_t back_ttl; /* of them, how many lower the TTL of a reply */
};

/*
 * Compiles a topology without errors, which must outlive the network. Returns NULL
 * without memory.
 */
struct network *network_new(const struct topology *t);
void network_free(struct network *n);

const struct topology *network_topology(const struct network *n);

/* The node that answers for an address: the longest prefix; NETWORK_NOWHERE if none. */
uint32_t network_find(const struct network *n, const struct addr *a);

/*
 * Sends one packet; packets come in the order of their times. The time of the walk is
 * that of its links, without jitter. Returns 0, or -ENOMEM when the routes to a
 * destination asked for the first time cannot be kept.
 */
int network_send(
    struct network *n, const struct network_packet *packet, struct network_walk *walk);

/* What a NAT rule makes of a packet. */
void network_translate(const struct topology_rule *rule, struct network_packet *p);

/*
 * The checksum of a header in which bytes change, of an even number and at an even
 * offset (RFC 1624 section 3).
 */
uint16_t network_checksum(
    uint16_t checksum, const void *old, const void *new, size_t len);

/* Whether a reply is lost on its way back over the links of a walk. */
bool network_reply_lost(struct network *n, const struct network_walk *walk);

/* Whether a node that the reply passes on its way back drops it by a rule. */
bool network_reply_dropped(const struct network *n, const struct network_walk *walk,
    uint8_t protocol, uint8_t icmp_type);

/* The seeded source of every choice by chance. */
bool network_chance(struct network *n, uint32_t millionth);
uint64_t network_random(struct network *n);                       /* 64 bits */
uint64_t network_random_below(struct network *n, uint64_t bound); /* bound > 0 */

/* A seeded hash of bytes; salt keeps the fields of a packet apart. */
uint64_t network_hash(
    const struct network *n, uint64_t salt, const void *data, size_t len);

/* The same for one number: cheap enough for every field of every packet. */
uint64_t network_hash_number(const struct network *n, uint64_t salt, uint64_t value);

/*
 * Makes the network forget times: all links are there. For pictures of the whole, after
 * which nothing is sent any more, or before the first packet, which ends it.
 */
void network_show_all(struct network *n);

/*
 * The successors of a node on the way to a destination node, as indices into the
 * topology's links, in the order of the file. Returns how many; *links belongs to the
 * network. 0 at the destination, when nothing leads there, and without memory.
 */
size_t network_next(
    struct network *n, uint32_t from, uint32_t to, const uint32_t **links);

/* How long after the first packet the last one was sent. */
int64_t network_elapsed(const struct network *n);

/* How often packets came over a link, by its index in the topology. */
uint64_t network_link_walked(const struct network *n, uint32_t link);

#endif
