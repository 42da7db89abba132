/*
 * prober/fragments: packets split as they were asked to be, put together again by a
 * parser of the test's own, and what quotes of the pieces are taken for.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "prober/fragments.h"
#include "tests/support/packets.h"
#include "tests/support/testing.h"
#include "tools/shared/fragment_spec.h"

#define ID UINT32_C(0xfedcba98)
#define DATA 200

/* A packet with DATA bytes behind its header, with a routing header or options first.
 */
static struct packet *
packet_of(int v6, size_t added)
{
	size_t header = (v6 ? 40 : 20) + added;
	struct packet *p = packet_new(header + DATA);

	must(p != NULL);
	for (size_t i = 0; i < p->len; i++)
		p->bytes[i] = (uint8_t)(i * 7 + 1);
	if (v6) {
		p->bytes[0] = 0x60;
		p->bytes[6] = added != 0 ? IPPROTO_ROUTING : IPPROTO_UDP;
		if (added != 0) {
			p->bytes[40] = IPPROTO_UDP;
			p->bytes[41] = (uint8_t)(added / 8 - 1);
		}
		p->bytes[4] = 0;
		p->bytes[5] = (uint8_t)(p->len - 40);
	} else {
		p->bytes[0] = (uint8_t)(0x40 | header / 4);
		p->bytes[6] = 0x40; /* may not be fragmented further */
		p->bytes[7] = 0;
		p->bytes[9] = IPPROTO_UDP;
	}
	return p;
}

static struct prober_split
split_of(const char *text)
{
	char expected[OPTIONS_TEXT_MAX] = "";
	struct prober_split s;

	if (fragment_spec_parse(text, &s, expected) != 0)
		ck_abort_msg("%s: %s", text, expected);
	return s;
}

/* What one piece says of itself, read by number. */
struct piece {
	size_t header; /* all that stands before the data */
	size_t offset;
	size_t len;
	bool more;
	uint32_t id;
};

static struct piece
read_piece(const struct packet *p)
{
	const uint8_t *b = p->bytes;
	struct piece out;

	if (b[0] >> 4 == 4) {
		out.header = (size_t)(b[0] & 15) * 4;
		out.offset = (size_t)((b[6] & 0x1f) << 8 | b[7]) * 8;
		out.more = (b[6] & 0x20) != 0;
		out.id = (uint32_t)(b[4] << 8 | b[5]);
		must_eq(b[2] << 8 | b[3], p->len);
		must_eq(reference_checksum(b, out.header), 0);
		must((b[6] & 0x40) != 0);
	} else {
		size_t at = b[6] == IPPROTO_ROUTING ? 40 + ((size_t)b[41] + 1) * 8 : 40;

		must_eq(at == 40 ? b[6] : b[40], IPPROTO_FRAGMENT);
		must_eq(b[at], IPPROTO_UDP);
		must_eq(b[at + 1], 0);
		out.offset = (size_t)(b[at + 2] << 8 | (b[at + 3] & 0xf8));
		must_eq(b[at + 3] & 6, 0);
		out.more = (b[at + 3] & 1) != 0;
		out.id = (uint32_t)b[at + 4] << 24 | (uint32_t)b[at + 5] << 16 |
			 (uint32_t)b[at + 6] << 8 | b[at + 7];
		out.header = at + 8;
		must_eq(40 + (b[4] << 8 | b[5]), p->len);
	}
	out.len = p->len - out.header;
	return out;
}

