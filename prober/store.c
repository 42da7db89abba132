#include "prober/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/checksum.h"
#include "prober/layout.h"
#include "prober/transport.h"

/* Bits that must agree before a reply about another destination is believed. */
#define BITS_CERTAIN 32

/* Probes that one endpoint sent to one destination and that are not settled. */
struct bucket_key {
	const struct endpoint *endpoint;
	struct addr dst;
};

struct bucket {
	struct bucket_key key;
	struct probe_list probes;
	size_t refs;                /* probes in the store that belong here */
	const struct tag_set *tags; /* of the first of them */
	bool mixed;                 /* others have other tags, or none */
	UT_hash_handle hh;
};

void
store_init(struct store *s)
{
	*s = (struct store){0};
	TAILQ_INIT(&s->tags);
}

void
store_clear(struct store *s)
{
	struct store_tags *t;

	while ((t = TAILQ_FIRST(&s->tags)) != NULL) {
		TAILQ_REMOVE(&s->tags, t, next);
		tag_set_clear(&t->set);
		free(t);
	}
}

struct tag_set *
store_tag_set(struct store *s, const struct pattern *pattern, struct field_ref field,
    uint64_t seed)
{
	struct store_tags *t;

	TAILQ_FOREACH (t, &s->tags, next)
		if (t->set.pattern == pattern && t->set.field.layer == field.layer &&
		    t->set.field.index == field.index)
			return &t->set;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return NULL;
	if (tag_set_init(&t->set, pattern, field, seed) != 0) {
		free(t);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&s->tags, t, next);
	return &t->set;
}

static struct bucket *
bucket_find(struct store *s, const struct endpoint *e, const struct addr *dst)
{
	struct bucket_key key;
	struct bucket *b;

	memset(&key, 0, sizeof(key));
	key.endpoint = e;
	key.dst = *dst;
	HASH_FIND(hh, s->buckets, &key, sizeof(key), b);
	return b;
}

static struct bucket *
bucket_get(struct store *s, const struct endpoint *e, const struct addr *dst)
{
	struct bucket *b = bucket_find(s, e, dst);

	if (b != NULL)
		return b;
	b = calloc(1, sizeof(*b));
	if (b == NULL)
		return NULL;
	b->key.endpoint = e;
	b->key.dst = *dst;
	TAILQ_INIT(&b->probes);
	HASH_ADD(hh, s->buckets, key, sizeof(b->key), b);
	return b;
}

static void
bucket_unref(struct store *s, struct bucket *b)
{
	if (--b->refs > 0)
		return;
	HASH_DEL(s->buckets, b);
	free(b);
}

static struct probe *
find_by_key(
    struct store *s, const struct endpoint *e, const struct tag_set *tags, uint64_t tag)
{
	struct probe_key key = {e, tags, tag};
	struct probe *p;

	/* The key is whole: the analyzer cannot follow its bytes. */
	/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult) */
	HASH_FIND(by_key, s->by_key, &key, sizeof(key), p);
	return p;
}

static struct probe *
find_by_fragment(struct store *s, const struct probe_fragment_key *key)
{
	struct probe *p;

	/* The key is whole: the analyzer cannot follow its bytes. */
	/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult) */
	HASH_FIND(by_fragment, s->by_fragment, key, sizeof(*key), p);
	return p;
}

int
store_add(struct store *s, struct probe *p)
{
	struct bucket *b;

	p->key = (struct probe_key){p->endpoint, p->tags, p->tag};
	if (p->tags != NULL && find_by_key(s, p->endpoint, p->tags, p->tag) != NULL)
		return -EEXIST;
	if (p->fragments != 0 && find_by_fragment(s, &p->fragment) != NULL)
		return -EEXIST;
	b = bucket_get(s, p->endpoint, &p->dst);
	if (b == NULL)
		return -ENOMEM;
	if (b->refs++ == 0)
		b->tags = p->tags;
	b->mixed = b->mixed || b->tags != p->tags;
	p->bucket = b;
	TAILQ_INSERT_TAIL(&b->probes, p, in_bucket);
	p->bucket_listed = true;
	if (p->tags != NULL)
		HASH_ADD(by_key, s->by_key, key, sizeof(p->key), p);
	if (p->fragments != 0)
		HASH_ADD(by_fragment, s->by_fragment, fragment, sizeof(p->fragment), p);
	s->count++;
	probe_ref(p);
	return 0;
}

