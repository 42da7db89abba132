#include "common/privilege.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* True when any of the three uids is 0. */
static bool
is_root(void)
{
	uid_t real, effective, saved;

	if (getresuid(&real, &effective, &saved) != 0)
		return true;
	return real == 0 || effective == 0 || saved == 0;
}

int
privilege_standard_files(void)
{
	/* Numbers are handed out from the lowest on: each lands on its own. */
	for (int fd = 0; fd <= STDERR_FILENO; fd++) {
		int flags = fd == STDERR_FILENO ? O_WRONLY : O_RDONLY;

		errno = EBADF; /* of an open that lands elsewhere */
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", flags) != fd)
			return -errno;
	}
	return 0;
}

int
privilege_shut_out(unsigned int first_file)
{
	uid_t uid, euid, suid;
	gid_t gid, egid, sgid;
	sigset_t blocked;
	int error;

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
	    getresuid(&uid, &euid, &suid) != 0 || getresgid(&gid, &egid, &sgid) != 0)
		return -errno;
	if (uid != euid || uid != suid || gid != egid || gid != sgid)
		return -EPERM;
	environ = NULL;
	for (int number = 1; number < NSIG; number++)
		(void)signal(number, SIG_DFL); /* two cannot be, nor ignored */
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGHUP);
	sigaddset(&blocked, SIGQUIT);
	if (sigprocmask(SIG_SETMASK, &blocked, NULL) != 0)
		return -errno;
	umask(077);
	error = privilege_standard_files();
	if (error != 0)
		return error;
	return chdir("/") != 0 || close_range(first_file, ~0U, 0) != 0 ? -errno : 0;
}

int
privilege_leave_root_groups(gid_t gid)
{
	const uid_t same = (uid_t)-1;

	if (!is_root() || gid == PRIVILEGE_STAY)
		return 0;
	if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 ||
	    setresuid(same, PRIVILEGE_NOBODY, same) != 0 ||
	    setresuid(same, 0, same) != 0)
		return -errno;
	return 0;
}

int
privilege_leave_root(gid_t gid)
{
	if (!is_root() || gid == PRIVILEGE_STAY)
		return 0;
	if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 ||
	    setresuid(PRIVILEGE_NOBODY, PRIVILEGE_NOBODY, PRIVILEGE_NOBODY) != 0)
		return -errno;
	if (is_root() || setuid(0) == 0)
		return -EPERM;
	return 0;
}

int
privilege_drop_all(void)
{
	capng_clear(CAPNG_SELECT_BOTH);
	/* The bounding set stays when we may not change it: no matter under NNP. */
	if (capng_apply(CAPNG_SELECT_CAPS) != 0)
		return -EPERM;
	(void)capng_apply(CAPNG_SELECT_BOUNDS);
	(void)capng_apply(CAPNG_SELECT_AMBIENT);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -errno;
	if (capng_get_caps_process() != 0 ||
	    capng_have_capabilities(CAPNG_SELECT_CAPS) != CAPNG_NONE)
		return -EPERM;
	return 0;
}

/* Lowers the soft and hard limit to at most `most`. */
static int
limit(__rlimit_resource_t resource, rlim_t most)
{
	struct rlimit now;

	if (getrlimit(resource, &now) != 0)
		return -errno;
	if (now.rlim_max > most)
		now.rlim_max = most;
	now.rlim_cur = now.rlim_max;
	return setrlimit(resource, &now) != 0 ? -errno : 0;
}

int
privilege_limit(unsigned long files)
{
	int error = limit(RLIMIT_CORE, 0);

#ifdef PARIS_NO_SANDBOX
	/* Sanitizers start a thread at exit; valgrind keeps descriptors of its own. */
	(void)files;
#else
	if (error == 0)
		error = limit(RLIMIT_NPROC, 0);
	if (error == 0)
		error = limit(RLIMIT_NOFILE, files);
#endif
	return error;
}

int
privilege_renounce(gid_t gid, unsigned long files)
{
	int error;

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
	    prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0)
		return -errno;
	error = privilege_leave_root(gid);
	if (error == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		error = -errno;
	if (error == 0)
		error = privilege_drop_all();
	return error == 0 ? privilege_limit(files) : error;
}
