/* common/message: framing between processes that do not trust each other. */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/message.h"

/* What a handler saw. */
struct seen {
	size_t count;
	uint8_t type;
	size_t len;
	uint8_t body[MESSAGE_BODY_MAX];
	int answer; /* what the handler returns */
};

static struct channel a, b;
static struct seen seen;

static int
see(void *context, const struct message *m)
{
	struct seen *s = context;

	s->count++;
	s->type = m->type;
	s->len = m->len;
	memcpy(s->body, m->body, m->len);
	return s->answer;
}

static size_t
open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t count = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

static void
set_up(void)
{
	int fds[2];

	ck_assert_int_eq(channel_pair(fds), 0);
	ck_assert_int_ne(fcntl(fds[0], F_GETFD) & FD_CLOEXEC, 0);
	ck_assert_int_ne(fcntl(fds[1], F_GETFD) & FD_CLOEXEC, 0);
	ck_assert_int_eq(channel_init(&a, fds[0]), 0);
	ck_assert_int_eq(channel_init(&b, fds[1]), 0);
	seen = (struct seen){0};
}

static void
tear_down(void)
{
	channel_close(&a);
	channel_close(&b);
	channel_close(&b);
	ck_assert_int_eq(b.fd, -1);
}

START_TEST(records_arrive)
{
	uint8_t body[MESSAGE_BODY_MAX];

	memset(body, 0xa5, sizeof(body));
	ck_assert_int_eq(channel_receive(&b, see, &seen), 0);
	ck_assert_int_eq(channel_queue(&a, 1, NULL, 0), 0);
	ck_assert(channel_pending(&a));
	ck_assert_int_eq(channel_queue(&a, 2, body, sizeof(body)), 0);
	ck_assert_int_eq(
	    channel_queue(&a, 3, body, (size_t)MESSAGE_BODY_MAX + 1), -EMSGSIZE);
	ck_assert_int_eq(channel_flush(&a), 0);
	ck_assert(!channel_pending(&a));
	ck_assert_int_eq(channel_receive(&b, see, &seen), 0);
	ck_assert_uint_eq(seen.count, 2);
	ck_assert_uint_eq(seen.type, 2);
	ck_assert_uint_eq(seen.len, MESSAGE_BODY_MAX);
	ck_assert_mem_eq(seen.body, body, sizeof(body));
	/* A refused record took no sequence number. */
	ck_assert_int_eq(channel_queue(&a, 4, body, 5), 0);
	ck_assert_int_eq(channel_flush(&a), 0);
	ck_assert_int_eq(channel_receive(&b, see, &seen), 0);
	ck_assert_uint_eq(seen.count, 3);
	ck_assert_uint_eq(seen.len, 5);
}
END_TEST

#define BYTES(text) text, sizeof(text) - 1

static const struct {
	const char *what;
	const char *data;
	size_t len;
	int status;
} records[] = {
    {"good", BYTES("\1\1\0\2\0\0\0\0ab"), 0},
    {"good and empty", BYTES("\1\1\0\0\0\0\0\0"), 0},
    {"older version", BYTES("\0\1\0\2\0\0\0\0ab"), -EPROTO},
    {"newer version", BYTES("\2\1\0\2\0\0\0\0ab"), -EPROTO},
    {"length too small", BYTES("\1\1\0\1\0\0\0\0ab"), -EPROTO},
    {"length too large", BYTES("\1\1\0\3\0\0\0\0ab"), -EPROTO},
    {"sequence ahead", BYTES("\1\1\0\2\0\0\0\1ab"), -EPROTO},
    {"sequence behind",
	BYTES("\1\1\0\2\xff\xff\xff\xff"
	      "ab"),
	-EPROTO},
    {"half a header", BYTES("\1\1\0\2"), -EPROTO},
    {"one byte", BYTES("\1"), -EPROTO},
};

