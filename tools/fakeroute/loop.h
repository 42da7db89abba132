/*
 * The simulator's event loop: packets from the far end into the simulator, its replies
 * out when they are due, until the command has ended. It waits in ppoll and never
 * polls.
 */
#ifndef FAKEROUTE_LOOP_H
#define FAKEROUTE_LOOP_H

#include "tools/fakeroute/capture.h"
#include "tools/fakeroute/command.h"
#include "tools/fakeroute/farend.h"
#include "tools/fakeroute/simulator.h"

struct loop {
	struct farend *far;
	struct simulator *simulator;
	struct capture *capture; /* or NULL */
	struct command *command;
	int signal_fd; /* signalfd of SIGCHLD and of what is passed on to the command */
	int64_t behind; /* out: the longest that a reply was late for its time, ns */
};

/* Returns 0 when the command has ended, or -errno. */
int loop_run(struct loop *l);

#endif
