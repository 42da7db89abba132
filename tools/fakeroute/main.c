/*
 * paris-fakeroute: a network that exists in one process, for the time of one command.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "tools/fakeroute/capture.h"
#include "tools/fakeroute/command.h"
#include "tools/fakeroute/dot.h"
#include "tools/fakeroute/farend.h"
#include "tools/fakeroute/loop.h"
#include "tools/fakeroute/namespace.h"
#include "tools/fakeroute/network.h"
#include "tools/fakeroute/picture.h"
#include "tools/fakeroute/report.h"
#include "tools/fakeroute/simulator.h"
#include "tools/fakeroute/topology.h"
#include "tools/fakeroute/topology_values.h"

#define EXIT_USAGE 2
#define EXIT_SETUP 3

struct options {
	bool check, picture, dot, show_walked, report_probes;
	bool has_seed;
	uint64_t seed;
	bool keep_caps;
	const char *report_path;
	const char *pcap_path;
	const char *ping_groups;
	const char *topology_path;
	char **command;
};

/* All that one run holds. */
struct run {
	struct options options;
	struct topology *topology;
	struct network *network;
	struct report *report;
	struct simulator *simulator;
	struct capture *capture;
	struct namespace ns;
	struct farend far;
	struct command command;
	int64_t begun;  /* processor time when the simulator began */
	int64_t behind; /* struct loop's */
	int signal_fd;
};

static const char help[] =
    "Usage: paris-fakeroute [OPTION]... TOPOLOGY -- COMMAND [ARGUMENT]...\n"
    "       paris-fakeroute --check | --picture | --dot TOPOLOGY\n"
    "Runs COMMAND, without any privilege, in a simulated network.\n"
    "\n"
    "  --check              only check the topology file\n"
    "  --picture            print the network, hop by hop, on standard output\n"
    "  --dot                print it as a graph, for dot(1)\n"
    "  --show-walked        after the run, print where packets went\n"
    "  --report FILE        write what was seen as JSON (- is standard error)\n"
    "  --report-probes      with every packet of the command in the report\n"
    "  --pcap FILE          write all packets as a capture file\n"
    "  --ping-group GROUPS  who may open ping sockets: open (default), closed or\n"
    "                       'LOW HIGH'\n"
    "  --keep-caps          programs with the file capability cap_net_raw keep it\n"
    "  --seed N             instead of the topology's seed\n"
    "  --help, --version\n"
    "\n"
    "The exit status is the command's (128+N for signal N), 2 for a wrong usage or\n"
    "topology, 3 when the network cannot be set up. paris-topology(5) describes the\n"
    "file.\n";

enum {
	OPTION_CHECK = 256,
	OPTION_PICTURE,
	OPTION_DOT,
	OPTION_SHOW_WALKED,
	OPTION_REPORT,
	OPTION_REPORT_PROBES,
	OPTION_PCAP,
	OPTION_PING_GROUP,
	OPTION_KEEP_CAPS,
	OPTION_SEED,
	OPTION_HELP,
	OPTION_VERSION,
};

