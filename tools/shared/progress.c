#include "tools/shared/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"

#define INTERVAL (NS_PER_SECOND / 10)

static bool
is_wanted(void)
{
	struct stat out;

	return isatty(STDERR_FILENO) &&
	       (isatty(STDOUT_FILENO) ||
		   (fstat(STDOUT_FILENO, &out) == 0 && S_ISREG(out.st_mode)));
}

void
progress_init(struct progress *p, bool quiet)
{
	bool on = !quiet && is_wanted();

	*p = (struct progress){.on = on, .next = on ? 0 : INT64_MAX};
}

bool
progress_is_due(const struct progress *p, int64_t now)
{
	return p->on && now >= p->next;
}

void
progress_show(struct progress *p, int64_t now, const char *format, ...)
{
	va_list args;

	fputs("\r\033[K", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fflush(stderr);
	p->shown = true;
	p->next = now + INTERVAL;
}

void
progress_clear(struct progress *p)
{
	if (!p->shown)
		return;
	fputs("\r\033[K", stderr);
	fflush(stderr);
	p->shown = false;
	p->next = 0;
}
