/*
 * What a transport hands up: what arrived, when, from whom, and which bytes of the
 * probe it shows. Transports interpret nothing else; matching (store.h) and the
 * instance do.
 */
#ifndef PROBER_REPLY_H
#define PROBER_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/prober_messages.h"
#include "prober/wire.h"

struct endpoint;
struct probe;

struct reply {
	struct endpoint *endpoint; /* the socket it arrived on; NULL: see `quoted` */
	struct probe *probe;       /* known by a socket of its own, else NULL */
	uint8_t kind;              /* enum prober_reply */
	uint8_t icmp_type;
	uint8_t icmp_code;
	int16_t ttl;  /* of the reply; -1: not known */
	int16_t tos;  /* of the reply; -1: not known */
	uint16_t len; /* of an echo reply, with its ICMP header; 0: not known */
	uint32_t mtu;
	int64_t received;   /* CLOCK_REALTIME, ns */
	bool received_here; /* stamped by us when we read it, not by the kernel */
	struct addr from;
	uint16_t from_port; /* REPLY_DATA, else 0 */
	/* Where the probe went, when the reply tells. */
	bool dst_known;
	struct addr dst;
	uint16_t dst_port; /* UDP, when dst_known */
	/*
	 * The probe as far as it is visible: bytes [quote_at, quote_at + quote_len) of
	 * its packet stand at the same offsets of image; so do the fields in `seen` (a
	 * mask over the endpoint's pattern). The rest of image is not defined.
	 */
	const uint8_t *image;
	size_t quote_at;
	size_t quote_len;
	uint64_t seen;
	/*
	 * What only raw sockets show (captured.h); -1 where it is not known: the
	 * reply's IP identification, and the probe's IP header as it was quoted.
	 */
	int32_t ip_id;
	struct {
		bool known;
		int16_t ttl;
		int16_t tos;
		int32_t id;       /* IPv4 */
		int32_t checksum; /* of the transport header, if it says something */
		/*
		 * Which piece of the probe it is. One that is not the first shows no
		 * transport header, hence no endpoint: that is NULL, quote_len 0, and
		 * what is shown, from src, is `len` of its bytes.
		 */
		struct wire_fragment fragment;
		struct addr src;
		const uint8_t *bytes;
		size_t len;
	} quoted;
	/* REPLY_SYN_ACK and REPLY_RESET: what the segment's header says. */
	struct {
		bool known;
		uint8_t flags;
		uint8_t options; /* of enum prober_tcp_option */
		uint16_t mss;    /* 0: not known */
	} tcp;
	uint16_t sent_mss; /* of a SYN that the kernel made, if it is known, else 0 */
	/* Fields of the probe that are shown, but not as they were sent (a mask). */
	uint64_t hidden;
	/* The RFC 4884 extension structure, when there is one. */
	const uint8_t *extension;
	size_t extension_len;
};

/* The kind of an ICMP error (family AF_INET or AF_INET6), RFC 792 and RFC 4443. */
uint8_t reply_kind_of_error(uint32_t family, uint8_t type, uint8_t code);

/*
 * An ICMP echo reply is the request with another type: writes the request's type and
 * the checksum it had with that (RFC 1624) over those of the reply (at least 8 bytes),
 * which then shows the probe.
 */
void reply_show_request(uint32_t family, uint8_t *icmp);

/*
 * RESULT_REACHED, RESULT_FINAL, RESULT_OTHER_ADDRESS and RESULT_FROM_TARGET of a reply
 * to a probe of protocol (IPPROTO_*) for target. Judged by the kind
 * of reply: behind address translation a target answers from other addresses, and
 * routers from the target's.
 */
uint16_t reply_flags(const struct reply *r, int protocol, const struct addr *target);

#endif
