#include "prober/helper.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>

#include "common/clock.h"
#include "common/log.h"
#include "prober/captured.h"

/* So few probes wait that those who found no place may try again. */
#define ROOM_AGAIN (HELPER_PROBES / 4 * 3)
/* So few are handed that more may be. */
#define HANDED_AGAIN (HELPER_HANDED / 2)

static void helper_lost(struct helper *h, const char *why);

/* ---- patience ---- */

/* Whether the helper has to say something. */
static bool
owes(const struct helper *h)
{
	return !h->ready || h->asked > 0 || h->next_cookie != h->next_answer;
}

static int64_t
patience(const struct helper *h)
{
	return h->ready ? HELPER_PATIENCE : HELPER_START_PATIENCE;
}

/* An answer that was owed: only these count, however much else is said. */
static void
answer_came(struct helper *h)
{
	h->heard = clock_monotonic();
}

/* Another answer will be owed; the timer runs on, for as long as any is. */
static void
expect_answer(struct helper *h)
{
	if (!owes(h))
		h->heard = clock_monotonic();
	if (h->patience.index == 0)
		(void)timer_set(h->timers, &h->patience, h->heard + patience(h));
}

static void
patience_fire(struct timer *timer)
{
	struct helper *h =
	    (struct helper *)((char *)timer - offsetof(struct helper, patience));

	if (h->channel.fd < 0 || !owes(h))
		return;
	if (clock_monotonic() < h->heard + patience(h))
		(void)timer_set(h->timers, timer, h->heard + patience(h));
	else
		helper_lost(h, h->ready ? "paris-privsep does not answer any more"
					: "paris-privsep does not start");
}

/* ---- start and end ---- */

void
helper_init(struct helper *h, struct transports *transports, struct timer_heap *timers)
{
	*h = (struct helper){.channel = {.fd = -1},
	    .transports = transports,
	    .timers = timers,
	    .patience = {.fire = patience_fire}};
}

