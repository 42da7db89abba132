#include "tests/support/fuzz_targets.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "common/checksum.h"
#include "common/framing.h"
#include "common/names_messages.h"
#include "common/prober_messages.h"
#include "prober/captured.h"
#include "prober/extension.h"
#include "prober/tree.h"

#define IPV6_HEADER 40

/* Holds in the fuzzers too, where there is no Check. */
static void
expect(int holds)
{
	if (!holds)
		abort();
}

/* The one tree of the process. */
static const struct tree *
the_tree(void)
{
	static struct tree *tree;

	if (tree == NULL)
		tree = tree_new();
	expect(tree != NULL);
	return tree;
}

/* Reads one field in each way there is. */
static void
read_field(const struct view *v, struct field_ref ref)
{
	const struct field *f = pattern_field(v->pattern, ref);
	size_t start = (size_t)v->offsets[ref.layer] * 8 + f->bit_offset;
	int visible = start + f->bit_length <= v->len * 8;
	struct metafield alone = {
	    .name = f->name, .count = 1, .fields = {ref}, .bits = f->bit_length};
	uint8_t bytes[16];
	uint64_t value;
	struct addr a;

	if (f->bit_length <= 64)
		expect(view_read(v, ref, &value) == (visible ? 0 : -ENODATA));
	if (f->bit_length == 32 || f->bit_length == 128)
		expect(view_read_addr(v, ref, &a) == (visible ? 0 : -ENODATA));
	expect(view_read_metafield(v, &alone, bytes) == (visible ? 0 : -ENODATA));
}

static void
read_view(const struct view *v, size_t size)
{
	const struct pattern *p = v->pattern;
	uint8_t flow[128];
	size_t end = 0;

	expect(p != NULL && p->depth >= 1 && p->depth <= PATTERN_DEPTH_MAX);
	expect(v->from == 0 && v->len <= size && v->payload <= v->len);
	for (uint8_t layer = 0; layer < p->depth; layer++) {
		expect(v->offsets[layer] >= end && v->offsets[layer] <= v->len);
		end = v->offsets[layer] +
		      (layer + 1u < p->depth ? p->layers[layer]->header_min : 0);
		for (uint8_t i = 0; i < p->layers[layer]->fields_count; i++)
			read_field(v, (struct field_ref){layer, i});
	}
	expect(v->payload >= end);
	expect((p->flow_id.bits + 7) / 8 <= sizeof(flow));
	(void)view_read_metafield(v, &p->flow_id, flow);
}

int
fuzz_tree(const uint8_t *data, size_t size)
{
	struct view v;

	if (size == 0)
		return 0;
	if (tree_parse(the_tree(), data[0] & 1 ? AF_INET6 : AF_INET, data + 1, size - 1,
		&v) == 0)
		read_view(&v, size - 1);
	return 0;
}

int
fuzz_extension(const uint8_t *data, size_t size)
{
	struct prober_result r;
	int error;

	memset(&r, 0, sizeof(r));
	error = extension_parse(data, size, &r);
	expect(error == 0 || error == -EBADMSG);
	expect(r.mpls_count <= PROBER_MPLS_MAX);
	expect(r.objects_count <= PROBER_OBJECTS_MAX);
	expect(r.interfaces_count <= PROBER_INTERFACES_MAX);
	if (error != 0)
		expect(r.mpls_count == 0 && r.objects_count == 0);
	for (size_t i = 0; i < r.mpls_count; i++)
		expect(r.mpls[i].label < 1 << 20 && r.mpls[i].traffic_class < 8 &&
		       r.mpls[i].bottom < 2);
	for (size_t i = 0; i < r.objects_count; i++)
		expect(r.objects[i].len < size);
	(void)extension_looks_real(data, size);
	return 0;
}

/* ---- whole packets --------------------------------------------------------------- */

/* No mutation finds a right checksum: it would be the end of most. */
static void
mend_checksum(uint8_t *packet, size_t size)
{
	size_t header = size == 0 ? 0 : (size_t)(packet[0] & 15) * 4;
	uint16_t sum;

	if (size < header + 8 || header < 20 || packet[9] != IPPROTO_ICMP)
		return;
	memset(packet + header + 2, 0, 2);
	sum = checksum_finish(checksum_add(0, packet + header, size - header));
	packet[header + 2] = (uint8_t)(sum >> 8);
	packet[header + 3] = (uint8_t)sum;
}

