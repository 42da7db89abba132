/*
 * A topology file while it is read: what the files of the parser share. Used by
 * topology.c, topology_links.c and topology_named.c only.
 */
#ifndef FAKEROUTE_TOPOLOGY_PARSER_H
#define FAKEROUTE_TOPOLOGY_PARSER_H

#include "tools/fakeroute/topology.h"
#include "tools/fakeroute/topology_lint.h"
#include "tools/fakeroute/topology_rules.h"

#define TOPOLOGY_WORD_ROOM 1024 /* of one word */
#define TOPOLOGY_WHY_ROOM 512   /* of what is wrong with it */

/* Where a link was written, until all nodes are known. */
struct pending_link {
	unsigned int line;
	char from[TOPOLOGY_NAME_MAX + 1];
	char to[TOPOLOGY_NAME_MAX + 1];
	uint32_t weight;
	int64_t rtt;
	uint32_t loss;
	struct topology_span span;
};

/* Likewise a rule; its node is not set yet. */
struct pending_rule {
	char name[TOPOLOGY_NAME_MAX + 1];
	struct topology_rule_text text;
};

/* Likewise an object of an extension. */
struct pending_object {
	char name[TOPOLOGY_NAME_MAX + 1];
	struct topology_object object;
};

struct topology_parser {
	struct topology_log log;
	unsigned int line;
	bool host_given;
	struct topology_options defaults;
	struct pending_link *pending;
	size_t pending_count, pending_room, nodes_room;
	struct pending_rule *rules;
	size_t rules_count, rules_room;
	struct pending_object *objects;
	size_t objects_count, objects_room;
};

/* The index of a node, or UINT32_MAX. */
uint32_t topology_find_node(const struct topology *t, const char *name);

/* Grows an array to hold one more; false without memory. */
bool topology_make_room(
    struct topology_parser *p, void **array, size_t count, size_t *room, size_t size);

/* A word with one "[FIRST-LAST]"; without one, count is 0. */
struct topology_range {
	size_t before; /* length of the text before it */
	const char *after;
	unsigned long first, count;
};

/* Finds the range of a word: 0, or -EINVAL when it is none. */
int topology_range_find(const char *word, struct topology_range *out);

/* Writes the word for the index-th value of its range. Returns 0 or -EINVAL. */
int topology_range_expand(
    const char *word, unsigned long index, char *out, size_t room);

/*
 * How many lines a statement stands for: the count that all its ranges share. 0, and a
 * message, when they share none.
 */
unsigned long topology_range_count(
    struct topology_parser *p, char **words, size_t count);

/* The statements "link", "rule" and "extension", by the words behind that. */
void topology_parse_link(struct topology_parser *p, char **words, size_t count);
void topology_parse_rule(struct topology_parser *p, char **words, size_t count);
void topology_parse_extension(struct topology_parser *p, char **words, size_t count);

/*
 * What was pending becomes part of the topology, now that all nodes are known: links
 * first, since rules may add some.
 */
void topology_resolve_links(struct topology_parser *p);
void topology_resolve_rules(struct topology_parser *p);
void topology_resolve_objects(struct topology_parser *p);

#endif
