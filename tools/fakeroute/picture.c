#include "tools/fakeroute/picture.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/fakeroute/describe.h"

#define PATHS_MANY 1000000 /* from here on the number of paths is "many" */

/* One picture: the way to one target. */
struct picture {
	struct network *network;
	const struct topology *t;
	uint32_t target;
	bool walked;
	FILE *out;
	int name_width, addrs_width;
	bool *here, *next; /* by node: at this hop, at the next */
};

static void
measure(struct picture *p)
{
	char text[DESCRIBE_ROOM];

	for (size_t i = 0; i < p->t->nodes_count; i++) {
		int name = (int)strlen(p->t->nodes[i].name);
		int addrs = (int)strlen(
		    describe_addrs(&p->t->nodes[i], " ", text, sizeof(text)));

		if (name > p->name_width)
			p->name_width = name;
		if (addrs > p->addrs_width)
			p->addrs_width = addrs;
	}
}

/* " ~> a" or " ~> a (3)": where rules lead, whatever the target. */
static void
print_rules(const struct picture *p, uint32_t node)
{
	for (size_t i = 0; i < p->t->rules_count; i++) {
		const struct topology_rule *rule = &p->t->rules[i];

		if (rule->node != node || rule->action != TOPOLOGY_TO)
			continue;
		fprintf(
		    p->out, "  ~> %s", p->t->nodes[p->t->links[rule->link].to].name);
		if (p->walked)
			fprintf(p->out, " (%" PRIu64 ")",
			    network_link_walked(p->network, rule->link));
	}
}

/* " -> a 1/3, b 2/3  per flow", or with packets " -> a 1/3 (17), ..." */
static void
print_next(const struct picture *p, uint32_t node)
{
	static const char *const how[] = {"per flow", "per packet", "per destination"};
	const struct topology_options *o = &p->t->nodes[node].options;
	const uint32_t *links = NULL;
	size_t count = network_next(p->network, node, p->target, &links);
	uint64_t weight = 0;
	char span[DESCRIBE_ROOM];

	for (size_t i = 0; i < count; i++)
		weight += p->t->links[links[i]].weight;
	for (size_t i = 0; i < count; i++) {
		const struct topology_link *l = &p->t->links[links[i]];

		fprintf(
		    p->out, "%s%s", i == 0 ? "  -> " : ", ", p->t->nodes[l->to].name);
		if (count > 1)
			fprintf(p->out, " %u/%" PRIu64, l->weight, weight);
		if (p->walked)
			fprintf(p->out, " (%" PRIu64 ")",
			    network_link_walked(p->network, links[i]));
		describe_span(&l->span, span, sizeof(span));
		if (span[0] != '\0')
			fprintf(p->out, " [%s]", span);
		p->next[l->to] = true;
	}
	if (count > 1)
		fprintf(p->out, "  %s", how[o->balance]);
	print_rules(p, node);
}

static void
print_node(const struct picture *p, unsigned int hop, bool first, uint32_t node)
{
	const struct topology_node *n = &p->t->nodes[node];
	char addrs[DESCRIBE_ROOM], traits[DESCRIBE_ROOM];

	if (first)
		fprintf(p->out, "%3u  ", hop);
	else
		fputs("     ", p->out);
	describe_addrs(n, " ", addrs, sizeof(addrs));
	if (node == p->target)
		fprintf(p->out, "%-*s  %s", p->name_width, n->name, addrs);
	else
		fprintf(p->out, "%-*s  %-*s", p->name_width, n->name, p->addrs_width,
		    addrs);
	print_next(p, node);
	fprintf(p->out, "%s\n",
	    describe_traits(p->t, node, "  [", "]", traits, sizeof(traits)));
}

/* One hop; true when another follows. */
static bool
print_hop(struct picture *p, unsigned int hop)
{
	bool *swap = p->here;
	bool first = true, more = false;

	memset(p->next, 0, p->t->nodes_count * sizeof(*p->next));
	for (uint32_t i = 0; i < p->t->nodes_count; i++)
		if (p->here[i]) {
			print_node(p, hop, first, i);
			first = false;
		}
	p->here = p->next;
	p->next = swap;
	for (size_t i = 0; i < p->t->nodes_count && !more; i++)
		more = p->here[i];
	return more;
}

/*
 * How many ways lead to the target: hop by hop, how many lead to each node there. A
 * number of PATHS_MANY means that many or more. longest: the hops of the longest way.
 */
static uint64_t
count_paths(
    const struct picture *p, uint64_t *ways, uint64_t *then, unsigned int *longest)
{
	size_t nodes = p->t->nodes_count;
	uint64_t paths = 0;
	bool more = true;

	memset(ways, 0, nodes * sizeof(*ways));
	ways[TOPOLOGY_HOST] = 1;
	for (unsigned int hop = 0; more && hop < nodes; hop++) {
		more = false;
		memset(then, 0, nodes * sizeof(*then));
		for (uint32_t i = 0; i < nodes; i++) {
			const uint32_t *links = NULL;
			size_t count = ways[i] == 0 ? 0
						    : network_next(p->network, i,
							  p->target, &links);

			for (size_t j = 0; j < count; j++) {
				uint64_t *to = &then[p->t->links[links[j]].to];

				*to += ways[i];
				if (*to > PATHS_MANY)
					*to = PATHS_MANY;
				more = true;
			}
		}
		paths += then[p->target];
		if (then[p->target] != 0)
			*longest = hop + 1;
		memcpy(ways, then, nodes * sizeof(*ways));
	}
	return paths;
}

static void
print_title(const struct picture *p)
{
	size_t nodes = p->t->nodes_count;
	uint64_t *numbers = calloc(nodes * 2, sizeof(*numbers));
	unsigned int longest = 0;
	uint64_t paths = 0;

	if (numbers != NULL)
		paths = count_paths(p, numbers, numbers + nodes, &longest);
	free(numbers);
	fprintf(p->out, "to %s: %u hops, ", p->t->nodes[p->target].name, longest);
	if (paths >= PATHS_MANY)
		fputs("many paths", p->out);
	else
		fprintf(p->out, "%" PRIu64 " path%s", paths, paths == 1 ? "" : "s");
	fputs(p->walked ? "; (packets that went there)\n" : "\n", p->out);
}

static void
print_target(struct picture *p)
{
	print_title(p);
	memset(p->here, 0, p->t->nodes_count * sizeof(*p->here));
	p->here[TOPOLOGY_HOST] = true;
	/* Links of different times may form a loop together. */
	for (unsigned int hop = 0; hop < p->t->nodes_count && print_hop(p, hop); hop++)
		;
}

void
picture_print(struct network *n, bool walked, FILE *out)
{
	const struct topology *t = network_topology(n);
	struct picture p = {.network = n, .t = t, .walked = walked, .out = out};

	network_show_all(n);
	p.here = calloc(t->nodes_count, sizeof(*p.here));
	p.next = calloc(t->nodes_count, sizeof(*p.next));
	measure(&p);
	for (uint32_t i = 0; i < t->nodes_count && p.here != NULL && p.next != NULL;
	     i++)
		if (t->nodes[i].kind == TOPOLOGY_KIND_TARGET) {
			p.target = i;
			print_target(&p);
		}
	free(p.here);
	free(p.next);
	fflush(out);
}
