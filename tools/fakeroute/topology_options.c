#include "tools/fakeroute/topology_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"

#define TIME_MAX (3600 * NS_PER_SECOND)
#define LIST_ROOM 256

/* ---- values -------------------------------------------------------------------- */

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

/* Copies a text that is known to fit. */
static void
text_copy(char *out, const char *text)
{
	memcpy(out, text, strlen(text) + 1);
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

/* The index of a word in a NULL-terminated list, or -EINVAL. */
static int
choice(const char *text, const char *const *words)
{
	for (int i = 0; words[i] != NULL; i++)
		if (strcmp(text, words[i]) == 0)
			return i;
	return -EINVAL;
}

/* Hands each part between commas to add; stops at its first error. */
static int
each_part(const char *text, int (*add)(struct topology_options *, const char *, void *),
    struct topology_options *options, void *context)
{
	char copy[LIST_ROOM];
	char *save = NULL;
	int error = 0;

	if (strlen(text) >= sizeof(copy))
		return -EINVAL;
	text_copy(copy, text);
	for (char *part = strtok_r(copy, ",", &save); part != NULL && error == 0;
	     part = strtok_r(NULL, ",", &save))
		error = add(options, part, context);
	return error;
}

/* ---- one function an option ---------------------------------------------------- */

static int
set_rtt(struct topology_options *o, const char *value)
{
	return topology_time(value, &o->rtt);
}

static int
set_jitter(struct topology_options *o, const char *value)
{
	return topology_time(value, &o->jitter);
}

static int
set_loss(struct topology_options *o, const char *value)
{
	return topology_chance(value, &o->loss);
}

static int
set_duplicates(struct topology_options *o, const char *value)
{
	return topology_chance(value, &o->duplicates);
}

static int
set_late(struct topology_options *o, const char *value)
{
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

static int
set_silent(struct topology_options *o, const char *value)
{
	return flag(value, &o->silent);
}

static int
set_shared(struct topology_options *o, const char *value)
{
	return flag(value, &o->shared);
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
set_quote(struct topology_options *o, const char *value)
{
	return set_quote_of(&o->quote[0], value);
}

static int
set_quote6(struct topology_options *o, const char *value)
{
	return set_quote_of(&o->quote[1], value);
}

/* LABEL[:TRAFFIC-CLASS[:TTL]] */
static int
add_label(struct topology_options *o, const char *part, void *context)
{
	uint64_t numbers[3] = {0, 0, 1};
	static const uint64_t most[3] = {0xfffff, 7, 255};
	char copy[LIST_ROOM];
	char *save = NULL;
	size_t count = 0;

	(void)context;
	if (o->labels_count == TOPOLOGY_LABELS_MAX)
		return -EINVAL;
	text_copy(copy, part);
	for (char *text = strtok_r(copy, ":", &save); text != NULL;
	     text = strtok_r(NULL, ":", &save), count++)
		if (count == 3 ||
		    topology_number(text, 0, most[count], &numbers[count]) != 0)
			return -EINVAL;
	if (count == 0)
		return -EINVAL;
	o->labels[o->labels_count++] = (struct topology_label){
	    .label = (uint32_t)numbers[0],
	    .traffic_class = (uint8_t)numbers[1],
	    .ttl = (uint8_t)numbers[2],
	};
	return 0;
}

static int
set_mpls(struct topology_options *o, const char *value)
{
	o->labels_count = 0;
	if (strcmp(value, "none") == 0)
		return 0;
	return each_part(value, add_label, o, NULL);
}

static int
set_mpls_noncompliant(struct topology_options *o, const char *value)
{
	return flag(value, &o->mpls_noncompliant);
}

static int
set_reply_ttl(struct topology_options *o, const char *value)
{
	uint64_t ttl;

	if (topology_number(value, 1, 255, &ttl) != 0)
		return -EINVAL;
	o->reply_ttl = (uint8_t)ttl;
	return 0;
}

static int
set_unreachable(struct topology_options *o, const char *value)
{
	static const char *const words[] = {
	    "no", "net", "host", "protocol", "port", "prohibited", NULL};
	int kind = choice(value, words);
	uint64_t code;

	if (kind >= 0) {
		o->unreachable = (enum topology_unreachable)kind;
		return 0;
	}
	if (topology_number(value, 0, 255, &code) != 0)
		return -EINVAL;
	o->unreachable = TOPOLOGY_UNREACHABLE_CODE;
	o->unreachable_code = (uint8_t)code;
	return 0;
}

static int
set_unreachable_at(struct topology_options *o, const char *value)
{
	static const char *const words[] = {"forward", "arrival", NULL};
	int where = choice(value, words);

	o->unreachable_on_arrival = where == 1;
	return where < 0 ? where : 0;
}

static int
set_mtu(struct topology_options *o, const char *value)
{
	uint64_t mtu;

	if (topology_number(value, 68, 65535, &mtu) != 0)
		return -EINVAL;
	o->mtu = (uint32_t)mtu;
	return 0;
}

static int
set_balance(struct topology_options *o, const char *value)
{
	static const char *const words[] = {
	    "per-flow", "per-packet", "per-destination", NULL};
	int how = choice(value, words);

	if (how < 0)
		return how;
	o->balance = (enum topology_balance)how;
	return 0;
}

#define BIT(field) (UINT32_C(1) << TOPOLOGY_FIELD_##field)

static int
add_field(struct topology_options *o, const char *part, void *context)
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
	uint32_t *chosen = context;

	(void)o;
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (strcmp(part, fields[i].name) == 0) {
			*chosen |= fields[i].bits;
			return 0;
		}
	return -EINVAL;
}

static int
set_hash(struct topology_options *o, const char *value)
{
	uint32_t chosen = 0;

	if (each_part(value, add_field, o, &chosen) != 0 || chosen == 0)
		return -EINVAL;
	o->hash_fields = chosen;
	return 0;
}

static int
set_flow_label(struct topology_options *o, const char *value)
{
	bool on;

	if (flag(value, &on) != 0)
		return -EINVAL;
	o->hash_fields &= ~BIT(FLOW_LABEL);
	if (on)
		o->hash_fields |= BIT(FLOW_LABEL);
	return 0;
}

static int
add_ports(struct topology_options *o, const char *part, void *context)
{
	struct topology_ports *ports = context;
	char copy[LIST_ROOM];
	char *dash;
	uint64_t first, last;

	(void)o;
	text_copy(copy, part);
	dash = strchr(copy, '-');
	if (dash != NULL)
		*dash = '\0';
	if (ports->count == TOPOLOGY_PORTS_MAX ||
	    topology_number(copy, 1, 65535, &first) != 0)
		return -EINVAL;
	last = first;
	if (dash != NULL && topology_number(dash + 1, first, 65535, &last) != 0)
		return -EINVAL;
	ports->ranges[ports->count].first = (uint16_t)first;
	ports->ranges[ports->count++].last = (uint16_t)last;
	return 0;
}

static int
set_udp(struct topology_options *o, const char *value)
{
	static const char *const words[] = {"unreachable", "echo", "silent", NULL};
	int how = choice(value, words);

	if (how < 0)
		return how;
	o->udp = (enum topology_udp)how;
	return 0;
}

static int
set_udp_open(struct topology_options *o, const char *value)
{
	o->udp_open.count = 0;
	return each_part(value, add_ports, o, &o->udp_open);
}

static int
set_tcp(struct topology_options *o, const char *value)
{
	static const char *const words[] = {"rst", "syn-ack", "silent", NULL};
	int how = choice(value, words);

	if (how < 0)
		return how;
	o->tcp = (enum topology_tcp)how;
	return 0;
}

static int
set_tcp_open(struct topology_options *o, const char *value)
{
	o->tcp_open.count = 0;
	return each_part(value, add_ports, o, &o->tcp_open);
}

static int
set_icmp(struct topology_options *o, const char *value)
{
	static const char *const words[] = {"reply", "silent", NULL};
	int how = choice(value, words);

	o->icmp_silent = how == 1;
	return how < 0 ? how : 0;
}

/* ---- the table ----------------------------------------------------------------- */

static const struct option {
	const char *key;
	bool bare; /* may stand without a value */
	int (*set)(struct topology_options *, const char *);
	const char *takes;
} table[] = {
    {"rtt", false, set_rtt, "a time (2ms, 30us)"},
    {"jitter", false, set_jitter, "a time (2ms, 30us)"},
    {"loss", false, set_loss, "a percentage (5%, 0.1%)"},
    {"duplicates", false, set_duplicates, "a percentage (5%, 0.1%)"},
    {"late", false, set_late, "a percentage and a time (20%,300ms)"},
    {"silent", true, set_silent, "yes or no"},
    {"shared", true, set_shared, "yes or no"},
    {"quote", false, set_quote, "a number of bytes, or full"},
    {"quote6", false, set_quote6, "a number of bytes, or full"},
    {"mpls", false, set_mpls, "LABEL[:TC[:TTL]], up to 8 with commas, or none"},
    {"mpls-noncompliant", true, set_mpls_noncompliant, "yes or no"},
    {"reply-ttl", false, set_reply_ttl, "a number from 1 to 255"},
    {"unreachable", false, set_unreachable,
	"net, host, protocol, port, prohibited, a code from 0 to 255, or no"},
    {"unreachable-at", false, set_unreachable_at, "forward or arrival"},
    {"mtu", false, set_mtu, "a number from 68 to 65535"},
    {"balance", false, set_balance, "per-flow, per-packet or per-destination"},
    {"hash", false, set_hash,
	"fields with commas: src, dst, addresses, protocol, src-port, dst-port, "
	"ports, icmp-type, icmp-checksum, icmp, flow-label, tos"},
    {"flow-label", false, set_flow_label, "on or off"},
    {"udp", false, set_udp, "unreachable, echo or silent"},
    {"udp-open", false, set_udp_open, "up to 16 ports or FIRST-LAST with commas"},
    {"tcp", false, set_tcp, "rst, syn-ack or silent"},
    {"tcp-open", false, set_tcp_open, "up to 16 ports or FIRST-LAST with commas"},
    {"icmp", false, set_icmp, "reply or silent"},
};

static const struct option *
find(const char *key)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (strcmp(table[i].key, key) == 0)
			return &table[i];
	return NULL;
}

void
topology_options_init(struct topology_options *options)
{
	*options = (struct topology_options){
	    .quote = {TOPOLOGY_QUOTE_FULL, TOPOLOGY_QUOTE_FULL},
	    .hash_fields = (BIT(TOS) << 1) - 1 - BIT(TOS),
	};
}

bool
topology_option_known(const char *key)
{
	return find(key) != NULL;
}

int
topology_option_set(struct topology_options *options, const char *key,
    const char *value, char *why, size_t room)
{
	const struct option *option = find(key);

	if (option == NULL) {
		snprintf(why, room, "unknown option");
		return -EINVAL;
	}
	if ((value == NULL && !option->bare) || option->set(options, value) != 0) {
		snprintf(why, room, "it takes %s", option->takes);
		return -EINVAL;
	}
	return 0;
}
