#include "common/message.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/bytes.h"

/* Records per system call, either way. */
#define BATCH 16

/* Batches read at a time: a peer that never stops writing must not hold us for ever. */
#define BATCHES_MAX 64

int
channel_pair(int fds[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0 ? -errno
									       : 0;
}

int
channel_init(struct channel *c, int fd)
{
	int flags = fcntl(fd, F_GETFL);

	*c = (struct channel){.fd = fd};
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
		return -errno;
	return 0;
}

void
channel_close(struct channel *c)
{
	if (c->fd >= 0)
		close(c->fd);
	free(c->queue);
	*c = (struct channel){.fd = -1};
}

/* Makes room for len more bytes at the tail. */
static int
queue_reserve(struct channel *c, size_t len)
{
	size_t used = c->tail - c->head;
	size_t room = c->room != 0 ? c->room : (size_t)4 * MESSAGE_MAX;
	uint8_t *queue;

	if (c->room - c->tail >= len)
		return 0;
	if (used + len > CHANNEL_QUEUE_MAX)
		return -ENOBUFS;
	if (used + len <= c->room / 2) {
		memmove(c->queue, c->queue + c->head, used);
		c->head = 0;
		c->tail = used;
		return 0;
	}
	while (room < c->tail + len)
		room *= 2;
	queue = realloc(c->queue, room);
	if (queue == NULL)
		return -ENOMEM;
	c->queue = queue;
	c->room = room;
	return 0;
}

int
channel_queue(struct channel *c, uint8_t type, const void *body, size_t len)
{
	struct writer w;
	int error;

	if (len > MESSAGE_BODY_MAX)
		return -EMSGSIZE;
	error = queue_reserve(c, MESSAGE_HEADER_LEN + len);
	if (error != 0)
		return error;
	writer_init(&w, c->queue + c->tail, c->room - c->tail);
	framing_write(&w, type, len, c->sent++);
	writer_copy(&w, body, len);
	c->tail += writer_len(&w);
	return 0;
}

/* The length of the record at an offset of our own queue. */
static size_t
record_len(const struct channel *c, size_t at)
{
	return MESSAGE_HEADER_LEN + (size_t)(c->queue[at + 2] << 8 | c->queue[at + 3]);
}

/* Sends up to BATCH records; returns how many, or -errno. */
static int
flush_batch(struct channel *c)
{
	struct mmsghdr headers[BATCH] = {0};
	struct iovec parts[BATCH];
	size_t at = c->head;
	unsigned int count = 0;
	int sent;

	for (; count < BATCH && at < c->tail; count++) {
		parts[count].iov_base = c->queue + at;
		parts[count].iov_len = record_len(c, at);
		headers[count].msg_hdr.msg_iov = &parts[count];
		headers[count].msg_hdr.msg_iovlen = 1;
		at += parts[count].iov_len;
	}
	sent = sendmmsg(c->fd, headers, count, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0)
		return -errno;
	for (unsigned int i = 0; i < count && i < (unsigned int)sent; i++)
		c->head += parts[i].iov_len;
	return sent;
}

int
channel_flush(struct channel *c)
{
	int sent;

	while (channel_pending(c)) {
		sent = flush_batch(c);
		if (sent == -EAGAIN)
			return 0;
		if (sent == -EINTR)
			continue;
		if (sent < 0)
			return sent;
	}
	c->head = c->tail = 0;
	return 0;
}

bool
channel_pending(const struct channel *c)
{
	return c->head != c->tail;
}

size_t
channel_waiting(const struct channel *c)
{
	return c->tail - c->head;
}

/* Checks one record and gives it to the handler. */
static int
record_deliver(struct channel *c, const struct mmsghdr *header, const uint8_t *data,
    message_handler *handler, void *context)
{
	struct message m;
	struct reader r;
	int type;

	if ((header->msg_hdr.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
		return -EPROTO;
	reader_init(&r, data, header->msg_len);
	type = framing_read(&r, c->received);
	if (type < 0)
		return type;
	m.type = (uint8_t)type;
	m.len = reader_left(&r);
	m.body = reader_take(&r, m.len);
	c->received++;
	return handler(context, &m);
}

int
channel_receive(struct channel *c, message_handler *handler, void *context)
{
	static uint8_t data[BATCH][MESSAGE_MAX];
	struct mmsghdr headers[BATCH];
	struct iovec parts[BATCH];
	int count = 0;
	int error;

	for (int batches = 0; batches < BATCHES_MAX; batches++) {
		memset(headers, 0, sizeof(headers));
		for (int i = 0; i < BATCH; i++) {
			parts[i] = (struct iovec){data[i], MESSAGE_MAX};
			headers[i].msg_hdr.msg_iov = &parts[i];
			headers[i].msg_hdr.msg_iovlen = 1;
		}
		count = recvmmsg(c->fd, headers, BATCH, MSG_DONTWAIT, NULL);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return errno == EAGAIN ? 0 : errno == ECONNRESET ? 1 : -errno;
		for (int i = 0; i < count; i++) {
			if (headers[i].msg_len == 0)
				return 1;
			error =
			    record_deliver(c, &headers[i], data[i], handler, context);
			if (error < 0)
				return error;
		}
		if (count == 0)
			return 1;
		if (count < BATCH)
			return 0;
	}
	return 0;
}
