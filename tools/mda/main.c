/*
 * mda: the process that the user starts to find all paths to a host. It reads options,
 * plans, starts paris-prober and paris-names, and prints; it never sees a packet.
 */
#include "tools/mda/mda.h"
#include "tools/shared/measurement.h"

static enum exit_status
run(struct measurement *m)
{
	enum exit_status status = measurement_choose_plan(m);

	if (status == GO_ON)
		status = measurement_start_prober(m);
	if (status == GO_ON)
		status = measurement_open_files(m);
	if (status != GO_ON)
		return status;
	return m->options.explain ? measurement_explain(m) : mda_run(m);
}

int
main(int argc, char **argv)
{
	static struct measurement m; /* large */
	bool done;
	enum exit_status status = measurement_begin(&m, PROGRAM_MDA, argc, argv, &done);

	if (status == GO_ON && !done)
		status = run(&m);
	measurement_clear(&m);
	return (int)status;
}
