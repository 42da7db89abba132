#include "tools/shared/json_reply.h"

#include <stdio.h>

#include "common/clock.h"
#include "prober/tcp_options.h"
#include "tools/shared/reply_text.h"

json_t *
json_fragment(struct json_builder *b, const struct prober_fragment *f)
{
	json_t *object = json_object();

	json_put_number(b, object, "offset", f->offset);
	json_put_number(b, object, "length", f->len);
	return object;
}

static json_t *
labels_json(struct json_builder *b, const struct prober_mpls *mpls, size_t count)
{
	json_t *stack = json_array();

	for (size_t i = 0; i < count; i++) {
		json_t *entry = json_object();

		json_put_number(b, entry, "label", mpls[i].label);
		json_put_number(b, entry, "traffic_class", mpls[i].traffic_class);
		json_put(b, entry, "bottom_of_stack", json_boolean(mpls[i].bottom));
		json_put_number(b, entry, "ttl", mpls[i].ttl);
		json_array_append_new(stack, entry);
	}
	return stack;
}

static json_t *
interface_json(struct json_builder *b, const struct prober_interface *i)
{
	static const char *const roles[INTERFACE_ROLES] = {
	    "incoming", "sub_ip", "outgoing", "next_hop"};
	json_t *entry = json_object();

	json_put(b, entry, "role", json_string(roles[i->role]));
	if ((i->has & INTERFACE_INDEX) != 0)
		json_put_number(b, entry, "index", i->index);
	json_put_addr(b, entry, "address", &i->addr);
	if ((i->has & INTERFACE_NAME) != 0)
		json_put_text(b, entry, "name", i->name);
	if ((i->has & INTERFACE_MTU) != 0)
		json_put_number(b, entry, "mtu", i->mtu);
	return entry;
}

/* The objects in the order in which they came. */
static json_t *
extensions_json(struct json_builder *b, const struct prober_result *m)
{
	json_t *objects = json_array();
	size_t label = 0, interface = 0;

	for (size_t i = 0; i < m->objects_count; i++) {
		const struct prober_object *o = &m->objects[i];
		size_t told = o->len < PROBER_OBJECT_DATA ? o->len : PROBER_OBJECT_DATA;
		char hex[2 * PROBER_OBJECT_DATA + 1] = "";
		json_t *entry = json_object();

		json_put_number(b, entry, "class", o->class_num);
		json_put_number(b, entry, "type", o->c_type);
		json_put_number(b, entry, "length", o->len);
		for (size_t at = 0; at < told; at++)
			snprintf(hex + 2 * at, 3, "%02x", o->data[at]);
		if (o->labels != 0)
			json_put(b, entry, "mpls",
			    labels_json(b, &m->mpls[label], o->labels));
		else
			json_put(b, entry, "data", json_string(hex));
		if (o->is_interface)
			json_put(b, entry, "interface",
			    interface_json(b, &m->interfaces[interface++]));
		label += o->labels;
		json_array_append_new(objects, entry);
	}
	return objects;
}

/* Which part of the probe is quoted. */
static void
put_fragment(struct json_builder *b, json_t *object, const struct prober_result *m)
{
	json_t *quoted = json_fragment(b, &m->quoted_fragment);

	json_put(b, quoted, "more", json_boolean(m->quoted_more));
	json_put(b, quoted, "as", json_string(reply_quoted_word(m->quoted_as)));
	json_put(b, object, "quoted_fragment", quoted);
}

/* What only raw sockets show. */
static void
put_whole(struct json_builder *b, json_t *object, const struct prober_result *m)
{
	if ((m->seen & SEEN_REPLY_ID) != 0)
		json_put_number(b, object, "reply_ip_id", m->reply_id);
	if ((m->seen & SEEN_QUOTED) != 0) {
		json_put_number(b, object, "quoted_ttl", m->quoted_ttl);
		json_put_number(b, object, "quoted_tos", m->quoted_tos);
	}
	if ((m->seen & SEEN_QUOTED_ID) != 0)
		json_put_number(b, object, "quoted_ip_id", m->quoted_id);
	if ((m->seen & SEEN_NAT_ID) != 0)
		json_put_number(b, object, "nat_id", m->nat_id);
	if ((m->seen & SEEN_FRAGMENT) != 0)
		put_fragment(b, object, m);
}

/* What a SYN-ACK or RST says, and what became of the MSS of a SYN on its way. */
static void
put_tcp(struct json_builder *b, json_t *object, const struct prober_result *m)
{
	char text[TCP_OPTIONS_TEXT_MAX];

	if ((m->seen & SEEN_TCP) != 0) {
		json_put(b, object, "tcp_flags",
		    json_string(tcp_options_text(m->tcp_flags, 0, 0, text)));
		json_put(b, object, "tcp_options",
		    json_string(tcp_options_text(
			0, (uint8_t)(m->tcp_options & ~TCP_OPTION_MSS), 0, text)));
	}
	if ((m->seen & SEEN_TCP_MSS) != 0)
		json_put_number(b, object, "tcp_mss", m->tcp_mss);
	if ((m->seen & SEEN_QUOTED_MSS) != 0) {
		json_put_number(b, object, "sent_mss", m->sent_mss);
		json_put_number(b, object, "quoted_mss", m->quoted_mss);
	}
}

void
json_put_reply(struct json_builder *b, json_t *object, const struct prober_result *m)
{
	static const char *const sources[] = {
	    [RTT_KERNEL] = "kernel", [RTT_USER] = "user", [RTT_PROBER] = "prober"};
	bool icmp = m->reply != REPLY_NONE && m->reply != REPLY_DATA &&
		    m->reply != REPLY_SYN_ACK && m->reply != REPLY_RESET &&
		    m->reply != REPLY_PACKET;

	json_put_addr(b, object, "from", &m->from);
	if (m->from_port != 0)
		json_put_number(b, object, "from_port", m->from_port);
	if (m->rtt >= 0)
		json_put_scaled(b, object, "rtt_ms", m->rtt, NS_PER_MS);
	if (m->rtt >= 0 && m->rtt_source != RTT_NONE)
		json_put(b, object, "rtt_source", json_string(sources[m->rtt_source]));
	if (reply_word(m->reply) != NULL)
		json_put(b, object, "reply", json_string(reply_word(m->reply)));
	if (icmp) {
		json_put_number(b, object, "icmp_type", m->icmp_type);
		json_put_number(b, object, "icmp_code", m->icmp_code);
	}
	if (m->reply_ttl >= 0)
		json_put_number(b, object, "reply_ttl", m->reply_ttl);
	if (m->reply_tos >= 0)
		json_put_number(b, object, "reply_tos", m->reply_tos);
	put_whole(b, object, m);
	put_tcp(b, object, m);
	if (m->mtu != 0)
		json_put_number(b, object, "mtu", m->mtu);
	if (!addr_is_none(&m->quoted_dst))
		json_put_addr(b, object, "quoted_target", &m->quoted_dst);
	if (m->quoted_port != 0)
		json_put_number(b, object, "quoted_port", m->quoted_port);
	if (m->objects_count != 0)
		json_put(b, object, "extensions", extensions_json(b, m));
}
