#include "tools/fakeroute/topology.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/fakeroute/topology_extensions.h"
#include "tools/fakeroute/topology_lint.h"
#include "tools/fakeroute/topology_options.h"
#include "tools/fakeroute/topology_rules.h"
#include "tools/fakeroute/topology_values.h"

#define FILE_MAX_LEN (16u << 20)
#define WORDS_MAX 512
#define RANGE_MAX 4096
#define WORD_ROOM 1024
#define WHY_ROOM 512

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

struct parser {
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

/* ---- words and ranges ---------------------------------------------------------- */

/* A word with one "[FIRST-LAST]"; without one, count is 0. */
struct range {
	size_t before; /* length of the text before it */
	const char *after;
	unsigned long first, count;
};

static int
range_find(const char *word, struct range *out)
{
	const char *open = strchr(word, '[');
	const char *close;
	char *end;
	unsigned long last;

	*out = (struct range){0};
	if (open == NULL)
		return 0;
	close = strchr(open, ']');
	if (close == NULL || strchr(close, '[') != NULL)
		return -EINVAL;
	out->before = (size_t)(open - word);
	out->after = close + 1;
	out->first = strtoul(open + 1, &end, 10);
	if (end == open + 1 || *end != '-')
		return -EINVAL;
	last = strtoul(end + 1, &end, 10);
	if (end != close || last < out->first || last - out->first >= RANGE_MAX)
		return -EINVAL;
	out->count = last - out->first + 1;
	return 0;
}

/* Writes the word for the index-th value of its range. Returns 0 or -EINVAL. */
static int
range_expand(const char *word, unsigned long index, char *out, size_t room)
{
	struct range range;
	int len;

	if (range_find(word, &range) != 0)
		return -EINVAL;
	if (range.count == 0)
		len = snprintf(out, room, "%s", word);
	else
		len = snprintf(out, room, "%.*s%lu%s", (int)range.before, word,
		    range.first + index, range.after);
	return len < 0 || (size_t)len >= room ? -EINVAL : 0;
}

/* How many lines a statement stands for: the count that all its ranges share. */
static unsigned long
range_of_words(struct parser *p, char **words, size_t count)
{
	unsigned long found = 1;
	struct range range;

	for (size_t i = 0; i < count; i++) {
		if (range_find(words[i], &range) != 0) {
			topology_fail(&p->log, p->line,
			    "'%s' is not a range like r[1-8]", words[i]);
			return 0;
		}
		if (range.count == 0)
			continue;
		if (found != 1 && range.count != found) {
			topology_fail(&p->log, p->line,
			    "'%s' has %lu values where another has %lu", words[i],
			    range.count, found);
			return 0;
		}
		found = range.count;
	}
	return found;
}

/* ---- statements ---------------------------------------------------------------- */

static uint32_t
node_find(const struct topology *t, const char *name)
{
	for (uint32_t i = 0; i < t->nodes_count; i++)
		if (strcmp(t->nodes[i].name, name) == 0)
			return i;
	return UINT32_MAX;
}

/* Grows an array to hold one more; false without memory. */
static bool
make_room(struct parser *p, void **array, size_t count, size_t *room, size_t size)
{
	size_t wanted = *room == 0 ? 64 : *room * 2;
	void *grown;

	if (count < *room)
		return true;
	grown = reallocarray(*array, wanted, size);
	if (grown == NULL) {
		p->log.out_of_memory = true;
		return false;
	}
	*array = grown;
	*room = wanted;
	return true;
}

static struct topology_node *
node_add(struct parser *p, const char *name, enum topology_kind kind)
{
	struct topology *t = p->log.t;
	struct topology_node *node;
	void *nodes = t->nodes;

	if (t->nodes_count >= TOPOLOGY_NODES_MAX) {
		topology_fail(
		    &p->log, p->line, "more than %d nodes", TOPOLOGY_NODES_MAX);
		return NULL;
	}
	if (!make_room(p, &nodes, t->nodes_count, &p->nodes_room, sizeof(*t->nodes)))
		return NULL;
	t->nodes = nodes;
	node = &t->nodes[t->nodes_count++];
	*node = (struct topology_node){.line = p->line, .kind = kind};
	node->options = p->defaults;
	topology_text_copy(node->name, name);
	return node;
}

static void
node_add_addr(struct parser *p, struct topology_node *node, const char *word)
{
	struct topology_addr a;

	if (topology_prefix(word, node->kind == TOPOLOGY_KIND_TARGET, &a) != 0) {
		topology_fail(&p->log, p->line,
		    "'%s' is neither an address%s nor an option key=value", word,
		    node->kind == TOPOLOGY_KIND_TARGET ? ", a prefix" : "");
		return;
	}
	if (node->addrs_count == TOPOLOGY_ADDRS_MAX) {
		topology_fail(
		    &p->log, p->line, "more than %d addresses", TOPOLOGY_ADDRS_MAX);
		return;
	}
	node->addrs[node->addrs_count++] = a;
}

/* Applies key=value (or a bare flag) to options; false when it is not an option. */
static bool
apply_option(struct parser *p, struct topology_options *options, char *word)
{
	char why[WHY_ROOM] = "";
	char *equals = strchr(word, '=');

	if (equals == NULL && !topology_option_known(word))
		return false;
	if (equals != NULL)
		*equals = '\0';
	if (topology_option_set(options, word, equals == NULL ? NULL : equals + 1, why,
		sizeof(why)) != 0)
		topology_fail(&p->log, p->line, "%s%s%s: %s", word,
		    equals == NULL ? "" : "=", equals == NULL ? "" : equals + 1, why);
	return true;
}

static void
parse_node(struct parser *p, enum topology_kind kind, char **words, size_t count,
    unsigned long index)
{
	char word[WORD_ROOM];
	struct topology_node *node;
	uint32_t other;

	if (range_expand(words[0], index, word, sizeof(word)) != 0 ||
	    !topology_name_is_good(word)) {
		topology_fail(&p->log, p->line,
		    "'%s' is not a name of up to %d of A-Z a-z 0-9 . _ -", words[0],
		    TOPOLOGY_NAME_MAX);
		return;
	}
	other = node_find(p->log.t, word);
	if (other != UINT32_MAX) {
		topology_fail(&p->log, p->line, "'%s' is already the name of a node%s",
		    word, other == TOPOLOGY_HOST ? " (the host)" : "");
		return;
	}
	node = node_add(p, word, kind);
	for (size_t i = 1; i < count && node != NULL; i++) {
		if (range_expand(words[i], index, word, sizeof(word)) != 0)
			topology_fail(&p->log, p->line, "'%s' is too long", words[i]);
		else if (!apply_option(p, &node->options, word))
			node_add_addr(p, node, word);
	}
	if (node != NULL && node->addrs_count == 0 && !node->options.silent)
		topology_fail(&p->log, p->line,
		    "'%s' has no address: give one, or say silent", node->name);
}

static void
parse_nodes(struct parser *p, enum topology_kind kind, char **words, size_t count)
{
	unsigned long times;

	if (count == 0) {
		topology_fail(&p->log, p->line, "a name is missing");
		return;
	}
	times = range_of_words(p, words, count);
	for (unsigned long i = 0; i < times && !p->log.out_of_memory; i++)
		parse_node(p, kind, words, count, i);
}

static void
parse_host(struct parser *p, char **words, size_t count)
{
	struct topology_node *host = &p->log.t->nodes[TOPOLOGY_HOST];
	uint64_t mtu;

	if (p->host_given) {
		topology_fail(&p->log, p->line,
		    "the host is already described in line %u", host->line);
		return;
	}
	p->host_given = true;
	host->line = p->line;
	host->addrs_count = 0;
	for (size_t i = 0; i < count; i++) {
		if (strncmp(words[i], "mtu=", 4) == 0) {
			if (topology_number(words[i] + 4, 576, 9000, &mtu) != 0)
				topology_fail(&p->log, p->line,
				    "%s: not from 576 to 9000", words[i]);
			else
				p->log.t->mtu = (uint32_t)mtu;
		} else if (!apply_option(p, &host->options, words[i])) {
			node_add_addr(p, host, words[i]);
		}
	}
	if (host->addrs_count == 0)
		topology_fail(&p->log, p->line, "the host needs an address");
}

static void
parse_seed(struct parser *p, char **words, size_t count)
{
	if (count != 1 ||
	    topology_number(words[0], 0, UINT64_MAX, &p->log.t->seed) != 0)
		topology_fail(&p->log, p->line, "seed takes one number");
}

static void
parse_defaults(struct parser *p, char **words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!apply_option(p, &p->defaults, words[i]))
			topology_fail(&p->log, p->line,
			    "'%s' is not an option key=value", words[i]);
}

