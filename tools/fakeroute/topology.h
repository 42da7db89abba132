/*
 * The topology file of the network simulator: what a person wrote, checked, with line
 * numbers, as one plain data structure (paris-topology(5) describes the language). It
 * knows nothing of packets; network.h compiles it. Used by the simulator and its tests.
 */
#ifndef FAKEROUTE_TOPOLOGY_H
#define FAKEROUTE_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/addr.h"

#define TOPOLOGY_NAME_MAX 31
#define TOPOLOGY_NODES_MAX 8192
#define TOPOLOGY_ADDRS_MAX 8           /* addresses of one node */
#define TOPOLOGY_LABELS_MAX 8          /* entries of one MPLS label stack */
#define TOPOLOGY_RANGES_MAX 16         /* entries of one list of numbers */
#define TOPOLOGY_PROTOCOLS_MAX 9       /* that one rule is for */
#define TOPOLOGY_MISQUOTES_MAX 8       /* fields that one node quotes wrongly */
#define TOPOLOGY_OBJECT_MAX 256        /* bytes of data of one extension object */
#define TOPOLOGY_INTERFACE_NAME_MAX 63 /* RFC 5837 section 4.3 */
#define TOPOLOGY_HOST 0                /* the index of the host among the nodes */

#define TOPOLOGY_QUOTE_FULL SIZE_MAX
#define TOPOLOGY_CERTAIN \
	1000000u /* the probability 1: all are in parts per million \
		  */

enum topology_kind {
	TOPOLOGY_KIND_HOST,
	TOPOLOGY_KIND_ROUTER,
	TOPOLOGY_KIND_TARGET,
};

enum topology_balance {
	TOPOLOGY_PER_FLOW,        /* by the hash of the fields in hash_fields */
	TOPOLOGY_PER_PACKET,      /* by chance */
	TOPOLOGY_PER_DESTINATION, /* by the hash of both addresses */
};

/* What a balancer hashes: bits of hash_fields, and of network.h's field hashes. */
enum topology_field {
	TOPOLOGY_FIELD_SRC,
	TOPOLOGY_FIELD_DST,
	TOPOLOGY_FIELD_PROTOCOL,
	TOPOLOGY_FIELD_SRC_PORT,
	TOPOLOGY_FIELD_DST_PORT,
	TOPOLOGY_FIELD_ICMP_TYPE, /* type and code */
	TOPOLOGY_FIELD_ICMP_CHECKSUM,
	TOPOLOGY_FIELD_FLOW_LABEL,
	TOPOLOGY_FIELD_TOS,
	TOPOLOGY_FIELDS,
};

enum topology_udp {
	TOPOLOGY_UDP_UNREACHABLE, /* port unreachable */
	TOPOLOGY_UDP_ECHO,        /* a datagram with the same payload */
	TOPOLOGY_UDP_SILENT,
};

enum topology_tcp {
	TOPOLOGY_TCP_RST,
	TOPOLOGY_TCP_SYN_ACK,
	TOPOLOGY_TCP_SILENT,
};

enum topology_unreachable {
	TOPOLOGY_REACHABLE,
	TOPOLOGY_UNREACHABLE_NET,
	TOPOLOGY_UNREACHABLE_HOST,
	TOPOLOGY_UNREACHABLE_PROTOCOL,
	TOPOLOGY_UNREACHABLE_PORT,
	TOPOLOGY_UNREACHABLE_PROHIBITED,
	TOPOLOGY_UNREACHABLE_CODE, /* the code in unreachable_code, both families */
};

/* So many in each period. */
struct topology_rate {
	uint32_t count;
	int64_t period; /* ns; 0: no rate */
};

enum topology_rate_of {
	TOPOLOGY_RATE_OF_ERRORS,
	TOPOLOGY_RATE_OF_ALL,
};

/* Where the identifications of own packets come from. */
enum topology_ip_id {
	TOPOLOGY_IP_ID_ROUTER, /* a counter of the node, or of its aliases together */
	TOPOLOGY_IP_ID_INTERFACE, /* a counter of the node */
	TOPOLOGY_IP_ID_ZERO,
	TOPOLOGY_IP_ID_RANDOM,
	TOPOLOGY_IP_ID_COPY, /* of the packet that is answered */
};

enum topology_ttl {
	TOPOLOGY_TTL_NORMAL, /* what comes with 1 has expired */
	TOPOLOGY_TTL_KEEP,   /* is not looked at and not lowered */
	TOPOLOGY_TTL_ZERO,   /* what comes with 1 goes on with 0 */
};

struct topology_label {
	uint32_t label; /* 20 bits */
	uint8_t traffic_class;
	uint8_t ttl;
};

/* Ports, or other numbers of 16 bits. */
struct topology_ranges {
	size_t count;
	struct {
		uint16_t first, last;
	} ranges[TOPOLOGY_RANGES_MAX];
};

/* A point of a run: so long, or so many packets, after the host's first packet. */
enum topology_moment_kind {
	TOPOLOGY_MOMENT_NONE,
	TOPOLOGY_MOMENT_TIME, /* ns */
	TOPOLOGY_MOMENT_PACKETS,
};

