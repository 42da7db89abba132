/* privsep/match: whose an answer is. What is not surely ours is nobody's. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "privsep/privsep.h"
#include "tests/support/packets.h"
#include "tests/support/testing.h"

/*
 * The packets of tests/support/packets go from made_src to made_dst: probes of ours as
 * they are, answers with their ends exchanged here.
 */
enum { UDP4, UDP6, TCP4, TCP6, ECHO4, ECHO6, ANY4, ANY6, RESERVED_COUNT };
#define PORT(id) ((uint16_t)(40000 + (id)))
#define PEER 443
#define SEQUENCE 77
#define CHECKSUM 0x1234

static struct matcher m; /* static: it is large */
static const uint8_t nonce[PRIVSEP_NONCE_LEN] = {1, 2, 3, 4, 5, 6};

static struct addr
near_addr(uint32_t family)
{
	return addr_from_bytes(family, family == AF_INET ? made_src4 : made_src6);
}

static struct addr
far_addr(uint32_t family)
{
	return addr_from_bytes(family, family == AF_INET ? made_dst4 : made_dst6);
}

static struct addr
router_addr(uint32_t family)
{
	struct addr a = far_addr(family);

	a.bytes[3] ^= 1;
	return a;
}

static uint32_t
family_of(int id)
{
	return id % 2 == 0 ? AF_INET : AF_INET6;
}

static void
note(int id, uint16_t peer, uint16_t checksum)
{
	const struct privsep_send p = {.id = (uint8_t)id,
	    .destination = far_addr(family_of(id)),
	    .port = peer,
	    .checksum = checksum};

	match_note(&m, &p);
}

static void
set_up(void)
{
	memset(&m, 0, sizeof(m));
	memcpy(m.nonce, nonce, sizeof(nonce));
	m.second = 1000;
	for (int id = 0; id < RESERVED_COUNT; id++) {
		struct privsep_reserve *r = &m.reservations[id].asked;

		r->id = (uint8_t)id;
		r->family = family_of(id);
		r->port = PORT(id);
		r->protocol = id <= UDP6 || id >= ANY4 ? IPPROTO_UDP
			      : id <= TCP6             ? IPPROTO_TCP
			      : id == ECHO4            ? IPPROTO_ICMP
						       : IPPROTO_ICMPV6;
		if (id < ANY4)
			r->source = near_addr(r->family);
	}
	note(TCP4, PEER, 0);
	note(TCP6, PEER, 0);
	note(ECHO4, SEQUENCE, CHECKSUM);
	note(ECHO6, SEQUENCE, CHECKSUM);
}

static void
put_ip(struct made *made, uint32_t family, uint8_t protocol)
{
	if (family == AF_INET)
		made_ipv4(made, protocol, 1);
	else
		made_ipv6(made, protocol, 1);
}

/* Exchanges source and destination of the outermost IP header. */
static void
turn_round(struct made *made, uint32_t family)
{
	size_t len = addr_family_len(family);
	uint8_t *src = made_bytes(made) + (family == AF_INET ? 12 : 8);
	uint8_t kept[16];

	memcpy(kept, src, len);
	memmove(src, src + len, len);
	memcpy(src + len, kept, len);
}

/* What the socket shows: IPv6 without its header. Returns the id, or -1. */
static int
arrives(struct made *made, uint32_t family, bool tcp, const struct addr *from,
    uint8_t *answer)
{
	struct privsep_reply reply = {0};
	struct arrival a = {.from = *from, .received = 5000};
	size_t skipped = family == AF_INET ? 0 : 40;
	uint8_t *bytes;
	bool ours;

	a.told.to = near_addr(family);
	a.told.interface = 3;
	a.len = made->len - skipped;
	bytes = exact_copy(made_bytes(made) + skipped, a.len);
	a.bytes = bytes;
	ours = match_arrival(&m, tcp, &a, &reply);
	free(bytes);
	*answer = ours ? reply.answer : 0;
	return ours ? reply.id : -1;
}

