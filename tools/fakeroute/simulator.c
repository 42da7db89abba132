#include "tools/fakeroute/simulator.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "tools/fakeroute/fragments.h"
#include "tools/fakeroute/simanswer.h"
#include "tools/fakeroute/simnat.h"
#include "tools/fakeroute/simrouters.h"

#define REPLIES_MAX (UINT32_C(1) << 18)
#define IPV4_LEN 20 /* of the headers of answers */
#define IPV6_LEN 40
/* How long a reply is held back when none comes to overtake it. */
#define REORDER_WAIT (200 * NS_PER_MS)

struct simulator {
	struct network *network;
	const struct topology *t;
	struct replyqueue *replies;
	struct fragments *fragments;
	struct simrouters *routers;
	struct simanswerer answerer;
	uint8_t *scratch;    /* SIMANSWER_MAX bytes: where an answer is written */
	uint8_t *translated; /* SIMANSWER_MAX bytes: what NATs made of a packet */
	bool holds;          /* a reply waits for the next one to overtake it ... */
	uint64_t held;       /* ... its number ... */
	int64_t held_due;    /* ... and when it would have come */
	simulator_observer *observer;
	void *context;
	struct simulator_counts counts;
};

struct simulator *
simulator_new(struct network *network, simulator_observer *observer, void *context)
{
	struct simulator *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->network = network;
	s->t = network_topology(network);
	s->observer = observer;
	s->context = context;
	s->replies = replyqueue_new(s->t->mtu, REPLIES_MAX);
	s->fragments = fragments_new();
	s->answerer.network = network;
	s->answerer.tcp = simtcp_new();
	s->answerer.extensions = simextensions_new(s->t);
	s->scratch = malloc(SIMANSWER_MAX);
	s->translated = malloc(SIMANSWER_MAX);
	s->routers = simrouters_new(network);
	if (s->replies == NULL || s->routers == NULL ||
	    s->answerer.extensions == NULL || s->fragments == NULL ||
	    s->scratch == NULL || s->translated == NULL || s->answerer.tcp == NULL) {
		simulator_free(s);
		return NULL;
	}
	return s;
}

void
simulator_free(struct simulator *s)
{
	if (s == NULL)
		return;
	replyqueue_free(s->replies);
	fragments_free(s->fragments);
	simtcp_free(s->answerer.tcp);
	simrouters_free(s->routers);
	simextensions_free(s->answerer.extensions);
	free(s->scratch);
	free(s->translated);
	free(s);
}

struct replyqueue *
simulator_replies(struct simulator *s)
{
	return s->replies;
}

const struct simulator_counts *
simulator_counts(const struct simulator *s)
{
	return &s->counts;
}

const struct simtcp *
simulator_tcp(const struct simulator *s)
{
	return s->answerer.tcp;
}

/* ---- queuing --------------------------------------------------------------------- */

/* How much later than the way there and back an answer comes. */
static int64_t
extra_delay(struct simulator *s, const struct topology_options *o)
{
	int64_t delay = 0;

	if (o->jitter > 0)
		delay =
		    (int64_t)network_random_below(s->network, (uint64_t)o->jitter + 1);
	if (network_chance(s->network, o->late)) {
		s->counts.late++;
		delay += o->late_delay;
	}
	return delay;
}

/*
 * Queues an answer of len bytes, in pieces if it is too large for the link. *number:
 * that of the last piece. Returns how many pieces; 0 when the queue is full.
 */
static int
queue_once(struct simulator *s, const struct simanswer *a, size_t len, int64_t due,
    uint64_t *number)
{
	size_t offset = 0, part;
	uint32_t slot, identification = 0;
	int pieces = 0;
	uint8_t *out;

	if (len > a->mtu && a->packet->src.family == AF_INET6)
		identification =
		    simrouters_identification(s->routers, simanswer_node(a), a->packet);
	do {
		out = replyqueue_take(s->replies, &slot);
		if (out == NULL)
			return 0;
		part = fragments_cut(a->out, len, a->mtu, identification, &offset, out);
		if (part == 0) {
			replyqueue_release(s->replies, slot);
		} else {
			*number = replyqueue_push(s->replies, slot, part, due);
			pieces++;
		}
	} while (part != 0 && len > a->mtu);
	return pieces;
}

/* A reply that was held back follows the one that comes now. */
static void
release_held(struct simulator *s, int64_t due)
{
	if (!s->holds)
		return;
	if (due < s->held_due)
		due = s->held_due;
	replyqueue_hasten(s->replies, s->held, due + 1);
	s->holds = false;
}

