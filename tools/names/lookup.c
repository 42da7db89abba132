#include "tools/names/lookup.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/hash.h"
#include "common/log.h"
#include "tools/names/answer.h"
#include "tools/names/hosts.h"
#include "tools/names/resolver.h"

/* "f.f." of 16 bytes and "ip6.arpa": the longest name of an address. */
#define REVERSE_NAME_MAX 80
/* With both families asked, each has half of the room in the answer. */
#define FAMILY_ROOM (NAMES_ADDRS_MAX / 2)

/* What is asked: the bytes are the hash key, so all padding is zero. */
struct subject_key {
	uint32_t is_name;
	struct addr addr; /* reverse */
	uint32_t family;  /* forward */
	char name[NAMES_NAME_MAX + 1];
};

enum subject_state {
	SUBJECT_WAITING, /* for its turn */
	SUBJECT_ASKED,   /* c-ares works on it */
	SUBJECT_KNOWN,   /* in the cache */
};

/* One DNS query of a subject: PTR, A or AAAA. */
struct query {
	struct subject *subject;
	uint32_t family; /* of the addresses wanted; AF_UNSPEC: a PTR query */
	enum names_status status;
	size_t count;
	struct addr addrs[NAMES_ADDRS_MAX];
	char name[NAMES_NAME_MAX + 1];
};

/* The queries of a subject, kept while c-ares may call back. */
struct work {
	size_t queries_count;
	unsigned int pending;
	struct query queries[2];
};

/* What someone asked about a subject. */
struct question {
	uint32_t number;
	int64_t deadline;
	struct subject *subject;
	TAILQ_ENTRY(question) by_age;
	TAILQ_ENTRY(question) of_subject;
};
TAILQ_HEAD(question_list, question);

/* One thing to find out or found out, however many asked for it. */
struct subject {
	struct lookup *lookup;
	enum subject_state state;
	struct question_list questions;
	struct work *work;        /* SUBJECT_ASKED */
	enum names_status status; /* SUBJECT_KNOWN, with one of the two below */
	char *name;
	struct addr *addrs;
	size_t count;
	TAILQ_ENTRY(subject) in_order; /* of waiting or of known */
	UT_hash_handle hh;
	struct subject_key key;
};
TAILQ_HEAD(subject_list, subject);

/*
 * Invariant: a subject is in the hash; in `waiting` or `known` as its state says; and a
 * waiting one has at least one question. All questions have the same time to live, so
 * `questions` is in the order of their deadlines.
 */
struct lookup {
	struct resolver resolver;
	struct hosts *hosts;
	struct lookup_answers answers;
	int64_t timeout; /* ns */
	struct subject *subjects;
	struct subject_list waiting;
	struct subject_list known;
	struct question_list questions;
	size_t questions_count;
	size_t asked_count;
	size_t known_count;
	bool closing;
};

/* ---- answering ------------------------------------------------------------------- */

static void
answer_reverse(
    struct lookup *l, uint32_t number, enum names_status status, const char *name)
{
	struct names_name m = {.question = number, .status = (uint8_t)status};

	if (status == NAMES_OK)
		snprintf(m.name, sizeof(m.name), "%s", name);
	l->answers.name(l->answers.context, &m);
}

static void
answer_forward(struct lookup *l, uint32_t number, enum names_status status,
    const struct addr *addrs, size_t count)
{
	struct names_addrs m = {.question = number, .status = (uint8_t)status};

	if (status == NAMES_OK) {
		memcpy(m.addrs, addrs, count * sizeof(*addrs));
		m.count = (uint8_t)count;
	}
	l->answers.addrs(l->answers.context, &m);
}

/* Answers one question from what its subject knows. */
static void
answer_known(const struct subject *s, uint32_t number)
{
	if (s->key.is_name)
		answer_forward(s->lookup, number, s->status, s->addrs, s->count);
	else
		answer_reverse(s->lookup, number, s->status, s->name);
}

static void
answer_timeout(const struct subject *s, uint32_t number)
{
	if (s->key.is_name)
		answer_forward(s->lookup, number, NAMES_TIMEOUT, NULL, 0);
	else
		answer_reverse(s->lookup, number, NAMES_TIMEOUT, NULL);
}

static void
question_free(struct question *q)
{
	struct lookup *l = q->subject->lookup;

	TAILQ_REMOVE(&l->questions, q, by_age);
	l->questions_count--;
	TAILQ_REMOVE(&q->subject->questions, q, of_subject);
	free(q);
}

/* ---- subjects -------------------------------------------------------------------- */

static void
subject_free(struct subject *s)
{
	struct lookup *l = s->lookup;
	struct question *q;

	while ((q = TAILQ_FIRST(&s->questions)) != NULL)
		question_free(q);
	if (s->state == SUBJECT_WAITING)
		TAILQ_REMOVE(&l->waiting, s, in_order);
	if (s->state == SUBJECT_KNOWN) {
		TAILQ_REMOVE(&l->known, s, in_order);
		l->known_count--;
	}
	HASH_DEL(l->subjects, s);
	free(s->work);
	free(s->name);
	free(s->addrs);
	free(s);
}

