/*
 * Times of day as all our formats write them. Used by the tools' renderers.
 */
#ifndef TOOLS_SHARED_TIME_TEXT_H
#define TOOLS_SHARED_TIME_TEXT_H

#include <stdint.h>

#define TIME_TEXT_MAX 48

/*
 * CLOCK_REALTIME in ns as RFC 3339 in UTC with nanoseconds,
 * "2026-11-21T23:00:21.573012345Z"; empty for a year that has no such form. Returns buf
 * (TIME_TEXT_MAX bytes).
 */
const char *time_text(int64_t at, char *buf);

#endif
