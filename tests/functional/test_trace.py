"""paris-traceroute against the simulator's truth: every probe of a trace is compared
with what the simulated network says of that very packet."""

import re
import unittest
from collections import Counter

import paris
from multipath import fan

V4, V6 = "198.51.100.9", "2001:db8:ffff::9"
# What a trace can be sent as: its arguments and its target.
KINDS = tuple((method, target) for method in ((), ("-I",)) for target in (V4, V6))
# One probe at a time, so slow where much is silent; more in test_tcp.
TCP = tuple((("-T",), target) for target in (V4, V6))
WINDOW_DEFAULT = 16  # hops whose queries may all be in flight
TIME_LIMIT = 600
FIRST = True


def far(name, rtt="100ms"):
    """A topology of the folder with longer round trips, so that many probes are out at
    once."""
    text = (paris.TOPOLOGIES / name).read_text()
    assert "rtt=1ms" in text
    return text.replace("rtt=1ms", f"rtt={rtt}")


def same_segment(one, other):
    return all(one[name] == other.get(name) for name in
               ("src_port", "dst_port", "sequence", "flags"))


class Trace:
    """One run: what the tool says, and what the network knows."""

    def __init__(self, topology, *arguments, status=0, options=(), limit=30):
        # No wait that a busy machine may take for silence, unless one is given.
        self.result = paris.undisturbed(
            topology, "paris-traceroute", "-n", "--format", "json", "-w", "5", *arguments,
            options=("--report-probes", *options), limit=limit)
        if self.result.returncode != status:
            raise AssertionError(f"expected exit status {status}, got {self.result}")
        self.json = self.result.json
        self.report = self.result.report
        self.target = self.json["target"]
        self.first = {}  # by node: the address of our family that its errors come from
        for node in self.report["nodes"]:
            for address in reversed(node["addresses"]):
                if (":" in address) == (":" in self.target):
                    self.first[node["name"]] = address.partition("/")[0]
        packets = [probe for probe in self.report["probes"]
                   if probe["dst"] == self.target]
        # Of a connection only its first segment is a probe; the kernel may repeat it.
        self.sent = [one for at, one in enumerate(packets)
                     if "flags" not in one or one["flags"] == "SYN"
                     and not any(same_segment(one, other) for other in packets[:at])]
        self.resent = sum(one.get("flags") == "SYN" for one in packets) - len(self.sent) \
            if self.json["protocol"] == "tcp" else 0

    def hops(self):
        """{ttl: probes}, those past the end included."""
        return {hop["ttl"]: hop["probes"]
                for hop in self.json["hops"] + self.json.get("hops_past_end", [])}

    def records(self):
        """(ttl, record) of every query."""
        return [(ttl, probe) for ttl, probes in self.hops().items() for probe in probes]

    def path(self):
        """[set of addresses] hop by hop, up to the end."""
        return [{probe["from"] for probe in hop["probes"] if "from" in probe}
                for hop in self.json["hops"]]

    def truth(self):
        """{ttl: set of addresses that probes with this TTL really met}."""
        found = {}
        for probe in self.sent:
            found.setdefault(probe["ttl"], set()).add(self.address(probe))
        return found

    def address(self, probe):
        """From where a probe is answered: a target answers from what was probed."""
        kind = {node["name"]: node["kind"] for node in self.report["nodes"]}
        if kind[probe["node"]] == "target":
            return self.target
        return self.first.get(probe["node"])

    def target_node(self):
        """The node that the target is an address of."""
        return next(probe["node"] for probe in self.sent
                    if self.address(probe) == self.target)

    def links(self):
        return {(link["from"], link["to"]) for link in self.report["links"]}


