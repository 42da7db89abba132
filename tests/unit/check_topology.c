/* tools/fakeroute/topology: the language, its lint, and hostile files. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "tests/support/testing.h"
#include "tools/fakeroute/topology.h"

#define GOOD "router r 10.0.0.1\ntarget t 10.0.0.2\nlink host r t\n"

/* Parses a text; the messages go to *messages, to be freed. */
static struct topology *
parse(const char *text, char **messages)
{
	size_t len;
	FILE *stream = open_memstream(messages, &len);
	struct topology *t;

	ck_assert_ptr_nonnull(stream);
	t = topology_parse("net", text, strlen(text), stream);
	fclose(stream);
	ck_assert_ptr_nonnull(t);
	return t;
}

static struct topology *
parse_good(const char *text)
{
	char *messages = NULL;
	struct topology *t = parse(text, &messages);

	ck_assert_str_eq(messages, "");
	ck_assert_uint_eq(t->errors, 0);
	free(messages);
	return t;
}

static const struct topology_node *
node(const struct topology *t, const char *name)
{
	for (size_t i = 0; i < t->nodes_count; i++)
		if (strcmp(t->nodes[i].name, name) == 0)
			return &t->nodes[i];
	ck_abort_msg("no node %s", name);
}

#define HEX16 "00112233445566778899aabbccddeeff"
#define HEX128 HEX16 HEX16 HEX16 HEX16 HEX16 HEX16 HEX16 HEX16

