/*
 * paris-traceroute: the process that the user starts. It reads options, plans, starts
 * paris-prober and paris-names, and prints; it never sees a packet.
 */
#include "tools/live/live.h"
#include "tools/mda/mda.h"
#include "tools/shared/measurement.h"
#include "tools/traceroute/trace.h"

static enum exit_status
run(struct measurement *m)
{
	const struct trace_options *o = &m->options;
	enum exit_status status = measurement_choose_plan(m);
	struct addr target;

	if (status == GO_ON)
		status = measurement_start_prober(m);
	if (status == GO_ON)
		status = measurement_open_files(m);
	if (status != GO_ON)
		return status;
	if (o->explain)
		return measurement_explain(m);
	if (trace_options_multipath(o))
		return mda_run(m);
	if (trace_options_many(o))
		return trace(m, NULL);
	status = measurement_find_target(m, o->host, &target);
	if (status != GO_ON)
		return status;
	return o->live ? live(m, &target) : trace(m, &target);
}

/*
 * Our exit status, or what traceroute(8)'s would be: it ends well whether or not the
 * host was reached, and a signal kills it.
 */
static int
exit_status(const struct measurement *m, enum exit_status status)
{
	if (!m->options.as_traceroute)
		return (int)status;
	if (m->interrupted != 0)
		session_die(m->interrupted);
	switch (status) {
	case EXIT_REACHED:
	case EXIT_NOT_REACHED:
		return 0;
	case EXIT_FAILED:
		return 1;
	case EXIT_USAGE:
		return 2;
	}
	return 1;
}

int
main(int argc, char **argv)
{
	static struct measurement m; /* large */
	bool done;
	enum exit_status status =
	    measurement_begin(&m, PROGRAM_TRACEROUTE, argc, argv, &done);

	if (status == GO_ON && !done)
		status = run(&m);
	measurement_clear(&m);
	return exit_status(&m, status);
}
