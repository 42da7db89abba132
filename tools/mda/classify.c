#include "tools/mda/classify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "prober/layout.h"

#define BASES_MAX 4 /* experiments of a trait */

/* Instances of one flow, in one experiment: as many as there are DSCPs. */
#define SINGLES_MAX 64

void
classify_init(struct classify *c, const struct multipath *search,
    const struct prober_start *start, bool hash_fields, uint8_t prefix)
{
	*c = (struct classify){.search = search,
	    .start = *start,
	    .hash_fields = hash_fields,
	    .prefix = prefix,
	    .over = !hash_fields && prefix == 0};
}

void
classify_clear(struct classify *c)
{
	for (uint32_t i = 0; i < c->experiments_count; i++)
		graph_free(c->experiments[i].graph);
	free(c->experiments);
	free(c->runs);
	*c = (struct classify){0};
}

/* ---- traits ---------------------------------------------------------------------- */

static bool
is_v6(const struct classify *c)
{
	return c->start.target.family == AF_INET6;
}

static bool
has_ports(const struct classify *c)
{
	return strcmp(c->search->protocol, "icmp") != 0;
}

/* The helper keeps one port for each instance. */
static bool
keeps_one_port(const struct classify *c)
{
	uint8_t send = c->search->plan.send;

	return send == TRANSPORT_UDP_HELPER || send == TRANSPORT_TCP_HELPER;
}

bool
classify_asks(const struct classify *c, enum trait trait)
{
	switch (trait) {
	case TRAIT_SRC_PORT:
	case TRAIT_DST_PORT:
		return c->hash_fields && has_ports(c);
	case TRAIT_CHECKSUM:
		return c->hash_fields && !has_ports(c);
	case TRAIT_LABEL:
		return c->hash_fields && is_v6(c);
	case TRAIT_TOS:
		return c->hash_fields;
	case TRAIT_DESTINATION:
		return c->prefix != 0;
	case TRAITS:
		break;
	}
	return false;
}

/* The field in which the flows of one instance differ, if they do in this one. */
static uint8_t
flow_field(const struct classify *c, enum trait trait)
{
	switch (trait) {
	case TRAIT_SRC_PORT:
		return keeps_one_port(c) ? FLOW_BY_DEFAULT : FLOW_BY_SRC_PORT;
	case TRAIT_DST_PORT:
		return FLOW_BY_DST_PORT;
	case TRAIT_CHECKSUM:
		return FLOW_BY_CHECKSUM;
	case TRAIT_LABEL:
		return FLOW_BY_LABEL;
	case TRAIT_TOS:
	case TRAIT_DESTINATION:
	case TRAITS:
		break;
	}
	return FLOW_BY_DEFAULT;
}

static bool
is_single(const struct classify *c, enum trait trait)
{
	return flow_field(c, trait) == FLOW_BY_DEFAULT;
}

/* Whether flow labels that nobody gave differ with the flows of the search. */
static bool
label_follows(const struct classify *c)
{
	return is_v6(c) && c->start.flow_label == 0 &&
	       c->search->how.flow_field != FLOW_BY_LABEL;
}

/*
 * The search itself is the experiment: its flows differ in this field alone, and it has
 * tested each node.
 */
static bool
search_shows(const struct classify *c, enum trait trait)
{
	return !multipath_is_by_hop(c->search) && !is_single(c, trait) &&
	       c->search->how.flow_field == flow_field(c, trait) && !label_follows(c);
}

/* ---- judging --------------------------------------------------------------------- */

static enum verdict
join(enum verdict a, enum verdict b)
{
	return a > b ? a : b; /* that flows part is certain */
}

enum verdict
classify_judge(
    const struct classify *c, enum trait trait, const struct vertex *v, uint32_t *ways)
{
	enum verdict verdict = VERDICT_UNTESTED;
	uint32_t most = 0, seen;

	if (ways != NULL)
		*ways = 0;
	if (c->needed == 0)
		return VERDICT_UNTESTED; /* it never began */
	if (search_shows(c, trait))
		verdict = trait_judge(c->search->graph, trait, v, c->needed, &most);
	for (uint32_t i = 0; i < c->experiments_count; i++) {
		const struct experiment *e = &c->experiments[i];

		if (e->trait != trait)
			continue;
		verdict =
		    join(verdict, trait_judge(e->graph, trait, v, c->needed, &seen));
		most = seen > most ? seen : most;
	}
	if (ways != NULL)
		*ways = most;
	return verdict;
}

