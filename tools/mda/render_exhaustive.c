#include "tools/mda/render_exhaustive.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/names_messages.h"
#include "tools/shared/escape.h"
#include "tools/shared/reply_text.h"

/* Escaping makes at most four characters of a byte. */
#define NAME_TEXT_MAX (4 * NAMES_NAME_MAX + 1)

/* The round trips of one vertex, in milliseconds. */
struct times {
	uint32_t count;
	double min, max, mean;
	double squares; /* sum of squared distances from the mean (Welford) */
};

struct text {
	const struct findings *f;
	const struct multipath *t;
	const struct naming *naming;
	struct output *out;
	struct times *times; /* by vertex */
	bool labelled[256];  /* by hop: some answer has labels */
};

/* ---- figures --------------------------------------------------------------------- */

static void
add_time(struct times *t, double ms)
{
	double away = ms - t->mean;

	if (t->count == 0 || ms < t->min)
		t->min = ms;
	if (t->count == 0 || ms > t->max)
		t->max = ms;
	t->count++;
	t->mean += away / t->count;
	t->squares += away * (ms - t->mean);
}

/* Reads all answers once. */
static int
find_figures(struct text *x)
{
	uint32_t vertices = graph_vertices(x->t->graph);

	x->times = calloc((size_t)vertices + 1, sizeof(*x->times));
	if (x->times == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < x->t->results_count; i++) {
		struct prober_result m;
		uint32_t at;

		multipath_result(x->t, i, &m);
		if (!multipath_is_answer(&m))
			continue;
		x->labelled[m.ttl] = x->labelled[m.ttl] || m.mpls_count != 0;
		at = graph_find(x->t->graph, m.ttl, &m.from);
		if (at < vertices && m.rtt >= 0)
			add_time(&x->times[at], (double)m.rtt / NS_PER_MS);
	}
	return 0;
}

static bool
is_interface(const struct text *x, const struct vertex *v)
{
	return !addr_is_none(&v->addr) && v->flows_count != 0 &&
	       multipath_shows(x->t, v);
}

/* Of this hop: interfaces, flows that were answered, and those asked. */
static uint32_t
count_hop(const struct text *x, uint8_t ttl, uint32_t *answered, uint32_t *asked)
{
	uint32_t count, interfaces = 0;
	const uint32_t *vertices = graph_hop(x->t->graph, ttl, &count);

	*answered = *asked = 0;
	for (uint32_t k = 0; k < count; k++) {
		const struct vertex *v = graph_vertex(x->t->graph, vertices[k]);

		*asked += v->flows_count;
		if (!addr_is_none(&v->addr))
			*answered += v->flows_count;
		interfaces += is_interface(x, v);
	}
	return interfaces;
}

/* ---- an interface ---------------------------------------------------------------- */

static int
by_number(const void *a, const void *b)
{
	const uint32_t *one = a, *other = b;

	return (*one > *other) - (*one < *other);
}

static int
print_flows(struct text *x, const struct vertex *v)
{
	uint32_t *flows = calloc(v->flows_count, sizeof(*flows));

	if (flows == NULL)
		return -ENOMEM;
	for (uint32_t k = 0; k < v->flows_count; k++)
		flows[k] = v->flows[k];
	qsort(flows, v->flows_count, sizeof(*flows), by_number);
	for (uint32_t k = 0; k < v->flows_count; k++)
		output_print(x->out, "%s%u", k == 0 ? ":" : ",", flows[k]);
	free(flows);
	return 0;
}

/* Behind a bare IPv6 address flows would look like a part of it. */
static void
print_addr(struct text *x, const struct addr *a, bool with_flows)
{
	char addr[REPLY_ADDR_MAX], escaped[NAME_TEXT_MAX];
	const char *name;

	reply_addr_text(a, addr);
	if (!naming_has_names(x->naming)) {
		if (with_flows && a->family == AF_INET6)
			output_print(x->out, " [%s]", addr);
		else
			output_print(x->out, " %s", addr);
		return;
	}
	if (naming_name(x->naming, a, &name) == NAME_KNOWN)
		escape_terminal(name, escaped, sizeof(escaped));
	output_print(x->out, " %s (%s)", name != NULL ? escaped : addr, addr);
}

