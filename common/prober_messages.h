/*
 * What a tool and its paris-prober say to each other: the body of each message and its
 * bounds. The tool sends the plan and starts instances; the prober streams results. The
 * tool treats what comes up as hostile (the prober parses network data), the prober
 * what comes down as merely fallible, but both check everything.
 *
 * Times are nanoseconds. Order on the channel: PROBER_HELLO up first; then PROBER_PLAN
 * down, which holds for the instances started after it (another may follow, for
 * instances that send otherwise); then for each instance PROBER_START down,
 * PROBER_STARTED up unless it cannot start, any number of PROBER_RESULT up and exactly
 * one PROBER_DONE up, its last word. Through paris-privsep that comes when the helper
 * has said of each probe whether it left; after five seconds, one after PROBER_STOP,
 * without.
 */
#ifndef COMMON_PROBER_MESSAGES_H
#define COMMON_PROBER_MESSAGES_H

#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/bytes.h"

#define PROBER_NAME_MAX 31      /* an algorithm's, a field's or an interface's name */
#define PROBER_MPLS_MAX 16      /* label stack entries told of one reply */
#define PROBER_OBJECTS_MAX 8    /* RFC 4884 objects told of one reply */
#define PROBER_OBJECT_DATA 64   /* bytes told of one such object */
#define PROBER_INTERFACES_MAX 4 /* interfaces told of one reply: one a role */
#define PROBER_INTERFACE_NAME_MAX 63
#define PROBER_DETAIL_MAX 159   /* bytes of an error's explanation */
#define PROBER_FILL_MAX 16      /* bytes that repeat in a payload */
#define PROBER_GATEWAYS_MAX 8   /* of a source route */
#define PROBER_FRAGMENTS_MAX 16 /* that a probe is split into by name */
#define PROBER_REPEAT_MAX 16    /* times that each of them is sent */
#define PROBER_ALL_INSTANCES UINT32_MAX
#define PROBER_TIME_MAX (INT64_C(86400) * 1000000000) /* each time asked for: a day */

/*
 * From the start to HELLO, which takes milliseconds; but under valgrind, whose variant
 * has neither sandbox nor sanitizers.
 */
#if defined(PARIS_NO_SANDBOX) && !defined(__SANITIZE_ADDRESS__)
#define PROBER_HELLO_SECONDS 60
#else
#define PROBER_HELLO_SECONDS 5
#endif

enum prober_message {
	PROBER_HELLO = 1, /* prober: sandbox entered, helper ready; empty body */
	PROBER_PLAN,      /* tool: struct prober_plan */
	PROBER_START,     /* tool: struct prober_start */
	PROBER_STOP,      /* tool: struct prober_stop */
	PROBER_STARTED,   /* prober: struct prober_started */
	PROBER_RESULT,    /* prober: struct prober_result */
	PROBER_DONE,      /* prober: struct prober_done */
};

/* Ways to send and to receive; a plan names one of each. */
enum prober_transport {
	TRANSPORT_NONE = 0,
	TRANSPORT_UDP,     /* UDP datagram sockets and their error queue */
	TRANSPORT_PING,    /* ICMP datagram ("ping") sockets */
	TRANSPORT_TCP,     /* connect() and the error queue, a socket for each probe */
	TRANSPORT_UDPLITE, /* as UDP, RFC 3828 */
	/* Through paris-privsep, which sees whole packets. */
	TRANSPORT_UDP_HELPER,
	TRANSPORT_TCP_HELPER,
	TRANSPORT_PING_HELPER,
	/* Through raw sockets of the prober's own, which root alone has. */
	TRANSPORT_UDP_RAW,
	TRANSPORT_TCP_RAW,
	TRANSPORT_PING_RAW,
	TRANSPORT_DCCP_RAW,
	TRANSPORT_OTHER_RAW, /* any protocol: see prober_plan.ip_protocol */
	TRANSPORT_COUNT,
};

