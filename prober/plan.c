#include "prober/plan.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/privsep_messages.h"
#include "prober/choice.h"
#include "prober/layout.h"
#include "prober/tcp_options.h"

#define FAMILIES 2
/* What the kernel takes as TCP_MAXSEG (Linux 6.18). */
#define KERNEL_MSS_LOW 88
#define KERNEL_MSS_HIGH 32767
#define AND "; and " /* between two reasons */
#define IP_ID "ipv4.identification"

static const char *const family_names[FAMILIES] = {"IPv4", "IPv6"};

const char *
plan_transport_name(uint8_t transport)
{
	const struct transport *t = transport_find(transport);

	return t == NULL ? "none" : t->name;
}

static char *
problem_of(const struct choice *c)
{
	return c->plan->problem[c->family];
}

/* Why no ping socket: the one cause that a user can mend, or the errno. */
static void
explain_ping(const struct choice *c, int error)
{
	const struct host_facts *f = c->facts;

	bool outside = f->gid < f->group_low || f->gid > f->group_high;

	/* In a user namespace the range may be shown in numbers that say nothing. */
	if (error == EACCES && f->group_range_known && !outside)
		choice_add(problem_of(c),
		    "cannot open a ping socket: net.ipv4.ping_group_range does not "
		    "admit "
		    "gid %u; use UDP (%s), or have root widen it",
		    (unsigned int)f->gid, c->request->use_udp);
	else if (error == EACCES && f->group_range_known)
		choice_add(problem_of(c),
		    "cannot open a ping socket: gid %u is outside "
		    "net.ipv4.ping_group_range (%u %u); use UDP (%s), or as "
		    "root: sysctl -w net.ipv4.ping_group_range=\"0 2147483647\"",
		    (unsigned int)f->gid, f->group_low, f->group_high,
		    c->request->use_udp);
	else
		choice_add(problem_of(c), "cannot open a ping socket over %s: %s",
		    family_names[c->family], strerrordesc_np(error));
}

/* Root that is given nothing, for there is nobody to hand it back to. */
static const char one_user[] =
    "root is the only user of this user namespace and cannot become another, so it is "
    "given no privilege: map more users (subuid(5)), or start this outside";

/* Why paris-privsep cannot be used here, and what would help. */
static void
explain_helper(const struct choice *c)
{
	const struct host_facts *f = c->facts;
	char *problem = problem_of(c);

	switch (f->helper) {
	case HELPER_USABLE:
		break;
	case HELPER_MISSING:
		choice_add(problem,
		    "the helper %s is not installed, or not for this user to run",
		    f->helper_path);
		break;
	case HELPER_NO_CAPABILITY:
		choice_add(problem,
		    "the helper lacks its capability; as root: setcap cap_net_raw+p %s",
		    f->helper_path);
		break;
	case HELPER_NO_NEW_PRIVS:
		choice_add(problem,
		    "this process has no_new_privs (a container's or a "
		    "service's setting), under which the helper's capability "
		    "does not count");
		break;
	case HELPER_NOSUID:
		choice_add(problem,
		    "the helper %s is on a file system that is mounted nosuid, where "
		    "capabilities do not count",
		    f->helper_path);
		break;
	case HELPER_BOUNDED:
		choice_add(problem,
		    "CAP_NET_RAW is not in this process's bounding set (see "
		    "the container's settings), so the helper cannot have it");
		break;
	case HELPER_FOREIGN:
		choice_add(problem,
		    "this user namespace does not own the network it uses, so "
		    "the helper's capability does not count: start this "
		    "outside, or with a network namespace of its own");
		break;
	case HELPER_ONE_USER:
		choice_add(problem, "%s", one_user);
		break;
	}
}

