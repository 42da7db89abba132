/*
 * The one bounded reader and writer. Everything that came from the network or from
 * another process is read through it; any process may use it. Numbers are in network
 * order. Failure is sticky: after the first access past the end every read gives zero
 * and every write is dropped, so a parser checks once, at its end.
 */
#ifndef COMMON_BYTES_H
#define COMMON_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reader {
	const uint8_t *at;
	const uint8_t *end;
	bool failed;
};

void reader_init(struct reader *r, const void *data, size_t len);

/* Bytes not read yet; 0 after a failure. */
size_t reader_left(const struct reader *r);

uint8_t reader_u8(struct reader *r);
uint16_t reader_u16(struct reader *r);
uint32_t reader_u32(struct reader *r);
uint64_t reader_u64(struct reader *r);

/* Copies len bytes to out; fills out with zeros on failure. */
void reader_copy(struct reader *r, void *out, size_t len);

/*
 * Returns len bytes in place and steps over them, or NULL on failure. They belong to
 * the buffer that the reader was given.
 */
const uint8_t *reader_take(struct reader *r, size_t len);

/* 0 when all was read and nothing failed, else -EBADMSG. */
int reader_finish(const struct reader *r);

struct writer {
	uint8_t *start;
	uint8_t *at;
	uint8_t *end;
	bool failed;
};

void writer_init(struct writer *w, void *data, size_t room);

/* Bytes written so far. */
size_t writer_len(const struct writer *w);

void writer_u8(struct writer *w, uint8_t value);
void writer_u16(struct writer *w, uint16_t value);
void writer_u32(struct writer *w, uint32_t value);
void writer_u64(struct writer *w, uint64_t value);
void writer_copy(struct writer *w, const void *data, size_t len);

#endif
