#include "tools/traceroute/render_csv.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/names_messages.h"
#include "tools/shared/escape.h"
#include "tools/shared/json_trace.h"
#include "tools/shared/reply_text.h"
#include "tools/shared/time_text.h"
#include "tools/traceroute/flags.h"

/* Escaping makes at most four characters of a byte, and quotes around all. */
#define CELL_MAX (4 * NAMES_NAME_MAX + 3)

/* One line that is being written. */
struct line {
	const struct record *record;
	const struct rendering *how;
	struct output *out;
};

/*
 * The columns in their order. Each function prints one field; m is NULL for a trace
 * without probes.
 */
struct column {
	const char *name;
	void (*print)(const struct line *l, const struct prober_result *m);
};

/* ---- fields ---------------------------------------------------------------------- */

static void
text(const struct line *l, const char *from_outside)
{
	char cell[CELL_MAX];

	output_print(l->out, "%s", escape_csv(from_outside, cell, sizeof(cell)));
}

static void
addr(const struct line *l, const struct addr *a)
{
	char plain[ADDR_TEXT_MAX];

	if (!addr_is_none(a))
		text(l, addr_to_text(a, plain));
}

static void
number(const struct line *l, int64_t value)
{
	output_print(l->out, "%lld", (long long)value);
}

static bool
is_answered(const struct prober_result *m)
{
	return m != NULL && m->outcome == RESULT_REPLY;
}

static bool
is_icmp(const struct prober_result *m)
{
	return is_answered(m) && m->reply != REPLY_DATA && m->reply != REPLY_SYN_ACK &&
	       m->reply != REPLY_RESET && m->reply != REPLY_PACKET;
}

static void
print_host(const struct line *l, const struct prober_result *m)
{
	(void)m;
	text(l, l->record->host);
}

static void
print_target(const struct line *l, const struct prober_result *m)
{
	(void)m;
	addr(l, &l->record->asked.target);
}

static void
print_start_time(const struct line *l, const struct prober_result *m)
{
	char buf[TIME_TEXT_MAX];

	(void)m;
	text(l, time_text(l->record->began, buf));
}

static void
print_protocol(const struct line *l, const struct prober_result *m)
{
	(void)m;
	text(l, l->record->protocol);
}

static void
print_stop(const struct line *l, const struct prober_result *m)
{
	const struct record *t = l->record;

	(void)m;
	text(l, json_reason(t->has_done ? t->done.reason : REASON_FAILED));
}

static void
print_ttl(const struct line *l, const struct prober_result *m)
{
	if (m != NULL)
		number(l, m->ttl);
}

static void
print_query(const struct line *l, const struct prober_result *m)
{
	if (m != NULL)
		number(l, m->query);
}

static void
print_probe(const struct line *l, const struct prober_result *m)
{
	if (m != NULL)
		number(l, m->probe);
}

static void
print_flow(const struct line *l, const struct prober_result *m)
{
	if (m != NULL)
		number(l, m->flow);
}

static void
print_sent(const struct line *l, const struct prober_result *m)
{
	char buf[TIME_TEXT_MAX];

	if (m != NULL && m->sent > 0 && m->outcome != RESULT_SEND_FAILED)
		text(l, time_text(m->sent, buf));
}

static void
print_status(const struct line *l, const struct prober_result *m)
{
	if (m != NULL)
		text(l, outcome_word(m->outcome));
}

static void
print_from(const struct line *l, const struct prober_result *m)
{
	if (is_answered(m))
		addr(l, &m->from);
}

static void
print_name(const struct line *l, const struct prober_result *m)
{
	const char *name;

	if (is_answered(m) &&
	    naming_name(l->how->naming, &m->from, &name) == NAME_KNOWN)
		text(l, name);
}

/* Milliseconds, exact, with integers only. */
static void
print_rtt(const struct line *l, const struct prober_result *m)
{
	if (is_answered(m) && m->rtt >= 0)
		output_print(l->out, "%lld.%06lld", (long long)(m->rtt / NS_PER_MS),
		    (long long)(m->rtt % NS_PER_MS));
}

static void
print_reply(const struct line *l, const struct prober_result *m)
{
	if (is_answered(m) && reply_word(m->reply) != NULL)
		text(l, reply_word(m->reply));
}

static void
print_icmp_type(const struct line *l, const struct prober_result *m)
{
	if (is_icmp(m))
		number(l, m->icmp_type);
}

static void
print_icmp_code(const struct line *l, const struct prober_result *m)
{
	if (is_icmp(m))
		number(l, m->icmp_code);
}