/* The choice for one family; see prober/plan.h, which makes it. */
struct prober_plan_family {
	uint8_t send; /* enum prober_transport; TRANSPORT_NONE: family not possible */
	uint8_t receive;     /* enum prober_transport */
	uint16_t window;     /* probes of one flow in flight at most; 0: no limit */
	uint16_t packet_len; /* the kernel makes packets of this length; 0: we do */
	char tag[PROBER_NAME_MAX +
		 1]; /* "udp.payload"; empty: matched by its flow alone */
};

/* Index 0 is IPv4, 1 is IPv6. */
struct prober_plan {
	struct prober_plan_family family[2];
	uint8_t stamp_ids_chosen; /* the kernel takes SCM_TS_OPT_ID (Linux 6.13) */
	uint8_t ip_protocol;      /* of TRANSPORT_OTHER_RAW: the number; else 0 */
	int64_t send_gap; /* between two probes of all instances together, on average */
	/*
	 * SO_MARK (0: none) and SO_DEBUG of its raw sockets. The prober is started with
	 * them, too, for it sets them before it leaves root.
	 */
	uint32_t mark;
	uint8_t debug;
};

/*
 * The field in which the flows of an instance differ; flow 0 is the same whichever it
 * is.
 */
enum prober_flow_field {
	FLOW_BY_DEFAULT = 0, /* as its transport does it best */
	FLOW_BY_SRC_PORT,    /* a socket a flow, or none */
	FLOW_BY_DST_PORT,    /* from dst_port up */
	FLOW_BY_CHECKSUM,    /* ICMP */
	FLOW_BY_LABEL,       /* IPv6 */
	FLOW_BY_END,         /* past the last */
};

/* Options of a TCP header, in the order in which ours stand. */
enum prober_tcp_option {
	TCP_OPTION_MSS = 1,
	TCP_OPTION_SACK = 2, /* SACK permitted */
	TCP_OPTION_TIMESTAMPS = 4,
	TCP_OPTION_WINDOW_SCALE = 8,
	TCP_OPTION_FASTOPEN = 16, /* a cookie is asked for */
	TCP_OPTIONS_END = 32,     /* past the last: all bits are below */
};

/* A source route; with a count of 0 there is none. */
struct prober_route {
	uint8_t count;
	uint8_t type;                              /* IPv6: of the routing header */
	struct addr gateways[PROBER_GATEWAYS_MAX]; /* in the order of the way */
};

/* Bytes of a packet, counted from what is behind its IP header. */
struct prober_fragment {
	uint16_t offset; /* a multiple of 8 */
	uint16_t len;
};

/*
 * How probes are split (prober/fragments.h); with a count of 0 they leave whole. The
 * bytes behind the last one named are one fragment more, if there are any.
 */
struct prober_split {
	uint8_t count;
	uint8_t repeat; /* times that each one is sent in a row, from 1 */
	struct prober_fragment named[PROBER_FRAGMENTS_MAX];
	/* Which leaves first, second ...: by place in `named`; `count` is the rest. */
	uint8_t order[PROBER_FRAGMENTS_MAX + 1];
};

/* How the header of TCP probes differs from that of a SYN as Linux sends it. */
struct prober_tcp {
	uint8_t chosen;  /* 1: these flags and options, and no others; 0: they are 0 */
	uint8_t flags;   /* as they stand in the header */
	uint8_t options; /* of enum prober_tcp_option */
	uint16_t mss;    /* value of that option; 0: as usual */
};

