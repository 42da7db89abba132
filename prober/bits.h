/*
 * Runs of bits at any offset: what fields are read, written and copied with. Bit 0 is
 * the most significant bit of byte 0, as in the header pictures of the RFCs. Bounds are
 * the caller's: tree.h checks them.
 */
#ifndef PROBER_BITS_H
#define PROBER_BITS_H

#include <stddef.h>
#include <stdint.h>

/* Reads count (0 to 64) bits as a big-endian number. */
uint64_t bits_read(const uint8_t *data, size_t bit, size_t count);

/* Writes the low count (0 to 64) bits of value; the bits around them stay. */
void bits_write(uint8_t *data, size_t bit, size_t count, uint64_t value);

/* Copies count bits between places that may be aligned differently but not overlap. */
void bits_copy(
    uint8_t *to, size_t to_bit, const uint8_t *from, size_t from_bit, size_t count);

#endif
