/* tools/shared/prefixes.h: lists of prefixes, and what is in them. */
#include <check.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/support/testing.h"
#include "tools/shared/prefixes.h"

static int
file_of(const char *text)
{
	int fd = memfd_create("list", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static struct addr
addr_of(const char *text)
{
	struct addr a;

	ck_assert_msg(addr_from_text(text, &a) == 0, "%s", text);
	return a;
}

/* Typed, and as it is shown; NULL: refused. */
static const char *const texts[][2] = {{"192.0.2.0/24", "192.0.2.0/24"},
    {"192.0.2.77/24", "192.0.2.0/24"}, {"192.0.2.255/31", "192.0.2.254/31"},
    {"192.0.2.1", "192.0.2.1/32"}, {"10.255.1.1/9", "10.128.0.0/9"},
    {"255.255.255.255/0", "0.0.0.0/0"}, {"2001:db8::1", "2001:db8::1/128"},
    {"2001:db8:ffff::/33", "2001:db8:8000::/33"}, {"ffff::/0", "::/0"},
    {"::ffff:192.0.2.1", "192.0.2.1/32"}, {"::ffff:192.0.2.1/120", "192.0.2.0/24"},
    {"::ffff:192.0.2.1/96", "0.0.0.0/0"}, {"192.0.2.0/024", "192.0.2.0/24"},
    {"192.0.2.0/33", NULL}, {"::/129", NULL}, {"192.0.2.0/", NULL}, {"/24", NULL},
    {"192.0.2.0/-1", NULL}, {"192.0.2.0/ 8", NULL}, {"192.0.2.0/24/24", NULL},
    {"192.0.2.0/0x8", NULL}, {"192.0.2.0/4294967304", NULL}, {"192.0.2", NULL},
    {"fe80::1%lo", NULL}, {"fe80::%1/64", NULL}, {"", NULL}, {"x", NULL},
    {"1111:2222:3333:4444:5555:6666:7777:8888:9999:0000:1111:2222:3333/1", NULL}};

START_TEST(text)
{
	char shown[PREFIX_TEXT_MAX];
	struct prefix p;
	int error = prefix_from_text(texts[_i][0], &p);

	ck_assert_msg(
	    error == (texts[_i][1] != NULL ? 0 : -EINVAL), "%s", texts[_i][0]);
	if (error == 0)
		ck_assert_str_eq(prefix_to_text(&p, shown), texts[_i][1]);
}
END_TEST

static const char list[] =
    "192.0.2.0/24\n192.0.2.128/25\n192.0.2.0/24\n198.51.100.7\n10.0.0.0/8\n"
    "2001:db8::/32\n2001:db8:1::/48\n::ffff:203.0.113.0/120\n192.0.3.0/24\n";

/* An address, so many bits of it, and the prefix it is in. */
static const struct {
	const char *addr;
	uint8_t len;
	const char *found;
} finds[] = {{"192.0.2.0", 128, "192.0.2.0/24"}, {"192.0.2.255", 128, "192.0.2.0/24"},
    {"192.0.3.0", 128, "192.0.3.0/24"}, {"192.0.4.0", 128, NULL},
    {"192.0.1.255", 128, NULL}, {"198.51.100.7", 128, "198.51.100.7/32"},
    {"198.51.100.6", 128, NULL}, {"198.51.100.8", 128, NULL},
    {"198.51.100.6", 31, "198.51.100.7/32"}, {"198.51.100.8", 31, NULL},
    {"198.51.100.200", 24, "198.51.100.7/32"}, {"198.0.0.0", 15, NULL},
    {"0.0.0.0", 0, "10.0.0.0/8"}, {"10.255.255.255", 128, "10.0.0.0/8"},
    {"9.255.255.255", 128, NULL}, {"11.0.0.0", 128, NULL},
    {"203.0.113.9", 128, "203.0.113.0/24"},
    {"::ffff:203.0.113.9", 128, "203.0.113.0/24"},
    {"::ffff:10.1.2.3", 128, "10.0.0.0/8"}, {"2001:db8::", 128, "2001:db8::/32"},
    {"2001:db8:ffff::1", 128, "2001:db8::/32"}, {"2001:db9::", 128, NULL},
    {"2001:db7:ffff::", 128, NULL}, {"2001:db7::", 31, NULL},
    {"2001:db9::", 31, "2001:db8::/32"}, {"::", 128, NULL}, {"::", 0, "2001:db8::/32"},
    {"a00::", 128, NULL}};

START_TEST(find)
{
	struct prefixes p = {0};
	char shown[PREFIX_TEXT_MAX] = "nothing";
	struct addr a = addr_of(finds[_i].addr);
	const struct prefix *found;

	ck_assert_int_eq(prefixes_read(&p, file_of(list), "list"), 0);
	ck_assert_uint_eq(p.count, 6);
	found = prefixes_find(&p, &a, finds[_i].len);
	if (found != NULL)
		prefix_to_text(found, shown);
	ck_assert_str_eq(shown, finds[_i].found != NULL ? finds[_i].found : "nothing");
	prefixes_clear(&p);
}
END_TEST

START_TEST(nothing)
{
	struct prefixes p = {0};
	struct addr a = addr_of("192.0.2.1");

	ck_assert_ptr_null(prefixes_find(&p, &a, 128));
	ck_assert_int_eq(prefixes_read(&p, file_of("# nobody\n\n"), "list"), 0);
	ck_assert_ptr_null(prefixes_find(&p, &a, 0));
	prefixes_clear(&p);
}
END_TEST

/* A list that is not understood whole is not to be used. */
START_TEST(wrong_line)
{
	struct prefixes p = {0};
	int said = file_of(""), saved = dup(STDERR_FILENO), error;
	char told[400] = "";

	ck_assert_int_ge(saved, 0);
	ck_assert_int_ge(dup2(said, STDERR_FILENO), 0);
	error =
	    prefixes_read(&p, file_of("192.0.2.1\n10.0.0.0/8 x\n\n1.2.3\n"), "list");
	ck_assert_int_ge(dup2(saved, STDERR_FILENO), 0);
	ck_assert_int_eq(error, -EINVAL);
	ck_assert_int_gt(pread(said, told, sizeof(told) - 1, 0), 0);
	ck_assert_str_eq(told,
	    "paris: list:2: more follows '10.0.0.0/8': one word a line\n"
	    "paris: list:4: '1.2.3' is not a prefix, such as 192.0.2.0/24 or "
	    "2001:db8::/32\n");
	close(saved);
	close(said);
	prefixes_clear(&p);
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {text, COUNT_OF(texts)}, {find, COUNT_OF(finds)}, {nothing}, {wrong_line}};

	return test_main("prefixes", tests, COUNT_OF(tests));
}
