/*
 * The questions of paris-names: from the hosts file, from databases, from the cache,
 * from DNS through c-ares, or from a whois server. Equal questions in flight are asked
 * once; every question gets exactly one answer, at most the timeout after it was asked.
 * It neither waits nor opens files: the event loop of main.c asks it what to watch and
 * until when.
 */
#ifndef TOOLS_NAMES_LOOKUP_H
#define TOOLS_NAMES_LOOKUP_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/names_messages.h"

/*
 * DNS questions on the wire at once; more wait. Their answers must fit into the receive
 * buffer of one socket even when all come at the same time.
 */
#define LOOKUP_ASKED_MAX 256
/* Questions put to the servers between two looks at the sockets. */
#define LOOKUP_BURST 32
#define LOOKUP_QUESTIONS_MAX 65536 /* not answered yet; see lookup_is_full */
#define LOOKUP_CACHE_MAX 65536     /* subjects whose answer is kept */
#define LOOKUP_SERVERS_MAX 8       /* further servers are not asked */
#define LOOKUP_WATCH_MAX 48        /* sockets at once: of DNS and of whois */

struct lookup;

/*
 * Where answers go. Called from within lookup_reverse, lookup_forward, lookup_whose and
 * lookup_process; must not call back into the lookup.
 */
struct lookup_answers {
	void (*name)(void *context, const struct names_name *answer);
	void (*addrs)(void *context, const struct names_addrs *answer);
	void (*origin)(void *context, const struct names_origin *answer);
	void *context;
};

/*
 * Reads the system's resolver settings and the hosts file at hosts_path, and maps the
 * databases; the only part that opens files, so it comes before the sandbox. Returns 0,
 * -EINVAL for a server list that cannot be read, -errno for a file that cannot be
 * mapped, -ENOMEM, or -EIO when c-ares cannot start (it has been logged why). *out is
 * the caller's to free.
 */
int lookup_new(const struct names_configure *configure, const char *hosts_path,
    const struct lookup_answers *answers, struct lookup **out);

/* Frees all; questions not answered yet get no answer. Harmless with NULL. */
void lookup_free(struct lookup *l);

/* Once, inside the sandbox, before anything is asked: reads what the databases are. */
void lookup_open_databases(struct lookup *l);

/* Ask. Returns 0, or -ENOMEM (then there will be no answer). */
int lookup_reverse(struct lookup *l, const struct names_reverse *question);
int lookup_forward(struct lookup *l, const struct names_forward *question);
int lookup_whose(struct lookup *l, const struct names_reverse *question);

/* True while so many questions are open that no more should be read. */
bool lookup_is_full(const struct lookup *l);

/* Fills watch (LOOKUP_WATCH_MAX entries) with the sockets to wait for; how many. */
size_t lookup_watch(struct lookup *l, struct pollfd *watch);

/* When lookup_process must be called at the latest: CLOCK_MONOTONIC, or INT64_MAX. */
int64_t lookup_deadline(struct lookup *l);

/* Reads what the watched sockets have, ends what is overdue, asks what waits. */
void lookup_process(struct lookup *l, const struct pollfd *watch, size_t count);

#endif
