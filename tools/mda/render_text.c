#include "tools/mda/render_text.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/names_messages.h"
#include "tools/mda/words.h"
#include "tools/shared/escape.h"
#include "tools/shared/origin_text.h"
#include "tools/shared/reply_text.h"

/* Escaping makes at most four characters of a byte. */
#define NAME_TEXT_MAX (4 * NAMES_NAME_MAX + 1)
#define WIDTH 80 /* lists of successors are broken there */
#define INDENT 6

struct text {
	const struct findings *f;
	const struct multipath *t;
	const struct naming *naming;
	struct output *out;
	size_t column; /* of a list */
};

static const struct vertex *
vertex_of(const struct text *x, uint32_t vertex)
{
	return graph_vertex(x->t->graph, vertex);
}

/* ---- pieces ---------------------------------------------------------------------- */

/* A time in milliseconds, rounded to the microsecond, with integers only. */
static void
print_time(struct text *x, const char *before, int64_t ns)
{
	int64_t us = (ns + NS_PER_US / 2) / NS_PER_US;

	output_print(x->out, "%s%lld.%03lld", before, (long long)(us / 1000),
	    (long long)(us % 1000));
}

/* A probability as a percentage that is never rounded up to what was not reached. */
static void
print_percent(struct text *x, double probability)
{
	long long hundredths = (long long)(probability * 10000 + 1e-9);

	if (hundredths >= 10000)
		hundredths = 9999; /* one can never be certain */
	output_print(x->out, "%lld.%02lld %%", hundredths / 100, hundredths % 100);
}

static const char *
plural(uint32_t count)
{
	return count == 1 ? "" : "s";
}

static void
print_addr(struct text *x, const struct addr *a)
{
	char addr[REPLY_ADDR_MAX], escaped[NAME_TEXT_MAX], origin[ORIGIN_TEXT_MAX];
	const char *name;

	reply_addr_text(a, addr);
	if (!naming_has_names(x->naming))
		output_print(x->out, "%s", addr);
	else if (naming_name(x->naming, a, &name) == NAME_KNOWN)
		output_print(x->out, "%s (%s)",
		    escape_terminal(name, escaped, sizeof(escaped)), addr);
	else
		output_print(x->out, "%s (%s)", addr, addr);
	output_print(x->out, "%s", origin_text(x->naming, a, origin));
}

/* ---- a node ---------------------------------------------------------------------- */

/* The traits of a node that have this verdict, behind these words. */
static const char *
print_traits(struct text *x, uint32_t vertex, enum verdict verdict, const char *before,
    const char *words)
{
	const char *comma = "";

	for (unsigned int t = 0; t < TRAIT_DESTINATION; t++) {
		if (!classify_asks(x->f->classes, t) ||
		    findings_judge(x->f, vertex, t) != verdict)
			continue;
		if (comma[0] == '\0')
			output_print(x->out, "%s%s", before, words);
		output_print(x->out, "%s%s", comma, trait_words(t));
		comma = ", ";
	}
	return comma[0] == '\0' ? before : "; ";
}

/* Which fields it hashes. */
static void
print_hashes(struct text *x, uint32_t vertex)
{
	const char *before = ", ";

	before = print_traits(x, vertex, VERDICT_YES, before, "hashes ");
	before = print_traits(x, vertex, VERDICT_NO, before, "not ");
	print_traits(x, vertex, VERDICT_UNTESTED, before, "untested ");
}

/* How a node with several successors chooses among them. */
static void
print_balance(struct text *x, uint32_t vertex)
{
	static const char *const words[] = {[BALANCE_NONE] = "",
	    [BALANCE_UNTESTED] = "balances",
	    [BALANCE_FLOW] = "balances per flow",
	    [BALANCE_DESTINATION] = "balances per destination",
	    [BALANCE_PACKET] = "balances per packet",
	    [BALANCE_CHANGED] = "route changed",
	    [BALANCE_UNSTEADY] = "flows do not stay"};
	uint8_t kind = x->f->balances.kinds[vertex];
	uint32_t ways = findings_ways(x->f, vertex);

	if (kind == BALANCE_NONE)
		return;
	output_print(x->out, "  %s", words[kind]);
	if (ways > 1)
		output_print(x->out, ", %u ways", ways);
	if (x->f->classes != NULL && (kind == BALANCE_FLOW || kind == BALANCE_UNTESTED))
		print_hashes(x, vertex);
}

/* What is known of its successors. */
static void
print_evidence(struct text *x, uint32_t vertex)
{
	const struct vertex *v = vertex_of(x, vertex);

	if (x->f->needed[vertex] == 0)
		return;
	if (v->evidence == 0) {
		output_print(x->out, "  (not asked beyond)");
		return;
	}
	if (x->f->by_hop[vertex]) {
		output_print(x->out, "  (%u flow%s; its whole hop was tested)",
		    v->evidence, plural(v->evidence));
		return;
	}
	output_print(x->out, "  (%u flow%s, ", v->evidence, plural(v->evidence));
	print_percent(x, findings_confidence(x->f, vertex));
	output_print(x->out, ")");
}

