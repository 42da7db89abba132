/*
 * tools/ping: counts and times of a record, what it does not believe, and the lines
 * made of it, in iputils ping's words.
 */
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "tests/support/testing.h"
#include "tools/ping/record.h"
#include "tools/ping/render_text.h"
#include "tools/ping/words.h"

#define MS NS_PER_MS
#define TTL 64

static struct ping_record
begun(void)
{
	static const uint8_t target[4] = {198, 51, 100, 9};
	struct prober_start asked = {.instance = 7, .max_ttl = TTL};
	struct prober_plan_family plan = {0};
	struct prober_started how = {.instance = 7, .packet_len = 84};
	struct ping_record t;

	asked.target = addr_from_bytes(AF_INET, target);
	ping_record_init(&t, "a host", "icmp", &asked, &plan);
	ck_assert_int_eq(ping_record_take_started(&t, &how), 0);
	return t;
}

/* A result about a packet; flags 0 for a timeout. */
static struct prober_result
result(const struct ping_record *t, enum prober_outcome outcome, uint32_t probe)
{
	return (struct prober_result){.instance = 7,
	    .outcome = (uint8_t)outcome,
	    .probe = probe,
	    .ttl = TTL,
	    .from = t->asked.target,
	    .reply_ttl = -1,
	    .reply_tos = -1,
	    .rtt = -1};
}

static int
take(struct ping_record *t, enum prober_outcome outcome, uint32_t probe)
{
	struct prober_result m = result(t, outcome, probe);

	return ping_record_take_result(t, &m, (int64_t)probe * 1000 * MS);
}

static int
answer(struct ping_record *t, enum prober_outcome outcome, uint32_t probe, int64_t rtt)
{
	struct prober_result m = result(t, outcome, probe);

	m.flags = RESULT_REACHED | RESULT_FINAL;
	m.reply = REPLY_ECHO;
	m.rtt = rtt;
	return ping_record_take_result(t, &m, (int64_t)probe * 1000 * MS);
}

/* Checked against the definitions, over many values. */
START_TEST(times)
{
	struct ping_record t = begun();
	struct rng rng = {3};
	double sum = 0, squares = 0;

	for (uint32_t i = 0; i < 10000; i++) {
		int64_t rtt = 200 * MS + (int64_t)rng_below(&rng, 1000000);

		must_eq(take(&t, RESULT_SENT, i), 0);
		must_eq(answer(&t, RESULT_REPLY, i, rtt), 0);
		sum += (double)rtt;
		squares += (double)(rtt - 200 * MS) * (double)(rtt - 200 * MS);
		must(rtt >= t.rtt_min && rtt <= t.rtt_max);
	}
	sum /= 10000;
	squares = squares / 10000 - (sum - 200e6) * (sum - 200e6);
	ck_assert(fabs(t.rtt_mean - sum) < 1);
	ck_assert(fabs(ping_record_mdev(&t) - sqrt(squares)) < 1);
	ck_assert_uint_eq(t.received, 10000);
	ck_assert_uint_eq(t.pipe, 1);
	ck_assert(ping_record_loss(&t) == 0);
	ck_assert_int_eq(ping_record_time(&t), INT64_C(9999000) * MS);
}
END_TEST