/* ---- errors ---------------------------------------------------------------------- */

/* How the quote of an error differs from our probe. */
struct quote {
	uint16_t port;
	uint16_t peer;
	uint8_t protocol;
	size_t cut; /* bytes that are missing at its end */
	bool other_source;
	bool fragment;
	bool other_checksum;
	bool other_nonce;
	bool padded;
	bool reply;      /* of ICMP: an echo reply, not a request */
	uint8_t options; /* words of IPv4 options */
};

static void
put_quote(struct made *made, uint32_t family, const struct quote *q)
{
	bool v4 = family == AF_INET;
	uint8_t *ip;

	if (q->protocol == IPPROTO_UDP) {
		made_udp(made, q->port, q->peer);
	} else if (q->protocol == IPPROTO_TCP) {
		made_tcp(made, q->port, q->peer, 5);
	} else {
		uint8_t payload[8] = {0, 0, 1, 2, 3, 4, 5, 6};

		if (q->other_nonce)
			payload[7] ^= 1;
		if (q->padded)
			memset(payload, 0, sizeof(payload));
		made_put(made, payload, sizeof(payload));
		made_icmp(made,
		    (uint8_t)((v4 ? 8 : 128) + (q->reply ? (v4 ? -8 : 1) : 0)), 0,
		    (uint32_t)q->port << 16 | q->peer);
		made_bytes(made)[2] = CHECKSUM >> 8;
		made_bytes(made)[3] =
		    (uint8_t)((CHECKSUM & 0xff) ^ (q->other_checksum ? 1 : 0));
	}
	if (q->options != 0)
		made_put(made, NULL, q->options * 4u);
	put_ip(made, family, q->protocol);
	ip = made_bytes(made);
	if (q->options != 0)
		ip[0] = (uint8_t)(0x45 + q->options);
	if (q->other_source)
		ip[v4 ? 15 : 23] ^= 1;
	if (q->fragment)
		ip[7] = 1;
}

