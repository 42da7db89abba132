/*
 * prober/store: which probe a reply answers. Probes are real packets of real layouts;
 * endpoints are only names here, for the store never looks into their sockets.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prober/algorithm.h"
#include "prober/layout.h"
#include "prober/store.h"
#include "prober/transport.h"
#include "tests/support/packets.h"
#include "tests/support/testing.h"

#define ENDPOINTS 24
#define TARGETS 6

static struct tree *tree;
static struct store store;
static struct endpoint endpoints[ENDPOINTS];

/* What endpoints send, alternating. */
static const char *const patterns[] = {
    "ipv4/udp", "ipv6/udp", "ipv4/icmpv4", "ipv6/icmpv6"};

static bool
is_udp(const struct endpoint *e)
{
	return strstr(e->pattern->name, "udp") != NULL;
}

static bool
is_v6(const struct endpoint *e)
{
	return e->pattern->name[3] == '6';
}

static struct addr
target(const struct endpoint *e, int number)
{
	struct addr a = addr_from_bytes(
	    is_v6(e) ? AF_INET6 : AF_INET, is_v6(e) ? made_dst6 : made_dst4);

	a.bytes[is_v6(e) ? 15 : 3] = (uint8_t)(number + 1);
	return a;
}

static void
set_up(void)
{
	tree = tree_new();
	ck_assert_ptr_nonnull(tree);
	store_init(&store);
	memset(endpoints, 0, sizeof(endpoints));
	for (size_t i = 0; i < ENDPOINTS; i++) {
		static const char *const seen[] = {
		    "udp.dst_port", "udp.src_port", "ipv6.flow_label", NULL};
		struct endpoint *e = &endpoints[i];

		e->pattern = tree_find(tree, patterns[i % COUNT_OF(patterns)]);
		ck_assert_ptr_nonnull(e->pattern);
		e->port = (uint16_t)(24000 + i);
		e->seen = pattern_names_mask(e->pattern, seen);
	}
}

static void
tear_down(void)
{
	ck_assert_uint_eq(store.count, 0);
	ck_assert_ptr_null(store.buckets);
	store_clear(&store);
	store_clear(&store);
	tree_free(tree);
	ck_assert_uint_eq(probe_count(), 0);
	ck_assert_uint_eq(packet_count(), 0);
	probe_pool_clear();
	packet_pool_clear();
}

static struct tag_set *
tags_of(const struct endpoint *e, const char *name)
{
	struct field_ref ref;
	struct tag_set *set;

	if (name == NULL)
		return NULL;
	must_eq(pattern_find_field(e->pattern, name, &ref), 0);
	set = store_tag_set(&store, e->pattern, ref, 1);
	must(set != NULL);
	return set;
}

/* A probe in flight, in the store, with this tag; NULL field: without one. */
static struct probe *
add_probe_len(struct endpoint *e, int to, const char *tag_field, uint32_t tag,
    uint16_t dst_port, uint16_t len)
{
	struct probe *p = probe_new();
	struct layout_options o = {
	    .pattern = e->pattern,
	    .src = addr_from_bytes(
		is_v6(e) ? AF_INET6 : AF_INET, is_v6(e) ? made_src6 : made_src4),
	    .dst = target(e, to),
	    .dst_port = dst_port,
	    .icmp_id = e->port,
	    .flow_constant = !is_udp(e),
	    .tagged = tag_field != NULL,
	    .len = len,
	};
	struct layout_probe v = {.ttl = 5,
	    .src_port = e->port,
	    .flow_checksum = 0x5dc1,
	    .flow_label = 7,
	    .tag = tag};
	struct layout l;

	must(p != NULL);
	if (tag_field != NULL)
		must_eq(pattern_find_field(e->pattern, tag_field, &o.tag), 0);
	must_eq(layout_init(&l, &o), 0);
	p->packets = packet_new(layout_len(&l, &v));
	layout_build(&l, &v, p->packets->bytes);
	layout_clear(&l);
	p->endpoint = e;
	p->dst = o.dst;
	p->dst_port = dst_port;
	if (tag_field != NULL && strcmp(tag_field, "udp.dst_port") == 0)
		p->dst_port = (uint16_t)tag;
	if (!is_udp(e))
		p->dst_port = 0;
	p->tags = tags_of(e, tag_field);
	p->tag = tag;
	p->state = PROBE_IN_FLIGHT;
	must_eq(store_add(&store, p), 0);
	must_eq(p->refs, 2);
	probe_unref(p); /* the store's is enough */
	return p;
}

static struct probe *
add_probe(struct endpoint *e, int to, const char *tag_field, uint32_t tag)
{
	return add_probe_len(e, to, tag_field, tag, 33434, 60);
}

/*
 * The reply to a probe, as a transport would tell it: `shown` bytes behind the header
 * that the kernel writes are quoted; image has room for the whole packet.
 */
struct told {
	struct reply reply;
	uint8_t image[1536];
};

static void
answer(struct told *t, const struct probe *p, size_t shown)
{
	struct endpoint *e = p->endpoint;
	size_t from = pattern_layer_offset(e->pattern, is_udp(e) ? 2 : 1);
	size_t most = p->packets->len - from;

	memset(t, 0xee, sizeof(*t)); /* what is not defined must not matter */
	t->reply = (struct reply){
	    .endpoint = e,
	    .kind = REPLY_TIME_EXCEEDED,
	    .dst_known = true,
	    .dst = p->dst,
	    .dst_port = p->dst_port,
	    .image = t->image,
	    .quote_at = from,
	    .quote_len = shown < most ? shown : most,
	    .seen = e->seen,
	};
	memcpy(t->image + from, p->packets->bytes + from, t->reply.quote_len);
	/* The kernel tells addresses' ports and flow label with every error. */
	if (is_udp(e))
		memcpy(t->image + from - 8, p->packets->bytes + from - 8, 4);
	if (is_v6(e))
		memcpy(t->image, p->packets->bytes, 4);
}

