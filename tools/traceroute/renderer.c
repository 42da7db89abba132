#include "tools/traceroute/renderer.h"

#include "tools/shared/scamper_json.h"
#include "tools/traceroute/render_atlas.h"
#include "tools/traceroute/render_csv.h"
#include "tools/traceroute/render_json.h"
#include "tools/traceroute/render_scamper.h"
#include "tools/traceroute/render_text.h"

/* Most formats have nothing before and after the traces. */
static void
nothing(int64_t at, struct output *out)
{
	(void)at;
	(void)out;
}

static void
text_trace(const struct record *t, const struct rendering *how, struct output *out)
{
	struct render_text text;

	render_text_init(&text, t, how->naming, how->extensions, out);
	text.plain = how->plain;
	text.tcp_info = how->tcp_info;
	text.tcp_mss = how->tcp_mss;
	render_text_advance(&text);
}

static const struct renderer text_renderer = {nothing, text_trace, nothing};
static const struct renderer json_renderer = {nothing, render_json, nothing};
static const struct renderer csv_renderer = {render_csv_begin, render_csv, nothing};
static const struct renderer atlas_renderer = {nothing, render_atlas, nothing};
static const struct renderer scamper_renderer = {
    scamper_begin, render_scamper, scamper_end};

const struct renderer *
renderer_of(enum trace_format format)
{
	switch (format) {
	case FORMAT_JSON:
		return &json_renderer;
	case FORMAT_CSV:
		return &csv_renderer;
	case FORMAT_ATLAS:
		return &atlas_renderer;
	case FORMAT_SCAMPER:
		return &scamper_renderer;
	case FORMAT_TEXT:
	case FORMAT_DOT:
	case FORMAT_SVG:
		break;
	}
	return &text_renderer;
}

bool
renderer_names_known(const struct record *t, const struct naming *naming)
{
	bool known = true;

	for (int ttl = t->asked.first_ttl; naming != NULL && ttl <= t->asked.max_ttl;
	     ttl++)
		for (int query = 0; query < t->asked.queries; query++) {
			const struct prober_result *m = record_final(t, ttl, query);

			if (m != NULL && m->outcome == RESULT_REPLY &&
			    !naming_knows(naming, &m->from))
				known = false;
		}
	return known;
}
