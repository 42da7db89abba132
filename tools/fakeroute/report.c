#include "tools/fakeroute/report.h"

#include <errno.h>
#include <jansson.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/hash.h"

#define REPORT_VERSION 1
#define PAYLOAD_KEPT 16

/* Compared byte by byte: cleared before it is filled. */
struct flow_key {
	struct addr src, dst;
	uint32_t flow_label;
	uint16_t src_port, dst_port;
	uint16_t icmp_id, icmp_checksum;
	uint8_t protocol, icmp_type, icmp_code;
	uint8_t unused;
};

struct flow {
	struct flow_key key;
	uint64_t count;
	uint64_t ttls[4];  /* a bit for each TTL seen */
	uint64_t flags[4]; /* TCP: a bit for each set of flags seen */
	uint32_t *nodes;   /* the longest walk */
	size_t nodes_count;
	bool varied; /* another packet of the flow went elsewhere */
	UT_hash_handle hh;
};

struct probe {
	struct flow_key key;
	int64_t time;
	size_t order;  /* of coming */
	uint32_t node; /* that has it at the end, or NETWORK_NOWHERE */
	uint16_t len, identification, sequence, checksum;
	uint32_t tcp_sequence, tcp_acknowledgment;
	uint8_t ttl, tos, tcp_flags, payload_len;
	uint8_t payload[PAYLOAD_KEPT];
	enum simulator_result result;
	bool bad_checksum;
};

struct report {
	FILE *file;
	const struct network *network;
	int64_t start;
	struct flow *flows;
	bool *nodes_walked;
	uint64_t *answered;        /* by node */
	uint64_t by_ttl[256][256]; /* by protocol and TTL */
	bool with_probes, out_of_memory;
	struct probe *probes;
	size_t probes_count, probes_room;
};

static const char *const result_names[SIMULATOR_RESULTS] = {
    [SIMULATOR_ANSWERED] = "answered",
    [SIMULATOR_SILENT] = "silent",
    [SIMULATOR_LOST] = "lost",
    [SIMULATOR_LIMITED] = "limited",
    [SIMULATOR_FILTERED] = "filtered",
    [SIMULATOR_IGNORED] = "ignored",
    [SIMULATOR_DROPPED] = "dropped",
    [SIMULATOR_MALFORMED] = "malformed",
    [SIMULATOR_FRAGMENT] = "fragment",
    [SIMULATOR_FULL] = "full",
};

struct report *
report_open(const char *path, const struct network *n, bool with_probes)
{
	struct report *r = calloc(1, sizeof(*r));
	size_t nodes = network_topology(n)->nodes_count;
	int error;

	if (r == NULL)
		return NULL;
	r->network = n;
	r->with_probes = with_probes;
	r->start = clock_monotonic();
	r->nodes_walked = calloc(nodes, sizeof(*r->nodes_walked));
	r->answered = calloc(nodes, sizeof(*r->answered));
	if (r->nodes_walked != NULL && r->answered != NULL)
		r->file = strcmp(path, "-") == 0 ? fdopen(dup(STDERR_FILENO), "w")
						 : fopen(path, "we");
	if (r->file != NULL)
		return r;
	error = errno;
	report_free(r);
	errno = error;
	return NULL;
}

void
report_free(struct report *r)
{
	struct flow *flow, *next;

	if (r == NULL)
		return;
	HASH_ITER (hh, r->flows, flow, next) {
		HASH_DEL(r->flows, flow);
		free(flow->nodes);
		free(flow);
	}
	if (r->file != NULL)
		fclose(r->file);
	free(r->nodes_walked);
	free(r->answered);
	free(r->probes);
	free(r);
}

/* ---- seeing ---------------------------------------------------------------------- */

