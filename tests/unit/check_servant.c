/*
 * tools/shared/servant and names_client: starting, ending and outliving a servant. This
 * program is its own servant: a link to it under the servant's name stands where
 * servant_start looks, and argv[0] says how to behave.
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "tools/shared/names_client.h"
#include "tools/shared/servant.h"

#define PATH_ROOM 4096

/* ---- the servants ---------------------------------------------------------------- */

/* What a servant tells about itself. */
struct told {
	uint32_t files; /* bit n: descriptor n is open; bit 31: one above 30 is */
	uint32_t variables;
	uint8_t ctrl_c_blocked;
	uint8_t others_unblocked;
};

static struct told
look_around(void)
{
	struct told told = {0};
	sigset_t mask;
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		int fd = atoi(entry->d_name);

		if (entry->d_name[0] != '.' && fd != dirfd(dir))
			told.files |= 1U << (fd < 31 ? fd : 31);
	}
	if (dir != NULL)
		closedir(dir);
	for (char **at = environ; *at != NULL; at++)
		told.variables += strstr(*at, "_OPTIONS=") == NULL;
	sigprocmask(SIG_SETMASK, NULL, &mask);
	told.ctrl_c_blocked = sigismember(&mask, SIGINT) == 1;
	told.others_unblocked =
	    sigismember(&mask, SIGUSR1) == 0 && sigismember(&mask, SIGCHLD) == 0;
	return told;
}

static int
ignore_record(void *context, const struct message *m)
{
	(void)context;
	(void)m;
	return 0;
}

/* Reads until the channel's end. */
static void
wait_for_end(struct channel *c)
{
	struct pollfd watch = {.fd = c->fd, .events = POLLIN};

	do
		poll(&watch, 1, -1);
	while (channel_receive(c, ignore_record, NULL) == 0);
}

/* Answers nothing, dies, or talks nonsense, as its configuration says. */
static int
play_names(void *context, const struct message *m)
{
	struct names_configure configure;
	struct reader r;
	struct channel *c = context;

	if (m->type != NAMES_CONFIGURE)
		return 0;
	reader_init(&r, m->body, m->len);
	if (names_configure_unpack(&configure, &r) != 0)
		_exit(9);
	if (strcmp(configure.servers, "die") == 0)
		raise(SIGKILL);
	if (strcmp(configure.servers, "exit") == 0)
		_exit(7);
	if (strcmp(configure.servers, "nonsense") == 0)
		channel_queue(c, 99, NULL, 0);
	if (strcmp(configure.servers, "lie") == 0)
		channel_queue(c, NAMES_NAME, "\0\0\0\0\0\0\0", 7);
	if (strcmp(configure.servers, "strange") == 0)
		channel_queue(c, NAMES_NAME, "\0\0\xff\xff\0\0\1a", 8);
	channel_flush(c);
	return 0;
}

static int
be_servant(const char *name)
{
	struct channel c;
	struct told told = look_around();

	if (channel_init(&c, MESSAGE_CHILD_FD) != 0)
		return 9;
	if (strcmp(name, "servant-stuck") == 0)
		for (;;)
			pause();
	if (strcmp(name, "paris-names") == 0) {
		struct pollfd watch = {.fd = c.fd, .events = POLLIN};

		do
			poll(&watch, 1, -1);
		while (channel_receive(&c, play_names, &c) == 0);
		channel_close(&c);
		return 0;
	}
	if (strcmp(name, "servant-given") == 0)
		return write(MESSAGE_CHILD_FD + 1, "first", 5) == 5 &&
			       write(MESSAGE_CHILD_FD + 2, "second", 6) == 6 &&
			       told.files == 0x3f
			   ? 0
			   : 8;
	channel_queue(&c, 1, &told, sizeof(told));
	channel_flush(&c);
	wait_for_end(&c);
	channel_close(&c);
	return 5;
}

/* ---- around the tests ------------------------------------------------------------ */

static const char *const links[] = {"servant-good", "servant-stuck",
    "servant-forbidden", "servant-given", "paris-names"};
#define LINKS (sizeof(links) / sizeof(*links))

static char self[PATH_ROOM];
static char folder[PATH_ROOM];

/* Makes every folder of a path. */
static void
make_folders(char *path)
{
	for (char *at = path + 1; *at != '\0'; at++) {
		if (*at != '/')
			continue;
		*at = '\0';
		mkdir(path, 0755);
		*at = '/';
	}
	mkdir(path, 0755);
}

