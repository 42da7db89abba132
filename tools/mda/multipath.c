#include "tools/mda/multipath.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/stopping.h"
#include "common/clock.h"

int
multipath_init(struct multipath *t, const char *host, const char *protocol,
    const struct prober_start *asked, const struct prober_plan_family *plan)
{
	*t = (struct multipath){
	    .host = host, .protocol = protocol, .asked = *asked, .plan = *plan};
	t->graph = graph_new(asked->first_ttl, asked->max_ttl);
	return t->graph == NULL ? -ENOMEM : 0;
}

void
multipath_clear(struct multipath *t)
{
	for (size_t i = 0; i < t->results_count; i++)
		free(t->results[i]);
	free(t->results);
	graph_free(t->graph);
	*t = (struct multipath){0};
}

/* ---- what the prober says -------------------------------------------------------- */

int
multipath_take_started(struct multipath *t, const struct prober_started *m)
{
	if (t->has_started || t->has_done)
		return -EBADMSG;
	t->has_started = true;
	t->how = *m;
	return 0;
}

/* Most results have no extensions, which are most of the structure. */
static bool
has_extensions(const struct prober_result *m)
{
	return m->objects_count != 0 || m->mpls_count != 0;
}

static struct prober_result *
copy_result(const struct prober_result *m)
{
	size_t size =
	    has_extensions(m) ? sizeof(*m) : offsetof(struct prober_result, mpls);
	void *copy = malloc(size);

	if (copy != NULL)
		memcpy(copy, m, size);
	return copy;
}

const struct prober_result *
multipath_result(const struct multipath *t, size_t number, struct prober_result *out)
{
	size_t head = offsetof(struct prober_result, mpls);

	memcpy(out, t->results[number], head);
	if (has_extensions(out))
		memcpy(out, t->results[number], sizeof(*out));
	else
		memset((char *)out + head, 0, sizeof(*out) - head);
	return out;
}

static int
keep(struct multipath *t, const struct prober_result *m)
{
	size_t room = t->results_room == 0 ? 64 : 2 * t->results_room;
	struct prober_result **results;

	if (t->results_count == MULTIPATH_RESULTS_MAX)
		return -EBADMSG;
	if (t->results_count == t->results_room) {
		results = realloc(t->results, room * sizeof(struct prober_result *));
		if (results == NULL)
			return -ENOMEM;
		t->results = results;
		t->results_room = room;
	}
	t->results[t->results_count] = copy_result(m);
	if (t->results[t->results_count] == NULL)
		return -ENOMEM;
	t->results_count++;
	return 0;
}

/* Duplicates, late and ambiguous replies; a flood of them is counted, not kept. */
static int
keep_other(struct multipath *t, const struct prober_result *m)
{
	if (t->others_count == MULTIPATH_OTHERS_MAX) {
		t->others_lost++;
		return 0;
	}
	t->others_count++;
	return keep(t, m);
}

/* Whether the probe is one that can have been asked for. */
static bool
is_possible(const struct multipath *t, const struct prober_result *m)
{
	return m->ttl >= t->asked.first_ttl && m->ttl <= t->asked.max_ttl &&
	       m->flow < GRAPH_FLOWS_MAX;
}

/* As the algorithm has it (algorithms/mda.c): a late answer is one if certain whose. */
bool
multipath_is_answer(const struct prober_result *m)
{
	return m->outcome == RESULT_REPLY ||
	       (m->outcome == RESULT_LATE && (m->flags & RESULT_UNTAGGED) == 0);
}

static int
feed(struct multipath *t, const struct prober_result *m)
{
	if (multipath_is_answer(m)) {
		bool final = (m->flags & RESULT_FINAL) != 0;

		(void)graph_answer(t->graph, m->flow, m->ttl, &m->from,
		    final ? VERTEX_END : VERTEX_ROUTER,
		    (m->flags & RESULT_REACHED) != 0);
	} else if (m->outcome == RESULT_TIMEOUT && (m->flags & RESULT_AGAIN) == 0) {
		(void)graph_silent(t->graph, m->flow, m->ttl);
	}
	return graph_failed(t->graph) ? -ENOMEM : 0;
}

int
multipath_take_result(struct multipath *t, const struct prober_result *m)
{
	int error;

	if (!t->has_started || t->has_done || m->outcome == RESULT_SENT ||
	    m->outcome == RESULT_FRAGMENT)
		return -EBADMSG;
	if (m->outcome == RESULT_AMBIGUOUS)
		return keep_other(t, m);
	if (!is_possible(t, m))
		return -EBADMSG;
	if (m->outcome == RESULT_DUPLICATE)
		return keep_other(t, m);
	if (m->outcome == RESULT_LATE) {
		error = keep_other(t, m);
		return error != 0 ? error : feed(t, m);
	}
	if (m->probe >= t->highest && m->probe != UINT32_MAX)
		t->highest = m->probe + 1;
	t->answered += m->outcome == RESULT_REPLY;
	t->lost += m->outcome == RESULT_TIMEOUT;
	t->unawaited += m->outcome == RESULT_UNAWAITED;
	error = keep(t, m);
	return error != 0 ? error : feed(t, m);
}

