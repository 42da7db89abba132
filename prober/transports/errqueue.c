#include "prober/transports/errqueue.h"

#include <errno.h>

#include "common/clock.h"
#include "prober/extension.h"

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
