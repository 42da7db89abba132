/*
 * Prints the completion of a program for a shell: "bash paris-traceroute". Run by make.
 */
#include <stdio.h>
#include <string.h>

#include "tools/completion/completion.h"

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*print)(const struct completion *c, FILE *out);
	} shells[] = {{"bash", completion_print_bash}, {"zsh", completion_print_zsh},
	    {"fish", completion_print_fish}};
	static struct completion c;

	if (argc != 3 || completion_init(&c, argv[2]) != 0) {
		fputs("usage: completion bash|zsh|fish PROGRAM\n", stderr);
		return 2;
	}
	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++)
		if (strcmp(shells[i].name, argv[1]) == 0) {
			shells[i].print(&c, stdout);
			return fflush(stdout) != 0 || ferror(stdout) ? 1 : 0;
		}
	fprintf(stderr, "completion: no shell %s\n", argv[1]);
	return 2;
}