/* One trace. What is 0 or empty where noted is left to the prober or the kernel. */
struct prober_start {
	uint32_t instance; /* chosen by the tool, below PROBER_ALL_INSTANCES */
	char algorithm[PROBER_NAME_MAX + 1];
	struct addr target;
	struct addr source;               /* none: by the route */
	char device[PROBER_NAME_MAX + 1]; /* empty: any */
	uint32_t device_index;            /* of that interface; 0: any */
	uint16_t
	    src_port; /* 0: by flow_id; with flow_chosen it is the port of flow 0 */
	uint16_t dst_port; /* destination port, constant in a Paris trace */
	uint16_t
	    first_tag; /* ICMP: first sequence number, as traceroute -I -p; 0: random */
	uint8_t flow_chosen; /* 1: exactly flow_id, or fail; 0: the next free port will
				do */
	uint32_t flow_id;
	uint8_t flow_field;  /* enum prober_flow_field */
	uint32_t flow_label; /* IPv6, 20 bits; 0: constant, made from the flow */
	uint8_t tos;         /* TOS or traffic class */
	uint8_t dont_fragment;
	uint8_t dont_route; /* IPv4: to attached networks only (SO_DONTROUTE) */
	/*
	 * With dont_fragment, a window of 1: where a link of the path takes less than
	 * packet_len, go on with what it takes.
	 */
	uint8_t path_mtu;
	uint16_t packet_len; /* whole IP packet; raised to the smallest that works */
	struct prober_route route;
	struct prober_split split;
	uint8_t ip_protocol; /* TRANSPORT_OTHER_RAW: of the packets; else 0 */
	uint32_t service;    /* DCCP: service code */
	struct prober_tcp tcp;
	uint16_t
	    coverage; /* UDP-Lite: bytes that the checksum covers, from 8; 0: all */
	uint8_t first_ttl;  /* 1 to max_ttl */
	uint8_t max_ttl;    /* to 255 */
	uint8_t queries;    /* probes a hop, 1 to 255 */
	uint16_t window;    /* probes in flight, at most; 0: all queries of 16 hops */
	uint8_t gap_limit;  /* stop after so many silent hops in a row; 0: never */
	uint8_t loop_limit; /* stop when so many addresses came back at a later hop; 0:
			       never */
	uint32_t
	    wait_here; /* thousandths: wait so many times the RTT of this hop; 0: off */
	uint32_t wait_near; /* thousandths: ... or of a later hop; 0: off */
	int64_t wait_max;   /* longest wait for one reply */
	int64_t send_gap;   /* least time between two probes of this trace */
	int64_t timeout;    /* of the whole trace; 0: none */
	/*
	 * What follows is of multipath detection only. `queries` are the attempts at a
	 * probe there, more where answers are seen to be lost, and `window` 0 lets as
	 * many probes be in flight as the algorithm finds useful.
	 */
	uint32_t alpha;     /* chance to miss a successor, in 1e-9; 0: 5 % */
	uint16_t branching; /* alpha is of a graph in which so many nodes branch at
			       most; 0: of each node */
	uint16_t children; /* successors of one node looked for; 0: as many as can be */
	uint32_t max_probes; /* 0: no limit */
	uint32_t max_flows;  /* 0: no limit */
	uint8_t
	    phi; /* mda-lite: flows traced to find crossing links, at least 2; 0: 2 */
	/*
	 * What follows is of ping only, which asks `max_ttl` alone, ends after
	 * `max_probes` and, if `timeout` is set as well, only when so many are
	 * answered.
	 */
	int64_t interval; /* between two probes */
	uint16_t preload; /* probes that are sent at once; 0: 1 */
	uint8_t fill_len; /* bytes of `fill`, which repeat in the payload; 0: ours */
	uint8_t fill[PROBER_FILL_MAX];
};

#define PROBER_ALPHA_UNIT 1000000000
#define PROBER_ALPHA_DEFAULT (PROBER_ALPHA_UNIT / 20)

struct prober_stop {
	uint32_t instance; /* or PROBER_ALL_INSTANCES: as if interrupted */
};

/* How the trace is really done; comes before its first result. */
struct prober_started {
	uint32_t instance;
	struct addr source;
	uint8_t flow_field; /* enum prober_flow_field; FLOW_BY_DEFAULT: flow 0 alone */
	uint16_t src_port;  /* 0 for ICMP, and when it differs in each probe */
	uint16_t dst_port;
	uint16_t icmp_id;       /* ICMP; 0 for others */
	uint16_t icmp_checksum; /* ICMP: the constant checksum of the flow */
	uint32_t flow_label;    /* IPv6; 0 when it differs in each probe */
	uint16_t packet_len;    /* after raising it to what the tag and the flow need */
	/*
	 * What the way out takes, where the kernel splits what is longer; 0: not known,
	 * or it does not.
	 */
	uint32_t mtu;
};

