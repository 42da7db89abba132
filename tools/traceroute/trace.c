#include "tools/traceroute/trace.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "tools/shared/host_list.h"
#include "tools/shared/progress.h"
#include "tools/shared/remedy.h"
#include "tools/shared/startup.h"
#include "tools/shared/target.h"
#include "tools/traceroute/notes.h"
#include "tools/traceroute/path.h"
#include "tools/traceroute/renderer.h"

/*
 * Paths that are kept, for each that may run at a time: most of them are over, and wait
 * to be printed, for names, for an earlier one (--ordered) or for who reads.
 */
#define KEPT_A_RUN 4

/* The job. */
struct tracing {
	struct measurement *m;
	const struct trace_options *options;
	const struct renderer *renderer;
	struct host_list hosts;
	bool hosts_ended;
	bool many;             /* there may be more than one */
	struct path_list all;  /* in the order of the hosts */
	struct path_list wait; /* PATH_RESOLVING and PATH_READY, likewise */
	struct path_list over; /* PATH_OVER, in the order in which they ended */
	struct path *by_number;
	size_t kept;
	size_t waiting;
	size_t running;
	uint32_t next_number;
	size_t ended;    /* hosts that need no more */
	size_t printed;  /* traces */
	uint64_t probes; /* sent by the traces that are over */
	bool rendering;  /* the output has its beginning */
	int64_t began;   /* CLOCK_MONOTONIC */
	struct progress progress;
	struct session session;
	enum exit_status status; /* the worst so far */
};

static void
worsen(struct tracing *t, enum exit_status status)
{
	if (status > t->status)
		t->status = status;
}

static struct path *
find_path(const struct tracing *t, uint32_t number)
{
	struct path *p;

	HASH_FIND(hh, t->by_number, &number, sizeof(number), p);
	return p;
}

/* ---- paths come and go ----------------------------------------------------------- */

static void
add_path(struct tracing *t, struct path *p)
{
	TAILQ_INSERT_TAIL(&t->all, p, in_all);
	TAILQ_INSERT_TAIL(&t->wait, p, in_state);
	HASH_ADD(hh, t->by_number, number, sizeof(p->number), p);
	t->kept++;
	t->waiting++;
}

static void
leave_waiting(struct tracing *t, struct path *p)
{
	TAILQ_REMOVE(&t->wait, p, in_state);
	t->waiting--;
}

/* Forgets a path, which is in no list of its state any more. */
static void
drop_path(struct tracing *t, struct path *p)
{
	TAILQ_REMOVE(&t->all, p, in_all);
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): p is in the table */
	HASH_DEL(t->by_number, p);
	t->kept--;
	path_free(p);
}

/* A host of which there will be no trace. */
static void
give_up(struct tracing *t, struct path *p, enum exit_status status, const char *why)
{
	progress_clear(&t->progress);
	host_list_complain(&t->hosts, p->line, why);
	worsen(t, status);
	leave_waiting(t, p);
	drop_path(t, p);
	t->ended++;
}

static void
give_up_for(struct tracing *t, struct path *p, int error)
{
	char text[256];

	snprintf(text, sizeof(text), "cannot start: %s%s", strerror(error),
	    remedy_of_limit(error));
	give_up(t, p, EXIT_FAILED, text);
}

static void
finish_path(struct tracing *t, struct path *p)
{
	p->state = PATH_OVER;
	TAILQ_INSERT_TAIL(&t->over, p, in_state);
	t->running--;
	t->ended++;
	t->probes += p->record.done.sent;
}

/* ---- what the prober says -------------------------------------------------------- */

static struct record *
running_record(const struct tracing *t, uint32_t instance)
{
	struct path *p = find_path(t, instance);

	return p != NULL && p->state == PATH_RUNNING ? &p->record : NULL;
}

static int
on_started(void *job, const struct prober_started *m)
{
	struct record *r = running_record(job, m->instance);

	return r != NULL ? record_take_started(r, m) : -EBADMSG;
}

static int
on_result(void *job, const struct prober_result *m)
{
	struct record *r = running_record(job, m->instance);

	return r != NULL ? record_take_result(r, m) : -EBADMSG;
}

static int
on_done(void *job, const struct prober_done *m)
{
	struct record *r = running_record(job, m->instance);
	int error = r != NULL ? record_take_done(r, m) : -EBADMSG;

	if (error == 0)
		finish_path(job, find_path(job, m->instance));
	return error;
}

