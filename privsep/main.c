/*
 * paris-privsep [tcp]: started with its channel at descriptor 3; not for people. Its
 * safety rests on the order below; SECURITY.md says why.
 */
#include <cap-ng.h>
#include <errno.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/log.h"
#include "common/privilege.h"
#include "privsep/privsep.h"

/* Opens the raw sockets: the one thing that needs the capability. */
static int
open_sockets(struct helper *h, bool tcp)
{
	if (capng_get_caps_process() != 0 ||
	    !capng_have_capability(CAPNG_PERMITTED, CAP_NET_RAW) ||
	    capng_update(CAPNG_ADD, CAPNG_EFFECTIVE, CAP_NET_RAW) != 0 ||
	    capng_apply(CAPNG_SELECT_CAPS) != 0)
		return -EPERM;
	return raw_sockets_open(h->raw, tcp);
}

/* A clean end, which leaves nothing open. */
static void
close_sockets(const struct helper *h)
{
	for (int i = 0; i < RAW_COUNT; i++)
		if (h->raw[i] >= 0)
			close(h->raw[i]);
	for (int i = 0; i < PRIVSEP_RESERVATIONS; i++) {
		const struct reservation *r = &h->matcher.reservations[i];

		if (r->asked.protocol != 0 && r->fd >= 0)
			close(r->fd);
	}
}

static int
fail(int status, const char *what, int error)
{
	log_line("%s: %s", what, strerrordesc_np(-error));
	return status;
}

int
main(int argc, char **argv)
{
	static struct helper h;
	struct sandbox_policy policy;
	bool tcp = argc == 2 && strcmp(argv[1], "tcp") == 0;
	int error = privilege_shut_out(MESSAGE_CHILD_FD + 1), forbidden;

	log_set_program(PRIVSEP_PROGRAM);
	if (error != 0)
		return fail(PRIVSEP_EXIT_USAGE, "cannot shut others out", error);
	if ((argc != 1 && !tcp) || !framing_is_channel(MESSAGE_CHILD_FD))
		return fail(PRIVSEP_EXIT_USAGE, "not started by a tool", -EINVAL);
#ifdef PARIS_NO_SANDBOX
	if (getauxval(AT_SECURE) != 0)
		return fail(PRIVSEP_EXIT_USAGE,
		    "a build without sandbox must have no file capability", -EPERM);
#endif
	error = open_sockets(&h, tcp);
	if (error == -EPERM || error == -EACCES)
		return fail(PRIVSEP_EXIT_NO_CAPABILITY,
		    "cap_net_raw is missing: as root set it on this program (make "
		    "install-caps, setcap cap_net_raw+p); no_new_privs, a cut bounding "
		    "set, a nosuid mount or a user namespace may void it",
		    error);
	if (error != 0)
		return fail(PRIVSEP_EXIT_FAILED, "cannot open raw sockets", error);
	error = privilege_renounce(PRIVILEGE_NOBODY, FILES_MAX);
	/* By deed: this must not work any more. */
	forbidden = error == 0 ? socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) : -1;
	if (error == 0 && (forbidden >= 0 || errno != EPERM))
		error = forbidden >= 0 ? -EEXIST : -errno;
	if (error == 0 && getrandom(h.matcher.nonce, PRIVSEP_NONCE_LEN, 0) < 0)
		error = -errno;
	/* poll takes no more than are allowed, open or not. */
	_Static_assert(FILES_MAX == 72, "the message and the manual say so");
	if (error == 0 && sysconf(_SC_OPEN_MAX) < FILES_MAX)
		return fail(PRIVSEP_EXIT_FAILED,
		    "fewer than 72 open files (ulimit -n) are not enough", -EMFILE);
	sockets_sandbox(&policy);
	if (error == 0)
		error = sandbox_enter(&policy);
	if (error != 0)
		return fail(PRIVSEP_EXIT_FAILED, "cannot start in safety", error);
	error = serve(&h);
	close_sockets(&h);
	return error == 0 ? PRIVSEP_EXIT_DONE
			  : fail(PRIVSEP_EXIT_FAILED, "cannot go on", error);
}
