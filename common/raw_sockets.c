#include "common/raw_sockets.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/in6.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define FLAGS (SOCK_NONBLOCK | SOCK_CLOEXEC)
#define TCP_CHECKSUM_AT 16 /* RFC 9293; of ICMPv6 the kernel knows it */
#define DCCP_CHECKSUM_AT 6 /* RFC 4340 */
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
const struct socket_option raw_options[RAW_OPTIONS_COUNT] = {
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
raw_sockets_open(int raw[RAW_COUNT], bool tcp)
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
			    raw[i], raws[i].family, raw_options, RAW_OPTIONS_COUNT);
		/* The kernel alone sees the header that the checksum covers. */
		if (error == 0 && i == RAW_TCP6)
			error = socket_option(
			    raw[i], IPPROTO_IPV6, IPV6_CHECKSUM, TCP_CHECKSUM_AT);
	}
	return error;
}

/* Opens a raw socket with this filter and what all have set. */
static int
open_filtered(int family, int protocol, const struct sock_fprog *filter)
{
	int fd = socket(family, SOCK_RAW | FLAGS, protocol);
	int error;

	if (fd < 0)
		return -errno;
	error = set_filter(fd, filter);
	if (error == 0)
		error = socket_options(fd, family, raw_options, RAW_OPTIONS_COUNT);
	if (error == 0)
		return fd;
	close(fd);
	return error;
}

int
raw_receiver_open(int family, int protocol)
{
	static struct sock_filter all[] = {PASS};
	const struct sock_fprog filter = {PROGRAM(all)};
	int fd = open_filtered(family, protocol, &filter);
	int error = 0;

	if (fd >= 0 && family == AF_INET6 && protocol == IPPROTO_DCCP)
		error =
		    socket_option(fd, IPPROTO_IPV6, IPV6_CHECKSUM, DCCP_CHECKSUM_AT);
	if (error == 0)
		return fd;
	close(fd);
	return error;
}

int
raw_sender_open(int family)
{
	const struct sock_fprog drop_all = {PROGRAM(nothing)};

	/* The protocol stands for IP_HDRINCL and IPV6_HDRINCL, and is received too. */
	return open_filtered(family, IPPROTO_RAW, &drop_all);
}
