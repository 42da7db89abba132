#include "tools/mda/render_dot.h"

#include "common/names_messages.h"
#include "tools/shared/escape.h"
#include "tools/shared/origin_text.h"
#include "tools/shared/reply_text.h"

/* A name of NAMES_NAME_MAX bytes, each of which may become five. */
#define NAME_DOT_MAX (5 * NAMES_NAME_MAX + 1)

struct dot {
	const struct findings *f;
	const struct multipath *t;
	const struct naming *naming;
	struct output *out;
};

/* What makes a node look different. */
static const char *
style(const struct dot *d, uint32_t vertex)
{
	const struct vertex *v = graph_vertex(d->t->graph, vertex);

	switch ((enum vertex_kind)v->kind) {
	case VERTEX_SOURCE:
		return ", shape=house";
	case VERTEX_END:
		return v->reached ? ", style=bold"
				  : ", style=filled, fillcolor=mistyrose";
	case VERTEX_SILENT:
		return ", style=dashed";
	case VERTEX_ROUTER:
		break;
	}
	switch ((enum balance)d->f->balances.kinds[vertex]) {
	case BALANCE_PACKET:
	case BALANCE_CHANGED:
	case BALANCE_UNSTEADY:
		return ", style=filled, fillcolor=lightyellow";
	case BALANCE_FLOW:
	case BALANCE_DESTINATION:
	case BALANCE_UNTESTED:
		return ", style=filled, fillcolor=lightblue";
	case BALANCE_NONE:
		break;
	}
	return "";
}

/*
 * "[AS64496 Example Ltd] [DE]", on a line of its own. What it has from outside is
 * escaped; of that, a quoted string of dot's takes two characters for more than they
 * are.
 */
static void
print_origin(struct dot *d, const struct addr *a)
{
	char text[ORIGIN_TEXT_MAX];

	(void)origin_text(d->naming, a, text);
	if (text[0] == '\0')
		return;
	output_print(d->out, "\\n");
	for (const char *at = text + 1; *at != '\0'; at++)
		output_print(
		    d->out, "%s%c", *at == '"' || *at == '\\' ? "\\" : "", *at);
}

static void
print_label(struct dot *d, const struct vertex *v)
{
	const struct addr *a = v->kind == VERTEX_SOURCE ? &d->t->how.source : &v->addr;
	char addr[REPLY_ADDR_MAX], escaped[NAME_DOT_MAX];
	const char *name;

	if (v->kind == VERTEX_SILENT) {
		output_print(d->out, "*");
		return;
	}
	if (naming_name(d->naming, a, &name) == NAME_KNOWN)
		output_print(
		    d->out, "%s\\n", escape_dot(name, escaped, sizeof(escaped)));
	if (!addr_is_none(a)) {
		output_print(d->out, "%s",
		    escape_dot(reply_addr_text(a, addr), escaped, sizeof(escaped)));
		print_origin(d, a);
	} else if (v->ttl == 0) {
		output_print(d->out, "this host");
	} else {
		output_print(d->out, "before hop %d", v->ttl + 1);
	}
}

/* The nodes of one hop, side by side. Returns where the next hop begins. */
static uint32_t
print_hop(struct dot *d, uint32_t first)
{
	uint8_t ttl = graph_vertex(d->t->graph, d->f->order[first])->ttl;
	uint32_t i = first;

	output_print(d->out, "\t{ rank=same;\n");
	for (; i < d->f->order_count; i++) {
		uint32_t vertex = d->f->order[i];
		const struct vertex *v = graph_vertex(d->t->graph, vertex);

		if (v->ttl != ttl)
			break;
		output_print(d->out, "\t\tn%u [label=\"", vertex);
		print_label(d, v);
		output_print(d->out, "\"%s];\n", style(d, vertex));
	}
	output_print(d->out, "\t}\n");
	return i;
}

void
graph_render_dot(
    const struct findings *f, const struct naming *naming, struct output *out)
{
	struct dot d = {.f = f, .t = f->paths, .naming = naming, .out = out};
	char addr[REPLY_ADDR_MAX], escaped[NAME_DOT_MAX];

	output_print(out,
	    "digraph \"%s\" {\n\tcharset=\"UTF-8\";\n\trankdir=LR;\n"
	    "\tnode [shape=box, fontname=\"sans-serif\", fontsize=10];\n"
	    "\tedge [fontname=\"sans-serif\", fontsize=8];\n",
	    escape_dot(
		reply_addr_text(&d.t->asked.target, addr), escaped, sizeof(escaped)));
	for (uint32_t i = 0; i < f->order_count;)
		i = print_hop(&d, i);
	for (uint32_t i = 0; i < graph_links(d.t->graph); i++) {
		const struct link *l = graph_link(d.t->graph, i);

		if (l->flows_count != 0)
			output_print(out, "\tn%u -> n%u [label=\"%u\"%s];\n", l->from,
			    l->to, l->flows_count,
			    f->balances.doubtful[i] ? ", style=dotted" : "");
	}
	output_print(out, "}\n");
}
