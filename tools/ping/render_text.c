#include "tools/ping/render_text.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/names_messages.h"
#include "tools/ping/words.h"
#include "tools/shared/anomaly.h"
#include "tools/shared/escape.h"
#include "tools/shared/reply_text.h"

#define NAME_TEXT_MAX (4 * NAMES_NAME_MAX + 1)

static bool
is_v4(const struct ping_record *t)
{
	return t->asked.target.family == AF_INET;
}

/* ---- the first line -------------------------------------------------------------- */

/* " from 192.0.2.2 eth0", where either was asked for; behind the colon what is sent. */
static void
print_origin(const struct ping_record *t, struct output *out)
{
	char addr[REPLY_ADDR_MAX];

	if (addr_is_none(&t->asked.source) && t->asked.device[0] == '\0')
		return;
	output_print(out, " from %s %s:", reply_addr_text(&t->how.source, addr),
	    t->asked.device);
}

void
ping_text_start(const struct ping_record *t, struct output *out)
{
	char addr[REPLY_ADDR_MAX], host[NAME_TEXT_MAX];
	unsigned int len = t->how.packet_len;
	unsigned int data = len - (is_v4(t) ? 28 : 48);

	if (t->asked.fill_len != 0)
		output_print(out, "PATTERN: 0x");
	for (size_t i = 0; i < t->asked.fill_len; i++)
		output_print(out, "%02x", t->asked.fill[i]);
	if (t->asked.fill_len != 0)
		output_print(out, "\n");
	output_print(out, "PING %s%s(%s)", escape_terminal(t->host, host, sizeof(host)),
	    is_v4(t) ? " " : "", reply_addr_text(&t->asked.target, addr));
	print_origin(t, out);
	if (strcmp(t->protocol, "tcp") == 0)
		output_print(out, " TCP %s to port %u, %u byte packets\n",
		    t->asked.tcp.chosen ? "ACK" : "SYN", t->how.dst_port, len);
	else if (strcmp(t->protocol, "udp") == 0)
		output_print(out, " UDP to port %u,", t->how.dst_port);
	if (strcmp(t->protocol, "tcp") == 0)
		return;
	if (is_v4(t))
		output_print(out, " %u(%u) bytes of data.\n", data, len);
	else
		output_print(out, " %u data bytes\n", data);
}

/* ---- one packet ------------------------------------------------------------------ */

bool
ping_text_shows(const struct prober_result *m)
{
	return m->outcome == RESULT_REPLY || m->outcome == RESULT_DUPLICATE ||
	       m->outcome == RESULT_LATE || m->outcome == RESULT_AMBIGUOUS;
}

/* "name (address)", or "address (address)"; where no names are wanted the address. */
static void
print_from(
    const struct prober_result *m, const struct naming *naming, struct output *out)
{
	char addr[REPLY_ADDR_MAX], escaped[NAME_TEXT_MAX];
	const char *name;

	reply_addr_text(&m->from, addr);
	if (!naming_has_names(naming))
		output_print(out, "%s", addr);
	else if (naming_name(naming, &m->from, &name) == NAME_KNOWN)
		output_print(out, "%s (%s)",
		    escape_terminal(name, escaped, sizeof(escaped)), addr);
	else
		output_print(out, "%s (%s)", addr, addr);
}

/* Four digits that count, as iputils has it. */
static void
print_rtt(int64_t rtt, struct output *out)
{
	int64_t us = (rtt + NS_PER_US / 2) / NS_PER_US;

	if (us >= 100000 - 50)
		output_print(out, " time=%" PRId64 " ms", (us + 500) / 1000);
	else if (us >= 10000 - 5)
		output_print(out, " time=%" PRId64 ".%01" PRId64 " ms",
		    (us + 50) / 1000, (us + 50) % 1000 / 100);
	else if (us >= 1000)
		output_print(out, " time=%" PRId64 ".%02" PRId64 " ms", (us + 5) / 1000,
		    (us + 5) % 1000 / 10);
	else
		output_print(
		    out, " time=%" PRId64 ".%03" PRId64 " ms", us / 1000, us % 1000);
}

