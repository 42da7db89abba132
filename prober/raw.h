/*
 * Raw sockets of the prober's own, which it has only when real uid 0 started it: opened
 * before it leaves uid 0, used without any capability. They send whole packets, the IP
 * header included, and show whole packets. Used by the transports in transports/raw.c.
 * What they receive is all that answers any probe of this host's, and hostile.
 */
#ifndef PROBER_RAW_H
#define PROBER_RAW_H

#include <stdbool.h>
#include <stdint.h>

#include "common/raw_sockets.h"
#include "prober/sandbox_policy.h"
#include "prober/transport.h"

/* Beside those of raw_sockets.h: of one more protocol, over IPv4 and IPv6. */
enum { RAW_OTHER4 = RAW_COUNT, RAW_OTHER6, RAW_RECEIVERS };

/* Descriptors of raw sockets; -1: not asked for, or no such family here. */
struct raw_sockets {
	int sender[2]; /* RAW_SENDER_FD and the next: IPv4's, IPv6's */
	int receiver[RAW_RECEIVERS];
	uint8_t protocol; /* of RAW_OTHER4 and RAW_OTHER6, or 0 */
	/* UDP sockets with the senders' mark, to ask for routes; -1: there is no mark.
	 */
	int asker[2];
};

/* What they are opened with. */
struct raw_options {
	bool tcp;         /* those of TCP too */
	uint8_t protocol; /* and of this one; 0: none */
	bool debug;       /* the senders: SO_DEBUG */
	uint32_t mark;    /* SO_MARK; 0: none. Both take CAP_NET_ADMIN. */
};

struct raw_port;

struct raw {
	struct transports *transports;
	struct raw_sockets sockets;
	uint32_t dropped[RAW_RECEIVERS]; /* SO_RXQ_OVFL: the kernel's running counts */
	struct raw_port *ports;          /* whose is which */
};

/*
 * Opens the sockets, with nothing but the standard descriptors,
 * our channel and the helper's open. 0 or -errno; -EPERM for who is not real uid 0,
 * whatever capabilities he has: see SECURITY.md.
 */
int raw_open(struct raw_sockets *s, const struct raw_options *options);

/* No sockets: every port fails with -EPERM. */
void raw_init(struct raw *r, struct transports *t);

/* Takes the sockets over and has them watched; epoll's data pointers are in r. */
int raw_attach(struct raw *r, const struct raw_sockets *s);

void raw_clear(struct raw *r);

/*
 * Makes e, bound to e->port, the one that answers to this port or ICMP identifier are
 * told to. fd: keeps the port for as long, or -1; it is ours. 0, or -errno and fd is
 * closed: -EADDRINUSE when another endpoint has it, -EPERM, -EAFNOSUPPORT, -ENOMEM.
 */
int raw_take_port(struct raw *r, struct endpoint *e, int fd);

/* Gives the port back, if e has it. */
void raw_give_port(struct raw *r, const struct endpoint *e);

/* epoll spoke of data: delivers what a socket of ours has; false: it is none of ours.
 */
bool raw_service(struct raw *r, const void *data);

#endif