/* What became of a probe, or what else arrived. */
enum prober_outcome {
	RESULT_REPLY = 1,   /* answered: the final word on (ttl, query) */
	RESULT_TIMEOUT,     /* not answered in time: the final word on (ttl, query) */
	RESULT_SEND_FAILED, /* never left: the final word on (ttl, query); error says
			       why */
	/* The rest is told as well, and is never the final word on a query. */
	RESULT_DUPLICATE, /* a further reply to a probe already answered */
	RESULT_LATE,      /* a reply after its RESULT_TIMEOUT */
	RESULT_AMBIGUOUS, /* a reply that fits `candidates` probes; ttl and query are 0
			   */
	/* A further reply to a probe that left in fragments: each may be answered. */
	RESULT_FRAGMENT,
	/* On its way when nothing waited for it any more, told at the end by algorithms
	 * that tell every probe. */
	RESULT_UNAWAITED,
	RESULT_SENT, /* of ping only: there is such a probe now, the next in number */
};

/* What kind of packet a reply is. */
enum prober_reply {
	REPLY_NONE = 0,
	REPLY_TIME_EXCEEDED, /* ICMP time exceeded in transit */
	REPLY_UNREACHABLE,   /* ICMP destination unreachable or packet too big; see code
			      */
	REPLY_ECHO,          /* ICMP echo reply */
	REPLY_DATA,          /* a UDP datagram from the destination */
	REPLY_OTHER,         /* another ICMP error (parameter problem, ...) */
	REPLY_SYN_ACK,       /* TCP: the port is open */
	REPLY_RESET,         /* TCP: the port is closed */
	REPLY_PACKET,        /* of the probe's own protocol, from the destination */
	REPLY_REASSEMBLY,    /* ICMP time exceeded: fragments were not put together */
};

enum prober_result_flag {
	RESULT_REACHED = 1, /* this kind of reply comes from the destination only */
	RESULT_FINAL = 2,   /* no probe with a higher TTL is worth sending */
	/* Reached, but the answer came from another address (or another UDP port). */
	RESULT_OTHER_ADDRESS = 4,
	RESULT_ALTERED = 8, /* the quote differs from what was sent */
	/* The quote is the probe's but for its destination: see quoted_dst. */
	RESULT_TRANSLATED = 16,
	RESULT_EXTENSIONS_BAD = 32, /* there are extensions, but malformed */
	RESULT_RESENT = 64,         /* TCP: the kernel sent the probe again by itself */
	/* Shows no tag: told by the address, which is known to be this hop's. */
	RESULT_BY_ADDRESS = 128,
	/*
	 * "Time exceeded" from the target's own address: most often, address
	 * translation before it gives that address to all that is behind.
	 */
	RESULT_FROM_TARGET = 256,
	/*
	 * Multipath detection: not the last word on this flow at this hop, which is
	 * asked again.
	 */
	RESULT_AGAIN = 512,
	/* RESULT_LATE: shows no tag, so it may be another probe's. */
	RESULT_UNTAGGED = 1024,
	RESULT_FLAGS_END = 2048, /* past the last: all flags are below */
};

/* What only raw sockets show of a reply; of TCP others show some, too. */
enum prober_seen {
	SEEN_REPLY_ID = 1,
	SEEN_QUOTED = 2, /* quoted_ttl and quoted_tos */
	SEEN_QUOTED_ID = 4,
	SEEN_NAT_ID = 8,
	SEEN_TCP = 16,        /* tcp_flags and tcp_options of a SYN-ACK or RST */
	SEEN_TCP_MSS = 32,    /* tcp_mss, of such a segment */
	SEEN_QUOTED_MSS = 64, /* quoted_mss and sent_mss */
	SEEN_FRAGMENT = 128,  /* quoted_fragment, quoted_more and quoted_as */
	SEEN_END = 256,
};

/* What a quote is, beside the fragments in which its probe was sent. */
enum prober_quoted_as {
	QUOTED_AS_SENT = 1,
	QUOTED_CUT,   /* a fragment that was not sent: it was cut on the way */
	QUOTED_WHOLE, /* all of it: it was put together before */
};

