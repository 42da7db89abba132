#include "tools/fakeroute/replyqueue.h"

#include <stdbool.h>
#include <stdlib.h>

#define BLOCK_SLOTS 256

struct entry {
	int64_t due;
	uint64_t number; /* order of queuing */
	uint32_t slot;
	uint32_t len;
};

struct replyqueue {
	size_t room; /* of one slot, with its headroom */
	size_t most;
	uint8_t **blocks;
	size_t blocks_count;
	struct entry *heap;
	size_t count;
	uint32_t *unused; /* a stack of free slots */
	size_t unused_count;
	uint64_t pushed;
};

struct replyqueue *
replyqueue_new(size_t room, size_t most)
{
	struct replyqueue *q = calloc(1, sizeof(*q));
	size_t blocks = (most + BLOCK_SLOTS - 1) / BLOCK_SLOTS;

	if (q == NULL)
		return NULL;
	q->room = (room + REPLYQUEUE_HEADROOM + 63) / 64 * 64;
	q->most = blocks * BLOCK_SLOTS;
	q->blocks = calloc(blocks, sizeof(*q->blocks));
	q->heap = calloc(q->most, sizeof(*q->heap));
	q->unused = calloc(q->most, sizeof(*q->unused));
	if (q->blocks != NULL && q->heap != NULL && q->unused != NULL)
		return q;
	replyqueue_free(q);
	return NULL;
}

void
replyqueue_free(struct replyqueue *q)
{
	if (q == NULL)
		return;
	for (size_t i = 0; i < q->blocks_count; i++)
		free(q->blocks[i]);
	free(q->blocks);
	free(q->heap);
	free(q->unused);
	free(q);
}

static uint8_t *
packet_of(const struct replyqueue *q, uint32_t slot)
{
	return q->blocks[slot / BLOCK_SLOTS] + (slot % BLOCK_SLOTS) * q->room +
	       REPLYQUEUE_HEADROOM;
}

static bool
grow(struct replyqueue *q)
{
	size_t first = q->blocks_count * BLOCK_SLOTS;
	uint8_t *block;

	if (first >= q->most)
		return false;
	block = malloc(BLOCK_SLOTS * q->room);
	if (block == NULL)
		return false;
	q->blocks[q->blocks_count++] = block;
	for (size_t i = BLOCK_SLOTS; i-- > 0;)
		q->unused[q->unused_count++] = (uint32_t)(first + i);
	return true;
}

uint8_t *
replyqueue_take(struct replyqueue *q, uint32_t *slot)
{
	if (q->unused_count == 0 && !grow(q))
		return NULL;
	*slot = q->unused[--q->unused_count];
	return packet_of(q, *slot);
}

void
replyqueue_release(struct replyqueue *q, uint32_t slot)
{
	q->unused[q->unused_count++] = slot;
}

static bool
before(const struct entry *a, const struct entry *b)
{
	return a->due != b->due ? a->due < b->due : a->number < b->number;
}

/* Moves an entry up from a free place of the heap to where it belongs. */
static void
sift_up(struct replyqueue *q, size_t at, struct entry entry)
{
	for (size_t up; at > 0; at = up) {
		up = (at - 1) / 2;
		if (!before(&entry, &q->heap[up]))
			break;
		q->heap[at] = q->heap[up];
	}
	q->heap[at] = entry;
}

uint64_t
replyqueue_push(struct replyqueue *q, uint32_t slot, size_t len, int64_t due)
{
	struct entry entry = {due, q->pushed++, slot, (uint32_t)len};

	sift_up(q, q->count++, entry);
	return entry.number;
}

void
replyqueue_hasten(struct replyqueue *q, uint64_t number, int64_t due)
{
	for (size_t i = 0; i < q->count; i++)
		if (q->heap[i].number == number && due < q->heap[i].due) {
			struct entry entry = q->heap[i];

			entry.due = due;
			sift_up(q, i, entry);
			return;
		}
}

int64_t
replyqueue_due(const struct replyqueue *q)
{
	return q->count == 0 ? REPLYQUEUE_NEVER : q->heap[0].due;
}

/* Takes the first entry off the heap. */
static struct entry
heap_pop(struct replyqueue *q)
{
	struct entry first = q->heap[0];
	struct entry last = q->heap[--q->count];
	size_t at = 0;

	for (size_t down = 1; down < q->count; down = at * 2 + 1) {
		if (down + 1 < q->count && before(&q->heap[down + 1], &q->heap[down]))
			down++;
		if (!before(&q->heap[down], &last))
			break;
		q->heap[at] = q->heap[down];
		at = down;
	}
	q->heap[at] = last;
	return first;
}

uint8_t *
replyqueue_pop(struct replyqueue *q, int64_t now, uint32_t *slot, size_t *len)
{
	struct entry first;

	if (replyqueue_due(q) > now || q->count == 0)
		return NULL;
	first = heap_pop(q);
	*slot = first.slot;
	*len = first.len;
	return packet_of(q, first.slot);
}

size_t
replyqueue_count(const struct replyqueue *q)
{
	return q->count;
}