/* Why there are no raw sockets of our own. */
static int
explain_raw(const struct choice *c)
{
	int error = c->facts->open[c->transport->id][c->family];
	char *problem = problem_of(c);

	if (c->facts->raw != RAW_USABLE && c->request->protocol == IPPROTO_RAW)
		choice_add(problem, "IP protocol %u (-P): ", c->request->ip_protocol);
	else if (c->facts->raw != RAW_USABLE && c->request->protocol == IPPROTO_DCCP)
		choice_add(problem, "DCCP (-D): ");
	switch ((enum raw_state)c->facts->raw) {
	case RAW_USABLE:
		if (error != 0)
			choice_add(problem, "cannot open a raw socket over %s: %s",
			    family_names[c->family], strerrordesc_np(error));
		return -error;
	case RAW_REFUSED:
		choice_add(problem,
		    "this root may not open raw sockets of its own: "
		    "CAP_NET_RAW is missing (see the container's settings)");
		return -EPERM;
	case RAW_ONE_USER:
		choice_add(problem, "%s", one_user);
		return -EPERM;
	case RAW_NOT_ROOT:
		break;
	}
	choice_add(
	    problem, "only root may use raw sockets of its own: start this as root");
	return -EPERM;
}

/* The host lets us have the transport, or the words why not. */
static int
check_transport(struct choice *c)
{
	int error = c->facts->open[c->transport->id][c->family];

	if (c->transport->by_helper) {
		explain_helper(c);
		return c->facts->helper == HELPER_USABLE ? 0 : -EPERM;
	}
	if (c->transport->by_raw)
		return explain_raw(c);
	if (error != 0 && c->transport->id == TRANSPORT_PING)
		explain_ping(c, error);
	else if (error == EPROTONOSUPPORT || error == ESOCKTNOSUPPORT)
		choice_add(problem_of(c),
		    "cannot open a %s socket over %s: this kernel has no %s; use UDP "
		    "or TCP (-T)",
		    c->transport->title, family_names[c->family], c->transport->title);
	else if (error != 0)
		choice_add(problem_of(c), "cannot open a %s socket over %s: %s",
		    c->transport->title, family_names[c->family],
		    strerrordesc_np(error));
	return -error;
}

/* The tag fields of a pattern, for a message: "udp.payload, udp.dst_port". */
static void
add_tag_fields(const struct choice *c, char *text)
{
	const char *comma = "";

	for (uint8_t layer = 0; layer < c->pattern->depth; layer++) {
		const struct protocol *p = c->pattern->layers[layer];

		for (size_t i = 0; i < p->tag_fields_count; i++) {
			choice_add(text, "%s%s", comma, p->tag_fields[i].field);
			comma = ", ";
		}
	}
}

/* The user gives this field a value. */
static bool
is_set(const struct choice *c, struct field_ref ref)
{
	uint64_t set = c->request->set[c->family];

	return (set & pattern_field_mask(c->pattern, ref)) != 0;
}

/* Who sends by a transport, in words. */
static void
add_sender(const struct choice *c, char *text)
{
	if (c->transport->by_helper)
		choice_add(text, "paris-privsep");
	else if (c->transport->by_raw)
		choice_add(text, "a raw socket");
	else
		choice_add(text, "a %s socket", c->transport->name);
}

/* Makes a field the tag: one that the transport sets to any value and shows again. */
static int
take_tag(struct choice *c, const char *name)
{
	char *problem = problem_of(c);
	const struct pattern *p = c->pattern;
	struct field_ref port;
	uint64_t mask;

	if (pattern_find_field(p, name, &c->tag) != 0)
		return -EINVAL;
	mask = pattern_field_mask(p, c->tag);
	if ((mask & pattern_names_mask(p, c->transport->settable)) == 0) {
		choice_add(problem, "%s cannot be set by ", name);
		add_sender(c, problem);
		choice_add(problem, ": the kernel writes that field%s",
		    choice_sees_packets(c->transport) ? "" : "; it takes a raw socket");
		return -EPERM;
	}
	if ((mask & pattern_names_mask(p, c->transport->readable)) == 0) {
		choice_add(problem, "%s cannot be read back by ", name);
		add_sender(c, problem);
		choice_add(problem, ": replies do not show it%s",
		    choice_sees_packets(c->transport) ? "" : " without a raw socket");
		return -EPERM;
	}
	if (c->transport->by_helper &&
	    pattern_find_own_field(p, "src_port", &port) == 0 &&
	    mask == pattern_field_mask(p, port)) {
		choice_add(problem,
		    "%s cannot differ in each probe by paris-privsep, which keeps one "
		    "port a trace",
		    name);
		return -EPERM;
	}
	c->tagged = true;
	return 0;
}

