/*
 * Command-line options from one table: the same rows drive getopt_long, the range
 * checks, their messages and --help. Used by the tools; a tool's own table says what it
 * has (trace_options.h).
 */
#ifndef TOOLS_SHARED_OPTIONS_H
#define TOOLS_SHARED_OPTIONS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define OPTIONS_MAX 128      /* rows of a table */
#define OPTIONS_TEXT_MAX 400 /* one message, or the words for one option's range */
#define OPTIONS_SHOWN_MAX 64 /* a value as a message shows it */

struct option_spec;

/*
 * Reads `text` (NULL for an option without argument) into `value`, the row's
 * destination. Returns 0, or -EINVAL with, in expected (OPTIONS_TEXT_MAX bytes), what
 * would have been right: "a whole number from 1 to 10".
 */
typedef int option_parser(
    const struct option_spec *spec, const char *text, void *value, char *expected);

struct option_spec {
	char letter;          /* '\0': long form only */
	const char *name;     /* long form; NULL: letter only */
	const char *argument; /* its name in --help; NULL: takes none */
	const char *help;
	option_parser *parse;
	size_t offset; /* of the destination in the tool's structure */
	size_t size;   /* of the destination, bytes */
	int64_t low;   /* the range, for the parsers that have one */
	int64_t high;
	uint8_t only; /* which programs have it, as the table's owner says */
	/* Another form, "UL" of -UL, for --help and completion: the table's owner
	 * replaces it by `name` before options_parse. NULL: none. */
	const char *also;
};

/* Parsers for any table. */

/* Takes no argument: stores `high` as an integer. */
option_parser option_flag;

/*
 * A whole number from low to high as C writes it (10, 0xa, 012), stored as an unsigned
 * integer.
 */
option_parser option_number;

/*
 * Seconds with decimals, from low to high nanoseconds, stored as int64_t nanoseconds.
 * Independent of the locale; digits past the ninth decimal are dropped.
 */
option_parser option_seconds;

/* A text of low to high bytes; the destination is a const char * into argv. */
option_parser option_text;

/* A numeric address of either family; the destination is a struct addr. */
option_parser option_addr;

/*
 * The number at the start of text in units of 10^-9, exactly; *end is what follows it.
 * Returns 0, or -EINVAL when there is no number or it is over nine digits long.
 */
int options_read_decimal(const char *text, int64_t *billionths, const char **end);

/* A whole number up to high, as C writes it (10, 0xa, 012). Returns 0 or -EINVAL. */
int options_read_whole(const char *text, int64_t high, int64_t *out);

/*
 * Reads argv into the structure at `out`, which holds the defaults. Options and
 * operands may come in any order; "--" ends the options. argv is permuted. Returns the
 * index of the first operand, or -EINVAL with one line in error (OPTIONS_TEXT_MAX
 * bytes) that names the option, its value and the range.
 */
int options_parse(const struct option_spec *table, size_t count, int argc, char **argv,
    void *out, char *error);

/* What the user typed, harmless and short, for a message; buf: OPTIONS_SHOWN_MAX. */
const char *options_show(const char *typed, char *buf);

/* One row of --help: text beside (or below) left, broken between words. */
void options_print_row(const char *left, const char *text, FILE *out);

/* The options part of --help, one row after the other, at most 80 columns wide. */
void options_print_help(const struct option_spec *table, size_t count, FILE *out);

#endif