/* Finds the subject of a key, or makes one that waits; NULL when out of memory. */
static struct subject *
subject_get(struct lookup *l, const struct subject_key *key)
{
	struct subject *s;

	HASH_FIND(hh, l->subjects, key, sizeof(*key), s);
	if (s != NULL)
		return s;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return NULL;
	s->lookup = l;
	s->state = SUBJECT_WAITING;
	s->key = *key;
	TAILQ_INIT(&s->questions);
	TAILQ_INSERT_TAIL(&l->waiting, s, in_order);
	HASH_ADD(hh, l->subjects, key, sizeof(s->key), s);
	return s;
}

/* Puts a subject into the cache; the oldest one makes room. */
static void
subject_keep(struct subject *s)
{
	struct lookup *l = s->lookup;

	if (l->known_count == LOOKUP_CACHE_MAX)
		subject_free(TAILQ_FIRST(&l->known));
	s->state = SUBJECT_KNOWN;
	TAILQ_INSERT_TAIL(&l->known, s, in_order);
	l->known_count++;
}

/* Joins what the queries found, IPv4 first; false when out of memory. */
static bool
collect_addrs(struct subject *s)
{
	const struct work *work = s->work;
	size_t room = work->queries_count == 2 ? FAMILY_ROOM : NAMES_ADDRS_MAX;
	size_t total = 0;

	s->addrs = calloc(NAMES_ADDRS_MAX, sizeof(*s->addrs));
	if (s->addrs == NULL)
		return false;
	for (size_t i = 0; i < work->queries_count; i++) {
		const struct query *q = &work->queries[i];
		size_t count = q->count < room ? q->count : room;

		memcpy(s->addrs + total, q->addrs, count * sizeof(*q->addrs));
		total += count;
	}
	s->count = total;
	return true;
}

/* The worst status of the queries: failed, before timed out, before not found. */
static enum names_status
worst_status(const struct work *work)
{
	enum names_status worst = NAMES_OK;

	for (size_t i = 0; i < work->queries_count; i++)
		if (work->queries[i].status > worst)
			worst = work->queries[i].status;
	return worst;
}

/* Sets what a subject's queries found; true when it may be remembered. */
static bool
subject_conclude(struct subject *s)
{
	enum names_status worst = worst_status(s->work);

	s->status = worst;
	if (!s->key.is_name && worst == NAMES_OK) {
		s->name = strdup(s->work->queries[0].name);
		if (s->name == NULL)
			s->status = NAMES_FAILED;
	} else if (s->key.is_name) {
		if (!collect_addrs(s))
			s->status = NAMES_FAILED;
		else if (s->count != 0)
			s->status = NAMES_OK;
	}
	return worst <= NAMES_NOT_FOUND && s->status <= NAMES_NOT_FOUND;
}

/* All queries have ended: everyone who asked is told. */
static void
subject_finish(struct subject *s)
{
	struct lookup *l = s->lookup;
	struct question *q;
	bool keep;

	l->asked_count--;
	if (l->closing) {
		subject_free(s);
		return;
	}
	keep = subject_conclude(s);
	while ((q = TAILQ_FIRST(&s->questions)) != NULL) {
		answer_known(s, q->number);
		question_free(q);
	}
	free(s->work);
	s->work = NULL;
	if (keep)
		subject_keep(s);
	else
		subject_free(s);
}

/* ---- asking ---------------------------------------------------------------------- */

static enum names_status
status_from_ares(int status)
{
	switch (status) {
	case ARES_SUCCESS:
		return NAMES_OK;
	case ARES_ENODATA:
	case ARES_ENOTFOUND:
	case ARES_EBADNAME:
		return NAMES_NOT_FOUND;
	case ARES_ETIMEOUT:
		return NAMES_TIMEOUT;
	default:
		return NAMES_FAILED;
	}
}

static void
work_release(struct subject *s)
{
	if (--s->work->pending == 0)
		subject_finish(s);
}

/* c-ares' word on one query; may come before ares_query returns. */
static void
query_done(void *context, int status, int timeouts, unsigned char *data, int len)
{
	struct query *q = context;

	(void)timeouts;
	q->status = status_from_ares(status);
	if (q->status == NAMES_OK && q->family == AF_UNSPEC)
		q->status = answer_name(data, (size_t)len, q->name);
	else if (q->status == NAMES_OK)
		q->status = answer_addrs(
		    data, (size_t)len, q->family, q->addrs, NAMES_ADDRS_MAX, &q->count);
	work_release(q->subject);
}

/* The name below which an address has its PTR (RFC 1035 section 3.5, RFC 3596 2.5). */
static void
reverse_name(const struct addr *a, char name[REVERSE_NAME_MAX])
{
	static const char digits[] = "0123456789abcdef";
	size_t at = 0;

	if (a->family == AF_INET) {
		snprintf(name, REVERSE_NAME_MAX, "%u.%u.%u.%u.in-addr.arpa",
		    a->bytes[3], a->bytes[2], a->bytes[1], a->bytes[0]);
		return;
	}
	for (size_t i = sizeof(a->bytes); i-- > 0;) {
		name[at++] = digits[a->bytes[i] & 15];
		name[at++] = '.';
		name[at++] = digits[a->bytes[i] >> 4];
		name[at++] = '.';
	}
	memcpy(name + at, "ip6.arpa", sizeof("ip6.arpa"));
}

