#include <string.h>

#include "tools/completion/completion.h"

/* "-a|--algorithm" of a case. */
static void
print_pattern(const struct option_spec *row, const char *before, FILE *out)
{
	fputs(before, out);
	if (row->letter != '\0')
		fprintf(out, "-%c", row->letter);
	if (row->name != NULL)
		fprintf(out, "%s--%s", row->letter != '\0' ? "|" : "", row->name);
	if (row->also != NULL)
		fprintf(out, "|-%s", row->also);
}

/* The options that take this kind of value, as one pattern. False: none does. */
static bool
print_patterns(const struct completion *c, enum completion_value kind, FILE *out)
{
	const char *before = "\t";

	for (size_t i = 0; i < c->count; i++)
		if (completion_value_of(c, &c->rows[i]) == kind) {
			print_pattern(&c->rows[i], before, out);
			before = "|";
		}
	return strcmp(before, "|") == 0;
}

/* What to offer behind an option that takes a value. */
static void
print_values(const struct completion *c, FILE *out)
{
	for (size_t i = 0; i < c->count; i++) {
		if (completion_value_of(c, &c->rows[i]) != VALUE_WORDS)
			continue;
		print_pattern(&c->rows[i], "\t", out);
		fputs(")\n\t\twords='", out);
		completion_print_words(c, &c->rows[i], out);
		fputs("' ;;\n", out);
	}
	if (print_patterns(c, VALUE_DEVICE, out))
		fputs(
		    ")\n\t\twords=$(command ls /sys/class/net 2>/dev/null) ;;\n", out);
	if (print_patterns(c, VALUE_FILE, out))
		fputs(")\n\t\tcompopt -o filenames 2>/dev/null\n"
		      "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
		      "\t\treturn ;;\n",
		    out);
	if (print_patterns(c, VALUE_FREE, out))
		fputs(")\n\t\treturn ;;\n", out);
}

static void
print_options(const struct completion *c, FILE *out)
{
	for (size_t i = 0; i < c->count; i++) {
		if (c->rows[i].letter != '\0')
			fprintf(out, "-%c ", c->rows[i].letter);
		if (c->rows[i].name != NULL)
			fprintf(out, "--%s ", c->rows[i].name);
		if (c->rows[i].also != NULL)
			fprintf(out, "-%s ", c->rows[i].also);
	}
}

/* "_paris_traceroute" */
static void
print_function(const struct completion *c, FILE *out)
{
	fputc('_', out);
	for (const char *at = c->name; *at != '\0'; at++)
		fputc(*at == '-' ? '_' : *at, out);
}

void
completion_print_bash(const struct completion *c, FILE *out)
{
	fprintf(out, "# Completion of %s for bash, made from its table of options.\n",
	    c->name);
	print_function(c, out);
	fputs("()\n{\n"
	      "\tlocal cur=${COMP_WORDS[COMP_CWORD]} words=\n"
	      "\tlocal prev=${COMP_WORDS[COMP_CWORD - 1]}\n\n"
	      "\t# bash takes --option=value apart at the sign.\n"
	      "\tif [[ $cur == = ]]; then\n\t\tcur=\n"
	      "\telif [[ $prev == = ]]; then\n"
	      "\t\tprev=${COMP_WORDS[COMP_CWORD - 2]}\n\tfi\n"
	      "\tCOMPREPLY=()\n\tcase $prev in\n",
	    out);
	print_values(c, out);
	fputs("\t*)\n\t\tif [[ $cur == -* ]]; then\n\t\t\twords='", out);
	print_options(c, out);
	fputs("'\n\t\telse\n"
	      "\t\t\tmapfile -t COMPREPLY < <(compgen -A hostname -- \"$cur\")\n"
	      "\t\t\treturn\n\t\tfi ;;\n\tesac\n"
	      "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n}\n"
	      "complete -F ",
	    out);
	print_function(c, out);
	fprintf(out, " %s\n", c->name);
}
