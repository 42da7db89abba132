#include "tools/shared/extension_text.h"

#include <stdio.h>
#include <string.h>

#include "common/bytes.h"
#include "tools/shared/append.h"
#include "tools/shared/escape.h"

/* CLASS/TYPE: and the payload as words in hexadecimal. */
static void
append_object(char *text, const struct prober_object *o)
{
	size_t told = o->len < PROBER_OBJECT_DATA ? o->len : PROBER_OBJECT_DATA;
	struct reader r;

	append_text(text, EXTENSION_TEXT_MAX, "%u/%u:", o->class_num, o->c_type);
	reader_init(&r, o->data, told);
	for (size_t at = 0; reader_left(&r) >= 4; at += 4)
		append_text(text, EXTENSION_TEXT_MAX, "%s%08x", at != 0 ? "," : "",
		    reader_u32(&r));
	if (reader_left(&r) != 0 && told > 4)
		append_text(text, EXTENSION_TEXT_MAX, ",");
	while (reader_left(&r) != 0)
		append_text(text, EXTENSION_TEXT_MAX, "%02x", reader_u8(&r));
}

static void
append_labels(char *text, const struct prober_mpls *mpls, size_t count)
{
	for (size_t i = 0; i < count; i++)
		append_text(text, EXTENSION_TEXT_MAX, "%sL=%u,E=%u,S=%u,T=%u",
		    i == 0 ? "MPLS:" : "/", mpls[i].label, mpls[i].traffic_class,
		    mpls[i].bottom, mpls[i].ttl);
}

/* ROLE:INDEX,ADDRESS,"NAME",mtu=MTU: those parts that there are. */
static void
append_interface(char *text, const struct prober_interface *i)
{
	static const char *const roles[INTERFACE_ROLES] = {"INC", "SUB", "OUT", "NXT"};
	char name[3 * PROBER_INTERFACE_NAME_MAX + 1], addr[ADDR_TEXT_MAX];
	const char *comma = "";

	append_text(text, EXTENSION_TEXT_MAX, "%s:", roles[i->role]);
	if ((i->has & INTERFACE_INDEX) != 0) {
		append_text(text, EXTENSION_TEXT_MAX, "%u", i->index);
		comma = ",";
	}
	if ((i->has & INTERFACE_ADDR) != 0) {
		append_text(text, EXTENSION_TEXT_MAX, "%s%s", comma,
		    addr_to_text(&i->addr, addr));
		comma = ",";
	}
	if ((i->has & INTERFACE_NAME) != 0) {
		append_text(text, EXTENSION_TEXT_MAX, "%s\"%s\"", comma,
		    escape_percent(i->name, name, sizeof(name)));
		comma = ",";
	}
	if ((i->has & INTERFACE_MTU) != 0)
		append_text(text, EXTENSION_TEXT_MAX, "%smtu=%u", comma, i->mtu);
}

const char *
extension_text(const struct prober_result *m, char *text)
{
	size_t label = 0, interface = 0;

	text[0] = '\0';
	for (size_t i = 0; i < m->objects_count; i++) {
		const struct prober_object *o = &m->objects[i];

		if (i != 0)
			append_text(text, EXTENSION_TEXT_MAX, ";");
		if (o->labels != 0)
			append_labels(text, &m->mpls[label], o->labels);
		else if (o->is_interface)
			append_interface(text, &m->interfaces[interface++]);
		else
			append_object(text, o);
		label += o->labels;
	}
	return text;
}
