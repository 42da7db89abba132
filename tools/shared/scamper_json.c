#include "tools/shared/scamper_json.h"

#include <time.h>
#include <unistd.h>

#include "common/clock.h"

/* ---- the lines around ------------------------------------------------------------ */

static void
print_cycle(const char *type, const char *when, int64_t at, struct output *out)
{
	struct json_builder b = {0};
	char name[256];
	json_t *root = json_object();

	if (gethostname(name, sizeof(name)) != 0)
		name[0] = '\0';
	name[sizeof(name) - 1] = '\0';
	json_put(&b, root, "type", json_string(type));
	json_put(&b, root, "list_name", json_string("default"));
	json_put_number(&b, root, "id", 0);
	json_put_text(&b, root, "hostname", name);
	json_put_number(&b, root, when, at / NS_PER_SECOND);
	json_print(&b, root, out);
}

void
scamper_begin(int64_t began, struct output *out)
{
	print_cycle("cycle-start", "start_time", began, out);
}

void
scamper_end(int64_t ended, struct output *out)
{
	print_cycle("cycle-stop", "stop_time", ended, out);
}

/* ---- pieces ---------------------------------------------------------------------- */

json_t *
scamper_time(struct json_builder *b, int64_t at)
{
	json_t *object = json_object();

	json_put_number(b, object, "sec", at / NS_PER_SECOND);
	json_put_number(b, object, "usec", at % NS_PER_SECOND / NS_PER_US);
	return object;
}

json_t *
scamper_start(struct json_builder *b, int64_t at)
{
	json_t *object = scamper_time(b, at);
	time_t seconds = (time_t)(at / NS_PER_SECOND);
	char text[32];
	struct tm tm;

	if (localtime_r(&seconds, &tm) != NULL &&
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm) != 0)
		json_put(b, object, "ftime", json_string(text));
	return object;
}

static json_t *
labels_json(struct json_builder *b, const struct prober_mpls *mpls, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++) {
		json_t *object = json_object();

		json_put_number(b, object, "mpls_ttl", mpls[i].ttl);
		json_put_number(b, object, "mpls_s", mpls[i].bottom);
		json_put_number(b, object, "mpls_exp", mpls[i].traffic_class);
		json_put_number(b, object, "mpls_label", mpls[i].label);
		json_array_append_new(array, object);
	}
	return array;
}

json_t *
scamper_extensions(struct json_builder *b, const struct prober_result *m)
{
	json_t *array = json_array();
	size_t label = 0;

	for (size_t i = 0; i < m->objects_count; i++) {
		const struct prober_object *o = &m->objects[i];
		json_t *object = json_object();

		json_put_number(b, object, "ie_cn", o->class_num);
		json_put_number(b, object, "ie_ct", o->c_type);
		json_put_number(b, object, "ie_dl", o->len);
		if (o->labels != 0)
			json_put(b, object, "mpls_labels",
			    labels_json(b, &m->mpls[label], o->labels));
		label += o->labels;
		json_array_append_new(array, object);
	}
	return array;
}

int
scamper_tcp_flags(uint8_t reply)
{
	enum { TCP_RST = 0x04, TCP_SYN = 0x02, TCP_ACK = 0x10 };

	return reply == REPLY_SYN_ACK ? TCP_SYN | TCP_ACK : TCP_RST | TCP_ACK;
}
