#include "tools/shared/module_options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "prober/plan.h"
#include "prober/tcp_options.h"
#include "tools/shared/trace_values.h"

#define FLAGS_ECN (TCP_FLAG_SYN | TCP_FLAGS_ECN)

enum action {
	SET_FLAG,   /* value: of the TCP header */
	SET_FLAGS,  /* exactly those of the argument */
	SET_ECN,    /* the SYN that asks for it */
	SET_OPTION, /* value: enum prober_tcp_option */
	SET_SYSCTL,
	SET_MSS,
	SET_INFO,
	SET_COVERAGE,
	SET_SERVICE,
	SET_PROTOCOL,  /* of a name or number */
	SET_PRIVILEGE, /* value: enum plan_privilege */
	SET_NOTHING,
};

/* One option of a protocol; its argument is a number from low to high. */
struct module_option {
	uint8_t method; /* enum trace_method */
	const char *name;
	const char *argument; /* NULL: takes none */
	bool may_lack;        /* the argument */
	uint32_t low, high;
	uint8_t action; /* enum action */
	uint8_t value;
	const char *help;
};

#define NONE NULL, false, 0, 0

static const struct module_option table[] = {
    {METHOD_TCP, "syn", NONE, SET_FLAG, 0x02,
	"Set the TCP flag SYN (the default, unless other flags are given)"},
    {METHOD_TCP, "ack", NONE, SET_FLAG, 0x10, "Set ACK"},
    {METHOD_TCP, "fin", NONE, SET_FLAG, 0x01, "Set FIN (root only, as the next four)"},
    {METHOD_TCP, "rst", NONE, SET_FLAG, 0x04, "Set RST"},
    {METHOD_TCP, "psh", NONE, SET_FLAG, 0x08, "Set PSH"},
    {METHOD_TCP, "urg", NONE, SET_FLAG, 0x20, "Set URG"},
    {METHOD_TCP, "ece", NONE, SET_FLAG, 0x40, "Set ECE"},
    {METHOD_TCP, "cwr", NONE, SET_FLAG, 0x80, "Set CWR"},
    {METHOD_TCP, "flags", "NUM", false, 0, 255, SET_FLAGS, 0,
	"Set exactly these TCP flags"},
    {METHOD_TCP, "ecn", NONE, SET_ECN, 0,
	"Set SYN, ECE and CWR, which ask for explicit congestion notification"},
    {METHOD_TCP, "sack", NONE, SET_OPTION, TCP_OPTION_SACK,
	"Send the TCP option sack permitted"},
    {METHOD_TCP, "timestamps", NONE, SET_OPTION, TCP_OPTION_TIMESTAMPS,
	"Send the TCP option timestamps"},
    {METHOD_TCP, "window_scaling", NONE, SET_OPTION, TCP_OPTION_WINDOW_SCALE,
	"Send the TCP option window scale"},
    {METHOD_TCP, "fastopen", NONE, SET_OPTION, TCP_OPTION_FASTOPEN,
	"Send the TCP option fastopen, which asks for a cookie (root only)"},
    {METHOD_TCP, "sysctl", NONE, SET_SYSCTL, 0,
	"Take these options and ecn from net.ipv4.tcp_*; the default, with syn, when "
	"nothing else is given"},
    {METHOD_TCP, "reuse", NONE, SET_NOTHING, 0,
	"Accepted: the probes of a trace share one port here anyway"},
    {METHOD_TCP, "mss", "NUM", true, 1, UINT16_MAX, SET_MSS, 0,
	"Use this maximum segment size (of a SYN), and show where it is lowered on "
	"the way: M=NUM"},
    {METHOD_TCP, "info", NONE, SET_INFO, 0,
	"Show flags and options of what the target answers: <syn,ack>"},
    {METHOD_ICMP, "raw", NONE, SET_PRIVILEGE, PRIVILEGE_WHOLE,
	"Use raw sockets, paris-privsep's or root's, no ping socket"},
    {METHOD_ICMP, "dgram", NONE, SET_PRIVILEGE, PRIVILEGE_NONE,
	"Use a ping socket, no raw one"},
    {METHOD_DCCP, "service", "NUM", false, 0, UINT32_MAX, SET_SERVICE, 0,
	"Service code of the DCCP Request (default 1885957735)"},
    {METHOD_RAW, "protocol", "PROTOCOL", false, 0, 0, SET_PROTOCOL, 0,
	"Number or name of the IP protocol, as -P (default 253)"},
    {METHOD_UDPLITE, "coverage", "NUM", false, 8, UINT16_MAX, SET_COVERAGE, 0,
	"Have the checksum cover so many bytes of the packet, its header first "
	"(default the header, 8; 65535: all)"},
};

