/*
 * What a program with a file capability may do, as JSON: for the tests of
 * paris-fakeroute
 * --keep-caps. It raises cap_net_raw if it is permitted, as the privileged helper does,
 * and opens a raw socket.
 */
#include <cap-ng.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netinet/in.h>

static const char *
opened(int family, int type, int protocol)
{
	int fd = socket(family, type | SOCK_CLOEXEC, protocol);

	if (fd < 0)
		return strerror(errno);
	close(fd);
	return "open";
}

static const char *
truth(int value)
{
	return value != 0 ? "true" : "false";
}

/* Whether the bounding set holds anything else. */
static int
bounds_others(void)
{
	for (unsigned int cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (cap != CAP_NET_RAW &&
		    capng_have_capability(CAPNG_BOUNDING_SET, cap) != 0)
			return 1;
	return 0;
}

int
main(void)
{
	int permitted;

	if (capng_get_caps_process() != 0) {
		perror("capng_get_caps_process");
		return 1;
	}
	permitted = capng_have_capability(CAPNG_PERMITTED, CAP_NET_RAW);
	printf("{\"uid\": %u, \"permitted\": %s, \"effective\": %s, ", getuid(),
	    truth(permitted),
	    truth(capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_RAW)));
	printf("\"bounding\": %s, \"bounding_others\": %s, \"no_new_privs\": %s, ",
	    truth(capng_have_capability(CAPNG_BOUNDING_SET, CAP_NET_RAW)),
	    truth(bounds_others()), truth(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)));
	if (permitted != 0 &&
	    (capng_update(CAPNG_ADD, CAPNG_EFFECTIVE, CAP_NET_RAW) != 0 ||
		capng_apply(CAPNG_SELECT_CAPS) != 0)) {
		fprintf(stderr, "raw: cannot raise cap_net_raw\n");
		return 1;
	}
	printf("\"raw\": \"%s\", ", opened(AF_INET, SOCK_RAW, IPPROTO_ICMP));
	printf("\"raw6\": \"%s\", ", opened(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6));
	printf("\"packet\": \"%s\"}\n", opened(AF_PACKET, SOCK_RAW, 0));
	return 0;
}
