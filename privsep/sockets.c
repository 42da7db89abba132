#include <errno.h>
#include <linux/in6.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/sockopt.h"
#include "privsep/privsep.h"

#define TRIES_MAX 64 /* random ports, before all are taken to be in use */
#define FLAGS (SOCK_NONBLOCK | SOCK_CLOEXEC)

/* Binds fd to the port asked for or, if that is 0, to one that is random and free. */
static int
bind_port(int fd, struct privsep_reserve *r)
{
	struct addr any = {.family = r->family};
	const struct addr *source = addr_is_none(&r->source) ? &any : &r->source;
	bool chosen = r->port != 0;
	struct sockaddr_storage name;
	socklen_t len;

	for (int i = 0; i < (chosen ? 1 : TRIES_MAX); i++) {
		if (!chosen && getrandom(&r->port, sizeof(r->port), 0) < 0)
			return -errno;
		r->port |= chosen ? 0 : 0x8000;
		len = addr_to_sockaddr(source, r->port, &name);
		if (fd < 0 || bind(fd, (struct sockaddr *)&name, len) == 0)
			return 0;
		if (errno != EADDRINUSE)
			return -errno;
	}
	return -EADDRINUSE;
}

/* The raw socket of a reservation's family and protocol, as errors about it come in. */
static int
raw_of(const int raw[RAW_COUNT], const struct privsep_reserve *r)
{
	if (r->protocol == IPPROTO_TCP)
		return raw[r->family == AF_INET ? RAW_TCP4 : RAW_TCP6];
	return raw[r->family == AF_INET ? RAW_ICMP4 : RAW_ICMP6];
}

int
sockets_reserve(const int raw[RAW_COUNT], struct reservation *r)
{
	bool udp = r->asked.protocol == IPPROTO_UDP;
	int family = (int)r->asked.family;
	int error = 0;

	r->fd = -1;
	if (raw_of(raw, &r->asked) < 0)
		return -EPROTONOSUPPORT;
	if (!udp && r->asked.protocol != IPPROTO_TCP)
		return bind_port(-1, &r->asked);
	r->fd = socket(family, (udp ? SOCK_DGRAM : SOCK_STREAM) | FLAGS, 0);
	if (r->fd < 0)
		return -errno;
	if (family == AF_INET6)
		error = socket_option(r->fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (error == 0 && udp)
		error = socket_options(r->fd, family, raw_options, RAW_OPTIONS_COUNT);
	if (error == 0)
		error = bind_port(r->fd, &r->asked);
	if (error != 0)
		close(r->fd);
	return error;
}

int
sockets_sender(const int raw[RAW_COUNT], const struct reservation *r)
{
	int fd = r->asked.protocol == IPPROTO_UDP ? r->fd : raw_of(raw, &r->asked);

	/* Neither lets the kernel fragment: PROBE sets DF, INTERFACE does not. */
	if (r->asked.family == AF_INET)
		(void)socket_option(fd, IPPROTO_IP, IP_MTU_DISCOVER,
		    r->asked.dont_fragment ? IP_PMTUDISC_PROBE : IP_PMTUDISC_INTERFACE);
	return fd;
}

static const struct sandbox_rule rules[] = {
    /* The channel, by calls without control messages: so no descriptor leaves. */
    {SCMP_SYS(recvfrom), 1, {{0, MESSAGE_CHILD_FD}}},
    {SCMP_SYS(sendto), 1, {{0, MESSAGE_CHILD_FD}}},
    SANDBOX_SOCKET(AF_INET, SOCK_DGRAM | FLAGS, 0),
    SANDBOX_SOCKET(AF_INET, SOCK_STREAM | FLAGS, 0),
    SANDBOX_SOCKET(AF_INET6, SOCK_DGRAM | FLAGS, 0),
    SANDBOX_SOCKET(AF_INET6, SOCK_STREAM | FLAGS, 0),
    SANDBOX_SETSOCKOPT(IPPROTO_IPV6, IPV6_V6ONLY),
    SANDBOX_SETSOCKOPT(IPPROTO_IP, IP_MTU_DISCOVER),
    SANDBOX_CALL(bind),
    SANDBOX_CALL(getrandom),
};

void
sockets_sandbox(struct sandbox_policy *policy)
{
	static struct sandbox_rule
	    all[COUNT_OF(rules) + RAW_OPTIONS_COUNT + 2UL * FILES_MAX];
	size_t count = 0;

	for (; count < COUNT_OF(rules); count++)
		all[count] = rules[count];
	for (size_t i = 0; i < RAW_OPTIONS_COUNT; i++)
		all[count++] = (struct sandbox_rule)SANDBOX_SETSOCKOPT(
		    (uint32_t)raw_options[i].level, (uint32_t)raw_options[i].name);
	/* Calls with control messages, on all that has a number above the channel's. */
	for (uint32_t fd = MESSAGE_CHILD_FD + 1; fd < FILES_MAX; fd++) {
		all[count++] = (struct sandbox_rule){SCMP_SYS(recvmmsg), 1, {{0, fd}}};
		/* With MSG_FASTOPEN it would connect what keeps a TCP port. */
		all[count++] = (struct sandbox_rule){
		    SCMP_SYS(sendmsg), 2, {{0, fd}, {2, MSG_DONTWAIT}}};
	}
	*policy = (struct sandbox_policy){all, count, .bare = true};
}
