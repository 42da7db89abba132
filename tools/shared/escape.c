#include "tools/shared/escape.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* How the bytes that are not printed as they are are written. */
struct form {
	const char *also;   /* printable, but they mean something in this format */
	const char *before; /* the two digits */
	bool words;         /* a single space between two others stays */
};

/* First and last of a run of code points that must not reach a terminal. */
struct run {
	uint32_t first;
	uint32_t last;
};

/*
 * What is invisible, moves or reorders other text, looks like a space, or has no agreed
 * glyph: Unicode's general categories Cc, Cf, Zs, Zl, Zp, Cs, Co and the
 * default-ignorable code points. Ascending. The non-characters are found by rule.
 */
static const struct run unprintable[] = {
    {0x0080, 0x00a0},
    {0x00ad, 0x00ad},
    {0x034f, 0x034f},
    {0x0600, 0x0605},
    {0x061c, 0x061c},
    {0x06dd, 0x06dd},
    {0x070f, 0x070f},
    {0x0890, 0x0891},
    {0x08e2, 0x08e2},
    {0x115f, 0x1160},
    {0x1680, 0x1680},
    {0x17b4, 0x17b5},
    {0x180b, 0x180f},
    {0x2000, 0x200f},
    {0x2028, 0x202f},
    {0x205f, 0x206f},
    {0x2800, 0x2800},
    {0x3000, 0x3000},
    {0x3164, 0x3164},
    {0xd800, 0xf8ff},
    {0xfdd0, 0xfdef},
    {0xfe00, 0xfe0f},
    {0xfeff, 0xfeff},
    {0xffa0, 0xffa0},
    {0xfff0, 0xfffb},
    {0x110bd, 0x110bd},
    {0x110cd, 0x110cd},
    {0x13430, 0x1343f},
    {0x1bca0, 0x1bca3},
    {0x1d173, 0x1d17a},
    {0xe0000, 0x10ffff},
};

/* The number of bytes of a UTF-8 sequence by its first byte; 0: none starts so. */
static size_t
sequence_len(uint8_t first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if (first >= 0xe0 && first <= 0xef)
		return 3;
	return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

/*
 * Reads one character of a string (RFC 3629 section 3: shortest form, no surrogates, at
 * most U+10FFFF). Returns its bytes, or 0 for a byte that is not UTF-8. The string's
 * NUL is not a continuation byte, so this never reads past it.
 */
static size_t
character_read(const uint8_t *text, uint32_t *code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len = sequence_len(text[0]);
	uint32_t value;

	if (len <= 1) {
		*code = text[0];
		return len;
	}
	value = text[0] & (0x7fU >> len);
	for (size_t i = 1; i < len; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (text[i] & 0x3f);
	}
	if (value < least[len] || value > 0x10ffff ||
	    (value >= 0xd800 && value <= 0xdfff))
		return 0;
	*code = value;
	return len;
}

static bool
is_printable(uint32_t code)
{
	if (code < 0x80)
		return code > ' ' && code < 0x7f && code != '\\' && code != '(' &&
		       code != ')';
	if ((code & 0xfffe) == 0xfffe)
		return false;
	for (size_t i = 0; i < sizeof(unprintable) / sizeof(*unprintable); i++)
		if (code <= unprintable[i].last)
			return code < unprintable[i].first;
	return true;
}

/* Appends len bytes when they and a NUL fit at *at. */
static bool
append(char *out, size_t room, size_t *at, const void *piece, size_t len)
{
	if (room - *at <= len)
		return false;
	memcpy(out + *at, piece, len);
	*at += len;
	return true;
}

/* A space that can neither be mistaken for a gap nor be overlooked. */
static bool
joins_words(const uint8_t *in, const char *text)
{
	return *in == ' ' && in != (const uint8_t *)text && in[-1] != ' ' &&
	       in[1] != '\0';
}

static const char *
escape_as(const struct form *form, const char *text, char *out, size_t room)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *in = (const uint8_t *)text;
	size_t at = 0;
	bool fits = room != 0;

	while (fits && *in != '\0') {
		uint32_t code = 0;
		size_t len = character_read(in, &code);
		char hex[8];
		int hex_len = snprintf(hex, sizeof(hex), "%s%c%c", form->before,
		    digits[*in >> 4], digits[*in & 15]);

		if ((len != 0 && is_printable(code) &&
			strchr(form->also, *in) == NULL) ||
		    (form->words && joins_words(in, text))) {
			fits = append(out, room, &at, in, len);
		} else {
			fits = append(out, room, &at, hex, (size_t)hex_len);
			len = 1;
		}
		in += len;
	}
	if (room != 0)
		out[at] = '\0';
	return out;
}

