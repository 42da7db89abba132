/*
 * What a node answers to one packet: ICMP errors, and the answers of a destination. It
 * writes the answer; when it leaves, and what becomes of it on its way, is the
 * simulator's.
 */
#ifndef FAKEROUTE_SIMANSWER_H
#define FAKEROUTE_SIMANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/fakeroute/network.h"
#include "tools/fakeroute/simextension.h"
#include "tools/fakeroute/simpacket.h"
#include "tools/fakeroute/simreply.h"
#include "tools/fakeroute/simtcp.h"

#define SIMANSWER_MAX 65535 /* bytes of an answer */

/* What answers are made with. */
struct simanswerer {
	struct network *network;
	struct simtcp *tcp;
	struct simextensions *extensions;
	uint64_t turn; /* different for each packet */
};

/* One packet being answered. */
struct simanswer {
	const struct simpacket *packet; /* as it arrived where it is answered */
	struct simpacket whole;         /* its memory, if it came in fragments */
	struct simpacket translated;    /* ... if a NAT changed it */
	/* ... and on the way: before the first NAT, and behind each one. */
	struct network_packet views[NETWORK_NATS_MAX + 1];
	const struct network_walk *walk;
	const struct topology_node *node; /* that answers */
	struct simreply_header header;
	int64_t now;
	uint8_t *out;  /* SIMANSWER_MAX bytes */
	size_t mtu;    /* the limit of an error; other answers may be cut up */
	bool error;    /* it is an ICMP error ... */
	size_t quoted; /* ... and quotes so many bytes */
};

/* The number of the node that answers. */
uint32_t simanswer_node(const struct simanswer *a);

/* Writes the answer into a->out; returns its length, 0 when there is none. */
size_t simanswer_write(const struct simanswerer *by, struct simanswer *a);

#endif