static const struct {
	const char *text;
	size_t count;
	struct prober_fragment pieces[8]; /* in the order in which they leave */
} splits[] = {
    {"8", 2, {{0, 8}, {8, 192}}}, {"8,16", 3, {{0, 8}, {8, 16}, {24, 176}}},
    {"8,16;order=last-first", 3, {{24, 176}, {8, 16}, {0, 8}}},
    {"8,16;order=first-last", 3, {{0, 8}, {8, 16}, {24, 176}}},
    {"8,16;order=3", 3, {{24, 176}, {0, 8}, {8, 16}}},
    {"8,16;order=2,1,3", 3, {{8, 16}, {0, 8}, {24, 176}}},
    {"8,16;repeat=2", 6, {{0, 8}, {0, 8}, {8, 16}, {8, 16}, {24, 176}, {24, 176}}},
    {"200", 1, {{0, 200}}}, {"96,104", 2, {{0, 96}, {96, 104}}},
    {"96,104;order=3,2,1", 2, {{96, 104}, {0, 96}}}, /* there is no rest */
    {"0+16,8+24", 3, {{0, 16}, {8, 24}, {32, 168}}},
    {"0+16,8+192", 2, {{0, 16}, {8, 192}}},
    {"0+16,8+24;order=last-first", 3, {{32, 168}, {8, 24}, {0, 16}}},
    {"0+104,96+104,96+104", 3, {{0, 104}, {96, 104}, {96, 104}}},
    {"8+8,0+8,16", 4, {{8, 8}, {0, 8}, {8, 16}, {24, 176}}},
    {"0+8,16+8", 3, {{0, 8}, {16, 8}, {24, 176}}}, /* a hole */
};

/* Every split, over IPv4 and IPv6, with and without what stands before the data. */
START_TEST(made)
{
	for (size_t i = 0; i < COUNT_OF(splits); i++) {
		struct prober_split s = split_of(splits[i].text);
		struct packet *whole = packet_of(_i & 1, (_i & 2) != 0 ? 24 : 0);
		size_t header = whole->len - DATA;
		struct packet *first;
		char why[PROBER_DETAIL_MAX + 1];
		size_t count = 0;

		must_eq(fragments_check(&s, DATA, why), 0);
		first = fragments_make(&s, whole, ID);
		must(first != NULL);
		for (struct packet *p = first; p != NULL; p = p->next, count++) {
			struct piece piece = read_piece(p);
			const struct prober_fragment *f = &splits[i].pieces[count];

			must_eq(piece.offset, f->offset);
			must_eq(piece.len, f->len);
			must_eq(piece.more, f->offset + f->len < DATA);
			must_eq(
			    piece.id, (_i & 1) != 0 ? ID : fragments_ipv4_id(whole));
			ck_assert_mem_eq(p->bytes + piece.header,
			    whole->bytes + header + f->offset, f->len);
			/* TTL, addresses and what else is before them are the same. */
			ck_assert_mem_eq(p->bytes + 12, whole->bytes + 12, 8);
			must_eq(p->bytes[8], whole->bytes[8]);
		}
		must_eq(count, splits[i].count);
		packet_unref(first);
		packet_unref(whole);
		must_eq(packet_count(), 0);
	}
	packet_pool_clear();
}
END_TEST

static const struct {
	const char *text;
	size_t len;
	const char *why; /* NULL: it can be done */
} fits[] = {
    {"8,16", 40, NULL},
    {"8,16", 24, NULL},
    {"8,16", 23, "8+16 ends at byte 24, but there are 23 bytes"},
    {"8,12", 20, NULL},
    {"8,12", 24, "8+12 does not end with the packet's 24 bytes"},
    {"8,12", 19, "8+12 ends at byte 20, but there are 19 bytes"},
    {"0+16,8+24", 40, NULL},
    {"0+16,8+24", 31, "8+24 ends at byte 32"},
    {"16+4,0+16", 20, NULL},
    {"16+4,0+20", 20, NULL},
    {"65528+7", 65535, NULL},
};

START_TEST(checked)
{
	for (size_t i = 0; i < COUNT_OF(fits); i++) {
		struct prober_split s = split_of(fits[i].text);
		char why[PROBER_DETAIL_MAX + 1] = "";
		int error = fragments_check(&s, fits[i].len, why);

		must_eq(error, fits[i].why == NULL ? 0 : -EINVAL);
		if (fits[i].why != NULL)
			ck_assert_msg(strstr(why, fits[i].why) != NULL, "%s", why);
		else
			ck_assert_str_eq(why, "");
	}
}
END_TEST

