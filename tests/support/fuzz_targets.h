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

/* prober/tree: an odd first byte says IPv6; the packet follows. */
fuzz_target fuzz_tree;

/* prober/extension: the extension structure. */
fuzz_target fuzz_extension;

struct fuzz_entry {
	const char *name; /* of its folder in tests/fuzz/corpus/ */
	fuzz_target *target;
};

/* All of them; the last one's name is NULL. */
extern const struct fuzz_entry fuzz_table[];

#endif
