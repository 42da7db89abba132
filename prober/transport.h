/*
 * Transports: ways to send probes and to receive replies. An endpoint is one open way
 * from one of our ports; endpoints are shared by all instances that send alike, so
 * thousands of probes need few sockets. Sending is queued and flushed in batches once a
 * wake-up.
 *
 * A further transport (TCP, raw sockets, the privileged helper) is one file in
 * prober/transports/ and one line in its table.
 */
#ifndef PROBER_TRANSPORT_H
#define PROBER_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/addr.h"
#include "common/sandbox.h"
#include "prober/probe.h"
#include "prober/reply.h"
#include "prober/tree.h"

#define STAMP_RING \
	1024 /* sends whose kernel stamp may be outstanding; a power of 2 \
	      */

/* Two probes that agree in all of this can leave through one endpoint. */
struct endpoint_key {
	uint8_t transport; /* enum prober_transport */
	uint8_t dont_fragment;
	uint8_t dont_route;
	uint16_t port; /* our port, or ICMP id; 0: the kernel's or helper's choice */
	uint8_t ip_protocol; /* of protocols that have no transport of their own */
	uint8_t tcp_flags;   /* that its probes have: answers count SYN and FIN */
	uint16_t coverage;   /* UDP-Lite: of the checksum; 0: all */
	struct addr
	    source; /* family always; address AF_UNSPEC-like zero: by the route */
	char device[PROBER_NAME_MAX + 1];
	uint32_t device_index; /* of the same interface, 0: any */
};

/*
 * A descriptor that epoll watches for an endpoint: its own, or one probe's. epoll's
 * data pointer is the watch.
 */
struct watch {
	struct endpoint *endpoint;
	struct probe *probe; /* whose own it is, or NULL; no reference */
	int fd;              /* -1: closed, and gone with the next transports_reap */
	TAILQ_ENTRY(watch) next;
};

TAILQ_HEAD(watch_list, watch);

struct helper;
struct raw;

struct endpoint {
	struct endpoint_key key; /* as asked; of port 0, with the port it got */
	const struct transport *transport;
	const struct pattern *pattern;
	struct transports *owner;
	uint32_t refs;
	bool idle;               /* found so when descriptors run short */
	struct watch watch;      /* its own descriptor */
	uint16_t port;           /* really bound */
	uint8_t reservation;     /* at the helper */
	struct probe_list queue; /* to be sent, oldest first */
	bool opened;             /* by its transport, which has to close it */
	bool opening;            /* ... but may not be used yet: see `opened` below */
	int error;               /* -errno: it could not be opened after all */
	bool dirty;              /* in the owner's list of endpoints to flush */
	bool paused;             /* the device takes no more (ENOBUFS): wait a little */
	unsigned int unread; /* entries of the error queue to be expected, at most */
	bool blocked;        /* the socket takes no more: wait until it is writable */
	/* Fields that this transport gives to and takes from the kernel, looked up
	 * once. */
	struct field_ref ttl;
	struct field_ref tos;
	struct field_ref flow_label; /* IPv6 */
	bool has_ports;              /* the next two are there */
	struct field_ref src_port;
	struct field_ref dst_port;
	uint64_t seen; /* mask of those that every ICMP error shows */
	/* Kernel send stamps: sends are numbered, a stamp tells its number. */
	bool stamps_trusted;
	uint32_t next_stamp;
	struct probe *stamp_of[STAMP_RING]; /* holds references */
	uint32_t mtu; /* of the link that last refused a packet as too large; 0: none */
	uint32_t dropped; /* SO_RXQ_OVFL: the kernel's running count */
	UT_hash_handle hh;
	TAILQ_ENTRY(endpoint) in_dirty;
	TAILQ_ENTRY(endpoint) in_unused;
};

TAILQ_HEAD(endpoint_list, endpoint);

/* What the owner of the transports is told. None may close an endpoint. */
struct transport_events {
	void (*reply)(void *context, const struct reply *r);
	/*
	 * It is in flight from now on; out of the queue. The helper tells it, and the
	 * next, of those too for which nobody waits any more.
	 */
	void (*left)(void *context, struct probe *p);
	/* The packet never left; errno. The probe is out of the queue. */
	void (*failed)(void *context, struct probe *p, int error);
	void (*dropped)(void *context, uint32_t count); /* lost here: buffer full */
	/* The kernel sent this probe's packet again by itself, `count` times. */
	void (*resent)(void *context, struct probe *p, uint32_t count);
	void (*stray)(void *context); /* malformed, or for nobody */
	/* An endpoint that was opening is open or, with -errno, cannot be had. */
	void (*opened)(void *context, struct endpoint *e, int error);
	/* What could not be prepared (-EMFILE) may be tried again. */
	void (*room)(void *context);
	void (*helper_lost)(void *context); /* nothing more comes from it */
};

