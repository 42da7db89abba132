#include "common/prober_messages.h"

#include <stdbool.h>

#include "common/codec.h"

/* ---- plan ------------------------------------------------------------------------ */

static void
code_plan(struct codec *c, struct prober_plan *m)
{
	for (size_t i = 0; i < 2; i++) {
		struct prober_plan_family *f = &m->family[i];

		code_u8(c, &f->send);
		code_u8(c, &f->receive);
		code_u16(c, &f->window);
		code_u16(c, &f->packet_len);
		code_text(c, f->tag, sizeof(f->tag));
	}
	code_u8(c, &m->stamp_ids_chosen);
	code_u8(c, &m->ip_protocol);
	code_i64(c, &m->send_gap);
	code_u32(c, &m->mark);
	code_u8(c, &m->debug);
}

void
prober_plan_pack(const struct prober_plan *m, struct writer *w)
{
	struct prober_plan copy = *m;

	code_plan(&(struct codec){.w = w}, &copy);
}

int
prober_plan_unpack(struct prober_plan *m, struct reader *r)
{
	bool sane;

	*m = (struct prober_plan){0};
	code_plan(&(struct codec){.r = r}, m);
	sane = m->stamp_ids_chosen <= 1 && m->debug <= 1 && m->send_gap >= 0 &&
	       m->send_gap <= PROBER_TIME_MAX;
	for (size_t i = 0; i < 2; i++)
		sane = sane && m->family[i].send < TRANSPORT_COUNT &&
		       m->family[i].receive < TRANSPORT_COUNT;
	return codec_verdict(r, sane);
}

/* ---- start and stop -------------------------------------------------------------- */

static void
code_split(struct codec *c, struct prober_split *m)
{
	code_count(c, &m->count, PROBER_FRAGMENTS_MAX);
	if (m->count == 0)
		return;
	code_u8(c, &m->repeat);
	for (size_t i = 0; i < m->count; i++) {
		code_u16(c, &m->named[i].offset);
		code_u16(c, &m->named[i].len);
	}
	for (size_t i = 0; i <= m->count; i++)
		code_u8(c, &m->order[i]);
}

static void
code_start(struct codec *c, struct prober_start *m)
{
	code_u32(c, &m->instance);
	code_text(c, m->algorithm, sizeof(m->algorithm));
	code_addr(c, &m->target);
	code_addr(c, &m->source);
	code_text(c, m->device, sizeof(m->device));
	code_u32(c, &m->device_index);
	code_u16(c, &m->src_port);
	code_u16(c, &m->dst_port);
	code_u16(c, &m->first_tag);
	code_u8(c, &m->flow_chosen);
	code_u32(c, &m->flow_id);
	code_u8(c, &m->flow_field);
	code_u32(c, &m->flow_label);
	code_u8(c, &m->tos);
	code_u8(c, &m->dont_fragment);
	code_u8(c, &m->dont_route);
	code_u8(c, &m->path_mtu);
	code_u16(c, &m->packet_len);
	code_count(c, &m->route.count, PROBER_GATEWAYS_MAX);
	code_u8(c, &m->route.type);
	for (size_t i = 0; i < m->route.count; i++)
		code_addr(c, &m->route.gateways[i]);
	code_split(c, &m->split);
	code_u8(c, &m->tcp.chosen);
	code_u8(c, &m->tcp.flags);
	code_u8(c, &m->tcp.options);
	code_u16(c, &m->tcp.mss);
	code_u8(c, &m->ip_protocol);
	code_u32(c, &m->service);
	code_u16(c, &m->coverage);
	code_u8(c, &m->first_ttl);
	code_u8(c, &m->max_ttl);
	code_u8(c, &m->queries);
	code_u16(c, &m->window);
	code_u8(c, &m->gap_limit);
	code_u8(c, &m->loop_limit);
	code_u32(c, &m->wait_here);
	code_u32(c, &m->wait_near);
	code_i64(c, &m->wait_max);
	code_i64(c, &m->send_gap);
	code_i64(c, &m->timeout);
	code_u32(c, &m->alpha);
	code_u16(c, &m->branching);
	code_u16(c, &m->children);
	code_u32(c, &m->max_probes);
	code_u32(c, &m->max_flows);
	code_u8(c, &m->phi);
	code_i64(c, &m->interval);
	code_u16(c, &m->preload);
	code_count(c, &m->fill_len, PROBER_FILL_MAX);
	for (size_t i = 0; i < m->fill_len; i++)
		code_u8(c, &m->fill[i]);
}

