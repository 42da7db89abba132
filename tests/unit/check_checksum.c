/* common/checksum against RFC 1071, known packets and arithmetic by division. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "common/checksum.h"
#include "tests/support/packets.h"
#include "tests/support/testing.h"

/* Known sums; the first is the example of RFC 1071 section 3. */
static const struct {
	const char *bytes;
	size_t len;
	uint16_t folded;
} vectors[] = {
    {"\x00\x01\xf2\x03\xf4\xf5\xf6\xf7", 8, 0xddf2},
    {"", 0, 0},
    {"\x00\x00", 2, 0},
    {"\xff\xff", 2, 0xffff},
    {"\xff\xff\x00\x01", 4, 0x0001},
    {"\xff\xff\xff\xff", 4, 0xffff},
    {"\x80\x00\x80\x00", 4, 0x0001},
    {"\x12", 1, 0x1200},
    {"\x12\x34\x56", 3, 0x6834},
    {"\xff\xff\xff", 3, 0xff00},
    /* An IPv4 header as it stands: its sum is all ones. */
    {"\x45\x00\x00\x73\x00\x00\x40\x00\x40\x11\xb8\x61\xc0\xa8\x00\x01\xc0\xa8\x00\xc7",
	20, 0xffff},
    /* The same before its checksum is written. */
    {"\x45\x00\x00\x73\x00\x00\x40\x00\x40\x11\x00\x00\xc0\xa8\x00\x01\xc0\xa8\x00\xc7",
	20, 0x479e},
};

START_TEST(known_sums)
{
	const uint8_t *bytes = (const uint8_t *)vectors[_i].bytes;
	uint32_t sum = checksum_add(0, bytes, vectors[_i].len);

	ck_assert_uint_eq(checksum_fold(sum), vectors[_i].folded);
	ck_assert_uint_eq(checksum_finish(sum), (uint16_t)~vectors[_i].folded);
	/* The second opinion that other tests lean on is held to the same. */
	ck_assert_uint_eq(
	    reference_checksum(bytes, vectors[_i].len), (uint16_t)~vectors[_i].folded);
}
END_TEST

START_TEST(random_data)
{
	struct rng rng = {2};

	for (int turn = 0; turn < 3000; turn++) {
		uint8_t data[600];
		size_t len = rng_below(&rng, sizeof(data) + 1);
		size_t cut = rng_below(&rng, len / 2 + 1) * 2;
		uint8_t *copy;
		uint32_t sum;

		rng_fill(&rng, data, len);
		copy = exact_copy(data, len);
		must_eq_in(turn, checksum_finish(checksum_add(0, copy, len)),
		    reference_checksum(data, len));
		/* Parts may be joined at any even place, in any order. */
		sum = checksum_add(0, copy + cut, len - cut);
		sum = checksum_add(sum, copy, cut);
		must_eq_in(turn, checksum_finish(sum), reference_checksum(data, len));
		free(copy);
	}
}
END_TEST

/* As long as a packet can be, all ones: nothing overflows. */
START_TEST(longest)
{
	uint8_t *data = malloc(65535);
	uint32_t sum = 0xffffffff;

	ck_assert_ptr_nonnull(data);
	memset(data, 0xff, 65535);
	ck_assert_uint_eq(checksum_finish(checksum_add(0, data, 65535)),
	    reference_checksum(data, 65535));
	/* Nor from the largest sum that can be handed in. */
	for (int i = 0; i < 100000; i++)
		sum = checksum_add_u16(sum, 0xffff);
	ck_assert_uint_eq(checksum_fold(sum), 0xffff);
	free(data);
}
END_TEST

START_TEST(pseudo_headers)
{
	struct addr src4 = addr_from_bytes(AF_INET, made_src4);
	struct addr dst4 = addr_from_bytes(AF_INET, made_dst4);
	struct addr src6 = addr_from_bytes(AF_INET6, made_src6);
	struct addr dst6 = addr_from_bytes(AF_INET6, made_dst6);
	uint8_t four[12], six[40];
	uint32_t length = 0x00012345; /* a jumbogram's: both halves count */

	memcpy(four, made_src4, 4);
	memcpy(four + 4, made_dst4, 4);
	memcpy(four + 8, "\x00\x11\x05\xdc", 4);
	ck_assert_uint_eq(
	    checksum_finish(checksum_add_pseudo(0, &src4, &dst4, IPPROTO_UDP, 1500)),
	    reference_checksum(four, sizeof(four)));
	memcpy(six, made_src6, 16);
	memcpy(six + 16, made_dst6, 16);
	memcpy(six + 32, "\x00\x01\x23\x45\x00\x00\x00\x3a", 8);
	ck_assert_uint_eq(checksum_finish(checksum_add_pseudo(
			      0, &src6, &dst6, IPPROTO_ICMPV6, length)),
	    reference_checksum(six, sizeof(six)));
	/* It goes on from the sum that it is given. */
	ck_assert_uint_eq(
	    checksum_fold(checksum_add_pseudo(5, &src4, &dst4, IPPROTO_UDP, 1500)),
	    checksum_fold(5 + checksum_add_pseudo(0, &src4, &dst4, IPPROTO_UDP, 1500)));
}
END_TEST

/* Every wanted value, each on a few sums: extremes, then random ones. */
START_TEST(compensation)
{
	static const uint32_t extremes[] = {0, 1, 0xfffe, 0xffff, 0x10000, 0x1fffe};
	struct rng rng = {3};

	for (uint32_t wanted = 0; wanted <= 0xfffe; wanted++) {
		for (size_t i = 0; i < COUNT_OF(extremes) + 8; i++) {
			uint32_t sum = i < COUNT_OF(extremes)
					   ? extremes[i]
					   : (uint32_t)rng_below(&rng, 0x20000);
			uint16_t word = checksum_compensate(sum, (uint16_t)wanted);
			uint32_t with = checksum_add_u16(sum, word);

			must_eq_in(sum, checksum_finish(with), wanted);
		}
	}
}
END_TEST

/* RFC 792, 4443, 768, 3828 and 9293 have it; no other number is taken for one of these.
 */
START_TEST(offsets)
{
	for (unsigned protocol = 0; protocol <= UINT8_MAX; protocol++) {
		size_t offset = protocol == 1 || protocol == 58     ? 2
				: protocol == 17 || protocol == 136 ? 6
				: protocol == 6                     ? 16
								    : 0;

		must_eq_in(protocol, checksum_offset((uint8_t)protocol), offset);
	}
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {known_sums, .loops = COUNT_OF(vectors)},
	    {random_data},
	    {longest},
	    {pseudo_headers},
	    {compensation},
	    {offsets},
	};

	return test_main("checksum", tests, COUNT_OF(tests));
}