int
helper_attach(struct helper *h, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = h};
	int error = channel_init(&h->channel, fd);

	if (error == 0 &&
	    epoll_ctl(h->transports->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
		error = -errno;
	if (error == 0)
		error = timer_heap_reserve(h->timers, h->timers->count + 1);
	h->heard = clock_monotonic();
	if (error == 0)
		expect_answer(h);
	return error;
}

bool
helper_is_awaited(const struct helper *h)
{
	return h->channel.fd >= 0 && !h->ready;
}

void
helper_clear(struct helper *h)
{
	channel_close(&h->channel);
	timer_cancel(h->timers, &h->patience);
	for (size_t i = 0; i < HELPER_HANDED; i++) {
		probe_unref(h->handed[i]);
		h->handed[i] = NULL;
	}
}

/* ---- what comes up ---- */

/* One probe less waits. */
static void
place_given(struct helper *h, struct probe *p)
{
	p->waits_for_helper = 0;
	if (--h->taken == ROOM_AGAIN)
		h->transports->events->room(h->transports->context);
}

/*
 * Takes the probe of this cookie, with its reference. NULL when it is not the one whose
 * turn it is: answers come in the order of the requests.
 */
static struct probe *
take_handed(struct helper *h, uint32_t cookie)
{
	struct probe **place = &h->handed[cookie % HELPER_HANDED];
	struct probe *p = *place;

	if (cookie != h->next_answer || p == NULL)
		return NULL;
	h->next_answer++;
	*place = NULL;
	p->handed = 0;
	place_given(h, p);
	if (h->next_cookie - h->next_answer == HANDED_AGAIN)
		transports_resume(h->transports);
	return p;
}

/* What became of a probe that was handed over: it left, or did not (errno). */
static void
probe_told(struct helper *h, struct probe *p, int error)
{
	struct transports *t = h->transports;

	if (p->instance == NULL)
		return;
	if (error == 0 || p->state == PROBE_ANSWERED) {
		t->events->left(t->context, p);
		return;
	}
	if (p->state == PROBE_IN_FLIGHT)
		p->state = PROBE_FAILED;
	t->events->failed(t->context, p, error);
}

static int
on_sent(struct helper *h, struct reader *r)
{
	struct privsep_sent m;
	struct probe *p;

	if (privsep_sent_unpack(&m, r) != 0)
		return -EBADMSG;
	p = take_handed(h, m.cookie);
	if (p == NULL)
		return -EBADMSG;
	answer_came(h);
	/* Else from before we asked, or of the future: nonsense, or the clock was set.
	 */
	if (m.error == 0 && m.stamp >= p->sent && m.stamp <= clock_realtime()) {
		p->sent = m.stamp;
		p->sent_by_kernel = m.by_kernel;
	}
	probe_told(h, p, m.error);
	probe_unref(p);
	return 0;
}

/* Nothing more comes of it. What it has not said to have sent was not sent. */
static void
helper_lost(struct helper *h, const char *why)
{
	struct transports *t = h->transports;
	struct probe *p;

	if (h->channel.fd < 0)
		return;
	if (why != NULL)
		log_line("%s", why);
	channel_close(&h->channel);
	timer_cancel(h->timers, &h->patience);
	t->events->helper_lost(t->context);
	while ((p = take_handed(h, h->next_answer)) != NULL) {
		probe_told(h, p, EPIPE);
		probe_unref(p);
	}
}

/* A UDP datagram: its payload may show the probe, sent back. */
static int
datagram_reply(const struct endpoint *e, const struct privsep_reply *m, uint8_t *image,
    struct reply *r)
{
	size_t at = pattern_layer_offset(e->pattern, 2);
	size_t len = m->len < CAPTURED_MAX - at ? m->len : CAPTURED_MAX - at;

	if (e->transport->ip_protocol[0] != IPPROTO_UDP)
		return -EBADMSG;
	if (len > 0)
		memcpy(image + at, m->bytes, len);
	*r = (struct reply){
	    .kind = REPLY_DATA,
	    .ttl = m->ttl,
	    .tos = m->tos,
	    .ip_id = -1,
	    .received = m->received,
	    .from = m->from,
	    .from_port = m->from_port,
	    .dst_known = true,
	    .dst = m->from,
	    .dst_port = m->from_port,
	    .image = image,
	    .quote_at = at,
	    .quote_len = len,
	};
	return 0;
}

/* Whether a whole packet is for this endpoint, as the helper says. */
static int
captured_reply(const struct endpoint *e, const struct privsep_reply *m, uint8_t *image,
    struct reply *r)
{
	bool v6 = e->key.source.family == AF_INET6;
	uint8_t protocol = e->transport->ip_protocol[v6];
	struct captured c;
	struct captured_packet packet = {
	    .family = e->key.source.family,
	    .bytes = m->bytes,
	    .len = m->len,
	    .cut = m->len == PRIVSEP_REPLY_MAX,
	    .protocol = m->answer == PRIVSEP_SEGMENT ? IPPROTO_TCP : IPPROTO_ICMPV6,
	    .from = m->from,
	    .ttl = m->ttl,
	    .tos = m->tos,
	    .received = m->received,
	};

	if (captured_read(e->owner->tree, &packet, image, &c) != 0 ||
	    c.protocol != protocol || c.port != e->port)
		return -EBADMSG;
	captured_settle(&c, e->key.tcp_flags, image);
	*r = c.reply;
	return 0;
}

/* A reply to whatever probe has this reservation; false: it cannot be one. */
static bool
deliver(struct helper *h, const struct privsep_reply *m)
{
	static uint8_t image[CAPTURED_MAX];
	struct transports *t = h->transports;
	struct endpoint *e = h->places[m->id].endpoint;
	int64_t now = clock_realtime();
	struct reply r;
	int error;

	if (m->from.family != e->key.source.family)
		return false;
	if (m->answer == PRIVSEP_DATAGRAM)
		error = datagram_reply(e, m, image, &r);
	else
		error = captured_reply(e, m, image, &r);
	if (error != 0)
		return false;
	r.endpoint = e;
	r.received_here = m->by_kernel == 0;
	/* A time that cannot be: of the future, or before any probe was sent. */
	if (r.received > now ||
	    r.received < now - PRIVSEP_ANSWER_SECONDS * NS_PER_SECOND) {
		r.received = now;
		r.received_here = true;
	}
	t->events->reply(t->context, &r);
	return true;
}

static int
on_answer(struct helper *h, struct reader *r)
{
	struct transports *t = h->transports;
	struct privsep_reply m;

	if (privsep_reply_unpack(&m, r) != 0)
		return -EBADMSG;
	/* What answers a reservation that was given back is nobody's by now. */
	if (h->places[m.id].state != PLACE_HELD || !deliver(h, &m))
		t->events->stray(t->context);
	return 0;
}

static int
on_dropped(struct helper *h, struct reader *r)
{
	struct privsep_dropped m;

	if (privsep_dropped_unpack(&m, r) != 0)
		return -EBADMSG;
	h->transports->events->dropped(h->transports->context, m.count);
	return 0;
}

static int queue_release(struct helper *h, uint8_t id);

/* The reservation is held, or refused with an errno. */
static int
settle_reservation(struct helper *h, const struct privsep_reserved *m)
{
	struct transports *t = h->transports;
	struct endpoint *e = h->places[m->id].endpoint;

	if (m->error == 0 && e->key.port != 0 && m->port != e->key.port)
		return -EBADMSG;
	h->places[m->id].state = m->error == 0 ? PLACE_HELD : PLACE_FREE;
	if (m->error != 0)
		h->places[m->id].endpoint = NULL;
	e->port = m->port;
	if (m->error == 0)
		endpoint_got_port(e);
	t->events->opened(t->context, e, -m->error);
	return 0;
}

static int
on_reserved(struct helper *h, struct reader *r)
{
	struct privsep_reserved m;

	if (privsep_reserved_unpack(&m, r) != 0 || h->asked == 0)
		return -EBADMSG;
	answer_came(h);
	switch (h->places[m.id].state) {
	case PLACE_ASKED:
		h->asked--;
		return settle_reservation(h, &m);
	case PLACE_ABANDONED:
		h->asked--;
		h->places[m.id].state = PLACE_FREE;
		return m.error == 0 ? queue_release(h, m.id) : 0;
	default:
		return -EBADMSG;
	}
}

static int
on_record(void *context, const struct message *m)
{
	struct helper *h = context;
	struct reader r;

	reader_init(&r, m->body, m->len);
	if (!h->ready) {
		h->ready = m->type == PRIVSEP_HELLO &&
			   privsep_hello_unpack(&h->hello, &r) == 0;
		timer_cancel(h->timers, &h->patience);
		return h->ready ? 0 : -EBADMSG;
	}
	switch (m->type) {
	case PRIVSEP_RESERVED:
		return on_reserved(h, &r);
	case PRIVSEP_SENT:
		return on_sent(h, &r);
	case PRIVSEP_REPLY:
		return on_answer(h, &r);
	case PRIVSEP_DROPPED:
		return on_dropped(h, &r);
	default:
		return -EBADMSG;
	}
}

void
helper_service(struct helper *h)
{
	int result;

	if (h->channel.fd < 0)
		return;
	result = channel_receive(&h->channel, on_record, h);
	if (result == -EBADMSG || result == -EPROTO)
		helper_lost(h, "paris-privsep said something that makes no sense");
	else if (result < 0)
		helper_lost(h, "cannot read what paris-privsep says");
	else if (result > 0)
		helper_lost(h, NULL);
}

/* ---- what goes down ---- */

void
helper_flush(struct helper *h)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = h};
	bool pending;

	if (h->channel.fd < 0)
		return;
	/* -EPIPE is told by reading, after the helper's last words. */
	(void)channel_flush(&h->channel);
	pending = channel_pending(&h->channel);
	if (pending == h->watching_write)
		return;
	event.events = pending ? EPOLLIN | EPOLLOUT : EPOLLIN;
	(void)epoll_ctl(h->transports->epoll, EPOLL_CTL_MOD, h->channel.fd, &event);
	h->watching_write = pending;
}

