#include "prober/transport.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

const struct transport *
transport_find(uint8_t id)
{
	for (const struct transport *const *t = transport_table; *t != NULL; t++)
		if ((*t)->id == id)
			return *t;
	return NULL;
}

void
transports_init(struct transports *t, const struct tree *tree, int epoll,
    const struct transport_events *events, void *context)
{
	struct rlimit limit = {.rlim_cur = 0};

	(void)getrlimit(RLIMIT_NOFILE, &limit);
	*t = (struct transports){.tree = tree,
	    .events = events,
	    .context = context,
	    .epoll = epoll,
	    .owned_max = limit.rlim_cur / 3 + 1,
	    .endpoints_max = limit.rlim_cur / 2 + 1};
	TAILQ_INIT(&t->dirty);
	TAILQ_INIT(&t->paused);
	TAILQ_INIT(&t->unused);
	TAILQ_INIT(&t->closed);
	TAILQ_INIT(&t->spare);
}

static void
endpoint_close(struct endpoint *e)
{
	struct probe *p;

	HASH_DEL(e->owner->endpoints, e);
	if (e->dirty)
		TAILQ_REMOVE(&e->owner->dirty, e, in_dirty);
	if (e->paused)
		TAILQ_REMOVE(&e->owner->paused, e, in_dirty);
	while ((p = TAILQ_FIRST(&e->queue)) != NULL)
		TAILQ_REMOVE(&e->queue, p, in_queue);
	for (size_t i = 0; i < STAMP_RING; i++)
		probe_unref(e->stamp_of[i]);
	if (e->opened && e->transport->close != NULL)
		e->transport->close(e);
	if (e->watch.fd >= 0)
		close(e->watch.fd);
	free(e);
}

static void
watches_free(struct watch_list *list)
{
	struct watch *w;

	while ((w = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, w, next);
		free(w);
	}
}

void
transports_clear(struct transports *t)
{
	struct endpoint *e, *next;

	HASH_ITER (hh, t->endpoints, e, next)
		endpoint_close(e);
	watches_free(&t->closed);
	watches_free(&t->spare);
}

/* Looks up what is written and read a thousand times later. */
static void
find_fields(struct endpoint *e)
{
	static const char *const own[] = {"src_port", "dst_port", NULL};
	static const char *const label[] = {"ipv6.flow_label", NULL};
	const struct pattern *p = e->pattern;
	bool v6 = e->key.source.family == AF_INET6;

	(void)pattern_find_field(p, v6 ? "ipv6.hop_limit" : "ipv4.ttl", &e->ttl);
	(void)pattern_find_field(p, v6 ? "ipv6.traffic_class" : "ipv4.tos", &e->tos);
	(void)pattern_find_field(p, "ipv6.flow_label", &e->flow_label);
	e->has_ports = pattern_find_own_field(p, own[0], &e->src_port) == 0 &&
		       pattern_find_own_field(p, own[1], &e->dst_port) == 0;
	e->seen = pattern_names_mask(p, label);
	if (e->has_ports)
		e->seen |= pattern_field_mask(p, e->src_port) |
			   pattern_field_mask(p, e->dst_port);
}

/* Opens the socket and has it watched. */
static int
endpoint_open(struct endpoint *e)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = &e->watch};
	int error;

	find_fields(e);
	error = e->transport->open(e);
	e->opening = error == -EINPROGRESS;
	e->opened = error == 0 || e->opening;
	if (e->opening)
		return 0;
	if (error == 0 && e->watch.fd >= 0 && !e->transport->socket_per_probe &&
	    epoll_ctl(e->owner->epoll, EPOLL_CTL_ADD, e->watch.fd, &event) != 0)
		error = -errno;
	return error;
}

void
endpoint_got_port(struct endpoint *e)
{
	if (!e->has_ports || e->key.port != 0)
		return;
	HASH_DEL(e->owner->endpoints, e);
	e->key.port = e->port;
	HASH_ADD(hh, e->owner->endpoints, key, sizeof(e->key), e);
}

int
transports_open(
    struct transports *t, const struct endpoint_key *key, struct endpoint **out)
{
	struct endpoint *e;
	int error;

	HASH_FIND(hh, t->endpoints, key, sizeof(*key), e);
	if (e != NULL && e->has_ports && key->port == 0)
		e = NULL; /* it has no port yet, and will not be shared */
	if (e != NULL && e->error != 0)
		return e->error; /* it goes with the next transports_reap */
	if (e != NULL) {
		if (e->refs++ == 0)
			TAILQ_REMOVE(&t->unused, e, in_unused);
		*out = e;
		return 0;
	}
	e = calloc(1, sizeof(*e));
	if (e == NULL)
		return -ENOMEM;
	e->key = *key;
	e->owner = t;
	e->refs = 1;
	e->watch = (struct watch){.endpoint = e, .fd = -1};
	TAILQ_INIT(&e->queue);
	e->transport = transport_find(key->transport);
	if (e->transport != NULL)
		e->pattern = tree_find(
		    t->tree, e->transport->patterns[key->source.family == AF_INET6]);
	HASH_ADD(hh, t->endpoints, key, sizeof(e->key), e);
	error = e->pattern == NULL ? -EINVAL : endpoint_open(e);
	if (error != 0) {
		endpoint_close(e);
		return error;
	}
	if (!e->opening)
		endpoint_got_port(e);
	*out = e;
	return 0;
}

