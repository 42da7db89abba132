#include "tools/fakeroute/topology.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/fakeroute/topology_options.h"
#include "tools/fakeroute/topology_parser.h"
#include "tools/fakeroute/topology_values.h"

#define FILE_MAX_LEN (16u << 20)
#define WORDS_MAX 512
#define RANGE_MAX 4096

/* ---- words and ranges ---------------------------------------------------------- */

int
topology_range_find(const char *word, struct topology_range *out)
{
	const char *open = strchr(word, '[');
	const char *close;
	char *end;
	unsigned long last;

	*out = (struct topology_range){0};
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

int
topology_range_expand(const char *word, unsigned long index, char *out, size_t room)
{
	struct topology_range range;
	int len;

	if (topology_range_find(word, &range) != 0)
		return -EINVAL;
	if (range.count == 0)
		len = snprintf(out, room, "%s", word);
	else
		len = snprintf(out, room, "%.*s%lu%s", (int)range.before, word,
		    range.first + index, range.after);
	return len < 0 || (size_t)len >= room ? -EINVAL : 0;
}

unsigned long
topology_range_count(struct topology_parser *p, char **words, size_t count)
{
	unsigned long found = 1;
	struct topology_range range;

	for (size_t i = 0; i < count; i++) {
		if (topology_range_find(words[i], &range) != 0) {
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

uint32_t
topology_find_node(const struct topology *t, const char *name)
{
	for (uint32_t i = 0; i < t->nodes_count; i++)
		if (strcmp(t->nodes[i].name, name) == 0)
			return i;
	return UINT32_MAX;
}

bool
topology_make_room(
    struct topology_parser *p, void **array, size_t count, size_t *room, size_t size)
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
node_add(struct topology_parser *p, const char *name, enum topology_kind kind)
{
	struct topology *t = p->log.t;
	struct topology_node *node;
	void *nodes = t->nodes;

	if (t->nodes_count >= TOPOLOGY_NODES_MAX) {
		topology_fail(&p->log, p->line,
		    "'%s' is one node too many: there are up to %d", name,
		    TOPOLOGY_NODES_MAX);
		return NULL;
	}
	if (!topology_make_room(
		p, &nodes, t->nodes_count, &p->nodes_room, sizeof(*t->nodes)))
		return NULL;
	t->nodes = nodes;
	node = &t->nodes[t->nodes_count++];
	*node = (struct topology_node){.line = p->line, .kind = kind};
	node->options = p->defaults;
	topology_text_copy(node->name, name);
	return node;
}

static void
node_add_addr(struct topology_parser *p, struct topology_node *node, const char *word)
{
	struct topology_addr a;

	if (topology_prefix(word, node->kind == TOPOLOGY_KIND_TARGET, &a) != 0) {
		topology_fail(&p->log, p->line,
		    "'%s' is neither an address%s nor an option (paris-topology(5) "
		    "lists them)",
		    word, node->kind == TOPOLOGY_KIND_TARGET ? ", a prefix" : "");
		return;
	}
	if (node->addrs_count == TOPOLOGY_ADDRS_MAX) {
		topology_fail(&p->log, p->line,
		    "'%s' is one address too many: a node has up to %d", word,
		    TOPOLOGY_ADDRS_MAX);
		return;
	}
	node->addrs[node->addrs_count++] = a;
}

/* Applies key=value (or a bare flag) to options; false when it is not an option. */
static bool
apply_option(struct topology_parser *p, struct topology_options *options, char *word)
{
	char why[TOPOLOGY_WHY_ROOM] = "";
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
parse_node(struct topology_parser *p, enum topology_kind kind, char **words,
    size_t count, unsigned long index)
{
	char word[TOPOLOGY_WORD_ROOM];
	struct topology_node *node;
	uint32_t other;

	if (topology_range_expand(words[0], index, word, sizeof(word)) != 0 ||
	    !topology_name_is_good(word)) {
		topology_fail(&p->log, p->line,
		    "'%s' is not a name of up to %d of A-Z a-z 0-9 . _ -", words[0],
		    TOPOLOGY_NAME_MAX);
		return;
	}
	other = topology_find_node(p->log.t, word);
	if (other != UINT32_MAX) {
		topology_fail(&p->log, p->line, "'%s' is already the name of a node%s",
		    word, other == TOPOLOGY_HOST ? " (the host)" : "");
		return;
	}
	node = node_add(p, word, kind);
	for (size_t i = 1; i < count && node != NULL; i++) {
		if (topology_range_expand(words[i], index, word, sizeof(word)) != 0)
			topology_fail(&p->log, p->line, "'%s' is too long", words[i]);
		else if (!apply_option(p, &node->options, word))
			node_add_addr(p, node, word);
	}
	if (node != NULL && node->addrs_count == 0 && !node->options.silent)
		topology_fail(&p->log, p->line,
		    "'%s' has no address: give one, or say silent", node->name);
}

static void
parse_nodes(
    struct topology_parser *p, enum topology_kind kind, char **words, size_t count)
{
	unsigned long times;

	if (count == 0) {
		topology_fail(&p->log, p->line,
		    "a name is missing: give one of letters, digits and . _ -");
		return;
	}
	times = topology_range_count(p, words, count);
	for (unsigned long i = 0; i < times && !p->log.out_of_memory; i++)
		parse_node(p, kind, words, count, i);
}

static void
parse_host(struct topology_parser *p, char **words, size_t count)
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
				    "%s: it takes a number from 576 to 9000", words[i]);
			else
				p->log.t->mtu = (uint32_t)mtu;
		} else if (!apply_option(p, &host->options, words[i])) {
			node_add_addr(p, host, words[i]);
		}
	}
	if (host->addrs_count == 0)
		topology_fail(&p->log, p->line,
		    "the host needs an address, or one of each family");
}

static void
parse_seed(struct topology_parser *p, char **words, size_t count)
{
	const char *wrong = count == 0 ? "" : words[count - 1];

	if (count != 1 ||
	    topology_number(words[0], 0, UINT64_MAX, &p->log.t->seed) != 0)
		topology_fail(&p->log, p->line,
		    "'%s': seed takes one number, from 0 to 2^64 - 1", wrong);
}

static void
parse_defaults(struct topology_parser *p, char **words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!apply_option(p, &p->defaults, words[i]))
			topology_fail(&p->log, p->line,
			    "'%s' is not an option (paris-topology(5) lists them)",
			    words[i]);
}

/* ---- the file ------------------------------------------------------------------ */

static void
parse_statement(struct topology_parser *p, char **words, size_t count)
{
	const char *keyword = words[0];

	words++;
	count--;
	if (strcmp(keyword, "router") == 0)
		parse_nodes(p, TOPOLOGY_KIND_ROUTER, words, count);
	else if (strcmp(keyword, "target") == 0)
		parse_nodes(p, TOPOLOGY_KIND_TARGET, words, count);
	else if (strcmp(keyword, "link") == 0)
		topology_parse_link(p, words, count);
	else if (strcmp(keyword, "rule") == 0)
		topology_parse_rule(p, words, count);
	else if (strcmp(keyword, "extension") == 0)
		topology_parse_extension(p, words, count);
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
parse_line(struct topology_parser *p, char *line)
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
parse_text(struct topology_parser *p, char *text, size_t len)
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

/* The host unless the file describes it. */
static void
add_host(struct topology_parser *p)
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
	struct topology_parser p = {.log = {.name = name, .messages = messages}};
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
		topology_resolve_links(&p);
	if (!p.log.out_of_memory)
		topology_resolve_rules(&p);
	if (!p.log.out_of_memory)
		topology_resolve_objects(&p);
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
