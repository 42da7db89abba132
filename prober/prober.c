#include "prober/prober.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"

#define PAUSE (5 * NS_PER_MS) /* until a device that was full is tried again */

void
prober_fail(struct prober *p, int error, const char *what)
{
	const char *text = strerrordesc_np(-error);

	if (p->error != 0)
		return;
	p->error = error;
	log_line("%s: %s%s", what, text != NULL ? text : "unknown error",
	    error == -ENOMEM ? "; is there a limit (ulimit -v)?" : "");
}

void
prober_send(struct prober *p, uint8_t type, const void *body, size_t len)
{
	int error = channel_queue(&p->channel, type, body, len);

	if (error != 0)
		prober_fail(p, error, "cannot queue results for the tool");
}

/* ---- what the tool asks ---- */

static int
on_plan(struct prober *p, struct reader *r)
{
	int error = prober_plan_unpack(&p->plan, r);

	if (error != 0)
		return error;
	p->plan_known = true;
	p->transports.stamp_ids_chosen = p->plan.stamp_ids_chosen;
	p->pace.gap = p->plan.send_gap;
	return 0;
}

static struct trace *
find_trace(struct prober *p, uint32_t id)
{
	struct trace *t;

	HASH_FIND(hh, p->traces, &id, sizeof(id), t);
	return t;
}

/* Options that make no sense together would make the algorithm's life hard later. */
static bool
start_is_sane(const struct prober_start *s)
{
	return s->instance != PROBER_ALL_INSTANCES && !addr_is_none(&s->target) &&
	       (addr_is_none(&s->source) || s->source.family == s->target.family) &&
	       s->first_ttl >= 1 && s->first_ttl <= s->max_ttl && s->queries >= 1 &&
	       s->wait_max > 0 && s->wait_max <= PROBER_TIME_MAX && s->send_gap >= 0 &&
	       s->send_gap <= PROBER_TIME_MAX && s->timeout >= 0 &&
	       s->timeout <= PROBER_TIME_MAX && s->flow_id <= UINT16_MAX &&
	       s->flow_label <= 0xfffff;
}

static int
on_start(struct prober *p, struct reader *r)
{
	struct prober_start start;

	if (!p->plan_known || prober_start_unpack(&start, r) != 0 ||
	    !start_is_sane(&start) || find_trace(p, start.instance) != NULL)
		return -EBADMSG;
	trace_start(p, &start);
	return 0;
}

static int
on_stop(struct prober *p, struct reader *r)
{
	struct prober_stop stop;
	struct trace *t, *next;

	if (prober_stop_unpack(&stop, r) != 0)
		return -EBADMSG;
	HASH_ITER (hh, p->traces, t, next)
		if (stop.instance == PROBER_ALL_INSTANCES || stop.instance == t->id)
			trace_stop(t, REASON_INTERRUPTED);
	return 0;
}

static int
on_message(void *context, const struct message *m)
{
	struct prober *p = context;
	struct reader r;

	reader_init(&r, m->body, m->len);
	switch (m->type) {
	case PROBER_PLAN:
		return on_plan(p, &r);
	case PROBER_START:
		return on_start(p, &r);
	case PROBER_STOP:
		return on_stop(p, &r);
	default:
		return -EBADMSG;
	}
}

/* ---- the loop ---- */

static void
resume_fire(struct timer *timer)
{
	struct prober *p =
	    (struct prober *)((char *)timer - offsetof(struct prober, resume));

	transports_resume(&p->transports);
}

int
prober_init(struct prober *p, int channel_fd, uint32_t transports)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
	int error;

	*p = (struct prober){.epoll = -1,
	    .transports_allowed = transports,
	    .pace = {.timer = {.fire = trace_pace_fire}},
	    .resume = {.fire = resume_fire}};
	TAILQ_INIT(&p->pace.line);
	store_init(&p->store);
	TAILQ_INIT(&p->ended);
	error = channel_init(&p->channel, channel_fd);
	if (error != 0)
		return error;
	if (getrandom(&p->random, sizeof(p->random), 0) != sizeof(p->random))
		return -EIO;
	p->tree = tree_new();
	p->next_fragment = (uint32_t)(p->random >> 32);
	p->learned = learned_new(p->random);
	if (p->tree == NULL || p->learned == NULL)
		return -ENOMEM;
	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (p->epoll < 0 || epoll_ctl(p->epoll, EPOLL_CTL_ADD, channel_fd, &event) != 0)
		return -errno;
	transports_init(&p->transports, p->tree, p->epoll, &trace_transport_events, p);
	helper_init(&p->helper, &p->transports, &p->timers);
	p->transports.helper = &p->helper;
	raw_init(&p->raw, &p->transports);
	p->transports.raw = &p->raw;
	return 0;
}

int
prober_use_helper(struct prober *p, int fd)
{
	return helper_attach(&p->helper, fd);
}

int
prober_use_raw(struct prober *p, const struct raw_sockets *sockets)
{
	return raw_attach(&p->raw, sockets);
}

