/*
 * ICMP extensions: the structure of RFC 4884 section 7, MPLS label stacks of RFC 4950,
 * interfaces of RFC 5837. Parses hostile bytes into a result record; used by the prober
 * only.
 */
#ifndef PROBER_EXTENSION_H
#define PROBER_EXTENSION_H

#include <stddef.h>
#include <stdint.h>

#include "common/prober_messages.h"

/*
 * Reads the extension structure into out's mpls and objects. Returns 0, or -EBADMSG
 * when it is malformed (version, checksum, an object's length); then out has none of
 * it. More labels or objects than the record has room for are left out. An interface
 * that is not as RFC 5837 has it is an object like others.
 */
int extension_parse(const uint8_t *bytes, size_t len, struct prober_result *out);

/*
 * Whether an extension structure starts at bytes: version 2 and a right checksum that
 * is not 0. For routers from before RFC 4884, which put one behind 128 quoted bytes and
 * do not say so (section 5.5).
 */
int extension_looks_real(const uint8_t *bytes, size_t len);

#endif
