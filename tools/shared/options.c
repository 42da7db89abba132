#include "tools/shared/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/addr.h"
#include "common/clock.h"
#include "tools/shared/escape.h"

#define HELP_COLUMN 28
#define HELP_WIDTH 80
#define LONG_BASE 256 /* getopt_long returns LONG_BASE + row for a long option */

/* ---- reading values -------------------------------------------------------------- */

/* The value of a digit in a base up to 16, or -1. */
static int
digit_value(char c, int base)
{
	int value = -1;

	if (c >= '0' && c <= '9')
		value = c - '0';
	else if (c >= 'a' && c <= 'f')
		value = c - 'a' + 10;
	else if (c >= 'A' && c <= 'F')
		value = c - 'A' + 10;
	return value < base ? value : -1;
}

int
options_read_whole(const char *text, int64_t high, int64_t *out)
{
	int base = 10;
	int64_t value = 0;

	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		base = 16;
		text += 2;
	} else if (text[0] == '0' && text[1] != '\0') {
		base = 8;
		text++;
	}
	if (*text == '\0')
		return -EINVAL;
	for (; *text != '\0'; text++) {
		int digit = digit_value(*text, base);

		if (digit < 0)
			return -EINVAL;
		value = value * base + digit;
		if (value > high)
			return -EINVAL;
	}
	*out = value;
	return 0;
}

int
options_read_decimal(const char *text, int64_t *billionths, const char **end)
{
	int64_t value = 0;
	int digits = 0;

	for (; digit_value(*text, 10) >= 0; text++, digits++) {
		value = value * 10 + digit_value(*text, 10);
		if (value >= NS_PER_SECOND)
			return -EINVAL;
	}
	value *= NS_PER_SECOND;
	if (*text == '.') {
		int64_t unit = NS_PER_SECOND / 10;

		for (text++; digit_value(*text, 10) >= 0; text++, digits++) {
			value += digit_value(*text, 10) * unit;
			unit /= 10;
		}
	}
	*billionths = value;
	*end = text;
	return digits == 0 ? -EINVAL : 0;
}

/* Stores an integer into a destination of any width. */
static void
store(void *value, size_t size, int64_t number)
{
	uint8_t u8 = (uint8_t)number;
	uint16_t u16 = (uint16_t)number;
	uint32_t u32 = (uint32_t)number;

	if (size == sizeof(u8))
		memcpy(value, &u8, size);
	else if (size == sizeof(u16))
		memcpy(value, &u16, size);
	else if (size == sizeof(u32))
		memcpy(value, &u32, size);
	else
		memcpy(value, &number, sizeof(number));
}

int
option_flag(
    const struct option_spec *spec, const char *text, void *value, char *expected)
{
	(void)text;
	expected[0] = '\0'; /* nothing can be wrong */
	store(value, spec->size, spec->high);
	return 0;
}

int
option_number(
    const struct option_spec *spec, const char *text, void *value, char *expected)
{
	int64_t number;

	if (options_read_whole(text, spec->high, &number) != 0 || number < spec->low) {
		snprintf(expected, OPTIONS_TEXT_MAX, "a whole number from %lld to %lld",
		    (long long)spec->low, (long long)spec->high);
		return -EINVAL;
	}
	store(value, spec->size, number);
	return 0;
}

/* "0.001" from nanoseconds, without trailing zeros. */
static const char *
seconds_text(int64_t ns, char *buf, size_t room)
{
	int len = snprintf(buf, room, "%lld.%09lld", (long long)(ns / NS_PER_SECOND),
	    (long long)(ns % NS_PER_SECOND));

	while (len > 0 && buf[len - 1] == '0')
		buf[--len] = '\0';
	if (len > 0 && buf[len - 1] == '.')
		buf[--len] = '\0';
	return buf;
}

