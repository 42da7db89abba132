/*
 * Packets out of sockets and into them, with what the kernel is told and tells beside
 * their bytes (ancillary.h). For the prober and the helper, which send and receive many
 * a wake-up.
 */
#ifndef COMMON_PACKETS_H
#define COMMON_PACKETS_H

#include <stddef.h>

#include "common/ancillary.h"

#define PACKETS_BATCH 32
#define PACKETS_ROOM 1536 /* bytes kept of a packet received */

/* One packet to be sent, without the headers that the kernel writes. */
struct outgoing {
	const void *bytes;
	size_t len;
	const struct addr *to;
	uint16_t port; /* 0: the protocol has none that we tell the kernel */
	uint8_t ttl;
	uint8_t tos;
	uint32_t flow_label;       /* IPv6; needs IPV6_FLOWINFO_SEND */
	const struct addr *source; /* NULL: the socket's, and the route's interface */
	uint32_t interface;        /* with source; 0: by the route */
	bool dont_route;           /* packet_send: to attached networks only */
	const uint32_t *stamp_id;  /* NULL: the kernel counts (SCM_TS_OPT_ID) */
};

/* What a message header points to while it is sent. */
struct envelope {
	struct sockaddr_storage name;
	struct iovec part;
	union {
		char bytes[CONTROL_ROOM / 4];
		struct cmsghdr align;
	} control;
};

/* Makes m the header of that packet, for sendmsg or sendmmsg. */
void packet_address(struct msghdr *m, struct envelope *e, const struct outgoing *o);

/* Packets as they were received: bytes from an offset that the reader chose. */
struct incoming {
	struct mmsghdr headers[PACKETS_BATCH];
	struct iovec parts[PACKETS_BATCH][2];
	size_t whole[PACKETS_BATCH]; /* length of the packet as it came */
	struct sockaddr_storage names[PACKETS_BATCH];
	union {
		char bytes[CONTROL_ROOM];
		struct cmsghdr align;
	} control[PACKETS_BATCH];
	uint8_t images[PACKETS_BATCH][PACKETS_ROOM];
};

/*
 * Receives what is there, without waiting: to offset `at` of each image. flags: those
 * of recvmmsg(2), such as MSG_ERRQUEUE. Returns how many packets; 0 on any error too.
 * msg_len is what was kept of a packet; one that is longer has MSG_TRUNC.
 */
unsigned int packets_receive(struct incoming *in, int fd, int flags, size_t at);

/* A packet received, with all that is known of it. */
struct arrival {
	const uint8_t *bytes;
	size_t len;       /* of what was kept */
	size_t whole;     /* of the packet as it came */
	struct addr from; /* none: not an IP address */
	uint16_t from_port;
	int64_t received; /* CLOCK_REALTIME, ns */
	bool by_kernel;   /* stamped by it as it arrived, not by us as we read it */
	struct ancillary told;
};

/* Packet i of a batch that was received to offset `at`; its bytes stay there. */
void packets_arrival(
    struct incoming *in, unsigned int i, size_t at, struct arrival *out);

/*
 * Sends one packet through a socket that has SO_TIMESTAMPING for what is sent, with
 * OPT_ID, OPT_TSONLY, and no ICMP errors. *sent receives when: CLOCK_REALTIME, ns.
 * Returns 1 when that is the kernel's stamp, which bears o->stamp_id; 0 when it is
 * ours, taken just before, because the kernel's came late or it takes no ids
 * (Linux 6.13); -errno.
 */
int packet_send(int fd, const struct outgoing *o, int64_t *sent);

/*
 * What the link takes that a packet was too large for (-EMSGSIZE), as the error queue
 * of a socket with IP_RECVERR tells; 0: it does not. What else is there is lost.
 */
uint32_t packets_refusing_mtu(int fd);

#endif