/* What was asked wrong, whatever would send it: a tag where there can be none. */
static int
check_asked_tag(const struct choice *c)
{
	const char *name = c->request->tag;
	char *problem = problem_of(c);
	const struct pattern *p = c->pattern;
	struct field_ref tag;

	if (name == NULL)
		return 0;
	if (pattern_find_field(p, name, &tag) != 0 ||
	    pattern_tag_field(p, tag) == NULL) {
		choice_add(problem,
		    "%s cannot carry a tag on %s; fields that can: ", name, p->name);
		add_tag_fields(c, problem);
		return -EINVAL;
	}
	if (c->request->flow_constant &&
	    (pattern_field_mask(p, tag) & pattern_metafield_mask(p, &p->flow_id)) !=
		0) {
		choice_add(problem,
		    "%s is part of the flow, which this algorithm keeps constant, so "
		    "it "
		    "cannot carry the tag; choose another --tag, or -a traceroute, "
		    "whose flow varies",
		    name);
		return -EINVAL;
	}
	if (c->request->split && c->family == 0 && strcmp(name, IP_ID) != 0) {
		choice_add(problem,
		    "%s cannot carry the tag: fragments are told by %s, which does so: "
		    "leave --tag out",
		    name, IP_ID);
		return -EINVAL;
	}
	if (is_set(c, tag)) {
		choice_add(problem,
		    "%s cannot carry the tag, which differs in each probe: it is given "
		    "another value (-p, --sport, --flow-id); choose another --tag",
		    name);
		return -EINVAL;
	}
	return 0;
}

/* A tag in the payload needs a payload. */
static bool
has_room(const struct choice *c, struct field_ref tag)
{
	struct layout_options o = {.pattern = c->pattern, .tagged = true, .tag = tag};

	return c->request->packet_len == 0 ||
	       !choice_field_is_payload(c->pattern, tag) ||
	       c->request->packet_len >= layout_min_len(&o);
}

/*
 * The best field that is free for the tag and has room, or none: then probes are told
 * apart by being alone.
 */
static int
choose_tag(struct choice *c)
{
	const char *const *names = c->transport->tags[c->request->flow_constant];

	if (c->request->tag != NULL)
		return take_tag(c, c->request->tag);
	/* All pieces of a packet show it, and nothing else that all do. */
	if (c->request->split && c->family == 0)
		return take_tag(c, IP_ID);
	for (; *names != NULL; names++) {
		struct field_ref tag;

		if (pattern_find_field(c->pattern, *names, &tag) == 0 &&
		    !is_set(c, tag) && has_room(c, tag))
			return take_tag(c, *names);
	}
	return 0;
}

/* The helper's probes have an end: what an Ethernet link takes. */
static int
check_len(const struct choice *c)
{
	size_t most = pattern_layer_offset(c->pattern, 2) + PRIVSEP_PAYLOAD_MAX;

	if (!c->transport->by_helper || c->request->packet_len <= most)
		return 0;
	choice_add(problem_of(c), "paris-privsep sends no more than %zu bytes over %s",
	    most, family_names[c->family]);
	return -EMSGSIZE;
}

/* The helper's sockets heed the routing table. */
static int
check_route(const struct choice *c)
{
	if (!c->transport->by_helper || !c->request->dont_route)
		return 0;
	choice_add(
	    problem_of(c), "paris-privsep sends by the routing table, against -r");
	return -EPERM;
}

