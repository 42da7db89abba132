/* prober/extension: RFC 4884, 4950 and 5837, right and wrong in every way. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "prober/extension.h"
#include "tests/support/packets.h"
#include "tests/support/testing.h"

/* An extension structure while it is being put together. */
struct made_extension {
	uint8_t bytes[4096];
	size_t len;
};

static void
begin(struct made_extension *x)
{
	memset(x, 0, sizeof(*x));
	x->bytes[0] = 2 << 4;
	x->len = 4;
}

/* declared: the length that the object claims, header included. */
static void
add_object(struct made_extension *x, size_t declared, uint8_t class_num, uint8_t c_type,
    const void *data, size_t len)
{
	uint8_t *at = x->bytes + x->len;

	at[0] = (uint8_t)(declared >> 8);
	at[1] = (uint8_t)declared;
	at[2] = class_num;
	at[3] = c_type;
	memcpy(at + 4, data, len);
	x->len += 4 + len;
}

static void
finish(struct made_extension *x)
{
	uint16_t checksum;

	x->bytes[2] = x->bytes[3] = 0;
	checksum = reference_checksum(x->bytes, x->len);
	x->bytes[2] = (uint8_t)(checksum >> 8);
	x->bytes[3] = (uint8_t)checksum;
}

/* Parses the first len bytes where a read past them is seen. */
static int
parse(const struct made_extension *x, size_t len, struct prober_result *out)
{
	uint8_t *copy = exact_copy(x->bytes, len);
	int error;

	memset(out, 0xa5, sizeof(*out));
	out->ttl = 99; /* not the extension's business */
	error = extension_parse(copy, len, out);
	ck_assert_uint_eq(out->ttl, 99);
	if (error != 0) {
		ck_assert_int_eq(error, -EBADMSG);
		ck_assert_uint_eq(out->mpls_count, 0);
		ck_assert_uint_eq(out->objects_count, 0);
		ck_assert_uint_eq(out->interfaces_count, 0);
	}
	free(copy);
	return error;
}

static int
looks_real(const struct made_extension *x, size_t len)
{
	uint8_t *copy = exact_copy(x->bytes, len);
	int real = extension_looks_real(copy, len);

	free(copy);
	return real;
}

/* Label 16005, class 5, bottom of the stack, TTL 1; and label 24 above another. */
static const uint8_t labels[] = {0x03, 0xe8, 0x5b, 0x01, 0x00, 0x01, 0x84, 0xff};

static void
must_be_object(const struct prober_object *o, uint8_t class_num, uint8_t c_type,
    uint16_t len, uint8_t labels_told)
{
	ck_assert_uint_eq(o->class_num, class_num);
	ck_assert_uint_eq(o->c_type, c_type);
	ck_assert_uint_eq(o->len, len);
	ck_assert_uint_eq(o->labels, labels_told);
}

START_TEST(mpls_labels)
{
	struct made_extension x;
	struct prober_result r;

	begin(&x);
	add_object(&x, 12, 1, 1, labels, 8);
	finish(&x);
	ck_assert_int_eq(parse(&x, x.len, &r), 0);
	ck_assert_uint_eq(r.mpls_count, 2);
	ck_assert_uint_eq(r.objects_count, 1);
	must_be_object(&r.objects[0], 1, 1, 8, 2);
	ck_assert_uint_eq(r.mpls[0].label, 16005);
	ck_assert_uint_eq(r.mpls[0].traffic_class, 5);
	ck_assert_uint_eq(r.mpls[0].bottom, 1);
	ck_assert_uint_eq(r.mpls[0].ttl, 1);
	ck_assert_uint_eq(r.mpls[1].label, 24);
	ck_assert_uint_eq(r.mpls[1].traffic_class, 2);
	ck_assert_uint_eq(r.mpls[1].bottom, 0);
	ck_assert_uint_eq(r.mpls[1].ttl, 255);
	ck_assert_int_eq(looks_real(&x, x.len), 1);
}
END_TEST

