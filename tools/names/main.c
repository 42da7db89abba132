/*
 * paris-names: looks up names for a tool that started it, so that DNS is off the tool's
 * timing path and its answers are parsed in a sandbox.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ares.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/message.h"
#include "common/names_messages.h"
#include "common/privilege.h"
#include "common/user_namespace.h"
#include "tools/names/lookup.h"
#include "tools/names/sandbox_policy.h"

#define HOSTS_PATH "/etc/hosts"
#define FILES_MAX 64 /* three standard ones, the channel, LOOKUP_WATCH_MAX sockets */
#define EXIT_USAGE 2

/* The slots of the poll array. */
enum {
	WATCH_CHANNEL,
	WATCH_LOOKUP,
	WATCH_MAX = WATCH_LOOKUP + LOOKUP_WATCH_MAX,
};

struct names {
	struct channel channel;
	struct lookup *lookup; /* NULL before NAMES_CONFIGURE */
	int error;             /* -errno of an answer that could not be queued */
};

/* ---- answers up ------------------------------------------------------------------ */

static void
queue(struct names *names, enum names_message type, const struct writer *w)
{
	int error =
	    channel_queue(&names->channel, (uint8_t)type, w->start, writer_len(w));

	if (names->error == 0)
		names->error = error;
}

static void
queue_name(void *context, const struct names_name *answer)
{
	uint8_t body[MESSAGE_BODY_MAX];
	struct writer w;

	writer_init(&w, body, sizeof(body));
	names_name_pack(answer, &w);
	queue(context, NAMES_NAME, &w);
}

static void
queue_addrs(void *context, const struct names_addrs *answer)
{
	uint8_t body[MESSAGE_BODY_MAX];
	struct writer w;

	writer_init(&w, body, sizeof(body));
	names_addrs_pack(answer, &w);
	queue(context, NAMES_ADDRS, &w);
}

static void
queue_origin(void *context, const struct names_origin *answer)
{
	uint8_t body[MESSAGE_BODY_MAX];
	struct writer w;

	writer_init(&w, body, sizeof(body));
	names_origin_pack(answer, &w);
	queue(context, NAMES_ORIGIN, &w);
}

/* ---- questions down -------------------------------------------------------------- */

/* Opens all files there are to open, then locks the door. */
static int
configure(struct names *names, struct reader *body)
{
	struct names_configure m;
	struct lookup_answers answers = {queue_name, queue_addrs, queue_origin, names};
	int error;

	if (names->lookup != NULL || names_configure_unpack(&m, body) != 0)
		return -EBADMSG;
	error = lookup_new(&m, HOSTS_PATH, &answers, &names->lookup);
	if (error != 0)
		return error;
	error = sandbox_enter(&names_sandbox_policy);
	if (error != 0) {
		log_line("cannot enter the sandbox: %s", strerror(-error));
		return error;
	}
	lookup_open_databases(names->lookup);
	return channel_queue(&names->channel, NAMES_READY, NULL, 0);
}

static int
reverse(struct names *names, struct reader *body)
{
	struct names_reverse m;

	if (names->lookup == NULL || names_reverse_unpack(&m, body) != 0)
		return -EBADMSG;
	return lookup_reverse(names->lookup, &m);
}

static int
whose(struct names *names, struct reader *body)
{
	struct names_reverse m;

	if (names->lookup == NULL || names_reverse_unpack(&m, body) != 0)
		return -EBADMSG;
	return lookup_whose(names->lookup, &m);
}

static int
forward(struct names *names, struct reader *body)
{
	struct names_forward m;

	if (names->lookup == NULL || names_forward_unpack(&m, body) != 0)
		return -EBADMSG;
	return lookup_forward(names->lookup, &m);
}

static int
dispatch(void *context, const struct message *m)
{
	struct names *names = context;
	struct reader body;

	reader_init(&body, m->body, m->len);
	switch (m->type) {
	case NAMES_CONFIGURE:
		return configure(names, &body);
	case NAMES_REVERSE:
		return reverse(names, &body);
	case NAMES_WHOSE:
		return whose(names, &body);
	case NAMES_FORWARD:
		return forward(names, &body);
	default:
		return -EBADMSG;
	}
}

