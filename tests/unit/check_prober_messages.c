/* common/prober_messages: what is packed comes back, and nothing else gets in. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/message.h"
#include "common/prober_messages.h"
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

static void
fill_plan(void *out)
{
	struct prober_plan *m = out;

	m->family[0] = (struct prober_plan_family){
	    .send = TRANSPORT_UDP, .receive = TRANSPORT_UDP, .tag = "udp.payload"};
	m->family[1] = (struct prober_plan_family){.send = TRANSPORT_PING,
	    .receive = TRANSPORT_PING,
	    .window = 513,
	    .tag = "icmpv6.sequence"};
	m->stamp_ids_chosen = 1;
	m->mark = 0xfffffff1;
	m->debug = 1;
	m->send_gap = 20000000;
}

static void
fill_start(void *out)
{
	struct prober_start *m = out;

	*m = (struct prober_start){.instance = 7,
	    .algorithm = "paris",
	    .device = "eth0",
	    .src_port = 33000,
	    .dst_port = 33434,
	    .first_tag = 3,
	    .flow_chosen = 1,
	    .flow_id = 0xfffffffe,
	    .flow_field = FLOW_BY_LABEL,
	    .flow_label = 0xfffff,
	    .tos = 0xb8,
	    .dont_fragment = 1,
	    .dont_route = 1,
	    .path_mtu = 1,
	    .packet_len = 65000,
	    .tcp = {1, 0xff, TCP_OPTIONS_END - 1, 65535},
	    .coverage = 8,
	    .first_ttl = 2,
	    .max_ttl = 255,
	    .queries = 10,
	    .window = 65535,
	    .gap_limit = 5,
	    .loop_limit = 3,
	    .wait_here = 3000,
	    .wait_near = 10000,
	    .wait_max = INT64_C(5000000000),
	    .send_gap = 1,
	    .timeout = INT64_MAX,
	    .alpha = PROBER_ALPHA_UNIT / 2,
	    .branching = 65534,
	    .children = 1024,
	    .max_probes = UINT32_MAX,
	    .max_flows = 65536,
	    .phi = 4,
	    .interval = PROBER_TIME_MAX,
	    .preload = 65535,
	    .fill_len = PROBER_FILL_MAX};
	m->fill[0] = 1;
	m->fill[PROBER_FILL_MAX - 1] = 0xff;
	ck_assert_int_eq(addr_from_text("fe80::1", &m->target), 0);
	m->target.scope = 4;
	ck_assert_int_eq(addr_from_text("2001:db8::2", &m->source), 0);
}

static void
fill_stop(void *out)
{
	struct prober_stop *m = out;

	m->instance = PROBER_ALL_INSTANCES;
}

static void
fill_started(void *out)
{
	struct prober_started *m = out;

	*m = (struct prober_started){.instance = 1,
	    .flow_field = FLOW_BY_SRC_PORT,
	    .src_port = 1,
	    .dst_port = 2,
	    .icmp_id = 3,
	    .icmp_checksum = 4,
	    .flow_label = 5,
	    .packet_len = 6};
	ck_assert_int_eq(addr_from_text("192.0.2.1", &m->source), 0);
}

static void
fill_result(void *out)
{
	struct prober_result *m = out;

	*m = (struct prober_result){.instance = 9,
	    .probe = 70000,
	    .flow = 1,
	    .ttl = 5,
	    .query = 2,
	    .outcome = RESULT_REPLY,
	    .reply = REPLY_UNREACHABLE,
	    .flags = RESULT_FINAL | RESULT_TRANSLATED,
	    .rtt_source = RTT_USER,
	    .icmp_type = 3,
	    .icmp_code = 4,
	    .reply_ttl = -1,
	    .reply_tos = 255,
	    .reply_len = 65515,
	    .end_ttl = 6,
	    .candidates = 2,
	    .tcp_flags = 0xff,
	    .tcp_options = TCP_OPTIONS_END - 1,
	    .tcp_mss = 1460,
	    .quoted_mss = 1380,
	    .sent_mss = 1461,
	    .mtu = 1400,
	    .path_mtu = 1500,
	    .error = 90,
	    .sent = INT64_C(1795302021573012345),
	    .rtt = -1,
	    .seen = SEEN_FRAGMENT,
	    .quoted_fragment = {65528, 65535},
	    .quoted_more = 1,
	    .quoted_as = QUOTED_WHOLE,
	    .from_port = 7,
	    .quoted_port = 8,
	    .mpls_count = PROBER_MPLS_MAX,
	    .objects_count = PROBER_OBJECTS_MAX};
	ck_assert_int_eq(addr_from_text("198.51.100.7", &m->from), 0);
	ck_assert_int_eq(addr_from_text("10.0.0.7", &m->quoted_dst), 0);
	for (uint8_t i = 0; i < PROBER_MPLS_MAX; i++)
		m->mpls[i] = (struct prober_mpls){0xfffffU - i, i & 7, i == 15, i};
	for (uint8_t i = 0; i < PROBER_OBJECTS_MAX; i++) {
		m->objects[i].class_num = (uint8_t)(i + 2);
		m->objects[i].c_type = i;
		m->objects[i].len = (uint16_t)(i * 12);
		memset(m->objects[i].data, 0xa0 + i,
		    m->objects[i].len < PROBER_OBJECT_DATA ? m->objects[i].len
							   : PROBER_OBJECT_DATA);
	}
	m->objects[0].is_interface = 1; /* of class 2 */
	m->interfaces_count = 1;
	m->interfaces[0] = (struct prober_interface){.role = INTERFACE_NEXT_HOP,
	    .has = INTERFACE_END - 1,
	    .index = 0xfffffffe,
	    .mtu = 9000};
	ck_assert_int_eq(addr_from_text("2001:db8::1", &m->interfaces[0].addr), 0);
	memset(m->interfaces[0].name, 0x80, PROBER_INTERFACE_NAME_MAX);
	m->objects[1] = (struct prober_object){1, 1, 5, 20, {0}};
	m->objects[4] = (struct prober_object){1, 1, PROBER_MPLS_MAX - 5, 400, {0}};
}