/* Label stacks and others are told in the order in which they came. */
START_TEST(order_of_objects)
{
	struct made_extension x;
	struct prober_result r;

	begin(&x);
	add_object(&x, 8, 2, 0x0a, "face", 4);
	add_object(&x, 8, 1, 1, labels + 4, 4);
	add_object(&x, 4, 1, 1, "", 0); /* a stack of no labels */
	add_object(&x, 12, 1, 1, labels, 8);
	add_object(&x, 6, 3, 1, "go", 2);
	finish(&x);
	ck_assert_int_eq(parse(&x, x.len, &r), 0);
	ck_assert_uint_eq(r.objects_count, 5);
	must_be_object(&r.objects[0], 2, 0x0a, 4, 0);
	must_be_object(&r.objects[1], 1, 1, 4, 1);
	must_be_object(&r.objects[2], 1, 1, 0, 0);
	must_be_object(&r.objects[3], 1, 1, 8, 2);
	must_be_object(&r.objects[4], 3, 1, 2, 0);
	ck_assert_uint_eq(r.mpls_count, 3);
	ck_assert_uint_eq(r.mpls[0].label, 24);
	ck_assert_uint_eq(r.mpls[1].label, 16005);
	ck_assert_uint_eq(r.mpls[2].label, 24);
}
END_TEST

START_TEST(every_bit_of_a_label)
{
	for (int bit = 0; bit < 32; bit++) {
		uint32_t entry = UINT32_C(1) << bit;
		uint8_t bytes[4] = {(uint8_t)(entry >> 24), (uint8_t)(entry >> 16),
		    (uint8_t)(entry >> 8), (uint8_t)entry};
		struct made_extension x;
		struct prober_result r;

		begin(&x);
		add_object(&x, 8, 1, 1, bytes, 4);
		finish(&x);
		ck_assert_int_eq(parse(&x, x.len, &r), 0);
		ck_assert_uint_eq(r.mpls_count, 1);
		ck_assert_uint_eq(
		    r.mpls[0].label, bit >= 12 ? UINT32_C(1) << (bit - 12) : 0);
		ck_assert_uint_eq(r.mpls[0].traffic_class,
		    bit >= 9 && bit < 12 ? UINT32_C(1) << (bit - 9) : 0);
		ck_assert_uint_eq(r.mpls[0].bottom, bit == 8);
		ck_assert_uint_eq(r.mpls[0].ttl, bit < 8 ? UINT32_C(1) << bit : 0);
	}
}
END_TEST

START_TEST(other_objects)
{
	static const size_t lens[] = {0, 1, 3, 4, 60, 63, 64, 65, 300, 1000};
	uint8_t data[1000];
	struct rng rng = {20};

	rng_fill(&rng, data, sizeof(data));
	for (size_t i = 0; i < COUNT_OF(lens); i++) {
		size_t len = lens[i];
		size_t told = len < PROBER_OBJECT_DATA ? len : PROBER_OBJECT_DATA;
		struct made_extension x;
		struct prober_result r;

		begin(&x);
		/* RFC 5837 interface information; then MPLS of another c-type. */
		add_object(&x, 4 + len, 2, 0x0c, data, len);
		add_object(&x, 8, 1, 2, labels, 4);
		finish(&x);
		ck_assert_int_eq(parse(&x, x.len, &r), 0);
		ck_assert_uint_eq(r.mpls_count, 0);
		ck_assert_uint_eq(r.objects_count, 2);
		must_be_object(&r.objects[0], 2, 0x0c, (uint16_t)len, 0);
		if (told != 0)
			ck_assert_mem_eq(r.objects[0].data, data, told);
		for (size_t k = told; k < PROBER_OBJECT_DATA; k++)
			ck_assert_uint_eq(r.objects[0].data[k], 0);
		must_be_object(&r.objects[1], 1, 2, 4, 0);
	}
}
END_TEST

