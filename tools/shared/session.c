#include "tools/shared/session.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "tools/shared/remedy.h"

/* How long a prober may take to end its traces after PROBER_STOP. */
#define STOP_WAIT (2 * NS_PER_SECOND)

#define TEXT_OF(number) #number
#define HELLO_TEXT(number) TEXT_OF(number)
#define HELLO_SECONDS_TEXT HELLO_TEXT(PROBER_HELLO_SECONDS)

enum slot { SLOT_SIGNALS, SLOT_PROBER, SLOT_NAMES, SLOT_OUT, SLOT_INPUT, SLOTS };

/* ---- what the prober says -------------------------------------------------------- */

static int
on_started(void *context, const struct prober_started *m)
{
	struct session *s = context;

	return s->job->started(s->context, m);
}

static int
on_result(void *context, const struct prober_result *m)
{
	struct session *s = context;

	session_ask_name(s, m);
	if (s->job->endless && s->names != NULL)
		name_cache_trim(s->names, NAME_CACHE_MOST);
	return s->job->result(s->context, m);
}

static int
on_done(void *context, const struct prober_done *m)
{
	struct session *s = context;

	return s->job->done(s->context, m);
}

static const struct prober_events prober_events = {on_started, on_result, on_done};

static bool
is_over(const struct session *s)
{
	return s->job->is_over(s->context);
}

/* ---- start and end --------------------------------------------------------------- */

/* A hangup that is ignored stays so: nohup(1). */
static int
open_signals(struct session *s)
{
	struct sigaction hangup;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
		sigaddset(&set, SIGHUP);
	if (s->job->status != NULL)
		sigaddset(&set, SIGQUIT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return -errno;
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals < 0 ? -errno : 0;
}

/* Queues the plan and the traces. */
static int
ask_prober(struct session *s, const struct prober_plan *plan,
    const struct prober_start *starts, size_t count)
{
	int error;

	prober_client_listen(s->prober, &prober_events, s);
	error = prober_client_plan(s->prober, plan);
	for (size_t i = 0; i < count && error == 0; i++)
		error = prober_client_begin(s->prober, &starts[i]);
	if (error != 0)
		log_line("cannot ask paris-prober: %s", strerror(-error));
	return error;
}

int
session_start(struct session *s, const struct session_job *job, void *context,
    struct prober_client *prober, const struct prober_plan *plan,
    const struct prober_start *starts, size_t count, struct name_cache *names,
    struct output *out)
{
	int error;

	*s = (struct session){.job = job,
	    .context = context,
	    .prober = prober,
	    .names = names,
	    .out = out,
	    .signals = -1,
	    .stop_before = INT64_MAX,
	    .progress_at = INT64_MAX};
	error = open_signals(s);
	if (error != 0) {
		log_line(
		    "cannot start: %s%s", strerror(-error), remedy_of_limit(-error));
		return error;
	}
	return ask_prober(s, plan, starts, count);
}

void
session_end(struct session *s)
{
	char text[128];

	prober_client_end(s->prober, text, sizeof(text));
	if (s->signals >= 0)
		close(s->signals);
	s->signals = -1;
}

void
session_ask_name(const struct session *s, const struct prober_result *m)
{
	if (m->outcome == RESULT_REPLY)
		(void)naming_knows(session_naming(s), &m->from);
}

const struct naming *
session_naming(const struct session *s)
{
	return s->names != NULL && !s->names->hosts_only ? &s->names->naming : NULL;
}

const char *
session_failure(const struct session *s)
{
	return s->failure[0] != '\0' ? s->failure : NULL;
}

bool
session_tell_failure(const struct session *s)
{
	if (s->failure[0] == '\0')
		return false;
	if (!s->failure_told)
		log_line("%s", s->failure);
	return true;
}

/* ---- the prober's end ------------------------------------------------------------ */

/* The trace cannot go on; what is known is printed all the same. */
static void
break_off(struct session *s, const char *why)
{
	char ended[128];
	int status = prober_client_end(s->prober, ended, sizeof(ended));

	s->job->broken(s->context);
	if (why != NULL) {
		snprintf(s->failure, sizeof(s->failure), "%s", why);
		return;
	}
	snprintf(s->failure, sizeof(s->failure),
	    "paris-prober %s before the trace ended", ended);
	s->failure_told = prober_client_has_explained(s->prober, status);
}

/* After the last PROBER_DONE the prober has nothing left to do; it must end well. */
static void
dismiss_prober(struct session *s)
{
	char ended[128];
	int status = prober_client_end(s->prober, ended, sizeof(ended));

	if (status == 0)
		return;
	snprintf(s->failure, sizeof(s->failure),
	    "paris-prober %s after the trace ended", ended);
	s->failure_told = prober_client_has_explained(s->prober, status);
}

static void
service_prober(struct session *s)
{
	int result = prober_client_service(s->prober);

	if (is_over(s) && result >= 0)
		return;
	if (result == 1)
		break_off(s, NULL);
	else if (result == -ETIME)
		break_off(s,
		    "paris-prober did not get ready in " HELLO_SECONDS_TEXT " seconds");
	else if (result == -EBADMSG || result == -EPROTO)
		break_off(s, "paris-prober sent a message that makes no sense");
	else if (result == -ENOMEM)
		break_off(s, "out of memory for the results; ask for less (-m, -q), or "
			     "raise the limit (ulimit -v)");
	else if (result < 0)
		break_off(s, strerror(-result));
}

/* ---- signals --------------------------------------------------------------------- */

void
session_die(int number)
{
	sigset_t set;

	signal(number, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, number);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(number);
}

static void
service_signals(struct session *s)
{
	struct signalfd_siginfo info;

	while (read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGQUIT) {
			s->job->status(s->context);
			continue;
		}
		if (s->interrupted != 0) {
			channel_close(&s->prober->servant.channel);
			session_die((int)info.ssi_signo);
		}
		s->interrupted = (int)info.ssi_signo;
		if (s->names != NULL)
			name_cache_give_up(s->names);
		if (is_over(s))
			continue;
		s->stop_before = clock_monotonic() + STOP_WAIT;
		if (prober_client_stop(s->prober, PROBER_ALL_INSTANCES) != 0)
			break_off(s, "paris-prober could not be stopped");
	}
}

