/*
 * The files of AS numbers and countries that paris-names was given: mapped before the
 * sandbox is entered, read only inside it. Part of paris-names.
 */
#ifndef TOOLS_NAMES_DATABASES_H
#define TOOLS_NAMES_DATABASES_H

#include <stdbool.h>
#include <stddef.h>

#include "common/names_messages.h"
#include "tools/names/origin.h"

struct database {
	const char *option; /* by which the user named the file */
	void *file;
	size_t len;
	bool usable;
	bool complained;
	struct mmdb db;
};

struct databases {
	struct database of_numbers;
	struct database of_countries;
};

/*
 * Maps the files that `which` (enum names_databases) names, from descriptor fd on, and
 * closes them. Returns 0 or -errno. From then on, until they are unmapped, a file that
 * is cut short under our hands ends the process with EXIT_EXPLAINED, and is told.
 */
int databases_map(struct databases *d, uint8_t which, int fd);

/* Inside the sandbox: opens what was mapped. A file of no use is told, and not used. */
void databases_open(struct databases *d);

/* Harmless on zeros. */
void databases_unmap(struct databases *d);

/* What the files say. NAMES_NOT_FOUND leaves *origin as it is. */
enum names_status databases_number(
    struct databases *d, const struct addr *a, struct origin *origin);
enum names_status databases_country(
    struct databases *d, const struct addr *a, struct origin *origin);

#endif
