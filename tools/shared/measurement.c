#include "tools/shared/measurement.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/privsep_messages.h"
#include "prober/host_facts.h"
#include "tools/shared/remedy.h"
#include "tools/shared/servant.h"
#include "tools/shared/startup.h"
#include "tools/shared/target.h"
#include "tools/shared/trace_request.h"

void
measurement_clear(struct measurement *m)
{
	char text[128];

	prober_client_end(&m->prober, text, sizeof(text));
	name_cache_clear(&m->names);
	output_clear(&m->out);
}

/* Writes what is pending; the exit status of a run that only prints. */
static enum exit_status
finish_output(struct measurement *m)
{
	if (output_drain(&m->out) == 0)
		return EXIT_REACHED;
	output_log_error(&m->out);
	return EXIT_FAILED;
}

static enum exit_status
print_help(struct measurement *m)
{
	char *text = NULL;
	size_t len = 0;
	FILE *memory = open_memstream(&text, &len);

	if (memory != NULL) {
		trace_options_print_help(&m->options, memory);
		fclose(memory);
		output_write(&m->out, text, len);
		free(text);
	}
	return finish_output(m);
}

enum exit_status
measurement_begin(struct measurement *m, enum trace_program program, int argc,
    char **argv, bool *done)
{
	char error[OPTIONS_TEXT_MAX];
	const char *name;

	m->options.program = (uint8_t)program;
	name = trace_options_program(&m->options);
	*done = false;
	output_init(&m->out, STDOUT_FILENO);
	if (startup(name) != 0)
		return EXIT_FAILED;
	if (trace_options_parse(&m->options, program, argc, argv, error) != 0) {
		log_line("%s (try '%s --help')", error, name);
		return EXIT_USAGE;
	}
	*done = m->options.help || m->options.version;
	if (m->options.help)
		return print_help(m);
	if (!m->options.version)
		return GO_ON;
	output_print(&m->out, "%s " PARIS_VERSION "\n", name);
	return finish_output(m);
}

enum exit_status
measurement_choose_plan(struct measurement *m)
{
	struct plan_request request;
	uint32_t family = m->options.family;
	char helper[HOST_PATH_MAX];
	struct host_facts facts;
	bool asked_wrong;

	if (trace_request_plan(&m->options, &request) != 0) {
		log_line("out of memory%s", remedy_of_limit(ENOMEM));
		return EXIT_FAILED;
	}
	if (servant_path(PRIVSEP_PROGRAM, helper, sizeof(helper)) != 0)
		helper[0] = '\0';
	host_facts_gather(&facts, helper);
	asked_wrong = plan_choose(&request, &facts, &m->plan) != 0;
	m->plan.choice.send_gap = m->options.start.send_gap;
	if (family != AF_UNSPEC)
		asked_wrong = m->plan.error[family_index(family)] == EINVAL;
	if (!asked_wrong)
		return GO_ON;
	log_line("%s (try '%s --help')",
	    m->plan.problem[family == AF_UNSPEC ? 0 : family_index(family)],
	    trace_options_program(&m->options));
	return EXIT_USAGE;
}

enum exit_status
measurement_start_prober(struct measurement *m)
{
	char error[PROBER_CLIENT_ERROR_MAX];

	if (!m->options.explain &&
	    prober_client_start(&m->prober, &m->plan.choice, 1, error) != 0) {
		log_line("%s", error);
		return EXIT_FAILED;
	}
	return startup_leave_root() == 0 ? GO_ON : EXIT_FAILED;
}

enum exit_status
measurement_explain(struct measurement *m, uint32_t family)
{
	static const char *const names[] = {"IPv4", "IPv6"};
	size_t asked = family_index(family);
	size_t other = family == AF_UNSPEC ? 1 - asked : asked;

	if (m->plan.error[asked] != 0 && m->plan.error[other] != 0) {
		bool differ = strcmp(m->plan.problem[0], m->plan.problem[1]) != 0;

		if (family == AF_UNSPEC && differ)
			for (size_t i = 0; i < 2; i++)
				log_line("%s: %s", names[i], m->plan.problem[i]);
		else
			log_line("%s", m->plan.problem[asked]);
		return EXIT_FAILED;
	}
	for (size_t i = 0; i < 2; i++) {
		if (family != AF_UNSPEC && i != family_index(family))
			continue;
		if (m->plan.error[i] == 0)
			output_print(&m->out, "%s:\n%s", names[i], m->plan.text[i]);
		else
			output_print(&m->out, "%s: not possible: %s\n", names[i],
			    m->plan.problem[i]);
	}
	return finish_output(m);
}

bool
measurement_can(const struct measurement *m, uint32_t family)
{
	size_t index = family_index(family);

	if (m->plan.error[index] == 0)
		return true;
	log_line("%s", m->plan.problem[index]);
	return false;
}

/* Starts paris-names, if it does not run already; or one line in error. */
static bool
start_names(struct measurement *m, char *error)
{
	error[0] = '\0';
	return m->names.client != NULL ||
	       name_cache_start(&m->names, m->options.resolver, error) == 0;
}

enum exit_status
measurement_find_target(struct measurement *m, const char *host, struct addr *target)
{
	const struct trace_options *o = &m->options;
	/* A name is looked up for the family that the source needs. */
	uint32_t family = o->family != AF_UNSPEC ? o->family : o->start.source.family;
	char error[TARGET_ERROR_MAX], trouble[NAME_CACHE_ERROR_MAX];
	int result = target_from_text(host, o->family, target, error);

	if (result == -EINVAL) {
		if (!start_names(m, trouble)) {
			log_line("%s", trouble);
			return EXIT_FAILED;
		}
		result = target_from_names(&m->names, host, family, target, error);
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

struct name_cache *
measurement_names(struct measurement *m, char *why_not)
{
	why_not[0] = '\0';
	if (!m->options.numeric && start_names(m, why_not))
		return &m->names;
	name_cache_clear(&m->names); /* it found the host and is done */
	return NULL;
}

void
measurement_scope_target(const struct measurement *m, struct prober_start *start)
{
	if (addr_is_link_local(&start->target) && start->target.scope == 0 &&
	    m->options.device != NULL)
		start->target.scope = if_nametoindex(m->options.device);
}