static enum match_type
match(struct told *t, struct match *m)
{
	store_match(&store, &t->reply, m);
	must((m->type == MATCH_NONE) == (m->count == 0));
	must((m->type == MATCH_ONE) == (m->count == 1));
	return m->type;
}

/* The reply is this probe's and nobody else's. */
static void
must_be_for(struct told *t, const struct probe *p)
{
	struct match m;

	must_eq(match(t, &m), MATCH_ONE);
	must(m.probes[0] == p);
}

static void
must_be_for_none(struct told *t)
{
	struct match m;

	must_eq(match(t, &m), MATCH_NONE);
}

/* The reply names this probe, and whether its quote was changed. */
static void
must_be_altered(struct told *t, const struct probe *p, bool altered)
{
	struct match m;

	must_eq(match(t, &m), MATCH_ONE);
	must(m.probes[0] == p);
	must(m.altered == altered && !m.elsewhere);
}

static bool
is_candidate(const struct match *m, const struct probe *p)
{
	for (size_t i = 0; i < m->count; i++)
		if (m->probes[i] == p)
			return true;
	return false;
}

/* ---- one at a time --------------------------------------------------------------- */

/* An endpoint's pattern with each tag that can be seen again, and the quote it takes.
 */
static const struct {
	int endpoint;
	const char *tag;
	size_t needed; /* bytes that must be shown */
} ways[] = {
    {0, "udp.payload", 4},
    {1, "udp.payload", 4},
    {0, "udp.dst_port", 0},
    {1, "udp.dst_port", 0},
    {0, "udp.src_port", 0},
    {2, "icmp.sequence", 8},
    {3, "icmp.sequence", 8},
    {1, "ipv6.flow_label", 0},
    {3, "ipv6.flow_label", 0},
};

START_TEST(by_tag)
{
	struct endpoint *e = &endpoints[ways[_i].endpoint];
	struct probe *p[20];
	struct told t;
	struct match m;

	set_up();
	for (uint32_t i = 0; i < COUNT_OF(p); i++)
		p[i] = add_probe(e, 0, ways[_i].tag, 33501 + i);
	for (size_t i = 0; i < COUNT_OF(p); i++) {
		for (size_t shown = 0; shown <= 40; shown++) {
			answer(&t, p[i], shown);
			if (shown >= ways[_i].needed) {
				must_be_for(&t, p[i]);
				continue;
			}
			must_eq(match(&t, &m), MATCH_SEVERAL);
			must(is_candidate(&m, p[i]));
		}
	}
	/* A tag that nobody has. */
	answer(&t, p[3], 40);
	store_remove(&store, p[3]);
	must_be_for_none(&t);
	for (size_t i = 0; i < COUNT_OF(p); i++)
		if (i != 3)
			store_remove(&store, p[i]);
	must_be_for_none(&t);
	tear_down();
}
END_TEST

START_TEST(by_flow_alone)
{
	struct endpoint *e = &endpoints[_i];
	struct probe *p, *q;
	struct told t;
	struct match m;

	set_up();
	p = add_probe(e, 0, NULL, 0);
	answer(&t, p, 0);
	must_be_for(&t, p);
	answer(&t, p, 1000);
	must_be_for(&t, p);
	/* Two of them cannot be told apart. */
	q = add_probe(e, 0, NULL, 0);
	answer(&t, p, 0);
	ck_assert_int_eq(match(&t, &m), MATCH_SEVERAL);
	ck_assert_uint_eq(m.count, 2);
	ck_assert(is_candidate(&m, p) && is_candidate(&m, q));
	/* Unless one is out of the question. */
	store_settle(q);
	must_be_for(&t, p);
	store_settle(q);
	store_settle(p);
	must_be_for_none(&t);
	store_remove(&store, p);
	store_remove(&store, q);
	tear_down();
}
END_TEST

START_TEST(whose_reply_cannot_come)
{
	struct endpoint *e = &endpoints[_i];
	struct probe *p;
	struct told t;

	set_up();
	p = add_probe(e, 0, NULL, 0);
	answer(&t, p, 0);
	p->state = PROBE_QUEUED;
	must_be_for_none(&t);
	p->state = PROBE_IN_FLIGHT;
	must_be_for(&t, p);
	/* Late is possible, given up is not. */
	p->state = PROBE_TIMED_OUT;
	must_be_for(&t, p);
	p->withdrawn = 1;
	must_be_for_none(&t);
	store_remove(&store, p);
	tear_down();
}
END_TEST

/* Whether so many bytes shown make it certain that the reply is the probe's. */
static bool
shows_enough(const char *tag, size_t shown)
{
	if (strcmp(tag, "udp.payload") == 0)
		return shown >= 4;
	if (strcmp(tag, "icmp.sequence") == 0)
		return shown >= 8;
	return false; /* ports and flow labels are few */
}

/* The reply names this probe, but another destination. */
static void
must_be_elsewhere(struct told *t, const struct probe *p)
{
	struct match m;

	must_eq(match(t, &m), MATCH_ONE);
	must(m.probes[0] == p);
	must(m.elsewhere && !m.altered && !m.alone);
}