void
store_settle(struct probe *p)
{
	if (!p->bucket_listed)
		return;
	TAILQ_REMOVE(&p->bucket->probes, p, in_bucket);
	p->bucket_listed = false;
}

void
store_remove(struct store *s, struct probe *p)
{
	store_settle(p);
	bucket_unref(s, p->bucket);
	p->bucket = NULL;
	if (p->tags != NULL)
		HASH_DELETE(by_key, s->by_key, p);
	if (p->fragments != 0)
		HASH_DELETE(by_fragment, s->by_fragment, p);
	s->count--;
	probe_unref(p);
}

bool
store_awaits(struct store *s, const struct endpoint *e, const struct addr *dst,
    uint16_t port, const struct instance *except)
{
	struct bucket *b = bucket_find(s, e, dst);
	struct probe *p;

	if (b == NULL)
		return false;
	TAILQ_FOREACH (p, &b->probes, in_bucket)
		if ((p->state == PROBE_QUEUED || p->state == PROBE_IN_FLIGHT) &&
		    (port == 0 || p->dst_port == port) &&
		    (except == NULL || p->instance != except))
			return true;
	return false;
}

/* Reads a set's tag out of a reply. False when the reply does not show it. */
static bool
read_tag(const struct reply *r, const struct tag_set *tags, uint64_t *tag)
{
	uint64_t mask = pattern_field_mask(tags->pattern, tags->field);
	struct view view;

	if ((r->hidden & mask) != 0)
		return false;
	if ((r->seen & mask) != 0) {
		view_of_layout(&view, tags->pattern, r->image, 0,
		    pattern_layer_offset(tags->pattern, tags->pattern->depth));
		return view_read(&view, tags->field, tag) == 0;
	}
	view_of_layout(
	    &view, tags->pattern, r->image + r->quote_at, r->quote_at, r->quote_len);
	if (view_read(&view, tags->field, tag) != 0)
		return false;
	/* A tag cut and padded with zeros is not one. */
	return !tags->rule->ends_non_zero || (*tag & 0xff) != 0;
}

/* The reply went where the probe went, as far as it says. */
static bool
same_destination(const struct reply *r, const struct probe *p)
{
	if (!r->dst_known)
		return true;
	return addr_equal(&r->dst, &p->dst) && r->dst_port == p->dst_port;
}

/* An address of a packet of ours. */
static struct addr
packet_addr(
    const struct pattern *pattern, const uint8_t *bytes, const char *v4, const char *v6)
{
	struct addr a = {0};
	struct field_ref ref;
	struct view view;

	view_of_layout(
	    &view, pattern, bytes, 0, pattern_layer_offset(pattern, pattern->depth));
	if (pattern_find_field(pattern, v4, &ref) == 0 ||
	    pattern_find_field(pattern, v6, &ref) == 0)
		(void)view_read_addr(&view, ref, &a);
	return a;
}

/* The checksum as it is when the packet's destination is `now` (RFC 1624). */
static uint16_t
checksum_moved(uint16_t checksum, const struct addr *was, const struct addr *now)
{
	size_t len = addr_family_len(was->family);
	uint32_t sum = (uint16_t)~checksum;

	sum = checksum_add_u16(
	    sum, (uint16_t)~checksum_fold(checksum_add(0, was->bytes, len)));
	return checksum_finish(checksum_add(sum, now->bytes, len));
}

/*
 * A checksum that differs from the one that was sent may still be the probe's: when it
 * covers addresses and the packet went elsewhere; or when it was to be finished by the
 * device and is the pseudo-header's sum alone (checksum offload).
 */
static bool
checksum_may_stand(const struct reply *r, const struct probe *p,
    const struct protocol *protocol, size_t at)
{
	const struct pattern *pattern = r->endpoint->pattern;
	const uint8_t *sent = p->packets->bytes;
	size_t covered = p->packets->len - pattern_layer_offset(pattern, 1);
	uint16_t shown = (uint16_t)(r->image[at] << 8 | r->image[at + 1]);
	uint16_t was = (uint16_t)(sent[at] << 8 | sent[at + 1]);
	struct addr src = packet_addr(pattern, sent, "ipv4.src_addr", "ipv6.src_addr");

	if (!protocol->checksum_pseudo)
		return false;
	if (shown == checksum_fold(checksum_add_pseudo(
			 0, &src, &p->dst, protocol->ip_protocol, (uint32_t)covered)))
		return true;
	if (r->kind == REPLY_ECHO) /* it was made for the address that sent it */
		return shown == checksum_moved(was, &p->dst, &r->from);
	return r->dst_known && shown == checksum_moved(was, &p->dst, &r->dst);
}

