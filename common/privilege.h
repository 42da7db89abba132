/*
 * Giving privilege away for good. Called by every program at its start, before it reads
 * anything from the network; nothing here ever gains a privilege.
 */
#ifndef COMMON_PRIVILEGE_H
#define COMMON_PRIVILEGE_H

#include <sys/types.h>

/* Who we become when started by uid 0: "nobody" and "nogroup" of Debian. */
#define PRIVILEGE_NOBODY 65534

/*
 * In place of a group: there is nobody else to become (user_namespace_has_one_user), so
 * uid 0 stays. It has to give all capabilities away at once.
 */
#define PRIVILEGE_STAY ((gid_t)-1)

/*
 * For a program with privileges that its caller does not have: shuts out what the
 * caller, of the same uid, could reach into it by. No ptrace, no descriptors taken, no
 * environment; default signals, but SIGINT, SIGQUIT, SIGTERM and SIGHUP blocked, as
 * servants have them; umask 077, /, three standard descriptors, and none from
 * `first_file` on.
 * Returns 0 or -errno; -EPERM for a setuid or setgid program.
 */
int privilege_shut_out(unsigned int first_file);

/* Opens /dev/null in place of standard descriptors that are closed. 0 or -errno. */
int privilege_standard_files(void);

/*
 * The first half of the next: leaves the groups, which decide whether ping sockets can
 * be opened, and tries whether the uid can be left later. As that in everything else.
 */
int privilege_leave_root_groups(gid_t gid);

/*
 * Leaves uid 0 (real, effective or saved): no supplementary groups, gid and uid to
 * PRIVILEGE_NOBODY, verified. gid: which group to keep, so that ping sockets can be
 * opened (net.ipv4.ping_group_range); PRIVILEGE_NOBODY when it does not matter. Does
 * nothing for an ordinary user, or with PRIVILEGE_STAY. Returns 0 or -errno; -EPERM in
 * a container whose root may not change its uid, -EINVAL where there is no such uid.
 */
int privilege_leave_root(gid_t gid);

/*
 * Empties every capability set (libcap-ng) and sets no_new_privs. Verified by reading
 * the sets back. Returns 0 or -errno.
 */
int privilege_drop_all(void);

/*
 * All three: privilege_leave_root, privilege_drop_all, privilege_limit; and undumpable
 * all the time. A change of uid may undo that (fs.suid_dumpable), and empties the
 * capabilities, which are what keeps a process of the new uid from looking into this
 * one: so those go last.
 */
int privilege_renounce(gid_t gid, unsigned long files);

/*
 * Resource limits of a program that only talks: no core file, no new process, at most
 * `files` descriptors (as far as the hard limit allows). No limit on file sizes:
 * standard error may be a file. Returns 0 or -errno.
 */
int privilege_limit(unsigned long files);

#endif