START_TEST(another_destination)
{
	struct endpoint *e = &endpoints[ways[_i].endpoint];
	const char *tag = ways[_i].tag;
	struct probe *p;
	struct told t;
	struct match m;

	set_up();
	p = add_probe(e, 0, tag, 40001);
	for (size_t shown = 0; shown <= 40; shown++) {
		/* A tag of 20 bits, with the id behind type, code and checksum. */
		bool enough = shows_enough(tag, shown) || (_i == 8 && shown >= 6);

		for (int k = 0; k < 3; k++) {
			answer(&t, p, shown);
			if (k != 0)
				t.reply.dst = target(e, 1);
			if (k != 1)
				t.reply.dst_port ^= 1;
			if (enough)
				must_be_elsewhere(&t, p);
			else
				must_be_for_none(&t);
			/* Two things that differ are one too many. */
			if (shown >= 10) {
				t.image[t.reply.quote_at + 9] ^= 1;
				must_be_for_none(&t);
			}
		}
		answer(&t, p, shown);
		t.reply.endpoint = &endpoints[ways[_i].endpoint + 4];
		must_be_for_none(&t);
	}
	answer(&t, p, 40);
	must_eq(match(&t, &m), MATCH_ONE);
	must(!m.elsewhere);
	/* An echo reply tells no destination; its tag suffices. */
	t.reply.dst_known = false;
	must_be_for(&t, p);
	t.reply.quote_len = 0;
	t.reply.seen = 0;
	must_be_for_none(&t);
	store_remove(&store, p);
	tear_down();
}
END_TEST

/* Of an ICMPv6 message behind a plain IPv6 header (RFC 8200 section 8.1). */
static uint16_t
icmpv6_checksum(const uint8_t *packet, size_t len)
{
	uint8_t bytes[40 + 1500] = {0};

	memcpy(bytes, packet + 8, 32);
	bytes[34] = (uint8_t)((len - 40) >> 8);
	bytes[35] = (uint8_t)(len - 40);
	bytes[39] = 58;
	memcpy(bytes + 40, packet + 40, len - 40);
	return reference_checksum(bytes, len);
}

/* The checksum of ICMPv6 covers the addresses; it may have been put right, or not. */
START_TEST(checksums_of_another_destination)
{
	struct endpoint *e = &endpoints[3];
	size_t at; /* of the checksum */
	uint8_t moved[1500];
	struct probe *p;
	struct told t;
	uint16_t checksum;

	set_up();
	at = pattern_layer_offset(e->pattern, 1) + 2;
	p = add_probe(e, 0, "icmp.sequence", 40001);
	memcpy(moved, p->packets->bytes, p->packets->len);
	moved[39] = 99; /* the last byte of the destination */
	moved[at] = moved[at + 1] = 0;
	checksum = icmpv6_checksum(moved, p->packets->len);
	for (int right = 0; right <= 1; right++) {
		answer(&t, p, 40);
		memcpy(t.reply.dst.bytes, moved + 24, 16);
		t.image[at] = (uint8_t)(checksum >> 8);
		t.image[at + 1] = (uint8_t)(checksum + (right ? 0 : 1));
		if (right)
			must_be_elsewhere(&t, p);
		else
			must_be_for_none(&t);
		/* An echo reply is made for the address that it comes from. */
		answer(&t, p, 40);
		t.reply.kind = REPLY_ECHO;
		t.reply.dst_known = false;
		t.reply.from = p->dst;
		memcpy(t.reply.from.bytes, moved + 24, 16);
		t.image[at] = (uint8_t)(checksum >> 8);
		t.image[at + 1] = (uint8_t)(checksum + (right ? 0 : 1));
		must_be_altered(&t, p, !right);
	}
	store_remove(&store, p);
	tear_down();
}
END_TEST

/* A checksum that the device was to finish is no alteration. */
START_TEST(offloaded_checksum)
{
	struct endpoint *e = &endpoints[2 + _i];
	size_t at; /* of the checksum */
	uint8_t pseudo[1500];
	struct probe *p;
	struct told t;
	uint16_t sum;

	set_up();
	at = pattern_layer_offset(e->pattern, 1) + 2;
	p = add_probe(e, 0, "icmp.sequence", 40001);
	/* The same addresses and length, and zeros for all that is to be summed up. */
	memcpy(pseudo, p->packets->bytes, p->packets->len);
	memset(pseudo + at - 2, 0, p->packets->len - at + 2);
	sum = is_v6(e) ? (uint16_t)~icmpv6_checksum(pseudo, p->packets->len) : 0;
	answer(&t, p, 40);
	t.image[at] = (uint8_t)(sum >> 8);
	t.image[at + 1] = (uint8_t)sum;
	/* ICMPv4 has no pseudo-header: 0 is what its sum over zeros would be. */
	must_be_altered(&t, p, !is_v6(e));
	t.image[at + 1] ^= 1;
	must_be_altered(&t, p, true);
	store_remove(&store, p);
	tear_down();
}
END_TEST

/* Zeros behind a quote that was cut are padding, whatever they look like. */
START_TEST(a_tag_cut_by_padding)
{
	struct endpoint *e = &endpoints[_i];
	struct probe *p, *q;
	struct told t;
	struct match m;

	set_up();
	/* What p's tag looks like when its last byte is lost. */
	p = add_probe(e, 0, "udp.payload", 0x11223344);
	q = add_probe(e, 0, "udp.payload", 0x11223301);
	for (size_t real = 0; real < 4; real++) {
		answer(&t, p, 40);
		memset(t.image + t.reply.quote_at + real, 0, 4 - real);
		t.reply.quote_len = 4;
		must_be_for_none(&t);
		/* And all the padding up to 128 bytes. */
		memset(t.image + t.reply.quote_at + real, 0, 100 - real);
		t.reply.quote_len = 100;
		must_be_for_none(&t);
		/* Cut there without padding, it may be either. */
		answer(&t, p, real);
		ck_assert_int_eq(match(&t, &m), MATCH_SEVERAL);
		ck_assert(is_candidate(&m, p) && is_candidate(&m, q));
	}
	answer(&t, p, 4);
	must_be_for(&t, p);
	store_remove(&store, p);
	store_remove(&store, q);
	tear_down();
}
END_TEST

