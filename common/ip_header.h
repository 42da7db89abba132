/*
 * Reading an IP header where no more is wanted than whose packet it is. Bounded; any
 * process may give it hostile bytes. (The prober's protocol tree reads everything
 * else.)
 */
#ifndef COMMON_IP_HEADER_H
#define COMMON_IP_HEADER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/bytes.h"

struct ip_header {
	struct addr src;
	struct addr dst;
	uint8_t protocol;   /* IPv6: the next header, whatever it is */
	struct reader rest; /* what follows the header and its options */
};

/*
 * Reads the header of an IPv4 (RFC 791) or IPv6 (RFC 8200) packet at r. False when it
 * is cut short or of another version, and for any fragment but the first: its rest is
 * not the protocol's header.
 */
bool ip_header_read(uint32_t family, struct reader r, struct ip_header *out);

#endif
