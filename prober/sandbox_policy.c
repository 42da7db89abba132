#include "prober/sandbox_policy.h"

#include <linux/in6.h>
#include <netinet/in.h>
#include <seccomp.h>
#include <sys/socket.h>

#ifndef IP_RECVERR_RFC4884
#define IP_RECVERR_RFC4884 26
#endif

#define DATAGRAM (SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC)

#define SOCKET(family, protocol) \
	{ \
		SCMP_SYS(socket), 3, \
		{ \
			{0, family}, {1, DATAGRAM}, \
			{ \
				2, protocol \
			} \
		} \
	}
#define OPTION(level, name) \
	{ \
		SCMP_SYS(setsockopt), 2, \
		{ \
			{1, level}, \
			{ \
				2, name \
			} \
		} \
	}
#define CALL(name) \
	{ \
		SCMP_SYS(name), 0, \
		{ \
			{ \
				0, 0 \
			} \
		} \
	}

static const struct sandbox_rule rules[] = {
    /* UDP and ping sockets only: no stream, no raw, no packet, no local socket */
    SOCKET(AF_INET, 0),
    SOCKET(AF_INET, IPPROTO_ICMP),
    SOCKET(AF_INET6, 0),
    SOCKET(AF_INET6, IPPROTO_ICMPV6),
    OPTION(SOL_SOCKET, SO_TIMESTAMPING),
    OPTION(SOL_SOCKET, SO_RXQ_OVFL),
    OPTION(SOL_SOCKET, SO_RCVBUF),
    OPTION(SOL_SOCKET, SO_BINDTODEVICE),
    OPTION(IPPROTO_IP, IP_RECVERR),
    OPTION(IPPROTO_IP, IP_RECVERR_RFC4884),
    OPTION(IPPROTO_IP, IP_RECVTTL),
    OPTION(IPPROTO_IP, IP_RECVTOS),
    OPTION(IPPROTO_IP, IP_MTU_DISCOVER),
    OPTION(IPPROTO_IPV6, IPV6_V6ONLY),
    OPTION(IPPROTO_IPV6, IPV6_RECVERR),
    OPTION(IPPROTO_IPV6, IPV6_RECVERR_RFC4884),
    OPTION(IPPROTO_IPV6, IPV6_RECVHOPLIMIT),
    OPTION(IPPROTO_IPV6, IPV6_RECVTCLASS),
    OPTION(IPPROTO_IPV6, IPV6_MTU_DISCOVER),
    OPTION(IPPROTO_IPV6, IPV6_FLOWINFO_SEND),
    {SCMP_SYS(getsockopt), 2, {{1, SOL_SOCKET}, {2, SO_ERROR}}},
    {SCMP_SYS(getsockopt), 2, {{1, SOL_SOCKET}, {2, SO_MEMINFO}}},
    CALL(bind),
    CALL(connect), /* datagram sockets only: asks for our address, sends nothing */
    CALL(getsockname),
    CALL(recvmmsg),
    CALL(sendmmsg),
};

const struct sandbox_policy prober_sandbox_policy = {
    .rules = rules,
    .rules_count = sizeof(rules) / sizeof(rules[0]),
};
