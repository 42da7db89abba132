#include "tools/fakeroute/simextension.h"

#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/checksum.h"
#include "tools/fakeroute/topology_extensions.h"

#define STRUCTURE_MAX 1500

/* The structures of one node. */
struct structures {
	uint8_t *bytes[2];
	size_t len[2];
};

struct simextensions {
	const struct topology *t;
	struct structures *structures; /* by node */
};

static void
write_object(struct writer *w, const struct topology_object *object, size_t family)
{
	size_t len = 4 + object->len[family];

	if (!object->whole) {
		writer_u16(w, object->lies ? object->length : (uint16_t)len);
		writer_u8(w, object->class);
		writer_u8(w, object->type);
	}
	writer_copy(w, object->data[family], object->len[family]);
}

/* The stack of the option mpls, which stands first. */
static void
write_labels(struct writer *w, const struct topology_options *o)
{
	struct topology_object object = {.class = 1, .type = 1};

	object.len[0] = topology_labels_write(
	    o->labels, o->labels_count, object.data[0], sizeof(object.data[0]));
	write_object(w, &object, 0);
}

static void
write_checksum(struct writer *w, enum topology_checksum how)
{
	size_t len = writer_len(w);
	uint16_t checksum = 0;

	if (w->failed || how == TOPOLOGY_CHECKSUM_ZERO)
		return;
	checksum = checksum_finish(checksum_add(0, w->start, len));
	if (how == TOPOLOGY_CHECKSUM_WRONG)
		checksum ^= 0x5555;
	w->start[2] = (uint8_t)(checksum >> 8);
	w->start[3] = (uint8_t)checksum;
}

/* Writes the structure of a node over a family; returns its length, 0 for none. */
static size_t
write_structure(const struct topology *t, uint32_t node, size_t family, uint8_t *out)
{
	const struct topology_options *o = &t->nodes[node].options;
	bool whole = false;
	struct writer w;

	writer_init(&w, out, STRUCTURE_MAX);
	writer_u16(&w, (uint16_t)(o->extension_version << 12));
	writer_u16(&w, 0);
	if (o->labels_count > 0)
		write_labels(&w, o);
	for (size_t i = 0; i < t->objects_count; i++) {
		const struct topology_object *object = &t->objects[i];

		if (object->node != node)
			continue;
		if (object->whole)
			writer_init(&w, out, STRUCTURE_MAX);
		write_object(&w, object, family);
		whole = whole || object->whole;
	}
	if (whole)
		return w.failed ? 0 : writer_len(&w);
	if (writer_len(&w) == 4)
		return 0;
	write_checksum(&w, o->extension_checksum);
	return w.failed ? 0 : writer_len(&w);
}

static bool
make(struct simextensions *e, uint32_t node)
{
	struct structures *s = &e->structures[node];
	uint8_t bytes[STRUCTURE_MAX];

	for (size_t family = 0; family < 2; family++) {
		size_t len = write_structure(e->t, node, family, bytes);

		if (len == 0)
			continue;
		s->bytes[family] = malloc(len);
		if (s->bytes[family] == NULL)
			return false;
		memcpy(s->bytes[family], bytes, len);
		s->len[family] = len;
	}
	return true;
}

struct simextensions *
simextensions_new(const struct topology *t)
{
	struct simextensions *e = calloc(1, sizeof(*e));
	bool *has = calloc(t->nodes_count, sizeof(*has));
	bool good;

	if (e != NULL) {
		e->t = t;
		e->structures = calloc(t->nodes_count, sizeof(*e->structures));
	}
	good = e != NULL && has != NULL && e->structures != NULL;
	for (size_t i = 0; good && i < t->objects_count; i++)
		has[t->objects[i].node] = true;
	for (uint32_t i = 0; good && i < t->nodes_count; i++)
		if (has[i] || t->nodes[i].options.labels_count > 0)
			good = make(e, i);
	free(has);
	if (good)
		return e;
	simextensions_free(e);
	return NULL;
}

void
simextensions_free(struct simextensions *e)
{
	if (e == NULL)
		return;
	for (size_t i = 0; e->structures != NULL && i < e->t->nodes_count; i++)
		for (size_t family = 0; family < 2; family++)
			free(e->structures[i].bytes[family]);
	free(e->structures);
	free(e);
}

const uint8_t *
simextensions_get(
    const struct simextensions *e, uint32_t node, size_t family, size_t *len)
{
	*len = e->structures[node].len[family];
	return e->structures[node].bytes[family];
}