static const struct {
	const char *text; /* NULL: sent whole */
	struct prober_fragment quoted;
	bool more;
	uint8_t as;
} quotes[] = {
    {"8,16", {0, 8}, true, QUOTED_AS_SENT},
    {"8,16", {8, 16}, true, QUOTED_AS_SENT},
    {"8,16", {24, 16}, false, QUOTED_AS_SENT},
    {"8,16", {24, 16}, true, QUOTED_CUT}, /* nothing was to follow */
    {"8,16", {24, 8}, true, QUOTED_CUT},
    {"8,16", {8, 8}, true, QUOTED_CUT},
    {"8,16", {16, 8}, true, QUOTED_CUT},
    {"8,16", {0, 8}, false, QUOTED_WHOLE},
    {"8,16", {0, 40}, false, QUOTED_WHOLE},
    {"8,16", {8, 4096}, true, QUOTED_AS_SENT}, /* in the byte order of its host */
    {"40", {0, 40}, false, QUOTED_AS_SENT},
    {"40", {0, 16}, true, QUOTED_CUT},
    {NULL, {0, 40}, false, 0},
    {NULL, {0, 16}, true, QUOTED_CUT},
    {NULL, {16, 24}, false, QUOTED_CUT},
};

START_TEST(quoted)
{
	for (size_t i = 0; i < COUNT_OF(quotes); i++) {
		struct prober_split s = {.count = 0};

		if (quotes[i].text != NULL)
			s = split_of(quotes[i].text);
		must_eq(fragments_quoted_as(&s, 40, &quotes[i].quoted, quotes[i].more),
		    quotes[i].as);
	}
}
END_TEST

static const struct {
	uint32_t family;
	size_t packet_len;
	uint32_t mtu;
	size_t count;
	struct prober_fragment first, last;
} kernels[] = {
    {AF_INET, 1500, 1500, 1, {0, 1480}, {0, 1480}},
    {AF_INET, 1501, 1500, 2, {0, 1480}, {1480, 1}},
    {AF_INET, 4000, 1500, 3, {0, 1480}, {2960, 1020}},
    {AF_INET, 4000, 1006, 5, {0, 984}, {3936, 44}}, /* 986 is no multiple of 8 */
    {AF_INET, 65000, 68, 1354, {0, 48}, {64944, 36}},
    {AF_INET, 100, 27, 0, {0, 0}, {0, 0}},
    {AF_INET6, 1500, 1500, 1, {0, 1460}, {0, 1460}},
    {AF_INET6, 1501, 1500, 2, {0, 1448}, {1448, 13}},
    {AF_INET6, 4000, 1280, 4, {0, 1232}, {3696, 264}},
};

START_TEST(by_kernel)
{
	for (size_t i = 0; i < COUNT_OF(kernels); i++) {
		struct prober_fragment list[1400] = {{0, 0}};
		size_t count = fragments_by_kernel(kernels[i].family,
		    kernels[i].packet_len, kernels[i].mtu, list, COUNT_OF(list));
		size_t at = 0;

		must_eq(count, kernels[i].count);
		if (count == 0)
			continue;
		must_eq(list[0].len, kernels[i].first.len);
		must_eq(list[count - 1].offset, kernels[i].last.offset);
		must_eq(list[count - 1].len, kernels[i].last.len);
		for (size_t k = 0; k < count; at += list[k++].len)
			must_eq(list[k].offset, at);
		must_eq(at,
		    kernels[i].packet_len - (kernels[i].family == AF_INET ? 20 : 40));
		/* No more than there is room for is written. */
		memset(list, 0xee, sizeof(list));
		must_eq(fragments_by_kernel(kernels[i].family, kernels[i].packet_len,
			    kernels[i].mtu, list, 1),
		    count);
		must_eq(list[1].len, 0xeeee);
	}
}
END_TEST

/* ---- the words for it ------------------------------------------------------------ */