/* ---- links --------------------------------------------------------------------- */

/* One name of a link's group, with its weight: "name", "name*3". */
struct member {
	char name[TOPOLOGY_NAME_MAX + 1];
	uint32_t weight;
};

struct group {
	struct member *members;
	size_t count, room;
};

static void
group_add(struct parser *p, struct group *g, char *word)
{
	char *star = strchr(word, '*');
	uint64_t weight = 1;
	void *members = g->members;

	if (star != NULL)
		*star = '\0';
	if (star != NULL && topology_number(star + 1, 1, 1000000, &weight) != 0) {
		topology_fail(&p->log, p->line,
		    "the weight '%s' of '%s' is not from 1 to 1000000", star + 1, word);
		return;
	}
	if (!topology_name_is_good(word)) {
		topology_fail(&p->log, p->line, "'%s' is not the name of a node", word);
		return;
	}
	if (!make_room(p, &members, g->count, &g->room, sizeof(*g->members)))
		return;
	g->members = members;
	topology_text_copy(g->members[g->count].name, word);
	g->members[g->count++].weight = (uint32_t)weight;
}

/* Reads "a,b*2,c[1-4]". */
static void
group_parse(struct parser *p, struct group *g, char *words)
{
	char expanded[WORD_ROOM];
	char *save = NULL;
	struct range range;

	g->count = 0;
	for (char *word = strtok_r(words, ",", &save); word != NULL;
	     word = strtok_r(NULL, ",", &save)) {
		if (range_find(word, &range) != 0) {
			topology_fail(
			    &p->log, p->line, "'%s' is not a range like r[1-8]", word);
			return;
		}
		for (unsigned long i = 0; i < (range.count == 0 ? 1 : range.count);
		     i++) {
			if (range_expand(word, i, expanded, sizeof(expanded)) == 0)
				group_add(p, g, expanded);
			else
				topology_fail(
				    &p->log, p->line, "'%s' is too long", word);
		}
	}
	if (g->count == 0)
		topology_fail(&p->log, p->line, "a name is missing");
}

