#include "tools/traceroute/render_text.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/names_messages.h"
#include "prober/tcp_options.h"
#include "tools/shared/escape.h"
#include "tools/shared/extension_text.h"
#include "tools/shared/origin_text.h"
#include "tools/shared/reply_text.h"
#include "tools/traceroute/anomalies.h"
#include "tools/traceroute/pieces.h"

/* Escaping makes at most four characters of a byte. */
#define NAME_TEXT_MAX (4 * NAMES_NAME_MAX + 1)

void
render_text_init(struct render_text *r, const struct record *record,
    const struct naming *naming, bool extensions, struct output *out)
{
	*r = (struct render_text){.record = record,
	    .naming = naming,
	    .extensions = extensions,
	    .out = out,
	    .ttl = record->asked.first_ttl};
}

/* What -e and -O info show of a reply behind its address; empty: nothing. */
static const char *
details_text(const struct render_text *r, const struct prober_result *m, char *text)
{
	text[0] = '\0';
	if (r->tcp_info && (m->seen & SEEN_TCP) != 0)
		return tcp_options_text(m->tcp_flags, m->tcp_options, m->tcp_mss, text);
	return r->extensions ? extension_text(m, text) : text;
}

/* ---- one probe ------------------------------------------------------------------- */

/* True when this answer is printed with its address. */
static bool
shows_addr(const struct render_text *r, const struct prober_result *m)
{
	char mine[EXTENSION_TEXT_MAX], theirs[EXTENSION_TEXT_MAX];

	for (int query = r->query - 1; query >= 0; query--) {
		const struct prober_result *before =
		    record_final(r->record, r->ttl, query);

		if (before == NULL || before->outcome != RESULT_REPLY)
			continue;
		if (!addr_equal(&before->from, &m->from))
			return true;
		if (r->back && before->reply_ttl != m->reply_ttl)
			return true;
		return strcmp(details_text(r, m, mine),
			   details_text(r, before, theirs)) != 0;
	}
	return true;
}

/*
 * How many hops a reply took that arrived with this TTL: whoever sends it starts with
 * 64, 128 or 255.
 */
static int
hops_back(int ttl)
{
	if (ttl <= 64)
		return 65 - ttl;
	return ttl <= 128 ? 129 - ttl : 256 - ttl;
}

/* Prints the address, or returns false while it is being looked up who that is. */
static bool
print_from(struct render_text *r, const struct prober_result *m)
{
	char addr[REPLY_ADDR_MAX], escaped[NAME_TEXT_MAX], text[EXTENSION_TEXT_MAX];
	char origin[ORIGIN_TEXT_MAX];
	const char *name;

	if (!naming_knows(r->naming, &m->from))
		return false;
	if (r->row != r->ttl)
		output_print(r->out, "%2d ", r->ttl);
	reply_addr_text(&m->from, addr);
	if (!naming_has_names(r->naming))
		output_print(r->out, " %s", addr);
	else if (naming_name(r->naming, &m->from, &name) == NAME_KNOWN)
		output_print(r->out, " %s (%s)",
		    escape_terminal(name, escaped, sizeof(escaped)), addr);
	else
		output_print(r->out, " %s (%s)", addr, addr);
	output_print(r->out, "%s", origin_text(r->naming, &m->from, origin));
	if (details_text(r, m, text)[0] != '\0')
		output_print(r->out, " <%s>", text);
	if (r->back && m->reply_ttl > 0 && hops_back(m->reply_ttl) != r->ttl)
		output_print(r->out, " '-%d'", hops_back(m->reply_ttl));
	return true;
}

/* An RTT in milliseconds, rounded to the microsecond, with integers only. */
static void
print_rtt(struct render_text *r, int64_t rtt)
{
	int64_t us = (rtt + NS_PER_US / 2) / NS_PER_US;

	output_print(
	    r->out, "  %lld.%03lld ms", (long long)(us / 1000), (long long)(us % 1000));
}

