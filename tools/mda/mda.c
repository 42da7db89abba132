#include "tools/mda/mda.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/names_messages.h"
#include "tools/mda/classify.h"
#include "tools/mda/findings.h"
#include "tools/mda/render_dot.h"
#include "tools/mda/render_exhaustive.h"
#include "tools/mda/render_json.h"
#include "tools/mda/render_scamper.h"
#include "tools/mda/render_text.h"
#include "tools/mda/svg.h"
#include "tools/mda/words.h"
#include "tools/shared/escape.h"
#include "tools/shared/progress.h"
#include "tools/shared/remedy.h"
#include "tools/shared/scamper_json.h"
#include "tools/shared/startup.h"
#include "tools/shared/trace_request.h"

/* The job. */
struct search {
	const struct trace_options *options;
	struct multipath *paths; /* by host, as the next two */
	struct prober_start *starts;
	struct classify *classes; /* begins when its search is done */
	struct session session;
	size_t count;
	size_t printed; /* of them */
	bool began;     /* what stands before all of them is printed */
	bool no_memory; /* ... to print with */
	struct progress progress;
	enum exit_status status; /* the worst so far */
};

/* ---- what the prober says -------------------------------------------------------- */

/*
 * Instance h is the search of host h; h + count is the first run of its classification,
 * h + 2 count the second, and so on.
 */
static size_t
host_of(const struct search *s, uint32_t instance)
{
	return instance % s->count;
}

static bool
is_search(const struct search *s, uint32_t instance)
{
	return instance < s->count;
}

static uint32_t
run_of(const struct search *s, uint32_t instance)
{
	return (uint32_t)(instance / s->count - 1);
}

static int
on_started(void *job, const struct prober_started *m)
{
	struct search *s = job;
	size_t host = host_of(s, m->instance);

	if (is_search(s, m->instance))
		return multipath_take_started(&s->paths[host], m);
	return classify_take_started(&s->classes[host], run_of(s, m->instance), m);
}

static int
on_result(void *job, const struct prober_result *m)
{
	struct search *s = job;
	size_t host = host_of(s, m->instance);

	if (is_search(s, m->instance))
		return multipath_take_result(&s->paths[host], m);
	return classify_take_result(&s->classes[host], run_of(s, m->instance), m);
}

/* Has the prober begin what is planned for a host. */
static int
begin_runs(struct search *s, size_t host)
{
	struct classify *c = &s->classes[host];
	int error = 0;

	while (c->runs_begun < c->runs_count && error == 0) {
		struct prober_start *start = &c->runs[c->runs_begun].start;
		uint64_t instance =
		    host + ((uint64_t)c->runs_begun + 1) * (uint64_t)s->count;

		start->instance = (uint32_t)instance;
		error = instance < PROBER_ALL_INSTANCES
			    ? prober_client_begin(s->session.prober, start)
			    : -EOVERFLOW;
		c->runs_begun++;
	}
	return error;
}

/* Whether there is a graph whose nodes can be classified, and it is still wanted. */
static bool
goes_on(const struct search *s, size_t host)
{
	const struct prober_done *done = &s->paths[host].done;

	return s->session.interrupted == 0 && done->replies != 0 &&
	       done->reason != REASON_INTERRUPTED && done->reason != REASON_TIMED_OUT &&
	       done->reason != REASON_HELPER_LOST && done->reason != REASON_FAILED;
}

static int
on_done(void *job, const struct prober_done *m)
{
	struct search *s = job;
	size_t host = host_of(s, m->instance);
	int error;

	if (is_search(s, m->instance))
		error = multipath_take_done(&s->paths[host], m);
	else
		error =
		    classify_take_done(&s->classes[host], run_of(s, m->instance), m);
	if (error == 0)
		error = classify_go_on(&s->classes[host], !goes_on(s, host));
	return error == 0 ? begin_runs(s, host) : error;
}

static bool
host_is_over(const struct search *s, size_t host)
{
	return s->paths[host].broken ||
	       (multipath_is_over(&s->paths[host]) && s->classes[host].over);
}

static bool
is_over(const void *job)
{
	const struct search *s = job;

	for (size_t i = 0; i < s->count; i++)
		if (!host_is_over(s, i))
			return false;
	return true;
}

static void
broken(void *job)
{
	struct search *s = job;

	for (size_t i = 0; i < s->count; i++) {
		s->paths[i].broken = !s->paths[i].has_done;
		classify_break_off(&s->classes[i]);
	}
}

/* ---- printing -------------------------------------------------------------------- */

