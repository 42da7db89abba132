/*
 * Framed messages over a SOCK_SEQPACKET socket pair: the only way our processes talk.
 * Either end may be hostile to the other, so every record is checked before it is seen:
 * version, exact length, running sequence number, no file descriptors attached.
 *
 * A record is one packet: u8 version, u8 type, u16 length of the body, u32 sequence (0,
 * 1, 2 ... each way), then the body. What the types mean is told by one header a
 * channel (prober_messages.h, names_messages.h).
 */
#ifndef COMMON_MESSAGE_H
#define COMMON_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/framing.h"

/*
 * Records wait in a queue while the peer does not read. The queue grows only as far as
 * CHANNEL_QUEUE_MAX bytes; whoever produces records must stop for other reasons (see
 * channel_pending) long before.
 */
#define CHANNEL_QUEUE_MAX ((size_t)64 << 20)

struct channel {
	int fd;            /* non-blocking, owned by the channel; -1 when closed */
	uint32_t sent;     /* sequence number of the next record queued */
	uint32_t received; /* sequence number expected next */
	uint8_t *queue;    /* records not sent yet: bytes [head, tail) */
	size_t room;
	size_t head;
	size_t tail;
};

struct message {
	uint8_t type;
	const uint8_t *body; /* valid during the handler only */
	size_t len;
};

/*
 * What channel_receive calls for each record. A negative return stops the reading and
 * is returned by channel_receive (-EBADMSG: the body makes no sense).
 */
typedef int message_handler(void *context, const struct message *m);

/* Makes a connected pair, close-on-exec. Returns 0 or -errno. */
int channel_pair(int fds[2]);

/* Takes over fd and makes it non-blocking. Returns 0 or -errno. */
int channel_init(struct channel *c, int fd);

/* Closes and frees; records still queued are lost. Harmless when called twice. */
void channel_close(struct channel *c);

/*
 * Queues one record. Returns 0, -EMSGSIZE for a body over MESSAGE_BODY_MAX, -ENOMEM, or
 * -ENOBUFS when the queue is at its limit. Nothing is sent before channel_flush.
 */
int channel_queue(struct channel *c, uint8_t type, const void *body, size_t len);

/*
 * Sends what the peer takes without waiting, many records a system call. Returns 0
 * (channel_pending tells whether anything is left), -EPIPE when the peer is gone, or
 * another -errno.
 */
int channel_flush(struct channel *c);

/* True while records wait for the peer: watch the descriptor for writing. */
bool channel_pending(const struct channel *c);

/* Bytes of records that wait for the peer. */
size_t channel_waiting(const struct channel *c);

/*
 * Reads the records that are there (a peer that never stops writing is interrupted
 * after some hundreds: the descriptor stays readable) and hands each to the handler.
 * Returns 1 when the peer has closed, 0 when there is nothing more for now, or a
 * negative: -EPROTO for a record that breaks the framing, what the handler returned, or
 * -errno of the read.
 */
int channel_receive(struct channel *c, message_handler *handler, void *context);

#endif
