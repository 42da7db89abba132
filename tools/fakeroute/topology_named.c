#include "tools/fakeroute/topology_parser.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/fakeroute/topology_extensions.h"
#include "tools/fakeroute/topology_values.h"

static void
add_rule(
    struct topology_parser *p, const char *name, const struct topology_rule_text *text)
{
	void *rules = p->rules;
	struct pending_rule *pending;

	if (!topology_make_room(
		p, &rules, p->rules_count, &p->rules_room, sizeof(*p->rules)))
		return;
	p->rules = rules;
	pending = &p->rules[p->rules_count++];
	pending->text = *text;
	topology_text_copy(pending->name, name);
}

static void
add_object(
    struct topology_parser *p, const char *name, const struct topology_object *object)
{
	void *objects = p->objects;
	struct pending_object *pending;

	if (!topology_make_room(
		p, &objects, p->objects_count, &p->objects_room, sizeof(*p->objects)))
		return;
	p->objects = objects;
	pending = &p->objects[p->objects_count++];
	pending->object = *object;
	topology_text_copy(pending->name, name);
}

/* A statement that begins with names of nodes, between commas. */
struct named {
	const char *what; /* "rule" */
	const char *needs;
	int (*word)(void *text, char *word, char *why, size_t room);
	int (*make)(void *text, char *why, size_t room);
	void (*add)(struct topology_parser *p, const char *name, const void *text);
};

static int
rule_word(void *text, char *word, char *why, size_t room)
{
	return topology_rule_word(text, word, why, room);
}

static int
rule_make(void *text, char *why, size_t room)
{
	return topology_rule_check(
	    &((struct topology_rule_text *)text)->rule, why, room);
}

static void
rule_add(struct topology_parser *p, const char *name, const void *text)
{
	struct topology_rule_text rule = *(const struct topology_rule_text *)text;

	rule.rule.line = p->line;
	add_rule(p, name, &rule);
}

static int
extension_word(void *text, char *word, char *why, size_t room)
{
	return topology_extension_word(text, word, why, room);
}

static int
extension_make(void *text, char *why, size_t room)
{
	return topology_extension_make(text, why, room);
}

static void
extension_add(struct topology_parser *p, const char *name, const void *text)
{
	struct topology_object object =
	    ((const struct topology_object_text *)text)->out;

	object.line = p->line;
	add_object(p, name, &object);
}

static const struct named rule_statement = {"rule",
    "what becomes of a packet: accept, drop, reject=CODE, to=NODE, snat=ADDRESS or "
    "dnat=ADDRESS",
    rule_word, rule_make, rule_add};
static const struct named extension_statement = {"extension",
    "what it carries: mpls=LABELS, interface=ROLE, object=CLASS:TYPE or structure=HEX",
    extension_word, extension_make, extension_add};

/* One such statement; text is clear. */
static void
parse_named(struct topology_parser *p, const struct named *n, void *text, char **words,
    size_t count, unsigned long index)
{
	char names[TOPOLOGY_WORD_ROOM], word[TOPOLOGY_WORD_ROOM],
	    why[TOPOLOGY_WHY_ROOM];
	char *save = NULL;

	for (size_t i = 1; i < count; i++) {
		if (topology_range_expand(words[i], index, word, sizeof(word)) != 0)
			topology_fail(&p->log, p->line, "'%s' is too long", words[i]);
		else if (n->word(text, word, why, sizeof(why)) != 0)
			topology_fail(&p->log, p->line, "'%s': %s", word, why);
		else
			continue;
		return;
	}
	if (n->make(text, why, sizeof(why)) != 0)
		topology_fail(&p->log, p->line, "this %s: %s", n->what, why);
	else if (topology_range_expand(words[0], index, names, sizeof(names)) != 0)
		topology_fail(&p->log, p->line, "'%s' is too long", words[0]);
	else
		for (char *name = strtok_r(names, ",", &save); name != NULL;
		     name = strtok_r(NULL, ",", &save)) {
			if (topology_name_is_good(name))
				n->add(p, name, text);
			else
				topology_fail(&p->log, p->line,
				    "'%s' is not the name of a node: letters, digits "
				    "and . _ -",
				    name);
		}
}

