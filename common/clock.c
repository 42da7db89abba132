#include "common/clock.h"

int64_t
clock_from_timespec(const struct timespec *ts)
{
	return (int64_t)ts->tv_sec * NS_PER_SECOND + ts->tv_nsec;
}

struct timespec
clock_to_timespec(int64_t ns)
{
	return (struct timespec){
	    .tv_sec = ns / NS_PER_SECOND, .tv_nsec = ns % NS_PER_SECOND};
}

int64_t
clock_monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return clock_from_timespec(&ts);
}

int64_t
clock_realtime(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return clock_from_timespec(&ts);
}

int64_t
clock_elapsed(int64_t earlier, int64_t later)
{
	int64_t elapsed;

	if (later <= earlier || __builtin_sub_overflow(later, earlier, &elapsed))
		return 0;
	return elapsed;
}
