#include "tools/traceroute/notes.h"

#include <stdio.h>
#include <string.h>

#include "common/addr.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/names_messages.h"
#include "tools/shared/escape.h"
#include "tools/traceroute/render_text.h"

/* The reply that ended the path, or NULL. */
static const struct prober_result *
ending_reply(const struct record *t)
{
	for (int query = 0; query < t->asked.queries; query++) {
		const struct prober_result *m = record_final(t, t->done.end_ttl, query);

		if (m != NULL && m->outcome == RESULT_REPLY &&
		    (m->flags & RESULT_FINAL) != 0)
			return m;
	}
	return NULL;
}

static void
note_unreachable(const struct record *t, const char *host)
{
	const struct prober_result *m = ending_reply(t);
	char addr[ADDR_TEXT_MAX], mark[ANNOTATION_MAX];

	if (m == NULL) {
		log_line("%s was not reached: unreachable from hop %u on", host,
		    t->done.end_ttl);
		return;
	}
	log_line("%s was not reached: %s at hop %u says that it is unreachable (%s)",
	    host, addr_to_text(&m->from, addr), m->ttl,
	    render_text_annotation(m, mark));
}

static void
note_failure(const struct record *t)
{
	char detail[PROBER_DETAIL_MAX + 1];

	/* It comes from the process that reads what the network sends. */
	memcpy(detail, t->done.detail, sizeof(detail));
	for (char *at = detail; *at != '\0'; at++)
		if (*at < ' ' || *at > '~')
			*at = '?';
	log_line(
	    "cannot measure: %s", detail[0] != '\0' ? detail : strerror(t->done.error));
}

static void
note_reason(const struct record *t)
{
	char host[4 * NAMES_NAME_MAX + 1];

	escape_terminal(t->host, host, sizeof(host));
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
	case REASON_FAILED:
		note_failure(t);
		break;
	}
}

/* Probes that never left: how many, and why the first did not. */
static void
note_send_failures(const struct record *t)
{
	const struct prober_result *first = NULL;
	unsigned int count = 0;

	for (int ttl = t->asked.first_ttl; ttl <= t->asked.max_ttl; ttl++)
		for (int query = 0; query < t->asked.queries; query++) {
			const struct prober_result *m = record_final(t, ttl, query);

			if (m == NULL || m->outcome != RESULT_SEND_FAILED)
				continue;
			count++;
			if (first == NULL)
				first = m;
		}
	if (first != NULL)
		log_line("%u probes could not be sent, the first to hop %u: %s", count,
		    first->ttl, strerror(first->error));
}

void
notes_print(const struct record *t)
{
	note_reason(t);
	if (t->done.reason != REASON_FAILED)
		note_send_failures(t);
	if (t->done.lost_here != 0)
		log_line("%u replies were lost on this machine: the socket's buffer "
			 "was full; try -N or -z",
		    t->done.lost_here);
}
