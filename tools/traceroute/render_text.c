#include "tools/traceroute/render_text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/bytes.h"
#include "common/clock.h"
#include "common/names_messages.h"
#include "tools/shared/escape.h"
#include "tools/shared/reply_text.h"
#include "tools/traceroute/anomalies.h"

/* Escaping makes at most four characters of a byte. */
#define NAME_TEXT_MAX (4 * NAMES_NAME_MAX + 1)
#define EXTENSIONS_MAX 4096

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

/* ---- pieces ---------------------------------------------------------------------- */

/* Appends to a text of EXTENSIONS_MAX bytes; what does not fit is cut. */
static void append(char *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void
append(char *text, const char *format, ...)
{
	size_t len = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + len, EXTENSIONS_MAX - len, format, args);
	va_end(args);
}

/* CLASS/TYPE: and the payload as words in hexadecimal. */
static void
append_object(char *text, const struct prober_object *o)
{
	size_t told = o->len < PROBER_OBJECT_DATA ? o->len : PROBER_OBJECT_DATA;
	struct reader r;

	append(text, "%u/%u:", o->class_num, o->c_type);
	reader_init(&r, o->data, told);
	for (size_t at = 0; reader_left(&r) >= 4; at += 4)
		append(text, "%s%08x", at != 0 ? "," : "", reader_u32(&r));
	if (reader_left(&r) != 0 && told > 4)
		append(text, ",");
	while (reader_left(&r) != 0)
		append(text, "%02x", reader_u8(&r));
}

static void
append_labels(char *text, const struct prober_mpls *mpls, size_t count)
{
	for (size_t i = 0; i < count; i++)
		append(text, "%sL=%u,E=%u,S=%u,T=%u", i == 0 ? "MPLS:" : "/",
		    mpls[i].label, mpls[i].traffic_class, mpls[i].bottom, mpls[i].ttl);
}

/* What -e shows of a reply; empty when there is nothing. */
static const char *
extensions_text(const struct prober_result *m, char *text)
{
	size_t label = 0;

	text[0] = '\0';
	for (size_t i = 0; i < m->objects_count; i++) {
		const struct prober_object *o = &m->objects[i];

		if (i != 0)
			append(text, ";");
		if (o->labels != 0)
			append_labels(text, &m->mpls[label], o->labels);
		else
			append_object(text, o);
		label += o->labels;
	}
	return text;
}

/* ---- one probe ------------------------------------------------------------------- */

/* True when this answer is printed with its address. */
static bool
shows_addr(const struct render_text *r, const struct prober_result *m)
{
	char mine[EXTENSIONS_MAX], theirs[EXTENSIONS_MAX];

	for (int query = r->query - 1; query >= 0; query--) {
		const struct prober_result *before =
		    record_final(r->record, r->ttl, query);

		if (before == NULL || before->outcome != RESULT_REPLY)
			continue;
		if (!addr_equal(&before->from, &m->from))
			return true;
		return r->extensions && strcmp(extensions_text(m, mine),
					    extensions_text(before, theirs)) != 0;
	}
	return true;
}

/* Prints the address, or returns false when its name is still being looked up. */
static bool
print_from(struct render_text *r, const struct prober_result *m)
{
	char addr[REPLY_ADDR_MAX], escaped[NAME_TEXT_MAX], text[EXTENSIONS_MAX];
	enum name_state state = NAME_NONE;
	const char *name = NULL;

	if (r->naming != NULL)
		state = r->naming->find(r->naming->context, &m->from, &name);
	if (state == NAME_PENDING)
		return false;
	if (r->row != r->ttl)
		output_print(r->out, "\n%2d ", r->ttl);
	reply_addr_text(&m->from, addr);
	if (r->naming == NULL)
		output_print(r->out, " %s", addr);
	else
		output_print(r->out, " %s (%s)",
		    state == NAME_KNOWN
			? escape_terminal(name, escaped, sizeof(escaped))
			: addr,
		    addr);
	if (r->extensions && extensions_text(m, text)[0] != '\0')
		output_print(r->out, " <%s>", text);
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

/* What is rare about a reply, "[loop]"; traceroute has no word for it. */
static void
print_marks(struct render_text *r, const struct prober_result *m)
{
	uint32_t found = r->plain ? 0 : anomalies_of(r->record, m);

	for (unsigned int a = 0; a < ANOMALIES; a++)
		if ((found >> a & 1) != 0 && anomaly_mark(a) != NULL)
			output_print(r->out, " %s", anomaly_mark(a));
}

/* Prints one probe; false when its name is still being looked up. */
static bool
print_probe(struct render_text *r, const struct prober_result *m)
{
	char annotation[ANNOTATION_MAX];
	bool too_long = m->outcome == RESULT_SEND_FAILED && m->error == EMSGSIZE &&
			m->mtu != 0; /* for our own link, as traceroute has it */

	if (m->outcome == RESULT_SEND_FAILED && !too_long)
		return true;
	if (m->outcome != RESULT_REPLY) {
		if (r->row != r->ttl)
			output_print(r->out, "\n%2d ", r->ttl);
		r->row = r->ttl;
		output_print(r->out, " *");
		if (too_long && m->rtt >= 0)
			print_rtt(r, m->rtt);
		if (too_long)
			output_print(r->out, " !F-%u", m->mtu);
		return true;
	}
	if (shows_addr(r, m) && !print_from(r, m))
		return false;
	r->row = r->ttl;
	if (m->rtt >= 0)
		print_rtt(r, m->rtt);
	if (reply_annotation(m, annotation)[0] != '\0')
		output_print(r->out, " %s", annotation);
	print_marks(r, m);
	return true;
}

/* ---- the whole ------------------------------------------------------------------- */

static void
print_header(struct render_text *r)
{
	const struct record *t = r->record;
	char addr[REPLY_ADDR_MAX], host[NAME_TEXT_MAX];

	output_print(r->out, "traceroute to %s (%s), %u hops max, %u byte packets",
	    escape_terminal(t->host, host, sizeof(host)),
	    reply_addr_text(&t->asked.target, addr), t->asked.max_ttl,
	    t->how.packet_len);
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
			r->query = 0;
			r->ttl++;
		}
	}
	if (!r->ended)
		output_print(r->out, "\n");
	r->ended = true;
	return record_is_over(r->record);
}
