#include "prober/choice.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "prober/tcp_options.h"

/* Bytes that every link with IPv6 takes: RFC 8200 section 5. */
#define LINK_LEAST 1280

void
choice_add(char *text, const char *format, ...)
{
	size_t used = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + used, PLAN_TEXT_MAX - used, format, args);
	va_end(args);
}

bool
choice_field_is_payload(const struct pattern *p, struct field_ref ref)
{
	return pattern_field(p, ref)->bit_offset >=
	       p->layers[ref.layer]->header_min * 8;
}

static void
add_fields(const struct choice *c, char *text, uint64_t mask)
{
	const char *comma = "";

	for (uint8_t layer = 0; layer < c->pattern->depth; layer++) {
		const struct protocol *p = c->pattern->layers[layer];

		for (uint8_t i = 0; i < p->fields_count; i++) {
			struct field_ref ref = {layer, i};

			if ((mask & pattern_field_mask(c->pattern, ref)) == 0)
				continue;
			choice_add(text, "%s%s", comma, p->fields[i].name);
			comma = ", ";
		}
	}
}

/* Which fields a probe sets: what the user asked, the flow, TTL and tag. */
static uint64_t
set_fields(const struct choice *c)
{
	static const char *const always[] = {"ipv4.ttl", "ipv6.hop_limit", NULL};
	uint64_t mask = c->request->set[c->family] |
			pattern_metafield_mask(c->pattern, &c->pattern->flow_id) |
			pattern_names_mask(c->pattern, always);

	return c->tagged ? mask | pattern_field_mask(c->pattern, c->tag) : mask;
}

/* How the tag is seen again, which decides how many probes may be in flight. */
static void
explain_window(const struct choice *c, char *text)
{
	bool payload = c->tagged && choice_field_is_payload(c->pattern, c->tag);

	if (c->transport->one_at_a_time != NULL && !c->tagged)
		choice_add(text, "window: 1 probe in flight per flow: %s\n",
		    c->transport->one_at_a_time);
	else if (!c->tagged)
		choice_add(text,
		    "window: 1 probe in flight per flow: packets of this length "
		    "have no "
		    "room for a tag\n");
	else if (payload && c->family == 0)
		choice_add(text,
		    "window: no limit per flow with the first reply that quotes the "
		    "payload; while quotes have only 28 bytes (RFC 792), 1 until it "
		    "is known who answers at a hop, then 1 a hop\n");
	else if (c->transport->socket_per_probe)
		choice_add(text,
		    "window: no limit per flow: each probe is a flow of its own\n");
	else if (c->tagged && c->tag.layer == 0)
		choice_add(text,
		    "window: no limit per flow: every ICMP error shows the tag, "
		    "echo replies and TCP's answers a copy of it in the sequence "
		    "number\n");
	else if (strcmp(c->plan->choice.family[c->family].tag, "tcp.checksum") == 0)
		choice_add(text,
		    "window: no limit per flow: every reply shows the tag or the "
		    "sequence number that makes it\n");
	else
		choice_add(
		    text, "window: no limit per flow: every reply shows the tag\n");
}

/* Each probe is a flow of its own, by its tag or by the checksum that this changes. */
static bool
flow_varies(const struct choice *c)
{
	const struct pattern *p = c->pattern;
	struct field_ref checksum;
	uint64_t changed;

	if (c->request->flow_constant || !c->tagged)
		return false;
	changed = pattern_field_mask(p, c->tag);
	if (p->layers[1]->checksum_field != NULL &&
	    pattern_find_field(p, p->layers[1]->checksum_field, &checksum) == 0)
		changed |= pattern_field_mask(p, checksum);
	return (changed & pattern_metafield_mask(p, &p->flow_id)) != 0;
}

/* What probes set, what is constant in them and what tells them apart. */
static void
explain_probes(const struct choice *c, char *text)
{
	const struct prober_plan_family *f = &c->plan->choice.family[c->family];

	choice_add(text, "pattern: %s\n", c->pattern->name);
	choice_add(text, "set: ");
	add_fields(c, text, set_fields(c));
	choice_add(text, "\nflow: ");
	add_fields(c, text, pattern_metafield_mask(c->pattern, &c->pattern->flow_id));
	choice_add(text, flow_varies(c) ? " (but for the tag, varies)\n"
					: " (constant in every probe)\n");
	if (c->tagged)
		choice_add(text, "tag: %s\n", f->tag);
	else if (c->transport->socket_per_probe)
		choice_add(text, "tag: none, each probe has a socket of its own\n");
	else
		choice_add(text, "tag: none, replies match by flow alone\n");
}

