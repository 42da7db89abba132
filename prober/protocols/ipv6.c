/* IPv6: RFC 8200; flow label: RFC 6437. */
#include <netinet/in.h>

#include "prober/bits.h"
#include "prober/protocols/protocols.h"

static const struct field fields[] = {
    {"ipv6.version", 0, 4},
    {"ipv6.traffic_class", 4, 8},
    {"ipv6.flow_label", 12, 20},
    {"ipv6.payload_length", 32, 16},
    {"ipv6.next_header", 48, 8},
    {"ipv6.hop_limit", 56, 8},
    {"ipv6.src_addr", 64, 128},
    {"ipv6.dst_addr", 192, 128},
};

static const struct protocol_parent parents[] = {{NULL, 6}, {"icmpv6", SELECTOR_QUOTE}};
static const char *const flow_fields[] = {
    "ipv6.flow_label", "ipv6.next_header", "ipv6.src_addr", "ipv6.dst_addr"};
static const struct tag_field tag_fields[] = {
    {"ipv6.flow_label", TAG_WRITTEN, 1, 0xfffff, false},
};

/*
 * Where the extension headers end that our probes may have or get (section 4): what is
 * behind is *next, or SELECTOR_NONE in a fragment that is not the first. One that is
 * not wholly there is the end.
 */
static size_t
walk(const uint8_t *header, size_t available, int *next)
{
	size_t at = 40;

	*next = header[6];
	while (available - at >= 8) {
		size_t len = ((size_t)header[at + 1] + 1) * 8;

		if (*next == IPPROTO_FRAGMENT)
			len = 8;
		else if (*next != IPPROTO_ROUTING && *next != IPPROTO_HOPOPTS &&
			 *next != IPPROTO_DSTOPTS)
			break;
		if (len > available - at)
			break;
		if (*next == IPPROTO_FRAGMENT && bits_read(header + at, 16, 13) != 0) {
			*next = SELECTOR_NONE;
			return at + len;
		}
		*next = header[at];
		at += len;
	}
	return at;
}

static size_t
header_len(const uint8_t *header, size_t available)
{
	int next;

	return header[0] >> 4 == 6 ? walk(header, available, &next) : 0;
}

static int
carried(const uint8_t *header, size_t available)
{
	int next;

	(void)walk(header, available, &next);
	return next;
}

static size_t
declared_len(const uint8_t *header)
{
	return 40 + bits_read(header, 32, 16);
}

static void
finish(uint8_t *header, size_t len)
{
	bits_write(header, 0, 4, 6);
	bits_write(header, 32, 16, len - 40);
}

const struct protocol protocol_ipv6 = {
    .name = "ipv6",
    PROTOCOL_TABLES,
    .header_min = 40,
    .header_len = header_len,
    .carried = carried,
    .declared_len = declared_len,
    .finish = finish,
    .ip_protocol = IPPROTO_IPV6,
};
