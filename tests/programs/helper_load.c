/*
 * As many probes through a paris-privsep as it takes, for tests/bench/run. The channel
 * to it is descriptor 3.
 *
 *   helper_load COUNT PROTOCOL SOURCE DESTINATION
 *
 * Prints seconds until all are answered for, how many were sent, failed and replied to,
 * and how many replies the helper says were lost: "SECONDS SENT FAILED REPLIES
 * DROPPED".
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/framing.h"
#include "common/privsep_messages.h"

#define QUIET_MS 200 /* after the last probe: as long as nothing comes for so long */

struct load {
	struct privsep_send probe;
	uint32_t count, asked, sent, failed, replies, dropped;
	uint32_t sequence, received;
	bool reserved;
	int64_t last;
};

static void
fail(const char *what, int error)
{
	fprintf(stderr, "helper_load: %s: %s\n", what, strerror(-error));
	exit(1);
}

/* Reads one record. False when there is none. */
static bool
take(struct load *l)
{
	uint8_t bytes[MESSAGE_MAX];
	struct privsep_sent sent;
	struct privsep_dropped dropped;
	struct reader r;
	int type = framing_receive(MESSAGE_CHILD_FD, bytes, &l->received, &r);

	if (type == -EAGAIN)
		return false;
	if (type < 0)
		fail("reading", type);
	l->last = clock_monotonic();
	if (type == PRIVSEP_RESERVED)
		l->reserved = true;
	if (type == PRIVSEP_SENT && privsep_sent_unpack(&sent, &r) == 0) {
		l->sent += sent.error == 0;
		l->failed += sent.error != 0;
	}
	l->replies += type == PRIVSEP_REPLY;
	if (type == PRIVSEP_DROPPED && privsep_dropped_unpack(&dropped, &r) == 0)
		l->dropped += dropped.count;
	return true;
}

/* Asks for one more probe. False when the channel is full. */
static bool
ask(struct load *l)
{
	static struct framing record;
	int error;

	l->probe.cookie = l->asked;
	l->probe.port =
	    l->probe.protocol == IPPROTO_ICMP || l->probe.protocol == IPPROTO_ICMPV6
		? (uint16_t)l->asked
		: 33434;
	privsep_send_pack(&l->probe, framing_begin(&record));
	error = framing_send(&record, MESSAGE_CHILD_FD, PRIVSEP_SEND, &l->sequence);
	if (error == -EAGAIN)
		return false;
	if (error != 0)
		fail("writing", error);
	l->asked++;
	return true;
}

static void
reserve(struct load *l)
{
	static struct framing record;
	const struct privsep_reserve m = {.protocol = l->probe.protocol,
	    .family = l->probe.source.family,
	    .source = l->probe.source};
	struct pollfd watch = {.fd = MESSAGE_CHILD_FD, .events = POLLIN};
	int error;

	privsep_reserve_pack(&m, framing_begin(&record));
	error = framing_send(&record, MESSAGE_CHILD_FD, PRIVSEP_RESERVE, &l->sequence);
	if (error != 0)
		fail("reserving", error);
	while (!l->reserved)
		if (poll(&watch, 1, -1) < 0 || !take(l))
			fail("reserving", -errno);
}

static void
run(struct load *l)
{
	struct pollfd watch = {.fd = MESSAGE_CHILD_FD};
	bool full = false;

	while (true) {
		while (take(l))
			full = false;
		if (l->sent + l->failed == l->count)
			break;
		while (!full && l->asked < l->count)
			full = !ask(l);
		watch.events = POLLIN;
		if (full && l->asked < l->count)
			watch.events |= POLLOUT;
		if (poll(&watch, 1, -1) < 0)
			fail("waiting", -errno);
		full = (watch.revents & POLLOUT) == 0;
	}
	watch.events = POLLIN;
	while (poll(&watch, 1, QUIET_MS) > 0)
		while (take(l))
			;
}

int
main(int argc, char **argv)
{
	static const uint8_t payload[32];
	struct load l = {.probe = {.ttl = 64, .checksum = 0x1234}};
	int64_t begun;

	if (argc != 5 || addr_from_text(argv[3], &l.probe.source) != 0 ||
	    addr_from_text(argv[4], &l.probe.destination) != 0) {
		fprintf(stderr, "helper_load: COUNT PROTOCOL SOURCE DESTINATION\n");
		return 2;
	}
	l.count = (uint32_t)strtoul(argv[1], NULL, 10);
	l.probe.protocol = (uint8_t)strtoul(argv[2], NULL, 10);
	l.probe.tcp.flags = 2;
	if (l.probe.protocol != IPPROTO_TCP) {
		l.probe.payload_len = sizeof(payload);
		l.probe.payload = payload;
	}
	reserve(&l);
	begun = clock_monotonic();
	run(&l);
	printf("%.6f %" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu32 "\n",
	    (double)(l.last - begun) / NS_PER_SECOND, l.sent, l.failed, l.replies,
	    l.dropped);
	return 0;
}
