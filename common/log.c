#include "common/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LINE_MAX_LEN 1024

static const char *program = "paris";

void
log_set_program(const char *name)
{
	program = name;
}

const char *
log_program(void)
{
	return program;
}

void
log_line_args(const char *format, va_list args)
{
	char line[LINE_MAX_LEN];
	int saved = errno;
	int prefix = snprintf(line, sizeof(line), "%s: ", program);
	int body;
	size_t len;

	if (prefix < 0 || (size_t)prefix >= sizeof(line))
		prefix = 0;
	body = vsnprintf(line + prefix, sizeof(line) - (size_t)prefix, format, args);
	len = (size_t)prefix + (body > 0 ? (size_t)body : 0);
	if (len > sizeof(line) - 1)
		len = sizeof(line) - 1;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[len++] = '\n';
	for (size_t at = 0; at < len;) {
		ssize_t written = write(STDERR_FILENO, line + at, len - at);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			break;
		at += (size_t)written;
	}
	errno = saved;
}

void
log_line(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_line_args(format, args);
	va_end(args);
}

void
log_out_of_memory(void)
{
	log_line("out of memory; is there a limit (ulimit -v)?");
	exit(EXIT_EXPLAINED);
}