/* ---- how packets set out --------------------------------------------------------- */

/* The addresses of a prefix, nearest first; 0 is the target. */
static void
set_destination(uint32_t number, struct addr *target)
{
	size_t last = addr_family_len(target->family) - 1;

	target->bytes[last] ^= (uint8_t)number;
}

static uint32_t
address_bits(const struct classify *c)
{
	return (uint32_t)(8 * addr_family_len(c->start.target.family));
}

/* Whether the address has all bits of the host part equal: of IPv4, no host's. */
static bool
is_border(const struct classify *c, uint32_t number)
{
	uint32_t address = 0, hosts;
	struct addr a = c->start.target;

	if (is_v6(c) || c->prefix > 30)
		return false;
	set_destination(number, &a);
	for (size_t i = 0; i < 4; i++)
		address = address << 8 | a.bytes[i];
	hosts = (uint32_t)((UINT64_C(1) << (32 - c->prefix)) - 1);
	return (address & hosts) == 0 || (address & hosts) == hosts;
}

/* How many destinations there are to try, the target included. */
static uint32_t
destinations(const struct classify *c)
{
	uint32_t bits = address_bits(c) - c->prefix;

	return bits < 6 ? 1U << bits : SINGLES_MAX;
}

/* As the search's flow `base` sets out, in all that makes a flow. */
static bool
set_base(const struct classify *c, uint32_t base, struct prober_start *start)
{
	const struct prober_started *how = &c->search->how;
	uint32_t by_flow = has_ports(c) ? how->src_port : how->icmp_checksum;
	uint32_t src_port = how->src_port, dst_port = how->dst_port;

	if (how->flow_field == FLOW_BY_SRC_PORT)
		src_port += base;
	if (how->flow_field == FLOW_BY_DST_PORT)
		dst_port += base;
	if (how->flow_field == FLOW_BY_CHECKSUM)
		start->flow_id += base;
	if (label_follows(c))
		start->flow_label = layout_label_of(by_flow + base);
	else if (how->flow_field == FLOW_BY_LABEL)
		start->flow_label = layout_label_after(how->flow_label, base);
	start->src_port = (uint16_t)src_port;
	start->dst_port = (uint16_t)dst_port;
	return src_port <= UINT16_MAX && dst_port <= UINT16_MAX &&
	       start->flow_id <= UINT16_MAX;
}

/* One run of an experiment. False: there is no such packet. */
static bool
set_start(const struct classify *c, const struct experiment *e, uint32_t number,
    struct prober_start *start)
{
	int last = multipath_last_ttl(c->search);

	*start = c->start;
	snprintf(start->algorithm, sizeof(start->algorithm), "mda");
	if (last >= start->first_ttl)
		start->max_ttl = (uint8_t)last;
	start->flow_field = flow_field(c, e->trait);
	if (is_single(c, e->trait))
		start->max_flows = 1;
	if (!set_base(c, e->base, start))
		return false;
	switch ((enum trait)e->trait) {
	case TRAIT_SRC_PORT:
		/* Its flows need not be those of the search, but free. */
		if (!is_single(c, e->trait))
			start->src_port = c->start.src_port;
		else if (start->src_port > UINT16_MAX - number)
			return false;
		else
			start->src_port = (uint16_t)(start->src_port + number);
		break;
	case TRAIT_TOS:
		start->tos = (uint8_t)(start->tos + 4 * number);
		break;
	case TRAIT_DESTINATION:
		set_destination(number, &start->target);
		break;
	case TRAIT_DST_PORT:
	case TRAIT_CHECKSUM:
	case TRAIT_LABEL:
	case TRAITS:
		break;
	}
	return true;
}

/* ---- what to run ----------------------------------------------------------------- */

static int
add_run(struct classify *c, uint32_t experiment)
{
	struct experiment *e = &c->experiments[experiment];
	struct run *runs = realloc(c->runs, (c->runs_count + 1) * sizeof(*runs));
	struct run *r;

	if (runs == NULL)
		return -ENOMEM;
	c->runs = runs;
	if (e->trait == TRAIT_DESTINATION)
		while (
		    e->runs != 0 && e->runs < destinations(c) && is_border(c, e->runs))
			e->runs++;
	if (e->trait == TRAIT_DESTINATION && e->runs >= destinations(c))
		return 0;
	r = &runs[c->runs_count];
	*r = (struct run){.experiment = experiment,
	    .flow = e->runs,
	    .single = is_single(c, e->trait)};
	c->runs_count += set_start(c, e, e->runs, &r->start);
	e->runs++;
	return 0;
}

