#include "prober/bits.h"

#include <string.h>

uint64_t
bits_read(const uint8_t *data, size_t bit, size_t count)
{
	uint64_t value = 0;

	while (count > 0) {
		unsigned int in_byte = 8 - (unsigned int)(bit & 7);
		unsigned int take = count < in_byte ? (unsigned int)count : in_byte;
		unsigned int byte = data[bit / 8];

		byte = byte >> ((in_byte - take) & 7) & (0xffu >> ((8 - take) & 7));
		value = value << (take & 15) | byte;
		bit += take;
		count -= take;
	}
	return value;
}

void
bits_write(uint8_t *data, size_t bit, size_t count, uint64_t value)
{
	while (count > 0) {
		unsigned int in_byte = 8 - (unsigned int)(bit & 7);
		unsigned int put = count < in_byte ? (unsigned int)count : in_byte;
		unsigned int mask = 0xffu >> ((8 - put) & 7) << ((in_byte - put) & 7);
		unsigned int part = (unsigned int)(value >> (count - put));
		uint8_t *byte = &data[bit / 8];

		*byte =
		    (uint8_t)((*byte & ~mask) | (part << ((in_byte - put) & 7) & mask));
		bit += put;
		count -= put;
	}
}

void
bits_copy(
    uint8_t *to, size_t to_bit, const uint8_t *from, size_t from_bit, size_t count)
{
	if (to_bit % 8 == 0 && from_bit % 8 == 0) {
		size_t bytes = count / 8;

		memcpy(to + to_bit / 8, from + from_bit / 8, bytes);
		to_bit += bytes * 8;
		from_bit += bytes * 8;
		count -= bytes * 8;
	}
	while (count > 0) {
		size_t run = count < 64 ? count : 64;

		bits_write(to, to_bit, run, bits_read(from, from_bit, run));
		to_bit += run;
		from_bit += run;
		count -= run;
	}
}
