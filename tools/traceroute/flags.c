#include "tools/traceroute/flags.h"

#include "tools/traceroute/anomalies.h"

size_t
flags_of(
    const struct record *t, const struct prober_result *m, const char *names[FLAGS_MAX])
{
	static const struct {
		uint16_t flag;
		const char *name;
	} flags[] = {{RESULT_REACHED, "reached"}, {RESULT_FINAL, "final"},
	    {RESULT_RESENT, "resent"}, {RESULT_BY_ADDRESS, "by_address"}};
	uint32_t found = anomalies_of(t, m);
	size_t count = 0;

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if ((m->flags & flags[i].flag) != 0)
			names[count++] = flags[i].name;
	for (unsigned int a = 0; a < ANOMALIES; a++)
		if ((found >> a & 1) != 0)
			names[count++] = anomaly_name(a);
	return count;
}
