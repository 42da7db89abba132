/* common/prober_messages: what is packed comes back, and nothing else gets in. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/message.h"
#include "common/prober_messages.h"
#include "tests/support/samples.h"
#include "tests/support/testing.h"

/* One body as bytes. */
struct body {
	uint8_t data[MESSAGE_BODY_MAX];
	size_t len;
};

/* A message type seen through void pointers, so that one test serves all. */
struct kind {
	const char *name;
	size_t size;
	void (*pack)(const void *m, struct writer *w);
	int (*unpack)(void *m, struct reader *r);
	void (*fill)(void *m);
};

#define KIND(type) \
	static void type##_pack_any(const void *m, struct writer *w) \
	{ \
		prober_##type##_pack(m, w); \
	} \
	static int type##_unpack_any(void *m, struct reader *r) \
	{ \
		return prober_##type##_unpack(m, r); \
	}

KIND(plan)
KIND(start)
KIND(stop)
KIND(started)
KIND(result)
KIND(done)

#define ROW(type) \
	{ \
#type, sizeof(struct prober_##type), type##_pack_any, \
		    type##_unpack_any, sample_##type \
	}

static const struct kind kinds[] = {ROW(plan), ROW(start),
    {"split", sizeof(struct prober_start), start_pack_any, start_unpack_any,
	sample_split},
    ROW(stop), ROW(started), ROW(result), ROW(done)};
#define KINDS ((int)(sizeof(kinds) / sizeof(kinds[0])))

static void
pack_filled(const struct kind *k, struct body *b)
{
	void *m = calloc(1, k->size);
	struct writer w;

	ck_assert_ptr_nonnull(m);
	k->fill(m);
	writer_init(&w, b->data, sizeof(b->data));
	k->pack(m, &w);
	ck_assert_msg(!w.failed, "%s does not fit a message", k->name);
	b->len = writer_len(&w);
	free(m);
}

static int
unpack(const struct kind *k, const uint8_t *data, size_t len, void *out)
{
	struct reader r;

	reader_init(&r, data, len);
	return k->unpack(out, &r);
}

START_TEST(round_trip)
{
	const struct kind *k = &kinds[_i];
	void *expected = calloc(1, k->size);
	void *got = malloc(k->size);
	struct body b;
	struct body again;
	struct writer w;

	pack_filled(k, &b);
	k->fill(expected);
	memset(got, 0xee, k->size);
	ck_assert_int_eq(unpack(k, b.data, b.len, got), 0);
	writer_init(&w, again.data, sizeof(again.data));
	k->pack(got, &w);
	ck_assert_uint_eq(writer_len(&w), b.len);
	ck_assert_mem_eq(again.data, b.data, b.len);
	if (strcmp(k->name, "start") == 0) {
		struct prober_start *m = got;

		ck_assert_str_eq(m->device, "eth0");
		ck_assert_uint_eq(m->target.scope, 4);
		ck_assert_int_eq(m->timeout, INT64_MAX);
		ck_assert_int_eq(m->interval, PROBER_TIME_MAX);
		ck_assert_uint_eq(m->preload, 65535);
		ck_assert_uint_eq(m->fill[PROBER_FILL_MAX - 1], 0xff);
		ck_assert_uint_eq(
		    m->route.gateways[PROBER_GATEWAYS_MAX - 1].family, AF_INET6);
	}
	if (strcmp(k->name, "result") == 0) {
		struct prober_result *m = got;
		struct prober_result *e = expected;

		ck_assert_int_eq(m->reply_ttl, -1);
		ck_assert_uint_eq(m->reply_len, 65515);
		ck_assert_int_eq(m->rtt, -1);
		ck_assert_uint_eq(m->objects[7].len, 84);
		ck_assert_mem_eq(m->objects[7].data, e->objects[7].data, 64);
		ck_assert_uint_eq(m->mpls[0].label, 0xfffff);
	}
	free(expected);
	free(got);
}
END_TEST

START_TEST(every_other_length_fails)
{
	const struct kind *k = &kinds[_i];
	void *got = malloc(k->size);
	struct body b;

	pack_filled(k, &b);
	for (size_t len = 0; len < b.len; len++) {
		/* A copy of its own, so that a sanitizer sees a read past the end. */
		uint8_t *cut = malloc(len + 1);

		memcpy(cut, b.data, len);
		ck_assert_int_eq(unpack(k, cut, len, got), -EBADMSG);
		free(cut);
	}
	b.data[b.len] = 0;
	ck_assert_int_eq(unpack(k, b.data, b.len + 1, got), -EBADMSG);
	free(got);
}
END_TEST

