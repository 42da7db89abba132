/*
 * Reads what is wanted from a DNS answer (RFC 1035 section 4). Part of paris-names. It
 * is our own reader because c-ares turns away every name that is not a host name, while
 * a traceroute shows what a router calls itself, whatever the bytes; they are hostile.
 */
#ifndef TOOLS_NAMES_ANSWER_H
#define TOOLS_NAMES_ANSWER_H

#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/names_messages.h"

/*
 * The target of the first PTR record, whoever owns it (RFC 2317 puts CNAMEs before it),
 * as text without a dot at its end; bytes are as they came. Returns NAMES_OK,
 * NAMES_NOT_FOUND (no PTR, or the root as a name), or NAMES_FAILED for a malformed
 * answer or a NUL inside the name.
 */
enum names_status answer_name(
    const uint8_t *data, size_t len, char name[NAMES_NAME_MAX + 1]);

/*
 * The addresses in the A (AF_INET) or AAAA (AF_INET6) records, in the answer's order,
 * at most room; *count is set. Returns as answer_name does.
 */
enum names_status answer_addrs(const uint8_t *data, size_t len, uint32_t family,
    struct addr *out, size_t room, size_t *count);

/*
 * Calls `take` with each TXT record as one text, its strings joined, whoever owns it;
 * what is longer than ANSWER_TEXT_MAX is cut, and one with a NUL inside is left out.
 * Returns as answer_name does; after NAMES_FAILED `take` may have been called.
 */
#define ANSWER_TEXT_MAX 512
enum names_status answer_texts(const uint8_t *data, size_t len,
    void (*take)(void *context, const char *text), void *context);

#endif
