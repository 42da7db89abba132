#include "prober/learned.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define WAYS 4 /* places where an entry may be */
#define SETS (LEARNED_ENTRIES / WAYS)

#define PREFIX_V4 3 /* bytes */
#define PREFIX_V6 6

enum entry_kind {
	ENTRY_NONE = 0,
	ENTRY_TARGET,
	ENTRY_PREFIX, /* the bytes beyond it are zero */
	ENTRY_SOURCE, /* an address of ours */
};

struct entry {
	uint32_t kind; /* enum entry_kind */
	uint32_t used; /* when: learned.clock */
	struct addr addr;
	struct learned_path path;
};

struct learned {
	uint64_t seed;
	uint32_t clock; /* of calls */
	struct entry sets[SETS][WAYS];
};

/* Zeroed pages are not taken before they are used. */
struct learned *
learned_new(uint64_t seed)
{
	struct learned *l = calloc(1, sizeof(*l));

	if (l != NULL)
		l->seed = seed;
	return l;
}

void
learned_free(struct learned *l)
{
	free(l);
}

static struct addr
prefix_of(const struct addr *a)
{
	size_t len = a->family == AF_INET6 ? PREFIX_V6 : PREFIX_V4;
	struct addr prefix = *a;

	memset(prefix.bytes + len, 0, sizeof(prefix.bytes) - len);
	return prefix;
}

/* Murmur3's finalizer, over each half of the address in turn. */
static uint64_t
mix(uint64_t hash, uint64_t value)
{
	hash ^= value;
	hash = (hash ^ hash >> 33) * UINT64_C(0xff51afd7ed558ccd);
	hash = (hash ^ hash >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return hash ^ hash >> 33;
}

static struct entry *
set_of(struct learned *l, uint32_t kind, const struct addr *a)
{
	uint64_t hash = mix(l->seed, (uint64_t)kind << 32 | a->scope);
	uint64_t half;

	memcpy(&half, a->bytes, sizeof(half));
	hash = mix(hash, half);
	memcpy(&half, a->bytes + sizeof(half), sizeof(half));
	return l->sets[mix(hash, half + a->family) % SETS];
}

/* The entry, or NULL. */
static struct entry *
find(struct learned *l, uint32_t kind, const struct addr *a)
{
	struct entry *set = set_of(l, kind, a);

	for (size_t way = 0; way < WAYS; way++)
		if (set[way].kind == kind && addr_equal(&set[way].addr, a)) {
			set[way].used = ++l->clock;
			return &set[way];
		}
	return NULL;
}

/* The entry, an empty one if there was none. */
static struct entry *
find_or_make(struct learned *l, uint32_t kind, const struct addr *a)
{
	struct entry *found = find(l, kind, a);
	struct entry *set = set_of(l, kind, a);

	if (found != NULL)
		return found;
	found = &set[0];
	for (size_t way = 1; way < WAYS && found->kind != ENTRY_NONE; way++)
		/* The clock may have gone round: ages count, not times. */
		if (set[way].kind == ENTRY_NONE ||
		    l->clock - set[way].used > l->clock - found->used)
			found = &set[way];
	*found = (struct entry){.kind = kind, .used = ++l->clock, .addr = *a};
	return found;
}

void
learned_put(struct learned *l, const struct addr *target, const struct addr *source,
    const struct learned_path *path)
{
	struct addr prefix = prefix_of(target);
	struct learned_path *known = &find_or_make(l, ENTRY_TARGET, target)->path;

	if (path->distance != 0)
		known->distance = path->distance;
	if (path->rtt != 0)
		known->rtt = path->rtt;
	if (path->tags != LEARNED_TAGS_UNKNOWN)
		known->tags = path->tags;

	known = &find_or_make(l, ENTRY_PREFIX, &prefix)->path;
	if (path->distance > known->distance)
		known->distance = path->distance;
	if (path->rtt != 0)
		known->rtt =
		    known->rtt == 0 ? path->rtt : known->rtt / 4 * 3 + path->rtt / 4;
	if (path->tags != LEARNED_TAGS_UNKNOWN)
		find_or_make(l, ENTRY_SOURCE, source)->path.tags = path->tags;
}

struct instance_hints
learned_get(struct learned *l, const struct addr *target, const struct addr *source)
{
	struct addr prefix = prefix_of(target);
	const struct entry *entries[] = {find(l, ENTRY_TARGET, target),
	    find(l, ENTRY_PREFIX, &prefix), find(l, ENTRY_SOURCE, source)};
	struct instance_hints hints = {0};
	uint8_t tags = LEARNED_TAGS_UNKNOWN;

	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		if (entries[i] == NULL)
			continue;
		if (hints.distance == 0)
			hints.distance = entries[i]->path.distance;
		if (hints.rtt == 0)
			hints.rtt = entries[i]->path.rtt;
		if (tags == LEARNED_TAGS_UNKNOWN)
			tags = entries[i]->path.tags;
	}
	hints.tags_shown = tags == LEARNED_TAGS_SHOWN;
	return hints;
}
