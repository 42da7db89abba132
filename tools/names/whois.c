#include "tools/names/whois.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"

/* Reads of one connection between two looks at the others. */
#define READS_MAX 4
#define READ_SIZE 4096

/* A question; it waits, or has a connection. */
struct conversation {
	struct addr about;
	int64_t deadline;
	whois_done *done;
	void *context;
	int fd;       /* -1: waits */
	size_t tried; /* addresses of the server that could not be reached */
	bool asked;   /* the question has been sent */
	bool heard;   /* a byte has come back */
	struct origin origin;
	struct origin_whois text;
	TAILQ_ENTRY(conversation) entry;
};
TAILQ_HEAD(conversation_list, conversation);

/* All questions have the same time, so the first that waits has the least left. */
struct whois {
	const char *server;
	uint16_t port;
	struct addr addrs[NAMES_ADDRS_MAX];
	size_t addrs_count; /* 0: not known */
	struct conversation_list waiting;
	struct conversation_list open;
	size_t open_count;
	bool complained; /* that the server cannot be asked */
};

/* ---- one conversation ------------------------------------------------------------ */

static void
complain(struct whois *w, const char *why)
{
	if (!w->complained)
		log_line("cannot ask the whois server %s, port %u: %s; going on "
			 "without AS numbers (RA_SERVER names another, --as-source "
			 "another source)",
		    w->server, w->port, why);
	w->complained = true;
}

static void
hang_up(struct whois *w, struct conversation *c)
{
	if (c->fd >= 0) {
		close(c->fd);
		TAILQ_REMOVE(&w->open, c, entry);
		w->open_count--;
	} else {
		TAILQ_REMOVE(&w->waiting, c, entry);
	}
}

static void
finish(struct whois *w, struct conversation *c, enum names_status status)
{
	hang_up(w, c);
	c->done(c->context, status, &c->origin);
	free(c);
}

/* All has been read that will be. */
static void
conclude(struct whois *w, struct conversation *c)
{
	origin_whois_end(&c->text);
	finish(w, c, c->origin.count != 0 ? NAMES_OK : NAMES_NOT_FOUND);
}

/* Begins to connect; a descriptor, or -errno. */
static int
dial(const struct whois *w, const struct addr *a)
{
	struct sockaddr_storage to;
	socklen_t len = addr_to_sockaddr(a, w->port, &to);
	int fd = socket((int)a->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&to, len) == 0 || errno == EINPROGRESS)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

/* Tries the server's addresses from the conversation's on; it is open then, or ended.
 */
static void
begin(struct whois *w, struct conversation *c, int error)
{
	for (; c->tried < w->addrs_count; c->tried++) {
		int fd = dial(w, &w->addrs[c->tried]);

		if (fd >= 0) {
			TAILQ_REMOVE(&w->waiting, c, entry);
			TAILQ_INSERT_TAIL(&w->open, c, entry);
			w->open_count++;
			c->fd = fd;
			return;
		}
		error = fd;
	}
	complain(w, strerror(-error));
	finish(w, c, NAMES_FAILED);
}

/* The connection broke. Before anything came of it another address may do. */
static void
give_way(struct whois *w, struct conversation *c, int error)
{
	if (c->asked) {
		complain(w, strerror(-error));
		finish(w, c, NAMES_FAILED);
		return;
	}
	hang_up(w, c);
	c->fd = -1;
	TAILQ_INSERT_HEAD(&w->waiting, c, entry);
	c->tried++;
	begin(w, c, error);
}

/* Sends the question as soon as there is a connection; false when that broke. */
static bool
speak(struct whois *w, struct conversation *c)
{
	char about[ADDR_TEXT_MAX], text[ADDR_TEXT_MAX + 2];
	struct iovec part = {.iov_base = text};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	ssize_t sent;

	snprintf(text, sizeof(text), "%s\r\n", addr_to_text(&c->about, about));
	part.iov_len = strlen(text);
	sent = sendmsg(c->fd, &message, MSG_NOSIGNAL);
	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (sent < 0) {
		give_way(w, c, -errno);
		return false;
	}
	/* A new connection has room for a line. */
	c->asked = true;
	return true;
}