static bool
is_icmp(uint8_t protocol)
{
	return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

static void
key_fill(struct flow_key *key, const struct simpacket *p)
{
	memset(key, 0, sizeof(*key));
	key->src = p->src;
	key->dst = p->dst;
	key->flow_label = p->flow_label;
	key->protocol = p->protocol;
	key->src_port = p->src_port;
	key->dst_port = p->dst_port;
	if (!is_icmp(p->protocol))
		return;
	key->icmp_type = p->icmp_type;
	key->icmp_code = p->icmp_code;
	key->icmp_id = p->icmp_id;
	key->icmp_checksum = p->checksum;
}

static struct flow *
flow_of(struct report *r, const struct flow_key *key)
{
	struct flow *flow;

	HASH_FIND(hh, r->flows, key, sizeof(*key), flow);
	if (flow != NULL)
		return flow;
	flow = calloc(1, sizeof(*flow));
	if (flow == NULL) {
		r->out_of_memory = true;
		return NULL;
	}
	flow->key = *key;
	HASH_ADD(hh, r->flows, key, sizeof(flow->key), flow);
	return flow;
}

/* Keeps the longest walk, and notes when two walks do not begin alike. */
static void
flow_walked(struct report *r, struct flow *flow, const struct network_walk *walk)
{
	size_t common =
	    walk->count < flow->nodes_count ? walk->count : flow->nodes_count;
	uint32_t *grown;

	if (common > 0 &&
	    memcmp(flow->nodes, walk->nodes, common * sizeof(*walk->nodes)) != 0)
		flow->varied = true;
	if (walk->count <= flow->nodes_count)
		return;
	grown = reallocarray(flow->nodes, walk->count, sizeof(*grown));
	if (grown == NULL) {
		r->out_of_memory = true;
		return;
	}
	memcpy(grown, walk->nodes, walk->count * sizeof(*grown));
	flow->nodes = grown;
	flow->nodes_count = walk->count;
}

static void
keep_probe(
    struct report *r, const struct simulator_seen *seen, const struct flow_key *key)
{
	const struct simpacket *p = seen->packet;
	const struct network_walk *walk = seen->walk;
	size_t room = r->probes_room == 0 ? 1024 : r->probes_room * 2;
	struct probe *probe, *grown;

	if (r->probes_count == r->probes_room) {
		grown = reallocarray(r->probes, room, sizeof(*grown));
		if (grown == NULL) {
			r->out_of_memory = true;
			return;
		}
		r->probes = grown;
		r->probes_room = room;
	}
	probe = &r->probes[r->probes_count];
	*probe = (struct probe){
	    .key = *key,
	    .time = seen->now - r->start,
	    .order = r->probes_count++,
	    .node = walk == NULL ? NETWORK_NOWHERE : walk->nodes[walk->count - 1],
	    .len = (uint16_t)p->len,
	    .identification = p->identification,
	    .sequence = p->icmp_sequence,
	    .tcp_sequence = p->tcp_sequence,
	    .tcp_acknowledgment = p->tcp_acknowledgment,
	    .checksum = p->checksum,
	    .ttl = p->ttl,
	    .tos = p->tos,
	    .tcp_flags = p->tcp_flags,
	    .result = seen->result,
	    .bad_checksum = p->bad_checksum,
	};
	if (!p->has_transport)
		return;
	probe->payload_len =
	    (uint8_t)(p->len - p->payload < PAYLOAD_KEPT ? p->len - p->payload
							 : PAYLOAD_KEPT);
	memcpy(probe->payload, p->bytes + p->payload, probe->payload_len);
}

static void
set_bit(uint64_t bits[4], uint8_t number)
{
	bits[number / 64] |= UINT64_C(1) << number % 64;
}

static bool
has_bit(const uint64_t bits[4], int number)
{
	return (bits[number / 64] & UINT64_C(1) << number % 64) != 0;
}

void
report_observe(void *context, const struct simulator_seen *seen)
{
	struct report *r = context;
	const struct simpacket *p = seen->packet;
	struct flow_key key;
	struct flow *flow;

	if (p == NULL || (seen->result == SIMULATOR_IGNORED && seen->walk == NULL))
		return;
	r->by_ttl[p->protocol][p->ttl]++;
	key_fill(&key, p);
	flow = flow_of(r, &key);
	if (flow != NULL) {
		flow->count++;
		set_bit(flow->ttls, p->ttl);
		if (p->protocol == IPPROTO_TCP && p->has_transport)
			set_bit(flow->flags, p->tcp_flags);
	}
	if (seen->walk != NULL) {
		for (size_t i = 0; i < seen->walk->count; i++)
			r->nodes_walked[seen->walk->nodes[i]] = true;
		if (flow != NULL)
			flow_walked(r, flow, seen->walk);
		r->answered[seen->walk->nodes[seen->walk->count - 1]] +=
		    seen->result == SIMULATOR_ANSWERED;
	}
	if (r->with_probes)
		keep_probe(r, seen, &key);
}

/* ---- writing --------------------------------------------------------------------- */

static void
put(json_t *object, const char *key, json_t *value)
{
	(void)json_object_set_new(object, key, value);
}

static void
put_number(json_t *object, const char *key, uint64_t value)
{
	put(object, key, json_integer((json_int_t)value));
}

static void
put_addr(json_t *object, const char *key, const struct addr *a)
{
	char text[ADDR_TEXT_MAX];

	put(object, key, json_string(addr_to_text(a, text)));
}

static json_t *
protocol_name(uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_ICMP:
		return json_string("icmp");
	case IPPROTO_ICMPV6:
		return json_string("icmpv6");
	case IPPROTO_UDP:
		return json_string("udp");
	case IPPROTO_UDPLITE:
		return json_string("udplite");
	case IPPROTO_TCP:
		return json_string("tcp");
	default:
		return json_sprintf("%u", protocol);
	}
}

