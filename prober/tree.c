#include "prober/tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prober/bits.h"

struct tree {
	struct pattern root;
};

/* Adds the layers' flow fields to the pattern's flow_id. */
static int
flow_id_extend(struct pattern *p)
{
	const struct protocol *protocol = p->layers[p->depth - 1];
	struct metafield *m = &p->flow_id;

	for (size_t i = 0; i < protocol->flow_fields_count; i++) {
		int index = protocol_field_index(protocol, protocol->flow_fields[i]);

		if (index < 0 || m->count == METAFIELD_MAX)
			return -EINVAL;
		m->fields[m->count++] =
		    (struct field_ref){(uint8_t)(p->depth - 1), (uint8_t)index};
		m->bits += protocol->fields[index].bit_length;
	}
	return 0;
}

/* The pattern "parent carries protocol", not linked yet. */
static struct pattern *
pattern_new(struct pattern *parent, const struct protocol *protocol, uint16_t selector)
{
	struct pattern *p = calloc(1, sizeof(*p));
	int written;

	if (p == NULL)
		return NULL;
	*p = *parent;
	written = snprintf(p->name, sizeof(p->name), "%s%s%s", parent->name,
	    parent->depth == 0 ? "" : "/", protocol->name);
	p->layers[p->depth++] = protocol;
	p->selector = selector;
	p->parent = parent;
	p->first_child = p->next_sibling = NULL;
	if (written < 0 || (size_t)written >= sizeof(p->name) ||
	    flow_id_extend(p) != 0) {
		free(p);
		return NULL;
	}
	return p;
}

/* True when what this parent entry names is the node. */
static bool
parent_is(const struct protocol_parent *entry, const struct pattern *node)
{
	if (node->depth == 0 || entry->name == NULL)
		return node->depth == 0 && entry->name == NULL;
	return strcmp(entry->name, node->layers[node->depth - 1]->name) == 0;
}

/* Adds every protocol that the node may carry, and goes on below it. */
static int
tree_grow(struct pattern *node)
{
	if (node->depth == PATTERN_DEPTH_MAX)
		return 0;
	for (const struct protocol *const *p = protocol_table; *p != NULL; p++) {
		const struct protocol *protocol = *p;

		for (size_t i = 0; i < protocol->parents_count; i++) {
			struct pattern *child;

			if (!parent_is(&protocol->parents[i], node))
				continue;
			child =
			    pattern_new(node, protocol, protocol->parents[i].selector);
			if (child == NULL)
				return -ENOMEM;
			child->next_sibling = node->first_child;
			node->first_child = child;
			if (tree_grow(child) != 0)
				return -ENOMEM;
		}
	}
	return 0;
}

struct tree *
tree_new(void)
{
	struct tree *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->root.flow_id.name = "flow_id";
	if (tree_grow(&t->root) != 0) {
		tree_free(t);
		return NULL;
	}
	return t;
}

static void
children_free(struct pattern *node)
{
	struct pattern *child = node->first_child;

	while (child != NULL) {
		struct pattern *next = child->next_sibling;

		children_free(child);
		free(child);
		child = next;
	}
}

void
tree_free(struct tree *t)
{
	if (t == NULL)
		return;
	children_free(&t->root);
	free(t);
}

static const struct pattern *
find_below(const struct pattern *node, const char *name)
{
	for (const struct pattern *p = node->first_child; p != NULL;
	     p = p->next_sibling) {
		size_t len = strlen(p->name);

		if (strcmp(p->name, name) == 0)
			return p;
		if (strncmp(p->name, name, len) == 0 && name[len] == '/')
			return find_below(p, name);
	}
	return NULL;
}

const struct pattern *
tree_find(const struct tree *t, const char *name)
{
	return find_below(&t->root, name);
}

int
pattern_find_field(const struct pattern *p, const char *name, struct field_ref *out)
{
	for (uint8_t layer = 0; layer < p->depth; layer++) {
		int index = protocol_field_index(p->layers[layer], name);

		if (index >= 0) {
			*out = (struct field_ref){layer, (uint8_t)index};
			return 0;
		}
	}
	return -ENOENT;
}

