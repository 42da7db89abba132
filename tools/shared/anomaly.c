#include "tools/shared/anomaly.h"

#include <stddef.h>

static const struct {
	const char *name;
	const char *mark;
	uint16_t flag; /* the prober's word for it, enum prober_result_flag */
} words[ANOMALIES] = {
    [ANOMALY_LOOP] = {"loop", "[loop]", 0},
    [ANOMALY_CYCLE] = {"cycle", "[cycle]", 0},
    /* Several addresses are printed as traceroute prints them. */
    [ANOMALY_SEVERAL_ADDRESSES] = {"several_addresses", NULL, 0},
    [ANOMALY_FROM_TARGET] = {"from_target", "[from-target]", RESULT_FROM_TARGET},
    [ANOMALY_OTHER_ADDRESS] = {"other_address", "[other-address]",
	RESULT_OTHER_ADDRESS},
    [ANOMALY_TRANSLATED] = {"translated", "[translated]", RESULT_TRANSLATED},
    [ANOMALY_ALTERED] = {"altered", "[altered]", RESULT_ALTERED},
    [ANOMALY_TOS_CHANGED] = {"tos_changed", "[tos-changed]", 0},
    [ANOMALY_EXTENSIONS_BAD] = {"extensions_bad", NULL, RESULT_EXTENSIONS_BAD},
    [ANOMALY_EARLY_END] = {"early_end", NULL, 0},
    [ANOMALY_DUPLICATE] = {"duplicate", NULL, 0},
    [ANOMALY_LATE] = {"late", NULL, 0},
    [ANOMALY_AMBIGUOUS] = {"ambiguous", NULL, 0},
    [ANOMALY_LOST_HERE] = {"lost_here", NULL, 0},
    [ANOMALY_STRAY] = {"stray", NULL, 0},
    [ANOMALY_UNEQUAL] = {"unequal_branches", "[unequal]", 0},
    [ANOMALY_DISTANCES] = {"several_distances", "[several-distances]", 0},
    [ANOMALY_UNREACHABLE] = {"unreachable", NULL, 0},
};

const char *
anomaly_name(enum anomaly a)
{
	return words[a].name;
}

const char *
anomaly_mark(enum anomaly a)
{
	return words[a].mark;
}

uint32_t
anomalies_of_flags(const struct prober_result *m)
{
	uint32_t found = 0;

	for (unsigned int a = 0; a < ANOMALIES; a++)
		if ((m->flags & words[a].flag) != 0)
			found |= 1U << a;
	return found;
}
