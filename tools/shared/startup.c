#include "tools/shared/startup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/privilege.h"
#include "prober/host_facts.h"

/*
 * Descriptors are handed out from the lowest on: in this order each lands on its own.
 */
static int
open_standard_files(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++) {
		int flags = fd == STDERR_FILENO ? O_WRONLY : O_RDONLY;

		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", flags) != fd)
			return errno != 0 ? -errno : -EBADF;
	}
	return 0;
}

int
startup(const char *program)
{
	int error;

	log_set_program(program);
	error = open_standard_files();
	if (error != 0) {
		log_line("cannot open /dev/null: %s", strerror(-error));
		return error;
	}
	signal(SIGPIPE, SIG_IGN);
	error = privilege_leave_root(host_facts_unprivileged_group());
	if (error != 0)
		log_line("started by root, but cannot change to an unprivileged user: "
			 "%s; start it as an ordinary user",
		    strerror(-error));
	return error;
}

int
startup_finished(void)
{
	int error = privilege_drop_all();

	if (error != 0)
		log_line("cannot give privileges away: %s", strerror(-error));
	return error;
}
