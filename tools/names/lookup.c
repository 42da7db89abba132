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
#include "common/message.h"
#include "tools/names/answer.h"
#include "tools/names/databases.h"
#include "tools/names/hosts.h"
#include "tools/names/resolver.h"
#include "tools/names/whois.h"
#include "tools/names/zones.h"

/* With both families asked, each has half of the room in the answer. */
#define FAMILY_ROOM (NAMES_ADDRS_MAX / 2)

_Static_assert(RESOLVER_WATCH_MAX + WHOIS_AT_ONCE <= LOOKUP_WATCH_MAX,
    "all sockets must be watched");

enum subject_kind {
	OF_ADDR, /* its name */
	OF_NAME, /* its addresses */
	WHOSE,   /* the AS of an address */
};

/* What is asked: the bytes are the hash key, so all padding is zero. */
struct subject_key {
	uint32_t kind;    /* enum subject_kind */
	struct addr addr; /* of OF_ADDR and WHOSE */
	uint32_t family;  /* of OF_NAME */
	char name[NAMES_NAME_MAX + 1];
};

enum subject_state {
	SUBJECT_WAITING, /* for its turn */
	SUBJECT_ASKED,   /* c-ares or whois.c works on it */
	SUBJECT_KNOWN,   /* in the cache */
};

enum query_kind {
	QUERY_PTR,
	QUERY_ADDRS,  /* A or AAAA */
	QUERY_ORIGIN, /* TXT, as the next */
	QUERY_AS_NAME,
};

/* One query of a subject; a question to the whois server counts as one. */
struct query {
	struct subject *subject;
	enum query_kind kind;
	uint32_t family; /* of the addresses wanted */
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
	struct origin origin; /* of WHOSE */
};

