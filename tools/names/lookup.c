#include "tools/names/lookup.h"

#include <ares.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/message.h"
#include "tools/names/lookup_parts.h"

_Static_assert(RESOLVER_WATCH_MAX + WHOIS_AT_ONCE <= LOOKUP_WATCH_MAX,
    "all sockets must be watched");

/* Enters a question about a key, or answers it from the cache. */
static int
ask(struct lookup *l, const struct subject_key *key, uint32_t number, bool ours)
{
	const struct question now = {.number = number, .ours = ours};
	struct subject *s = subject_get(l, key);
	struct question *q;

	if (s == NULL)
		return -ENOMEM;
	if (s->state == SUBJECT_KNOWN) {
		answer_question(s, s->status, &now);
		return 0;
	}
	q = calloc(1, sizeof(*q));
	if (q == NULL) {
		if (TAILQ_EMPTY(&s->questions) && s->state == SUBJECT_WAITING)
			subject_free(s);
		return -ENOMEM;
	}
	q->number = number;
	q->ours = ours;
	q->deadline = clock_monotonic() + l->timeout;
	q->subject = s;
	TAILQ_INSERT_TAIL(&l->questions, q, by_age);
	l->questions_count++;
	TAILQ_INSERT_TAIL(&s->questions, q, of_subject);
	return 0;
}

int
lookup_ask_name(
    struct lookup *l, const char *name, uint32_t family, uint32_t number, bool ours)
{
	struct subject_key key = {.kind = OF_NAME, .family = family};

