/*
 * Words for what several renderers tell.
 */
#ifndef TOOLS_MDA_WORDS_H
#define TOOLS_MDA_WORDS_H

#include "tools/mda/multipath.h"

#define WORDS_MAX (PROBER_DETAIL_MAX + 300)

/* "source port": in what the flows differ. */
const char *words_flow_field(const struct multipath *t);

/*
 * Why the target was not reached, or is not known to be: a sentence without its
 * subject, "packets go in a circle". Returns buf (WORDS_MAX bytes); empty when it was.
 */
const char *words_reason(const struct multipath *t, char *buf);

/* Why this machine could not do something, in printable ASCII. Returns buf (likewise).
 */
const char *words_failure(const struct prober_done *done, char *buf);

/* Why the graph is not complete: a sentence; NULL when it is. */
const char *words_coverage(const struct multipath *t);

/* The words of the json schema. */
const char *words_json_coverage(uint8_t coverage);
const char *words_json_flow_field(uint8_t field);

#endif
