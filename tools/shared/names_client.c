#include "tools/shared/names_client.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/wait.h>

#include "common/clock.h"
#include "common/hash.h"
#include "common/log.h"
#include "common/message.h"
#include "tools/shared/servant.h"

#define SERVANT "paris-names"
/* paris-names keeps the time itself; so much later it is taken to be stuck. */
#define GRACE (NS_PER_SECOND)

/* A question under way. Its number on the channel is ours, not the caller's. */
struct asked {
	uint32_t number;
	uint32_t question;
	int64_t deadline;
	uint8_t type;               /* enum names_message */
	struct names_addrs *result; /* of names_client_resolve, else NULL */
	TAILQ_ENTRY(asked) by_age;
	UT_hash_handle hh;
};
TAILQ_HEAD(asked_list, asked);

struct names_client {
	struct servant servant;
	struct names_client_answers answers;
	int64_t timeout; /* ns, with GRACE */
	uint32_t next_number;
	struct asked *asked;
	struct asked_list by_age; /* so the first has the earliest deadline */
	bool gone;
	char ended[80]; /* then: how */
};

/* What names_client_resolve waits for: no answer has this status. */
#define STATUS_OPEN UINT8_MAX

/* ---- answers --------------------------------------------------------------------- */

static void
asked_free(struct names_client *c, struct asked *a)
{
	TAILQ_REMOVE(&c->by_age, a, by_age);
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a is in the table */
	HASH_DEL(c->asked, a);
	free(a);
}

/* Ends a question; it is forgotten before the callback, which may ask anew. */
static void
finish_addrs(struct names_client *c, struct asked *a, struct names_addrs *answer)
{
	struct names_addrs *result = a->result;

	answer->question = a->question;
	asked_free(c, a);
	if (result != NULL)
		*result = *answer;
	else if (c->answers.addrs != NULL)
		c->answers.addrs(c->answers.context, answer);
}

static void
finish_name(struct names_client *c, struct asked *a, struct names_name *answer)
{
	answer->question = a->question;
	asked_free(c, a);
	if (c->answers.name != NULL)
		c->answers.name(c->answers.context, answer);
}

static void
finish_origin(struct names_client *c, struct asked *a, struct names_origin *answer)
{
	answer->question = a->question;
	asked_free(c, a);
	if (c->answers.origin != NULL)
		c->answers.origin(c->answers.context, answer);
}

/* Ends a question that paris-names did not answer. */
static void
finish_without(struct names_client *c, struct asked *a, enum names_status status)
{
	struct names_addrs addrs = {.status = (uint8_t)status};
	struct names_name name = {.status = (uint8_t)status};
	struct names_origin origin = {.status = (uint8_t)status};

	if (a->type == NAMES_FORWARD)
		finish_addrs(c, a, &addrs);
	else if (a->type == NAMES_WHOSE)
		finish_origin(c, a, &origin);
	else
		finish_name(c, a, &name);
}

/* NULL for a question that was given up meanwhile. */
static struct asked *
asked_find(struct names_client *c, uint32_t number)
{
	struct asked *a;

	HASH_FIND(hh, c->asked, &number, sizeof(number), a);
	return a;
}

static int
receive_name(struct names_client *c, struct reader *body)
{
	struct names_name answer;
	struct asked *a;

	if (names_name_unpack(&answer, body) != 0)
		return -EBADMSG;
	a = asked_find(c, answer.question);
	if (a != NULL && a->type != NAMES_REVERSE)
		return -EBADMSG;
	if (a != NULL)
		finish_name(c, a, &answer);
	return 0;
}

static int
receive_addrs(struct names_client *c, struct reader *body)
{
	struct names_addrs answer;
	struct asked *a;

	if (names_addrs_unpack(&answer, body) != 0)
		return -EBADMSG;
	a = asked_find(c, answer.question);
	if (a != NULL && a->type != NAMES_FORWARD)
		return -EBADMSG;
	if (a != NULL)
		finish_addrs(c, a, &answer);
	return 0;
}

static int
receive_origin(struct names_client *c, struct reader *body)
{
	struct names_origin answer;
	struct asked *a;

	if (names_origin_unpack(&answer, body) != 0)
		return -EBADMSG;
	a = asked_find(c, answer.question);
	if (a != NULL && a->type != NAMES_WHOSE)
		return -EBADMSG;
	if (a != NULL)
		finish_origin(c, a, &answer);
	return 0;
}

