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
	enum name_state state;
	char *name; /* NAME_KNOWN */
	UT_hash_handle hh;
};

/* paris-names has answered, or will never answer. */
static void
take_name(void *context, const struct names_name *answer)
{
	struct name_cache *c = context;
	struct name_entry *e = c->asked[answer->question];

	if (answer->status == NAMES_OK && answer->name[0] != '\0')
		e->name = strdup(answer->name);
	e->state = e->name != NULL ? NAME_KNOWN : NAME_NONE;
}

/* Keeps which question is about which entry. */
static int
remember(struct name_cache *c, struct name_entry *e)
{
	if (c->asked_count == c->asked_room) {
		size_t room = c->asked_room != 0 ? 2 * c->asked_room : 64;
		struct name_entry **asked =
		    realloc(c->asked, room * sizeof(struct name_entry *));

		if (asked == NULL)
			return -ENOMEM;
		c->asked = asked;
		c->asked_room = room;
	}
	c->asked[c->asked_count++] = e;
	return 0;
}

static struct name_entry *
add_entry(struct name_cache *c, const struct addr *a)
{
	struct name_entry *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return NULL;
	e->addr = *a;
	HASH_ADD(hh, c->entries, addr, sizeof(e->addr), e);
	if (c->client != NULL && remember(c, e) == 0 &&
	    names_client_reverse(c->client, a, c->asked_count - 1) == 0)
		e->state = NAME_PENDING;
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
	struct names_client_answers answers = {.name = take_name, .context = c};
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

void
name_cache_give_up(struct name_cache *c)
{
	struct name_entry *e, *next;

	names_client_stop(c->client);
	c->client = NULL;
	HASH_ITER (hh, c->entries, e, next)
		if (e->state == NAME_PENDING)
			e->state = NAME_NONE;
}

void
name_cache_clear(struct name_cache *c)
{
	struct name_entry *e, *next;

	names_client_stop(c->client);
	HASH_ITER (hh, c->entries, e, next) {
		HASH_DEL(c->entries, e);
		free(e->name);
		free(e);
	}
	free(c->asked);
	*c = (struct name_cache){0};
}
