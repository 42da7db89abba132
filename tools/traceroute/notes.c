#include "tools/traceroute/notes.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/addr.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/names_messages.h"
#include "tools/shared/append.h"
#include "tools/shared/escape.h"
#include "tools/shared/remedy.h"
#include "tools/shared/reply_text.h"
#include "tools/traceroute/anomalies.h"
#include "tools/traceroute/pieces.h"

#define HOST_TEXT_MAX (4 * NAMES_NAME_MAX + 1)
#define NOTE_MAX 1024
#define HOPS_TEXT_MAX 800 /* every other hop of 255: "hops 1, 3, ..., 255: " */

/* A line about a trace; `about` is its host if there are others, else NULL. */
static void note(const char *about, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void
note(const char *about, const char *format, ...)
{
	char text[NOTE_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (about != NULL)
		log_line("%s: %s", about, text);
	else
		log_line("%s", text);
}

/* What ended the path: a reply, or that a probe was too large to leave; or NULL. */
static const struct prober_result *
ending_result(const struct record *t)
{
	for (int query = 0; query < t->asked.queries; query++) {
		const struct prober_result *m = record_final(t, t->done.end_ttl, query);

		if (m != NULL && (m->flags & RESULT_FINAL) != 0)
			return m;
	}
	return NULL;
}

/* What the prober says of a failure; it is the process that reads the network. */
static const char *
detail_of(const struct record *t, char *detail)
{
	memcpy(detail, t->done.detail, PROBER_DETAIL_MAX + 1);
	for (char *at = detail; *at != '\0'; at++)
		if (*at < ' ' || *at > '~')
			*at = '?';
	return detail[0] != '\0' ? detail : strerror(t->done.error);
}

static void
note_unreachable(const struct record *t, const char *host)
{
	const struct prober_result *m = ending_result(t);
	char addr[ADDR_TEXT_MAX], mark[ANNOTATION_MAX], detail[PROBER_DETAIL_MAX + 1];

	if (m == NULL) {
		log_line("%s was not reached: unreachable from hop %u on", host,
		    t->done.end_ttl);
		return;
	}
	if (m->outcome == RESULT_SEND_FAILED) {
		log_line("%s was not reached: %s", host, detail_of(t, detail));
		return;
	}
	if (m->reply == REPLY_REASSEMBLY) {
		log_line("%s was not reached: %s at hop %u could not put its fragments "
			 "together in time (fragment reassembly time exceeded)",
		    host, addr_to_text(&m->from, addr), m->ttl);
		return;
	}
	reply_annotation(m, mark);
	log_line("%s was not reached: %s at hop %u says that it is unreachable (%s)",
	    host, addr_to_text(&m->from, addr), m->ttl,
	    mark[0] != '\0' ? mark : "its port");
}

static void
note_failure(const struct record *t, const char *about)
{
	char detail[PROBER_DETAIL_MAX + 1];

	note(about, "cannot measure: %s%s", detail_of(t, detail),
	    remedy_of_limit(t->done.error));
}

static void
note_reason(const struct record *t, const char *host, const char *about)
{
	switch ((enum prober_reason)t->done.reason) {
	case REASON_REACHED:
		break;
	case REASON_UNREACHABLE:
		note_unreachable(t, host);
		break;
	case REASON_GAP_LIMIT:
		log_line("%s was not reached: %u hops in a row did not answer "
			 "(--gap-limit)",
		    host, t->asked.gap_limit);
		break;
	case REASON_HOP_LIMIT:
		log_line(
		    "%s was not reached within %u hops (-m)", host, t->asked.max_ttl);
		break;
	case REASON_LOOP:
		log_line("%s was not reached: packets go in a circle, seen at hop %u "
			 "(--loop-limit)",
		    host, t->done.end_ttl);
		break;
	case REASON_INTERRUPTED:
		log_line("interrupted before %s was reached", host);
		break;
	case REASON_TIMED_OUT:
		log_line("%s was not reached in %lld.%03lld s (--timeout)", host,
		    (long long)(t->asked.timeout / NS_PER_SECOND),
		    (long long)(t->asked.timeout % NS_PER_SECOND / NS_PER_MS));
		break;
	case REASON_SEARCH_LIMIT: /* mda's */
	case REASON_HELPER_LOST:
	case REASON_FAILED:
		note_failure(t, about);
		break;
	}
}

/* Probes that never left: how many, and why the first did not. */
static void
note_send_failures(const struct record *t, const char *about)
{
	const struct prober_result *first = NULL;
	unsigned int count = 0;

	for (int ttl = t->asked.first_ttl; ttl <= t->asked.max_ttl; ttl++)
		for (int query = 0; query < t->asked.queries; query++) {
			const struct prober_result *m = record_final(t, ttl, query);

			if (m == NULL || m->outcome != RESULT_SEND_FAILED ||
			    m->mtu != 0)
				continue;
			count++;
			if (first == NULL)
				first = m;
		}
	if (first != NULL)
		note(about, "%u probes could not be sent, the first to hop %u: %s",
		    count, first->ttl, strerror(first->error));
}

/* "hop 3: ", "hops 3-5, 9: "; empty when no hop is known. Returns text. */
static const char *
hops_text(const struct anomaly_seen *seen, char *text)
{
	const char *before = "hop";
	int count = 0;

	text[0] = '\0';
	for (int ttl = 1; ttl <= UINT8_MAX; ttl++)
		count += anomaly_is_at(seen, ttl);
	if (count == 0)
		return text;
	if (count > 1)
		before = "hops";
	for (int ttl = 1; ttl <= UINT8_MAX; ttl++) {
		int last = ttl;

		if (!anomaly_is_at(seen, ttl))
			continue;
		while (last < UINT8_MAX && anomaly_is_at(seen, last + 1))
			last++;
		append_text(text, HOPS_TEXT_MAX, "%s %d", before, ttl);
		if (last > ttl)
			append_text(text, HOPS_TEXT_MAX, "-%d", last);
		before = ",";
		ttl = last;
	}
	append_text(text, HOPS_TEXT_MAX, ": ");
	return text;
}

static const char *
replies(uint32_t count)
{
	return count == 1 ? "reply" : "replies";
}

/* "hop 3: 2 duplicate replies" */
static void
note_replies(const char *about, const struct anomaly_seen *seen, const char *what)
{
	char hops[HOPS_TEXT_MAX];

	if (seen->count != 0)
		note(about, "%s%u %s %s", hops_text(seen, hops), seen->count, what,
		    replies(seen->count));
}

/* What was rare and has no mark in the text. */
static void
note_anomalies(const struct record *t, const char *about)
{
	struct anomaly_seen found[ANOMALIES];
	const struct prober_done *done = &t->done;
	char hops[HOPS_TEXT_MAX];

	anomalies_find(t, found);
	if (found[ANOMALY_EARLY_END].count != 0)
		note(about,
		    "%sanswered as routers do, although the path ended at hop %u",
		    hops_text(&found[ANOMALY_EARLY_END], hops), t->final_ttl);
	note_replies(about, &found[ANOMALY_DUPLICATE], "duplicate");
	note_replies(about, &found[ANOMALY_LATE], "late");
	if (found[ANOMALY_EXTENSIONS_BAD].count != 0)
		note(about, "%smalformed extensions in %u %s",
		    hops_text(&found[ANOMALY_EXTENSIONS_BAD], hops),
		    found[ANOMALY_EXTENSIONS_BAD].count,
		    replies(found[ANOMALY_EXTENSIONS_BAD].count));
	if (done->ambiguous != 0)
		note(about,
		    "%u %s could answer several probes, or be duplicates: %u asked "
		    "again",
		    done->ambiguous, replies(done->ambiguous), done->reasked);
	if (done->lost_here != 0)
		note(about,
		    "%u %s lost on this machine: the socket's buffer was full; "
		    "try -N or -z",
		    done->lost_here, replies(done->lost_here));
	/*
	 * Of interest only to those who wonder where an answer is; and of several
	 * traces most are late for one that is over.
	 */
	if (about == NULL && done->strays != 0 && done->timeouts != 0)
		note(about,
		    "%u %s fitted no probe: meant for an earlier run, or changed "
		    "on the way",
		    done->strays, replies(done->strays));
}

/* "hops 1-3: quoted fragment 0+8 (3), fragment 8+16 (3)" */
static void
note_quotes(const struct record *t, const char *about)
{
	char text[PIECES_TEXT_MAX], next[PIECES_TEXT_MAX];
	char hops[32];

	for (int ttl = t->asked.first_ttl; ttl <= record_last_ttl(t); ttl++) {
		int first = ttl;

		pieces_quoted(t, ttl, text);
		while (ttl < record_last_ttl(t) &&
		       strcmp(text, pieces_quoted(t, ttl + 1, next)) == 0)
			ttl++;
		snprintf(hops, sizeof(hops), first == ttl ? "hop %d" : "hops %d-%d",
		    first, ttl);
		if (text[0] != '\0')
			note(about, "%s: quoted %s", hops, text);
	}
}

/* What came of fragments, whoever made them. */
static void
note_fragments(const struct record *t, const char *about)
{
	struct prober_fragment list[PIECES_MAX];
	size_t count;

	if (!t->has_started)
		return;
	switch (pieces_of(t, list, &count)) {
	case PIECES_WHOLE:
		break;
	case PIECES_BY_US:
		note_quotes(t, about);
		break;
	case PIECES_BY_KERNEL:
		note(about,
		    "the kernel sends each probe in %zu fragments of %u bytes and "
		    "less, for the way out takes %u bytes; routers' errors about the "
		    "first one come back",
		    count, list[0].len, t->how.mtu);
		break;
	}
}

void
notes_print(const struct record *t, bool among_others)
{
	char host[HOST_TEXT_MAX];
	const char *about = among_others ? host : NULL;

	escape_terminal(t->host, host, sizeof(host));
	note_reason(t, host, about);
	if (t->done.reason != REASON_FAILED)
		note_send_failures(t, about);
	note_anomalies(t, about);
	note_fragments(t, about);
}
