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
};

/*
 * Starts argv (ended by NULL), found by PATH. The process dies with us; SIGCHLD tells
 * its end. Returns 0 or -errno; a program that cannot be executed exits with status 127
 * or 126, as in a shell.
 */
int command_start(struct command *c, char *const *argv, const struct namespace *ns);

/* Passes a signal on; harmless before command_finish. */
void command_signal(const struct command *c, int signal_number);

/* Whether it has ended: then command_finish does not wait. */
bool command_ended(const struct command *c);

/* Reaps the command: its exit status, or 128 + N when signal N killed it. */
int command_finish(const struct command *c);

/*
 * Kills and reaps what the command left running. Returns how many processes. Works for
 * a process that is the subreaper (command_start makes us one).
 */
int command_kill_left(void);

#endif
