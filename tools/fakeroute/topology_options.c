#include "tools/fakeroute/topology_options.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "tools/fakeroute/topology_values.h"

#define COPIES_MAX 1000

/* ---- options with values like no other ------------------------------------------ */

static int
set_late(void *object, const char *value)
{
	struct topology_options *o = object;
	char chance[32];
	const char *comma = strchr(value, ',');
	size_t len = comma == NULL ? sizeof(chance) : (size_t)(comma - value);
	uint32_t millionth;

	if (len >= sizeof(chance))
		return -EINVAL;
	memcpy(chance, value, len);
	chance[len] = '\0';
	if (topology_chance(chance, &millionth) != 0 ||
	    topology_time(comma + 1, &o->late_delay) != 0)
		return -EINVAL;
	o->late = millionth;
	return 0;
}

/* A chance, and with a comma how many copies. */
static int
set_duplicates(void *object, const char *value)
{
	struct topology_options *o = object;
	char chance[32];
	const char *comma = strchrnul(value, ',');
	size_t len = (size_t)(comma - value);
	uint64_t copies = 1;

	if (len >= sizeof(chance))
		return -EINVAL;
	memcpy(chance, value, len);
	chance[len] = '\0';
	if (*comma == ',' && topology_number(comma + 1, 1, COPIES_MAX, &copies) != 0)
		return -EINVAL;
	if (topology_chance(chance, &o->duplicates) != 0)
		return -EINVAL;
	o->copies = (uint32_t)copies;
	return 0;
}

/* TTL[,TTL] */
static int
set_reply_ttl(void *object, const char *value)
{
	struct topology_options *o = object;
	struct topology_ranges found;

	/* A list of numbers, which are no ranges and have an order. */
	if (strchr(value, '-') != NULL || topology_ranges(value, 1, 255, &found) != 0 ||
	    found.count > 2)
		return -EINVAL;
	o->reply_ttl[0] = (uint8_t)found.ranges[0].first;
	o->reply_ttl[1] = (uint8_t)found.ranges[found.count - 1].first;
	return 0;
}

static int
set_alias(void *object, const char *value)
{
	struct topology_options *o = object;

	if (strcmp(value, "none") == 0)
		value = "";
	else if (!topology_name_is_good(value))
		return -EINVAL;
	topology_text_copy(o->alias, value);
	return 0;
}

static int
set_quote_of(size_t *quote, const char *value)
{
	uint64_t bytes;

	if (strcmp(value, "full") == 0) {
		*quote = TOPOLOGY_QUOTE_FULL;
		return 0;
	}
	if (topology_number(value, 0, 65535, &bytes) != 0)
		return -EINVAL;
	*quote = (size_t)bytes;
	return 0;
}

static int
set_quote(void *object, const char *value)
{
	return set_quote_of(&((struct topology_options *)object)->quote[0], value);
}

static int
set_quote6(void *object, const char *value)
{
	return set_quote_of(&((struct topology_options *)object)->quote[1], value);
}

/* Quoted fields by name: their sizes in bits; an address has none. */
static const struct {
	const char *name;
	unsigned int bits;
} quoted_fields[TOPOLOGY_QUOTEDS] = {
    [TOPOLOGY_QUOTED_TOS] = {"tos", 8},
    [TOPOLOGY_QUOTED_LENGTH] = {"length", 16},
    [TOPOLOGY_QUOTED_ID] = {"id", 16},
    [TOPOLOGY_QUOTED_FRAGMENT] = {"fragment", 16},
    [TOPOLOGY_QUOTED_TTL] = {"ttl", 8},
    [TOPOLOGY_QUOTED_PROTOCOL] = {"protocol", 8},
    [TOPOLOGY_QUOTED_HEADER_CHECKSUM] = {"header-checksum", 16},
    [TOPOLOGY_QUOTED_FLOW_LABEL] = {"flow-label", 20},
    [TOPOLOGY_QUOTED_SRC] = {"src", 0},
    [TOPOLOGY_QUOTED_DST] = {"dst", 0},
    [TOPOLOGY_QUOTED_SRC_PORT] = {"src-port", 16},
    [TOPOLOGY_QUOTED_DST_PORT] = {"dst-port", 16},
    [TOPOLOGY_QUOTED_UDP_LENGTH] = {"udp-length", 16},
    [TOPOLOGY_QUOTED_TCP_SEQUENCE] = {"tcp-sequence", 32},
    [TOPOLOGY_QUOTED_ICMP_TYPE] = {"icmp-type", 8},
    [TOPOLOGY_QUOTED_ICMP_CODE] = {"icmp-code", 8},
    [TOPOLOGY_QUOTED_ICMP_ID] = {"icmp-id", 16},
    [TOPOLOGY_QUOTED_ICMP_SEQUENCE] = {"icmp-sequence", 16},
    [TOPOLOGY_QUOTED_CHECKSUM] = {"checksum", 16},
    [TOPOLOGY_QUOTED_PAYLOAD] = {"payload", 8},
};