/* The visible bytes are the probe's. */
static bool
same_bytes(const struct reply *r, const struct probe *p)
{
	const struct pattern *pattern = r->endpoint->pattern;
	const struct protocol *protocol = pattern->layers[1];
	const uint8_t *shown = r->image;
	const uint8_t *sent = p->packets->bytes;
	size_t at = r->quote_at;
	size_t end = at + r->quote_len;
	size_t sum;
	struct field_ref ref;

	if (end > p->packets->len)
		end = p->packets->len;
	if (end <= at || memcmp(shown + at, sent + at, end - at) == 0)
		return true;
	if (protocol->checksum_field == NULL ||
	    pattern_find_field(pattern, protocol->checksum_field, &ref) != 0)
		return false;
	/* All but the checksum? */
	sum = pattern_layer_offset(pattern, ref.layer) +
	      pattern_field(pattern, ref)->bit_offset / 8;
	return sum >= at && sum + 2 <= end &&
	       memcmp(shown + at, sent + at, sum - at) == 0 &&
	       memcmp(shown + sum + 2, sent + sum + 2, end - sum - 2) == 0 &&
	       checksum_may_stand(r, p, protocol, sum);
}

/*
 * Errors about IPv6 probes show the quoted flow label, which nobody on the way may
 * change (RFC 6437 section 3); the traffic class, shown too, is there to be changed.
 */
static bool
same_flow_label(const struct reply *r, const struct probe *p)
{
	const struct pattern *pattern = p->endpoint->pattern;
	size_t len = pattern_layer_offset(pattern, pattern->depth);
	struct field_ref ref;
	struct view view;
	uint64_t shown = 0;
	uint64_t sent = 0;

	if (pattern_find_field(pattern, "ipv6.flow_label", &ref) != 0 ||
	    (r->seen & pattern_field_mask(pattern, ref)) == 0)
		return true;
	view_of_layout(&view, pattern, r->image, 0, len);
	(void)view_read(&view, ref, &shown);
	view_of_layout(&view, pattern, p->packets->bytes, 0, len);
	(void)view_read(&view, ref, &sent);
	return shown == sent;
}

/*
 * Whether a reply is this probe's for certain, though another destination is told: its
 * tag, over ICMP with the id beside it, is nobody else's by accident, and all that is
 * visible agrees. A datagram must send the whole payload back.
 */
static bool
is_certain(const struct reply *r, const struct probe *p)
{
	const struct pattern *pattern = p->tags->pattern;
	unsigned int bits = pattern_field(pattern, p->tags->field)->bit_length;
	struct field_ref id;
	struct view view;
	uint64_t value;

	view_of_layout(
	    &view, pattern, r->image + r->quote_at, r->quote_at, r->quote_len);
	if (pattern_find_field(pattern, "icmp.id", &id) == 0 &&
	    view_read(&view, id, &value) == 0)
		bits += pattern_field(pattern, id)->bit_length;
	if (bits < BITS_CERTAIN || !same_bytes(r, p))
		return false;
	return r->kind != REPLY_DATA || r->quote_at + r->quote_len >= p->packets->len;
}

/* What match.probes points to. */
static struct probe *candidates[MATCH_MAX];

static void
candidate_add(struct match *m, struct probe *p)
{
	if (m->count < MATCH_MAX)
		candidates[m->count++] = p;
}

/*
 * The probes that visible tags name, one for each tag set at most, when all else that
 * is visible agrees. Returns one that differs in quoted bytes only, or NULL.
 */
