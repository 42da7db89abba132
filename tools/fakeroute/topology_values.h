/*
 * The values of the topology language, and tables of its words "key=value": what the
 * options of nodes, the rules and the extensions are read with. Functions return 0 or
 * -EINVAL, and what they do not understand leaves *out alone.
 */
#ifndef FAKEROUTE_TOPOLOGY_VALUES_H
#define FAKEROUTE_TOPOLOGY_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/fakeroute/topology.h"

enum topology_type {
	TOPOLOGY_TYPE_OWN,    /* read by the word's own function */
	TOPOLOGY_TYPE_FLAG,   /* bool: bare, or yes, no, on, off */
	TOPOLOGY_TYPE_TIME,   /* int64_t, ns */
	TOPOLOGY_TYPE_CHANCE, /* uint32_t, per million */
	TOPOLOGY_TYPE_U8,
	TOPOLOGY_TYPE_U32,
	TOPOLOGY_TYPE_CHOICE, /* an enumeration that counts from 0 */
	TOPOLOGY_TYPE_PORTS,  /* struct topology_ranges */
	TOPOLOGY_TYPE_RATE,   /* struct topology_rate */
};

/* One word of a table: where it is kept in its object, and what it takes. */
struct topology_word {
	const char *key;
	enum topology_type type;
	size_t offset;            /* in the object */
	uint64_t least, most;     /* of a number */
	const char *const *words; /* of a choice, ended by NULL */
	/* of TOPOLOGY_TYPE_OWN: value is NULL for a bare word, if bare is allowed */
	int (*set)(void *object, const char *value);
	const char *takes; /* what to say when set did not take it */
	bool bare;
};

const struct topology_word *topology_word_find(
    const struct topology_word *table, size_t count, const char *key);

/*
 * Sets an object by one word of its table; value is NULL for a bare word. Returns 0, or
 * -EINVAL and in why what was expected.
 */
int topology_word_set(const struct topology_word *word, void *object, const char *value,
    char *why, size_t room);

/*
 * Splits "key=value", or a bare word, and sets an object by it. whose: "a rule", of
 * which why tells the words if this is none. The word stays as it was.
 */
int topology_words_set(const struct topology_word *table, size_t count,
    const char *whose, void *object, char *word, char *why, size_t room);

int topology_number(const char *text, uint64_t least, uint64_t most, uint64_t *out);
int topology_time(const char *text, int64_t *ns);           /* 2ms, 1.5ms, 30us, 1s */
int topology_chance(const char *text, uint32_t *millionth); /* 5%, 0.1% */

/* NUMBER/TIME, where s stands for 1s: 10/s, 1/250ms. */
int topology_rate(const char *text, struct topology_rate *out);

/* A time, or a number of packets: 5s, 40packets. */
int topology_moment(const char *text, struct topology_moment *out);

/* Whether a span begins before it ends, as far as that can be told: 0 or -EINVAL. */
int topology_span_check(const struct topology_span *span);

/* net, host, protocol, port, prohibited, or a code. */
int topology_unreachable(
    const char *text, enum topology_unreachable *kind, uint8_t *code);

/* The index of a word in a NULL-terminated list, or -EINVAL. */
int topology_choice(const char *text, const char *const *words);

/* NUMBER, FIRST-LAST, up to TOPOLOGY_RANGES_MAX with commas, each from least to most.
 */
int topology_ranges(
    const char *text, uint16_t least, uint16_t most, struct topology_ranges *out);

/* An address, or with prefixes an address/length without bits behind it. */
int topology_prefix(const char *text, bool prefixes, struct topology_addr *out);

/* One address, or with a comma one of each family: out[0] IPv4, out[1] IPv6. */
int topology_addr_pair(const char *text, struct addr out[2]);

/* Pairs of hexadecimal digits, up to room of them, at least one. */
int topology_hex(const char *text, uint8_t *out, size_t room, size_t *len);

/* LABEL[:TRAFFIC-CLASS[:TTL]] with commas, added to *count that are there. */
int topology_labels(const char *text, struct topology_label *labels, size_t *count);

/* Hands each part between commas to add; stops at its first error. */
int topology_each_part(
    const char *text, int (*add)(void *object, const char *part), void *object);

/* Letters, digits and . _ -, up to TOPOLOGY_NAME_MAX of them. */
bool topology_name_is_good(const char *name);

/* Copies a text that is known to fit. */
void topology_text_copy(char *out, const char *text);

#endif
