#include "tools/fakeroute/topology_lint.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static void
message(struct topology_log *log, unsigned int line, const char *kind,
    const char *format, va_list args)
{
	if (log->messages == NULL)
		return;
	fprintf(log->messages, "%s:%u: %s: ", log->name, line, kind);
	vfprintf(log->messages, format, args);
	fputc('\n', log->messages);
}

void
topology_fail(struct topology_log *log, unsigned int line, const char *format, ...)
{
	va_list args;

	log->t->errors++;
	va_start(args, format);
	message(log, line, "error", format, args);
	va_end(args);
}

void
topology_warn(struct topology_log *log, unsigned int line, const char *format, ...)
{
	va_list args;

	log->t->warnings++;
	va_start(args, format);
	message(log, line, "warning", format, args);
	va_end(args);
}

/* One link by indices, for sorting: a repeated link stands next to its twin. */
static int
compare_links(const void *a, const void *b)
{
	const struct topology_link *x = a, *y = b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	if (x->to != y->to)
		return x->to < y->to ? -1 : 1;
	return x->line < y->line ? -1 : x->line > y->line;
}

/* A link that comes or goes may come back as another. */
static bool
changes(const struct topology_link *l)
{
	return l->span.since.kind != TOPOLOGY_MOMENT_NONE ||
	       l->span.until.kind != TOPOLOGY_MOMENT_NONE;
}

static void
lint_repeated_links(struct topology_log *log)
{
	struct topology *t = log->t;
	struct topology_link *sorted = calloc(t->links_count + 1, sizeof(*sorted));

	if (sorted == NULL) {
		log->out_of_memory = true;
		return;
	}
	if (t->links_count > 0)
		memcpy(sorted, t->links, t->links_count * sizeof(*sorted));
	qsort(sorted, t->links_count, sizeof(*sorted), compare_links);
	for (size_t i = 1; i < t->links_count; i++)
		if (sorted[i].from == sorted[i - 1].from &&
		    sorted[i].to == sorted[i - 1].to && !changes(&sorted[i]) &&
		    !changes(&sorted[i - 1]))
			topology_fail(log, sorted[i].line,
			    "the link from '%s' to '%s' is already in line %u",
			    t->nodes[sorted[i].from].name, t->nodes[sorted[i].to].name,
			    sorted[i - 1].line);
	free(sorted);
}

static void
lint_addr(struct topology_log *log, size_t node, size_t index)
{
	const struct topology *t = log->t;
	const struct topology_node *mine = &t->nodes[node];
	const struct topology_addr *a = &mine->addrs[index];
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i <= node; i++)
		for (size_t j = 0; j < (i == node ? index : t->nodes[i].addrs_count);
		     j++) {
			const struct topology_node *other = &t->nodes[i];

			if (!addr_equal(&other->addrs[j].addr, &a->addr) ||
			    other->addrs[j].prefix != a->prefix ||
			    (mine->options.shared && other->options.shared))
				continue;
			if (other->line == 0)
				topology_fail(log, mine->line,
				    "%s is the host's address unless a line 'host' "
				    "gives it another",
				    addr_to_text(&a->addr, text));
			else
				topology_fail(log, mine->line,
				    "%s is already an address of '%s' (line %u); if "
				    "that is meant, say shared at both",
				    addr_to_text(&a->addr, text), other->name,
				    other->line);
			return;
		}
}

static void
lint_addrs(struct topology_log *log)
{
	for (size_t i = 0; i < log->t->nodes_count; i++)
		for (size_t j = 0; j < log->t->nodes[i].addrs_count; j++)
			lint_addr(log, i, j);
}

/* ---- aliases --------------------------------------------------------------------- */

static bool
rates_equal(const struct topology_rate *a, const struct topology_rate *b)
{
	return a->count == b->count && a->period == b->period;
}

/* What the aliases of a router share must be said alike at all of them. */
static const char *
alias_difference(const struct topology_options *a, const struct topology_options *b)
{
	if (!rates_equal(&a->rate, &b->rate))
		return "rate";
	if (a->burst != b->burst)
		return "burst";
	if (a->rate_of != b->rate_of)
		return "rate-of";
	if (a->ip_id != b->ip_id)
		return "ip-id";
	if (!rates_equal(&a->ip_id_rate, &b->ip_id_rate))
		return "ip-id-rate";
	return NULL;
}

static void
lint_aliases(struct topology_log *log)
{
	const struct topology *t = log->t;

	for (size_t i = 0; i < t->nodes_count; i++) {
		const struct topology_node *node = &t->nodes[i], *first;
		const char *option;

		if (node->options.alias[0] == '\0')
			continue;
		first = &t->nodes[topology_alias(t, (uint32_t)i)];
		option = alias_difference(&node->options, &first->options);
		if (option != NULL)
			topology_fail(log, node->line,
			    "'%s' has another %s than '%s' (line %u), which is the "
			    "same router: alias=%s",
			    node->name, option, first->name, first->line,
			    node->options.alias);
	}
}

/* ---- extensions ------------------------------------------------------------------ */