class TraceTest(unittest.TestCase):
    about = None  # which trace is being checked, for messages

    def _formatMessage(self, msg, standardMsg):
        return super()._formatMessage((self.about, msg), standardMsg)

    def check(self, trace, one_flow=True, may_be_late=False):
        """All that must hold of any trace. A probe's number is its place in the order
        of sending, so it names the very packet in the report."""
        json, sent = trace.json, trace.sent
        self.assertEqual(json["counters"]["sent"], len(sent) + trace.resent)
        answered = 0
        for ttl, record in trace.records():
            truth = sent[record["probe"]]
            self.assertEqual(truth["ttl"], ttl, record)
            if record["status"] == "answered":
                answered += 1
                self.assertEqual(truth["result"], "answered", record)
                self.assertEqual(record["from"], trace.address(truth), record)
            else:
                self.assertEqual(record["status"], "lost")
                if not may_be_late:
                    self.assertNotEqual(truth["result"], "answered", record)
        # Of queries that were asked again both answers count.
        again = json["counters"]["asked_again"]
        self.assertTrue(answered <= json["counters"]["replies"] <= answered + again)
        others = Counter(other["status"] for other in json.get("other_replies", ()))
        for status, counter in (("ambiguous", "ambiguous"), ("late", "late")):
            self.assertEqual(others[status], json["counters"][counter])
        self.assertLessEqual(others["duplicate"], json["counters"]["duplicates"])
        for other in json.get("other_replies", ()):
            if other["status"] != "ambiguous":
                truth = sent[other["probe"]]
                self.assertEqual((truth["ttl"], truth["result"]),
                                 (other["ttl"], "answered"))
                self.assertEqual(other["from"], trace.address(truth))
        self.check_extent(trace)
        if one_flow:
            flows = [flow for flow in trace.report["flows"] if flow["dst"] == json["target"]]
            self.assertEqual(len(flows), 1)
            if json["protocol"] != "tcp":  # whose connections have other segments too
                self.assertEqual(flows[0]["count"], len(sent))

    def check_extent(self, trace):
        """Every hop up to the end has all its queries, none is missing."""
        asked, stop = trace.json["options"], trace.json["stop"]
        self.assertEqual([hop["ttl"] for hop in trace.json["hops"]],
                         list(range(asked["first_ttl"], stop["ttl"] + 1)))
        for hop in trace.json["hops"]:
            self.assertEqual([probe["query"] for probe in hop["probes"]],
                             list(range(asked["queries"])), hop["ttl"])

    def check_real_path(self, trace):
        """The addresses are one path of the network, from the host to the target."""
        path = trace.path()
        self.assertTrue(all(len(hop) == 1 for hop in path), path)
        names = {address: name for name, address in trace.first.items()}
        names[trace.target] = trace.target_node()
        nodes = ["host"] + [names[hop.pop()] for hop in path]
        self.assertLessEqual(set(zip(nodes, nodes[1:])), trace.links(), nodes)
        flow, = (flow for flow in trace.report["flows"] if flow["dst"] == trace.target)
        self.assertFalse(flow["varied"])
        self.assertEqual(nodes[1:], flow["nodes"])

    def matrix(self, topology, *arguments, kinds=KINDS + TCP, queries=(1, 3, 10), **more):
        """Traces of each kind with each number of queries, checked."""
        cases = [(*method, "-q", number, *arguments, target) for method, target in kinds
                 for number in (queries[:2] if method == ("-T",) else queries)]
        for trace in self.each(topology, cases):
            self.check(trace, **more)
            yield trace

    def each(self, topology, cases, **more):
        """Traces with each of several lists of arguments."""
        for words, trace in paris.in_parallel(lambda case: Trace(topology, *case, **more),
                                              cases):
            self.about = (topology, words)
            yield trace