struct transport {
	const char *name;        /* "udp", in texts and in json */
	const char *title;       /* "UDP", in messages */
	uint8_t id;              /* enum prober_transport */
	uint8_t ip_protocol[2];  /* IPPROTO_* over IPv4 and IPv6 */
	const char *patterns[2]; /* what it sends over IPv4 and IPv6 */
	/*
	 * Fields that it can set in a probe, and those it can read back; end with NULL.
	 */
	const char *const *settable;
	const char *const *readable;
	/*
	 * Fields that may carry the tag when the flow varies [0] or is constant [1],
	 * the best first; end with NULL. When the user has set them all, or there are
	 * none, one probe of a flow is out at a time and known by itself.
	 */
	const char *const *tags[2];
	const char *receives; /* for --explain: what is read, beside errors */
	/* For --explain: why one probe of a flow at a time; NULL: that is not so. */
	const char *one_at_a_time;
	uint8_t flow_field;  /* enum prober_flow_field: where its flows differ best */
	uint8_t quote_layer; /* the kernel shows quotes from this layer on */
	bool by_helper;      /* paris-privsep sends and receives */
	const char *helper_argument; /* what the helper is started with, or NULL */
	bool by_raw;                 /* raw sockets of our own send and receive */
	bool socket_per_probe; /* the endpoint's own descriptor only keeps the port */
	int64_t wait_max;      /* longest wait for a reply, ns; 0: any */
	/* System calls that it needs beyond those of every prober. */
	const struct sandbox_rule *rules;
	size_t rules_count;
	/*
	 * Opens e->watch.fd, bound to e->key.port. 0 or -errno; -EINPROGRESS: the event
	 * `opened` will tell.
	 */
	int (*open)(struct endpoint *e);
	/* The endpoint is about to be closed. NULL: nothing to do. */
	void (*close)(struct endpoint *e);
	/*
	 * Takes what only this probe needs; its packets are built, it is not queued
	 * yet. 0 or -errno: -EMFILE until others are released. NULL: nothing.
	 */
	int (*prepare)(struct probe *p);
	/*
	 * Sends what is queued. 0, -EAGAIN or -ENOBUFS; failed probes go to events.
	 */
	int (*send)(struct endpoint *e);
	/* Reads everything that is there; events: EPOLLIN, EPOLLERR, EPOLLHUP. */
	void (*receive)(struct watch *w, uint32_t events);
	/*
	 * The probe's outcome is known: gives back what only it needed. NULL: nothing.
	 */
	void (*release)(struct probe *p);
};

/* Every transport there is, NULL at the end. Defined in prober/transports/table.c. */
extern const struct transport *const transport_table[];

/* The transport of that id, or NULL. */
const struct transport *transport_find(uint8_t id);

/* All endpoints of a prober. */
struct transports {
	const struct tree *tree;
	const struct transport_events *events;
	void *context;
	int epoll; /* each data pointer is a watch */
	struct helper *helper;
	struct raw *raw;
	bool stamp_ids_chosen;
	struct endpoint *endpoints; /* by key */
	struct endpoint_list dirty;
	struct endpoint_list paused; /* until transports_resume */
	struct endpoint_list unused; /* without references, to be closed */
	struct watch_list closed;    /* epoll's events may still name them */
	struct watch_list spare;     /* to be used again */
	/*
	 * Descriptors of single probes, and how many there may be: a third of what the
	 * process may have, so that endpoints can be opened at any time.
	 */
	size_t owned;
	size_t owned_max;
	size_t endpoints_max; /* for transports_open_more */
};

/* Asks for the limit of descriptors: before the sandbox. */
void transports_init(struct transports *t, const struct tree *tree, int epoll,
    const struct transport_events *events, void *context);

/* Closes every endpoint whatever its references. */
void transports_clear(struct transports *t);

/*
 * The endpoint of that key, opened if there is none yet, with a reference for the
 * caller. Returns 0 or -errno: -EADDRINUSE when another program has the port, -EACCES,
 * -EMFILE ... While it is `opening`, nothing may be queued on it. Port 0 makes a new
 * one where there are ports: then it is found by the port that it got.
 */
int transports_open(
    struct transports *t, const struct endpoint_key *key, struct endpoint **out);

/*
 * Likewise, for one of very many (a flow, a tag that is a port): -EMFILE already when
 * those leave too few descriptors for the rest.
 */
int transports_open_more(
    struct transports *t, const struct endpoint_key *key, struct endpoint **out);

/* For transports: what was `opening` has got its port. */
void endpoint_got_port(struct endpoint *e);

struct endpoint *endpoint_ref(struct endpoint *e);

/*
 * Drops a reference. An endpoint without any is closed by the next transports_reap,
 * unless it was opened again before. NULL is fine.
 */
void endpoint_unref(struct endpoint *e);

/*
 * Closes what is not used any more; true when that was anything. Not while epoll's
 * events are being gone through.
 */
bool transports_reap(struct transports *t);

/* Queues a probe (the store holds it) for the next flush. */
void endpoint_queue(struct endpoint *e, struct probe *p);

/* Takes a probe that has not been sent out of the queue. */
void endpoint_unqueue(struct endpoint *e, struct probe *p);

/*
 * Sends everything queued on every endpoint that takes it. True when some device takes
 * no more for now (ENOBUFS), which nothing tells the end of: call transports_resume
 * after a few milliseconds, then flush again.
 */
bool transports_flush(struct transports *t);
void transports_resume(struct transports *t);

/* What epoll said of a descriptor (EPOLLIN, EPOLLERR, EPOLLOUT). */
void watch_ready(struct watch *w, uint32_t events);

/* Whether another probe may have a descriptor of its own now. */
bool transports_may_own(const struct transports *t);

/*
 * Gives a probe a descriptor of its own, which belongs to the probe from now on: 0 or
 * -ENOMEM (then it is closed).
 */
int probe_own(struct probe *p, int fd);

/* Has that descriptor watched for EPOLLOUT and errors. 0 or -errno. */
int probe_watch(struct probe *p);

/* Closes it. Nothing when the probe has none. */
void probe_disown(struct probe *p);

#endif
