#include "tools/shared/json_trace.h"

#include <string.h>

#include "common/clock.h"
#include "prober/plan.h"
#include "prober/tcp_options.h"

const char *
json_reason(uint8_t reason)
{
	static const char *const names[] = {[REASON_REACHED] = "reached",
	    [REASON_UNREACHABLE] = "unreachable",
	    [REASON_GAP_LIMIT] = "gap_limit",
	    [REASON_HOP_LIMIT] = "hop_limit",
	    [REASON_LOOP] = "loop",
	    [REASON_INTERRUPTED] = "interrupted",
	    [REASON_TIMED_OUT] = "timed_out",
	    [REASON_SEARCH_LIMIT] = "search_limit",
	    [REASON_HELPER_LOST] = "helper_lost",
	    [REASON_FAILED] = "failed"};

	return reason >= REASON_REACHED && reason <= REASON_FAILED ? names[reason]
								   : "failed";
}

static json_t *
numbers_json(const struct names_origin *origin)
{
	json_t *numbers;

	if (origin == NULL || origin->status == NAMES_TIMEOUT ||
	    origin->status == NAMES_FAILED)
		return json_null();
	numbers = json_array();
	for (size_t i = 0; i < origin->count; i++)
		json_array_append_new(numbers, json_integer(origin->numbers[i]));
	return numbers;
}

/* Whose an address is, as far as that was asked for. */
static void
put_origin(struct json_builder *b, json_t *object, const struct naming *naming,
    const struct addr *a)
{
	const struct names_origin *origin;

	(void)naming_origin(naming, a, &origin);
	if (naming->shows_as)
		json_put(b, object, "asn", numbers_json(origin));
	if (naming->shows_as && origin != NULL && origin->as_name[0] != '\0')
		json_put_text(b, object, "as_name", origin->as_name);
	if (naming->shows_country && origin != NULL && origin->country[0] != '\0')
		json_put(b, object, "country", json_string(origin->country));
	else if (naming->shows_country)
		json_put(b, object, "country", json_null());
}

void
json_put_name(struct json_builder *b, json_t *object, const struct naming *naming,
    const struct addr *a)
{
	const char *name;

	if (naming_name(naming, a, &name) == NAME_KNOWN)
		json_put_text(b, object, "name", name);
	if (naming != NULL && naming->find_origin != NULL && !addr_is_none(a))
		put_origin(b, object, naming, a);
}

void
json_put_packets(struct json_builder *b, json_t *object, const char *protocol,
    const struct prober_started *how)
{
	if (strcmp(protocol, "icmp") == 0) {
		json_put_number(b, object, "icmp_id", how->icmp_id);
		json_put_number(b, object, "icmp_checksum", how->icmp_checksum);
	} else if (how->dst_port != 0) {
		if (how->src_port != 0)
			json_put_number(b, object, "src_port", how->src_port);
		json_put_number(b, object, "dst_port", how->dst_port);
	}
	if (how->flow_label != 0)
		json_put_number(b, object, "flow_label", how->flow_label);
	json_put_number(b, object, "packet_len", how->packet_len);
}

static json_t *
gateways_json(const struct prober_route *route)
{
	json_t *array = json_array();
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < route->count; i++)
		json_array_append_new(
		    array, json_string(addr_to_text(&route->gateways[i], text)));
	return array;
}

/* What was chosen of the headers. */
static void
put_header(struct json_builder *b, json_t *object, const struct prober_start *asked)
{
	const struct prober_tcp *tcp = &asked->tcp;
	char text[TCP_OPTIONS_TEXT_MAX];

	if (tcp->chosen) {
		json_put(b, object, "tcp_flags",
		    json_string(tcp_options_text(tcp->flags, 0, 0, text)));
		json_put(b, object, "tcp_options",
		    json_string(tcp_options_text(0, tcp->options,
			tcp_options_mss(tcp, asked->target.family), text)));
	} else if (tcp->mss != 0) {
		json_put_number(b, object, "tcp_mss", tcp->mss);
	}
	if (asked->ip_protocol != 0)
		json_put_number(b, object, "ip_protocol", asked->ip_protocol);
	if (asked->route.count != 0)
		json_put(b, object, "gateways", gateways_json(&asked->route));
	if (asked->coverage != 0)
		json_put_number(b, object, "coverage", asked->coverage);
}

void
json_put_options(
    struct json_builder *b, json_t *object, const struct prober_start *asked)
{
	if (asked->window != 0)
		json_put_number(b, object, "sim_queries", asked->window);
	json_put_scaled(b, object, "wait_max_s", asked->wait_max, NS_PER_SECOND);
	json_put_scaled(b, object, "wait_here", asked->wait_here, 1000);
	json_put_scaled(b, object, "wait_near", asked->wait_near, 1000);
	json_put_scaled(b, object, "send_wait_s", asked->send_gap, NS_PER_SECOND);
	if (asked->timeout != 0)
		json_put_scaled(b, object, "timeout_s", asked->timeout, NS_PER_SECOND);
	json_put_number(b, object, "gap_limit", asked->gap_limit);
	json_put_number(b, object, "loop_limit", asked->loop_limit);
	json_put_number(b, object, "tos", asked->tos);
	put_header(b, object, asked);
	json_put(b, object, "dont_fragment", json_boolean(asked->dont_fragment));
	if (asked->path_mtu)
		json_put(b, object, "mtu_discovery", json_true());
	if (asked->dont_route)
		json_put(b, object, "dont_route", json_true());
}

void
json_put_origin(
    struct json_builder *b, json_t *object, const struct prober_start *asked)
{
	json_put_addr(b, object, "source", &asked->source);
	if (asked->device[0] != '\0')
		json_put_text(b, object, "interface", asked->device);
}

json_t *
json_plan(struct json_builder *b, const struct prober_plan_family *plan)
{
	json_t *object = json_object();

	json_put(b, object, "send", json_string(plan_transport_name(plan->send)));
	json_put(b, object, "receive", json_string(plan_transport_name(plan->receive)));
	if (plan->tag[0] != '\0')
		json_put(b, object, "tag", json_string(plan->tag));
	return object;
}

json_t *
json_stop(struct json_builder *b, const struct prober_done *done, const char *failure)
{
	json_t *object = json_object();

	if (done == NULL) {
		json_put(b, object, "reason", json_string("failed"));
		if (failure != NULL)
			json_put_text(b, object, "detail", failure);
		return object;
	}
	json_put(b, object, "reason", json_string(json_reason(done->reason)));
	if (done->end_ttl != 0)
		json_put_number(b, object, "ttl", done->end_ttl);
	if (done->reason == REASON_REACHED)
		return object; /* what did not leave would have gone beyond */
	if (done->error != 0)
		json_put(b, object, "error", json_string(strerror(done->error)));
	if (done->detail[0] != '\0')
		json_put_text(b, object, "detail", done->detail);
	return object;
}

json_t *
json_counters(struct json_builder *b, const struct prober_done *done)
{
	json_t *object = json_object();

	json_put_number(b, object, "sent", done->sent);
	json_put_number(b, object, "replies", done->replies);
	json_put_number(b, object, "timeouts", done->timeouts);
	json_put_number(b, object, "duplicates", done->duplicates);
	json_put_number(b, object, "late", done->late);
	json_put_number(b, object, "ambiguous", done->ambiguous);
	json_put_number(b, object, "asked_again", done->reasked);
	json_put_number(b, object, "lost_here", done->lost_here);
	json_put_number(b, object, "strays", done->strays);
	return object;
}