#define TABLE_COUNT (sizeof(table) / sizeof(table[0]))

/* TCP flags and options while they are collected. */
struct segment {
	bool flags_given;
	bool sysctl;
	uint8_t flags;
	uint8_t options;
	uint16_t mss;
};

/* ---- help ------------------------------------------------------------------------ */

void
module_options_print_help(const struct trace_options *o, FILE *out)
{
	char left[64];
	bool any = false;

	for (size_t i = 0; i < TABLE_COUNT; i++) {
		const struct module_option *row = &table[i];

		if (row->method != o->method)
			continue;
		any = true;
		snprintf(left, sizeof(left), "  %s%s%s%s%s", row->name,
		    row->may_lack ? "[" : "", row->argument != NULL ? "=" : "",
		    row->argument != NULL ? row->argument : "",
		    row->may_lack ? "]" : "");
		options_print_row(left, row->help, out);
	}
	if (!any)
		fprintf(out, "There are no options (-O) of %s.\n",
		    trace_options_protocol(o));
}

/* ---- reading --------------------------------------------------------------------- */

static const struct module_option *
find_row(uint8_t method, const char *name)
{
	for (size_t i = 0; i < TABLE_COUNT; i++)
		if (table[i].method == method && strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

/* What there is for this protocol: "syn, ack, flags=NUM". */
static int
explain_unknown(const struct trace_options *o, const char *name, char *error)
{
	char shown[OPTIONS_SHOWN_MAX];
	const char *comma = "";
	size_t used;

	snprintf(error, OPTIONS_TEXT_MAX,
	    "-O: '%s' is no option of %s; there %s: ", options_show(name, shown),
	    trace_options_protocol(o), "are");
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		used = strlen(error);
		if (table[i].method == o->method) {
			snprintf(error + used, OPTIONS_TEXT_MAX - used, "%s%s", comma,
			    table[i].name);
			comma = ", ";
		}
	}
	used = strlen(error);
	if (*comma == '\0')
		snprintf(error + used - strlen("there are: "), OPTIONS_TEXT_MAX - used,
		    "it has none");
	return -EINVAL;
}

static int
read_argument(
    const struct module_option *row, const char *text, int64_t *number, char *error)
{
	char shown[OPTIONS_SHOWN_MAX];

	*number = 0;
	if (text == NULL && (row->argument == NULL || row->may_lack))
		return 0;
	if (row->argument == NULL)
		snprintf(error, OPTIONS_TEXT_MAX, "-O %s: takes no value: '%s'",
		    row->name, options_show(text, shown));
	else if (text == NULL)
		snprintf(error, OPTIONS_TEXT_MAX, "-O %s: needs a value: %s=%s",
		    row->name, row->name, row->argument);
	else if (row->action != SET_PROTOCOL && /* its own parser reads that */
		 (options_read_whole(text, row->high, number) != 0 ||
		     *number < row->low))
		snprintf(error, OPTIONS_TEXT_MAX,
		    "-O %s: '%s' is not a whole number from %u to %u", row->name,
		    options_show(text, shown), row->low, row->high);
	else
		return 0;
	return -EINVAL;
}

static int
take_protocol(struct trace_options *o, const char *text, char *error)
{
	char expected[OPTIONS_TEXT_MAX], shown[OPTIONS_SHOWN_MAX];

	if (trace_value_protocol(NULL, text, o, expected) == 0)
		return 0;
	snprintf(error, OPTIONS_TEXT_MAX, "-O protocol: '%s' is not %.250s",
	    options_show(text, shown), expected);
	return -EINVAL;
}

/* Whoever says how to send does not say it twice. */
static int
take_privilege(struct trace_options *o, const struct module_option *row, char *error)
{
	if (o->privilege != PRIVILEGE_AUTO && o->privilege != row->value) {
		snprintf(error, OPTIONS_TEXT_MAX,
		    "-O %s: contradicts --privilege, or raw and dgram each other",
		    row->name);
		return -EINVAL;
	}
	o->privilege = row->value;
	return 0;
}

static int
take_one(struct trace_options *o, struct segment *s, char *name, char *error)
{
	char *argument = strchr(name, '=');
	const struct module_option *row;
	int64_t number;

	if (argument != NULL)
		*argument++ = '\0';
	row = find_row(o->method, name);
	if (row == NULL)
		return explain_unknown(o, name, error);
	if (read_argument(row, argument, &number, error) != 0)
		return -EINVAL;
	switch ((enum action)row->action) {
	case SET_FLAG:
		s->flags |= row->value;
		s->flags_given = true;
		break;
	case SET_FLAGS:
		s->flags = (uint8_t)number;
		s->flags_given = true;
		break;
	case SET_ECN:
		s->flags |= FLAGS_ECN;
		s->flags_given = true;
		break;
	case SET_OPTION:
		s->options |= row->value;
		break;
	case SET_SYSCTL:
		s->sysctl = true;
		break;
	case SET_MSS:
		s->mss = (uint16_t)number;
		o->tcp_mss = 1;
		break;
	case SET_INFO:
		o->tcp_info = 1;
		break;
	case SET_COVERAGE:
		o->start.coverage = (uint16_t)number;
		break;
	case SET_SERVICE:
		o->start.service = (uint32_t)number;
		break;
	case SET_PROTOCOL:
		return take_protocol(o, argument, error);
	case SET_PRIVILEGE:
		return take_privilege(o, row, error);
	case SET_NOTHING:
		break;
	}
	return 0;
}

/* The first digit of a setting of the kernel's; 0 when it cannot be read. */
static int
read_setting(const char *path)
{
	char digit = '0';
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	if (read(fd, &digit, 1) != 1 || digit < '0' || digit > '9')
		digit = '0';
	close(fd);
	return digit - '0';
}

/* What the kernel's own SYNs have, IPv6's too; it asks for ECN if the setting is 1. */
static void
take_settings(struct segment *s)
{
	if (read_setting("/proc/sys/net/ipv4/tcp_sack") != 0)
		s->options |= TCP_OPTION_SACK;
	if (read_setting("/proc/sys/net/ipv4/tcp_timestamps") != 0)
		s->options |= TCP_OPTION_TIMESTAMPS;
	if (read_setting("/proc/sys/net/ipv4/tcp_window_scaling") != 0)
		s->options |= TCP_OPTION_WINDOW_SCALE;
	if (read_setting("/proc/sys/net/ipv4/tcp_ecn") == 1)
		s->flags |= TCP_FLAGS_ECN;
}

/* Whether a protocol has options at all. */
static bool
has_options(uint8_t method)
{
	for (size_t i = 0; i < TABLE_COUNT; i++)
		if (table[i].method == method)
			return true;
	return false;
}

/*
 * traceroute(8) lets a comma stand behind options, and says nothing of options for a
 * protocol that has none.
 */
static bool
is_idle(const struct trace_options *o, const char *name, bool first)
{
	return o->as_traceroute &&
	       ((*name == '\0' && !first) || !has_options(o->method));
}

/* What one -O says. 0, -EINVAL with the reason, or 1: it asks for help. */
static int
take_list(struct trace_options *o, struct segment *s, const char *text, char *error)
{
	char shown[OPTIONS_SHOWN_MAX], copy[256];
	char *rest = copy, *name;

	if (strlen(text) >= sizeof(copy)) {
		snprintf(error, OPTIONS_TEXT_MAX, "-O: '%s' is too long",
		    options_show(text, shown));
		return -EINVAL;
	}
	(void)stpcpy(copy, text);
	while ((name = strsep(&rest, ",")) != NULL) {
		if (strcmp(name, "help") == 0)
			return 1;
		if (!is_idle(o, name, name == copy) && take_one(o, s, name, error) != 0)
			return -EINVAL;
	}
	return 0;
}

/* All that was said of the segment, together. */
static void
settle_segment(struct trace_options *o, struct segment *s)
{
	struct prober_tcp *tcp = &o->start.tcp;
	bool ecn_bits = (o->start.tos & 3) != 0 && o->method == METHOD_TCP &&
			o->program != PROGRAM_PING;

	*tcp = (struct prober_tcp){.mss = s->mss};
	if (!s->flags_given)
		s->flags = TCP_FLAG_SYN;
	/* The kernel's own SYN; sysctl says no more, if it is all that is said. */
	if (s->options == 0 &&
	    (!s->flags_given || (s->sysctl && s->flags == TCP_FLAG_SYN))) {
		/* The kernel keeps the ECN bits (-t) of its own for itself. */
		if (!ecn_bits)
			return;
		s->sysctl = true;
	}
	if (s->sysctl)
		take_settings(s);
	tcp->chosen = 1;
	tcp->flags = s->flags;
	tcp->options = s->options;
	if ((s->flags & TCP_FLAG_SYN) != 0)
		tcp->options |= TCP_OPTION_MSS;
}

int
module_options_take(struct trace_options *o, char *error)
{
	struct segment segment = {0};

	for (size_t i = 0; i < o->module_options_count; i++) {
		int taken = take_list(o, &segment, o->module_options[i], error);

		if (taken < 0)
			return taken;
		if (taken > 0) {
			o->help = o->module_help = 1;
			return 0;
		}
	}
	settle_segment(o, &segment);
	return 0;
}