class Lines(TraceTest):
    """Networks with one path."""

    def check_line(self, topology, routers, rtt_ms=0.0):
        for trace in self.matrix(topology):
            v6 = ":" in trace.target
            expected = [f"2001:db8:{n}::1" if v6 else f"10.0.{n}.1"
                        for n in range(1, routers + 1)] + [trace.target]
            self.assertEqual(trace.path(), [{address} for address in expected])
            self.assertEqual(trace.json["stop"], {"reason": "reached", "ttl": routers + 1})
            for ttl, record in trace.records():
                hop = min(ttl, routers + 1)
                self.assertGreaterEqual(record["rtt_ms"] + 1e-6, rtt_ms * hop)
                self.assertLess(record["rtt_ms"], 1000 * trace.result.seconds)

    def test_line(self):
        self.check_line("line.topo", 14, 2.7)

    def test_instant(self):
        self.check_line("instant.topo", 4)

    def test_short_quotes(self):
        self.check_line("short-quotes.topo", 9, 2.0)

    def test_mpls(self):
        stacks = {1: None, 2: [(16001, 0, True, 1)],
                  3: [(16002, 0, False, 1), (17, 5, True, 254)],
                  4: [(299776, 3, True, 7)], 5: [(16003, 0, True, 1)], 6: None}
        for trace in self.matrix("mpls.topo", queries=(1, 3)):
            self.check_real_path(trace)
            for hop in trace.json["hops"]:
                for probe in hop["probes"]:
                    found = [(entry["label"], entry["traffic_class"],
                              entry["bottom_of_stack"], entry["ttl"])
                             for entry in probe["extensions"][0]["mpls"]] \
                            if "extensions" in probe else None
                    self.assertEqual(found, stacks[hop["ttl"]], hop["ttl"])

    def test_mpls_in_text(self):
        for method, target in KINDS + TCP:
            result = paris.undisturbed("mpls.topo", "paris-traceroute", "-n", "-e", "-q1",
                                       "-w", "5", *method, target)
            self.assertEqual(result.returncode, 0, result)
            lines = result.stdout.splitlines()
            self.assertIn(" <MPLS:L=16001,E=0,S=1,T=1> ", lines[2])
            self.assertIn(" <MPLS:L=16002,E=0,S=0,T=1/L=17,E=5,S=1,T=254> ", lines[3])
            self.assertNotIn("MPLS", lines[1] + lines[6])


class Balanced(TraceTest):
    """Networks with several paths: a trace shows one of them, from end to end."""

    def check_balanced(self, topology, targets=(V4, V6), queries=(1, 3, 10)):
        kinds = tuple((method, target) for method, _ in (KINDS + TCP)[::2]
                      for target in targets)
        for trace in self.matrix(topology, kinds=kinds, queries=queries):
            self.assertEqual(trace.json["stop"]["reason"], "reached")
            self.check_real_path(trace)

    def test_diamond(self):
        self.check_balanced("diamond.topo")

    def test_fan(self):
        self.check_balanced("fan.topo")
        self.check_balanced("fan.topo", ("203.0.113.77", "2001:db8:fffe::77"), (3,))

    def test_meshed(self):
        self.check_balanced("meshed.topo")
        self.check_balanced("meshed.topo", ("198.51.100.10", "2001:db8:ffff::10"), (3,))

    def test_every_flow_takes_a_real_path(self):
        cases = [(*method, "-q1", f"--flow-id={flow}", target) for flow in range(20)
                 for method, target in KINDS + TCP]
        for trace in self.each("meshed.topo", paris.some(cases)):
            self.check(trace)
            self.check_real_path(trace)

    def test_same_flow_same_path(self):
        for method, target in KINDS + TCP:
            paths, ends = [], []
            for trace in self.each("fan.topo", 5 * [(*method, "--flow-id=7", target)]):
                if method == ("-I",):  # the kernel chooses the ICMP id of each run
                    ends.append(trace.json["icmp_checksum"])
                else:
                    paths.append(trace.path())
                    ends.append((trace.json["src_port"], trace.json["dst_port"]))
            self.assertEqual(len(set(ends)), 1)
            self.assertTrue(all(path == paths[0] for path in paths))

    def test_flows_spread(self):
        """Of 48 flows over 2 and over 4 ways, more than one way is seen at each: that
        chance makes it fail is (1/2)^47."""
        for method, target in KINDS + TCP:
            met = [set(), set()]
            for flow in range(48):
                trace = Trace("diamond.topo", *method, "-q1", f"--flow-id={flow}", target)
                met[0] |= trace.path()[1]
                met[1] |= trace.path()[3]
                if len(met[0]) > 1 and len(met[1]) > 1:
                    break
            self.assertEqual(len(met[0]), 2)
            self.assertGreaterEqual(len(met[1]), 2)

    def test_per_packet(self):
        for trace in self.matrix(fan(64, "balance=per-packet"), queries=(3, 10)):
            self.assertEqual([len(hop) for n, hop in enumerate(trace.path()) if n != 1],
                             [1, 1, 1])
            if trace.json["options"]["queries"] == 10:  # all alike: 64^-9
                self.assertGreater(len(trace.path()[1]), 1)

    def test_algorithm_traceroute_varies_the_flow(self):
        for target in (V4, V6):
            trace = Trace(fan(64), "-a", "traceroute", "-q10", target)
            self.check(trace, one_flow=False)
            self.assertEqual(len({probe["dst_port"] for probe in trace.sent}),
                             len(trace.sent))
            self.assertGreater(len(trace.path()[1]), 1)  # all alike: 64^-9