/* What someone asked about a subject. */
struct question {
	uint32_t number;
	bool ours; /* not the tool's: the address of the whois server */
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
	enum names_status status; /* SUBJECT_KNOWN, with one of the three below */
	char *name;
	struct addr *addrs;
	size_t count;
	struct origin *origin;
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
	struct databases databases;
	struct whois *whois; /* NULL: not asked */
	struct names_configure configure;
	struct lookup_answers answers;
	int64_t timeout; /* ns */
	struct subject *subjects;
	struct subject_list waiting;
	struct subject_list known;
	struct question_list questions;
	size_t questions_count;
	size_t asked_count;
	size_t known_count;
	size_t resolver_watched; /* of the descriptors that lookup_watch told */
	bool finding_whois;      /* its server's address is being looked up */
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

/* origin may be NULL. The country is the databases' if they have one. */
static void
answer_whose(struct lookup *l, uint32_t number, enum names_status status,
    const struct addr *a, const struct origin *origin)
{
	struct names_origin m = {.question = number, .status = (uint8_t)status};
	struct origin place = {0};

	if (origin != NULL) {
		m.count = status == NAMES_OK ? origin->count : 0;
		memcpy(m.numbers, origin->numbers, sizeof(m.numbers));
		memcpy(m.country, origin->country, sizeof(m.country));
		if (m.count != 0)
			memcpy(m.as_name, origin->as_name, sizeof(m.as_name));
	}
	if (databases_country(&l->databases, a, &place) == NAMES_OK)
		memcpy(m.country, place.country, sizeof(m.country));
	if (l->configure.as_source == NAMES_FROM_NOBODY && m.country[0] != '\0')
		m.status = NAMES_OK;
	l->answers.origin(l->answers.context, &m);
}

/* The whois server has no address; the next question tries again. */
static void
refuse_whois(struct lookup *l, enum names_status status)
{
	l->finding_whois = false;
	whois_refuse(l->whois, status,
	    status == NAMES_NOT_FOUND ? "no such name"
	    : status == NAMES_TIMEOUT ? "no name server answered in time"
				      : "the name servers failed to answer");
}

/* The whois server's addresses, or why there are none. */
static void
take_whois_server(
    struct lookup *l, enum names_status status, const struct addr *addrs, size_t count)
{
	if (status != NAMES_OK) {
		refuse_whois(l, status);
		return;
	}
	l->finding_whois = false;
	whois_serve(l->whois, addrs, count);
}

/* Answers a subject's question with this outcome, or with what it knows. */
static void
answer_known(const struct subject *s, enum names_status status, uint32_t number)
{
	const struct origin *origin = s->origin;

	switch ((enum subject_kind)s->key.kind) {
	case OF_NAME:
		answer_forward(s->lookup, number, status, s->addrs, s->count);
		break;
	case OF_ADDR:
		answer_reverse(s->lookup, number, status, s->name);
		break;
	case WHOSE:
		answer_whose(s->lookup, number, status, &s->key.addr, origin);
		break;
	}
}

/* Answers whoever asked a question. */
static void
answer_question(
    const struct subject *s, enum names_status status, const struct question *q)
{
	if (q->ours)
		take_whois_server(s->lookup, status, s->addrs, s->count);
	else
		answer_known(s, status, q->number);
}

/* Its time is over. What is known of an AS but for its name is enough. */
static void
answer_late(struct subject *s, const struct question *q)
{
	if (s->key.kind == WHOSE && s->work != NULL && s->work->origin.count != 0)
		answer_whose(
		    s->lookup, q->number, NAMES_OK, &s->key.addr, &s->work->origin);
	else
		answer_question(s, NAMES_TIMEOUT, q);
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
	free(s->origin);
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
	if (s->key.kind == OF_ADDR && worst == NAMES_OK) {
		s->name = strdup(s->work->queries[0].name);
		if (s->name == NULL)
			s->status = NAMES_FAILED;
	} else if (s->key.kind == OF_NAME) {
		if (!collect_addrs(s))
			s->status = NAMES_FAILED;
		else if (s->count != 0)
			s->status = NAMES_OK;
	} else if (s->key.kind == WHOSE && worst <= NAMES_NOT_FOUND) {
		s->origin = malloc(sizeof(*s->origin));
		if (s->origin == NULL)
			s->status = NAMES_FAILED;
		else
			*s->origin = s->work->origin;
	}
	return worst <= NAMES_NOT_FOUND && s->status <= NAMES_NOT_FOUND;
}

/* Whether it is DNS that works on it, when something does. */
static bool
is_for_dns(const struct subject *s)
{
	return s->key.kind != WHOSE || s->lookup->whois == NULL;
}

/* All queries have ended: everyone who asked is told. */
static void
subject_finish(struct subject *s)
{
	struct lookup *l = s->lookup;
	struct question *q;
	bool keep;

	if (is_for_dns(s))
		l->asked_count--;
	if (l->closing) {
		subject_free(s);
		return;
	}
	keep = subject_conclude(s);
	while ((q = TAILQ_FIRST(&s->questions)) != NULL) {
		answer_question(s, s->status, q);
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

static void query_send(struct query *q, const char *name, int type);

/* One text of a zone. */
static void
take_origin_text(void *context, const char *text)
{
	origin_add_zone_text(context, text);
}

static void
take_as_name(void *context, const char *text)
{
	origin_add_zone_name(context, text);
}

/* What an AS is called takes a question of its own; of the first, if there are many. */
static void
ask_as_name(struct subject *s)
{
	struct query *q = &s->work->queries[s->work->queries_count++];
	char name[ZONES_NAME_MAX];

	q->subject = s;
	q->kind = QUERY_AS_NAME;
	zones_as(s->work->origin.numbers[0], name);
	query_send(q, name, ns_t_txt);
}

static void
take_origin(struct query *q, const uint8_t *data, size_t len)
{
	struct lookup *l = q->subject->lookup;
	struct origin *origin = &q->subject->work->origin;

	q->status = answer_texts(data, len, take_origin_text, origin);
	if (q->status == NAMES_OK && origin->count == 0)
		q->status = NAMES_NOT_FOUND;
	if (q->status == NAMES_OK && l->configure.as_names != 0)
		ask_as_name(q->subject);
}

/* c-ares' word on one query; may come before ares_query returns. */
static void
query_done(void *context, int status, int timeouts, unsigned char *data, int len)
{
	struct query *q = context;

	(void)timeouts;
	q->status = status_from_ares(status);
	if (q->kind == QUERY_AS_NAME) {
		/* An AS without a name is one all the same. */
		if (q->status == NAMES_OK)
			answer_texts(
			    data, (size_t)len, take_as_name, &q->subject->work->origin);
		q->status = NAMES_OK;
	} else if (q->status == NAMES_OK && q->kind == QUERY_PTR) {
		q->status = answer_name(data, (size_t)len, q->name);
	} else if (q->status == NAMES_OK && q->kind == QUERY_ORIGIN) {
		take_origin(q, data, (size_t)len);
	} else if (q->status == NAMES_OK) {
		q->status = answer_addrs(
		    data, (size_t)len, q->family, q->addrs, NAMES_ADDRS_MAX, &q->count);
	}
	work_release(q->subject);
}

static void
query_send(struct query *q, const char *name, int type)
{
	q->subject->work->pending++;
	ares_query(
	    q->subject->lookup->resolver.ares, name, ns_c_in, type, query_done, q);
}

/* whois.c's word. */
static void
whois_answered(void *context, enum names_status status, const struct origin *origin)
{
	struct subject *s = context;

	s->work->queries[0].status = status;
	s->work->origin = *origin;
	work_release(s);
}

/* One question about an address, by a name that stands for it. */
static void
ask_about_addr(struct subject *s)
{
	struct query *q = &s->work->queries[s->work->queries_count++];
	char name[ZONES_NAME_MAX];

	q->subject = s;
	if (s->key.kind == OF_ADDR) {
		q->kind = QUERY_PTR;
		zones_reverse(&s->key.addr, name);
		query_send(q, name, ns_t_ptr);
	} else {
		q->kind = QUERY_ORIGIN;
		zones_origin(&s->key.addr, name);
		query_send(q, name, ns_t_txt);
	}
}

static int ask_name(
    struct lookup *l, const char *name, uint32_t family, uint32_t number, bool ours);

/* Finds the whois server's addresses, if nobody does. */
static void
find_whois(struct lookup *l)
{
	const char *server = l->configure.whois_server;
	struct addr addrs[NAMES_ADDRS_MAX];
	size_t count;

	if (l->finding_whois || whois_has_server(l->whois))
		return;
	if (strchr(server, '%') == NULL && addr_from_text(server, &addrs[0]) == 0)
		count = 1;
	else
		count =
		    hosts_addrs(l->hosts, server, AF_UNSPEC, addrs, NAMES_ADDRS_MAX);
	if (count != 0) {
		whois_serve(l->whois, addrs, count);
		return;
	}
	l->finding_whois = true;
	if (ask_name(l, server, AF_UNSPEC, 0, true) != 0)
		refuse_whois(l, NAMES_FAILED);
}

/* It stays asked for as long as a question has. */
static void
ask_whois(struct subject *s)
{
	struct lookup *l = s->lookup;

	s->work->queries_count = 1;
	s->work->pending++;
	if (whois_ask(l->whois, &s->key.addr, clock_monotonic() + l->timeout,
		whois_answered, s) != 0) {
		s->work->queries[0].status = NAMES_FAILED;
		s->work->pending--;
	}
	find_whois(l);
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
		q->kind = QUERY_ADDRS;
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
	if (is_for_dns(s))
		l->asked_count++;
	s->work->pending = 1;
	if (s->key.kind == OF_NAME)
		ask_forward(s);
	else if (is_for_dns(s))
		ask_about_addr(s);
	else
		ask_whois(s);
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

/* Asks DNS for the addresses of a name. */
static int
ask_name(
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
		return ask_name(
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
