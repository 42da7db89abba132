"""TCP traces (-T): a connect() for each probe, without privilege. What is on the wire, what
the targets' answers mean, and that nothing is left half open."""

import contextlib
import json
import os
import signal
import socket
import struct
import sys
import time
import unittest
from pathlib import Path

import hostile
import paris
from multipath import SURE, Network, fan, seen
from test_concurrent import HOP_LIMIT, PLANS, TIMED_OUT, Many, ManyTest, targets
from test_trace import Trace, TraceTest, far

FIRST = True
V4, V6 = "198.51.100.9", "2001:db8:ffff::9"
BOTH = (V4, V6)
FIN, SYN, RST, ACK = 1, 2, 4, 16
SO_TIMESTAMPING = 37
SOF_TIMESTAMPING_RX_SOFTWARE, SOF_TIMESTAMPING_SOFTWARE = 8, 16
# Long ways, though shorter than TCP waits.
FAR = """
    router a 10.1.0.1 2001:db8:1::1 rtt=400ms
    target t 198.51.100.9 2001:db8:ffff::9 rtt=100ms tcp-open=80
    link host a t
    """


def tool(topology, *arguments, **more):
    """No wait that a busy machine may take for silence, unless one is given."""
    return paris.undisturbed(topology, "paris-traceroute", "-n", "-T", "-w", "5", *arguments,
                             **more)


def segments(result, target):
    """What was sent to the target."""
    return [packet for packet in result.packets() if packet.dst == target]


def syns(result, target):
    return [packet for packet in segments(result, target) if packet.flags == SYN]


def probes(result, target):
    """The first of each: a kernel whose prober stands still repeats them."""
    found = syns(result, target)
    return [packet for at, packet in enumerate(found) if (packet.sport, packet.seq) not in
            {(other.sport, other.seq) for other in found[:at]}]


@contextlib.contextmanager
def kernel_stamps():
    """Meanwhile the kernel stamps all that comes. It begins a while after the first socket
    has asked for it: here it has begun."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING,
                       SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE)
        one.bind(("127.0.0.1", 0))

        def stamped():
            one.sendto(b"", one.getsockname())
            return one.recvmsg(1, 256)[1]
        paris.wait_for(stamped, 10, "the kernel stamps nothing")
        yield


def header_length(packet):
    return 20 if packet.family == 4 else 40


def option_kinds(packet):
    """The kinds of a segment's options in their order (RFC 9293 section 3.2)."""
    data = packet.transport[20:(packet.transport[12] >> 4) * 4]
    kinds = []
    while data and data[0] != 0:
        kinds.append(data[0])
        data = data[1:] if data[0] == 1 else data[data[1]:]
    return kinds