static const struct option long_options[] = {
    {"check", no_argument, NULL, OPTION_CHECK},
    {"picture", no_argument, NULL, OPTION_PICTURE},
    {"dot", no_argument, NULL, OPTION_DOT},
    {"show-walked", no_argument, NULL, OPTION_SHOW_WALKED},
    {"report", required_argument, NULL, OPTION_REPORT},
    {"report-probes", no_argument, NULL, OPTION_REPORT_PROBES},
    {"pcap", required_argument, NULL, OPTION_PCAP},
    {"ping-group", required_argument, NULL, OPTION_PING_GROUP},
    {"keep-caps", no_argument, NULL, OPTION_KEEP_CAPS},
    {"seed", required_argument, NULL, OPTION_SEED},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

static int
usage(const char *what, const char *value)
{
	log_line("%s%s%s; see paris-fakeroute --help", what, value == NULL ? "" : " ",
	    value == NULL ? "" : value);
	return EXIT_USAGE;
}

static void __attribute__((noreturn)) print_and_exit(const char *text)
{
	exit(fputs(text, stdout) < 0 || fflush(stdout) != 0 ? EXIT_SETUP : 0);
}

/* Two numbers, or a word. */
static bool
ping_groups_are_good(const char *text)
{
	const char *second = text + strspn(text, "0123456789");
	size_t blanks = strspn(second, " \t");

	if (strcmp(text, "open") == 0 || strcmp(text, "closed") == 0)
		return true;
	return second > text && blanks > 0 && second[blanks] != '\0' &&
	       second[blanks + strspn(second + blanks, "0123456789")] == '\0';
}

static int
parse_option(struct options *o, int option)
{
	switch (option) {
	case OPTION_CHECK:
		o->check = true;
		break;
	case OPTION_PICTURE:
		o->picture = true;
		break;
	case OPTION_DOT:
		o->dot = true;
		break;
	case OPTION_SHOW_WALKED:
		o->show_walked = true;
		break;
	case OPTION_REPORT:
		o->report_path = optarg;
		break;
	case OPTION_REPORT_PROBES:
		o->report_probes = true;
		break;
	case OPTION_PCAP:
		o->pcap_path = optarg;
		break;
	case OPTION_PING_GROUP:
		o->ping_groups = optarg;
		if (!ping_groups_are_good(optarg))
			return usage(
			    "--ping-group is open, closed or 'LOW HIGH', not", optarg);
		break;
	case OPTION_KEEP_CAPS:
		o->keep_caps = true;
		break;
	case OPTION_SEED:
		o->has_seed = true;
		if (topology_number(optarg, 0, UINT64_MAX, &o->seed) != 0)
			return usage("--seed takes a number, not", optarg);
		break;
	case OPTION_HELP:
		print_and_exit(help);
	case OPTION_VERSION:
		print_and_exit("paris-fakeroute " PARIS_VERSION "\n");
	default:
		return usage("wrong options", NULL);
	}
	return 0;
}

static int
parse_options(struct options *o, int argc, char **argv)
{
	int option, error;

	while ((option = getopt_long(argc, argv, "+", long_options, NULL)) != -1) {
		error = parse_option(o, option);
		if (error != 0)
			return error;
	}
	if (optind == argc)
		return usage("a topology file is missing", NULL);
	o->topology_path = argv[optind++];
	if (optind < argc && strcmp(argv[optind], "--") == 0)
		optind++;
	if (optind < argc)
		o->command = argv + optind;
	else if (!o->check && !o->picture && !o->dot)
		return usage("a command is missing", NULL);
	if (o->report_probes && o->report_path == NULL)
		return usage("--report-probes needs --report FILE", NULL);
	return 0;
}

static int
load(struct run *r)
{
	const struct options *o = &r->options;

	r->topology = topology_load(o->topology_path, stderr);
	if (r->topology == NULL) {
		log_line("cannot read %s: %s", o->topology_path, strerror(errno));
		return EXIT_USAGE;
	}
	if (r->topology->errors > 0)
		return EXIT_USAGE;
	if (o->has_seed)
		r->topology->seed = o->seed;
	r->network = network_new(r->topology);
	return r->network == NULL ? EXIT_SETUP : 0;
}

/* Files are opened before the namespaces are entered: as the user, by the user's path.
 */
static int
open_files(struct run *r)
{
	const struct options *o = &r->options;

	if (o->report_path != NULL) {
		r->report = report_open(o->report_path, r->network, o->report_probes);
		if (r->report == NULL) {
			log_line(
			    "cannot write %s: %s", o->report_path, strerror(errno));
			return EXIT_SETUP;
		}
	}
	if (o->pcap_path != NULL) {
		r->capture = capture_open(o->pcap_path);
		if (r->capture == NULL) {
			log_line("cannot write %s: %s", o->pcap_path, strerror(errno));
			return EXIT_SETUP;
		}
	}
	r->simulator = simulator_new(
	    r->network, r->report == NULL ? NULL : report_observe, r->report);
	return r->simulator == NULL ? EXIT_SETUP : 0;
}

/* Signals that end a program wait in a descriptor from now on. */
static int
catch_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return -errno;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int
set_up(struct run *r)
{
	int error = namespace_enter(
	    &r->ns, r->topology, r->options.ping_groups, r->options.keep_caps);

	if (error != 0) {
		log_line("%s", r->ns.why);
		return EXIT_SETUP;
	}
	error = farend_open(&r->far, r->ns.far_fd, r->topology->mtu);
	if (error != 0) {
		log_line("cannot listen at the far end: %s", strerror(-error));
		return EXIT_SETUP;
	}
	r->signal_fd = catch_signals();
	error = r->signal_fd < 0
		    ? -errno
		    : command_start(&r->command, r->options.command, &r->ns);
	if (error != 0) {
		log_line("cannot start the command: %s", strerror(-error));
		return EXIT_SETUP;
	}
	return 0;
}

/* The processor time that this process has used. */
static int64_t
cpu_time(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) != 0)
		return 0;
	return clock_from_timespec(&now);
}

