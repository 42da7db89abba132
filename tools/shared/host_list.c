#include "tools/shared/host_list.h"

#include <string.h>

#include "common/log.h"
#include "common/names_messages.h"
#include "tools/shared/options.h"

void
host_list_init(struct host_list *l, struct measurement *m, bool waits)
{
	const struct trace_options *o = &m->options;
	const char *name = o->targets != NULL && strcmp(o->targets, "-") == 0
			       ? "standard input"
			       : o->targets;

	l->hosts = o->hosts;
	l->hosts_count = o->hosts_count;
	l->next = l->left_out = 0;
	l->done = (struct resume){0};
	line_reader_init(&l->file, m->targets, name, waits);
	m->targets = -1;
}

void
host_list_clear(struct host_list *l)
{
	line_reader_close(&l->file);
	resume_clear(&l->done);
}

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

void
host_list_complain(const struct host_list *l, size_t line, const char *text)
{
	if (line != 0)
		log_line("%s:%zu: %s", l->file.name, line, text);
	else
		log_line("%s", text);
}
