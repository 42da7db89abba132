/*
 * The values of single options of the tracing tools, for their table in
 * trace_options.c: parsers as options.h has them.
 */
#ifndef TOOLS_SHARED_TRACE_VALUES_H
#define TOOLS_SHARED_TRACE_VALUES_H

#include <stdbool.h>

#include "prober/algorithm.h"
#include "tools/shared/options.h"
#include "tools/shared/trace_options.h"

/* paris-ping and mda have one kind each; paris-traceroute all that find paths. */
bool trace_program_has(enum trace_program program, const struct algorithm *a);

#define TRACE_WORDS_MAX 32

/*
 * The words that an option of the table takes, for completion; 0 when it takes anything
 * else. Returns how many there are.
 */
size_t trace_value_words(const struct option_spec *row, enum trace_program program,
    const char *words[TRACE_WORDS_MAX]);

/* Its word: "json". */
const char *trace_format_name(enum trace_format format);

/* -w: MAX[,HERE[,NEAR]]; what is not said is off. Destination: the prober_start. */
option_parser trace_value_wait;

/* -z: seconds below 10, else milliseconds; the destination is int64_t ns. */
option_parser trace_value_send_gap;

/* A number from low to high, or a name of services(5); the destination is uint16_t. */
option_parser trace_value_port;

/* -I of ping; the destination is the options. */
option_parser trace_value_origin;

/* -l of ping: up to 3, unless root asks. */
option_parser trace_value_preload;

/* -W of ping: as option_seconds, and 0 for `high`. */
option_parser trace_value_timeout;

/* --tcp-ack; the destination is the options. */
option_parser trace_value_tcp_ack;

/* -p of ping: `low` to `high` bytes; the destination is the prober_start. */
option_parser trace_value_fill;

/* --flow-id; the destination is the prober_start. */
option_parser trace_value_flow_id;

/* -B: PERCENT[,BRANCH[,CHILDREN]]; the destination is the prober_start. */
option_parser trace_value_mda;

/* The destination is the algorithm's name; `high` is the enum trace_program. */
option_parser trace_value_algorithm;

/* -M: an algorithm, or what traceroute(8) calls a module. Destination: the options. */
option_parser trace_value_module;

/*
 * -P: a protocol's number or its name in protocols(5), but for those that have a method
 * of their own. Destination: the options.
 */
option_parser trace_value_protocol;

/* -g: addresses, and for IPv6 a type first. Destination: the prober_start. */
option_parser trace_value_gateways;

/* --fragment (fragment_spec.h). Destination: the prober_start. */
option_parser trace_value_fragment;

/* -O: kept for module_options.h. Destination: the options. */
option_parser trace_value_module_options;

/* A word; the destination is a uint8_t, which gets its number in the enumeration. */
option_parser trace_value_format;
option_parser trace_value_flow_field;
option_parser trace_value_bound;
option_parser trace_value_privilege;
option_parser trace_value_as_source;

/* PERCENT; the destination is the alpha of a prober_start. */
option_parser trace_value_confidence;

/* Addresses of name servers, as paris-names takes them; the destination is a text. */
option_parser trace_value_resolver;

#endif
