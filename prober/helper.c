#include "prober/helper.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "common/clock.h"
#include "common/log.h"
#include "prober/captured.h"

/* Bytes of requests that may wait for the helper before probes are held back. */
#define REQUESTS_WAITING_MAX ((size_t)64 << 10)

/* Answers kept while a reservation is waited for; more are counted as lost. */
#define ANSWERS_MAX 1024

struct helper_answer {
	STAILQ_ENTRY(helper_answer) next;
	struct privsep_reply reply;
	uint8_t bytes[PRIVSEP_REPLY_MAX];
};

void
helper_init(struct helper *h, struct transports *t)
{
	*h = (struct helper){.channel = {.fd = -1}, .transports = t};
	STAILQ_INIT(&h->answers);
}

int
helper_attach(struct helper *h, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = h};
	int error = channel_init(&h->channel, fd);

	if (error == 0 &&
	    epoll_ctl(h->transports->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
		error = -errno;
	return error;
}

static void
cookies_forget(struct helper *h)
{
	for (size_t i = 0; i < HELPER_COOKIES; i++) {
		probe_unref(h->cookies[i]);
		h->cookies[i] = NULL;
	}
}

static struct helper_answer *
answer_take(struct helper *h)
{
	struct helper_answer *a = STAILQ_FIRST(&h->answers);

	if (a != NULL) {
		STAILQ_REMOVE_HEAD(&h->answers, next);
		h->answers_count--;
	}
	return a;
}

void
helper_clear(struct helper *h)
{
	struct helper_answer *a;

	cookies_forget(h);
	while ((a = answer_take(h)) != NULL)
		free(a);
	channel_close(&h->channel);
}

/* The helper ended or cannot be understood: nothing more comes of it. */
static void
helper_lost(struct helper *h)
{
	struct transports *t = h->transports;

	if (h->gone)
		return;
	h->gone = true;
	channel_close(&h->channel);
	cookies_forget(h);
	t->events->helper_lost(t->context);
}

/* ---- what comes up ---- */

/*
 * Takes the probe of this cookie, with its reference. NULL when it is not the one whose
 * turn it is: answers come in the order of the requests.
 */
static struct probe *
cookie_take(struct helper *h, uint32_t cookie)
{
	struct probe **place = &h->cookies[cookie % HELPER_COOKIES];
	struct probe *p = *place;

	if (cookie != h->next_answer || p == NULL)
		return NULL;
	h->next_answer++;
	*place = NULL;
	return p;
}

static int
on_sent(struct helper *h, struct reader *r)
{
	struct transports *t = h->transports;
	struct privsep_sent m;
	struct probe *p;

	if (privsep_sent_unpack(&m, r) != 0)
		return -EBADMSG;
	p = cookie_take(h, m.cookie);
	if (p == NULL)
		return -EBADMSG;
	if (m.error != 0 && p->state == PROBE_IN_FLIGHT && p->instance != NULL) {
		p->state = PROBE_FAILED;
		t->events->failed(t->context, p, m.error);
	} else if (m.stamp >= p->sent && m.stamp - p->sent < NS_PER_SECOND) {
		/* A stamp from before we asked, or long after, is nonsense. */
		p->sent = m.stamp;
		p->sent_by_kernel = m.by_kernel;
	}
	probe_unref(p);
	return 0;
}

/* A UDP datagram: its payload may show the probe, sent back. */
static void
datagram_reply(const struct endpoint *e, const struct privsep_reply *m, uint8_t *image,
    struct reply *r)
{
	size_t at = pattern_layer_offset(e->pattern, 2);
	size_t len = m->len < CAPTURED_MAX - at ? m->len : CAPTURED_MAX - at;

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
	*r = c.reply;
	return 0;
}

static void
deliver(struct helper *h, const struct privsep_reply *m)
{
	static uint8_t image[CAPTURED_MAX];
	struct transports *t = h->transports;
	struct endpoint *e = h->endpoints[m->id];
	struct reply r;
	int error = 0;

	if (e == NULL || m->from.family != e->key.source.family)
		return; /* released meanwhile */
	if (m->answer == PRIVSEP_DATAGRAM)
		datagram_reply(e, m, image, &r);
	else
		error = captured_reply(e, m, image, &r);
	if (error != 0) {
		t->events->stray(t->context);
		return;
	}
	r.endpoint = e;
	r.received_here = m->by_kernel == 0;
	t->events->reply(t->context, &r);
}

static int
on_answer(struct helper *h, struct reader *r)
{
	struct privsep_reply m;
	struct helper_answer *a;

	if (privsep_reply_unpack(&m, r) != 0)
		return -EBADMSG;
	if (!h->waiting) {
		deliver(h, &m);
		return 0;
	}
	/* Some algorithm is waiting for its reservation: do not call it back. */
	a = h->answers_count < ANSWERS_MAX ? malloc(sizeof(*a)) : NULL;
	if (a == NULL) {
		h->transports->events->dropped(h->transports->context, 1);
		return 0;
	}
	a->reply = m;
	memcpy(a->bytes, m.bytes, m.len);
	a->reply.bytes = a->bytes;
	STAILQ_INSERT_TAIL(&h->answers, a, next);
	h->answers_count++;
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

static int
on_reserved(struct helper *h, struct reader *r)
{
	if (!h->waiting || h->answered || privsep_reserved_unpack(&h->reserved, r) != 0)
		return -EBADMSG;
	h->answered = true;
	return 0;
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

static void
receive(struct helper *h)
{
	int result;

	if (h->channel.fd < 0)
		return;
	result = channel_receive(&h->channel, on_record, h);
	if (result == -EBADMSG || result == -EPROTO)
		log_line("paris-privsep said something that makes no sense");
	if (result != 0)
		helper_lost(h);
}

void
helper_deliver(struct helper *h)
{
	struct helper_answer *a;

	while ((a = answer_take(h)) != NULL) {
		deliver(h, &a->reply);
		free(a);
	}
}

void
helper_service(struct helper *h)
{
	receive(h);
	helper_flush(h);
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

int
helper_queue(struct helper *h, uint8_t type, const struct writer *w)
{
	if (h->channel.fd < 0)
		return -ENOTCONN;
	if (channel_waiting(&h->channel) > REQUESTS_WAITING_MAX)
		return -ENOBUFS;
	return channel_queue(&h->channel, type, w->start, writer_len(w));
}

int
helper_take_cookie(struct helper *h, struct probe *p)
{
	struct probe **place = &h->cookies[h->next_cookie % HELPER_COOKIES];

	if (*place != NULL)
		return -ENOBUFS;
	*place = probe_ref(p);
	p->cookie = h->next_cookie++;
	return 0;
}

void
helper_give_cookie(struct helper *h, struct probe *p)
{
	struct probe **place = &h->cookies[--h->next_cookie % HELPER_COOKIES];

	*place = NULL;
	probe_unref(p);
}

/* Serves the channel until something is true or time is up. */
static int
wait_for(struct helper *h, const bool *what)
{
	int64_t until = clock_monotonic() + HELPER_WAIT;

	h->waiting = true;
	while (!*what && h->channel.fd >= 0) {
		struct pollfd poll = {.fd = h->channel.fd, .events = POLLIN};
		int64_t left = clock_elapsed(clock_monotonic(), until);
		struct timespec ts = clock_to_timespec(left);

		(void)channel_flush(&h->channel);
		if (channel_pending(&h->channel))
			poll.events |= POLLOUT;
		if (left <= 0 || (ppoll(&poll, 1, &ts, NULL) < 0 && errno != EINTR))
			break;
		receive(h);
	}
	h->waiting = false;
	if (*what)
		return 0;
	return h->channel.fd < 0 ? -ENOTCONN : -ETIMEDOUT;
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
	int error = wait_for(h, &h->ready);

	if (error != 0)
		return error;
	while (m.id < PRIVSEP_RESERVATIONS && h->endpoints[m.id] != NULL)
		m.id++;
	if (m.id == PRIVSEP_RESERVATIONS)
		return -EMFILE;
	if (addr_is_unspecified(&m.source))
		m.source = (struct addr){0};
	writer_init(&w, body, sizeof(body));
	privsep_reserve_pack(&m, &w);
	h->answered = false;
	error = helper_queue(h, PRIVSEP_RESERVE, &w);
	if (error == 0)
		error = wait_for(h, &h->answered);
	if (error != 0)
		return error;
	if (h->reserved.id != m.id)
		return -EPROTO;
	if (h->reserved.error != 0)
		return -h->reserved.error;
	h->endpoints[m.id] = e;
	e->reservation = m.id;
	e->port = h->reserved.port;
	return 0;
}

void
helper_release(struct helper *h, const struct endpoint *e)
{
	struct privsep_release m = {.id = e->reservation};
	uint8_t body[MESSAGE_BODY_MAX];
	struct writer w;

	if (h->endpoints[e->reservation] != e)
		return;
	h->endpoints[e->reservation] = NULL;
	writer_init(&w, body, sizeof(body));
	privsep_release_pack(&m, &w);
	(void)helper_queue(h, PRIVSEP_RELEASE, &w);
}
