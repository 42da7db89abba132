#include "tools/names/hosts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/hash.h"
#include "common/names_messages.h"

#define BLANKS " \t\r\f\v"

/* Name of an address: the first in the file. */
struct by_addr {
	struct addr addr;
	UT_hash_handle hh;
	char name[];
};

/* Addresses of a name, in the file's order. */
struct by_name {
	struct addr addrs[NAMES_ADDRS_MAX];
	size_t count;
	UT_hash_handle hh;
	char name[]; /* in lower case */
};

struct hosts {
	struct by_addr *by_addr;
	struct by_name *by_name;
};

/* ASCII only: names are bytes, and there is no locale here. */
static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/*
 * The form under which a name is kept: lower case, no dot at the end. Returns its
 * length, or 0 for what cannot be a name.
 */
static size_t
normalize(const char *name, char out[NAMES_NAME_MAX + 1])
{
	size_t len = strlen(name);

	if (len != 0 && name[len - 1] == '.')
		len--;
	if (len == 0 || len > NAMES_NAME_MAX)
		return 0;
	for (size_t i = 0; i < len; i++)
		out[i] = lower(name[i]);
	out[len] = '\0';
	return len;
}

static int
remember_name(struct hosts *h, const struct addr *a, const char *name)
{
	size_t len = strlen(name);
	struct by_addr *entry;

	if (len > NAMES_NAME_MAX)
		return 0;
	HASH_FIND(hh, h->by_addr, a, sizeof(*a), entry);
	if (entry != NULL)
		return 0;
	entry = calloc(1, sizeof(*entry) + len + 1);
	if (entry == NULL)
		return -ENOMEM;
	entry->addr = *a;
	memcpy(entry->name, name, len + 1);
	HASH_ADD(hh, h->by_addr, addr, sizeof(entry->addr), entry);
	return 0;
}

static int
remember_addr(struct hosts *h, const char *name, const struct addr *a)
{
	char key[NAMES_NAME_MAX + 1];
	size_t len = normalize(name, key);
	struct by_name *entry;

	if (len == 0)
		return 0;
	HASH_FIND(hh, h->by_name, key, len, entry);
	if (entry == NULL) {
		entry = calloc(1, sizeof(*entry) + len + 1);
		if (entry == NULL)
			return -ENOMEM;
		memcpy(entry->name, key, len + 1);
		HASH_ADD(hh, h->by_name, name[0], len, entry);
	}
	for (size_t i = 0; i < entry->count; i++)
		if (addr_equal(&entry->addrs[i], a))
			return 0;
	if (entry->count < NAMES_ADDRS_MAX)
		entry->addrs[entry->count++] = *a;
	return 0;
}

/* One line: an address, its name, more names, a comment. */
static int
read_line(struct hosts *h, char *line)
{
	char *state = NULL;
	char *word;
	struct addr a;
	int error = 0;

	line[strcspn(line, "#")] = '\0';
	word = strtok_r(line, BLANKS, &state);
	if (word == NULL || addr_from_text(word, &a) != 0)
		return 0;
	word = strtok_r(NULL, BLANKS, &state);
	if (word != NULL)
		error = remember_name(h, &a, word);
	for (; word != NULL && error == 0; word = strtok_r(NULL, BLANKS, &state))
		error = remember_addr(h, word, &a);
	return error;
}

static int
read_lines(struct hosts *h, const char *text, size_t len)
{
	char line[HOSTS_LINE_MAX + 1];
	int error = 0;

	for (size_t at = 0, size; at < len && error == 0; at += size + 1) {
		/* There is text, for len is not 0. */
		/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
		const char *end = memchr(text + at, '\n', len - at);

		size = end != NULL ? (size_t)(end - text) - at : len - at;
		if (size > HOSTS_LINE_MAX || memchr(text + at, '\0', size) != NULL)
			continue;
		memcpy(line, text + at, size);
		line[size] = '\0';
		error = read_line(h, line);
	}
	return error;
}

