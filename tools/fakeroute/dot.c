#include "tools/fakeroute/dot.h"

#include <inttypes.h>

#include "tools/fakeroute/describe.h"

/* The text of a label needs no escaping: describe.h says what it may hold. */
static void
print_node(const struct topology *t, size_t node, FILE *out)
{
	static const char *const shapes[] = {
	    [TOPOLOGY_KIND_HOST] = "house",
	    [TOPOLOGY_KIND_ROUTER] = "ellipse",
	    [TOPOLOGY_KIND_TARGET] = "box",
	};
	const struct topology_node *n = &t->nodes[node];
	char addrs[DESCRIBE_ROOM], traits[DESCRIBE_ROOM];

	fprintf(out, "\t\"%s\" [shape=%s%s, label=\"%s", n->name, shapes[n->kind],
	    n->options.silent ? ", style=dashed" : "", n->name);
	if (n->addrs_count > 0)
		fprintf(out, "\\n%s", describe_addrs(n, "\\n", addrs, sizeof(addrs)));
	fprintf(out, "%s\"];\n",
	    describe_traits(t, node, "\\n", "", traits, sizeof(traits)));
}

/* A weight as the language has it, a time and a number of packets: as there are such.
 */
static void
print_link(const struct network *n, uint32_t link, bool walked, FILE *out)
{
	const struct topology *t = network_topology(n);
	const struct topology_link *l = &t->links[link];
	uint64_t packets = network_link_walked(n, link);
	char span[DESCRIBE_ROOM];

	fprintf(out, "\t\"%s\" -> \"%s\" [label=\"", t->nodes[l->from].name,
	    t->nodes[l->to].name);
	if (l->weight == 0)
		fputs("by rule ", out);
	else if (l->weight > 1)
		fprintf(out, "*%u ", l->weight);
	fputs(describe_span(&l->span, span, sizeof(span)), out);
	if (walked)
		fprintf(out, "%s(%" PRIu64 ")", span[0] == '\0' ? "" : " ", packets);
	fprintf(out, "\"%s%s];\n", l->weight == 0 ? ", style=dotted" : "",
	    walked && packets > 0 ? ", penwidth=2" : "");
}

void
dot_print(const struct network *n, bool walked, FILE *out)
{
	const struct topology *t = network_topology(n);

	fputs("digraph topology {\n\trankdir=LR;\n", out);
	for (size_t i = 0; i < t->nodes_count; i++)
		print_node(t, i, out);
	for (uint32_t i = 0; i < t->links_count; i++)
		print_link(n, i, walked, out);
	fputs("}\n", out);
}