/* Asks for all names; true when no look-up is open any more. */
static bool
names_are_known(const struct multipath *t, const struct naming *naming)
{
	bool known = true;

	for (uint32_t i = 0; i < graph_vertices(t->graph); i++)
		if (!naming_knows(naming, &graph_vertex(t->graph, i)->addr))
			known = false;
	if (t->has_started && !naming_knows(naming, &t->how.source))
		known = false;
	return known;
}

/* The exit status of one search, and what has to be said of it on standard error. */
static enum exit_status
judge(const struct search *s, const struct multipath *t, const struct findings *f)
{
	char reason[WORDS_MAX];

	if (!t->has_done)
		return EXIT_FAILED;
	if (session_status(&t->done) == EXIT_FAILED ||
	    t->done.reason == REASON_HELPER_LOST)
		log_line(
		    "%s%s", words_reason(t, reason), remedy_of_limit(t->done.error));
	if (t->done.lost_here != 0 && s->options->format == FORMAT_TEXT)
		log_line(
		    "%u replies were lost on this machine: the socket's buffer was "
		    "full; try --pps or -z",
		    t->done.lost_here);
	if (session_status(&t->done) != EXIT_REACHED)
		return session_status(&t->done);
	return findings_is_complete(f) ? EXIT_REACHED : EXIT_NOT_REACHED;
}

/* The old text has no place for what was not found out: that goes to standard error. */
static void
tell_missing(const struct multipath *t)
{
	const char *coverage = words_coverage(t);
	char reason[WORDS_MAX], host[4 * NAMES_NAME_MAX + 1];

	words_reason(t, reason);
	if (t->has_done && session_status(&t->done) != EXIT_FAILED &&
	    t->done.reason != REASON_HELPER_LOST && reason[0] != '\0')
		log_line("%s was %s; %s", escape_terminal(t->host, host, sizeof(host)),
		    multipath_reached(t) ? "reached" : "not reached", reason);
	if (coverage != NULL)
		log_line("%s", coverage);
}

static int
print_exhaustive(
    struct search *s, const struct findings *f, const struct session *session)
{
	int error = graph_render_exhaustive(f, session_naming(session), session->out);

	if (error != 0)
		log_line("out of memory for the text%s", remedy_of_limit(-error));
	else if (!s->options->as_traceroute)
		tell_missing(f->paths);
	return error;
}

static int
print_text(struct search *s, const struct findings *f, const struct session *session)
{
	if (strcmp(f->paths->asked.algorithm, "exhaustive") == 0)
		return print_exhaustive(s, f, session);
	if (s->printed != 0)
		output_print(session->out, "\n");
	graph_render_text(f, session_naming(session), session->out);
	return 0;
}

/* Prints one search; -ENOMEM, or another failure that has been told. */
static int
print_one(struct search *s, const struct findings *f, const struct session *session)
{
	const struct naming *naming = session_naming(session);

	switch ((enum trace_format)s->options->format) {
	case FORMAT_TEXT:
	case FORMAT_CSV: /* these two are not of many paths */
	case FORMAT_ATLAS:
		return print_text(s, f, session);
	case FORMAT_JSON:
		graph_render_json(f, naming, session_failure(session), session->out);
		return 0;
	case FORMAT_SCAMPER:
		graph_render_scamper(f, naming, session->out);
		return 0;
	case FORMAT_DOT:
		graph_render_dot(f, naming, session->out);
		return 0;
	case FORMAT_SVG:
		return svg_draw(f, naming, session->signals, session->out);
	}
	return 0;
}

static void
print_next(struct search *s, const struct session *session)
{
	const struct multipath *t = &s->paths[s->printed];
	enum exit_status status = EXIT_FAILED;
	struct findings f;

	progress_clear(&s->progress);
	if (findings_make(&f, t) == 0) {
		if (s->options->hash_fields != 0 || s->options->prefix != 0)
			findings_classify(&f, &s->classes[s->printed]);
		status = judge(s, t, &f);
		if (print_one(s, &f, session) != 0)
			status = EXIT_FAILED;
		findings_clear(&f);
	} else {
		log_line("out of memory for the graph%s", remedy_of_limit(ENOMEM));
	}
	if (status > s->status)
		s->status = status;
	s->printed++;
}

static bool
render(void *job, const struct session *session)
{
	struct search *s = job;
	bool scamper = s->options->format == FORMAT_SCAMPER;

	if (scamper && !s->began)
		scamper_begin(s->paths[0].began, session->out);
	s->began = true;
	while (s->printed < s->count && host_is_over(s, s->printed) &&
	       names_are_known(&s->paths[s->printed], session_naming(session))) {
		print_next(s, session);
		if (scamper && s->printed == s->count)
			scamper_end(clock_realtime(), session->out);
	}
	return s->printed == s->count;
}

