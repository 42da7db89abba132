/*
 * The fuzzers' corpus (tests/fuzz/corpus/), replayed without a fuzzer: each input, and
 * each input cut short, in memory of its exact size.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/fuzz_targets.h"
#include "tests/support/testing.h"

#define INPUT_MAX 4096
#define INPUTS_MIN 5 /* fewer: the corpus was not found */

/* A folder of the corpus, found from this file's own path. */
static void
corpus_path(const char *corpus, char *out, size_t room)
{
	const char *here = __FILE__;
	const char *slash = strrchr(here, '/');
	int folder = slash == NULL ? 0 : (int)(slash - here + 1);

	snprintf(out, room, "%.*s../fuzz/corpus/%s", folder, here, corpus);
}

static void
replay(fuzz_target *target, const char *path)
{
	uint8_t data[INPUT_MAX];
	FILE *file = fopen(path, "rb");
	size_t size;

	if (file == NULL)
		ck_abort_msg("cannot read %s", path);
	size = fread(data, 1, sizeof(data), file);
	fclose(file);
	if (size == sizeof(data))
		ck_abort_msg("%s is too large", path);
	for (size_t len = 0; len <= size; len++) {
		uint8_t *copy = exact_copy(data, len);

		ck_assert_int_eq(target(copy, len), 0);
		free(copy);
	}
}

START_TEST(corpus)
{
	const struct fuzz_entry *entry = &fuzz_table[_i];
	char folder[512], path[1024];
	size_t inputs = 0;
	struct dirent *file;
	DIR *dir;

	corpus_path(entry->corpus, folder, sizeof(folder));
	dir = opendir(folder);
	if (dir == NULL)
		ck_abort_msg(
		    "cannot open %s; start the tests from the top folder", folder);
	while ((file = readdir(dir)) != NULL) {
		if (file->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, file->d_name);
		replay(entry->target, path);
		inputs++;
	}
	closedir(dir);
	ck_assert_uint_ge(inputs, INPUTS_MIN);
}
END_TEST

int
main(void)
{
	struct test_entry tests[] = {{corpus}};

	while (fuzz_table[tests[0].loops].name != NULL)
		tests[0].loops++;
	return test_main("corpus", tests, COUNT_OF(tests));
}
