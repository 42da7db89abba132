/*
 * What every algorithm needs that asks and waits: how long a reply may take where
 * others took so long, and the record of a probe that has none.
 */
#ifndef ALGORITHMS_ASKING_H
#define ALGORITHMS_ASKING_H

#include <stdint.h>

#include "common/clock.h"
#include "prober/algorithm.h"

/* Never wait less than this: routers and busy machines are sometimes that slow. */
#define WAIT_MIN (50 * NS_PER_MS)

/* Wait for a reply where others took this long, ns, by a factor of the options. */
int64_t wait_by(const struct instance *i, uint32_t factor, int64_t rtt);

/* Wait for what may be slower than all that answered so far, within rtt (0: none). */
int64_t wait_unknown(const struct instance *i, int64_t rtt);

/* The record of a probe that has no reply. */
struct prober_result result_without_reply(
    const struct instance *i, const struct probe *p, enum prober_outcome outcome);

#endif
