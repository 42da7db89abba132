/*
 * paris-prober [mark=N] [debug] TRANSPORT...: started by a tool with its channel at
 * descriptor 3; not for people. Gives away everything it does not need, enters its
 * sandbox, then probes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/framing.h"
#include "common/log.h"
#include "common/privilege.h"
#include "prober/host_facts.h"
#include "prober/prober.h"
#include "prober/sandbox_policy.h"

/* Says what failed and returns main's exit status. */
static int
fail(const char *what, int error)
{
	log_line("%s: %s%s", what, strerrordesc_np(-error),
	    error == -ENOMEM ? "; is there a limit (ulimit -v)?" : "");
	return EXIT_EXPLAINED;
}

/* The arguments: what raw sockets get, then names of the transports to be used. */
static int
read_arguments(char **names, uint32_t *out, struct raw_options *options)
{
	*out = 0;
	*options = (struct raw_options){0};
	if (*names != NULL && strncmp(*names, "mark=", 5) == 0)
		options->mark = (uint32_t)strtoul(*names++ + 5, NULL, 10);
	if (*names != NULL && strncmp(*names, "protocol=", 9) == 0)
		options->protocol = (uint8_t)strtoul(*names++ + 9, NULL, 10);
	if (*names != NULL && strcmp(*names, "debug") == 0) {
		options->debug = true;
		names++;
	}
	for (; *names != NULL; names++) {
		const struct transport *const *t = transport_table;

		while (*t != NULL && strcmp((*t)->name, *names) != 0)
			t++;
		if (*t == NULL) {
			log_line("'%.40s' is not a transport", *names);
			return -EINVAL;
		}
		*out |= 1U << (*t)->id;
	}
	options->tcp = (*out & 1U << TRANSPORT_TCP_RAW) != 0;
	return 0;
}

static bool
uses_helper(uint32_t transports)
{
	for (const struct transport *const *t = transport_table; *t != NULL; t++)
		if ((transports & 1U << (*t)->id) != 0 && (*t)->by_helper)
			return true;
	return false;
}

static bool
uses_raw(uint32_t transports)
{
	for (const struct transport *const *t = transport_table; *t != NULL; t++)
		if ((transports & 1U << (*t)->id) != 0 && (*t)->by_raw)
			return true;
	return false;
}

/*
 * All that is done while we are uid 0, if we are: raw sockets are opened, where they
 * are asked for, and everything that could open another is given away.
 */
static int
give_up_privileges(
    uint32_t transports, const struct raw_options *options, struct raw_sockets *sockets)
{
	int error = uses_raw(transports) ? raw_open(sockets, options) : 0;

	if (error != 0)
		return fail("cannot open raw sockets, which root alone has", error);
	error = privilege_renounce(host_facts_unprivileged_group(), PROBER_FILES_MAX);
	return error == 0 ? 0 : fail("cannot give up privileges", error);
}

int
main(int argc, char **argv)
{
	static struct prober prober;
	struct raw_options options;
	struct raw_sockets sockets;
	struct sandbox_policy policy;
	uint32_t transports;
	int error;

	log_set_program("paris-prober");
	if (!framing_is_channel(MESSAGE_CHILD_FD)) {
		log_line("this program is started by paris-traceroute, not by hand");
		return 2;
	}
	if (argc < 1 || read_arguments(argv + 1, &transports, &options) != 0)
		return 2;
	error = give_up_privileges(transports, &options, &sockets);
	if (error != 0)
		return error;
	error = prober_init(&prober, MESSAGE_CHILD_FD, transports);
	if (error != 0)
		return fail("cannot start", error);
	if (uses_helper(transports))
		error = prober_use_helper(&prober, HELPER_FD);
	if (error != 0)
		return fail("cannot use the helper", error);
	if (uses_raw(transports))
		error = prober_use_raw(&prober, &sockets);
	if (error != 0)
		return fail("cannot use raw sockets", error);
	prober_sandbox_policy(transports, &policy);
	error = sandbox_enter(&policy);
	if (error != 0)
		return fail("cannot enter the sandbox", error);
	error = prober_run(&prober);
	prober_clear(&prober);
	packet_pool_clear();
	if (probe_count() != 0 || packet_count() != 0) {
		log_line(
		    "%zu probes and %zu packets were not given back: please report "
		    "this as a bug",
		    probe_count(), packet_count());
		error = -EINVAL;
	}
	probe_pool_clear();
	return error == 0 ? EXIT_SUCCESS : EXIT_EXPLAINED;
}