class Adverse(TraceTest):
    """Loss, silence, duplicates and late replies."""

    def test_lossy(self):
        lost = 0  # and nothing from the target, with half of the answers: 2^-57
        for trace in self.matrix("lossy.topo", "-w", "0.4", "-m", "60", kinds=KINDS,
                                 queries=(1, 3, 10), may_be_late=True):
            lost += sum(record["status"] == "lost" for _, record in trace.records())
            # probes past the end may be given up too, untold
            self.assertGreaterEqual(trace.json["counters"]["timeouts"],
                                    sum(record["status"] == "lost"
                                        for _, record in trace.records()))
        self.assertGreater(lost, 0)

    def test_silent_tail(self):
        for trace in self.silent("-w", "0.3", status=1):
            self.assertEqual(trace.json["stop"], {"reason": "hop_limit", "ttl": 30})
            self.assertEqual([len(hop) for hop in trace.path()], [1] * 3 + [0] * 27)

    def test_gap_limit(self):
        for trace in self.silent("-w", "0.3", "--gap-limit", "4", kinds=KINDS + TCP,
                                 status=1):
            self.assertEqual(trace.json["stop"], {"reason": "gap_limit", "ttl": 7})

    def silent(self, *arguments, status, kinds=KINDS):
        cases = [(*method, *arguments, target) for method, target in kinds]
        for trace in self.each("silent-tail.topo", cases, status=status):
            self.check(trace)
            yield trace

    def test_duplicates_and_late(self):
        """With a long wait each probe is answered; with short ones some are lost, and
        what comes then is told as late, of the right probe."""
        totals = Counter()
        for target in ("198.51.100.2", "2001:db8:ffff::2", "203.0.113.9",
                       "2001:db8:fffe::9"):
            for method in ((), ("-I",)):
                trace = Trace("duplicates-late.topo", *method, "-w", "5", target)
                self.check(trace)
                self.check_real_path(trace)
                totals.update(trace.json["counters"])
                trace = Trace("duplicates-late.topo", *method, "-q10", "-z", "0.01", "-w",
                              "1,1,1", target)
                self.check(trace, may_be_late=True)
                totals.update(trace.json["counters"])
        self.assertGreater(totals["duplicates"], 0)
        self.assertGreater(totals["late"], 0)
        self.assertGreater(totals["timeouts"], 0)

    def test_targets(self):
        """By the way a target answers: whether it is reached, and by what reply."""
        answers = {1: ("unreachable", "echo_reply"), 2: ("udp_data", "echo_reply"),
                   3: ("udp_data", "echo_reply"), 4: (None, "echo_reply"),
                   5: ("unreachable", None), 8: (None, None)}
        for number, kinds in answers.items():
            for method, reply in zip(((), ("-I",)), kinds):
                for prefix in ("198.51.100.", "2001:db8:ffff::"):
                    with self.subTest(number=number, method=method, prefix=prefix):
                        trace = Trace("targets.topo", *method, "-m", "4",
                                      *(() if reply else ("-w", "0.5")),
                                      f"{prefix}{number}", status=0 if reply else 1)
                        # an echo shows nothing of which probe it answers
                        if reply == "udp_data":
                            self.assertEqual(trace.path()[1], {trace.target})
                        else:
                            self.check(trace)
                        found = {probe.get("reply")
                                 for probe in trace.json["hops"][1]["probes"]}
                        self.assertEqual(found, {reply})
                        self.assertEqual(trace.json["stop"], {
                            "reason": "reached" if reply else "hop_limit",
                            "ttl": 2 if reply else 4})

    def test_reply_ttl(self):
        for method, target in KINDS:
            trace = Trace("targets.topo", *method, target)
            self.assertEqual([probe["reply_ttl"] for _, probe in trace.records()][:6],
                             [255] * 3 + [127] * 3)


