#include "tools/live/table.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/names_messages.h"
#include "tools/shared/append.h"
#include "tools/shared/escape.h"
#include "tools/shared/origin_text.h"
#include "tools/shared/reply_text.h"

/* Escaping makes at most four characters of a byte. */
#define NAME_TEXT_MAX (4 * NAMES_NAME_MAX + 1)
#define HOST_TEXT_MAX (NAME_TEXT_MAX + ORIGIN_TEXT_MAX)
#define HOP_WIDTH 5 /* "255. " */
#define HOST_MIN 15 /* an IPv4 address */
#define FIGURE_MAX 24

/* The columns of figures, in the order in which they are worth their place. */
enum figure { LOSS, SENT, LAST, MEAN, BEST, WORST, JITTER, FIGURES };

static const struct {
	const char *heading;
	int width;
} figures[FIGURES] = {[LOSS] = {"Loss%", 7},
    [SENT] = {"Snt", 7},
    [LAST] = {"Last", 8},
    [MEAN] = {"Avg", 8},
    [BEST] = {"Best", 8},
    [WORST] = {"Wrst", 8},
    [JITTER] = {"Jttr", 8}};

/* How many columns of figures there is room for, and what is left for the host. */
static int
columns(const struct table *t, int *host)
{
	int width = t->width < TABLE_WIDTH_MAX ? t->width : TABLE_WIDTH_MAX;
	int left = (width > TABLE_WIDTH_MIN ? width : TABLE_WIDTH_MIN) - HOP_WIDTH;
	int count = 0;

	while (count < FIGURES && left - figures[count].width >= HOST_MIN)
		left -= figures[count++].width;
	*host = left;
	return count;
}

/* Milliseconds, with as many digits as fit; else seconds. */
static void
time_text(char text[FIGURE_MAX], int64_t ns)
{
	int64_t tenths = (ns + NS_PER_MS / 20) / (NS_PER_MS / 10);

	if (ns < 0)
		text[0] = '\0';
	else if (tenths < 100000)
		snprintf(text, FIGURE_MAX, "%lld.%lld", (long long)(tenths / 10),
		    (long long)(tenths % 10));
	else if (tenths < 10000000)
		snprintf(text, FIGURE_MAX, "%lld", (long long)(tenths / 10));
	else
		snprintf(text, FIGURE_MAX, "%llds", (long long)(tenths / 10000));
}

static void
figure_text(char text[FIGURE_MAX], const struct rounds_hop *h, enum figure f)
{
	uint32_t loss = rounds_loss(h);
	bool timed = h->timed != 0;

	switch (f) {
	case LOSS:
		snprintf(text, FIGURE_MAX, "%u.%u", loss / 10, loss % 10);
		break;
	case SENT:
		snprintf(text, FIGURE_MAX, "%u", h->sent);
		break;
	case LAST:
		time_text(text, timed ? h->last : -1);
		break;
	case MEAN:
		time_text(text, rounds_mean(h));
		break;
	case BEST:
		time_text(text, timed ? h->best : -1);
		break;
	case WORST:
		time_text(text, timed ? h->worst : -1);
		break;
	case JITTER:
		time_text(text, rounds_jitter(h));
		break;
	case FIGURES:
		break;
	}
}

/* Lines of a hop: one for each address, one for those that are too many. */
static size_t
hop_lines(const struct rounds_hop *h)
{
	size_t lines = h->addresses_count + (h->others != 0);

	return lines != 0 ? lines : 1;
}

/* What was escaped, for columns of which each byte takes one. */
static void
make_ascii(char *text)
{
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

/* Whose the address is, once that is known. */
static void
append_origin(const struct table *t, const struct addr *a, char *text, size_t room)
{
	const struct names_origin *origin;
	char shown[ORIGIN_TEXT_MAX];

	if (naming_origin(t->naming, a, &origin) == NAME_PENDING)
		return;
	(void)origin_text(t->naming, a, shown);
	make_ascii(shown);
	append_text(text, room, "%s", shown);
}

/* Who answered, of several with their share. */
static void
host_text(const struct table *t, const struct rounds_hop *h, size_t which, char *text,
    size_t room)
{
	char addr[REPLY_ADDR_MAX], escaped[HOST_TEXT_MAX];
	const char *name;
	const struct addr *a = NULL;
	uint32_t count = h->others;

	if (h->addresses_count == 0) {
		snprintf(text, room, "*");
		return;
	}
	if (which < h->addresses_count) {
		a = &h->addresses[which].addr;
		count = h->addresses[which].count;
	}
	if (a == NULL)
		snprintf(escaped, sizeof(escaped), "others");
	else if (naming_name(t->naming, a, &name) == NAME_KNOWN)
		escape_terminal(name, escaped, NAME_TEXT_MAX);
	else
		snprintf(escaped, sizeof(escaped), "%s", reply_addr_text(a, addr));
	make_ascii(escaped);
	if (a != NULL)
		append_origin(t, a, escaped, sizeof(escaped));
	if (hop_lines(h) == 1)
		snprintf(text, room, "%s", escaped);
	else
		snprintf(text, room, "%u%% %s",
		    (unsigned int)((uint64_t)count * 100 / h->received), escaped);
}

/* One line: the hop's number, who, and the figures of `h`, unless it is NULL. */
static void
compose(const struct table *t, const char *hop, const char *host,
    const struct rounds_hop *h, bool heading, char *line)
{
	char text[FIGURE_MAX];
	int width, count = columns(t, &width);
	size_t at;

	/* No host's end touches a figure. */
	at = (size_t)snprintf(line, TABLE_LINE_MAX, "%*s%-*.*s", HOP_WIDTH, hop,
	    h != NULL || heading ? width : 0, width - 1, host);
	for (int i = 0; i < count && (heading || h != NULL); i++) {
		text[0] = '\0';
		if (h != NULL)
			figure_text(text, h, (enum figure)i);
		at += (size_t)snprintf(line + at, TABLE_LINE_MAX - at, "%*s",
		    figures[i].width, heading ? figures[i].heading : text);
	}
}

size_t
table_lines(const struct table *t)
{
	size_t lines = 1;

	for (int ttl = t->rounds->first; ttl <= rounds_last(t->rounds); ttl++)
		lines += hop_lines(&t->rounds->hops[ttl]);
	return lines;
}

const char *
table_line(const struct table *t, size_t number, char *line, bool *strong)
{
	char host[HOST_TEXT_MAX + 8];
	char hop[HOP_WIDTH + 1];

	*strong = number == 0;
	line[0] = '\0';
	if (number == 0) {
		snprintf(host, sizeof(host), "Host");
		compose(t, "", host, NULL, true, line);
		return line;
	}
	number--;
	for (int ttl = t->rounds->first; ttl <= rounds_last(t->rounds); ttl++) {
		const struct rounds_hop *h = &t->rounds->hops[ttl];

		if (number >= hop_lines(h)) {
			number -= hop_lines(h);
			continue;
		}
		host_text(t, h, number, host, sizeof(host));
		hop[0] = '\0';
		if (number == 0)
			snprintf(hop, sizeof(hop), "%3u. ", (uint8_t)ttl);
		compose(t, hop, host, number == 0 ? h : NULL, false, line);
		return line;
	}
	return line;
}
