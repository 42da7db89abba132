#include "tools/shared/measurement.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/privsep_messages.h"
#include "prober/host_facts.h"
#include "tools/shared/escape.h"
#include "tools/shared/naming_wishes.h"
#include "tools/shared/remedy.h"
#include "tools/shared/servant.h"
#include "tools/shared/startup.h"
#include "tools/shared/target.h"
#include "tools/shared/trace_request.h"

#define FILE_SHOWN_MAX 800 /* a line of log_line has 1023 bytes */

void
measurement_clear(struct measurement *m)
{
	char text[128];

	prober_client_end(&m->prober, text, sizeof(text));
	name_cache_clear(&m->names);
	naming_wishes_clear(&m->wishes);
	output_clear(&m->out);
	prefixes_clear(&m->excluded);
	if (m->targets > STDERR_FILENO)
		close(m->targets);
	if (m->resume >= 0)
		close(m->resume);
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

	m->targets = m->resume = -1;
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

/* Returns a descriptor, or -1 having said why. */
static int
open_file(const char *option, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char shown[FILE_SHOWN_MAX];

	if (fd < 0)
		log_line("%s: cannot open '%s': %s", option,
		    escape_terminal(path, shown, sizeof(shown)), strerror(errno));
	return fd;
}

enum exit_status
measurement_open_files(struct measurement *m)
{
	const struct trace_options *o = &m->options;
	int excluded;

	if (o->targets != NULL)
		m->targets = strcmp(o->targets, "-") == 0
				 ? STDIN_FILENO
				 : open_file("--targets", o->targets);
	if (o->resume != NULL)
		m->resume = open_file("--resume", o->resume);
	if ((o->targets != NULL && m->targets < 0) ||
	    (o->resume != NULL && m->resume < 0))
		return EXIT_USAGE;
	if (o->exclude == NULL)
		return GO_ON;
	excluded = open_file("--exclude", o->exclude);
	if (excluded < 0)
		return EXIT_USAGE;
	return prefixes_read(&m->excluded, excluded, o->exclude) == 0 ? GO_ON
								      : EXIT_USAGE;
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
	char error[PROBER_CLIENT_ERROR_MAX], wrong[NAMING_WISHES_ERROR_MAX];

	if (!m->options.explain &&
	    prober_client_start(&m->prober, &m->plan.choice, 1, error) != 0) {
		log_line("%s", error);
		return EXIT_FAILED;
	}
	if (startup_leave_root() != 0)
		return EXIT_FAILED;
	if (naming_wishes_prepare(&m->wishes, &m->options, wrong) == 0)
		return GO_ON;
	log_line("%s", wrong);
	return EXIT_USAGE;
}

/* One family, or both (AF_UNSPEC). */
static enum exit_status
explain(struct measurement *m, uint32_t family)
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

/* Starts paris-names, if it does not run already; or one line in error. */
static bool
start_names(struct measurement *m, char *error)
{
	error[0] = '\0';
	m->wishes.names = !m->options.numeric;
	return m->names.client != NULL ||
	       name_cache_start(&m->names, &m->wishes, error) == 0;
}

uint32_t
measurement_family(const struct measurement *m)
{
	const struct trace_options *o = &m->options;

	return o->family != AF_UNSPEC ? o->family : o->start.source.family;
}

enum exit_status
measurement_check_target(const struct measurement *m, const char *host,
    const struct addr *target, char *error)
{
	const struct trace_options *o = &m->options;
	char prefix[PREFIX_TEXT_MAX], shown[OPTIONS_SHOWN_MAX], addr[ADDR_TEXT_MAX];
	uint8_t bits = o->prefix != 0 ? o->prefix : 128;
	const struct prefix *excluded = prefixes_find(&m->excluded, target, bits);
	int result;

	if (excluded != NULL) {
		snprintf(error, TARGET_ERROR_MAX,
		    "%s (%s) is not probed: %s is excluded (--exclude %s)",
		    options_show(host, shown), addr_to_text(target, addr),
		    prefix_to_text(excluded, prefix), o->exclude);
		return EXIT_NOT_REACHED;
	}
	result = trace_request_check(o, target, error);
	/* To traceroute(8) it is no wrong usage to name an interface that is not there.
	 */
	if (result == -ENODEV && o->as_traceroute)
		return EXIT_FAILED;
	if (result != 0)
		return EXIT_USAGE;
	if (o->explain || m->plan.error[family_index(target->family)] == 0)
		return GO_ON;
	snprintf(error, TARGET_ERROR_MAX, "%s",
	    m->plan.problem[family_index(target->family)]);
	return EXIT_FAILED;
}

_Static_assert(TARGET_ERROR_MAX <= NAME_CACHE_ERROR_MAX, "one buffer is for both");

enum exit_status
measurement_look_up(
    struct measurement *m, const char *host, struct addr *target, char *error)
{
	const struct trace_options *o = &m->options;
	uint32_t family = measurement_family(m);
	int result = target_from_text(host, o->family, target, error);

	if (result == -EINVAL) {
		if (!start_names(m, error))
			return EXIT_FAILED;
		result = target_from_names(&m->names, host, family, target, error);
	}
	if (result != 0)
		return result == -EPIPE ? EXIT_FAILED : EXIT_USAGE;
	return measurement_check_target(m, host, target, error);
}

enum exit_status
measurement_find_target(struct measurement *m, const char *host, struct addr *target)
{
	char error[NAME_CACHE_ERROR_MAX];
	enum exit_status status = measurement_look_up(m, host, target, error);

	if (status != GO_ON)
		log_line("%s", error);
	return status;
}

enum exit_status
measurement_explain(struct measurement *m)
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
	return explain(m, family);
}

struct name_cache *
measurement_names(struct measurement *m, bool for_hosts, char *why_not)
{
	const struct trace_options *o = &m->options;
	bool origins = o->as_lookups || o->country;

	why_not[0] = '\0';
	if ((!o->numeric || origins || for_hosts) && start_names(m, why_not)) {
		m->names.hosts_only = o->numeric && !origins;
		return &m->names;
	}
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