/* ---- the loop -------------------------------------------------------------------- */

/* Waits for the channel, the sockets and the next deadline. */
static int
wait_for_events(struct names *names, struct pollfd *watch, size_t *count)
{
	int64_t deadline = INT64_MAX;
	struct timespec left;
	bool forever;

	/* No question is read while answers wait, or too many questions do. */
	watch[WATCH_CHANNEL] = (struct pollfd){.fd = names->channel.fd};
	if (channel_pending(&names->channel))
		watch[WATCH_CHANNEL].events = POLLOUT;
	else if (names->lookup == NULL || !lookup_is_full(names->lookup))
		watch[WATCH_CHANNEL].events = POLLIN;
	*count = WATCH_LOOKUP;
	if (names->lookup != NULL) {
		*count += lookup_watch(names->lookup, &watch[WATCH_LOOKUP]);
		deadline = lookup_deadline(names->lookup);
	}
	forever = deadline == INT64_MAX;
	left = clock_to_timespec(clock_elapsed(clock_monotonic(), deadline));
	if (ppoll(watch, *count, forever ? NULL : &left, NULL) < 0 && errno != EINTR)
		return -errno;
	return 0;
}

/* Returns 1 when the tool has gone, 0 to go on, or a negative. */
static int
turn(struct names *names)
{
	struct pollfd watch[WATCH_MAX] = {0};
	size_t count;
	short channel;
	int status = wait_for_events(names, watch, &count);

	if (status != 0)
		return status;
	channel = watch[WATCH_CHANNEL].revents;
	if ((channel & POLLIN) != 0)
		status = channel_receive(&names->channel, dispatch, names);
	else if ((channel & (POLLHUP | POLLERR)) != 0)
		status = 1;
	/* After the questions, so that they are asked in the same turn. */
	if (names->lookup != NULL && status == 0)
		lookup_process(
		    names->lookup, &watch[WATCH_LOOKUP], count - WATCH_LOOKUP);
	if (status == 0)
		status = names->error;
	if (status == 0)
		status = channel_flush(&names->channel);
	return status == -EPIPE || status == -ECONNRESET ? 1 : status;
}

static int
serve(struct names *names)
{
	int status;

	do
		status = turn(names);
	while (status == 0);
	if (status == -EBADMSG || status == -EPROTO)
		log_line("the tool sent a record that makes no sense; giving up");
	else if (status == -ENOMEM || status == -ENOBUFS)
		log_line("out of memory; giving up");
	else if (status < 0 && names->lookup != NULL)
		log_line("giving up: %s", strerror(-status));
	return status == 1 ? EXIT_SUCCESS : EXIT_EXPLAINED;
}

/* ---- start-up -------------------------------------------------------------------- */

/* Gives away all that a resolver does not need. */
static int
renounce(void)
{
	int error = privilege_renounce(
	    user_namespace_has_one_user() ? PRIVILEGE_STAY : PRIVILEGE_NOBODY,
	    FILES_MAX);

	return error == 0 && chdir("/") != 0 ? -errno : error;
}

static int
run(void)
{
	struct names names = {0};
	int error = channel_init(&names.channel, MESSAGE_CHILD_FD);
	int status;

	if (error != 0) {
		log_line("cannot use the channel: %s", strerror(-error));
		return EXIT_EXPLAINED;
	}
	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS) {
		log_line("cannot start the resolver library");
		channel_close(&names.channel);
		return EXIT_EXPLAINED;
	}
	status = serve(&names);
	lookup_free(names.lookup);
	channel_close(&names.channel);
	ares_library_cleanup();
	return status;
}

int
main(void)
{
	int error;

	log_set_program("paris-names");
	/* First of all: from here on nobody of our uid can take our descriptors. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || clearenv() != 0) {
		log_line("cannot start: %s", strerror(errno));
		return EXIT_EXPLAINED;
	}
	if (!framing_is_channel(MESSAGE_CHILD_FD)) {
		log_line("this program is started by paris-traceroute and does nothing "
			 "on its own");
		return EXIT_USAGE;
	}
	error = renounce();
	if (error != 0) {
		log_line("cannot give up privileges: %s", strerror(-error));
		return EXIT_EXPLAINED;
	}
	return run();
}
