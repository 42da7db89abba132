/*
 * The plan: how to send, how to receive and which field carries the tag, chosen for
 * both families from what is asked and what the host allows. Pure: no system call, the
 * same answer for the same question. Made by the tool, sent to the prober, printed by
 * --explain.
 */
#ifndef PROBER_PLAN_H
#define PROBER_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/prober_messages.h"
#include "prober/host_facts.h"

#define PLAN_TEXT_MAX 1600

/*
 * Whether paris-privsep, which owns raw sockets, may be used, and whether, started by
 * root, raw sockets of the prober's own.
 */
enum plan_privilege {
	PRIVILEGE_AUTO,   /* when nothing less will do: first the one, then the other */
	PRIVILEGE_NONE,   /* neither */
	PRIVILEGE_HELPER, /* the helper always: it sees more */
	PRIVILEGE_RAW,    /* raw sockets always */
	PRIVILEGE_WHOLE,  /* one of the two, which of them as with AUTO */
};

struct plan_request {
	uint8_t privilege;   /* enum plan_privilege */
	uint8_t protocol;    /* IPPROTO_*; ICMP is ICMPv6 over IPv6 */
	const char *use_udp; /* how the user asks for UDP instead: "leave -I out" */
	const char *tag;     /* field that shall carry the tag; NULL: the best one */
	bool flow_constant;  /* the algorithm keeps flow_id constant (Paris) */
	bool dont_route;     /* to attached networks only */
	bool debug;          /* SO_DEBUG on what sends */
	uint32_t mark;       /* SO_MARK likewise; 0: none */
	uint16_t packet_len; /* of the whole IP packet; 0: the default */
	/* What is done to the IP header, "a source route"; NULL: nothing. */
	const char *header;
	bool split;          /* ... and it has pieces, told by their identification */
	bool dont_fragment;  /* nobody else may split them */
	uint8_t ip_protocol; /* with protocol IPPROTO_RAW: which */
	struct prober_tcp tcp;
	uint64_t set[2]; /* fields that the user sets: pattern_field_mask() a family */
};

/* A plan and, for each family, its reasons in words. */
struct plan {
	struct prober_plan choice;
	int error[2]; /* why a family is not possible: errno; 0 when it is */
	/* Not possible: one line, what is missing and the remedy. Possible: empty. */
	char problem[2][PLAN_TEXT_MAX];
	/* What --explain prints: lines ending in '\n', without the family's heading. */
	char text[2][PLAN_TEXT_MAX];
};

/*
 * Makes the plan. A family that cannot be done has TRANSPORT_NONE, error and problem
 * set. Returns 0, or -EINVAL when no family can be done because of what was asked (an
 * unknown tag field, a tag within the constant flow): problem[0] says why.
 */
int plan_choose(const struct plan_request *request, const struct host_facts *facts,
    struct plan *plan);

/* Whether any of the plan's families is done through the helper. */
bool plan_needs_helper(const struct prober_plan *plan);

/* "udp", "ping", "tcp" ... or "none": a transport's name in texts and in json. */
const char *plan_transport_name(uint8_t transport);

#endif