/* Who writes an IP header that is not a plain one. */
static int
check_header(const struct choice *c)
{
	if (c->request->header == NULL || c->transport->by_raw)
		return 0;
	choice_add(problem_of(c), "%s cannot be sent by ", c->request->header);
	add_sender(c, problem_of(c));
	choice_add(problem_of(c), ": the kernel writes the IP header");
	return -EPERM;
}

/* Whether the transport sends TCP flags, options and MSS as they are asked for. */
static bool
sends_segment(const struct choice *c)
{
	const struct prober_tcp *tcp = &c->request->tcp;
	uint8_t flags = tcp_options_flags(tcp);

	if (c->transport->ip_protocol[0] != IPPROTO_TCP || c->transport->by_raw)
		return true;
	if (c->transport->by_helper)
		return (flags == TCP_FLAG_ACK ||
			   (flags & ~TCP_FLAGS_ECN) == TCP_FLAG_SYN) &&
		       (tcp->options & TCP_OPTION_FASTOPEN) == 0;
	return !tcp->chosen && (tcp->mss == 0 || (tcp->mss >= KERNEL_MSS_LOW &&
						     tcp->mss <= KERNEL_MSS_HIGH));
}

/* ... or the words why not. */
static int
check_segment(const struct choice *c)
{
	if (sends_segment(c))
		return 0;
	if (c->transport->by_helper)
		choice_add(problem_of(c),
		    "paris-privsep sends SYN, with ECE and CWR or without, and ACK "
		    "alone, and no fastopen option");
	else
		choice_add(problem_of(c),
		    "a tcp socket sends the kernel's own SYN: TCP flags, options and "
		    "ECN bits (-t) of one's choice, or an MSS outside of %d to %d, "
		    "take a raw socket",
		    KERNEL_MSS_LOW, KERNEL_MSS_HIGH);
	return -EPERM;
}

/* Fields that the user sets must be settable by the transport. */
static int
check_set_fields(const struct choice *c)
{
	uint64_t settable = pattern_names_mask(c->pattern, c->transport->settable);
	uint64_t missing = c->request->set[c->family] & ~settable;

	for (uint8_t layer = 0; missing != 0 && layer < c->pattern->depth; layer++) {
		const struct protocol *p = c->pattern->layers[layer];

		for (uint8_t i = 0; i < p->fields_count; i++) {
			struct field_ref ref = {layer, i};

			if ((missing & pattern_field_mask(c->pattern, ref)) == 0)
				continue;
			choice_add(
			    problem_of(c), "%s cannot be set by ", p->fields[i].name);
			add_sender(c, problem_of(c));
			if (!c->transport->by_raw)
				choice_add(problem_of(c), "; it takes a raw socket");
			return -EPERM;
		}
	}
	return 0;
}

/* The header of a probe that has nothing behind it: TCP's and DCCP's. */
static size_t
segment_len(const struct choice *c)
{
	if (c->transport->ip_protocol[0] == IPPROTO_DCCP)
		return c->pattern->layers[1]->header_min;
	if (!choice_sees_packets(c->transport))
		return c->facts->syn_len;
	return TCP_HEADER + tcp_options_write(&c->request->tcp, AF_UNSPEC, NULL);
}

static int
choose_family(struct choice *c)
{
	struct prober_plan_family *f = &c->plan->choice.family[c->family];
	int error = check_header(c);

	if (error == 0)
		error = choose_tag(c);
	if (error == 0)
		error = check_set_fields(c);
	if (error == 0)
		error = check_segment(c);
	if (error == 0)
		error = check_len(c);
	if (error == 0)
		error = check_route(c);
	/* Last: no remedy for what would not help. */
	if (error == 0)
		error = check_transport(c);
	if (error != 0)
		return error;
	f->send = f->receive = c->transport->id;
	if (c->tagged)
		snprintf(f->tag, sizeof(f->tag), "%s",
		    pattern_field(c->pattern, c->tag)->name);
	f->window = c->tagged ? 0 : 1;
	if (c->transport->ip_protocol[0] == IPPROTO_TCP ||
	    c->transport->ip_protocol[0] == IPPROTO_DCCP)
		f->packet_len =
		    (uint16_t)(pattern_layer_offset(c->pattern, 1) + segment_len(c));
	choice_explain(c);
	return 0;
}