/* A changed quote is told as such, and without a tag it is nobody's. */
START_TEST(altered_quotes)
{
	struct endpoint *e = &endpoints[ways[_i].endpoint];
	struct probe *p, *untagged;
	struct told t;
	struct match m;

	set_up();
	p = add_probe_len(e, 0, ways[_i].tag, 40001, 33434, 120);
	answer(&t, p, 40);
	ck_assert_int_eq(match(&t, &m), MATCH_ONE);
	ck_assert(!m.altered);
	t.image[t.reply.quote_at + 20] ^= 0x10;
	ck_assert_int_eq(match(&t, &m), MATCH_ONE);
	ck_assert_ptr_eq(m.probes[0], p);
	ck_assert(m.altered);
	/* The flow label, unless it tells whose the probe is; not the traffic class. */
	if (is_v6(e) && strcmp(ways[_i].tag, "ipv6.flow_label") != 0) {
		answer(&t, p, 40);
		t.image[3] ^= 0x10;
		must_be_altered(&t, p, true);
		t.reply.quote_len = 0;
		(void)match(&t, &m);
		ck_assert(m.type == MATCH_NONE || m.altered);
		t.reply.seen = 0;
		(void)match(&t, &m);
		ck_assert(!m.altered);
		answer(&t, p, 40);
		t.image[0] ^= 0x01;
		must_be_altered(&t, p, false);
	}
	/* More than was sent is padding. */
	answer(&t, p, 1000);
	t.reply.quote_len = 400;
	ck_assert_int_eq(match(&t, &m), MATCH_ONE);
	ck_assert(!m.altered);
	store_remove(&store, p);
	untagged = add_probe_len(e, 0, NULL, 0, 33434, 120);
	answer(&t, untagged, 40);
	must_be_for(&t, untagged);
	t.image[t.reply.quote_at + 20] ^= 0x10;
	must_be_for_none(&t);
	store_remove(&store, untagged);
	tear_down();
}
END_TEST

/* What was answered still knows its duplicates, by their tag only. */
START_TEST(duplicates)
{
	struct endpoint *e = &endpoints[ways[_i].endpoint];
	struct probe *p, *q;
	struct told t;

	set_up();
	p = add_probe(e, 0, ways[_i].tag, 40002);
	q = add_probe(e, 0, ways[_i].tag, 40003);
	store_settle(p);
	p->state = PROBE_ANSWERED;
	answer(&t, p, 40);
	must_be_for(&t, p);
	if (ways[_i].needed > 0) {
		answer(&t, p, 0);
		must_be_for(&t, q);
		store_settle(q);
		must_be_for_none(&t);
	}
	store_remove(&store, p);
	store_remove(&store, q);
	tear_down();
}
END_TEST

/* A datagram from the target: an echo service tells the probe, any other only its port.
 */
START_TEST(datagrams_from_the_target)
{
	struct endpoint *e = &endpoints[_i];
	struct probe *p, *q, *port;
	struct told t;
	struct match m;

	set_up();
	p = add_probe(e, 0, "udp.payload", 0x01020304);
	q = add_probe(e, 0, "udp.payload", 0x01020305);
	port = add_probe(e, 0, "udp.dst_port", 33500);
	for (int k = 0; k < 3; k++) {
		struct probe *from = k == 0 ? p : k == 1 ? q : port;

		answer(&t, from, 1000);
		t.reply.kind = REPLY_DATA;
		t.reply.seen = 0;
		must_be_for(&t, from);
		/* Some other text, or the tag at the front of one. */
		memcpy(t.image + t.reply.quote_at + 4, "another text", 8);
		if (k == 2) {
			must_be_for(&t, port);
			continue;
		}
		ck_assert_int_eq(match(&t, &m), MATCH_SEVERAL);
		ck_assert_uint_eq(m.count, 2);
		ck_assert(is_candidate(&m, p) && is_candidate(&m, q));
		ck_assert(!m.altered);
	}
	/* One candidate is left. */
	store_settle(q);
	answer(&t, p, 1000);
	t.reply.kind = REPLY_DATA;
	t.reply.seen = 0;
	memset(t.image + t.reply.quote_at, 0xff, 30);
	must_be_for(&t, p);
	store_remove(&store, p);
	store_remove(&store, q);
	store_remove(&store, port);
	tear_down();
}
END_TEST

/* From another address or port only what sends the whole payload back is believed. */
START_TEST(datagrams_from_elsewhere)
{
	struct endpoint *e = &endpoints[_i];
	struct probe *p, *q;
	struct told t;

	set_up();
	p = add_probe(e, 0, "udp.payload", 0x01020304);
	q = add_probe(e, 1, "udp.payload", 0x01020305);
	for (int k = 0; k < 4; k++) {
		static const int from[] = {5, 0, 1, 1}; /* nobody's, p's, q's */
		static const int port[] = {0, 1, 0, 1};

		answer(&t, p, 1000);
		t.reply.kind = REPLY_DATA;
		t.reply.seen = 0;
		t.reply.from = t.reply.dst = target(e, from[k]);
		t.reply.dst_port = (uint16_t)(t.reply.dst_port ^ port[k]);
		t.reply.from_port = t.reply.dst_port;
		must_be_elsewhere(&t, p);
		/* What is q's target may answer q with anything. */
		t.image[t.reply.quote_at + 9] ^= 1;
		if (k == 2)
			must_be_for(&t, q);
		else
			must_be_for_none(&t);
		t.image[t.reply.quote_at + 9] ^= 1;
		t.reply.quote_len--;
		if (k == 2)
			must_be_for(&t, q);
		else
			must_be_for_none(&t);
	}
	store_remove(&store, p);
	store_remove(&store, q);
	tear_down();
}
END_TEST