START_TEST(framing)
{
	int status = records[_i].status;

	ck_assert_int_eq(
	    send(a.fd, records[_i].data, records[_i].len, 0), (ssize_t)records[_i].len);
	ck_assert_msg(
	    channel_receive(&b, see, &seen) == status, "%s", records[_i].what);
	ck_assert_uint_eq(seen.count, status == 0 ? 1 : 0);
}
END_TEST

START_TEST(too_long_a_record)
{
	uint8_t data[MESSAGE_MAX + 1] = {1, 1, 0xff, 0xff};

	/* As much as its header says, but cut by our buffer. */
	data[2] = (MESSAGE_MAX - MESSAGE_HEADER_LEN) >> 8;
	data[3] = (MESSAGE_MAX - MESSAGE_HEADER_LEN) & 0xff;
	ck_assert_int_eq(send(a.fd, data, sizeof(data), 0), (ssize_t)sizeof(data));
	ck_assert_int_eq(channel_receive(&b, see, &seen), -EPROTO);
	ck_assert_uint_eq(seen.count, 0);
}
END_TEST

START_TEST(repeated_record)
{
	static const char record[] = "\1\1\0\2\0\0\0\0ab";

	send(a.fd, record, 10, 0);
	send(a.fd, record, 10, 0);
	ck_assert_int_eq(channel_receive(&b, see, &seen), -EPROTO);
	ck_assert_uint_eq(seen.count, 1);
}
END_TEST

START_TEST(sequence_wraps)
{
	a.sent = b.received = UINT32_MAX;
	channel_queue(&a, 1, NULL, 0);
	channel_queue(&a, 2, NULL, 0);
	channel_flush(&a);
	ck_assert_int_eq(channel_receive(&b, see, &seen), 0);
	ck_assert_uint_eq(seen.count, 2);
	ck_assert_uint_eq(b.received, 1);
}
END_TEST

