/*
 * Probes in fragments, as --fragment has them: a packet of ours is split into pieces,
 * which are sent instead of it by raw sockets of the prober's own, and what is quoted
 * is compared with them. Answers are matched with the whole packet (store.h).
 *
 * Offsets count bytes from what is behind the IP header and, of IPv6, the routing
 * header: what a router does not need. A piece is a copy of the packet's bytes there,
 * so where two overlap they agree. All pieces of a packet bear one identification:
 * over IPv4 the packet's own, which is its probe's tag, over IPv6 one that is given.
 *
 *     error = fragments_check(split, len, why);              once a trace
 *     p->wire = fragments_make(split, packet, id);           each probe
 *     count = fragments_list(split, len, list);              to say it
 *
 * Pure, but for memory. For the prober, which splits, and the tools, which tell.
 */
#ifndef PROBER_FRAGMENTS_H
#define PROBER_FRAGMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/prober_messages.h"
#include "prober/packet.h"

#define FRAGMENTS_MAX (PROBER_FRAGMENTS_MAX + 1) /* those named, and the rest */
#define FRAGMENTS_UNIT 8 /* offsets are multiples of it (RFC 791, RFC 8200) */

/*
 * The pieces of len bytes in the order in which they leave, each once. split must be
 * one that fragments_check has found good for len. Returns how many there are.
 */
size_t fragments_list(const struct prober_split *split, size_t len,
    struct prober_fragment list[FRAGMENTS_MAX]);

/*
 * Whether len bytes can be split so: no piece ends behind them, and each that does not
 * end with them has a multiple of 8 bytes. 0, or -EINVAL with the words for it in why
 * (PROBER_DETAIL_MAX + 1 bytes).
 */
int fragments_check(const struct prober_split *split, size_t len, char *why);

/*
 * The pieces of a packet that the kernel splits for a link that takes mtu bytes, in the
 * order in which it sends them: each as long as fits but the last one. header: bytes of
 * the IP header. At most room of them are written; returns how many there are, 1 if the
 * packet fits, and 0 if nothing ever fits.
 */
size_t fragments_by_kernel(uint32_t family, size_t packet_len, uint32_t mtu,
    struct prober_fragment *list, size_t room);

/*
 * What is sent instead of this packet, which begins with an IP header, options or a
 * routing header included: its pieces, each split->repeat times in a row, chained by
 * `next` in the order in which they leave, with one reference. id counts over IPv6.
 * NULL without memory.
 */
struct packet *fragments_make(
    const struct prober_split *split, const struct packet *packet, uint32_t id);

/* The identification of a packet of ours that has an IPv4 header. */
uint16_t fragments_ipv4_id(const struct packet *packet);

/*
 * What a quote shows of a packet with len bytes behind its headers: enum
 * prober_quoted_as, or 0 when nothing can be said: it was sent whole and is quoted so.
 * more: the quote says that other pieces follow. Routers are known to change the length
 * that they quote: one that is larger than the packet's says nothing.
 */
uint8_t fragments_quoted_as(const struct prober_split *split, size_t len,
    const struct prober_fragment *quoted, bool more);

#endif
