/*
 * Timers in a binary heap, embedded in what they belong to. O(log n) to set, move and
 * cancel; no allocation but for the heap's array. Times are of CLOCK_MONOTONIC, ns.
 */
#ifndef PROBER_TIMER_H
#define PROBER_TIMER_H

#include <stddef.h>
#include <stdint.h>

struct timer {
	int64_t at;
	size_t index; /* place in the heap plus 1; 0: not set */
	void (*fire)(struct timer *t);
};

struct timer_heap {
	struct timer **timers;
	size_t count;
	size_t room;
};

void timer_heap_clear(struct timer_heap *h);

/* Makes room for `count` timers in all, so that timer_set cannot fail. 0 or -ENOMEM. */
int timer_heap_reserve(struct timer_heap *h, size_t count);

/* Sets or moves a timer. Returns 0, or -ENOMEM when there is no room for a new one. */
int timer_set(struct timer_heap *h, struct timer *t, int64_t at);

/* Harmless when the timer is not set. */
void timer_cancel(struct timer_heap *h, struct timer *t);

/* When the first timer runs out; INT64_MAX when none is set. */
int64_t timer_next(const struct timer_heap *h);

/* Takes every timer that is due at `now` out of the heap, then calls its fire. */
void timer_run(struct timer_heap *h, int64_t now);

#endif
