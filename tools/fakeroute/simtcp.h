/*
 * TCP connections of the simulated destinations: what a server of RFC 9293 without any
 * data answers to each segment. It keeps what became of them, for the report.
 */
#ifndef FAKEROUTE_SIMTCP_H
#define FAKEROUTE_SIMTCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/fakeroute/simpacket.h"

/* Connections kept; then the oldest is forgotten. */
#define SIMTCP_MAX 65536

struct simtcp;

enum simtcp_port {
	SIMTCP_OPEN,
	SIMTCP_CLOSED,
	SIMTCP_SILENT,
};

enum simtcp_state {
	SIMTCP_HALF_OPEN, /* SYN-ACK sent, neither ACK nor RST came */
	SIMTCP_ESTABLISHED,
	SIMTCP_CLOSING, /* the client's FIN was answered by our own */
	SIMTCP_ENDED,   /* ... and acknowledged */
	SIMTCP_RESET,   /* by the client's right RST, or given up for another SYN */
	SIMTCP_STATES,
};

/* A connection as the report shows it. */
struct simtcp_connection {
	struct addr client, server;
	uint16_t client_port, server_port;
	enum simtcp_state state;
	uint64_t segments; /* of the client */
	uint64_t bytes;    /* of data, taken and thrown away */
};

/* The segment to answer with. */
struct simtcp_segment {
	uint8_t flags; /* 0: none */
	uint32_t sequence, acknowledgment;
};

/* Returns NULL without memory. */
struct simtcp *simtcp_new(void);
void simtcp_free(struct simtcp *t);

/*
 * A segment came to a port that is open, closed or silent. first: the sequence number
 * of a new connection's SYN-ACK. ecn: whether the server takes ECN up (RFC 3168 section
 * 6.1.1). Fills in the answer and returns 0, or -ENOMEM when a connection cannot be
 * kept.
 */
int simtcp_receive(struct simtcp *t, const struct simpacket *p, enum simtcp_port port,
    bool ecn, uint32_t first, struct simtcp_segment *answer);

/* The reset that a closed port answers with (RFC 9293 section 3.10.7.1). */
void simtcp_refuse(const struct simpacket *p, struct simtcp_segment *answer);

/* Calls each for every connection, in the order of their first segments. */
void simtcp_each(const struct simtcp *t,
    void (*each)(void *context, const struct simtcp_connection *c), void *context);

#endif