/* What takes CAP_NET_ADMIN, as the user asked for it; or NULL. */
static const char *
admin_option(const struct plan_request *request)
{
	if (request->mark != 0)
		return "--fwmark";
	return request->debug ? "-d" : NULL;
}

/* Whether root's own raw sockets send this protocol. */
static bool
raw_sends(uint8_t protocol)
{
	for (const struct transport *const *t = transport_table; *t != NULL; t++)
		if ((*t)->by_raw && (*t)->ip_protocol[0] == protocol)
			return true;
	return false;
}

/*
 * SO_MARK and SO_DEBUG take CAP_NET_ADMIN, which nothing here has when it knows the
 * target but raw sockets that root opened before.
 */
static int
check_admin(const struct choice *c)
{
	const struct plan_request *r = c->request;
	const char *option = admin_option(r);
	char *problem = problem_of(c);

	if (option == NULL)
		return 0;
	if (r->privilege == PRIVILEGE_NONE || r->privilege == PRIVILEGE_HELPER)
		choice_add(problem,
		    "%s takes raw sockets of root's own: leave --privilege out",
		    option);
	else if (!raw_sends(r->protocol))
		choice_add(problem,
		    "%s takes raw sockets of root's own, which do not send this "
		    "protocol: use UDP, -I or -T",
		    option);
	else if (c->facts->raw == RAW_ONE_USER)
		choice_add(problem, "%s takes CAP_NET_ADMIN: %s", option, one_user);
	else if (c->facts->raw == RAW_NOT_ROOT)
		choice_add(problem,
		    "%s takes CAP_NET_ADMIN, which an ordinary user lacks: start this "
		    "as root",
		    option);
	else if ((r->mark != 0 && c->facts->mark != 0) ||
		 (r->debug && c->facts->debug != 0))
		choice_add(problem,
		    "%s takes CAP_NET_ADMIN, which this root lacks (see the "
		    "container's settings)",
		    r->mark != 0 && c->facts->mark != 0 ? option : "-d");
	else
		return 0;
	return -EPERM;
}

/* True for a transport that may send this. */
static bool
may_use(const struct transport *t, const struct plan_request *request)
{
	if (t->ip_protocol[0] != request->protocol ||
	    (admin_option(request) != NULL && !t->by_raw))
		return false;
	switch ((enum plan_privilege)request->privilege) {
	case PRIVILEGE_AUTO:
		return true;
	case PRIVILEGE_NONE:
		return !choice_sees_packets(t);
	case PRIVILEGE_HELPER:
		return t->by_helper;
	case PRIVILEGE_RAW:
		return t->by_raw;
	case PRIVILEGE_WHOLE:
		return choice_sees_packets(t);
	}
	return false;
}

/* Whether the transport, wherever it can be had, sets and shows what is asked. */
static bool
can_do(const struct choice *c)
{
	const struct pattern *p = c->pattern;
	uint64_t settable = pattern_names_mask(p, c->transport->settable);
	uint64_t readable = pattern_names_mask(p, c->transport->readable);
	uint64_t set = c->request->set[c->family];
	struct field_ref tag;

	if (c->request->tag != NULL &&
	    pattern_find_field(p, c->request->tag, &tag) == 0)
		set |= pattern_field_mask(p, tag);
	else
		readable = UINT64_MAX;
	return (set & ~settable) == 0 && sends_segment(c) &&
	       (c->request->header == NULL || c->transport->by_raw) &&
	       (c->request->tag == NULL ||
		   (pattern_field_mask(p, tag) & ~readable) == 0);
}

