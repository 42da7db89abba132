#include "tools/mda/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "common/clock.h"

#define INTERVAL (NS_PER_SECOND / 10)

void
progress_init(struct progress *p, bool quiet)
{
	*p = (struct progress){
	    .on = !quiet && isatty(STDOUT_FILENO) && isatty(STDERR_FILENO)};
}

int64_t
progress_show(
    struct progress *p, const struct multipath *paths, size_t count, int64_t now)
{
	size_t over = 0;
	int last = 0;
	uint32_t links = 0, known = 0, sent = 0;

	if (!p->on)
		return INT64_MAX;
	if (now < p->next)
		return p->next;
	for (size_t i = 0; i < count; i++) {
		const struct multipath *t = &paths[i];

		over += multipath_is_over(t);
		last = multipath_last_ttl(t) > last ? multipath_last_ttl(t) : last;
		links += graph_links(t->graph);
		known += t->answered + t->lost;
		sent += t->highest;
	}
	fputs("\r\033[K", stderr);
	if (count > 1)
		fprintf(stderr, "%zu of %zu hosts, ", over, count);
	/* Results come in any order: more may be on their way than are known of. */
	fprintf(stderr, "hop %d, %u links, %u probes, %u in flight", last, links, known,
	    sent > known ? sent - known : 0);
	fflush(stderr);
	p->shown = true;
	p->next = now + INTERVAL;
	return p->next;
}

void
progress_clear(struct progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	fflush(stderr);
	p->shown = false;
	p->next = 0;
}
