/*
 * mda: the process that the user starts to find all paths to a host. It reads options,
 * plans, starts paris-prober and paris-names, and prints; it never sees a packet.
 */
#include "tools/mda/mda.h"
#include "tools/shared/measurement.h"

/* The family that all hosts have; AF_UNSPEC: they differ, or there is none. */
static enum exit_status
explain(struct measurement *m)
{
	const struct trace_options *o = &m->options;
	uint32_t family = o->family;

	for (size_t i = 0; i < o->hosts_count; i++) {
		struct addr target;
		enum exit_status status =
		    measurement_find_target(m, o->hosts[i], &target);

		if (status != GO_ON)
			return status;
		family = i == 0 || family == target.family ? target.family : AF_UNSPEC;
	}
	return measurement_explain(m, family);
}

static enum exit_status
run(struct measurement *m)
{
	enum exit_status status = measurement_choose_plan(m);

	if (status == GO_ON)
		status = measurement_start_prober(m);
	if (status != GO_ON)
		return status;
	return m->options.explain ? explain(m) : mda_run(m);
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