/* How a field is misquoted: NUMBER, +NUMBER, -NUMBER, swap, flip, partial, ADDRESS. */
static int
read_change(struct topology_misquote *m, const char *text)
{
	unsigned int bits = quoted_fields[m->field].bits;
	uint64_t most = (UINT64_C(1) << bits) - 1;
	struct topology_addr a;
	bool minus = *text == '-';

	if (strcmp(text, "flip") == 0) {
		m->change = TOPOLOGY_CHANGE_FLIP;
		return 0;
	}
	if (bits == 0) {
		m->change = TOPOLOGY_CHANGE_SET;
		if (topology_prefix(text, false, &a) != 0)
			return -EINVAL;
		m->addr = a.addr;
		return 0;
	}
	if (strcmp(text, "swap") == 0) {
		m->change = TOPOLOGY_CHANGE_SWAP;
		return bits == 16 || bits == 32 ? 0 : -EINVAL;
	}
	if (strcmp(text, "partial") == 0) {
		m->change = TOPOLOGY_CHANGE_PARTIAL;
		return m->field == TOPOLOGY_QUOTED_CHECKSUM ? 0 : -EINVAL;
	}
	m->change = TOPOLOGY_CHANGE_SET;
	if (*text == '+' || minus) {
		m->change = TOPOLOGY_CHANGE_ADD;
		text++;
	}
	if (topology_number(text, 0, most, &m->value) != 0)
		return -EINVAL;
	if (minus)
		m->value = -m->value;
	return 0;
}

/* FIELD:CHANGE */
static int
add_misquote(void *object, const char *part)
{
	struct topology_options *o = object;
	struct topology_misquote m = {0};
	const char *colon = strchr(part, ':');
	size_t len;
	int field = 0;

	if (colon == NULL)
		return -EINVAL;
	len = (size_t)(colon - part);
	while (field < TOPOLOGY_QUOTEDS &&
	       (strlen(quoted_fields[field].name) != len ||
		   strncmp(quoted_fields[field].name, part, len) != 0))
		field++;
	if (field == TOPOLOGY_QUOTEDS || o->misquotes_count == TOPOLOGY_MISQUOTES_MAX)
		return -EINVAL;
	m.field = (enum topology_quoted)field;
	if (read_change(&m, colon + 1) != 0)
		return -EINVAL;
	o->misquotes[o->misquotes_count++] = m;
	return 0;
}

static int
set_misquote(void *object, const char *value)
{
	struct topology_options *o = object;

	o->misquotes_count = 0;
	if (strcmp(value, "none") == 0)
		return 0;
	return topology_each_part(value, add_misquote, o);
}

static int
set_mpls(void *object, const char *value)
{
	struct topology_options *o = object;

	o->labels_count = 0;
	if (strcmp(value, "none") == 0)
		return 0;
	return topology_labels(value, o->labels, &o->labels_count);
}

static int
set_extension_length(void *object, const char *value)
{
	struct topology_options *o = object;
	uint64_t length;

	o->extension_lies = strcmp(value, "right") != 0;
	if (!o->extension_lies)
		return 0;
	if (topology_number(value, 0, 255, &length) != 0)
		return -EINVAL;
	o->extension_length = (uint8_t)length;
	return 0;
}

static int
set_unreachable(void *object, const char *value)
{
	struct topology_options *o = object;

	if (strcmp(value, "no") == 0) {
		o->unreachable = TOPOLOGY_REACHABLE;
		return 0;
	}
	return topology_unreachable(value, &o->unreachable, &o->unreachable_code);
}

