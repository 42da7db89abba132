#include "tools/fakeroute/topology_rules.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "tools/fakeroute/topology_values.h"

/* ---- which packets -------------------------------------------------------------- */

/* "icmp" is that of both families; a number is just this protocol. */
static int
add_protocol(void *object, const char *part)
{
	static const char *const names[] = {"icmp", "tcp", "udp", "udplite", NULL};
	static const uint8_t numbers[] = {
	    IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE};
	struct topology_match *match = object;
	int known = topology_choice(part, names);
	uint64_t number;

	if (match->protocols_count + 2 > TOPOLOGY_PROTOCOLS_MAX)
		return -EINVAL;
	if (known >= 0)
		number = numbers[known];
	else if (topology_number(part, 0, 255, &number) != 0)
		return -EINVAL;
	match->protocols[match->protocols_count++] = (uint8_t)number;
	if (known == 0)
		match->protocols[match->protocols_count++] = IPPROTO_ICMPV6;
	return 0;
}

static int
set_protocol(void *object, const char *value)
{
	struct topology_match *match =
	    &((struct topology_rule_text *)object)->rule.match;

	match->protocols_count = 0;
	if (topology_each_part(value, add_protocol, match) != 0 ||
	    match->protocols_count == 0)
		return -EINVAL;
	return 0;
}

static int
set_src(void *object, const char *value)
{
	return topology_prefix(
	    value, true, &((struct topology_rule_text *)object)->rule.match.src);
}

static int
set_dst(void *object, const char *value)
{
	return topology_prefix(
	    value, true, &((struct topology_rule_text *)object)->rule.match.dst);
}

static int
set_icmp_type(void *object, const char *value)
{
	return topology_ranges(value, 0, 255,
	    &((struct topology_rule_text *)object)->rule.match.icmp_types);
}

static int
set_since(void *object, const char *value)
{
	return topology_moment(
	    value, &((struct topology_rule_text *)object)->rule.match.span.since);
}

static int
set_until(void *object, const char *value)
{
	return topology_moment(
	    value, &((struct topology_rule_text *)object)->rule.match.span.until);
}

/* ---- what becomes of them -------------------------------------------------------- */

/* A rule does one thing. */
static int
act(struct topology_rule *rule, enum topology_action action)
{
	if (rule->action != TOPOLOGY_ACTION_NONE)
		return -EINVAL;
	rule->action = action;
	return 0;
}

static int
set_accept(void *object, const char *value)
{
	struct topology_rule_text *text = object;

	return value != NULL ? -EINVAL : act(&text->rule, TOPOLOGY_ACCEPT);
}

static int
set_drop(void *object, const char *value)
{
	struct topology_rule_text *text = object;

	return value != NULL ? -EINVAL : act(&text->rule, TOPOLOGY_DROP);
}

static int
set_reject(void *object, const char *value)
{
	struct topology_rule *rule = &((struct topology_rule_text *)object)->rule;

	if (strcmp(value, "reset") == 0)
		return act(rule, TOPOLOGY_RESET);
	if (topology_unreachable(value, &rule->unreachable, &rule->unreachable_code) !=
	    0)
		return -EINVAL;
	return act(rule, TOPOLOGY_REJECT);
}

static int
set_to(void *object, const char *value)
{
	struct topology_rule_text *text = object;

	if (strlen(value) == 0 || strlen(value) > TOPOLOGY_NAME_MAX)
		return -EINVAL;
	topology_text_copy(text->to, value);
	return act(&text->rule, TOPOLOGY_TO);
}

static int
set_nat(struct topology_rule *rule, enum topology_action action, const char *value)
{
	struct topology_addr a;

	if (topology_prefix(value, false, &a) != 0)
		return -EINVAL;
	rule->addr = a.addr;
	return act(rule, action);
}

static int
set_snat(void *object, const char *value)
{
	return set_nat(
	    &((struct topology_rule_text *)object)->rule, TOPOLOGY_SNAT, value);
}

static int
set_dnat(void *object, const char *value)
{
	return set_nat(
	    &((struct topology_rule_text *)object)->rule, TOPOLOGY_DNAT, value);
}

static int
set_port(void *object, const char *value)
{
	struct topology_rule *rule = &((struct topology_rule_text *)object)->rule;
	struct topology_ranges found;

	if (topology_ranges(value, 1, 65535, &found) != 0 || found.count != 1)
		return -EINVAL;
	rule->port = found.ranges[0].first;
	rule->ports = (uint16_t)(found.ranges[0].last - found.ranges[0].first + 1);
	return 0;
}

/* ---- the table ------------------------------------------------------------------- */

#define AT(member) offsetof(struct topology_rule_text, rule.member)
#define OWN(key, set, takes) \
	{ \
		key, TOPOLOGY_TYPE_OWN, 0, 0, 0, NULL, set, takes \
	}
#define ONE_ACTION ", and a rule does one thing"
#define BARE(key, set) \
	{ \
		key, TOPOLOGY_TYPE_OWN, 0, 0, 0, NULL, set, "no value" ONE_ACTION, \
		    true \
	}

static const char *const places[] = {"forward", "arrival", "return", NULL};

static const char *const quotes[] = {"restored", "checksum", "translated", NULL};
static const char *const errors[] = {"masked", "kept", NULL};

