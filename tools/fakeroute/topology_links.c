#include "tools/fakeroute/topology_parser.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/fakeroute/topology_values.h"

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
group_add(struct topology_parser *p, struct group *g, char *word)
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
		topology_fail(&p->log, p->line,
		    "'%s' is not the name of a node: letters, digits and . _ -", word);
		return;
	}
	if (!topology_make_room(p, &members, g->count, &g->room, sizeof(*g->members)))
		return;
	g->members = members;
	topology_text_copy(g->members[g->count].name, word);
	g->members[g->count++].weight = (uint32_t)weight;
}

/* Reads "a,b*2,c[1-4]". */
static void
group_parse(struct topology_parser *p, struct group *g, char *words)
{
	char expanded[TOPOLOGY_WORD_ROOM], all[TOPOLOGY_WORD_ROOM];
	char *save = NULL;
	struct topology_range range;

	snprintf(all, sizeof(all), "%s", words);
	g->count = 0;
	for (char *word = strtok_r(words, ",", &save); word != NULL;
	     word = strtok_r(NULL, ",", &save)) {
		if (topology_range_find(word, &range) != 0) {
			topology_fail(
			    &p->log, p->line, "'%s' is not a range like r[1-8]", word);
			return;
		}
		for (unsigned long i = 0; i < (range.count == 0 ? 1 : range.count);
		     i++) {
			if (topology_range_expand(
				word, i, expanded, sizeof(expanded)) == 0)
				group_add(p, g, expanded);
			else
				topology_fail(
				    &p->log, p->line, "'%s' is too long", word);
		}
	}
	if (g->count == 0)
		topology_fail(&p->log, p->line,
		    "'%s': a name is missing: give some with commas in between", all);
}

static void
join_groups(struct topology_parser *p, const struct group *from, const struct group *to,
    const struct pending_link *like)
{
	struct pending_link *link;
	void *pending = p->pending;

	for (size_t i = 0; i < from->count; i++)
		for (size_t j = 0; j < to->count; j++) {
			if (!topology_make_room(p, &pending, p->pending_count,
				&p->pending_room, sizeof(*p->pending)))
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
    struct topology_parser *p, char **words, size_t count, struct pending_link *link)
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

void
topology_parse_link(struct topology_parser *p, char **words, size_t count)
{
	struct pending_link like = {.line = p->line, .rtt = -1};
	struct group groups[2] = {{0}, {0}};
	size_t errors = p->log.t->errors;

	count = parse_link_options(p, words, count, &like);
	if (count < 2)
		topology_fail(&p->log, p->line,
		    "a link needs two or more groups of nodes%s%s",
		    count == 1 ? ", and has only " : "", count == 1 ? words[0] : "");
	for (size_t i = 0; i < count && errors == p->log.t->errors; i++) {
		group_parse(p, &groups[i % 2], words[i]);
		if (i > 0 && errors == p->log.t->errors)
			join_groups(p, &groups[1 - i % 2], &groups[i % 2], &like);
	}
	free(groups[0].members);
	free(groups[1].members);
}

void
topology_resolve_links(struct topology_parser *p)
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
		uint32_t from = topology_find_node(t, link->from);
		uint32_t to = topology_find_node(t, link->to);

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