struct topology_moment {
	enum topology_moment_kind kind;
	int64_t value;
};

/* When a link or a rule is there: from one moment on, until another. */
struct topology_span {
	struct topology_moment since, until;
};

/* The checksum of an extension structure; 0 means that there is none. */
enum topology_checksum {
	TOPOLOGY_CHECKSUM_RIGHT,
	TOPOLOGY_CHECKSUM_WRONG,
	TOPOLOGY_CHECKSUM_ZERO,
};

/* A field of the packet that an ICMP error quotes. */
enum topology_quoted {
	TOPOLOGY_QUOTED_TOS,
	TOPOLOGY_QUOTED_LENGTH,
	TOPOLOGY_QUOTED_ID,
	TOPOLOGY_QUOTED_FRAGMENT, /* flags and offset */
	TOPOLOGY_QUOTED_TTL,
	TOPOLOGY_QUOTED_PROTOCOL,
	TOPOLOGY_QUOTED_HEADER_CHECKSUM,
	TOPOLOGY_QUOTED_FLOW_LABEL,
	TOPOLOGY_QUOTED_SRC,
	TOPOLOGY_QUOTED_DST, /* the last of the IP header */
	TOPOLOGY_QUOTED_SRC_PORT,
	TOPOLOGY_QUOTED_DST_PORT,
	TOPOLOGY_QUOTED_UDP_LENGTH,
	TOPOLOGY_QUOTED_TCP_SEQUENCE,
	TOPOLOGY_QUOTED_ICMP_TYPE,
	TOPOLOGY_QUOTED_ICMP_CODE,
	TOPOLOGY_QUOTED_ICMP_ID,
	TOPOLOGY_QUOTED_ICMP_SEQUENCE,
	TOPOLOGY_QUOTED_CHECKSUM, /* of the transport header */
	TOPOLOGY_QUOTED_PAYLOAD,  /* each byte */
	TOPOLOGY_QUOTEDS,
};

enum topology_change {
	TOPOLOGY_CHANGE_SET,
	TOPOLOGY_CHANGE_ADD,
	TOPOLOGY_CHANGE_SWAP,    /* the bytes in the other order */
	TOPOLOGY_CHANGE_FLIP,    /* every bit */
	TOPOLOGY_CHANGE_PARTIAL, /* a checksum: only the pseudo-header's sum */
};

/* A field that is quoted wrongly. */
struct topology_misquote {
	enum topology_quoted field;
	enum topology_change change;
	uint64_t value;   /* to set or to add */
	struct addr addr; /* to set an address to */
};

/* The key=value options of a node. Times in nanoseconds, chances per million. */
struct topology_options {
	int64_t rtt;    /* what the way to this node and back adds to a round trip */
	int64_t jitter; /* own answers come up to this much later */
	uint32_t loss;  /* own answers lost */
	uint32_t duplicates;
	uint32_t copies; /* of a duplicate, beyond the reply itself */
	uint32_t reordered;
	uint32_t late;
	int64_t late_delay;
	bool silent;
	bool shared;     /* may have an address that another node has too */
	size_t quote[2]; /* IPv4, IPv6: bytes of the packet that errors quote */
	size_t misquotes_count;
	struct topology_misquote misquotes[TOPOLOGY_MISQUOTES_MAX];
	uint32_t altered;   /* own answers with wrong bytes, their checksums right */
	uint32_t corrupted; /* ... with wrong checksums */
	size_t labels_count;
	struct topology_label labels[TOPOLOGY_LABELS_MAX];
	bool mpls_noncompliant; /* RFC 4884 length field left 0 */
	bool extension_lies;    /* that field has a value of its own: */
	uint8_t extension_length;
	uint8_t extension_version; /* of the structure: 2 in RFC 4884 */
	enum topology_checksum extension_checksum;
	uint8_t reply_ttl[2]; /* that errors, and answers, start with; 0: by kind */
	char alias[TOPOLOGY_NAME_MAX + 1]; /* nodes with the same one are one router */
	struct topology_rate rate;         /* of own answers */
	uint32_t burst;
	enum topology_rate_of rate_of;
	enum topology_ip_id ip_id;
	struct topology_rate ip_id_rate; /* of packets that others see of the router */
	enum topology_unreachable unreachable;
	uint8_t unreachable_code;
	bool unreachable_on_arrival; /* before the TTL is looked at */
	enum topology_ttl ttl;
	struct addr errors_from[2];  /* IPv4, IPv6: instead of the first own address */
	struct addr answers_from[2]; /* instead of the address that was asked */
	uint32_t mtu;                /* of what it forwards; 0: no limit */
	enum topology_balance balance;
	uint32_t hash_fields;  /* 1 << enum topology_field */
	enum topology_udp udp; /* what no list below says */
	struct topology_ranges udp_open, udp_closed, udp_silent;
	enum topology_tcp tcp; /* likewise */
	struct topology_ranges tcp_open, tcp_closed, tcp_silent;
	bool tcp_ecn; /* takes up ECN when asked (RFC 3168) */
	bool icmp_silent;
};

