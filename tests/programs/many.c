/*
 * Many traces in one paris-prober, for tests/functional/test_concurrent.py: reads what
 * to start from standard input, one statement a line, and prints what the prober says.
 *
 *   plan TRANSPORT4 TAG4 WINDOW4 TRANSPORT6 TAG6 WINDOW6
 *   start INSTANCE ALGORITHM TARGET key=value ...
 *   wait
 *
 * A plan holds for the starts after it; a transport has its name in plans (none, udp,
 * tcp-raw), a tag of "-" is none. "wait" is until all that were started have ended;
 * without it everything is sent before the first result is read.
 * Exit status: 0 when all traces have ended and the prober has ended well. The argument
 * "raw" allows raw transports too, the name of another transport allows that one.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "prober/plan.h"
#include "tools/shared/prober_client.h"

#define LINE_ROOM 1024

struct many {
	struct prober_client client;
	struct prober_plan plan;
	unsigned long started;
	unsigned long done;
};

/* ---- what the prober says ---- */

static int
on_started(void *context, const struct prober_started *m)
{
	(void)context;
	printf("started %u %u %u %u %u %u %u\n", m->instance, m->src_port, m->dst_port,
	    m->icmp_id, m->icmp_checksum, m->flow_label, m->packet_len);
	return 0;
}

static int
on_result(void *context, const struct prober_result *m)
{
	static const char *const outcomes[] = {[RESULT_REPLY] = "reply",
	    [RESULT_TIMEOUT] = "timeout",
	    [RESULT_SEND_FAILED] = "failed",
	    [RESULT_DUPLICATE] = "duplicate",
	    [RESULT_LATE] = "late",
	    [RESULT_AMBIGUOUS] = "ambiguous"};
	char from[ADDR_TEXT_MAX] = "-";

	(void)context;
	if (!addr_is_none(&m->from))
		addr_to_text(&m->from, from);
	printf("result %u %u %u %u %s %s %" PRId64 " %" PRId64 " %u %u\n", m->instance,
	    m->probe, m->ttl, m->query, outcomes[m->outcome], from, m->sent, m->rtt,
	    m->candidates, m->flow);
	return 0;
}

static int
on_done(void *context, const struct prober_done *m)
{
	struct many *many = context;

	many->done++;
	printf("done %u %u %u %u %u %u %u %u %u %u %u %s\n", m->instance, m->reason,
	    m->end_ttl, m->sent, m->replies, m->timeouts, m->duplicates, m->late,
	    m->ambiguous, m->reasked, m->lost_here, m->detail);
	return 0;
}

static const struct prober_events events = {on_started, on_result, on_done};

/* ---- what to start ---- */

static int
read_transport(const char *word, uint8_t *transport)
{
	for (unsigned int i = TRANSPORT_NONE; i < TRANSPORT_COUNT; i++)
		if (strcmp(word, plan_transport_name((uint8_t)i)) == 0) {
			*transport = (uint8_t)i;
			return 0;
		}
	return -EINVAL;
}

static int
take_plan(struct many *many, char *line)
{
	char transport[2][16], tag[2][PROBER_NAME_MAX + 1];
	unsigned int window[2];

	if (sscanf(line, "%15s %31s %u %15s %31s %u", transport[0], tag[0], &window[0],
		transport[1], tag[1], &window[1]) != 6)
		return -EINVAL;
	for (int i = 0; i < 2; i++) {
		struct prober_plan_family *f = &many->plan.family[i];

		*f = (struct prober_plan_family){.window = (uint16_t)window[i]};
		if (read_transport(transport[i], &f->send) != 0)
			return -EINVAL;
		f->receive = f->send;
		if (strcmp(tag[i], "-") != 0)
			memcpy(f->tag, tag[i], sizeof(f->tag));
	}
	return prober_client_plan(&many->client, &many->plan);
}

static int
take_option(struct prober_start *s, const char *name, int64_t value)
{
	if (strcmp(name, "sport") == 0)
		s->src_port = (uint16_t)value;
	else if (strcmp(name, "dport") == 0)
		s->dst_port = (uint16_t)value;
	else if (strcmp(name, "tos") == 0)
		s->tos = (uint8_t)value;
	else if (strcmp(name, "length") == 0)
		s->packet_len = (uint16_t)value;
	else if (strcmp(name, "queries") == 0)
		s->queries = (uint8_t)value;
	else if (strcmp(name, "last") == 0)
		s->max_ttl = (uint8_t)value;
	else if (strcmp(name, "window") == 0)
		s->window = (uint16_t)value;
	else if (strcmp(name, "wait_ms") == 0)
		s->wait_max = value * NS_PER_MS;
	else if (strcmp(name, "here") == 0)
		s->wait_here = (uint32_t)value;
	else if (strcmp(name, "near") == 0)
		s->wait_near = (uint32_t)value;
	else if (strcmp(name, "gap_us") == 0)
		s->send_gap = value * NS_PER_US;
	else if (strcmp(name, "first_tag") == 0)
		s->first_tag = (uint16_t)value;
	else if (strcmp(name, "timeout_ms") == 0)
		s->timeout = value * NS_PER_MS;
	else if (strcmp(name, "dont_fragment") == 0)
		s->dont_fragment = (uint8_t)value;
	else if (strcmp(name, "flow") == 0)
		s->flow_id = (uint32_t)value;
	else if (strcmp(name, "flow_field") == 0)
		s->flow_field = (uint8_t)value;
	else if (strcmp(name, "chosen") == 0)
		s->flow_chosen = (uint8_t)value;
	else
		return -EINVAL;
	return 0;
}

