#include "tools/traceroute/target.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/names_messages.h"
#include "tools/shared/escape.h"

#define HOST_TEXT_MAX (4 * NAMES_NAME_MAX + 1)

static const char *
family_name(uint32_t family)
{
	return family == AF_INET ? "IPv4" : "IPv6";
}

int
target_from_text(const char *host, uint32_t family, struct addr *target, char *error)
{
	char text[HOST_TEXT_MAX];

	if (addr_from_text(host, target) != 0)
		return -EINVAL;
	if (family == AF_UNSPEC || family == target->family)
		return 0;
	snprintf(error, TARGET_ERROR_MAX, "cannot resolve %s: not an %s address",
	    escape_terminal(host, text, sizeof(text)), family_name(family));
	return -ENOENT;
}

/* Why there is no address, in words. */
static const char *
describe_failure(int failure, uint32_t family)
{
	switch (failure) {
	case -ENOENT:
		return family == AF_UNSPEC ? "no such name"
		       : family == AF_INET ? "no such name, or it has no IPv4 address"
					   : "no such name, or it has no IPv6 address";
	case -ETIMEDOUT:
		return "no name server answered in time";
	case -EIO:
		return "the name servers failed to answer";
	case -EPIPE:
		return "paris-names has ended";
	default:
		return strerror(-failure);
	}
}

int
target_from_names(struct name_cache *names, const char *host, uint32_t family,
    struct addr *target, char *error)
{
	char text[HOST_TEXT_MAX];
	int count = names_client_resolve(names->client, host, family, target, 1);

	if (count >= 1)
		return 0;
	snprintf(error, TARGET_ERROR_MAX, "cannot resolve %s: %s",
	    escape_terminal(host, text, sizeof(text)), describe_failure(count, family));
	return count == 0 ? -ENOENT : count;
}
