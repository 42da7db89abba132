/*
 * The c-ares channel of paris-names: made to use exactly the system calls that the
 * sandbox allows, and to tell which sockets it waits for. Used by lookup.c only.
 */
#ifndef TOOLS_NAMES_RESOLVER_H
#define TOOLS_NAMES_RESOLVER_H

#include <ares.h>
#include <poll.h>
#include <stddef.h>

#include "common/names_messages.h"
#include "tools/names/lookup.h"

#define RESOLVER_WATCH_MAX 32 /* sockets at once: UDP and TCP of every server */

struct resolver {
	ares_channel ares;
	struct pollfd watch[RESOLVER_WATCH_MAX]; /* sockets that c-ares waits for */
	size_t watch_count;
};

/*
 * Reads the system's configuration (before the sandbox) and opens the channel. Returns
 * 0, or -errno, having said why.
 */
int resolver_open(struct resolver *r, const struct names_configure *configure);

#endif