class Answers(TraceTest):
    """What targets and firewalls answer, and what it means."""

    def last(self, topology, *arguments, status=0):
        trace = Trace(topology, "-T", *arguments, status=status)
        self.about = (topology, arguments)
        self.check(trace)
        return trace, trace.json["hops"][-1]["probes"]

    def test_open_closed_filtered(self):
        """By the target of targets.topo and its port."""
        for number, port, reply in ((6, 80, "syn_ack"), (7, 80, "syn_ack"),
                                    (6, 8005, "syn_ack"), (7, 9, "syn_ack"),
                                    (1, 80, "reset"), (9, 443, "reset"), (6, 81, None),
                                    (8, 80, None)):
            for prefix in ("198.51.100.", "2001:db8:ffff::"):
                target = f"{prefix}{number}"
                trace, probes = self.last(
                    "targets.topo", "-p", port, "-m", "3", *(() if reply else (
                        "-q1", "-w", "0.5")), target, status=0 if reply else 1)
                if reply is None:
                    self.assertEqual({probe["status"] for probe in probes}, {"lost"})
                    self.assertEqual(trace.json["stop"], {"reason": "hop_limit", "ttl": 3})
                    continue
                self.assertEqual(trace.json["stop"], {"reason": "reached", "ttl": 2})
                for probe in probes:
                    self.assertEqual((probe["reply"], probe["from"], probe["flags"]),
                                     (reply, target, ["reached", "final"]))
                    # The kernel measures handshakes; resets only we see.
                    self.assertEqual(probe["rtt_source"],
                                     "kernel" if reply == "syn_ack" else "prober")
                    self.assertGreaterEqual(probe["rtt_ms"], 2)
                    for name in ("icmp_type", "icmp_code", "reply_ttl", "reply_tos",
                                 "mtu", "from_port"):
                        self.assertNotIn(name, probe)

    def test_routers(self):
        """The kernel stamps their errors, the first one too, and shows their TTL."""
        for target in BOTH:
            with kernel_stamps():
                trace = Trace("instant.topo", "-T", "-q1", target)
            for ttl, probe in trace.records()[:4]:
                self.assertEqual((probe["reply"], probe["reply_ttl"], probe["reply_tos"]),
                                 ("time_exceeded", 256 - ttl, 0))
            self.assertEqual([probe["rtt_source"] for _, probe in trace.records()],
                             ["user"] * 4 + ["kernel"])

    def test_firewall_resets(self):
        """A reset is the target's, as far as anyone can tell."""
        for target in BOTH:
            trace = Trace("firewall.topo", "-T", "-p", "445", target)
            self.assertEqual(trace.json["stop"], {"reason": "reached", "ttl": 4})
            self.assertEqual({(probe["from"], probe["reply"]) for probe in
                              trace.json["hops"][3]["probes"]}, {(target, "reset")})

    def test_firewall_says_so(self):
        for target, number in ((V4, 13), (V6, 1)):
            trace, probes = self.last(
                "defaults rtt=1ms\nrouter a 10.1.0.1 2001:db8:1::1\n"
                "router b 10.2.0.1 2001:db8:2::1\n"
                "target t 198.51.100.9 2001:db8:ffff::9\nlink host a b t\n"
                "rule b reject=prohibited protocol=tcp dst-port=80\n", target, status=1)
            self.assertEqual(trace.json["stop"], {"reason": "unreachable", "ttl": 3})
            for probe in probes:
                self.assertEqual((probe["reply"], probe["icmp_code"], probe["flags"]),
                                 ("unreachable", number, ["final"]))
            # Another port passes.
            self.last("firewall.topo", "-p", "443", "-q1", target)

    def test_port_unreachable_is_no_answer_of_the_target(self):
        """Closed ports are told by a reset; such an error is a firewall's."""
        for target in ("198.51.100.9", "2001:db8:ffff::9"):
            trace, _ = self.last(
                "router a 10.1.0.1 2001:db8:1::1\n"
                "target t 198.51.100.9 2001:db8:ffff::9 unreachable=port\n"
                "link host a t\n", target, status=1)
            self.assertEqual(trace.json["stop"], {"reason": "unreachable", "ttl": 2})

    def test_duplicates_and_late(self):
        """What comes after the first answer finds no socket: every record is right all
        the same."""
        for target in ("198.51.100.2", "2001:db8:ffff::2"):
            trace = Trace("duplicates-late.topo", "-T", "-q10", target)
            self.check(trace, may_be_late=True)
            self.check_real_path(trace)
            self.assertEqual((trace.json["counters"]["duplicates"],
                              trace.json["counters"]["late"]), (0, 0))