int
pattern_find_own_field(const struct pattern *p, const char *name, struct field_ref *out)
{
	uint8_t layer = (uint8_t)(p->depth - 1);
	const struct protocol *own = p->layers[layer];
	size_t len = strlen(own->name);

	for (size_t i = 0; i < own->fields_count; i++) {
		const char *field = own->fields[i].name;

		if (strncmp(field, own->name, len) == 0 && field[len] == '.' &&
		    strcmp(field + len + 1, name) == 0) {
			*out = (struct field_ref){layer, (uint8_t)i};
			return 0;
		}
	}
	return -ENOENT;
}

const struct field *
pattern_field(const struct pattern *p, struct field_ref ref)
{
	return &p->layers[ref.layer]->fields[ref.index];
}

uint64_t
pattern_field_mask(const struct pattern *p, struct field_ref ref)
{
	size_t bit = ref.index;

	for (size_t layer = 0; layer < ref.layer; layer++)
		bit += p->layers[layer]->fields_count;
	return bit < 64 ? UINT64_C(1) << bit : 0;
}

uint64_t
pattern_names_mask(const struct pattern *p, const char *const *names)
{
	uint64_t mask = 0;

	for (; *names != NULL; names++) {
		struct field_ref ref;

		if (pattern_find_field(p, *names, &ref) == 0)
			mask |= pattern_field_mask(p, ref);
	}
	return mask;
}

uint64_t
pattern_metafield_mask(const struct pattern *p, const struct metafield *m)
{
	uint64_t mask = 0;

	for (size_t i = 0; i < m->count; i++)
		mask |= pattern_field_mask(p, m->fields[i]);
	return mask;
}

const struct tag_field *
pattern_tag_field(const struct pattern *p, struct field_ref ref)
{
	const struct protocol *protocol = p->layers[ref.layer];
	const char *name = protocol->fields[ref.index].name;

	for (size_t i = 0; i < protocol->tag_fields_count; i++)
		if (strcmp(protocol->tag_fields[i].field, name) == 0)
			return &protocol->tag_fields[i];
	return NULL;
}

/* The child of a node that a selector picks, or NULL. */
static const struct pattern *
child_of(const struct pattern *node, int selector)
{
	const struct pattern *any = NULL;

	for (const struct pattern *p = node->first_child; p != NULL;
	     p = p->next_sibling) {
		if (p->selector == selector)
			return p;
		if (p->selector == SELECTOR_ANY && selector != SELECTOR_NONE)
			any = p;
	}
	return any;
}

/*
 * Takes one header off the front of what is left. Returns its length, 0 when it is cut
 * (which ends the walk), or -EBADMSG. Outside of a quote *left shrinks to what the
 * header says it carries.
 */
static ssize_t
header_take(
    const struct protocol *protocol, const uint8_t *at, size_t *left, bool quoted)
{
	size_t len = protocol->header_min;
	size_t declared;

	if (*left < protocol->header_min)
		return 0;
	if (protocol->header_len != NULL)
		len = protocol->header_len(at, *left);
	/* A quote, or the fragment that is quoted, may end within TCP's options. */
	if (len > *left && quoted && protocol->carried == NULL)
		return 0;
	if (len < protocol->header_min || len > *left)
		return -EBADMSG;
	if (protocol->declared_len != NULL && !quoted) {
		declared = protocol->declared_len(at);
		if (declared < len || declared > *left)
			return -EBADMSG;
		*left = declared;
	}
	return (ssize_t)len;
}

int
tree_parse(const struct tree *t, uint32_t family, const uint8_t *bytes, size_t len,
    struct view *out)
{
	const struct pattern *node = child_of(&t->root, family == AF_INET ? 4 : 6);
	size_t at = 0;
	size_t left = len;
	bool quoted = false;

