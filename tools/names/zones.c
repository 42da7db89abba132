#include "tools/names/zones.h"

#include <stdio.h>
#include <string.h>

/* The address from its end on, below a zone of its family. */
static void
below(const struct addr *a, const char *zone4, const char *zone6, char *name)
{
	static const char digits[] = "0123456789abcdef";
	size_t at = 0;

	if (a->family == AF_INET) {
		snprintf(name, ZONES_NAME_MAX, "%u.%u.%u.%u.%s", a->bytes[3],
		    a->bytes[2], a->bytes[1], a->bytes[0], zone4);
		return;
	}
	for (size_t i = sizeof(a->bytes); i-- > 0;) {
		name[at++] = digits[a->bytes[i] & 15];
		name[at++] = '.';
		name[at++] = digits[a->bytes[i] >> 4];
		name[at++] = '.';
	}
	snprintf(name + at, ZONES_NAME_MAX - at, "%s", zone6);
}

void
zones_reverse(const struct addr *a, char name[ZONES_NAME_MAX])
{
	below(a, "in-addr.arpa", "ip6.arpa", name);
}

void
zones_origin(const struct addr *a, char name[ZONES_NAME_MAX])
{
	below(a, "origin.asn.cymru.com", "origin6.asn.cymru.com", name);
}

void
zones_as(uint32_t number, char name[ZONES_NAME_MAX])
{
	snprintf(name, ZONES_NAME_MAX, "AS%u.asn.cymru.com", number);
}
