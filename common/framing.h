/*
 * The header of a record between our processes (message.h), for both who queue records
 * and who may not allocate.
 */
#ifndef COMMON_FRAMING_H
#define COMMON_FRAMING_H

#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"

#define MESSAGE_VERSION 1
#define MESSAGE_HEADER_LEN 8
#define MESSAGE_MAX 2048 /* bytes of one record, header included */
#define MESSAGE_BODY_MAX (MESSAGE_MAX - MESSAGE_HEADER_LEN)

/* Writes the header of a record. */
void framing_write(struct writer *w, uint8_t type, size_t body_len, uint32_t sequence);

/*
 * Reads the header of a whole record; r stands at its body then, which fills the rest.
 * Returns its type, or -EPROTO for another version, length or sequence number.
 */
int framing_read(struct reader *r, uint32_t sequence);

#endif
