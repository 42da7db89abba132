/*
 * The protocol tree. A node is a protocol, an edge is "carries", a branch from the root
 * is a pattern (ipv4/udp; ipv4/icmpv4/ipv4/udp for an error about a UDP probe). Built
 * once from the protocol table; read only afterwards. The prober, the planner and every
 * parser of packets use it.
 */
#ifndef PROBER_TREE_H
#define PROBER_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prober/protocol.h"

#define PATTERN_DEPTH_MAX 4 /* ipv4/icmpv4/ipv4/udp */
#define METAFIELD_MAX 16    /* fields of one metafield */
#define PATTERN_NAME_MAX 40

/* A field of a pattern: which layer's, and which of that protocol's fields. */
struct field_ref {
	uint8_t layer; /* 0 is the outermost header */
	uint8_t index; /* into the protocol's fields */
};

/* An ordered set of fields that is read and written as one. */
struct metafield {
	const char *name;
	size_t count;
	struct field_ref fields[METAFIELD_MAX];
	size_t bits; /* their lengths, added up */
};

struct pattern {
	char name[PATTERN_NAME_MAX]; /* "ipv4/udp" */
	const struct protocol *layers[PATTERN_DEPTH_MAX];
	uint8_t depth;     /* number of layers */
	uint16_t selector; /* by which its parent carries it */
	/* What a per-flow load balancer hashes, all layers' flow fields in order. */
	struct metafield flow_id;
	struct pattern *parent;
	struct pattern *first_child;
	struct pattern *next_sibling;
};

struct tree;

/* Builds the tree. Returns NULL when memory is short. Freed by tree_free (NULL is
 * fine). */
struct tree *tree_new(void);
void tree_free(struct tree *t);

/* The pattern of that name ("ipv6/icmpv6"), or NULL. Owned by the tree. */
const struct pattern *tree_find(const struct tree *t, const char *name);

/*
 * Finds a field of a pattern by name in its outermost layer that has it. 0 or -ENOENT.
 */
int pattern_find_field(
    const struct pattern *p, const char *name, struct field_ref *out);

/*
 * Finds a field of the innermost layer by the part of its name behind the protocol's:
 * "src_port" of ipv4/tcp is tcp.src_port. 0 or -ENOENT.
 */
int pattern_find_own_field(
    const struct pattern *p, const char *name, struct field_ref *out);

const struct field *pattern_field(const struct pattern *p, struct field_ref ref);

/* The field's bit in masks over this pattern (a record of which fields are set). */
uint64_t pattern_field_mask(const struct pattern *p, struct field_ref ref);

/*
 * The mask of a list of field names that ends with NULL; names not in p count nothing.
 */
uint64_t pattern_names_mask(const struct pattern *p, const char *const *names);

/* The mask of a metafield. */
uint64_t pattern_metafield_mask(const struct pattern *p, const struct metafield *m);

/* The tag rule of a field of this pattern, or NULL when it cannot carry a tag. */
const struct tag_field *pattern_tag_field(
    const struct pattern *p, struct field_ref ref);

/*
 * A packet, or the part of one that is visible, seen through a pattern: bytes[0] is
 * byte `from` of the packet. Layer offsets count from the packet's start. Fields
 * outside of the visible bytes are not readable; nothing is ever read past them.
 */
struct view {
	const struct pattern *pattern;
	const uint8_t *bytes;
	size_t from;
	size_t len; /* visible bytes */
	uint16_t offsets[PATTERN_DEPTH_MAX];
	size_t payload; /* offset of what follows the innermost header */
};

/*
 * Parses a packet (family AF_INET or AF_INET6) by walking the tree as deep as its bytes
 * allow. A quoted header that is cut ends the walk at that layer, with the bytes that
 * are there. Returns 0, or -EBADMSG when a header is impossible (bad version, header
 * length below the minimum or past the end, first header cut).
 */
int tree_parse(const struct tree *t, uint32_t family, const uint8_t *bytes, size_t len,
    struct view *out);

/*
 * A view without parsing: the fixed layout of a packet that we built (no IP options),
 * of which len bytes are visible starting at byte `from`.
 */
void view_of_layout(struct view *v, const struct pattern *p, const uint8_t *bytes,
    size_t from, size_t len);

/* Reads a field of up to 64 bits. 0, or -ENODATA when it is not (wholly) visible. */
int view_read(const struct view *v, struct field_ref ref, uint64_t *out);

/* Bytes of the address field (4 or 16) into addr. 0 or -ENODATA. */
int view_read_addr(const struct view *v, struct field_ref ref, struct addr *out);

/*
 * Reads a metafield: its fields' bits one after the other, padded with zero bits to
 * whole bytes. out has (bits + 7) / 8 bytes. 0, or -ENODATA when any field is not
 * visible.
 */
int view_read_metafield(const struct view *v, const struct metafield *m, uint8_t *out);

/* Writes into a packet of ours with the fixed layout; the inverse of the reads. */
void pattern_write(
    const struct pattern *p, uint8_t *packet, struct field_ref ref, uint64_t value);
void pattern_write_addr(const struct pattern *p, uint8_t *packet, struct field_ref ref,
    const struct addr *a);
void pattern_write_metafield(const struct pattern *p, uint8_t *packet,
    const struct metafield *m, const uint8_t *value);

/* Offset of a layer in the fixed layout; layer == depth gives the payload's. */
size_t pattern_layer_offset(const struct pattern *p, size_t layer);

#endif