/* Whatever is accepted must be within its bounds and pack to the same bytes. */
static void
check_accepted(const struct kind *k, void *got, const uint8_t *data, size_t len)
{
	struct body again;
	struct writer w;

	writer_init(&w, again.data, sizeof(again.data));
	k->pack(got, &w);
	ck_assert(!w.failed);
	ck_assert_uint_eq(writer_len(&w), len);
	if (strcmp(k->name, "result") == 0) {
		struct prober_result *m = got;

		ck_assert_uint_le(m->mpls_count, PROBER_MPLS_MAX);
		ck_assert_uint_le(m->objects_count, PROBER_OBJECTS_MAX);
		ck_assert_uint_le(m->interfaces_count, PROBER_INTERFACES_MAX);
	}
	(void)data;
}

START_TEST(damaged_bytes)
{
	const struct kind *k = &kinds[_i];
	void *got = malloc(k->size);
	struct body b;

	srandom(1);
	for (int round = 0; round < 20000; round++) {
		pack_filled(k, &b);
		for (long n = random() % 4 + 1; n > 0; n--)
			b.data[(size_t)random() % b.len] = (uint8_t)random();
		if (unpack(k, b.data, b.len, got) == 0)
			check_accepted(k, got, b.data, b.len);
	}
	for (int round = 0; round < 20000; round++) {
		size_t len = (size_t)random() % 300;

		for (size_t i = 0; i < len; i++)
			b.data[i] = (uint8_t)random();
		if (unpack(k, b.data, len, got) == 0)
			check_accepted(k, got, b.data, len);
	}
	free(got);
}
END_TEST

