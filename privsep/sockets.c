#include <errno.h>
#include <linux/filter.h>
#include <linux/in6.h>
#include <linux/net_tstamp.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/sockopt.h"
#include "privsep/privsep.h"

#define TRIES_MAX 64 /* random ports, before all are taken to be in use */
#define FLAGS (SOCK_NONBLOCK | SOCK_CLOEXEC)
#define STAMPS \
	(SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_TX_SOFTWARE | \
	    SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID | \
	    SOF_TIMESTAMPING_OPT_TSONLY)

/* Classic BPF; a condition that holds skips so many instructions. */
#define LOAD(k) BPF_STMT(BPF_LD | BPF_B | BPF_ABS, k)
#define LOAD_BEHIND_IP4(k) \
	BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0), BPF_STMT(BPF_LD | BPF_B | BPF_IND, k)
#define EQUAL(k, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, k, skip, 0)
#define ANY_OF(k, skip) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, k, skip, 0)
#define AND(k) BPF_STMT(BPF_ALU | BPF_AND | BPF_K, k)
#define DROP BPF_STMT(BPF_RET | BPF_K, 0)
#define PASS BPF_STMT(BPF_RET | BPF_K, UINT32_MAX)
#define PROGRAM(filter) COUNT_OF(filter), filter

static struct sock_filter nothing[] = {DROP};
/* Echo reply; unreachable, time exceeded, parameter problem. */
static struct sock_filter icmp4[] = {LOAD_BEHIND_IP4(0), EQUAL(0, 4), EQUAL(3, 3),
    EQUAL(11, 2), EQUAL(12, 1), DROP, PASS};
/* Unreachable, too big, time exceeded, parameter problem; echo reply. */
static struct sock_filter icmp6[] = {LOAD(0), EQUAL(1, 5), EQUAL(2, 4), EQUAL(3, 3),
    EQUAL(4, 2), EQUAL(129, 1), DROP, PASS};
/* RST; SYN and ACK. */
static struct sock_filter tcp4[] = {
    LOAD_BEHIND_IP4(13), ANY_OF(0x04, 3), AND(0x12), EQUAL(0x12, 1), DROP, PASS};
static struct sock_filter tcp6[] = {
    LOAD(13), ANY_OF(0x04, 3), AND(0x12), EQUAL(0x12, 1), DROP, PASS};

static const struct {
	int family, protocol;
	struct sock_fprog filter;
} raws[RAW_COUNT] = {
    [RAW_ICMP4] = {AF_INET, IPPROTO_ICMP, {PROGRAM(icmp4)}},
    [RAW_ICMP6] = {AF_INET6, IPPROTO_ICMPV6, {PROGRAM(icmp6)}},
    [RAW_TCP4] = {AF_INET, IPPROTO_TCP, {PROGRAM(tcp4)}},
    [RAW_TCP6] = {AF_INET6, IPPROTO_TCP, {PROGRAM(tcp6)}},
};

/* Of raw and of UDP sockets. */
static const struct socket_option options[] = {
    {SOL_SOCKET, SO_TIMESTAMPING, STAMPS, true, AF_UNSPEC},
    {SOL_SOCKET, SO_RCVBUF, 1 << 20, true, AF_UNSPEC},
    {SOL_SOCKET, SO_RXQ_OVFL, 1, true, AF_UNSPEC},
    {IPPROTO_IP, IP_RECVTTL, 1, true, AF_INET},
    {IPPROTO_IP, IP_RECVTOS, 1, true, AF_INET},
    {IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1, true, AF_INET6},
    {IPPROTO_IPV6, IPV6_RECVTCLASS, 1, true, AF_INET6},
    {IPPROTO_IPV6, IPV6_RECVPKTINFO, 1, true, AF_INET6},
    {IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE, true, AF_INET6},
    {IPPROTO_IPV6, IPV6_FLOWINFO_SEND, 1, true, AF_INET6},
    {IPPROTO_IPV6, IPV6_AUTOFLOWLABEL, 0, true, AF_INET6},
};

/* What came in between the opening and the first filter is thrown away. */
static int
set_filter(int fd, const struct sock_fprog *filter)
{
	const socklen_t len = sizeof(*filter);
	char byte;

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER,
		&(struct sock_fprog){PROGRAM(nothing)}, len) != 0)
		return -errno;
	while (recv(fd, &byte, 1, MSG_DONTWAIT) >= 0)
		;
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, filter, len) != 0)
		return -errno;
	return socket_option(fd, SOL_SOCKET, SO_LOCK_FILTER, 1);
}

int
sockets_open(int raw[RAW_COUNT], bool tcp)
{
	int error = 0;

	for (int i = 0; i < RAW_COUNT && error == 0; i++) {
		raw[i] = -1;
		if (raws[i].protocol == IPPROTO_TCP && !tcp)
			continue;
		raw[i] = socket(raws[i].family, SOCK_RAW | FLAGS, raws[i].protocol);
		if (raw[i] < 0 && errno == EAFNOSUPPORT)
			continue;
		error = raw[i] < 0 ? -errno : set_filter(raw[i], &raws[i].filter);
		if (error == 0)
			error = socket_options(
			    raw[i], raws[i].family, options, COUNT_OF(options));
	}
	return error;
}

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
		error = socket_options(r->fd, family, options, COUNT_OF(options));
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
	    all[COUNT_OF(rules) + COUNT_OF(options) + 2UL * FILES_MAX];
	size_t count = 0;

	for (; count < COUNT_OF(rules); count++)
		all[count] = rules[count];
	for (size_t i = 0; i < COUNT_OF(options); i++)
		all[count++] = (struct sandbox_rule)SANDBOX_SETSOCKOPT(
		    (uint32_t)options[i].level, (uint32_t)options[i].name);
	/* Calls with control messages, on all that has a number above the channel's. */
	for (uint32_t fd = MESSAGE_CHILD_FD + 1; fd < FILES_MAX; fd++) {
		all[count++] = (struct sandbox_rule){SCMP_SYS(recvmmsg), 1, {{0, fd}}};
		all[count++] = (struct sandbox_rule){SCMP_SYS(sendmsg), 1, {{0, fd}}};
	}
	*policy = (struct sandbox_policy){all, count, .bare = true};
}
