/*
 * What paris-privsep, the helper that owns the raw sockets, and the process that uses
 * it say to each other. Whoever has read this header can use the helper.
 *
 * The helper sends typed probes from ports that it keeps for its caller, and hands up
 * those answers that belong to them. It gives no socket away, takes no packet from its
 * caller, and reads no more of an answer than it takes to know whose it is: what comes
 * up is hostile network data. Who is uid 0 and wants more opens raw sockets himself.
 *
 * Starting it: exec the program with the channel, one end of channel_pair(), at
 * MESSAGE_CHILD_FD. Without an argument it sends and receives ICMP and UDP; with the
 * argument "tcp" TCP as well. A process with no_new_privs cannot start it: there,
 * file capabilities do not count. It ends with status 0 when the channel is closed,
 * and at once: what was asked before and not sent yet is not sent, but the probe at
 * hand. Otherwise it writes one line to standard error and ends with a status of
 * enum privsep_exit. SIGINT, SIGQUIT, SIGTERM and SIGHUP do not reach it: it ends with
 * the channel.
 *
 * Records are framed as message.h says, without descriptors, so a struct channel speaks
 * to it. Any record that this header does not allow ends the helper
 * (PRIVSEP_EXIT_FAILED). Times are nanoseconds of CLOCK_REALTIME.
 *
 * Order: PRIVSEP_HELLO comes up first, after the sandbox was entered. A reservation may
 * be used, or released, once its PRIVSEP_RESERVED with error 0 has come. Each
 * PRIVSEP_SEND is answered by one PRIVSEP_SENT, in the order of the requests and before
 * any PRIVSEP_REPLY to that probe. So who counts what left waits for the last of these
 * before he closes the channel; and asks for no more ahead than he wants sent in any
 * case, for a request cannot be taken back.
 *
 * Flow: the helper never waits for its caller. While the channel takes no more
 * records, no further request is read, and replies stay in the kernel's buffers;
 * those that find no room there are lost and counted (PRIVSEP_DROPPED, with the next
 * that does). So read before you wait to write. ICMP and TCP probes leave at
 * PRIVSEP_RATE at most, in bursts of PRIVSEP_BURST; beyond that the helper reads no
 * request until it may send, and the channel fills up.
 */
#ifndef COMMON_PRIVSEP_MESSAGES_H
#define COMMON_PRIVSEP_MESSAGES_H

#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/bytes.h"

#define PRIVSEP_PROGRAM "paris-privsep"

#define PRIVSEP_RESERVATIONS 64 /* ids are below it */
#define PRIVSEP_RATE 5000       /* ICMP and TCP probes a second */
#define PRIVSEP_BURST 1024
#define PRIVSEP_NONCE_LEN 6
#define PRIVSEP_PAYLOAD_MAX 1472 /* bytes after the UDP or ICMP header */
#define PRIVSEP_ECHO_PAYLOAD_MIN (2 + PRIVSEP_NONCE_LEN)
#define PRIVSEP_REPLY_MAX 1280 /* bytes of an answer that are told */
/* Answers to ICMP and TCP probes are known by the probes sent last: so many, so long.
 */
#define PRIVSEP_REMEMBERED 32768
#define PRIVSEP_ANSWER_SECONDS 60

/* How the program ends. */
enum privsep_exit {
	PRIVSEP_EXIT_DONE = 0,
	PRIVSEP_EXIT_FAILED = 1, /* a system call failed, or a record was not allowed */
	PRIVSEP_EXIT_USAGE = 2,  /* not started as this header says */
	/* No raw sockets here: the message says why, and what would help. */
	PRIVSEP_EXIT_NO_CAPABILITY = 3,
};

enum privsep_message {
	PRIVSEP_HELLO = 1, /* helper: struct privsep_hello */
	PRIVSEP_RESERVE,   /* caller: struct privsep_reserve */
	PRIVSEP_RESERVED,  /* helper: struct privsep_reserved */
	PRIVSEP_RELEASE,   /* caller: struct privsep_release */
	PRIVSEP_SEND,      /* caller: struct privsep_send */
	PRIVSEP_SENT,      /* helper: struct privsep_sent */
	PRIVSEP_REPLY,     /* helper: struct privsep_reply */
	PRIVSEP_DROPPED,   /* helper: struct privsep_dropped */
};

