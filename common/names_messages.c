#include "common/names_messages.h"

#include <errno.h>
#include <stdbool.h>

#include "common/wire.h"

#define TIMEOUT_MS_MAX 60000

/* An address family on the wire: u8, 0 for both, 4 or 6. */
static void
family_write(struct writer *w, uint32_t family)
{
	writer_u8(w, family == AF_INET ? 4 : family == AF_INET6 ? 6 : 0);
}

static uint32_t
family_read(struct reader *r)
{
	switch (reader_u8(r)) {
	case 0:
		return AF_UNSPEC;
	case 4:
		return AF_INET;
	case 6:
		return AF_INET6;
	default:
		r->failed = true;
		return AF_UNSPEC;
	}
}

/* An address that must be one. */
static void
real_addr_read(struct reader *r, struct addr *out)
{
	wire_addr_read(r, out);
	if (addr_is_none(out))
		r->failed = true;
}

static uint8_t
status_read(struct reader *r)
{
	uint8_t status = reader_u8(r);

	if (status > NAMES_FAILED)
		r->failed = true;
	return status;
}

void
names_configure_pack(const struct names_configure *m, struct writer *w)
{
	wire_text_write(w, m->servers);
	writer_u32(w, m->timeout_ms);
	writer_u8(w, m->as_source);
	writer_u8(w, m->as_names);
	writer_u8(w, m->databases);
	writer_u16(w, m->whois_port);
	wire_text_write(w, m->whois_server);
}

/* What is told of the source of AS numbers. */
static bool
source_makes_sense(const struct names_configure *m)
{
	if (m->as_source > NAMES_FROM_DNS || m->as_names > 1 ||
	    m->databases > (NAMES_DATABASE_NUMBERS | NAMES_DATABASE_COUNTRIES))
		return false;
	if (m->as_source == NAMES_FROM_WHOIS)
		return m->whois_port != 0 && m->whois_server[0] != '\0';
	return m->as_source != NAMES_FROM_DATABASE ||
	       (m->databases & NAMES_DATABASE_NUMBERS) != 0;
}

int
names_configure_unpack(struct names_configure *m, struct reader *r)
{
	wire_text_read(r, m->servers, sizeof(m->servers));
	m->timeout_ms = reader_u32(r);
	m->as_source = reader_u8(r);
	m->as_names = reader_u8(r);
	m->databases = reader_u8(r);
	m->whois_port = reader_u16(r);
	wire_text_read(r, m->whois_server, sizeof(m->whois_server));
	if (m->timeout_ms == 0 || m->timeout_ms > TIMEOUT_MS_MAX ||
	    !source_makes_sense(m))
		return -EBADMSG;
	return reader_finish(r);
}

void
names_reverse_pack(const struct names_reverse *m, struct writer *w)
{
	writer_u32(w, m->question);
	wire_addr_write(w, &m->addr);
}

int
names_reverse_unpack(struct names_reverse *m, struct reader *r)
{
	m->question = reader_u32(r);
	real_addr_read(r, &m->addr);
	return reader_finish(r);
}

void
names_forward_pack(const struct names_forward *m, struct writer *w)
{
	writer_u32(w, m->question);
	family_write(w, m->family);
	wire_text_write(w, m->name);
}

int
names_forward_unpack(struct names_forward *m, struct reader *r)
{
	m->question = reader_u32(r);
	m->family = family_read(r);
	wire_text_read(r, m->name, sizeof(m->name));
	if (m->name[0] == '\0')
		return -EBADMSG;
	return reader_finish(r);
}

void
names_name_pack(const struct names_name *m, struct writer *w)
{
	writer_u32(w, m->question);
	writer_u8(w, m->status);
	wire_text_write(w, m->name);
}

int
names_name_unpack(struct names_name *m, struct reader *r)
{
	m->question = reader_u32(r);
	m->status = status_read(r);
	wire_text_read(r, m->name, sizeof(m->name));
	if ((m->status == NAMES_OK) != (m->name[0] != '\0'))
		return -EBADMSG;
	return reader_finish(r);
}

void
names_addrs_pack(const struct names_addrs *m, struct writer *w)
{
	writer_u32(w, m->question);
	writer_u8(w, m->status);
	writer_u8(w, m->count);
	for (size_t i = 0; i < m->count && i < NAMES_ADDRS_MAX; i++)
		wire_addr_write(w, &m->addrs[i]);
}

int
names_addrs_unpack(struct names_addrs *m, struct reader *r)
{
	*m = (struct names_addrs){0};
	m->question = reader_u32(r);
	m->status = status_read(r);
	m->count = reader_u8(r);
	if (m->count > NAMES_ADDRS_MAX || (m->status == NAMES_OK) != (m->count != 0))
		return -EBADMSG;
	for (size_t i = 0; i < m->count; i++)
		real_addr_read(r, &m->addrs[i]);
	return reader_finish(r);
}

static bool
is_capital(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool
country_makes_sense(const char *country)
{
	return country[0] == '\0' ||
	       (is_capital(country[0]) && is_capital(country[1]) && country[2] == '\0');
}

void
names_origin_pack(const struct names_origin *m, struct writer *w)
{
	writer_u32(w, m->question);
	writer_u8(w, m->status);
	writer_u8(w, m->count);
	for (size_t i = 0; i < m->count && i < NAMES_AS_MAX; i++)
		writer_u32(w, m->numbers[i]);
	wire_text_write(w, m->country);
	wire_text_write(w, m->as_name);
}

int
names_origin_unpack(struct names_origin *m, struct reader *r)
{
	*m = (struct names_origin){0};
	m->question = reader_u32(r);
	m->status = status_read(r);
	m->count = reader_u8(r);
	if (m->count > NAMES_AS_MAX)
		return -EBADMSG;
	for (size_t i = 0; i < m->count; i++)
		m->numbers[i] = reader_u32(r);
	wire_text_read(r, m->country, sizeof(m->country));
	wire_text_read(r, m->as_name, sizeof(m->as_name));
	if (!country_makes_sense(m->country) ||
	    (m->count != 0 && m->status != NAMES_OK) ||
	    (m->count == 0 && m->as_name[0] != '\0') ||
	    (m->status == NAMES_OK && m->count == 0 && m->country[0] == '\0'))
		return -EBADMSG;
	return reader_finish(r);
}
