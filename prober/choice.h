/*
 * The inside of the plan, for the two files that make it up: plan.c chooses, choice.c
 * puts the choice into words for --explain. Nobody else includes it.
 */
#ifndef PROBER_CHOICE_H
#define PROBER_CHOICE_H

#include <stdbool.h>
#include <stddef.h>

#include "prober/plan.h"
#include "prober/transport.h"

/* One family's choice while it is being made. */
struct choice {
	const struct plan_request *request;
	const struct host_facts *facts;
	struct plan *plan;
	size_t family; /* 0 or 1 */
	const struct transport *transport;
	const struct pattern *pattern;
	struct field_ref tag;
	bool tagged;
};

/* Whole packets, both ways, by the helper or by raw sockets of our own. */
static inline bool
choice_sees_packets(const struct transport *t)
{
	return t->by_helper || t->by_raw;
}

/* Appends to a text of PLAN_TEXT_MAX bytes; what does not fit is cut. */
void choice_add(char *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* True for a field that stands behind the header. */
bool choice_field_is_payload(const struct pattern *p, struct field_ref ref);

/* Writes the plan's text of a family that is possible. */
void choice_explain(const struct choice *c);

#endif