static const struct {
	const char *text;
	const char *message; /* that the messages must hold */
} wrong[] = {
    {"", "net:0: error: there is no target"},
    {"router r 10.0.0.1\nlink host r\n", "error: there is no target"},
    {GOOD "nonsense\n", "net:4: error: unknown statement 'nonsense'"},
    {GOOD "router\n", "a name is missing"},
    {GOOD "router r 10.0.0.3\n", "net:4: error: 'r' is already"},
    {GOOD "router host 10.0.0.3\n", "(the host)"},
    {GOOD "router a/b 10.0.0.3\n", "net:4: error: 'a/b' is not a name"},
    {GOOD "router abcdefghijklmnopqrstuvwxyzabcdef 10.0.0.3\n", "not a name"},
    {GOOD "router x\n", "'x' has no address"},
    {GOOD "router x 10.0.0.2\n", "net:4: error: 10.0.0.2 is already an address of 't'"},
    {GOOD "router x 10.0.0.300\n", "'10.0.0.300' is neither"},
    {GOOD "router x 10.0.0.0/24\n", "'10.0.0.0/24' is neither"},
    {GOOD "router x 0.0.0.0\n", "'0.0.0.0' is neither"},
    {GOOD "router x fe80::1%lo\n", "is neither"},
    {GOOD "target x 10.0.1.1/24\n", "'10.0.1.1/24' is neither"},
    {GOOD "target x 10.0.1.0/33\n", "'10.0.1.0/33' is neither"},
    {GOOD "target x 10.0.1.0/\n", "is neither"},
    {GOOD "link r t\n", "net:4: error: the link from 'r' to 't' is already in line 3"},
    {GOOD "link t r\n", "closes a loop"},
    {GOOD "link r host\n", "cannot lead from 'r' to 'host'"},
    {GOOD "link r r\n", "cannot lead from 'r' to 'r'"},
    {GOOD "link r\n", "a link needs two"},
    {GOOD "link\n", "a link needs two"},
    {GOOD "link r x\n", "no router or target is called 'x'"},
    {GOOD "link r ,\n", "a name is missing"},
    {GOOD "link r t*0\n", "the weight '0'"},
    {GOOD "link r t*x\n", "the weight 'x'"},
    {GOOD "link r t rtt=5\n", "'rtt=5': a link takes"},
    {GOOD "link r t weight=5\n", "a link takes"},
    {GOOD "link r x[3-1]\n", "'x[3-1]' is not a range"},
    {GOOD "link r x[1-\n", "is not a range"},
    {GOOD "router x[1-3] 10.0.1.[1-4]\n", "has 4 values where another has 3"},
    {GOOD "router x[1-99999] 10.0.1.1\n", "is not a range"},
    {GOOD "router x[1-2]y[1-2] 10.0.1.1\n", "is not a range"},
    {GOOD "target x 10.0.1.1\n", "net:4: error: no links lead from the host to 'x'"},
    {GOOD "router x 192.0.2.2\n", "net:4: error: 192.0.2.2 is the host's address"},
    {GOOD "router x 10.1.1.1 10.1.1.2 10.1.1.3 10.1.1.4 10.1.1.5 10.1.1.6 10.1.1.7 "
	  "10.1.1.8 10.1.1.9\n",
	"'10.1.1.9' is one address too many: a node has up to 8"},
    {GOOD "seed\n", "'': seed takes one number"},
    {GOOD "seed 5 6\n", "'6': seed takes one number"},
    {GOOD "seed -1\n", "seed takes one number"},
    {GOOD "seed 99999999999999999999\n", "seed takes one number"},
    {GOOD "defaults 5\n", "'5' is not an option"},
    {GOOD "defaults foo=5\n", "foo=5: unknown option"},
    {GOOD "defaults rtt\n", "rtt: it takes a time"},
    {GOOD "defaults rtt=5\n", "rtt=5: it takes a time"},
    {GOOD "defaults rtt=-5ms\n", "it takes a time"},
    {GOOD "defaults rtt=.5ms\n", "it takes a time"},
    {GOOD "defaults rtt=1.2.3ms\n", "it takes a time"},
    {GOOD "defaults rtt=99999999999999999999s\n", "it takes a time"},
    {GOOD "defaults loss=5\n", "it takes a percentage"},
    {GOOD "defaults loss=100.1%\n", "it takes a percentage"},
    {GOOD "defaults late=5%\n", "it takes a percentage and a time"},
    {GOOD "defaults late=,5ms\n", "it takes a percentage and a time"},
    {GOOD "defaults silent=maybe\n", "it takes yes or no"},
    {GOOD "defaults quote=some\n", "it takes a number of bytes"},
    {GOOD "defaults mpls=1048576\n", "it takes LABEL"},
    {GOOD "defaults mpls=1:8\n", "it takes LABEL"},
    {GOOD "defaults mpls=1:1:256\n", "it takes LABEL"},
    {GOOD "defaults mpls=1:1:1:1\n", "it takes LABEL"},
    {GOOD "defaults mpls=1,2,3,4,5,6,7,8,9\n", "it takes LABEL"},
    {GOOD "defaults reply-ttl=0\n", "reply-ttl=0: it takes a number from 1 to 255"},
    {GOOD "defaults reply-ttl=1,2,3\n", "or two: of errors, of answers"},
    {GOOD "defaults reply-ttl=1-2\n", "or two: of errors, of answers"},
    {GOOD "defaults duplicates=5%,0\n", "duplicates=5%,0: it takes a percentage"},
    {GOOD "defaults duplicates=5\n", "it takes a percentage (5%), and how many"},
    {GOOD "defaults reordered=1\n", "it takes a percentage"},
    {GOOD "defaults rate=10\n", "rate=10: it takes a number in a time (10/s"},
    {GOOD "defaults rate=0/s\n", "it takes a number in a time"},
    {GOOD "defaults rate=1/0\n", "it takes a number in a time"},
    {GOOD "defaults rate=/s\n", "it takes a number in a time"},
    {GOOD "defaults burst=0\n", "burst=0: it takes a number from 1 to 1000000"},
    {GOOD "defaults rate-of=none\n", "it takes errors or all"},
    {GOOD "defaults ip-id=shared\n", "it takes router, interface, zero, random or"},
    {GOOD "defaults alias=a/b\n", "alias=a/b: it takes a name"},
    {GOOD "router x 10.1.0.1 alias=q rate=1/s\nrouter y 10.1.0.2 alias=q\n",
	"net:5: error: 'y' has another rate than 'x' (line 4), which is the same"},
    {GOOD "router x 10.1.0.1 alias=q\nrouter y 10.1.0.2 alias=q ip-id=copy\n",
	"'y' has another ip-id than 'x'"},
    {GOOD "defaults unreachable=256\n", "it takes net, host"},
    {GOOD "defaults unreachable-at=noon\n", "forward or arrival"},
    {GOOD "defaults mtu=67\n", "from 68 to 65535"},
    {GOOD "defaults balance=evenly\n", "it takes per-flow"},
    {GOOD "defaults hash=colour\n", "it takes fields"},
    {GOOD "defaults hash=\n", "it takes fields"},
    {GOOD "defaults udp=rst\n", "it takes unreachable"},
    {GOOD "defaults udp-open=0\n", "it takes up to 16"},
    {GOOD "defaults udp-open=9-8\n", "it takes up to 16"},
    {GOOD "defaults udp-open=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17\n",
	"it takes up to 16"},
    {GOOD "defaults tcp=fin\n", "it takes rst"},
    {GOOD "defaults icmp=maybe\n", "it takes reply or silent"},
    {GOOD "defaults tcp-closed=http\n", "tcp-closed=http: it takes up to 16"},
    {GOOD "rule\n", "net:4: error: this rule needs the name of a node"},
    {GOOD "rule r\n", "this rule needs the name of a node"},
    {GOOD "rule x drop\n", "net:4: error: no router or target is called 'x'"},
    {GOOD "rule host drop\n", "no router or target is called 'host'"},
    {GOOD "rule r,/ drop\n", "'/' is not the name of a node"},
    {GOOD "rule r burn\n", "net:4: error: 'burn': a rule has the words protocol,"},
    {GOOD "rule r drop colour=red\n", "'colour=red': a rule has the words"},
    {GOOD "rule r protocol=udp\n", "it does nothing: say accept, drop"},
    {GOOD "rule r drop accept\n", "'accept': it takes no value, and a rule does one"},
    {GOOD "rule r drop=yes\n", "'drop=yes': it takes no value"},
    {GOOD "rule r reject\n", "'reject': it takes net, host"},
    {GOOD "rule r reject=256\n", "'reject=256': it takes net, host"},
    {GOOD "rule r reject=reset\n", "only TCP has a reset"},
    {GOOD "rule r drop protocol=ip\n", "'protocol=ip': it takes icmp, tcp"},
    {GOOD "rule r drop protocol=1,2,3,4,5,6,7,8,9,10\n", "up to 8 with commas"},
    {GOOD "rule r drop protocol=\n", "'protocol=': it takes icmp"},
    {GOOD "rule r drop dst=10.0.0.1/8\n", "'dst=10.0.0.1/8': it takes an address"},
    {GOOD "rule r drop src=::/0\n", "it takes an address or a prefix"},
    {GOOD "rule r drop src=10.0.0.1 dst=::2\n",
	"its addresses are of different families"},
    {GOOD "rule r drop dst-port=70000\n", "'dst-port=70000': it takes up to 16"},
    {GOOD "rule r drop icmp-type=256\n", "it takes up to 16 types"},
    {GOOD "rule r drop protocol=icmp dst-port=5\n", "no packet has the ports or"},
    {GOOD "rule r drop protocol=udp icmp-type=5\n", "no packet has the ports or"},
    {GOOD "rule r drop icmp-type=5 src-port=5\n", "no packet has the ports or"},
    {GOOD "rule r drop since=5\n", "'since=5': it takes a time (2s, 30ms) or packets"},
    {GOOD "rule r drop until=5packet\n", "it takes a time (2s, 30ms) or packets"},
    {GOOD "rule r drop since=5s until=5s\n", "it ends before it begins"},
    {GOOD "rule r drop at=noon\n", "'at=noon': it takes forward, arrival or return"},
    {GOOD "rule r reject=net at=return\n", "can only be dropped or accepted"},
    {GOOD "rule r drop at=return dst=10.0.0.2\n", "what comes back is told by"},
    {GOOD "rule r to=x\n", "net:4: error: 'to=x': no router or target is called so"},
    {GOOD "rule r to=host\n", "'to=host': no router or target is called so"},
    {GOOD "rule r to=r\n", "'to=r': a rule leads to another node"},
    {GOOD "rule r to=\n", "'to=': it takes the name of a node"},
    {GOOD "rule r to=t at=arrival\n", "at is for accept, drop and reject"},
    {GOOD "rule r snat=10.0.0.0/8\n", "'snat=10.0.0.0/8': it takes an address"},
    {GOOD "rule r snat=10.0.0.9 dnat=10.0.0.8\n", "and a rule does one thing"},
    {GOOD "rule r snat=10.0.0.9 port=0\n", "'port=0': it takes a port, or FIRST"},
    {GOOD "rule r snat=10.0.0.9 port=1,2\n", "it takes a port, or FIRST-LAST"},
    {GOOD "rule r drop port=5\n", "port and quotes are for snat and dnat"},
    {GOOD "rule r drop quotes=translated\n", "port and quotes are for"},
    {GOOD "rule r snat=10.0.0.9 quotes=no\n", "it takes restored, checksum or"},
    {GOOD "rule r snat=10.0.0.9 errors=kept\n", "errors is for dnat"},
    {GOOD "rule r dnat=10.0.0.9 dst=::/1\n", "'dst=::/1': it takes an address"},
    {GOOD "rule r dnat=10.0.0.9 dst=::9\n", "its addresses are of different"},
    {GOOD "defaults ttl=0\n", "ttl=0: it takes normal, keep or zero"},
    {GOOD "defaults errors-from=1\n", "it takes an address, or one of each"},
    {GOOD "defaults answers-from=10.0.0.1,10.0.0.2\n", "or one of each family"},
    {GOOD "defaults misquote=ttl\n", "misquote=ttl: it takes FIELD:CHANGE"},
    {GOOD "defaults misquote=ttl:\n", "it takes FIELD:CHANGE"},
    {GOOD "defaults misquote=colour:1\n", "it takes FIELD:CHANGE"},
    {GOOD "defaults misquote=ttl:256\n", "it takes FIELD:CHANGE"},
    {GOOD "defaults misquote=ttl:swap\n", "it takes FIELD:CHANGE"},
    {GOOD "defaults misquote=id:partial\n", "it takes FIELD:CHANGE"},
    {GOOD "defaults misquote=src:5\n", "it takes FIELD:CHANGE"},
    {GOOD "defaults misquote=tos:1,tos:1,tos:1,tos:1,tos:1,tos:1,tos:1,tos:1,tos:1\n",
	"it takes FIELD:CHANGE, up to 8"},
    {GOOD "defaults altered=5\n", "altered=5: it takes a percentage"},
    {GOOD "link r t since=5s until=1s\n", "this link ends before it begins"},
    {GOOD "link r t since=never\n", "'since=never': a link takes"},
    {GOOD "link t r since=5s\n", "closes a loop; if one is wanted"},
    {GOOD "rule r drop x[1-\n", "'x[1-' is not a range"},
    {GOOD "extension r\n", "net:4: error: this extension needs the name of a node"},
    {GOOD "extension x mpls=5\n", "net:4: error: no router or target is called 'x'"},
    {GOOD "extension r colour=5\n", "'colour=5': an extension has the words mpls,"},
    {GOOD "extension r mpls=1048576\n", "'mpls=1048576': it takes LABEL"},
    {GOOD "extension r mpls=5 interface=outgoing\n", "say one of mpls, interface"},
    {GOOD "extension r mpls=5 mpls=6\n", "say one of mpls, interface"},
    {GOOD "extension r name=eth0\n", "say one of mpls, interface"},
    {GOOD "extension r interface=up\n", "'interface=up': it takes incoming, sub-ip"},
    {GOOD "extension r interface\n", "'interface': it takes incoming, sub-ip"},
    {GOOD "extension r interface=outgoing index=-1\n", "it takes a number of 32"},
    {GOOD "extension r interface=outgoing mtu=4294967296\n", "a number of 32 bits"},
    {GOOD "extension r interface=outgoing address=eth0\n", "it takes an address"},
    {GOOD "extension r interface=outgoing name=\n", "it takes up to 63 bytes"},
    {GOOD "extension r object=1:1 name=eth0\n", "are of an interface"},
    {GOOD "extension r mpls=5 data=00\n", "data is of an object"},
    {GOOD "extension r object=256:1\n", "'object=256:1': it takes CLASS:TYPE"},
    {GOOD "extension r object=1\n", "'object=1': it takes CLASS:TYPE"},
    {GOOD "extension r object=1:1 data=abc\n", "it takes an even number of hexa"},
    {GOOD "extension r object=1:1 data=0g\n", "it takes an even number of hexa"},
    {GOOD "extension r object=1:1 data=\n", "it takes an even number of hexa"},
    {GOOD "extension r object=1:1 length=65536\n", "it takes a number from 0 to"},
    {GOOD "extension r structure=20 length=4\n", "a structure has no length but"},
    {GOOD "extension r structure=20\nextension r mpls=5\n",
	"net:5: error: the structure of 'r' must be all"},
    {GOOD "router x 10.1.0.1 mpls=5\nextension x structure=20\n",
	"net:5: error: the structure of 'x' must be all"},
    {GOOD "extension r object=1:1 data=" HEX128 "\n"
	  "extension r object=1:1 data=" HEX128 "\n"
	  "extension r object=1:1 data=" HEX128 "\n"
	  "extension r object=1:1 data=0102030405060708090a0b0c0d0e0f101112131415\n",
	"net:7: error: the extension of 'r' is longer than the 420 bytes that an ICMP "
	"error over IPv4"},
    {GOOD "defaults extension-version=16\n", "a number from 0 to 15"},
    {GOOD "defaults extension-length=x\n", "a number from 0 to 255, or right"},
    {GOOD "defaults extension-checksum=no\n", "it takes right, wrong or zero"},
    {"host\n" GOOD, "the host needs an address"},
    {"host 10.9.0.1\nhost 10.9.0.2\n" GOOD, "net:2: error: the host is already"},
    {"host 10.9.0.1 mtu=100\n" GOOD, "mtu=100: it takes a number from 576 to 9000"},
    {"host 10.0.0.1\n" GOOD, "10.0.0.1 is already an address of 'host'"},
};