START_TEST(keys_are_unique)
{
	struct endpoint *e = &endpoints[_i];
	struct probe *p, *q;
	const char *tag;

	set_up();
	tag = is_udp(e) ? "udp.payload" : "icmp.sequence";
	p = add_probe(e, 0, tag, 77);
	q = probe_new();
	q->endpoint = e;
	q->dst = target(e, 3);
	q->tags = p->tags;
	q->tag = 77;
	q->packets = packet_new(100);
	/* The same tag from the same socket, even to another target. */
	ck_assert_int_eq(store_add(&store, q), -EEXIST);
	ck_assert_uint_eq(q->refs, 1);
	ck_assert_uint_eq(store.count, 1);
	q->endpoint = &endpoints[_i + 4];
	ck_assert_int_eq(store_add(&store, q), 0);
	ck_assert_uint_eq(store.count, 2);
	store_remove(&store, q);
	probe_unref(q);
	store_remove(&store, p);
	tear_down();
}
END_TEST

START_TEST(tag_sets_are_shared)
{
	const struct endpoint *e;
	struct field_ref ttl;

	set_up();
	e = &endpoints[0];
	ck_assert_ptr_eq(tags_of(e, "udp.payload"), tags_of(e, "udp.payload"));
	ck_assert_ptr_eq(
	    tags_of(e, "udp.payload"), tags_of(&endpoints[4], "udp.payload"));
	ck_assert_ptr_ne(tags_of(e, "udp.payload"), tags_of(e, "udp.dst_port"));
	ck_assert_ptr_ne(
	    tags_of(e, "udp.payload"), tags_of(&endpoints[1], "udp.payload"));
	ck_assert_int_eq(pattern_find_field(e->pattern, "ipv4.ttl", &ttl), 0);
	ck_assert_ptr_null(store_tag_set(&store, e->pattern, ttl, 0));
	tear_down();
}
END_TEST

START_TEST(awaits)
{
	struct addr there, elsewhere;
	struct endpoint *e = &endpoints[0];
	struct instance one, other;
	struct probe *p;

	set_up();
	there = target(e, 0);
	elsewhere = target(e, 1);
	ck_assert(!store_awaits(&store, e, &there, 0, NULL));
	p = add_probe(e, 0, "udp.payload", 1);
	ck_assert(store_awaits(&store, e, &there, 0, NULL));
	ck_assert(!store_awaits(&store, e, &elsewhere, 0, NULL));
	ck_assert(!store_awaits(&store, &endpoints[4], &there, 0, NULL));
	p->state = PROBE_QUEUED;
	ck_assert(store_awaits(&store, e, &there, 0, NULL));
	/* Flows that differ in the port are apart. */
	ck_assert(store_awaits(&store, e, &there, p->dst_port, NULL));
	ck_assert(!store_awaits(&store, e, &there, (uint16_t)(p->dst_port + 1), NULL));
	/* One's own may be left out. */
	p->instance = &one;
	ck_assert(store_awaits(&store, e, &there, 0, NULL));
	ck_assert(store_awaits(&store, e, &there, 0, &other));
	ck_assert(!store_awaits(&store, e, &there, 0, &one));
	p->state = PROBE_TIMED_OUT;
	ck_assert(!store_awaits(&store, e, &there, 0, NULL));
	p->state = PROBE_IN_FLIGHT;
	store_settle(p);
	ck_assert(!store_awaits(&store, e, &there, 0, NULL));
	store_remove(&store, p);
	ck_assert(!store_awaits(&store, e, &there, 0, NULL));
	tear_down();
}
END_TEST

/* More candidates than can be told: as many as fit. */
START_TEST(very_many_candidates)
{
	struct endpoint *e = &endpoints[0];
	struct probe *p[MATCH_MAX + 10];
	struct told t;
	struct match m;

	set_up();
	for (uint32_t i = 0; i < COUNT_OF(p); i++)
		p[i] = add_probe(e, 0, "udp.payload", i * 256 + 1);
	answer(&t, p[0], 0);
	ck_assert_int_eq(match(&t, &m), MATCH_SEVERAL);
	ck_assert_uint_eq(m.count, MATCH_MAX);
	/* Those that do not fit might expect the sender as well. */
	p[0]->expects = t.reply.from = target(e, 40);
	ck_assert_int_eq(match(&t, &m), MATCH_SEVERAL);
	for (size_t i = 0; i < COUNT_OF(p); i++)
		store_remove(&store, p[i]);
	tear_down();
}
END_TEST

/* ---- who answers tells ------------------------------------------------------------
 */

#define SOMEONE 40 /* number of the first router's address */

/* Five probes of one instance; those of the numbers below `expecting` say from whom. */
static void
add_expecting(
    struct endpoint *e, struct probe **p, size_t expecting, struct instance *i)
{
	for (uint32_t k = 0; k < 5; k++) {
		p[k] = add_probe(e, 0, "udp.payload", 256 * k + 1);
		p[k]->instance = i;
		p[k]->sent = 1000;
		if (k < expecting)
			p[k]->expects = target(e, SOMEONE + (int)k);
	}
}

static void
remove_all(struct probe **p, size_t count)
{
	for (size_t k = 0; k < count; k++)
		store_remove(&store, p[k]);
}

/* A reply to p[0] without a tag, from this router. */
static enum match_type
match_from(struct endpoint *e, struct probe **p, int number, struct match *m)
{
	struct told t;

	answer(&t, p[0], 0);
	t.reply.received = 2000;
	t.reply.from = target(e, number);
	return match(&t, m);
}