	for (size_t i = 0; name[i] != '\0'; i++) {
		char c = name[i];

		key.name[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	return ask(l, &key, number, ours);
}

int
lookup_reverse(struct lookup *l, const struct names_reverse *question)
{
	const char *name = hosts_name(l->hosts, &question->addr);
	struct subject_key key = {.addr = question->addr};

	if (name != NULL) {
		answer_reverse(l, question->question, NAMES_OK, name);
		return 0;
	}
	key.addr.scope = 0; /* DNS knows no links */
	return ask(l, &key, question->question, false);
}

/*
 * A numeric address is its own answer. One with a scope is not understood here: naming
 * interfaces takes calls that the sandbox forbids, and the tool has read it already.
 */
static bool
answer_numeric(struct lookup *l, const struct names_forward *question)
{
	struct addr a;
	bool fits;

	if (strchr(question->name, '%') != NULL ||
	    addr_from_text(question->name, &a) != 0)
		return false;
	fits = question->family == AF_UNSPEC || question->family == a.family;
	answer_forward(l, question->question, fits ? NAMES_OK : NAMES_NOT_FOUND, &a, 1);
	return true;
}

int
lookup_forward(struct lookup *l, const struct names_forward *question)
{
	struct addr addrs[NAMES_ADDRS_MAX];
	size_t count;

	if (answer_numeric(l, question))
		return 0;
	count = hosts_addrs(
	    l->hosts, question->name, question->family, addrs, NAMES_ADDRS_MAX);
	if (count == 0)
		return lookup_ask_name(
		    l, question->name, question->family, question->question, false);
	answer_forward(l, question->question, NAMES_OK, addrs, count);
	return 0;
}

int
lookup_whose(struct lookup *l, const struct names_reverse *question)
{
	struct subject_key key = {.kind = WHOSE, .addr = question->addr};
	struct origin origin = {0};
	enum names_status status = NAMES_NOT_FOUND;

	key.addr.scope = 0;
	switch ((enum names_source)l->configure.as_source) {
	case NAMES_FROM_DATABASE:
		status = databases_number(&l->databases, &key.addr, &origin);
		break;
	case NAMES_FROM_NOBODY:
		break;
	case NAMES_FROM_WHOIS:
	case NAMES_FROM_DNS:
		return ask(l, &key, question->question, false);
	}
	answer_whose(l, question->question, status, &key.addr, &origin);
	return 0;
}

/* ---- time and sockets ------------------------------------------------------------ */

/*
 * The questions whose time is over. c-ares cannot be told to give up one query; its
 * answer, should it still come, is kept for the next who asks.
 */
static void
expire(struct lookup *l, int64_t now)
{
	struct question *q;

	while ((q = TAILQ_FIRST(&l->questions)) != NULL && q->deadline <= now) {
		struct subject *s = q->subject;

		answer_late(s, q);
		question_free(q);
		if (TAILQ_EMPTY(&s->questions) && s->state == SUBJECT_WAITING)
			subject_free(s);
	}
}

bool
lookup_is_full(const struct lookup *l)
{
	return l->questions_count >= LOOKUP_QUESTIONS_MAX;
}

size_t
lookup_watch(struct lookup *l, struct pollfd *watch)
{
	size_t count = l->resolver.watch_count;

	memcpy(watch, l->resolver.watch, count * sizeof(*watch));
	l->resolver_watched = count;
	if (l->whois != NULL)
		count += whois_watch(l->whois, watch + count);
	return count;
}

int64_t
lookup_deadline(struct lookup *l)
{
	const struct question *first = TAILQ_FIRST(&l->questions);
	int64_t deadline = first != NULL ? first->deadline : INT64_MAX;
	struct timeval left;

	if (!TAILQ_EMPTY(&l->waiting) && l->asked_count < LOOKUP_ASKED_MAX)
		return 0;
	if (ares_timeout(l->resolver.ares, NULL, &left) != NULL) {
		/* Rounded up: else the loop turns for the last microseconds. */
		int64_t ares = clock_monotonic() + left.tv_sec * NS_PER_SECOND +
			       (left.tv_usec + 1) * NS_PER_US;

		if (ares < deadline)
			deadline = ares;
	}
	if (l->whois != NULL && whois_deadline(l->whois) < deadline)
		deadline = whois_deadline(l->whois);
	return deadline;
}

void
lookup_process(struct lookup *l, const struct pollfd *watch, size_t count)
{
	size_t resolver = l->resolver_watched < count ? l->resolver_watched : count;

	for (size_t i = 0; i < resolver; i++) {
		short events = watch[i].revents;
		bool broken = (events & (POLLERR | POLLHUP)) != 0;

		if (events == 0)
			continue;
		ares_process_fd(l->resolver.ares,
		    (events & POLLIN) != 0 || broken ? watch[i].fd : ARES_SOCKET_BAD,
		    (events & POLLOUT) != 0 ? watch[i].fd : ARES_SOCKET_BAD);
	}
	ares_process_fd(l->resolver.ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	if (l->whois != NULL)
		whois_process(l->whois, watch + resolver, count - resolver);
	expire(l, clock_monotonic());
	query_waiting(l);
}

/* ---- life ------------------------------------------------------------------------ */

static int
read_hosts(struct lookup *l, const char *path)
{
	int error = hosts_read(path, &l->hosts);

	if (error == -ENOMEM)
		return error;
	if (error != 0 && error != -ENOENT)
		log_line(
		    "cannot read %s: %s; asking DNS alone", path, strerror(-error));
	return 0;
}

static int
map_databases(struct lookup *l)
{
	int error =
	    databases_map(&l->databases, l->configure.databases, MESSAGE_CHILD_FD + 1);

	if (error != 0)
		log_line("cannot map the database of --asn-db or --country-db: %s",
		    strerror(-error));
	return error;
}

void
lookup_open_databases(struct lookup *l)
{
	databases_open(&l->databases);
}

int
lookup_new(const struct names_configure *configure, const char *hosts_path,
    const struct lookup_answers *answers, struct lookup **out)
{
	struct lookup *l = calloc(1, sizeof(*l));
	int error;

	*out = NULL;
	if (l == NULL)
		return -ENOMEM;
	l->answers = *answers;
	l->configure = *configure;
	l->timeout = configure->timeout_ms * NS_PER_MS;
	TAILQ_INIT(&l->waiting);
	TAILQ_INIT(&l->known);
	TAILQ_INIT(&l->questions);
	error = read_hosts(l, hosts_path);
	if (error == 0)
		error = map_databases(l);
	if (error == 0 && configure->as_source == NAMES_FROM_WHOIS) {
		l->whois = whois_new(l->configure.whois_server, configure->whois_port);
		error = l->whois != NULL ? 0 : -ENOMEM;
	}
	if (error == 0)
		error = resolver_open(&l->resolver, configure);
	if (error != 0) {
		lookup_free(l);
		return error;
	}
	*out = l;
	return 0;
}

void
lookup_free(struct lookup *l)
{
	struct subject *s, *next;

	if (l == NULL)
		return;
	l->closing = true;
	if (l->resolver.ares != NULL)
		ares_destroy(l->resolver.ares); /* calls back for all that is asked */
	HASH_ITER (hh, l->subjects, s, next)
		subject_free(s);
	whois_free(l->whois);
	databases_unmap(&l->databases);
	hosts_free(l->hosts);
	free(l);
}