START_TEST(counts)
{
	struct prober_done done = {.instance = 7, .duplicates = 9};
	struct ping_record t = begun();

	for (uint32_t i = 0; i < 8; i++)
		ck_assert_int_eq(take(&t, RESULT_SENT, i), 0);
	ck_assert_int_eq(answer(&t, RESULT_REPLY, 0, MS), 0);
	ck_assert_uint_eq(t.pipe, 8);
	ck_assert_int_eq(answer(&t, RESULT_DUPLICATE, 0, 2 * MS), 0);
	ck_assert_int_eq(take(&t, RESULT_REPLY, 1), 0); /* a router */
	ck_assert_int_eq(take(&t, RESULT_TIMEOUT, 2), 0);
	ck_assert_int_eq(take(&t, RESULT_TIMEOUT, 3), 0);
	ck_assert_int_eq(answer(&t, RESULT_LATE, 2, 3 * MS), 0);
	ck_assert_int_eq(take(&t, RESULT_LATE, 3), 0);
	ck_assert_int_eq(take(&t, RESULT_SEND_FAILED, 4), 0);
	ck_assert_int_eq(answer(&t, RESULT_AMBIGUOUS, 0, -1), 0);
	ck_assert_uint_eq(t.transmitted, 8);
	ck_assert_uint_eq(t.received, 2);
	ck_assert_uint_eq(t.late, 1);
	ck_assert_uint_eq(t.errors, 2);
	ck_assert_uint_eq(t.failed, 1);
	ck_assert_uint_eq(t.ambiguous, 1);
	ck_assert_uint_eq(t.timed, 2); /* not the duplicate */
	ck_assert_int_eq(t.rtt_max, 3 * MS);
	ck_assert(ping_record_loss(&t) == 62.5);
	ck_assert_int_eq(ping_record_take_done(&t, &done), 0);
	ck_assert_uint_eq(t.duplicates, 9);
	ck_assert(ping_record_is_over(&t));
}
END_TEST

/* A prober that was taken over can tell lies, but none that do not add up. */
START_TEST(what_cannot_be)
{
	struct prober_started how = {.instance = 7};
	struct prober_done done = {.instance = 8};
	struct ping_record t = begun();
	struct prober_result m;

	ck_assert_int_eq(ping_record_take_started(&t, &how), -EBADMSG);
	ck_assert_int_eq(ping_record_take_done(&t, &done), -EBADMSG);
	ck_assert_int_eq(answer(&t, RESULT_REPLY, 0, MS), -EBADMSG);
	ck_assert_int_eq(take(&t, RESULT_SENT, 1), -EBADMSG);
	ck_assert_int_eq(take(&t, RESULT_SENT, 0), 0);
	ck_assert_int_eq(take(&t, RESULT_SENT, 0), -EBADMSG);
	ck_assert_int_eq(take(&t, RESULT_UNAWAITED, 0), -EBADMSG);
	ck_assert_int_eq(take(&t, RESULT_LATE, 0), -EBADMSG);
	m = result(&t, RESULT_REPLY, 0);
	m.ttl--;
	ck_assert_int_eq(ping_record_take_result(&t, &m, 0), -EBADMSG);
	m = result(&t, RESULT_REPLY, 0);
	m.flow = 1;
	ck_assert_int_eq(ping_record_take_result(&t, &m, 0), -EBADMSG);
	m = result(&t, RESULT_REPLY, 0);
	m.instance = 8;
	ck_assert_int_eq(ping_record_take_result(&t, &m, 0), -EBADMSG);
	ck_assert_int_eq(answer(&t, RESULT_REPLY, 0, MS), 0);
	ck_assert_int_eq(answer(&t, RESULT_REPLY, 0, MS), -EBADMSG);
	ck_assert_int_eq(take(&t, RESULT_TIMEOUT, 0), -EBADMSG);
	ck_assert_int_eq(take(&t, RESULT_SENT, 1), 0);
	ck_assert_int_eq(take(&t, RESULT_TIMEOUT, 1), 0);
	ck_assert_int_eq(answer(&t, RESULT_LATE, 1, MS), 0);
	ck_assert_int_eq(answer(&t, RESULT_LATE, 1, MS), -EBADMSG);
	done.instance = 7;
	ck_assert_int_eq(ping_record_take_done(&t, &done), 0);
	ck_assert_int_eq(ping_record_take_done(&t, &done), -EBADMSG);
	ck_assert_int_eq(take(&t, RESULT_SENT, 2), -EBADMSG);
}
END_TEST

