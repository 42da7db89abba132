#include "tools/fakeroute/topology_values.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"

#define TIME_MAX (3600 * NS_PER_SECOND)
#define RATE_MAX 1000000
#define LIST_ROOM 512
#define LABEL_ROOM 32

bool
topology_name_is_good(const char *name)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t len = strlen(name);

	return len > 0 && len <= TOPOLOGY_NAME_MAX && strspn(name, good) == len;
}

/* ---- tables of words ----------------------------------------------------------- */

const struct topology_word *
topology_word_find(const struct topology_word *table, size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(table[i].key, key) == 0)
			return &table[i];
	return NULL;
}

/* A bare word, yes or no. */
static int
flag(const char *text, bool *out)
{
	if (text == NULL || strcmp(text, "yes") == 0 || strcmp(text, "on") == 0)
		*out = true;
	else if (strcmp(text, "no") == 0 || strcmp(text, "off") == 0)
		*out = false;
	else
		return -EINVAL;
	return 0;
}

/* Ports, or "none", which takes a default back. */
static int
ports(const char *text, struct topology_ranges *out)
{
	if (strcmp(text, "none") != 0)
		return topology_ranges(text, 1, 65535, out);
	out->count = 0;
	return 0;
}

/* "none" takes a default back. */
static int
rate_or_none(const char *text, struct topology_rate *out)
{
	if (strcmp(text, "none") != 0)
		return topology_rate(text, out);
	*out = (struct topology_rate){0, 0};
	return 0;
}

static int
set_number(const struct topology_word *word, uint8_t *at, const char *value)
{
	uint64_t number;

	if (topology_number(value, word->least, word->most, &number) != 0)
		return -EINVAL;
	if (word->type == TOPOLOGY_TYPE_U8)
		*at = (uint8_t)number;
	else
		memcpy(at, &(uint32_t){(uint32_t)number}, sizeof(uint32_t));
	return 0;
}

static int
set_choice(const struct topology_word *word, uint8_t *at, const char *value)
{
	int found = topology_choice(value, word->words);

	if (found < 0)
		return found;
	memcpy(at, &(unsigned int){(unsigned int)found}, sizeof(unsigned int));
	return 0;
}

static int
set(const struct topology_word *word, void *object, const char *value)
{
	uint8_t *at = (uint8_t *)object + word->offset;
	bool bare = word->type == TOPOLOGY_TYPE_OWN ? word->bare
						    : word->type == TOPOLOGY_TYPE_FLAG;

	if (value == NULL && !bare)
		return -EINVAL;
	switch (word->type) {
	case TOPOLOGY_TYPE_OWN:
		return word->set(object, value);
	case TOPOLOGY_TYPE_FLAG:
		return flag(value, (bool *)at);
	case TOPOLOGY_TYPE_TIME:
		return topology_time(value, (int64_t *)(void *)at);
	case TOPOLOGY_TYPE_CHANCE:
		return topology_chance(value, (uint32_t *)(void *)at);
	case TOPOLOGY_TYPE_U8:
	case TOPOLOGY_TYPE_U32:
		return set_number(word, at, value);
	case TOPOLOGY_TYPE_CHOICE:
		return set_choice(word, at, value);
	case TOPOLOGY_TYPE_PORTS:
		return ports(value, (struct topology_ranges *)(void *)at);
	case TOPOLOGY_TYPE_RATE:
		return rate_or_none(value, (struct topology_rate *)(void *)at);
	}
	return -EINVAL;
}

/* "a, b or c" */
static void
list_choices(const char *const *words, char *out, size_t room)
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; words[i] != NULL && len < room; i++)
		len += (size_t)snprintf(out + len, room - len, "%s%s",
		    i == 0                 ? ""
		    : words[i + 1] == NULL ? " or "
					   : ", ",
		    words[i]);
}