/* What is rare about it; iputils has words for two such cases. */
static void
print_marks(const struct prober_result *m, struct output *out)
{
	uint32_t found = anomalies_of_flags(m);

	if (m->outcome == RESULT_DUPLICATE)
		output_print(out, " (DUP!)");
	if (m->outcome == RESULT_LATE)
		output_print(out, " (LATE!)");
	for (unsigned int a = 0; a < ANOMALIES; a++) {
		if ((found >> a & 1) == 0 || anomaly_mark(a) == NULL)
			continue;
		if (a == ANOMALY_OTHER_ADDRESS)
			output_print(out, " (DIFFERENT ADDRESS!)");
		else
			output_print(out, " %s", anomaly_mark(a));
	}
}

void
ping_text_result(const struct ping_record *t, const struct prober_result *m,
    const struct naming *naming, int64_t stamp, struct output *out)
{
	bool answer = ping_record_is_answer(m);
	char buf[PING_WORDS_MAX];

	if (stamp != 0)
		output_print(out, "[%" PRId64 ".%06" PRId64 "] ", stamp / NS_PER_SECOND,
		    stamp % NS_PER_SECOND / NS_PER_US);
	if (answer)
		output_print(out, "%s from ", ping_answer_words(m, buf));
	else
		output_print(out, "From ");
	print_from(m, naming, out);
	if (m->outcome == RESULT_AMBIGUOUS)
		output_print(out, "%s %s_seq=?", answer ? ":" : "", t->protocol);
	else
		output_print(
		    out, "%s %s_seq=%u", answer ? ":" : "", t->protocol, m->probe + 1);
	if (!answer)
		output_print(out, " %s", ping_error_words(m, buf));
	if (answer && m->reply_ttl >= 0)
		output_print(out, " ttl=%d", m->reply_ttl);
	if (answer && m->rtt >= 0)
		print_rtt(m->rtt, out);
	print_marks(m, out);
	output_print(out, "\n");
}

/* ---- the statistics -------------------------------------------------------------- */

/* ", +2 duplicates" */
static void
print_more(uint32_t count, const char *what, struct output *out)
{
	if (count != 0)
		output_print(out, ", +%u %s", count, what);
}

/* Milliseconds with three decimals. */
static void
print_ms(double ns, struct output *out)
{
	int64_t us = (int64_t)(ns / (double)NS_PER_US + 0.5);

	output_print(out, "%" PRId64 ".%03" PRId64, us / 1000, us % 1000);
}

void
ping_text_end(const struct ping_record *t, struct output *out)
{
	char host[NAME_TEXT_MAX];

	output_print(out,
	    "\n--- %s ping statistics ---\n%u packets transmitted, %u received",
	    escape_terminal(t->host, host, sizeof(host)), t->transmitted, t->received);
	print_more(t->duplicates, "duplicates", out);
	print_more(t->errors + t->failed, "errors", out);
	print_more(t->ambiguous, "ambiguous", out);
	if (t->late != 0)
		output_print(out, ", %u late", t->late);
	if (t->transmitted != 0)
		output_print(out, ", %g%% packet loss, time %" PRId64 "ms",
		    (double)(float)ping_record_loss(t),
		    ping_record_time(t) / NS_PER_MS);
	output_print(out, "\n");
	if (t->timed != 0) {
		output_print(out, "rtt min/avg/max/mdev = ");
		print_ms((double)t->rtt_min, out);
		output_print(out, "/");
		print_ms(t->rtt_mean, out);
		output_print(out, "/");
		print_ms((double)t->rtt_max, out);
		output_print(out, "/");
		print_ms(ping_record_mdev(t), out);
		output_print(out, " ms");
	}
	if (t->pipe > 1)
		output_print(out, "%spipe %u", t->timed != 0 ? ", " : "", t->pipe);
	output_print(out, "\n");
}

void
ping_text_status(const struct ping_record *t, char *buf)
{
	int len = snprintf(buf, PING_STATUS_MAX, "%u/%u packets, %d%% loss",
	    t->received, t->transmitted, (int)ping_record_loss(t));

	if (t->timed != 0)
		snprintf(buf + len, (size_t)(PING_STATUS_MAX - len),
		    ", min/avg/ewma/max = %.3f/%.3f/%.3f/%.3f ms",
		    (double)t->rtt_min / (double)NS_PER_MS,
		    t->rtt_mean / (double)NS_PER_MS, t->rtt_recent / (double)NS_PER_MS,
		    (double)t->rtt_max / (double)NS_PER_MS);
}
