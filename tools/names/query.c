#include <ares.h>
#include <arpa/nameser.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "tools/names/answer.h"
#include "tools/names/lookup_parts.h"
#include "tools/names/zones.h"

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
	if (lookup_ask_name(l, server, AF_UNSPEC, 0, true) != 0)
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

void
query_waiting(struct lookup *l)
{
	struct subject *s;

	for (unsigned int i = 0; i < LOOKUP_BURST; i++) {
		s = TAILQ_FIRST(&l->waiting);
		if (s == NULL || l->asked_count >= LOOKUP_ASKED_MAX)
			return;
		subject_ask(s);
	}
}
