#include "tools/shared/servant.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"

#define PATH_ROOM 4096
#define STOP_MS 3000 /* a servant has so long to see the end of its channel */
#define STOP_STEP_MS 10

/* PARIS_LIBEXEC counts from the folder of our executable, whose path has no links. */
int
servant_path(const char *name, char *path, size_t room)
{
	char self[PATH_ROOM];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self));
	const char *beside = PARIS_LIBEXEC;
	const char *slash;
	int written;

	if (len < 0)
		return -errno;
	slash = memrchr(self, '/', (size_t)len);
	if ((size_t)len == sizeof(self) || slash == NULL)
		return -ENAMETOOLONG;
	for (; slash > self && strncmp(beside, "../", 3) == 0; beside += 3)
		slash = memrchr(self, '/', (size_t)(slash - self));
	written =
	    snprintf(path, room, "%.*s/%s/%s", (int)(slash - self), self, beside, name);
	return written < 0 || (size_t)written >= room ? -ENAMETOOLONG : 0;
}

#ifdef PARIS_NO_SANDBOX

#define KEPT_MAX 32

/*
 * The variables that steer the sanitizers and valgrind, which only this variant knows.
 */
static char **
servant_environment(void)
{
	static const char *const prefixes[] = {
	    "ASAN_OPTIONS=", "UBSAN_OPTIONS=", "LSAN_OPTIONS=", "VALGRIND"};
	static char *kept[KEPT_MAX + 1];
	size_t count = 0;

	for (char **at = environ; *at != NULL; at++)
		for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++)
			if (count < KEPT_MAX &&
			    strncmp(*at, prefixes[i], strlen(prefixes[i])) == 0)
				kept[count++] = *at;
	kept[count] = NULL;
	return kept;
}

#else

static char **
servant_environment(void)
{
	static char *empty[] = {NULL};

	return empty;
}

#endif

static bool
is_among(int fd, const int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (fds[i] == fd)
			return true;
	return false;
}

/*
 * Gives the child these descriptors from MESSAGE_CHILD_FD on. They may have any numbers
 * here, 0 to 2 and each other's included: one in another's place moves out of it first.
 */
static int
describe_given(posix_spawn_file_actions_t *files, const int *fds, size_t count)
{
	int free_one = MESSAGE_CHILD_FD + (int)count;
	int from[SERVANT_FILES_MAX];
	int error = 0;

	for (size_t i = 0; i < count && error == 0; i++) {
		int place = fds[i] - MESSAGE_CHILD_FD;

		from[i] = fds[i];
		if (place < 0 || place >= (int)count || place == (int)i)
			continue;
		while (is_among(free_one, fds, count))
			free_one++;
		from[i] = free_one++;
		error = posix_spawn_file_actions_adddup2(files, fds[i], from[i]);
	}
	for (size_t i = 0; i < count && error == 0; i++)
		error = posix_spawn_file_actions_adddup2(
		    files, from[i], MESSAGE_CHILD_FD + (int)i);
	return error;
}

/*
 * What the child finds open: nothing but what it is given, /dev/null and standard
 * error. A standard error that is closed, or close-on-exec and so not meant for the
 * child, is replaced: else the servant's first socket would become its standard error.
 */
