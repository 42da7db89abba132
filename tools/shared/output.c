#include "tools/shared/output.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "tools/shared/remedy.h"

#define ROOM_MIN 4096

void
output_init(struct output *o, int fd)
{
	*o = (struct output){.fd = fd};
}

void
output_clear(struct output *o)
{
	free(o->data);
	*o = (struct output){.fd = -1};
}

/* Makes room for len more bytes; false (and the error is set) when there is none. */
static bool
reserve(struct output *o, size_t len)
{
	size_t room = o->room != 0 ? o->room : ROOM_MIN;
	char *data;

	if (o->error != 0)
		return false;
	if (o->head != 0) {
		memmove(o->data, o->data + o->head, o->tail - o->head);
		o->tail -= o->head;
		o->head = 0;
	}
	while (room - o->tail < len)
		room *= 2;
	if (room == o->room)
		return true;
	data = realloc(o->data, room);
	if (data == NULL) {
		o->error = -ENOMEM;
		return false;
	}
	o->data = data;
	o->room = room;
	return true;
}

void
output_write(struct output *o, const char *data, size_t len)
{
	if (len == 0 || !reserve(o, len))
		return;
	memcpy(o->data + o->tail, data, len);
	o->tail += len;
}

void
output_print(struct output *o, const char *format, ...)
{
	va_list args, again;
	int len;

	va_start(args, format);
	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, args);
	if (len > 0 && reserve(o, (size_t)len + 1)) {
		vsnprintf(o->data + o->tail, (size_t)len + 1, format, again);
		o->tail += (size_t)len;
	}
	va_end(again);
	va_end(args);
}

size_t
output_pending(const struct output *o)
{
	return o->error != 0 ? 0 : o->tail - o->head;
}

int
output_write_some(struct output *o)
{
	size_t len = output_pending(o);
	ssize_t written;

	if (o->error != 0 || len == 0)
		return o->error;
	written = write(o->fd, o->data + o->head, len < PIPE_BUF ? len : PIPE_BUF);
	if (written > 0)
		o->head += (size_t)written;
	else if (written < 0 && errno != EINTR && errno != EAGAIN)
		o->error = -errno;
	return o->error;
}

void
output_write_ready(struct output *o)
{
	struct pollfd watch = {.fd = o->fd, .events = POLLOUT};

	while (output_pending(o) != 0 && poll(&watch, 1, 0) > 0 &&
	       (watch.revents & POLLOUT) != 0)
		if (output_write_some(o) != 0)
			break;
}

void
output_log_error(const struct output *o)
{
	if (o->error == -ENOMEM)
		log_line("out of memory for what is to be printed%s",
		    remedy_of_limit(ENOMEM));
	else
		log_line("cannot write to standard output: %s", strerror(-o->error));
}

int
output_drain(struct output *o)
{
	struct pollfd watch = {.fd = o->fd, .events = POLLOUT};

	while (output_pending(o) != 0) {
		if (poll(&watch, 1, -1) < 0 && errno != EINTR)
			o->error = -errno;
		output_write_some(o);
	}
	return o->error;
}
