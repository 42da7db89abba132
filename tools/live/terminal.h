/*
 * The terminal of the live view, by ncurses: lines of text on it, and keys from it.
 * Only one at a time.
 */
#ifndef TOOLS_LIVE_TERMINAL_H
#define TOOLS_LIVE_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

/* What terminal_key returns beside characters. */
enum terminal_key {
	TERMINAL_NOTHING = -1, /* no key is waiting */
	TERMINAL_UP = -2,
	TERMINAL_DOWN = -3,
	TERMINAL_OTHER = -4,
};

/*
 * Whether there is one. Returns 0, or -errno with one line for the user in error (of
 * room bytes): standard input or output is no terminal, or of an unknown type.
 */
int terminal_check(char *error, size_t room);

/* Takes it over, after terminal_check. */
void terminal_begin(void);

/* Gives it back as it was. Harmless when it was not taken, or given back already. */
void terminal_end(void);

/* Its size; it may change at any time. At least 1 each. */
void terminal_size(int *width, int *height);

/* Draws a screen: erase, lines from row 0 on, show. What does not fit is cut. */
void terminal_erase(void);
void terminal_line(int row, const char *text, bool strong);
void terminal_show(void);

/* The next key that was pressed; never waits. */
int terminal_key(void);

/* Whether nothing will ever be typed there any more. */
bool terminal_is_gone(void);

#endif