START_TEST(success)
{
	struct ping_record t = begun();

	ck_assert(!ping_record_is_success(&t));
	t.received = 1;
	ck_assert(ping_record_is_success(&t));
	t.asked.max_probes = 2;
	ck_assert(ping_record_is_success(&t));
	t.asked.timeout = 1;
	ck_assert(!ping_record_is_success(&t));
	t.received = 2;
	ck_assert(ping_record_is_success(&t));
	t.asked.max_probes = 0;
	t.received = 0;
	ck_assert(!ping_record_is_success(&t));
}
END_TEST

/* ---- words ----------------------------------------------------------------------- */

static const struct {
	uint8_t family, type, code;
	const char *words;
} errors[] = {
    {AF_INET, 3, 0, "Destination Net Unreachable"},
    {AF_INET, 3, 1, "Destination Host Unreachable"},
    {AF_INET, 3, 2, "Destination Protocol Unreachable"},
    {AF_INET, 3, 3, "Destination Port Unreachable"},
    {AF_INET, 3, 4, "Frag needed and DF set (mtu = 1400)"},
    {AF_INET, 3, 13, "Packet filtered"},
    {AF_INET, 3, 15, "Precedence Cutoff"},
    {AF_INET, 3, 16, "Dest Unreachable, Bad Code: 16"},
    {AF_INET, 3, 255, "Dest Unreachable, Bad Code: 255"},
    {AF_INET, 11, 0, "Time to live exceeded"},
    {AF_INET, 11, 1, "Frag reassembly time exceeded"},
    {AF_INET, 11, 2, "Time exceeded, Bad Code: 2"},
    {AF_INET, 4, 0, "Source Quench"},
    {AF_INET, 12, 0, "Parameter problem"},
    {AF_INET, 200, 0, "Bad ICMP type: 200"},
    {AF_INET6, 1, 0, "Destination unreachable: No route"},
    {AF_INET6, 1, 4, "Destination unreachable: Port unreachable"},
    {AF_INET6, 1, 5, "Destination unreachable: Unknown code 5"},
    {AF_INET6, 2, 0, "Packet too big: mtu=1400"},
    {AF_INET6, 3, 0, "Time exceeded: Hop limit"},
    {AF_INET6, 3, 1, "Time exceeded: Defragmentation failure"},
    {AF_INET6, 3, 2, "Time exceeded: code 2"},
    {AF_INET6, 4, 1, "Parameter problem: Unknown header"},
    {AF_INET6, 4, 3, "Parameter problem: code 3"},
    {AF_INET6, 100, 0, "unknown icmp type: 100"},
};

START_TEST(words_of_errors)
{
	struct prober_result m = {.icmp_type = errors[_i].type,
	    .icmp_code = errors[_i].code,
	    .mtu = 1400,
	    .from = {.family = errors[_i].family}};
	char buf[PING_WORDS_MAX];

	ck_assert_str_eq(ping_error_words(&m, buf), errors[_i].words);
}
END_TEST

/* ---- lines ----------------------------------------------------------------------- */

static char *
text_of(struct output *out)
{
	char *text;

	output_write(out, "", 1);
	text = strdup(out->data + out->head);
	output_clear(out);
	return text;
}

static const struct {
	int64_t rtt;
	const char *time;
} rtts[] = {{0, "0.000"}, {499, "0.000"}, {500, "0.001"}, {999499, "0.999"},
    {999500, "1.00"}, {1004999, "1.01"}, {9994000, "9.99"}, {9995000, "10.0"},
    {10049000, "10.0"}, {99949000, "99.9"}, {99950000, "100"}, {1234500000, "1235"}};