static void
ask_reverse(struct subject *s)
{
	char name[REVERSE_NAME_MAX];

	s->work->queries_count = 1;
	s->work->queries[0].subject = s;
	s->work->pending++;
	reverse_name(&s->key.addr, name);
	ares_query(s->lookup->resolver.ares, name, ns_c_in, ns_t_ptr, query_done,
	    &s->work->queries[0]);
}

/*
 * Both families are searched for on their own (resolv.conf's search list), so that one
 * that never answers does not take the other with it.
 */
static void
ask_forward(struct subject *s)
{
	static const uint32_t families[] = {AF_INET, AF_INET6};
	static const int types[] = {ns_t_a, ns_t_aaaa};
	struct work *work = s->work;

	for (size_t i = 0; i < 2; i++) {
		struct query *q = &work->queries[work->queries_count];

		if (s->key.family != AF_UNSPEC && s->key.family != families[i])
			continue;
		q->subject = s;
		q->family = families[i];
		work->queries_count++;
		work->pending++;
		ares_search(s->lookup->resolver.ares, s->key.name, ns_c_in, types[i],
		    query_done, q);
	}
}

/* Moves a subject from waiting to asked. Its own reference keeps the work alive. */
static void
subject_ask(struct subject *s)
{
	struct lookup *l = s->lookup;

	s->work = calloc(1, sizeof(*s->work));
	if (s->work == NULL)
		return;
	TAILQ_REMOVE(&l->waiting, s, in_order);
	s->state = SUBJECT_ASKED;
	l->asked_count++;
	s->work->pending = 1;
	if (s->key.is_name)
		ask_forward(s);
	else
		ask_reverse(s);
	work_release(s);
}

static void
ask_waiting(struct lookup *l)
{
	struct subject *s;

	for (unsigned int i = 0; i < LOOKUP_BURST; i++) {
		s = TAILQ_FIRST(&l->waiting);
		if (s == NULL || l->asked_count >= LOOKUP_ASKED_MAX)
			return;
		subject_ask(s);
	}
}

/* Enters a question about a key, or answers it from the cache. */
static int
ask(struct lookup *l, const struct subject_key *key, uint32_t number)
{
	struct subject *s = subject_get(l, key);
	struct question *q;

	if (s == NULL)
		return -ENOMEM;
	if (s->state == SUBJECT_KNOWN) {
		answer_known(s, number);
		return 0;
	}
	q = calloc(1, sizeof(*q));
	if (q == NULL) {
		if (TAILQ_EMPTY(&s->questions) && s->state == SUBJECT_WAITING)
			subject_free(s);
		return -ENOMEM;
	}
	q->number = number;
	q->deadline = clock_monotonic() + l->timeout;
	q->subject = s;
	TAILQ_INSERT_TAIL(&l->questions, q, by_age);
	l->questions_count++;
	TAILQ_INSERT_TAIL(&s->questions, q, of_subject);
	return 0;
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
	return ask(l, &key, question->question);
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
	struct subject_key key = {.is_name = 1, .family = question->family};
	struct addr addrs[NAMES_ADDRS_MAX];
	size_t count;

	if (answer_numeric(l, question))
		return 0;
	count = hosts_addrs(
	    l->hosts, question->name, question->family, addrs, NAMES_ADDRS_MAX);
	if (count != 0) {
		answer_forward(l, question->question, NAMES_OK, addrs, count);
		return 0;
	}
	for (size_t i = 0; question->name[i] != '\0'; i++) {
		char c = question->name[i];

		key.name[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	return ask(l, &key, question->question);
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

		answer_timeout(s, q->number);
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
lookup_watch(const struct lookup *l, struct pollfd *watch)
{
	memcpy(watch, l->resolver.watch, l->resolver.watch_count * sizeof(*watch));
	return l->resolver.watch_count;
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
	return deadline;
}

void
lookup_process(struct lookup *l, const struct pollfd *watch, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		short events = watch[i].revents;
		bool broken = (events & (POLLERR | POLLHUP)) != 0;

		if (events == 0)
			continue;
		ares_process_fd(l->resolver.ares,
		    (events & POLLIN) != 0 || broken ? watch[i].fd : ARES_SOCKET_BAD,
		    (events & POLLOUT) != 0 ? watch[i].fd : ARES_SOCKET_BAD);
	}
	ares_process_fd(l->resolver.ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	expire(l, clock_monotonic());
	ask_waiting(l);
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
	l->timeout = configure->timeout_ms * NS_PER_MS;
	TAILQ_INIT(&l->waiting);
	TAILQ_INIT(&l->known);
	TAILQ_INIT(&l->questions);
	error = read_hosts(l, hosts_path);
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
	hosts_free(l->hosts);
	free(l);
}
