/* prober/protocols: what each protocol says about itself, against the RFCs. */
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "prober/bits.h"
#include "prober/protocol.h"
#include "tests/support/packets.h"
#include "tests/support/testing.h"

/* Where the fields are: RFC 791, 8200, 768, 9293, 792 and 4443, by hand. */
static const struct {
	const char *protocol;
	size_t header_min;
	struct field fields[16];
} layouts[] = {
    {"ipv4", 20,
	{{"ipv4.version", 0, 4}, {"ipv4.ihl", 4, 4}, {"ipv4.tos", 8, 8},
	    {"ipv4.total_length", 16, 16}, {"ipv4.identification", 32, 16},
	    {"ipv4.reserved", 48, 1}, {"ipv4.dont_fragment", 49, 1},
	    {"ipv4.more_fragments", 50, 1}, {"ipv4.fragment_offset", 51, 13},
	    {"ipv4.ttl", 64, 8}, {"ipv4.protocol", 72, 8}, {"ipv4.checksum", 80, 16},
	    {"ipv4.src_addr", 96, 32}, {"ipv4.dst_addr", 128, 32}}},
    {"ipv6", 40,
	{{"ipv6.version", 0, 4}, {"ipv6.traffic_class", 4, 8},
	    {"ipv6.flow_label", 12, 20}, {"ipv6.payload_length", 32, 16},
	    {"ipv6.next_header", 48, 8}, {"ipv6.hop_limit", 56, 8},
	    {"ipv6.src_addr", 64, 128}, {"ipv6.dst_addr", 192, 128}}},
    {"udp", 8,
	{{"udp.src_port", 0, 16}, {"udp.dst_port", 16, 16}, {"udp.length", 32, 16},
	    {"udp.checksum", 48, 16}, {"udp.payload", 64, 32}}},
    {"udplite", 8,
	{{"udplite.src_port", 0, 16}, {"udplite.dst_port", 16, 16},
	    {"udplite.coverage", 32, 16}, {"udplite.checksum", 48, 16},
	    {"udplite.payload", 64, 32}}},
    {"tcp", 20,
	{{"tcp.src_port", 0, 16}, {"tcp.dst_port", 16, 16}, {"tcp.seq", 32, 32},
	    {"tcp.ack", 64, 32}, {"tcp.data_offset", 96, 4}, {"tcp.flags", 100, 12},
	    {"tcp.window", 112, 16}, {"tcp.checksum", 128, 16},
	    {"tcp.urgent", 144, 16}}},
    {"icmpv4", 8,
	{{"icmp.type", 0, 8}, {"icmp.code", 8, 8}, {"icmp.checksum", 16, 16},
	    {"icmp.id", 32, 16}, {"icmp.sequence", 48, 16}}},
    {"icmpv6", 8,
	{{"icmp.type", 0, 8}, {"icmp.code", 8, 8}, {"icmp.checksum", 16, 16},
	    {"icmp.id", 32, 16}, {"icmp.sequence", 48, 16}}},
    {"dccp", 20,
	{{"dccp.src_port", 0, 16}, {"dccp.dst_port", 16, 16},
	    {"dccp.data_offset", 32, 8}, {"dccp.ccval", 40, 4},
	    {"dccp.coverage", 44, 4}, {"dccp.checksum", 48, 16},
	    {"dccp.reserved", 64, 3}, {"dccp.type", 67, 4},
	    {"dccp.long_sequence", 71, 1}, {"dccp.reserved2", 72, 8},
	    {"dccp.seq_high", 80, 16}, {"dccp.seq", 96, 32},
	    {"dccp.service", 128, 32}}},
    {"raw", 8, {{"raw.start", 0, 32}, {"raw.tag", 32, 32}}},
};

static const struct protocol *
find(const char *name)
{
	const struct protocol *p = protocol_find(name);

	ck_assert_ptr_nonnull(p);
	ck_assert_str_eq(p->name, name);
	return p;
}

START_TEST(fields)
{
	const struct protocol *p = find(layouts[_i].protocol);
	size_t end = 0;
	size_t count = 0;

	ck_assert_uint_eq(p->header_min, layouts[_i].header_min);
	for (; count < 16 && layouts[_i].fields[count].name != NULL; count++) {
		const struct field *expected = &layouts[_i].fields[count];
		int index = protocol_field_index(p, expected->name);

		ck_assert_int_eq(index, (int)count);
		ck_assert_uint_eq(p->fields[index].bit_offset, expected->bit_offset);
		ck_assert_uint_eq(p->fields[index].bit_length, expected->bit_length);
		/* Fields follow each other without a gap. */
		ck_assert_uint_eq(expected->bit_offset, end);
		end += expected->bit_length;
	}
	ck_assert_uint_eq(p->fields_count, count);
	ck_assert_uint_eq(end, p->header_min * 8 + (count == 5 && end == 96 ? 32 : 0));
	ck_assert_int_eq(protocol_field_index(p, "no.such"), -1);
	ck_assert_int_eq(protocol_field_index(p, ""), -1);
}
END_TEST

