#include "tools/traceroute/trace.h"

#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "tools/shared/remedy.h"
#include "tools/shared/startup.h"
#include "tools/shared/trace_request.h"
#include "tools/traceroute/notes.h"
#include "tools/traceroute/record.h"
#include "tools/traceroute/render_text.h"
#include "tools/traceroute/renderer.h"

/* The job. */
struct path {
	struct record record;
	struct render_text text; /* printed as it comes */
	const struct renderer *renderer;
	bool began;
	uint8_t format;
};

static int
on_started(void *job, const struct prober_started *m)
{
	struct path *p = job;

	return record_take_started(&p->record, m);
}

static int
on_result(void *job, const struct prober_result *m)
{
	struct path *p = job;

	return record_take_result(&p->record, m);
}

static int
on_done(void *job, const struct prober_done *m)
{
	struct path *p = job;

	return record_take_done(&p->record, m);
}

static bool
is_over(const void *job)
{
	const struct path *p = job;

	return record_is_over(&p->record);
}

static void
broken(void *job)
{
	struct path *p = job;

	p->record.broken = true;
}

static bool
render(void *job, const struct session *s)
{
	struct path *p = job;

	struct rendering how = {
	    .naming = session_naming(s), .failure = session_failure(s)};

	if (p->format == FORMAT_TEXT)
		return render_text_advance(&p->text);
	if (!p->began)
		p->renderer->begin(p->record.began, s->out);
	p->began = true;
	if (!record_is_over(&p->record) ||
	    !renderer_names_known(&p->record, how.naming))
		return false;
	p->renderer->trace(&p->record, &how, s->out);
	p->renderer->end(clock_realtime(), s->out);
	return true;
}

static const struct session_job path_job = {.started = on_started,
    .result = on_result,
    .done = on_done,
    .is_over = is_over,
    .broken = broken,
    .render = render};

/* Fills the job; names may be NULL. */
static int
prepare(struct path *p, struct measurement *m, const struct prober_start *start,
    struct name_cache *names)
{
	const struct trace_options *o = &m->options;
	size_t family = family_index(start->target.family);
	int error = record_init(&p->record, o->host, trace_options_protocol(o), start,
	    &m->plan.choice.family[family]);

	if (error != 0) {
		log_line(
		    "cannot start: %s%s", strerror(-error), remedy_of_limit(-error));
		return error;
	}
	p->format = o->format;
	p->renderer = renderer_of(o->format);
	p->record.began = clock_realtime();
	render_text_init(&p->text, &p->record, names != NULL ? &names->naming : NULL,
	    o->extensions, &m->out);
	p->text.tcp_info = o->tcp_info != 0;
	p->text.tcp_mss = o->tcp_mss != 0;
	p->text.plain = o->as_traceroute != 0;
	p->text.back = o->back != 0;
	p->text.print_ttl = o->print_ttl != 0;
	return 0;
}

/* Whether a person reads along: no program that reads json or expects traceroute. */
static bool
wants_notes(const struct trace_options *o)
{
	return o->format == FORMAT_TEXT && !o->as_traceroute;
}

static enum exit_status
run(struct session *s, const struct path *p, const struct trace_options *o)
{
	if (session_run(s) != 0)
		return EXIT_FAILED;
	if (p->record.has_done &&
	    (wants_notes(o) || p->record.done.reason == REASON_FAILED ||
		p->record.done.reason == REASON_HELPER_LOST))
		notes_print(&p->record);
	if (session_tell_failure(s))
		return EXIT_FAILED;
	return session_status(&p->record.done);
}

enum exit_status
trace(struct measurement *m, const struct addr *target)
{
	enum exit_status status = EXIT_FAILED;
	char trouble[NAME_CACHE_ERROR_MAX];
	struct name_cache *names = measurement_names(m, trouble);
	struct path path = {0};
	struct prober_start start;
	struct session session;

	trace_request_start(&m->options, target, &start);
	if (prepare(&path, m, &start, names) != 0)
		return EXIT_FAILED;
	measurement_scope_target(m, &start);
	/*
	 * All servants are started before the tool sets no_new_privs on itself: a
	 * servant with a file capability would lose it otherwise. From there on the
	 * tool holds nothing that it could give away.
	 */
	if (session_start(&session, &path_job, &path, &m->prober, &m->plan.choice,
		&start, 1, names, &m->out) == 0 &&
	    startup_finished() == 0) {
		if (trouble[0] != '\0')
			log_line("%s; going on without names", trouble);
		status = run(&session, &path, &m->options);
	}
	m->interrupted = session.interrupted;
	session_end(&session);
	record_clear(&path.record);
	return status;
}
