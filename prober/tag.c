#include "prober/tag.h"

#include <errno.h>
#include <stdlib.h>

/*
 * Values above this many are never recycled: a run does not live to see them used up.
 */
#define RECYCLED_MAX (UINT32_C(1) << 20)

/* True for a value that the rule allows. */
static int
allowed(const struct tag_field *rule, uint32_t value)
{
	return !rule->ends_non_zero || (value & 0xff) != 0;
}

/* How many values the rule spans, the forbidden ones included. */
static uint64_t
span(const struct tag_field *rule)
{
	return (uint64_t)rule->high - rule->low + 1;
}

int
tag_set_init(struct tag_set *s, const struct pattern *pattern, struct field_ref field,
    uint64_t seed)
{
	const struct tag_field *rule = pattern_tag_field(pattern, field);
	uint64_t values;

	if (rule == NULL)
		return -EINVAL;
	values = span(rule);
	*s = (struct tag_set){.pattern = pattern, .field = field, .rule = rule};
	s->next = rule->falls ? rule->high - (uint32_t)(seed % (values / 2))
			      : rule->low + (uint32_t)(seed % values);
	s->unused = values > UINT32_MAX ? UINT32_MAX : (uint32_t)values;
	return 0;
}

void
tag_set_clear(struct tag_set *s)
{
	free(s->resting);
	s->resting = NULL;
	s->room = s->count = 0;
}

void
tag_set_start_at(struct tag_set *s, uint32_t value)
{
	uint64_t values = span(s->rule);

	if (s->unused == (values > UINT32_MAX ? UINT32_MAX : values) &&
	    tag_set_has(s, value))
		s->next = value;
}

/* The value after this one, round the range. */
static uint32_t
following(const struct tag_field *rule, uint32_t value)
{
	if (rule->falls)
		return value == rule->low ? rule->high : value - 1;
	return value == rule->high ? rule->low : value + 1;
}

/* The next value of the first round, or -EAGAIN when the round is over. */
static int
take_unused(struct tag_set *s, uint32_t *value)
{
	while (s->unused > 0) {
		*value = s->next;
		s->next = following(s->rule, s->next);
		s->unused--;
		if (allowed(s->rule, *value))
			return 0;
	}
	return -EAGAIN;
}

int
tag_set_take(struct tag_set *s, int64_t now, uint32_t *value, int64_t *retry)
{
	const struct tag_rest *oldest;

	if (take_unused(s, value) == 0)
		return 0;
	*retry = INT64_MAX;
	if (s->count == 0)
		return -EAGAIN;
	oldest = &s->resting[s->first];
	if (oldest->since + TAG_REST > now) {
		*retry = oldest->since + TAG_REST;
		return -EAGAIN;
	}
	*value = oldest->value;
	s->first = (s->first + 1) % s->room;
	s->count--;
	return 0;
}

/* Doubles the ring, oldest value first. */
static int
ring_grow(struct tag_set *s)
{
	size_t room = s->room == 0 ? 64 : s->room * 2;
	struct tag_rest *ring = calloc(room, sizeof(*ring));

	if (ring == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < s->count; i++)
		ring[i] = s->resting[(s->first + i) % s->room];
	free(s->resting);
	s->resting = ring;
	s->room = room;
	s->first = 0;
	return 0;
}

bool
tag_set_has(const struct tag_set *s, uint32_t value)
{
	return value >= s->rule->low && value <= s->rule->high;
}

int
tag_set_give(struct tag_set *s, int64_t now, uint32_t value)
{
	if (!tag_set_has(s, value))
		return 0;
	/* A set this large starts a new round instead of remembering what rests. */
	if (span(s->rule) > RECYCLED_MAX) {
		if (s->unused == 0)
			s->unused = UINT32_MAX;
		return 0;
	}
	if (s->count == s->room && ring_grow(s) != 0)
		return -ENOMEM;
	s->resting[(s->first + s->count) % s->room] = (struct tag_rest){value, now};
	s->count++;
	return 0;
}
