/*
 * Packets: reference counted bytes as they go on the wire, from the IP header on.
 * Buffers come from free lists, so the hot path does not allocate. Single-threaded, as
 * the prober.
 */
#ifndef PROBER_PACKET_H
#define PROBER_PACKET_H

#include <stddef.h>
#include <stdint.h>

struct packet {
	uint32_t refs;
	uint32_t room;
	size_t len;          /* bytes in use */
	struct packet *next; /* the next packet of the same probe, owned; or NULL */
	uint8_t bytes[];
};

/*
 * A packet of len (at most 65535) bytes, not initialised, with one reference; or NULL.
 */
struct packet *packet_new(size_t len);

/* Takes a reference and returns its argument. Overflow aborts. */
struct packet *packet_ref(struct packet *p);

/* Drops a reference; the last one frees this packet and drops one of `next`. */
void packet_unref(struct packet *p);

/* Packets alive now: 0 at a clean end. */
size_t packet_count(void);

/* Gives the free lists back to the system. */
void packet_pool_clear(void);

#endif