static void
join_groups(struct parser *p, const struct group *from, const struct group *to,
    const struct pending_link *like)
{
	struct pending_link *link;
	void *pending = p->pending;

	for (size_t i = 0; i < from->count; i++)
		for (size_t j = 0; j < to->count; j++) {
			if (!make_room(p, &pending, p->pending_count, &p->pending_room,
				sizeof(*p->pending)))
				return;
			p->pending = pending;
			link = &p->pending[p->pending_count++];
			*link = *like;
			topology_text_copy(link->from, from->members[i].name);
			topology_text_copy(link->to, to->members[j].name);
			link->weight = to->members[j].weight;
		}
}

static int
set_link_option(struct pending_link *link, const char *key, const char *value)
{
	if (strcmp(key, "rtt") == 0)
		return topology_time(value, &link->rtt);
	if (strcmp(key, "loss") == 0)
		return topology_chance(value, &link->loss);
	if (strcmp(key, "since") == 0)
		return topology_moment(value, &link->span.since);
	if (strcmp(key, "until") == 0)
		return topology_moment(value, &link->span.until);
	return -EINVAL;
}

/* The options at the end of a link; returns how many words are names. */
static size_t
parse_link_options(
    struct parser *p, char **words, size_t count, struct pending_link *link)
{
	size_t names = count;