/* Where the two ends of an RTT were stamped. */
enum prober_rtt_source {
	RTT_NONE = 0,
	RTT_KERNEL, /* both by the kernel */
	RTT_USER,   /* sent: before the system call; received: by the kernel */
	RTT_PROBER, /* sent: before the system call; received: when it was read */
};

struct prober_mpls { /* RFC 4950 section 3 */
	uint32_t label;
	uint8_t traffic_class;
	uint8_t bottom;
	uint8_t ttl;
};

/* Which parts there are: bits of the C-Type, RFC 5837 section 4.1. */
enum prober_interface_part {
	INTERFACE_MTU = 1,
	INTERFACE_NAME = 2,
	INTERFACE_ADDR = 4,
	INTERFACE_INDEX = 8,
	INTERFACE_END = 16,
};

enum prober_interface_role {
	INTERFACE_INCOMING = 0,
	INTERFACE_SUB_IP, /* of the incoming one */
	INTERFACE_OUTGOING,
	INTERFACE_NEXT_HOP,
	INTERFACE_ROLES,
};

/* What a router says of one interface on the probe's way. */
struct prober_interface {
	uint8_t role; /* enum prober_interface_role */
	uint8_t has;  /* of enum prober_interface_part */
	uint32_t index;
	struct addr addr;
	uint32_t mtu;
	char name[PROBER_INTERFACE_NAME_MAX + 1]; /* any bytes but NUL */
};

/*
 * RFC 4884 section 8, in the order in which they came. One with labels is an MPLS label
 * stack (RFC 4950): the next so many of the result's mpls, and no data. One that is an
 * interface (RFC 5837) has its data, and is the next of the result's interfaces.
 */
struct prober_object {
	uint8_t class_num;
	uint8_t c_type;
	uint8_t labels;
	uint16_t len; /* of the object's payload; at most PROBER_OBJECT_DATA are told */
	uint8_t data[PROBER_OBJECT_DATA];
	uint8_t is_interface;
};

struct prober_result {
	uint32_t instance;
	uint32_t
	    probe; /* number of the probe in its instance, from 0 in sending order */
	uint32_t flow;
	uint8_t ttl;
	uint8_t query;   /* 0 to queries - 1; of multipath detection: which attempt */
	uint8_t outcome; /* enum prober_outcome */
	uint8_t reply;   /* enum prober_reply */
	uint16_t flags;  /* of enum prober_result_flag */
	uint8_t rtt_source; /* enum prober_rtt_source */
	uint8_t icmp_type;
	uint8_t icmp_code;
	int16_t reply_ttl;  /* -1: not known */
	int16_t reply_tos;  /* -1: not known */
	uint16_t reply_len; /* of an echo reply, with its ICMP header; 0: not known */
	uint8_t end_ttl; /* as in prober_done, if this result ended the trace; else 0 */
	uint16_t candidates; /* RESULT_AMBIGUOUS */
	uint16_t seen;       /* of enum prober_seen: which of these are known */
	uint8_t tcp_flags;   /* of a SYN-ACK or RST */
	uint8_t tcp_options; /* of enum prober_tcp_option */
	uint16_t tcp_mss;
	uint16_t quoted_mss; /* of the SYN as it arrived where the error was made */
	uint16_t sent_mss;   /* ... and as it left */
	uint16_t reply_id;   /* IP identification of the reply */
	uint8_t quoted_ttl;  /* of the probe as it arrived where the error was made */
	uint8_t quoted_tos;
	uint16_t quoted_id;                     /* IP identification of the probe */
	struct prober_fragment quoted_fragment; /* which part of the probe is quoted */
	uint8_t quoted_more;                    /* it says that more follow */
	uint8_t quoted_as;                      /* enum prober_quoted_as */
	uint16_t nat_id;   /* how much the probe's checksum was changed on its way */
	uint32_t mtu;      /* next-hop MTU of a "fragmentation needed", else 0 */
	uint32_t path_mtu; /* asked again as long as this, for longer was too long */
	int32_t error;     /* RESULT_SEND_FAILED: errno */
	int64_t sent;      /* CLOCK_REALTIME */
	int64_t rtt;       /* -1: not known */
	struct addr from;
	uint16_t from_port;     /* REPLY_DATA: its source port */
	struct addr quoted_dst; /* RESULT_TRANSLATED: where the probe went; else none */
	uint16_t quoted_port;   /* ... and to which UDP port; 0 over ICMP */
	uint8_t mpls_count;
	uint8_t objects_count;
	uint8_t interfaces_count;
	struct prober_mpls mpls[PROBER_MPLS_MAX];
	struct prober_object objects[PROBER_OBJECTS_MAX];
	struct prober_interface interfaces[PROBER_INTERFACES_MAX];
};

