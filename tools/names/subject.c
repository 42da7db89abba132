#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "tools/names/lookup_parts.h"

/* With both families asked, each has half of the room in the answer. */
#define FAMILY_ROOM (NAMES_ADDRS_MAX / 2)

void
answer_reverse(
    struct lookup *l, uint32_t number, enum names_status status, const char *name)
{
	struct names_name m = {.question = number, .status = (uint8_t)status};

	if (status == NAMES_OK)
		snprintf(m.name, sizeof(m.name), "%s", name);
	l->answers.name(l->answers.context, &m);
}

void
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

static const char *
failure_text(enum names_status status)
{
	return status == NAMES_NOT_FOUND ? "no such name"
	       : status == NAMES_TIMEOUT ? "no name server answered in time"
					 : "the name servers failed to answer";
}

/* Once: a firewall, or no name server at all, makes every answer a failure. */
static void
complain_of_zones(struct lookup *l, enum names_status status)
{
	if (l->configure.as_source != NAMES_FROM_DNS || l->complained || l->closing ||
	    (status != NAMES_TIMEOUT && status != NAMES_FAILED))
		return;
	l->complained = true;
	log_line(
	    "cannot ask the zones of --as-source dns: %s; going on without the AS "
	    "numbers that are missing (--resolver names other servers, --as-source "
	    "another source)",
	    failure_text(status));
}

/* origin may be NULL. The country is the databases' if they have one. */
void
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
	complain_of_zones(l, status);
	l->answers.origin(l->answers.context, &m);
}

/* The whois server has no address; the next question tries again. */
void
refuse_whois(struct lookup *l, enum names_status status)
{
	l->finding_whois = false;
	whois_refuse(l->whois, status, failure_text(status));
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
void
answer_question(
    const struct subject *s, enum names_status status, const struct question *q)
{
	if (q->ours)
		take_whois_server(s->lookup, status, s->addrs, s->count);
	else
		answer_known(s, status, q->number);
}

/* Its time is over. What is known of an AS but for its name is enough. */
void
answer_late(struct subject *s, const struct question *q)
{
	if (s->key.kind == WHOSE && s->work != NULL && s->work->origin.count != 0)
		answer_whose(
		    s->lookup, q->number, NAMES_OK, &s->key.addr, &s->work->origin);
	else
		answer_question(s, NAMES_TIMEOUT, q);
}

void
question_free(struct question *q)
{
	struct lookup *l = q->subject->lookup;

	TAILQ_REMOVE(&l->questions, q, by_age);
	l->questions_count--;
	TAILQ_REMOVE(&q->subject->questions, q, of_subject);
	free(q);
}

/* ---- subjects ---- */

void
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
struct subject *
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
bool
is_for_dns(const struct subject *s)
{
	return s->key.kind != WHOSE || s->lookup->whois == NULL;
}

/* All queries have ended: everyone who asked is told. */
void
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