class OnTheWire(unittest.TestCase):
    def check_constant(self, packets, names):
        for name in names:
            self.assertEqual(len({getattr(packet, name) for packet in packets}), 1, name)

    def test_paris(self):
        """SYN and nothing else, and all of the flow the same in every probe."""
        for topology, target in (("diamond.topo", V4), ("diamond.topo", V6),
                                 ("targets.topo", "198.51.100.7"),
                                 ("targets.topo", "2001:db8:ffff::7")):
            result = tool(topology, "-q10", "--format", "json", target)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            found = syns(result, target)
            self.assertEqual(len(found), result.json["counters"]["sent"])
            self.assertEqual(len({packet.seq for packet in found}),
                             sum(len(hop["probes"]) for hop in result.json["hops"]))
            for packet in found:
                self.assertTrue(packet.checksum_ok)
                self.assertEqual((packet.ack, packet.payload), (0, b""))
                self.assertEqual(packet.length, result.json["packet_len"])
                self.assertEqual(packet.transport[18:20], b"\0\0")  # urgent pointer
                self.assertEqual(option_kinds(packet), option_kinds(found[0]))
            self.check_constant(found, ("src", "dst", "sport", "dport", "tos", "length",
                                        "flow_label", "dont_fragment")[:None if "." in
                                                                       target else 7])
            self.assertEqual((found[0].sport, found[0].dport),
                             (result.json["src_port"], result.json["dst_port"]))
            self.assertEqual(result.json["dst_port"], 80)
            if ":" in target:
                self.assertEqual(found[0].flow_label, result.json["flow_label"])
                self.assertNotEqual(found[0].flow_label, 0)
            self.assertEqual(result.json["plan"],
                             {"send": "tcp", "receive": "tcp", "window": 1})
            self.assertEqual(result.json["protocol"], "tcp")

    def values(self, name, *arguments):
        result = tool("instant.topo", "-q2", *arguments)
        self.assertEqual(result.returncode, 0, result)
        found = syns(result, arguments[-1])
        self.assertGreaterEqual(len(found), 10)
        return {getattr(packet, name) for packet in found}

    def test_options(self):
        for target in BOTH:
            self.assertEqual(self.values("dport", target), {80})
            self.assertEqual(self.values("dport", "-p", "443", target), {443})
            self.assertEqual(self.values("sport", "--sport", "31234", target), {31234})
            self.assertEqual(self.values("sport", "--flow-id", "7", target), {24007})
            self.assertEqual(self.values("tos", "-t", "184", target), {184})
            self.assertEqual(self.values("tos", target), {0})
        self.assertEqual(self.values("flow_label", "-l", "74565", V6), {74565})
        self.assertEqual(self.values("dont_fragment", "-F", V4), {True})
        self.assertEqual(self.values("dont_fragment", V4), {False})

    def test_every_segment_of_a_probe_alike(self):
        """Also those by which the kernel ends a connection: same TTL, class and label."""
        for target in BOTH:
            arguments = ("-l", "9") if ":" in target else ("-F",)
            result = tool("instant.topo", "-t", "32", "-f", "9", "-m", "9", "-q1",
                          *arguments, target)
            found = segments(result, target)
            self.assertEqual([packet.flags for packet in found], [SYN, ACK, RST | ACK])
            self.check_constant(found, ("ttl", "tos", "sport", "dport", "flow_label"))

    def test_what_cannot_be_is_refused(self):
        for arguments, text in (((V4, "100"), "packet_len 100: the kernel chooses"),
                                (("-t", "3", V4), "ECN bits .-t"),
                                (("--tag", "tcp.src_port", V4), "part of the flow"),
                                (("--tag", "tcp.seq", V4), "raw socket"),
                                (("-a", "traceroute", "--sport", "5", "--tag",
                                  "tcp.src_port", V4), "cannot carry the tag")):
            result = tool("instant.topo", *arguments)
            self.assertIn(result.returncode, (2, 3), result)
            self.assertRegex(result.stderr, rf"\Aparis-traceroute: [^\n]*{text}[^\n]*\n\Z")
            self.assertEqual(segments(result, V4), [])

    def test_algorithm_traceroute(self):
        """Each probe from a port of its own, many at a time."""
        for target in BOTH:
            result = tool(fan(16).replace("rtt=1ms", "rtt=100ms"), "-a", "traceroute",
                          "-q10", "--format", "json", target)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            found = syns(result, target)
            self.assertEqual(len(found), result.json["counters"]["sent"])
            self.assertEqual(len({packet.sport for packet in found}),
                             len(probes(result, target)))
            self.assertEqual(result.json["plan"]["tag"], "tcp.src_port")
            for name in ("src_port", "flow_label"):
                self.assertNotIn(name, result.json)
            # Somewhere two are sent in a row, without an answer between.
            order = [packet.dst == target for packet in result.packets()
                     if packet.dst != target or packet.flags == SYN]
            self.assertIn((True, True), zip(order, order[1:]))
            self.assertEqual({len(hop["probes"]) for hop in result.json["hops"]}, {10})
            self.assertGreater(len({probe["from"] for probe in
                                    result.json["hops"][1]["probes"]}), 1)

    def test_algorithm_traceroute_with_a_port(self):
        """Then nothing is left to vary: one flow, one probe at a time."""
        for choice, port in ((("--sport", "5000"), 5000), (("--flow-id", "9"), 24009)):
            for target in BOTH:
                result = tool("instant.topo", "-a", "traceroute", *choice, "--format",
                              "json", target)
                self.assertEqual((result.returncode, result.stderr), (0, ""))
                self.assertEqual({packet.sport for packet in syns(result, target)}, {port})
                self.assertEqual(result.json["src_port"], port)
                self.assertEqual(result.json["plan"],
                                 {"send": "tcp", "receive": "tcp", "window": 1})

    def test_text(self):
        for target, length in ((V4, 60), (V6, 80)):
            result = tool("instant.topo", target)
            self.assertRegex(result.stdout, rf"\Atraceroute to \S+ \(\S+\), 30 hops max, "
                             rf"{length} byte packets\n")
            self.assertEqual({packet.length for packet in syns(result, target)}, {length})
            self.assertEqual(len(result.stdout.splitlines()), 6)

    def test_source_and_device(self):
        topology = "host 192.0.2.2 2001:db8::2 192.0.2.77 2001:db8::77\n" \
            + (paris.TOPOLOGIES / "instant.topo").read_text()
        for target, sources in ((V4, ("192.0.2.2", "192.0.2.77")),
                                (V6, ("2001:db8::2", "2001:db8::77"))):
            for source in sources:
                result = tool(topology, "-s", source, target)
                self.assertEqual(result.returncode, 0, result)
                self.assertEqual({packet.src for packet in segments(result, target)},
                                 {source})
            self.assertEqual(tool("instant.topo", "-i", "eth0", target).returncode, 0)
            result = tool("instant.topo", "-i", "lo", "-w", "0.1", "-m", "2", target)
            self.assertIn(result.returncode, (1, 3), result)
            self.assertEqual(segments(result, target), [])
            result = tool("instant.topo", "-s", target, target)
            self.assertEqual(result.returncode, 3, result)
            self.assertIn("is not an address of this machine", result.stderr)


