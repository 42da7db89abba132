#include "tools/shared/prefixes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/log.h"
#include "tools/shared/line_reader.h"
#include "tools/shared/options.h"
#include "tools/shared/remedy.h"

#define MAPPED_BITS 96

/* IPv4 mapped into IPv6 reaches the same host. */
static struct addr
unmap(const struct addr *a)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (a->family == AF_INET6 && memcmp(a->bytes, mapped, sizeof(mapped)) == 0)
		return addr_from_bytes(AF_INET, a->bytes + sizeof(mapped));
	return *a;
}

static uint8_t
address_bits(const struct addr *a)
{
	return a->family == AF_INET ? 32 : 128;
}

/* The address with all bits past len cleared; it has no scope. */
static struct addr
cut(const struct addr *a, uint8_t len)
{
	struct addr out = *a;

	out.scope = 0;
	for (size_t i = 0; i < sizeof(out.bytes); i++) {
		size_t kept = len > i * 8 ? len - i * 8 : 0;

		if (kept < 8)
			out.bytes[i] &= (uint8_t)(0xff00U >> kept);
	}
	return out;
}

int
prefix_from_text(const char *text, struct prefix *out)
{
	const char *slash = strchr(text, '/');
	char addr[ADDR_TEXT_MAX];
	size_t digits = slash != NULL ? (size_t)(slash - text) : strlen(text);
	struct addr typed, plain;
	int64_t len;

	if (digits >= sizeof(addr))
		return -EINVAL;
	memcpy(addr, text, digits);
	addr[digits] = '\0';
	if (addr_from_text(addr, &typed) != 0 || typed.scope != 0)
		return -EINVAL;
	len = address_bits(&typed);
	if (slash != NULL && (slash[1] == '\0' || strlen(slash + 1) > 3 ||
				 slash[1 + strspn(slash + 1, "0123456789")] != '\0' ||
				 strtol(slash + 1, NULL, 10) > len))
		return -EINVAL;
	if (slash != NULL)
		len = strtol(slash + 1, NULL, 10);
	plain = unmap(&typed);
	if (plain.family != typed.family && len >= MAPPED_BITS)
		len -= MAPPED_BITS;
	else
		plain = typed;
	*out = (struct prefix){.addr = cut(&plain, (uint8_t)len), .len = (uint8_t)len};
	return 0;
}

const char *
prefix_to_text(const struct prefix *p, char *buf)
{
	char addr[ADDR_TEXT_MAX];

	snprintf(buf, PREFIX_TEXT_MAX, "%s/%u", addr_to_text(&p->addr, addr), p->len);
	return buf;
}

/* By family and address; of those that begin alike the widest first. */
static int
compare(const void *a, const void *b)
{
	const struct prefix *x = a, *y = b;
	int bytes = memcmp(x->addr.bytes, y->addr.bytes, sizeof(x->addr.bytes));

	if (x->addr.family != y->addr.family)
		return x->addr.family < y->addr.family ? -1 : 1;
	return bytes != 0 ? bytes : x->len - y->len;
}

static bool
contains(const struct prefix *p, const struct addr *a)
{
	struct addr begin = cut(a, p->len);

	return addr_equal(&begin, &p->addr);
}

static int
add(struct prefixes *p, const struct prefix *one)
{
	int error = array_reserve(&p->list, &p->room, p->count + 1, sizeof(*p->list));

	if (error == 0)
		p->list[p->count++] = *one;
	return error;
}

/* Sorts, and leaves out what is inside another. */
static void
settle(struct prefixes *p)
{
	uint32_t kept = 0;

	if (p->count != 0)
		qsort(p->list, p->count, sizeof(*p->list), compare);
	for (uint32_t i = 0; i < p->count; i++)
		if (kept == 0 || !contains(&p->list[kept - 1], &p->list[i].addr))
			p->list[kept++] = p->list[i];
	p->count = kept;
}

int
prefixes_read(struct prefixes *p, int fd, const char *name)
{
	struct line_reader reader;
	char shown[OPTIONS_SHOWN_MAX];
	const char *word;
	int error = 0;

	line_reader_init(&reader, fd, name, true);
	while (error == 0 && line_reader_next(&reader, &word) == LINE_THERE) {
		struct prefix one;

		if (prefix_from_text(word, &one) == 0)
			error = add(p, &one);
		else
			line_reader_complain(&reader,
			    "'%s' is not a prefix, such as 192.0.2.0/24 or "
			    "2001:db8::/32",
			    options_show(word, shown));
	}
	if (error != 0)
		log_line("out of memory for %s%s", name, remedy_of_limit(-error));
	else if (reader.wrong != 0)
		error = -EINVAL;
	line_reader_close(&reader);
	settle(p);
	return error;
}

void
prefixes_clear(struct prefixes *p)
{
	free(p->list);
	*p = (struct prefixes){0};
}

const struct prefix *
prefixes_find(const struct prefixes *p, const struct addr *a, uint8_t len)
{
	struct prefix asked = {.addr = unmap(a)};
	uint32_t low = 0, high = p->count;

	asked.len = len < address_bits(&asked.addr) ? len : address_bits(&asked.addr);
	asked.addr = cut(&asked.addr, asked.len);
	while (low < high) { /* the first that begins behind it */
		uint32_t middle = low + (high - low) / 2;
		struct prefix begin = {.addr = asked.addr, .len = UINT8_MAX};

		if (compare(&p->list[middle], &begin) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low > 0 && contains(&p->list[low - 1], &asked.addr))
		return &p->list[low - 1];
	/* One that is inside of what is asked for. */
	if (low < p->count && contains(&asked, &p->list[low].addr))
		return &p->list[low];
	return NULL;
}
