/* prober/tcp_options: what probes have, and what anybody may have written. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "prober/tcp_options.h"
#include "tests/support/packets.h"
#include "tests/support/testing.h"

static const struct {
	struct prober_tcp tcp;
	const char *bytes;
	size_t len;
	const char *text;
} cases[] = {
    {{0, 0, 0, 0}, "\2\4\5\xb4\4\2\x8\xapari\0\0\0\0\1\3\3\7", 20,
	"syn,mss=1460,sack,timestamps,window_scaling"},
    {{0, 0, 0, 700}, "\2\4\2\xbc\4\2\x8\xapari\0\0\0\0\1\3\3\7", 20,
	"syn,mss=700,sack,timestamps,window_scaling"},
    {{1, 0, 0, 0}, "", 0, ""},
    {{1, 0x10, 0, 700}, "", 0, "ack"},
    {{1, 0x02, TCP_OPTION_MSS, 65535}, "\2\4\xff\xff", 4, "syn,mss=65535"},
    {{1, 0xc2, TCP_OPTION_MSS | TCP_OPTION_SACK, 1}, "\2\4\0\1\4\2\1\1", 8,
	"syn,ece,cwr,mss=1,sack"},
    {{1, 0x11, TCP_OPTION_TIMESTAMPS, 0}, "\x8\xapari\0\0\0\0\1\1", 12,
	"fin,ack,timestamps"},
    {{1, 0xff, 0x1f, 536}, "\2\4\2\x18\4\2\x8\xapari\0\0\0\0\1\3\3\7\x22\2\1\1", 24,
	"fin,syn,rst,psh,ack,urg,ece,cwr,mss=536,sack,timestamps,window_scaling,"
	"fastopen"},
};

START_TEST(written_and_read)
{
	const struct prober_tcp *tcp = &cases[_i].tcp;
	uint8_t out[TCP_OPTIONS_ROOM + 1];
	char text[TCP_OPTIONS_TEXT_MAX];
	uint16_t mss;

	memset(out, 0xee, sizeof(out));
	must_eq(tcp_options_write(tcp, AF_INET, NULL), cases[_i].len);
	must_eq(tcp_options_write(tcp, AF_INET, out), cases[_i].len);
	ck_assert_mem_eq(out, cases[_i].bytes, cases[_i].len);
	must_eq(out[TCP_OPTIONS_ROOM], 0xee);
	must_eq(tcp_options_read(out, cases[_i].len, &mss), tcp_options_kinds(tcp));
	must_eq(
	    mss, (tcp_options_kinds(tcp) & 1) != 0 ? tcp_options_mss(tcp, AF_INET) : 0);
	ck_assert_str_eq(
	    tcp_options_text(tcp_options_flags(tcp), tcp_options_kinds(tcp), mss, text),
	    cases[_i].text);
}
END_TEST

/* What nobody said is what fits an Ethernet, by family. */
START_TEST(default_mss)
{
	struct prober_tcp tcp = {1, 2, TCP_OPTION_MSS, 0};
	uint8_t out[TCP_OPTIONS_ROOM];
	uint16_t mss;

	must_eq(tcp_options_write(&tcp, AF_INET6, out), 4);
	(void)tcp_options_read(out, 4, &mss);
	must_eq(mss, 1440);
	must_eq(tcp_options_mss(&tcp, AF_INET), 1460);
	tcp.mss = 99;
	must_eq(tcp_options_mss(&tcp, AF_INET6), 99);
}
END_TEST

/* Every combination fits, and is whole words. */
START_TEST(all)
{
	for (int options = 0; options < TCP_OPTIONS_END; options++) {
		struct prober_tcp tcp = {1, 2, (uint8_t)options, 0};

		must(tcp_options_write(&tcp, AF_INET6, NULL) <= TCP_OPTIONS_ROOM);
		must_eq(tcp_options_write(&tcp, AF_INET6, NULL) % 4, 0);
	}
}
END_TEST

START_TEST(hostile)
{
	static const struct {
		const char *bytes;
		size_t len;
		uint8_t found;
		uint16_t mss;
	} rows[] = {
	    {"", 0, 0, 0}, {"\2", 1, 0, 0}, {"\2\4\5", 3, 0, 0}, /* cut */
	    {"\2\0\5\xb4\4\2", 6, 0, 0},                         /* no length */
	    {"\2\1\5\xb4\4\2", 6, 0, 0},             /* shorter than itself */
	    {"\2\3\5\4\2\1", 6, TCP_OPTION_SACK, 0}, /* an MSS of one byte */
	    {"\2\6\5\xb4\0\0\4\2", 8, TCP_OPTION_SACK, 0},
	    {"\2\4\5\xb4\0\4\2", 7, TCP_OPTION_MSS, 1460}, /* behind the end */
	    {"\1\1\1\1", 4, 0, 0},
	    {"\x1e\4zz\4\2", 6, TCP_OPTION_SACK, 0}, /* one that we do not know */
	    {"\x1e\xff\4\2", 4, 0, 0},
	    {"\2\4\5\xb4\2\4\2\0", 8, TCP_OPTION_MSS, 512}, /* twice: the last */
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint16_t mss = 9;

		must_eq_in(i,
		    tcp_options_read((const uint8_t *)rows[i].bytes, rows[i].len, &mss),
		    rows[i].found);
		must_eq_in(i, mss, rows[i].mss);
	}
}
END_TEST

/* Any bytes: no more is read than is there (a sanitizer looks on). */
START_TEST(noise)
{
	struct rng rng = {.state = 20261122};

	for (int turn = 0; turn < 20000; turn++) {
		size_t len = rng_below(&rng, TCP_OPTIONS_ROOM + 1);
		uint8_t *bytes = malloc(len + 1);
		uint16_t mss;

		for (size_t i = 0; i < len; i++)
			bytes[i] = (uint8_t)rng_below(&rng, i % 2 == 0 ? 9 : 256);
		memmove(bytes + 1, bytes, len);
		must(tcp_options_read(bytes + 1, len, &mss) < TCP_OPTIONS_END);
		free(bytes);
	}
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {written_and_read, .loops = COUNT_OF(cases)},
	    {default_mss},
	    {default_mss},
	    {all},
	    {hostile},
	    {noise},
	};

	return test_main("tcp_options", tests, COUNT_OF(tests));
}
