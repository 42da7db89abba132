#include "tools/shared/target.h"

#include <arpa/inet.h>
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

/*
 * What getaddrinfo(3) takes for an address too: IPv4 as inet_aton(3) has it ("127.1",
 * "0x7f.1"), and IPv4 mapped into IPv6.
 */
static int
read_addr(const char *host, struct addr *out)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct in_addr in;

	if (addr_from_text(host, out) == 0) {
		if (out->family == AF_INET6 && memcmp(out->bytes, mapped, 12) == 0)
			*out = addr_from_bytes(AF_INET, out->bytes + 12);
		return 0;
	}
	/* inet_aton itself would overlook what follows a blank. */
	if (host[strspn(host, "0123456789abcdefABCDEFxX.")] != '\0' ||
	    inet_aton(host, &in) == 0)
		return -EINVAL;
	*out = (struct addr){.family = AF_INET};
	memcpy(out->bytes, &in, sizeof(in));
	return 0;
}

int
target_from_text(const char *host, uint32_t family, struct addr *target, char *error)
{
	char text[HOST_TEXT_MAX];

	if (read_addr(host, target) == 0) {
		if (family == AF_UNSPEC || family == target->family)
			return 0;
		snprintf(error, TARGET_ERROR_MAX,
		    "cannot resolve %s: not an %s address",
		    escape_terminal(host, text, sizeof(text)), family_name(family));
		return -ENOENT;
	}
	/* No name has a colon: nobody needs to be asked. */
	if (strchr(host, ':') == NULL)
		return -EINVAL;
	snprintf(error, TARGET_ERROR_MAX, "cannot resolve %s: not an IPv6 address%s",
	    escape_terminal(host, text, sizeof(text)),
	    strchr(host, '%') == NULL
		? ", and a name has no ':'; a host stands alone, without brackets, "
		  "port or 'http://'"
		: ", or not with such an interface behind the %");
	return -ENOENT;
}

/* Why there is no address, in words. */
static const char *
describe_failure(const struct names_client *client, int failure, uint32_t family)
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
		return names_client_ended(client);
	default:
		return strerror(-failure);
	}
}

/* What came of asking for a host: a count of addresses, or a failure. */
static int
conclude(const struct name_cache *names, const char *host, uint32_t family, int found,
    char *error)
{
	char text[HOST_TEXT_MAX];

	if (found >= 1)
		return 0;
	snprintf(error, TARGET_ERROR_MAX, "cannot resolve %s: %s",
	    escape_terminal(host, text, sizeof(text)),
	    names->client != NULL ? describe_failure(names->client, found, family)
				  : "paris-names does not run");
	return found == 0 ? -ENOENT : found;
}

int
target_from_names(struct name_cache *names, const char *host, uint32_t family,
    struct addr *target, char *error)
{
	return conclude(names, host, family,
	    names_client_resolve(names->client, host, family, target, 1), error);
}

int
target_ask(struct name_cache *names, const char *host, uint32_t family,
    uint32_t question, char *error)
{
	int failure = name_cache_resolve(names, host, family, question);

	return failure != 0 ? conclude(names, host, family, failure, error) : 0;
}

int
target_from_answer(const struct name_cache *names, const char *host, uint32_t family,
    const struct names_addrs *answer, struct addr *target, char *error)
{
	return conclude(
	    names, host, family, names_client_resolved(answer, target, 1), error);
}