/* What an interface object says; NULL: it is not as RFC 5837 has it. */
static const struct prober_interface *
interface_of(uint8_t c_type, const void *data, size_t len)
{
	static struct prober_result r;
	struct made_extension x;

	begin(&x);
	add_object(&x, 4 + len, 2, c_type, data, len);
	finish(&x);
	ck_assert_int_eq(parse(&x, x.len, &r), 0);
	must_be_object(&r.objects[0], 2, c_type, (uint16_t)len, 0);
	ck_assert_uint_eq(r.interfaces_count, r.objects[0].is_interface);
	return r.interfaces_count == 1 ? &r.interfaces[0] : NULL;
}

/* All parts, in the order of RFC 5837 section 4.1: 4 + 8 + 8 + 4 bytes. */
static const uint8_t whole_interface[] = "\0\0\1\2"
					 "\0\1\0\0\x0a\2\3\4"
					 "\x8"
					 "eth0\0\0\0"
					 "\0\0\5\xdc";
#define WHOLE_INTERFACE 24

START_TEST(interfaces)
{
	static const uint8_t v6[] = "\0\2\0\0\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1";
	const struct prober_interface *i;
	uint8_t longest[64];
	char text[ADDR_TEXT_MAX];

	for (unsigned int role = 0; role < INTERFACE_ROLES; role++) {
		i = interface_of((uint8_t)(role << 6 | 15), whole_interface, 24);
		ck_assert_ptr_nonnull(i);
		ck_assert_uint_eq(i->role, role);
		ck_assert_uint_eq(i->has, 15);
		ck_assert_uint_eq(i->index, 258);
		ck_assert_str_eq(addr_to_text(&i->addr, text), "10.2.3.4");
		ck_assert_str_eq(i->name, "eth0");
		ck_assert_uint_eq(i->mtu, 1500);
	}
	/* Reserved bits are ignored, and so is what stands behind the parts. */
	i = interface_of(0x30 | INTERFACE_MTU, whole_interface + 20, 4);
	ck_assert_uint_eq(i->mtu, 1500);
	ck_assert(addr_is_none(&i->addr));
	i = interface_of(INTERFACE_INDEX, whole_interface, 24);
	ck_assert_uint_eq(i->index, 258);
	i = interface_of(0x80, "", 0);
	ck_assert_uint_eq(i->role, INTERFACE_OUTGOING);
	ck_assert_uint_eq(i->has, 0);
	i = interface_of(INTERFACE_ADDR, v6, 20);
	ck_assert_str_eq(addr_to_text(&i->addr, text), "2001:db8::1");
	memset(longest, 'x', sizeof(longest));
	longest[0] = 64;
	i = interface_of(INTERFACE_NAME, longest, 64);
	ck_assert_uint_eq(strlen(i->name), 63);
}
END_TEST

START_TEST(no_interfaces)
{
	uint8_t name[68];

	/* Every part cut short. */
	for (size_t len = 0; len < WHOLE_INTERFACE; len++)
		ck_assert_ptr_null(interface_of(15, whole_interface, len));
	/* Another family; names of lengths that no name has. */
	ck_assert_ptr_null(interface_of(INTERFACE_ADDR, "\0\3\0\0\1\2\3\4", 8));
	ck_assert_ptr_null(interface_of(INTERFACE_ADDR, "\0\2\0\0\1\2\3\4", 8));
	memset(name, 'x', sizeof(name));
	for (unsigned int len = 0; len < 256; len++) {
		bool right = len > 0 && len <= 64 && len % 4 == 0;

		name[0] = (uint8_t)len;
		ck_assert(right == (interface_of(INTERFACE_NAME, name, 68) != NULL));
	}
}
END_TEST

