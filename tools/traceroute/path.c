#include "tools/traceroute/path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "tools/shared/trace_request.h"

struct path *
path_new(uint32_t number, const char *host, size_t line)
{
	struct path *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->number = number;
	p->line = line;
	p->host = strdup(host);
	if (p->host != NULL)
		return p;
	free(p);
	return NULL;
}

void
path_free(struct path *p)
{
	if (p->state >= PATH_RUNNING)
		record_clear(&p->record);
	free(p->host);
	free(p);
}

int
path_prepare(struct path *p, struct measurement *m, const struct naming *naming,
    struct prober_start *start)
{
	const struct trace_options *o = &m->options;
	int error;

	trace_request_start(o, &p->target, start);
	start->instance = p->number;
	error = record_init(&p->record, p->host, trace_options_protocol(o), start,
	    &m->plan.choice.family[family_index(p->target.family)]);
	if (error != 0)
		return error;
	p->state = PATH_RUNNING;
	p->record.began = clock_realtime();
	measurement_scope_target(m, start);
	render_text_init(&p->text, &p->record, naming, o->extensions, &m->out);
	p->text.tcp_info = o->tcp_info != 0;
	p->text.tcp_mss = o->tcp_mss != 0;
	p->text.plain = o->as_traceroute != 0;
	p->text.back = o->back != 0;
	p->text.print_ttl = o->print_ttl != 0;
	return 0;
}
