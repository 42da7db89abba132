#include "prober/transports/errqueue.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "common/clock.h"
#include "prober/extension.h"

static void
read_error(const struct cmsghdr *c, struct ancillary *a)
{
	size_t len = c->cmsg_len - CMSG_LEN(0);
	const uint8_t *data = CMSG_DATA(c);

	if (len < sizeof(a->error))
		return;
	memcpy(&a->error, data, sizeof(a->error));
	a->has_error = true;
	/* The offender's address follows (SO_EE_OFFENDER), if it is known. */
	data += sizeof(a->error);
	len -= sizeof(a->error);
	if (len >= sizeof(struct sockaddr_in)) {
		struct sockaddr_storage ss = {0};

		memcpy(&ss, data, len < sizeof(ss) ? len : sizeof(ss));
		(void)addr_from_sockaddr(
		    (struct sockaddr *)&ss, len, &a->offender, NULL);
	}
}

/* A small number that the kernel hands out as an int or, for IP_TOS, as one byte. */
static int16_t
read_small(const struct cmsghdr *c)
{
	int value = 0;
	uint8_t byte;

	if (c->cmsg_len >= CMSG_LEN(sizeof(value))) {
		memcpy(&value, CMSG_DATA(c), sizeof(value));
		return (int16_t)(value & 0xff);
	}
	if (c->cmsg_len < CMSG_LEN(1))
		return -1;
	memcpy(&byte, CMSG_DATA(c), 1);
	return byte;
}

static void
read_socket_level(const struct cmsghdr *c, struct ancillary *a)
{
	struct timespec stamp;

	if (c->cmsg_type == SO_TIMESTAMPING && c->cmsg_len >= CMSG_LEN(sizeof(stamp))) {
		memcpy(&stamp, CMSG_DATA(c), sizeof(stamp));
		a->stamp = clock_from_timespec(&stamp);
	} else if (c->cmsg_type == SO_RXQ_OVFL && c->cmsg_len >= CMSG_LEN(4)) {
		memcpy(&a->dropped, CMSG_DATA(c), 4);
		a->dropped_known = true;
	}
}

void
ancillary_read(struct msghdr *m, struct ancillary *a)
{
	*a = (struct ancillary){.ttl = -1, .tos = -1};
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		bool v4 = c->cmsg_level == IPPROTO_IP;
		bool v6 = c->cmsg_level == IPPROTO_IPV6;

		if (c->cmsg_level == SOL_SOCKET)
			read_socket_level(c, a);
		else if ((v4 && c->cmsg_type == IP_RECVERR) ||
			 (v6 && c->cmsg_type == IPV6_RECVERR))
			read_error(c, a);
		else if ((v4 && c->cmsg_type == IP_TTL) ||
			 (v6 && c->cmsg_type == IPV6_HOPLIMIT))
			a->ttl = read_small(c);
		else if ((v4 && c->cmsg_type == IP_TOS) ||
			 (v6 && c->cmsg_type == IPV6_TCLASS))
			a->tos = read_small(c);
	}
}

bool
ancillary_is_icmp(const struct ancillary *a)
{
	return a->has_error && (a->error.ee_origin == SO_EE_ORIGIN_ICMP ||
				   a->error.ee_origin == SO_EE_ORIGIN_ICMP6);
}

/*
 * Where the extension structure is: the kernel tells (RFC 4884); routers from before
 * that put it behind 128 bytes of quoted packet. Cuts the quote there.
 */
static void
find_extension(
    const struct endpoint *e, struct reply *r, const struct sock_extended_err *error)
{
	size_t len = r->quote_len;
	size_t at = error->ee_rfc4884.len;
	/* Whether it is well formed is for extension_parse to say. */
	bool said = at != 0 && at < len;
	const uint8_t *quote = r->image + r->quote_at;
	/* IP header and eight bytes are quoted by every router (RFC 792). */
	size_t always = pattern_layer_offset(e->pattern, 1) + 8;

	if (!said) {
		at = 128 - r->quote_at;
		if (at >= len || !extension_looks_real(quote + at, len - at))
			return;
	}
	r->extension = quote + at;
	r->extension_len = len - at;
	/* Zeros before it may be padding that was never in the probe. */
	while (at > 0 && r->quote_at + at > always && quote[at - 1] == 0)
		at--;
	r->quote_len = at;
}

void
errqueue_reply(struct reply *r, struct endpoint *e, const struct ancillary *a,
    const uint8_t *image, size_t len)
{
	const struct sock_extended_err *error = &a->error;

	*r = (struct reply){
	    .endpoint = e,
	    .ttl = a->ttl,
	    .ip_id = -1,
	    .tos = a->tos,
	    .received = a->stamp != 0 ? a->stamp : clock_realtime(),
	    .received_here = a->stamp == 0,
	    .from = a->offender,
	    .icmp_type = error->ee_type,
	    .icmp_code = error->ee_code,
	    .mtu = error->ee_errno == EMSGSIZE ? error->ee_info : 0,
	    .kind = reply_kind_of_error(
		e->key.source.family, error->ee_type, error->ee_code),
	    .image = image,
	    .quote_at = pattern_layer_offset(e->pattern, e->transport->quote_layer),
	    .quote_len = len,
	};
	find_extension(e, r, error);
}
