/*
 * paris-ping: the process that the user starts. It reads options, plans, starts
 * paris-prober and paris-names, counts and prints; it never sees a packet.
 */
#include "tools/ping/ping.h"
#include "tools/shared/measurement.h"

static enum exit_status
run(struct measurement *m)
{
	enum exit_status status = measurement_choose_plan(m);
	struct addr target;

	if (status == GO_ON)
		status = measurement_start_prober(m);
	if (status == GO_ON)
		status = measurement_open_files(m);
	if (status == GO_ON && m->options.explain)
		return measurement_explain(m);
	if (status == GO_ON)
		status = measurement_find_target(m, m->options.host, &target);
	if (status != GO_ON)
		return status;
	/* As iputils has it: who gives a number wants to see numbers. */
	if (m->names.client == NULL)
		m->options.numeric = 1;
	return ping(m, &target);
}

/* ping(8) has one number for all that is not an answer or its absence. */
static int
exit_status(enum exit_status status)
{
	return status == EXIT_FAILED ? 2 : (int)status;
}

int
main(int argc, char **argv)
{
	static struct measurement m; /* large */
	bool done;
	enum exit_status status =
	    measurement_begin(&m, PROGRAM_PING, argc, argv, &done);

	if (status == GO_ON && !done)
		status = run(&m);
	measurement_clear(&m);
	return exit_status(status);
}