class Extent(TraceTest):
    """Which probes are sent: -f, -m, -N, and none without need."""

    def past_end(self, trace):
        return [probe for probe in trace.sent if probe["ttl"] > trace.json["stop"]["ttl"]]

    def test_no_more_past_the_end_than_the_window(self):
        for topology, windows in (("line.topo", (20, None)), ("diamond.topo", (2, None)),
                                  ("instant.topo", (1, 2, 7, None))):
            cases = [(window, queries, method, target) for method, target in KINDS
                     for queries in (1, 3, 10) for window in windows]
            for (window, queries, method, target), trace in paris.in_parallel(
                    lambda case, name=topology: Trace(
                        name, *case[2], "-q", case[1], *(("-N", case[0]) if case[0] else ()),
                        case[3]), paris.some(cases)):
                self.about = (topology, method, target, queries, window)
                self.check(trace)
                out = window or WINDOW_DEFAULT * queries
                self.assertLess(len(self.past_end(trace)), out)

    def test_window_holds(self):
        """Never more than N probes are unanswered, by the capture; and so many are, but
        where answers come faster than probes are sent."""
        def most_out(trace):
            out = most = 0
            for packet in trace.result.packets():
                if packet.dst == trace.target:
                    out += 1
                    most = max(most, out)
                elif packet.dst == trace.json["source"]:
                    out -= 1
            return most

        for method, target in KINDS:
            for window in (1, 2, 5):
                trace = paris.until(
                    lambda trace, n=window: most_out(trace) >= n,
                    lambda m=method, n=window, t=target: Trace(
                        far("diamond.topo", "5ms"), *m, "-N", n, "-q", "3", t))
                self.assertEqual(most_out(trace), window)

    def test_first_and_last(self):
        for method, target in KINDS + TCP:
            ranges = ((1, 1), (3, 3), (4, 9), (15, 15), (16, 20), (1, 255))
            for (first, last), trace in paris.in_parallel(
                    lambda case, m=method, t=target: Trace(
                        "line.topo", *m, "-q2", "-f", case[0], "-m", case[1], t,
                        status=0 if case[1] >= 15 else 1), ranges):
                reached = last >= 15
                self.check(trace)
                ttls = {probe["ttl"] for probe in trace.sent}
                self.assertEqual(min(ttls), first)
                self.assertLessEqual(max(ttls), last)
                if reached:
                    self.assertEqual(trace.json["stop"]["reason"], "reached")
                    self.assertEqual(trace.json["stop"]["ttl"], max(first, 15))
                else:
                    self.assertEqual(trace.json["stop"],
                                     {"reason": "hop_limit", "ttl": last})

    def test_what_is_said_stands_behind_the_trace(self):
        """Where one terminal, or a pipe, takes standard output and standard error."""
        for arguments in ("-m3", "-m3 -T", "-m3 -q1 -I", "-m3 -a packetbypacket"):
            with self.subTest(arguments):
                command = ["paris-traceroute", "-n", "-w", "5", *arguments.split(), V4]
                result = paris.undisturbed("line.topo", "sh", "-c", 'exec "$@" 2>&1', "sh",
                                           *paris.started_with(command))
                self.assertEqual([line.split()[0] for line in result.stdout.splitlines()],
                                 ["traceroute", "1", "2", "3", "paris-traceroute:"])

    def test_timeout_of_the_whole(self):
        def known(trace):
            return [len(hop) for hop in trace.path()[:3]] == [1, 1, 1]

        for _, trace in paris.in_parallel(
                lambda kind: paris.until(known, lambda: Trace(  # in time, for once
                    "silent-tail.topo", *kind[0], "--timeout", "1.5", kind[1], status=1)),
                KINDS + TCP):
            self.assertEqual(trace.json["stop"]["reason"], "timed_out")
            self.assertTrue(known(trace), trace.result)
            self.assertLess(trace.result.seconds, 20 * paris.SLOWNESS)