/* What fits behind a quote of 128 bytes in an error of 576 or 1280 bytes. */
static const size_t extension_most[2] = {576 - 28 - 128, 1280 - 48 - 128};

/* One node's structure as it grows. */
struct extension {
	size_t len[2];
	bool any, whole;
};

static void
lint_object(
    struct topology_log *log, struct extension *e, const struct topology_object *object)
{
	const char *name = log->t->nodes[object->node].name;

	if ((object->whole && e->any) || e->whole)
		topology_fail(log, object->line,
		    "the structure of '%s' must be all of its extension: no mpls, no "
		    "other object",
		    name);
	for (size_t family = 0; family < 2; family++) {
		e->len[family] += object->len[family] + (object->whole ? 0 : 4);
		if (e->len[family] > extension_most[family])
			topology_fail(log, object->line,
			    "the extension of '%s' is longer than the %zu bytes that "
			    "an ICMP error over IPv%c has room for",
			    name, extension_most[family], "46"[family]);
	}
	e->any = true;
	e->whole = e->whole || object->whole;
}

static void
lint_extensions(struct topology_log *log)
{
	struct topology *t = log->t;
	struct extension *all = calloc(t->nodes_count, sizeof(*all));

	if (all == NULL) {
		log->out_of_memory = true;
		return;
	}
	for (size_t i = 0; i < t->nodes_count; i++) {
		size_t labels = t->nodes[i].options.labels_count;

		all[i].any = labels > 0;
		all[i].len[0] = all[i].len[1] = 4 + (labels > 0 ? 4 + 4 * labels : 0);
	}
	for (size_t i = 0; i < t->objects_count; i++)
		lint_object(log, &all[t->objects[i].node], &t->objects[i]);
	free(all);
}

/* ---- loops ----------------------------------------------------------------------- */

/* What it takes to look for loops again and again, as links come and go. */
struct graph {
	struct topology *t;
	uint32_t *first;   /* by node, and one more: where its links begin in by_from */
	uint32_t *by_from; /* links, sorted by the node they lead from */
	uint32_t *into;    /* by node: links that lead there from nodes not removed */
	uint32_t *queue;   /* nodes removed */
	int64_t time, packets;
};

static bool
has_come(const struct graph *g, const struct topology_moment *m)
{
	if (m->kind == TOPOLOGY_MOMENT_TIME)
		return g->time >= m->value;
	return m->kind == TOPOLOGY_MOMENT_NONE || g->packets >= m->value;
}

/*
 * Whether packets are routed over a link then: not over one that is there for a rule,
 * which may form a loop.
 */
static bool
is_route(const struct graph *g, uint32_t link)
{
	const struct topology_link *l = &g->t->links[link];

	return l->weight > 0 && has_come(g, &l->span.since) &&
	       (l->span.until.kind == TOPOLOGY_MOMENT_NONE ||
		   !has_come(g, &l->span.until));
}

static bool
graph_init(struct graph *g, struct topology *t)
{
	*g = (struct graph){.t = t};
	g->first = calloc(t->nodes_count + 2, sizeof(*g->first));
	g->by_from = calloc(t->links_count + 1, sizeof(*g->by_from));
	g->into = calloc(t->nodes_count, sizeof(*g->into));
	g->queue = calloc(t->nodes_count, sizeof(*g->queue));
	if (g->first == NULL || g->by_from == NULL || g->into == NULL ||
	    g->queue == NULL)
		return false;
	for (size_t i = 0; i < t->links_count; i++)
		g->first[t->links[i].from + 2]++;
	for (size_t i = 2; i < t->nodes_count + 2; i++)
		g->first[i] += g->first[i - 1];
	for (uint32_t i = 0; i < t->links_count; i++)
		g->by_from[g->first[t->links[i].from + 1]++] = i;
	return true;
}

static void
graph_free(struct graph *g)
{
	free(g->first);
	free(g->by_from);
	free(g->into);
	free(g->queue);
}

/*
 * Removes nodes without predecessors again and again; what remains lies on or behind a
 * loop. Returns a link of it, or UINT32_MAX.
 */
static uint32_t
find_loop(struct graph *g)
{
	size_t removed = 0, found = 0;

	memset(g->into, 0, g->t->nodes_count * sizeof(*g->into));
	for (uint32_t i = 0; i < g->t->links_count; i++)
		g->into[g->t->links[i].to] += is_route(g, i);
	for (uint32_t i = 0; i < g->t->nodes_count; i++)
		if (g->into[i] == 0)
			g->queue[found++] = i;
	while (removed < found) {
		uint32_t node = g->queue[removed++];

		for (uint32_t i = g->first[node]; i < g->first[node + 1]; i++)
			if (is_route(g, g->by_from[i]) &&
			    --g->into[g->t->links[g->by_from[i]].to] == 0)
				g->queue[found++] = g->t->links[g->by_from[i]].to;
	}
	for (uint32_t i = (uint32_t)g->t->links_count; i-- > 0;)
		if (is_route(g, i) && g->into[g->t->links[i].from] != 0)
			return i;
	return UINT32_MAX;
}