START_TEST(the_table_is_whole)
{
	size_t count = 0;

	for (; protocol_table[count] != NULL; count++)
		ck_assert_ptr_eq(
		    find(protocol_table[count]->name), protocol_table[count]);
	ck_assert_uint_eq(count, COUNT_OF(layouts));
	ck_assert_ptr_null(protocol_find("icmp"));
	ck_assert_ptr_null(protocol_find(""));
	for (size_t i = 0; i < count; i++) {
		const struct protocol *p = protocol_table[i];

		/* Every name that a table mentions is a field. */
		for (size_t k = 0; k < p->flow_fields_count; k++)
			ck_assert_int_ge(protocol_field_index(p, p->flow_fields[k]), 0);
		for (size_t k = 0; k < p->tag_fields_count; k++) {
			const struct tag_field *t = &p->tag_fields[k];
			int index = protocol_field_index(p, t->field);
			uint64_t room;

			ck_assert_int_ge(index, 0);
			room = (UINT64_C(1) << p->fields[index].bit_length) - 1;
			ck_assert_uint_le(t->low, t->high);
			ck_assert_uint_le(t->high, room);
			/* No checksum comes out as all ones, nor may 0 be asked. */
			if (t->way == TAG_BY_PAYLOAD) {
				ck_assert_str_eq(t->field, p->checksum_field);
				ck_assert_uint_ge(t->low, 1);
				ck_assert_uint_le(t->high, 0xfffe);
			}
		}
		if (p->checksum_field != NULL)
			ck_assert_int_ge(protocol_field_index(p, p->checksum_field), 0);
	}
}
END_TEST

START_TEST(header_lengths)
{
	const struct protocol *ipv4 = find("ipv4");
	const struct protocol *ipv6 = find("ipv6");
	const struct protocol *tcp = find("tcp");

	for (int version = 0; version < 16; version++) {
		for (int low = 0; low < 16; low++) {
			uint8_t h[40] = {(uint8_t)(version << 4 | low)};
			size_t len = version == 4 && low >= 5 ? (size_t)low * 4 : 0;

			ck_assert_uint_eq(ipv4->header_len(h, 40), len);
			ck_assert_uint_eq(
			    ipv6->header_len(h, 40), version == 6 ? 40 : 0);
		}
	}
	for (int offset = 0; offset < 16; offset++) {
		uint8_t h[20] = {0};

		h[12] = (uint8_t)(offset << 4 | 0x0f);
		ck_assert_uint_eq(
		    tcp->header_len(h, 20), offset >= 5 ? (size_t)offset * 4 : 0);
	}
	ck_assert_ptr_null((void *)(uintptr_t)find("udp")->header_len);
	ck_assert_ptr_null((void *)(uintptr_t)find("icmpv4")->header_len);
	ck_assert_ptr_null((void *)(uintptr_t)find("icmpv6")->header_len);
}
END_TEST

START_TEST(declared_lengths)
{
	static const size_t lens[] = {0, 1, 7, 8, 28, 255, 256, 1500, 65535};

	for (size_t i = 0; i < COUNT_OF(lens); i++) {
		uint8_t h[40] = {0};

		h[2] = (uint8_t)(lens[i] >> 8);
		h[3] = (uint8_t)lens[i];
		ck_assert_uint_eq(find("ipv4")->declared_len(h), lens[i]);
		h[4] = h[2];
		h[5] = h[3];
		ck_assert_uint_eq(find("ipv6")->declared_len(h), 40 + lens[i]);
		ck_assert_uint_eq(find("udp")->declared_len(h), lens[i]);
	}
}
END_TEST

START_TEST(what_is_carried)
{
	for (int number = 0; number < 256; number++) {
		uint8_t four[20] = {0x45}, six[40] = {0x60}, icmp[8] = {0};
		bool error4 = number == 3 || number == 4 || number == 5 ||
			      number == 11 || number == 12;

		four[9] = six[6] = icmp[0] = (uint8_t)number;
		ck_assert_int_eq(find("ipv4")->carried(four, 20), number);
		ck_assert_int_eq(find("ipv6")->carried(six, 40), number);
		ck_assert_int_eq(find("icmpv4")->carried(icmp, 8),
		    error4 ? SELECTOR_QUOTE : SELECTOR_NONE);
		ck_assert_int_eq(find("icmpv6")->carried(icmp, 8),
		    number < 128 ? SELECTOR_QUOTE : SELECTOR_NONE);
	}
	/* A later fragment does not start with a transport header. */
	for (int bit = 0; bit < 16; bit++) {
		uint8_t four[20] = {0x45, [9] = IPPROTO_UDP};

		four[6 + (bit < 8)] = (uint8_t)(1 << bit % 8);
		ck_assert_int_eq(find("ipv4")->carried(four, 20),
		    bit < 13 ? SELECTOR_NONE : IPPROTO_UDP);
	}
}
END_TEST

START_TEST(finishing)
{
	uint8_t four[20] = {0xff, 0x10, 0xee, 0xee, [8] = 3, [9] = 17, [10] = 0xaa};
	uint8_t six[40] = {0x0a, 0x25, 0x43, 0x21};
	uint8_t udp[8] = {0}, tcp[20] = {[12] = 0xf7};

	memcpy(four + 12, made_src4, 4);
	find("ipv4")->finish(four, 1500);
	ck_assert_uint_eq(four[0], 0x45);
	ck_assert_uint_eq(four[1], 0x10);
	ck_assert_uint_eq(bits_read(four, 16, 16), 1500);
	ck_assert_uint_eq(reference_checksum(four, 20), 0);
	find("ipv6")->finish(six, 1280);
	ck_assert_mem_eq(six, "\x6a\x25\x43\x21\x04\xd8", 6);
	find("udp")->finish(udp, 0x1234);
	ck_assert_mem_eq(udp, "\0\0\0\0\x12\x34\0\0", 8);
	find("tcp")->finish(tcp, 99);
	ck_assert_uint_eq(tcp[12], 0x57);
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {fields, .loops = COUNT_OF(layouts)},
	    {the_table_is_whole},
	    {header_lengths},
	    {declared_lengths},
	    {what_is_carried},
	    {finishing},
	};

	return test_main("protocols", tests, COUNT_OF(tests));
}
