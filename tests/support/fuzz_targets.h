/*
 * What is fuzzed: each function reads hostile bytes with one parser and aborts when the
 * parser breaks its word. tests/fuzz/ makes libFuzzer programs of them; unit tests
 * replay the corpus through them and hand them packets of their own.
 */
#ifndef TESTS_SUPPORT_FUZZ_TARGETS_H
#define TESTS_SUPPORT_FUZZ_TARGETS_H

#include <stddef.h>
#include <stdint.h>

/* Of libFuzzer's kind: always 0. */
typedef int fuzz_target(const uint8_t *data, size_t size);

/* prober/tree: an odd first byte says IPv6; the packet follows, from its IP header on.
 */
fuzz_target fuzz_tree;

/*
 * prober/captured: as fuzz_tree; bit 1 of the first byte says that the checksum of an
 * ICMP message over IPv4 is put right.
 */
fuzz_target fuzz_captured;

/*
 * prober/captured and prober/store: input as for fuzz_captured, bit 3 says that it is
 * a datagram's payload; whose answer it is, among the probes of make_seeds.py and more.
 */
fuzz_target fuzz_replies;

/* prober/extension: the extension structure. */
fuzz_target fuzz_extension;

/* common/prober_messages, common/names_messages: the kind in the first byte, the body.
 */
fuzz_target fuzz_messages;

/* privsep/serve: the type of a request to the helper; its body follows. */
fuzz_target fuzz_privsep_request;

/*
 * privsep/match: bit 0 of the first byte says IPv6, bit 1 TCP; what a raw socket of
 * that kind shows follows.
 */
fuzz_target fuzz_privsep_match;

/* tools/names/mmdb: a MaxMind DB file, of which addresses are asked for. */
fuzz_target fuzz_mmdb;

/*
 * tools/names/origin, tools/names/answer: an even first byte says that a whois server's
 * answer follows, in pieces of half of that many bytes and one; an odd one a DNS
 * message with TXT records.
 */
fuzz_target fuzz_origin;

struct fuzz_entry {
	const char *name;
	const char *corpus; /* its folder in tests/fuzz/corpus/ */
	fuzz_target *target;
};

/* All of them; the last one's name is NULL. */
extern const struct fuzz_entry fuzz_table[];

#endif
