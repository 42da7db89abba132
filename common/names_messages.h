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
#define NAMES_AS_MAX 16       /* autonomous systems told of one address */

enum names_message {
	NAMES_CONFIGURE =
	    1,         /* tool: struct names_configure, once, before any question */
	NAMES_READY,   /* names: sandbox entered; empty body */
	NAMES_REVERSE, /* tool: struct names_reverse */
	NAMES_FORWARD, /* tool: struct names_forward */
	NAMES_NAME,    /* names: struct names_name, answers NAMES_REVERSE */
	NAMES_ADDRS,   /* names: struct names_addrs, answers NAMES_FORWARD */
	NAMES_WHOSE,   /* tool: struct names_reverse: whose address is it? */
	NAMES_ORIGIN,  /* names: struct names_origin, answers NAMES_WHOSE */
};

/* How a look-up ended. */
enum names_status {
	NAMES_OK = 0,
	NAMES_NOT_FOUND, /* the name or address does not exist, or has no such record */
	NAMES_TIMEOUT,   /* no server answered in time */
	NAMES_FAILED,    /* servers refused, malformed answers, no server configured */
};

/* Who knows the autonomous system (AS) of an address. */
enum names_source {
	NAMES_FROM_NOBODY = 0,
	NAMES_FROM_DATABASE, /* the file with NAMES_DATABASE_NUMBERS */
	NAMES_FROM_WHOIS,    /* an Internet Routing Registry */
	NAMES_FROM_DNS,      /* Team Cymru's zones, which know countries too */
};

/* Files that paris-names finds open at MESSAGE_CHILD_FD + 1 and on, in this order. */
enum names_databases {
	NAMES_DATABASE_NUMBERS = 1, /* AS numbers and perhaps countries */
	NAMES_DATABASE_COUNTRIES = 2,
};

struct names_configure {
	/* "192.0.2.1:5353,[2001:db8::1]:53"; empty: the system's (resolv.conf) */
	char servers[NAMES_SERVERS_MAX + 1];
	uint32_t timeout_ms; /* whole look-up, all tries and servers; 1 to 60000 */
	uint8_t as_source;   /* enum names_source */
	uint8_t as_names;    /* 1: look up names of AS where they take more questions */
	uint8_t databases;   /* enum names_databases; the last has the countries */
	uint16_t whois_port; /* not 0 with NAMES_FROM_WHOIS */
	char whois_server[NAMES_NAME_MAX + 1]; /* a name or address; likewise */
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

struct names_origin {
	uint32_t question;
	uint8_t status; /* of the AS; a country may come with any */
	uint8_t count;  /* AS numbers, more than one where several announce a prefix */
	uint32_t numbers[NAMES_AS_MAX];
	char country[3];                  /* two capital letters, or empty */
	char as_name[NAMES_NAME_MAX + 1]; /* of the first AS, or empty; any bytes */
};

/*
 * Each pair writes and reads one body. pack: the writer fails when there is no room,
 * which cannot happen with MESSAGE_BODY_MAX bytes. unpack returns 0, or -EBADMSG for a
 * wrong size, a NUL inside a string, an unknown family, status or source, a count out
 * of range, no address, name or server where one must be, or one in an answer that is
 * not NAMES_OK; for a country that is no two letters, and a NAMES_OK that tells
 * nothing.
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
void names_origin_pack(const struct names_origin *m, struct writer *w);
int names_origin_unpack(struct names_origin *m, struct reader *r);

#endif
