#include "tools/fakeroute/describe.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"

/* A text that grows to the end of its room. */
struct text {
	char *out;
	size_t len, room;
	const char *before, *after; /* of each trait */
};

static void __attribute__((format(printf, 2, 3)))
add(struct text *t, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(t->out + t->len, t->room - t->len, format, args);
	va_end(args);
	if (len < 0 || (size_t)len >= t->room - t->len)
		t->out[t->len] = '\0';
	else
		t->len += (size_t)len;
}

static struct text
begin(char *out, size_t room)
{
	out[0] = '\0';
	return (struct text){.out = out, .room = room};
}

const char *
describe_addrs(
    const struct topology_node *node, const char *separator, char *out, size_t room)
{
	char text[ADDR_TEXT_MAX];
	struct text t = begin(out, room);

	for (size_t i = 0; i < node->addrs_count; i++) {
		const struct topology_addr *a = &node->addrs[i];

		addr_to_text(&a->addr, text);
		if (a->prefix == addr_family_len(a->addr.family) * 8)
			add(&t, "%s%s", i == 0 ? "" : separator, text);
		else
			add(&t, "%s%s/%u", i == 0 ? "" : separator, text, a->prefix);
	}
	return out;
}

/* ---- moments --------------------------------------------------------------------- */

/* In the largest unit that leaves no rest. */
static void
add_time(struct text *t, int64_t ns)
{
	if (ns % NS_PER_SECOND == 0)
		add(t, "%" PRId64 "s", ns / NS_PER_SECOND);
	else if (ns % NS_PER_MS == 0)
		add(t, "%" PRId64 "ms", ns / NS_PER_MS);
	else if (ns % NS_PER_US == 0)
		add(t, "%" PRId64 "us", ns / NS_PER_US);
	else
		add(t, "%" PRId64 "ns", ns);
}

static void
add_moment(struct text *t, const struct topology_moment *m)
{
	if (m->kind == TOPOLOGY_MOMENT_TIME)
		add_time(t, m->value);
	else
		add(t, "%" PRId64 " packets", m->value);
}

const char *
describe_span(const struct topology_span *span, char *out, size_t room)
{
	struct text t = begin(out, room);

	if (span->since.kind != TOPOLOGY_MOMENT_NONE) {
		add(&t, "from ");
		add_moment(&t, &span->since);
		add(&t, " on");
	}
	if (span->until.kind != TOPOLOGY_MOMENT_NONE) {
		add(&t, "%suntil ", t.len > 0 ? ", " : "");
		add_moment(&t, &span->until);
	}
	return out;
}

/* ---- traits ---------------------------------------------------------------------- */

static void
trait(struct text *t, bool there, const char *words)
{
	if (there)
		add(t, "%s%s%s", t->before, words, t->after);
}

static void
add_labels(struct text *t, const struct topology_options *o)
{
	if (o->labels_count == 0)
		return;
	add(t, "%sMPLS", t->before);
	for (size_t i = 0; i < o->labels_count; i++)
		add(t, " %u", o->labels[i].label);
	add(t, "%s", t->after);
}

static void
add_options(struct text *t, const struct topology_options *o)
{
	static const char *const ttls[] = {"", "keeps the TTL", "forwards TTL 0"};
	bool others = false;

	for (size_t i = 0; i < 2; i++)
		others = others || !addr_is_none(&o->errors_from[i]) ||
			 !addr_is_none(&o->answers_from[i]);
	trait(t, o->ttl != TOPOLOGY_TTL_NORMAL, ttls[o->ttl]);
	trait(t, others, "answers from elsewhere");
	trait(t, o->misquotes_count > 0, "misquotes");
	trait(t, o->altered > 0 || o->corrupted > 0, "alters");
	if (o->quote[0] != TOPOLOGY_QUOTE_FULL)
		add(t, "%squotes %zu bytes%s", t->before, o->quote[0], t->after);
	if (o->loss > 0)
		add(t, "%sloses %g %%%s", t->before, (double)o->loss / 10000, t->after);
	if (o->rate.period != 0) {
		add(t, "%sat most %u in ", t->before, o->rate.count);
		add_time(t, o->rate.period);
		add(t, "%s", t->after);
	}
	trait(t, o->unreachable != TOPOLOGY_REACHABLE, "refuses");
	if (o->mtu != 0)
		add(t, "%sMTU %u%s", t->before, o->mtu, t->after);
	if (o->alias[0] != '\0')
		add(t, "%salias %s%s", t->before, o->alias, t->after);
}

/* "TCP 80,8000-8010 open" */
static void
add_ports(struct text *t, const char *protocol, const struct topology_ranges *ports,
    const char *what)
{
	if (ports->count == 0)
		return;
	add(t, "%s%s", t->before, protocol);
	for (size_t i = 0; i < ports->count; i++) {
		add(t, "%s%u", i == 0 ? " " : ",", ports->ranges[i].first);
		if (ports->ranges[i].last != ports->ranges[i].first)
			add(t, "-%u", ports->ranges[i].last);
	}
	add(t, " %s%s", what, t->after);
}

static void
add_all_ports(struct text *t, const struct topology_options *o)
{
	add_ports(t, "UDP", &o->udp_open, "open");
	add_ports(t, "UDP", &o->udp_closed, "closed");
	add_ports(t, "UDP", &o->udp_silent, "silent");
	add_ports(t, "TCP", &o->tcp_open, "open");
	add_ports(t, "TCP", &o->tcp_closed, "closed");
	add_ports(t, "TCP", &o->tcp_silent, "silent");
}

static void
add_rules(struct text *t, const struct topology *topology, size_t node)
{
	bool filters = false, leads = false, translates = false;

	for (size_t i = 0; i < topology->rules_count; i++) {
		const struct topology_rule *rule = &topology->rules[i];

		if (rule->node != node)
			continue;
		leads = leads || rule->action == TOPOLOGY_TO;
		translates = translates || rule->action > TOPOLOGY_TO;
		filters = filters || rule->action < TOPOLOGY_TO;
	}
	trait(t, filters, "filters");
	trait(t, translates, "NAT");
	trait(t, leads, "leads elsewhere");
}

const char *
describe_traits(const struct topology *topology, size_t node, const char *before,
    const char *after, char *out, size_t room)
{
	const struct topology_options *o = &topology->nodes[node].options;
	struct text t = begin(out, room);
	bool extended = false;

	t.before = before;
	t.after = after;
	for (size_t i = 0; i < topology->objects_count; i++)
		extended = extended || topology->objects[i].node == node;
	trait(&t, o->silent, "silent");
	add_labels(&t, o);
	trait(&t, extended, "extension");
	add_options(&t, o);
	add_all_ports(&t, o);
	add_rules(&t, topology, node);
	return out;
}