/* What a word takes, for a message. */
static void
explain(const struct topology_word *word, char *why, size_t room)
{
	static const char it[] = "it takes ";
	size_t len = sizeof(it) - 1;
	const char *takes = word->takes;

	snprintf(why, room, "%s", it);
	switch (word->type) {
	case TOPOLOGY_TYPE_OWN:
		break;
	case TOPOLOGY_TYPE_FLAG:
		takes = "yes or no";
		break;
	case TOPOLOGY_TYPE_TIME:
		takes = "a time (2ms, 30us)";
		break;
	case TOPOLOGY_TYPE_CHANCE:
		takes = "a percentage (5%, 0.1%)";
		break;
	case TOPOLOGY_TYPE_U8:
	case TOPOLOGY_TYPE_U32:
		snprintf(why + len, room - len, "a number from %" PRIu64 " to %" PRIu64,
		    word->least, word->most);
		return;
	case TOPOLOGY_TYPE_CHOICE:
		list_choices(word->words, why + len, room - len);
		return;
	case TOPOLOGY_TYPE_PORTS:
		takes = "up to 16 ports or FIRST-LAST with commas, or none";
		break;
	case TOPOLOGY_TYPE_RATE:
		takes = "a number in a time (10/s, 1/250ms), or none";
		break;
	}
	snprintf(why + len, room - len, "%s", takes);
}

int
topology_word_set(const struct topology_word *word, void *object, const char *value,
    char *why, size_t room)
{
	if (set(word, object, value) == 0)
		return 0;
	explain(word, why, room);
	return -EINVAL;
}

int
topology_words_set(const struct topology_word *table, size_t count, const char *whose,
    void *object, char *word, char *why, size_t room)
{
	char *equals = strchr(word, '=');
	const struct topology_word *known;
	size_t len;
	int error = -EINVAL;

	if (equals != NULL)
		*equals = '\0';
	known = topology_word_find(table, count, word);
	if (known != NULL) {
		error = topology_word_set(
		    known, object, equals == NULL ? NULL : equals + 1, why, room);
	} else {
		len = (size_t)snprintf(why, room, "%s has the words", whose);
		for (size_t i = 0; i < count && len < room; i++)
			len += (size_t)snprintf(why + len, room - len, "%s %s",
			    i == 0 ? "" : ",", table[i].key);
	}
	if (equals != NULL)
		*equals = '=';
	return error;
}

void
topology_text_copy(char *out, const char *text)
{
	memcpy(out, text, strlen(text) + 1);
}

/* ---- numbers ------------------------------------------------------------------- */

int
topology_number(const char *text, uint64_t least, uint64_t most, uint64_t *out)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || value < least ||
	    value > most)
		return -EINVAL;
	*out = value;
	return 0;
}

/* A decimal fraction times scale, without floating point: exact, and no locale. */
static int
decimal(const char *text, int64_t scale, int64_t most, int64_t *out, const char **end)
{
	int64_t value = 0;
	const char *at = text;

	for (; *at >= '0' && *at <= '9'; at++) {
		value = value * 10 + (*at - '0');
		if (value > most / scale)
			return -EINVAL;
	}
	if (at == text)
		return -EINVAL;
	value *= scale;
	if (*at == '.')
		for (at++; *at >= '0' && *at <= '9'; at++) {
			scale /= 10;
			value += (*at - '0') * scale;
		}
	*out = value;
	*end = at;
	return value > most ? -EINVAL : 0;
}

