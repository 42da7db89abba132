#include <string.h>

#include "prober/protocols/protocols.h"

const struct protocol *const protocol_table[] = {
    &protocol_ipv4,
    &protocol_ipv6,
    &protocol_udp,
    &protocol_udplite,
    &protocol_tcp,
    &protocol_icmpv4,
    &protocol_icmpv6,
    &protocol_dccp,
    &protocol_raw,
    NULL,
};

const struct protocol *
protocol_find(const char *name)
{
	for (const struct protocol *const *p = protocol_table; *p != NULL; p++)
		if (strcmp((*p)->name, name) == 0)
			return *p;
	return NULL;
}

int
protocol_field_index(const struct protocol *p, const char *name)
{
	for (size_t i = 0; i < p->fields_count; i++)
		if (strcmp(p->fields[i].name, name) == 0)
			return (int)i;
	return -1;
}
