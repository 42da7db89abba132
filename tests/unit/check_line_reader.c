/* tools/shared/line_reader.h: files of one word a line, in whatever pieces they come.
 */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/testing.h"
#include "tools/shared/line_reader.h"

static int saved = -1;

/* What is wrong is counted; the words for it are other tests' business. */
static void
be_quiet(void)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	saved = dup(STDERR_FILENO);
	ck_assert_int_ge(saved, 0);
	ck_assert_int_ge(dup2(null, STDERR_FILENO), 0);
	close(null);
}

static void
be_loud(void)
{
	ck_assert_int_ge(dup2(saved, STDERR_FILENO), 0);
	close(saved);
}

static const struct {
	const char *text;
	const char *words; /* with their lines */
	size_t wrong;
} rows[] = {{"", "", 0}, {"\n", "", 0}, {"a", "1:a ", 0}, {"a\n", "1:a ", 0},
    {"\n\n a \t\n# b\n#\nc#d\r\n", "3:a 6:c ", 0}, {"a b\nc\n", "2:c ", 1},
    {"a #b c\n", "1:a ", 0}, {"a\vb\n", "", 1},
    {"\xef\xbb\xbf"
     "a\n\xef\xbb\xbf"
     "b\n",
	"1:a 2:\xef\xbb\xbf"
	"b ",
	0},
    {"\xef\xbb\xbf", "", 0}, {"\r\n \r\n", "", 0}, {"a\n\nb", "1:a 3:b ", 0},
    {"#\n#", "", 0}};

/* Reads it all, as it comes in pieces of so many bytes; words as in the rows. */
static size_t
read_in_pieces(const char *text, size_t len, size_t piece, char *words, size_t room)
{
	struct line_reader *r = malloc(sizeof(*r));
	const char *word;
	int fds[2];
	size_t wrong;

	ck_assert_int_eq(pipe(fds), 0);
	line_reader_init(r, fds[0], "file", false);
	words[0] = '\0';
	for (size_t at = 0;; at += piece) {
		enum line_state state;
		size_t rest = at < len ? len - at : 0;

		if (rest == 0)
			close(fds[1]);
		else
			ck_assert_int_ge(
			    write(fds[1], text + at, rest < piece ? rest : piece), 0);
		while ((state = line_reader_next(r, &word)) == LINE_THERE) {
			size_t used = strlen(words);

			snprintf(words + used, room - used, "%zu:%s ", r->line, word);
		}
		ck_assert_int_eq(state, rest == 0 ? LINE_END : LINE_LATER);
		if (rest == 0)
			break;
	}
	ck_assert_uint_eq(r->taken, len);
	wrong = r->wrong;
	line_reader_close(r);
	free(r);
	return wrong;
}

START_TEST(pieces)
{
	static const size_t sizes[] = {1, 2, 3, 1000};

	be_quiet();
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		char words[100];
		size_t wrong = read_in_pieces(rows[_i].text, strlen(rows[_i].text),
		    sizes[i], words, sizeof(words));

		ck_assert_str_eq(words, rows[_i].words);
		ck_assert_uint_eq(wrong, rows[_i].wrong);
	}
	be_loud();
}
END_TEST

/* Lines of up to the limit are taken, all above are left out whole. */
START_TEST(long_lines)
{
	static const size_t lens[] = {LINE_MAX_LEN - 1, LINE_MAX_LEN, LINE_MAX_LEN + 1,
	    2 * LINE_MAX_LEN, 2 * (LINE_MAX_LEN + 1), 3 * LINE_MAX_LEN, 40000};
	static const size_t sizes[] = {1, 7, 4095, 4096, 4097, 60000};
	size_t len = lens[_i];
	char *text = malloc(len + 5), *words = malloc(len + 50);

	memcpy(text, "a\n", 2);
	memset(text + 2, 'x', len);
	memcpy(text + 2 + len, "\nb\n", 3);
	be_quiet();
	for (size_t i = 0; i < COUNT_OF(sizes); i++)
		for (size_t cut = 0; cut <= 3; cut += 3) { /* it may be the last line */
			bool fits = len <= LINE_MAX_LEN;
			size_t wrong = read_in_pieces(
			    text, len + 5 - cut, sizes[i], words, len + 50);
			size_t used = strlen(words);

			ck_assert_uint_eq(wrong, !fits);
			ck_assert_int_eq(strncmp(words, "1:a ", 4), 0);
			ck_assert_uint_eq(
			    used, 4 + (fits ? len + 3 : 0) + (cut == 0 ? 4 : 0));
			if (cut == 0)
				ck_assert_str_eq(words + used - 4, "3:b ");
		}
	be_loud();
	free(text);
	free(words);
}
END_TEST

START_TEST(nul_bytes)
{
	char words[100];

	be_quiet();
	ck_assert_uint_eq(
	    read_in_pieces("a\0\nb\n\0\nc\0", 10, 3, words, sizeof(words)), 3);
	be_loud();
	ck_assert_str_eq(words, "2:b ");
}
END_TEST

START_TEST(no_file)
{
	struct line_reader r;
	const char *word;

	line_reader_init(&r, -1, "", false);
	ck_assert_int_eq(line_reader_next(&r, &word), LINE_END);
	ck_assert_uint_eq(r.wrong, 0);
	line_reader_close(&r);
	be_quiet();
	line_reader_init(&r, open("/", O_RDONLY | O_CLOEXEC), "/", true);
	ck_assert_int_eq(line_reader_next(&r, &word), LINE_END);
	ck_assert_int_eq(line_reader_next(&r, &word), LINE_END);
	be_loud();
	ck_assert_uint_eq(r.wrong, 1);
	line_reader_close(&r);
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {pieces, COUNT_OF(rows)}, {long_lines, 7}, {nul_bytes}, {no_file}};

	return test_main("line_reader", tests, COUNT_OF(tests));
}
