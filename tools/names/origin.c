#include "tools/names/origin.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BLANKS " \t\r\f\v"
#define PREFIX_LEN_MAX 128
#define ZONE_FIELDS 5

/* ---- pieces ---------------------------------------------------------------------- */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The digits at the start of a text that is no longer than len; at most max. */
static size_t
read_digits(const char *text, size_t len, uint64_t max, uint64_t *out)
{
	size_t at = 0;

	*out = 0;
	while (at < len && is_digit(text[at])) {
		*out = *out * 10 + (uint64_t)(text[at++] - '0');
		if (*out > max)
			return 0;
	}
	return at;
}

bool
origin_read_number(const char *text, size_t len, uint32_t *out)
{
	uint64_t value;

	if (len > 2 && (text[0] | 32) == 'a' && (text[1] | 32) == 's') {
		text += 2;
		len -= 2;
	}
	if (len == 0 || read_digits(text, len, UINT32_MAX, &value) != len)
		return false;
	*out = (uint32_t)value;
	return true;
}

/* The length behind the slash; 0 if there is none: any other prefix is better. */
static unsigned int
read_prefix_len(const char *text, size_t len)
{
	const char *slash = memchr(text, '/', len);
	uint64_t value = 0;

	if (slash == NULL || read_digits(slash + 1, len - (size_t)(slash + 1 - text),
				 PREFIX_LEN_MAX, &value) == 0)
		return 0;
	return (unsigned int)value;
}

/* Returns whether a number of this prefix counts. */
static bool
prefer(struct origin *o, unsigned int prefix_len)
{
	if (prefix_len > o->prefix_len) {
		o->prefix_len = prefix_len;
		o->count = 0;
		o->country[0] = '\0';
	}
	return prefix_len == o->prefix_len;
}

static void
add_number(struct origin *o, uint32_t number)
{
	for (size_t i = 0; i < o->count; i++)
		if (o->numbers[i] == number)
			return;
	if (o->count < NAMES_AS_MAX)
		o->numbers[o->count++] = number;
}

/* Two letters, of either case; anything else is no country. */
static bool
set_country(struct origin *o, const char *text, size_t len)
{
	if (len != 2)
		return false;
	for (size_t i = 0; i < 2; i++) {
		char upper = text[i] >= 'a' && text[i] <= 'z'
				 ? (char)(text[i] - 'a' + 'A')
				 : text[i];

		if (upper < 'A' || upper > 'Z') {
			o->country[0] = '\0';
			return false;
		}
		o->country[i] = upper;
	}
	o->country[2] = '\0';
	return true;
}

/* ---- whois ----------------------------------------------------------------------- */

void
origin_whois_begin(struct origin_whois *w, struct origin *origin)
{
	*w = (struct origin_whois){.origin = origin, .left = ORIGIN_WHOIS_MAX};
}

/* What follows "key:" at the start of a line, without blanks before it; or NULL. */
static const char *
value_of(const char *line, const char *key)
{
	size_t len = strlen(key);

	if (strncmp(line, key, len) != 0)
		return NULL;
	return line + len + strspn(line + len, BLANKS);
}

static void
take_line(struct origin_whois *w)
{
	const char *route, *origin;
	uint32_t number;

	/* A NUL ends it, as it does to traceroute(8). */
	w->line[w->line_len] = '\0';
	w->line_len = 0;
	route = value_of(w->line, "route:");
	if (route == NULL)
		route = value_of(w->line, "route6:");
	if (route != NULL)
		w->prefix_len = read_prefix_len(route, strlen(route));
	origin = value_of(w->line, "origin:");
	if (origin != NULL &&
	    origin_read_number(origin, strcspn(origin, BLANKS), &number) &&
	    prefer(w->origin, w->prefix_len))
		add_number(w->origin, number);
}

bool
origin_whois_add(struct origin_whois *w, const void *data, size_t len)
{
	const char *text = data;

	for (size_t i = 0; i < len && w->left > 0; i++, w->left--) {
		if (text[i] == '\n')
			take_line(w);
		else if (w->line_len < ORIGIN_LINE_MAX - 1)
			w->line[w->line_len++] = text[i];
	}
	return w->left > 0;
}

void
origin_whois_end(struct origin_whois *w)
{
	if (w->line_len != 0)
		take_line(w);
}

/* ---- Team Cymru's zones ---------------------------------------------------------- */

struct span {
	const char *at;
	size_t len;
};

/* A text without the blanks around it. */
static struct span
trim(const char *at, size_t len)
{
	while (len != 0 && at[0] == ' ') {
		at++;
		len--;
	}
	while (len != 0 && at[len - 1] == ' ')
		len--;
	return (struct span){at, len};
}

