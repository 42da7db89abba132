#include "tools/live/live.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/names_messages.h"
#include "tools/live/rounds.h"
#include "tools/live/table.h"
#include "tools/live/terminal.h"
#include "tools/shared/escape.h"
#include "tools/shared/remedy.h"
#include "tools/shared/reply_text.h"
#include "tools/shared/startup.h"
#include "tools/shared/trace_request.h"

#define FRAME (NS_PER_SECOND / 10) /* least time between two screens */
/*
 * Rounds on their way: where hops are silent a round takes longer than the interval to
 * the next one.
 */
#define ROUNDS_AT_ONCE 16
#define HEADING_LINES 2
#define PRINTED_WIDTH 80
#define ERROR_MAX 400
#define HOST_TEXT_MAX (4 * NAMES_NAME_MAX + 1)

/* The job. */
struct live {
	const struct trace_options *options;
	const char *protocol;
	struct session session;
	struct rounds rounds;
	struct prober_start start; /* of the next round */
	struct prober_started how; /* of the first one */
	struct prober_done last;   /* of the latest that could not measure */
	uint32_t begun;            /* rounds */
	uint32_t over;
	int64_t next_round; /* CLOCK_MONOTONIC, as the next */
	int64_t next_frame;
	size_t from; /* the first line of the table that the screen shows */
	bool changed;
	bool numeric; /* addresses only */
	bool paused;
	bool quit;
	bool broken;
	bool reached; /* before the figures began anew */
	bool failed;  /* a round could not measure */
	bool has_started;
};

/* ---- what the prober says -------------------------------------------------------- */

static int
on_started(void *job, const struct prober_started *m)
{
	struct live *l = job;

	if (m->instance >= l->begun)
		return -EBADMSG;
	if (l->has_started)
		return 0;
	l->has_started = true;
	l->how = *m;
	/* Every round is of the same flow. */
	if (m->src_port != 0 && l->start.src_port == 0)
		l->start.src_port = m->src_port;
	return 0;
}

static int
on_result(void *job, const struct prober_result *m)
{
	struct live *l = job;

	if (m->instance >= l->begun)
		return -EBADMSG;
	rounds_take_result(&l->rounds, m);
	l->changed = true;
	return 0;
}

static int
on_done(void *job, const struct prober_done *m)
{
	struct live *l = job;

	if (m->instance >= l->begun || l->over >= l->begun)
		return -EBADMSG;
	l->over++;
	rounds_take_done(&l->rounds, m);
	if (m->reason == REASON_FAILED || m->reason == REASON_HELPER_LOST) {
		l->failed = true;
		l->last = *m;
	}
	l->changed = true;
	return 0;
}

static bool
is_over(const void *job)
{
	const struct live *l = job;

	return l->quit || l->broken || l->failed ||
	       (l->options->rounds != 0 && l->over == l->options->rounds);
}

static void
broken(void *job)
{
	struct live *l = job;

	l->broken = true;
}

/* ---- the screen ------------------------------------------------------------------ */

static void
heading(const struct live *l, char *line)
{
	char host[HOST_TEXT_MAX], addr[REPLY_ADDR_MAX];

	snprintf(line, TABLE_LINE_MAX, "%s (%s), %s, round %u%s",
	    escape_terminal(l->options->host, host, sizeof(host)),
	    reply_addr_text(&l->start.target, addr), l->protocol, l->begun,
	    l->paused ? ", paused" : "");
}

static const struct naming *
naming(const struct live *l)
{
	return l->numeric ? NULL : session_naming(&l->session);
}

static void
draw(struct live *l)
{
	struct table t = {.rounds = &l->rounds, .naming = naming(l)};
	char line[TABLE_LINE_MAX];
	int height;
	size_t lines, room;
	bool strong;

	terminal_size(&t.width, &height);
	lines = table_lines(&t);
	room = height > HEADING_LINES + 1 ? (size_t)(height - HEADING_LINES - 1) : 0;
	if (l->from + room > lines - 1)
		l->from = lines - 1 > room ? lines - 1 - room : 0;
	terminal_erase();
	heading(l, line);
	terminal_line(0, line, false);
	terminal_line(1, "q quit  p pause  r reset  n names", false);
	terminal_line(HEADING_LINES, table_line(&t, 0, line, &strong), true);
	for (size_t i = 0; i < room && 1 + l->from + i < lines; i++)
		terminal_line(HEADING_LINES + 1 + (int)i,
		    table_line(&t, 1 + l->from + i, line, &strong), strong);
	terminal_show();
}

/* ---- keys ------------------------------------------------------------------------ */

static void
take_key(struct live *l, int key)
{
	switch (key) {
	case 'q':
	case 'Q':
		l->quit = true;
		break;
	case 'p':
	case ' ':
		l->paused = !l->paused;
		l->next_round = clock_monotonic();
		break;
	case 'r':
		l->reached = l->reached || l->rounds.reached != 0;
		rounds_init(&l->rounds, l->start.first_ttl);
		break;
	case 'n':
		l->numeric = !l->numeric;
		break;
	case TERMINAL_UP:
	case 'k':
		l->from -= l->from > 0;
		break;
	case TERMINAL_DOWN:
	case 'j':
		l->from++;
		break;
	default:
		break;
	}
	l->changed = true;
}

