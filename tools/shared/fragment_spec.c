#include "tools/shared/fragment_spec.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define PART_MAX 256 /* bytes between two semicolons */
#define UNIT 8

/* Says what is wrong, as the end of a sentence. */
#define EXPECT(...) (snprintf(expected, OPTIONS_TEXT_MAX, __VA_ARGS__), -EINVAL)

/* A whole decimal number from low to high, nothing else. */
static bool
read_number(const char *text, uint32_t low, uint32_t high, uint32_t *out)
{
	uint32_t value = 0;

	if (*text == '\0' || strlen(text) > 5)
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		value = value * 10 + (uint32_t)(*text - '0');
	}
	*out = value;
	return value >= low && value <= high;
}

/* LENGTH or OFFSET+LENGTH; next: where the one before ends. */
static int
take_fragment(struct prober_split *s, char *text, uint32_t *next, char *expected)
{
	char *length = text;
	char *offset = strchr(text, '+') != NULL ? strsep(&length, "+") : NULL;
	uint32_t at = *next, len;

	if (s->count == PROBER_FRAGMENTS_MAX)
		return EXPECT("a list of %d fragments at most", PROBER_FRAGMENTS_MAX);
	if ((offset != NULL && !read_number(offset, 0, UINT16_MAX, &at)) ||
	    !read_number(length, 1, UINT16_MAX, &len))
		return EXPECT("fragments as LENGTH or OFFSET+LENGTH, such as 8,16 or "
			      "0+16,8+24, and then ;order= and ;repeat=");
	if (at % UNIT != 0)
		return EXPECT(offset != NULL
				  ? "right: offset %u is not a multiple of %d"
				  : "right: a fragment would begin at byte %u, behind "
				    "a length that is not a multiple of %d",
		    at, UNIT);
	if (at + len > UINT16_MAX)
		return EXPECT("right: %u+%u ends behind byte %u, where the largest "
			      "packet does",
		    at, len, (unsigned int)UINT16_MAX);
	s->named[s->count++] = (struct prober_fragment){(uint16_t)at, (uint16_t)len};
	*next = at + len;
	return 0;
}

/*
 * One whose length is not a multiple of 8 must end the packet: no other may end behind
 * it.
 */
static int
check_lengths(const struct prober_split *s, char *expected)
{
	uint32_t end = 0;

	for (size_t i = 0; i < s->count; i++)
		if ((uint32_t)s->named[i].offset + s->named[i].len > end)
			end = (uint32_t)s->named[i].offset + s->named[i].len;
	for (size_t i = 0; i < s->count; i++) {
		const struct prober_fragment *f = &s->named[i];

		if (f->len % UNIT != 0 && (uint32_t)f->offset + f->len < end)
			return EXPECT("right: the length of %u+%u is not a multiple "
				      "of %d, and it is not the last",
			    f->offset, f->len, UNIT);
	}
	return 0;
}

/* All that there are, the rest included, as they stand or the other way round. */
static void
order_all(struct prober_split *s, bool last_first)
{
	for (uint8_t i = 0; i <= s->count; i++)
		s->order[i] = last_first ? (uint8_t)(s->count - i) : i;
}

/* Numbers from 1; what they leave out follows. */
static int
order_by_number(struct prober_split *s, char *text, char *expected)
{
	uint32_t taken = 0, number;
	uint8_t count = 0;
	char *part;

	while ((part = strsep(&text, ",")) != NULL) {
		if (!read_number(part, 1, s->count + 1U, &number))
			return EXPECT("right: order= takes first-last, last-first or "
				      "numbers of fragments from 1 to %u (the rest)",
			    s->count + 1U);
		if ((taken >> number & 1) != 0)
			return EXPECT("right: order= has fragment %u twice", number);
		taken |= UINT32_C(1) << number;
		s->order[count++] = (uint8_t)(number - 1);
	}
	for (uint8_t i = 0; i <= s->count; i++)
		if ((taken >> (i + 1) & 1) == 0)
			s->order[count++] = i;
	return 0;
}

static int
take_order(struct prober_split *s, char *text, char *expected)
{
	if (strcmp(text, "first-last") != 0 && strcmp(text, "last-first") != 0)
		return order_by_number(s, text, expected);
	order_all(s, text[0] == 'l');
	return 0;
}

/* "order=..." or "repeat=...", once each. */
static int
take_word(struct prober_split *s, char *part, bool *ordered, char *expected)
{
	uint32_t repeat;

	if (strncmp(part, "order=", 6) == 0 && !*ordered) {
		*ordered = true;
		return take_order(s, part + 6, expected);
	}
	if (strncmp(part, "repeat=", 7) != 0 || s->repeat != 0)
		return EXPECT("right: behind the fragments there may be ;order= and "
			      ";repeat=, once each");
	if (!read_number(part + 7, 1, PROBER_REPEAT_MAX, &repeat))
		return EXPECT(
		    "right: repeat= takes a number from 1 to %d", PROBER_REPEAT_MAX);
	s->repeat = (uint8_t)repeat;
	return 0;
}

int
fragment_spec_parse(const char *text, struct prober_split *out, char *expected)
{
	char copy[PART_MAX];
	char *rest = copy, *list, *part;
	bool ordered = false;
	uint32_t next = 0;
	int error = 0;

	*out = (struct prober_split){0};
	if (snprintf(copy, sizeof(copy), "%s", text) >= (int)sizeof(copy))
		return EXPECT("one of %zu bytes at most", sizeof(copy) - 1);
	list = strsep(&rest, ";");
	while (error == 0 && (part = strsep(&list, ",")) != NULL)
		error = take_fragment(out, part, &next, expected);
	if (error == 0)
		error = check_lengths(out, expected);
	order_all(out, false);
	while (error == 0 && (part = strsep(&rest, ";")) != NULL)
		error = take_word(out, part, &ordered, expected);
	if (out->repeat == 0)
		out->repeat = 1;
	return error;
}
