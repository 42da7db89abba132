/*
 * Starting one of our own programs (paris-prober, paris-names) with a channel to it.
 * Used by the tools only. A servant is found relative to the running executable, never
 * through PATH or the environment, and gets nothing but standard error and its channel.
 */
#ifndef TOOLS_SHARED_SERVANT_H
#define TOOLS_SHARED_SERVANT_H

#include <stddef.h>
#include <sys/types.h>

#include "common/message.h"

struct servant {
	pid_t pid; /* 0 when not running */
	struct channel channel;
};

/*
 * Where a servant's program must be, in path (room bytes); 0 or -errno.
 */
int servant_path(const char *name, char *path, size_t room);

/* Arguments that a servant may be given. */
#define SERVANT_ARGUMENTS_MAX 8
/* Descriptors, the channel's included. */
#define SERVANT_FILES_MAX 4

/*
 * Starts the program `name` of our libexec folder with these arguments (ended by NULL;
 * NULL: none), its end of the channel at
 * MESSAGE_CHILD_FD, an empty environment, standard input and output at /dev/null, and
 * default signals; SIGINT, SIGQUIT, SIGTERM and SIGHUP are blocked, for they reach the
 * whole process group and it is the tool that ends its servants. Returns 0 or -errno;
 * -ENOENT means that it is not installed. path (of path_room bytes) receives where it
 * was looked for, for the message to the user. more: further descriptors for the
 * servant, which finds them at MESSAGE_CHILD_FD + 1 and on; ended by -1; NULL: none.
 * They stay the caller's.
 */
int servant_start(struct servant *s, const char *name, const char *const *arguments,
    const int *more, char *path, size_t path_room);

/*
 * Closes the channel, which makes the servant exit, and waits for it; one that does not
 * exit within a second is killed. Returns its wait status, 0 if it was not running.
 */
int servant_stop(struct servant *s);

#endif