/* Links this program under the servants' names, as if it were installed. */
static void
install(void)
{
	char path[PATH_ROOM];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char copy[PATH_ROOM] = "";

	if (len <= 0)
		abort();
	memcpy(copy, self, (size_t)len);
	if (snprintf(folder, sizeof(folder), "%s/" PARIS_LIBEXEC, dirname(copy)) < 0)
		abort();
	make_folders(folder);
	for (size_t i = 0; i < LINKS; i++) {
		snprintf(path, sizeof(path), "%.2000s/%s", folder, links[i]);
		unlink(path);
		if (i == 2) {
			FILE *plain = fopen(path, "w");

			if (plain != NULL)
				fclose(plain);
		} else if (symlink(self, path) != 0) {
			abort();
		}
	}
}

static void
uninstall(void)
{
	char path[PATH_ROOM];

	for (size_t i = 0; i < LINKS; i++) {
		snprintf(path, sizeof(path), "%.2000s/%s", folder, links[i]);
		unlink(path);
	}
	rmdir(folder);
}

static uint32_t
open_files(void)
{
	return look_around().files;
}

static void
no_child_is_left(void)
{
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}

/* ---- servant --------------------------------------------------------------------- */

static int
take_told(void *context, const struct message *m)
{
	ck_assert_uint_eq(m->len, sizeof(struct told));
	memcpy(context, m->body, m->len);
	return 0;
}

static struct told
hear(struct servant *s)
{
	struct pollfd watch = {.fd = s->channel.fd, .events = POLLIN};
	struct told told = {0};

	ck_assert_int_eq(poll(&watch, 1, 20000), 1);
	ck_assert_int_eq(channel_receive(&s->channel, take_told, &told), 0);
	return told;
}

START_TEST(gets_its_channel_and_nothing_else)
{
	struct servant s;
	char path[PATH_ROOM];
	uint32_t before = open_files();
	struct told told;
	int leak = dup(STDERR_FILENO); /* without close-on-exec */
	sigset_t mask, old;
	int status;

	sigfillset(&mask);
	sigprocmask(SIG_SETMASK, &mask, &old);
	ck_assert_int_eq(setenv("LD_LIBRARY_PATH", "/nonexistent", 1), 0);
	ck_assert_int_eq(
	    servant_start(&s, "servant-good", NULL, NULL, path, sizeof(path)), 0);
	told = hear(&s);
	ck_assert_uint_eq(told.files, 0xf);
	ck_assert_uint_eq(told.variables, 0);
	ck_assert_uint_eq(told.ctrl_c_blocked, 1);
	ck_assert_uint_eq(told.others_unblocked, 1);
	/* A terminal's Ctrl-C does not end it, its channel does. */
	kill(s.pid, SIGINT);
	kill(s.pid, SIGTERM);
	kill(s.pid, SIGHUP);
	status = servant_stop(&s);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 5);
	ck_assert_int_eq(s.pid, 0);
	ck_assert_int_eq(servant_stop(&s), 0);
	close(leak);
	unsetenv("LD_LIBRARY_PATH");
	sigprocmask(SIG_SETMASK, &old, NULL);
	ck_assert_uint_eq(open_files(), before);
	no_child_is_left();
}
END_TEST