enum privsep_feature {
	PRIVSEP_ICMP4 = 1, /* over IPv4: ICMP errors are seen, echo requests are sent */
	PRIVSEP_ICMP6 = 2, /* likewise over IPv6 */
	PRIVSEP_TCP4 = 4,
	PRIVSEP_TCP6 = 8,
};

struct privsep_hello {
	uint32_t features; /* bits of enum privsep_feature */
	/* Random: marks this helper's echo requests; see struct privsep_send. */
	uint8_t nonce[PRIVSEP_NONCE_LEN];
};

/* ---- ports ----------------------------------------------------------------------- */

/*
 * Keeps a port for this caller. UDP and TCP ports are bound by an ordinary socket, with
 * no privilege and no option to share them, so a port that is in use or below
 * net.ipv4.ip_unprivileged_port_start is refused. An ICMP identifier is kept by nobody
 * but this helper.
 */
struct privsep_reserve {
	uint8_t id;            /* the caller's choice, not in use */
	uint8_t protocol;      /* IPPROTO_UDP, _TCP, or the family's ICMP */
	uint8_t dont_fragment; /* 1: IPv4 probes have DF. None is ever fragmented. */
	uint16_t port;         /* ICMP: the echo identifier; 0: a random one */
	uint32_t interface; /* index through which its probes leave; 0: by the route */
	uint32_t family;    /* AF_INET or AF_INET6 */
	struct addr source; /* of all its probes; none: each probe says */
};

struct privsep_reserved {
	uint8_t id;
	uint16_t port;
	/* 0, or errno and the id is free: EADDRINUSE, EACCES, EADDRNOTAVAIL ... */
	int32_t error;
};

/*
 * Gives the port back. Until the helper has read this, which an answer to a later
 * request shows, the port is kept and its answers are told; none from then on.
 */
struct privsep_release {
	uint8_t id;
};

/* ---- probes ---------------------------------------------------------------------- */

/* TCP options (RFC 9293, 2018, 7323) in the order in which they stand; then NOPs. */
enum privsep_tcp_option {
	PRIVSEP_TCP_MSS = 1,
	PRIVSEP_TCP_SACK = 2,         /* SACK permitted */
	PRIVSEP_TCP_TIMESTAMPS = 4,   /* the echoed one is 0 */
	PRIVSEP_TCP_WINDOW_SCALE = 8, /* after one NOP */
	PRIVSEP_TCP_OPTIONS_END = 16, /* past the last: all bits are below */
};

/*
 * A probe. The kernel writes the IP header, without options, and refuses a source
 * address that is not this host's. Multicast, broadcast, 0.0.0.0/8, unspecified and
 * v4-mapped destinations are refused (EACCES). The rest is by protocol; what a
 * protocol does not have is ignored:
 *
 * UDP: payload_len bytes of payload, sent by the ordinary socket that keeps the port.
 *
 * TCP: a segment without data. Flags, as they stand in the header: SYN (0x02), alone or
 * with ECE (0x40), CWR (0x80) or both; or ACK (0x10) alone; else EACCES. The urgent
 * pointer is 0, the checksum is right.
 *
 * ICMP: an echo request of type 8 or 128, code 0, with the checksum wanted, the
 * reservation's port as identifier, the sequence number, and payload_len bytes that the
 * helper makes (payload is not used): bytes 0 and 1 make the checksum come out
 * (checksum_compensate), 2 to 7 are privsep_hello.nonce, byte i after that is
 * 0x40 + i % 64.
 */
struct privsep_send {
	uint32_t cookie;     /* the caller's; comes back with the answer */
	uint8_t id;          /* of the reservation */
	uint8_t protocol;    /* the reservation's */
	uint8_t ttl;         /* 1 to 255 */
	uint8_t tos;         /* or traffic class */
	uint32_t flow_label; /* IPv6, 20 bits; an exclusive lease of another: EINVAL */
	struct addr source;  /* the reservation's, if that has one */
	struct addr destination; /* a link-local one with its scope */
	uint16_t port;           /* UDP, TCP: destination; ICMP: sequence number */
	uint16_t checksum;       /* ICMP; not 0xffff, which no checksum comes out as */
	uint16_t payload_len;    /* ICMP: no less than PRIVSEP_ECHO_PAYLOAD_MIN */
	const uint8_t *payload;
	struct { /* TCP */
		uint32_t sequence;
		uint32_t ack;
		uint8_t flags;
		uint8_t options; /* bits of enum privsep_tcp_option */
		uint16_t window;
		uint16_t mss;
		uint8_t window_scale;
		uint32_t timestamp;
	} tcp;
};