static void
print_marks(struct text *x, uint32_t vertex)
{
	uint32_t found = x->f->rare[vertex];
	struct prober_result m;
	char annotation[ANNOTATION_MAX];

	if (vertex_of(x, vertex)->kind == VERTEX_END &&
	    x->f->figures[vertex].answers != 0) {
		multipath_result(x->t, x->f->figures[vertex].example, &m);
		if (reply_annotation(&m, annotation)[0] != '\0')
			output_print(x->out, " %s", annotation);
	}
	for (unsigned int a = 0; a < ANOMALIES; a++)
		if ((found >> a & 1) != 0 && anomaly_mark(a) != NULL)
			output_print(x->out, " %s", anomaly_mark(a));
}

static void
print_times(struct text *x, uint32_t vertex)
{
	const struct vertex_figures *figures = &x->f->figures[vertex];

	if (figures->rtt_min < 0)
		return;
	print_time(x, "  ", figures->rtt_min);
	print_time(x, "/", figures->rtt_median);
	output_print(x->out, " ms");
}

/* ---- branches -------------------------------------------------------------------- */

/* One item of a list that is broken at the right margin. */
static void
list_item(struct text *x, const char *item, bool first)
{
	size_t len = strlen(item) + (first ? 0 : 2);

	if (!first && x->column + len + 1 > WIDTH) {
		output_print(x->out, ",\n%*s%s", INDENT + 3, "", item);
		x->column = INDENT + 3 + strlen(item);
		return;
	}
	output_print(x->out, "%s%s", first ? "" : ", ", item);
	x->column += len;
}

static void
print_successors(struct text *x, const struct vertex *v)
{
	char addr[REPLY_ADDR_MAX], item[REPLY_ADDR_MAX + 40];
	bool first = true;

	output_print(x->out, "%*s-> ", INDENT, "");
	x->column = INDENT + 3;
	/* In the order in which they are printed themselves. */
	for (uint32_t i = 0; i < x->f->order_count; i++) {
		uint32_t to = x->f->order[i];
		const struct vertex *w = vertex_of(x, to);

		for (uint32_t j = 0; j < v->next_count; j++) {
			const struct link *l = graph_link(x->t->graph, v->next[j]);

			const char *unit = !first                ? ""
					   : l->flows_count == 1 ? " flow"
								 : " flows";

			if (l->to != to)
				continue;
			snprintf(item, sizeof(item), "%s (%u%s)%s",
			    w->kind == VERTEX_SILENT ? "*"
						     : reply_addr_text(&w->addr, addr),
			    l->flows_count, unit,
			    x->f->balances.doubtful[v->next[j]] ? "?" : "");
			list_item(x, item, first);
			first = false;
		}
	}
	output_print(x->out, "\n");
}

/* Whether the list says more than that all go on to the next line. */
static bool
needs_list(const struct text *x, const struct vertex *v)
{
	uint32_t width = 0;

	if (v->next_count != 1)
		return v->next_count > 1;
	for (uint32_t i = 0; i < x->f->order_count; i++)
		width += vertex_of(x, x->f->order[i])->ttl == v->ttl + 1;
	return width > 1;
}

/* ---- the graph ------------------------------------------------------------------- */

static void
print_silent(struct text *x, const struct vertex *v)
{
	char addr[REPLY_ADDR_MAX];
	const struct vertex *before = NULL;

	if (v->prev_count != 0)
		before = vertex_of(x, graph_link(x->t->graph, v->prev[0])->from);
	output_print(x->out, "*  no answer to %u flow%s", v->flows_count,
	    plural(v->flows_count));
	if (before != NULL && !addr_is_none(&before->addr) && needs_list(x, before))
		output_print(
		    x->out, " behind %s", reply_addr_text(&before->addr, addr));
}

static void
print_vertex(struct text *x, uint32_t vertex, bool first)
{
	const struct vertex *v = vertex_of(x, vertex);

	if (first)
		output_print(x->out, "%2u  ", v->ttl);
	else
		output_print(x->out, "    ");
	if (v->kind == VERTEX_SOURCE) {
		print_addr(x, &x->t->how.source);
		output_print(x->out, "  this host");
		if (v->ttl != 0)
			output_print(x->out, " (or what is before hop %d)", v->ttl + 1);
	} else if (v->kind == VERTEX_SILENT) {
		print_silent(x, v);
	} else {
		print_addr(x, &v->addr);
		print_times(x, vertex);
	}
	print_balance(x, vertex);
	print_evidence(x, vertex);
	print_marks(x, vertex);
	output_print(x->out, "\n");
	if (needs_list(x, v))
		print_successors(x, v);
}

static void
print_header(struct text *x)
{
	const struct multipath *t = x->t;
	char addr[REPLY_ADDR_MAX], host[NAME_TEXT_MAX];
	double confidence =
	    1 - (t->asked.alpha != 0 ? t->asked.alpha : PROBER_ALPHA_DEFAULT) /
		    (double)PROBER_ALPHA_UNIT;

	output_print(x->out,
	    "%s to %s (%s), %u hops max, %u byte packets\n"
	    "flows differ in %s; %.9g %% confidence %s\n",
	    t->asked.algorithm, escape_terminal(t->host, host, sizeof(host)),
	    reply_addr_text(&t->asked.target, addr), t->asked.max_ttl,
	    t->how.packet_len, words_flow_field(t), confidence * 100,
	    t->asked.branching != 0  ? "of the graph"
	    : multipath_is_by_hop(t) ? "at each hop"
				     : "at each node");
}

