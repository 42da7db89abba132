/*
 * What the files of the network share: its insides. Used by network*.c only.
 */
#ifndef FAKEROUTE_NETWORK_PARTS_H
#define FAKEROUTE_NETWORK_PARTS_H

#include "tools/fakeroute/network.h"

/* The way on from one node towards one destination. */
struct hop {
	uint32_t first; /* into route.links */
	uint32_t count;
	uint64_t weight; /* of all its links */
};

/* All ways to one destination. */
struct route {
	struct hop *hops; /* by node */
	uint32_t *links;
};

/* An entry of the address table: open addressing, power of two. */
struct place {
	struct addr addr;
	uint32_t node;
	bool used;
};

/* The rules of one node: a run of network.rules. */
struct rules {
	uint32_t first, count;
};

/* A prefix that a target answers for. */
struct prefix {
	const struct topology_addr *addr;
	uint32_t node;
};

struct network {
	const struct topology *t;
	int64_t begun;       /* when the first packet was sent */
	int64_t elapsed;     /* from then until the packet sent last */
	int64_t sent;        /* packets before that one */
	bool running;        /* the first packet was sent */
	struct rules *rules; /* by node */
	const struct topology_rule **rules_sorted; /* by node, then as in the file */
	uint64_t key;                              /* from the seed: of every hash */
	uint64_t random[4];                        /* xoshiro256** */
	uint64_t *node_keys;   /* so that balancers in series choose independently */
	struct route **routes; /* by destination node, made when first asked for */
	bool *there;           /* by link: now */
	bool rules_lead;       /* some rule says where to: there may be loops */
	int64_t change_time, change_packets; /* when the links are next looked at */
	uint64_t *walked;                    /* by link */
	struct place *places;
	size_t places_room;
	struct prefix *prefixes; /* the longest first */
	size_t prefixes_count;
};

/* The routes to a node, as they are now; NULL without memory. */
const struct route *network_route_to(struct network *n, uint32_t to);

/* A packet was sent at this time: routes and rules follow. */
void network_note_time(struct network *n, int64_t now);

/* Whether a link or rule is there now. */
bool network_is_now(const struct network *n, const struct topology_span *span);

/* A 64-bit fraction of a bound; a number every bit of which is moved by every bit. */
uint64_t network_scale(uint64_t fraction, uint64_t bound);
uint64_t network_mix(uint64_t x);

enum network_rule_kind {
	NETWORK_FILTER, /* accept, drop, reject */
	NETWORK_TO,
	NETWORK_SNAT,
	NETWORK_DNAT,
};

/* The first rule of a kind that a node has for such a packet, or NULL. */
const struct topology_rule *network_find_rule(const struct network *n, uint32_t node,
    enum network_rule_kind kind, enum topology_at at, const struct network_packet *p);

#endif