static int
dispatch(void *context, const struct message *m)
{
	struct names_client *c = context;
	struct reader body;

	reader_init(&body, m->body, m->len);
	switch (m->type) {
	case NAMES_READY:
		return reader_finish(&body);
	case NAMES_NAME:
		return receive_name(c, &body);
	case NAMES_ADDRS:
		return receive_addrs(c, &body);
	case NAMES_ORIGIN:
		return receive_origin(c, &body);
	default:
		return -EBADMSG;
	}
}

/* ---- its end --------------------------------------------------------------------- */

/* Whether names_client_resolve waits: its caller will say what has happened. */
static bool
is_resolving(const struct names_client *c)
{
	const struct asked *a;

	TAILQ_FOREACH (a, &c->by_age, by_age)
		if (a->result != NULL)
			return true;
	return false;
}

/* paris-names is of no use any more: says so once and ends all questions. */
static void
give_up(struct names_client *c, int status)
{
	struct asked *a;
	int ended = servant_stop(&c->servant);

	c->gone = true;
	if (status == -EBADMSG || status == -EPROTO)
		snprintf(c->ended, sizeof(c->ended),
		    SERVANT " sent a record that makes no sense");
	else if (WIFSIGNALED(ended))
		snprintf(c->ended, sizeof(c->ended), SERVANT " was killed by signal %d",
		    WTERMSIG(ended));
	else
		snprintf(c->ended, sizeof(c->ended),
		    SERVANT " ended early (exit status %d)", WEXITSTATUS(ended));
	if (!is_resolving(c))
		log_line("%s; going on without names", c->ended);
	while ((a = TAILQ_FIRST(&c->by_age)) != NULL)
		finish_without(c, a, NAMES_FAILED);
}

const char *
names_client_ended(const struct names_client *c)
{
	return c->ended;
}

static void
expire(struct names_client *c)
{
	int64_t now = clock_monotonic();
	struct asked *a;

	while ((a = TAILQ_FIRST(&c->by_age)) != NULL && a->deadline <= now)
		finish_without(c, a, NAMES_TIMEOUT);
}

int
names_client_process(struct names_client *c)
{
	int flushed, received;

	if (c->gone)
		return 0;
	/* Read even when writing failed: answers may lie there. */
	flushed = channel_flush(&c->servant.channel);
	received = channel_receive(&c->servant.channel, dispatch, c);
	if (received == 0 && flushed == 0) {
		expire(c);
		/* What callbacks asked. */
		flushed = channel_flush(&c->servant.channel);
	}
	if (received == 0 && flushed == 0)
		return 0;
	give_up(c, received < 0 ? received : flushed);
	return -EPIPE;
}

/* ---- asking ---------------------------------------------------------------------- */

/* Queues a packed question and remembers it. */
static int
ask(struct names_client *c, enum names_message type, const struct writer *w,
    uint32_t question, struct names_addrs *result)
{
	struct asked *a = calloc(1, sizeof(*a));
	int error;

	if (a == NULL)
		return -ENOMEM;
	error =
	    channel_queue(&c->servant.channel, (uint8_t)type, w->start, writer_len(w));
	if (error != 0) {
		free(a);
		return error;
	}
	a->number = c->next_number++;
	a->question = question;
	a->deadline = clock_monotonic() + c->timeout;
	a->type = (uint8_t)type;
	a->result = result;
	TAILQ_INSERT_TAIL(&c->by_age, a, by_age);
	HASH_ADD(hh, c->asked, number, sizeof(a->number), a);
	return 0;
}

/* A question about an address. */
static int
ask_about(struct names_client *c, enum names_message type, const struct addr *addr,
    uint32_t question)
{
	struct names_reverse m = {.question = c->next_number, .addr = *addr};
	uint8_t body[MESSAGE_BODY_MAX];
	struct writer w;

	if (c->gone)
		return -EPIPE;
	if (addr_is_none(addr))
		return -EINVAL;
	writer_init(&w, body, sizeof(body));
	names_reverse_pack(&m, &w);
	return ask(c, type, &w, question, NULL);
}

int
names_client_reverse(struct names_client *c, const struct addr *addr, uint32_t question)
{
	return ask_about(c, NAMES_REVERSE, addr, question);
}

int
names_client_whose(struct names_client *c, const struct addr *addr, uint32_t question)
{
	return ask_about(c, NAMES_WHOSE, addr, question);
}

