/*
 * The options of paris-traceroute, mda and paris-ping: their table and their defaults.
 * Used by the tools; reads nothing but argv.
 */
#ifndef TOOLS_SHARED_TRACE_OPTIONS_H
#define TOOLS_SHARED_TRACE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/clock.h"
#include "common/prober_messages.h"
#include "tools/shared/options.h"

enum trace_method {
	METHOD_UDP,       /* UDP, destination port 33434 unless -p */
	METHOD_UDP_FIXED, /* -U: UDP, destination port 53 unless -p */
	METHOD_ICMP,      /* -I */
	METHOD_TCP,       /* -T: TCP SYN, destination port 80 unless -p */
	METHOD_UDPLITE,   /* -UL: UDP-Lite, destination port 53 unless -p */
	METHOD_DCCP,      /* -D: DCCP Request, destination port 33434 unless -p */
	METHOD_RAW,       /* -P: any IP protocol */
};

enum trace_format {
	FORMAT_TEXT,
	FORMAT_JSON,
	FORMAT_SCAMPER,
	/* Of one path only. */
	FORMAT_CSV,
	FORMAT_ATLAS,
	/* Of multipath algorithms only. */
	FORMAT_DOT,
	FORMAT_SVG,
};

/* Whose command line it is: a bit each. */
enum trace_program {
	PROGRAM_TRACEROUTE = 1,
	PROGRAM_MDA = 2,
	PROGRAM_PING = 4,
};

#define MODULE_OPTIONS_MAX 16 /* times that -O may be given */
#define PACKET_LEN_DEFAULT UINT32_MAX
#define PACKET_LEN_MAX 65000
#define PING_DATA_DEFAULT UINT32_MAX /* 56 bytes, or what TCP has: none */
#define PING_DATA 56
#define PING_DATA_MAX 65507 /* with the headers of IPv4; of IPv6 20 less */
#define GAP_LIMIT_DEFAULT UINT16_MAX
#define PARALLEL_DEFAULT 32
#define MDA_GAP_LIMIT 5 /* of multipath algorithms, unless said */
#define MDA_PROBES 100000
#define MDA_TIMEOUT (900 * NS_PER_SECOND)
#define MDA_BRANCHING 30 /* --bound graph, unless -B says */

/* What the confidence is of. */
enum trace_bound {
	BOUND_DEFAULT, /* of each node, or what -B says */
	BOUND_NODE,
	BOUND_GRAPH,
};

struct trace_options {
	/* Options that the prober takes as they are; the rest is set by
	 * trace_request_start. */
	struct prober_start start;
	uint32_t family;     /* -4, -6; AF_UNSPEC: not said */
	uint32_t packet_len; /* PACKET_LEN_DEFAULT, or as asked for */
	uint16_t port;       /* -p; 0: not said */
	uint16_t gap_limit;  /* or GAP_LIMIT_DEFAULT */
	uint32_t pps;        /* 0: not said */
	uint8_t program;     /* enum trace_program */
	uint8_t method;      /* enum trace_method */
	uint8_t ip_protocol; /* METHOD_RAW: its number */
	uint8_t privilege;   /* enum plan_privilege */
	uint8_t format;      /* enum trace_format */
	uint8_t bound;       /* enum trace_bound */
	uint8_t hash_fields; /* --hash-fields */
	uint8_t prefix;      /* --prefix; 0: not said */
	uint32_t data_len;   /* of ping, -s; or PING_DATA_DEFAULT */
	uint8_t timestamps;  /* of ping, -D */
	uint8_t tcp_ack;     /* of ping, --tcp-ack */
	uint8_t quiet;       /* no progress on a terminal; of ping, the summary only */
	uint8_t numeric;     /* -n */
	uint8_t extensions;  /* -e */
	uint8_t debug;       /* -d */
	uint32_t fwmark;     /* --fwmark; 0: none */
	uint8_t back;        /* --back */
	uint8_t print_ttl;   /* --print-ttl */
	uint8_t tcp_info;    /* -O info: show what the target's segments say */
	uint8_t tcp_mss;     /* -O mss: show where it is lowered */
	uint8_t module_help; /* -O help */
	uint8_t as_lookups;  /* -A, or --as-names */
	uint8_t as_names;    /* --as-names */
	uint8_t as_source;   /* enum names_source: whom to ask */
	uint8_t country;     /* --country */
	uint8_t explain;
	uint8_t live;     /* --live */
	uint32_t rounds;  /* of it; 0: until it is ended */
	int64_t interval; /* from one round to the next, ns */
	uint8_t help;
	uint8_t version;
	/* Called as traceroute or tracert: exit status and standard error are as
	 * traceroute's. */
	uint8_t as_traceroute;
	const char *host;   /* into argv, the first one; NULL: none given */
	char *const *hosts; /* into argv: all */
	size_t hosts_count;
	const char *module_options[MODULE_OPTIONS_MAX]; /* -O, into argv */
	size_t module_options_count;
	const char *tag;      /* into argv; NULL: the best one */
	const char *device;   /* into argv; NULL: any */
	const char *resolver; /* into argv; NULL: the system's */
	const char *targets;  /* a file of hosts, "-": standard input; NULL: none */
	const char *exclude;  /* a file of prefixes; NULL: none */
	const char *resume;   /* a file of results; NULL: none */
	uint16_t parallel;    /* traces at a time */
	uint8_t ordered;      /* printed in the order of the hosts */
	const char *asn_db;   /* into argv; NULL: none; as the next */
	const char *country_db;
};

/*
 * Reads the command line of this program (argv is permuted), the program's name
 * included. Returns 0, or -EINVAL with one line in error (OPTIONS_TEXT_MAX bytes). Only
 * --help, --version, --explain and --targets go without a host.
 */
int trace_options_parse(struct trace_options *options, enum trace_program program,
    int argc, char **argv, char *error);

/* Whether there may be more than one host. */
bool trace_options_many(const struct trace_options *options);

/* The rows of one program, in the order of --help. Returns how many there are. */
size_t trace_options_rows(
    enum trace_program program, struct option_spec rows[OPTIONS_MAX]);

/* Whether the algorithm is one that finds many paths. */
bool trace_options_multipath(const struct trace_options *options);

/* The text of --help. */
void trace_options_print_help(const struct trace_options *options, FILE *out);

/* The program's name, for messages. */
const char *trace_options_program(const struct trace_options *options);

/* "udp", "icmp", "tcp" or "udplite": the protocol's name in texts and in json. */
const char *trace_options_protocol(const struct trace_options *options);

#endif
