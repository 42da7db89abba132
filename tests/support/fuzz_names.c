/* What paris-names parses of files, whois servers and zones; see fuzz_targets.h. */
#include <stdlib.h>
#include <string.h>

#include "tests/support/fuzz_targets.h"
#include "tools/names/answer.h"
#include "tools/names/mmdb.h"
#include "tools/names/origin.h"

static void
expect(int holds)
{
	if (!holds)
		abort();
}

/* What is told of an address can be said to the tool. */
static void
expect_sane(const struct origin *o)
{
	struct names_origin m = {.status = NAMES_OK, .count = o->count}, again;
	uint8_t body[sizeof(m) + 16];
	struct writer w;
	struct reader r;

	memcpy(m.numbers, o->numbers, sizeof(m.numbers));
	memcpy(m.country, o->country, sizeof(m.country));
	if (o->count != 0)
		memcpy(m.as_name, o->as_name, sizeof(m.as_name));
	else if (o->country[0] == '\0')
		m.status = NAMES_NOT_FOUND;
	writer_init(&w, body, sizeof(body));
	names_origin_pack(&m, &w);
	expect(!w.failed);
	reader_init(&r, body, writer_len(&w));
	expect(names_origin_unpack(&again, &r) == 0);
	for (size_t i = 0; i < o->count; i++)
		for (size_t j = 0; j < i; j++)
			expect(o->numbers[i] != o->numbers[j]);
}

int
fuzz_mmdb(const uint8_t *data, size_t size)
{
	static const char *const addrs[] = {"0.0.0.0", "192.0.2.1", "255.255.255.255",
	    "::", "2001:db8::1", "ffff::ffff"};
	struct mmdb db;

	if (mmdb_open(&db, data, size) != 0)
		return 0;
	for (size_t i = 0; i < sizeof(addrs) / sizeof(*addrs); i++) {
		struct origin origin = {0};
		struct addr a;

		expect(addr_from_text(addrs[i], &a) == 0);
		/* It may be broken for one and not for another. */
		if (origin_add_number(&origin, &db, &a) == 0)
			expect(origin.count == 1);
		if (origin_add_country(&origin, &db, &a) == 0)
			expect(origin.country[0] != '\0');
		expect_sane(&origin);
	}
	return 0;
}

static void
take_text(void *context, const char *text)
{
	origin_add_zone_text(context, text);
}

static void
take_name(void *context, const char *text)
{
	origin_add_zone_name(context, text);
}

/* In pieces of this many bytes; what comes out does not depend on that. */
static struct origin
read_whois(const uint8_t *data, size_t size, size_t piece)
{
	struct origin origin = {0};
	struct origin_whois w;

	origin_whois_begin(&w, &origin);
	for (size_t at = 0; at < size; at += piece)
		if (!origin_whois_add(
			&w, data + at, size - at < piece ? size - at : piece))
			break;
	origin_whois_end(&w);
	expect_sane(&origin);
	return origin;
}

int
fuzz_origin(const uint8_t *data, size_t size)
{
	struct origin origin = {0}, whole;

	if (size == 0)
		return 0;
	if (data[0] % 2 == 0) {
		whole = read_whois(data + 1, size - 1, size);
		origin = read_whois(data + 1, size - 1, 1 + data[0] / 2);
		expect(whole.count == origin.count);
		expect(
		    memcmp(whole.numbers, origin.numbers, sizeof(whole.numbers)) == 0);
		return 0;
	}
	(void)answer_texts(data + 1, size - 1, take_text, &origin);
	expect_sane(&origin);
	(void)answer_texts(data + 1, size - 1, take_name, &origin);
	expect_sane(&origin);
	return 0;
}
