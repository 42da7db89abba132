/*
 * Building probes: a pattern with all that stays the same in a trace, from which each
 * probe is made by filling in what differs (TTL, flow, tag) and finishing it from the
 * inside out, the payload bytes that make checksums come out chosen last.
 *
 * A trace may have many flows, numbered from 0. They differ in one field (flow_field);
 * an IPv6 flow label that nobody has given differs with it, as routers that hash only
 * that expect. The tag is never in it: where the tag carries the field, there is flow 0
 * alone.
 */
#ifndef PROBER_LAYOUT_H
#define PROBER_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/prober_messages.h"
#include "prober/tree.h"

/* What a trace sets once. */
struct layout_options {
	const struct pattern *pattern; /* ipv4 or ipv6, over a transport protocol */
	struct addr src;
	struct addr dst;
	uint16_t src_port; /* of flow 0, where the protocol has ports */
	uint16_t dst_port;
	uint16_t icmp_id;       /* ICMP */
	uint16_t flow_checksum; /* ICMP: of flow 0; 1 to 0xfffe */
	uint32_t flow_label;    /* IPv6: of all flows; 0: made from the flow */
	uint8_t flow_field;     /* enum prober_flow_field; 0: there is flow 0 alone */
	uint8_t tos;
	bool dont_fragment;    /* IPv4 */
	bool flow_constant;    /* ICMP: the checksum is the flow and stays the same */
	struct prober_tcp tcp; /* TCP: flags, options, MSS */
	uint16_t coverage;     /* UDP-Lite: bytes the checksum covers; 0: all */
	uint8_t ip_protocol;   /* of ipv4/raw and ipv6/raw */
	uint32_t service;      /* DCCP: service code */
	bool tagged;
	struct field_ref tag; /* when tagged */
	uint16_t len;         /* of the whole packet; raised to layout_min_len */
	/* Bytes behind those that balance the checksum, which are there then; or NULL.
	 */
	const uint8_t *mark;
	size_t mark_len;
	const uint8_t *fill; /* repeats in what is left of the payload; NULL: ours */
	size_t fill_len;
};

/* A TCP probe whose length leaves just the room for its options has them. */
#define LAYOUT_TCP_WINDOW 64240

struct layout {
	struct layout_options options;
	struct field_ref ttl;
	bool has_ports;
	struct field_ref src_port; /* with has_ports, as the next */
	struct field_ref dst_port;
	struct field_ref flow_label; /* IPv6 */
	struct field_ref checksum;   /* of the transport header */
	struct field_ref coverage;   /* UDP-Lite with options.coverage */
	/*
	 * A field that what the target itself answers shows, where that does not show
	 * the tag: the same value stands there, to tell those answers apart. Layer 0:
	 * none.
	 */
	struct field_ref echoed;
	/*
	 * TCP with ACK: a reset in answer shows what was acknowledged there (RFC 9293
	 * section 3.5.2), so the tag stands there, too. Layer 0: none.
	 */
	struct field_ref acknowledged;
	const struct tag_field *rule; /* of the tag, or NULL */
	size_t transport;             /* offset of the transport header */
	size_t payload;               /* offset of the payload */
	size_t balance; /* offset of the two bytes that balance a checksum:
			   payload, or of TCP the start of the sequence number */
	uint8_t *base;  /* options.len bytes: the packet with all that is constant */
};

/* What differs between the probes of a trace. */
struct layout_probe {
	uint8_t ttl;
	uint16_t len; /* less than that of the options, but not too little; or 0 */
	uint32_t tag;
	/* The flow, as layout_flow fills it in. */
	uint16_t src_port;      /* where the protocol has ports */
	uint16_t dst_port;      /* likewise; 0: that of the options */
	uint16_t flow_checksum; /* ICMP with flow_constant */
	uint32_t flow_label;    /* IPv6 */
};

/* Smallest packet that has room for what these options need. */
size_t layout_min_len(const struct layout_options *options);

/*
 * Prepares a layout (options.len is raised there). 0, -EINVAL (flow_field or coverage
 * is none of the pattern's, or the tag is a checksum that does not cover all), or
 * -ENOMEM.
 */
int layout_init(struct layout *l, const struct layout_options *options);
void layout_clear(struct layout *l);

/*
 * What makes a flow. v->tag counts only where the tag is the source port. 0, -ERANGE
 * when there are not so many flows, or -EINVAL when there is flow 0 alone.
 */
int layout_flow(const struct layout *l, uint32_t flow, struct layout_probe *v);

/*
 * The flow label, 1 to 0xfffff, of a flow that nobody has given one: by its source
 * port, or its ICMP checksum. Values in a row have different ones.
 */
uint32_t layout_label_of(uint32_t value);

/* The label of a flow when flows differ in it, that of flow 0 being `label`. */
uint32_t layout_label_after(uint32_t label, uint32_t flow);

/*
 * Writes one probe of layout_len() bytes: every header complete, every checksum right.
 */
void layout_build(
    const struct layout *l, const struct layout_probe *p, uint8_t *packet);

/*
 * Whether a router may quote too little of a probe to show its tag: over IPv4, when it
 * lies behind the eight bytes of the transport header that all quote (RFC 792). ICMPv6
 * quotes as much as fits (RFC 4443 section 2.4).
 */
bool layout_tag_may_be_cut(const struct layout *l);

/*
 * Offset of two bytes that tell a probe of its flow as well as the checksum does, when
 * that is the tag: the end of the sequence number, or what makes it come out.
 */
size_t layout_tells_checksum(const struct pattern *p);

/*
 * Whether this tag of a packet of len bytes, a checksum, is the sum of the
 * pseudo-header alone: a device that was to finish the checksum leaves just that
 * (checksum offload), so that replies that show it are not believed to show a tag. No
 * probe is to have it.
 */
bool layout_tag_is_partial(const struct layout *l, uint32_t tag, size_t len);

/* Length of each packet built; TAG_BY_LENGTH tags shorten or lengthen it. */
size_t layout_len(const struct layout *l, const struct layout_probe *p);

#endif
