/*
 * IP addresses of both families as one small value, and their text and socket forms.
 * Every process uses it; it neither allocates nor asks the resolver.
 */
#ifndef COMMON_ADDR_H
#define COMMON_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Room for any address as text with a scope ("fe80::1%4294967295") and its NUL. */
#define ADDR_TEXT_MAX (INET6_ADDRSTRLEN + 12)

/*
 * An address. An all-zero struct is "no address" (family AF_UNSPEC). Bytes past the
 * family's length and the scope of an address that needs none are always zero, so two
 * equal addresses are equal byte by byte and the struct may be a hash key.
 */
struct addr {
	uint32_t family;   /* AF_UNSPEC, AF_INET or AF_INET6 */
	uint32_t scope;    /* interface index of a link-local IPv6 address, else 0 */
	uint8_t bytes[16]; /* network order; IPv4 uses the first four */
};

/* Number of address bytes of a family: 4, 16, or 0 for anything else. */
size_t addr_family_len(uint32_t family);

/* An address from a family and that family's number of bytes. */
struct addr addr_from_bytes(uint32_t family, const uint8_t *bytes);

/*
 * Parses a numeric address ("192.0.2.1", "2001:db8::1", "fe80::1%eth0").
 * Returns 0, or -EINVAL when text is not a numeric address (a host name, say).
 */
int addr_from_text(const char *text, struct addr *out);

/* Writes the numeric text of a into buf (ADDR_TEXT_MAX bytes) and returns buf. */
const char *addr_to_text(const struct addr *a, char *buf);

/*
 * Reads a socket address of len bytes, as the kernel returned it. port may be NULL;
 * it is set in host order. Returns 0, or -EAFNOSUPPORT for another family or a short
 * structure. A v4-mapped IPv6 address stays IPv6.
 */
int addr_from_sockaddr(
    const struct sockaddr *sa, size_t len, struct addr *out, uint16_t *port);

/* Fills ss for a and port (host order); returns the length to give the kernel. */
socklen_t addr_to_sockaddr(
    const struct addr *a, uint16_t port, struct sockaddr_storage *ss);

bool addr_equal(const struct addr *a, const struct addr *b);

/* True for "no address". */
bool addr_is_none(const struct addr *a);

/* True for fe80::/10 (RFC 4291 section 2.5.6): only these have a scope. */
bool addr_is_link_local(const struct addr *a);

/*
 * True for an address that one host can have: not unspecified, 0.0.0.0/8, multicast,
 * 255.255.255.255 or v4-mapped. Which are broadcasts of a subnet, only routes tell.
 */
bool addr_is_unicast(const struct addr *a);

/* True for 0.0.0.0 and ::, which no packet may be sent to. */
bool addr_is_unspecified(const struct addr *a);

#endif
