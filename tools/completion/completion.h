/*
 * Completion of command lines for bash, zsh and fish, written from the table of options
 * that also makes --help. Only for the build: what is installed is what it prints.
 */
#ifndef TOOLS_COMPLETION_COMPLETION_H
#define TOOLS_COMPLETION_COMPLETION_H

#include <stddef.h>
#include <stdio.h>

#include "tools/shared/options.h"
#include "tools/shared/trace_options.h"

/* Of one program. */
struct completion {
	const char *name;
	enum trace_program program;
	struct option_spec rows[OPTIONS_MAX];
	size_t count;
};

/* Returns 0, or -EINVAL when there is no such program. */
int completion_init(struct completion *c, const char *name);

/* Each prints a whole file. */
void completion_print_bash(const struct completion *c, FILE *out);
void completion_print_zsh(const struct completion *c, FILE *out);
void completion_print_fish(const struct completion *c, FILE *out);

/* ---- pieces, for the above --------------------------------------------------------
 */

/* What follows an option. */
enum completion_value {
	VALUE_NONE,
	VALUE_FREE, /* numbers, addresses ...: nothing to offer */
	VALUE_WORDS,
	VALUE_FILE,
	VALUE_DEVICE,
};

enum completion_value completion_value_of(
    const struct completion *c, const struct option_spec *row);

/* The words of a VALUE_WORDS, separated by spaces. */
void completion_print_words(
    const struct completion *c, const struct option_spec *row, FILE *out);

/* Prints text with a backslash before each byte of `special`. */
void completion_print_escaped(
    const char *text, size_t len, const char *special, FILE *out);

/* How much of a row's help says what it is; the rest says how. */
size_t completion_summary(const struct option_spec *row);

#endif