static int
ask_forward(struct names_client *c, const char *name, uint32_t family,
    uint32_t question, struct names_addrs *result)
{
	struct names_forward m = {.question = c->next_number, .family = family};
	size_t len = strlen(name);
	uint8_t body[MESSAGE_BODY_MAX];
	struct writer w;

	if (c->gone)
		return -EPIPE;
	if (len == 0 || len > NAMES_NAME_MAX)
		return len == 0 ? -EINVAL : -ENAMETOOLONG;
	memcpy(m.name, name, len + 1);
	writer_init(&w, body, sizeof(body));
	names_forward_pack(&m, &w);
	return ask(c, NAMES_FORWARD, &w, question, result);
}

int
names_client_forward(
    struct names_client *c, const char *name, uint32_t family, uint32_t question)
{
	return ask_forward(c, name, family, question, NULL);
}

/* Waits for the channel, at most until a question is overdue. */
static void
wait_for_events(const struct names_client *c)
{
	struct pollfd watch = {
	    .fd = names_client_fd(c), .events = names_client_events(c)};
	int64_t left = clock_elapsed(clock_monotonic(), names_client_deadline(c));
	struct timespec timeout = clock_to_timespec(left);

	(void)ppoll(&watch, 1, &timeout, NULL);
}

int
names_client_resolved(const struct names_addrs *answer, struct addr *addrs, size_t max)
{
	size_t count = answer->count < max ? answer->count : max;

	switch (answer->status) {
	case NAMES_OK:
		memcpy(addrs, answer->addrs, count * sizeof(*addrs));
		return (int)count;
	case NAMES_NOT_FOUND:
		return -ENOENT;
	case NAMES_TIMEOUT:
		return -ETIMEDOUT;
	default:
		return -EIO;
	}
}

int
names_client_resolve(struct names_client *c, const char *name, uint32_t family,
    struct addr *addrs, size_t max)
{
	struct names_addrs answer = {.status = STATUS_OPEN};
	int error = ask_forward(c, name, family, 0, &answer);

	if (error != 0)
		return error;
	for (;;) {
		names_client_process(c);
		if (c->gone && answer.status == NAMES_FAILED)
			return -EPIPE;
		if (answer.status != STATUS_OPEN)
			return names_client_resolved(&answer, addrs, max);
		wait_for_events(c);
	}
}

/* ---- watching -------------------------------------------------------------------- */

int
names_client_fd(const struct names_client *c)
{
	return c->gone ? -1 : c->servant.channel.fd;
}

short
names_client_events(const struct names_client *c)
{
	if (c->gone)
		return 0;
	return (short)(POLLIN | (channel_pending(&c->servant.channel) ? POLLOUT : 0));
}

int64_t
names_client_deadline(const struct names_client *c)
{
	const struct asked *first = TAILQ_FIRST(&c->by_age);

	return first != NULL ? first->deadline : INT64_MAX;
}

size_t
names_client_outstanding(const struct names_client *c)
{
	return HASH_COUNT(c->asked);
}

/* ---- life ------------------------------------------------------------------------ */

static int
configure(struct names_client *c, const struct names_configure *m)
{
	struct names_configure again;
	uint8_t body[MESSAGE_BODY_MAX];
	struct writer w;
	struct reader r;

	writer_init(&w, body, sizeof(body));
	names_configure_pack(m, &w);
	reader_init(&r, body, writer_len(&w));
	if (names_configure_unpack(&again, &r) != 0)
		return -EINVAL;
	return channel_queue(
	    &c->servant.channel, NAMES_CONFIGURE, body, writer_len(&w));
}

int
names_client_start(struct names_client **out, const struct names_configure *m,
    const int *databases, const struct names_client_answers *answers, char *path,
    size_t path_room)
{
	struct names_client *c = calloc(1, sizeof(*c));
	int error;

	*out = NULL;
	if (c == NULL)
		return -ENOMEM;
	TAILQ_INIT(&c->by_age);
	c->answers = *answers;
	c->timeout = m->timeout_ms * NS_PER_MS + GRACE;
	error = servant_start(&c->servant, SERVANT, NULL, databases, path, path_room);
	if (error == 0)
		error = configure(c, m);
	if (error == 0) {
		/* Should it be gone already, names_client_process will find out. */
		(void)channel_flush(&c->servant.channel);
		*out = c;
		return 0;
	}
	names_client_stop(c);
	return error;
}

void
names_client_stop(struct names_client *c)
{
	struct asked *a;

	if (c == NULL)
		return;
	servant_stop(&c->servant);
	while ((a = TAILQ_FIRST(&c->by_age)) != NULL)
		asked_free(c, a);
	free(c);
}
