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
#include "tools/shared/host_list.h"
#include "tools/shared/progress.h"
#include "tools/shared/remedy.h"
#include "tools/shared/scamper_json.h"
#include "tools/shared/startup.h"
#include "tools/shared/trace_request.h"

/*
 * Hosts whose searches are begun and not printed, for each that may run at a time: they
 * are printed in the order of the hosts.
 */
#define KEPT_A_RUN 4

/* A host to be searched. */
struct host {
	char *name; /* as typed */
	struct addr target;
	struct multipath paths; /* once it is begun, until it is printed; as the next */
	struct classify classes; /* begins when its search is done */
};

/* The job. */
struct search {
	const struct trace_options *options;
	struct measurement *m;
	struct host *hosts;
	struct session session;
	size_t count;
	size_t wanted;  /* of them: fewer when it is interrupted */
	size_t begun;   /* likewise */
	size_t printed; /* likewise */
	bool headed;    /* what stands before all of them is printed */
	int64_t began;  /* CLOCK_REALTIME */
	struct progress progress;
	enum exit_status status; /* the worst so far */
};

/* ---- what the prober says -------------------------------------------------------- */

/*
 * Instance h is the search of host h; h + count is the first run of its classification,
 * h + 2 count the second, and so on. NULL: of nothing that is under way.
 */
static struct host *
host_of(const struct search *s, uint32_t instance)
{
	size_t number = instance % s->count;

	return number >= s->printed && number < s->begun ? &s->hosts[number] : NULL;
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
	struct host *h = host_of(s, m->instance);

	if (h == NULL)
		return -EBADMSG;
	if (is_search(s, m->instance))
		return multipath_take_started(&h->paths, m);
	return classify_take_started(&h->classes, run_of(s, m->instance), m);
}

static int
on_result(void *job, const struct prober_result *m)
{
	struct search *s = job;
	struct host *h = host_of(s, m->instance);

	if (h == NULL)
		return -EBADMSG;
	if (is_search(s, m->instance))
		return multipath_take_result(&h->paths, m);
	return classify_take_result(&h->classes, run_of(s, m->instance), m);
}