static int
consider(struct choice *c, const struct transport *t, const struct tree *tree)
{
	c->transport = t;
	c->pattern = tree_find(tree, t->patterns[c->family]);
	c->tagged = false;
	return c->pattern == NULL ? -ENOMEM : 0;
}

/* Whether what --privilege keeps from being used could do it. */
static bool
privilege_hinders(struct choice *c, const struct tree *tree)
{
	for (const struct transport *const *t = transport_table; *t != NULL; t++)
		if ((*t)->ip_protocol[0] == c->request->protocol &&
		    !may_use(*t, c->request) && consider(c, *t, tree) == 0 && can_do(c))
			return true;
	return false;
}

/* Cuts off the reason added last, behind AND, if it was given before. */
static void
say_once(char *problem, size_t before)
{
	const char *last = problem + before + strlen(AND);

	if (strlen(problem) > before + strlen(AND) && strstr(problem, last) < last)
		problem[before] = '\0';
}

/*
 * The first transport by which it can be done. In the table those with the least power
 * stand first: datagram sockets, the helper, raw sockets.
 */
static int
choose_transport(struct choice *c, const struct tree *tree)
{
	char *problem = problem_of(c);
	size_t reasons = 0; /* characters of why nothing less will do */
	int first = check_admin(c);

	if (first != 0)
		return first;

	for (const struct transport *const *t = transport_table; *t != NULL; t++) {
		int error;

		if (!may_use(*t, c->request))
			continue;
		error = consider(c, *t, tree);
		if (error == 0 && first == 0)
			error = check_asked_tag(c);
		if (error != 0)
			return error;
		if (first != 0 && !can_do(c)) {
			choice_add(problem, sends_segment(c) ? "; nor by " : "; ");
			add_sender(c, problem);
			if (!sends_segment(c))
				choice_add(problem,
				    " sends SYN, ECE and CWR with it, and ACK alone, "
				    "without fastopen");
			continue;
		}
		reasons = strlen(problem);
		if (first != 0)
			choice_add(problem, AND);
		error = choose_family(c);
		if (error == 0 && reasons > 0)
			choice_add(c->plan->text[c->family], "because: %.*s\n",
			    (int)reasons, problem);
		if (error == 0) {
			problem[0] = '\0';
			return 0;
		}
		if (first != 0)
			say_once(problem, reasons);
		first = first == 0 ? error : first;
	}
	if (first == 0)
		choice_add(problem, "%s: leave --privilege out",
		    c->request->protocol == IPPROTO_RAW ||
			    c->request->protocol == IPPROTO_DCCP
			? "only root's raw sockets send this protocol"
			: "neither paris-privsep nor a raw socket of ours sends this "
			  "protocol");
	else if (privilege_hinders(c, tree))
		choice_add(problem, "; or leave --privilege out");
	return first == 0 ? -EPROTONOSUPPORT : first;
}

bool
plan_needs_helper(const struct prober_plan *plan)
{
	for (size_t i = 0; i < FAMILIES; i++) {
		const struct transport *t = transport_find(plan->family[i].send);

		if (t != NULL && t->by_helper)
			return true;
	}
	return false;
}

int
plan_choose(const struct plan_request *request, const struct host_facts *facts,
    struct plan *plan)
{
	struct tree *tree = tree_new();
	bool asked_wrong = true;

	memset(plan, 0, sizeof(*plan));
	plan->choice.stamp_ids_chosen = facts->stamp_ids_chosen;
	plan->choice.mark = request->mark;
	plan->choice.debug = request->debug;
	plan->choice.ip_protocol = request->ip_protocol;
	for (size_t i = 0; i < FAMILIES; i++) {
		struct choice c = {
		    .request = request, .facts = facts, .plan = plan, .family = i};
		int error = tree == NULL ? -ENOMEM : choose_transport(&c, tree);

		plan->error[i] = -error;
		asked_wrong = asked_wrong && error == -EINVAL;
	}
	tree_free(tree);
	return asked_wrong ? -EINVAL : 0;
}