/* In their order, whatever their numbers here: the highest comes first. */
START_TEST(gets_further_descriptors)
{
	static const int too_many[] = {1, 1, 1, 1, -1};
	int first[2], second[2], given[3] = {-1, -1, -1};
	char path[PATH_ROOM], text[8] = "";
	uint32_t before = open_files();
	struct servant s;
	int status;

	ck_assert_int_eq(pipe2(second, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(first, O_CLOEXEC), 0);
	given[0] = first[1];
	given[1] = second[1];
	ck_assert_int_eq(
	    servant_start(&s, "servant-given", NULL, given, path, sizeof(path)), 0);
	ck_assert_int_eq(read(first[0], text, sizeof(text)), 5);
	ck_assert_mem_eq(text, "first", 5);
	ck_assert_int_eq(read(second[0], text, sizeof(text)), 6);
	ck_assert_mem_eq(text, "second", 6);
	status = servant_stop(&s);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	ck_assert_int_eq(
	    servant_start(&s, "servant-given", NULL, too_many, path, sizeof(path)),
	    -E2BIG);
	for (size_t i = 0; i < 2; i++) {
		close(first[i]);
		close(second[i]);
	}
	ck_assert_uint_eq(open_files(), before);
	no_child_is_left();
}
END_TEST

static const struct {
	const char *name;
	int error;
} failures[] = {
    {"no-such-servant", -ENOENT},
    {"servant-forbidden", -EACCES},
};

START_TEST(failed_exec_is_told_at_once)
{
	struct servant s;
	char path[PATH_ROOM];
	uint32_t before = open_files();

	ck_assert_int_eq(
	    servant_start(&s, failures[_i].name, NULL, NULL, path, sizeof(path)),
	    failures[_i].error);
	ck_assert_ptr_nonnull(strstr(path, failures[_i].name));
	ck_assert_ptr_null(strstr(path, "/../")); /* a user is shown it */
	ck_assert_int_eq(s.pid, 0);
	ck_assert_int_eq(servant_stop(&s), 0);
	ck_assert_uint_eq(open_files(), before);
	no_child_is_left();
}
END_TEST

START_TEST(short_path_buffer)
{
	struct servant s;
	char path[8];

	ck_assert_int_eq(
	    servant_start(&s, "servant-good", NULL, NULL, path, sizeof(path)),
	    -ENAMETOOLONG);
}
END_TEST

START_TEST(stuck_one_is_killed)
{
	struct servant s;
	char path[PATH_ROOM];
	int64_t start;
	int status;

	ck_assert_int_eq(
	    servant_start(&s, "servant-stuck", NULL, NULL, path, sizeof(path)), 0);
	start = clock_monotonic();
	status = servant_stop(&s);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGKILL);
	ck_assert_int_ge(clock_monotonic() - start, 900 * NS_PER_MS);
	ck_assert_int_lt(clock_monotonic() - start, 5 * NS_PER_SECOND);
	no_child_is_left();
}
END_TEST

/* ---- names_client ---------------------------------------------------------------- */

static struct names_client *client;
static unsigned int counts[NAMES_FAILED + 1];
static uint32_t questions;

static void
count_name(void *context, const struct names_name *answer)
{
	struct addr a = addr_from_bytes(AF_INET, (const uint8_t *)"\1\2\3\4");

	(void)context;
	counts[answer->status]++;
	questions += answer->question;
	/* Asking again from a callback must do no harm, whatever the state. */
	if (answer->question == 1)
		(void)names_client_reverse(client, &a, 4);
}

static void
count_addrs(void *context, const struct names_addrs *answer)
{
	(void)context;
	counts[answer->status]++;
	questions += answer->question;
}

static void
start_client(const char *behaviour, uint32_t timeout_ms)
{
	struct names_client_answers answers = {count_name, count_addrs, NULL, NULL};
	struct names_configure configure = {.timeout_ms = timeout_ms};
	char path[PATH_ROOM];

	snprintf(configure.servers, sizeof(configure.servers), "%s", behaviour);
	memset(counts, 0, sizeof(counts));
	questions = 0;
	ck_assert_int_eq(
	    names_client_start(&client, &configure, NULL, &answers, path, sizeof(path)),
	    0);
}

/* Runs the client as a tool's loop does until it has nothing left to wait for. */
static int
run_client(void)
{
	int gone = 0;

	while (names_client_outstanding(client) != 0) {
		struct pollfd watch = {.fd = names_client_fd(client),
		    .events = names_client_events(client)};
		int64_t left =
		    clock_elapsed(clock_monotonic(), names_client_deadline(client));

		poll(&watch, 1, (int)(left / NS_PER_MS) + 1);
		gone += names_client_process(client) == -EPIPE;
	}
	return gone;
}

static const char *const ends[] = {"die", "exit", "nonsense", "lie"};

START_TEST(dead_names_fail_every_question)
{
	struct addr a = addr_from_bytes(AF_INET, (const uint8_t *)"\300\0\2\1");
	struct addr out;

	start_client(ends[_i], 60000);
	ck_assert_int_eq(names_client_reverse(client, &a, 1), 0);
	ck_assert_int_eq(names_client_reverse(client, &a, 2), 0);
	ck_assert_int_eq(names_client_forward(client, "host", AF_UNSPEC, 3), 0);
	ck_assert_int_eq(run_client(), 1);
	ck_assert_uint_eq(counts[NAMES_FAILED], 3);
	ck_assert_uint_eq(questions, 1 + 2 + 3);
	ck_assert_int_eq(names_client_fd(client), -1);
	ck_assert_int_eq(names_client_events(client), 0);
	ck_assert_int_eq(names_client_process(client), 0);
	ck_assert_int_eq(names_client_reverse(client, &a, 1), -EPIPE);
	ck_assert_int_eq(names_client_forward(client, "host", 0, 1), -EPIPE);
	ck_assert_int_eq(
	    names_client_resolve(client, "host", AF_UNSPEC, &out, 1), -EPIPE);
	names_client_stop(client);
	no_child_is_left();
}
END_TEST

