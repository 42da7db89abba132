/*
 * What a tool prints, on its way to standard output: kept until the reader takes it, so
 * that a slow or stopped reader never blocks the tool and loses nothing. Used by the
 * tools; whoever produces must stop reading its own input while much is pending.
 */
#ifndef TOOLS_SHARED_OUTPUT_H
#define TOOLS_SHARED_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

struct output {
	int fd;    /* not owned; -1: only keep (tests) */
	int error; /* sticky: the first -errno of writing or of memory, else 0 */
	char *data;
	size_t head; /* bytes [head, tail) wait */
	size_t tail;
	size_t room;
};

void output_init(struct output *o, int fd);

/* Frees what is kept. */
void output_clear(struct output *o);

void output_write(struct output *o, const char *data, size_t len);
void output_print(struct output *o, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Bytes that wait: watch the descriptor for writing. 0 after an error. */
size_t output_pending(const struct output *o);

/*
 * Writes a piece, small enough not to block once poll says that the descriptor is
 * ready. Returns 0 or -errno.
 */
int output_write_some(struct output *o);

/*
 * Writes what the reader takes at once, without waiting: what is then said on standard
 * error stands behind it where both are one terminal.
 */
void output_write_ready(struct output *o);

/* Says on standard error what has made it fail. */
void output_log_error(const struct output *o);

/* Writes all, waiting as long as it takes. Returns 0 or -errno. */
int output_drain(struct output *o);

#endif
