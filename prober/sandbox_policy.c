#include "prober/sandbox_policy.h"

#include <linux/in6.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "prober/transport.h"
#include "prober/transports/datagram.h"

#ifndef IP_RECVERR_RFC4884
#define IP_RECVERR_RFC4884 26
#endif

#define RULES_MAX 64

static const struct sandbox_rule rules[] = {
    /* UDP sockets; others by their transport; no raw, packet or local socket ever */
    DATAGRAM_SOCKET(AF_INET, 0),
    DATAGRAM_SOCKET(AF_INET6, 0),
    SANDBOX_SETSOCKOPT(SOL_SOCKET, SO_TIMESTAMPING),
    SANDBOX_SETSOCKOPT(SOL_SOCKET, SO_RXQ_OVFL),
    SANDBOX_SETSOCKOPT(SOL_SOCKET, SO_RCVBUF),
    SANDBOX_SETSOCKOPT(SOL_SOCKET, SO_BINDTODEVICE),
    SANDBOX_SETSOCKOPT(SOL_SOCKET, SO_DONTROUTE),
    SANDBOX_SETSOCKOPT(IPPROTO_IP, IP_RECVERR),
    SANDBOX_SETSOCKOPT(IPPROTO_IP, IP_RECVERR_RFC4884),
    SANDBOX_SETSOCKOPT(IPPROTO_IP, IP_RECVTTL),
    SANDBOX_SETSOCKOPT(IPPROTO_IP, IP_RECVTOS),
    SANDBOX_SETSOCKOPT(IPPROTO_IP, IP_MTU_DISCOVER),
    SANDBOX_SETSOCKOPT(IPPROTO_IPV6, IPV6_V6ONLY),
    SANDBOX_SETSOCKOPT(IPPROTO_IPV6, IPV6_RECVERR),
    SANDBOX_SETSOCKOPT(IPPROTO_IPV6, IPV6_RECVERR_RFC4884),
    SANDBOX_SETSOCKOPT(IPPROTO_IPV6, IPV6_RECVHOPLIMIT),
    SANDBOX_SETSOCKOPT(IPPROTO_IPV6, IPV6_RECVTCLASS),
    SANDBOX_SETSOCKOPT(IPPROTO_IPV6, IPV6_MTU_DISCOVER),
    SANDBOX_SETSOCKOPT(IPPROTO_IPV6, IPV6_FLOWINFO_SEND),
    SANDBOX_GETSOCKOPT(SOL_SOCKET, SO_ERROR),
    SANDBOX_GETSOCKOPT(SOL_SOCKET, SO_MEMINFO),
    SANDBOX_GETSOCKOPT(IPPROTO_IP, IP_MTU),
    SANDBOX_GETSOCKOPT(IPPROTO_IPV6, IPV6_MTU),
    SANDBOX_CALL(bind),
    SANDBOX_CALL(
	connect), /* of a datagram socket it sends nothing; TCP: see the transport */
    SANDBOX_CALL(getsockname),
    SANDBOX_CALL(recvmmsg),
    SANDBOX_CALL(sendmmsg),
};

void
prober_sandbox_policy(uint32_t transports, struct sandbox_policy *policy)
{
	static struct sandbox_rule all[RULES_MAX];
	size_t count = sizeof(rules) / sizeof(rules[0]);

	memcpy(all, rules, sizeof(rules));
	for (const struct transport *const *t = transport_table; *t != NULL; t++) {
		if ((transports & 1U << (*t)->id) == 0 || (*t)->rules_count == 0)
			continue;
		if (count + (*t)->rules_count > RULES_MAX)
			abort();
		memcpy(all + count, (*t)->rules,
		    (*t)->rules_count * sizeof(struct sandbox_rule));
		count += (*t)->rules_count;
	}
	*policy = (struct sandbox_policy){.rules = all, .rules_count = count};
}