static void
listen_to(struct whois *w, struct conversation *c)
{
	uint8_t data[READ_SIZE];

	for (int i = 0; i < READS_MAX; i++) {
		ssize_t got = recvfrom(c->fd, data, sizeof(data), 0, NULL, NULL);

		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (got < 0 && !c->heard) {
			give_way(w, c, -errno);
			return;
		}
		/* A reset ends an answer as an orderly end does. */
		if (got > 0)
			c->heard = true;
		if (got <= 0 || !origin_whois_add(&c->text, data, (size_t)got)) {
			conclude(w, c);
			return;
		}
	}
}

static void
serve(struct whois *w, struct conversation *c)
{
	if (c->asked || speak(w, c)) {
		if (c->asked)
			listen_to(w, c);
	}
}

/* ---- all of them ----------------------------------------------------------------- */

static void
begin_waiting(struct whois *w)
{
	while (w->addrs_count != 0 && w->open_count < WHOIS_AT_ONCE &&
	       !TAILQ_EMPTY(&w->waiting))
		begin(w, TAILQ_FIRST(&w->waiting), -EHOSTUNREACH);
}

static void
expire(struct whois *w, struct conversation_list *list, int64_t now)
{
	struct conversation *c, *next;

	for (c = TAILQ_FIRST(list); c != NULL; c = next) {
		next = TAILQ_NEXT(c, entry);
		if (c->deadline > now)
			continue;
		if (list == &w->open)
			complain(w, "no answer in time");
		finish(w, c, NAMES_TIMEOUT);
	}
}

struct whois *
whois_new(const char *server, uint16_t port)
{
	struct whois *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->server = server;
	w->port = port;
	TAILQ_INIT(&w->waiting);
	TAILQ_INIT(&w->open);
	return w;
}

void
whois_free(struct whois *w)
{
	struct conversation *c;

	if (w == NULL)
		return;
	while ((c = TAILQ_FIRST(&w->open)) != NULL ||
	       (c = TAILQ_FIRST(&w->waiting)) != NULL) {
		hang_up(w, c);
		free(c);
	}
	free(w);
}

int
whois_ask(struct whois *w, const struct addr *about, int64_t deadline, whois_done *done,
    void *context)
{
	struct conversation *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return -ENOMEM;
	c->about = *about;
	c->deadline = deadline;
	c->done = done;
	c->context = context;
	c->fd = -1;
	origin_whois_begin(&c->text, &c->origin);
	TAILQ_INSERT_TAIL(&w->waiting, c, entry);
	return 0;
}

bool
whois_has_server(const struct whois *w)
{
	return w->addrs_count != 0;
}

void
whois_serve(struct whois *w, const struct addr *addrs, size_t count)
{
	w->addrs_count = count < NAMES_ADDRS_MAX ? count : NAMES_ADDRS_MAX;
	memcpy(w->addrs, addrs, w->addrs_count * sizeof(*addrs));
}

void
whois_refuse(struct whois *w, enum names_status status, const char *why)
{
	struct conversation *c;

	complain(w, why);
	while ((c = TAILQ_FIRST(&w->waiting)) != NULL)
		finish(w, c, status);
}

size_t
whois_watch(const struct whois *w, struct pollfd *watch)
{
	const struct conversation *c;
	size_t count = 0;

	TAILQ_FOREACH (c, &w->open, entry)
		watch[count++] = (struct pollfd){
		    .fd = c->fd, .events = (short)(c->asked ? POLLIN : POLLOUT)};
	return count;
}

int64_t
whois_deadline(const struct whois *w)
{
	const struct conversation *waiting = TAILQ_FIRST(&w->waiting);
	int64_t deadline = waiting != NULL ? waiting->deadline : INT64_MAX;
	const struct conversation *c;

	if (waiting != NULL && w->addrs_count != 0 && w->open_count < WHOIS_AT_ONCE)
		return 0;
	TAILQ_FOREACH (c, &w->open, entry)
		if (c->deadline < deadline)
			deadline = c->deadline;
	return deadline;
}

/* NULL for one that was closed meanwhile. */
static struct conversation *
find_open(const struct whois *w, int fd)
{
	struct conversation *c;

	TAILQ_FOREACH (c, &w->open, entry)
		if (c->fd == fd)
			return c;
	return NULL;
}

void
whois_process(struct whois *w, const struct pollfd *watch, size_t count)
{
	int64_t now = clock_monotonic();

	for (size_t i = 0; i < count; i++) {
		struct conversation *c =
		    watch[i].revents != 0 ? find_open(w, watch[i].fd) : NULL;

		if (c != NULL)
			serve(w, c);
	}
	expire(w, &w->open, now);
	expire(w, &w->waiting, now);
	begin_waiting(w);
}
