#include "tools/shared/naming.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "tools/shared/remedy.h"

struct name_entry {
	struct addr addr;
	uint32_t question; /* while it is pending */
	enum name_state name_state;
	enum name_state origin_state;
	char *name;                  /* NAME_KNOWN */
	struct names_origin *origin; /* likewise */
	UT_hash_handle hh;
	UT_hash_handle by_question;
};

/* ---- answers --------------------------------------------------------------------- */

static bool
is_pending(const struct name_entry *e)
{
	return e->name_state == NAME_PENDING || e->origin_state == NAME_PENDING;
}

/* NULL for a question that was given up meanwhile. */
static struct name_entry *
entry_asked(const struct name_cache *c, uint32_t question)
{
	struct name_entry *e;

	HASH_FIND(by_question, c->asked, &question, sizeof(question), e);
	return e;
}

/* Something was learned of it: perhaps all. */
static void
settle(struct name_cache *c, struct name_entry *e)
{
	if (!is_pending(e))
		HASH_DELETE(by_question, c->asked, e);
}

/* paris-names has answered, or will never answer. */
static void
take_name(void *context, const struct names_name *answer)
{
	struct name_entry *e = entry_asked(context, answer->question);

	if (e == NULL)
		return;
	if (answer->status == NAMES_OK && answer->name[0] != '\0')
		e->name = strdup(answer->name);
	e->name_state = e->name != NULL ? NAME_KNOWN : NAME_NONE;
	settle(context, e);
}

static void
take_origin(void *context, const struct names_origin *answer)
{
	struct name_entry *e = entry_asked(context, answer->question);

	if (e == NULL)
		return;
	e->origin = malloc(sizeof(*e->origin));
	if (e->origin != NULL)
		*e->origin = *answer;
	e->origin_state = e->origin != NULL ? NAME_KNOWN : NAME_NONE;
	settle(context, e);
}

static void
take_addrs(void *context, const struct names_addrs *answer)
{
	struct name_cache *c = context;

	if (c->found != NULL)
		c->found(c->found_context, answer);
}

/* ---- questions ------------------------------------------------------------------- */

/* Asks all that is wanted about an address. */
static void
ask_about(struct name_cache *c, struct name_entry *e)
{
	e->question = c->next_question++;
	if (c->client == NULL)
		return;
	if (c->naming.find != NULL &&
	    names_client_reverse(c->client, &e->addr, e->question) == 0)
		e->name_state = NAME_PENDING;
	if (c->naming.find_origin != NULL &&
	    names_client_whose(c->client, &e->addr, e->question) == 0)
		e->origin_state = NAME_PENDING;
	if (is_pending(e))
		HASH_ADD(by_question, c->asked, question, sizeof(e->question), e);
}

/* The entry of an address, new if need be; NULL when out of memory. */
static struct name_entry *
entry_of(struct name_cache *c, const struct addr *a)
{
	struct name_entry *e;

	HASH_FIND(hh, c->entries, a, sizeof(*a), e);
	if (e != NULL)
		return e;
	e = calloc(1, sizeof(*e));
	if (e == NULL)
		return NULL;
	e->addr = *a;
	HASH_ADD(hh, c->entries, addr, sizeof(e->addr), e);
	ask_about(c, e);
	return e;
}

static enum name_state
find_name(void *context, const struct addr *a, const char **name)
{
	const struct name_entry *e = entry_of(context, a);

	if (e == NULL)
		return NAME_NONE;
	*name = e->name;
	return e->name_state;
}

static enum name_state
find_origin(void *context, const struct addr *a, const struct names_origin **origin)
{
	const struct name_entry *e = entry_of(context, a);

	if (e == NULL)
		return NAME_NONE;
	*origin = e->origin;
	return e->origin_state;
}

/* ---- life ------------------------------------------------------------------------ */

int
name_cache_start(struct name_cache *c, const struct naming_wishes *wishes, char *error)
{
	struct names_client_answers answers = {.name = take_name,
	    .addrs = take_addrs,
	    .origin = take_origin,
	    .context = c};
	bool origins = wishes->as || wishes->country;
	char path[NAME_CACHE_ERROR_MAX - 200] = "";
	int result;

	*c = (struct name_cache){.naming = {.find = wishes->names ? find_name : NULL,
				     .find_origin = origins ? find_origin : NULL,
				     .shows_as = wishes->as,
				     .shows_as_names = wishes->as_names,
				     .shows_country = wishes->country,
				     .context = c}};
	result = names_client_start(&c->client, &wishes->configure, wishes->databases,
	    &answers, path, sizeof(path));
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
	if (is_pending(e))
		HASH_DELETE(by_question, c->asked, e);
	HASH_DEL(c->entries, e);
	free(e->name);
	free(e->origin);
	free(e);
}

void
name_cache_trim(struct name_cache *c, unsigned int most)
{
	struct name_entry *e, *next;

	if (HASH_COUNT(c->entries) <= most)
		return;
	HASH_ITER (hh, c->entries, e, next) {
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
	HASH_ITER (hh, c->entries, e, next) {
		if (e->name_state == NAME_PENDING)
			e->name_state = NAME_NONE;
		if (e->origin_state == NAME_PENDING)
			e->origin_state = NAME_NONE;
	}
}

void
name_cache_clear(struct name_cache *c)
{
	struct name_entry *e, *next;

	names_client_stop(c->client);
	HASH_ITER (hh, c->entries, e, next)
		forget(c, e);
	*c = (struct name_cache){0};
}

/* ---- for renderers --------------------------------------------------------------- */

bool
naming_has_names(const struct naming *naming)
{
	return naming != NULL && naming->find != NULL;
}

enum name_state
naming_name(const struct naming *naming, const struct addr *a, const char **name)
{
	enum name_state state = NAME_NONE;

	*name = NULL;
	if (naming_has_names(naming) && !addr_is_none(a))
		state = naming->find(naming->context, a, name);
	if (state != NAME_KNOWN)
		*name = NULL;
	return state;
}

enum name_state
naming_origin(const struct naming *naming, const struct addr *a,
    const struct names_origin **origin)
{
	enum name_state state = NAME_NONE;

	*origin = NULL;
	if (naming != NULL && naming->find_origin != NULL && !addr_is_none(a))
		state = naming->find_origin(naming->context, a, origin);
	if (state != NAME_KNOWN)
		*origin = NULL;
	return state;
}

bool
naming_knows(const struct naming *naming, const struct addr *a)
{
	const struct names_origin *origin;
	const char *name;
	bool name_is_open = naming_name(naming, a, &name) == NAME_PENDING;

	return naming_origin(naming, a, &origin) != NAME_PENDING && !name_is_open;
}