/* More than the record has room for: the rest is left out, and nothing overwritten. */
START_TEST(more_than_fits)
{
	struct made_extension x;
	struct prober_result r;

	for (size_t count = 0; count <= 3 * PROBER_MPLS_MAX; count++) {
		begin(&x);
		x.bytes[x.len + 1] = (uint8_t)(4 + 4 * count);
		x.bytes[x.len + 2] = x.bytes[x.len + 3] = 1;
		x.len += 4;
		for (size_t k = 0; k < count; k++, x.len += 4)
			x.bytes[x.len + 2] = (uint8_t)(k << 4); /* label k */
		add_object(&x, 8, 9, 9, "data", 4);
		finish(&x);
		ck_assert_int_eq(parse(&x, x.len, &r), 0);
		ck_assert_uint_eq(
		    r.mpls_count, count < PROBER_MPLS_MAX ? count : PROBER_MPLS_MAX);
		for (size_t k = 0; k < r.mpls_count; k++)
			ck_assert_uint_eq(r.mpls[k].label, k);
		ck_assert_uint_eq(r.objects_count, 2);
		must_be_object(
		    &r.objects[0], 1, 1, (uint16_t)(4 * count), r.mpls_count);
		ck_assert_mem_eq(r.objects[1].data, "data", 4);
		/* Nothing is left of a second stack but what there is room for. */
		add_object(&x, 8, 1, 1, labels, 4);
		finish(&x);
		ck_assert_int_eq(parse(&x, x.len, &r), 0);
		ck_assert_uint_eq(r.objects_count, count < PROBER_MPLS_MAX ? 3 : 2);
	}
	for (size_t count = 0; count <= 3 * PROBER_OBJECTS_MAX; count++) {
		begin(&x);
		for (size_t k = 0; k < count; k++)
			add_object(&x, 4, 9, (uint8_t)k, "", 0);
		add_object(&x, 8, 1, 1, labels, 4);
		finish(&x);
		ck_assert_int_eq(parse(&x, x.len, &r), 0);
		ck_assert_uint_eq(r.objects_count,
		    count < PROBER_OBJECTS_MAX ? count + 1 : PROBER_OBJECTS_MAX);
		for (size_t k = 0; k < count && k < r.objects_count; k++)
			must_be_object(&r.objects[k], 9, (uint8_t)k, 0, 0);
		ck_assert_uint_eq(r.mpls_count, count < PROBER_OBJECTS_MAX);
	}
	/* A fifth interface is an object like others. */
	begin(&x);
	for (uint8_t k = 0; k <= PROBER_INTERFACES_MAX; k++)
		add_object(&x, 8, 2, INTERFACE_INDEX, "\0\0\0\1", 4);
	finish(&x);
	ck_assert_int_eq(parse(&x, x.len, &r), 0);
	ck_assert_uint_eq(r.interfaces_count, PROBER_INTERFACES_MAX);
	for (uint8_t k = 0; k <= PROBER_INTERFACES_MAX; k++)
		ck_assert_uint_eq(r.objects[k].is_interface, k < PROBER_INTERFACES_MAX);
}
END_TEST

/* A right one with one thing changed; an object of 12 bytes, then one of 10. */
static const struct {
	const char *what;
	size_t at;
	uint8_t value;
	bool recompute; /* make the checksum right again */
	int expected;
} changes[] = {
    {"nothing", 1, 0, true, 0},
    {"reserved bits are ignored", 1, 0xff, true, 0},
    {"and those beside the version", 0, 0x2f, true, 0},
    {"version 0", 0, 0x00, true, -EBADMSG},
    {"version 1", 0, 0x10, true, -EBADMSG},
    {"version 3", 0, 0x30, true, -EBADMSG},
    {"version 15", 0, 0xf0, true, -EBADMSG},
    {"length 0", 5, 0, true, -EBADMSG},
    {"length 1", 5, 1, true, -EBADMSG},
    {"length 3", 5, 3, true, -EBADMSG},
    {"an MPLS object without a label", 5, 4, true, -EBADMSG},
    {"one byte of a label", 5, 5, true, -EBADMSG},
    {"three bytes of a label", 5, 7, true, -EBADMSG},
    {"one byte behind a label", 5, 9, true, -EBADMSG},
    {"up to the end", 5, 22, true, -EBADMSG},
    {"one past the end", 5, 23, true, -EBADMSG},
    {"far past the end", 4, 0xff, true, -EBADMSG},
    {"the second object's length 0", 17, 0, true, -EBADMSG},
    {"one past the end", 17, 11, true, -EBADMSG},
    {"a wrong checksum", 2, 0x5a, false, -EBADMSG},
    {"a wrong byte of data", 25, 0x5a, false, -EBADMSG},
};

