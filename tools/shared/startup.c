#include "tools/shared/startup.h"

#include <signal.h>
#include <string.h>

#include "common/log.h"
#include "common/privilege.h"
#include "prober/host_facts.h"

/* What leaving root came to. */
static int
explain(int error)
{
	if (error != 0)
		log_line("started by root, but cannot change to an unprivileged user: "
			 "%s; start it as an ordinary user",
		    strerror(-error));
	return error;
}

int
startup(const char *program)
{
	int error;

	log_set_program(program);
	error = privilege_standard_files();
	if (error != 0) {
		log_line("cannot open /dev/null: %s", strerror(-error));
		return error;
	}
	signal(SIGPIPE, SIG_IGN);
	return explain(privilege_leave_root_groups(host_facts_unprivileged_group()));
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