int
multipath_take_done(struct multipath *t, const struct prober_done *m)
{
	if (t->has_done)
		return -EBADMSG;
	t->has_done = true;
	t->done = *m;
	t->ended = clock_realtime();
	return 0;
}

bool
multipath_is_over(const struct multipath *t)
{
	return t->has_done || t->broken;
}

/* ---- what it comes to ------------------------------------------------------------ */

/* Whether somebody who ends paths does so at a lower hop as well. */
static bool
ends_before(const struct multipath *t, const struct vertex *v)
{
	for (int ttl = t->asked.first_ttl; ttl < v->ttl; ttl++) {
		uint32_t i = graph_find(t->graph, (uint8_t)ttl, &v->addr);

		if (i != GRAPH_NONE && graph_vertex(t->graph, i)->kind == VERTEX_END &&
		    graph_vertex(t->graph, i)->flows_count != 0)
			return true;
	}
	return false;
}

bool
multipath_shows(const struct multipath *t, const struct vertex *v)
{
	if (v->flows_count == 0)
		return false;
	return v->kind != VERTEX_END || v->prev_count != 0 || !ends_before(t, v);
}

bool
multipath_reached(const struct multipath *t)
{
	for (uint32_t i = 0; i < graph_vertices(t->graph); i++) {
		const struct vertex *v = graph_vertex(t->graph, i);

		if (multipath_shows(t, v) && v->kind == VERTEX_END && v->reached)
			return true;
	}
	return false;
}

bool
multipath_is_by_hop(const struct multipath *t)
{
	return strcmp(t->asked.algorithm, "mda-lite") == 0;
}

double
multipath_alpha(const struct multipath *t)
{
	uint32_t asked = t->asked.alpha != 0 ? t->asked.alpha : PROBER_ALPHA_DEFAULT;
	double alpha = (double)asked / PROBER_ALPHA_UNIT;

	return t->asked.branching != 0
		   ? stopping_alpha_of_graph(alpha, t->asked.branching)
		   : alpha;
}

int
multipath_last_ttl(const struct multipath *t)
{
	int last = t->asked.first_ttl - 1;

	for (uint32_t i = 0; i < graph_vertices(t->graph); i++) {
		const struct vertex *v = graph_vertex(t->graph, i);

		if (multipath_shows(t, v) && v->kind != VERTEX_SOURCE && v->ttl > last)
			last = v->ttl;
	}
	return last;
}

/* ---- figures --------------------------------------------------------------------- */

/* The round trip times of one vertex lie side by side. */
struct timed {
	uint32_t vertex;
	int64_t rtt;
};

static int
compare_timed(const void *a, const void *b)
{
	const struct timed *x = a;
	const struct timed *y = b;

	if (x->vertex != y->vertex)
		return x->vertex < y->vertex ? -1 : 1;
	return x->rtt < y->rtt ? -1 : x->rtt > y->rtt;
}

static void
put_times(struct vertex_figures *figures, struct timed *times, size_t count)
{
	size_t first = 0;

	if (count != 0)
		qsort(times, count, sizeof(*times), compare_timed);
	for (size_t i = 1; i <= count; i++) {
		struct vertex_figures *f;

		if (i < count && times[i].vertex == times[first].vertex)
			continue;
		f = &figures[times[first].vertex];
		f->rtt_min = times[first].rtt;
		f->rtt_median = times[first + (i - first - 1) / 2].rtt;
		first = i;
	}
}

struct vertex_figures *
multipath_figures(const struct multipath *t)
{
	uint32_t vertices = graph_vertices(t->graph);
	struct vertex_figures *figures = calloc(vertices + 1, sizeof(*figures));
	struct timed *times = calloc(t->results_count + 1, sizeof(*times));
	size_t count = 0;

	for (uint32_t i = 0; figures != NULL && i < vertices; i++)
		figures[i] = (struct vertex_figures){.rtt_min = -1, .rtt_median = -1};
	for (size_t i = 0; figures != NULL && times != NULL && i < t->results_count;
	     i++) {
		const struct prober_result *m = t->results[i];
		uint32_t at;

		if (!multipath_is_answer(m))
			continue;
		at = graph_find(t->graph, m->ttl, &m->from);
		if (at >= vertices)
			continue;
		if (figures[at].answers++ == 0)
			figures[at].example = i;
		figures[at].flags |= m->flags;
		if (m->rtt >= 0)
			times[count++] = (struct timed){at, m->rtt};
	}
	if (figures != NULL && times != NULL)
		put_times(figures, times, count);
	if (times == NULL) {
		free(figures);
		figures = NULL;
	}
	free(times);
	return figures;
}