START_TEST(one_thing_wrong)
{
	struct made_extension x;
	struct prober_result r;
	int error;

	begin(&x);
	add_object(&x, 12, 1, 1, labels, 8);
	add_object(&x, 10, 7, 7, "sixsix", 6);
	finish(&x);
	ck_assert_uint_eq(x.len, 26);
	x.bytes[changes[_i].at] = changes[_i].value;
	if (changes[_i].recompute)
		finish(&x);
	error = parse(&x, x.len, &r);
	if (error != changes[_i].expected)
		ck_abort_msg("%s: %d", changes[_i].what, error);
	ck_assert_int_eq(
	    looks_real(&x, x.len), changes[_i].recompute && x.bytes[0] >> 4 == 2);
}
END_TEST

/* Cut anywhere: what a header of an object does not cover is padding, else malformed.
 */
START_TEST(cut_at_every_byte)
{
	struct made_extension whole, x;
	struct prober_result r;

	begin(&whole);
	add_object(&whole, 12, 1, 1, labels, 8);
	add_object(&whole, 10, 7, 7, "sixsix", 6);
	for (size_t len = 0; len <= whole.len; len++) {
		/* Up to three bytes in front of an object are padding. */
		bool fine =
		    len == 26 || (len >= 16 && len < 20) || (len >= 4 && len < 8);

		x = whole;
		finish(&x); /* the checksum of the whole is wrong for a part */
		if (len != whole.len)
			ck_assert_int_eq(parse(&x, len, &r), -EBADMSG);
		x = whole;
		x.len = len < 4 ? 4 : len;
		finish(&x);
		ck_assert_int_eq(parse(&x, len, &r), fine ? 0 : -EBADMSG);
		if (fine)
			ck_assert_uint_eq(r.mpls_count, len >= 16 ? 2 : 0);
		if (fine)
			ck_assert_uint_eq(
			    r.objects_count, (len >= 16 ? 1U : 0U) + (len == 26));
		ck_assert_int_eq(looks_real(&x, len), len >= 8);
		/* Without a checksum the lengths alone decide. */
		x.bytes[2] = x.bytes[3] = 0;
		ck_assert_int_eq(parse(&x, len, &r), fine ? 0 : -EBADMSG);
		ck_assert_int_eq(looks_real(&x, len), 0);
	}
}
END_TEST

/* Random bytes, made plausible to some depth: right or refused, never out of bounds. */
START_TEST(random_bytes)
{
	struct rng rng = {21};
	size_t accepted = 0;

	for (int turn = 0; turn < 20000; turn++) {
		struct made_extension x;
		struct prober_result r;

		begin(&x);
		x.len = 4 + rng_below(&rng, 120);
		rng_fill(&rng, x.bytes + 4, x.len - 4);
		for (size_t at = 4; at + 4 <= x.len && rng_chance(&rng, 950000);) {
			size_t len = 4 + rng_below(&rng, 24);

			x.bytes[at] = 0;
			x.bytes[at + 1] = (uint8_t)len;
			x.bytes[at + 2] = (uint8_t)rng_below(&rng, 3);
			x.bytes[at + 3] = (uint8_t)rng_below(&rng, 3);
			at += len;
		}
		if (rng_chance(&rng, 900000))
			finish(&x);
		accepted += parse(&x, x.len, &r) == 0;
		must(r.mpls_count <= PROBER_MPLS_MAX);
		must(r.objects_count <= PROBER_OBJECTS_MAX);
	}
	must(accepted > 500 && accepted < 19500);
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {mpls_labels},
	    {order_of_objects},
	    {every_bit_of_a_label},
	    {other_objects},
	    {interfaces},
	    {no_interfaces},
	    {more_than_fits},
	    {one_thing_wrong, .loops = COUNT_OF(changes)},
	    {cut_at_every_byte},
	    {random_bytes},
	};

	return test_main("extension", tests, COUNT_OF(tests));
}
