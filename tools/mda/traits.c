#include "tools/mda/traits.h"

#include "algorithms/stopping.h"

uint32_t
trait_flows_needed(double alpha)
{
	struct stopping *stopping = stopping_new(alpha);
	uint32_t needed;

	if (stopping == NULL)
		return 0;
	/* Of two ways this is the worst case: with more, flows part sooner. */
	needed = stopping_point(stopping, 2);
	stopping_free(stopping);
	return needed;
}

/* The same node in the graph of an experiment, or NULL. */
static const struct vertex *
find(const struct graph *g, const struct vertex *node)
{
	uint32_t at = node->kind == VERTEX_SOURCE
			  ? GRAPH_SOURCE
			  : graph_find(g, node->ttl, &node->addr);

	return at != GRAPH_NONE ? graph_vertex(g, at) : NULL;
}

enum verdict
trait_judge(const struct graph *g, enum trait trait, const struct vertex *node,
    uint32_t needed, uint32_t *ways)
{
	const struct vertex *v = find(g, node);
	uint32_t seen = 0, silent = 0, flows = 0;

	for (uint32_t i = 0; v != NULL && i < v->next_count; i++) {
		const struct link *l = graph_link(g, v->next[i]);
		uint8_t kind = graph_vertex(g, l->to)->kind;

		flows += l->flows_count;
		if (kind == VERTEX_SILENT)
			silent += l->flows_count;
		else if (kind == VERTEX_ROUTER || trait != TRAIT_DESTINATION)
			seen++;
	}
	if (ways != NULL)
		*ways = seen;
	if (v == NULL || v->changes != 0)
		return VERDICT_UNTESTED;
	if (seen > 1)
		return VERDICT_YES;
	return silent == 0 && flows >= needed ? VERDICT_NO : VERDICT_UNTESTED;
}

bool
trait_wants_flows(
    const struct graph *g, enum trait trait, const struct vertex *node, uint32_t needed)
{
	const struct vertex *v = find(g, node);

	return v != NULL && v->flows_count != 0 && v->evidence < needed &&
	       trait_judge(g, trait, node, needed, NULL) == VERDICT_UNTESTED;
}

const char *
trait_words(enum trait trait)
{
	static const char *const words[] = {[TRAIT_SRC_PORT] = "source port",
	    [TRAIT_DST_PORT] = "destination port",
	    [TRAIT_CHECKSUM] = "ICMP checksum",
	    [TRAIT_LABEL] = "flow label",
	    [TRAIT_TOS] = "TOS",
	    [TRAIT_DESTINATION] = "destination"};

	return words[trait];
}

const char *
trait_name(enum trait trait)
{
	static const char *const names[] = {[TRAIT_SRC_PORT] = "src_port",
	    [TRAIT_DST_PORT] = "dst_port",
	    [TRAIT_CHECKSUM] = "checksum",
	    [TRAIT_LABEL] = "flow_label",
	    [TRAIT_TOS] = "tos",
	    [TRAIT_DESTINATION] = "destination"};

	return names[trait];
}