/* Sets one member of a filled result to a bad value and expects the refusal. */
#define REFUSES(type, change) \
	do { \
		struct prober_##type m = {0}; \
		struct prober_##type out; \
		struct body b; \
		struct writer w; \
		struct reader r; \
		sample_##type(&m); \
		change; \
		writer_init(&w, b.data, sizeof(b.data)); \
		prober_##type##_pack(&m, &w); \
		reader_init(&r, b.data, writer_len(&w)); \
		ck_assert_msg( \
		    w.failed || prober_##type##_unpack(&out, &r) == -EBADMSG, \
		    "accepted: %s", #change); \
	} while (0)

START_TEST(values_out_of_range)
{
	REFUSES(plan, m.family[1].send = TRANSPORT_COUNT);
	REFUSES(plan, m.family[0].receive = 200);
	REFUSES(plan, m.stamp_ids_chosen = 2);
	REFUSES(plan, m.debug = 2);
	REFUSES(plan, m.send_gap = -1);
	REFUSES(plan, m.send_gap = PROBER_TIME_MAX + 1);
	REFUSES(start, m.instance = PROBER_ALL_INSTANCES);
	REFUSES(start, m.algorithm[0] = '\0');
	REFUSES(start, m.target = (struct addr){0});
	REFUSES(start, m.source.family = AF_INET);
	REFUSES(start, m.flow_chosen = 2);
	REFUSES(start, m.flow_field = FLOW_BY_END);
	REFUSES(start, m.flow_label = 1U << 20);
	REFUSES(start, m.dont_fragment = 2);
	REFUSES(start, m.dont_route = 2);
	REFUSES(start, m.path_mtu = 2);
	REFUSES(start, m.dont_fragment = 0); /* path_mtu implies it */
	REFUSES(start, m.tcp.chosen = 2);
	REFUSES(start, m.tcp.chosen = 0);
	REFUSES(start, m.tcp.options = TCP_OPTIONS_END);
	REFUSES(start, m.coverage = 7);
	REFUSES(start, m.first_ttl = 0);
	REFUSES(start, m.max_ttl = 1);
	REFUSES(start, m.queries = 0);
	REFUSES(start, m.wait_max = -1);
	REFUSES(start, m.send_gap = -1);
	REFUSES(start, m.timeout = -1);
	REFUSES(start, m.interval = -1);
	REFUSES(start, m.interval = PROBER_TIME_MAX + 1);
	REFUSES(start, m.fill_len = PROBER_FILL_MAX + 1);
	REFUSES(start, m.alpha = PROBER_ALPHA_UNIT / 2 + 1);
	REFUSES(started, m.instance = PROBER_ALL_INSTANCES);
	REFUSES(started, m.flow_field = FLOW_BY_END);
	REFUSES(started, m.flow_label = 1U << 20);
	REFUSES(result, m.instance = PROBER_ALL_INSTANCES);
	REFUSES(result, m.outcome = 0);
	REFUSES(result, m.outcome = RESULT_SENT + 1);
	REFUSES(result, m.ttl = 0);
	REFUSES(result, m.reply = REPLY_REASSEMBLY + 1);
	REFUSES(result, m.flags = RESULT_FLAGS_END);
	REFUSES(result, m.flags = RESULT_FINAL);          /* quoted_dst says more */
	REFUSES(result, m.quoted_dst = (struct addr){0}); /* and here less */
	REFUSES(result, m.rtt_source = RTT_PROBER + 1);
	REFUSES(result, m.reply_ttl = 256);
	REFUSES(result, m.reply_ttl = -2);
	REFUSES(result, m.reply_tos = 256);
	REFUSES(result, m.tcp_options = TCP_OPTIONS_END);
	REFUSES(result, m.rtt = -2);
	REFUSES(result, m.mpls_count = PROBER_MPLS_MAX + 1);
	REFUSES(result, m.objects_count = PROBER_OBJECTS_MAX + 1);
	REFUSES(result, m.mpls[3].label = 1U << 20);
	REFUSES(result, m.mpls[3].traffic_class = 8);
	REFUSES(result, m.mpls[3].bottom = 2);
	REFUSES(result, m.objects[1].labels = 4);
	REFUSES(result, m.objects[4].labels = PROBER_MPLS_MAX);
	REFUSES(result, m.objects[1].class_num = 2);
	REFUSES(result, m.objects[4].c_type = 2);
	REFUSES(result, m.objects[0].is_interface = 2);
	REFUSES(result, m.objects[0].is_interface = 0);
	REFUSES(result, m.interfaces_count = PROBER_INTERFACES_MAX + 1);
	REFUSES(result, m.objects[0].class_num = 3);
	REFUSES(result, m.interfaces[0].role = INTERFACE_ROLES);
	REFUSES(result, m.interfaces[0].has = INTERFACE_END);
	REFUSES(result, m.interfaces[0].has = INTERFACE_MTU);
	REFUSES(result, m.interfaces[0].addr = (struct addr){0});
	REFUSES(done, m.instance = PROBER_ALL_INSTANCES);
	REFUSES(done, m.reason = 0);
	REFUSES(done, m.reason = REASON_FAILED + 1);
	REFUSES(done, m.error = -1);
	REFUSES(done, m.coverage = COVERAGE_COUNT);
}
END_TEST

START_TEST(fragments)
{
	struct prober_start m, out;
	struct body b;
	struct writer w;
	struct reader r;

	sample_split(&m);
	writer_init(&w, b.data, sizeof(b.data));
	prober_start_pack(&m, &w);
	reader_init(&r, b.data, writer_len(&w));
	ck_assert_int_eq(prober_start_unpack(&out, &r), 0);
	ck_assert_mem_eq(&out.split, &m.split, sizeof(m.split));
}
END_TEST

START_TEST(fragments_that_cannot_be)
{
	REFUSES(start, (sample_split(&m), m.path_mtu = 1));
	REFUSES(start, (sample_split(&m), m.split.repeat = 0));
	REFUSES(start, (sample_split(&m), m.split.repeat = 17));
	REFUSES(start, (sample_split(&m), m.split.order[3] = 17));
	REFUSES(start, (sample_split(&m), m.split.order[3] = m.split.order[4]));
	REFUSES(start, (sample_split(&m), m.split.named[3].offset = 4));
	REFUSES(start, (sample_split(&m), m.split.named[15].len = 0));
	REFUSES(start, (sample_split(&m), m.split.named[15].len = 5536));
	REFUSES(result, (m.seen = SEEN_FRAGMENT, m.quoted_as = 0));
	REFUSES(result, (m.seen = SEEN_FRAGMENT, m.quoted_as = QUOTED_WHOLE + 1));
	REFUSES(result, (m.seen = 0, m.quoted_as = QUOTED_CUT));
	REFUSES(result, m.quoted_more = 2);
	REFUSES(result, m.seen = SEEN_END);
}
END_TEST

START_TEST(an_ambiguous_reply_has_no_ttl)
{
	struct prober_result m = {.outcome = RESULT_AMBIGUOUS, .candidates = 3};
	struct prober_result out;
	struct body b;
	struct writer w;
	struct reader r;

	writer_init(&w, b.data, sizeof(b.data));
	prober_result_pack(&m, &w);
	reader_init(&r, b.data, writer_len(&w));
	ck_assert_int_eq(prober_result_unpack(&out, &r), 0);
	ck_assert_uint_eq(out.candidates, 3);
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {round_trip, .loops = KINDS},
	    {every_other_length_fails, .loops = KINDS},
	    {damaged_bytes, .loops = KINDS},
	    {values_out_of_range},
	    {fragments},
	    {fragments_that_cannot_be},
	    {an_ambiguous_reply_has_no_ttl},
	};

	return test_main("prober_messages", tests, COUNT_OF(tests));
}
