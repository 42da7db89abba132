/* prober/probe and prober/packet: references, counters, free lists. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "prober/probe.h"
#include "tests/support/testing.h"

static void
nothing_left(void)
{
	ck_assert_uint_eq(probe_count(), 0);
	ck_assert_uint_eq(packet_count(), 0);
	probe_pool_clear();
	packet_pool_clear();
}

START_TEST(probe_references)
{
	struct probe *p = probe_new();
	static const struct probe zero;

	ck_assert_ptr_nonnull(p);
	ck_assert_uint_eq(p->refs, 1);
	ck_assert_uint_eq(probe_count(), 1);
	ck_assert_int_eq(p->state, PROBE_QUEUED);
	p->refs = 0;
	ck_assert_mem_eq(p, &zero, sizeof(zero));
	p->refs = 1;
	ck_assert_ptr_eq(probe_ref(p), p);
	ck_assert_uint_eq(p->refs, 2);
	probe_unref(p);
	ck_assert_uint_eq(probe_count(), 1);
	probe_unref(p);
	probe_unref(NULL);
	nothing_left();
}
END_TEST

START_TEST(packet_references)
{
	struct packet *p = packet_new(100);

	ck_assert_ptr_nonnull(p);
	ck_assert_uint_eq(p->refs, 1);
	ck_assert_uint_eq(p->len, 100);
	ck_assert_ptr_null(p->next);
	ck_assert_ptr_eq(packet_ref(p), p);
	packet_unref(p);
	ck_assert_uint_eq(packet_count(), 1);
	packet_unref(p);
	packet_unref(NULL);
	nothing_left();
}
END_TEST

/* All sizes are writable to the last byte; what cannot be a packet is refused. */
START_TEST(packet_sizes)
{
	static const size_t sizes[] = {
	    0, 1, 28, 127, 128, 129, 1500, 1536, 1537, 9000, 65534, 65535};
	struct packet *packets[COUNT_OF(sizes)];

	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		packets[i] = packet_new(sizes[i]);
		ck_assert_ptr_nonnull(packets[i]);
		ck_assert_uint_eq(packets[i]->len, sizes[i]);
		ck_assert_uint_ge(packets[i]->room, sizes[i]);
		memset(packets[i]->bytes, (int)i + 1, sizes[i]);
	}
	ck_assert_uint_eq(packet_count(), COUNT_OF(sizes));
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		for (size_t k = 0; k < sizes[i]; k++)
			must_eq(packets[i]->bytes[k], i + 1);
		packet_unref(packets[i]);
	}
	ck_assert_ptr_null(packet_new(65536));
	ck_assert_ptr_null(packet_new(SIZE_MAX));
	nothing_left();
}
END_TEST

/* The last reference to a probe gives up its packets; fragments go as one. */
START_TEST(probes_own_their_packets)
{
	struct probe *p = probe_new();
	struct packet *kept;

	for (int i = 0; i < 3; i++) {
		struct packet *fragment = packet_new((size_t)(i + 1) * 100);

		fragment->next = p->packets;
		p->packets = fragment;
	}
	ck_assert_uint_eq(packet_count(), 3);
	kept = packet_ref(p->packets->next);
	probe_ref(p);
	probe_unref(p);
	ck_assert_uint_eq(packet_count(), 3);
	probe_unref(p);
	ck_assert_uint_eq(probe_count(), 0);
	/* What is kept keeps what follows it. */
	ck_assert_uint_eq(packet_count(), 2);
	packet_unref(kept);
	nothing_left();
}
END_TEST

START_TEST(free_lists)
{
	struct probe *probe = probe_new();
	struct packet *packet = packet_new(100);
	struct probe *old_probe = probe;
	struct packet *old_packet = packet;

	probe->packets = packet;
	probe->ttl = 7;
	probe->withdrawn = 1;
	packet->next = NULL;
	probe_unref(probe);
	/* A probe that was used before comes back as new. */
	probe = probe_new();
	ck_assert_ptr_eq(probe, old_probe);
	ck_assert_uint_eq(probe->ttl, 0);
	ck_assert_uint_eq(probe->withdrawn, 0);
	ck_assert_ptr_null(probe->packets);
	packet = packet_new(1); /* of the same size class */
	ck_assert_ptr_eq(packet, old_packet);
	ck_assert_uint_eq(packet->len, 1);
	ck_assert_uint_eq(packet->refs, 1);
	ck_assert_ptr_null(packet->next);
	/* Clearing the pools takes nothing from those who still hold something. */
	probe_pool_clear();
	packet_pool_clear();
	ck_assert_uint_eq(probe_count(), 1);
	ck_assert_uint_eq(packet_count(), 1);
	probe_unref(probe);
	packet_unref(packet);
	nothing_left();
}
END_TEST

START_TEST(many_at_random)
{
	static struct probe *held[500];
	struct rng rng = {6};
	size_t alive = 0;

	memset(held, 0, sizeof(held));
	for (int turn = 0; turn < 20000; turn++) {
		size_t i = rng_below(&rng, COUNT_OF(held));

		if (held[i] == NULL) {
			held[i] = probe_new();
			held[i]->packets = packet_new(rng_below(&rng, 3000));
			held[i]->number = (uint32_t)i;
			alive++;
		} else if (rng_chance(&rng, 300000) && held[i]->refs < 5) {
			probe_ref(held[i]);
		} else {
			must_eq(held[i]->number, i);
			if (held[i]->refs == 1) {
				probe_unref(held[i]);
				held[i] = NULL;
				alive--;
			} else {
				probe_unref(held[i]);
			}
		}
		must_eq_in(turn, probe_count(), alive);
		must_eq_in(turn, packet_count(), alive);
	}
	for (size_t i = 0; i < COUNT_OF(held); i++)
		while (held[i] != NULL) {
			uint32_t refs = held[i]->refs;

			probe_unref(held[i]);
			if (refs == 1)
				held[i] = NULL;
		}
	nothing_left();
}
END_TEST

/* Each of these must die by abort(). */
START_TEST(probe_overflow)
{
	struct probe *p = probe_new();

	p->refs = UINT32_MAX;
	probe_ref(p);
}
END_TEST

START_TEST(probe_underflow)
{
	struct probe *p = probe_new();

	probe_unref(p);
	probe_unref(p); /* in the free list: its memory is still ours */
}
END_TEST

START_TEST(probe_revived)
{
	struct probe *p = probe_new();

	probe_unref(p);
	probe_ref(p);
}
END_TEST

START_TEST(packet_overflow)
{
	struct packet *p = packet_new(1);

	p->refs = UINT32_MAX;
	packet_ref(p);
}
END_TEST

START_TEST(packet_underflow)
{
	struct packet *p = packet_new(1);

	packet_unref(p);
	packet_unref(p);
}
END_TEST

START_TEST(packet_revived)
{
	struct packet *p = packet_new(1);

	packet_unref(p);
	packet_ref(p);
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {probe_references},
	    {packet_references},
	    {packet_sizes},
	    {probes_own_their_packets},
	    {free_lists},
	    {many_at_random},
	    {probe_overflow, .signal = SIGABRT},
	    {probe_underflow, .signal = SIGABRT},
	    {probe_revived, .signal = SIGABRT},
	    {packet_overflow, .signal = SIGABRT},
	    {packet_underflow, .signal = SIGABRT},
	    {packet_revived, .signal = SIGABRT},
	};

	return test_main("probe", tests, COUNT_OF(tests));
}