int
topology_time(const char *text, int64_t *ns)
{
	static const struct {
		const char *unit;
		int64_t scale;
	} units[] = {
	    {"s", NS_PER_SECOND}, {"ms", NS_PER_MS}, {"us", NS_PER_US}, {"ns", 1}};
	const char *unit = text + strspn(text, "0123456789.");
	const char *end;
	int64_t value;

	if (strcmp(text, "0") == 0) {
		*ns = 0;
		return 0;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (strcmp(unit, units[i].unit) == 0 &&
		    decimal(text, units[i].scale, TIME_MAX, &value, &end) == 0 &&
		    end == unit) {
			*ns = value;
			return 0;
		}
	return -EINVAL;
}

int
topology_chance(const char *text, uint32_t *millionth)
{
	const char *end;
	int64_t value;

	if (decimal(text, TOPOLOGY_CERTAIN / 100, TOPOLOGY_CERTAIN, &value, &end) !=
		0 ||
	    strcmp(end, "%") != 0)
		return -EINVAL;
	*millionth = (uint32_t)value;
	return 0;
}

int
topology_rate(const char *text, struct topology_rate *out)
{
	struct topology_rate rate = {0, NS_PER_SECOND};
	const char *slash = strchr(text, '/');
	char number[24];
	size_t len = slash == NULL ? sizeof(number) : (size_t)(slash - text);
	uint64_t count;

	if (len >= sizeof(number))
		return -EINVAL;
	memcpy(number, text, len);
	number[len] = '\0';
	if (topology_number(number, 1, RATE_MAX, &count) != 0)
		return -EINVAL;
	rate.count = (uint32_t)count;
	if (strcmp(slash + 1, "s") != 0 &&
	    (topology_time(slash + 1, &rate.period) != 0 || rate.period == 0))
		return -EINVAL;
	*out = rate;
	return 0;
}

int
topology_moment(const char *text, struct topology_moment *out)
{
	static const char unit[] = "packets";
	size_t digits = strspn(text, "0123456789");
	char number[24];
	uint64_t packets;
	int64_t time;

	if (digits > 0 && digits < sizeof(number) && strcmp(text + digits, unit) == 0) {
		memcpy(number, text, digits);
		number[digits] = '\0';
		if (topology_number(number, 0, INT64_MAX, &packets) != 0)
			return -EINVAL;
		*out =
		    (struct topology_moment){TOPOLOGY_MOMENT_PACKETS, (int64_t)packets};
		return 0;
	}
	if (topology_time(text, &time) != 0)
		return -EINVAL;
	*out = (struct topology_moment){TOPOLOGY_MOMENT_TIME, time};
	return 0;
}

static bool
moment_is_before(const struct topology_moment *a, const struct topology_moment *b)
{
	return a->kind != b->kind || a->kind == TOPOLOGY_MOMENT_NONE ||
	       a->value < b->value;
}

int
topology_span_check(const struct topology_span *span)
{
	return moment_is_before(&span->since, &span->until) ? 0 : -EINVAL;
}

/* ---- words --------------------------------------------------------------------- */

int
topology_choice(const char *text, const char *const *words)
{
	for (int i = 0; words[i] != NULL; i++)
		if (strcmp(text, words[i]) == 0)
			return i;
	return -EINVAL;
}

int
topology_unreachable(const char *text, enum topology_unreachable *kind, uint8_t *code)
{
	static const char *const words[] = {
	    "net", "host", "protocol", "port", "prohibited", NULL};
	int known = topology_choice(text, words);
	uint64_t number;

	if (known >= 0) {
		*kind = (enum topology_unreachable)(TOPOLOGY_UNREACHABLE_NET + known);
		return 0;
	}
	if (topology_number(text, 0, 255, &number) != 0)
		return -EINVAL;
	*kind = TOPOLOGY_UNREACHABLE_CODE;
	*code = (uint8_t)number;
	return 0;
}

/* ---- lists --------------------------------------------------------------------- */

int
topology_each_part(
    const char *text, int (*add)(void *object, const char *part), void *object)
{
	char copy[LIST_ROOM];
	char *save = NULL;
	int error = 0;

	if (strlen(text) >= sizeof(copy))
		return -EINVAL;
	topology_text_copy(copy, text);
	for (char *part = strtok_r(copy, ",", &save); part != NULL && error == 0;
	     part = strtok_r(NULL, ",", &save))
		error = add(object, part);
	return error;
}

/* Ranges while they are read, and what they may hold. */
struct reading {
	struct topology_ranges found;
	uint16_t least, most;
};

static int
add_range(void *object, const char *part)
{
	struct reading *r = object;
	char copy[LIST_ROOM];
	char *dash;
	uint64_t first, last;

	topology_text_copy(copy, part);
	dash = strchr(copy, '-');
	if (dash != NULL)
		*dash = '\0';
	if (r->found.count == TOPOLOGY_RANGES_MAX ||
	    topology_number(copy, r->least, r->most, &first) != 0)
		return -EINVAL;
	last = first;
	if (dash != NULL && topology_number(dash + 1, first, r->most, &last) != 0)
		return -EINVAL;
	r->found.ranges[r->found.count].first = (uint16_t)first;
	r->found.ranges[r->found.count++].last = (uint16_t)last;
	return 0;
}

int
topology_ranges(
    const char *text, uint16_t least, uint16_t most, struct topology_ranges *out)
{
	struct reading r = {.least = least, .most = most};

	if (topology_each_part(text, add_range, &r) != 0 || r.found.count == 0)
		return -EINVAL;
	*out = r.found;
	return 0;
}

static int
digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);

	return at == NULL || c == '\0' ? -1 : (int)(at - digits);
}

