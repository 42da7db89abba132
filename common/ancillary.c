#include "common/ancillary.h"

#include <netinet/in.h>
#include <string.h>

#include "common/clock.h"

static void
read_error(const struct cmsghdr *c, struct ancillary *a)
{
	size_t len = c->cmsg_len - CMSG_LEN(0);
	const uint8_t *data = CMSG_DATA(c);

	if (len < sizeof(a->error))
		return;
	memcpy(&a->error, data, sizeof(a->error));
	a->has_error = true;
	/* The offender's address follows (SO_EE_OFFENDER), if it is known. */
	data += sizeof(a->error);
	len -= sizeof(a->error);
	if (len >= sizeof(struct sockaddr_in)) {
		struct sockaddr_storage ss = {0};

		memcpy(&ss, data, len < sizeof(ss) ? len : sizeof(ss));
		(void)addr_from_sockaddr(
		    (struct sockaddr *)&ss, len, &a->offender, NULL);
	}
}

/* A small number that the kernel hands out as an int or, for IP_TOS, as one byte. */
static int16_t
read_small(const struct cmsghdr *c)
{
	int value = 0;
	uint8_t byte;

	if (c->cmsg_len >= CMSG_LEN(sizeof(value))) {
		memcpy(&value, CMSG_DATA(c), sizeof(value));
		return (int16_t)(value & 0xff);
	}
	if (c->cmsg_len < CMSG_LEN(1))
		return -1;
	memcpy(&byte, CMSG_DATA(c), 1);
	return byte;
}

static void
read_packet_info(const struct cmsghdr *c, struct ancillary *a)
{
	struct in6_pktinfo info;

	if (c->cmsg_len < CMSG_LEN(sizeof(info)))
		return;
	memcpy(&info, CMSG_DATA(c), sizeof(info));
	a->to = addr_from_bytes(AF_INET6, info.ipi6_addr.s6_addr);
	a->interface = (uint32_t)info.ipi6_ifindex;
}

static void
read_socket_level(const struct cmsghdr *c, struct ancillary *a)
{
	struct timespec stamp;

	if (c->cmsg_type == SO_TIMESTAMPING && c->cmsg_len >= CMSG_LEN(sizeof(stamp))) {
		memcpy(&stamp, CMSG_DATA(c), sizeof(stamp));
		a->stamp = clock_from_timespec(&stamp);
	} else if (c->cmsg_type == SO_RXQ_OVFL && c->cmsg_len >= CMSG_LEN(4)) {
		memcpy(&a->dropped, CMSG_DATA(c), 4);
		a->dropped_known = true;
	}
}

void
ancillary_read(struct msghdr *m, struct ancillary *a)
{
	*a = (struct ancillary){.ttl = -1, .tos = -1};
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		bool v4 = c->cmsg_level == IPPROTO_IP;
		bool v6 = c->cmsg_level == IPPROTO_IPV6;

		if (c->cmsg_level == SOL_SOCKET)
			read_socket_level(c, a);
		else if ((v4 && c->cmsg_type == IP_RECVERR) ||
			 (v6 && c->cmsg_type == IPV6_RECVERR))
			read_error(c, a);
		else if ((v4 && c->cmsg_type == IP_TTL) ||
			 (v6 && c->cmsg_type == IPV6_HOPLIMIT))
			a->ttl = read_small(c);
		else if ((v4 && c->cmsg_type == IP_TOS) ||
			 (v6 && c->cmsg_type == IPV6_TCLASS))
			a->tos = read_small(c);
		else if (v6 && c->cmsg_type == IPV6_PKTINFO)
			read_packet_info(c, a);
	}
}

void
ancillary_add(
    struct msghdr *m, size_t room, int level, int type, const void *value, size_t len)
{
	struct cmsghdr *c;

	if (m->msg_controllen + CMSG_SPACE(len) > room)
		return;
	c = (struct cmsghdr *)((char *)m->msg_control + m->msg_controllen);
	memset(c, 0, CMSG_SPACE(len));
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), value, len);
	m->msg_controllen += CMSG_SPACE(len);
}
