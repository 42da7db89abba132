/*
 * The hosts to come: those of the command line, then those of the file of --targets,
 * but for those that --resume leaves out. Used by the tools.
 */
#ifndef TOOLS_SHARED_HOST_LIST_H
#define TOOLS_SHARED_HOST_LIST_H

#include <stddef.h>

#include "tools/shared/line_reader.h"
#include "tools/shared/measurement.h"
#include "tools/shared/resume.h"

struct host_list {
	char *const *hosts;
	size_t hosts_count;
	size_t next;
	struct line_reader file;
	struct resume done; /* of an earlier run */
	size_t left_out;    /* because of it */
};

/*
 * The hosts that the options name; the file is taken from the measurement. `waits` as
 * of line_reader_init. Nothing is left out unless the caller reads `done`.
 */
void host_list_init(struct host_list *l, struct measurement *m, bool waits);
void host_list_clear(struct host_list *l);

/*
 * The next host that no earlier run has traced, in *host, valid until the next call,
 * with its line (0: of the command line).
 */
enum line_state host_list_next(struct host_list *l, const char **host, size_t *line);

/* How much of the list was handed out, in 1/1000; -1: not known (a pipe). */
int host_list_done(const struct host_list *l);

/* Says what is wrong with the host of a line (0: of the command line): FILE:LINE: text.
 */
void host_list_complain(const struct host_list *l, size_t line, const char *text);

#endif