static struct probe *
match_tagged(struct store *s, const struct reply *r, struct match *out)
{
	struct probe *altered = NULL;
	struct store_tags *t;

	TAILQ_FOREACH (t, &s->tags, next) {
		struct probe *p;
		uint64_t tag = 0;

		if (t->set.pattern != r->endpoint->pattern ||
		    !read_tag(r, &t->set, &tag))
			continue;
		p = find_by_key(s, r->endpoint, &t->set, tag);
		if (p == NULL)
			continue;
		if (!same_destination(r, p)) {
			if (!is_certain(r, p))
				continue;
			candidate_add(out, p);
			out->elsewhere = true;
		} else if (same_bytes(r, p))
			candidate_add(out, p);
		else if (altered == NULL)
			altered = p;
	}
	return altered;
}

/*
 * True when a reply to this probe would have shown its tag, had it been that probe's.
 */
static bool
tag_is_visible(const struct reply *r, const struct probe *p)
{
	uint64_t tag = 0;

	return p->tags != NULL && read_tag(r, p->tags, &tag);
}

/*
 * The probes that a reply may answer although it does not show their tags. What came
 * before a probe was sent (a duplicate) does not answer it.
 */
static void
match_untagged(struct store *s, const struct reply *r, struct match *out)
{
	struct bucket *b = NULL;
	struct probe *p;

	/* An echo reply comes from where the probe went, if it says nothing else. */
	if (r->dst_known || r->kind == REPLY_ECHO)
		b = bucket_find(s, r->endpoint, r->dst_known ? &r->dst : &r->from);
	if (b == NULL)
		return;
	TAILQ_FOREACH (p, &b->probes, in_bucket)
		if (p->state != PROBE_QUEUED && !p->withdrawn &&
		    p->sent <= r->received && same_destination(r, p) &&
		    same_bytes(r, p) && !tag_is_visible(r, p))
			candidate_add(out, p);
}

/*
 * The tag, a checksum, is not shown, but what makes it come out is: of one flow no two
 * probes have the same there.
 */
static bool
shows_balance(const struct reply *r, const struct probe *p)
{
	size_t at;

	if (p->tags == NULL || p->tags->rule->way != TAG_BY_PAYLOAD)
		return false;
	at = layout_tells_checksum(p->tags->pattern);
	return r->quote_at <= at && r->quote_at + r->quote_len >= at + 2;
}

/*
 * Of the probes in flight, all of one instance, exactly one expects this reply's
 * sender: it is that one's. Its instance has made sure that no other hop has the
 * address.
 */
static void
match_expected(const struct reply *r, struct match *m)
{
	const struct instance *instance = NULL;
	struct probe *one = NULL;

	if (m->count == MATCH_MAX)
		return; /* there may be more */
	for (size_t i = 0; i < m->count; i++) {
		struct probe *p = m->probes[i];

		if (p->state != PROBE_IN_FLIGHT)
			continue;
		if (instance != NULL && p->instance != instance)
			return;
		instance = p->instance;
		if (addr_is_none(&p->expects) || !addr_equal(&p->expects, &r->from))
			continue;
		if (one != NULL)
			return;
		one = p;
	}
	if (one == NULL)
		return;
	m->count = 0;
	candidate_add(m, one);
	m->by_address = true;
}

/*
 * Behind address translation the tag in a checksum is another one; but what stands
 * behind the header is still the probe's, and makes that checksum: one at most.
 */
static void
match_payload(struct store *s, const struct reply *r, struct match *out)
{
	size_t at = pattern_layer_offset(r->endpoint->pattern, 2);
	size_t end = r->quote_at + r->quote_len;
	struct bucket *b = NULL;
	struct probe *p;

	if (r->quoted.known && r->dst_known && r->quote_at <= at && end >= at + 2)
		b = bucket_find(s, r->endpoint, &r->dst);
	if (b == NULL)
		return;
	TAILQ_FOREACH (p, &b->probes, in_bucket) {
		size_t same = end < p->packets->len ? end : p->packets->len;

		if (p->state != PROBE_QUEUED && p->tags != NULL && same >= at + 2 &&
		    p->tags->rule->way == TAG_BY_PAYLOAD && same_destination(r, p) &&
		    memcmp(r->image + at, p->packets->bytes + at, same - at) == 0)
			candidate_add(out, p);
	}
	out->altered = out->count == 1;
	if (!out->altered)
		out->count = 0;
}

/* It left from where the reply says, as far as that is known of either. */
static bool
same_source(const struct reply *r, const struct probe *p)
{
	const struct addr *own = &p->endpoint->key.source;

	return addr_is_unspecified(own) || addr_is_none(&r->quoted.src) ||
	       memcmp(own->bytes, r->quoted.src.bytes, sizeof(own->bytes)) == 0;
}

