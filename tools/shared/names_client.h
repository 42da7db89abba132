/*
 * The tool's side of paris-names: ask for names and addresses without waiting, and get
 * each answer by a callback. Used by the tools only. It never hangs: a paris-names that
 * has died or is stuck makes its questions end in NAMES_FAILED or NAMES_TIMEOUT.
 *
 *     error = names_client_start(&client, &configure, NULL, &answers, path, room);
 *     names_client_reverse(client, &addr, 17);
 *     loop: poll names_client_fd for names_client_events until names_client_deadline,
 *           then names_client_process, which calls answers.name with question 17
 *     names_client_stop(client);
 */
#ifndef TOOLS_SHARED_NAMES_CLIENT_H
#define TOOLS_SHARED_NAMES_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "common/names_messages.h"

struct names_client;

/*
 * What names_client_process calls, once for every question asked. Names are hostile
 * bytes: escape them (tools/shared/escape.h). A callback may ask again, but must not
 * stop the client. A member may be NULL if no such question is ever asked.
 */
struct names_client_answers {
	void (*name)(void *context, const struct names_name *answer);
	void (*addrs)(void *context, const struct names_addrs *answer);
	void (*origin)(void *context, const struct names_origin *answer);
	void *context;
};

/*
 * Starts paris-names, without waiting for it. The timeout holds for each question.
 * databases: the open files that the configuration tells of, ended by -1, or NULL; they
 * stay the caller's. Returns 0, -EINVAL for a configuration out of bounds, or what
 * servant_start does, with path filled.
 */
int names_client_start(struct names_client **out, const struct names_configure *m,
    const int *databases, const struct names_client_answers *answers, char *path,
    size_t path_room);

/* Ends paris-names; open questions get no answer. Harmless with NULL. */
void names_client_stop(struct names_client *c);

/* The descriptor to poll, and for which events; -1 once paris-names is gone. */
int names_client_fd(const struct names_client *c);
short names_client_events(const struct names_client *c);

/*
 * When names_client_process must be called although nothing happened (CLOCK_MONOTONIC,
 * ns); INT64_MAX for never.
 */
int64_t names_client_deadline(const struct names_client *c);

/* Questions not answered yet. */
size_t names_client_outstanding(const struct names_client *c);

/*
 * Ask. `question` comes back with the answer; the caller chooses it and may use a
 * number twice. family is AF_UNSPEC for both. Returns 0, -EPIPE when paris-names is
 * gone, -ENAMETOOLONG or -EINVAL for a name that is too long or empty, -ENOMEM or
 * -ENOBUFS; on an error there is no answer.
 */
int names_client_reverse(
    struct names_client *c, const struct addr *addr, uint32_t question);
int names_client_whose(
    struct names_client *c, const struct addr *addr, uint32_t question);
int names_client_forward(
    struct names_client *c, const char *name, uint32_t family, uint32_t question);

/*
 * Sends and reads what is there without waiting, and calls back. Returns 0, or -EPIPE
 * at the call that finds paris-names gone: by then every open question was answered
 * NAMES_FAILED and the reason was logged; later calls return 0.
 */
int names_client_process(struct names_client *c);

/* How paris-names ended, once it is gone: "paris-names was killed by signal 9". */
const char *names_client_ended(const struct names_client *c);

/*
 * Waits for the addresses of one name, IPv4 first; for a tool's start. Answers to other
 * questions are called back meanwhile. Returns how many addresses were written (1 to
 * max), -ENOENT when there is no such name or no address of that family, -ETIMEDOUT,
 * -EIO when no server could answer, -EPIPE when paris-names went meanwhile (which is
 * not logged), or what names_client_forward does.
 */
int names_client_resolve(struct names_client *c, const char *name, uint32_t family,
    struct addr *addrs, size_t max);

/* The same of an answer that was called back. */
int names_client_resolved(
    const struct names_addrs *answer, struct addr *addrs, size_t max);

#endif
