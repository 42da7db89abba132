#include "tools/traceroute/path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/names_messages.h"
#include "tools/shared/options.h"
#include "tools/shared/trace_request.h"

/* ---- the hosts to come ----------------------------------------------------------- */

/* The next one of the command line or of the file, done or not. */
static enum line_state
next_host(struct host_list *l, const char **host, size_t *line)
{
	char shown[OPTIONS_SHOWN_MAX];
	enum line_state state;

	*line = 0;
	if (l->next < l->hosts_count) {
		*host = l->hosts[l->next++];
		return LINE_THERE;
	}
	for (;;) {
		state = line_reader_next(&l->file, host);
		*line = l->file.line;
		if (state != LINE_THERE || strlen(*host) <= NAMES_NAME_MAX)
			return state;
		line_reader_complain(&l->file,
		    "'%s' is not a name or address of 1 to %d bytes",
		    options_show(*host, shown), NAMES_NAME_MAX);
	}
}

enum line_state
host_list_next(struct host_list *l, const char **host, size_t *line)
{
	enum line_state state;

	while ((state = next_host(l, host, line)) == LINE_THERE &&
	       resume_has(&l->done, *host))
		l->left_out++;
	return state;
}

int
host_list_done(const struct host_list *l)
{
	uint64_t all = l->hosts_count, done = l->next;

	if (l->file.fd >= 0 && l->file.size == 0)
		return -1;
	if (l->file.fd >= 0) { /* hosts of the command line are few beside it */
		all = l->file.size;
		done = l->file.taken < all ? l->file.taken : all;
	}
	return all != 0 ? (int)(done * 1000 / all) : 1000;
}

/* ---- one of them ----------------------------------------------------------------- */

struct path *
path_new(uint32_t number, const char *host, size_t line)
{
	struct path *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->number = number;
	p->line = line;
	p->host = strdup(host);
	if (p->host != NULL)
		return p;
	free(p);
	return NULL;
}

void
path_free(struct path *p)
{
	if (p->state >= PATH_RUNNING)
		record_clear(&p->record);
	free(p->host);
	free(p);
}

void
path_complain(const struct path *p, const char *file, const char *text)
{
	if (p->line != 0)
		log_line("%s:%zu: %s", file, p->line, text);
	else
		log_line("%s", text);
}

int
path_prepare(struct path *p, struct measurement *m, const struct naming *naming,
    struct prober_start *start)
{
	const struct trace_options *o = &m->options;
	int error;

	trace_request_start(o, &p->target, start);
	start->instance = p->number;
	error = record_init(&p->record, p->host, trace_options_protocol(o), start,
	    &m->plan.choice.family[family_index(p->target.family)]);
	if (error != 0)
		return error;
	p->state = PATH_RUNNING;
	p->record.began = clock_realtime();
	measurement_scope_target(m, start);
	render_text_init(&p->text, &p->record, naming, o->extensions, &m->out);
	p->text.tcp_info = o->tcp_info != 0;
	p->text.tcp_mss = o->tcp_mss != 0;
	p->text.plain = o->as_traceroute != 0;
	p->text.back = o->back != 0;
	p->text.print_ttl = o->print_ttl != 0;
	return 0;
}