/*
 * A quote without a transport header: the identification names the probe, and all else
 * that is visible must agree.
 */
static void
match_fragment(struct store *s, const struct reply *r, struct match *out)
{
	const struct wire_fragment *f = &r->quoted.fragment;
	struct probe_fragment_key key = {(uint16_t)r->from.family, f->protocol, f->id};
	struct probe *p = find_by_fragment(s, &key);
	size_t at, left;

	if (p == NULL || p->state == PROBE_QUEUED || !addr_equal(&r->dst, &p->dst) ||
	    !same_source(r, p))
		return;
	at = pattern_layer_offset(p->endpoint->pattern, 1) + f->offset;
	if (at >= p->packets->len)
		return;
	left = p->packets->len - at;
	candidate_add(out, p);
	out->type = MATCH_ONE;
	out->altered = memcmp(r->quoted.bytes, p->packets->bytes + at,
			   r->quoted.len < left ? r->quoted.len : left) != 0 ||
		       !same_flow_label(r, p);
}

/* A quote of a first piece bears the identification of the probe. */
static bool
same_identification(const struct reply *r, const struct probe *p)
{
	const struct wire_fragment *f = &r->quoted.fragment;

	return p->fragments == 0 || !r->quoted.known || !f->told ||
	       f->id == p->fragment.id;
}

/*
 * A target that sends the payload back without the header, in which the tag would be,
 * a checksum: the payload makes that. So of one flow no two probes have the same.
 */
static void
match_echoed(struct store *s, const struct reply *r, struct match *out)
{
	size_t at = pattern_layer_offset(r->endpoint->pattern, 2);
	struct bucket *b = bucket_find(s, r->endpoint, &r->dst);
	struct probe *p;

	if (b == NULL || b->mixed || r->quote_at != at)
		return;
	TAILQ_FOREACH (p, &b->probes, in_bucket)
		if (p->state != PROBE_QUEUED && !p->withdrawn && p->tags != NULL &&
		    p->tags->rule->way == TAG_BY_PAYLOAD && same_destination(r, p) &&
		    p->packets->len == at + r->quote_len && r->quote_len >= 2 &&
		    memcmp(r->image + at, p->packets->bytes + at, r->quote_len) == 0)
			candidate_add(out, p);
	if (out->count > 1)
		out->count = 0;
}

void
store_match(struct store *s, const struct reply *r, struct match *out)
{
	struct reply shown = *r;
	struct probe *altered, *named;
	bool tagged;

	*out = (struct match){.type = MATCH_NONE, .probes = candidates};
	out->count = 0; /* said once more, for clang's analyzer */
	if (r->probe != NULL) {
		candidate_add(out, r->probe);
		out->type = MATCH_ONE;
		return;
	}
	if (r->endpoint == NULL) {
		match_fragment(s, r, out);
		return;
	}
	altered = match_tagged(s, r, out);
	if (r->kind == REPLY_DATA && r->dst_known && out->count == 0)
		match_echoed(s, r, out);
	/* A datagram that does not echo a probe's payload may say anything. */
	if (r->kind == REPLY_DATA && out->count == 0) {
		altered = NULL;
		shown.quote_len = 0;
	}
	tagged = out->count > 0 || altered != NULL;
	named = out->count > 0 ? out->probes[0] : altered;
	/* A tag names one, unless others here are told apart by what is not visible. */
	if (!tagged || named->bucket->mixed || out->elsewhere)
		match_untagged(s, &shown, out);
	if (out->count == 0 && altered != NULL && !altered->bucket->mixed) {
		candidate_add(out, altered);
		out->altered = true;
	}
	if (out->count == 0)
		match_payload(s, r, out);
	tagged = tagged || out->altered ||
		 (out->count == 1 && shows_balance(&shown, out->probes[0]));
	if (!tagged)
		match_expected(r, out);
	out->alone = !tagged && !out->by_address;
	if (out->count > 0)
		out->type = out->count == 1 ? MATCH_ONE : MATCH_SEVERAL;
	if (out->type == MATCH_ONE && (!same_flow_label(r, out->probes[0]) ||
					  !same_identification(r, out->probes[0])))
		out->altered = true;
}