int
transports_open_more(
    struct transports *t, const struct endpoint_key *key, struct endpoint **out)
{
	struct endpoint *e;

	HASH_FIND(hh, t->endpoints, key, sizeof(*key), e);
	if (e == NULL && HASH_COUNT(t->endpoints) >= t->endpoints_max)
		return -EMFILE;
	return transports_open(t, key, out);
}

struct endpoint *
endpoint_ref(struct endpoint *e)
{
	if (e->refs == 0 || e->refs == UINT32_MAX)
		abort();
	e->refs++;
	return e;
}

void
endpoint_unref(struct endpoint *e)
{
	if (e == NULL)
		return;
	if (e->refs == 0)
		abort();
	if (--e->refs == 0)
		TAILQ_INSERT_TAIL(&e->owner->unused, e, in_unused);
}

bool
transports_reap(struct transports *t)
{
	bool any = !TAILQ_EMPTY(&t->unused);
	struct endpoint *e;

	while ((e = TAILQ_FIRST(&t->unused)) != NULL) {
		TAILQ_REMOVE(&t->unused, e, in_unused);
		endpoint_close(e);
	}
	TAILQ_CONCAT(&t->spare, &t->closed, next);
	return any;
}

bool
transports_may_own(const struct transports *t)
{
	return t->owned < t->owned_max;
}

int
probe_own(struct probe *p, int fd)
{
	struct transports *t = p->endpoint->owner;
	struct watch *w = TAILQ_FIRST(&t->spare);

	if (w != NULL)
		TAILQ_REMOVE(&t->spare, w, next);
	else
		w = malloc(sizeof(*w));
	if (w == NULL) {
		close(fd);
		return -ENOMEM;
	}
	*w = (struct watch){.endpoint = p->endpoint, .probe = p, .fd = fd};
	p->watch = w;
	t->owned++;
	return 0;
}

int
probe_watch(struct probe *p)
{
	struct epoll_event event = {.events = EPOLLOUT, .data.ptr = p->watch};
	int epoll = p->endpoint->owner->epoll;

	return epoll_ctl(epoll, EPOLL_CTL_ADD, p->watch->fd, &event) != 0 ? -errno : 0;
}

void
probe_disown(struct probe *p)
{
	struct transports *t = p->endpoint->owner;
	struct watch *w = p->watch;

	if (w == NULL)
		return;
	close(w->fd);
	w->fd = -1;
	w->probe = NULL;
	p->watch = NULL;
	t->owned--;
	TAILQ_INSERT_TAIL(&t->closed, w, next);
}

static void
mark_dirty(struct endpoint *e)
{
	if (e->dirty || e->blocked || e->paused)
		return;
	e->dirty = true;
	TAILQ_INSERT_TAIL(&e->owner->dirty, e, in_dirty);
}

void
endpoint_queue(struct endpoint *e, struct probe *p)
{
	TAILQ_INSERT_TAIL(&e->queue, p, in_queue);
	mark_dirty(e);
}

void
endpoint_unqueue(struct endpoint *e, struct probe *p)
{
	TAILQ_REMOVE(&e->queue, p, in_queue);
}

/* Watches for the socket to take more, or stops watching. */
static void
watch_writable(struct endpoint *e, bool on)
{
	struct epoll_event event = {
	    .events = on ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = &e->watch};

	e->blocked = on;
	(void)epoll_ctl(e->owner->epoll, EPOLL_CTL_MOD, e->watch.fd, &event);
}

/* Sends an endpoint's queue; what it does not take waits for what will tell. */
static void
endpoint_send(struct endpoint *e)
{
	int error = e->transport->send(e);

	if (error == -EAGAIN) {
		watch_writable(e, true);
	} else if (error == -ENOBUFS) {
		e->paused = true;
		TAILQ_INSERT_TAIL(&e->owner->paused, e, in_dirty);
	}
}

bool
transports_flush(struct transports *t)
{
	struct endpoint *e;

	while ((e = TAILQ_FIRST(&t->dirty)) != NULL) {
		TAILQ_REMOVE(&t->dirty, e, in_dirty);
		e->dirty = false;
		endpoint_send(e);
	}
	return !TAILQ_EMPTY(&t->paused);
}

void
transports_resume(struct transports *t)
{
	struct endpoint *e;

	while ((e = TAILQ_FIRST(&t->paused)) != NULL) {
		TAILQ_REMOVE(&t->paused, e, in_dirty);
		e->paused = false;
		mark_dirty(e);
	}
}

void
watch_ready(struct watch *w, uint32_t events)
{
	struct endpoint *e = w->endpoint;

	if (w->fd < 0)
		return; /* closed since epoll spoke of it */
	endpoint_ref(e);
	if (w != &e->watch || (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0)
		e->transport->receive(w, events);
	if ((events & EPOLLOUT) != 0 && e->blocked) {
		watch_writable(e, false);
		if (!TAILQ_EMPTY(&e->queue))
			mark_dirty(e);
	}
	endpoint_unref(e);
}