static void
drop_waiting(struct tracing *t)
{
	struct path *p;

	t->hosts_ended = true;
	while ((p = TAILQ_FIRST(&t->wait)) != NULL) {
		worsen(t, EXIT_NOT_REACHED);
		leave_waiting(t, p);
		drop_path(t, p);
	}
}

static bool
is_over(const void *job)
{
	const struct tracing *t = job;

	return t->hosts_ended && t->waiting == 0 && t->running == 0;
}

static void
broken(void *job)
{
	struct tracing *t = job;
	struct path *p;

	drop_waiting(t);
	TAILQ_FOREACH (p, &t->all, in_all)
		if (p->state == PATH_RUNNING) {
			p->record.broken = true;
			finish_path(t, p);
		}
}

/* ---- hosts and their addresses --------------------------------------------------- */

/* The address is known: whether it may be probed. */
static void
take_address(struct tracing *t, struct path *p)
{
	char error[TARGET_ERROR_MAX];
	enum exit_status status =
	    measurement_check_target(t->m, p->host, &p->target, error);

	if (status != GO_ON)
		give_up(t, p, status, error);
	else
		p->state = PATH_READY;
}

/* What paris-names has found of a host. */
static void
on_found(void *job, const struct names_addrs *answer)
{
	struct tracing *t = job;
	struct path *p = find_path(t, answer->question);
	char error[TARGET_ERROR_MAX];

	if (p == NULL || p->state != PATH_RESOLVING)
		return;
	if (target_from_answer(&t->m->names, p->host, measurement_family(t->m), answer,
		&p->target, error) != 0)
		give_up(t, p, EXIT_USAGE, error);
	else
		take_address(t, p);
}

static void
look_up(struct tracing *t, struct path *p)
{
	char error[TARGET_ERROR_MAX];
	int result = target_from_text(p->host, t->options->family, &p->target, error);

	if (result == 0) {
		take_address(t, p);
		return;
	}
	if (result == -EINVAL)
		result = target_ask(
		    &t->m->names, p->host, measurement_family(t->m), p->number, error);
	if (result != 0)
		give_up(t, p, EXIT_USAGE, error);
}

/* Takes a host from the list, if there is room and one is there. */
static bool
take_host(struct tracing *t)
{
	const char *host = NULL;
	size_t line = 0;
	struct path *p;

	if (t->hosts_ended || t->waiting >= t->options->parallel ||
	    t->kept >= (size_t)KEPT_A_RUN * t->options->parallel)
		return false;
	switch (host_list_next(&t->hosts, &host, &line)) {
	case LINE_LATER:
		return false;
	case LINE_END:
		t->hosts_ended = true;
		return false;
	case LINE_THERE:
		break;
	}
	p = path_new(t->next_number++, host, line);
	if (p == NULL) {
		log_line("out of memory for another host%s", remedy_of_limit(ENOMEM));
		worsen(t, EXIT_FAILED);
		return false;
	}
	add_path(t, p);
	look_up(t, p);
	return true;
}

static void
begin_path(struct tracing *t, struct path *p)
{
	struct prober_start start;
	int error = path_prepare(p, t->m, session_naming(&t->session), &start);

	if (error == 0)
		error = prober_client_begin(t->session.prober, &start);
	if (error != 0) {
		give_up_for(t, p, -error);
		return;
	}
	leave_waiting(t, p);
	t->running++;
}

/* Begins traces whose addresses are known, the first of the list first. */
static void
begin_paths(struct tracing *t)
{
	struct path *p, *next;

	for (p = TAILQ_FIRST(&t->wait); p != NULL && t->running < t->options->parallel;
	     p = next) {
		next = TAILQ_NEXT(p, in_state);
		if (p->state == PATH_READY)
			begin_path(t, p);
	}
}

static void
go_on(void *job)
{
	struct tracing *t = job;

	if (t->session.interrupted != 0 && !is_over(t))
		drop_waiting(t);
	do
		begin_paths(t);
	while (take_host(t));
}

static int
input(const void *job)
{
	const struct tracing *t = job;
	bool room = t->waiting < t->options->parallel &&
		    t->kept < (size_t)KEPT_A_RUN * t->options->parallel;

	return !t->hosts_ended && room ? t->hosts.file.fd : -1;
}

/* ---- printing -------------------------------------------------------------------- */

