#include "tools/traceroute/pieces.h"

#include <netinet/in.h>
#include <stdio.h>

#include "prober/fragments.h"
#include "tools/shared/append.h"

#define QUOTES_MAX 32 /* different ones of one hop that are told */

enum pieces_by
pieces_of(const struct record *t, struct prober_fragment *list, size_t *count)
{
	const struct prober_started *how = &t->how;
	uint32_t family = t->asked.target.family;
	size_t header = family == AF_INET ? 20 : 40;

	*count = 0;
	if (t->asked.split.count != 0) {
		*count =
		    fragments_list(&t->asked.split, how->packet_len - header, list);
		return PIECES_BY_US;
	}
	if (how->mtu == 0 || how->packet_len <= how->mtu)
		return PIECES_WHOLE;
	*count =
	    fragments_by_kernel(family, how->packet_len, how->mtu, list, PIECES_MAX);
	return *count != 0 ? PIECES_BY_KERNEL : PIECES_WHOLE;
}

const char *
pieces_text(const struct record *t, char *text)
{
	struct prober_fragment list[PIECES_MAX];
	size_t count;

	text[0] = '\0';
	if (pieces_of(t, list, &count) != PIECES_BY_US)
		return text;
	append_text(text, PIECES_TEXT_MAX, " in fragments");
	for (size_t i = 0; i < count; i++)
		append_text(
		    text, PIECES_TEXT_MAX, " %u+%u", list[i].offset, list[i].len);
	if (t->asked.split.repeat > 1)
		append_text(
		    text, PIECES_TEXT_MAX, " %u times each", t->asked.split.repeat);
	return text;
}

/* ---- quotes ---------------------------------------------------------------------- */

/* One kind of quote, and how often it came. */
struct quote {
	struct prober_fragment fragment;
	uint8_t as;
	unsigned int count;
};

struct quotes {
	struct quote all[QUOTES_MAX];
	size_t count;
};

static void
add_quote(struct quotes *q, const struct prober_result *m)
{
	const struct prober_fragment *f = &m->quoted_fragment;
	size_t i = 0;

	if ((m->seen & SEEN_FRAGMENT) == 0)
		return;
	while (i < q->count &&
	       (q->all[i].fragment.offset != f->offset ||
		   q->all[i].fragment.len != f->len || q->all[i].as != m->quoted_as))
		i++;
	if (i == QUOTES_MAX)
		return;
	if (i == q->count)
		q->all[q->count++] = (struct quote){*f, m->quoted_as, 0};
	q->all[i].count++;
}

const char *
pieces_quoted(const struct record *t, int ttl, char *text)
{
	struct quotes quotes = {.count = 0};

	for (int query = 0; query < t->asked.queries; query++)
		if (record_final(t, ttl, query) != NULL)
			add_quote(&quotes, record_final(t, ttl, query));
	for (size_t i = 0; i < t->others_count; i++)
		if (t->others[i]->ttl == ttl)
			add_quote(&quotes, t->others[i]);
	text[0] = '\0';
	for (size_t i = 0; i < quotes.count; i++) {
		const struct quote *q = &quotes.all[i];

		append_text(text, PIECES_TEXT_MAX, "%s", i == 0 ? "" : ", ");
		if (q->as == QUOTED_WHOLE)
			append_text(text, PIECES_TEXT_MAX, "the whole packet");
		else
			append_text(text, PIECES_TEXT_MAX, "fragment %u+%u%s",
			    q->fragment.offset, q->fragment.len,
			    q->as == QUOTED_CUT ? " cut on the way" : "");
		append_text(text, PIECES_TEXT_MAX, " (%u)", q->count);
	}
	return text;
}

const char *
pieces_mark(const struct prober_result *m, char *text)
{
	text[0] = '\0';
	if (m->reply == REPLY_REASSEMBLY)
		append_text(
		    text, PIECES_TEXT_MAX, " [fragment reassembly time exceeded]");
	if ((m->seen & SEEN_FRAGMENT) == 0)
		return text;
	/* The target puts them together: that is no news. */
	if (m->quoted_as == QUOTED_WHOLE && (m->flags & RESULT_REACHED) == 0)
		append_text(text, PIECES_TEXT_MAX, " [reassembled]");
	else if (m->quoted_as != QUOTED_WHOLE)
		append_text(text, PIECES_TEXT_MAX, " [fragment %u+%u%s]",
		    m->quoted_fragment.offset, m->quoted_fragment.len,
		    m->quoted_as == QUOTED_CUT ? ", cut on the way" : "");
	return text;
}
