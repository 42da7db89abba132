/*
 * Messages for people, on standard error: "program: what failed, on which value, and
 * what to do". It writes with one write(2) and without stdio or locale, so that it
 * works inside the sandbox; it never writes to standard output.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdarg.h>

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

#endif