/* Closes the files of the run; returns false when one could not be written. */
static bool
finish_files(struct run *r, const struct command_result *result)
{
	struct report_run facts = {
	    .exit_status = result->status, .processes_left = result->left};
	bool good = true;

	if (r->report != NULL) {
		facts.counts = simulator_counts(r->simulator);
		facts.tcp = simulator_tcp(r->simulator);
		facts.ring_drops = farend_drops(&r->far);
		facts.send_errors = r->far.send_errors;
		facts.behind = r->behind;
		facts.cpu = cpu_time() - r->begun;
		good = report_close(r->report, &facts) == 0;
		r->report = NULL;
	}
	good = capture_close(r->capture) == 0 && good;
	r->capture = NULL;
	if (!good)
		log_line("the report or the capture could not be written");
	return good;
}

static bool
print_picture(const struct run *r, bool walked)
{
	if (r->options.dot)
		dot_print(r->network, walked, stdout);
	else
		picture_print(r->network, walked, stdout);
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return true;
	log_line("cannot write to standard output: %s", strerror(errno));
	return false;
}

static int
simulate(struct run *r)
{
	struct loop loop = {0};
	struct command_result result;
	int status, error;

	status = open_files(r);
	if (status == 0)
		status = set_up(r);
	if (status != 0)
		return status;
	(void)prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0);
	loop = (struct loop){.far = &r->far,
	    .simulator = r->simulator,
	    .capture = r->capture,
	    .command = &r->command,
	    .signal_fd = r->signal_fd};
	r->begun = cpu_time();
	error = loop_run(&loop);
	r->behind = loop.behind;
	if (error != 0) {
		log_line("the simulator failed: %s", strerror(-error));
		command_signal(&r->command, SIGKILL);
	}
	result = command_finish(&r->command);
	if (!finish_files(r, &result) || error != 0)
		return EXIT_SETUP;
	if (r->options.show_walked && !print_picture(r, true))
		return EXIT_SETUP;
	return result.status;
}

static int
run(struct run *r)
{
	int status = load(r);

	if (status != 0 || r->options.check)
		return status;
	if ((r->options.picture || (r->options.dot && !r->options.show_walked)) &&
	    !print_picture(r, false))
		return EXIT_SETUP;
	return r->options.command == NULL ? 0 : simulate(r);
}

/*
 * A standard stream that we were started without must not become one of our files,
 * which the command would then inherit. What stands in for it cannot be used.
 */
static bool
fill_standard_streams(void)
{
	static const int unusable[] = {O_WRONLY, O_RDONLY, O_RDONLY};

	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", unusable[fd]) != fd)
			return false;
	return true;
}

int
main(int argc, char **argv)
{
	struct run r = {
	    .ns.far_fd = -1, .far.fd = -1, .command.result_fd = -1, .signal_fd = -1};
	int status;

	log_set_program("paris-fakeroute");
	if (!fill_standard_streams())
		return EXIT_SETUP;
	status = parse_options(&r.options, argc, argv);
	if (status != 0)
		return status;
	status = run(&r);
	if (r.far.fd < 0)
		r.far.fd = r.ns.far_fd;
	farend_close(&r.far);
	if (r.signal_fd >= 0)
		close(r.signal_fd);
	if (r.command.result_fd >= 0)
		close(r.command.result_fd);
	simulator_free(r.simulator);
	report_free(r.report);
	(void)capture_close(r.capture);
	network_free(r.network);
	topology_free(r.topology);
	return status;
}
