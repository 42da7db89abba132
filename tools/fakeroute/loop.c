#include "tools/fakeroute/loop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "tools/fakeroute/namespace.h"

/* The most packets taken in before replies that are due are sent. */
#define RECEIVE_BATCH 64

/* Batches taken in after the command has ended: more than the ring holds. */
#define LAST_BATCHES 4096

/* Both clocks are to be read within this time for what they say of each other. */
#define CLOCKS_APART 20000 /* ns */
#define CLOCKS_TRIES 1000

/*
 * The clocks as a batch of packets is taken in: few packets need to read them anew.
 * How far the time of day is ahead of the timers stays what it was unless somebody sets
 * it, so that two packets keep their order however long we stand still between
 * readings.
 */
struct clocks {
	int64_t ahead;
	int64_t now; /* of the timers */
};

/* Reads the clocks; returns for how long that left open what they say of each other. */
static int64_t
read_clocks(struct clocks *c)
{
	int64_t before = clock_monotonic(), realtime = clock_realtime();

	c->now = clock_monotonic();
	if (c->ahead < realtime - c->now || c->ahead > realtime - before)
		c->ahead = realtime - c->now;
	return c->now - before;
}

/*
 * The kernel's stamp, a time of day that may have been set meanwhile, on the clock of
 * the timers. No delay of ours makes a reply come early.
 */
static int64_t
when(struct clocks *c, int64_t stamp, bool first)
{
	if (first)
		(void)read_clocks(c);
	if (stamp - c->ahead > c->now)
		c->now = clock_monotonic();
	return stamp - c->ahead > c->now ? c->now : stamp - c->ahead;
}

/* Takes in what has come; true when there may be more. */
static bool
receive(struct loop *l, struct clocks *clocks)
{
	struct farend_packet packet;
	int taken = 0;

	for (; taken < RECEIVE_BATCH && farend_receive(l->far, &packet); taken++) {
		if (l->capture != NULL)
			capture_write(
			    l->capture, packet.bytes, packet.len, packet.stamp);
		simulator_receive(l->simulator, packet.bytes, packet.len,
		    when(clocks, packet.stamp, taken == 0));
		farend_next(l->far);
	}
	return taken == RECEIVE_BATCH;
}

/* Notes how long a reply has been due by now. */
static void
note_delay(struct loop *l, int64_t due)
{
	int64_t delay = due != REPLYQUEUE_NEVER ? clock_monotonic() - due : 0;

	if (delay > l->behind)
		l->behind = delay;
}

/* Sends what is due, a batch at a time. */
static void
send_due(struct loop *l)
{
	struct replyqueue *replies = simulator_replies(l->simulator);
	uint8_t *frames[FAREND_BATCH];
	uint32_t slots[FAREND_BATCH];
	size_t lens[FAREND_BATCH];
	unsigned int count = 0;
	int64_t due = replyqueue_due(replies), now, today = 0;
	uint8_t *bytes;

	if (due == REPLYQUEUE_NEVER)
		return;
	now = clock_monotonic();
	if (l->capture != NULL)
		today = clock_realtime();
	while (count < FAREND_BATCH && (bytes = replyqueue_pop(replies, now,
					    &slots[count], &lens[count])) != NULL) {
		if (l->capture != NULL)
			capture_write(l->capture, bytes, lens[count], today);
		frames[count] = bytes - NAMESPACE_ETHERNET_LEN;
		lens[count] += NAMESPACE_ETHERNET_LEN;
		namespace_ethernet(frames[count], bytes[0] >> 4 == 6);
		count++;
	}
	if (count == 0)
		return;
	farend_send(l->far, frames, lens, count);
	/* Now that they have left: we may have stood still since the clock was read. */
	note_delay(l, due);
	while (count > 0)
		replyqueue_release(replies, slots[--count]);
}

/*
 * Passes signals on, unless the terminal sent them: then the command has them already,
 * as a member of the foreground process group. True when the command has ended.
 */
static bool
take_signals(const struct loop *l)
{
	struct signalfd_siginfo info;
	bool ended = false;

	while (read(l->signal_fd, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo == SIGCHLD)
			ended = ended || command_ended(l->command);
		else if (info.ssi_code != SI_KERNEL)
			command_signal(l->command, (int)info.ssi_signo);
	return ended;
}

/* Waits until something comes or a reply is due. */
static int
wait_for_events(struct loop *l, struct pollfd *fds, nfds_t count, bool busy)
{
	int64_t due = replyqueue_due(simulator_replies(l->simulator));
	struct timespec timeout = {0};

	if (!busy && due != REPLYQUEUE_NEVER)
		timeout = clock_to_timespec(clock_elapsed(clock_monotonic(), due));
	if (ppoll(fds, count, !busy && due == REPLYQUEUE_NEVER ? NULL : &timeout,
		NULL) < 0 &&
	    errno != EINTR)
		return -errno;
	return 0;
}

int
loop_run(struct loop *l)
{
	struct pollfd fds[] = {
	    {.fd = l->far->fd, .events = POLLIN},
	    {.fd = l->signal_fd, .events = POLLIN},
	};
	struct clocks clocks = {.ahead = INT64_MIN};
	bool busy = false;
	int error;

	for (int i = 0; i < CLOCKS_TRIES && read_clocks(&clocks) > CLOCKS_APART; i++)
		clocks.ahead = INT64_MIN;
	for (;;) {
		error = wait_for_events(l, fds, sizeof(fds) / sizeof(*fds), busy);
		if (error != 0)
			return error;
		busy = receive(l, &clocks);
		send_due(l);
		if ((fds[1].revents & POLLIN) != 0 && take_signals(l)) {
			/* What the command sent last has a place in the report too. */
			for (int i = 0; i < LAST_BATCHES && receive(l, &clocks); i++)
				;
			note_delay(l, replyqueue_due(simulator_replies(l->simulator)));
			return 0;
		}
	}
}
