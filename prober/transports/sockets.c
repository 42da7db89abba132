#include "prober/transports/sockets.h"

#include <errno.h>
#include <linux/in6.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/* <linux/in6.h> and <netinet/in.h> agree; the latter lacks these. */
#ifndef IP_RECVERR_RFC4884
#define IP_RECVERR_RFC4884 26
#endif
#ifndef IPV6_RECVERR_RFC4884
#define IPV6_RECVERR_RFC4884 31
#endif

static int
set_options_v4(int fd, bool dont_fragment)
{
	const struct socket_option options[] = {
	    {IPPROTO_IP, IP_RECVERR, 1, true},
	    {IPPROTO_IP, IP_RECVERR_RFC4884, 1, false},
	    {IPPROTO_IP, IP_RECVTTL, 1, true},
	    {IPPROTO_IP, IP_RECVTOS, 1, false},
	    {IPPROTO_IP, IP_MTU_DISCOVER,
		dont_fragment ? IP_PMTUDISC_PROBE : IP_PMTUDISC_DONT, true},
	};

	return socket_options(
	    fd, AF_INET, options, sizeof(options) / sizeof(options[0]));
}

static int
set_options_v6(int fd, bool dont_fragment)
{
	const struct socket_option options[] = {
	    {IPPROTO_IPV6, IPV6_V6ONLY, 1, true},
	    {IPPROTO_IPV6, IPV6_RECVERR, 1, true},
	    {IPPROTO_IPV6, IPV6_RECVERR_RFC4884, 1, false},
	    {IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1, true},
	    {IPPROTO_IPV6, IPV6_RECVTCLASS, 1, false},
	    {IPPROTO_IPV6, IPV6_MTU_DISCOVER,
		dont_fragment ? IPV6_PMTUDISC_PROBE : IPV6_PMTUDISC_DONT, true},
	    {IPPROTO_IPV6, IPV6_FLOWINFO_SEND, 1, true},
	};

	return socket_options(
	    fd, AF_INET6, options, sizeof(options) / sizeof(options[0]));
}

int
socket_options_ip(const struct endpoint *e, int fd)
{
	int error = e->key.source.family == AF_INET6
			? set_options_v6(fd, e->key.dont_fragment)
			: set_options_v4(fd, e->key.dont_fragment);

	if (error == 0 && e->key.dont_route)
		error = socket_option(fd, SOL_SOCKET, SO_DONTROUTE, 1);
	return error;
}

int
socket_bind_device(const struct endpoint *e, int fd)
{
	const char *device = e->key.device;

	if (device[0] != '\0' && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device,
				     (socklen_t)strlen(device) + 1) != 0)
		return -errno;
	return 0;
}

int
socket_bind(const struct endpoint *e, int fd, uint16_t port, uint16_t *bound)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&e->key.source, port, &ss);
	struct addr address;

	if (bind(fd, (struct sockaddr *)&ss, len) != 0)
		return -errno;
	len = sizeof(ss);
	if (getsockname(fd, (struct sockaddr *)&ss, &len) != 0)
		return -errno;
	return addr_from_sockaddr((struct sockaddr *)&ss, len, &address, bound);
}

uint32_t
socket_header_value(
    const struct endpoint *e, const struct packet *packet, struct field_ref ref)
{
	struct view view;
	uint64_t value = 0;

	view_of_layout(&view, e->pattern, packet->bytes, 0, packet->len);
	(void)view_read(&view, ref, &value);
	return (uint32_t)value;
}

struct addr
socket_packet_source(const struct endpoint *e, const struct packet *packet)
{
	bool v6 = e->key.source.family == AF_INET6;

	return addr_from_bytes(e->key.source.family, packet->bytes + (v6 ? 8 : 12));
}

socklen_t
socket_destination(const struct endpoint *e, const struct probe *p,
    const struct packet *packet, struct sockaddr_storage *name)
{
	socklen_t len = addr_to_sockaddr(&p->dst, p->dst_port, name);
	struct sockaddr_in6 in6;

	if (name->ss_family == AF_INET6) {
		memcpy(&in6, name, sizeof(in6));
		in6.sin6_flowinfo =
		    htonl(socket_header_value(e, packet, e->flow_label));
		memcpy(name, &in6, sizeof(in6));
	}
	return len;
}