static const struct topology_word table[] = {
    OWN("protocol", set_protocol,
	"icmp, tcp, udp, udplite or numbers from 0 to 255, up to 8 with commas"),
    OWN("src", set_src, "an address or a prefix"),
    OWN("dst", set_dst, "an address or a prefix"),
    {"src-port", TOPOLOGY_TYPE_PORTS, AT(match.src_ports)},
    {"dst-port", TOPOLOGY_TYPE_PORTS, AT(match.dst_ports)},
    OWN("icmp-type", set_icmp_type, "up to 16 types or FIRST-LAST with commas"),
    OWN("since", set_since, "a time (2s, 30ms) or packets (40packets)"),
    OWN("until", set_until, "a time (2s, 30ms) or packets (40packets)"),
    {"at", TOPOLOGY_TYPE_CHOICE, AT(at), 0, 0, places},
    BARE("accept", set_accept),
    BARE("drop", set_drop),
    OWN("reject", set_reject,
	"net, host, protocol, port, prohibited, a code from 0 to 255, or "
	"reset" ONE_ACTION),
    OWN("to", set_to, "the name of a node" ONE_ACTION),
    OWN("snat", set_snat, "an address" ONE_ACTION),
    OWN("dnat", set_dnat, "an address" ONE_ACTION),
    OWN("port", set_port, "a port, or FIRST-LAST"),
    {"quotes", TOPOLOGY_TYPE_CHOICE, AT(quotes), 0, 0, quotes},
    {"errors", TOPOLOGY_TYPE_CHOICE, AT(errors), 0, 0, errors},
};

#define WORDS (sizeof(table) / sizeof(*table))

int
topology_rule_word(struct topology_rule_text *text, char *word, char *why, size_t room)
{
	return topology_words_set(table, WORDS, "a rule", text, word, why, room);
}

/* Ports and types that no packet of the protocols named has. */
static bool
match_is_empty(const struct topology_match *m)
{
	bool ports = m->src_ports.count > 0 || m->dst_ports.count > 0;
	bool types = m->icmp_types.count > 0;
	bool has_ports = m->protocols_count == 0, has_types = has_ports;

	for (size_t i = 0; i < m->protocols_count; i++) {
		uint8_t p = m->protocols[i];

		has_ports = has_ports || p == IPPROTO_TCP || p == IPPROTO_UDP ||
			    p == IPPROTO_UDPLITE;
		has_types = has_types || p == IPPROTO_ICMP || p == IPPROTO_ICMPV6;
	}
	return (ports && !has_ports) || (types && !has_types) || (ports && types);
}

static bool
match_is_by_protocol(const struct topology_match *m)
{
	return m->src.addr.family == AF_UNSPEC && m->dst.addr.family == AF_UNSPEC &&
	       m->src_ports.count == 0 && m->dst_ports.count == 0;
}

/* The families that a rule speaks of must be one. */
static bool
families_agree(const struct topology_rule *rule)
{
	const struct addr *all[] = {
	    &rule->match.src.addr, &rule->match.dst.addr, &rule->addr};
	uint32_t family = AF_UNSPEC;

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		if (all[i]->family == AF_UNSPEC)
			continue;
		if (family != AF_UNSPEC && family != all[i]->family)
			return false;
		family = all[i]->family;
	}
	return true;
}

static bool
is_nat(const struct topology_rule *rule)
{
	return rule->action == TOPOLOGY_SNAT || rule->action == TOPOLOGY_DNAT;
}

int
topology_rule_check(const struct topology_rule *rule, char *why, size_t room)
{
	const struct topology_match *m = &rule->match;
	const char *wrong = NULL;

	if (rule->action == TOPOLOGY_ACTION_NONE)
		wrong = "it does nothing: say accept, drop, reject=CODE, to=NODE, "
			"snat=ADDRESS or dnat=ADDRESS";
	else if (match_is_empty(m))
		wrong = "no packet has the ports or ICMP types of that protocol";
	else if (!families_agree(rule))
		wrong = "its addresses are of different families";
	else if (topology_span_check(&m->span) != 0)
		wrong = "it ends before it begins: until is not after since";
	else if (rule->at == TOPOLOGY_AT_RETURN && rule->action > TOPOLOGY_DROP)
		wrong = "what comes back can only be dropped or accepted";
	else if (rule->at == TOPOLOGY_AT_RETURN && !match_is_by_protocol(m))
		wrong = "what comes back is told by protocol and icmp-type only";
	else if (rule->at == TOPOLOGY_AT_ARRIVAL && rule->action >= TOPOLOGY_TO)
		wrong = "at is for accept, drop and reject";
	else if (rule->action == TOPOLOGY_RESET &&
		 (m->protocols_count != 1 || m->protocols[0] != IPPROTO_TCP))
		wrong = "only TCP has a reset: say protocol=tcp";
	else if (!is_nat(rule) && (rule->ports != 0 || rule->quotes != 0))
		wrong = "port and quotes are for snat and dnat";
	else if (rule->action != TOPOLOGY_DNAT && rule->errors != 0)
		wrong = "errors is for dnat";
	if (wrong == NULL)
		return 0;
	snprintf(why, room, "%s", wrong);
	return -EINVAL;
}
