#include "common/packets.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "common/clock.h"

/* From which address and through which interface. */
static void
add_source(struct msghdr *m, size_t room, const struct outgoing *o)
{
	struct in_pktinfo info = {.ipi_ifindex = (int)o->interface};
	struct in6_pktinfo info6 = {.ipi6_ifindex = o->interface};

	if (o->to->family == AF_INET6) {
		memcpy(&info6.ipi6_addr, o->source->bytes, sizeof(info6.ipi6_addr));
		if (o->interface == 0)
			info6.ipi6_ifindex = o->source->scope;
		ancillary_add(
		    m, room, IPPROTO_IPV6, IPV6_PKTINFO, &info6, sizeof(info6));
	} else {
		memcpy(&info.ipi_spec_dst, o->source->bytes, sizeof(info.ipi_spec_dst));
		ancillary_add(m, room, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
	}
}

void
packet_address(struct msghdr *m, struct envelope *e, const struct outgoing *o)
{
	const size_t room = sizeof(e->control);
	bool v6 = o->to->family == AF_INET6;
	int level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;
	uint32_t ttl = o->ttl, tos = o->tos;
	struct sockaddr_in6 in6;

	*m = (struct msghdr){.msg_name = &e->name,
	    .msg_namelen = addr_to_sockaddr(o->to, o->port, &e->name),
	    .msg_iov = &e->part,
	    .msg_iovlen = 1,
	    .msg_control = &e->control};
	e->part = (struct iovec){(void *)(uintptr_t)o->bytes, o->len};
	if (v6) {
		memcpy(&in6, &e->name, sizeof(in6));
		in6.sin6_flowinfo = htonl(o->flow_label);
		memcpy(&e->name, &in6, sizeof(in6));
	}
	ancillary_add(m, room, level, v6 ? IPV6_HOPLIMIT : IP_TTL, &ttl, sizeof(ttl));
	if (tos != 0 || v6)
		ancillary_add(
		    m, room, level, v6 ? IPV6_TCLASS : IP_TOS, &tos, sizeof(tos));
	if (o->source != NULL)
		add_source(m, room, o);
	if (o->stamp_id != NULL)
		ancillary_add(m, room, SOL_SOCKET, SCM_TS_OPT_ID, o->stamp_id,
		    sizeof(*o->stamp_id));
}

unsigned int
packets_receive(struct incoming *in, int fd, int flags, size_t at)
{
	/* What is not kept, whose only use is that its length becomes known. */
	static uint8_t rest[1 << 16];
	unsigned int room = (unsigned int)(PACKETS_ROOM - at);
	int count;

	for (unsigned int i = 0; i < PACKETS_BATCH; i++) {
		in->parts[i][0] = (struct iovec){in->images[i] + at, room};
		in->parts[i][1] = (struct iovec){rest, sizeof(rest)};
		in->headers[i].msg_hdr = (struct msghdr){
		    .msg_name = &in->names[i],
		    .msg_namelen = sizeof(in->names[i]),
		    .msg_iov = in->parts[i],
		    .msg_iovlen = 2,
		    .msg_control = &in->control[i],
		    .msg_controllen = sizeof(in->control[i]),
		};
	}
	do
		count = recvmmsg(
		    fd, in->headers, PACKETS_BATCH, flags | MSG_DONTWAIT, NULL);
	while (count < 0 && errno == EINTR);
	for (int i = 0; i < count; i++) {
		in->whole[i] = in->headers[i].msg_len;
		if (in->whole[i] <= room)
			continue;
		in->headers[i].msg_len = room;
		in->headers[i].msg_hdr.msg_flags |= MSG_TRUNC;
	}
	return count < 0 ? 0 : (unsigned int)count;
}

void
packets_arrival(struct incoming *in, unsigned int i, size_t at, struct arrival *out)
{
	const struct msghdr *m = &in->headers[i].msg_hdr;

	*out = (struct arrival){.bytes = in->images[i] + at,
	    .len = in->headers[i].msg_len,
	    .whole = in->whole[i]};
	ancillary_read(&in->headers[i].msg_hdr, &out->told);
	(void)addr_from_sockaddr(
	    m->msg_name, m->msg_namelen, &out->from, &out->from_port);
	out->by_kernel = out->told.stamp != 0;
	out->received = out->by_kernel ? out->told.stamp : clock_realtime();
}

/* Empties the error queue, which holds stamps only, and looks for one of them. */
static int
find_stamp(int fd, uint32_t id, int64_t *sent)
{
	static struct incoming in;
	unsigned int count = packets_receive(&in, fd, MSG_ERRQUEUE, 0);
	int found = 0;

	for (unsigned int i = 0; i < count; i++) {
		struct ancillary a;

		ancillary_read(&in.headers[i].msg_hdr, &a);
		if (!a.has_error || a.error.ee_data != id || a.stamp == 0)
			continue;
		*sent = a.stamp;
		found = 1;
	}
	return found;
}

int
packet_send(int fd, const struct outgoing *o, int64_t *sent)
{
	static bool ids_refused;
	struct outgoing plain = *o;
	struct envelope e;
	struct msghdr m;

	int flags = MSG_DONTWAIT | (o->dont_route ? MSG_DONTROUTE : 0);

	plain.stamp_id = NULL;
	packet_address(&m, &e, ids_refused ? &plain : o);
	*sent = clock_realtime();
	if (sendmsg(fd, &m, flags) >= 0)
		return ids_refused ? 0 : find_stamp(fd, *o->stamp_id, sent);
	if (errno != EINVAL || ids_refused)
		return -errno;
	/* Perhaps of a kernel that does not know the id; else it fails again. */
	packet_address(&m, &e, &plain);
	if (sendmsg(fd, &m, flags) < 0)
		return -errno;
	ids_refused = true;
	return 0;
}

uint32_t
packets_refusing_mtu(int fd)
{
	static struct incoming in;
	unsigned int count = packets_receive(&in, fd, MSG_ERRQUEUE, 0);
	uint32_t mtu = 0;

	for (unsigned int i = 0; i < count; i++) {
		struct ancillary a;

		ancillary_read(&in.headers[i].msg_hdr, &a);
		if (a.has_error && a.error.ee_origin == SO_EE_ORIGIN_LOCAL &&
		    a.error.ee_errno == EMSGSIZE)
			mtu = a.error.ee_info;
	}
	return mtu;
}
