#include "tools/shared/naming.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "tools/shared/remedy.h"

#define LOOKUP_MS 5000 /* the whole look-up of one name */

struct name_entry {
	struct addr addr;
	uint32_t question; /* NAME_PENDING */
	enum name_state state;
	char *name; /* NAME_KNOWN */
	UT_hash_handle hh;
	UT_hash_handle by_question;
};

/* paris-names has answered, or will never answer. */
static void
take_name(void *context, const struct names_name *answer)
{
	struct name_cache *c = context;
	struct name_entry *e;

	HASH_FIND(
	    by_question, c->asked, &answer->question, sizeof(answer->question), e);
	if (e == NULL)
		return;
	HASH_DELETE(by_question, c->asked, e);
	if (answer->status == NAMES_OK && answer->name[0] != '\0')
		e->name = strdup(answer->name);
	e->state = e->name != NULL ? NAME_KNOWN : NAME_NONE;
}

static void
take_addrs(void *context, const struct names_addrs *answer)
{
	struct name_cache *c = context;

	if (c->found != NULL)
		c->found(c->found_context, answer);
}

static struct name_entry *
add_entry(struct name_cache *c, const struct addr *a)
{
	struct name_entry *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return NULL;
	e->addr = *a;
	HASH_ADD(hh, c->entries, addr, sizeof(e->addr), e);
	e->question = c->next_question++;
	if (c->client == NULL || names_client_reverse(c->client, a, e->question) != 0)
		return e;
	e->state = NAME_PENDING;
	HASH_ADD(by_question, c->asked, question, sizeof(e->question), e);
	return e;
}

static enum name_state
find_name(void *context, const struct addr *a, const char **name)
{
	struct name_cache *c = context;
	struct name_entry *e;

	HASH_FIND(hh, c->entries, a, sizeof(*a), e);
	if (e == NULL)
		e = add_entry(c, a);
	if (e == NULL)
		return NAME_NONE;
	*name = e->name;
	return e->state;
}

int
name_cache_start(struct name_cache *c, const char *servers, char *error)
{
	struct names_client_answers answers = {
	    .name = take_name, .addrs = take_addrs, .context = c};
	char path[NAME_CACHE_ERROR_MAX - 200] = "";
	int result;

	*c = (struct name_cache){.naming = {.find = find_name, .context = c}};
	result = names_client_start(&c->client, servers != NULL ? servers : "",
	    LOOKUP_MS, &answers, path, sizeof(path));
	if (result != 0)
		snprintf(error, NAME_CACHE_ERROR_MAX, "cannot start %s: %s%s",
		    path[0] != '\0' ? path : "paris-names", strerror(-result),
		    remedy_of_start(-result));
	return result;
}

int
name_cache_resolve(
    struct name_cache *c, const char *host, uint32_t family, uint32_t question)
{
	return c->client != NULL
		   ? names_client_forward(c->client, host, family, question)
		   : -EPIPE;
}

static void
forget(struct name_cache *c, struct name_entry *e)
{
	HASH_DEL(c->entries, e);
	free(e->name);
	free(e);
}

void
name_cache_trim(struct name_cache *c, unsigned int most)
{
	struct name_entry *e, *next;

	if (HASH_COUNT(c->entries) <= most)
		return;
	HASH_ITER (hh, c->entries, e, next) {
		if (e->state != NAME_PENDING)
			forget(c, e);
		if (HASH_COUNT(c->entries) <= most / 2)
			return;
	}
}

void
name_cache_give_up(struct name_cache *c)
{
	struct name_entry *e, *next;

	names_client_stop(c->client);
	c->client = NULL;
	HASH_CLEAR(by_question, c->asked);
	HASH_ITER (hh, c->entries, e, next)
		if (e->state == NAME_PENDING)
			e->state = NAME_NONE;
}

void
name_cache_clear(struct name_cache *c)
{
	struct name_entry *e, *next;

	names_client_stop(c->client);
	HASH_CLEAR(by_question, c->asked);
	HASH_ITER (hh, c->entries, e, next)
		forget(c, e);
	*c = (struct name_cache){0};
}