class Connections(unittest.TestCase):
    """Connections are opened for one answer: nothing of them stays or comes later."""

    TABLES = 'status=0; "$@" || status=$?; cat /proc/self/net/tcp /proc/self/net/tcp6 ' \
             '>"$0"; exit $status'

    def test_reset_and_gone(self):
        """The simulator has seen each connection reset; the kernel knows of none."""
        for method in ((), ("-a", "traceroute")):
            for target in ("198.51.100.7", "2001:db8:ffff::7"):
                table = paris.temporary_folder() / "table"
                result = paris.undisturbed(
                    "targets.topo", "sh", "-c", self.TABLES, table, *paris.started_with([
                        "paris-traceroute", "-n", "-T", "-w", "5", *method, target]))
                self.assertEqual((result.returncode, result.stderr), (0, ""))
                self.assertEqual(len(table.read_text().splitlines()), 2)
                found = segments(result, target)
                self.assertEqual(sum(packet.flags == RST | ACK for packet in found),
                                 sum(packet.flags == ACK for packet in found))
                self.assertFalse(any(packet.payload or packet.flags & FIN
                                     for packet in found))
                # One flow is one connection after the other, of which it knows the last.
                # What is answered after the trace has ended is none of ours.
                accepted = {packet.sport for packet in found if packet.flags == ACK}
                states = {one["src_port"]: (one["state"], one["bytes"])
                          for one in result.report["connections"]}
                self.assertGreater(len(accepted), 0)
                self.assertEqual({states[port] for port in accepted}, {("reset", 0)})

    def test_exactly_what_is_reported(self):
        """Silence and patience: no SYN more than is counted, none twice."""
        for target in BOTH:
            for arguments in (("-w", "5", "-m", "6", "-q1"), ("-m", "5", "-q1"),
                              ("-w", "5", "-a", "traceroute", "-m", "12")):
                # The kernel repeats a SYN 0.1 s after we give it up, if we do in time.
                result = paris.until(
                    lambda result, t=target: len(syns(result, t)) == len(probes(result, t)),
                    lambda a=arguments, t=target: tool("silent-tail.topo", "--format",
                                                       "json", *a, t))
                self.assertEqual(result.returncode, 1, result)
                found = syns(result, target)
                resent = len(found) - len(probes(result, target))
                self.assertEqual(result.json["counters"]["sent"], len(found))
                flagged = [probe for hop in result.json["hops"] for probe in hop["probes"]
                           if "resent" in probe.get("flags", ())]
                self.assertLessEqual(len(flagged), resent)
                if paris.VARIANT == "release":  # not so late as to have any
                    self.assertEqual(resent, 0)
                self.assertEqual([probe["status"] for hop in result.json["hops"]
                                  for probe in hop["probes"]].count("lost"),
                                 len(found) - resent - 3 * result.json["options"]["queries"])

    def test_nothing_after_the_end(self):
        """The network is watched for longer than the kernel takes to send again."""
        script = 'status=0; "$@" || status=$?; date +%s.%N >"$0"; sleep 1.5; exit $status'
        for arguments in (("-m", "4", V4), ("--timeout", "0.5", V4),
                          ("-a", "traceroute", "--timeout", "0.5", V4),
                          ("-a", "traceroute", "-w", "0.3", "-m", "6", V6)):
            stamp = paris.temporary_folder() / "end"
            result = paris.until(
                lambda result, a=arguments: len(segments(result, a[-1])) >= 4,
                lambda s=stamp, a=arguments: paris.fakeroute(
                    "silent-tail.topo", "sh", "-c", script, s, *paris.started_with(
                        ["paris-traceroute", "-n", "-T", "-q1", *a])))
            self.assertEqual(result.returncode, 1, result)
            found = segments(result, arguments[-1])
            self.assertGreaterEqual(len(found), 4)
            self.assertLess(max(packet.time for packet in found), float(stamp.read_text()))

    def test_interrupted(self):
        """By a signal while a probe is out, which is then given up: nothing is left."""
        def interrupted(number, target):
            running = paris.start_fakeroute(
                "silent-tail.topo", "paris-traceroute", "-n", "-T", "-q1", "-f", "4",
                "--format", "json", target)
            tool_, prober = running.find("paris-traceroute"), running.find("paris-prober")
            paris.wait_for(lambda: connecting(prober), 10, "no SYN")
            os.kill(tool_, number)
            return running.finish()

        for number in (signal.SIGINT, signal.SIGTERM):
            for target in BOTH:
                # In time: while the first one is out.
                result = paris.until(
                    lambda result, t=target: {4} == {one.ttl for one in syns(result, t)},
                    lambda n=number, t=target: interrupted(n, t))
                self.assertEqual(result.returncode, 1, result)
                self.assertEqual(result.json["stop"]["reason"], "interrupted")
                self.assertEqual(result.json["counters"]["sent"],
                                 len(syns(result, target)))
                self.assertEqual(result.json["hops"], [])