static void
parse_all(struct topology_parser *p, const struct named *n, char **words, size_t count)
{
	union {
		struct topology_rule_text rule;
		struct topology_object_text object;
	} text;
	unsigned long times;

	if (count < 2) {
		topology_fail(&p->log, p->line,
		    "this %s needs the name of a node, and %s", n->what, n->needs);
		return;
	}
	times = topology_range_count(p, words, count);
	for (unsigned long i = 0; i < times && !p->log.out_of_memory; i++) {
		memset(&text, 0, sizeof(text));
		parse_named(p, n, &text, words, count, i);
	}
}

void
topology_parse_rule(struct topology_parser *p, char **words, size_t count)
{
	parse_all(p, &rule_statement, words, count);
}

void
topology_parse_extension(struct topology_parser *p, char **words, size_t count)
{
	parse_all(p, &extension_statement, words, count);
}

/* ---- when all nodes are known ---------------------------------------------------- */

/* The link between two nodes that a rule leads over: one of the file's, or its own. */
static uint32_t
link_for_rule(struct topology *t, unsigned int line, uint32_t from, uint32_t to)
{
	for (uint32_t i = 0; i < t->links_count; i++)
		if (t->links[i].from == from && t->links[i].to == to)
			return i;
	t->links[t->links_count] = (struct topology_link){
	    .line = line,
	    .from = from,
	    .to = to,
	    .rtt = -1,
	};
	return (uint32_t)t->links_count++;
}

static void
resolve_rule(struct topology_parser *p, const struct pending_rule *pending)
{
	struct topology *t = p->log.t;
	struct topology_rule *rule = &t->rules[t->rules_count];
	bool leads = pending->text.rule.action == TOPOLOGY_TO;
	uint32_t to = leads ? topology_find_node(t, pending->text.to) : UINT32_MAX;

	*rule = pending->text.rule;
	rule->node = topology_find_node(t, pending->name);
	if (rule->node == UINT32_MAX || rule->node == TOPOLOGY_HOST)
		topology_fail(&p->log, rule->line, "no router or target is called '%s'",
		    pending->name);
	else if (leads && (to == UINT32_MAX || to == TOPOLOGY_HOST))
		topology_fail(&p->log, rule->line,
		    "'to=%s': no router or target is called so", pending->text.to);
	else if (leads && to == rule->node)
		topology_fail(&p->log, rule->line,
		    "'to=%s': a rule leads to another node", pending->text.to);
	else
		t->rules_count++;
	if (leads && t->rules_count > 0 && rule == &t->rules[t->rules_count - 1])
		rule->link = link_for_rule(t, rule->line, rule->node, to);
}

void
topology_resolve_rules(struct topology_parser *p)
{
	struct topology *t = p->log.t;

	t->rules = calloc(p->rules_count + 1, sizeof(*t->rules));
	if (t->rules == NULL) {
		p->log.out_of_memory = true;
		return;
	}
	for (size_t i = 0; i < p->rules_count; i++)
		resolve_rule(p, &p->rules[i]);
}

void
topology_resolve_objects(struct topology_parser *p)
{
	struct topology *t = p->log.t;

	t->objects = calloc(p->objects_count + 1, sizeof(*t->objects));
	if (t->objects == NULL) {
		p->log.out_of_memory = true;
		return;
	}
	for (size_t i = 0; i < p->objects_count; i++) {
		struct topology_object *object = &t->objects[t->objects_count];

		*object = p->objects[i].object;
		object->node = topology_find_node(t, p->objects[i].name);
		if (object->node == UINT32_MAX || object->node == TOPOLOGY_HOST)
			topology_fail(&p->log, object->line,
			    "no router or target is called '%s'", p->objects[i].name);
		else
			t->objects_count++;
	}
}
