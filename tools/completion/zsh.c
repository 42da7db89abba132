#include <stdbool.h>
#include <string.h>

#include "tools/completion/completion.h"

/* Within '...[description]:message:action', where a quote ends the word. */
static void
print_part(const char *text, size_t len, FILE *out)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\'')
			fputs("'\\''", out);
		else
			completion_print_escaped(&text[i], 1, "[]:\\", out);
	}
}

static void
print_action(const struct completion *c, const struct option_spec *row, FILE *out)
{
	switch (completion_value_of(c, row)) {
	case VALUE_NONE:
		return;
	case VALUE_WORDS:
		fputc('(', out);
		completion_print_words(c, row, out);
		fputc(')', out);
		return;
	case VALUE_FILE:
		fputs("_files", out);
		return;
	case VALUE_DEVICE:
		fputs("_net_interfaces", out);
		return;
	case VALUE_FREE:
		fputc(' ', out);
		return;
	}
}

/* One specification of _arguments for a row's form, without its quotes' end. */
static void
print_row(const struct completion *c, const struct option_spec *row, FILE *out)
{
	bool both = row->letter != '\0' && row->name != NULL;
	const char *plus = row->argument != NULL ? "+" : "";
	const char *equals = row->argument != NULL ? "=" : "";

	if (both)
		fprintf(out, "\t'(-%c --%s)'{-%c%s,--%s%s}'[", row->letter, row->name,
		    row->letter, plus, row->name, equals);
	else if (row->also != NULL)
		fprintf(out, "\t'(-%s --%s)'{-%s%s,--%s%s}'[", row->also, row->name,
		    row->also, plus, row->name, equals);
	else if (row->name != NULL)
		fprintf(out, "\t'--%s%s[", row->name, equals);
	else
		fprintf(out, "\t'-%c%s[", row->letter, plus);
	print_part(row->help, completion_summary(row), out);
	fputc(']', out);
	if (row->argument != NULL) {
		fputc(':', out);
		print_part(row->argument, strlen(row->argument), out);
		fputc(':', out);
		print_action(c, row, out);
	}
	fputs("' \\\n", out);
}

void
completion_print_zsh(const struct completion *c, FILE *out)
{
	fprintf(out,
	    "#compdef %s\n"
	    "# Completion of %s for zsh, made from its table of options.\n"
	    "_arguments -s -S \\\n",
	    c->name, c->name);
	for (size_t i = 0; i < c->count; i++)
		print_row(c, &c->rows[i], out);
	fputs("\t'*:host:_hosts'\n", out);
}