def sockets(pid, table):
    """Lines of a table of a process's network, in both families."""
    return [line.split() for name in (table, table + "6") for line in
            Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]]


def connecting(pid):
    """Whether there is a connection whose SYN is not answered yet (state SYN-SENT)."""
    return any(line[3] == "02" for line in sockets(pid, "tcp"))


class Stopped(unittest.TestCase):
    """A prober that does not run for a while: what the kernel does meanwhile is told."""

    def run_stopped(self, topology, target, seconds, *arguments, timely=None):
        """Stops the prober for a while once its first probe may be out; tries again when
        that came too late (the result is not `timely`), or the network was."""
        table = {"-T": "tcp", "-I": "icmp"}.get(arguments[0], "udp")
        for _ in range(10):
            running = paris.start_fakeroute(topology, "paris-traceroute", "-n", "--format",
                                            "json", *arguments, target)
            try:
                prober = running.find("paris-prober")
                paris.wait_for(lambda p=prober: connecting(p) if table == "tcp"
                               else sockets(p, table), 10, "no probe")
                os.kill(prober, signal.SIGSTOP)
                time.sleep(seconds)
                os.kill(prober, signal.SIGCONT)
            except (FileNotFoundError, ProcessLookupError, paris.Ended):
                running.finish()
                continue
            result = running.finish()
            if result.report["sent"]["behind_ns"] < 0.3e9 and (not timely or timely(result)):
                return result
        raise AssertionError("ten times too late")

    def test_repeated_syns_are_counted_and_told(self):
        """A SYN is repeated when nothing answers and nobody closes its socket."""
        for target in BOTH:
            result = self.run_stopped(
                "silent-tail.topo", target, 1.6, "-T", "-q1", "-f", "4", "-m", "5",
                timely=lambda result, t=target: [packet.ttl for packet in
                                                 syns(result, t)][1] == 4)
            self.assertEqual(result.returncode, 1, result)
            found = syns(result, target)
            first = [packet for packet in found if packet.ttl == 4]
            self.assertEqual(len({packet.seq for packet in first}), 1)
            self.assertGreater(len(first), 1)
            self.assertEqual(result.json["counters"]["sent"], len(found))
            probe, = result.json["hops"][0]["probes"]
            self.assertEqual((probe["status"], probe["flags"]), ("lost", ["resent"]))

    def test_repeated_syn_of_a_trace_that_is_stopped(self):
        """Its end comes while the probe is out: what was repeated counts all the same."""
        for target in BOTH:
            result = self.run_stopped(
                "silent-tail.topo", target, 1.6, "-T", "-q1", "-f", "4", "--timeout", "0.8",
                timely=lambda result, t=target: len(syns(result, t)) > 1)
            self.assertEqual(result.json["stop"]["reason"], "timed_out")
            self.assertGreater(len(syns(result, target)), 1)
            self.assertEqual(result.json["counters"]["sent"], len(syns(result, target)))

    def test_repeated_syn_that_is_answered(self):
        """By then one cannot tell which of them was."""
        late = "router a 10.1.0.1 2001:db8:1::1\n" \
            "target t 198.51.100.9 2001:db8:ffff::9 tcp-open=80\nlink host a t\n" \
            "rule a drop protocol=tcp until=1packets\n"
        for target in BOTH:
            result = self.run_stopped(late, target, 1.6, "-T", "-q1", "-f", "2")
            self.assertEqual(result.returncode, 0, result)
            probe, = result.json["hops"][0]["probes"]
            self.assertEqual((probe["status"], probe["reply"]), ("answered", "syn_ack"))
            self.assertEqual(probe["flags"], ["reached", "final", "resent"])
            self.assertEqual(probe["rtt_source"], "prober")
            self.assertEqual(result.json["counters"]["sent"], 2)
            self.assertEqual(len(syns(result, target)), 2)

    def test_what_came_meanwhile_is_no_timeout(self):
        """Replies that came in time are read before any deadline counts."""
        for target in BOTH:
            for method in ("-T", "-U", "-I"):
                result = self.run_stopped(FAR, target, 1.0, method, "-w", "0.8", "-q1",
                                          "-m", "1")
                probe, = result.json["hops"][0]["probes"]
                self.assertEqual(probe["status"], "answered", result)
                self.assertGreaterEqual(probe["rtt_ms"], 400)
                if paris.VARIANT == "release":
                    self.assertLess(probe["rtt_ms"], 800)
                self.assertEqual(result.json["counters"]["timeouts"], 0)
                self.assertEqual(len(segments(result, target)), 1)


