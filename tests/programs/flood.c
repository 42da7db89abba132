/*
 * Sends UDP datagrams as fast as it can and takes no notice of answers, for
 * tests/bench:
 *
 *   flood COUNT ADDRESS...
 *
 * They go to the addresses in turn, with TTLs from 1 to 8, from 16 ports. Prints how
 * many left and in how many nanoseconds.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/addr.h"
#include "common/clock.h"

#define BATCH 64
#define SOCKETS 16
#define TTLS 8
#define PAYLOAD 32

/* One datagram of a batch. */
struct shot {
	struct iovec part;
	struct sockaddr_storage to;
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(int))];
};

static void
aim(struct shot *shot, struct msghdr *message, const struct addr *to, int ttl)
{
	static char payload[PAYLOAD];
	bool v4 = to->family == AF_INET;
	struct cmsghdr *header;

	shot->part = (struct iovec){payload, sizeof(payload)};
	*message = (struct msghdr){
	    .msg_name = &shot->to,
	    .msg_namelen = addr_to_sockaddr(to, 33434, &shot->to),
	    .msg_iov = &shot->part,
	    .msg_iovlen = 1,
	    .msg_control = shot->control,
	    .msg_controllen = sizeof(shot->control),
	};
	header = CMSG_FIRSTHDR(message);
	header->cmsg_level = v4 ? IPPROTO_IP : IPPROTO_IPV6;
	header->cmsg_type = v4 ? IP_TTL : IPV6_HOPLIMIT;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &ttl, sizeof(ttl));
}

/* Sends a batch; returns how many left, or -errno. */
static int
send_all(int fd, struct mmsghdr *messages, unsigned int count)
{
	int sent = sendmmsg(fd, messages, count, 0);

	return sent < 0 ? -errno : sent;
}

static int
flood(const int *fds, uint64_t count, const struct addr *to, size_t targets)
{
	static struct shot shots[BATCH];
	struct mmsghdr messages[BATCH] = {0};
	uint64_t sent = 0, batches = 0;
	int64_t begun = clock_monotonic();
	int one;

	while (sent < count) {
		for (uint64_t i = 0; i < BATCH; i++)
			aim(&shots[i], &messages[i].msg_hdr,
			    &to[(sent / TTLS + i / TTLS) % targets],
			    (int)(i % TTLS) + 1);
		one = send_all(fds[batches++ % SOCKETS], messages, BATCH);
		if (one < 0 && one != -EINTR)
			return one;
		sent += one > 0 ? (uint64_t)one : 0;
	}
	printf(
	    "%" PRIu64 " %" PRId64 "\n", sent, clock_elapsed(begun, clock_monotonic()));
	return 0;
}

int
main(int argc, char **argv)
{
	struct addr to[256];
	int fds[SOCKETS], error;
	size_t targets = 0;

	for (int i = 2; i < argc && targets < sizeof(to) / sizeof(*to); i++)
		if (addr_from_text(argv[i], &to[targets++]) != 0)
			return 2;
	if (targets == 0)
		return 2;
	for (size_t i = 0; i < SOCKETS; i++) {
		fds[i] = socket((int)to[0].family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (fds[i] < 0) {
			perror("flood: socket");
			return 1;
		}
	}
	error = flood(fds, strtoull(argv[1], NULL, 10), to, targets);
	if (error != 0)
		fprintf(stderr, "flood: cannot send: %s\n", strerror(-error));
	return error == 0 ? 0 : 1;
}
