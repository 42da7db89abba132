/*
 * The prober's end of paris-privsep, the helper that owns raw sockets: reservations of
 * ports, probes down, answers up (common/privsep_messages.h). Used by the transports in
 * transports/helper.c. What comes up is hostile network data and, should the helper
 * have been taken over, a hostile peer's: every record is checked, and one that cannot
 * be true ends the helper for us.
 *
 * Nothing here waits. Requests are queued and sent once a wake-up; the helper answers
 * them in their order. A reservation is therefore an endpoint that is `opening` until
 * the answer comes, and a probe is in flight, but has not left, until the helper says
 * so (probe.handed): then its wait begins. A helper that owes answers and gives none
 * for HELPER_PATIENCE is taken for dead.
 */
#ifndef PROBER_HELPER_H
#define PROBER_HELPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/message.h"
#include "common/privsep_messages.h"
#include "common/prober_messages.h"
#include "prober/timer.h"
#include "prober/transport.h"

/* Where a program that is started with a helper finds its channel. */
#define HELPER_FD (MESSAGE_CHILD_FD + 1)

/*
 * Probes that may wait for the helper, queued here or handed to it: less than a second
 * of its rate.
 */
#define HELPER_PROBES 4096

/*
 * Of these so many are handed to it at a time, for they cannot be taken back: enough
 * that it never waits for us, few enough that a trace which ends sends little more. A
 * power of 2.
 */
#define HELPER_HANDED 256

/*
 * How long the helper may give no answer while it owes one, and how long it may take
 * to start, ns: a busy machine must not look like a dead helper; but the tool, which
 * waits for the prober meanwhile, is to learn from it who is to blame.
 */
#define HELPER_PATIENCE (INT64_C(5) * 1000000000)
#define HELPER_START_PATIENCE (INT64_C(1000000000) * (PROBER_HELLO_SECONDS - 1))

/* What is known of a reservation. */
enum helper_place_state {
	PLACE_FREE,
	PLACE_ASKED,     /* its answer has not come */
	PLACE_ABANDONED, /* likewise, and nobody wants it any more */
	PLACE_HELD,
};

struct helper {
	struct channel channel; /* fd -1: there is none, or it is gone */
	struct transports *transports;
	struct timer_heap *timers;
	struct timer patience;
	int64_t heard; /* CLOCK_MONOTONIC: the last answer, or the first that is owed */
	bool watching_write;
	bool ready; /* PRIVSEP_HELLO has come */
	struct privsep_hello hello;
	struct {
		uint8_t state;             /* enum helper_place_state */
		struct endpoint *endpoint; /* PLACE_ASKED and PLACE_HELD */
	} places[PRIVSEP_RESERVATIONS];    /* by reservation */
	uint32_t asked;                    /* reservations whose answer is owed */
	uint32_t taken;                    /* probes that wait, queued or handed */
	uint32_t next_cookie;              /* of the next probe */
	uint32_t next_answer; /* cookie of the probe that is answered next */
	struct probe *handed[HELPER_HANDED]; /* by cookie; holds references */
};

/* No helper: every reservation fails with -ENOTCONN. */
void helper_init(
    struct helper *h, struct transports *transports, struct timer_heap *timers);

/* Takes the channel over and has it watched; epoll's data pointer is h. 0 or -errno. */
int helper_attach(struct helper *h, int fd);

void helper_clear(struct helper *h);

/* Whether the helper is still starting: ask it for nothing yet. */
bool helper_is_awaited(const struct helper *h);

/*
 * Asks for a reservation of e->key.port (0: the helper's choice) for an endpoint, which
 * receives port and reservation. Returns -EINPROGRESS, and the events tell what became
 * of it (`opened`); -EMFILE when all reservations are in use; -ENOTCONN without a
 * helper.
 */
int helper_reserve(struct helper *h, struct endpoint *e, uint8_t protocol);

/* Gives e's reservation back, or the wish for it. */
void helper_release(struct helper *h, const struct endpoint *e);

/*
 * Takes a place among the probes that wait: 0, or -EMFILE when HELPER_PROBES do; then
 * the events tell when it is worth asking again (`room`).
 */
int helper_take(struct helper *h, struct probe *p);

/* Whether helper_take would find a place. */
static inline bool
helper_has_room(const struct helper *h)
{
	return h->taken < HELPER_PROBES;
}

/* Gives the place back, unless the helper has the probe: then its answer does. */
void helper_give(struct helper *h, struct probe *p);

/* Whether the helper takes no more for now: it calls transports_resume when it does. */
static inline bool
helper_is_full(const struct helper *h)
{
	return h->next_cookie - h->next_answer == HELPER_HANDED;
}

/*
 * Hands a probe with a place to the helper, which is not full; m is complete but for
 * the cookie. 0, or -ENOTCONN when the helper is gone, or -ENOMEM.
 */
int helper_hand(struct helper *h, struct probe *p, struct privsep_send *m);

/* Sends what is queued, as far as the helper takes it. */
void helper_flush(struct helper *h);

/* epoll spoke of the channel: reads what is there and tells the transports' events. */
void helper_service(struct helper *h);

#endif
