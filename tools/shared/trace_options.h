/*
 * The options of paris-traceroute: their table and their defaults. Used by the tools;
 * reads nothing but argv.
 */
#ifndef TOOLS_SHARED_TRACE_OPTIONS_H
#define TOOLS_SHARED_TRACE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/prober_messages.h"
#include "tools/shared/options.h"

enum trace_method {
	METHOD_UDP,       /* UDP, destination port 33434 unless -p */
	METHOD_UDP_FIXED, /* -U: UDP, destination port 53 unless -p */
	METHOD_ICMP,      /* -I */
	METHOD_TCP,       /* -T: TCP SYN, destination port 80 unless -p */
	METHOD_UDPLITE,   /* -UL: UDP-Lite, destination port 53 unless -p */
};

enum trace_format {
	FORMAT_TEXT,
	FORMAT_JSON,
};

#define PACKET_LEN_DEFAULT UINT32_MAX
#define PACKET_LEN_MAX 65000

struct trace_options {
	/* Options that the prober takes as they are; the rest is set by
	 * trace_request_start. */
	struct prober_start start;
	uint32_t family;     /* -4, -6; AF_UNSPEC: not said */
	uint32_t packet_len; /* PACKET_LEN_DEFAULT, or as asked for */
	uint16_t port;       /* -p; 0: not said */
	uint8_t method;      /* enum trace_method */
	uint8_t privilege;   /* enum plan_privilege */
	uint8_t format;      /* enum trace_format */
	uint8_t numeric;     /* -n */
	uint8_t extensions;  /* -e */
	uint8_t explain;
	uint8_t help;
	uint8_t version;
	/* Called as traceroute: exit status and standard error are as traceroute's. */
	uint8_t as_traceroute;
	const char *host;     /* into argv; NULL: none given */
	const char *tag;      /* into argv; NULL: the best one */
	const char *device;   /* into argv; NULL: any */
	const char *resolver; /* into argv; NULL: the system's */
};

/*
 * Reads the command line (argv is permuted), the name of the program included. Returns
 * 0, or -EINVAL with one line in error (OPTIONS_TEXT_MAX bytes). Only --help, --version
 * and --explain go without a host.
 */
int trace_options_parse(
    struct trace_options *options, int argc, char **argv, char *error);

/* The text of --help. */
void trace_options_print_help(const struct trace_options *options, FILE *out);

/* The program's name, for messages. */
const char *trace_options_program(const struct trace_options *options);

/* "udp", "icmp", "tcp" or "udplite": the protocol's name in texts and in json. */
const char *trace_options_protocol(const struct trace_options *options);

#endif