static const struct {
	const char *text;
	const char *expected; /* a part of what would have been right */
} wrong[] = {
    {"", "fragments as LENGTH"},
    {",", "fragments as LENGTH"},
    {"8,", "fragments as LENGTH"},
    {"8,,8", "fragments as LENGTH"},
    {"x", "fragments as LENGTH"},
    {"-8", "fragments as LENGTH"},
    {" 8", "fragments as LENGTH"},
    {"0x8", "fragments as LENGTH"},
    {"0", "fragments as LENGTH"},
    {"65536", "fragments as LENGTH"},
    {"888888", "fragments as LENGTH"},
    {"+8", "fragments as LENGTH"},
    {"8+", "fragments as LENGTH"},
    {"0+8+8", "fragments as LENGTH"},
    {"8,0+0", "fragments as LENGTH"},
    {"12,8", "would begin at byte 12, behind a length that is not a multiple of 8"},
    {"4+8", "offset 4 is not a multiple of 8"},
    {"0+12,0+16", "the length of 0+12 is not a multiple of 8"},
    {"0+12,16+8", "the length of 0+12 is not a multiple of 8"},
    {"65528+8", "65528+8 ends behind byte 65535"},
    {"65528,8", "65528+8 ends behind byte 65535"},
    {"8,8,8,8,8,8,8,8,8,8,8,8,8,8,8,8,8", "a list of 16 fragments at most"},
    {"8;", "there may be ;order= and ;repeat="},
    {"8;order", "there may be ;order= and ;repeat="},
    {"8;repeat=2;repeat=2", "once each"},
    {"8;order=1;order=2", "once each"},
    {"8;repeat=0", "repeat= takes a number from 1 to 16"},
    {"8;repeat=17", "repeat= takes a number from 1 to 16"},
    {"8;repeat=", "repeat= takes a number from 1 to 16"},
    {"8;order=", "numbers of fragments from 1 to 2 (the rest)"},
    {"8;order=0", "numbers of fragments from 1 to 2 (the rest)"},
    {"8;order=3", "numbers of fragments from 1 to 2 (the rest)"},
    {"8;order=random", "order= takes first-last, last-first or"},
    {"8;order=1,1", "order= has fragment 1 twice"},
    {"8;order=2,", "order= takes first-last"},
};

START_TEST(refused)
{
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		char expected[OPTIONS_TEXT_MAX] = "";
		struct prober_split s;

		must_eq(fragment_spec_parse(wrong[i].text, &s, expected), -EINVAL);
		ck_assert_msg(strstr(expected, wrong[i].expected) != NULL, "'%s': %s",
		    wrong[i].text, expected);
		ck_assert_msg(strlen(expected) < 200, "'%s': cut", wrong[i].text);
	}
}
END_TEST

/* The longest text there can be, and one byte more. */
START_TEST(long_texts)
{
	char text[400], expected[OPTIONS_TEXT_MAX];
	struct prober_split s;

	memset(text, '8', sizeof(text));
	text[399] = '\0';
	must_eq(fragment_spec_parse(text, &s, expected), -EINVAL);
	must(strstr(expected, "255 bytes at most") != NULL);
	text[255] = '\0';
	must_eq(fragment_spec_parse(text, &s, expected), -EINVAL);
	must(strstr(expected, "fragments as LENGTH") != NULL);
	must_eq(fragment_spec_parse("8,8,8,8,8,8,8,8,8,8,8,8,8,8,8,8;repeat=16;"
				    "order=17,16,15,14,13,12,11,10,9,8,7,6,5,4,3,2,1",
		    &s, expected),
	    0);
	must_eq(s.count, 16);
	must_eq(s.repeat, 16);
	for (uint8_t i = 0; i < 17; i++)
		must_eq(s.order[i], 16 - i);
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {made, .loops = 4},
	    {checked},
	    {quoted},
	    {by_kernel},
	    {refused},
	    {long_texts},
	};

	return test_main("fragments", tests, COUNT_OF(tests));
}