class OnTheWire(unittest.TestCase):
    """Options that are seen in the packets."""

    def probes(self, *arguments, topology="instant.topo", status=0):
        result = paris.undisturbed(topology, "paris-traceroute", "-n", "-q2", "-w", "5",
                                   *arguments)
        self.assertEqual(result.returncode, status, result)
        target = next(one for one in arguments[::-1] if one in (V4, V6))
        packets = [packet for packet in result.packets() if packet.dst == target]
        self.assertTrue(packets)
        self.assertTrue(all(packet.fragment_offset or packet.more_fragments
                            or packet.checksum_ok for packet in packets))
        return packets

    def values(self, name, *arguments, **more):
        return {getattr(packet, name) for packet in self.probes(*arguments, **more)}

    def test_ports(self):
        for target in (V4, V6):
            self.assertEqual(self.values("sport", "--sport", "31234", target), {31234})
            self.assertEqual(self.values("dport", "-p", "4444", target), {4444})
            self.assertEqual(self.values("dport", target), {33434})
            self.assertEqual(self.values("dport", "-U", target), {53})
            self.assertEqual(self.values("dport", "-U", "-p", "54", target), {54})

    def test_first_sequence(self):
        for target in (V4, V6):
            packets = self.probes("-I", "-p", "700", target)
            self.assertEqual([packet.seq for packet in packets],
                             list(range(700, 700 + len(packets))))

    def test_tos(self):
        for method, target in KINDS:
            self.assertEqual(self.values("tos", *method, "-t", "184", target), {184})
            self.assertEqual(self.values("tos", *method, target), {0})

    def test_flow_label(self):
        for method in ((), ("-I",)):
            self.assertEqual(self.values("flow_label", *method, "-l", "74565", V6), {74565})
            label, = self.values("flow_label", *method, V6)
            self.assertNotEqual(label, 0)

    def test_dont_fragment(self):
        for method in ((), ("-I",)):
            self.assertEqual(self.values("dont_fragment", *method, "-F", V4), {True})
            self.assertEqual(self.values("dont_fragment", *method, V4), {False})

    def test_length(self):
        for method, target in KINDS:
            default = 80 if ":" in target else 60
            self.assertEqual(self.values("length", *method, target), {default})
            for length in (100, 101, 1500):
                self.assertEqual(self.values("length", *method, target, length), {length})

    def test_smallest(self):
        """What is too short is raised to what works."""
        for method, target in KINDS:
            header = 40 if ":" in target else 20
            length, = self.values("length", *method, target, 1)
            self.assertTrue(header + 8 <= length <= header + 16, length)

    def test_fragments(self):
        """Longer than the link takes: in fragments, unless -F."""
        for method, target in KINDS:
            packets = self.probes("-m", "4", *method, target, 3000, status=1)
            first = [packet for packet in packets if packet.more_fragments
                     and not packet.fragment_offset]
            self.assertEqual(len(first), 8)
            self.assertTrue(all(packet.length <= 1500 for packet in packets))

    def test_source_and_device(self):
        topology = "host 192.0.2.2 2001:db8::2 192.0.2.77 2001:db8::77\n" \
            + (paris.TOPOLOGIES / "instant.topo").read_text()
        for method, target in KINDS:
            for source in (("192.0.2.2", "192.0.2.77"),
                           ("2001:db8::2", "2001:db8::77"))[":" in target]:
                self.assertEqual(self.values("src", *method, "-s", source, target,
                                             topology=topology), {source})
            self.assertEqual(len(self.probes(*method, "-i", "eth0", target)) > 0, True)
            result = paris.fakeroute("instant.topo", "paris-traceroute", *method, "-n",
                                     "-i", "lo", "-w", "0.3", target)
            self.assertEqual([packet for packet in result.packets()
                              if packet.dst == target], [])
            self.assertNotEqual(result.returncode, 0)

    def test_tags(self):
        """The field that carries the tag differs in all probes of a trace, and replies
        are matched by it."""
        def field(name, packet):
            if name == "udp.payload":
                return packet.payload[:4]
            return getattr(packet, {"udp.dst_port": "dport", "udp.src_port": "sport",
                                    "icmp.sequence": "seq",
                                    "ipv6.flow_label": "flow_label",
                                    "icmp.checksum": "checksum"}[name])
        for name, algorithm, method, targets in (
                ("udp.payload", "paris", (), (V4, V6)),
                ("udp.payload", "traceroute", (), (V4, V6)),
                ("udp.dst_port", "traceroute", (), (V4, V6)),
                ("udp.src_port", "traceroute", (), (V4, V6)),
                ("icmp.sequence", "paris", ("-I",), (V4, V6)),
                ("icmp.sequence", "traceroute", ("-I",), (V4, V6)),
                ("icmp.checksum", "traceroute", ("-I",), (V4, V6))):
            for target in targets:
                with self.subTest(name=name, algorithm=algorithm, target=target):
                    trace = Trace("line.topo", "-a", algorithm, *method, "--tag", name,
                                  target)
                    self.assertEqual(trace.path()[-1], {target})
                    for ttl, record in trace.records():
                        self.assertEqual(record["from"],
                                         trace.address(trace.sent[record["probe"]]), ttl)
                    packets = [packet for packet in trace.result.packets()
                               if packet.dst == target]
                    self.assertTrue(all(packet.checksum_ok for packet in packets))
                    values = [field(name, packet) for packet in packets]
                    self.assertEqual(len(set(values)), len(values))
                    self.assertEqual(trace.json["plan"]["tag"], name)


