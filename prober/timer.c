#include "prober/timer.h"

#include <errno.h>
#include <stdlib.h>

void
timer_heap_clear(struct timer_heap *h)
{
	for (size_t i = 0; i < h->count; i++)
		h->timers[i]->index = 0;
	free(h->timers);
	*h = (struct timer_heap){0};
}

int
timer_heap_reserve(struct timer_heap *h, size_t count)
{
	size_t room = h->room == 0 ? 64 : h->room;
	struct timer **timers;

	if (count <= h->room)
		return 0;
	while (room < count)
		room *= 2;
	timers = realloc(h->timers, room * sizeof(struct timer *));
	if (timers == NULL)
		return -ENOMEM;
	h->timers = timers;
	h->room = room;
	return 0;
}

static void
place(struct timer_heap *h, size_t i, struct timer *t)
{
	h->timers[i] = t;
	t->index = i + 1;
}

static void
sift_up(struct timer_heap *h, size_t i)
{
	struct timer *t = h->timers[i];

	for (; i > 0 && h->timers[(i - 1) / 2]->at > t->at; i = (i - 1) / 2)
		place(h, i, h->timers[(i - 1) / 2]);
	place(h, i, t);
}

static void
sift_down(struct timer_heap *h, size_t i)
{
	struct timer *t = h->timers[i];

	for (;;) {
		size_t child = 2 * i + 1;

		if (child + 1 < h->count &&
		    h->timers[child + 1]->at < h->timers[child]->at)
			child++;
		if (child >= h->count || h->timers[child]->at >= t->at)
			break;
		place(h, i, h->timers[child]);
		i = child;
	}
	place(h, i, t);
}

int
timer_set(struct timer_heap *h, struct timer *t, int64_t at)
{
	size_t i;

	if (t->index == 0) {
		if (timer_heap_reserve(h, h->count + 1) != 0)
			return -ENOMEM;
		t->at = at;
		place(h, h->count, t);
		sift_up(h, h->count++);
		return 0;
	}
	i = t->index - 1;
	t->at = at;
	sift_up(h, i);
	sift_down(h, t->index - 1);
	return 0;
}

void
timer_cancel(struct timer_heap *h, struct timer *t)
{
	size_t i = t->index;
	struct timer *last;

	if (i == 0)
		return;
	t->index = 0;
	last = h->timers[--h->count];
	if (last == t)
		return;
	place(h, i - 1, last);
	sift_up(h, i - 1);
	sift_down(h, last->index - 1);
}

int64_t
timer_next(const struct timer_heap *h)
{
	return h->count == 0 ? INT64_MAX : h->timers[0]->at;
}

void
timer_run(struct timer_heap *h, int64_t now)
{
	while (h->count > 0 && h->timers[0]->at <= now) {
		struct timer *t = h->timers[0];

		timer_cancel(h, t);
		t->fire(t);
	}
}
