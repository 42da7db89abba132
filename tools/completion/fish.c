#include <string.h>

#include "tools/completion/completion.h"

static void
print_value(const struct completion *c, const struct option_spec *row, FILE *out)
{
	switch (completion_value_of(c, row)) {
	case VALUE_NONE:
		return;
	case VALUE_WORDS:
		fputs(" -x -a '", out);
		completion_print_words(c, row, out);
		fputc('\'', out);
		return;
	case VALUE_FILE:
		fputs(" -r -F", out);
		return;
	case VALUE_DEVICE:
		fputs(" -x -a '(__fish_print_interfaces)'", out);
		return;
	case VALUE_FREE:
		fputs(" -x", out);
		return;
	}
}

void
completion_print_fish(const struct completion *c, FILE *out)
{
	fprintf(out,
	    "# Completion of %s for fish, made from its table of options.\n"
	    "complete -c %s -f -a '(__fish_print_hostnames)'\n",
	    c->name, c->name);
	for (size_t i = 0; i < c->count; i++) {
		const struct option_spec *row = &c->rows[i];

		fprintf(out, "complete -c %s", c->name);
		if (row->letter != '\0')
			fprintf(out, " -s %c", row->letter);
		if (row->name != NULL)
			fprintf(out, " -l %s", row->name);
		if (row->also != NULL)
			fprintf(out, " -o %s", row->also);
		print_value(c, row, out);
		fputs(" -d '", out);
		completion_print_escaped(
		    row->help, completion_summary(row), "\\'", out);
		fputs("'\n", out);
	}
}