static int
take_start(struct many *many, char *line)
{
	struct prober_start s = {.dst_port = 33434,
	    .packet_len = 60,
	    .first_ttl = 1,
	    .max_ttl = 30,
	    .queries = 3,
	    .wait_max = 5 * NS_PER_SECOND};
	char *rest;
	char *word = strtok_r(line, " ", &rest);
	char *algorithm = strtok_r(NULL, " ", &rest);
	char *target = strtok_r(NULL, " ", &rest);
	int error = 0;

	if (target == NULL || strlen(algorithm) > PROBER_NAME_MAX ||
	    addr_from_text(target, &s.target) != 0)
		return -EINVAL;
	s.instance = (uint32_t)strtoul(word, NULL, 10);
	strcpy(s.algorithm, algorithm);
	for (word = strtok_r(NULL, " ", &rest); error == 0 && word != NULL;
	     word = strtok_r(NULL, " ", &rest)) {
		char *equals = strchr(word, '=');

		if (equals == NULL)
			return -EINVAL;
		*equals = '\0';
		error = take_option(&s, word, strtoll(equals + 1, NULL, 10));
	}
	many->started++;
	return error != 0 ? error : prober_client_begin(&many->client, &s);
}

/* Serves the prober until every trace that was started has ended. */
static int
run(struct many *many)
{
	int result = 0;

	while (result == 0 && many->done < many->started) {
		struct pollfd watch = {.fd = prober_client_fd(&many->client),
		    .events = prober_client_wants(&many->client)};

		if (poll(&watch, 1, 1000) < 0 && errno != EINTR)
			return -errno;
		result = prober_client_service(&many->client);
	}
	return many->done == many->started ? 0 : result;
}

static int
take_line(struct many *many, char *line)
{
	char *rest = strchr(line, ' ');

	line[strcspn(line, "\n")] = '\0';
	if (strcmp(line, "wait") == 0)
		return run(many);
	if (rest == NULL)
		return -EINVAL;
	*rest++ = '\0';
	if (strcmp(line, "plan") == 0)
		return take_plan(many, rest);
	return strcmp(line, "start") == 0 ? take_start(many, rest) : -EINVAL;
}

static int
take_input(struct many *many)
{
	char line[LINE_ROOM];
	int error = 0;

	while (error == 0 && fgets(line, sizeof(line), stdin) != NULL)
		error = take_line(many, line);
	return error;
}

/*
 * The plans come later: which transports may be in them. Without an argument all that
 * need no privilege; "raw" takes root, "helper" paris-privsep with its capability.
 */
static size_t
choose_transports(const char *argument, struct prober_plan *all)
{
	all[0] = (struct prober_plan){
	    .family = {{.send = TRANSPORT_UDP}, {.send = TRANSPORT_PING}}};
	all[1] = (struct prober_plan){
	    .family = {{.send = TRANSPORT_TCP}, {.send = TRANSPORT_UDPLITE}}};
	if (argument == NULL)
		return 2;
	if (strcmp(argument, "raw") == 0) {
		all[2].family[0].send = TRANSPORT_UDP_RAW;
		all[2].family[1].send = TRANSPORT_TCP_RAW;
		all[3].family[0].send = TRANSPORT_PING_RAW;
		return 4;
	}
	if (strcmp(argument, "helper") == 0) {
		all[2].family[0].send = TRANSPORT_UDP_HELPER;
		all[2].family[1].send = TRANSPORT_TCP_HELPER;
		all[3].family[0].send = TRANSPORT_PING_HELPER;
		return 4;
	}
	return read_transport(argument, &all[2].family[0].send) == 0 ? 3 : 0;
}

/* Usage: many [raw | helper | TRANSPORT] */
int
main(int argc, char **argv)
{
	static struct many many;
	static struct prober_plan all[4];
	char error[PROBER_CLIENT_ERROR_MAX];
	char ended[128];
	size_t plans = choose_transports(argc > 1 ? argv[1] : NULL, all);
	int result;

	if (plans == 0)
		return 2;
	if (prober_client_start(&many.client, all, plans, error) != 0) {
		fprintf(stderr, "many: %s\n", error);
		return 3;
	}
	prober_client_listen(&many.client, &events, &many);
	result = take_input(&many);
	if (result == 0)
		result = run(&many);
	if (result != 0)
		fprintf(
		    stderr, "many: %s\n", result < 0 ? strerror(-result) : "closed");
	if (prober_client_end(&many.client, ended, sizeof(ended)) != 0) {
		fprintf(stderr, "many: the prober %s\n", ended);
		result = 1;
	}
	return result == 0 ? 0 : 1;
}
