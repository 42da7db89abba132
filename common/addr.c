#include "common/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t
addr_family_len(uint32_t family)
{
	switch (family) {
	case AF_INET:
		return 4;
	case AF_INET6:
		return 16;
	default:
		return 0;
	}
}

struct addr
addr_from_bytes(uint32_t family, const uint8_t *bytes)
{
	struct addr a = {.family = family};

	memcpy(a.bytes, bytes, addr_family_len(family));
	return a;
}

bool
addr_is_link_local(const struct addr *a)
{
	return a->family == AF_INET6 && a->bytes[0] == 0xfe &&
	       (a->bytes[1] & 0xc0) == 0x80;
}

/* The scope after '%': an interface name, or its index in decimal. */
static int
scope_from_text(const char *text, uint32_t *scope)
{
	char *end;
	unsigned long index;

	*scope = if_nametoindex(text);
	if (*scope != 0)
		return 0;
	errno = 0;
	index = strtoul(text, &end, 10);
	if (errno != 0 || *text < '0' || *text > '9' || *end != '\0' || index == 0 ||
	    index > UINT32_MAX)
		return -EINVAL;
	*scope = (uint32_t)index;
	return 0;
}

int
addr_from_text(const char *text, struct addr *out)
{
	struct addr a = {0};
	char copy[ADDR_TEXT_MAX + IF_NAMESIZE];
	char *percent;
	size_t len = strlen(text);

	if (len >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text, len + 1);
	percent = strchr(copy, '%');
	if (percent != NULL)
		*percent = '\0';
	if (percent == NULL && inet_pton(AF_INET, copy, a.bytes) == 1)
		a.family = AF_INET;
	else if (inet_pton(AF_INET6, copy, a.bytes) == 1)
		a.family = AF_INET6;
	else
		return -EINVAL;
	/* Only a link-local address has, and needs, a scope. */
	if (percent != NULL &&
	    (!addr_is_link_local(&a) || scope_from_text(percent + 1, &a.scope) != 0))
		return -EINVAL;
	*out = a;
	return 0;
}

const char *
addr_to_text(const struct addr *a, char *buf)
{
	size_t len;

	if (addr_family_len(a->family) == 0 ||
	    inet_ntop((int)a->family, a->bytes, buf, ADDR_TEXT_MAX) == NULL) {
		memcpy(buf, "?", 2);
		return buf;
	}
	if (a->scope != 0) {
		len = strlen(buf);
		snprintf(buf + len, ADDR_TEXT_MAX - len, "%%%u", a->scope);
	}
	return buf;
}

int
addr_from_sockaddr(
    const struct sockaddr *sa, size_t len, struct addr *out, uint16_t *port)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	sa_family_t family;
	struct addr a = {0};
	uint16_t found;

	if (len < sizeof(family))
		return -EAFNOSUPPORT;
	memcpy(&family, sa, sizeof(family));
	if (family == AF_INET && len >= sizeof(in)) {
		memcpy(&in, sa, sizeof(in));
		a.family = AF_INET;
		memcpy(a.bytes, &in.sin_addr, 4);
		found = ntohs(in.sin_port);
	} else if (family == AF_INET6 && len >= sizeof(in6)) {
		memcpy(&in6, sa, sizeof(in6));
		a.family = AF_INET6;
		memcpy(a.bytes, &in6.sin6_addr, 16);
		if (IN6_IS_ADDR_LINKLOCAL(&in6.sin6_addr))
			a.scope = in6.sin6_scope_id;
		found = ntohs(in6.sin6_port);
	} else {
		return -EAFNOSUPPORT;
	}
	*out = a;
	if (port != NULL)
		*port = found;
	return 0;
}

socklen_t
addr_to_sockaddr(const struct addr *a, uint16_t port, struct sockaddr_storage *ss)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	memset(ss, 0, sizeof(*ss));
	if (a->family == AF_INET6) {
		memcpy(&in6.sin6_addr, a->bytes, 16);
		in6.sin6_scope_id = a->scope;
		memcpy(ss, &in6, sizeof(in6));
		return sizeof(in6);
	}
	memcpy(&in.sin_addr, a->bytes, 4);
	memcpy(ss, &in, sizeof(in));
	return sizeof(in);
}

bool
addr_equal(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && a->scope == b->scope &&
	       memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool
addr_is_none(const struct addr *a)
{
	return addr_family_len(a->family) == 0;
}

bool
addr_is_unspecified(const struct addr *a)
{
	static const uint8_t zero[16];

	return memcmp(a->bytes, zero, sizeof(zero)) == 0;
}

bool
addr_is_unicast(const struct addr *a)
{
	static const uint8_t ones[4] = {0xff, 0xff, 0xff, 0xff};
	static const uint8_t mapped[12] = {[10] = 0xff, 0xff};

	if (a->family == AF_INET)
		return a->bytes[0] != 0 && a->bytes[0] >> 4 != 0xe &&
		       memcmp(a->bytes, ones, sizeof(ones)) != 0;
	return a->family == AF_INET6 && !addr_is_unspecified(a) &&
	       a->bytes[0] != 0xff && memcmp(a->bytes, mapped, sizeof(mapped)) != 0;
}