/* Every byte that a reply says is there is there. */
static void
read_reply(const struct reply *r, const uint8_t *image)
{
	struct prober_result result;
	unsigned int sum = 0;

	expect(r->image == image && r->quote_at <= CAPTURED_MAX &&
	       r->quote_len <= CAPTURED_MAX - r->quote_at);
	for (size_t i = 0; i < r->quote_len; i++)
		sum += image[r->quote_at + i];
	for (size_t i = 0; i < r->extension_len; i++)
		sum += r->extension[i];
	for (size_t i = 0; i < r->quoted.len; i++)
		sum += r->quoted.bytes[i];
	expect(r->quoted.len == 0 || r->quoted.fragment.offset != 0);
	expect(sum <= 255 * (CAPTURED_MAX + CAPTURED_MAX));
	memset(&result, 0, sizeof(result));
	if (r->extension != NULL)
		(void)extension_parse(r->extension, r->extension_len, &result);
}

int
fuzz_captured(const uint8_t *data, size_t size)
{
	struct captured_packet packet = {.family = AF_INET, .tos = -1};
	struct captured out;
	uint8_t image[CAPTURED_MAX];
	size_t skipped = size != 0 && (data[0] & 1) != 0 ? IPV6_HEADER : 0;
	uint8_t *bytes;
	int error;

	if (size < 1 + skipped)
		return 0;
	packet.len = size - 1 - skipped;
	bytes = malloc(packet.len + 1); /* never 0 */
	expect(bytes != NULL);
	packet.cut = (data[0] & 4) != 0;
	memcpy(bytes + 1, data + 1 + skipped, packet.len);
	packet.bytes = bytes + 1;
	if (skipped != 0) {
		packet.family = AF_INET6;
		packet.protocol = data[1 + 6];
		packet.ttl = data[1 + 7];
		packet.from = addr_from_bytes(AF_INET6, data + 1 + 8);
	} else if ((data[0] & 2) != 0) {
		mend_checksum(bytes + 1, packet.len);
	}
	error = captured_read(the_tree(), &packet, image, &out);
	expect(error == 0 || error == -ENOMSG || error == -EBADMSG);
	if (error == 0)
		read_reply(&out.reply, image);
	free(bytes);
	return 0;
}

/* ---- messages between processes -------------------------------------------------- */

/* What is understood can be said, and what is said is understood as the same. */
#define DEFINE_TRY(name) \
	static void try_##name(struct reader *r) \
	{ \
		static struct name first, second; \
		uint8_t body[2][MESSAGE_BODY_MAX]; \
		struct writer w[2]; \
		struct reader again; \
\
		memset(&first, 0, sizeof(first)); \
		memset(&second, 0, sizeof(second)); \
		if (name##_unpack(&first, r) != 0) \
			return; \
		writer_init(&w[0], body[0], sizeof(body[0])); \
		name##_pack(&first, &w[0]); \
		expect(!w[0].failed); \
		reader_init(&again, body[0], writer_len(&w[0])); \
		expect(name##_unpack(&second, &again) == 0); \
		writer_init(&w[1], body[1], sizeof(body[1])); \
		name##_pack(&second, &w[1]); \
		expect(writer_len(&w[0]) == writer_len(&w[1])); \
		expect(memcmp(body[0], body[1], writer_len(&w[0])) == 0); \
	}

DEFINE_TRY(prober_plan)
DEFINE_TRY(prober_start)
DEFINE_TRY(prober_stop)
DEFINE_TRY(prober_started)
DEFINE_TRY(prober_result)
DEFINE_TRY(prober_done)
DEFINE_TRY(names_configure)
DEFINE_TRY(names_reverse)
DEFINE_TRY(names_forward)
DEFINE_TRY(names_name)
DEFINE_TRY(names_addrs)
DEFINE_TRY(names_origin)

int
fuzz_messages(const uint8_t *data, size_t size)
{
	static void (*const tries[])(struct reader * r) = {try_prober_plan,
	    try_prober_start, try_prober_stop, try_prober_started, try_prober_result,
	    try_prober_done, try_names_configure, try_names_reverse, try_names_forward,
	    try_names_name, try_names_addrs, try_names_origin};
	struct reader r;

	if (size == 0)
		return 0;
	reader_init(&r, data + 1, size - 1);
	tries[data[0] % (sizeof(tries) / sizeof(*tries))](&r);
	return 0;
}

const struct fuzz_entry fuzz_table[] = {
    {"tree", "packets", fuzz_tree},
    {"captured", "packets", fuzz_captured},
    {"replies", "packets", fuzz_replies},
    {"extension", "extensions", fuzz_extension},
    {"messages", "messages", fuzz_messages},
    {"privsep_request", "privsep_request", fuzz_privsep_request},
    {"privsep_match", "privsep_match", fuzz_privsep_match},
    {"mmdb", "mmdb", fuzz_mmdb},
    {"origin", "origin", fuzz_origin},
    {NULL, NULL, NULL},
};