static int
set_unreachable_at(void *object, const char *value)
{
	static const char *const words[] = {"forward", "arrival", NULL};
	int where = topology_choice(value, words);

	if (where < 0)
		return where;
	((struct topology_options *)object)->unreachable_on_arrival = where == 1;
	return 0;
}

#define BIT(field) (UINT32_C(1) << TOPOLOGY_FIELD_##field)

static int
add_field(void *object, const char *part)
{
	static const struct {
		const char *name;
		uint32_t bits;
	} fields[] = {
	    {"src", BIT(SRC)},
	    {"dst", BIT(DST)},
	    {"addresses", BIT(SRC) | BIT(DST)},
	    {"protocol", BIT(PROTOCOL)},
	    {"src-port", BIT(SRC_PORT)},
	    {"dst-port", BIT(DST_PORT)},
	    {"ports", BIT(SRC_PORT) | BIT(DST_PORT)},
	    {"icmp-type", BIT(ICMP_TYPE)},
	    {"icmp-checksum", BIT(ICMP_CHECKSUM)},
	    {"icmp", BIT(ICMP_TYPE) | BIT(ICMP_CHECKSUM)},
	    {"flow-label", BIT(FLOW_LABEL)},
	    {"tos", BIT(TOS)},
	};
	uint32_t *chosen = object;

	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (strcmp(part, fields[i].name) == 0) {
			*chosen |= fields[i].bits;
			return 0;
		}
	return -EINVAL;
}

static int
set_hash(void *object, const char *value)
{
	uint32_t chosen = 0;

	if (topology_each_part(value, add_field, &chosen) != 0 || chosen == 0)
		return -EINVAL;
	((struct topology_options *)object)->hash_fields = chosen;
	return 0;
}

static int
set_flow_label(void *object, const char *value)
{
	static const char *const words[] = {"on", "off", NULL};
	struct topology_options *o = object;
	int off = topology_choice(value, words);

	if (off < 0)
		return off;
	o->hash_fields &= ~BIT(FLOW_LABEL);
	if (off == 0)
		o->hash_fields |= BIT(FLOW_LABEL);
	return 0;
}

static int
set_errors_from(void *object, const char *value)
{
	return topology_addr_pair(
	    value, ((struct topology_options *)object)->errors_from);
}

static int
set_answers_from(void *object, const char *value)
{
	return topology_addr_pair(
	    value, ((struct topology_options *)object)->answers_from);
}

static int
set_icmp(void *object, const char *value)
{
	static const char *const words[] = {"reply", "silent", NULL};
	int how = topology_choice(value, words);

	if (how < 0)
		return how;
	((struct topology_options *)object)->icmp_silent = how == 1;
	return 0;
}

/* ---- the table ----------------------------------------------------------------- */

#define AT(member) offsetof(struct topology_options, member)
#define OWN(key, set, takes) \
	{ \
		key, TOPOLOGY_TYPE_OWN, 0, 0, 0, NULL, set, takes \
	}
#define TIME(key, member) \
	{ \
		key, TOPOLOGY_TYPE_TIME, AT(member) \
	}
#define CHANCE(key, member) \
	{ \
		key, TOPOLOGY_TYPE_CHANCE, AT(member) \
	}
#define RATE(key, member) \
	{ \
		key, TOPOLOGY_TYPE_RATE, AT(member) \
	}
#define FLAG(key, member) \
	{ \
		key, TOPOLOGY_TYPE_FLAG, AT(member) \
	}
#define PORTS(key, member) \
	{ \
		key, TOPOLOGY_TYPE_PORTS, AT(member) \
	}
#define CHOICE(key, member, words) \
	{ \
		key, TOPOLOGY_TYPE_CHOICE, AT(member), 0, 0, words \
	}
#define NUMBER(key, type, member, least, most) \
	{ \
		key, TOPOLOGY_TYPE_##type, AT(member), least, most \
	}

static const char *const balances[] = {
    "per-flow", "per-packet", "per-destination", NULL};
static const char *const rates_of[] = {"errors", "all", NULL};
static const char *const ip_ids[] = {
    "router", "interface", "zero", "random", "copy", NULL};
static const char *const checksums[] = {"right", "wrong", "zero", NULL};
static const char *const ttls[] = {"normal", "keep", "zero", NULL};
static const char *const udps[] = {"unreachable", "echo", "silent", NULL};
static const char *const tcps[] = {"rst", "syn-ack", "silent", NULL};