static bool
start_is_sane(const struct prober_start *m)
{
	return m->instance != PROBER_ALL_INSTANCES && m->algorithm[0] != '\0' &&
	       !addr_is_none(&m->target) &&
	       (addr_is_none(&m->source) || m->source.family == m->target.family) &&
	       m->flow_chosen <= 1 && m->flow_field < FLOW_BY_END &&
	       m->flow_label < 1U << 20 && m->dont_fragment <= 1 &&
	       m->dont_route <= 1 && m->path_mtu <= m->dont_fragment &&
	       m->first_ttl >= 1 && m->first_ttl <= m->max_ttl && m->queries >= 1 &&
	       m->wait_max >= 0 && m->send_gap >= 0 && m->timeout >= 0 &&
	       m->alpha <= PROBER_ALPHA_UNIT / 2;
}

/* Fragments that there can be, each of which leaves in its turn. */
static bool
split_is_sane(const struct prober_split *m)
{
	uint32_t turns = 0;

	if (m->count == 0)
		return true;
	for (size_t i = 0; i < m->count; i++)
		if (m->named[i].offset % 8 != 0 || m->named[i].len == 0 ||
		    m->named[i].offset + m->named[i].len > UINT16_MAX)
			return false;
	for (size_t i = 0; i <= m->count; i++)
		turns |= m->order[i] <= m->count ? UINT32_C(1) << m->order[i] : 0;
	return m->repeat >= 1 && m->repeat <= PROBER_REPEAT_MAX &&
	       turns == (UINT32_C(2) << m->count) - 1;
}

/* What was chosen of the headers. */
static bool
header_is_sane(const struct prober_start *m)
{
	const struct prober_tcp *tcp = &m->tcp;

	for (size_t i = 0; i < m->route.count; i++)
		if (m->route.gateways[i].family != m->target.family)
			return false;
	return split_is_sane(&m->split) && (m->split.count == 0 || !m->path_mtu) &&
	       (m->coverage == 0 || m->coverage >= 8) && tcp->chosen <= 1 &&
	       tcp->options < TCP_OPTIONS_END &&
	       (tcp->chosen == 1 || (tcp->flags | tcp->options) == 0);
}

static bool
ping_is_sane(const struct prober_start *m)
{
	return m->interval >= 0 && m->interval <= PROBER_TIME_MAX;
}

void
prober_start_pack(const struct prober_start *m, struct writer *w)
{
	struct prober_start copy = *m;

	code_start(&(struct codec){.w = w}, &copy);
}

int
prober_start_unpack(struct prober_start *m, struct reader *r)
{
	*m = (struct prober_start){0};
	code_start(&(struct codec){.r = r}, m);
	return codec_verdict(
	    r, start_is_sane(m) && header_is_sane(m) && ping_is_sane(m));
}

void
prober_stop_pack(const struct prober_stop *m, struct writer *w)
{
	writer_u32(w, m->instance);
}

int
prober_stop_unpack(struct prober_stop *m, struct reader *r)
{
	m->instance = reader_u32(r);
	return codec_verdict(r, true);
}

/* ---- started --------------------------------------------------------------------- */

static void
code_started(struct codec *c, struct prober_started *m)
{
	code_u32(c, &m->instance);
	code_addr(c, &m->source);
	code_u8(c, &m->flow_field);
	code_u16(c, &m->src_port);
	code_u16(c, &m->dst_port);
	code_u16(c, &m->icmp_id);
	code_u16(c, &m->icmp_checksum);
	code_u32(c, &m->flow_label);
	code_u16(c, &m->packet_len);
	code_u32(c, &m->mtu);
}

void
prober_started_pack(const struct prober_started *m, struct writer *w)
{
	struct prober_started copy = *m;

	code_started(&(struct codec){.w = w}, &copy);
}

