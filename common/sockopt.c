#include "common/sockopt.h"

#include <errno.h>
#include <sys/socket.h>

int
socket_option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) != 0 ? -errno : 0;
}

int
socket_options(int fd, int family, const struct socket_option *options, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct socket_option *o = &options[i];
		int error = 0;

		if (o->family == AF_UNSPEC || o->family == family)
			error = socket_option(fd, o->level, o->name, o->value);
		if (error != 0 && o->needed)
			return error;
	}
	return 0;
}
