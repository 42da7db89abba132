#include "tools/mda/words.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"

const char *
words_json_flow_field(uint8_t field)
{
	static const char *const names[] = {[FLOW_BY_SRC_PORT] = "src-port",
	    [FLOW_BY_DST_PORT] = "dst-port",
	    [FLOW_BY_CHECKSUM] = "checksum",
	    [FLOW_BY_LABEL] = "flow-label"};

	return field > FLOW_BY_DEFAULT && field < FLOW_BY_END ? names[field] : "none";
}

const char *
words_flow_field(const struct multipath *t)
{
	static const char *const names[] = {[FLOW_BY_SRC_PORT] = "source port",
	    [FLOW_BY_DST_PORT] = "destination port",
	    [FLOW_BY_CHECKSUM] = "ICMP checksum",
	    [FLOW_BY_LABEL] = "flow label"};
	uint8_t field = t->how.flow_field;

	return field > FLOW_BY_DEFAULT && field < FLOW_BY_END ? names[field]
							      : "nothing";
}

/* What the prober says of a failure; it is the process that reads the network. */
static const char *
detail_of(const struct prober_done *done, char *detail)
{
	memcpy(detail, done->detail, PROBER_DETAIL_MAX + 1);
	for (char *at = detail; *at != '\0'; at++)
		if (*at < ' ' || *at > '~')
			*at = '?';
	return detail[0] != '\0' ? detail : strerror(done->error);
}

const char *
words_failure(const struct prober_done *done, char *buf)
{
	char detail[PROBER_DETAIL_MAX + 1];

	snprintf(buf, WORDS_MAX, "%s", detail_of(done, detail));
	return buf;
}

const char *
words_reason(const struct multipath *t, char *buf)
{
	char detail[PROBER_DETAIL_MAX + 1];

	buf[0] = '\0';
	if (!t->has_done) {
		snprintf(buf, WORDS_MAX, "the search broke off");
		return buf;
	}
	switch ((enum prober_reason)t->done.reason) {
	case REASON_REACHED:
		break;
	case REASON_UNREACHABLE:
		snprintf(buf, WORDS_MAX, "paths end at a router that says unreachable");
		break;
	case REASON_GAP_LIMIT:
		snprintf(buf, WORDS_MAX,
		    "%u hop%s in a row did not answer (--gap-limit)",
		    t->asked.gap_limit, t->asked.gap_limit == 1 ? "" : "s");
		break;
	case REASON_HOP_LIMIT:
		snprintf(buf, WORDS_MAX, "it is not within %u hop%s (-m)",
		    t->asked.max_ttl, t->asked.max_ttl == 1 ? "" : "s");
		break;
	case REASON_LOOP:
		snprintf(buf, WORDS_MAX,
		    "packets go in a circle, seen at hop %u (--loop-limit)",
		    t->done.end_ttl);
		break;
	case REASON_INTERRUPTED:
		snprintf(buf, WORDS_MAX, "interrupted");
		break;
	case REASON_TIMED_OUT:
		snprintf(buf, WORDS_MAX, "stopped after %lld.%03lld s (--timeout)",
		    (long long)(t->asked.timeout / NS_PER_SECOND),
		    (long long)(t->asked.timeout % NS_PER_SECOND / NS_PER_MS));
		break;
	case REASON_SEARCH_LIMIT:
		snprintf(buf, WORDS_MAX, "no more may be asked (--max-%s)",
		    t->done.coverage == COVERAGE_MAX_FLOWS ? "flows" : "probes");
		break;
	case REASON_HELPER_LOST:
	case REASON_FAILED:
		snprintf(
		    buf, WORDS_MAX, "cannot measure: %s", detail_of(&t->done, detail));
		break;
	}
	return buf;
}

const char *
words_coverage(const struct multipath *t)
{
	if (!t->has_done)
		return "The search broke off.";
	switch ((enum prober_coverage)t->done.coverage) {
	case COVERAGE_NONE:
	case COVERAGE_COMPLETE:
	case COVERAGE_COUNT:
		break;
	case COVERAGE_MAX_PROBES:
		return "What is missing would take more probes than allowed "
		       "(--max-probes).";
	case COVERAGE_MAX_FLOWS:
		return "What is missing would take more flows than allowed "
		       "(--max-flows), or than there are.";
	case COVERAGE_CHILDREN:
		return "Some node may have more successors than were looked for (-B).";
	case COVERAGE_UNSTABLE:
		return "Flows did not stay on their paths: links are those seen, not "
		       "all.";
	case COVERAGE_UNTESTED:
		return "Some node was not tested: too few flows came to it again, or "
		       "it is "
		       "in a loop.";
	case COVERAGE_STOPPED:
		return "The search ended before it was complete.";
	}
	return NULL;
}

const char *
words_json_coverage(uint8_t coverage)
{
	static const char *const names[] = {[COVERAGE_NONE] = "none",
	    [COVERAGE_COMPLETE] = "complete",
	    [COVERAGE_MAX_PROBES] = "max_probes",
	    [COVERAGE_MAX_FLOWS] = "max_flows",
	    [COVERAGE_CHILDREN] = "children",
	    [COVERAGE_UNSTABLE] = "unstable",
	    [COVERAGE_UNTESTED] = "untested",
	    [COVERAGE_STOPPED] = "stopped"};

	return coverage < COVERAGE_COUNT ? names[coverage] : "none";
}