static int
compare_moments(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/*
 * The moments of a kind at which links come or go, each once, and 0 before them.
 * Returns how many.
 */
static size_t
collect_moments(
    const struct topology *t, enum topology_moment_kind kind, int64_t *moments)
{
	size_t count = 1, kept = 1;

	moments[0] = 0;
	for (size_t i = 0; i < t->links_count; i++) {
		const struct topology_span *span = &t->links[i].span;

		if (span->since.kind == kind)
			moments[count++] = span->since.value;
		if (span->until.kind == kind)
			moments[count++] = span->until.value;
	}
	qsort(moments, count, sizeof(*moments), compare_moments);
	for (size_t i = 1; i < count; i++)
		if (moments[i] != moments[kept - 1])
			moments[kept++] = moments[i];
	return kept;
}

/* At every moment: a way that is turned round later is no loop. */
static void
lint_loops(struct topology_log *log)
{
	struct topology *t = log->t;
	int64_t *times = calloc(t->links_count * 2 + 1, sizeof(*times));
	int64_t *packets = calloc(t->links_count * 2 + 1, sizeof(*packets));
	size_t times_count = 0, packets_count = 0;
	uint32_t link = UINT32_MAX;
	struct graph g = {0};

	if (times == NULL || packets == NULL || !graph_init(&g, t)) {
		log->out_of_memory = true;
	} else {
		times_count = collect_moments(t, TOPOLOGY_MOMENT_TIME, times);
		packets_count = collect_moments(t, TOPOLOGY_MOMENT_PACKETS, packets);
	}
	for (size_t i = 0; i < times_count && link == UINT32_MAX; i++)
		for (size_t j = 0; j < packets_count && link == UINT32_MAX; j++) {
			g.time = times[i];
			g.packets = packets[j];
			link = find_loop(&g);
		}
	if (link != UINT32_MAX)
		topology_fail(log, t->links[link].line,
		    "the link from '%s' to '%s' closes a loop; if one is wanted, say "
		    "'rule NODE to=NODE'",
		    t->nodes[t->links[link].from].name,
		    t->nodes[t->links[link].to].name);
	graph_free(&g);
	free(times);
	free(packets);
}

/* ---- reach ----------------------------------------------------------------------- */

/* Marks what is reached from the marked nodes, or leads to them. */
static void
spread(const struct topology *t, bool *marked, bool backwards)
{
	bool changed = true;

	while (changed) {
		changed = false;
		for (size_t i = 0; i < t->links_count; i++) {
			uint32_t from = t->links[i].from, to = t->links[i].to;

			if (backwards ? marked[to] && !marked[from]
				      : marked[from] && !marked[to]) {
				marked[backwards ? from : to] = true;
				changed = true;
			}
		}
	}
}

static void
lint_reach(struct topology_log *log, unsigned int line)
{
	struct topology *t = log->t;
	bool *reached = calloc(t->nodes_count, sizeof(*reached));
	bool *leads = calloc(t->nodes_count, sizeof(*leads));
	size_t targets = 0;

	if (reached == NULL || leads == NULL)
		log->out_of_memory = true;
	for (size_t i = 0; i < t->nodes_count && !log->out_of_memory; i++) {
		leads[i] = t->nodes[i].kind == TOPOLOGY_KIND_TARGET;
		targets += leads[i];
	}
	if (!log->out_of_memory) {
		reached[TOPOLOGY_HOST] = true;
		spread(t, reached, false);
		spread(t, leads, true);
		if (targets == 0)
			topology_fail(
			    log, line, "there is no target: say 'target NAME ADDRESS'");
	}
	for (size_t i = 1; i < t->nodes_count && !log->out_of_memory; i++) {
		const struct topology_node *node = &t->nodes[i];

		if (!reached[i] && node->kind == TOPOLOGY_KIND_TARGET)
			topology_fail(log, node->line,
			    "no links lead from the host to '%s'", node->name);
		else if (!reached[i])
			topology_warn(log, node->line,
			    "no links lead from the host to '%s'", node->name);
		else if (!leads[i])
			topology_warn(log, node->line,
			    "no links lead from '%s' to a target", node->name);
	}
	free(reached);
	free(leads);
}

static void
lint_families(struct topology_log *log)
{
	static const uint32_t families[2] = {AF_INET, AF_INET6};
	struct topology *t = log->t;

	for (size_t i = 1; i < t->nodes_count; i++)
		for (size_t f = 0; f < 2; f++)
			if (t->nodes[i].kind == TOPOLOGY_KIND_TARGET &&
			    topology_node_addr(&t->nodes[i], families[f]) != NULL &&
			    topology_node_addr(&t->nodes[TOPOLOGY_HOST], families[f]) ==
				NULL)
				topology_warn(log, t->nodes[i].line,
				    "'%s' has an IPv%c address, the host has none",
				    t->nodes[i].name, "46"[f]);
}

void
topology_lint(struct topology_log *log, unsigned int line)
{
	lint_repeated_links(log);
	lint_addrs(log);
	if (log->t->errors > 0 || log->out_of_memory)
		return;
	lint_aliases(log);
	lint_extensions(log);
	lint_loops(log);
	lint_reach(log, line);
	lint_families(log);
}
