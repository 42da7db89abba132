/*
 * Times. One unit everywhere: nanoseconds in an int64_t. Any process may use it.
 */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_SECOND INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_US INT64_C(1000)

/* Time for waiting: CLOCK_MONOTONIC. */
int64_t clock_monotonic(void);

/* Time of day: CLOCK_REALTIME, which the kernel stamps packets with. */
int64_t clock_realtime(void);

int64_t clock_from_timespec(const struct timespec *ts);
struct timespec clock_to_timespec(int64_t ns);

/*
 * later - earlier, saturating at 0: a clock that was set back gives no negative time.
 */
int64_t clock_elapsed(int64_t earlier, int64_t later);

#endif
