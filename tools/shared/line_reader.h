/*
 * A file that has one word a line, read as its lines come: blanks around the word,
 * empty lines and comments from a # on do not count. Lines that are wrong are told on
 * standard error, by file and line, and left out. Used by the tools.
 */
#ifndef TOOLS_SHARED_LINE_READER_H
#define TOOLS_SHARED_LINE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE_MAX_LEN 4095 /* bytes of a line, its comment included */

enum line_state {
	LINE_THERE,
	LINE_LATER, /* the file has no more for now: watch its descriptor */
	LINE_END,   /* or it cannot be read any more, which was told */
};

struct line_reader {
	int fd;           /* owned, but for standard input; -1: nothing to read */
	const char *name; /* for messages; not owned */
	size_t line;      /* number of the line read last, from 1 */
	size_t wrong;     /* lines left out, and failures to read */
	uint64_t size;    /* of a regular file, else 0 */
	uint64_t taken;   /* bytes of it that were handed out */
	bool waits;
	bool ended;
	bool too_long; /* inside of a line that was told already */
	size_t head;   /* bytes [head, tail) wait */
	size_t tail;
	char data[2 * (LINE_MAX_LEN + 1)];
};

/*
 * Takes over fd (-1: an empty file). With `waits` there is no LINE_LATER: the file is
 * waited for, whatever it is.
 */
void line_reader_init(struct line_reader *r, int fd, const char *name, bool waits);
void line_reader_close(struct line_reader *r);

/*
 * The word of the next line that has one, valid until the next call, in *word. Else
 * than with `waits` it waits for a disk at most, not for who writes to a pipe.
 */
enum line_state line_reader_next(struct line_reader *r, const char **word);

/* Says what is wrong with the line read last, and counts it. */
void line_reader_complain(struct line_reader *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