static const struct topology_word table[] = {
    TIME("rtt", rtt),
    TIME("jitter", jitter),
    CHANCE("loss", loss),
    OWN("duplicates", set_duplicates,
	"a percentage (5%), and how many copies (5%,3), up to 1000"),
    CHANCE("reordered", reordered),
    CHANCE("altered", altered),
    CHANCE("corrupted", corrupted),
    OWN("late", set_late, "a percentage and a time (20%,300ms)"),
    FLAG("silent", silent),
    FLAG("shared", shared),
    OWN("quote", set_quote, "a number of bytes, or full"),
    OWN("quote6", set_quote6, "a number of bytes, or full"),
    OWN("misquote", set_misquote,
	"FIELD:CHANGE, up to 8 with commas, or none. FIELD: tos, length, id, "
	"fragment, ttl, protocol, header-checksum, flow-label, src, dst, src-port, "
	"dst-port, udp-length, tcp-sequence, icmp-type, icmp-code, icmp-id, "
	"icmp-sequence, checksum or payload; CHANGE: a number that fits, +NUMBER, "
	"-NUMBER, swap, flip, for a checksum partial, for src and dst an address"),
    OWN("mpls", set_mpls, "LABEL[:TC[:TTL]], up to 8 with commas, or none"),
    FLAG("mpls-noncompliant", mpls_noncompliant),
    OWN("extension-length", set_extension_length, "a number from 0 to 255, or right"),
    NUMBER("extension-version", U8, extension_version, 0, 15),
    CHOICE("extension-checksum", extension_checksum, checksums),
    OWN("reply-ttl", set_reply_ttl,
	"a number from 1 to 255, or two: of errors, of answers"),
    OWN("alias", set_alias, "a name of letters, digits and . _ -, or none"),
    RATE("rate", rate),
    NUMBER("burst", U32, burst, 1, 1000000),
    CHOICE("rate-of", rate_of, rates_of),
    CHOICE("ip-id", ip_id, ip_ids),
    RATE("ip-id-rate", ip_id_rate),
    OWN("unreachable", set_unreachable,
	"net, host, protocol, port, prohibited, a code from 0 to 255, or no"),
    OWN("unreachable-at", set_unreachable_at, "forward or arrival"),
    NUMBER("mtu", U32, mtu, 68, 65535),
    CHOICE("ttl", ttl, ttls),
    OWN("errors-from", set_errors_from, "an address, or one of each family"),
    OWN("answers-from", set_answers_from, "an address, or one of each family"),
    CHOICE("balance", balance, balances),
    OWN("hash", set_hash,
	"fields with commas: src, dst, addresses, protocol, src-port, dst-port, "
	"ports, icmp-type, icmp-checksum, icmp, flow-label, tos"),
    OWN("flow-label", set_flow_label, "on or off"),
    CHOICE("udp", udp, udps),
    PORTS("udp-open", udp_open),
    PORTS("udp-closed", udp_closed),
    PORTS("udp-silent", udp_silent),
    CHOICE("tcp", tcp, tcps),
    PORTS("tcp-open", tcp_open),
    PORTS("tcp-closed", tcp_closed),
    PORTS("tcp-silent", tcp_silent),
    FLAG("tcp-ecn", tcp_ecn),
    OWN("icmp", set_icmp, "reply or silent"),
};

#define WORDS (sizeof(table) / sizeof(*table))

void
topology_options_init(struct topology_options *options)
{
	*options = (struct topology_options){
	    .quote = {TOPOLOGY_QUOTE_FULL, TOPOLOGY_QUOTE_FULL},
	    .hash_fields = (BIT(TOS) << 1) - 1 - BIT(TOS),
	    .burst = 1,
	    .extension_version = 2,
	};
}

bool
topology_option_known(const char *key)
{
	return topology_word_find(table, WORDS, key) != NULL;
}

int
topology_option_set(struct topology_options *options, const char *key,
    const char *value, char *why, size_t room)
{
	const struct topology_word *word = topology_word_find(table, WORDS, key);

	if (word != NULL)
		return topology_word_set(word, options, value, why, room);
	snprintf(why, room, "unknown option (paris-topology(5) lists them)");
	return -EINVAL;
}
