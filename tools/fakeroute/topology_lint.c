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
		    sorted[i].to == sorted[i - 1].to)
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
			topology_fail(log, mine->line,
			    "%s is already an address of '%s' (line "
			    "%u); if that is meant, say shared at both",
			    addr_to_text(&a->addr, text), other->name, other->line);
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

/*
 * Removes nodes without predecessors again and again; what remains lies on or behind a
 * loop. One link of it is named.
 */
static void
lint_loops(struct topology_log *log)
{
	struct topology *t = log->t;
	uint32_t *into = calloc(t->nodes_count, sizeof(*into));
	bool *gone = calloc(t->nodes_count, sizeof(*gone));
	bool changed = true;

	if (into == NULL || gone == NULL)
		log->out_of_memory = true;
	for (size_t i = 0; i < t->links_count && !log->out_of_memory; i++)
		into[t->links[i].to]++;
	while (changed && !log->out_of_memory) {
		changed = false;
		for (uint32_t n = 0; n < t->nodes_count; n++) {
			if (gone[n] || into[n] != 0)
				continue;
			gone[n] = changed = true;
			for (size_t i = 0; i < t->links_count; i++)
				into[t->links[i].to] -= t->links[i].from == n;
		}
	}
	for (size_t i = t->links_count; i-- > 0 && !log->out_of_memory;)
		if (!gone[t->links[i].from]) {
			topology_fail(log, t->links[i].line,
			    "the link from '%s' to '%s' closes a loop",
			    t->nodes[t->links[i].from].name,
			    t->nodes[t->links[i].to].name);
			break;
		}
	free(into);
	free(gone);
}

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
			topology_fail(log, line, "there is no target");
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
	lint_loops(log);
	lint_reach(log, line);
	lint_families(log);
}
