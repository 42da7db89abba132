/*
 * The prober's end of paris-privsep, the helper that owns raw sockets: reservations of
 * ports, probes down, answers up (common/privsep_messages.h). Used by the transports in
 * transports/helper.c. What comes up is hostile network data and, should the helper
 * have been taken over, a hostile peer's: every record is checked.
 */
#ifndef PROBER_HELPER_H
#define PROBER_HELPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/message.h"
#include "common/privsep_messages.h"
#include "prober/transport.h"

/* Where a program that is started with a helper finds its channel. */
#define HELPER_FD (MESSAGE_CHILD_FD + 1)

/* Probes of which the helper has not said yet that they left; a power of 2. */
#define HELPER_COOKIES 4096

/* How long the helper may take for a word that is waited for, ns. */
#define HELPER_WAIT (INT64_C(2) * 1000000000)

/* An answer that came while something else was waited for. */
struct helper_answer;

struct helper {
	struct channel channel; /* fd -1: there is none, or it is gone */
	struct transports *transports;
	bool watching_write;
	bool ready; /* PRIVSEP_HELLO has come */
	bool gone;  /* it ended, or said nonsense */
	struct privsep_hello hello;
	struct endpoint *endpoints[PRIVSEP_RESERVATIONS]; /* by reservation */
	struct privsep_reserved reserved; /* the word that is waited for */
	bool waiting;
	bool answered;
	STAILQ_HEAD(, helper_answer) answers;
	size_t answers_count;
	uint32_t next_cookie; /* of the next probe */
	uint32_t next_answer; /* cookie of the probe that is answered next */
	struct probe *cookies[HELPER_COOKIES]; /* not answered yet; holds references */
};

/* No helper: every reservation fails with -ENOTCONN. */
void helper_init(struct helper *h, struct transports *t);

/* Takes the channel over and has it watched; epoll's data pointer is h. 0 or -errno. */
int helper_attach(struct helper *h, int fd);

void helper_clear(struct helper *h);

/*
 * Reserves e->key.port (0: the helper's choice) of this protocol for an endpoint;
 * e->port and e->reservation receive what it got. Waits for the helper's word, which
 * takes microseconds. Returns 0, -EADDRINUSE ..., -EMFILE when all reservations are in
 * use, -ENOTCONN without a helper, or -ETIMEDOUT.
 */
int helper_reserve(struct helper *h, struct endpoint *e, uint8_t protocol);

/* Gives e's reservation back, if it has one. */
void helper_release(struct helper *h, const struct endpoint *e);

/*
 * Gives a probe that is about to be sent its cookie. 0, or -ENOBUFS when too many are
 * out.
 */
int helper_take_cookie(struct helper *h, struct probe *p);

/* Gives the cookie that was taken last back: its probe is not sent after all. */
void helper_give_cookie(struct helper *h, struct probe *p);

/* Queues one record. 0, or -ENOBUFS while the helper is behind: try again later. */
int helper_queue(struct helper *h, uint8_t type, const struct writer *w);

/* Sends what is queued, as far as the helper takes it. */
void helper_flush(struct helper *h);

/* epoll spoke of the channel; delivers what waits to the transports' events. */
void helper_service(struct helper *h);

/* Delivers answers that came while a reservation was waited for. */
void helper_deliver(struct helper *h);

#endif
