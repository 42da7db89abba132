#include "common/user_namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define ROOM 128 /* for one line, of three numbers in columns, and more */

/* The number that stands at *at; false when there is none. */
static bool
take_number(char **at, unsigned long *value)
{
	char *start = *at;

	*value = strtoul(start, at, 10);
	return *at != start;
}

bool
user_namespace_has_one_user(void)
{
	unsigned long inside, outside, count;
	char text[ROOM], *at = text;
	int fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	if (len < 0)
		return false;
	text[len] = '\0';
	/* One line. */
	return take_number(&at, &inside) && take_number(&at, &outside) &&
	       take_number(&at, &count) && strcmp(at, "\n") == 0 && inside == 0 &&
	       outside != 0 && count == 1;
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
