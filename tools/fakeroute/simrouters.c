#include "tools/fakeroute/simrouters.h"

#include <stdlib.h>

/* One node, or the first of several aliases, which then stands for all of them. */
struct router {
	uint32_t first; /* whose bucket and shared counter this node uses */
	int64_t next; /* when the bucket is full again, less its burst; see may_send */
	bool begun;
	uint32_t counters[2]; /* identifications over IPv4, over IPv6 */
};

struct simrouters {
	struct network *network;
	const struct topology *t;
	struct router *routers; /* by node */
};

struct simrouters *
simrouters_new(struct network *n)
{
	struct simrouters *r = calloc(1, sizeof(*r));
	const struct topology *t = network_topology(n);

	if (r == NULL)
		return NULL;
	r->network = n;
	r->t = t;
	r->routers = calloc(t->nodes_count, sizeof(*r->routers));
	if (r->routers == NULL) {
		simrouters_free(r);
		return NULL;
	}
	for (uint32_t i = 0; i < t->nodes_count; i++) {
		uint32_t start = (uint32_t)network_random_below(n, 65536);

		r->routers[i].first = topology_alias(t, i);
		r->routers[i].counters[0] = r->routers[i].counters[1] = start;
	}
	return r;
}

void
simrouters_free(struct simrouters *r)
{
	if (r == NULL)
		return;
	free(r->routers);
	free(r);
}

/*
 * A token bucket as one time (the generic cell rate algorithm of ITU-T I.371): `next`
 * is when all tokens but the burst's would have been used up. A packet moves it on by
 * the time of one token, and may be sent while it is no more than the burst ahead.
 */
bool
simrouters_may_send(struct simrouters *r, uint32_t node, int64_t now)
{
	const struct topology_options *o = &r->t->nodes[node].options;
	struct router *router = &r->routers[r->routers[node].first];
	int64_t token;

	if (o->rate.period == 0)
		return true;
	token = o->rate.period / o->rate.count;
	if (!router->begun || router->next < now)
		router->next = now;
	router->begun = true;
	if (router->next - now > token * (int64_t)(o->burst - 1))
		return false;
	router->next += token;
	return true;
}

/* What other packets of the router, which are not simulated, added to its counter. */
static uint32_t
background(const struct simrouters *r, const struct topology_rate *rate)
{
	if (rate->period == 0)
		return 0;
	return (uint32_t)((__int128)network_elapsed(r->network) * rate->count /
			  rate->period);
}

uint32_t
simrouters_identification(
    struct simrouters *r, uint32_t node, const struct simpacket *p)
{
	const struct topology_options *o = &r->t->nodes[node].options;
	size_t family = p->src.family == AF_INET ? 0 : 1;
	struct router *router = &r->routers[node];
	uint32_t value = 0;

	switch (o->ip_id) {
	case TOPOLOGY_IP_ID_ROUTER:
		router = &r->routers[router->first];
		value = ++router->counters[family] + background(r, &o->ip_id_rate);
		break;
	case TOPOLOGY_IP_ID_INTERFACE:
		value = ++router->counters[family] + background(r, &o->ip_id_rate);
		break;
	case TOPOLOGY_IP_ID_RANDOM:
		value = (uint32_t)network_random(r->network);
		break;
	case TOPOLOGY_IP_ID_COPY:
		value = family == 0 ? p->identification : p->fragment_id;
		break;
	case TOPOLOGY_IP_ID_ZERO:
		break;
	}
	return family == 0 ? (uint16_t)value : value;
}
