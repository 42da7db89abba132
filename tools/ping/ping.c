#include "tools/ping/ping.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/clock.h"
#include "common/log.h"
#include "tools/ping/record.h"
#include "tools/ping/render_json.h"
#include "tools/ping/render_text.h"
#include "tools/shared/remedy.h"
#include "tools/shared/startup.h"
#include "tools/shared/trace_request.h"

/* A result that waits to be printed: for the name of whom it is from. */
struct line {
	struct prober_result result;
	int64_t when; /* CLOCK_REALTIME */
	TAILQ_ENTRY(line) next;
};

/* The job. */
struct job {
	struct ping_record record;
	const struct trace_options *options;
	bool headed;
	TAILQ_HEAD(, line) lines;
};

static bool
is_json(const struct job *j)
{
	return j->options->format == FORMAT_JSON;
}

/* ---- what the prober says -------------------------------------------------------- */

static int
on_started(void *job, const struct prober_started *m)
{
	struct job *j = job;

	return ping_record_take_started(&j->record, m);
}

/* What did not leave is this machine's trouble: on standard error, as iputils has it.
 */
static void
tell_failed(const struct job *j, const struct prober_result *m)
{
	char mtu[32] = "";

	if (j->options->quiet || is_json(j))
		return;
	if (m->mtu != 0)
		snprintf(mtu, sizeof(mtu), ", mtu=%u", m->mtu);
	log_line("cannot send %s_seq=%u: %s%s", j->record.protocol, m->probe + 1,
	    strerror(m->error), mtu);
}

static bool
is_shown(const struct job *j, const struct prober_result *m)
{
	if (j->options->quiet || m->outcome == RESULT_SENT)
		return false;
	return is_json(j) || ping_text_shows(m);
}

static int
on_result(void *job, const struct prober_result *m)
{
	struct job *j = job;
	int error = ping_record_take_result(&j->record, m, clock_monotonic());
	struct line *line;

	if (error != 0)
		return error;
	if (m->outcome == RESULT_SEND_FAILED)
		tell_failed(j, m);
	if (!is_shown(j, m))
		return 0;
	line = malloc(sizeof(*line));
	if (line == NULL)
		return -ENOMEM;
	line->result = *m;
	line->when = m->sent > 0 && m->rtt >= 0 ? m->sent + m->rtt : clock_realtime();
	TAILQ_INSERT_TAIL(&j->lines, line, next);
	return 0;
}

static int
on_done(void *job, const struct prober_done *m)
{
	struct job *j = job;

	return ping_record_take_done(&j->record, m);
}

static bool
is_over(const void *job)
{
	const struct job *j = job;

	return ping_record_is_over(&j->record);
}

static void
broken(void *job)
{
	struct job *j = job;

	j->record.broken = true;
}

/* ---- what is printed ------------------------------------------------------------- */

static void
render_start(const struct job *j, struct output *out)
{
	if (is_json(j))
		ping_json_start(&j->record, out);
	else
		ping_text_start(&j->record, out);
}

static void
render_line(const struct job *j, const struct line *l, const struct naming *naming,
    struct output *out)
{
	if (is_json(j))
		ping_json_result(&j->record, &l->result, naming, out);
	else
		ping_text_result(&j->record, &l->result, naming,
		    j->options->timestamps ? l->when : 0, out);
}

static bool
render(void *job, const struct session *s)
{
	struct job *j = job;
	const struct naming *naming = session_naming(s);
	struct line *line;

	if (!j->headed && j->record.has_started) {
		render_start(j, s->out);
		j->headed = true;
	}
	while ((line = TAILQ_FIRST(&j->lines)) != NULL) {
		if (!naming_knows(naming, &line->result.from))
			return false;
		render_line(j, line, naming, s->out);
		TAILQ_REMOVE(&j->lines, line, next);
		free(line);
	}
	if (!ping_record_is_over(&j->record))
		return false;
	if (is_json(j))
		ping_json_end(&j->record, session_failure(s), s->out);
	else if (j->headed)
		ping_text_end(&j->record, s->out);
	return true;
}

static void
tell_status(void *job)
{
	struct job *j = job;
	char text[PING_STATUS_MAX];

	ping_text_status(&j->record, text);
	fprintf(stderr, "\r%s\n", text);
}

static const struct session_job job_calls = {.started = on_started,
    .result = on_result,
    .done = on_done,
    .is_over = is_over,
    .broken = broken,
    .render = render,
    .status = tell_status,
    .endless = true};

/* ---- the whole ------------------------------------------------------------------- */

/* What went wrong here, on standard error. Returns whether anything did. */
static bool
tell_failure(const struct session *s, const struct ping_record *t)
{
	char detail[PROBER_DETAIL_MAX + 1];

	if (t->has_done && t->done.lost_here != 0)
		log_line("%u replies lost on this machine: the socket's buffer was "
			 "full",
		    t->done.lost_here);
	if (session_tell_failure(s))
		return true;
	if (t->done.reason != REASON_FAILED && t->done.reason != REASON_HELPER_LOST)
		return false;
	/* By the process that reads the network. */
	memcpy(detail, t->done.detail, sizeof(detail));
	for (char *at = detail; *at != '\0'; at++)
		if (*at < ' ' || *at > '~')
			*at = '?';
	log_line("cannot measure: %s%s",
	    detail[0] != '\0' ? detail : strerror(t->done.error),
	    remedy_of_limit(t->done.error));
	return true;
}

static enum exit_status
run(struct session *s, const struct ping_record *t)
{
	if (session_run(s) != 0 || tell_failure(s, t))
		return EXIT_FAILED;
	return ping_record_is_success(t) ? EXIT_REACHED : EXIT_NOT_REACHED;
}

static void
drop_lines(struct job *j)
{
	struct line *line;

	while ((line = TAILQ_FIRST(&j->lines)) != NULL) {
		TAILQ_REMOVE(&j->lines, line, next);
		free(line);
	}
}

enum exit_status
ping(struct measurement *m, const struct addr *target)
{
	const struct trace_options *o = &m->options;
	size_t family = family_index(target->family);
	enum exit_status status = EXIT_FAILED;
	char trouble[NAME_CACHE_ERROR_MAX];
	struct name_cache *names = measurement_names(m, false, trouble);
	struct job job = {.options = o, .lines = TAILQ_HEAD_INITIALIZER(job.lines)};
	struct prober_start start;
	struct session session;

	trace_request_start(o, target, &start);
	ping_record_init(&job.record, o->host, trace_options_protocol(o), &start,
	    &m->plan.choice.family[family]);
	job.record.began = clock_realtime();
	measurement_scope_target(m, &start);
	if (session_start(&session, &job_calls, &job, &m->prober, &m->plan.choice,
		&start, 1, names, &m->out) == 0 &&
	    startup_finished() == 0) {
		if (trouble[0] != '\0')
			log_line("%s; going on without names", trouble);
		status = run(&session, &job.record);
	}
	session_end(&session);
	drop_lines(&job);
	return status;
}
