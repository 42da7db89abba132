/*
 * Makes text from outside (host names, interface names, AS names) harmless for one
 * output format. Every such string passes here exactly once, right before it is
 * printed.
 */
#ifndef TOOLS_SHARED_ESCAPE_H
#define TOOLS_SHARED_ESCAPE_H

#include <stddef.h>

/*
 * For a terminal or a text file: printable ASCII but the backslash stays, and so does
 * well-formed UTF-8 of printable characters (no C1 controls, no bidirectional or other
 * format characters, no surrogates or non-characters); every other byte, space and
 * parentheses included (a name must not look like two columns), becomes "\xHH". Writes
 * at most room bytes with the NUL and returns out; what does not fit is cut at a
 * character.
 */
const char *escape_terminal(const char *text, char *out, size_t room);

/*
 * For several words in brackets, on a terminal or in a text file: as for a terminal,
 * but single spaces between other characters stay, and brackets become "\xHH". room as
 * above.
 */
const char *escape_phrase(const char *text, char *out, size_t room);

/*
 * For JSON: returns valid UTF-8 for jansson's json_string(), which does the quoting.
 * Bytes that are not well-formed UTF-8 become U+FFFD each; control characters are kept
 * for jansson to write as \u00XX.
 */
const char *escape_json(const char *text, char *out, size_t room);

/*
 * For a quoted string in dot(1)'s language: as for a terminal, and no quote or
 * backslash means anything to dot. room as above.
 */
const char *escape_dot(const char *text, char *out, size_t room);

/*
 * For a name in quotes, as traceroute(8) prints those of interfaces: every byte but
 * visible ASCII, the percent sign and the quote too, becomes "%HH". room as above.
 */
const char *escape_percent(const char *text, char *out, size_t room);

/*
 * A field of comma-separated values (RFC 4180), in quotes if it needs them, that no
 * spreadsheet takes for a formula, a second field or a second line: as for a terminal,
 * but spaces and parentheses stay; semicolons, which separate fields in many countries,
 * and a "=", "+", "-", "@" (also those of full width) or a space at the start become
 * "\xHH". room as above.
 */
const char *escape_csv(const char *text, char *out, size_t room);

#endif