/* Tells the tool how each finished trace ended, and frees it. */
static void
reap_traces(struct prober *p)
{
	struct trace *t;

	while ((t = TAILQ_FIRST(&p->ended)) != NULL) {
		uint8_t body[MESSAGE_BODY_MAX];
		struct writer w;

		writer_init(&w, body, sizeof(body));
		prober_done_pack(&t->instance.done, &w);
		prober_send(p, PROBER_DONE, body, writer_len(&w));
		TAILQ_REMOVE(&p->ended, t, in_ended);
		trace_free(t);
	}
}

/* Sends the tool what it takes, and asks to be told when it takes more. */
static void
flush_channel(struct prober *p)
{
	bool was_pending = p->watching_write;
	bool had = channel_pending(&p->channel);
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
	int error = channel_flush(&p->channel);
	bool pending = channel_pending(&p->channel);

	if (error != 0 && p->error == 0)
		p->error = error; /* -EPIPE: the tool is gone, nobody to tell */
	if (pending != was_pending) {
		event.events = pending ? EPOLLIN | EPOLLOUT : EPOLLIN;
		(void)epoll_ctl(p->epoll, EPOLL_CTL_MOD, p->channel.fd, &event);
		p->watching_write = pending;
	}
	if (had && !pending)
		p->released = true;
}

/*
 * Waits for the first of: an event, the first timer (from `now` on). Returns how many
 * events.
 */
static int
wait_events(struct prober *p, int64_t now, struct epoll_event *events)
{
	static bool coarse; /* no epoll_pwait2 (before Linux 5.11): milliseconds */
	int64_t next = timer_next(&p->timers);
	int64_t left = next == INT64_MAX ? -1 : clock_elapsed(now, next);
	struct timespec ts = clock_to_timespec(left);
	int count = -1;

	if (!coarse) {
		count = epoll_pwait2(
		    p->epoll, events, PROBER_FILES_MAX, left < 0 ? NULL : &ts, NULL);
		/* Old container profiles answer EPERM to what they do not know. */
		coarse = count < 0 && (errno == ENOSYS || errno == EPERM);
	}
	if (coarse) {
		int64_t ms = left < 0 ? -1 : (left + NS_PER_MS - 1) / NS_PER_MS;

		count = epoll_pwait(p->epoll, events, PROBER_FILES_MAX,
		    ms > INT32_MAX ? INT32_MAX : (int)ms, NULL);
	}
	if (count < 0 && errno != EINTR)
		prober_fail(p, -errno, "cannot wait for events");
	return count < 0 ? 0 : count;
}

/*
 * Sends what waits to be sent, and goes on while that sets traces free: those that have
 * ended are taken out first, so that nothing of them is sent any more.
 */
static void
send_all(struct prober *p)
{
	do {
		reap_traces(p);
		if (transports_reap(&p->transports))
			p->released = true;
		if (p->released)
			trace_wake_held(p);
		if (transports_flush(&p->transports) && p->resume.index == 0)
			(void)timer_set(
			    &p->timers, &p->resume, clock_monotonic() + PAUSE);
		helper_flush(&p->helper);
		flush_channel(p);
	} while (
	    (!TAILQ_EMPTY(&p->ended) || (p->released && p->held > 0)) && p->error == 0);
	transports_reap(&p->transports);
}

/*
 * One wake-up: everything that arrived first, then what is due, then sending. What was
 * due before we began to wait is due now; a later deadline must wait for the next time,
 * as an answer may have come before it that is not read yet (we were stopped, say).
 */
static int
turn(struct prober *p)
{
	/* All that there can be: what arrived is read before deadlines count. */
	static struct epoll_event events[PROBER_FILES_MAX];
	int64_t now = clock_monotonic();
	int count = wait_events(p, now, events);
	int result = 0;

	for (int i = 0; i < count; i++)
		if (events[i].data.ptr == &p->helper)
			helper_service(&p->helper);
		else if (events[i].data.ptr != NULL &&
			 !raw_service(&p->raw, events[i].data.ptr))
			watch_ready(events[i].data.ptr, events[i].events);
	for (int i = 0; i < count; i++)
		if (events[i].data.ptr == NULL &&
		    (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
			result = channel_receive(&p->channel, on_message, p);
	timer_run(&p->timers, now);
	send_all(p);
	return result;
}

/* Tells the tool that it may ask, once the helper is ready too, or has failed. */
static void
greet(struct prober *p)
{
	if (p->greeted || helper_is_awaited(&p->helper))
		return;
	p->greeted = true;
	prober_send(p, PROBER_HELLO, NULL, 0);
	flush_channel(p);
}

int
prober_run(struct prober *p)
{
	int result = 0;

	greet(p);
	while (result == 0 && p->error == 0) {
		result = turn(p);
		greet(p);
	}
	if (result < 0) {
		prober_fail(p, result, "the tool sent a message that is not valid");
		return result;
	}
	/* The tool is gone: that is how a prober ends. */
	return p->error == -EPIPE ? 0 : p->error;
}

void
prober_clear(struct prober *p)
{
	struct trace *t, *next;

	HASH_ITER (hh, p->traces, t, next)
		trace_free(t);
	if (p->tree != NULL) {
		transports_clear(&p->transports);
		helper_clear(&p->helper);
		raw_clear(&p->raw);
	}
	store_clear(&p->store);
	timer_heap_clear(&p->timers);
	tree_free(p->tree);
	learned_free(p->learned);
	channel_close(&p->channel);
	if (p->epoll >= 0)
		close(p->epoll);
}
