#include "tools/traceroute/record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"

int
record_init(struct record *t, const char *host, const char *protocol,
    const struct prober_start *asked, const struct prober_plan_family *plan)
{
	size_t hops = (size_t)(asked->max_ttl - asked->first_ttl) + 1;

	*t = (struct record){
	    .host = host, .protocol = protocol, .asked = *asked, .plan = *plan};
	t->finals = calloc(hops * asked->queries, sizeof(struct prober_result *));
	return t->finals == NULL ? -ENOMEM : 0;
}

void
record_clear(struct record *t)
{
	size_t hops = (size_t)(t->asked.max_ttl - t->asked.first_ttl) + 1;

	for (size_t i = 0; t->finals != NULL && i < hops * t->asked.queries; i++)
		free(t->finals[i]);
	for (size_t i = 0; i < t->others_count; i++)
		free(t->others[i]);
	free(t->finals);
	free(t->others);
	*t = (struct record){0};
}

/* Where the final word on a query is kept, or NULL when it was not asked for. */
static struct prober_result **
find_final(const struct record *t, int ttl, int query)
{
	if (ttl < t->asked.first_ttl || ttl > t->asked.max_ttl || query < 0 ||
	    query >= t->asked.queries)
		return NULL;
	return &t->finals[(ttl - t->asked.first_ttl) * t->asked.queries + query];
}

static struct prober_result *
copy_result(const struct prober_result *m)
{
	struct prober_result *copy = malloc(sizeof(*copy));

	if (copy != NULL)
		*copy = *m;
	return copy;
}

/* Duplicates, late and ambiguous replies; a flood of them is counted, not kept. */
static int
add_other(struct record *t, const struct prober_result *m)
{
	struct prober_result **others;

	if (t->others_count == RECORD_OTHERS_MAX) {
		t->others_lost++;
		return 0;
	}
	if ((t->others_count & (t->others_count - 1)) == 0) { /* grow at powers of 2 */
		size_t room = t->others_count == 0 ? 1 : 2 * t->others_count;

		others = realloc(t->others, room * sizeof(struct prober_result *));
		if (others == NULL)
			return -ENOMEM;
		t->others = others;
	}
	t->others[t->others_count] = copy_result(m);
	if (t->others[t->others_count] == NULL)
		return -ENOMEM;
	t->others_count++;
	return 0;
}

int
record_take_started(struct record *t, const struct prober_started *m)
{
	if (m->instance != t->asked.instance || t->has_started || t->has_done)
		return -EBADMSG;
	t->has_started = true;
	t->how = *m;
	return 0;
}

int
record_take_result(struct record *t, const struct prober_result *m)
{
	struct prober_result **final = find_final(t, m->ttl, m->query);

	if (m->instance != t->asked.instance || !t->has_started || t->has_done ||
	    m->outcome > RESULT_FRAGMENT) /* the others are other tools' */
		return -EBADMSG;
	if (m->outcome == RESULT_AMBIGUOUS)
		return add_other(t, m);
	if (final == NULL)
		return -EBADMSG;
	if (m->outcome == RESULT_DUPLICATE || m->outcome == RESULT_LATE ||
	    m->outcome == RESULT_FRAGMENT)
		return add_other(t, m);
	if (*final != NULL)
		return -EBADMSG;
	*final = copy_result(m);
	if (*final == NULL)
		return -ENOMEM;
	if ((m->flags & RESULT_FINAL) != 0 &&
	    (t->final_ttl == 0 || m->ttl < t->final_ttl))
		t->final_ttl = m->ttl;
	t->end_ttl = m->end_ttl;
	return 0;
}

int
record_take_done(struct record *t, const struct prober_done *m)
{
	if (m->instance != t->asked.instance || t->has_done)
		return -EBADMSG;
	t->has_done = true;
	t->ended = clock_realtime();
	t->done = *m;
	t->end_ttl = m->end_ttl;
	return 0;
}

const struct prober_result *
record_final(const struct record *t, int ttl, int query)
{
	struct prober_result **final = find_final(t, ttl, query);

	return final != NULL ? *final : NULL;
}

int
record_last_ttl(const struct record *t)
{
	int last = t->asked.max_ttl;

	if (t->final_ttl != 0)
		last = t->final_ttl;
	if (t->end_ttl != 0 && t->end_ttl < last)
		last = t->end_ttl;
	return last;
}

int64_t
record_ended(const struct record *t)
{
	size_t hops = (size_t)(t->asked.max_ttl - t->asked.first_ttl) + 1;
	int64_t last = t->began;

	if (t->ended != 0)
		return t->ended;
	for (size_t i = 0; i < hops * t->asked.queries; i++) {
		const struct prober_result *m = t->finals[i];

		if (m != NULL && m->rtt >= 0 && m->sent + m->rtt > last)
			last = m->sent + m->rtt;
	}
	return last;
}

bool
record_is_over(const struct record *t)
{
	return t->has_done || t->broken;
}