/* Cuts a text at its bars; the last field has all that is left. How many there are. */
static size_t
split(const char *text, struct span fields[ZONE_FIELDS])
{
	size_t count = 0;

	for (;;) {
		size_t len = strcspn(text, "|");

		if (count == ZONE_FIELDS - 1)
			len = strlen(text);
		fields[count++] = trim(text, len);
		if (text[len] == '\0')
			return count;
		text += len + 1;
	}
}

void
origin_add_zone_text(struct origin *o, const char *text)
{
	struct span fields[ZONE_FIELDS];
	size_t count = split(text, fields);
	uint32_t number;

	if (count < 2 || !prefer(o, read_prefix_len(fields[1].at, fields[1].len)))
		return;
	for (size_t at = 0, len; at < fields[0].len; at += len + 1) {
		const char *word = fields[0].at + at;

		len = strcspn(word, " |");
		if (origin_read_number(word, len, &number))
			add_number(o, number);
	}
	if (count > 2 && o->country[0] == '\0')
		set_country(o, fields[2].at, fields[2].len);
}

void
origin_add_zone_name(struct origin *o, const char *text)
{
	struct span fields[ZONE_FIELDS];

	if (split(text, fields) != ZONE_FIELDS || o->as_name[0] != '\0')
		return;
	snprintf(o->as_name, sizeof(o->as_name), "%.*s",
	    (int)(fields[4].len < NAMES_NAME_MAX ? fields[4].len : NAMES_NAME_MAX),
	    fields[4].at);
}

/* ---- files ----------------------------------------------------------------------- */

/*
 * The first of the keys that the record has as a text. Returns 0, -ENOENT when it has
 * none, or -EBADMSG.
 */
static int
find_text(const struct mmdb *db, const struct mmdb_field *record,
    const char *const *keys, char *out, size_t room)
{
	struct mmdb_field value;
	int error;

	for (; *keys != NULL; keys++) {
		error = mmdb_member(db, record, *keys, &value);
		if (error == 0)
			error = mmdb_text(db, &value, out, room);
		if (error != -ENOENT)
			return error;
	}
	return -ENOENT;
}

/* MaxMind: a number; IPinfo: "AS64496". */
static int
find_number(const struct mmdb *db, const struct mmdb_field *record, uint32_t *out)
{
	static const char *const keys[] = {"asn", NULL};
	struct mmdb_field value;
	char text[16];
	int error = mmdb_member(db, record, "autonomous_system_number", &value);

	if (error == 0)
		return mmdb_number(db, &value, out);
	if (error == -ENOENT)
		error = find_text(db, record, keys, text, sizeof(text));
	if (error != 0)
		return error;
	return origin_read_number(text, strlen(text), out) ? 0 : -ENOENT;
}

int
origin_add_number(struct origin *o, const struct mmdb *db, const struct addr *a)
{
	static const char *const names[] = {
	    "autonomous_system_organization", "as_name", "name", NULL};
	struct mmdb_field record;
	uint32_t number;
	int error = mmdb_find(db, a, &record);

	if (error == 0)
		error = find_number(db, &record, &number);
	if (error != 0)
		return error;
	add_number(o, number);
	/* What is wrong with the name does not make the number wrong. */
	(void)find_text(db, &record, names, o->as_name, sizeof(o->as_name));
	return 0;
}

/* MaxMind: a code in a map. */
static int
find_country_in(struct origin *o, const struct mmdb *db,
    const struct mmdb_field *record, const char *map)
{
	static const char *const keys[] = {"iso_code", NULL};
	struct mmdb_field value;
	char text[4];
	int error = mmdb_member(db, record, map, &value);

	if (error == 0)
		error = find_text(db, &value, keys, text, sizeof(text));
	if (error != 0)
		return error;
	return set_country(o, text, strlen(text)) ? 0 : -ENOENT;
}

/* IPinfo: a text, which is a code or a name. */
static int
find_country(struct origin *o, const struct mmdb *db, const struct mmdb_field *record,
    const char *key)
{
	const char *const keys[] = {key, NULL};
	char text[4];
	int error = find_text(db, record, keys, text, sizeof(text));

	if (error != 0)
		return error;
	return set_country(o, text, strlen(text)) ? 0 : -ENOENT;
}

int
origin_add_country(struct origin *o, const struct mmdb *db, const struct addr *a)
{
	struct mmdb_field record;
	int error = mmdb_find(db, a, &record);

	if (error != 0)
		return error;
	error = find_country_in(o, db, &record, "country");
	if (error == -ENOENT)
		error = find_country_in(o, db, &record, "registered_country");
	if (error == -ENOENT)
		error = find_country(o, db, &record, "country_code");
	if (error == -ENOENT)
		error = find_country(o, db, &record, "country");
	return error;
}