static void
print_graph(struct text *x)
{
	int ttl = -1;

	for (uint32_t i = 0; i < x->f->order_count; i++) {
		const struct vertex *v = vertex_of(x, x->f->order[i]);

		print_vertex(x, x->f->order[i], v->ttl != ttl);
		ttl = v->ttl;
	}
}

/* ---- what it comes to ------------------------------------------------------------ */

static void
print_sum(struct text *x)
{
	const struct multipath *t = x->t;
	const struct findings *f = x->f;
	uint32_t sent = t->answered + t->lost + t->unawaited;
	char host[NAME_TEXT_MAX], reason[WORDS_MAX];

	words_reason(t, reason);
	escape_terminal(t->host, host, sizeof(host));
	if (multipath_reached(t))
		output_print(x->out, "%s was reached", host);
	else
		output_print(x->out, "%s was not reached", host);
	output_print(x->out, "%s%s: %d hop%s, %u node%s, %u link%s",
	    reason[0] != '\0' ? "; " : "", reason, multipath_last_ttl(t),
	    plural((uint32_t)multipath_last_ttl(t)), f->nodes, plural(f->nodes),
	    f->links, plural(f->links));
	if (f->widest > 1)
		output_print(x->out, ", up to %u at a hop", f->widest);
	output_print(x->out, "; %u probe%s, %u lost", sent, plural(sent), t->lost);
	if (t->unawaited != 0)
		output_print(x->out, ", %u not waited for", t->unawaited);
	if (t->ended > t->began)
		print_time(x, ", ", t->ended - t->began);
	output_print(x->out, "%s.\n", t->ended > t->began ? " ms" : "");
}

/* One line for what was not learned. */
static void
print_missing(struct text *x)
{
	const struct findings *f = x->f;
	const char *coverage = words_coverage(x->t);
	uint32_t doubtful = 0, looped = 0;

	if (coverage != NULL)
		output_print(x->out, "%s\n", coverage);
	if (f->unfinished != 0)
		output_print(x->out,
		    "Not asked to the end: %u node%s, which may have further "
		    "successors.\n",
		    f->unfinished, plural(f->unfinished));
	for (uint32_t i = 0; i < f->order_count; i++)
		looped += (f->rare[f->order[i]] &
			      (1U << ANOMALY_LOOP | 1U << ANOMALY_CYCLE)) != 0;
	if (looped != 0)
		output_print(x->out,
		    "In a circle: %u node%s, at hops to which packets came back.\n",
		    looped, plural(looped));
	if (f->silent != 0)
		output_print(x->out,
		    "Not seen: who is at %u place%s that did not answer.\n", f->silent,
		    plural(f->silent));
	for (uint32_t i = 0; i < graph_links(x->t->graph); i++)
		doubtful += f->balances.doubtful[i] &&
			    graph_link(x->t->graph, i)->flows_count != 0;
	if (doubtful != 0)
		output_print(x->out,
		    "Not certain: %u link%s behind nodes that do not keep a flow on "
		    "one path (?).\n",
		    doubtful, plural(doubtful));
}

/* What it took to find out what nodes tell packets apart by. */
static void
print_classes(struct text *x)
{
	const struct classify *c = x->f->classes;
	uint32_t undrawn = 0, undecided = 0;
	char why[WORDS_MAX];

	if (c == NULL)
		return;
	for (uint32_t i = 0; i < x->f->order_count; i++) {
		uint32_t vertex = x->f->order[i];

		undrawn +=
		    findings_ways(x->f, vertex) > vertex_of(x, vertex)->next_count;
		undecided += findings_is_undecided(x->f, vertex);
	}
	output_print(x->out,
	    "What nodes tell packets apart by took %u further probe%s.\n", c->sent,
	    plural(c->sent));
	if (undrawn != 0)
		output_print(x->out,
		    "Not shown: where %u node%s what differs in other fields, or in "
		    "its destination.\n",
		    undrawn, undrawn == 1 ? " sends" : "s send");
	if (undecided != 0)
		output_print(x->out,
		    "Not found out: all of it, of %u node%s where too few packets "
		    "came.\n",
		    undecided, plural(undecided));
	if (c->broken && c->last.reason == REASON_FAILED)
		output_print(x->out, "It was not found out to the end: %s.\n",
		    words_failure(&c->last, why));
	else if (c->broken)
		output_print(x->out, "It was not found out to the end.\n");
}

void
graph_render_text(
    const struct findings *f, const struct naming *naming, struct output *out)
{
	struct text x = {.f = f, .t = f->paths, .naming = naming, .out = out};

	if (!f->paths->has_started)
		return;
	print_header(&x);
	print_graph(&x);
	print_sum(&x);
	print_missing(&x);
	print_classes(&x);
}
