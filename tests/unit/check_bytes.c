/* common/bytes: the bounded reader and writer, whose failures stick. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "tests/support/testing.h"

static const uint8_t sample[] = {
    0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e};

/* What can be read: each kind by its number of bytes. */
static uint64_t
read_by_size(struct reader *r, size_t size)
{
	switch (size) {
	case 1:
		return reader_u8(r);
	case 2:
		return reader_u16(r);
	case 4:
		return reader_u32(r);
	default:
		return reader_u64(r);
	}
}

static void
write_by_size(struct writer *w, size_t size, uint64_t value)
{
	switch (size) {
	case 1:
		writer_u8(w, (uint8_t)value);
		break;
	case 2:
		writer_u16(w, (uint16_t)value);
		break;
	case 4:
		writer_u32(w, (uint32_t)value);
		break;
	default:
		writer_u64(w, value);
	}
}

static const size_t sizes[] = {1, 2, 4, 8};

START_TEST(numbers_are_big_endian)
{
	static const uint64_t expected[] = {
	    0x01, 0x0102, 0x01020304, UINT64_C(0x0102030405060708)};
	uint8_t out[8] = {0};
	struct reader r;
	struct writer w;

	reader_init(&r, sample, sizes[_i]);
	ck_assert_uint_eq(read_by_size(&r, sizes[_i]), expected[_i]);
	ck_assert_int_eq(reader_finish(&r), 0);
	writer_init(&w, out, sizes[_i]);
	write_by_size(&w, sizes[_i], expected[_i]);
	ck_assert(!w.failed);
	ck_assert_uint_eq(writer_len(&w), sizes[_i]);
	ck_assert_mem_eq(out, sample, sizes[_i]);
}
END_TEST

/* Every number, with every number of bytes that is too small for it. */
START_TEST(short_reads_give_zero_and_stick)
{
	size_t size = sizes[_i];

	for (size_t there = 0; there < size; there++) {
		uint8_t *data = exact_copy(sample, there);
		struct reader r;

		reader_init(&r, data, there);
		ck_assert_uint_eq(reader_left(&r), there);
		ck_assert_uint_eq(read_by_size(&r, size), 0);
		ck_assert(r.failed);
		ck_assert_uint_eq(reader_left(&r), 0);
		/* Even what would still fit is refused now. */
		ck_assert_uint_eq(reader_u8(&r), 0);
		ck_assert_ptr_null(reader_take(&r, 0));
		ck_assert_int_eq(reader_finish(&r), -EBADMSG);
		free(data);
	}
}
END_TEST

START_TEST(short_writes_are_dropped_and_stick)
{
	size_t size = sizes[_i];

	for (size_t room = 0; room < size; room++) {
		uint8_t *data = exact_copy(sample, room);
		struct writer w;

		writer_init(&w, data, room);
		write_by_size(&w, size, UINT64_MAX);
		ck_assert(w.failed);
		ck_assert_uint_eq(writer_len(&w), 0);
		writer_u8(&w, 0xff);
		writer_copy(&w, "", 0);
		ck_assert(w.failed);
		ck_assert_uint_eq(writer_len(&w), 0);
		if (room > 0)
			ck_assert_mem_eq(data, sample, room);
		free(data);
	}
}
END_TEST

START_TEST(copies_and_takes)
{
	uint8_t out[4];
	const uint8_t *taken;
	struct reader r;

	reader_init(&r, sample, 10);
	reader_copy(&r, out, 4);
	ck_assert_mem_eq(out, sample, 4);
	taken = reader_take(&r, 5);
	ck_assert_ptr_eq(taken, sample + 4);
	ck_assert_uint_eq(reader_left(&r), 1);
	ck_assert_int_eq(reader_finish(&r), -EBADMSG);
	taken = reader_take(&r, 0);
	ck_assert_ptr_eq(taken, sample + 9);
	/* A failed copy leaves nothing undefined behind. */
	memset(out, 0xee, sizeof(out));
	reader_copy(&r, out, 4);
	ck_assert_mem_eq(out, "\0\0\0\0", 4);
	ck_assert(r.failed);
	reader_copy(&r, NULL, 0);
	ck_assert_int_eq(reader_finish(&r), -EBADMSG);
}
END_TEST

/* A length that would wrap the pointer must not pass for a small one. */
START_TEST(absurd_lengths)
{
	uint8_t out[4] = {1, 2, 3, 4};
	struct reader r;
	struct writer w;

	reader_init(&r, sample, 4);
	ck_assert_ptr_null(reader_take(&r, SIZE_MAX));
	ck_assert(r.failed);
	reader_init(&r, sample, 4);
	(void)reader_u8(&r);
	ck_assert_ptr_null(reader_take(&r, SIZE_MAX - 1));
	writer_init(&w, out, sizeof(out));
	writer_u8(&w, 9);
	writer_copy(&w, sample, SIZE_MAX);
	ck_assert(w.failed);
	ck_assert_uint_eq(writer_len(&w), 1);
	ck_assert_mem_eq(out, "\x09\x02\x03\x04", 4);
}
END_TEST

START_TEST(empty)
{
	struct reader r;

	reader_init(&r, sample, 0);
	ck_assert_uint_eq(reader_left(&r), 0);
	ck_assert_int_eq(reader_finish(&r), 0);
	ck_assert_ptr_nonnull(reader_take(&r, 0));
	ck_assert_int_eq(reader_finish(&r), 0);
}
END_TEST

/* Random sequences of writes come back by the same reads, wherever the room ends. */
START_TEST(round_trips)
{
	struct rng rng = {1};

	for (int turn = 0; turn < 2000; turn++) {
		uint8_t data[64];
		uint64_t values[32];
		size_t chosen[32];
		size_t room = rng_below(&rng, sizeof(data) + 1);
		size_t used = 0, count = 0;
		struct writer w;
		struct reader r;

		writer_init(&w, data, room);
		for (; count < 32; count++) {
			size_t size = chosen[count] = sizes[rng_below(&rng, 4)];

			values[count] = rng_next(&rng);
			if (size < 8)
				values[count] &= (UINT64_C(1) << (8 * size)) - 1;
			write_by_size(&w, size, values[count]);
			if (used + size > room)
				break;
			used += size;
		}
		must_eq_in(turn, w.failed, count < 32);
		must_eq_in(turn, writer_len(&w), used);
		reader_init(&r, data, used);
		for (size_t i = 0; i < count; i++)
			must(read_by_size(&r, chosen[i]) == values[i]);
		must_eq_in(turn, reader_finish(&r), 0);
	}
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {numbers_are_big_endian, .loops = COUNT_OF(sizes)},
	    {short_reads_give_zero_and_stick, .loops = COUNT_OF(sizes)},
	    {short_writes_are_dropped_and_stick, .loops = COUNT_OF(sizes)},
	    {copies_and_takes},
	    {absurd_lengths},
	    {empty},
	    {round_trips},
	};

	return test_main("bytes", tests, COUNT_OF(tests));
}
