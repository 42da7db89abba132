/*
 * What a protocol tells about itself: its header's fields, how long a header is, what
 * it carries, which of its fields make the flow and which may carry a tag. One file in
 * prober/protocols/ and one line in its table is all that a protocol needs; the
 * protocol tree (tree.h) is built from it. Pure data and pure functions over bounded
 * bytes.
 */
#ifndef PROBER_PROTOCOL_H
#define PROBER_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"

/* A named run of bits in a header, or in the payload right behind it. */
struct field {
	const char *name;    /* with its protocol: "udp.src_port" */
	uint16_t bit_offset; /* from the start of the header */
	uint16_t bit_length;
};

/* How a field that carries a tag gets its value. */
enum tag_way {
	TAG_WRITTEN,    /* the value is written into the field */
	TAG_BY_PAYLOAD, /* the field is a checksum: payload bytes are chosen so that it
			   comes out */
	TAG_BY_LENGTH,  /* the packet is made as long as the value says */
};

/* A field that may carry a tag, and the values it takes. */
struct tag_field {
	const char *field;
	enum tag_way way;
	uint32_t low; /* values are from low to high */
	uint32_t high;
	/*
	 * The low byte is never 0. Routers pad quotes with zeros (RFC 4884
	 * section 4), so a tag in the payload that was cut anywhere is recognised by
	 * its last byte.
	 */
	bool ends_non_zero;
	/* Values are handed out downwards, from the upper half on. */
	bool falls;
};

/* Which protocol may carry this one, and the number by which it says so. */
struct protocol_parent {
	const char *name; /* "ipv4"; NULL: it stands at the root */
	uint16_t selector;
};

#define SELECTOR_NONE (-1)    /* carries nothing that the tree knows: payload */
#define SELECTOR_ANY 0x1001   /* of a parent: whatever no other protocol has */
#define SELECTOR_QUOTE 0x1000 /* an ICMP error: carries the packet it is about */

struct protocol {
	const char *name;
	const struct field *fields;
	size_t fields_count;
	size_t header_min; /* bytes */
	const struct protocol_parent *parents;
	size_t parents_count;
	/* Names of the fields that a per-flow load balancer hashes, in header order. */
	const char *const *flow_fields;
	size_t flow_fields_count;
	const struct tag_field *tag_fields;
	size_t tag_fields_count;
	/*
	 * Length of the header at the start of `available` (at least header_min) bytes,
	 * or 0 when these bytes cannot be such a header (version, IHL ...). May be more
	 * than is available: the caller checks. NULL: always header_min.
	 */
	size_t (*header_len)(const uint8_t *header, size_t available);
	/*
	 * Bytes from the start of this header to the end of what it says it carries;
	 * checked against the bytes that are there, but not in quotes, which may be
	 * cut. NULL: says nothing.
	 */
	size_t (*declared_len)(const uint8_t *header);
	/* The selector of what is carried, or SELECTOR_NONE. NULL: always payload. */
	int (*carried)(const uint8_t *header, size_t available);
	/*
	 * Finishes a header before sending, when all of its fields and everything
	 * behind it are in place: lengths and, for IPv4, the header checksum. len:
	 * bytes from the start of this header to the packet's end.
	 */
	void (*finish)(uint8_t *header, size_t len);
	/*
	 * Checksum over pseudo-header, header and payload, when the protocol has one.
	 */
	const char *checksum_field;
	bool checksum_pseudo;   /* covers the pseudo-header of the IP layer below */
	bool checksum_non_zero; /* 0 is sent as 0xffff (RFC 768) */
	uint8_t ip_protocol;    /* number in that pseudo-header */
};

/* Every protocol there is, NULL at the end. Defined in prober/protocols/table.c. */
extern const struct protocol *const protocol_table[];

const struct protocol *protocol_find(const char *name);

/* Index of a field by its full name ("udp.src_port"), or -1. */
int protocol_field_index(const struct protocol *p, const char *name);

#endif