static json_t *
name_of(const struct report *r, uint32_t node)
{
	return json_string(network_topology(r->network)->nodes[node].name);
}

static json_t *
nodes_json(const struct report *r)
{
	static const char *const kinds[] = {"host", "router", "target"};
	const struct topology *t = network_topology(r->network);
	json_t *nodes = json_array();

	for (size_t i = 0; i < t->nodes_count; i++) {
		const struct topology_node *node = &t->nodes[i];
		json_t *one = json_object(), *addrs = json_array();
		char text[ADDR_TEXT_MAX];

		for (size_t j = 0; j < node->addrs_count; j++) {
			const struct topology_addr *a = &node->addrs[j];

			addr_to_text(&a->addr, text);
			(void)json_array_append_new(
			    addrs, a->prefix == addr_family_len(a->addr.family) * 8
				       ? json_string(text)
				       : json_sprintf("%s/%u", text, a->prefix));
		}
		put(one, "name", json_string(node->name));
		put(one, "kind", json_string(kinds[node->kind]));
		put(one, "addresses", addrs);
		put(one, "walked", json_boolean(i == 0 || r->nodes_walked[i]));
		put_number(one, "answered", r->answered[i]);
		(void)json_array_append_new(nodes, one);
	}
	return nodes;
}

static json_t *
links_json(const struct report *r)
{
	const struct topology *t = network_topology(r->network);
	json_t *links = json_array();

	for (uint32_t i = 0; i < t->links_count; i++) {
		json_t *one = json_object();

		put(one, "from", name_of(r, t->links[i].from));
		put(one, "to", name_of(r, t->links[i].to));
		put_number(one, "weight", t->links[i].weight);
		put_number(one, "packets", network_link_walked(r->network, i));
		(void)json_array_append_new(links, one);
	}
	return links;
}

static void
put_key(json_t *object, const struct flow_key *key)
{
	put(object, "protocol", protocol_name(key->protocol));
	put_addr(object, "src", &key->src);
	put_addr(object, "dst", &key->dst);
	if (key->src.family == AF_INET6)
		put_number(object, "flow_label", key->flow_label);
	if (is_icmp(key->protocol)) {
		put_number(object, "type", key->icmp_type);
		put_number(object, "code", key->icmp_code);
		put_number(object, "id", key->icmp_id);
		put_number(object, "checksum", key->icmp_checksum);
	} else {
		put_number(object, "src_port", key->src_port);
		put_number(object, "dst_port", key->dst_port);
	}
}