START_TEST(times_have_three_digits)
{
	struct ping_record t = begun();
	struct prober_result m = result(&t, RESULT_REPLY, 0);
	struct output out;
	char wanted[200];
	char *text;

	m.flags = RESULT_REACHED;
	m.reply = REPLY_ECHO;
	m.reply_len = 64;
	m.reply_ttl = 57;
	m.rtt = rtts[_i].rtt;
	snprintf(wanted, sizeof(wanted),
	    "64 bytes from 198.51.100.9: icmp_seq=1 ttl=57 time=%s ms\n",
	    rtts[_i].time);
	output_init(&out, -1);
	ping_text_result(&t, &m, NULL, 0, &out);
	text = text_of(&out);
	ck_assert_str_eq(text, wanted);
	free(text);
}
END_TEST

START_TEST(marks)
{
	static const struct {
		enum prober_outcome outcome;
		uint16_t flags;
		const char *line;
	} cases[] = {
	    {RESULT_DUPLICATE, RESULT_REACHED,
		"[5.000007] Echo reply from 198.51.100.9: icmp_seq=3 (DUP!)\n"},
	    {RESULT_LATE, RESULT_REACHED,
		"[5.000007] Echo reply from 198.51.100.9: icmp_seq=3 (LATE!)\n"},
	    {RESULT_REPLY, RESULT_REACHED | RESULT_OTHER_ADDRESS | RESULT_ALTERED,
		"[5.000007] Echo reply from 198.51.100.9: icmp_seq=3 (DIFFERENT "
		"ADDRESS!) [altered]\n"},
	    {RESULT_AMBIGUOUS, RESULT_REACHED,
		"[5.000007] Echo reply from 198.51.100.9: icmp_seq=?\n"},
	    {RESULT_REPLY, 0,
		"[5.000007] From 198.51.100.9 icmp_seq=3 Bad ICMP type: 77\n"},
	};
	struct ping_record t = begun();

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct prober_result m = result(&t, cases[i].outcome, 2);
		struct output out;
		char *text;

		m.flags = cases[i].flags;
		m.reply = (m.flags & RESULT_REACHED) != 0 ? REPLY_ECHO : REPLY_OTHER;
		m.icmp_type = 77;
		output_init(&out, -1);
		ping_text_result(&t, &m, NULL, 5 * NS_PER_SECOND + 7000, &out);
		text = text_of(&out);
		ck_assert_str_eq(text, cases[i].line);
		free(text);
	}
}
END_TEST

START_TEST(summary)
{
	struct ping_record t = begun();
	struct output out;
	char *text;

	output_init(&out, -1);
	ping_text_end(&t, &out);
	text = text_of(&out);
	ck_assert_str_eq(text, "\n--- a\\x20host ping statistics ---\n"
			       "0 packets transmitted, 0 received\n\n");
	free(text);
	for (uint32_t i = 0; i < 3; i++)
		ck_assert_int_eq(take(&t, RESULT_SENT, i), 0);
	ck_assert_int_eq(answer(&t, RESULT_REPLY, 0, MS), 0);
	ck_assert_int_eq(answer(&t, RESULT_DUPLICATE, 0, MS), 0);
	ck_assert_int_eq(take(&t, RESULT_REPLY, 1), 0);
	ck_assert_int_eq(take(&t, RESULT_TIMEOUT, 2), 0);
	ck_assert_int_eq(answer(&t, RESULT_LATE, 2, 3 * MS), 0);
	ping_text_end(&t, &out);
	text = text_of(&out);
	ck_assert_str_eq(text,
	    "\n--- a\\x20host ping statistics ---\n3 packets transmitted, 2 received, "
	    "+1 duplicates, +1 errors, 1 late, 33.3333% packet loss, time 2000ms\n"
	    "rtt min/avg/max/mdev = 1.000/2.000/3.000/1.000 ms, pipe 3\n");
	free(text);
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {times},
	    {counts},
	    {what_cannot_be},
	    {success},
	    {words_of_errors, .loops = COUNT_OF(errors)},
	    {times_have_three_digits, .loops = COUNT_OF(rtts)},
	    {marks},
	    {summary},
	};

	return test_main("ping_record", tests, COUNT_OF(tests));
}
