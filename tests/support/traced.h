/*
 * What holds of every trace of one path on the model network, whatever its schedule and
 * whatever happens to its replies.
 */
#ifndef TESTS_SUPPORT_TRACED_H
#define TESTS_SUPPORT_TRACED_H

#include "tests/support/model.h"

/*
 * Each result is of a probe that was sent, and of the hop that it names; nothing is
 * told twice or left out, nothing comes after the end or is leaked; and no more than
 * `window` probes were ever in flight.
 */
void traced_check(const struct model *m, const struct prober_start *o, size_t window);

#endif