/* ---- the loop -------------------------------------------------------------------- */

/* Begins what can begin, and shows what there is to show. */
static void
go_on(struct session *s)
{
	if (s->job->go_on != NULL)
		s->job->go_on(s->context);
	if (is_over(s) && s->prober->servant.pid != 0)
		dismiss_prober(s);
	if (s->job->progress != NULL)
		s->progress_at = s->job->progress(s->context, clock_monotonic());
	if (!s->rendered)
		s->rendered = s->job->render(s->context, s);
}

/* Fills the poll slots; an unused one has descriptor -1. */
static void
fill_slots(const struct session *s, struct pollfd *slots)
{
	bool names = s->names != NULL && s->names->client != NULL;

	for (int i = 0; i < SLOTS; i++)
		slots[i] = (struct pollfd){.fd = -1};
	slots[SLOT_SIGNALS].fd = s->signals;
	slots[SLOT_SIGNALS].events = POLLIN;
	/* What is left when it was told to stop is not much, and not waited for long.
	 */
	if (!is_over(s) &&
	    (output_pending(s->out) < SESSION_PENDING_MAX || s->interrupted != 0)) {
		slots[SLOT_PROBER].fd = prober_client_fd(s->prober);
		slots[SLOT_PROBER].events = prober_client_wants(s->prober);
	}
	if (names) {
		slots[SLOT_NAMES].fd = names_client_fd(s->names->client);
		slots[SLOT_NAMES].events = names_client_events(s->names->client);
	}
	/* Without events too: a reader that has gone is told at once. */
	slots[SLOT_OUT].fd = s->out->fd;
	slots[SLOT_OUT].events = (short)(output_pending(s->out) != 0 ? POLLOUT : 0);
	if (s->job->input != NULL)
		slots[SLOT_INPUT].fd = s->job->input(s->context);
	slots[SLOT_INPUT].events = POLLIN;
}

/* How long poll may sleep, ns; INT64_MAX: for ever. */
static int64_t
time_to_sleep(const struct session *s)
{
	int64_t until = INT64_MAX;
	int64_t names = INT64_MAX;

	if (s->names != NULL && s->names->client != NULL)
		names = names_client_deadline(s->names->client);
	if (!is_over(s)) {
		until = s->stop_before;
		if (!s->prober->hello && s->prober->hello_before < until)
			until = s->prober->hello_before;
	}
	if (names < until)
		until = names;
	if (s->progress_at < until)
		until = s->progress_at;
	return until == INT64_MAX ? until : clock_elapsed(clock_monotonic(), until);
}

static void
service_output(struct session *s, short revents)
{
	if ((revents & POLLOUT) != 0)
		output_write_some(s->out);
	else if (revents != 0 && s->out->error == 0)
		s->out->error = (revents & POLLNVAL) != 0 ? -EBADF : -EPIPE;
}

/* Waits for something to happen and deals with it. */
static void
step(struct session *s)
{
	struct pollfd slots[SLOTS];
	int64_t sleep = time_to_sleep(s);
	struct timespec timeout = clock_to_timespec(sleep == INT64_MAX ? 0 : sleep);

	fill_slots(s, slots);
	if (ppoll(slots, SLOTS, sleep == INT64_MAX ? NULL : &timeout, NULL) < 0)
		return; /* EINTR, or no memory for now */
	if (slots[SLOT_SIGNALS].revents != 0)
		service_signals(s);
	if (!is_over(s) && (slots[SLOT_PROBER].revents != 0 || !s->prober->hello))
		service_prober(s);
	if (!is_over(s) && clock_monotonic() >= s->stop_before)
		break_off(s, "paris-prober did not stop when it was told to");
	if (s->names != NULL && s->names->client != NULL)
		names_client_process(s->names->client);
	service_output(s, slots[SLOT_OUT].revents);
}

enum exit_status
session_status(const struct prober_done *done)
{
	switch ((enum prober_reason)done->reason) {
	case REASON_REACHED:
		return EXIT_REACHED;
	case REASON_HELPER_LOST: /* what was learned before is printed */
		return done->replies > 0 ? EXIT_NOT_REACHED : EXIT_FAILED;
	case REASON_FAILED:
		return EXIT_FAILED;
	case REASON_UNREACHABLE:
	case REASON_GAP_LIMIT:
	case REASON_HOP_LIMIT:
	case REASON_LOOP:
	case REASON_INTERRUPTED:
	case REASON_TIMED_OUT:
	case REASON_SEARCH_LIMIT:
		return EXIT_NOT_REACHED;
	}
	return EXIT_FAILED;
}

int
session_run(struct session *s)
{
	for (;;) {
		go_on(s);
		if (s->out->error != 0 || (s->rendered && output_pending(s->out) == 0))
			break;
		step(s);
	}
	if (s->out->error != 0)
		output_log_error(s->out);
	return s->out->error;
}
