/*
 * Which hosts an earlier run has traced already, from its output (--format json): what
 * --resume leaves out. Used by the tools.
 */
#ifndef TOOLS_SHARED_RESUME_H
#define TOOLS_SHARED_RESUME_H

#include <stdbool.h>
#include <stddef.h>

struct resumed_host;

struct resume {
	struct resumed_host *hosts; /* by name, as typed */
	size_t wrong;               /* lines that are no JSON */
	bool torn; /* the file's last line has no end: what is appended needs one first
		    */
};

/*
 * Reads the file, and takes fd over; name is for messages. A trace counts when it ended
 * by itself; one that was interrupted or could not be measured does not. Lines that are
 * no JSON (a run was killed while it wrote) are passed over and the first of them told
 * on standard error; all that is no trace is passed over. Returns 0 or -errno, having
 * said why: -EINVAL when the file holds lines and none of them is JSON.
 */
int resume_read(struct resume *r, int fd, const char *name);
void resume_clear(struct resume *r);

bool resume_has(const struct resume *r, const char *host);

#endif
