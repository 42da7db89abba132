/*
 * What the simulator saw, as JSON (paris-fakeroute(1) lists the keys): the truth that
 * tests compare a tool's output with.
 */
#ifndef FAKEROUTE_REPORT_H
#define FAKEROUTE_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/fakeroute/simulator.h"

struct report;

/*
 * Opens the file now, so that a wrong path shows before the run; "-" is standard error.
 * with_probes: keep every packet too. Returns NULL with errno set. The network must
 * outlive the report.
 */
struct report *report_open(const char *path, const struct network *n, bool with_probes);

/* A simulator_observer; context is the report. */
void report_observe(void *context, const struct simulator_seen *seen);

/* What only the end of the run tells. */
struct report_run {
	const struct simulator_counts *counts;
	const struct simtcp *tcp;
	int exit_status;
	int processes_left;      /* that the command left running */
	unsigned int ring_drops; /* packets that came too fast to be seen */
	uint64_t send_errors;
	int64_t behind; /* the longest that a reply was late for its time, ns */
	int64_t cpu;    /* time that the simulator used, ns */
};

/* Writes, closes and frees. Returns 0, or -errno when not all could be written. */
int report_close(struct report *r, const struct report_run *run);

/* Frees without writing. NULL is fine. */
void report_free(struct report *r);

#endif