int
topology_hex(const char *text, uint8_t *out, size_t room, size_t *len)
{
	size_t count = strlen(text) / 2;

	if (count == 0 || count > room || strlen(text) % 2 != 0)
		return -EINVAL;
	for (size_t i = 0; i < count; i++) {
		int high = digit(text[i * 2]), low = digit(text[i * 2 + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		out[i] = (uint8_t)(high << 4 | low);
	}
	*len = count;
	return 0;
}

/* A label stack while it is read. */
struct stack {
	struct topology_label *labels;
	size_t count;
};

static int
add_label(void *object, const char *part)
{
	static const uint64_t most[3] = {0xfffff, 7, 255};
	struct stack *stack = object;
	uint64_t numbers[3] = {0, 0, 1};
	char copy[LABEL_ROOM];
	char *save = NULL;
	size_t count = 0;

	if (stack->count == TOPOLOGY_LABELS_MAX || strlen(part) >= sizeof(copy))
		return -EINVAL;
	topology_text_copy(copy, part);
	for (char *text = strtok_r(copy, ":", &save); text != NULL;
	     text = strtok_r(NULL, ":", &save), count++)
		if (count == 3 ||
		    topology_number(text, 0, most[count], &numbers[count]) != 0)
			return -EINVAL;
	if (count == 0)
		return -EINVAL;
	stack->labels[stack->count++] = (struct topology_label){
	    .label = (uint32_t)numbers[0],
	    .traffic_class = (uint8_t)numbers[1],
	    .ttl = (uint8_t)numbers[2],
	};
	return 0;
}

int
topology_labels(const char *text, struct topology_label *labels, size_t *count)
{
	struct stack stack = {labels, *count};

	if (topology_each_part(text, add_label, &stack) != 0 || stack.count == *count)
		return -EINVAL;
	*count = stack.count;
	return 0;
}

/* ---- addresses ----------------------------------------------------------------- */

/* True when the bits of an address behind its prefix are clear. */
static bool
prefix_is_clean(const struct topology_addr *a)
{
	for (size_t bit = a->prefix; bit < addr_family_len(a->addr.family) * 8; bit++)
		if ((a->addr.bytes[bit / 8] & (0x80 >> bit % 8)) != 0)
			return false;
	return true;
}

int
topology_prefix(const char *text, bool prefixes, struct topology_addr *out)
{
	struct topology_addr found;
	char copy[ADDR_TEXT_MAX + 8];
	char *slash;
	uint64_t prefix;
	size_t bits;

	if (strlen(text) >= sizeof(copy))
		return -EINVAL;
	topology_text_copy(copy, text);
	slash = strchr(copy, '/');
	if (slash != NULL)
		*slash = '\0';
	if (addr_from_text(copy, &found.addr) != 0 || found.addr.scope != 0 ||
	    addr_is_unspecified(&found.addr))
		return -EINVAL;
	prefix = bits = addr_family_len(found.addr.family) * 8;
	if (slash != NULL &&
	    (!prefixes || topology_number(slash + 1, 1, bits, &prefix) != 0))
		return -EINVAL;
	found.prefix = (uint8_t)prefix;
	if (!prefix_is_clean(&found))
		return -EINVAL;
	*out = found;
	return 0;
}

static int
add_of_family(void *object, const char *part)
{
	struct addr *pair = object;
	struct topology_addr found;
	struct addr *place;

	if (topology_prefix(part, false, &found) != 0)
		return -EINVAL;
	place = &pair[found.addr.family == AF_INET ? 0 : 1];
	if (!addr_is_none(place))
		return -EINVAL;
	*place = found.addr;
	return 0;
}

int
topology_addr_pair(const char *text, struct addr out[2])
{
	struct addr pair[2] = {{0}, {0}};

	if (topology_each_part(text, add_of_family, pair) != 0 ||
	    (addr_is_none(&pair[0]) && addr_is_none(&pair[1])))
		return -EINVAL;
	out[0] = pair[0];
	out[1] = pair[1];
	return 0;
}
