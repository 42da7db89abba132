/*
 * tools/shared/naming: what is asked once, what is forgotten, and that late answers
 * hurt nobody. paris-names is played by the functions of its client below.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/testing.h"
#include "tools/shared/naming.h"

#define MANY (2 * NAME_CACHE_MOST)

/* The other side: counts questions and keeps the callbacks. */
static struct names_client_answers callbacks;
static uint32_t asked_names, asked_origins, last_question;
static int refusal; /* of every question, or 0 */

int
names_client_start(struct names_client **out, const struct names_configure *m,
    const int *databases, const struct names_client_answers *answers, char *path,
    size_t path_room)
{
	(void)m;
	(void)databases;
	snprintf(path, path_room, "nowhere");
	callbacks = *answers;
	*out = (struct names_client *)&callbacks; /* nobody looks into it */
	return 0;
}

int
names_client_reverse(struct names_client *c, const struct addr *addr, uint32_t question)
{
	(void)c;
	(void)addr;
	last_question = question;
	asked_names++;
	return refusal;
}

int
names_client_whose(struct names_client *c, const struct addr *addr, uint32_t question)
{
	(void)c;
	(void)addr;
	last_question = question;
	asked_origins++;
	return refusal;
}

int
names_client_forward(
    struct names_client *c, const char *name, uint32_t family, uint32_t question)
{
	(void)c;
	(void)name;
	(void)family;
	(void)question;
	return -EPIPE;
}

void
names_client_stop(struct names_client *c)
{
	(void)c;
}

static void
start(struct name_cache *c, bool as)
{
	const struct naming_wishes wishes = {.names = true, .as = as};
	char error[NAME_CACHE_ERROR_MAX];

	asked_names = asked_origins = 0;
	refusal = 0;
	ck_assert_int_eq(name_cache_start(c, &wishes, error), 0);
}

static struct addr
address(uint32_t number)
{
	struct addr a = {.family = AF_INET6, .bytes = {0x20, 0x01, 0x0d, 0xb8}};

	memcpy(a.bytes + 12, &number, sizeof(number));
	return a;
}

static enum name_state
find(struct name_cache *c, uint32_t number, const char **name)
{
	struct addr a = address(number);

	return naming_name(&c->naming, &a, name);
}

static void
answer(uint32_t question, const char *name)
{
	struct names_name m = {.question = question, .status = NAMES_OK};

	snprintf(m.name, sizeof(m.name), "%s", name);
	callbacks.name(callbacks.context, &m);
}

/* An address is asked about once, whatever becomes of it. */
START_TEST(asked_once)
{
	struct name_cache c;
	const char *name;

	start(&c, false);
	for (uint32_t number = 0; number < 3; number++)
		ck_assert_int_eq(find(&c, number, &name), NAME_PENDING);
	answer(1, "one.example");
	answer(2, "");
	for (int again = 0; again < 2; again++) {
		ck_assert_int_eq(find(&c, 0, &name), NAME_PENDING);
		ck_assert_int_eq(find(&c, 1, &name), NAME_KNOWN);
		ck_assert_str_eq(name, "one.example");
		ck_assert_int_eq(find(&c, 2, &name), NAME_NONE);
	}
	ck_assert_uint_eq(asked_names, 3);
	name_cache_clear(&c);
}
END_TEST

/* However many there are, no more than the most are kept: known, unknown and open ones.
 */
START_TEST(bounded)
{
	const uint32_t surely_gone = MANY - NAME_CACHE_MOST;
	struct name_cache c;
	const char *name;

	start(&c, _i == 3);
	refusal = _i == 2 ? -EPIPE : 0;
	for (uint32_t number = 0; number < MANY; number++) {
		(void)find(&c, number, &name);
		if (_i == 1)
			answer(last_question, "a.name.example");
		name_cache_trim(&c, NAME_CACHE_MOST);
	}
	/* The newest ones are known of without asking. */
	for (uint32_t number = 0; number < NAME_CACHE_MOST / 2; number++)
		(void)find(&c, MANY - 1 - number, &name);
	ck_assert_uint_eq(asked_names, MANY);
	for (uint32_t number = 0; number < surely_gone; number++)
		(void)find(&c, number, &name);
	ck_assert_uint_eq(asked_names, MANY + surely_gone);
	ck_assert_uint_eq(asked_origins, _i == 3 ? asked_names : 0);
	name_cache_clear(&c);
}
END_TEST

/* The answer to a question that was forgotten is nobody's, also when both come late. */
START_TEST(late_answers)
{
	struct names_origin origin = {.question = 0, .status = NAMES_OK};
	struct name_cache c;
	const char *name;

	start(&c, true);
	(void)find(&c, 7, &name);
	(void)find(&c, 8, &name);
	(void)find(&c, 9, &name);
	name_cache_trim(&c, 2); /* forgets 7 and 8 */
	answer(0, "seven.example");
	callbacks.origin(callbacks.context, &origin);
	ck_assert_int_eq(find(&c, 9, &name), NAME_PENDING);
	ck_assert_int_eq(find(&c, 7, &name), NAME_PENDING);
	ck_assert_uint_eq(asked_names, 4);
	answer(last_question, "seven.example");
	ck_assert_int_eq(find(&c, 7, &name), NAME_KNOWN);
	name_cache_give_up(&c);
	ck_assert_int_eq(find(&c, 9, &name), NAME_NONE);
	name_cache_clear(&c);
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {asked_once},
	    {bounded, .loops = 4},
	    {late_answers},
	};

	return test_main("naming", tests, COUNT_OF(tests));
}
