#include "tools/shared/line_reader.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "tools/shared/options.h"

#define BLANKS " \t\r\v\f"

void
line_reader_init(struct line_reader *r, int fd, const char *name, bool waits)
{
	struct stat status;

	*r = (struct line_reader){
	    .fd = fd, .name = name, .waits = waits, .ended = fd < 0};
	if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
		r->size = (uint64_t)status.st_size;
}

void
line_reader_close(struct line_reader *r)
{
	if (r->fd > STDERR_FILENO)
		close(r->fd);
	*r = (struct line_reader){.fd = -1, .ended = true};
}

void
line_reader_complain(struct line_reader *r, const char *format, ...)
{
	char text[OPTIONS_TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_line("%s:%zu: %s", r->name, r->line, text);
	r->wrong++;
}

/* Reads once. LINE_THERE: there are more bytes, or it has ended. */
static enum line_state
read_more(struct line_reader *r)
{
	struct pollfd watch = {.fd = r->fd, .events = POLLIN};
	ssize_t got;

	memmove(r->data, r->data + r->head, r->tail - r->head);
	r->tail -= r->head;
	r->head = 0;
	if (poll(&watch, 1, r->waits ? -1 : 0) == 0)
		return LINE_LATER;
	got = read(r->fd, r->data + r->tail, sizeof(r->data) - r->tail);
	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return r->waits ? LINE_THERE : LINE_LATER;
	if (got < 0) {
		log_line("cannot read %s%s: %s", r->name,
		    r->line != 0 ? " to its end" : "", strerror(errno));
		r->wrong++;
	}
	if (got <= 0)
		r->ended = true;
	else
		r->tail += (size_t)got;
	return LINE_THERE;
}

/* Hands out so many bytes. */
static void
take(struct line_reader *r, size_t len)
{
	r->head += len;
	r->taken += len;
}

/* The next line that is not too long, with a NUL behind; or NULL and the state. */
static char *
next_line(struct line_reader *r, size_t *len, enum line_state *state)
{
	for (;;) {
		char *text = r->data + r->head;
		size_t left = r->tail - r->head;
		char *newline = memchr(text, '\n', left);
		bool rest = r->too_long;

		*len = newline != NULL ? (size_t)(newline - text) : left;
		if (newline != NULL || (r->ended && left != 0)) {
			take(r, newline != NULL ? *len + 1 : *len);
			r->line += !rest;
			r->too_long = false;
			/* There is room for it: the last reading found nothing. */
			text[*len] = '\0';
			if (*len <= LINE_MAX_LEN && !rest)
				return text;
		} else if (left > LINE_MAX_LEN) {
			take(r, left);
			r->line += !rest;
			r->too_long = true;
		} else {
			*state = r->ended ? LINE_END : read_more(r);
			if (*state != LINE_THERE)
				return NULL;
			continue;
		}
		if (!rest)
			line_reader_complain(
			    r, "the line has more than %d bytes", LINE_MAX_LEN);
	}
}

/* The one word of a line; NULL: it has none, or it is wrong. */
static const char *
find_word(struct line_reader *r, char *text, size_t len)
{
	static const char mark[] = "\xef\xbb\xbf"; /* of UTF-8, before all else */
	char shown[OPTIONS_SHOWN_MAX];
	char *end;

	if (strlen(text) != len) {
		line_reader_complain(r, "a NUL byte is in the line");
		return NULL;
	}
	if (r->line == 1 && strncmp(text, mark, sizeof(mark) - 1) == 0)
		text += sizeof(mark) - 1;
	text[strcspn(text, "#")] = '\0';
	text += strspn(text, BLANKS);
	end = text + strcspn(text, BLANKS);
	if (end[strspn(end, BLANKS)] != '\0') {
		*end = '\0';
		line_reader_complain(
		    r, "more follows '%s': one word a line", options_show(text, shown));
		return NULL;
	}
	*end = '\0';
	return *text != '\0' ? text : NULL;
}

enum line_state
line_reader_next(struct line_reader *r, const char **word)
{
	enum line_state state = LINE_END;
	char *text;
	size_t len;

	while ((text = next_line(r, &len, &state)) != NULL) {
		*word = find_word(r, text, len);
		if (*word != NULL)
			return LINE_THERE;
	}
	return state;
}