START_TEST(resolve_ends_with_names)
{
	struct addr out;

	start_client("die", 60000);
	ck_assert_int_eq(
	    names_client_resolve(client, "host", AF_INET, &out, 1), -EPIPE);
	ck_assert_ptr_nonnull(strstr(names_client_ended(client), "paris-names"));
	names_client_stop(client);
}
END_TEST

/* An answer to a question nobody asked is dropped; silence is bounded. */
START_TEST(silent_names_time_out)
{
	struct addr a = addr_from_bytes(AF_INET, (const uint8_t *)"\300\0\2\1");
	int64_t start = clock_monotonic();

	start_client("strange", 200);
	ck_assert_int_eq(names_client_reverse(client, &a, 2), 0);
	ck_assert_int_eq(names_client_forward(client, "host", AF_INET6, 3), 0);
	ck_assert_int_eq(run_client(), 0);
	ck_assert_uint_eq(counts[NAMES_TIMEOUT], 2);
	ck_assert_int_ge(clock_monotonic() - start, 1100 * NS_PER_MS);
	ck_assert_int_eq(
	    names_client_resolve(client, "host", AF_INET, &a, 1), -ETIMEDOUT);
	names_client_stop(client);
	no_child_is_left();
}
END_TEST

START_TEST(what_cannot_be_asked)
{
	struct addr none = {0};
	char name[NAMES_NAME_MAX + 2] = "";
	struct names_client_answers answers = {NULL, NULL, NULL, NULL};
	static const struct names_configure wrong[] = {{.timeout_ms = 0},
	    {.timeout_ms = 60001}, {.timeout_ms = 1000, .as_source = NAMES_FROM_WHOIS},
	    {.timeout_ms = 1000, .as_source = NAMES_FROM_DATABASE}};
	char path[PATH_ROOM];
	struct names_client *bad;

	memset(name, 'n', NAMES_NAME_MAX + 1);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		ck_assert_int_eq(names_client_start(&bad, &wrong[i], NULL, &answers,
				     path, sizeof(path)),
		    -EINVAL);
		ck_assert_ptr_null(bad);
	}
	start_client("", 1000);
	ck_assert_int_eq(names_client_reverse(client, &none, 1), -EINVAL);
	ck_assert_int_eq(names_client_whose(client, &none, 1), -EINVAL);
	ck_assert_int_eq(names_client_forward(client, "", AF_UNSPEC, 1), -EINVAL);
	ck_assert_int_eq(
	    names_client_forward(client, name, AF_UNSPEC, 1), -ENAMETOOLONG);
	ck_assert_int_eq(names_client_forward(client, name + 1, AF_UNSPEC, 1), 0);
	ck_assert_uint_eq(names_client_outstanding(client), 1);
	names_client_stop(client);
	names_client_stop(NULL);
	no_child_is_left();
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *suite;
	TCase *tests;
	SRunner *runner;
	int failed;

	for (size_t i = 0; i < LINKS; i++)
		if (argc > 0 && strcmp(argv[0], links[i]) == 0)
			return be_servant(argv[0]);
	install();
	suite = suite_create("servant");
	tests = tcase_create("servant");
	suite_add_tcase(suite, tests);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, gets_its_channel_and_nothing_else);
	tcase_add_test(tests, gets_further_descriptors);
	tcase_add_loop_test(tests, failed_exec_is_told_at_once, 0, 2);
	tcase_add_test(tests, short_path_buffer);
	tcase_add_test(tests, stuck_one_is_killed);
	tcase_add_loop_test(tests, dead_names_fail_every_question, 0, 4);
	tcase_add_test(tests, resolve_ends_with_names);
	tcase_add_test(tests, silent_names_time_out);
	tcase_add_test(tests, what_cannot_be_asked);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	uninstall();
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