static int
describe_files(posix_spawn_file_actions_t *files, const int *fds, size_t count)
{
	int stderr_flags = fcntl(STDERR_FILENO, F_GETFD);
	int error = describe_given(files, fds, count);

	if (error == 0)
		error = posix_spawn_file_actions_addopen(
		    files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (error == 0)
		error = posix_spawn_file_actions_addopen(
		    files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	if (error == 0 && stderr_flags != 0)
		error = posix_spawn_file_actions_addopen(
		    files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	if (error == 0)
		error = posix_spawn_file_actions_addclosefrom_np(
		    files, MESSAGE_CHILD_FD + (int)count);
	return error;
}

/*
 * Default action for every signal. Those that a terminal or a supervisor sends to the
 * whole process group stay blocked across the exec: the tool gets them too and ends its
 * servants in order, by closing their channels.
 */
static int
describe_signals(posix_spawnattr_t *attributes)
{
	sigset_t all, blocked;
	int error;

	sigfillset(&all);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGHUP);
	sigaddset(&blocked, SIGQUIT);
	error = posix_spawnattr_setsigdefault(attributes, &all);
	if (error == 0)
		error = posix_spawnattr_setsigmask(attributes, &blocked);
	if (error == 0)
		error = posix_spawnattr_setflags(
		    attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	return error;
}

/* Runs the program at path; posix_spawn itself reports a failed exec and reaps it. */
static int
spawn(const char *path, const char *name, const char *const *arguments, int fd,
    const int *more, pid_t *pid)
{
	int fds[SERVANT_FILES_MAX] = {fd};
	size_t count = 1;
	char *argv[SERVANT_ARGUMENTS_MAX + 2] = {(char *)(uintptr_t)name};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	int error;

	for (size_t i = 0; arguments != NULL && arguments[i] != NULL; i++) {
		if (i == SERVANT_ARGUMENTS_MAX)
			return -E2BIG;
		argv[i + 1] = (char *)(uintptr_t)arguments[i];
	}
	for (; more != NULL && *more >= 0; more++) {
		if (count == SERVANT_FILES_MAX)
			return -E2BIG;
		fds[count++] = *more;
	}
	error = posix_spawn_file_actions_init(&files);
	if (error != 0)
		return -error;
	error = posix_spawnattr_init(&attributes);
	if (error != 0)
		goto out_files;
	error = describe_files(&files, fds, count);
	if (error == 0)
		error = describe_signals(&attributes);
	if (error == 0)
		error = posix_spawn(
		    pid, path, &files, &attributes, argv, servant_environment());
	posix_spawnattr_destroy(&attributes);
out_files:
	posix_spawn_file_actions_destroy(&files);
	return -error;
}

int
servant_start(struct servant *s, const char *name, const char *const *arguments,
    const int *more, char *path, size_t path_room)
{
	int fds[2];
	int error;

	*s = (struct servant){.channel = {.fd = -1}};
	error = servant_path(name, path, path_room);
	/* posix_spawn tells it as well, but not under valgrind, which forks instead. */
	if (error == 0 && access(path, X_OK) != 0)
		error = -errno;
	if (error == 0)
		error = channel_pair(fds);
	if (error != 0)
		return error;
	error = channel_init(&s->channel, fds[0]);
	if (error == 0)
		error = spawn(path, name, arguments, fds[1], more, &s->pid);
	close(fds[1]);
	if (error != 0) {
		s->pid = 0;
		channel_close(&s->channel);
	}
	return error;
}

/* Waits for the exit on a kernel without pidfd_open (before Linux 5.3). */
static bool
wait_by_steps(pid_t pid)
{
	struct timespec step = clock_to_timespec(STOP_STEP_MS * NS_PER_MS);
	siginfo_t info;

	for (int waited = 0; waited < STOP_MS; waited += STOP_STEP_MS) {
		info.si_pid = 0;
		if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
		    info.si_pid != 0)
			return true;
		nanosleep(&step, NULL);
	}
	return false;
}

/* A descriptor that is readable once the process has ended, or -1 with errno. */
static int
process_open(pid_t pid)
{
#ifdef PARIS_NO_SANDBOX
	/* valgrind complains about a call that it does not know. */
	(void)pid;
	errno = ENOSYS;
	return -1;
#else
	return (int)syscall(SYS_pidfd_open, pid, 0);
#endif
}

/* True when the process has ended (and waits for its parent) within STOP_MS. */
static bool
wait_for_end(pid_t pid)
{
	int64_t deadline = clock_monotonic() + STOP_MS * NS_PER_MS;
	struct pollfd watch = {.events = POLLIN};
	int ready;

	watch.fd = process_open(pid);
	if (watch.fd < 0)
		return errno == ESRCH || wait_by_steps(pid);
	do {
		int64_t left = clock_elapsed(clock_monotonic(), deadline);
		struct timespec timeout = clock_to_timespec(left);

		ready = ppoll(&watch, 1, &timeout, NULL);
	} while (ready < 0 && errno == EINTR);
	close(watch.fd);
	return ready > 0;
}

int
servant_stop(struct servant *s)
{
	int status = 0;
	pid_t waited;

	if (s->pid == 0)
		return 0;
	channel_close(&s->channel);
	if (!wait_for_end(s->pid))
		kill(s->pid, SIGKILL);
	do
		waited = waitpid(s->pid, &status, 0);
	while (waited < 0 && errno == EINTR);
	s->pid = 0;
	return waited < 0 ? 0 : status;
}