/* Queues an answer and its duplicates. */
static enum simulator_result
queue_answer(struct simulator *s, const struct simanswer *a, size_t len)
{
	const struct topology_options *o = &a->node->options;
	int64_t due = a->now + a->walk->rtt + extra_delay(s, o);
	bool hold =
	    !s->holds && len <= a->mtu && network_chance(s->network, o->reordered);
	uint64_t number;

	if (queue_once(s, a, len, hold ? due + REORDER_WAIT : due, &number) == 0)
		return SIMULATOR_FULL;
	s->counts.replies++;
	if (hold) {
		s->counts.reordered++;
		s->held = number;
		s->held_due = due;
	} else {
		release_held(s, due);
	}
	s->holds = hold;
	if (!network_chance(s->network, o->duplicates))
		return SIMULATOR_ANSWERED;
	for (uint32_t i = 0; i < o->copies; i++) {
		due = a->now + a->walk->rtt + extra_delay(s, o);
		s->counts.duplicates += queue_once(s, a, len, due, &number) != 0;
	}
	return SIMULATOR_ANSWERED;
}

/* Whether the router has a token for the answer, if it needs one. */
static bool
may_send(struct simulator *s, const struct simanswer *a)
{
	if (a->node->options.rate_of == TOPOLOGY_RATE_OF_ERRORS && !a->error)
		return true;
	return simrouters_may_send(s->routers, simanswer_node(a), a->now);
}

/* Whether a firewall on the way back drops the answer that was written. */
static bool
answer_is_dropped(const struct simulator *s, const struct simanswer *a)
{
	bool v4 = a->out[0] >> 4 == 4;

	return network_reply_dropped(
	    s->network, a->walk, a->out[v4 ? 9 : 6], a->out[v4 ? IPV4_LEN : IPV6_LEN]);
}

/* The answer passes the NATs that its packet passed, the last one first. */
static void
translate_back(const struct simanswer *a, size_t len)
{
	const struct simnat_answer back = {
	    .bytes = a->out,
	    .len = len,
	    .error = a->error,
	    .quoted = a->quoted,
	    .quoted_transport = a->packet->transport,
	};

	for (size_t i = a->walk->nats_count; i-- > 0;)
		simnat_back(&back, a->walk->nats[i], &a->views[i], &a->views[i + 1]);
}

/*
 * Flips bits of one byte of an answer. With right checksums it is one that they cover
 * and that is not needed to bring the answer home: behind the ports of TCP and the
 * whole header of UDP and ICMP.
 */
static void
alter(struct simulator *s, const struct simanswer *a, size_t len, bool sealed)
{
	bool v4 = a->out[0] >> 4 == 4;
	size_t from = v4 ? IPV4_LEN : IPV6_LEN;
	uint8_t flip = (uint8_t)(1 + network_random_below(s->network, 255));

	if (sealed)
		from += a->out[v4 ? 9 : 6] == IPPROTO_TCP ? 4 : 8;
	if (from >= len)
		return;
	a->out[from + network_random_below(s->network, len - from)] ^= flip;
	if (sealed)
		simreply_seal(a->out, len);
}

static enum simulator_result
answer_packet(struct simulator *s, struct simanswer *a)
{
	const struct topology_options *o;
	size_t len;

	if (a->walk->outcome == NETWORK_DELIVERED && a->packet->bad_checksum)
		return SIMULATOR_DROPPED;
	a->node = &s->t->nodes[a->walk->nodes[a->walk->count - 1]];
	o = &a->node->options;
	a->out = s->scratch;
	a->mtu = s->t->mtu;
	s->answerer.turn = s->counts.received;
	len = simanswer_write(&s->answerer, a);
	if (len == 0)
		return SIMULATOR_SILENT;
	if (!may_send(s, a))
		return SIMULATOR_LIMITED;
	if (a->packet->src.family == AF_INET)
		simreply_identify(
		    a->out, (uint16_t)simrouters_identification(
				s->routers, simanswer_node(a), a->packet));
	if (answer_is_dropped(s, a))
		return SIMULATOR_FILTERED;
	if (network_chance(s->network, o->loss) ||
	    network_reply_lost(s->network, a->walk))
		return SIMULATOR_LOST;
	if (network_chance(s->network, o->altered))
		alter(s, a, len, true);
	translate_back(a, len);
	if (network_chance(s->network, o->corrupted))
		alter(s, a, len, false);
	return queue_answer(s, a, len);
}