/* What is left of the limits of the whole is shared by runs that go at once. */
static bool
share_limits(struct classify *c, uint32_t first)
{
	uint32_t count = c->runs_count - first;
	uint64_t sent = (uint64_t)c->search->done.sent + c->sent;
	int64_t passed = clock_realtime() - c->search->began;

	for (uint32_t i = first; i < c->runs_count; i++) {
		struct prober_start *s = &c->runs[i].start;

		if (s->send_gap > INT64_MAX / 2 / count)
			return false;
		s->send_gap *= count;
		if (s->timeout != 0 && s->timeout <= passed)
			return false;
		if (s->timeout != 0 && passed > 0)
			s->timeout -= passed;
		if (s->max_probes == 0)
			continue;
		if (sent + count > s->max_probes)
			return false;
		s->max_probes = (uint32_t)((s->max_probes - sent) / count);
	}
	return true;
}

/* Some node lacks flows to be judged by, but is on the way of some. */
static bool
wants_flows(const struct classify *c, const struct experiment *e)
{
	const struct graph *g = c->search->graph;

	for (uint32_t i = 0; i < graph_vertices(g); i++) {
		const struct vertex *v = graph_vertex(g, i);

		if ((v->kind == VERTEX_SOURCE || v->kind == VERTEX_ROUTER) &&
		    trait_wants_flows(e->graph, e->trait, v, c->needed))
			return true;
	}
	return false;
}

/* How many runs of an experiment are to be begun now; 0: it is done. */
static uint32_t
batch_size(const struct classify *c, const struct experiment *e)
{
	uint32_t most = e->trait == TRAIT_DESTINATION ? destinations(c) : SINGLES_MAX;
	uint32_t room = most - e->runs, twice = 2 * c->needed;
	uint32_t batch = c->needed;

	if (!is_single(c, e->trait))
		return e->runs == 0 ? 1 : 0;
	if (e->runs >= most || (e->runs >= c->needed && !wants_flows(c, e)))
		return 0;
	/* Those that differ in nothing else are asked one after the other. */
	if (e->trait != TRAIT_DESTINATION)
		return e->runs < twice ? 1 : 0;
	return batch < room ? batch : room;
}

/*
 * A flow of the search that comes to a balancer which is not judged yet; false: there
 * is none.
 */
static bool
find_base(const struct classify *c, enum trait trait, uint32_t tried, uint32_t *base)
{
	const struct graph *g = c->search->graph;

	for (uint32_t i = 0; i < graph_vertices(g); i++) {
		const struct vertex *v = graph_vertex(g, i);

		if (v->next_count < 2 || v->flows_count == 0 ||
		    classify_judge(c, trait, v, NULL) != VERDICT_UNTESTED)
			continue;
		*base = v->flows[tried % v->flows_count];
		return true;
	}
	return false;
}

static int
add_experiment(struct classify *c, enum trait trait, uint32_t base)
{
	struct experiment *all =
	    realloc(c->experiments, (c->experiments_count + 1) * sizeof(*all));
	struct experiment *e;

	if (all == NULL)
		return -ENOMEM;
	c->experiments = all;
	e = &all[c->experiments_count];
	*e = (struct experiment){.trait = (uint8_t)trait,
	    .base = base,
	    .graph = graph_new(c->start.first_ttl, c->start.max_ttl)};
	if (e->graph == NULL)
		return -ENOMEM;
	c->experiments_count++;
	return 0;
}

/* Plans the next runs of a trait, if any. */
static int
plan_trait(struct classify *c, enum trait trait)
{
	uint32_t tried = 0, latest = 0, base = 0;
	int error = 0;

	for (uint32_t i = 0; i < c->experiments_count; i++)
		if (c->experiments[i].trait == trait) {
			tried++;
			latest = i;
		}
	if (tried == 0 || batch_size(c, &c->experiments[latest]) == 0) {
		if (tried != 0 && (trait == TRAIT_DESTINATION || tried == BASES_MAX ||
				      !find_base(c, trait, tried, &base)))
			return 0;
		latest = c->experiments_count;
		error = add_experiment(c, trait, base);
	}
	if (error != 0)
		return error;
	for (uint32_t n = batch_size(c, &c->experiments[latest]); n > 0 && error == 0;
	     n--)
		error = add_run(c, latest);
	return error;
}

