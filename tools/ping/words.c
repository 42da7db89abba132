#include "tools/ping/words.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>

/* The words for a code, or NULL. */
static const char *
word_of(const char *const *words, size_t count, uint8_t code)
{
	return code < count ? words[code] : NULL;
}

/* Destination unreachable, RFC 792, 1122 and 1812. */
static const char *
unreachable4(uint8_t code)
{
	static const char *const words[] = {
	    [ICMP_NET_UNREACH] = "Destination Net Unreachable",
	    [ICMP_HOST_UNREACH] = "Destination Host Unreachable",
	    [ICMP_PROT_UNREACH] = "Destination Protocol Unreachable",
	    [ICMP_PORT_UNREACH] = "Destination Port Unreachable",
	    [ICMP_SR_FAILED] = "Source Route Failed",
	    [ICMP_NET_UNKNOWN] = "Destination Net Unknown",
	    [ICMP_HOST_UNKNOWN] = "Destination Host Unknown",
	    [ICMP_HOST_ISOLATED] = "Source Host Isolated",
	    [ICMP_NET_ANO] = "Destination Net Prohibited",
	    [ICMP_HOST_ANO] = "Destination Host Prohibited",
	    [ICMP_NET_UNR_TOS] = "Destination Net Unreachable for Type of Service",
	    [ICMP_HOST_UNR_TOS] = "Destination Host Unreachable for Type of Service",
	    [ICMP_PKT_FILTERED] = "Packet filtered",
	    [ICMP_PREC_VIOLATION] = "Precedence Violation",
	    [ICMP_PREC_CUTOFF] = "Precedence Cutoff",
	};

	return word_of(words, sizeof(words) / sizeof(words[0]), code);
}

/* Parameter problem, RFC 4443 section 3.4; the prober does not tell where it is. */
static const char *
problem6(uint8_t code)
{
	static const char *const words[] = {
	    [ICMP6_PARAMPROB_HEADER] = "Wrong header field",
	    [ICMP6_PARAMPROB_NEXTHEADER] = "Unknown header",
	    [ICMP6_PARAMPROB_OPTION] = "Unknown option",
	};

	return word_of(words, sizeof(words) / sizeof(words[0]), code);
}

/* Destination unreachable, RFC 4443 section 3.1. */
static const char *
unreachable6(uint8_t code)
{
	static const char *const words[] = {
	    [ICMP6_DST_UNREACH_NOROUTE] = "No route",
	    [ICMP6_DST_UNREACH_ADMIN] = "Administratively prohibited",
	    [ICMP6_DST_UNREACH_BEYONDSCOPE] = "Beyond scope of source address",
	    [ICMP6_DST_UNREACH_ADDR] = "Address unreachable",
	    [ICMP6_DST_UNREACH_NOPORT] = "Port unreachable",
	};

	return word_of(words, sizeof(words) / sizeof(words[0]), code);
}

static void
error4(const struct prober_result *m, char *buf)
{
	const char *word = unreachable4(m->icmp_code);

	if (m->icmp_type == ICMP_TIME_EXCEEDED && m->icmp_code == ICMP_EXC_TTL)
		snprintf(buf, PING_WORDS_MAX, "Time to live exceeded");
	else if (m->icmp_type == ICMP_TIME_EXCEEDED &&
		 m->icmp_code == ICMP_EXC_FRAGTIME)
		snprintf(buf, PING_WORDS_MAX, "Frag reassembly time exceeded");
	else if (m->icmp_type == ICMP_TIME_EXCEEDED)
		snprintf(
		    buf, PING_WORDS_MAX, "Time exceeded, Bad Code: %u", m->icmp_code);
	else if (m->icmp_type == ICMP_SOURCE_QUENCH)
		snprintf(buf, PING_WORDS_MAX, "Source Quench");
	else if (m->icmp_type == ICMP_PARAMETERPROB)
		snprintf(buf, PING_WORDS_MAX, "Parameter problem");
	else if (m->icmp_type != ICMP_DEST_UNREACH)
		snprintf(buf, PING_WORDS_MAX, "Bad ICMP type: %u", m->icmp_type);
	else if (m->icmp_code == ICMP_FRAG_NEEDED)
		snprintf(
		    buf, PING_WORDS_MAX, "Frag needed and DF set (mtu = %u)", m->mtu);
	else if (word != NULL)
		snprintf(buf, PING_WORDS_MAX, "%s", word);
	else
		snprintf(buf, PING_WORDS_MAX, "Dest Unreachable, Bad Code: %u",
		    m->icmp_code);
}

static void
error6(const struct prober_result *m, char *buf)
{
	const char *word = unreachable6(m->icmp_code);

	if (m->icmp_type == ICMP6_PACKET_TOO_BIG)
		snprintf(buf, PING_WORDS_MAX, "Packet too big: mtu=%u", m->mtu);
	else if (m->icmp_type == ICMP6_TIME_EXCEEDED &&
		 m->icmp_code == ICMP6_TIME_EXCEED_TRANSIT)
		snprintf(buf, PING_WORDS_MAX, "Time exceeded: Hop limit");
	else if (m->icmp_type == ICMP6_TIME_EXCEEDED &&
		 m->icmp_code == ICMP6_TIME_EXCEED_REASSEMBLY)
		snprintf(buf, PING_WORDS_MAX, "Time exceeded: Defragmentation failure");
	else if (m->icmp_type == ICMP6_TIME_EXCEEDED)
		snprintf(buf, PING_WORDS_MAX, "Time exceeded: code %u", m->icmp_code);
	else if (m->icmp_type == ICMP6_PARAM_PROB && problem6(m->icmp_code) != NULL)
		snprintf(buf, PING_WORDS_MAX, "Parameter problem: %s",
		    problem6(m->icmp_code));
	else if (m->icmp_type == ICMP6_PARAM_PROB)
		snprintf(
		    buf, PING_WORDS_MAX, "Parameter problem: code %u", m->icmp_code);
	else if (m->icmp_type != ICMP6_DST_UNREACH)
		snprintf(buf, PING_WORDS_MAX, "unknown icmp type: %u", m->icmp_type);
	else if (word != NULL)
		snprintf(buf, PING_WORDS_MAX, "Destination unreachable: %s", word);
	else
		snprintf(buf, PING_WORDS_MAX,
		    "Destination unreachable: Unknown code %u", m->icmp_code);
}

const char *
ping_error_words(const struct prober_result *m, char *buf)
{
	if (m->from.family == AF_INET6)
		error6(m, buf);
	else
		error4(m, buf);
	return buf;
}

const char *
ping_answer_words(const struct prober_result *m, char *buf)
{
	switch ((enum prober_reply)m->reply) {
	case REPLY_ECHO:
		if (m->reply_len == 0) /* so long that not all was seen */
			return "Echo reply";
		snprintf(buf, PING_WORDS_MAX, "%u bytes", m->reply_len);
		return buf;
	case REPLY_UNREACHABLE:
		return "Port unreachable";
	case REPLY_DATA:
		return "UDP datagram";
	case REPLY_SYN_ACK:
		return "SYN-ACK";
	case REPLY_RESET:
		return "RST";
	case REPLY_NONE:
	case REPLY_TIME_EXCEEDED:
	case REPLY_OTHER:
	case REPLY_REASSEMBLY:
	case REPLY_PACKET: /* of protocols that it does not ping with */
		break;
	}
	return "Answer";
}