/* The flags of a TCP header in words, the lowest bit first: "SYN ACK". */
static json_t *
flags_json(uint8_t flags)
{
	static const char *const names[8] = {
	    "FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"};
	char text[40] = "";
	size_t len = 0;

	for (size_t i = 0; i < 8; i++)
		if ((flags & 1 << i) != 0)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s",
			    len == 0 ? "" : " ", names[i]);
	return json_string(text);
}

static json_t *
flow_flags_json(const struct flow *f)
{
	json_t *all = json_array();

	for (int flags = 0; flags < 256; flags++)
		if (has_bit(f->flags, flags))
			(void)json_array_append_new(all, flags_json((uint8_t)flags));
	return all;
}

static json_t *
flows_json(const struct report *r)
{
	json_t *flows = json_array();

	for (const struct flow *f = r->flows; f != NULL; f = f->hh.next) {
		json_t *one = json_object(), *nodes = json_array(),
		       *ttls = json_array();

		put_key(one, &f->key);
		put_number(one, "count", f->count);
		for (size_t i = 0; i < f->nodes_count; i++)
			(void)json_array_append_new(nodes, name_of(r, f->nodes[i]));
		for (int ttl = 1; ttl < 256; ttl++)
			if (has_bit(f->ttls, ttl))
				(void)json_array_append_new(ttls, json_integer(ttl));
		put(one, "ttls", ttls);
		if (f->key.protocol == IPPROTO_TCP)
			put(one, "flags", flow_flags_json(f));
		put(one, "nodes", nodes);
		put(one, "varied", json_boolean(f->varied));
		(void)json_array_append_new(flows, one);
	}
	return flows;
}

static json_t *
probe_json(const struct report *r, const struct probe *p)
{
	json_t *one = json_object();
	char hex[PAYLOAD_KEPT * 2 + 1] = "";

	put_number(one, "time_ns", (uint64_t)p->time);
	put_key(one, &p->key);
	put_number(one, "ttl", p->ttl);
	put_number(one, "tos", p->tos);
	put_number(one, "length", p->len);
	if (p->key.src.family == AF_INET)
		put_number(one, "ip_id", p->identification);
	put_number(one, "checksum", p->checksum);
	put(one, "checksum_good", json_boolean(!p->bad_checksum));
	if (is_icmp(p->key.protocol))
		put_number(one, "sequence", p->sequence);
	if (p->key.protocol == IPPROTO_TCP) {
		put_number(one, "sequence", p->tcp_sequence);
		put(one, "flags", flags_json(p->tcp_flags));
		put_number(one, "acknowledgment", p->tcp_acknowledgment);
	}
	for (size_t i = 0; i < p->payload_len; i++)
		snprintf(hex + i * 2, 3, "%02x", p->payload[i]);
	put(one, "payload", json_string(hex));
	put(one, "node",
	    p->node == NETWORK_NOWHERE ? json_null() : name_of(r, p->node));
	put(one, "result", json_string(result_names[p->result]));
	return one;
}

static json_t *
ttls_json(const struct report *r)
{
	json_t *protocols = json_object();

	for (unsigned int protocol = 0; protocol < 256; protocol++) {
		json_t *ttls = json_object();
		char key[8];

		for (unsigned int ttl = 0; ttl < 256; ttl++) {
			snprintf(key, sizeof(key), "%u", ttl);
			if (r->by_ttl[protocol][ttl] != 0)
				put_number(ttls, key, r->by_ttl[protocol][ttl]);
		}
		if (json_object_size(ttls) > 0) {
			json_t *name = protocol_name((uint8_t)protocol);

			put(protocols, json_string_value(name), json_incref(ttls));
			json_decref(name);
		}
		json_decref(ttls);
	}
	return protocols;
}