START_TEST(test_wrong)
{
	char *messages = NULL;
	struct topology *t = parse(wrong[_i].text, &messages);

	ck_assert_uint_gt(t->errors, 0);
	ck_assert_msg(strstr(messages, wrong[_i].message) != NULL, "'%s' gave '%s'",
	    wrong[_i].text, messages);
	topology_free(t);
	free(messages);
}
END_TEST

static const struct {
	const char *text;
	const char *message;
} doubtful[] = {
    {GOOD "router x 10.0.0.3\n", "net:4: warning: no links lead from the host to 'x'"},
    {GOOD "router x 10.0.0.3\nlink r x\n",
	"net:4: warning: no links lead from 'x' to a target"},
    {"host 10.9.0.1\nrouter r 10.0.0.1\ntarget t ::1:2\nlink host r t\n",
	"net:3: warning: 't' has an IPv6 address, the host has none"},
};

START_TEST(test_doubtful)
{
	char *messages = NULL;
	struct topology *t = parse(doubtful[_i].text, &messages);

	ck_assert_uint_eq(t->errors, 0);
	ck_assert_uint_eq(t->warnings, 1);
	ck_assert_msg(
	    strstr(messages, doubtful[_i].message) != NULL, "gave '%s'", messages);
	topology_free(t);
	free(messages);
}
END_TEST

