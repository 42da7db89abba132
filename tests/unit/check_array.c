/* common/array.h: arrays that grow. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "common/array.h"
#include "tests/support/testing.h"

START_TEST(grows)
{
	uint32_t *items = NULL, room = 0;

	for (uint32_t i = 0; i < 1000; i++) {
		ck_assert_int_eq(
		    array_reserve(&items, &room, i + 1, sizeof(*items)), 0);
		ck_assert_uint_ge(room, i + 1);
		ck_assert_uint_eq(items[i], 0);
		ck_assert_uint_eq(items[room - 1], 0);
		items[i] = i + 1;
	}
	for (uint32_t i = 0; i < 1000; i++)
		ck_assert_uint_eq(items[i], i + 1);
	free(items);
}
END_TEST

/* At once, not at each item; and nothing when there is room. */
START_TEST(leaps)
{
	uint64_t *items = NULL, *before;
	uint32_t room = 0;

	ck_assert_int_eq(array_reserve(&items, &room, 5000, sizeof(*items)), 0);
	ck_assert_uint_ge(room, 5000);
	before = items;
	ck_assert_int_eq(array_reserve(&items, &room, 17, sizeof(*items)), 0);
	ck_assert_ptr_eq(items, before);
	ck_assert_int_eq(array_reserve(&items, &room, room + 1, sizeof(*items)), 0);
	ck_assert_uint_ge(room, 10000);
	free(items);
}
END_TEST

/* More than there is leaves all as it was. */
START_TEST(no_memory)
{
	char *items = NULL;
	uint32_t room = 0;

	ck_assert_int_eq(array_reserve(&items, &room, 3, 1), 0);
	items[2] = 'x';
	ck_assert_int_eq(
	    array_reserve(&items, &room, UINT32_MAX, SIZE_MAX / 2), -ENOMEM);
	ck_assert_uint_lt(room, 5000);
	ck_assert_int_eq(items[2], 'x');
	free(items);
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {{grows}, {leaps}, {no_memory}};

	return test_main("array", tests, COUNT_OF(tests));
}
