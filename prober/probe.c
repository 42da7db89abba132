#include "prober/probe.h"

#include <stdlib.h>
#include <string.h>

static struct probe_list free_list = TAILQ_HEAD_INITIALIZER(free_list);
static size_t alive;

struct probe *
probe_new(void)
{
	struct probe *p = TAILQ_FIRST(&free_list);

	if (p != NULL)
		TAILQ_REMOVE(&free_list, p, in_queue);
	else
		p = malloc(sizeof(*p));
	if (p == NULL)
		return NULL;
	memset(p, 0, sizeof(*p));
	p->refs = 1;
	alive++;
	return p;
}

struct probe *
probe_ref(struct probe *p)
{
	if (p->refs == 0 || p->refs == UINT32_MAX)
		abort();
	p->refs++;
	return p;
}

void
probe_unref(struct probe *p)
{
	if (p == NULL)
		return;
	if (p->refs == 0)
		abort();
	if (--p->refs > 0)
		return;
	packet_unref(p->packets);
	packet_unref(p->wire);
	p->packets = p->wire = NULL;
	TAILQ_INSERT_HEAD(&free_list, p, in_queue);
	alive--;
}

size_t
probe_count(void)
{
	return alive;
}

void
probe_pool_clear(void)
{
	struct probe *p;

	while ((p = TAILQ_FIRST(&free_list)) != NULL) {
		TAILQ_REMOVE(&free_list, p, in_queue);
		free(p);
	}
}
