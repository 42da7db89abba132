/*
 * MDA-Lite (Vermeulen, Strowes, Fourmaux, Friedman, "Multilevel MDA-Lite Paris
 * Traceroute", IMC 2018): the stopping rule is applied to hops instead of vertices,
 * which takes far fewer flows where all vertices of a hop are as likely. Links are
 * drawn by flows that are asked at both hops.
 *
 * Between two hops of several vertices each this can miss links, or vertices that few
 * flows come to. Two tests tell: whether branches are meshed, by at least phi flows of
 * each vertex of the wider hop, and whether they are of unequal width. Either one makes
 * that diamond's hops `full`: there the rule is applied to vertices, with all that is
 * known already.
 */
#include "algorithms/mda.h"

/* Vertices of a hop that flows come to. */
static uint32_t
width(const struct mda *m, unsigned int ttl)
{
	uint32_t count, live = 0;
	const uint32_t *vertices = graph_hop(m->graph, (uint8_t)ttl, &count);

	for (uint32_t k = 0; k < count; k++)
		live += graph_vertex(m->graph, vertices[k])->flows_count > 0;
	return live;
}

/* Flows to be seen at a hop before it is known to have no more vertices. */
static uint32_t
flows_wanted(struct mda *m, unsigned int ttl)
{
	uint32_t known = width(m, ttl);

	if (known >= m->children) {
		m->too_many_children = true;
		return 0;
	}
	return stopping_point(m->stopping, (known > 0 ? known : 1) + 1);
}

/* Everything that was wanted of this hop has come. */
static bool
is_settled(struct mda *m, unsigned int ttl)
{
	const struct mda_hop *h = &m->hops[ttl];

	return h->flying == 0 && h->answered + h->silent >= flows_wanted(m, ttl);
}

/* Two hops of several vertices each, of which all is known but for the links. */
static bool
is_pair(const struct instance *i, struct mda *m, unsigned int ttl)
{
	return ttl >= i->options.first_ttl && ttl < i->options.max_ttl &&
	       width(m, ttl) > 1 && width(m, ttl + 1) > 1 && is_settled(m, ttl) &&
	       is_settled(m, ttl + 1);
}

uint32_t
lite_needed_by(const struct instance *i, struct mda *m, const struct vertex *told)
{
	if (told->kind == VERTEX_SOURCE)
		return 0;
	if (is_pair(i, m, told->ttl) && width(m, told->ttl) >= width(m, told->ttl + 1U))
		return m->phi;
	return 1;
}

/* ---- more flows for a hop ---- */

/* Whether flows go on behind some vertex of the hop, or may. */
static bool
goes_on(const struct instance *i, const struct mda *m, unsigned int ttl)
{
	uint32_t count;
	const uint32_t *vertices = graph_hop(m->graph, (uint8_t)ttl, &count);
	bool known = false;

	if (ttl < i->options.first_ttl)
		return true;
	for (uint32_t k = 0; k < count; k++) {
		const struct vertex *told = graph_vertex(m->graph, vertices[k]);

		known = known || told->flows_count > 0;
		if (told->flows_count > 0 && told->kind != VERTEX_END &&
		    !m->vertices[vertices[k]].looped)
			return true;
	}
	return !known;
}

/* A spare flow of the hop before: of a vertex without successor first. */
static uint32_t
known_flow(struct instance *i, struct mda *m, unsigned int ttl)
{
	uint32_t count, second = MDA_NONE;
	const uint32_t *vertices = graph_hop(m->graph, (uint8_t)(ttl - 1), &count);

	if (ttl == i->options.first_ttl)
		return MDA_NONE;
	for (uint32_t k = 0; k < count; k++) {
		const struct vertex *told = graph_vertex(m->graph, vertices[k]);
		uint32_t flow = flow_spare(i, m, vertices[k]);

		if (flow == MDA_NONE)
			continue;
		if (told->next_count == 0 && m->vertices[vertices[k]].pending == 0)
			return flow;
		second = second == MDA_NONE ? flow : second;
	}
	return second;
}

static void
ask_hop(struct instance *i, struct mda *m, uint8_t ttl)
{
	const struct mda_hop *h = &m->hops[ttl];
	uint32_t wanted = flows_wanted(m, ttl);

	while (h->answered + h->silent + h->flying < wanted && !m->blocked) {
		uint32_t flow = known_flow(i, m, ttl);

		if (flow == MDA_NONE)
			flow = flow_fresh(i, m, ttl);
		if (flow == MDA_NONE || !ask_now(i, m, flow, ttl, false))
			return;
	}
}

/* ---- the two tests ---- */

