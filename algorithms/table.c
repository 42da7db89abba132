/* Every algorithm there is: a further one is a file here and a line in this table. */
#include <string.h>

#include "algorithms/algorithms.h"

const struct algorithm *const algorithm_table[] = {
    &algorithm_paris,
    &algorithm_traceroute,
    &algorithm_hopbyhop,
    &algorithm_packetbypacket,
    &algorithm_concurrent,
    &algorithm_scout,
    &algorithm_mda,
    &algorithm_mda_lite,
    &algorithm_exhaustive,
    &algorithm_ping,
    NULL,
};

const struct algorithm *
algorithm_find(const char *name)
{
	for (const struct algorithm *const *a = algorithm_table; *a != NULL; a++)
		if (strcmp((*a)->name, name) == 0)
			return *a;
	return NULL;
}
