/*
 * The parts of paris-privsep: match.c knows whose an answer is, sockets.c opens sockets
 * and says what the sandbox allows, serve.c has the policy and does the work, main.c
 * starts it. Matching and serving run without any capability, in the sandbox, and read
 * hostile bytes. Nothing is allocated.
 */
#ifndef PRIVSEP_PRIVSEP_H
#define PRIVSEP_PRIVSEP_H

#include <poll.h>

#include "common/framing.h"
#include "common/packets.h"
#include "common/privsep_messages.h"
#include "common/raw_sockets.h"
#include "common/sandbox.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Sockets: raw ones (in the order of enum privsep_feature), and those that keep ports.
 * Before them: standard ones, channel. */
#define SOCKETS_MAX (RAW_COUNT + PRIVSEP_RESERVATIONS)
#define FILES_MAX (MESSAGE_CHILD_FD + 1 + SOCKETS_MAX)

struct reservation {
	struct privsep_reserve asked; /* port: the one it is; protocol 0: free */
	int fd; /* the ordinary socket that keeps the port; ICMP: -1 */
	/* What was sent before, by matcher.count, or arrived (CLOCK_REALTIME) is
	 * another's. */
	uint32_t since;
	int64_t bound;
};

/* An ICMP or TCP probe, as far as an answer shows it; the key has no padding. */
struct probe_sent {
	struct probe_key {
		uint8_t address[16]; /* where it went */
		uint16_t port;       /* the reservation's */
		uint16_t peer;       /* privsep_send.port */
		uint32_t protocol;
	} key;
	uint32_t checksum; /* ICMP */
	uint32_t second;   /* when, by matcher.second */
};

struct matcher {
	struct reservation reservations[PRIVSEP_RESERVATIONS];
	uint8_t nonce[PRIVSEP_NONCE_LEN];
	uint32_t second; /* now, by a clock that only grows */
	uint32_t count;  /* of all probes; probe n stands at n % PRIVSEP_REMEMBERED */
	struct probe_sent sent[PRIVSEP_REMEMBERED];
};

struct helper {
	struct matcher matcher;
	int raw[RAW_COUNT];
	uint32_t sent, received; /* sequence numbers of the next records */
	struct framing answer;   /* the last record */
	uint8_t waiting;         /* its type while it finds no room; else 0 */
	/* Packets from one socket, by its number; the next to be told. */
	struct incoming in;
	unsigned int in_count, in_next, in_socket;
	uint32_t dropped; /* replies lost and not told of yet */
	struct pollfd
	    watch[SOCKETS_MAX + 1];      /* raw, reservations' of UDP, the channel */
	uint32_t overflows[SOCKETS_MAX]; /* the kernel's counts, in that order */
	int64_t paid; /* the time until which the probes sent are paid for */
};

/* Notes that an ICMP or TCP probe has left. */
void match_note(struct matcher *m, const struct privsep_send *p);

/*
 * Whether a packet from a raw socket, TCP's or ICMP's, answers a probe of ours. reply
 * gets its id and answer. Pure; the bytes are hostile.
 */
bool match_arrival(const struct matcher *m, bool tcp, const struct arrival *a,
    struct privsep_reply *reply);

/*
 * Binds an ordinary socket, r->fd, to r->asked.source and port; if that is 0, to a
 * random port, which replaces it. An ICMP identifier has no socket. 0 or -errno;
 * -EPROTONOSUPPORT without a raw socket for it.
 */
int sockets_reserve(const int raw[RAW_COUNT], struct reservation *r);

/* The socket that sends from a reservation, set to do so with DF or without. */
int sockets_sender(const int raw[RAW_COUNT], const struct reservation *r);

/* The system calls of the running helper: none can give a raw socket to anyone. */
void sockets_sandbox(struct sandbox_policy *policy);

/* Says PRIVSEP_HELLO and serves until the channel is closed. 0 or -errno. */
int serve(struct helper *h);

#endif