int
prober_started_unpack(struct prober_started *m, struct reader *r)
{
	*m = (struct prober_started){0};
	code_started(&(struct codec){.r = r}, m);
	return codec_verdict(r, m->instance != PROBER_ALL_INSTANCES &&
				    m->flow_field < FLOW_BY_END &&
				    m->flow_label < 1U << 20);
}

/* ---- result ---------------------------------------------------------------------- */

static void
code_mpls(struct codec *c, struct prober_mpls *m)
{
	code_u32(c, &m->label);
	code_u8(c, &m->traffic_class);
	code_u8(c, &m->bottom);
	code_u8(c, &m->ttl);
}

static void
code_interface(struct codec *c, struct prober_interface *m)
{
	code_u8(c, &m->role);
	code_u8(c, &m->has);
	code_u32(c, &m->index);
	code_addr(c, &m->addr);
	code_u32(c, &m->mtu);
	code_text(c, m->name, sizeof(m->name));
}

/* Only the bytes that there are travel: at most PROBER_OBJECT_DATA. */
static void
code_object(struct codec *c, struct prober_object *m)
{
	size_t told;

	code_u8(c, &m->class_num);
	code_u8(c, &m->c_type);
	code_u8(c, &m->labels);
	code_u16(c, &m->len);
	told = m->len < PROBER_OBJECT_DATA ? m->len : PROBER_OBJECT_DATA;
	if (m->labels != 0)
		told = 0;
	if (c->w != NULL)
		writer_copy(c->w, m->data, told);
	else
		reader_copy(c->r, m->data, told);
	code_u8(c, &m->is_interface);
}

static void
code_result(struct codec *c, struct prober_result *m)
{
	code_u32(c, &m->instance);
	code_u32(c, &m->probe);
	code_u32(c, &m->flow);
	code_u8(c, &m->ttl);
	code_u8(c, &m->query);
	code_u8(c, &m->outcome);
	code_u8(c, &m->reply);
	code_u16(c, &m->flags);
	code_u8(c, &m->rtt_source);
	code_u8(c, &m->icmp_type);
	code_u8(c, &m->icmp_code);
	code_i16(c, &m->reply_ttl);
	code_i16(c, &m->reply_tos);
	code_u16(c, &m->reply_len);
	code_u8(c, &m->end_ttl);
	code_u16(c, &m->candidates);
	code_u16(c, &m->seen);
	code_u8(c, &m->tcp_flags);
	code_u8(c, &m->tcp_options);
	code_u16(c, &m->tcp_mss);
	code_u16(c, &m->quoted_mss);
	code_u16(c, &m->sent_mss);
	code_u16(c, &m->reply_id);
	code_u8(c, &m->quoted_ttl);
	code_u8(c, &m->quoted_tos);
	code_u16(c, &m->quoted_id);
	code_u16(c, &m->quoted_fragment.offset);
	code_u16(c, &m->quoted_fragment.len);
	code_u8(c, &m->quoted_more);
	code_u8(c, &m->quoted_as);
	code_u16(c, &m->nat_id);
	code_u32(c, &m->mtu);
	code_u32(c, &m->path_mtu);
	code_i32(c, &m->error);
	code_i64(c, &m->sent);
	code_i64(c, &m->rtt);
	code_addr(c, &m->from);
	code_u16(c, &m->from_port);
	code_addr(c, &m->quoted_dst);
	code_u16(c, &m->quoted_port);
	code_count(c, &m->mpls_count, PROBER_MPLS_MAX);
	for (size_t i = 0; i < m->mpls_count; i++)
		code_mpls(c, &m->mpls[i]);
	code_count(c, &m->objects_count, PROBER_OBJECTS_MAX);
	for (size_t i = 0; i < m->objects_count; i++)
		code_object(c, &m->objects[i]);
	code_count(c, &m->interfaces_count, PROBER_INTERFACES_MAX);
	for (size_t i = 0; i < m->interfaces_count; i++)
		code_interface(c, &m->interfaces[i]);
}

static bool
object_is_sane(const struct prober_object *o)
{
	return (o->labels == 0 || (o->class_num == 1 && o->c_type == 1)) &&
	       (o->is_interface == 0 || (o->is_interface == 1 && o->class_num == 2));
}

