#include "tools/shared/prober_client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/privsep_messages.h"
#include "prober/plan.h"
#include "prober/transport.h"
#include "tools/shared/remedy.h"

#define PROGRAM "paris-prober"

/* The names of the transports that the plans send and receive by, ended by NULL. */
static void
name_transports(const struct prober_plan *plans, size_t count, const char **names)
{
	uint32_t wanted = 0;

	for (size_t i = 0; i < 2 * count; i++) {
		const struct prober_plan_family *f = &plans[i / 2].family[i % 2];

		wanted |= 1U << f->send | 1U << f->receive;
	}
	for (unsigned int id = TRANSPORT_NONE + 1; id < TRANSPORT_COUNT; id++)
		if ((wanted & 1U << id) != 0)
			*names++ = plan_transport_name((uint8_t)id);
	*names = NULL;
}

/* Starts paris-privsep for the plans that need it; its channel is for the prober. */
static int
start_helper(struct prober_client *c, const struct prober_plan *plans, size_t count,
    char *path, size_t room)
{
	const char *arguments[] = {NULL, NULL};
	bool needed = false;

	for (size_t i = 0; i < 2 * count; i++) {
		const struct transport *t =
		    transport_find(plans[i / 2].family[i % 2].send);

		if (t == NULL || !t->by_helper)
			continue;
		needed = true;
		if (t->helper_argument != NULL)
			arguments[0] = t->helper_argument;
	}
	if (!needed)
		return 0;
	return servant_start(&c->helper, PRIVSEP_PROGRAM, arguments, NULL, path, room);
}

int
prober_client_start(struct prober_client *c, const struct prober_plan *plans,
    size_t plans_count, char *error)
{
	const char *arguments[3 + TRANSPORT_COUNT + 1];
	const char **transports = arguments;
	char mark[sizeof("mark=4294967295")], protocol[sizeof("protocol=255")];
	char path[PROBER_CLIENT_ERROR_MAX - 200] = "";
	int helper[] = {-1, -1};
	int result;

	*c = (struct prober_client){.helper = {.channel = {.fd = -1}},
	    .hello_before = clock_monotonic() + PROBER_HELLO_SECONDS * NS_PER_SECOND};
	if (plans->mark != 0) {
		snprintf(mark, sizeof(mark), "mark=%u", plans->mark);
		*transports++ = mark;
	}
	if (plans->ip_protocol != 0) {
		snprintf(protocol, sizeof(protocol), "protocol=%u", plans->ip_protocol);
		*transports++ = protocol;
	}
	if (plans->debug)
		*transports++ = "debug";
	name_transports(plans, plans_count, transports);
	result = start_helper(c, plans, plans_count, path, sizeof(path));
	helper[0] = c->helper.channel.fd;
	if (result == 0)
		result = servant_start(
		    &c->servant, PROGRAM, arguments, helper, path, sizeof(path));
	channel_close(&c->helper.channel); /* it is the prober's alone */
	if (result == 0)
		return 0;
	snprintf(error, PROBER_CLIENT_ERROR_MAX, "cannot start %s: %s%s",
	    path[0] != '\0' ? path : PROGRAM, strerror(-result),
	    remedy_of_start(-result));
	(void)servant_stop(&c->helper);
	return result;
}

void
prober_client_listen(
    struct prober_client *c, const struct prober_events *events, void *context)
{
	c->events = events;
	c->context = context;
}

/* Queues a body that a writer holds; sends it if that is allowed already. */
static int
queue(struct prober_client *c, uint8_t type, const struct writer *w)
{
	int error;

	if (w->failed)
		return -EMSGSIZE;
	error = channel_queue(&c->servant.channel, type, w->start, writer_len(w));
	if (error == 0 && c->hello)
		error = channel_flush(&c->servant.channel);
	return error;
}

int
prober_client_plan(struct prober_client *c, const struct prober_plan *plan)
{
	uint8_t body[MESSAGE_BODY_MAX];
	struct writer w;

	writer_init(&w, body, sizeof(body));
	prober_plan_pack(plan, &w);
	return queue(c, PROBER_PLAN, &w);
}

int
prober_client_begin(struct prober_client *c, const struct prober_start *start)
{
	uint8_t body[MESSAGE_BODY_MAX];
	struct writer w;

	writer_init(&w, body, sizeof(body));
	prober_start_pack(start, &w);
	return queue(c, PROBER_START, &w);
}

int
prober_client_stop(struct prober_client *c, uint32_t instance)
{
	struct prober_stop stop = {.instance = instance};
	uint8_t body[MESSAGE_BODY_MAX];
	struct writer w;

	writer_init(&w, body, sizeof(body));
	prober_stop_pack(&stop, &w);
	return queue(c, PROBER_STOP, &w);
}

int
prober_client_fd(const struct prober_client *c)
{
	return c->servant.pid != 0 ? c->servant.channel.fd : -1;
}

short
prober_client_wants(const struct prober_client *c)
{
	bool write = c->hello && channel_pending(&c->servant.channel);

	return (short)(write ? POLLIN | POLLOUT : POLLIN);
}

static int
take_started(struct prober_client *c, struct reader *r)
{
	struct prober_started m;
	int error = prober_started_unpack(&m, r);

	return error != 0 ? error : c->events->started(c->context, &m);
}

static int
take_result(struct prober_client *c, struct reader *r)
{
	struct prober_result m;
	int error = prober_result_unpack(&m, r);

	return error != 0 ? error : c->events->result(c->context, &m);
}

static int
take_done(struct prober_client *c, struct reader *r)
{
	struct prober_done m;
	int error = prober_done_unpack(&m, r);

	return error != 0 ? error : c->events->done(c->context, &m);
}

static int
take_message(void *context, const struct message *m)
{
	struct prober_client *c = context;
	struct reader r;

	reader_init(&r, m->body, m->len);
	if (m->type == PROBER_HELLO) {
		if (c->hello || m->len != 0)
			return -EBADMSG;
		c->hello = true;
		return 0;
	}
	if (!c->hello)
		return -EBADMSG;
	switch (m->type) {
	case PROBER_STARTED:
		return take_started(c, &r);
	case PROBER_RESULT:
		return take_result(c, &r);
	case PROBER_DONE:
		return take_done(c, &r);
	default:
		return -EBADMSG;
	}
}

int
prober_client_service(struct prober_client *c)
{
	int result = channel_receive(&c->servant.channel, take_message, c);

	if (result != 0)
		return result;
	if (!c->hello)
		return clock_monotonic() >= c->hello_before ? -ETIME : 0;
	result = channel_flush(&c->servant.channel);
	/* A prober that is gone may have left words that the next reading finds. */
	return result == -EPIPE || result == -ECONNRESET ? 0 : result;
}

bool
prober_client_has_explained(const struct prober_client *c, int status)
{
	/* Before HELLO it may be any program. */
	return c->hello && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_EXPLAINED;
}

int
prober_client_end(struct prober_client *c, char *text, size_t room)
{
	int status = servant_stop(&c->servant);

	(void)servant_stop(&c->helper); /* its channel went with the prober */

	if (WIFSIGNALED(status))
		snprintf(text, room, "died of signal %d (%s)", WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
	else
		snprintf(text, room, "exited with status %d", WEXITSTATUS(status));
	return status;
}