class Ports(unittest.TestCase):
    """Source ports: kept for one program, found free, refused in words."""

    # Takes a port of both families, as a server or by binding only, then runs the tool.
    TAKE = """
import socket, subprocess, sys
port, listening = int(sys.argv[1]), sys.argv[2] == "listen"
held = []
for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
    one = socket.socket(family, socket.SOCK_STREAM)
    if family == socket.AF_INET6:
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    one.bind((address, port))
    if listening:
        one.listen()
    held.append(one)
sys.exit(subprocess.run(sys.argv[3:], stdin=subprocess.DEVNULL).returncode)
"""

    def with_port_taken(self, how, *arguments):
        return paris.undisturbed(
            "instant.topo", sys.executable, "-c", self.TAKE, "24000", how,
            *paris.started_with(["paris-traceroute", "-n", "-T", "-w", "5", *arguments]))

    def test_taken_port_means_another(self):
        for how in ("bind", "listen"):
            for target in BOTH:
                result = self.with_port_taken(how, target)
                self.assertEqual((result.returncode, result.stderr), (0, ""))
                self.assertEqual({packet.sport for packet in syns(result, target)}, {29063})

    def test_taken_port_that_was_named(self):
        for how in ("bind", "listen"):
            for choice in (("--sport", "24000"), ("--flow-id", "0")):
                for target in BOTH:
                    result = self.with_port_taken(how, *choice, target)
                    self.assertEqual(result.returncode, 3, result)
                    self.assertIn("source port 24000 is in use by another program",
                                  result.stderr)
                    self.assertEqual(segments(result, target), [])

    def test_reserved_port(self):
        for target in BOTH:
            result = tool("instant.topo", "--sport", "80", target)
            self.assertEqual(result.returncode, 3, result)
            self.assertIn("source port 80 is reserved for root", result.stderr)

    def test_runs_at_once_have_ports_of_their_own(self):
        """Two to one target, so long that they overlap."""
        script = '"$@" >"$0.1" & "$@" >"$0.2"; status=$?; wait $!; exit $status'
        for target in BOTH:
            out = paris.temporary_folder() / "out"
            result = paris.undisturbed(
                FAR, "sh", "-c", script, out, *paris.started_with([
                    "paris-traceroute", "-n", "-T", "-w", "5", "--format", "json", target]),
                options=("--report-probes",))
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            ports = set()
            for number in "12":
                trace = json.loads(Path(f"{out}.{number}").read_text())
                ports.add(trace["src_port"])
                self.assertEqual(trace["stop"], {"reason": "reached", "ttl": 2})
                own = {(packet.sport, packet.seq) for packet in syns(result, target)
                       if packet.sport == trace["src_port"]}
                self.assertGreaterEqual(trace["counters"]["sent"], len(own))
                self.assertEqual(len(own), 6)
            self.assertEqual(ports, {24000, 29063})

    def test_no_connection_to_itself(self):
        """A port that connects to itself is no open port."""
        for target in ("127.0.0.1", "::1"):
            for algorithm in ("paris", "traceroute"):
                result = tool("instant.topo", "-a", algorithm, "-p", "24000", "--format",
                              "json", target)
                self.assertEqual((result.returncode, result.stderr), (0, ""))
                self.assertEqual({probe["reply"] for probe in
                                  result.json["hops"][0]["probes"]}, {"reset"})
            result = tool("instant.topo", "--sport", "24000", "-p", "24000", target)
            self.assertEqual(result.returncode, 3, result)
            self.assertIn("probes from port 24000 to port 24000 of this machine would come "
                          "to themselves", result.stderr)