static void
print_reply_ttl(const struct line *l, const struct prober_result *m)
{
	if (is_answered(m) && m->reply_ttl >= 0)
		number(l, m->reply_ttl);
}

static void
print_reply_tos(const struct line *l, const struct prober_result *m)
{
	if (is_answered(m) && m->reply_tos >= 0)
		number(l, m->reply_tos);
}

static void
print_mtu(const struct line *l, const struct prober_result *m)
{
	if (m != NULL && m->mtu != 0)
		number(l, m->mtu);
}

/* LABEL:CLASS:BOTTOM:TTL of each entry. */
static void
print_mpls(const struct line *l, const struct prober_result *m)
{
	for (size_t i = 0; is_answered(m) && i < m->mpls_count; i++)
		output_print(l->out, "%s%u:%u:%u:%u", i == 0 ? "" : " ",
		    m->mpls[i].label, m->mpls[i].traffic_class, m->mpls[i].bottom,
		    m->mpls[i].ttl);
}

static void
print_flags(const struct line *l, const struct prober_result *m)
{
	const char *names[FLAGS_MAX];
	size_t count = 0;

	if (m != NULL && m->outcome != RESULT_SEND_FAILED)
		count = flags_of(l->record, m, names);
	for (size_t i = 0; i < count; i++)
		output_print(l->out, "%s%s", i == 0 ? "" : " ", names[i]);
}

/* Whose the address is that answered; NULL: not known, or nobody wants to know. */
static const struct names_origin *
origin_of(const struct line *l, const struct prober_result *m)
{
	const struct naming *naming = l->how->naming;
	const struct names_origin *origin = NULL;

	if (is_answered(m) && naming != NULL && naming->find_origin != NULL)
		(void)naming_origin(naming, &m->from, &origin);
	return origin;
}

static void
print_asn(const struct line *l, const struct prober_result *m)
{
	const struct names_origin *origin = origin_of(l, m);

	if (origin == NULL || !l->how->naming->shows_as)
		return;
	for (size_t i = 0; i < origin->count; i++)
		output_print(l->out, "%s%u", i == 0 ? "" : " ", origin->numbers[i]);
}

static void
print_as_name(const struct line *l, const struct prober_result *m)
{
	const struct names_origin *origin = origin_of(l, m);

	if (origin != NULL && l->how->naming->shows_as)
		text(l, origin->as_name);
}

static void
print_country(const struct line *l, const struct prober_result *m)
{
	const struct names_origin *origin = origin_of(l, m);

	if (origin != NULL && l->how->naming->shows_country)
		text(l, origin->country);
}

static const struct column columns[] = {
    {"host", print_host},
    {"target", print_target},
    {"start_time", print_start_time},
    {"protocol", print_protocol},
    {"stop", print_stop},
    {"ttl", print_ttl},
    {"query", print_query},
    {"probe", print_probe},
    {"flow", print_flow},
    {"sent", print_sent},
    {"status", print_status},
    {"from", print_from},
    {"name", print_name},
    {"rtt_ms", print_rtt},
    {"reply", print_reply},
    {"icmp_type", print_icmp_type},
    {"icmp_code", print_icmp_code},
    {"reply_ttl", print_reply_ttl},
    {"reply_tos", print_reply_tos},
    {"mtu", print_mtu},
    {"mpls", print_mpls},
    {"flags", print_flags},
    {"asn", print_asn},
    {"as_name", print_as_name},
    {"country", print_country},
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

/* ---- lines ----------------------------------------------------------------------- */

void
render_csv_begin(int64_t began, struct output *out)
{
	(void)began;
	for (size_t i = 0; i < COLUMNS; i++)
		output_print(out, "%s%s", i == 0 ? "" : ",", columns[i].name);
	output_print(out, "\r\n");
}

static void
print_line(const struct line *l, const struct prober_result *m)
{
	for (size_t i = 0; i < COLUMNS; i++) {
		if (i != 0)
			output_print(l->out, ",");
		columns[i].print(l, m);
	}
	output_print(l->out, "\r\n");
}

void
render_csv(const struct record *t, const struct rendering *how, struct output *out)
{
	struct line l = {.record = t, .how = how, .out = out};
	bool none = true;

	for (int ttl = t->asked.first_ttl; ttl <= record_last_ttl(t); ttl++)
		for (int query = 0; query < t->asked.queries; query++) {
			const struct prober_result *m = record_final(t, ttl, query);

			if (m == NULL)
				continue;
			print_line(&l, m);
			none = false;
		}
	if (none)
		print_line(&l, NULL);
}