START_TEST(by_who_answers)
{
	struct endpoint *e = &endpoints[_i];
	struct instance one;
	struct probe *p[5];
	struct match m;

	set_up();
	add_expecting(e, p, 3, &one);
	for (int k = 0; k < 3; k++) {
		ck_assert_int_eq(match_from(e, p, SOMEONE + k, &m), MATCH_ONE);
		ck_assert_ptr_eq(m.probes[0], p[k]);
		ck_assert(m.by_address && !m.alone && !m.altered);
	}
	/* From someone else, or nobody knows from whom: any of them. */
	ck_assert_int_eq(match_from(e, p, SOMEONE + 3, &m), MATCH_SEVERAL);
	ck_assert_uint_eq(m.count, 5);
	ck_assert(!m.by_address);
	/* Alone it needs no address, and has none to be told by. */
	for (int k = 1; k < 5; k++)
		store_settle(p[k]);
	ck_assert_int_eq(match_from(e, p, SOMEONE + 3, &m), MATCH_ONE);
	ck_assert(m.alone && !m.by_address);
	ck_assert_int_eq(match_from(e, p, SOMEONE, &m), MATCH_ONE);
	ck_assert(m.by_address && !m.alone);
	remove_all(p, 5);
	tear_down();
}
END_TEST

START_TEST(who_answers_does_not_tell)
{
	struct endpoint *e = &endpoints[_i];
	struct instance one, other;
	struct probe *p[5];
	struct match m;
	struct told t;

	set_up();
	add_expecting(e, p, 3, &one);
	/* Two expect it. */
	p[4]->expects = p[1]->expects;
	ck_assert_int_eq(match_from(e, p, SOMEONE + 1, &m), MATCH_SEVERAL);
	/* One of the two is late already, or not sent yet. */
	p[4]->state = PROBE_TIMED_OUT;
	ck_assert_int_eq(match_from(e, p, SOMEONE + 1, &m), MATCH_ONE);
	ck_assert_ptr_eq(m.probes[0], p[1]);
	p[1]->state = PROBE_TIMED_OUT;
	p[4]->state = PROBE_QUEUED;
	ck_assert_int_eq(match_from(e, p, SOMEONE + 1, &m), MATCH_SEVERAL);
	/* It came before the probe was sent. */
	p[2]->sent = 2001;
	ck_assert_int_eq(match_from(e, p, SOMEONE + 2, &m), MATCH_SEVERAL);
	ck_assert(!is_candidate(&m, p[2]));
	/* Another trace's probe may be meant, unless it is over. */
	p[3]->instance = &other;
	ck_assert_int_eq(match_from(e, p, SOMEONE, &m), MATCH_SEVERAL);
	p[3]->state = PROBE_TIMED_OUT;
	ck_assert_int_eq(match_from(e, p, SOMEONE, &m), MATCH_ONE);
	/* A tag tells more than an address. */
	answer(&t, p[2], 4);
	t.reply.received = 2000;
	t.reply.from = target(e, SOMEONE);
	must_be_for(&t, p[2]);
	remove_all(p, 5);
	tear_down();
}
END_TEST

/* ---- several tag sets on one endpoint -----------------------------------------------
 */

/*
 * Two instances share a socket and a target, one tagged by its payload, the other by
 * the destination port; a port of the one is a tag of the other.
 */
START_TEST(two_tag_sets)
{
	struct endpoint *e = &endpoints[_i % 2];
	struct probe *payload, *port;
	struct told t;
	struct match m;

	set_up();
	/* Whichever set was made first. */
	if (_i >= 2)
		(void)tags_of(e, "udp.dst_port");
	payload = add_probe(e, 0, "udp.payload", 0x11223344);
	port = add_probe(e, 0, "udp.dst_port", 33434);
	answer(&t, payload, 40);
	must_be_for(&t, payload);
	answer(&t, port, 40);
	must_be_for(&t, port);
	/* A quote without payload may be either's. */
	for (int k = 0; k < 2; k++) {
		answer(&t, k == 0 ? payload : port, 0);
		ck_assert_int_eq(match(&t, &m), MATCH_SEVERAL);
		ck_assert_uint_eq(m.count, 2);
		ck_assert(is_candidate(&m, payload) && is_candidate(&m, port));
	}
	/* But to another port it can only be the one with that tag. */
	store_remove(&store, port);
	port = add_probe(e, 0, "udp.dst_port", 33435);
	answer(&t, port, 0);
	must_be_for(&t, port);
	answer(&t, payload, 0);
	must_be_for(&t, payload);
	store_remove(&store, payload);
	answer(&t, port, 0);
	must_be_for(&t, port);
	store_remove(&store, port);
	tear_down();
}
END_TEST

/* Packets too small for a tag share a socket with tagged ones. */
START_TEST(tagged_and_untagged)
{
	struct endpoint *e = &endpoints[_i];
	struct probe *small, *port;
	struct told t;
	struct match m;

	set_up();
	small = add_probe_len(e, 0, NULL, 0, 33434, 0);
	port = add_probe(e, 0, "udp.dst_port", 33434);
	answer(&t, port, 0);
	ck_assert_int_eq(match(&t, &m), MATCH_SEVERAL);
	ck_assert(is_candidate(&m, small) && is_candidate(&m, port));
	store_settle(small);
	must_be_for(&t, port);
	store_remove(&store, small);
	store_remove(&store, port);
	tear_down();
}
END_TEST

/* ---- many at random ----------------------------------------------------------------
 */

struct known {
	struct probe *probe; /* NULL: none here */
	const char *tag;
	size_t needed;
	bool settled;
};

static struct known known[3000];

/* Whether the reply shows the tag field of k. */
static bool
shows(const struct told *t, const struct known *k)
{
	return k->tag != NULL && t->reply.quote_len >= k->needed;
}

