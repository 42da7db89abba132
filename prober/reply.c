#include "prober/reply.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#include "common/checksum.h"

uint8_t
reply_kind_of_error(uint32_t family, uint8_t type, uint8_t code)
{
	if (family == AF_INET) {
		if (type == ICMP_TIME_EXCEEDED && code == ICMP_EXC_TTL)
			return REPLY_TIME_EXCEEDED;
		if (type == ICMP_TIME_EXCEEDED && code == ICMP_EXC_FRAGTIME)
			return REPLY_REASSEMBLY;
		return type == ICMP_DEST_UNREACH ? REPLY_UNREACHABLE : REPLY_OTHER;
	}
	if (type == ICMP6_TIME_EXCEEDED && code == ICMP6_TIME_EXCEED_TRANSIT)
		return REPLY_TIME_EXCEEDED;
	if (type == ICMP6_TIME_EXCEEDED && code == ICMP6_TIME_EXCEED_REASSEMBLY)
		return REPLY_REASSEMBLY;
	return type == ICMP6_DST_UNREACH || type == ICMP6_PACKET_TOO_BIG
		   ? REPLY_UNREACHABLE
		   : REPLY_OTHER;
}

void
reply_show_request(uint32_t family, uint8_t *icmp)
{
	uint8_t request = family == AF_INET6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO;
	uint32_t sum = (uint16_t) ~(uint16_t)(icmp[2] << 8 | icmp[3]);
	uint16_t checksum;

	sum = checksum_add_u16(sum, (uint16_t) ~(icmp[0] << 8));
	sum = checksum_add_u16(sum, (uint16_t)(request << 8));
	checksum = checksum_finish(sum);
	icmp[0] = request;
	icmp[2] = (uint8_t)(checksum >> 8);
	icmp[3] = (uint8_t)checksum;
}

/* What the target's own stack sends; a firewall before it that rejects may, too. */
static bool
is_port_unreachable(const struct reply *r)
{
	if (r->kind != REPLY_UNREACHABLE)
		return false;
	return r->from.family == AF_INET ? r->icmp_code == ICMP_PORT_UNREACH
					 : r->icmp_type == ICMP6_DST_UNREACH &&
					       r->icmp_code == ICMP6_DST_UNREACH_NOPORT;
}

/* Protocols whose closed ports are told so by ICMP; TCP's are by a reset. */
static bool
answers_port_unreachable(int protocol)
{
	return protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE;
}

/* What the stack of a host says of a protocol that it does not have. */
static bool
is_protocol_unreachable(const struct reply *r)
{
	if (r->from.family == AF_INET)
		return r->kind == REPLY_UNREACHABLE &&
		       r->icmp_code == ICMP_PROT_UNREACH;
	return r->icmp_type == ICMP6_PARAM_PROB &&
	       r->icmp_code == ICMP6_PARAMPROB_NEXTHEADER;
}

static bool
answers_protocol_unreachable(int protocol)
{
	return protocol == IPPROTO_RAW || protocol == IPPROTO_DCCP;
}

uint16_t
reply_flags(const struct reply *r, int protocol, const struct addr *target)
{
	uint16_t flags = 0;

	if (r->kind == REPLY_ECHO || r->kind == REPLY_DATA ||
	    r->kind == REPLY_SYN_ACK || r->kind == REPLY_RESET ||
	    r->kind == REPLY_PACKET ||
	    (answers_protocol_unreachable(protocol) && is_protocol_unreachable(r)) ||
	    (answers_port_unreachable(protocol) && is_port_unreachable(r)))
		flags = RESULT_REACHED | RESULT_FINAL;
	else if (r->kind == REPLY_UNREACHABLE || r->kind == REPLY_OTHER ||
		 r->kind == REPLY_REASSEMBLY)
		flags = RESULT_FINAL;
	if ((flags & RESULT_REACHED) != 0 && !addr_equal(&r->from, target))
		flags |= RESULT_OTHER_ADDRESS;
	if (r->kind == REPLY_TIME_EXCEEDED && addr_equal(&r->from, target))
		flags |= RESULT_FROM_TARGET;
	return flags;
}
