#include "tools/mda/svg.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "tools/mda/render_dot.h"

#define PATH_ROOM 4096

/* ---- where dot is ---------------------------------------------------------------- */

/* Its path in buf (PATH_ROOM bytes), or NULL. Only absolute folders of PATH count. */
static const char *
find_dot(char *buf)
{
	const char *path = getenv("PATH");

	if (access(SVG_DOT, X_OK) == 0)
		return SVG_DOT;
	while (path != NULL && *path != '\0') {
		size_t len = strcspn(path, ":");
		int written = snprintf(buf, PATH_ROOM, "%.*s/dot", (int)len, path);

		if (*path == '/' && written < PATH_ROOM && access(buf, X_OK) == 0)
			return buf;
		path += len;
		path += *path == ':';
	}
	return NULL;
}

bool
svg_is_possible(void)
{
	char buf[PATH_ROOM];

	return find_dot(buf) != NULL;
}

/* ---- running it ------------------------------------------------------------------ */

/* A file of no name that holds the graph in dot's language; or -errno. */
static int
write_graph(const struct findings *f, const struct naming *naming)
{
	struct output file;
	int fd = memfd_create("graph", MFD_CLOEXEC);
	int error;

	if (fd < 0)
		return -errno;
	output_init(&file, fd);
	graph_render_dot(f, naming, &file);
	error = output_drain(&file);
	output_clear(&file);
	if (error == 0 && lseek(fd, 0, SEEK_SET) != 0)
		error = -errno;
	if (error != 0)
		close(fd);
	return error != 0 ? error : fd;
}

/* Its signals are as if it was started from a shell. */
static int
spawn_dot(const char *path, int in, int out, pid_t *pid)
{
	char name[] = "dot", format[] = "-Tsvg";
	char *arguments[] = {name, format, NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t all, none;
	int error;

	sigfillset(&all);
	sigemptyset(&none);
	error = posix_spawn_file_actions_init(&files);
	if (error != 0)
		return -error;
	error = posix_spawnattr_init(&attributes);
	if (error != 0) {
		posix_spawn_file_actions_destroy(&files);
		return -error;
	}
	error = posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
	if (error == 0)
		error = posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
	if (error == 0)
		error =
		    posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
	if (error == 0)
		error = posix_spawnattr_setsigdefault(&attributes, &all);
	if (error == 0)
		error = posix_spawnattr_setsigmask(&attributes, &none);
	if (error == 0)
		error = posix_spawnattr_setflags(
		    &attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	if (error == 0)
		error = posix_spawn(pid, path, &files, &attributes, arguments, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attributes);
	return -error;
}

/* All that comes, until its end, or until a signal does: -EINTR. */
static int
copy_all(int from, int signals, struct output *out)
{
	struct pollfd slots[] = {
	    {.fd = from, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
	char data[8192];

	for (;;) {
		ssize_t len;

		if (poll(slots, 2, -1) < 0 && errno != EINTR)
			return -errno;
		if (slots[1].revents != 0)
			return -EINTR;
		if (slots[0].revents == 0)
			continue;
		len = read(from, data, sizeof(data));
		if (len == 0)
			return 0;
		if (len > 0)
			output_write(out, data, (size_t)len);
		else if (errno != EINTR)
			return -errno;
	}
}

/* Runs it from one descriptor to `out`. */
static int
run_dot(const char *path, int in, int signals, struct output *out)
{
	int pipes[2] = {-1, -1};
	int status = 0;
	int error;
	pid_t pid = 0;

	if (pipe2(pipes, O_CLOEXEC) != 0)
		return -errno;
	error = spawn_dot(path, in, pipes[1], &pid);
	close(pipes[1]);
	if (error == 0) {
		error = copy_all(pipes[0], signals, out);
		if (error != 0)
			kill(pid, SIGKILL);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		if (error == 0 && status != 0)
			error = -EIO;
	}
	close(pipes[0]);
	return error;
}

int
svg_draw(const struct findings *f, const struct naming *naming, int signals,
    struct output *out)
{
	char buf[PATH_ROOM];
	const char *path = find_dot(buf);
	int in = write_graph(f, naming);
	int error = in < 0 ? in : -ENOENT;

	if (in >= 0 && path != NULL)
		error = run_dot(path, in, signals, out);
	if (in >= 0)
		close(in);
	if (error == -EINTR)
		log_line("not drawn: a signal came; try --format dot");
	else if (error != 0)
		log_line("cannot draw: %s: %s; try --format dot",
		    path != NULL ? path : "dot",
		    error == -EIO ? "it failed" : strerror(-error));
	return error;
}