/* The quoted bytes are those of this probe. */
static bool
agrees(const struct told *t, const struct probe *p)
{
	size_t from = t->reply.quote_at;
	size_t len = t->reply.quote_len;

	if (t->reply.endpoint != p->endpoint || !addr_equal(&t->reply.dst, &p->dst) ||
	    t->reply.dst_port != p->dst_port)
		return false;
	if (from + len > p->packets->len)
		len = p->packets->len - from;
	return memcmp(t->image + from, p->packets->bytes + from, len) == 0;
}

/*
 * What the store must answer: the probe that sent it is never missing, and whoever is
 * named fits all that the reply shows. One is named only when no other fits.
 */
static void
check_match(struct told *t, const struct known *from)
{
	struct match m;
	size_t fitting = 0;
	bool open = from->probe != NULL &&
		    (shows(t, from) || (!from->settled && !from->probe->withdrawn &&
					   from->probe->state != PROBE_QUEUED));

	(void)match(t, &m);
	for (size_t i = 0; i < COUNT_OF(known); i++) {
		const struct known *k = &known[i];
		bool fits;

		if (k->probe == NULL || !agrees(t, k->probe))
			continue;
		fits = shows(t, k) || (!k->settled && !k->probe->withdrawn &&
					  k->probe->state != PROBE_QUEUED);
		fitting += fits;
		must(!fits || m.count == MATCH_MAX || is_candidate(&m, k->probe));
	}
	must_eq(m.count, fitting < MATCH_MAX ? fitting : MATCH_MAX);
	must(!open || fitting > 0);
	must(!m.altered);
}

static const char *
random_tag(struct rng *rng, const struct endpoint *e, size_t *needed)
{
	static const char *const udp[] = {"udp.payload", "udp.payload", "udp.dst_port"};
	const char *name;

	*needed = 0;
	if (!is_udp(e)) {
		*needed = 8;
		return rng_chance(rng, 900000) ? "icmp.sequence" : NULL;
	}
	if (rng_chance(rng, 100000))
		return NULL;
	name = udp[rng_below(rng, COUNT_OF(udp))];
	*needed = strcmp(name, "udp.payload") == 0 ? 4 : 0;
	return name;
}

static void
add_at_random(struct rng *rng, struct known *k)
{
	struct endpoint *e = &endpoints[rng_below(rng, ENDPOINTS)];
	int to = (int)rng_below(rng, TARGETS);
	int64_t retry;
	uint32_t tag = 0;

	k->tag = random_tag(rng, e, &k->needed);
	if (k->tag != NULL && tag_set_take(tags_of(e, k->tag), 0, &tag, &retry) != 0)
		return;
	k->probe = add_probe_len(e, to, k->tag, tag,
	    (uint16_t)(33434 + rng_below(rng, 3)), (uint16_t)(60 + rng_below(rng, 3)));
	k->settled = false;
}

START_TEST(many_at_random)
{
	struct rng rng = {(uint64_t)_i + 50};
	size_t matched = 0;

	set_up();
	memset(known, 0, sizeof(known));
	for (int turn = 0; turn < 12000; turn++) {
		struct known *k = &known[rng_below(&rng, COUNT_OF(known))];
		static const size_t shown[] = {0, 0, 3, 4, 8, 20, 100};
		struct told t;

		if (k->probe == NULL) {
			add_at_random(&rng, k);
			continue;
		}
		switch (rng_below(&rng, 12)) {
		case 0:
			store_settle(k->probe);
			k->settled = true;
			k->probe->state = PROBE_ANSWERED;
			break;
		case 1:
			if (!k->settled)
				k->probe->state = PROBE_TIMED_OUT;
			break;
		case 2:
			k->probe->withdrawn = 1;
			break;
		case 3:
			store_remove(&store, k->probe);
			k->probe = NULL;
			break;
		case 4:
			/* To where nobody sent: certain by its tag, or nobody's. */
			answer(&t, k->probe, shown[rng_below(&rng, 7)]);
			t.reply.dst = target(k->probe->endpoint, TARGETS + 1);
			if (k->tag != NULL && shows_enough(k->tag, t.reply.quote_len))
				must_be_elsewhere(&t, k->probe);
			else
				must_be_for_none(&t);
			break;
		default:
			answer(&t, k->probe, shown[rng_below(&rng, 7)]);
			check_match(&t, k);
			matched++;
		}
	}
	must(matched > 3000);
	for (size_t i = 0; i < COUNT_OF(known); i++)
		if (known[i].probe != NULL)
			store_remove(&store, known[i].probe);
	tear_down();
}
END_TEST

/* ---- fragments ---- */

#define FRAGMENT_ID UINT32_C(4711)

/* A probe in three fragments. */
static struct probe *
add_fragments(struct endpoint *e, int to, uint32_t id)
{
	struct probe *p = add_probe_len(e, to, "udp.checksum", id + 1000, 33434, 120);

	store_remove(&store, probe_ref(p));
	p->fragments = 3;
	p->fragment = (struct probe_fragment_key){
	    .family = (uint16_t)p->dst.family, .protocol = IPPROTO_UDP, .id = id};
	must_eq(store_add(&store, p), 0);
	probe_unref(p);
	return p;
}

/* What a quote of its bytes from `offset` on, `len` of them, tells. */
static void
answer_fragment(struct told *t, const struct probe *p, size_t offset, size_t len)
{
	static const char *const label[] = {"ipv6.flow_label", NULL};
	size_t at = pattern_layer_offset(p->endpoint->pattern, 1) + offset;
	bool v6 = is_v6(p->endpoint);

	memset(t, 0xee, sizeof(*t));
	t->reply = (struct reply){
	    .kind = REPLY_TIME_EXCEEDED,
	    .dst_known = true,
	    .dst = p->dst,
	    .from = p->dst, /* any of the family */
	    .image = t->image,
	    .quoted = {.known = true,
		.fragment = {.told = true,
		    .id = p->fragment.id,
		    .offset = offset,
		    .len = len,
		    .more = true,
		    .protocol = IPPROTO_UDP},
		.bytes = p->packets->bytes + at,
		.len = len},
	};
	if (v6) {
		t->reply.seen = pattern_names_mask(p->endpoint->pattern, label);
		memcpy(t->image, p->packets->bytes, 4);
	}
}