	*out = (struct view){.bytes = bytes};
	/* A header of which nothing is there is no layer. */
	while (node != NULL && (left != 0 || node->depth == 1)) {
		const struct protocol *protocol = node->layers[node->depth - 1];
		ssize_t header = header_take(protocol, bytes + at, &left, quoted);
		int selector = SELECTOR_NONE;

		if (header < 0 || (header == 0 && node->depth == 1))
			return -EBADMSG;
		out->pattern = node;
		out->offsets[node->depth - 1] = (uint16_t)at;
		out->len = at + left;
		if (header == 0) { /* cut: its bytes are there, nothing behind them */
			at += left;
			break;
		}
		if (protocol->carried != NULL)
			selector = protocol->carried(bytes + at, left);
		quoted = quoted || selector == SELECTOR_QUOTE;
		at += (size_t)header;
		left -= (size_t)header;
		node = child_of(node, selector);
	}
	out->payload = at;
	return 0;
}

size_t
pattern_layer_offset(const struct pattern *p, size_t layer)
{
	size_t offset = 0;

	for (size_t i = 0; i < layer; i++)
		offset += p->layers[i]->header_min;
	return offset;
}

void
view_of_layout(struct view *v, const struct pattern *p, const uint8_t *bytes,
    size_t from, size_t len)
{
	*v = (struct view){.pattern = p, .bytes = bytes, .from = from, .len = len};
	for (size_t i = 0; i < p->depth; i++)
		v->offsets[i] = (uint16_t)pattern_layer_offset(p, i);
	v->payload = pattern_layer_offset(p, p->depth);
}

/* Where in v->bytes a field starts, in bits. False when it is not wholly visible. */
static bool
view_locate(const struct view *v, struct field_ref ref, size_t *bit)
{
	const struct field *f = pattern_field(v->pattern, ref);
	size_t start = (size_t)v->offsets[ref.layer] * 8 + f->bit_offset;

	if (start < v->from * 8 || start + f->bit_length > (v->from + v->len) * 8)
		return false;
	*bit = start - v->from * 8;
	return true;
}

int
view_read(const struct view *v, struct field_ref ref, uint64_t *out)
{
	size_t bit;

	if (!view_locate(v, ref, &bit))
		return -ENODATA;
	*out = bits_read(v->bytes, bit, pattern_field(v->pattern, ref)->bit_length);
	return 0;
}

int
view_read_addr(const struct view *v, struct field_ref ref, struct addr *out)
{
	size_t bit;

	if (!view_locate(v, ref, &bit))
		return -ENODATA;
	*out = addr_from_bytes(
	    pattern_field(v->pattern, ref)->bit_length == 32 ? AF_INET : AF_INET6,
	    v->bytes + bit / 8);
	return 0;
}

int
view_read_metafield(const struct view *v, const struct metafield *m, uint8_t *out)
{
	size_t to = 0;

	memset(out, 0, (m->bits + 7) / 8);
	for (size_t i = 0; i < m->count; i++) {
		const struct field *f = pattern_field(v->pattern, m->fields[i]);
		size_t bit;

		if (!view_locate(v, m->fields[i], &bit))
			return -ENODATA;
		bits_copy(out, to, v->bytes, bit, f->bit_length);
		to += f->bit_length;
	}
	return 0;
}

/* Where in a packet of ours a field starts, in bits. */
static size_t
layout_bit(const struct pattern *p, struct field_ref ref)
{
	return pattern_layer_offset(p, ref.layer) * 8 +
	       pattern_field(p, ref)->bit_offset;
}

void
pattern_write(
    const struct pattern *p, uint8_t *packet, struct field_ref ref, uint64_t value)
{
	bits_write(
	    packet, layout_bit(p, ref), pattern_field(p, ref)->bit_length, value);
}

void
pattern_write_addr(const struct pattern *p, uint8_t *packet, struct field_ref ref,
    const struct addr *a)
{
	memcpy(packet + layout_bit(p, ref) / 8, a->bytes, addr_family_len(a->family));
}

void
pattern_write_metafield(const struct pattern *p, uint8_t *packet,
    const struct metafield *m, const uint8_t *value)
{
	size_t from = 0;

	for (size_t i = 0; i < m->count; i++) {
		size_t bits = pattern_field(p, m->fields[i])->bit_length;

		bits_copy(packet, layout_bit(p, m->fields[i]), value, from, bits);
		from += bits;
	}
}
