/*
 * Replies that wait for their time: a binary heap over a pool of packet buffers that
 * grows by blocks and never shrinks, so that a packet costs no allocation. Replies due
 * at the same time leave in the order they were queued.
 */
#ifndef FAKEROUTE_REPLYQUEUE_H
#define FAKEROUTE_REPLYQUEUE_H

#include <stddef.h>
#include <stdint.h>

/* Bytes in front of each packet that are the sender's, for a link-layer header. */
#define REPLYQUEUE_HEADROOM 16

#define REPLYQUEUE_NEVER INT64_MAX

struct replyqueue;

/* room: the largest packet; most: the largest number of replies that may wait. */
struct replyqueue *replyqueue_new(size_t room, size_t most);
void replyqueue_free(struct replyqueue *q);

/*
 * A buffer for one packet: its number is put into *slot. NULL when the queue is full or
 * without memory. Give it to replyqueue_push or replyqueue_release.
 */
uint8_t *replyqueue_take(struct replyqueue *q, uint32_t *slot);

/*
 * Queues a taken buffer with len bytes for a time. Cannot fail. Returns the reply's
 * number, which no other one gets.
 */
uint64_t replyqueue_push(struct replyqueue *q, uint32_t slot, size_t len, int64_t due);

/* Gives a reply an earlier time, if it still waits for a later one. */
void replyqueue_hasten(struct replyqueue *q, uint64_t number, int64_t due);

/* When the next reply is due, or REPLYQUEUE_NEVER. */
int64_t replyqueue_due(const struct replyqueue *q);

/*
 * The next reply that is due by now: its packet and length, or NULL. The buffer stays
 * valid until replyqueue_release.
 */
uint8_t *replyqueue_pop(struct replyqueue *q, int64_t now, uint32_t *slot, size_t *len);

void replyqueue_release(struct replyqueue *q, uint32_t slot);

/* Replies that wait. */
size_t replyqueue_count(const struct replyqueue *q);

#endif