static json_t *
received_json(const struct report *r, const struct report_run *run)
{
	const struct simulator_counts *c = run->counts;
	json_t *received = json_object();

	put_number(received, "packets", c->received);
	put_number(received, "span_ns", (uint64_t)clock_elapsed(c->first, c->last));
	for (size_t i = 0; i < SIMULATOR_RESULTS; i++)
		put_number(received, result_names[i], c->results[i]);
	put_number(received, "bad_header_checksum", c->bad_header_checksum);
	put_number(received, "bad_checksum", c->bad_checksum);
	put_number(received, "unknown_destination", c->unknown_destination);
	put_number(received, "foreign_source", c->foreign_source);
	put_number(received, "missed", run->ring_drops);
	put(received, "by_protocol_and_ttl", ttls_json(r));
	return received;
}

static void
add_connection(void *context, const struct simtcp_connection *c)
{
	static const char *const states[SIMTCP_STATES] = {
	    [SIMTCP_HALF_OPEN] = "half-open",
	    [SIMTCP_ESTABLISHED] = "established",
	    [SIMTCP_CLOSING] = "closing",
	    [SIMTCP_ENDED] = "ended",
	    [SIMTCP_RESET] = "reset",
	};
	json_t *one = json_object();

	put_addr(one, "src", &c->client);
	put_addr(one, "dst", &c->server);
	put_number(one, "src_port", c->client_port);
	put_number(one, "dst_port", c->server_port);
	put(one, "state", json_string(states[c->state]));
	put_number(one, "segments", c->segments);
	put_number(one, "bytes", c->bytes);
	(void)json_array_append_new(context, one);
}

static json_t *
connections_json(const struct report_run *run)
{
	json_t *all = json_array();

	simtcp_each(run->tcp, add_connection, all);
	return all;
}

/*
 * A sender that moves to another processor may have its packets overtake each other on
 * their way here, when both are busy (Linux 6.18: veth, each processor has a queue of
 * its own): they are told in the order of their stamps, which is that of sending.
 */
static int
by_time(const void *left, const void *right)
{
	const struct probe *a = left, *b = right;

	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	return a->order < b->order ? -1 : 1;
}

static json_t *
probes_json(const struct report *r)
{
	json_t *all = json_array();

	if (r->probes_count > 0)
		qsort(r->probes, r->probes_count, sizeof(*r->probes), by_time);
	for (size_t i = 0; i < r->probes_count; i++)
		(void)json_array_append_new(all, probe_json(r, &r->probes[i]));
	return all;
}

static json_t *
report_json(const struct report *r, const struct report_run *run)
{
	json_t *root = json_object(), *sent = json_object();

	put_number(root, "version", REPORT_VERSION);
	put_number(root, "seed", network_topology(r->network)->seed);
	put(root, "exit_status", json_integer(run->exit_status));
	put(root, "processes_left", json_integer(run->processes_left));
	put_number(root, "cpu_ns", (uint64_t)run->cpu);
	put(root, "received", received_json(r, run));
	put_number(sent, "replies", run->counts->replies);
	put_number(sent, "duplicates", run->counts->duplicates);
	put_number(sent, "late", run->counts->late);
	put_number(sent, "reordered", run->counts->reordered);
	put_number(sent, "errors", run->send_errors);
	put_number(sent, "behind_ns", (uint64_t)run->behind);
	put(root, "sent", sent);
	put(root, "nodes", nodes_json(r));
	put(root, "links", links_json(r));
	put(root, "flows", flows_json(r));
	put(root, "connections", connections_json(run));
	if (r->with_probes)
		put(root, "probes", probes_json(r));
	return root;
}

int
report_close(struct report *r, const struct report_run *run)
{
	json_t *root = report_json(r, run);
	int error = r->out_of_memory || root == NULL ? -ENOMEM : 0;

	if (error == 0 && (json_dumpf(root, r->file, JSON_INDENT(1)) != 0 ||
			      fputc('\n', r->file) == EOF || fflush(r->file) != 0))
		error = -EIO;
	json_decref(root);
	report_free(r);
	return error;
}