START_TEST(test_options)
{
	struct topology *t = parse_good(
	    "seed 0x10 # a comment\n"
	    "host 192.0.2.7 2001:db8::7 mtu=1400\n"
	    "link host a t    # before they are described\n"
	    "defaults rtt=2.5ms loss=0.25% silent\n"
	    "router a 10.0.0.1 2001:db8:1::1 10.0.0.2 silent=no jitter=30us "
	    "late=20%,300ms duplicates=100% quote=28 quote6=60 mpls=5,6:7:8 "
	    "mpls-noncompliant reply-ttl=64 unreachable=9 unreachable-at=arrival "
	    "mtu=1300 balance=per-packet hash=ports,tos\r\n"
	    "target\tt 203.0.113.0/24 udp=echo udp-open=7,10-20 tcp=syn-ack "
	    "tcp-open=80 icmp=silent flow-label=off");
	const struct topology_options *a = &node(t, "a")->options;
	const struct topology_options *target = &node(t, "t")->options;

	ck_assert_uint_eq(t->seed, 16);
	ck_assert_uint_eq(t->mtu, 1400);
	ck_assert_uint_eq(node(t, "a")->addrs_count, 3);
	ck_assert_int_eq(a->rtt, 2500 * NS_PER_US);
	ck_assert_int_eq(a->jitter, 30 * NS_PER_US);
	ck_assert_uint_eq(a->loss, 2500);
	ck_assert(!a->silent);
	ck_assert_uint_eq(a->late, 200000);
	ck_assert_int_eq(a->late_delay, 300 * NS_PER_MS);
	ck_assert_uint_eq(a->duplicates, TOPOLOGY_CERTAIN);
	ck_assert_uint_eq(a->quote[0], 28);
	ck_assert_uint_eq(a->quote[1], 60);
	ck_assert_uint_eq(a->labels_count, 2);
	ck_assert_uint_eq(a->labels[0].label, 5);
	ck_assert_uint_eq(a->labels[0].ttl, 1);
	ck_assert_uint_eq(a->labels[1].traffic_class, 7);
	ck_assert_uint_eq(a->labels[1].ttl, 8);
	ck_assert(a->mpls_noncompliant);
	ck_assert_uint_eq(a->reply_ttl[0], 64);
	ck_assert_uint_eq(a->reply_ttl[1], 64);
	ck_assert_uint_eq(a->unreachable, TOPOLOGY_UNREACHABLE_CODE);
	ck_assert_uint_eq(a->unreachable_code, 9);
	ck_assert(a->unreachable_on_arrival);
	ck_assert_uint_eq(a->mtu, 1300);
	ck_assert_uint_eq(a->balance, TOPOLOGY_PER_PACKET);
	ck_assert_uint_eq(a->hash_fields, 1 << TOPOLOGY_FIELD_SRC_PORT |
					      1 << TOPOLOGY_FIELD_DST_PORT |
					      1 << TOPOLOGY_FIELD_TOS);
	ck_assert(target->silent);
	ck_assert_uint_eq(target->udp, TOPOLOGY_UDP_ECHO);
	ck_assert(topology_ranges_have(&target->udp_open, 20));
	ck_assert(!topology_ranges_have(&target->udp_open, 21));
	ck_assert_uint_eq(target->tcp, TOPOLOGY_TCP_SYN_ACK);
	ck_assert(target->icmp_silent);
	ck_assert_uint_eq(target->hash_fields & 1 << TOPOLOGY_FIELD_FLOW_LABEL, 0);
	topology_free(t);
}
END_TEST