/* Plans until there is something to run. */
static int
plan(struct classify *c)
{
	uint32_t first = c->runs_count;

	for (unsigned int trait = 0; trait < TRAITS;) {
		uint32_t begun = 0;
		int error;

		for (uint32_t i = 0; i < c->experiments_count; i++)
			begun += c->experiments[i].runs;
		if (classify_asks(c, trait) && !search_shows(c, trait)) {
			error = plan_trait(c, trait);
			if (error != 0)
				return error;
		}
		if (c->runs_count > first)
			return 0;
		/* Packets that cannot be: try the next ones. */
		for (uint32_t i = 0; i < c->experiments_count; i++)
			begun -= c->experiments[i].runs;
		trait += begun == 0;
	}
	return 0;
}

static void
end(struct classify *c, bool broken)
{
	c->over = true;
	c->broken = broken;
}

int
classify_go_on(struct classify *c, bool stopped)
{
	uint32_t first = c->runs_count;
	int error;

	if (c->over || c->runs_done < c->runs_count)
		return 0;
	if (stopped) {
		end(c, true);
		return 0;
	}
	if (c->needed == 0)
		c->needed = trait_flows_needed(multipath_alpha(c->search));
	error = c->needed == 0 ? -ENOMEM : plan(c);
	if (error != 0)
		return error;
	if (c->runs_count == first)
		end(c, false);
	else if (!share_limits(c, first)) {
		c->runs_count = first;
		end(c, true);
	}
	return 0;
}

/* ---- what the prober says -------------------------------------------------------- */

static struct run *
find_run(struct classify *c, uint32_t run)
{
	return run < c->runs_begun && !c->runs[run].done ? &c->runs[run] : NULL;
}

int
classify_take_started(struct classify *c, uint32_t run, const struct prober_started *m)
{
	struct run *r = find_run(c, run);

	(void)m;
	if (r == NULL || r->started)
		return -EBADMSG;
	r->started = true;
	return 0;
}

int
classify_take_result(struct classify *c, uint32_t run, const struct prober_result *m)
{
	struct run *r = find_run(c, run);
	struct graph *g;
	uint32_t flow;

	if (r == NULL || !r->started || m->outcome == RESULT_SENT)
		return -EBADMSG;
	if (m->outcome == RESULT_AMBIGUOUS)
		return 0;
	if (m->ttl < r->start.first_ttl || m->ttl > r->start.max_ttl ||
	    m->flow >= (r->single ? 1 : GRAPH_FLOWS_MAX))
		return -EBADMSG;
	flow = r->single ? r->flow : m->flow;
	g = c->experiments[r->experiment].graph;
	if (m->outcome == RESULT_REPLY ||
	    (m->outcome == RESULT_LATE && (m->flags & RESULT_UNTAGGED) == 0))
		(void)graph_answer(g, flow, m->ttl, &m->from,
		    (m->flags & RESULT_FINAL) != 0 ? VERTEX_END : VERTEX_ROUTER,
		    (m->flags & RESULT_REACHED) != 0);
	else if (m->outcome == RESULT_TIMEOUT && (m->flags & RESULT_AGAIN) == 0)
		(void)graph_silent(g, flow, m->ttl);
	return graph_failed(g) ? -ENOMEM : 0;
}

int
classify_take_done(struct classify *c, uint32_t run, const struct prober_done *m)
{
	struct run *r = find_run(c, run);

	if (r == NULL)
		return -EBADMSG;
	r->done = true;
	c->runs_done++;
	c->sent += m->sent;
	switch ((enum prober_reason)m->reason) {
	case REASON_REACHED:
	case REASON_UNREACHABLE:
	case REASON_GAP_LIMIT:
	case REASON_HOP_LIMIT:
	case REASON_LOOP:
	case REASON_SEARCH_LIMIT:
		break;
	case REASON_INTERRUPTED:
	case REASON_TIMED_OUT:
	case REASON_HELPER_LOST:
	case REASON_FAILED:
		c->broken = true;
		c->last = *m;
		break;
	}
	if (c->broken && c->runs_done == c->runs_count)
		end(c, true);
	return 0;
}

void
classify_break_off(struct classify *c)
{
	if (!c->over)
		end(c, true);
}
