/*
 * The live view as lines of text: what a screen of some size shows, and what is printed
 * at the end. Used by the live view; pure.
 */
#ifndef TOOLS_LIVE_TABLE_H
#define TOOLS_LIVE_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/live/rounds.h"
#include "tools/shared/naming.h"

#define TABLE_WIDTH_MIN 20
#define TABLE_WIDTH_MAX 250
#define TABLE_LINE_MAX \
	((size_t)2 * TABLE_WIDTH_MAX) /* figures may burst their columns */

struct table {
	const struct rounds *rounds;
	const struct naming *naming; /* NULL: addresses only */
	int width; /* columns; columns of figures that do not fit are left out */
};

/* How many lines it has: a heading, and one for each address of each hop. */
size_t table_lines(const struct table *t);

/*
 * One of them, from 0, without a newline. Names are escaped, and their characters
 * beyond ASCII are "?": how wide a terminal makes those is not known. line has room for
 * TABLE_LINE_MAX bytes. *strong: a heading. Returns line.
 */
const char *table_line(const struct table *t, size_t number, char *line, bool *strong);

#endif
