/*
 * The Internet checksum (RFC 1071) as partial sums that can be joined. Used where
 * packets are built, predicted or checked: the prober, the helper and the simulator.
 */
#ifndef COMMON_CHECKSUM_H
#define COMMON_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"

/*
 * Adds len bytes to a running sum (start with 0). The bytes must begin at an even
 * offset of what is summed; an odd last byte counts as padded with zero, so it must be
 * the last.
 */
uint32_t checksum_add(uint32_t sum, const void *data, size_t len);

/* Adds one 16-bit number in host order. */
uint32_t checksum_add_u16(uint32_t sum, uint16_t value);

/*
 * Adds the pseudo-header of RFC 768 / RFC 793 (IPv4) or RFC 8200 section 8.1 (IPv6):
 * both addresses, the protocol number and the length of the transport header with its
 * payload.
 */
uint32_t checksum_add_pseudo(uint32_t sum, const struct addr *src,
    const struct addr *dst, uint8_t protocol, uint32_t length);

/* The folded sum, not complemented, in host order. */
uint16_t checksum_fold(uint32_t sum);

/*
 * The checksum as it stands in a header, in host order: the complement of the folded
 * sum. UDP sends 0 as 0xffff (RFC 768); that is the caller's to do.
 */
uint16_t checksum_finish(uint32_t sum);

/*
 * The 16-bit word that turns a sum over everything else into one whose finished
 * checksum is `wanted`: put it at an even offset of the payload. Exact for every wanted
 * value but 0xffff, which no checksum over a non-zero packet takes.
 */
uint16_t checksum_compensate(uint32_t sum_without_word, uint16_t wanted);

/*
 * Where the checksum stands in a transport header (ICMP, ICMPv6, UDP, UDP-Lite, TCP),
 * in bytes; 0 for any other protocol number.
 */
size_t checksum_offset(uint8_t ip_protocol);

#endif
