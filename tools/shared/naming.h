/*
 * Who the addresses in a trace are, as the renderers see it: their names, and the
 * autonomous systems (AS) and countries that they belong to. Asked for as soon as an
 * address is known, never waited for by a probe. What comes back is hostile text that
 * the renderer must escape.
 */
#ifndef TOOLS_SHARED_NAMING_H
#define TOOLS_SHARED_NAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "tools/shared/names_client.h"

enum name_state {
	NAME_NONE,    /* the look-up has ended without a name */
	NAME_PENDING, /* not known yet */
	NAME_KNOWN,
};

/* Where names come from; tests have one of their own. */
struct naming {
	/* What is known about an address, asking for it if need be; never waits. The
	 * name stays valid as long as the source. NULL: no names are wanted. */
	enum name_state (*find)(void *context, const struct addr *a, const char **name);
	/* Likewise, whose it is; *origin says more, unless it is NULL. NULL: nobody
	 * wants to know. */
	enum name_state (*find_origin)(
	    void *context, const struct addr *a, const struct names_origin **origin);
	bool shows_as; /* which of it is to be shown */
	bool shows_as_names;
	bool shows_country;
	void *context;
};

/* What is to be found out, and how. */
struct naming_wishes {
	bool names;
	bool as;
	bool as_names;
	bool country;
	int databases[3]; /* open files, ended by -1, as in `configure` */
	struct names_configure configure;
};

/* Who addresses are, from paris-names, each asked for once, and addresses of hosts. */
struct name_cache {
	struct naming naming;
	struct names_client *client; /* NULL: not running */
	struct name_entry *entries;  /* by address, the oldest first */
	struct name_entry *asked;    /* those that are pending, by question */
	uint32_t next_question;
	bool
	    hosts_only; /* no names are wanted (-n): the user of the cache sees to it */
	/* Told what name_cache_resolve asked for. */
	void (*found)(void *context, const struct names_addrs *answer);
	void *found_context;
};

#define NAME_CACHE_ERROR_MAX 4400

/*
 * Starts paris-names. Returns 0, or -errno with one line for the user in error
 * (NAME_CACHE_ERROR_MAX bytes). The cache must not move afterwards.
 */
int name_cache_start(
    struct name_cache *c, const struct naming_wishes *wishes, char *error);

/*
 * Asks for the addresses of a host; `found` is told, never before this returns.
 * question is the caller's. Returns what names_client_forward does.
 */
int name_cache_resolve(
    struct name_cache *c, const char *host, uint32_t family, uint32_t question);

/* Names that are kept by those who print without end: replies may have any sender. */
#define NAME_CACHE_MOST 65536

/*
 * Forgets the oldest addresses if there are more than `most`, until half as many are
 * left: for those who print without end, while they hold no name. It does not matter
 * what is known of them: what is asked for again is looked up again.
 */
void name_cache_trim(struct name_cache *c, unsigned int most);

/* Ends paris-names: what is not known by now stays unknown. */
void name_cache_give_up(struct name_cache *c);

/* Ends paris-names and frees. Harmless on a zeroed cache. */
void name_cache_clear(struct name_cache *c);

/* ---- for renderers; naming may be NULL, an address may be none ---- */

/* Whether names are looked up at all: -n was not said. */
bool naming_has_names(const struct naming *naming);

/* What is known by now. *name and *origin are NULL unless it is NAME_KNOWN. */
enum name_state naming_name(
    const struct naming *naming, const struct addr *a, const char **name);
enum name_state naming_origin(const struct naming *naming, const struct addr *a,
    const struct names_origin **origin);

/* Asks for all that is wanted of an address; true when nothing of it is open. */
bool naming_knows(const struct naming *naming, const struct addr *a);

#endif
