/* The prober's reply parser as a whole: whose answer is a packet, among many probes? */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "prober/captured.h"
#include "prober/layout.h"
#include "prober/store.h"
#include "prober/transport.h"
#include "tests/support/fuzz_targets.h"

#define PROBES 4 /* of each endpoint */

/* Holds in the fuzzers too, where there is no Check. */
static void
expect(int holds)
{
	if (!holds)
		abort();
}

static const struct {
	const char *pattern, *tag;
	uint32_t first;
} kinds[] = {
    {"ipv4/udp", "udp.payload", 0x01020304},
    {"ipv6/udp", "udp.payload", 0x01020304},
    {"ipv4/icmpv4", "icmp.sequence", 0x5678},
    {"ipv6/icmpv6", "icmp.sequence", 0x5678},
    {"ipv4/tcp", "tcp.seq", 0x5678},
    {"ipv6/tcp", "tcp.seq", 0x5678},
    {"ipv4/udp", "udp.checksum", 0x5678},
    {"ipv4/tcp", "tcp.checksum", 0x5678},
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

struct world {
	struct tree *tree;
	struct store store;
	struct endpoint endpoints[KINDS];
	struct probe probes[KINDS][PROBES];
};

/* The probes of tests/fuzz/make_seeds.py are among them. */
static void
add_probe(struct world *w, size_t kind, const struct layout *l, uint32_t number)
{
	struct probe *p = &w->probes[kind][number];
	struct layout_probe v = {.ttl = (uint8_t)(number + 1)};

	*p = (struct probe){.refs = 1,
	    .state = PROBE_IN_FLIGHT,
	    .endpoint = &w->endpoints[kind],
	    .tag = kinds[kind].first + number,
	    .dst = l->options.dst,
	    .dst_port = l->options.dst_port,
	    .sent = 1,
	    .instance = (struct instance *)w};
	if (number + 1 < PROBES) /* the last one has none */
		p->tags =
		    store_tag_set(&w->store, l->options.pattern, l->options.tag, kind);
	v.tag = p->tag;
	p->packets = packet_new(l->options.len);
	expect(p->packets != NULL && layout_flow(l, 0, &v) == 0);
	layout_build(l, &v, p->packets->bytes);
	expect(store_add(&w->store, p) == 0);
}

static void
add_kind(struct world *w, size_t kind)
{
	static const uint8_t here[2][16] = {
	    {192, 0, 2, 2}, {0x20, 1, 0xd, 0xb8, [15] = 2}};
	static const uint8_t there[2][16] = {
	    {198, 51, 100, 9}, {0x20, 1, 0xd, 0xb8, 0xff, 0xff, [15] = 9}};
	bool v6 = strstr(kinds[kind].pattern, "ipv6") != NULL;
	uint32_t family = v6 ? AF_INET6 : AF_INET;
	struct layout_options o = {
	    .pattern = tree_find(w->tree, kinds[kind].pattern),
	    .src = addr_from_bytes(family, here[v6]),
	    .dst = addr_from_bytes(family, there[v6]),
	    .src_port = 24000,
	    .dst_port = 33434,
	    .icmp_id = 0x1234,
	    .flow_checksum = 0x5dc1,
	    .flow_constant = true,
	    .tagged = true,
	    .len = v6 ? 80 : 60,
	};
	struct layout l;

	expect(pattern_find_field(o.pattern, kinds[kind].tag, &o.tag) == 0);
	expect(layout_init(&l, &o) == 0);
	w->endpoints[kind] = (struct endpoint){
	    .pattern = o.pattern,
	    .port = strstr(kinds[kind].pattern, "icmp") != NULL ? 0x1234 : 24000,
	    .key = {.source = {.family = family}},
	};
	for (uint32_t i = 0; i < PROBES; i++)
		add_probe(w, kind, &l, i);
	layout_clear(&l);
}

static struct world *
the_world(void)
{
	static struct world *w;

	if (w != NULL)
		return w;
	w = calloc(1, sizeof(*w));
	expect(w != NULL);
	w->tree = tree_new();
	expect(w->tree != NULL);
	store_init(&w->store);
	for (size_t kind = 0; kind < KINDS; kind++)
		add_kind(w, kind);
	return w;
}

/* Who answers: of this endpoint, and never with a tag that the reply belies. */
static void
check_match(const struct world *w, const struct reply *r, const struct match *m)
{
	size_t kind = (size_t)(r->endpoint - w->endpoints);

	expect(m->count <= MATCH_MAX && (m->type == MATCH_NONE) == (m->count == 0));
	expect((m->type == MATCH_ONE) == (m->count == 1));
	for (size_t i = 0; i < m->count; i++) {
		const struct probe *p = m->probes[i];
		size_t end = r->quote_at + r->quote_len;

		expect(p >= w->probes[kind] && p < w->probes[kind] + PROBES);
		for (size_t k = 0; k < i; k++)
			expect(m->probes[k] != p);
		/* The ports, or type and id, are the probe's own. */
		if (!m->altered && !m->elsewhere && end >= r->quote_at + 4 &&
		    r->kind != REPLY_DATA)
			expect(memcmp(r->image + r->quote_at,
				   p->packets->bytes + r->quote_at, 2) == 0);
	}
}

static void
try_reply(struct world *w, const struct captured_packet *packet, bool datagram)
{
	static uint8_t image[CAPTURED_MAX];
	struct captured c;

	for (size_t kind = 0; kind < KINDS; kind++) {
		struct endpoint *e = &w->endpoints[kind];
		size_t at = pattern_layer_offset(e->pattern, 2);
		struct match m;

		if (e->key.source.family != packet->family)
			continue;
		if (datagram) {
			size_t room = sizeof(image) - at;

			c.reply = (struct reply){.kind = REPLY_DATA,
			    .received = 2,
			    .from = packet->from,
			    .image = image,
			    .dst_known = true,
			    .dst = w->probes[kind][0].dst,
			    .dst_port = 33434,
			    .quote_at = at,
			    .quote_len = packet->len < room ? packet->len : room};
			memcpy(image + at, packet->bytes, c.reply.quote_len);
		} else if (captured_read(w->tree, packet, image, &c) != 0 ||
			   c.port != e->port ||
			   c.protocol != e->pattern->layers[1]->ip_protocol) {
			continue;
		}
		c.reply.endpoint = e;
		store_match(&w->store, &c.reply, &m);
		check_match(w, &c.reply, &m);
	}
}

int
fuzz_replies(const uint8_t *data, size_t size)
{
	struct captured_packet packet = {.family = AF_INET, .tos = -1, .received = 2};
	size_t skipped = size != 0 && (data[0] & 1) != 0 ? 40 : 0;
	uint8_t *bytes;

	if (size < 1 + skipped)
		return 0;
	packet.len = size - 1 - skipped;
	packet.cut = true;              /* no mutation finds a right checksum */
	bytes = malloc(packet.len + 1); /* never 0 */
	expect(bytes != NULL);
	memcpy(bytes + 1, data + 1 + skipped, packet.len);
	packet.bytes = bytes + 1;
	if (skipped != 0) {
		packet.family = AF_INET6;
		packet.protocol = data[1 + 6];
		packet.ttl = data[1 + 7];
		packet.from = addr_from_bytes(AF_INET6, data + 1 + 8);
	}
	try_reply(the_world(), &packet, (data[0] & 8) != 0);
	free(bytes);
	return 0;
}