int
option_seconds(
    const struct option_spec *spec, const char *text, void *value, char *expected)
{
	char low[32], high[32];
	const char *end;
	int64_t ns;

	if (options_read_decimal(text, &ns, &end) != 0 || *end != '\0' ||
	    ns < spec->low || ns > spec->high) {
		snprintf(expected, OPTIONS_TEXT_MAX, "a time from %s to %s seconds",
		    seconds_text(spec->low, low, sizeof(low)),
		    seconds_text(spec->high, high, sizeof(high)));
		return -EINVAL;
	}
	store(value, sizeof(ns), ns);
	return 0;
}

int
option_text(
    const struct option_spec *spec, const char *text, void *value, char *expected)
{
	size_t len = strlen(text);

	if ((int64_t)len < spec->low || (int64_t)len > spec->high) {
		snprintf(expected, OPTIONS_TEXT_MAX, "a text of %lld to %lld bytes",
		    (long long)spec->low, (long long)spec->high);
		return -EINVAL;
	}
	memcpy(value, &text, sizeof(text));
	return 0;
}

int
option_addr(
    const struct option_spec *spec, const char *text, void *value, char *expected)
{
	struct addr a;

	(void)spec;
	if (addr_from_text(text, &a) != 0) {
		snprintf(expected, OPTIONS_TEXT_MAX, "a numeric IPv4 or IPv6 address");
		return -EINVAL;
	}
	memcpy(value, &a, sizeof(a));
	return 0;
}

/* ---- getopt_long ----------------------------------------------------------------- */

/* Both forms that getopt_long wants, made from the table. */
struct getopt_tables {
	char letters[2 * OPTIONS_MAX + 2];
	struct option names[OPTIONS_MAX + 1];
};

static void
make_getopt_tables(
    const struct option_spec *table, size_t count, struct getopt_tables *made)
{
	char *letter = made->letters;
	size_t names = 0;

	*letter++ = ':'; /* tell a missing argument apart, print nothing */
	for (size_t i = 0; i < count && i < OPTIONS_MAX; i++) {
		bool argument = table[i].argument != NULL;

		if (table[i].letter != '\0') {
			*letter++ = table[i].letter;
			if (argument)
				*letter++ = ':';
		}
		if (table[i].name != NULL)
			made->names[names++] = (struct option){.name = table[i].name,
			    .has_arg = argument ? required_argument : no_argument,
			    .val = LONG_BASE + (int)i};
	}
	*letter = '\0';
	made->names[names] = (struct option){0};
}

/* The row that getopt_long's value stands for, or NULL. */
static const struct option_spec *
find_row(const struct option_spec *table, size_t count, int value)
{
	if (value >= LONG_BASE && (size_t)(value - LONG_BASE) < count)
		return &table[value - LONG_BASE];
	for (size_t i = 0; i < count; i++)
		if (table[i].letter != '\0' && table[i].letter == value)
			return &table[i];
	return NULL;
}

/* "-q" or "--queries", as the user wrote it. */
static const char *
form_used(const struct option_spec *row, int value, char *buf, size_t room)
{
	if (value >= LONG_BASE)
		snprintf(buf, room, "--%s", row->name);
	else
		snprintf(buf, room, "-%c", row->letter);
	return buf;
}

/* How many long options begin with what the user wrote after "--". */
static int
count_prefixed(const struct option_spec *table, size_t count, const char *written)
{
	size_t len = strcspn(written, "=");
	int found = 0;

	for (size_t i = 0; i < count; i++)
		if (table[i].name != NULL && strncmp(table[i].name, written, len) == 0)
			found++;
	return found;
}

const char *
options_show(const char *typed, char *buf)
{
	return escape_terminal(typed, buf, OPTIONS_SHOWN_MAX);
}