static int
queue_record(struct helper *h, uint8_t type, const struct writer *w)
{
	if (h->channel.fd < 0)
		return -ENOTCONN;
	return channel_queue(&h->channel, type, w->start, writer_len(w));
}

static int
queue_release(struct helper *h, uint8_t id)
{
	struct privsep_release m = {.id = id};
	uint8_t body[MESSAGE_BODY_MAX];
	struct writer w;

	writer_init(&w, body, sizeof(body));
	privsep_release_pack(&m, &w);
	return queue_record(h, PRIVSEP_RELEASE, &w);
}

int
helper_reserve(struct helper *h, struct endpoint *e, uint8_t protocol)
{
	uint8_t body[MESSAGE_BODY_MAX];
	struct privsep_reserve m = {
	    .protocol = protocol,
	    .dont_fragment = e->key.dont_fragment,
	    .port = e->key.port,
	    .interface = e->key.device_index,
	    .family = e->key.source.family,
	    .source = e->key.source,
	};
	struct writer w;
	int error;

	while (m.id < PRIVSEP_RESERVATIONS && h->places[m.id].state != PLACE_FREE)
		m.id++;
	if (m.id == PRIVSEP_RESERVATIONS)
		return -EMFILE;
	if (addr_is_unspecified(&m.source))
		m.source = (struct addr){0};
	writer_init(&w, body, sizeof(body));
	privsep_reserve_pack(&m, &w);
	error = queue_record(h, PRIVSEP_RESERVE, &w);
	if (error != 0)
		return error;
	expect_answer(h);
	h->places[m.id].state = PLACE_ASKED;
	h->places[m.id].endpoint = e;
	h->asked++;
	e->reservation = m.id;
	return -EINPROGRESS;
}

void
helper_release(struct helper *h, const struct endpoint *e)
{
	uint8_t id = e->reservation;

	if (h->places[id].endpoint != e)
		return;
	h->places[id].endpoint = NULL;
	if (h->places[id].state == PLACE_ASKED) {
		h->places[id].state = PLACE_ABANDONED;
	} else if (h->places[id].state == PLACE_HELD) {
		h->places[id].state = PLACE_FREE;
		(void)queue_release(h, id);
	}
}

int
helper_take(struct helper *h, struct probe *p)
{
	if (!helper_has_room(h))
		return -EMFILE;
	h->taken++;
	p->waits_for_helper = 1;
	return 0;
}

void
helper_give(struct helper *h, struct probe *p)
{
	if (p->waits_for_helper && !p->handed)
		place_given(h, p);
}

int
helper_hand(struct helper *h, struct probe *p, struct privsep_send *m)
{
	uint8_t body[MESSAGE_BODY_MAX];
	struct writer w;
	int error;

	m->cookie = h->next_cookie;
	writer_init(&w, body, sizeof(body));
	privsep_send_pack(m, &w);
	error = queue_record(h, PRIVSEP_SEND, &w);
	if (error != 0)
		return error;
	expect_answer(h);
	h->handed[h->next_cookie++ % HELPER_HANDED] = probe_ref(p);
	p->handed = 1;
	return 0;
}