START_TEST(test_groups)
{
	struct topology *t =
	    parse_good("router a 10.0.0.1\n"
		       "router b[2-4] 10.0.[2-4].1 mpls=1[2-4] rtt=[2-4]ms\n"
		       "target t 10.9.0.1\n"
		       "link host a b[2-3]*5,b4 t rtt=7ms loss=1%\n");

	ck_assert_uint_eq(t->nodes_count, 6);
	ck_assert_uint_eq(node(t, "b3")->options.labels[0].label, 13);
	ck_assert_int_eq(node(t, "b4")->options.rtt, 4 * NS_PER_MS);
	ck_assert_uint_eq(t->links_count, 1 + 3 + 3);
	ck_assert_uint_eq(t->links[1].weight, 5);
	ck_assert_uint_eq(t->links[3].weight, 1);
	ck_assert_int_eq(t->links[4].rtt, 7 * NS_PER_MS);
	ck_assert_uint_eq(t->links[4].loss, 10000);
	topology_free(t);
}
END_TEST

START_TEST(test_shared_and_default_host)
{
	struct topology *t = parse_good("router a 10.0.0.1 shared\n"
					"router b 10.0.0.1 shared\n"
					"router dark silent\n"
					"target t 10.9.0.1\n"
					"link host a b dark t\n");

	ck_assert_uint_eq(t->nodes[TOPOLOGY_HOST].addrs_count, 2);
	ck_assert_uint_eq(t->seed, 1);
	ck_assert_uint_eq(t->mtu, 1500);
	topology_free(t);
}
END_TEST

