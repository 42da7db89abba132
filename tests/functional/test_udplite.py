"""UDP-Lite traces (-UL, RFC 3828): as UDP's, in the simulator and against a real kernel."""

import socket
import struct
import unittest

import paris
from multipath import fan
from paris import UDPLITE
from test_tcp import OnLoopback
from test_trace import Trace, TraceTest

V4, V6 = "198.51.100.9", "2001:db8:ffff::9"
BOTH = (V4, V6)


def setUpModule():
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM, UDPLITE).close()
    except OSError as error:
        raise unittest.SkipTest(f"this kernel has no UDP-Lite: {error}") from error


class Simulated(TraceTest):
    def test_traces(self):
        for topology in ("line.topo", "instant.topo", "diamond.topo", "short-quotes.topo"):
            for target in BOTH:
                for queries in (1, 3):
                    trace = Trace(topology, "-UL", "-q", queries, target)
                    self.about = (topology, target, queries)
                    self.check(trace)
                    self.check_real_path(trace)
                    self.assertEqual(trace.json["stop"]["reason"], "reached")
                    self.assertEqual(trace.json["protocol"], "udplite")
                    self.assertEqual(trace.json["plan"]["send"], "udplite")
                    self.assertEqual(trace.json["plan"]["tag"], "udplite.payload")
                    self.assertEqual({probe["dst_port"] for probe in trace.sent}, {53})

    def test_algorithm_traceroute(self):
        for target in BOTH:
            trace = Trace(fan(64), "-UL", "-a", "traceroute", "-q10", target)
            self.check(trace, one_flow=False)
            self.assertEqual(trace.json["plan"]["tag"], "udplite.src_port")
            self.assertEqual({probe["dst_port"] for probe in trace.sent}, {53})
            self.assertEqual(len({probe["src_port"] for probe in trace.sent}),
                             len(trace.sent))
            self.assertGreater(len(trace.path()[1]), 1)  # all alike: 64^-9

    def test_on_the_wire(self):
        """Its header is covered, as traceroute has it, with a right checksum; one flow."""
        for target in BOTH:
            for arguments, port, length in (((), 53, 80 if ":" in target else 60),
                                            (("-p", "4444", "-t", "8"), 4444, 101)):
                operands = (target, "101") if arguments else (target,)
                result = paris.undisturbed("diamond.topo", "paris-traceroute", "-n", "-UL",
                                           "-w", "5", "-q10", *arguments, *operands)
                self.assertEqual((result.returncode, result.stderr), (0, ""))
                found = [packet for packet in result.packets() if packet.dst == target]
                self.assertEqual({packet.proto for packet in found}, {UDPLITE})
                self.assertEqual({packet.length for packet in found}, {length})
                self.assertEqual({packet.dport for packet in found}, {port})
                self.assertEqual(len({packet.flow() for packet in found}), 1)
                self.assertEqual(len({packet.payload[:4] for packet in found}), len(found))
                for packet in found:
                    coverage, = struct.unpack_from("!H", packet.transport, 4)
                    self.assertEqual(coverage, 8)
                    self.assertNotEqual(packet.checksum, 0)
                    whole = packet.transport
                    packet.transport = whole[:8] + bytes(len(whole) - 8)
                    self.assertTrue(packet.checksum_ok)

    def test_firewall(self):
        """By protocol: what stops UDP lets UDP-Lite pass, and the other way round."""
        rule = "router a 10.1.0.1 2001:db8:1::1\nrouter b 10.2.0.1 2001:db8:2::1\n" \
            "target t 198.51.100.9 2001:db8:ffff::9\nlink host a b t\n" \
            "rule b reject=prohibited protocol="
        for target in BOTH:
            for protocol, reason in (("udp", "reached"), ("udplite", "unreachable")):
                trace = Trace(rule + protocol + "\n", "-UL", target,
                              status=0 if reason == "reached" else 1)
                self.assertEqual(trace.json["stop"], {"reason": reason, "ttl": 3})


class Kernel(unittest.TestCase):
    def test_closed_and_open(self):
        """A closed port is unreachable, an open one that says nothing is silent."""
        for family, target in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            run = OnLoopback("-UL", "--format", "json", target)
            self.assertEqual((run.returncode, run.stderr), (0, ""))
            self.assertEqual(run.json["stop"], {"reason": "reached", "ttl": 1})
            for probe in run.json["hops"][0]["probes"]:
                self.assertEqual((probe["from"], probe["reply"]), (target, "unreachable"))
                # The kernel switches its stamps on a while after they are asked for.
                self.assertIn(probe["rtt_source"], ("kernel", "prober"))
            self.assertEqual({packet.proto for packet in run.packets} & {UDPLITE, paris.TCP},
                             {UDPLITE})
            run = OnLoopback("-UL", "-p", "7777", "-w", "0.2", "-m", "2", "--format",
                             "json", target, servers=[
                                 (family, socket.SOCK_DGRAM, UDPLITE, 7777)])
            self.assertEqual(run.returncode, 1, run.stderr)
            self.assertEqual({probe["status"] for hop in run.json["hops"]
                              for probe in hop["probes"]}, {"lost"})


if __name__ == "__main__":
    unittest.main()
