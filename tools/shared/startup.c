#include "tools/shared/startup.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "common/log.h"
#include "common/privilege.h"
#include "prober/host_facts.h"

/* What leaving root came to. */
static int
explain(int error)
{
	if (error == -EINVAL)
		log_line("started by root, but this user namespace has no uid %u to "
			 "change to (see /proc/self/uid_map); start it as another user",
		    PRIVILEGE_NOBODY);
	else if (error != 0)
		log_line("started by root, but cannot change to an unprivileged user: "
			 "%s; start it as an ordinary user",
		    strerror(-error));
	return error;
}

int
startup(const char *program)
{
	int error;
	gid_t gid;

	log_set_program(program);
	error = privilege_standard_files();
	if (error != 0) {
		log_line("cannot open /dev/null: %s", strerror(-error));
		return error;
	}
	signal(SIGPIPE, SIG_IGN);
	gid = host_facts_unprivileged_group();
	if (gid == PRIVILEGE_STAY)
		return startup_finished();
	return explain(privilege_leave_root_groups(gid));
}

int
startup_leave_root(void)
{
	return explain(privilege_leave_root(host_facts_unprivileged_group()));
}

int
startup_finished(void)
{
	int error = privilege_drop_all();

	if (error != 0)
		log_line("cannot give privileges away: %s", strerror(-error));
	return error;
}