/* The same numbers in every run. */
static size_t
pick(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

/* Any bytes give a topology or errors, never a fault: the sanitizers listen. */
START_TEST(test_hostile)
{
	static const char pool[] = "router target link host seed defaults r[1-4] "
				   "10.0.0.[1-4] = , * # \n\t2001:db8::1/64 rtt=1ms";
	char text[400];
	struct topology *t;

	uint32_t state = (uint32_t)_i + 1;
	for (int run = 0; run < 2000; run++) {
		size_t len = pick(&state) % sizeof(text);

		for (size_t at = 0; at < len;) {
			size_t from = pick(&state) % sizeof(pool);
			size_t part = 1 + pick(&state) % 12;

			for (; part > 0 && at < len && from < sizeof(pool); part--)
				text[at++] = pool[from++];
			if (pick(&state) % 8 == 0 && at < len)
				text[at++] = (char)pick(&state);
		}
		t = topology_parse("net", text, len, NULL);
		ck_assert_ptr_nonnull(t);
		topology_free(t);
	}
}
END_TEST

START_TEST(test_changes)
{
	struct topology *t =
	    parse_good("router a 10.0.0.1\n"
		       "router b 10.0.0.2\n"
		       "target t 10.9.0.1\n"
		       "link host a b t until=40packets\n"
		       "link host b a t since=40packets rtt=5ms\n"
		       "link host a rtt=1ms since=1.5s\n" /* again, another time */
		       "rule b to=a\n"
		       "rule a to=b until=3s\n");

	ck_assert_uint_eq(t->links_count, 7);
	ck_assert_uint_eq(t->links[0].span.since.kind, TOPOLOGY_MOMENT_NONE);
	ck_assert_uint_eq(t->links[0].span.until.kind, TOPOLOGY_MOMENT_PACKETS);
	ck_assert_int_eq(t->links[0].span.until.value, 40);
	ck_assert_uint_eq(t->links[6].span.since.kind, TOPOLOGY_MOMENT_TIME);
	ck_assert_int_eq(t->links[6].span.since.value, 1500 * NS_PER_MS);
	/* The rules lead over links of the file. */
	ck_assert_uint_eq(t->links[t->rules[0].link].from, 2);
	ck_assert_uint_eq(t->links[t->rules[0].link].to, 1);
	ck_assert_uint_eq(t->rules[1].link, 1);
	topology_free(t);
	t = parse_good(GOOD "router x 10.0.0.3\nlink x t\nrule r to=x\n");
	ck_assert_uint_eq(t->links_count, 4);
	ck_assert_uint_eq(t->links[3].weight, 0);
	topology_free(t);
}
END_TEST

START_TEST(test_files)
{
	ck_assert_ptr_null(topology_load("/nowhere", NULL));
	ck_assert_ptr_null(topology_load("/", NULL));
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {test_wrong, .loops = sizeof(wrong) / sizeof(*wrong)},
	    {test_doubtful, .loops = sizeof(doubtful) / sizeof(*doubtful)},
	    {test_options},
	    {test_groups},
	    {test_shared_and_default_host},
	    {test_hostile, .loops = 4},
	    {test_changes},
	    {test_files},
	};

	return test_main("topology", tests, COUNT_OF(tests));
}
