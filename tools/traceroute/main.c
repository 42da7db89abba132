/*
 * paris-traceroute: the process that the user starts. It reads options, plans, starts
 * paris-prober and paris-names, and prints; it never sees a packet.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/privsep_messages.h"
#include "prober/host_facts.h"
#include "prober/plan.h"
#include "tools/shared/output.h"
#include "tools/shared/remedy.h"
#include "tools/shared/servant.h"
#include "tools/shared/startup.h"
#include "tools/shared/trace_options.h"
#include "tools/shared/trace_request.h"
#include "tools/traceroute/naming.h"
#include "tools/traceroute/session.h"
#include "tools/traceroute/target.h"

#define PROGRAM "paris-traceroute"

/* What a step returns when the next one may follow. */
#define GO_ON EXIT_REACHED

/* What main's steps share. */
struct run {
	struct trace_options options;
	struct plan plan;
	struct name_cache names;
	struct output out;
	int interrupted; /* the signal that ended the trace; 0: none */
};

/* Writes what is pending; the exit status of a run that only prints. */
static enum exit_status
finish_output(struct run *r)
{
	if (output_drain(&r->out) == 0)
		return EXIT_REACHED;
	output_log_error(&r->out);
	return EXIT_FAILED;
}

static enum exit_status
print_help(struct run *r)
{
	char *text = NULL;
	size_t len = 0;
	FILE *memory = open_memstream(&text, &len);

	if (memory != NULL) {
		trace_options_print_help(memory);
		fclose(memory);
		output_write(&r->out, text, len);
		free(text);
	}
	return finish_output(r);
}

/* Makes the plan for both families. */
static enum exit_status
choose_plan(struct run *r)
{
	struct plan_request request;
	char helper[HOST_PATH_MAX];
	struct host_facts facts;

	if (trace_request_plan(&r->options, &request) != 0) {
		log_line("out of memory%s", remedy_of_limit(ENOMEM));
		return EXIT_FAILED;
	}
	if (servant_path(PRIVSEP_PROGRAM, helper, sizeof(helper)) != 0)
		helper[0] = '\0';
	host_facts_gather(&facts, helper);
	if (plan_choose(&request, &facts, &r->plan) == 0)
		return GO_ON;
	log_line("%s (try '" PROGRAM " --help')", r->plan.problem[0]);
	return EXIT_USAGE;
}

/* 0 and 1, as in plans. */
static size_t
family_index(uint32_t family)
{
	return family == AF_INET ? 0 : 1;
}

/* --explain: one family, or both (AF_UNSPEC). */
static enum exit_status
explain(struct run *r, uint32_t family)
{
	static const char *const names[] = {"IPv4", "IPv6"};
	size_t asked = family_index(family);
	size_t other = family == AF_UNSPEC ? 1 - asked : asked;

	if (r->plan.error[asked] != 0 && r->plan.error[other] != 0) {
		log_line("%s", r->plan.problem[asked]);
		return EXIT_FAILED;
	}
	for (size_t i = 0; i < 2; i++) {
		if (family != AF_UNSPEC && i != family_index(family))
			continue;
		if (r->plan.error[i] == 0)
			output_print(&r->out, "%s:\n%s", names[i], r->plan.text[i]);
		else
			output_print(&r->out, "%s: not possible: %s\n", names[i],
			    r->plan.problem[i]);
	}
	return finish_output(r);
}

/* Starts paris-names, if it does not run already; or one line in error. */
static bool
start_names(struct run *r, char *error)
{
	error[0] = '\0';
	return r->names.client != NULL ||
	       name_cache_start(&r->names, r->options.resolver, error) == 0;
}

static enum exit_status
find_target(struct run *r, struct addr *target)
{
	const struct trace_options *o = &r->options;
	/* A name is looked up for the family that the source needs. */
	uint32_t family = o->family != AF_UNSPEC ? o->family : o->start.source.family;
	char error[TARGET_ERROR_MAX], trouble[NAME_CACHE_ERROR_MAX];
	int result = target_from_text(o->host, o->family, target, error);

	if (result == -EINVAL) {
		if (!start_names(r, trouble)) {
			log_line("%s", trouble);
			return EXIT_FAILED;
		}
		result = target_from_names(&r->names, o->host, family, target, error);
	}
	if (result == 0)
		result = trace_request_check(o, target, error);
	if (result == 0)
		return GO_ON;
	log_line("%s", error);
	/* To traceroute(8) it is no wrong usage to name an interface that is not there.
	 */
	if (result == -EPIPE || (result == -ENODEV && o->as_traceroute))
		return EXIT_FAILED;
	return EXIT_USAGE;
}

/* From the target on: servants, privilege, the trace. */
static enum exit_status
trace(struct run *r, const struct addr *target)
{
	enum exit_status status = EXIT_FAILED;
	struct session session;
	char trouble[NAME_CACHE_ERROR_MAX] = "";
	bool names = !r->options.numeric && start_names(r, trouble);

	if (!names)
		name_cache_clear(&r->names); /* it found the host and is done */
	/*
	 * All servants are started before the tool sets no_new_privs on itself: a
	 * servant with a file capability would lose it otherwise. From there on the
	 * tool holds nothing that it could give away.
	 */
	if (session_start(&session, &r->options, target, &r->plan.choice,
		names ? &r->names : NULL, &r->out) == 0 &&
	    startup_finished() == 0) {
		if (trouble[0] != '\0')
			log_line("%s; going on without names", trouble);
		status = session_run(&session);
	}
	r->interrupted = session.interrupted;
	session_end(&session);
	return status;
}

static enum exit_status
run(struct run *r)
{
	size_t family;
	struct addr target = {.family = r->options.family};
	enum exit_status status = choose_plan(r);

	if (status == GO_ON && r->options.host != NULL)
		status = find_target(r, &target);
	if (status != GO_ON)
		return status;
	if (r->options.explain)
		return explain(r, target.family);
	family = family_index(target.family);
	if (r->plan.error[family] != 0) {
		log_line("%s", r->plan.problem[family]);
		return EXIT_FAILED;
	}
	return trace(r, &target);
}

/*
 * Our exit status, or what traceroute(8)'s would be: it ends well whether or not the
 * host was reached, and a signal kills it.
 */
static int
exit_status(const struct run *r, enum exit_status status)
{
	if (!r->options.as_traceroute)
		return (int)status;
	if (r->interrupted != 0)
		session_die(r->interrupted);
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
	static struct run r; /* large */
	enum exit_status status;
	char error[OPTIONS_TEXT_MAX];

	if (startup(PROGRAM) != 0)
		return EXIT_FAILED;
	output_init(&r.out, STDOUT_FILENO);
	if (trace_options_parse(&r.options, argc, argv, error) != 0) {
		log_line("%s (try '" PROGRAM " --help')", error);
		return EXIT_USAGE;
	}
	if (r.options.help) {
		status = print_help(&r);
	} else if (r.options.version) {
		output_print(&r.out, PROGRAM " " PARIS_VERSION "\n");
		status = finish_output(&r);
	} else {
		status = run(&r);
	}
	name_cache_clear(&r.names);
	output_clear(&r.out);
	return exit_status(&r, status);
}