/* Whether a person reads along: no program that reads json or expects traceroute. */
static bool
wants_notes(const struct trace_options *o)
{
	return o->format == FORMAT_TEXT && !o->as_traceroute;
}

/* What has to be said of a trace on standard error, and its exit status. */
static void
judge(struct tracing *t, const struct path *p)
{
	const struct record *r = &p->record;

	if (r->has_done &&
	    (wants_notes(t->options) || r->done.reason == REASON_FAILED ||
		r->done.reason == REASON_HELPER_LOST)) {
		output_write_ready(&t->m->out);
		notes_print(r, t->many);
	}
	worsen(t, r->has_done ? session_status(&r->done) : EXIT_FAILED);
}

/*
 * Prints what can be printed of a path; true when that is all. Text of the one that is
 * next in order comes as it becomes known.
 */
static bool
print_path(struct tracing *t, struct path *p, bool in_order)
{
	bool text = t->options->format == FORMAT_TEXT;
	struct rendering how = {.naming = session_naming(&t->session),
	    .failure = session_failure(&t->session)};

	if (p->state < PATH_RUNNING)
		return false;
	if (!(text && in_order) &&
	    (p->state != PATH_OVER || !renderer_names_known(&p->record, how.naming)))
		return false;
	progress_clear(&t->progress);
	p->text.follows = t->printed != 0;
	if (text)
		return render_text_advance(&p->text) && p->state == PATH_OVER;
	t->renderer->trace(&p->record, &how, &t->m->out);
	return true;
}

/* Prints all that is left of one path; NULL when there is none of which it can. */
static struct path *
print_one(struct tracing *t)
{
	struct path *p;

	if (t->options->ordered || !t->many) {
		p = TAILQ_FIRST(&t->all);
		return p != NULL && print_path(t, p, true) ? p : NULL;
	}
	TAILQ_FOREACH (p, &t->over, in_state)
		if (print_path(t, p, false))
			return p;
	return NULL;
}

static bool
print_next(struct tracing *t)
{
	struct path *p = print_one(t);

	if (p == NULL)
		return false;
	judge(t, p);
	TAILQ_REMOVE(&t->over, p, in_state);
	drop_path(t, p);
	t->printed++;
	name_cache_trim(&t->m->names, NAME_CACHE_MOST);
	return true;
}

/* Whether what is printed goes behind what an earlier run has printed. */
static bool
is_appended(int resume)
{
	struct stat out, before;

	return resume >= 0 && fstat(resume, &before) == 0 &&
	       fstat(STDOUT_FILENO, &out) == 0 && out.st_dev == before.st_dev &&
	       out.st_ino == before.st_ino && before.st_size != 0;
}

static bool
render(void *job, const struct session *session)
{
	struct tracing *t = job;

	(void)session;
	while (output_pending(&t->m->out) < SESSION_PENDING_MAX && print_next(t)) {
	}
	if (!is_over(t) || t->kept != 0)
		return false;
	t->renderer->end(clock_realtime(), &t->m->out);
	return true;
}

/* ---- progress -------------------------------------------------------------------- */

/* "1:02:03", or "2:03" */
static const char *
clock_text(int64_t seconds, char *text, size_t room)
{
	int hours = (int)(seconds / 3600), minutes = (int)(seconds / 60 % 60);

	if (hours != 0)
		snprintf(
		    text, room, "%d:%02d:%02d", hours, minutes, (int)(seconds % 60));
	else
		snprintf(text, room, "%d:%02d", minutes, (int)(seconds % 60));
	return text;
}

static void
show_progress(struct tracing *t, int64_t now)
{
	double passed = (double)(now - t->began) / (double)NS_PER_SECOND;
	int taken = t->hosts_ended ? 1000 : host_list_done(&t->hosts);
	size_t handed = t->ended + t->waiting + t->running;
	char left[80] = "";

	/* As many again as there were so far for each part of the list. */
	if (taken > 0 && t->ended > 0 && passed > 0) {
		double all = (double)handed * 1000 / taken;
		double seconds = passed * (all - (double)t->ended) / (double)t->ended;
		char text[32];

		snprintf(left, sizeof(left), " of %s%.0f, %s left",
		    t->hosts_ended ? "" : "about ", all,
		    clock_text((int64_t)seconds, text, sizeof(text)));
	}
	progress_show(&t->progress, now,
	    "%zu hosts%s, %zu at work, %.1f hosts/s, %.0f "
	    "probes/s",
	    t->ended, left, t->running, passed > 0 ? (double)t->ended / passed : 0.0,
	    passed > 0 ? (double)t->probes / passed : 0.0);
}

