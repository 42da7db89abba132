/*
 * What the objects of all our tools say of a trace in the same words: how it was sent,
 * what was asked, how it ended. Each tool adds what is its own.
 */
#ifndef TOOLS_SHARED_JSON_TRACE_H
#define TOOLS_SHARED_JSON_TRACE_H

#include <stdint.h>

#include <jansson.h>

#include "common/prober_messages.h"
#include "tools/shared/json_builder.h"
#include "tools/shared/naming.h"

/* The word for an enum prober_reason; what is none is "failed". */
const char *json_reason(uint8_t reason);

/*
 * "name", when it is known; "asn", an array, or null when that could not be learned,
 * "as_name" and "country" (or null), where they were asked for. naming may be NULL.
 */
void json_put_name(struct json_builder *b, json_t *object, const struct naming *naming,
    const struct addr *a);

/*
 * From "icmp_id", or the ports, to "packet_len": the packets, which are alike but for
 * what tells them apart. protocol: "icmp", or one with ports.
 */
void json_put_packets(struct json_builder *b, json_t *object, const char *protocol,
    const struct prober_started *how);

/* From "sim_queries" to "dont_fragment". */
void json_put_options(
    struct json_builder *b, json_t *object, const struct prober_start *asked);

/* "source" and "interface", where they were asked for. */
void json_put_origin(
    struct json_builder *b, json_t *object, const struct prober_start *asked);

/* The objects of "plan", "stop" and "counters". */
json_t *json_plan(struct json_builder *b, const struct prober_plan_family *plan);

/* done NULL: it broke off; then failure says why, or is NULL too. */
json_t *json_stop(
    struct json_builder *b, const struct prober_done *done, const char *failure);

json_t *json_counters(struct json_builder *b, const struct prober_done *done);

#endif