/*
 * Each vertex of the wider hop behind is to have been seen with phi flows at the hop
 * before. Returns false as long as some are missing.
 */
static bool
trace_back(struct instance *i, struct mda *m, uint8_t ttl)
{
	uint32_t count;
	const uint32_t *vertices = graph_hop(m->graph, ttl, &count);
	bool done = true;

	for (uint32_t k = 0; k < count; k++) {
		const struct vertex *told = graph_vertex(m->graph, vertices[k]);
		uint32_t known = 0;

		for (uint32_t f = 0; f < told->flows_count && known < m->phi; f++) {
			uint32_t flow = told->flows[f];
			const struct ask *a = ask_find(m, flow, ttl - 1U);

			if (graph_place(m->graph, flow, (uint8_t)(ttl - 1)) !=
			    GRAPH_NONE) {
				known++;
			} else if (a != NULL &&
				   (a->state == ASK_OUT || a->state == ASK_QUEUED)) {
				known++;
				done = false;
			} else if (ask_is_new(m, flow, ttl - 1U) &&
				   flow_may(m, flow, ttl - 1U)) {
				known++;
				done = false;
				ask_later(i, m, flow, (uint8_t)(ttl - 1));
			}
		}
	}
	return done;
}

/* Whether all vertices have as many links on this side; 0: some have none at all. */
static uint32_t
most_links(const struct mda *m, uint8_t ttl, bool next, bool *equal)
{
	uint32_t count, most = 0, least = UINT32_MAX;
	const uint32_t *vertices = graph_hop(m->graph, ttl, &count);

	for (uint32_t k = 0; k < count; k++) {
		const struct vertex *told = graph_vertex(m->graph, vertices[k]);
		uint32_t links = next ? told->next_count : told->prev_count;

		if (told->flows_count == 0)
			continue;
		most = links > most ? links : most;
		least = links < least ? links : least;
	}
	*equal = most == least;
	return least == 0 ? 0 : most;
}

/*
 * The pair of this hop and the next: meshed, or of unequal width? The links of the
 * wider side say it: in a tree each vertex there has one.
 */
static bool
must_be_full(struct instance *i, struct mda *m, uint8_t ttl)
{
	uint32_t here = width(m, ttl), behind = width(m, ttl + 1U);
	uint32_t wide, narrow;
	bool equal;

	if (here < behind && !trace_back(i, m, (uint8_t)(ttl + 1)))
		return false;
	wide = most_links(
	    m, here >= behind ? ttl : (uint8_t)(ttl + 1), here >= behind, &equal);
	if (wide == 0)
		return false;
	if (wide > 1)
		return true;
	narrow = most_links(
	    m, here >= behind ? (uint8_t)(ttl + 1) : ttl, here < behind, &equal);
	return narrow > 0 && !equal;
}

/* Some flows end here, others go on. */
static bool
ends_for_some(const struct mda *m, uint8_t ttl)
{
	uint32_t count, ends = 0, routers = 0;
	const uint32_t *vertices = graph_hop(m->graph, ttl, &count);

	for (uint32_t k = 0; k < count; k++) {
		const struct vertex *told = graph_vertex(m->graph, vertices[k]);

		if (told->flows_count == 0)
			continue;
		ends += told->kind == VERTEX_END;
		routers += told->kind == VERTEX_ROUTER;
	}
	return ends > 0 && routers > 0;
}

static void
make_full(struct mda *m, unsigned int ttl)
{
	if (m->hops[ttl].full)
		return;
	m->hops[ttl].full = true;
	m->hops[ttl].dirty = m->hops[ttl + 1].dirty = true;
	if (ttl > 0)
		m->hops[ttl - 1].dirty = true;
}

/* The whole diamond is, from the hop where it begins to the one before its last. */
static void
spread_full(const struct instance *i, struct mda *m, unsigned int ttl)
{
	if (!m->hops[ttl].full)
		return;
	if (ttl >= i->options.first_ttl && width(m, ttl) > 1)
		make_full(m, ttl - 1);
	if (ttl < i->options.max_ttl && width(m, ttl + 1) > 1)
		make_full(m, ttl + 1);
}

void
lite_plan_hop(struct instance *i, struct mda *m, uint8_t ttl, bool certain)
{
	const uint8_t next = (uint8_t)(ttl + 1);

	if (certain && !m->hops[ttl].full && goes_on(i, m, ttl))
		ask_hop(i, m, next);
	if ((is_pair(i, m, ttl) && !m->hops[ttl].full && must_be_full(i, m, ttl)) ||
	    (ttl >= i->options.first_ttl && ends_for_some(m, ttl)))
		make_full(m, ttl);
	spread_full(i, m, ttl);
}
