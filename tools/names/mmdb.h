/*
 * Reads a MaxMind DB file (version 2.0 of the format: a binary trie of addresses, then
 * data), as GeoLite2 and IPinfo come. Part of paris-names. The file may be hostile: it
 * is read inside the sandbox, which libmaxminddb cannot do, since it opens the file
 * itself and reads its metadata at once. Nothing is trusted: each offset is checked
 * where it is used, and each loop is bounded.
 */
#ifndef TOOLS_NAMES_MMDB_H
#define TOOLS_NAMES_MMDB_H

#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"

/* Data fields looked at to find one member of a map; a map that has more is broken. */
#define MMDB_FIELDS_MAX 4096

/* A part of the file in which data fields lie; pointers count from its start. */
struct mmdb_section {
	const uint8_t *start;
	size_t len;
};

struct mmdb {
	const uint8_t *tree;
	uint32_t nodes;
	uint32_t ipv4_root; /* the node or record of ::/96 */
	uint16_t record_bits;
	uint16_t ip_version;
	struct mmdb_section data;
};

enum mmdb_type {
	MMDB_POINTER = 1,
	MMDB_TEXT = 2,
	MMDB_DOUBLE = 3,
	MMDB_BYTES = 4,
	MMDB_UINT16 = 5,
	MMDB_UINT32 = 6,
	MMDB_MAP = 7,
	MMDB_INT32 = 8,
	MMDB_UINT64 = 9,
	MMDB_UINT128 = 10,
	MMDB_ARRAY = 11,
	MMDB_CACHE = 12, /* none of these two is a value */
	MMDB_END = 13,
	MMDB_BOOLEAN = 14,
	MMDB_FLOAT = 15,
};

/* A data field; its bytes lie in the section. */
struct mmdb_field {
	uint8_t type; /* enum mmdb_type */
	uint32_t
	    len;   /* bytes; members of a map or array; a boolean; a pointer's target */
	size_t at; /* where its bytes, or its first member, begin */
	size_t next; /* where what follows it begins; of maps and arrays as `at` */
};

/*
 * Prepares to read a file of this many bytes, which must stay where it is. Returns 0,
 * or -EBADMSG for what is no such file, or one of another version of the format.
 */
int mmdb_open(struct mmdb *db, const void *file, size_t len);

/*
 * The data field of the longest prefix that has the address. Returns 0, -ENOENT when
 * there is none, or -EBADMSG when the file is broken there.
 */
int mmdb_find(const struct mmdb *db, const struct addr *a, struct mmdb_field *out);

/* The member of a map with this key. Returns as mmdb_find does; -ENOENT for no map. */
int mmdb_member(const struct mmdb *db, const struct mmdb_field *map, const char *key,
    struct mmdb_field *out);

/*
 * A text, cut to room with its NUL. Returns 0, or -ENOENT for what is no text, an empty
 * one, or one with a NUL inside.
 */
int mmdb_text(
    const struct mmdb *db, const struct mmdb_field *field, char *out, size_t room);

/* A number without sign. Returns 0, or -ENOENT for what is none, or too large. */
int mmdb_number(const struct mmdb *db, const struct mmdb_field *field, uint32_t *out);

#endif
