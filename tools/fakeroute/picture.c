#include "tools/fakeroute/picture.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"

/* One picture: the way to one target. */
struct picture {
	struct network *network;
	const struct topology *t;
	uint32_t target;
	bool walked;
	FILE *out;
	bool *here, *next; /* by node: at this hop, at the next */
};

static void
print_addrs(const struct picture *p, const struct topology_node *node)
{
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < node->addrs_count; i++) {
		const struct topology_addr *a = &node->addrs[i];

		fprintf(
		    p->out, "%s%s", i == 0 ? "" : " ", addr_to_text(&a->addr, text));
		if (a->prefix != addr_family_len(a->addr.family) * 8)
			fprintf(p->out, "/%u", a->prefix);
	}
}

/* The remarkable about a node, in words. */
static void
print_traits(const struct picture *p, const struct topology_node *node)
{
	const struct topology_options *o = &node->options;

	if (o->silent)
		fputs("  silent", p->out);
	for (size_t i = 0; i < o->labels_count; i++)
		fprintf(
		    p->out, i == 0 ? "  MPLS label %u" : ", %u", o->labels[i].label);
	if (o->quote[0] != TOPOLOGY_QUOTE_FULL)
		fprintf(p->out, "  quotes %zu bytes", o->quote[0]);
	if (o->loss > 0)
		fprintf(p->out, "  loses %g %%", (double)o->loss / 10000);
	if (o->unreachable != TOPOLOGY_REACHABLE)
		fputs("  refuses to forward", p->out);
}

/* "-> a 1/3, b 2/3  (per flow)" */
static void
print_next(const struct picture *p, uint32_t node)
{
	static const char *const how[] = {"per flow", "per packet", "per destination"};
	const struct topology_options *o = &p->t->nodes[node].options;
	const uint32_t *links = NULL;
	size_t count = network_next(p->network, node, p->target, &links);
	uint64_t weight = 0;

	for (size_t i = 0; i < count; i++)
		weight += p->t->links[links[i]].weight;
	for (size_t i = 0; i < count; i++) {
		const struct topology_link *l = &p->t->links[links[i]];

		fprintf(
		    p->out, "%s%s", i == 0 ? "  -> " : ", ", p->t->nodes[l->to].name);
		if (count > 1)
			fprintf(
			    p->out, " %u/%llu", l->weight, (unsigned long long)weight);
		if (p->walked)
			fprintf(p->out, " (%llu)",
			    (unsigned long long)network_link_walked(
				p->network, links[i]));
		p->next[l->to] = true;
	}
	if (count > 1)
		fprintf(p->out, "  %s", how[o->balance]);
}

static void
print_node(const struct picture *p, unsigned int hop, bool first, uint32_t node)
{
	const struct topology_node *n = &p->t->nodes[node];

	if (first)
		fprintf(p->out, "%3u  ", hop);
	else
		fputs("     ", p->out);
	fprintf(p->out, "%-8s ", n->name);
	print_addrs(p, n);
	print_traits(p, n);
	print_next(p, node);
	fputc('\n', p->out);
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

static void
print_target(struct picture *p)
{
	memset(p->here, 0, p->t->nodes_count * sizeof(*p->here));
	p->here[TOPOLOGY_HOST] = true;
	fprintf(p->out, "to %s\n", p->t->nodes[p->target].name);
	for (unsigned int hop = 0; hop < NETWORK_WALK_MAX && print_hop(p, hop); hop++)
		;
}

void
picture_print(struct network *n, bool walked, FILE *out)
{
	const struct topology *t = network_topology(n);
	struct picture p = {.network = n, .t = t, .walked = walked, .out = out};

	p.here = calloc(t->nodes_count, sizeof(*p.here));
	p.next = calloc(t->nodes_count, sizeof(*p.next));
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