	while (names > 0 && strchr(words[names - 1], '=') != NULL)
		names--;
	for (size_t i = names; i < count; i++) {
		char *equals = strchr(words[i], '=');

		*equals = '\0';
		if (set_link_option(link, words[i], equals + 1) != 0)
			topology_fail(&p->log, p->line,
			    "'%s=%s': a link takes rtt=TIME (2ms), loss=P%%, and since "
			    "and until, which take a time or packets (40packets)",
			    words[i], equals + 1);
	}
	if (topology_span_check(&link->span) != 0)
		topology_fail(&p->log, p->line,
		    "this link ends before it begins: until is not after since");
	return names;
}

static void
parse_link(struct parser *p, char **words, size_t count)
{
	struct pending_link like = {.line = p->line, .rtt = -1};
	struct group groups[2] = {{0}, {0}};
	size_t errors = p->log.t->errors;

	count = parse_link_options(p, words, count, &like);
	if (count < 2)
		topology_fail(&p->log, p->line, "a link needs two or more nodes");
	for (size_t i = 0; i < count && errors == p->log.t->errors; i++) {
		group_parse(p, &groups[i % 2], words[i]);
		if (i > 0 && errors == p->log.t->errors)
			join_groups(p, &groups[1 - i % 2], &groups[i % 2], &like);
	}
	free(groups[0].members);
	free(groups[1].members);
}

/* ---- rules ---------------------------------------------------------------------- */

static void
add_rule(struct parser *p, const char *name, const struct topology_rule_text *text)
{
	void *rules = p->rules;
	struct pending_rule *pending;

	if (!topology_name_is_good(name)) {
		topology_fail(&p->log, p->line, "'%s' is not the name of a node", name);
		return;
	}
	if (!make_room(p, &rules, p->rules_count, &p->rules_room, sizeof(*p->rules)))
		return;
	p->rules = rules;
	pending = &p->rules[p->rules_count++];
	pending->text = *text;
	topology_text_copy(pending->name, name);
}