static void
fill_done(void *out)
{
	struct prober_done *m = out;

	*m = (struct prober_done){.instance = 3,
	    .reason = REASON_FAILED,
	    .end_ttl = 30,
	    .error = 101,
	    .sent = 1,
	    .replies = 2,
	    .timeouts = 3,
	    .duplicates = 4,
	    .late = 5,
	    .ambiguous = 6,
	    .reasked = 7,
	    .lost_here = 8,
	    .strays = 9,
	    .window = 10,
	    .coverage = COVERAGE_STOPPED};
	memset(m->detail, 'x', PROBER_DETAIL_MAX);
}

#define ROW(type) \
	{ \
#type, sizeof(struct prober_##type), type##_pack_any, \
		    type##_unpack_any, fill_##type \
	}

static const struct kind kinds[] = {
    ROW(plan), ROW(start), ROW(stop), ROW(started), ROW(result), ROW(done)};
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
		fill_##type(&m); \
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

/* Of a start without what excludes fragments. */
static void
fill_split(struct prober_start *m)
{
	m->path_mtu = 0;
	m->split = (struct prober_split){.count = PROBER_FRAGMENTS_MAX, .repeat = 16};
	for (uint8_t i = 0; i <= PROBER_FRAGMENTS_MAX; i++)
		m->split.order[i] = (uint8_t)(PROBER_FRAGMENTS_MAX - i);
	for (uint8_t i = 0; i < PROBER_FRAGMENTS_MAX; i++)
		m->split.named[i] =
		    (struct prober_fragment){(uint16_t)(i * 4000), (uint16_t)(i + 1)};
}

START_TEST(fragments)
{
	struct prober_start m, out;
	struct body b;
	struct writer w;
	struct reader r;

	fill_start(&m);
	fill_split(&m);
	writer_init(&w, b.data, sizeof(b.data));
	prober_start_pack(&m, &w);
	reader_init(&r, b.data, writer_len(&w));
	ck_assert_int_eq(prober_start_unpack(&out, &r), 0);
	ck_assert_mem_eq(&out.split, &m.split, sizeof(m.split));
}
END_TEST

START_TEST(fragments_that_cannot_be)
{
	REFUSES(start, (fill_split(&m), m.path_mtu = 1));
	REFUSES(start, (fill_split(&m), m.split.repeat = 0));
	REFUSES(start, (fill_split(&m), m.split.repeat = 17));
	REFUSES(start, (fill_split(&m), m.split.order[3] = 17));
	REFUSES(start, (fill_split(&m), m.split.order[3] = m.split.order[4]));
	REFUSES(start, (fill_split(&m), m.split.named[3].offset = 4));
	REFUSES(start, (fill_split(&m), m.split.named[15].len = 0));
	REFUSES(start, (fill_split(&m), m.split.named[15].len = 5536));
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
