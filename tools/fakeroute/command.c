#include "tools/fakeroute/command.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "common/privilege.h"

static void
reset_signals(void)
{
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		(void)signal(i, SIG_DFL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
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

/* The bounding set goes first, while we may still change it. */
static int
drop_privilege(const struct namespace *ns)
{
	int error = become_user(ns);

	capng_clear(CAPNG_SELECT_BOTH);
	if (error == 0 && capng_apply(CAPNG_SELECT_BOUNDS) != 0)
		error = -EPERM;
	if (error == 0 && !ns->user && setresuid(ns->uid, ns->uid, ns->uid) != 0)
		error = -errno;
	return error != 0 ? error : privilege_drop_all();
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
	/* After the change of credentials, which would forget it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(3);
	reset_signals();
	/* Ours close by themselves; this is for what we were given (valgrind knows no
	 * such call). */
	if (syscall(SYS_close_range, 3U, ~0U, 0U) != 0 && errno != ENOSYS)
		give_up("cannot close descriptors", errno, 3);
	execvp(argv[0], argv);
	error = errno;
	give_up(argv[0], error, error == ENOENT ? 127 : 126);
}

int
command_start(struct command *c, char *const *argv, const struct namespace *ns)
{
	pid_t parent = getpid();

	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
		return -errno;
	c->pid = fork();
	if (c->pid < 0)
		return -errno;
	if (c->pid == 0)
		run(argv, ns, parent);
	return 0;
}

void
command_signal(const struct command *c, int signal_number)
{
	(void)kill(c->pid, signal_number);
}

bool
command_ended(const struct command *c)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == c->pid;
}

int
command_finish(const struct command *c)
{
	int status = 0;

	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status))
		return 128 + WTERMSIG(status);
	return WEXITSTATUS(status);
}

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

/* Each killed process may leave us children of its own. */
int
command_kill_left(void)
{
	int count = 0;
	int status;

	for (;;) {
		pid_t pid = waitpid(-1, &status, WNOHANG);

		if (pid < 0 && errno != EINTR)
			return count;
		if (pid != 0)
			continue;
		if (kill_children() == 0)
			return count;
		pid = waitpid(-1, &status, 0);
		count += pid > 0;
	}
}
