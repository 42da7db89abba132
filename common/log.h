/*
 * Messages for people, on standard error: "program: what failed, on which value, and
 * what to do". It writes with one write(2) and without stdio or locale, so that it
 * works inside the sandbox; it never writes to standard output.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdarg.h>

/*
 * The exit status of every program of ours that could not do its work and has said why.
 */
#define EXIT_EXPLAINED 3

/* The name before the colon; keeps the pointer. The default is "paris". */
void log_set_program(const char *name);
const char *log_program(void);

/*
 * One line from a printf format; the newline is added. Lines longer than 1023 bytes are
 * cut. Control characters in it come out as '?', so text from outside cannot move the
 * cursor, though it should be escaped before (tools/shared/escape.h).
 */
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_line_args(const char *format, va_list args);

/*
 * Ends the process with EXIT_EXPLAINED. For code that cannot report an error
 * (common/hash.h); all else returns -ENOMEM.
 */
void log_out_of_memory(void) __attribute__((noreturn));

#endif