/* Has the prober begin what is planned for a host. */
static int
begin_runs(struct search *s, struct host *h)
{
	struct classify *c = &h->classes;
	size_t number = (size_t)(h - s->hosts);
	int error = 0;

	while (c->runs_begun < c->runs_count && error == 0) {
		struct prober_start *start = &c->runs[c->runs_begun].start;
		uint64_t instance =
		    number + ((uint64_t)c->runs_begun + 1) * (uint64_t)s->count;

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
goes_on(const struct search *s, const struct host *h)
{
	const struct prober_done *done = &h->paths.done;

	return s->session.interrupted == 0 && done->replies != 0 &&
	       done->reason != REASON_INTERRUPTED && done->reason != REASON_TIMED_OUT &&
	       done->reason != REASON_HELPER_LOST && done->reason != REASON_FAILED;
}

static int
on_done(void *job, const struct prober_done *m)
{
	struct search *s = job;
	struct host *h = host_of(s, m->instance);
	int error = -EBADMSG;

	if (h != NULL && is_search(s, m->instance))
		error = multipath_take_done(&h->paths, m);
	else if (h != NULL)
		error = classify_take_done(&h->classes, run_of(s, m->instance), m);
	if (error == 0)
		error = classify_go_on(&h->classes, !goes_on(s, h));
	return error == 0 ? begin_runs(s, h) : error;
}

static bool
host_is_over(const struct host *h)
{
	return h->paths.broken || (multipath_is_over(&h->paths) && h->classes.over);
}

/* Searches that the prober works at. */
static size_t
running(const struct search *s)
{
	size_t count = 0;

	for (size_t i = s->printed; i < s->begun; i++)
		count += !host_is_over(&s->hosts[i]);
	return count;
}

static bool
is_over(const void *job)
{
	const struct search *s = job;

	return s->begun == s->wanted && running(s) == 0;
}

/* No more searches are begun. */
static void
begin_no_more(struct search *s, enum exit_status status)
{
	if (s->begun < s->wanted && status > s->status)
		s->status = status;
	s->wanted = s->begun;
}

static void
broken(void *job)
{
	struct search *s = job;

	begin_no_more(s, EXIT_FAILED);
	for (size_t i = s->printed; i < s->begun; i++) {
		struct host *h = &s->hosts[i];

		h->paths.broken = !h->paths.has_done;
		classify_break_off(&h->classes);
	}
}

/* ---- hosts, one after the other -------------------------------------------------- */

/* Begins the search of the next host. Returns 0 or -errno. */
static int
begin_search(struct search *s)
{
	const struct trace_options *o = s->options;
	struct host *h = &s->hosts[s->begun];
	struct prober_start start;
	int error;

	trace_request_start(o, &h->target, &start);
	start.instance = (uint32_t)s->begun;
	error = multipath_init(&h->paths, h->name, trace_options_protocol(o), &start,
	    &s->m->plan.choice.family[family_index(h->target.family)]);
	if (error != 0)
		return error;
	h->paths.began = clock_realtime();
	measurement_scope_target(s->m, &start);
	classify_init(&h->classes, &h->paths, &start, o->hash_fields != 0, o->prefix);
	error = prober_client_begin(s->session.prober, &start);
	s->begun += error == 0;
	return error;
}

static void
go_on(void *job)
{
	struct search *s = job;
	size_t parallel = s->options->parallel, at_work = running(s);
	int error = 0;

	if (s->session.interrupted != 0)
		begin_no_more(s, EXIT_NOT_REACHED);
	while (error == 0 && s->begun < s->wanted && at_work < parallel &&
	       s->begun - s->printed < KEPT_A_RUN * parallel) {
		error = begin_search(s);
		at_work++;
	}
	if (error == 0)
		return;
	log_line("cannot start: %s%s", strerror(-error), remedy_of_limit(-error));
	begin_no_more(s, EXIT_FAILED);
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
	struct host *h = &s->hosts[s->printed];
	enum exit_status status = EXIT_FAILED;
	struct findings f;

	progress_clear(&s->progress);
	if (findings_make(&f, &h->paths) == 0) {
		if (s->options->hash_fields != 0 || s->options->prefix != 0)
			findings_classify(&f, &h->classes);
		status = judge(s, &h->paths, &f);
		if (print_one(s, &f, session) != 0)
			status = EXIT_FAILED;
		findings_clear(&f);
	} else {
		log_line("out of memory for the graph%s", remedy_of_limit(ENOMEM));
	}
	if (status > s->status)
		s->status = status;
	s->printed++;
	classify_clear(&h->classes);
	multipath_clear(&h->paths);
	name_cache_trim(&s->m->names, NAME_CACHE_MOST);
}

static bool
can_print(const struct search *s, const struct session *session)
{
	const struct host *h = &s->hosts[s->printed];

	return s->printed < s->begun && host_is_over(h) &&
	       output_pending(session->out) < SESSION_PENDING_MAX &&
	       names_are_known(&h->paths, session_naming(session));
}

static bool
render(void *job, const struct session *session)
{
	struct search *s = job;
	bool scamper = s->options->format == FORMAT_SCAMPER;

	if (scamper && !s->headed)
		scamper_begin(s->began, session->out);
	s->headed = true;
	while (can_print(s, session))
		print_next(s, session);
	if (s->printed < s->wanted)
		return false;
	if (scamper)
		scamper_end(clock_realtime(), session->out);
	return true;
}

static void
show_progress(struct search *s, int64_t now)
{
	char hosts[64] = "";
	size_t over = s->printed;
	int last = 0;
	uint32_t links = 0, known = 0, sent = 0;

	for (size_t i = s->printed; i < s->begun; i++) {
		const struct multipath *t = &s->hosts[i].paths;

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
    .go_on = go_on,
    .render = render,
    .progress = progress};

/* ---- start and end --------------------------------------------------------------- */

static void
search_clear(struct search *s)
{
	for (size_t i = 0; i < s->count; i++) {
		classify_clear(&s->hosts[i].classes);
		multipath_clear(&s->hosts[i].paths);
		free(s->hosts[i].name);
	}
	free(s->hosts);
	*s = (struct search){0};
}

/* Returns 0 or -ENOMEM. */
static int
add_host(struct search *s, const char *name, const struct addr *target, size_t *room)
{
	char *copy = strdup(name);

	if (copy != NULL && s->count == *room) {
		size_t more = *room != 0 ? 2 * *room : 8;
		struct host *hosts = reallocarray(s->hosts, more, sizeof(*hosts));

		if (hosts != NULL) {
			s->hosts = hosts;
			*room = more;
		}
	}
	if (copy == NULL || s->count == *room) {
		free(copy);
		return -ENOMEM;
	}
	s->hosts[s->count++] = (struct host){.name = copy, .target = *target};
	return 0;
}

/*
 * Takes all hosts there are, with their addresses: nothing is sent before, for what
 * instances are called depends on how many there are. Those that cannot be searched are
 * told, and left out.
 */
static void
take_hosts(struct search *s)
{
	char error[NAME_CACHE_ERROR_MAX];
	enum exit_status status;
	struct host_list list;
	size_t line, room = 0;
	struct addr target;
	const char *name;

	host_list_init(&list, s->m, true);
	while (host_list_next(&list, &name, &line) == LINE_THERE) {
		status = measurement_look_up(s->m, name, &target, error);
		if (status == GO_ON && add_host(s, name, &target, &room) != 0) {
			status = EXIT_FAILED;
			snprintf(error, sizeof(error), "out of memory for the host%s",
			    remedy_of_limit(ENOMEM));
		}
		if (status == GO_ON)
			continue;
		host_list_complain(&list, line, error);
		if (status > s->status)
			s->status = status;
	}
	if (list.file.wrong != 0 && s->status < EXIT_USAGE)
		s->status = EXIT_USAGE;
	host_list_clear(&list);
	s->wanted = s->count;
}

static void
search_run(struct search *s)
{
	struct measurement *m = s->m;
	char trouble[NAME_CACHE_ERROR_MAX];
	struct name_cache *names = measurement_names(m, false, trouble);
	bool failed = true;

	s->began = clock_realtime();
	/* As in a trace: see tools/traceroute/trace.c. */
	if (session_start(&s->session, &search_job, s, &m->prober, &m->plan.choice,
		NULL, 0, names, &m->out) == 0 &&
	    startup_finished() == 0) {
		if (trouble[0] != '\0')
			log_line("%s; going on without names", trouble);
		failed = session_run(&s->session) != 0;
		progress_clear(&s->progress);
		failed = session_tell_failure(&s->session) || failed;
	}
	if (failed)
		s->status = EXIT_FAILED;
	m->interrupted = s->session.interrupted;
	session_end(&s->session);
}

enum exit_status
mda_run(struct measurement *m)
{
	struct search s = {.options = &m->options, .m = m};
	enum exit_status status;

	if (m->options.format == FORMAT_SVG && !svg_is_possible()) {
		log_line("--format svg: there is no dot(1), neither as " SVG_DOT
			 " nor in PATH: install graphviz, or take --format dot");
		return EXIT_USAGE;
	}
	progress_init(&s.progress, m->options.quiet != 0);
	take_hosts(&s);
	if (s.count != 0)
		search_run(&s);
	status = s.status;
	search_clear(&s);
	return status;
}
