/*
 * The tool's end of its paris-prober: starts it, gives it the plan and the traces, and
 * turns what comes back into calls. Everything that comes up is treated as hostile: it
 * is decoded with every bound checked, and only in the order that prober_messages.h
 * allows. Used by the tools.
 */
#ifndef TOOLS_SHARED_PROBER_CLIENT_H
#define TOOLS_SHARED_PROBER_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/prober_messages.h"
#include "tools/shared/servant.h"

#define PROBER_CLIENT_ERROR_MAX 4400

/* What the client calls. Each returns 0, or a negative when the message is nonsense. */
struct prober_events {
	int (*started)(void *context, const struct prober_started *m);
	int (*result)(void *context, const struct prober_result *m);
	int (*done)(void *context, const struct prober_done *m);
};

struct prober_client {
	struct servant servant;
	struct servant helper; /* paris-privsep, where the plans need it */
	const struct prober_events *events;
	void *context;
	bool hello;           /* PROBER_HELLO has come: requests may leave */
	int64_t hello_before; /* CLOCK_MONOTONIC */
};

/*
 * Starts paris-prober for the transports of these plans and no others: its sandbox
 * allows only their sockets. Returns 0, or
 * -errno with one line for the user in error (PROBER_CLIENT_ERROR_MAX bytes): where it
 * was looked for and the remedy.
 */
int prober_client_start(struct prober_client *c, const struct prober_plan *plans,
    size_t plans_count, char *error);

/*
 * Who is told what the prober says; before the first service. Both outlive the client.
 */
void prober_client_listen(
    struct prober_client *c, const struct prober_events *events, void *context);

/* Requests. They leave in this order, once HELLO has come. Return 0 or -errno. */
int prober_client_plan(struct prober_client *c, const struct prober_plan *plan);
int prober_client_begin(struct prober_client *c, const struct prober_start *start);
int prober_client_stop(struct prober_client *c, uint32_t instance);

/* The descriptor to poll (-1: not running) and the events to poll it for. */
int prober_client_fd(const struct prober_client *c);
short prober_client_wants(const struct prober_client *c);

/*
 * Reads and writes what is possible without waiting. Returns 0, 1 when the prober has
 * closed its end, -EPROTO or -EBADMSG when what it says makes no sense, -ETIME when
 * HELLO did not come in time, or another -errno of the channel.
 */
int prober_client_service(struct prober_client *c);

/*
 * Closes the channel, which ends the prober, and waits for it. text (of room bytes)
 * receives how it ended: "died of signal 31 (Bad system call)", "exited with status 1".
 * Returns its wait status.
 */
int prober_client_end(struct prober_client *c, char *text, size_t room);

/* Whether a prober with this wait status has said on standard error why it ended. */
bool prober_client_has_explained(const struct prober_client *c, int status);

#endif
