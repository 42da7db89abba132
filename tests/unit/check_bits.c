/* prober/bits against a model that moves one bit at a time. */
#include <stdlib.h>
#include <string.h>

#include "prober/bits.h"
#include "tests/support/testing.h"

static int
bit_of(const uint8_t *data, size_t bit)
{
	return data[bit / 8] >> (7 - bit % 8) & 1;
}

static void
set_bit(uint8_t *data, size_t bit, int value)
{
	uint8_t mask = (uint8_t)(0x80 >> bit % 8);

	data[bit / 8] = (uint8_t)(value ? data[bit / 8] | mask : data[bit / 8] & ~mask);
}

static uint64_t
model_read(const uint8_t *data, size_t bit, size_t count)
{
	uint64_t value = 0;

	for (size_t i = 0; i < count; i++)
		value = value << 1 | (uint64_t)bit_of(data, bit + i);
	return value;
}

static void
model_write(uint8_t *data, size_t bit, size_t count, uint64_t value)
{
	for (size_t i = 0; i < count; i++)
		set_bit(data, bit + i, (int)(value >> (count - 1 - i) & 1));
}

/* The bytes that a run of bits touches, and no more. */
static size_t
bytes_for(size_t bit, size_t count)
{
	return (bit + count + 7) / 8;
}

/* Every offset from 0 to 63 with every length from 0 to 64. */
START_TEST(reads_and_writes)
{
	struct rng rng = {4};

	for (size_t bit = 0; bit < 64; bit++) {
		for (size_t count = 0; count <= 64; count++) {
			size_t len = bytes_for(bit, count);
			uint8_t before[16];
			uint8_t *data, *expected;
			uint64_t value = rng_next(&rng);

			rng_fill(&rng, before, sizeof(before));
			data = exact_copy(before, len);
			expected = exact_copy(before, len);
			must(bits_read(data, bit, count) ==
			     model_read(before, bit, count));
			/* Bits of value above `count` must not leak out. */
			bits_write(data, bit, count, value);
			model_write(expected, bit, count, value);
			if (len != 0 && memcmp(data, expected, len) != 0)
				ck_abort_msg("writing %zu bits at %zu", count, bit);
			if (count > 0 && count < 64)
				value &= (UINT64_C(1) << count) - 1;
			if (count > 0)
				must(bits_read(data, bit, count) == value);
			free(data);
			free(expected);
		}
	}
}
END_TEST

START_TEST(all_ones_and_all_zeros)
{
	for (size_t bit = 0; bit < 64; bit++) {
		for (size_t count = 0; count <= 64; count++) {
			uint8_t zeros[16] = {0}, ones[16];
			uint64_t all =
			    count == 64 ? UINT64_MAX : (UINT64_C(1) << count) - 1;

			memset(ones, 0xff, sizeof(ones));
			must(bits_read(ones, bit, count) == all);
			bits_write(ones, bit, count, 0);
			bits_write(zeros, bit, count, UINT64_MAX);
			for (size_t i = 0; i < 128; i++) {
				int inside = i >= bit && i < bit + count;

				must_eq(bit_of(zeros, i), inside);
				must_eq(bit_of(ones, i), !inside);
			}
		}
	}
}
END_TEST

/* Every pair of alignments, lengths around each place where the code changes its way.
 */
START_TEST(copies)
{
	static const size_t counts[] = {0, 1, 7, 8, 9, 15, 16, 31, 32, 63, 64, 65, 71,
	    72, 127, 128, 129, 192, 200, 257};
	struct rng rng = {5};

	for (size_t to = 0; to < 17; to++) {
		for (size_t from = 0; from < 17; from++) {
			for (size_t i = 0; i < COUNT_OF(counts); i++) {
				size_t count = counts[i];
				uint8_t a[48], b[48];
				uint8_t *source, *target;
				size_t len = bytes_for(to, count);

				rng_fill(&rng, a, sizeof(a));
				rng_fill(&rng, b, sizeof(b));
				source = exact_copy(a, bytes_for(from, count));
				target = exact_copy(b, len);
				bits_copy(target, to, source, from, count);
				for (size_t k = 0; k < count; k++)
					set_bit(b, to + k, bit_of(a, from + k));
				if (len != 0 && memcmp(target, b, len) != 0)
					ck_abort_msg("%zu bits from %zu to %zu", count,
					    from, to);
				free(source);
				free(target);
			}
		}
	}
}
END_TEST

START_TEST(header_pictures)
{
	/* version 6, traffic class 0xa2, flow label 0x54321 (RFC 8200 section 3) */
	uint8_t header[4] = {0x6a, 0x25, 0x43, 0x21};

	ck_assert_uint_eq(bits_read(header, 0, 4), 6);
	ck_assert_uint_eq(bits_read(header, 4, 8), 0xa2);
	ck_assert_uint_eq(bits_read(header, 12, 20), 0x54321);
	bits_write(header, 4, 8, 0x17f);
	ck_assert_mem_eq(header, "\x67\xf5\x43\x21", 4);
	bits_write(header, 12, 20, 0x00000);
	ck_assert_mem_eq(header, "\x67\xf0\x00\x00", 4);
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {reads_and_writes},
	    {all_ones_and_all_zeros},
	    {copies},
	    {header_pictures},
	};

	return test_main("bits", tests, COUNT_OF(tests));
}
