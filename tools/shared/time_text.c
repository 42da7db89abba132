#include "tools/shared/time_text.h"

#include <stdio.h>
#include <time.h>

#include "common/clock.h"

const char *
time_text(int64_t at, char *buf)
{
	struct timespec ts = clock_to_timespec(at);
	char day[32];
	struct tm tm;

	buf[0] = '\0';
	if (gmtime_r(&ts.tv_sec, &tm) != NULL &&
	    strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm) != 0)
		snprintf(buf, TIME_TEXT_MAX, "%s.%09ldZ", day, ts.tv_nsec);
	return buf;
}