static bool
interface_is_sane(const struct prober_interface *i)
{
	return i->role < INTERFACE_ROLES && i->has < INTERFACE_END &&
	       addr_is_none(&i->addr) == ((i->has & INTERFACE_ADDR) == 0);
}

/* Every label and every interface is one of an object's, and within its bits. */
static bool
extensions_are_sane(const struct prober_result *m)
{
	size_t labels = 0, interfaces = 0;

	for (size_t i = 0; i < m->objects_count; i++) {
		labels += m->objects[i].labels;
		interfaces += m->objects[i].is_interface;
		if (!object_is_sane(&m->objects[i]))
			return false;
	}
	for (size_t i = 0; i < m->interfaces_count; i++)
		if (!interface_is_sane(&m->interfaces[i]))
			return false;
	for (size_t i = 0; i < m->mpls_count; i++)
		if (m->mpls[i].label >= 1U << 20 || m->mpls[i].traffic_class > 7 ||
		    m->mpls[i].bottom > 1)
			return false;
	return labels == m->mpls_count && interfaces == m->interfaces_count;
}

static bool
result_is_sane(const struct prober_result *m)
{
	return extensions_are_sane(m) && m->instance != PROBER_ALL_INSTANCES &&
	       m->outcome >= RESULT_REPLY && m->outcome <= RESULT_SENT &&
	       (m->ttl >= 1 || m->outcome == RESULT_AMBIGUOUS) &&
	       m->reply <= REPLY_REASSEMBLY && m->flags < RESULT_FLAGS_END &&
	       addr_is_none(&m->quoted_dst) == ((m->flags & RESULT_TRANSLATED) == 0) &&
	       m->rtt_source <= RTT_PROBER && m->reply_ttl >= -1 &&
	       m->reply_ttl <= 255 && m->reply_tos >= -1 && m->reply_tos <= 255 &&
	       m->seen < SEEN_END && m->quoted_more <= 1 &&
	       ((m->seen & SEEN_FRAGMENT) != 0 ? m->quoted_as >= QUOTED_AS_SENT
					       : m->quoted_as == 0) &&
	       m->quoted_as <= QUOTED_WHOLE && m->tcp_options < TCP_OPTIONS_END &&
	       m->rtt >= -1;
}

void
prober_result_pack(const struct prober_result *m, struct writer *w)
{
	struct prober_result copy = *m;

	code_result(&(struct codec){.w = w}, &copy);
}

int
prober_result_unpack(struct prober_result *m, struct reader *r)
{
	*m = (struct prober_result){0};
	code_result(&(struct codec){.r = r}, m);
	return codec_verdict(r, result_is_sane(m));
}

/* ---- done ------------------------------------------------------------------------ */

static void
code_done(struct codec *c, struct prober_done *m)
{
	code_u32(c, &m->instance);
	code_u8(c, &m->reason);
	code_u8(c, &m->end_ttl);
	code_i32(c, &m->error);
	code_u32(c, &m->sent);
	code_u32(c, &m->replies);
	code_u32(c, &m->timeouts);
	code_u32(c, &m->duplicates);
	code_u32(c, &m->late);
	code_u32(c, &m->ambiguous);
	code_u32(c, &m->reasked);
	code_u32(c, &m->lost_here);
	code_u32(c, &m->strays);
	code_u32(c, &m->window);
	code_u8(c, &m->coverage);
	code_text(c, m->detail, sizeof(m->detail));
}

void
prober_done_pack(const struct prober_done *m, struct writer *w)
{
	struct prober_done copy = *m;

	code_done(&(struct codec){.w = w}, &copy);
}

int
prober_done_unpack(struct prober_done *m, struct reader *r)
{
	*m = (struct prober_done){0};
	code_done(&(struct codec){.r = r}, m);
	return codec_verdict(r, m->instance != PROBER_ALL_INSTANCES &&
				    m->reason >= REASON_REACHED &&
				    m->reason <= REASON_FAILED && m->error >= 0 &&
				    m->coverage < COVERAGE_COUNT);
}
