/*
 * Expected output in the files of this folder, NAME.SUFFIX. With PARIS_UPDATE_GOLDEN in
 * the environment the tests write these files instead; read the difference before
 * committing it.
 */
#ifndef TESTS_GOLDEN_GOLDEN_H
#define TESTS_GOLDEN_GOLDEN_H

#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/shared/output.h"

/* What waits in `out` must be the file's content. */
static void
golden_compare(const char *name, const char *suffix, const struct output *out)
{
	static char expected[1 << 20];
	char path[512];
	size_t len = strlen(__FILE__) - strlen("golden.h");
	size_t got = output_pending(out);
	const char *printed = got != 0 ? out->data + out->head : "";
	bool update = getenv("PARIS_UPDATE_GOLDEN") != NULL;
	FILE *file;

	snprintf(path, sizeof(path), "%.*s%s.%s", (int)len, __FILE__, name, suffix);
	file = fopen(path, update ? "w" : "r");
	ck_assert_msg(file != NULL, "cannot open %s", path);
	if (update) {
		fwrite(printed, 1, got, file);
		fclose(file);
		return;
	}
	len = fread(expected, 1, sizeof(expected) - 1, file);
	fclose(file);
	expected[len] = '\0';
	ck_assert_msg(len == got && memcmp(expected, printed, got) == 0,
	    "%s differs; expected:\n%s\ngot:\n%.*s", path, expected, (int)got, printed);
}

#endif