/* Reads the whole of a regular file that is not too large; *out is the caller's. */
static int
slurp(int fd, char **out, size_t *len)
{
	struct stat info;
	char *text;
	ssize_t got = 0;

	if (fstat(fd, &info) != 0)
		return -errno;
	if (!S_ISREG(info.st_mode))
		return -EINVAL;
	if (info.st_size > (off_t)HOSTS_FILE_MAX)
		return -EFBIG;
	text = malloc((size_t)info.st_size + 1);
	if (text == NULL)
		return -ENOMEM;
	for (*len = 0; *len < (size_t)info.st_size; *len += (size_t)got) {
		got = read(fd, text + *len, (size_t)info.st_size - *len);
		if (got <= 0)
			break;
	}
	if (got < 0) {
		free(text);
		return -errno;
	}
	*out = text;
	return 0;
}

int
hosts_read(const char *path, struct hosts **out)
{
	struct hosts *h = calloc(1, sizeof(*h));
	char *text = NULL;
	size_t len = 0;
	int error = 0;
	int fd;

	*out = NULL;
	if (h == NULL)
		return -ENOMEM;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		error = -errno;
	if (error == 0)
		error = slurp(fd, &text, &len);
	if (error == 0)
		error = read_lines(h, text, len);
	free(text);
	if (fd >= 0)
		close(fd);
	if (error == -ENOMEM) {
		hosts_free(h);
		return error;
	}
	*out = h;
	return error;
}

void
hosts_free(struct hosts *h)
{
	struct by_addr *named, *next_named;
	struct by_name *placed, *next_placed;

	if (h == NULL)
		return;
	HASH_ITER (hh, h->by_addr, named, next_named) {
		HASH_DEL(h->by_addr, named);
		free(named);
	}
	HASH_ITER (hh, h->by_name, placed, next_placed) {
		HASH_DEL(h->by_name, placed);
		free(placed);
	}
	free(h);
}

const char *
hosts_name(const struct hosts *h, const struct addr *a)
{
	struct addr anywhere = *a;
	struct by_addr *entry;

	HASH_FIND(hh, h->by_addr, a, sizeof(*a), entry);
	if (entry == NULL && a->scope != 0) {
		anywhere.scope = 0;
		HASH_FIND(hh, h->by_addr, &anywhere, sizeof(anywhere), entry);
	}
	return entry != NULL ? entry->name : NULL;
}

/* RFC 6761 section 6.3: "localhost." and all names below it. */
static bool
is_localhost(const char *name, size_t len)
{
	static const char suffix[] = ".localhost";
	size_t suffix_len = sizeof(suffix) - 1;

	return strcmp(name, suffix + 1) == 0 ||
	       (len > suffix_len && strcmp(name + len - suffix_len, suffix) == 0);
}

/* The entry that a name has without a line in the file. */
static struct by_name
loopback(void)
{
	struct by_name entry = {.count = 2};

	addr_from_text("127.0.0.1", &entry.addrs[0]);
	addr_from_text("::1", &entry.addrs[1]);
	return entry;
}

/* Appends the addresses of one family. */
static size_t
pick(const struct by_name *entry, uint32_t family, struct addr *out, size_t count,
    size_t room)
{
	for (size_t i = 0; i < entry->count && count < room; i++)
		if (entry->addrs[i].family == family)
			out[count++] = entry->addrs[i];
	return count;
}

size_t
hosts_addrs(const struct hosts *h, const char *name, uint32_t family, struct addr *out,
    size_t room)
{
	char key[NAMES_NAME_MAX + 1];
	size_t len = normalize(name, key);
	struct by_name *entry = NULL;
	struct by_name builtin;
	size_t count = 0;

	if (len == 0)
		return 0;
	HASH_FIND(hh, h->by_name, key, len, entry);
	if (entry != NULL && family != AF_INET6)
		count = pick(entry, AF_INET, out, count, room);
	if (entry != NULL && family != AF_INET)
		count = pick(entry, AF_INET6, out, count, room);
	if (count != 0 || !is_localhost(key, len))
		return count;
	builtin = loopback();
	if (family != AF_INET6)
		count = pick(&builtin, AF_INET, out, count, room);
	if (family != AF_INET)
		count = pick(&builtin, AF_INET6, out, count, room);
	return count;
}
