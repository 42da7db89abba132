/*
 * The command that runs inside the simulated network: a process without any capability,
 * of an ordinary user, with the standard streams that we were given and nothing else of
 * ours.
 */
#ifndef FAKEROUTE_COMMAND_H
#define FAKEROUTE_COMMAND_H

#include <stdbool.h>
#include <sys/types.h>

#include "tools/fakeroute/namespace.h"

struct command {
	pid_t pid;
	int pidfd; /* readable when the command has ended */
};

/*
 * Starts argv (ended by NULL), found by PATH. The process dies with us. Returns 0 or
 * -errno; a program that cannot be executed exits with status 127 or 126, as in a
 * shell.
 */
int command_start(struct command *c, char *const *argv, const struct namespace *ns);

/* Passes a signal on; harmless after the end. */
void command_signal(const struct command *c, int signal_number);

/*
 * Reaps the command, which must have ended: its exit status, or 128 + N when signal N
 * killed it. Closes the pidfd.
 */
int command_finish(struct command *c);

/*
 * Kills and reaps what the command left running. Returns how many processes. Works for
 * a process that is the subreaper (command_start makes us one).
 */
int command_kill_left(void);

#endif
