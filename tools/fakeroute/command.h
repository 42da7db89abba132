/*
 * The command that runs inside the simulated network: a process of an ordinary user,
 * without any capability, with the standard streams that we were given and nothing else
 * of ours; and its keeper, a process between it and us that ends all of it when either
 * of us is killed.
 */
#ifndef FAKEROUTE_COMMAND_H
#define FAKEROUTE_COMMAND_H

#include <stdbool.h>
#include <sys/types.h>

#include "tools/fakeroute/namespace.h"

struct command {
	pid_t keeper;
	int result_fd; /* where the keeper tells the end of the command; or -1 */
};

/* How a command ended. */
struct command_result {
	int status; /* exit status, or 128 + N when signal N killed it */
	int left;   /* processes that it left running, which were killed */
};

/*
 * Starts argv (ended by NULL), found by PATH. SIGCHLD tells its end; SIGCHLD, SIGINT,
 * SIGTERM, SIGHUP and SIGQUIT must be blocked. ns->keep_caps: programs with the file
 * capability cap_net_raw keep it. Returns 0 or -errno; a program that cannot be
 * executed exits with status 127 or 126, as in a shell.
 */
int command_start(struct command *c, char *const *argv, const struct namespace *ns);

/* Passes a signal on; harmless before command_finish. */
void command_signal(const struct command *c, int signal_number);

/* Whether it has ended: then command_finish does not wait. */
bool command_ended(const struct command *c);

/* Waits for its end; nothing that it started is there afterwards. */
struct command_result command_finish(struct command *c);

#endif