class ManyInstances(ManyTest):
    """Several traces in one prober; more in test_concurrent."""

    def test_end_of_a_trace_wakes_those_that_wait_for_its_flow(self):
        """The first ends by its own time limit with a probe out, to which nobody will
        answer; the second has the same ports and may go on only then."""
        many = Many("silent-tail.topo")
        many.plan(PLANS["tcp"])
        many.start(V4, tcp=True, sport=24100, queries=1, wait_ms=900,
                   timeout_ms=500 * int(paris.SLOWNESS))
        many.start(V4, tcp=True, sport=24100, queries=1, wait_ms=900, last=4)
        many.run()
        self.assertEqual([many.done[number].reason for number in (1, 2)],
                         [TIMED_OUT, HOP_LIMIT])
        self.assertIn(4, [probe["ttl"] for probe in many.sent[2]])
        for number in many.asked:
            self.assertEqual(many.done[number].sent,
                             len(many.sent[number]) + many.resent[number])

    def test_flows_side_by_side(self):
        """Named flows to one target, and the same flows to others: each reply is of the
        right probe."""
        many = Many(far("duplicates-late.topo").replace("late=20%,300ms", ""))
        many.plan(PLANS["tcp"])
        for flow in range(10):
            for target in ["198.51.100.2", "2001:db8:ffff::2"] + targets(2) + targets(2, 6):
                many.start(target, tcp=True, flow=flow, chosen=1, queries=2, wait_ms=5000)
        many.run()
        self.check(many, lost=self.slow_machine(many))
        self.assertGreater(many.most_in_flight(), 40)
        for number, asked in many.asked.items():
            self.assertEqual({probe["src_port"] for probe in many.sent[number]},
                             {24000 + asked["flow"]})

    def test_tags_keep_off_the_ports_of_flows(self):
        """A port that is another trace's flow to the same target is no tag meanwhile."""
        many = Many(far("duplicates-late.topo").replace("late=20%,300ms", ""))
        many.plan(PLANS["tcp"])
        for flow in range(12):
            many.start(V4[:-1] + "2", tcp=True, flow=flow, chosen=1, queries=1, last=5)
        many.plan(PLANS["tcp.src_port"])
        many.start(V4[:-1] + "2", "traceroute", tcp=True, queries=10, first_tag=23999 + 4)
        many.run()
        self.check(many, lost=self.slow_machine(many))

    def test_other_sockets_of_one_port(self):
        """Traces that cannot share an endpoint (-F) have ports of their own."""
        many = Many("fan.topo")
        many.plan(PLANS["tcp"])
        for fragment in (0, 1, 0, 1):
            many.start(targets(1)[0], tcp=True, dont_fragment=fragment)
        many.run()
        self.check(many)
        ports = [{probe["src_port"] for probe in many.sent[number]} for number in many.asked]
        self.assertEqual([len(some) for some in ports], [1] * 4)
        self.assertEqual(len(set.union(*ports)), 4)


class Descriptors(ManyTest):
    """A probe is a descriptor: few of them make it slow, not wrong."""

    def test_few(self):
        """Many traces at once where thirty descriptors may be open."""
        many = Many(far("diamond.topo").replace(V4, "203.0.113.0/24"), limit=60)
        many.plan(PLANS["tcp"])
        for target in targets(50):
            many.start(target, tcp=True, queries=1)
        many.shell = "ulimit -n 30; " + many.shell
        many.run()
        self.check(many, lost=self.slow_machine(many))

    def test_few_for_one_trace(self):
        for number in (12, 20, 60):
            for target in BOTH:
                result = paris.undisturbed(
                    "diamond.topo", "sh", "-c", f'ulimit -n {number}; exec "$@"', "sh",
                    *paris.started_with(["paris-traceroute", "-n", "-T", "-w", "5", "-a",
                                         "traceroute", "-q", "10", target]))
                self.assertEqual((result.returncode, result.stderr), (0, ""))
                self.assertEqual([line.count(" ms") for line in
                                  result.stdout.splitlines()[1:]], [10] * 6)

    def test_few_for_a_search(self):
        """A flow has a socket that keeps its port, too: no two of them close each other's
        for ever."""
        for number in (12, 16):
            result = paris.undisturbed(
                fan(4), "sh", "-c", f'ulimit -n {number}; exec "$@"', "sh",
                *paris.started_with(["mda", "-n", "-T", "-w", "5", *SURE, "--format", "json",
                                     V4]))
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assertEqual(seen(result.json), Network(fan(4)).truth(V4))

    @unittest.skipUnless(paris.VARIANT == "release", "others have descriptors of their own")
    def test_too_few(self):
        """It works, or it says what is missing; it never hangs."""
        said = set()
        for number in range(4, 14):
            result = paris.undisturbed(
                "instant.topo", "sh", "-c", f'ulimit -n {number}; exec "$@"', "sh",
                *paris.started_with(["paris-traceroute", "-n", "-T", "-w", "5", V4]))
            self.assertIn(result.returncode, (0, 3, 127), (number, str(result)))
            said.add((result.returncode, "Too many open files" in result.stderr))
            if result.returncode == 0:
                self.assertEqual(len(result.stdout.splitlines()), 6)
        self.assertIn((0, False), said)
        self.assertIn((3, True), said)