/* An address of a node, or a whole prefix that it answers for. */
struct topology_addr {
	struct addr addr;
	uint8_t prefix; /* 32 or 128 for one address */
};

struct topology_node {
	char name[TOPOLOGY_NAME_MAX + 1];
	unsigned int line;
	enum topology_kind kind;
	size_t addrs_count;
	struct topology_addr addrs[TOPOLOGY_ADDRS_MAX];
	struct topology_options options;
};

/* The packets that a rule is for. */
struct topology_match {
	size_t protocols_count; /* 0: all */
	uint8_t protocols[TOPOLOGY_PROTOCOLS_MAX];
	struct topology_addr src, dst; /* family AF_UNSPEC: all */
	struct topology_ranges src_ports, dst_ports, icmp_types; /* count 0: all */
	struct topology_span span;
};

/* When a node looks at a rule. */
enum topology_at {
	TOPOLOGY_AT_FORWARD, /* the TTL was fine */
	TOPOLOGY_AT_ARRIVAL, /* before the TTL is looked at */
	TOPOLOGY_AT_RETURN,  /* what passes on its way back to the host */
};

enum topology_action {
	TOPOLOGY_ACTION_NONE,
	TOPOLOGY_ACCEPT,
	TOPOLOGY_DROP,
	TOPOLOGY_REJECT, /* with an ICMP error: unreachable and its code */
	TOPOLOGY_RESET,  /* with a TCP reset from the destination's address */
	TOPOLOGY_TO,     /* forwards over the link of the rule, whatever the routes */
	TOPOLOGY_SNAT,   /* changes the source of what it forwards */
	TOPOLOGY_DNAT,   /* changes the destination of what arrives */
};

/* How the quote in an ICMP error that comes back through a NAT looks. */
enum topology_quotes {
	TOPOLOGY_QUOTES_RESTORED,   /* as the packet was before */
	TOPOLOGY_QUOTES_CHECKSUM,   /* ... but for the transport checksum */
	TOPOLOGY_QUOTES_TRANSLATED, /* as it was changed */
};

/* Whom ICMP errors come from, that come back through a DNAT. */
enum topology_errors {
	TOPOLOGY_ERRORS_MASKED, /* the destination that the host asked, as Linux does */
	TOPOLOGY_ERRORS_KEPT,   /* who sent them */
};

/* What one node does with some packets. */
struct topology_rule {
	unsigned int line;
	uint32_t node;
	enum topology_at at;
	struct topology_match match;
	enum topology_action action;
	enum topology_unreachable unreachable;
	uint8_t unreachable_code;
	uint32_t link;        /* of TOPOLOGY_TO: an index of a link */
	struct addr addr;     /* of a NAT: the new one */
	uint16_t port, ports; /* of a NAT: the first new port, and how many; 0: none */
	enum topology_quotes quotes;
	enum topology_errors errors;
};

/* One object of the extension structure that a node's errors carry. */
struct topology_object {
	unsigned int line;
	uint32_t node;
	bool whole; /* the data is all of the structure, with its header */
	uint8_t class, type;
	bool lies; /* its length field has a value of its own: */
	uint16_t length;
	size_t len[2]; /* of its data, over IPv4 and over IPv6 */
	uint8_t data[2][TOPOLOGY_OBJECT_MAX];
};

/* One way from a node to the next. */
struct topology_link {
	unsigned int line;
	uint32_t from, to; /* indices of nodes */
	uint32_t weight;   /* 0: no route, only a rule leads over it */
	int64_t rtt;       /* -1: that of the node it leads to */
	uint32_t loss;     /* of a packet, in each direction */
	struct topology_span span;
};

struct topology {
	uint64_t seed;
	uint32_t mtu; /* of the host's interface */
	size_t nodes_count;
	struct topology_node *nodes; /* the host first */
	size_t links_count;
	struct topology_link *links; /* in the order of the file */
	size_t rules_count;
	struct topology_rule *rules; /* likewise */
	size_t objects_count;
	struct topology_object *objects; /* likewise */
	size_t errors;
	size_t warnings;
};

/*
 * Reads a topology from text of len bytes. name stands before the line number of each
 * message, written to messages as "name:line: error: ..." or "... warning: ...";
 * messages may be NULL. Returns a topology, to be freed, whose errors tells whether it
 * may be used; NULL only without memory.
 */
struct topology *topology_parse(
    const char *name, const char *text, size_t len, FILE *messages);

/* Reads a file; as topology_parse. Returns NULL with errno set if it cannot be read. */
struct topology *topology_load(const char *path, FILE *messages);

void topology_free(struct topology *t);

/* The first address of a family (AF_INET, AF_INET6), or NULL. */
const struct topology_addr *topology_node_addr(
    const struct topology_node *node, uint32_t family);

/* The first node with the same alias: this one itself if it has none. */
uint32_t topology_alias(const struct topology *t, uint32_t node);

bool topology_ranges_have(const struct topology_ranges *ranges, uint16_t number);

/* Whether a prefix holds an address. */
bool topology_addr_holds(const struct topology_addr *prefix, const struct addr *a);

#endif
