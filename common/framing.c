#include "common/framing.h"

#include <errno.h>
#include <sys/socket.h>

static int
socket_property(int fd, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) != 0 ? -1 : value;
}

bool
framing_is_channel(int fd)
{
	return socket_property(fd, SO_DOMAIN) == AF_UNIX &&
	       socket_property(fd, SO_TYPE) == SOCK_SEQPACKET;
}

void
framing_write(struct writer *w, uint8_t type, size_t body_len, uint32_t sequence)
{
	writer_u8(w, MESSAGE_VERSION);
	writer_u8(w, type);
	writer_u16(w, (uint16_t)body_len);
	writer_u32(w, sequence);
}

int
framing_read(struct reader *r, uint32_t sequence)
{
	uint8_t version = reader_u8(r);
	uint8_t type = reader_u8(r);
	uint16_t len = reader_u16(r);
	uint32_t number = reader_u32(r);

	if (r->failed || version != MESSAGE_VERSION || len != reader_left(r) ||
	    number != sequence)
		return -EPROTO;
	return type;
}

struct writer *
framing_begin(struct framing *f)
{
	writer_init(&f->body, f->bytes + MESSAGE_HEADER_LEN, MESSAGE_BODY_MAX);
	return &f->body;
}

int
framing_send(struct framing *f, int fd, uint8_t type, uint32_t *sequence)
{
	size_t len = writer_len(&f->body);
	struct writer w;

	writer_init(&w, f->bytes, MESSAGE_HEADER_LEN);
	framing_write(&w, type, len, *sequence);
	if (send(fd, f->bytes, MESSAGE_HEADER_LEN + len, MSG_DONTWAIT | MSG_NOSIGNAL) <
	    0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	(*sequence)++;
	return 0;
}

int
framing_receive(int fd, uint8_t *bytes, uint32_t *sequence, struct reader *body)
{
	ssize_t len = recv(fd, bytes, MESSAGE_MAX, MSG_DONTWAIT | MSG_TRUNC);

	if (len < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	if (len == 0)
		return -EPIPE;
	if (len > MESSAGE_MAX)
		return -EPROTO;
	reader_init(body, bytes, (size_t)len);
	return framing_read(body, (*sequence)++);
}