/* A later piece names its probe by identification, and all else must agree. */
START_TEST(later_fragments)
{
	struct endpoint *e;
	struct probe *p[3];
	struct match m;
	struct told t;
	uint8_t other[32];

	set_up();
	e = &endpoints[_i];
	for (uint32_t i = 0; i < 3; i++)
		p[i] = add_fragments(e, 0, FRAGMENT_ID + i);
	for (int i = 0; i < 3; i++) {
		static const size_t lens[] = {0, 1, 8, 32};

		for (size_t k = 0; k < COUNT_OF(lens); k++) {
			answer_fragment(&t, p[i], 24, lens[k]);
			must_be_for(&t, p[i]);
			must(!(match(&t, &m), m.altered));
		}
	}
	/* What is quoted behind the packet's end is not compared. */
	answer_fragment(
	    &t, p[1], p[1]->packets->len - 8 - pattern_layer_offset(e->pattern, 1), 8);
	memcpy(other, t.reply.quoted.bytes, 8);
	memset(other + 8, 0xaa, 8);
	t.reply.quoted.bytes = other;
	t.reply.quoted.len = 16;
	must_be_for(&t, p[1]);
	/* Other bytes: it is the probe's, but changed on its way. */
	answer_fragment(&t, p[1], 24, 32);
	memcpy(other, t.reply.quoted.bytes, 32);
	other[31] ^= 1;
	t.reply.quoted.bytes = other;
	must_eq(match(&t, &m), MATCH_ONE);
	must(m.probes[0] == p[1] && m.altered);
	/* All that makes it nobody's. */
	answer_fragment(&t, p[1], 24, 8);
	t.reply.quoted.fragment.id += 7;
	must_be_for_none(&t);
	answer_fragment(&t, p[1], 24, 8);
	t.reply.quoted.fragment.protocol = IPPROTO_TCP;
	must_be_for_none(&t);
	answer_fragment(&t, p[1], 24, 8);
	t.reply.dst = target(e, 1);
	must_be_for_none(&t);
	answer_fragment(&t, p[1], 24, 8);
	t.reply.quoted.fragment.offset = 65528;
	must_be_for_none(&t);
	answer_fragment(&t, p[1], 24, 8);
	t.reply.quoted.src = target(e, 3);
	e->key.source = target(e, 2);
	must_be_for_none(&t);
	e->key.source = target(e, 3);
	must_be_for(&t, p[1]);
	e->key.source = (struct addr){0};
	p[1]->state = PROBE_QUEUED;
	must_be_for_none(&t);
	/* Gone, it is nobody's; and nobody else may take its identification before. */
	for (int i = 0; i < 3; i++) {
		answer_fragment(&t, p[i], 24, 0);
		store_remove(&store, p[i]);
		must_be_for_none(&t);
	}
	ck_assert_ptr_null(store.by_fragment);
	tear_down();
}
END_TEST

/* A first piece is told by its ports and tag; another identification is remarkable. */
START_TEST(first_fragment)
{
	struct probe *p;
	struct match m;
	struct told t;

	set_up();
	p = add_fragments(&endpoints[_i], 0, FRAGMENT_ID);
	for (int other = 0; other < 2; other++) {
		answer(&t, p, 24);
		t.reply.quoted.known = true;
		t.reply.quoted.fragment = (struct wire_fragment){.told = true,
		    .id = FRAGMENT_ID + (uint32_t)other,
		    .len = 24,
		    .more = true};
		must_eq(match(&t, &m), MATCH_ONE);
		must(m.probes[0] == p);
		must_eq(m.altered, other);
	}
	store_remove(&store, p);
	tear_down();
}
END_TEST

/* No two probes have one identification at a time. */
START_TEST(identifications_are_unique)
{
	struct probe *first, *second;

	set_up();
	first = add_fragments(&endpoints[_i], 0, FRAGMENT_ID);
	second = add_fragments(&endpoints[_i], 0, FRAGMENT_ID + 1);
	store_remove(&store, probe_ref(second));
	second->fragment.id = FRAGMENT_ID;
	must_eq(store_add(&store, second), -EEXIST);
	store_remove(&store, first);
	must_eq(store_add(&store, second), 0);
	probe_unref(second);
	store_remove(&store, second);
	tear_down();
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {by_tag, .loops = COUNT_OF(ways)},
	    {by_flow_alone, .loops = 4},
	    {whose_reply_cannot_come, .loops = 4},
	    {another_destination, .loops = COUNT_OF(ways)},
	    {checksums_of_another_destination},
	    {offloaded_checksum, .loops = 2},
	    {a_tag_cut_by_padding, .loops = 2},
	    {altered_quotes, .loops = COUNT_OF(ways)},
	    {duplicates, .loops = COUNT_OF(ways)},
	    {datagrams_from_the_target, .loops = 2},
	    {datagrams_from_elsewhere, .loops = 2},
	    {keys_are_unique, .loops = 4},
	    {tag_sets_are_shared},
	    {awaits},
	    {very_many_candidates},
	    {by_who_answers, .loops = 2},
	    {who_answers_does_not_tell, .loops = 2},
	    {two_tag_sets, .loops = 4},
	    {tagged_and_untagged, .loops = 2},
	    {later_fragments, .loops = 2},
	    {first_fragment, .loops = 2},
	    {identifications_are_unique, .loops = 2},
	    {many_at_random, .loops = 6},
	};

	return test_main("store", tests, COUNT_OF(tests));
}