static int64_t
progress(void *job, int64_t now)
{
	struct tracing *t = job;

	if (is_over(t) || !t->many)
		return INT64_MAX;
	if (progress_is_due(&t->progress, now))
		show_progress(t, now);
	return t->progress.next;
}

static const struct session_job tracing_job = {.started = on_started,
    .result = on_result,
    .done = on_done,
    .is_over = is_over,
    .broken = broken,
    .go_on = go_on,
    .input = input,
    .render = render,
    .progress = progress};

/* ---- start and end --------------------------------------------------------------- */

/* The one host, whose address is known. */
static int
take_one(struct tracing *t, const struct addr *target)
{
	struct path *p = path_new(t->next_number++, t->options->host, 0);

	if (p == NULL)
		return -ENOMEM;
	p->target = *target;
	p->state = PATH_READY;
	t->hosts_ended = true;
	add_path(t, p);
	return 0;
}

static void
take_list(struct tracing *t)
{
	t->many = true;
	host_list_init(&t->hosts, t->m, false);
}

/* What earlier output there is. */
static int
take_resume(struct tracing *t)
{
	bool appended = is_appended(t->m->resume);
	int resume = t->m->resume, error;

	if (resume < 0)
		return 0;
	t->m->resume = -1;
	error = resume_read(&t->hosts.done, resume, t->options->resume);
	if (error == 0 && appended && t->hosts.done.torn)
		output_print(&t->m->out, "\n");
	t->rendering = appended;
	return error;
}

/* Reads what there is to read, and has the prober ready. */
static int
prepare(struct tracing *t, const struct addr *target)
{
	struct measurement *m = t->m;
	char trouble[NAME_CACHE_ERROR_MAX];
	struct name_cache *names = measurement_names(m, target == NULL, trouble);
	int error = 0;

	m->names.found = on_found;
	m->names.found_context = t;
	/*
	 * All servants are started before the tool sets no_new_privs on itself: a
	 * servant with a file capability would lose it otherwise. From there on the
	 * tool holds nothing that it could give away.
	 */
	if (session_start(&t->session, &tracing_job, t, &m->prober, &m->plan.choice,
		NULL, 0, names, &m->out) != 0 ||
	    startup_finished() != 0)
		return -EIO;
	if (trouble[0] != '\0')
		log_line("%s; going on without names", trouble);
	if (target != NULL)
		error = take_one(t, target);
	else
		take_list(t);
	if (error != 0)
		log_line(
		    "cannot start: %s%s", strerror(-error), remedy_of_limit(-error));
	return error != 0 ? error : take_resume(t);
}

static void
run(struct tracing *t)
{
	progress_init(&t->progress, t->options->quiet != 0);
	t->began = clock_monotonic();
	if (!t->rendering)
		t->renderer->begin(clock_realtime(), &t->m->out);
	if (session_run(&t->session) != 0)
		worsen(t, EXIT_FAILED);
	progress_clear(&t->progress);
	if (session_tell_failure(&t->session))
		worsen(t, EXIT_FAILED);
	if (t->hosts.file.wrong != 0)
		worsen(t, EXIT_USAGE);
	if (t->hosts.left_out != 0)
		log_line("%zu hosts are in %s already", t->hosts.left_out,
		    t->options->resume);
}

static void
clear(struct tracing *t)
{
	struct path *p;

	session_end(&t->session);
	while ((p = TAILQ_FIRST(&t->all)) != NULL)
		drop_path(t, p);
	host_list_clear(&t->hosts);
}

enum exit_status
trace(struct measurement *m, const struct addr *target)
{
	static struct tracing t; /* large */
	int error;

	t = (struct tracing){
	    .m = m, .options = &m->options, .renderer = renderer_of(m->options.format)};
	TAILQ_INIT(&t.all);
	TAILQ_INIT(&t.wait);
	TAILQ_INIT(&t.over);
	line_reader_init(&t.hosts.file, -1, "", false);
	error = prepare(&t, target);
	if (error == 0)
		run(&t);
	else
		worsen(&t, error == -EINVAL ? EXIT_USAGE : EXIT_FAILED);
	m->interrupted = t.session.interrupted;
	clear(&t);
	return t.status;
}
