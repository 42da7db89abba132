/*
 * Asks a whois server (RFC 3912) whose an address is, as traceroute(8) -A does: one
 * connection a question, a few at a time, the others wait. Part of paris-names; used by
 * lookup.c. Neither waits nor opens files; the sockets are as its sandbox has them.
 */
#ifndef TOOLS_NAMES_WHOIS_H
#define TOOLS_NAMES_WHOIS_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/names_messages.h"
#include "tools/names/origin.h"

#define WHOIS_AT_ONCE 4 /* connections; public servers have limits of their own */

struct whois;

/*
 * The end of a question: NAMES_OK with what was found, or why nothing was. Called by
 * whois_serve, whois_refuse and whois_process only, and must not call back.
 */
typedef void whois_done(
    void *context, enum names_status status, const struct origin *origin);

/* server: for messages; must outlive it. Returns NULL when out of memory. */
struct whois *whois_new(const char *server, uint16_t port);

/* Closes all; questions get no answer. Harmless with NULL. */
void whois_free(struct whois *w);

/*
 * Asks, once there is an address to ask at; to be answered before the deadline
 * (CLOCK_MONOTONIC). Returns 0 or -ENOMEM (then there will be no answer).
 */
int whois_ask(struct whois *w, const struct addr *about, int64_t deadline,
    whois_done *done, void *context);

/* Whether the server's addresses are known. */
bool whois_has_server(const struct whois *w);

/* The server's addresses, of which the first that answers is asked (at most 16). */
void whois_serve(struct whois *w, const struct addr *addrs, size_t count);

/* The server has no address for now: ends all questions, and says why once. */
void whois_refuse(struct whois *w, enum names_status status, const char *why);

/* As lookup_watch (at most WHOIS_AT_ONCE entries), lookup_deadline, lookup_process. */
size_t whois_watch(const struct whois *w, struct pollfd *watch);
int64_t whois_deadline(const struct whois *w);
void whois_process(struct whois *w, const struct pollfd *watch, size_t count);

#endif
