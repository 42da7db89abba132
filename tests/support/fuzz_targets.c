#include "tests/support/fuzz_targets.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "prober/extension.h"
#include "prober/tree.h"

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

const struct fuzz_entry fuzz_table[] = {
    {"tree", fuzz_tree},
    {"extension", fuzz_extension},
    {NULL, NULL},
};
