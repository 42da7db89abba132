#include "common/user_namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define ROOM 128 /* for one line, of three numbers in columns, and more */

bool
user_namespace_has_one_user(void)
{
	unsigned int inside, outside, count;
	char text[ROOM], more;
	int fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	if (len < 0)
		return false;
	text[len] = '\0';
	/* Nothing but white space behind the first line. */
	return sscanf(text, "%u %u %u %c", &inside, &outside, &count, &more) == 3 &&
	       inside == 0 && outside != 0 && count == 1;
}

bool
user_namespace_owns_network(void)
{
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int owner = fd < 0 ? -1 : ioctl(fd, NS_GET_USERNS);
	/* ioctl_nsfs(2): the owner is neither our namespace nor one below it. */
	bool foreign = fd >= 0 && owner < 0 && errno == EPERM;

	if (owner >= 0)
		close(owner);
	if (fd >= 0)
		close(fd);
	return !foreign;
}
