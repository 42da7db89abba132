#include "tools/shared/reply_text.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <string.h>

#include "tools/shared/escape.h"

const char *
reply_addr_text(const struct addr *a, char *buf)
{
	struct addr plain = *a;
	char name[IF_NAMESIZE];
	char escaped[4 * IF_NAMESIZE];
	size_t len;

	if (a->scope == 0 || if_indextoname(a->scope, name) == NULL)
		return addr_to_text(a, buf);
	plain.scope = 0;
	addr_to_text(&plain, buf);
	len = strlen(buf);
	snprintf(buf + len, REPLY_ADDR_MAX - len, "%%%s",
	    escape_terminal(name, escaped, sizeof(escaped)));
	return buf;
}

/* Codes of ICMP destination unreachable, RFC 792, 1122 and 1812. */
static const char *
unreachable4(uint8_t code)
{
	switch (code) {
	case ICMP_NET_UNREACH:
	case ICMP_NET_UNKNOWN:
	case ICMP_HOST_ISOLATED:
	case ICMP_NET_UNR_TOS:
		return "!N";
	case ICMP_HOST_UNREACH:
	case ICMP_HOST_UNKNOWN:
	case ICMP_HOST_UNR_TOS:
		return "!H";
	case ICMP_NET_ANO:
	case ICMP_HOST_ANO:
	case ICMP_PKT_FILTERED:
		return "!X";
	case ICMP_PORT_UNREACH:
		return "";
	case ICMP_PROT_UNREACH:
		return "!P";
	case ICMP_SR_FAILED:
		return "!S";
	case ICMP_PREC_VIOLATION:
		return "!V";
	case ICMP_PREC_CUTOFF:
		return "!C";
	default:
		return NULL;
	}
}

/* Codes of ICMPv6 destination unreachable, RFC 4443 section 3.1. */
static const char *
unreachable6(uint8_t code)
{
	switch (code) {
	case ICMP6_DST_UNREACH_NOROUTE:
		return "!N";
	case ICMP6_DST_UNREACH_BEYONDSCOPE:
	case ICMP6_DST_UNREACH_ADDR:
		return "!H";
	case ICMP6_DST_UNREACH_ADMIN:
		return "!X";
	case ICMP6_DST_UNREACH_NOPORT:
		return "";
	default:
		return NULL;
	}
}

const char *
reply_annotation(const struct prober_result *m, char *buf)
{
	bool v6 = m->from.family == AF_INET6;
	uint8_t expired = v6 ? ICMP6_TIME_EXCEEDED : ICMP_TIME_EXCEEDED;
	uint8_t unreachable = v6 ? ICMP6_DST_UNREACH : ICMP_DEST_UNREACH;
	uint8_t type = m->icmp_type;
	const char *known;

	buf[0] = '\0';
	if (m->reply == REPLY_NONE || m->reply == REPLY_ECHO ||
	    m->reply == REPLY_DATA || m->reply == REPLY_SYN_ACK ||
	    m->reply == REPLY_RESET || m->reply == REPLY_PACKET)
		return buf;
	if (type == expired && m->icmp_code == 0) {
		/* The probe was not at its end: some router before let it pass so. */
		if ((m->seen & SEEN_QUOTED) != 0 && m->quoted_ttl != 1)
			snprintf(buf, ANNOTATION_MAX, "!T%u", m->quoted_ttl);
		return buf;
	}
	if ((v6 && type == ICMP6_PACKET_TOO_BIG) ||
	    (!v6 && type == unreachable && m->icmp_code == ICMP_FRAG_NEEDED)) {
		snprintf(buf, ANNOTATION_MAX, "!F-%u", m->mtu);
		return buf;
	}
	if (type != unreachable) {
		snprintf(buf, ANNOTATION_MAX, "!<%u-%u>", type, m->icmp_code);
		return buf;
	}
	known = v6 ? unreachable6(m->icmp_code) : unreachable4(m->icmp_code);
	if (known != NULL)
		snprintf(buf, ANNOTATION_MAX, "%s", known);
	else
		snprintf(buf, ANNOTATION_MAX, "!<%u>", m->icmp_code);
	return buf;
}

const char *
reply_word(uint8_t reply)
{
	static const char *const names[] = {[REPLY_TIME_EXCEEDED] = "time_exceeded",
	    [REPLY_UNREACHABLE] = "unreachable",
	    [REPLY_ECHO] = "echo_reply",
	    [REPLY_DATA] = "udp_data",
	    [REPLY_OTHER] = "other",
	    [REPLY_SYN_ACK] = "syn_ack",
	    [REPLY_RESET] = "reset",
	    [REPLY_PACKET] = "packet",
	    [REPLY_REASSEMBLY] = "reassembly_time_exceeded"};

	return reply < sizeof(names) / sizeof(names[0]) ? names[reply] : NULL;
}

const char *
reply_quoted_word(uint8_t as)
{
	static const char *const names[] = {
	    [QUOTED_AS_SENT] = "sent", [QUOTED_CUT] = "cut", [QUOTED_WHOLE] = "whole"};

	return as < sizeof(names) / sizeof(names[0]) ? names[as] : NULL;
}

const char *
outcome_word(uint8_t outcome)
{
	static const char *const names[] = {[RESULT_REPLY] = "answered",
	    [RESULT_TIMEOUT] = "lost",
	    [RESULT_SEND_FAILED] = "send_failed",
	    [RESULT_DUPLICATE] = "duplicate",
	    [RESULT_LATE] = "late",
	    [RESULT_AMBIGUOUS] = "ambiguous",
	    [RESULT_FRAGMENT] = "fragment",
	    [RESULT_UNAWAITED] = "unawaited"};

	return outcome < sizeof(names) / sizeof(names[0]) ? names[outcome] : NULL;
}