# What follows runs on a real kernel, through the loopback of a namespace of its own. The
# script (as that namespace's root) gives the tool what it needs, sees the packets, and
# prints what both say.
INSIDE = r"""
import json, os, socket, subprocess, sys
settings, servers, command = json.loads(sys.argv[1])
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
for path, value in settings.items():
    with open(f"/proc/sys/{path}", "w") as setting:
        setting.write(str(value))
held = []
for family, kind, protocol, port in servers:
    one = socket.socket(family, kind, protocol)
    one.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", port))
    if kind == socket.SOCK_STREAM:
        one.listen()
    held.append(one)
capture = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
capture.bind(("lo", 0))
capture.setblocking(False)
done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
packets = []
try:
    while True:
        data, address = capture.recvfrom(70000)
        if address[2] == socket.PACKET_OUTGOING:
            packets.append(data.hex())
except BlockingIOError:
    pass
with open("/proc/self/net/tcp") as v4, open("/proc/self/net/tcp6") as v6:
    tables = v4.readlines()[1:] + v6.readlines()[1:]
print(json.dumps([done.returncode, done.stdout, done.stderr, packets, tables]))
"""


class OnLoopback:
    """One run of the tool; its result, the packets, what the kernel's tables hold."""

    def __init__(self, *arguments, settings=None, servers=()):
        hostile.check_possible()
        command = hostile.unprivileged() + paris.started_with(["paris-traceroute", "-n",
                                                               *arguments])
        ran = paris.run(*hostile.unshared(), sys.executable, "-c", INSIDE, json.dumps(
            [settings or {}, [[int(part) for part in server] for server in servers],
             command]), user=False)
        if ran.returncode != 0:
            raise AssertionError(str(ran))
        self.returncode, self.stdout, self.stderr, packets, self.tables = ran.json
        if paris.reports.in_text(self.stderr):
            raise AssertionError(self.stderr)
        self.packets = [paris.Packet(bytes.fromhex(packet)) for packet in packets]

    @property
    def json(self):
        return json.loads(self.stdout)

    def first(self):
        """The first probe of the trace."""
        return next(probe for hop in self.json["hops"] for probe in hop["probes"])


class Kernel(unittest.TestCase):
    """Against a real kernel, where the answer may be there before connect(2) returns."""

    def test_open_and_closed(self):
        stream = socket.SOCK_STREAM
        for family, target in ((socket.AF_INET, "127.0.0.1"),
                               (socket.AF_INET6, "::1")):
            for port, reply in ((8080, "syn_ack"), (8081, "reset")):
                for algorithm in ("paris", "traceroute"):
                    run = OnLoopback("-T", "-a", algorithm, "-p", port, "-q10", "--format",
                                     "json", target, servers=[(family, stream, 0, 8080)])
                    self.assertEqual((run.returncode, run.stderr), (0, ""))
                    self.assertEqual({probe["reply"] for hop in run.json["hops"]
                                      for probe in hop["probes"]}, {reply})
                    self.assertEqual(run.json["stop"], {"reason": "reached", "ttl": 1})
                    self.assertEqual([line.split()[1] for line in run.tables
                                      if ":1F90" not in line.split()[1]], [])

    def test_length_of_a_syn(self):
        """What is said of the length is what the kernel sends, however it is set up."""
        seen = set()
        for stamps in (0, 1):
            for scaling in (0, 1):
                for sack in (0, 1):
                    for target in ("127.0.0.1", "::1"):
                        run = OnLoopback("-T", "--format", "json", target, settings={
                            "net/ipv4/tcp_timestamps": stamps,
                            "net/ipv4/tcp_window_scaling": scaling,
                            "net/ipv4/tcp_sack": sack})
                        self.assertEqual((run.returncode, run.stderr), (0, ""))
                        found = [packet for packet in run.packets if packet.flags == SYN]
                        self.assertEqual(len(found), 3)
                        self.assertEqual({packet.length for packet in found},
                                         {run.json["packet_len"]})
                        seen.add(run.json["packet_len"] - header_length(found[0]))
        self.assertGreater(len(seen), 3)

    def test_local_rules_that_refuse(self):
        """A route that forbids it: told, with what to do."""
        for target in ("192.0.2.1", "2001:db8::1"):
            run = OnLoopback("-T", target)
            self.assertEqual(run.returncode, 3, run.stderr)
            self.assertRegex(run.stderr, r"\Aparis-traceroute: [^\n]*no route to [^\n]*\n\Z")


if __name__ == "__main__":
    unittest.main()
