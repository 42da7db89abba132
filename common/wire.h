/*
 * How an address and a short string stand in a message between our processes. Shared by
 * the message headers; nothing else needs it.
 */
#ifndef COMMON_WIRE_H
#define COMMON_WIRE_H

#include "common/addr.h"
#include "common/bytes.h"

/* u8 version (0 none, 4, 6), u32 scope, 16 bytes. A bad version fails the reader. */
void wire_addr_write(struct writer *w, const struct addr *a);
void wire_addr_read(struct reader *r, struct addr *out);

/*
 * u16 length and the bytes, without NUL. Reading into out of `room` bytes
 * NUL-terminates; a string that does not fit or holds a NUL fails the reader.
 */
void wire_text_write(struct writer *w, const char *text);
void wire_text_read(struct reader *r, char *out, size_t room);

#endif
