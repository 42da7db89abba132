#include "tools/fakeroute/command.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "common/privilege.h"

#define KEEPER_RESULT_FD 3
/* What the kernel tells the keeper with when we are gone. */
#define ORPHANED SIGUSR1
/* Closed one by one where there is no close_range. */
#define FD_MAX 256

/* ---- in the command -------------------------------------------------------------- */

static void
reset_signals(void)
{
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		(void)signal(i, SIG_DFL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Closes all descriptors from one on. valgrind knows no close_range. */
static int
close_from(int first)
{
	if (syscall(SYS_close_range, (unsigned int)first, ~0U, 0U) == 0)
		return 0;
	if (errno != ENOSYS)
		return -errno;
	for (int fd = first; fd < FD_MAX; fd++)
		close(fd);
	return 0;
}

/* Without a user namespace we are root and the command must really be someone else. */
static int
become_user(const struct namespace *ns)
{
	if (ns->user)
		return 0;
	if (setgroups(0, NULL) != 0 || setresgid(ns->gid, ns->gid, ns->gid) != 0)
		return -errno;
	return 0;
}

/* Every set empty but, to keep file capabilities, one in the bounding set. */
static int
empty_sets(bool keep_caps)
{
	if (!keep_caps)
		return privilege_drop_all();
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_apply(CAPNG_SELECT_CAPS) != 0 ||
	    capng_apply(CAPNG_SELECT_AMBIENT) != 0 || capng_get_caps_process() != 0 ||
	    capng_have_capabilities(CAPNG_SELECT_CAPS) != CAPNG_NONE ||
	    capng_have_capability(CAPNG_BOUNDING_SET, CAP_NET_RAW) == 0)
		return -EPERM;
	return 0;
}

/* The bounding set goes first, while we may still change it. */
static int
drop_privilege(const struct namespace *ns)
{
	int error = become_user(ns);

	capng_clear(CAPNG_SELECT_BOTH);
	if (ns->keep_caps)
		(void)capng_update(CAPNG_ADD, CAPNG_BOUNDING_SET, CAP_NET_RAW);
	if (error == 0 && capng_apply(CAPNG_SELECT_BOUNDS) != 0)
		error = -EPERM;
	if (error == 0 && !ns->user && setresuid(ns->uid, ns->uid, ns->uid) != 0)
		error = -errno;
	return error != 0 ? error : empty_sets(ns->keep_caps);
}

/* A failed start, in the new process: its message and its end. */
static void __attribute__((noreturn)) give_up(const char *what, int error, int status)
{
	log_line("%s: %s", what, strerror(error));
	_exit(status);
}

static void __attribute__((noreturn))
run(char *const *argv, const struct namespace *ns, pid_t parent)
{
	int error = drop_privilege(ns);

	if (error != 0)
		give_up("cannot drop all privilege before the command", -error, 3);
	/*
	 * After the change of credentials, which would forget it. So does a program
	 * with a file capability, later: then the keeper is what it dies by.
	 */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(3);
	reset_signals();
	error = close_from(STDERR_FILENO + 1);
	if (error != 0)
		give_up("cannot close descriptors", -error, 3);
	execvp(argv[0], argv);
	error = errno;
	give_up(argv[0], error, error == ENOENT ? 127 : 126);
}

/* ---- killing --------------------------------------------------------------------- */

/* Kills our children as the kernel lists them now; returns how many there were. */
static int
kill_children(void)
{
	char path[64], word[32];
	FILE *file;
	long pid;
	int count = 0;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	file = fopen(path, "re");
	if (file == NULL)
		return 0;
	for (; fscanf(file, "%31s", word) == 1; count++) {
		pid = strtol(word, NULL, 10);
		if (pid > 1)
			(void)kill((pid_t)pid, SIGKILL);
	}
	fclose(file);
	return count;
}

/*
 * Kills and reaps all our children. We are a subreaper: each killed process may leave
 * us children of its own. Returns how many were running.
 */
static int
kill_left(void)
{
	bool killing = false;
	int count = 0;
	pid_t pid;

	for (;;) {
		while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
			count += killing;
		if ((pid < 0 && errno != EINTR) || kill_children() == 0)
			return count;
		killing = true;
		count += waitpid(-1, NULL, 0) > 0;
	}
}

/* ---- in the keeper --------------------------------------------------------------- */

static int
exit_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Reaps what has ended; true when the command is among it. */
static bool
reap(pid_t command, int *status)
{
	bool ended = false;
	int one;

	for (pid_t pid; (pid = waitpid(-1, &one, WNOHANG)) > 0;)
		if (pid == command) {
			*status = exit_status(one);
			ended = true;
		}
	return ended;
}

/*
 * Waits for the end of the command and passes signals on to it, but not those of the
 * terminal, which it has as well as a member of the foreground process group. Returns
 * its status, or -1 when the process that started us is gone.
 */
static int
watch(pid_t command, pid_t parent, int signal_fd)
{
	struct signalfd_siginfo info;
	int status = 0;

	while (getppid() == parent) {
		if (read(signal_fd, &info, sizeof(info)) != sizeof(info)) {
			if (errno != EINTR)
				return -1;
		} else if (info.ssi_signo == SIGCHLD) {
			if (reap(command, &status))
				return status;
		} else if (info.ssi_signo != ORPHANED && info.ssi_code != SI_KERNEL) {
			(void)kill(command, (int)info.ssi_signo);
		}
	}
	return -1;
}

/* The signals that the keeper waits for: what is blocked already, and one. */
static int
keeper_signals(void)
{
	sigset_t set;

	if (sigprocmask(SIG_BLOCK, NULL, &set) != 0)
		return -1;
	sigaddset(&set, ORPHANED);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/*
 * Between us and the command, and all of its processes become its children: when we are
 * killed it kills them, and when it is killed they become ours.
 */
static void __attribute__((noreturn))
keep(char *const *argv, const struct namespace *ns, pid_t parent, int result_fd)
{
	struct command_result result;
	pid_t own = getpid(), command;
	int signal_fd;

	if (prctl(PR_SET_PDEATHSIG, ORPHANED) != 0 ||
	    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0 ||
	    dup2(result_fd, KEEPER_RESULT_FD) < 0 ||
	    fcntl(KEEPER_RESULT_FD, F_SETFD, FD_CLOEXEC) != 0)
		give_up("cannot keep the command", errno, 3);
	(void)close_from(KEEPER_RESULT_FD + 1);
	signal_fd = keeper_signals();
	command = signal_fd < 0 ? -1 : fork();
	if (command < 0)
		give_up("cannot start the command", errno, 3);
	if (command == 0)
		run(argv, ns, own);
	result.status = watch(command, parent, signal_fd);
	result.left = kill_left();
	if (result.status >= 0 &&
	    write(KEEPER_RESULT_FD, &result, sizeof(result)) != sizeof(result))
		_exit(1);
	close(signal_fd);
	close(KEEPER_RESULT_FD);
	_exit(0);
}

/* ---- in the simulator ------------------------------------------------------------ */

int
command_start(struct command *c, char *const *argv, const struct namespace *ns)
{
	pid_t parent = getpid();
	int result[2];
	int error = 0;

	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0 ||
	    pipe2(result, O_CLOEXEC) != 0)
		return -errno;
	c->keeper = fork();
	if (c->keeper == 0)
		keep(argv, ns, parent, result[1]);
	if (c->keeper < 0)
		error = -errno;
	close(result[1]);
	c->result_fd = result[0];
	return error;
}

void
command_signal(const struct command *c, int signal_number)
{
	(void)kill(c->keeper, signal_number);
}

bool
command_ended(const struct command *c)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)c->keeper, &info, WEXITED | WNOHANG | WNOWAIT) ==
		   0 &&
	       info.si_pid == c->keeper;
}

struct command_result
command_finish(struct command *c)
{
	struct command_result result;
	int status = 0;

	while (waitpid(c->keeper, &status, 0) < 0 && errno == EINTR)
		;
	if (read(c->result_fd, &result, sizeof(result)) != sizeof(result)) {
		/* Killed, or it could not even start the command. */
		result.status = exit_status(status);
		result.left = kill_left();
	}
	close(c->result_fd);
	c->result_fd = -1;
	return result;
}
