/*
 * What a tool and its paris-names process say to each other: the body of each message
 * and its bounds. The tool asks, paris-names answers each question exactly once, in any
 * order. All names come from the network: they are hostile bytes until
 * tools/shared/escape.h has seen them.
 */
#ifndef COMMON_NAMES_MESSAGES_H
#define COMMON_NAMES_MESSAGES_H

#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/bytes.h"

#define NAMES_NAME_MAX 255    /* bytes of a host name (RFC 1035 section 2.3.4) */
#define NAMES_ADDRS_MAX 16    /* addresses returned for one name */
#define NAMES_SERVERS_MAX 255 /* bytes of a server list */

enum names_message {
	NAMES_CONFIGURE =
	    1,         /* tool: struct names_configure, once, before any question */
	NAMES_READY,   /* names: sandbox entered; empty body */
	NAMES_REVERSE, /* tool: struct names_reverse */
	NAMES_FORWARD, /* tool: struct names_forward */
	NAMES_NAME,    /* names: struct names_name, answers NAMES_REVERSE */
	NAMES_ADDRS,   /* names: struct names_addrs, answers NAMES_FORWARD */
};

/* How a look-up ended. */
enum names_status {
	NAMES_OK = 0,
	NAMES_NOT_FOUND, /* the name or address does not exist, or has no such record */
	NAMES_TIMEOUT,   /* no server answered in time */
	NAMES_FAILED,    /* servers refused, malformed answers, no server configured */
};

struct names_configure {
	/* "192.0.2.1:5353,[2001:db8::1]:53"; empty: the system's (resolv.conf) */
	char servers[NAMES_SERVERS_MAX + 1];
	uint32_t timeout_ms; /* whole look-up, all tries and servers; 1 to 60000 */
};

struct names_reverse {
	uint32_t question; /* chosen by the tool, returned with the answer */
	struct addr addr;
};

struct names_forward {
	uint32_t question;
	uint32_t family; /* AF_INET, AF_INET6 or AF_UNSPEC (both) */
	char name[NAMES_NAME_MAX + 1];
};

struct names_name {
	uint32_t question;
	uint8_t status;                /* enum names_status */
	char name[NAMES_NAME_MAX + 1]; /* no NUL inside; may hold any other byte */
};

struct names_addrs {
	uint32_t question;
	uint8_t status;
	uint8_t count;
	struct addr addrs[NAMES_ADDRS_MAX];
};

/*
 * Each pair writes and reads one body. pack: the writer fails when there is no room,
 * which cannot happen with MESSAGE_BODY_MAX bytes. unpack returns 0, or -EBADMSG for a
 * wrong size, a NUL inside a string, an unknown family or status, a count out of range,
 * no address or name where one must be, or one in an answer that is not NAMES_OK.
 */
void names_configure_pack(const struct names_configure *m, struct writer *w);
int names_configure_unpack(struct names_configure *m, struct reader *r);
void names_reverse_pack(const struct names_reverse *m, struct writer *w);
int names_reverse_unpack(struct names_reverse *m, struct reader *r);
void names_forward_pack(const struct names_forward *m, struct writer *w);
int names_forward_unpack(struct names_forward *m, struct reader *r);
void names_name_pack(const struct names_name *m, struct writer *w);
int names_name_unpack(struct names_name *m, struct reader *r);
void names_addrs_pack(const struct names_addrs *m, struct writer *w);
int names_addrs_unpack(struct names_addrs *m, struct reader *r);

#endif