/* What became of a probe. */
struct privsep_sent {
	uint32_t cookie;
	int32_t error; /* 0, or errno: it never left. EACCES, EMSGSIZE, ENOBUFS ... */
	uint8_t by_kernel; /* stamp: as it went to the device; 0: by us, just before */
	int64_t stamp;     /* 0 with an error */
};

/* ---- answers --------------------------------------------------------------------- */

enum privsep_answer {
	/*
	 * An ICMP error (IPv4: types 3, 11, 12; IPv6: 1 to 4) that quotes a packet from
	 * a reservation; for ICMP, of a probe sent in the last PRIVSEP_ANSWER_SECONDS.
	 */
	PRIVSEP_ERROR = 1,
	/* The echo reply of such a probe. */
	PRIVSEP_ECHO_REPLY,
	/* SYN-ACK or RST from where a probe so young went. */
	PRIVSEP_SEGMENT,
	/* A UDP datagram to the port, from anyone. */
	PRIVSEP_DATAGRAM,
};

/*
 * An answer, unchanged but cut: IPv4 from the IP header on, IPv6 from the ICMPv6 or TCP
 * header on; of a PRIVSEP_DATAGRAM the payload alone, in both families.
 */
struct privsep_reply {
	uint8_t id;        /* of the reservation */
	uint8_t answer;    /* enum privsep_answer */
	uint8_t by_kernel; /* 0: received is when it was read */
	int16_t ttl;       /* -1: not known */
	int16_t tos;       /* -1: not known */
	int64_t received;
	struct addr from;   /* who says so: the source of the IP header */
	uint16_t from_port; /* PRIVSEP_DATAGRAM, else 0 */
	uint16_t len;       /* to PRIVSEP_REPLY_MAX */
	const uint8_t *bytes;
};

/*
 * So many answers were lost here since the last such record: the kernel's buffers were
 * full, since the caller did not read or the helper was too slow. The kernel may have
 * counted others' packets too.
 */
struct privsep_dropped {
	uint32_t count;
};

/* ---- bodies ---------------------------------------------------------------------- */

/*
 * Each pair writes and reads one body. unpack returns 0, or -EBADMSG for a wrong size,
 * an enumeration, id or flag out of range, or what the comments above exclude; pointers
 * are into the record. pack fails the writer when there is no room, which
 * MESSAGE_BODY_MAX bytes always have.
 */
void privsep_hello_pack(const struct privsep_hello *m, struct writer *w);
int privsep_hello_unpack(struct privsep_hello *m, struct reader *r);
void privsep_reserve_pack(const struct privsep_reserve *m, struct writer *w);
int privsep_reserve_unpack(struct privsep_reserve *m, struct reader *r);
void privsep_reserved_pack(const struct privsep_reserved *m, struct writer *w);
int privsep_reserved_unpack(struct privsep_reserved *m, struct reader *r);
void privsep_release_pack(const struct privsep_release *m, struct writer *w);
int privsep_release_unpack(struct privsep_release *m, struct reader *r);
void privsep_send_pack(const struct privsep_send *m, struct writer *w);
int privsep_send_unpack(struct privsep_send *m, struct reader *r);
void privsep_sent_pack(const struct privsep_sent *m, struct writer *w);
int privsep_sent_unpack(struct privsep_sent *m, struct reader *r);
void privsep_reply_pack(const struct privsep_reply *m, struct writer *w);
int privsep_reply_unpack(struct privsep_reply *m, struct reader *r);
void privsep_dropped_pack(const struct privsep_dropped *m, struct writer *w);
int privsep_dropped_unpack(struct privsep_dropped *m, struct reader *r);

#endif