static int
error_arrives(uint32_t family, const struct quote *q, uint8_t *answer)
{
	bool v4 = family == AF_INET;
	struct addr from = router_addr(family);
	struct made made;

	made_init(&made);
	put_quote(&made, family, q);
	made.len -= q->cut;
	memmove(made.room + sizeof(made.room) - made.len,
	    made.room + sizeof(made.room) - made.len - q->cut, made.len);
	made_icmp(&made, v4 ? 11 : 3, 0, 0);
	put_ip(&made, family, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	turn_round(&made, family);
	return arrives(&made, family, false, &from, answer);
}

/* The shortest quotes that are enough, and what is in them. */
static const struct {
	struct quote quote;
	int id[2]; /* over IPv4 and IPv6; -1: nobody's */
} errors[] = {
    {{PORT(UDP4), PEER, IPPROTO_UDP}, {UDP4, -1}},
    {{PORT(UDP6), PEER, IPPROTO_UDP}, {-1, UDP6}},
    {{PORT(UDP4), 1, IPPROTO_UDP}, {UDP4, -1}},
    {{PORT(UDP4), PEER, IPPROTO_UDP, .cut = 6}, {UDP4, -1}},
    {{PORT(UDP4), PEER, IPPROTO_UDP, .cut = 7}, {-1, -1}},
    {{PORT(UDP4), PEER, IPPROTO_UDP, .cut = 9}, {-1, -1}},
    {{PORT(UDP4), PEER, IPPROTO_UDP, .other_source = true}, {-1, -1}},
    {{PORT(ANY4), PEER, IPPROTO_UDP, .other_source = true}, {ANY4, -1}},
    {{PORT(ANY6), PEER, IPPROTO_UDP, .other_source = true}, {-1, ANY6}},
    {{PORT(UDP4), PEER, IPPROTO_UDP, .options = 3}, {UDP4, -1}},
    {{PORT(UDP4), PEER, IPPROTO_TCP}, {-1, -1}},
    {{PORT(TCP4), PEER, IPPROTO_UDP}, {-1, -1}},
    {{PORT(TCP4), PEER, IPPROTO_TCP}, {TCP4, -1}},
    {{PORT(TCP6), 1, IPPROTO_TCP, .cut = 12}, {-1, TCP6}},
    {{PEER, PORT(UDP4), IPPROTO_UDP}, {-1, -1}},
    {{PORT(ECHO4), SEQUENCE, IPPROTO_ICMP}, {ECHO4, -1}},
    {{PORT(ECHO6), SEQUENCE, IPPROTO_ICMPV6}, {-1, ECHO6}},
    {{PORT(ECHO4), SEQUENCE + 1, IPPROTO_ICMP}, {-1, -1}},
    {{PORT(ECHO4) + 1, SEQUENCE, IPPROTO_ICMP}, {-1, -1}},
    {{PORT(ECHO4), SEQUENCE, IPPROTO_ICMP, .reply = true}, {-1, -1}},
    {{PORT(ECHO6), SEQUENCE, IPPROTO_ICMPV6, .reply = true}, {-1, -1}},
    /* Without the payload the checksum has to be ours, with it the nonce. */
    {{PORT(ECHO4), SEQUENCE, IPPROTO_ICMP, .cut = 8}, {ECHO4, -1}},
    {{PORT(ECHO4), SEQUENCE, IPPROTO_ICMP, .cut = 9}, {-1, -1}},
    {{PORT(ECHO4), SEQUENCE, IPPROTO_ICMP, .cut = 8, .other_checksum = true}, {-1, -1}},
    {{PORT(ECHO4), SEQUENCE, IPPROTO_ICMP, .other_checksum = true}, {ECHO4, -1}},
    {{PORT(ECHO4), SEQUENCE, IPPROTO_ICMP, .other_nonce = true}, {-1, -1}},
    {{PORT(ECHO4), SEQUENCE, IPPROTO_ICMP, .padded = true}, {ECHO4, -1}},
    {{PORT(ECHO4), SEQUENCE, IPPROTO_ICMP, .padded = true, .other_checksum = true},
	{-1, -1}},
};

START_TEST(error_messages)
{
	uint8_t answer;

	set_up();
	for (int i = 0; i < 2; i++) {
		uint32_t family = i == 0 ? AF_INET : AF_INET6;

		if (i == 1 && errors[_i].quote.options != 0)
			continue;
		must_eq(error_arrives(family, &errors[_i].quote, &answer),
		    errors[_i].id[i]);
		must_eq(answer, errors[_i].id[i] < 0 ? 0 : PRIVSEP_ERROR);
	}
}
END_TEST

START_TEST(fragments)
{
	const struct quote q = {
	    .port = PORT(UDP4), .protocol = IPPROTO_UDP, .fragment = true};
	uint8_t answer;

	set_up();
	ck_assert_int_eq(error_arrives(AF_INET, &q, &answer), -1);
}
END_TEST

/* A link-local source is that of one link only. */
START_TEST(link_local)
{
	static const uint8_t local[16] = {0xfe, 0x80, [15] = 9};
	struct quote q = {.port = PORT(UDP6), .protocol = IPPROTO_UDP};
	struct addr from = router_addr(AF_INET6);
	uint8_t answer;
	struct made made;

	for (uint32_t scope = 2; scope < 5; scope++) {
		struct addr *source = &m.reservations[UDP6].asked.source;

		set_up();
		*source = addr_from_bytes(AF_INET6, local);
		source->scope = scope;
		made_init(&made);
		put_quote(&made, AF_INET6, &q);
		memcpy(made_bytes(&made) + 8, local, sizeof(local));
		made_icmp(&made, 3, 0, 0);
		put_ip(&made, AF_INET6, IPPROTO_ICMPV6);
		must_eq(arrives(&made, AF_INET6, false, &from, &answer),
		    scope == 3 ? UDP6 : -1);
	}
}
END_TEST

/* ---- echo replies ---------------------------------------------------------------- */

struct reply {
	uint16_t identifier, sequence;
	size_t payload;
	bool other_nonce, other_host;
	bool request;  /* not a reply at all */
	bool checksum; /* the probe's */
	int id;
};

static const struct reply replies[] = {
    {PORT(ECHO4), SEQUENCE, 8, .id = ECHO4},
    {PORT(ECHO4), SEQUENCE, 64, .id = ECHO4},
    {PORT(ECHO4), SEQUENCE, 7, .id = -1},
    {PORT(ECHO4), SEQUENCE, 0, .id = -1},
    {PORT(ECHO4), SEQUENCE, 7, .checksum = true, .id = -1},
    {PORT(ECHO4), SEQUENCE, 0, .checksum = true, .id = -1},
    {PORT(ECHO4), SEQUENCE, 8, .other_nonce = true, .id = -1},
    {PORT(ECHO4), SEQUENCE, 8, .other_host = true, .id = -1},
    {PORT(ECHO4), SEQUENCE + 1, 8, .id = -1},
    {PORT(UDP4), SEQUENCE, 8, .id = -1},
    {PORT(ECHO4), SEQUENCE, 8, .request = true, .id = -1},
};

START_TEST(echo_replies)
{
	const struct reply *t = &replies[_i];
	uint8_t payload[64] = {0, 0, 1, 2, 3, 4, 5, 6};

	set_up();
	payload[4] ^= t->other_nonce;
	for (int i = 0; i < 2; i++) {
		bool v4 = i == 0;
		uint32_t family = v4 ? AF_INET : AF_INET6;
		struct addr from =
		    t->other_host ? router_addr(family) : far_addr(family);
		uint16_t identifier = t->identifier;
		struct made made;
		uint8_t answer;
		uint8_t type = v4 ? 0 : 129;

		if (identifier == PORT(ECHO4))
			identifier = PORT(ECHO4 + i);
		if (t->request)
			type = v4 ? 8 : 128;
		made_init(&made);
		made_put(&made, payload, t->payload);
		made_icmp(&made, type, 0, (uint32_t)identifier << 16 | t->sequence);
		if (t->checksum)
			memcpy(made_bytes(&made) + 2, "\x12\x34", 2);
		put_ip(&made, family, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
		turn_round(&made, family);
		if (v4)
			memcpy(made_bytes(&made) + 12, from.bytes, 4);
		must_eq(arrives(&made, family, false, &from, &answer),
		    t->id < 0 ? -1 : t->id + i);
		must_eq(answer, t->id < 0 ? 0 : PRIVSEP_ECHO_REPLY);
	}
}
END_TEST

/* ---- TCP ------------------------------------------------------------------------- */

START_TEST(segments)
{
	static const struct {
		uint16_t from_port, to_port;
		bool other_host, other_address;
		size_t cut;
		int id;
	} cases[] = {
	    {PEER, PORT(TCP4), .id = TCP4},
	    {PEER, PORT(TCP4), .cut = 16, .id = TCP4},
	    {PEER, PORT(TCP4), .cut = 17, .id = -1},
	    {PEER + 1, PORT(TCP4), .id = -1},
	    {PEER, PORT(TCP4) + 2, .id = -1},
	    {PEER, PORT(TCP4), .other_host = true, .id = -1},
	    {PORT(TCP4), PEER, .id = -1},
	};

	set_up();
	for (size_t k = 0; k < COUNT_OF(cases); k++)
		for (int i = 0; i < 2; i++) {
			uint32_t family = family_of(i);
			struct addr from = cases[k].other_host ? router_addr(family)
							       : far_addr(family);
			uint16_t to = (uint16_t)(cases[k].to_port + i);
			struct made made;
			uint8_t answer;

			made_init(&made);
			made_tcp(&made, cases[k].from_port, to, 1);
			put_ip(&made, family, IPPROTO_TCP);
			turn_round(&made, family);
			if (i == 0)
				memcpy(made_bytes(&made) + 12, from.bytes, 4);
			made.len -= cases[k].cut;
			memmove(made.room + sizeof(made.room) - made.len,
			    made.room + sizeof(made.room) - made.len - cases[k].cut,
			    made.len);
			must_eq_in(k, arrives(&made, family, true, &from, &answer),
			    cases[k].id < 0 ? -1 : cases[k].id + i);
			must_eq_in(k, answer, cases[k].id < 0 ? 0 : PRIVSEP_SEGMENT);
		}
}
END_TEST

/* ---- the memory of probes -------------------------------------------------------- */

static int
echo_known(uint16_t sequence)
{
	const struct quote q = {PORT(ECHO4), sequence, IPPROTO_ICMP};
	uint8_t answer;

	return error_arrives(AF_INET, &q, &answer);
}

START_TEST(probes_are_forgotten_in_time)
{
	set_up();
	m.second += PRIVSEP_ANSWER_SECONDS;
	ck_assert_int_eq(echo_known(SEQUENCE), ECHO4);
	m.second++;
	ck_assert_int_eq(echo_known(SEQUENCE), -1);
	note(ECHO4, SEQUENCE, CHECKSUM);
	ck_assert_int_eq(echo_known(SEQUENCE), ECHO4);
}
END_TEST

START_TEST(the_last_ones_are_remembered)
{
	set_up();
	for (uint32_t i = 0; i < PRIVSEP_REMEMBERED; i++)
		note(ECHO4, (uint16_t)(1000 + i), CHECKSUM);
	ck_assert_int_eq(echo_known(SEQUENCE), -1);
	for (uint32_t i = 0; i < PRIVSEP_REMEMBERED; i += 1021)
		must_eq(echo_known((uint16_t)(1000 + i)), ECHO4);
	note(ECHO4, 5, CHECKSUM);
	ck_assert_int_eq(echo_known(1000), -1);
	ck_assert_int_eq(echo_known(1001), ECHO4);
	ck_assert_int_eq(echo_known(5), ECHO4);
}
END_TEST

START_TEST(what_is_released_is_nobodys)
{
	set_up();
	m.reservations[ECHO4].asked.protocol = 0;
	ck_assert_int_eq(echo_known(SEQUENCE), -1);
}
END_TEST

/* A port given back may have been another's meanwhile: what we sent before is no proof.
 */
START_TEST(what_is_reserved_again_starts_anew)
{
	set_up();
	m.reservations[ECHO4].since = m.count;
	ck_assert_int_eq(echo_known(SEQUENCE), -1);
	note(ECHO4, SEQUENCE, CHECKSUM);
	ck_assert_int_eq(echo_known(SEQUENCE), ECHO4);
	set_up();
	m.reservations[ECHO4].bound = 5001;
	ck_assert_int_eq(echo_known(SEQUENCE), -1);
	m.reservations[ECHO4].bound = 5000;
	ck_assert_int_eq(echo_known(SEQUENCE), ECHO4);
	set_up();
	m.count = UINT32_MAX - 1;
	m.reservations[ECHO4].since = m.count;
	for (uint16_t i = 0; i < 4; i++)
		note(ECHO4, (uint16_t)(SEQUENCE + i), CHECKSUM);
	for (uint16_t i = 0; i < 4; i++)
		ck_assert_int_eq(echo_known((uint16_t)(SEQUENCE + i)), ECHO4);
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {{error_messages, COUNT_OF(errors)},
	    {fragments}, {link_local}, {echo_replies, COUNT_OF(replies)}, {segments},
	    {probes_are_forgotten_in_time}, {the_last_ones_are_remembered},
	    {what_is_released_is_nobodys}, {what_is_reserved_again_starts_anew}};

	return test_main("privsep_match", tests, COUNT_OF(tests));
}
