/*
 * The first steps of every tool: sane standard descriptors and no root. Used by the
 * tools' main functions only.
 */
#ifndef TOOLS_SHARED_STARTUP_H
#define TOOLS_SHARED_STARTUP_H

/*
 * Names the program for messages, opens standard descriptors that are closed (so that
 * no socket of ours ever takes their place; a closed standard output still fails to
 * write), ignores SIGPIPE, and leaves root's groups for the one that will stay; or does
 * what startup_finished does, where root is the only user. Returns 0, or -errno after
 * one line on standard error.
 */
int startup(const char *program);

/*
 * Leaves uid 0 for an unprivileged one, if we are root: as soon as those servants run
 * that only root can start, and before anything is read from the network or from a
 * servant that does. As startup in errors.
 */
int startup_leave_root(void);

/*
 * Gives away whatever privilege is left and sets no_new_privs. From here on a file
 * capability of a servant has no effect, so every servant must have been started. As
 * startup in errors.
 */
int startup_finished(void);

#endif