/* What getopt_long did not understand, in words. */
static void
explain_unknown(const struct option_spec *table, size_t count, int problem,
    const char *written, char *error)
{
	const struct option_spec *row = find_row(table, count, optopt);
	const char letter[2] = {(char)optopt};
	char form[64], shown[OPTIONS_SHOWN_MAX];

	if (problem == ':' && row != NULL)
		snprintf(error, OPTIONS_TEXT_MAX, "%s needs a value: %s %s",
		    form_used(row, optopt, form, sizeof(form)), form, row->argument);
	else if (row != NULL)
		snprintf(error, OPTIONS_TEXT_MAX, "%s takes no value: %s",
		    form_used(row, optopt, form, sizeof(form)),
		    options_show(written, shown));
	else if (optopt != 0)
		snprintf(error, OPTIONS_TEXT_MAX, "unknown option -%s",
		    options_show(letter, shown));
	else
		snprintf(error, OPTIONS_TEXT_MAX, "%s option %s",
		    count_prefixed(table, count, written + 2) > 1 ? "ambiguous"
								  : "unknown",
		    options_show(written, shown));
}

/* Takes one option that getopt_long found. */
static int
take_option(
    const struct option_spec *row, int value, const char *text, void *out, char *error)
{
	char expected[OPTIONS_TEXT_MAX] = "";
	char form[64], shown[OPTIONS_SHOWN_MAX];

	if (row->parse(row, text, (char *)out + row->offset, expected) == 0)
		return 0;
	snprintf(error, OPTIONS_TEXT_MAX, "%s: '%s' is not %.200s",
	    form_used(row, value, form, sizeof(form)), options_show(text, shown),
	    expected);
	return -EINVAL;
}

int
options_parse(const struct option_spec *table, size_t count, int argc, char **argv,
    void *out, char *error)
{
	struct getopt_tables made = {0};
	int value;

	make_getopt_tables(table, count, &made);
	opterr = 0;
	optind = 0; /* glibc: start afresh, whoever used getopt before */
	while (
	    (value = getopt_long(argc, argv, made.letters, made.names, NULL)) != -1) {
		const struct option_spec *row = find_row(table, count, value);

		if (row == NULL || value == '?' || value == ':') {
			explain_unknown(table, count, value, argv[optind - 1], error);
			return -EINVAL;
		}
		if (take_option(row, value, optarg, out, error) != 0)
			return -EINVAL;
	}
	return optind;
}

/* ---- help ------------------------------------------------------------------------ */

void
options_print_row(const char *left, const char *text, FILE *out)
{
	size_t width = HELP_WIDTH - HELP_COLUMN;

	if (strlen(left) + 2 > HELP_COLUMN)
		fprintf(out, "%s\n%*s", left, HELP_COLUMN, "");
	else
		fprintf(out, "%-*s", HELP_COLUMN, left);
	while (strlen(text) > width) {
		size_t len = width;

		while (len > 0 && text[len] != ' ')
			len--;
		if (len == 0)
			break;
		fprintf(out, "%.*s\n%*s", (int)len, text, HELP_COLUMN, "");
		text += len + 1;
	}
	fprintf(out, "%s\n", text);
}

/* "-q N, --queries=N" */
static void
describe_forms(const struct option_spec *row, char *buf, size_t room)
{
	const char *argument = row->argument != NULL ? row->argument : "";
	const char *space = row->argument != NULL ? " " : "";
	const char *equals = row->argument != NULL ? "=" : "";

	if (row->letter != '\0' && row->name != NULL)
		snprintf(buf, room, "  -%c%s%s, --%s%s%s", row->letter, space, argument,
		    row->name, equals, argument);
	else if (row->letter != '\0')
		snprintf(buf, room, "  -%c%s%s", row->letter, space, argument);
	else if (row->also != NULL)
		snprintf(buf, room, "  -%s, --%s%s%s", row->also, row->name, equals,
		    argument);
	else
		snprintf(buf, room, "      --%s%s%s", row->name, equals, argument);
}

void
options_print_help(const struct option_spec *table, size_t count, FILE *out)
{
	char forms[OPTIONS_TEXT_MAX];

	for (size_t i = 0; i < count; i++) {
		describe_forms(&table[i], forms, sizeof(forms));
		options_print_row(forms, table[i].help, out);
	}
}