static void
show_progress(struct search *s, int64_t now)
{
	char hosts[64] = "";
	size_t over = 0;
	int last = 0;
	uint32_t links = 0, known = 0, sent = 0;

	for (size_t i = 0; i < s->count; i++) {
		const struct multipath *t = &s->paths[i];

		over += multipath_is_over(t);
		last = multipath_last_ttl(t) > last ? multipath_last_ttl(t) : last;
		links += graph_links(t->graph);
		known += t->answered + t->lost;
		sent += t->highest;
	}
	if (s->count > 1)
		snprintf(hosts, sizeof(hosts), "%zu of %zu hosts, ", over, s->count);
	/* Results come in any order: more may be on their way than are known of. */
	progress_show(&s->progress, now, "%shop %d, %u links, %u probes, %u in flight",
	    hosts, last, links, known, sent > known ? sent - known : 0);
}

static int64_t
progress(void *job, int64_t now)
{
	struct search *s = job;

	if (is_over(s))
		return INT64_MAX;
	if (progress_is_due(&s->progress, now))
		show_progress(s, now);
	return s->progress.next;
}

static const struct session_job search_job = {.started = on_started,
    .result = on_result,
    .done = on_done,
    .is_over = is_over,
    .broken = broken,
    .render = render,
    .progress = progress};

/* ---- start and end --------------------------------------------------------------- */

static void
search_clear(struct search *s)
{
	for (size_t i = 0; s->paths != NULL && i < s->count; i++)
		multipath_clear(&s->paths[i]);
	for (size_t i = 0; s->classes != NULL && i < s->count; i++)
		classify_clear(&s->classes[i]);
	free(s->paths);
	free(s->classes);
	free(s->starts);
	*s = (struct search){0};
}

/* Prepares the search of one host. */
static enum exit_status
add_host(struct search *s, struct measurement *m, size_t number)
{
	const struct trace_options *o = &m->options;
	struct prober_start *start = &s->starts[number];
	struct multipath *t = &s->paths[number];
	enum exit_status status;
	struct addr target;

	status = measurement_find_target(m, o->hosts[number], &target);
	if (status != GO_ON)
		return status;
	trace_request_start(o, &target, start);
	start->instance = (uint32_t)number;
	if (multipath_init(t, o->hosts[number], trace_options_protocol(o), start,
		&m->plan.choice.family[family_index(target.family)]) != 0) {
		log_line("out of memory%s", remedy_of_limit(ENOMEM));
		return EXIT_FAILED;
	}
	t->began = clock_realtime();
	measurement_scope_target(m, start);
	classify_init(&s->classes[number], t, start, o->hash_fields != 0, o->prefix);
	return GO_ON;
}

static enum exit_status
search_init(struct search *s, struct measurement *m)
{
	const struct trace_options *o = &m->options;

	*s = (struct search){.options = o};
	s->paths = calloc(o->hosts_count, sizeof(*s->paths));
	s->starts = calloc(o->hosts_count, sizeof(*s->starts));
	s->classes = calloc(o->hosts_count, sizeof(*s->classes));
	if (s->paths == NULL || s->starts == NULL || s->classes == NULL) {
		log_line("out of memory%s", remedy_of_limit(ENOMEM));
		return EXIT_FAILED;
	}
	progress_init(&s->progress, o->quiet != 0);
	for (; s->count < o->hosts_count; s->count++) {
		enum exit_status status = add_host(s, m, s->count);

		if (status != GO_ON)
			return status;
	}
	return GO_ON;
}

static enum exit_status
search_run(struct search *s, struct measurement *m)
{
	enum exit_status status = EXIT_FAILED;
	char trouble[NAME_CACHE_ERROR_MAX];
	struct name_cache *names = measurement_names(m, false, trouble);

	/* As in a trace: see tools/traceroute/trace.c. */
	if (session_start(&s->session, &search_job, s, &m->prober, &m->plan.choice,
		s->starts, s->count, names, &m->out) == 0 &&
	    startup_finished() == 0) {
		if (trouble[0] != '\0')
			log_line("%s; going on without names", trouble);
		status = session_run(&s->session) == 0 ? s->status : EXIT_FAILED;
		progress_clear(&s->progress);
		if (session_tell_failure(&s->session))
			status = EXIT_FAILED;
	}
	m->interrupted = s->session.interrupted;
	session_end(&s->session);
	return status;
}

enum exit_status
mda_run(struct measurement *m)
{
	struct search s;
	enum exit_status status;

	if (m->options.format == FORMAT_SVG && !svg_is_possible()) {
		log_line("--format svg: there is no dot(1), neither as " SVG_DOT
			 " nor in PATH: install graphviz, or take --format dot");
		return EXIT_USAGE;
	}
	status = search_init(&s, m);
	if (status == GO_ON)
		status = search_run(&s, m);
	search_clear(&s);
	return status;
}
