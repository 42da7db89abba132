/*
 * Records between our processes, one by one: their header, and making one in place. For
 * message.h, which queues them, and for the helper, which may not allocate.
 */
#ifndef COMMON_FRAMING_H
#define COMMON_FRAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"

#define MESSAGE_VERSION 1
#define MESSAGE_HEADER_LEN 8
#define MESSAGE_MAX 2048 /* bytes of one record, header included */
#define MESSAGE_BODY_MAX (MESSAGE_MAX - MESSAGE_HEADER_LEN)

/* The file descriptor on which a program that we exec finds its end of the channel. */
#define MESSAGE_CHILD_FD 3

/* Whether fd is what channel_pair makes: a local socket of whole records. */
bool framing_is_channel(int fd);

/* Writes the header of a record. */
void framing_write(struct writer *w, uint8_t type, size_t body_len, uint32_t sequence);

/*
 * Reads the header of a whole record; r stands at its body then, which fills the rest.
 * Returns its type, or -EPROTO for another version, length or sequence number.
 */
int framing_read(struct reader *r, uint32_t sequence);

/* A record in the making. */
struct framing {
	struct writer body;
	uint8_t bytes[MESSAGE_MAX];
};

/* Begins one; returns the writer of its body. */
struct writer *framing_begin(struct framing *f);

/*
 * Sends it over a SOCK_SEQPACKET socket, without waiting and without control messages,
 * and counts *sequence up. Returns 0, -EAGAIN when the peer does not read (it may be
 * sent again), -EPIPE when there is none any more, or -errno.
 */
int framing_send(struct framing *f, int fd, uint8_t type, uint32_t *sequence);

/*
 * Receives one likewise into bytes (MESSAGE_MAX of them) and sets body to what follows
 * its header. Descriptors sent with it are lost. Returns its type, -EAGAIN when there
 * is none, -EPIPE when the peer has closed, -EPROTO, or -errno.
 */
int framing_receive(int fd, uint8_t *bytes, uint32_t *sequence, struct reader *body);

#endif