/* Answers a packet as the NATs on its way made it. */
static enum simulator_result
answer_translated(struct simulator *s, struct simanswer *a)
{
	for (size_t i = 0; i < a->walk->nats_count; i++) {
		a->views[i + 1] = a->views[i];
		network_translate(a->walk->nats[i], &a->views[i + 1]);
	}
	if (a->walk->nats_count == 0)
		return answer_packet(s, a);
	simnat_forward(s->translated, a->packet, &a->views[a->walk->nats_count]);
	if (simpacket_parse(&a->translated, s->translated, a->packet->len) != 0)
		return SIMULATOR_MALFORMED;
	a->packet = &a->translated;
	return answer_packet(s, a);
}

/* What the network is told of a packet. */
static struct network_packet
packet_view(const struct simpacket *p, int64_t now)
{
	return (struct network_packet){
	    .now = now,
	    .src = p->src,
	    .dst = p->dst,
	    .protocol = p->protocol,
	    .ttl = p->ttl,
	    .tos = p->tos,
	    .may_fragment = !p->dont_fragment,
	    .has_transport = p->has_transport,
	    .icmp_type = p->icmp_type,
	    .icmp_code = p->icmp_code,
	    .src_port = p->src_port,
	    .dst_port = p->dst_port,
	    .icmp_id = p->icmp_id,
	    .checksum = p->checksum,
	    .flow_label = p->flow_label,
	    .len = p->len,
	};
}

/* A piece that arrived: the packet is answered with its last one. */
static enum simulator_result
answer_fragment(struct simulator *s, struct simanswer *a)
{
	size_t len;
	const uint8_t *bytes = fragments_add(s->fragments, a->packet, &len);

	if (bytes == NULL)
		return SIMULATOR_FRAGMENT;
	if (simpacket_parse(&a->whole, bytes, len) != 0)
		return SIMULATOR_MALFORMED;
	s->counts.bad_checksum += a->whole.bad_checksum;
	a->packet = &a->whole;
	a->views[0] = packet_view(&a->whole, a->now);
	return answer_translated(s, a);
}

static bool
is_multicast(const struct addr *a)
{
	return a->family == AF_INET ? a->bytes[0] >= 224 : a->bytes[0] == 0xff;
}

static void
count_oddities(struct simulator *s, const struct simpacket *p)
{
	const struct topology_node *host = &s->t->nodes[TOPOLOGY_HOST];
	bool own = false;

	for (size_t i = 0; i < host->addrs_count; i++)
		own = own || addr_equal(&host->addrs[i].addr, &p->src);
	s->counts.foreign_source += !own;
	s->counts.bad_header_checksum += p->bad_header_checksum;
	s->counts.bad_checksum += p->bad_checksum;
}

/* Sends the packet on its walk and answers it. walk->count stays 0 if it goes nowhere.
 */
static enum simulator_result
walk_packet(struct simulator *s, const struct simpacket *p, struct network_walk *walk,
    int64_t now)
{
	struct simanswer answer;

	walk->count = 0;
	if (is_multicast(&p->dst))
		return SIMULATOR_IGNORED;
	count_oddities(s, p);
	if (p->bad_header_checksum)
		return SIMULATOR_DROPPED;
	/* Not all of it is cleared: views are many bytes, of which most are not used.
	 */
	answer.packet = p;
	answer.walk = walk;
	answer.now = now;
	answer.error = false;
	answer.quoted = 0;
	answer.views[0] = packet_view(p, now);
	if (network_send(s->network, &answer.views[0], walk) != 0)
		return SIMULATOR_FULL;
	s->counts.unknown_destination += walk->asked == NETWORK_NOWHERE;
	if (walk->count == 0)
		return SIMULATOR_IGNORED;
	if (walk->outcome == NETWORK_LOST)
		return SIMULATOR_LOST;
	if (walk->outcome == NETWORK_DROPPED)
		return SIMULATOR_FILTERED;
	if (walk->outcome == NETWORK_DELIVERED && p->fragment)
		return answer_fragment(s, &answer);
	if (simpacket_is_no_question(p))
		return SIMULATOR_IGNORED;
	return answer_translated(s, &answer);
}

void
simulator_receive(struct simulator *s, const uint8_t *bytes, size_t len, int64_t now)
{
	struct network_walk walk;
	struct simpacket packet;
	struct simulator_seen seen = {.now = now, .result = SIMULATOR_MALFORMED};

	if (s->counts.received++ == 0)
		s->counts.first = now;
	s->counts.last = now;
	if (simpacket_parse(&packet, bytes, len) == 0) {
		seen.packet = &packet;
		seen.result = walk_packet(s, &packet, &walk, now);
		if (walk.count > 0)
			seen.walk = &walk;
	}
	s->counts.results[seen.result]++;
	if (s->observer != NULL)
		s->observer(s->context, &seen);
}
