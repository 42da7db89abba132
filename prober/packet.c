#include "prober/packet.h"

#include <stdlib.h>

/* Sizes of buffers; each has a free list of its own. */
static const uint32_t rooms[] = {128, 1536, 65535};
#define ROOMS (sizeof(rooms) / sizeof(rooms[0]))

static struct packet *free_list[ROOMS];
static size_t alive;

static size_t
room_index(size_t len)
{
	size_t i = 0;

	while (i < ROOMS && rooms[i] < len)
		i++;
	return i;
}

struct packet *
packet_new(size_t len)
{
	size_t index = room_index(len);
	struct packet *p;

	if (index == ROOMS)
		return NULL;
	p = free_list[index];
	if (p != NULL)
		free_list[index] = p->next;
	else
		p = malloc(sizeof(*p) + rooms[index]);
	if (p == NULL)
		return NULL;
	p->refs = 1;
	p->room = rooms[index];
	p->len = len;
	p->next = NULL;
	alive++;
	return p;
}

struct packet *
packet_ref(struct packet *p)
{
	if (p->refs == 0 || p->refs == UINT32_MAX)
		abort();
	p->refs++;
	return p;
}

void
packet_unref(struct packet *p)
{
	while (p != NULL) {
		struct packet *next = p->next;
		size_t index = room_index(p->room);

		if (p->refs == 0)
			abort();
		if (--p->refs > 0)
			return;
		p->next = free_list[index];
		free_list[index] = p;
		alive--;
		p = next;
	}
}

size_t
packet_count(void)
{
	return alive;
}

void
packet_pool_clear(void)
{
	for (size_t i = 0; i < ROOMS; i++) {
		while (free_list[i] != NULL) {
			struct packet *next = free_list[i]->next;

			free(free_list[i]);
			free_list[i] = next;
		}
	}
}