static void
add_object(struct parser *p, const char *name, const struct topology_object *object)
{
	void *objects = p->objects;
	struct pending_object *pending;

	if (!topology_name_is_good(name)) {
		topology_fail(&p->log, p->line, "'%s' is not the name of a node", name);
		return;
	}
	if (!make_room(
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
	void (*add)(struct parser *p, const char *name, const void *text);
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
rule_add(struct parser *p, const char *name, const void *text)
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
extension_add(struct parser *p, const char *name, const void *text)
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
parse_named(struct parser *p, const struct named *n, void *text, char **words,
    size_t count, unsigned long index)
{
	char names[WORD_ROOM], word[WORD_ROOM], why[WHY_ROOM];
	char *save = NULL;

	for (size_t i = 1; i < count; i++) {
		if (range_expand(words[i], index, word, sizeof(word)) != 0)
			topology_fail(&p->log, p->line, "'%s' is too long", words[i]);
		else if (n->word(text, word, why, sizeof(why)) != 0)
			topology_fail(&p->log, p->line, "'%s': %s", word, why);
		else
			continue;
		return;
	}
	if (n->make(text, why, sizeof(why)) != 0)
		topology_fail(&p->log, p->line, "this %s: %s", n->what, why);
	else if (range_expand(words[0], index, names, sizeof(names)) != 0)
		topology_fail(&p->log, p->line, "'%s' is too long", words[0]);
	else
		for (char *name = strtok_r(names, ",", &save); name != NULL;
		     name = strtok_r(NULL, ",", &save))
			n->add(p, name, text);
}

static void
parse_all_named(struct parser *p, const struct named *n, char **words, size_t count)
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
	times = range_of_words(p, words, count);
	for (unsigned long i = 0; i < times && !p->log.out_of_memory; i++) {
		memset(&text, 0, sizeof(text));
		parse_named(p, n, &text, words, count, i);
	}
}

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
resolve_rule(struct parser *p, const struct pending_rule *pending)
{
	struct topology *t = p->log.t;
	struct topology_rule *rule = &t->rules[t->rules_count];
	bool leads = pending->text.rule.action == TOPOLOGY_TO;
	uint32_t to = leads ? node_find(t, pending->text.to) : UINT32_MAX;

	*rule = pending->text.rule;
	rule->node = node_find(t, pending->name);
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

/* Comes after the links. */
static void
resolve_rules(struct parser *p)
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

static void
resolve_objects(struct parser *p)
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
		object->node = node_find(t, p->objects[i].name);
		if (object->node == UINT32_MAX || object->node == TOPOLOGY_HOST)
			topology_fail(&p->log, object->line,
			    "no router or target is called '%s'", p->objects[i].name);
		else
			t->objects_count++;
	}
}

/* ---- the file ------------------------------------------------------------------ */

static void
parse_statement(struct parser *p, char **words, size_t count)
{
	const char *keyword = words[0];

	words++;
	count--;
	if (strcmp(keyword, "router") == 0)
		parse_nodes(p, TOPOLOGY_KIND_ROUTER, words, count);
	else if (strcmp(keyword, "target") == 0)
		parse_nodes(p, TOPOLOGY_KIND_TARGET, words, count);
	else if (strcmp(keyword, "link") == 0)
		parse_link(p, words, count);
	else if (strcmp(keyword, "rule") == 0)
		parse_all_named(p, &rule_statement, words, count);
	else if (strcmp(keyword, "extension") == 0)
		parse_all_named(p, &extension_statement, words, count);
	else if (strcmp(keyword, "host") == 0)
		parse_host(p, words, count);
	else if (strcmp(keyword, "seed") == 0)
		parse_seed(p, words, count);
	else if (strcmp(keyword, "defaults") == 0)
		parse_defaults(p, words, count);
	else
		topology_fail(&p->log, p->line,
		    "unknown statement '%s' (known: seed, host, defaults, router, "
		    "target, link, rule, extension)",
		    keyword);
}

static void
parse_line(struct parser *p, char *line)
{
	char *words[WORDS_MAX];
	char *save = NULL;
	char *comment = strchr(line, '#');
	size_t count = 0;

	if (comment != NULL)
		*comment = '\0';
	for (char *word = strtok_r(line, " \t\r\f\v", &save); word != NULL;
	     word = strtok_r(NULL, " \t\r\f\v", &save)) {
		if (count == WORDS_MAX) {
			topology_fail(
			    &p->log, p->line, "more than %d words", WORDS_MAX);
			return;
		}
		words[count++] = word;
	}
	if (count > 0)
		parse_statement(p, words, count);
}

static void
parse_text(struct parser *p, char *text, size_t len)
{
	char *line = text;

	if (memchr(text, '\0', len) != NULL) {
		topology_fail(&p->log, 1, "this is not a text file");
		return;
	}
	for (char *end; line < text + len && !p->log.out_of_memory; line = end + 1) {
		p->line++;
		end = strchrnul(line, '\n');
		*end = '\0';
		parse_line(p, line);
	}
}

static void
resolve_links(struct parser *p)
{
	struct topology *t = p->log.t;

	/* Rules may add some. */
	t->links = calloc(p->pending_count + p->rules_count + 1, sizeof(*t->links));
	if (t->links == NULL) {
		p->log.out_of_memory = true;
		return;
	}
	for (size_t i = 0; i < p->pending_count; i++) {
		const struct pending_link *link = &p->pending[i];
		uint32_t from = node_find(t, link->from);
		uint32_t to = node_find(t, link->to);

		if (from == UINT32_MAX || to == UINT32_MAX)
			topology_fail(&p->log, link->line,
			    "no router or target is called '%s'",
			    from == UINT32_MAX ? link->from : link->to);
		else if (to == TOPOLOGY_HOST || from == to)
			topology_fail(&p->log, link->line,
			    "a link cannot lead from '%s' to '%s'", link->from,
			    link->to);
		else
			t->links[t->links_count++] = (struct topology_link){
			    .line = link->line,
			    .from = from,
			    .to = to,
			    .weight = link->weight,
			    .rtt = link->rtt,
			    .loss = link->loss,
			    .span = link->span,
			};
	}
}

/* The host unless the file describes it. */
static void
add_host(struct parser *p)
{
	struct topology_node *host = node_add(p, "host", TOPOLOGY_KIND_HOST);

	if (host == NULL)
		return;
	node_add_addr(p, host, "192.0.2.2");
	node_add_addr(p, host, "2001:db8::2");
}

struct topology *
topology_parse(const char *name, const char *text, size_t len, FILE *messages)
{
	struct parser p = {.log = {.name = name, .messages = messages}};
	char *copy = malloc(len + 1);

	p.log.t = calloc(1, sizeof(*p.log.t));
	if (p.log.t == NULL || copy == NULL) {
		free(p.log.t);
		free(copy);
		return NULL;
	}
	memcpy(copy, text, len);
	copy[len] = '\0';
	p.log.t->seed = 1;
	p.log.t->mtu = 1500;
	topology_options_init(&p.defaults);
	add_host(&p);
	if (!p.log.out_of_memory)
		parse_text(&p, copy, len);
	if (!p.log.out_of_memory)
		resolve_links(&p);
	if (!p.log.out_of_memory)
		resolve_rules(&p);
	if (!p.log.out_of_memory)
		resolve_objects(&p);
	if (!p.log.out_of_memory)
		topology_lint(&p.log, p.line);
	free(copy);
	free(p.pending);
	free(p.rules);
	free(p.objects);
	if (!p.log.out_of_memory)
		return p.log.t;
	topology_free(p.log.t);
	return NULL;
}

struct topology *
topology_load(const char *path, FILE *messages)
{
	struct topology *t = NULL;
	FILE *file = fopen(path, "re");
	char *text;
	size_t len;
	int error;

	if (file == NULL)
		return NULL;
	text = malloc(FILE_MAX_LEN);
	if (text != NULL) {
		errno = 0;
		len = fread(text, 1, FILE_MAX_LEN, file);
		if (!ferror(file) && len < FILE_MAX_LEN)
			t = topology_parse(path, text, len, messages);
		else if (!ferror(file))
			errno = EFBIG;
	}
	error = errno;
	free(text);
	fclose(file);
	errno = error;
	return t;
}

void
topology_free(struct topology *t)
{
	if (t == NULL)
		return;
	free(t->nodes);
	free(t->links);
	free(t->rules);
	free(t->objects);
	free(t);
}

const struct topology_addr *
topology_node_addr(const struct topology_node *node, uint32_t family)
{
	for (size_t i = 0; i < node->addrs_count; i++)
		if (node->addrs[i].addr.family == family)
			return &node->addrs[i];
	return NULL;
}

uint32_t
topology_alias(const struct topology *t, uint32_t node)
{
	const char *alias = t->nodes[node].options.alias;

	for (uint32_t i = 0; i < node && alias[0] != '\0'; i++)
		if (strcmp(t->nodes[i].options.alias, alias) == 0)
			return i;
	return node;
}

bool
topology_ranges_have(const struct topology_ranges *ranges, uint16_t number)
{
	for (size_t i = 0; i < ranges->count; i++)
		if (number >= ranges->ranges[i].first &&
		    number <= ranges->ranges[i].last)
			return true;
	return false;
}

bool
topology_addr_holds(const struct topology_addr *prefix, const struct addr *a)
{
	size_t whole = prefix->prefix / 8, bits = prefix->prefix % 8;
	uint8_t mask = (uint8_t)(0xff00 >> bits);

	if (prefix->addr.family != a->family ||
	    memcmp(prefix->addr.bytes, a->bytes, whole) != 0)
		return false;
	return bits == 0 || (a->bytes[whole] & mask) == prefix->addr.bytes[whole];
}