static void
explain_sockets(const struct choice *c, char *text)
{
	const struct transport *t = c->transport;

	if (t->by_helper)
		choice_add(text, "send: paris-privsep\nreceive: paris-privsep: %s\n",
		    t->receives);
	else if (t->by_raw)
		choice_add(text,
		    "send: raw socket, the IP header included, which root alone has\n"
		    "receive: raw sockets: %s\n",
		    t->receives);
	else
		choice_add(text,
		    "send: %s socket, no privilege needed\n"
		    "receive: the same socket's error queue%s\n",
		    t->name, t->receives);
}

/* What whole packets show. */
static void
explain_packets(const struct choice *c, char *text)
{
	choice_add(text,
	    "seen: IP identification of replies; TTL, TOS and IP identification of the "
	    "probe as it was quoted, and whether its checksum was changed (address "
	    "translation)\n"
	    "times: the kernel's, for sending and receiving\n"
	    "helper: %s\n",
	    c->transport->by_helper ? c->facts->helper_path : "not needed");
}

/* What datagram sockets do not show, and whose their times are. */
static void
explain_datagrams(const struct choice *c, char *text)
{
	if (!c->facts->extensions[c->family])
		choice_add(text,
		    "not possible: MPLS labels and other extensions that routers "
		    "declare (RFC 4884): Linux 5.9 or later shows them\n");
	choice_add(text,
	    "not possible without a raw socket: IP identification and quoted IP header "
	    "of replies, hence no trace of address translation\n");
	if (c->transport->socket_per_probe)
		choice_add(text,
		    "not possible without a raw socket: TTL and TOS of what accepts or "
		    "refuses a connection\n"
		    "times: ours for sending, the kernel's for ICMP errors and "
		    "accepted connections\n");
	else
		choice_add(text, "times: the kernel's, for sending %s\n",
		    c->facts->stamp_ids_chosen ? "and receiving"
					       : "(until a send fails) and receiving");
	choice_add(text, "helper: not needed\n");
}

/* Flags and options that were chosen. */
static void
explain_segment(const struct choice *c, char *text)
{
	const struct prober_tcp *tcp = &c->request->tcp;
	char words[TCP_OPTIONS_TEXT_MAX];

	tcp_options_text(tcp_options_flags(tcp), tcp_options_kinds(tcp),
	    tcp_options_mss(tcp, c->family == 0 ? AF_INET : AF_INET6), words);
	choice_add(text, "segment: %s%s\n", words[0] != '\0' ? words : "no flags",
	    choice_sees_packets(c->transport)
		? ""
		: ", options as the kernel's settings (net.ipv4.tcp_*) have them");
}

/* Who splits packets, and how they are told then. */
static void
explain_fragments(const struct choice *c, char *text)
{
	bool forbidden = c->request->dont_fragment;
	uint16_t len = c->request->packet_len;

	if (c->request->split)
		choice_add(text,
		    "fragments: written by us, all of a probe with one identification, "
		    "by which quotes of any of them are told%s\n",
		    c->family == 0 ? "" : "; it counts up from a random one");
	else if (len > LINK_LEAST && !forbidden && !choice_sees_packets(c->transport))
		choice_add(text,
		    "fragments: the kernel's, where the way out takes less than %u "
		    "bytes: each as long as fits, the first one first; errors about "
		    "that one alone come back to us\n",
		    len);
}

void
choice_explain(const struct choice *c)
{
	const struct prober_plan_family *f = &c->plan->choice.family[c->family];
	char *text = c->plan->text[c->family];

	explain_probes(c, text);
	explain_sockets(c, text);
	explain_window(c, text);
	if (f->packet_len != 0)
		choice_add(text, "length: %u bytes, %s\n", f->packet_len,
		    !choice_sees_packets(c->transport) ? "which the kernel chooses"
		    : c->request->tcp.chosen ? "the TCP header with the options below"
					     : "a SYN with options as Linux has them");
	if (c->request->header != NULL)
		choice_add(text, "header: with %s\n", c->request->header);
	explain_fragments(c, text);
	if (c->request->tcp.chosen || c->request->tcp.mss != 0)
		explain_segment(c, text);
	if (c->transport->wait_max != 0)
		choice_add(text,
		    "wait: at most %lld ms for a reply: then the kernel would send the "
		    "packet again\n",
		    (long long)(c->transport->wait_max / NS_PER_MS));
	if (choice_sees_packets(c->transport))
		explain_packets(c, text);
	else
		explain_datagrams(c, text);
}