const char *
escape_terminal(const char *text, char *out, size_t room)
{
	static const struct form form = {"", "\\x", false};

	return escape_as(&form, text, out, room);
}

const char *
escape_phrase(const char *text, char *out, size_t room)
{
	static const struct form form = {"[]", "\\x", true};

	return escape_as(&form, text, out, room);
}

const char *
escape_dot(const char *text, char *out, size_t room)
{
	/* dot reads backslashes and, in labels, entities. */
	static const struct form form = {"\"&", "\\\\x", false};

	return escape_as(&form, text, out, room);
}

const char *
escape_percent(const char *text, char *out, size_t room)
{
	const uint8_t *in = (const uint8_t *)text;
	size_t at = 0;
	bool fits = room != 0;

	for (; fits && *in != '\0'; in++) {
		char hex[4];

		snprintf(hex, sizeof(hex), "%%%02X", *in);
		if (*in > ' ' && *in < 0x7f && *in != '%' && *in != '"')
			fits = append(out, room, &at, in, 1);
		else
			fits = append(out, room, &at, hex, 3);
	}
	if (room != 0)
		out[at] = '\0';
	return out;
}

const char *
escape_json(const char *text, char *out, size_t room)
{
	static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */
	const uint8_t *in = (const uint8_t *)text;
	size_t at = 0;
	bool fits = room != 0;

	while (fits && *in != '\0') {
		uint32_t code;
		size_t len = character_read(in, &code);

		if (len != 0)
			fits = append(out, room, &at, in, len);
		else
			fits = append(out, room, &at, replacement, 3);
		in += len != 0 ? len : 1;
	}
	if (room != 0)
		out[at] = '\0';
	return out;
}

/* What makes a spreadsheet read a field as a formula when it comes first. */
static bool
starts_formula(uint32_t code)
{
	switch (code) {
	case ' ': /* which some leave out */
	case '=':
	case '+':
	case '-':
	case '@':
	case 0xff1d: /* the same, of full width */
	case 0xff0b:
	case 0xff0d:
	case 0xff20:
		return true;
	default:
		return false;
	}
}

/* Whether a character that is not the first stands for itself. */
static bool
is_plain_in_csv(uint32_t code)
{
	return code != ';' &&
	       (is_printable(code) || code == ' ' || code == '(' || code == ')');
}

const char *
escape_csv(const char *text, char *out, size_t room)
{
	bool quoted = strpbrk(text, ",\"") != NULL;
	size_t inside = quoted && room != 0 ? room - 1 : room;
	const uint8_t *in = (const uint8_t *)text;
	size_t at = 0;
	bool fits = inside != 0 && (!quoted || append(out, inside, &at, "\"", 1));

	quoted = quoted && fits; /* then there is room for the second quote */
	while (fits && *in != '\0') {
		bool first = in == (const uint8_t *)text;
		uint32_t code = 0;
		size_t len = character_read(in, &code);
		char hex[8];

		if (len == 0 || !is_plain_in_csv(code) ||
		    (first && starts_formula(code))) {
			len = 1;
			snprintf(hex, sizeof(hex), "\\x%02x", *in);
			fits = append(out, inside, &at, hex, 4);
		} else if (code == '"') {
			fits = append(out, inside, &at, "\"\"", 2);
		} else {
			fits = append(out, inside, &at, in, len);
		}
		in += len;
	}
	if (quoted)
		append(out, room, &at, "\"", 1);
	if (room != 0)
		out[at] = '\0';
	return out;
}