TEXT_HOP = re.compile(r"^ ?(\d+)  ?(.*)$")


class Formats(unittest.TestCase):
    """Text and JSON tell the same."""

    def read_text(self, text):
        """[(ttl, [addresses], number of RTTs, marks)]"""
        header, *lines = text.splitlines()
        self.assertRegex(header, r"^traceroute to \S+ \(\S+\), \d+ hops max, \d+ byte "
                         r"packets$")
        hops = []
        for line in lines:
            self.assertRegex(line, TEXT_HOP)
            ttl, rest = TEXT_HOP.match(line).groups()
            words = rest.split()
            marks = [word for word in words if word[0] == "!"]
            stars = words.count("*")
            rtts = words.count("ms")
            addresses = [word for word in words if re.fullmatch(r"[0-9a-f.:]*", word)
                         and (word.count(".") == 3 or ":" in word)]
            hops.append((int(ttl), addresses, rtts, stars, marks))
        return hops

    def test_agree(self):
        cases = [(topology, method, target, status) for topology, target, status in (
            ("line.topo", V4, 0), ("line.topo", V6, 0), ("fan.topo", V4, 0),
            ("fan.topo", V6, 0), ("silent-tail.topo", V4, 1),
            ("unreachable.topo", "198.51.100.2", 1), ("demo.topo", V6, 0))
                 for method in ((), ("-I",), ("-T",))
                 # TCP's one probe at a time takes too long where all is silent. The id
                 # of ICMP, part of the flow, is the kernel's choice.
                 if (method, topology) not in ((("-T",), "silent-tail.topo"),
                                               (("-I",), "fan.topo"),
                                               (("-I",), "demo.topo"))]
        for (topology, method, target, status), (trace, text) in paris.in_parallel(
                lambda case: self.both(*case), cases):
            with self.subTest(topology=topology, method=method, target=target):
                expected = []
                for hop in trace.json["hops"]:
                    answered = [probe for probe in hop["probes"] if "from" in probe]
                    addresses = list(dict.fromkeys(probe["from"] for probe in answered))
                    marks = ["!H"] * sum(probe["reply"] == "unreachable"
                                         and "final" in probe.get("flags", ())
                                         and status == 1 for probe in answered)
                    expected.append((hop["ttl"], addresses, len(answered),
                                     len(hop["probes"]) - len(answered), marks))
                self.assertEqual(self.read_text(text), expected)

    def both(self, topology, method, target, status):
        """A trace, and the text of another that is the same."""
        words = (*method, *(("-w", "0.5") if topology == "silent-tail.topo" else
                            ("-w", "5")), "--flow-id", "3", target)
        text = paris.undisturbed(topology, "paris-traceroute", "-n", *words)
        self.assertEqual(text.returncode, status)
        return Trace(topology, *words, status=status), text.stdout

    def test_json_is_one_line(self):
        result = Trace("line.topo", V4).result
        self.assertEqual(result.stdout.count("\n"), 1)
        self.assertTrue(result.stdout.endswith("}\n"))

    def test_start_and_plan(self):
        for method, target in KINDS:
            json = Trace("line.topo", *method, target).json
            self.assertEqual(json["source"], "2001:db8::2" if ":" in target
                             else "192.0.2.2")
            self.assertEqual(json["plan"], {
                "send": "ping" if method else "udp",
                "receive": "ping" if method else "udp",
                "tag": "icmp.sequence" if method else "udp.payload"})


if __name__ == "__main__":
    unittest.main()