/* What was typed; a change of the terminal's size is told so, too. */
static void
take_keys(struct live *l)
{
	for (int key; (key = terminal_key()) != TERMINAL_NOTHING;)
		take_key(l, key);
	l->quit = l->quit || terminal_is_gone();
}

static int
input(const void *job)
{
	(void)job;
	return STDIN_FILENO;
}

/* ---- rounds ---------------------------------------------------------------------- */

/* Begins the rounds that are due. */
static void
begin_rounds(struct live *l, int64_t now)
{
	if (now < l->next_round || l->paused || is_over(l) ||
	    l->begun - l->over >= ROUNDS_AT_ONCE ||
	    (l->options->rounds != 0 && l->begun == l->options->rounds))
		return;
	l->start.instance = l->begun;
	if (l->begun + 1 >= PROBER_ALL_INSTANCES ||
	    prober_client_begin(l->session.prober, &l->start) != 0) {
		l->quit = true;
		return;
	}
	l->begun++;
	l->next_round += l->options->interval;
	if (l->next_round < now)
		l->next_round = now;
	l->changed = true;
}

static int64_t
progress(void *job, int64_t now)
{
	struct live *l = job;
	bool waits;

	take_keys(l);
	begin_rounds(l, now);
	waits = l->paused || l->begun - l->over >= ROUNDS_AT_ONCE ||
		(l->options->rounds != 0 && l->begun == l->options->rounds);
	if (l->changed && now >= l->next_frame) {
		draw(l);
		l->changed = false;
		l->next_frame = now + FRAME;
	}
	if (l->changed && (waits || l->next_frame < l->next_round))
		return l->next_frame;
	return waits ? INT64_MAX : l->next_round;
}

/* ---- the end --------------------------------------------------------------------- */

/* What remains when the screen has gone. */
static void
print_table(const struct live *l, struct output *out)
{
	struct table t = {
	    .rounds = &l->rounds, .naming = naming(l), .width = PRINTED_WIDTH};
	char line[TABLE_LINE_MAX];
	bool strong;

	heading(l, line);
	output_print(out, "%s\n", line);
	for (size_t i = 0; i < table_lines(&t); i++)
		output_print(out, "%s\n", table_line(&t, i, line, &strong));
}

static bool
render(void *job, const struct session *s)
{
	struct live *l = job;

	/* One signal is enough: what is shown is known already. */
	l->quit = l->quit || s->interrupted != 0;
	if (!is_over(l))
		return false;
	terminal_end();
	print_table(l, s->out);
	return true;
}

static const struct session_job live_job = {.started = on_started,
    .result = on_result,
    .done = on_done,
    .is_over = is_over,
    .broken = broken,
    .render = render,
    .progress = progress,
    .input = input,
    .endless = true};

static enum exit_status
judge(const struct live *l)
{
	char detail[PROBER_DETAIL_MAX + 1], shown[4 * PROBER_DETAIL_MAX + 1];

	if (session_tell_failure(&l->session))
		return EXIT_FAILED;
	if (!l->failed)
		return l->reached || l->rounds.reached != 0 ? EXIT_REACHED
							    : EXIT_NOT_REACHED;
	snprintf(detail, sizeof(detail), "%s", l->last.detail);
	log_line("%s%s",
	    detail[0] != '\0' ? escape_terminal(detail, shown, sizeof(shown))
			      : strerror(l->last.error),
	    remedy_of_limit(l->last.error));
	return EXIT_FAILED;
}

static enum exit_status
run(struct live *l, struct measurement *m)
{
	char trouble[NAME_CACHE_ERROR_MAX];
	struct name_cache *names = measurement_names(m, false, trouble);
	enum exit_status status = EXIT_FAILED;

	l->next_round = clock_monotonic() + l->options->interval;
	if (session_start(&l->session, &live_job, l, &m->prober, &m->plan.choice,
		&l->start, 1, names, &m->out) == 0 &&
	    startup_finished() == 0) {
		if (trouble[0] != '\0')
			log_line("%s; going on without names", trouble);
		terminal_begin();
		status = session_run(&l->session) == 0 ? judge(l) : EXIT_FAILED;
		terminal_end();
	}
	m->interrupted = l->session.interrupted;
	session_end(&l->session);
	return status;
}

enum exit_status
live(struct measurement *m, const struct addr *target)
{
	const struct trace_options *o = &m->options;
	static struct live l; /* large */
	char error[ERROR_MAX];

	if (terminal_check(error, sizeof(error)) != 0) {
		log_line("%s", error);
		return EXIT_USAGE;
	}
	l = (struct live){.options = o,
	    .protocol = trace_options_protocol(o),
	    .begun = 1,
	    .changed = true};
	trace_request_start(o, target, &l.start);
	l.start.queries = 1;
	measurement_scope_target(m, &l.start);
	rounds_init(&l.rounds, l.start.first_ttl);
	return run(&l, m);
}