/* Why a trace ended. */
enum prober_reason {
	REASON_REACHED = 1,
	REASON_UNREACHABLE, /* a router said so */
	REASON_GAP_LIMIT,
	REASON_HOP_LIMIT,
	REASON_LOOP,
	REASON_INTERRUPTED,  /* PROBER_STOP */
	REASON_TIMED_OUT,    /* the whole trace's timeout */
	REASON_SEARCH_LIMIT, /* all probes or flows that were allowed are used up */
	REASON_HELPER_LOST,  /* paris-privsep ended */
	REASON_FAILED,       /* could not measure: error and detail say why */
};

/* Whether multipath detection found all that its bound promises, or why not. */
enum prober_coverage {
	COVERAGE_NONE = 0, /* another algorithm */
	COVERAGE_COMPLETE,
	COVERAGE_MAX_PROBES, /* what is missing would take more probes than allowed */
	COVERAGE_MAX_FLOWS,  /* ... or more flows than allowed, or than there are */
	COVERAGE_CHILDREN,   /* some node may have more successors than looked for */
	/*
	 * Paths did not stay as they were: behind a node that balances by packet, or
	 * whose route changed, links are those seen, not all.
	 */
	COVERAGE_UNSTABLE,
	/* Too few flows came to some node again to test it. */
	COVERAGE_UNTESTED,
	COVERAGE_STOPPED, /* it was ended before: see reason */
	COVERAGE_COUNT,
};

struct prober_done {
	uint32_t instance;
	uint8_t reason;  /* enum prober_reason */
	uint8_t end_ttl; /* hop of the reply that ended it; else the last hop asked */
	int32_t error;   /* errno, when this machine did not send; else 0 */
	/* Packets known to have left, those that the kernel repeated too. */
	uint32_t sent;
	uint32_t replies;
	uint32_t timeouts;
	uint32_t duplicates;
	uint32_t late;
	uint32_t ambiguous; /* replies that fitted several probes */
	uint32_t reasked;   /* probes sent again because of those */
	uint32_t lost_here; /* replies that this machine dropped (socket buffer full) */
	uint32_t strays;    /* replies to this prober meanwhile that fitted no probe */
	uint32_t window;    /* of the flow at the end; 0: never limited */
	uint8_t coverage;   /* enum prober_coverage */
	char detail[PROBER_DETAIL_MAX + 1]; /* then: what failed, on which value */
};

/*
 * Each pair writes and reads one body. unpack returns 0, or -EBADMSG for a wrong size,
 * an enumeration or count out of range, or a text that does not fit.
 */
void prober_plan_pack(const struct prober_plan *m, struct writer *w);
int prober_plan_unpack(struct prober_plan *m, struct reader *r);
void prober_start_pack(const struct prober_start *m, struct writer *w);
int prober_start_unpack(struct prober_start *m, struct reader *r);
void prober_stop_pack(const struct prober_stop *m, struct writer *w);
int prober_stop_unpack(struct prober_stop *m, struct reader *r);
void prober_started_pack(const struct prober_started *m, struct writer *w);
int prober_started_unpack(struct prober_started *m, struct reader *r);
void prober_result_pack(const struct prober_result *m, struct writer *w);
int prober_result_unpack(struct prober_result *m, struct reader *r);
void prober_done_pack(const struct prober_done *m, struct writer *w);
int prober_done_unpack(struct prober_done *m, struct reader *r);

#endif
