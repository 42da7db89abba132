/* tools/names/hosts: what a hosts file says, and what it may not do to us. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/names_messages.h"
#include "tests/support/testing.h"
#include "tools/names/hosts.h"

static char path[] = "/tmp/check_hosts.XXXXXX";

/* Reads a table from these bytes; the caller frees it. */
static struct hosts *
table(const void *data, size_t len, int expected)
{
	struct hosts *h = NULL;
	int fd;

	strcpy(path + sizeof(path) - 7, "XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, data, len), (ssize_t)len);
	close(fd);
	ck_assert_int_eq(hosts_read(path, &h), expected);
	unlink(path);
	ck_assert_ptr_nonnull(h);
	return h;
}

static struct hosts *
table_of(const char *text)
{
	return table(text, strlen(text), 0);
}

static void
check_name(const struct hosts *h, const char *text, const char *expected)
{
	struct addr a;
	const char *name;

	ck_assert_int_eq(addr_from_text(text, &a), 0);
	name = hosts_name(h, &a);
	if (expected == NULL)
		ck_assert_ptr_null(name);
	else
		ck_assert_pstr_eq(name, expected);
}

/* The addresses of a name, joined by spaces. */
static void
check_addrs(
    const struct hosts *h, const char *name, uint32_t family, const char *expected)
{
	struct addr addrs[NAMES_ADDRS_MAX];
	char text[NAMES_ADDRS_MAX * ADDR_TEXT_MAX] = "";
	char one[ADDR_TEXT_MAX];
	size_t count = hosts_addrs(h, name, family, addrs, NAMES_ADDRS_MAX);

	for (size_t i = 0; i < count; i++) {
		strcat(text, i == 0 ? "" : " ");
		strcat(text, addr_to_text(&addrs[i], one));
	}
	ck_assert_str_eq(text, expected);
}

START_TEST(both_ways)
{
	struct hosts *h = table_of("# a comment\n"
				   "192.0.2.1\thost.example  host h # more\n"
				   "\n"
				   "   2001:db8::1 host.example\r\n"
				   "192.0.2.1 second\n"
				   "192.0.2.2 Host.Example\n"
				   "fe80::1 router\n"
				   "fe80::2%7 scoped\n"
				   "2001:DB8:0::9 last");

	check_name(h, "192.0.2.1", "host.example");
	check_name(h, "192.0.2.2", "Host.Example");
	check_name(h, "2001:db8::1", "host.example");
	check_name(h, "2001:db8::9", "last");
	check_name(h, "192.0.2.3", NULL);
	check_name(h, "fe80::1%3", "router");
	check_name(h, "fe80::2%7", "scoped");
	check_name(h, "fe80::2%8", NULL);
	check_addrs(h, "host.example", AF_UNSPEC, "192.0.2.1 192.0.2.2 2001:db8::1");
	check_addrs(h, "HOST.EXAMPLE.", AF_INET6, "2001:db8::1");
	check_addrs(h, "h", AF_INET, "192.0.2.1");
	check_addrs(h, "h", AF_INET6, "");
	check_addrs(h, "second", AF_UNSPEC, "192.0.2.1");
	check_addrs(h, "more", AF_UNSPEC, "");
	check_addrs(h, "", AF_UNSPEC, "");
	check_addrs(h, ".", AF_UNSPEC, "");
	hosts_free(h);
}
END_TEST

START_TEST(localhost)
{
	struct hosts *h = table_of("192.0.2.9 other.localhost\n");

	check_addrs(h, "localhost", AF_UNSPEC, "127.0.0.1 ::1");
	check_addrs(h, "LocalHost.", AF_INET, "127.0.0.1");
	check_addrs(h, "a.b.localhost", AF_INET6, "::1");
	check_addrs(h, "notlocalhost", AF_UNSPEC, "");
	check_addrs(h, "localhost.example", AF_UNSPEC, "");
	check_addrs(h, ".localhost", AF_UNSPEC, "");
	check_addrs(h, "other.localhost", AF_UNSPEC, "192.0.2.9");
	hosts_free(h);
}
END_TEST

START_TEST(nonsense_is_skipped)
{
	static const char text[] = "nonsense host1\n"
				   "192.0.2.1\n"
				   "192.0.2.256 host2\n"
				   "192.0.2.2 nul\0inside\n"
				   "192.0.2.3 good\n"
				   "192.0.2.4 #only a comment\n"
				   "#192.0.2.5 hidden\n"
				   "192.0.2.6 \x1b[31m\n";
	struct hosts *h = table(text, sizeof(text) - 1, 0);

	check_name(h, "192.0.2.1", NULL);
	check_name(h, "192.0.2.2", NULL);
	check_name(h, "192.0.2.3", "good");
	check_name(h, "192.0.2.4", NULL);
	check_name(h, "192.0.2.5", NULL);
	check_name(h, "192.0.2.6", "\x1b[31m");
	check_addrs(h, "nul", AF_UNSPEC, "");
	check_addrs(h, "host1", AF_UNSPEC, "");
	hosts_free(h);
}
END_TEST

START_TEST(long_lines_and_names)
{
	char text[4096];
	char name[NAMES_NAME_MAX + 2] = "";
	size_t at;
	struct hosts *h;

	memset(name, 'n', NAMES_NAME_MAX + 1);
	at = (size_t)snprintf(text, sizeof(text), "192.0.2.1 first");
	memset(text + at, ' ', HOSTS_LINE_MAX + 1 - at); /* one byte too long */
	at = HOSTS_LINE_MAX + 1;
	at += (size_t)snprintf(text + at, sizeof(text) - at,
	    "\n192.0.2.2 second\n192.0.2.3 %s\n192.0.2.4 %s\n192.0.2.5 fits", name,
	    name + 1);
	h = table(text, at, 0);
	check_name(h, "192.0.2.1", NULL);
	check_name(h, "192.0.2.2", "second");
	check_name(h, "192.0.2.3", NULL);
	check_name(h, "192.0.2.4", name + 1);
	check_addrs(h, name + 1, AF_INET, "192.0.2.4");
	check_name(h, "192.0.2.5", "fits");
	hosts_free(h);
}
END_TEST

START_TEST(many_addresses_are_bounded)
{
	char text[4096] = "";
	struct addr addrs[NAMES_ADDRS_MAX + 4];
	struct hosts *h;
	size_t at = 0;

	for (int i = 1; i <= 40; i++)
		at += (size_t)snprintf(
		    text + at, sizeof(text) - at, "192.0.2.%d many\n", i);
	h = table_of(text);
	ck_assert_uint_eq(hosts_addrs(h, "many", AF_UNSPEC, addrs, NAMES_ADDRS_MAX + 4),
	    NAMES_ADDRS_MAX);
	ck_assert_uint_eq(hosts_addrs(h, "many", AF_UNSPEC, addrs, 3), 3);
	hosts_free(h);
}
END_TEST

START_TEST(files_that_are_none)
{
	struct hosts *h;
	char *large = calloc(1, HOSTS_FILE_MAX + 1);
	char fifo[64];

	ck_assert_ptr_nonnull(large);
	memcpy(large, "192.0.2.1 a\n", 12);
	memset(large + 12, '\n', HOSTS_FILE_MAX - 11);
	h = table(large, HOSTS_FILE_MAX, 0);
	check_name(h, "192.0.2.1", "a");
	hosts_free(h);
	h = table(large, HOSTS_FILE_MAX + 1, -EFBIG);
	check_name(h, "192.0.2.1", NULL);
	hosts_free(h);
	free(large);
	ck_assert_int_eq(hosts_read("/nonexistent", &h), -ENOENT);
	check_addrs(h, "localhost", AF_INET, "127.0.0.1");
	hosts_free(h);
	ck_assert_int_eq(hosts_read("/", &h), -EINVAL);
	hosts_free(h);
	snprintf(fifo, sizeof(fifo), "/tmp/check_hosts.fifo.%d", (int)getpid());
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	ck_assert_int_eq(hosts_read(fifo, &h), -EINVAL);
	hosts_free(h);
	unlink(fifo);
	hosts_free(table_of(""));
	hosts_free(NULL);
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {both_ways},
	    {localhost},
	    {nonsense_is_skipped},
	    {long_lines_and_names},
	    {many_addresses_are_bounded},
	    {files_that_are_none},
	};

	return test_main("hosts", tests, COUNT_OF(tests));
}