/* A lower MSS in the quoted SYN: told once, where it is seen first. */
static void
print_mss(struct render_text *r, const struct prober_result *m)
{
	if (!r->tcp_mss || (m->seen & SEEN_QUOTED_MSS) == 0)
		return;
	if (m->quoted_mss != (r->mss != 0 ? r->mss : m->sent_mss))
		output_print(r->out, " M=%u", m->quoted_mss);
	r->mss = m->quoted_mss;
}

/* What is rare about a reply, "[loop]"; traceroute has no word for it. */
static void
print_marks(struct render_text *r, const struct prober_result *m)
{
	uint32_t found = r->plain ? 0 : anomalies_of(r->record, m);
	char pieces[PIECES_TEXT_MAX];

	if (!r->plain)
		output_print(r->out, "%s", pieces_mark(m, pieces));
	for (unsigned int a = 0; a < ANOMALIES; a++)
		if ((found >> a & 1) != 0 && anomaly_mark(a) != NULL)
			output_print(r->out, " %s", anomaly_mark(a));
}

/* What is said behind the time: F=MTU, and traceroute's annotations. */
static void
print_annotations(struct render_text *r, const struct prober_result *m)
{
	char annotation[ANNOTATION_MAX];

	reply_annotation(m, annotation);
	if (m->path_mtu != 0)
		output_print(r->out, " F=%u%s", m->path_mtu, annotation);
	else if (annotation[0] != '\0')
		output_print(r->out, " %s", annotation);
}

/* Prints one probe; false when its name is still being looked up. */
static bool
print_probe(struct render_text *r, const struct prober_result *m)
{
	bool too_long = m->outcome == RESULT_SEND_FAILED && m->error == EMSGSIZE &&
			m->mtu != 0; /* for our own link, as traceroute has it */

	if (m->outcome == RESULT_SEND_FAILED && !too_long)
		return true;
	if (m->outcome != RESULT_REPLY) {
		if (r->row != r->ttl)
			output_print(r->out, "%2d ", r->ttl);
		r->row = r->ttl;
		output_print(r->out, " *");
		if (too_long && m->rtt >= 0)
			print_rtt(r, m->rtt);
		if (too_long)
			output_print(r->out, " !F-%u", m->mtu);
		else
			print_annotations(r, m);
		return true;
	}
	if (shows_addr(r, m) && !print_from(r, m))
		return false;
	r->row = r->ttl;
	if (m->rtt >= 0)
		print_rtt(r, m->rtt);
	print_mss(r, m);
	print_annotations(r, m);
	if (r->print_ttl && m->reply_ttl >= 0)
		output_print(r->out, " [ttl=%d]", m->reply_ttl);
	print_marks(r, m);
	return true;
}

/* ---- the whole ------------------------------------------------------------------- */

static void
print_header(struct render_text *r)
{
	const struct record *t = r->record;
	char addr[REPLY_ADDR_MAX], host[NAME_TEXT_MAX], pieces[PIECES_TEXT_MAX];

	output_print(r->out,
	    "%straceroute to %s (%s), %u hops max, %u byte packets%s\n",
	    r->follows ? "\n" : "", escape_terminal(t->host, host, sizeof(host)),
	    reply_addr_text(&t->asked.target, addr), t->asked.max_ttl,
	    t->how.packet_len, pieces_text(t, pieces));
	r->header = true;
}

bool
render_text_advance(struct render_text *r)
{
	if (!r->header && !r->record->has_started)
		return record_is_over(r->record);
	if (!r->header)
		print_header(r);
	while (r->ttl <= record_last_ttl(r->record)) {
		const struct prober_result *m =
		    record_final(r->record, r->ttl, r->query);

		/* What is not known when all is over is left out, not made a star. */
		if (m == NULL && !record_is_over(r->record))
			return false;
		if (m != NULL && !print_probe(r, m))
			return false;
		if (++r->query == r->record->asked.queries) {
			if (r->row == r->ttl)
				output_print(r->out, "\n");
			r->query = 0;
			r->ttl++;
		}
	}
	return record_is_over(r->record);
}