static int
print_interface(struct text *x, uint32_t vertex, bool with_flows)
{
	const struct vertex *v = graph_vertex(x->t->graph, vertex);
	const struct times *t = &x->times[vertex];
	uint8_t kind = x->f->balances.kinds[vertex];
	char annotation[ANNOTATION_MAX] = "";
	struct prober_result example;

	print_addr(x, &v->addr, with_flows);
	if (with_flows && print_flows(x, v) != 0)
		return -ENOMEM;
	if (kind == BALANCE_FLOW || kind == BALANCE_DESTINATION)
		output_print(x->out, " =");
	else if (kind == BALANCE_PACKET)
		output_print(x->out, " <");
	if (t->count != 0)
		output_print(x->out, "  %.3f/%.3f/%.3f/%.3f ms ", t->min, t->mean,
		    t->max, sqrt(t->squares / t->count));
	if (x->f->figures[vertex].answers != 0) {
		multipath_result(x->t, x->f->figures[vertex].example, &example);
		reply_annotation(&example, annotation);
	}
	if (annotation[0] != '\0')
		output_print(x->out, "%s ", annotation);
	return 0;
}

/* ---- labels ---------------------------------------------------------------------- */

static bool
same_labels(const struct prober_result *a, const struct prober_result *b)
{
	if (a->mpls_count != b->mpls_count)
		return false;
	for (uint8_t k = 0; k < a->mpls_count; k++)
		if (a->mpls[k].label != b->mpls[k].label)
			return false;
	return true;
}

/* The stacks of a hop, each once where it does not change from answer to answer. */
static void
print_labels(struct text *x, uint8_t ttl)
{
	struct prober_result last = {0};
	bool any = false;

	for (size_t i = 0; i < x->t->results_count; i++) {
		struct prober_result m;

		multipath_result(x->t, i, &m);
		if (m.ttl != ttl || m.mpls_count == 0 || !multipath_is_answer(&m) ||
		    same_labels(&m, &last))
			continue;
		output_print(x->out, "%s%u TTL=%u", any ? ", " : "   MPLS Label ",
		    m.mpls[0].label, m.mpls[0].ttl);
		for (uint8_t k = 1; k < m.mpls_count; k++)
			output_print(x->out, " | %u", m.mpls[k].label);
		any = true;
		last = m;
	}
	if (any)
		output_print(x->out, "\n");
}

/* ---- all of it ------------------------------------------------------------------- */

static int
print_hop(struct text *x, uint8_t ttl)
{
	uint32_t answered, asked, count;
	const uint32_t *vertices = graph_hop(x->t->graph, ttl, &count);
	bool several = count_hop(x, ttl, &answered, &asked) > 1;

	output_print(x->out, "%2u  P(%u, %u)", ttl, answered, asked);
	for (uint32_t k = 0; k < count; k++)
		if (is_interface(x, graph_vertex(x->t->graph, vertices[k])) &&
		    print_interface(x, vertices[k], several) != 0)
			return -ENOMEM;
	output_print(x->out, "\n");
	if (x->labelled[ttl])
		print_labels(x, ttl);
	return 0;
}

static void
print_header(struct text *x)
{
	const struct multipath *t = x->t;
	int64_t took = t->ended > t->began ? t->ended - t->began : 0;
	char source[REPLY_ADDR_MAX], target[REPLY_ADDR_MAX];

	output_print(x->out,
	    "traceroute [(%s:%u) -> (%s:%u)], protocol %s, algo exhaustive, "
	    "duration %lld s\n",
	    reply_addr_text(&t->how.source, source), t->how.src_port,
	    reply_addr_text(&t->asked.target, target), t->how.dst_port, t->protocol,
	    (long long)(took / NS_PER_SECOND));
}

int
graph_render_exhaustive(
    const struct findings *f, const struct naming *naming, struct output *out)
{
	struct text x = {.f = f, .t = f->paths, .naming = naming, .out = out};
	int last = multipath_last_ttl(f->paths);
	int error;

	if (!f->paths->has_started)
		return 0;
	error = find_figures(&x);
	if (error == 0)
		print_header(&x);
	for (int ttl = f->paths->asked.first_ttl; ttl <= last && error == 0; ttl++)
		error = print_hop(&x, (uint8_t)ttl);
	free(x.times);
	return error;
}
