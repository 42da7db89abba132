/* prober/timer: the heap against a plain array that is searched from end to end. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "prober/timer.h"
#include "tests/support/testing.h"

#define TIMERS 300

struct item {
	struct timer timer; /* first */
	bool set;
	int64_t at;
	unsigned int fired;
};

static struct timer_heap heap;
static struct item items[TIMERS];
static int64_t last_fired;
static size_t fired_count;

static void
fire(struct timer *t)
{
	struct item *item = (struct item *)t;

	must(item->set);
	must_eq(item->at, t->at);
	must_eq(t->index, 0);
	must(t->at >= last_fired);
	last_fired = t->at;
	item->set = false;
	item->fired++;
	fired_count++;
}

static void
set_up(void)
{
	heap = (struct timer_heap){0};
	memset(items, 0, sizeof(items));
	for (size_t i = 0; i < TIMERS; i++)
		items[i].timer.fire = fire;
	last_fired = INT64_MIN;
	fired_count = 0;
}

static int64_t
model_next(void)
{
	int64_t next = INT64_MAX;

	for (size_t i = 0; i < TIMERS; i++)
		if (items[i].set && items[i].at < next)
			next = items[i].at;
	return next;
}

static void
set(size_t i, int64_t at)
{
	must_eq(timer_set(&heap, &items[i].timer, at), 0);
	items[i].set = true;
	items[i].at = at;
}

START_TEST(random_operations)
{
	struct rng rng = {(uint64_t)_i};
	/* Few different times make many ties; many make few. */
	uint64_t spread = _i % 2 == 0 ? 20 : 1000000;
	int64_t now = 0;

	set_up();
	for (int turn = 0; turn < 20000; turn++) {
		size_t i = rng_below(&rng, TIMERS);
		size_t due = 0;

		switch (rng_below(&rng, 8)) {
		case 0:
		case 1:
		case 2:
		case 3:
			set(i, now + 1 + (int64_t)rng_below(&rng, spread));
			break;
		case 4:
		case 5:
			timer_cancel(&heap, &items[i].timer);
			items[i].set = false;
			must_eq(items[i].timer.index, 0);
			break;
		case 6:
			must_eq(timer_heap_reserve(&heap, rng_below(&rng, 400)), 0);
			break;
		default:
			now += (int64_t)rng_below(&rng, spread);
			for (size_t k = 0; k < TIMERS; k++)
				due += items[k].set && items[k].at <= now;
			fired_count = 0;
			timer_run(&heap, now);
			must_eq_in(turn, fired_count, due);
		}
		must_eq_in(turn, timer_next(&heap), model_next());
	}
	timer_heap_clear(&heap);
}
END_TEST

static size_t again;

/* Sets itself anew, cancels the next one and sets one that is due at once. */
static void
fire_and_meddle(struct timer *t)
{
	size_t i = (size_t)((struct item *)t - items);

	fired_count++;
	items[i].set = false;
	if (again-- == 0)
		return;
	set(i, t->at + 10);
	timer_cancel(&heap, &items[i + 1].timer);
	items[i + 1].set = false;
	set(TIMERS - 1, t->at - 5);
}

START_TEST(handlers_may_change_timers)
{
	set_up();
	again = 1;
	items[0].timer.fire = fire_and_meddle;
	set(0, 100);
	set(1, 100);
	set(2, 200);
	last_fired = 0;
	timer_run(&heap, 105);
	/* 0 fired, 1 was cancelled, the last one was set for the past. */
	ck_assert_uint_eq(fired_count, 2);
	ck_assert_uint_eq(items[1].fired, 0);
	ck_assert_uint_eq(items[TIMERS - 1].fired, 1);
	ck_assert_int_eq(timer_next(&heap), 110);
	timer_run(&heap, 199);
	ck_assert_int_eq(timer_next(&heap), 200);
	timer_heap_clear(&heap);
	ck_assert_uint_eq(items[2].timer.index, 0);
	ck_assert_int_eq(timer_next(&heap), INT64_MAX);
}
END_TEST

START_TEST(due_is_from_its_time_on)
{
	set_up();
	set(0, 50);
	timer_run(&heap, 49);
	ck_assert_uint_eq(items[0].fired, 0);
	timer_run(&heap, 50);
	ck_assert_uint_eq(items[0].fired, 1);
	timer_run(&heap, INT64_MAX);
	ck_assert_uint_eq(items[0].fired, 1);
	timer_cancel(&heap, &items[0].timer);
	timer_heap_clear(&heap);
	timer_heap_clear(&heap);
}
END_TEST

START_TEST(reserved_room_is_there)
{
	struct timer **before;

	set_up();
	ck_assert_int_eq(timer_heap_reserve(&heap, TIMERS), 0);
	ck_assert_uint_ge(heap.room, TIMERS);
	before = heap.timers;
	for (size_t i = 0; i < TIMERS; i++)
		set(i, (int64_t)(TIMERS - i));
	ck_assert_ptr_eq(heap.timers, before);
	ck_assert_int_eq(timer_next(&heap), 1);
	timer_run(&heap, TIMERS);
	ck_assert_uint_eq(fired_count, TIMERS);
	timer_heap_clear(&heap);
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {random_operations, .loops = 6},
	    {handlers_may_change_timers},
	    {due_is_from_its_time_on},
	    {reserved_room_is_there},
	};

	return test_main("timer", tests, COUNT_OF(tests));
}