START_TEST(attached_files_are_refused_and_closed)
{
	char record[] = "\1\1\0\2\0\0\0\0ab";
	struct iovec part = {record, 10};
	union {
		char space[CMSG_SPACE(3 * sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct msghdr header = {.msg_iov = &part,
	    .msg_iovlen = 1,
	    .msg_control = control.space,
	    .msg_controllen = sizeof(control.space)};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&header);
	int fds[3] = {STDIN_FILENO, STDERR_FILENO, a.fd};
	size_t before = open_files();

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(cmsg), fds, sizeof(fds));
	ck_assert_int_eq(sendmsg(a.fd, &header, 0), 10);
	ck_assert_int_eq(channel_receive(&b, see, &seen), -EPROTO);
	ck_assert_uint_eq(seen.count, 0);
	ck_assert_uint_eq(open_files(), before);
}
END_TEST

START_TEST(zero_length_is_the_end)
{
	channel_queue(&a, 1, NULL, 0);
	channel_flush(&a);
	ck_assert_int_eq(send(a.fd, "", 0, 0), 0);
	ck_assert_int_eq(channel_receive(&b, see, &seen), 1);
	ck_assert_uint_eq(seen.count, 1);
}
END_TEST

START_TEST(peer_gone)
{
	channel_queue(&a, 1, NULL, 0);
	channel_flush(&a);
	channel_close(&a);
	/* Its last words are heard first. */
	ck_assert_int_eq(channel_receive(&b, see, &seen), 1);
	ck_assert_uint_eq(seen.count, 1);
	channel_queue(&b, 1, NULL, 0);
	ck_assert_int_eq(channel_flush(&b), -EPIPE);
}
END_TEST

/* A peer that closed with our records unread resets the connection: that is its end. */
START_TEST(peer_gone_without_reading)
{
	channel_queue(&b, 1, NULL, 0);
	ck_assert_int_eq(channel_flush(&b), 0);
	channel_close(&a);
	ck_assert_int_eq(channel_receive(&b, see, &seen), 1);
}
END_TEST

START_TEST(handler_stops_the_reading)
{
	for (uint8_t type = 1; type <= 3; type++)
		channel_queue(&a, type, NULL, 0);
	channel_flush(&a);
	seen.answer = -EBADMSG;
	ck_assert_int_eq(channel_receive(&b, see, &seen), -EBADMSG);
	ck_assert_uint_eq(seen.count, 1);
}
END_TEST

/* More records than any socket buffer holds, with varied lengths; none is lost. */
START_TEST(slow_peer)
{
	const size_t total = 20000;
	uint8_t body[600];

	memset(body, 'b', sizeof(body));
	for (size_t i = 0; i < total; i++)
		ck_assert_int_eq(
		    channel_queue(&a, (uint8_t)i, body, i % sizeof(body)), 0);
	ck_assert_int_eq(channel_flush(&a), 0);
	ck_assert(channel_pending(&a));
	while (seen.count < total) {
		size_t before = seen.count;

		ck_assert_int_eq(channel_receive(&b, see, &seen), 0);
		ck_assert_uint_gt(seen.count, before);
		ck_assert_uint_eq(seen.type, (uint8_t)(seen.count - 1));
		ck_assert_uint_eq(seen.len, (seen.count - 1) % sizeof(body));
		ck_assert_int_eq(channel_flush(&a), 0);
	}
	ck_assert(!channel_pending(&a));
	ck_assert_uint_eq(b.received, total);
}
END_TEST

/* Queue and flush in turn against a full peer: the queue's front moves on. */
START_TEST(slow_peer_in_turns)
{
	uint8_t body[1000] = {0};
	size_t queued = 0;

	for (int turn = 0; turn < 3000; turn++) {
		for (int i = 0; i < 3; i++, queued++)
			ck_assert_int_eq(channel_queue(&a, 1, body, sizeof(body)), 0);
		ck_assert_int_eq(channel_flush(&a), 0);
		if (turn % 10 == 9)
			ck_assert_int_eq(channel_receive(&b, see, &seen), 0);
	}
	while (seen.count < queued) {
		ck_assert_int_eq(channel_receive(&b, see, &seen), 0);
		ck_assert_int_eq(channel_flush(&a), 0);
	}
	ck_assert(!channel_pending(&a));
}
END_TEST

START_TEST(queue_is_bounded)
{
	uint8_t body[MESSAGE_BODY_MAX] = {0};
	size_t most = CHANNEL_QUEUE_MAX / MESSAGE_MAX;
	size_t count = 0;
	int error = 0;

	for (; error == 0 && count <= most; count++)
		error = channel_queue(&a, 1, body, sizeof(body));
	ck_assert_int_eq(error, -ENOBUFS);
	ck_assert_uint_eq(count, most + 1);
	ck_assert_uint_le(a.room, CHANNEL_QUEUE_MAX);
	/* It goes on from there once the peer has read. */
	ck_assert_int_eq(channel_flush(&a), 0);
	ck_assert_int_eq(channel_receive(&b, see, &seen), 0);
	ck_assert_int_eq(channel_queue(&a, 1, NULL, 0), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("message");
	TCase *tests = tcase_create("message");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tests);
	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, records_arrive);
	tcase_add_loop_test(
	    tests, framing, 0, (int)(sizeof(records) / sizeof(*records)));
	tcase_add_test(tests, too_long_a_record);
	tcase_add_test(tests, repeated_record);
	tcase_add_test(tests, sequence_wraps);
	tcase_add_test(tests, attached_files_are_refused_and_closed);
	tcase_add_test(tests, zero_length_is_the_end);
	tcase_add_test(tests, peer_gone);
	tcase_add_test(tests, peer_gone_without_reading);
	tcase_add_test(tests, handler_stops_the_reading);
	tcase_add_test(tests, slow_peer);
	tcase_add_test(tests, slow_peer_in_turns);
	tcase_add_test(tests, queue_is_bounded);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
