"""Fragments (--fragment) over real routers, to a real target: which are forwarded,
answered, cut again and put together, and what is told of it. Linux 6.18: over IPv4 it
answers first fragments only, over IPv6 each one; of fragments that overlap it drops
all, without a word; a first one over IPv6 that does not have all headers it refuses;
of those that stay incomplete it says so after a time, if it has the first one."""

import itertools
import os
import unittest

import paris
from fragmented import bounds, quotes
import routers
from networks import FAMILIES, TARGET, Behaviour, Network

PIECES = [(0, 24), (24, 8), (32, 8)]


class Hasty(Behaviour):
    """Waits a second for fragments, not half a minute."""

    def sysctls(self):
        return {"net/ipv4/ipfrag_time": 1, "net/ipv6/ip6frag_time": 1}


@unittest.skipUnless(os.geteuid() == 0, "only root sends such packets")
class FragmentTest(routers.LabTest):
    """What both networks need."""

    def run_trace(self, *arguments):
        return self.lab.inside("s", lambda: paris.run(
            *paris.started_with(["paris-traceroute"]), "-n", "-q1", *arguments,
            user=False))

    def trace(self, *arguments, status=0):
        result = self.run_trace("-w8", "--format", "json", *arguments)
        self.assertEqual(result.returncode, status, result)
        return result.json

    def owners(self, found):
        return [[self.network.owner(probe["from"])[0] for probe in hop["probes"]
                 if probe["status"] == "answered"] for hop in found["hops"]]


class Line(FragmentTest):
    network = Network("s - a - b - t", t=Hasty())

    def test_put_together(self):
        """Forwarded as they are, whatever the order; the target answers the whole."""
        for family in FAMILIES:
            for method, order in itertools.product(
                    ((), ("-I",), ("-T",), ("-P", "253")), ("first-last", "last-first")):
                with self.subTest(family=family, method=method, order=order):
                    capture = routers.Capture(self.lab, "t", "b")
                    found = self.trace("--fragment", f"24,8;order={order}", *method,
                                       TARGET[family])
                    arrived = [packet for packet in capture.read().arriving
                               if packet.dst == TARGET[family] and not
                               (packet.flags or 0) & 4]
                    capture.close()
                    self.assertEqual(found["stop"]["reason"], "reached")
                    self.assertEqual(self.owners(found), [["a"], ["b"], ["t"]])
                    pieces = PIECES if order == "first-last" else PIECES[::-1]
                    by_id = {}
                    for packet in arrived:
                        by_id.setdefault(packet.ip_id, []).append(bounds(packet))
                    self.assertTrue(by_id)
                    for one in by_id.values():
                        self.assertEqual(one, pieces)

    def test_headers_that_are_cut(self):
        """Over IPv6 the first fragment must have all headers (RFC 8200 section 4.5)."""
        found = self.trace("--fragment", "8", "-T", TARGET[6], status=1)
        last = found["hops"][-1]["probes"][0]
        self.assertEqual(self.owners(found), [["a"], ["b"], ["t"]])
        self.assertEqual((last["icmp_type"], last["icmp_code"]), (4, 3))
        self.assertEqual(found["stop"]["reason"], "unreachable")
        found = self.trace("--fragment", "8", "-T", TARGET[4])
        self.assertEqual(found["stop"]["reason"], "reached")

    def test_who_is_answered(self):
        """Routers that come long before the end: over IPv6 each fragment is."""
        for family in FAMILIES:
            found = self.trace("--fragment", "8,16;repeat=2", "-a", "packetbypacket",
                               TARGET[family])
            expected = {(0, 8, "sent"): 2}
            if family == 6:
                expected.update({(8, 16, "sent"): 2, (24, 16, "sent"): 2})
            self.assertEqual(quotes(found, 1), expected)
            self.assertEqual(found["counters"]["duplicates"], 0)
            self.assertEqual(found["counters"]["strays"], 0)

    def test_overlapping(self):
        """Routers pass them on; the target drops them, and is silent."""
        for family in FAMILIES:
            capture = routers.Capture(self.lab, "t", "b")
            result = self.run_trace("-w1", "-m3", "--format", "json", "--fragment",
                                    "0+16,8+24", TARGET[family])
            arrived = [bounds(packet) for packet in capture.read().arriving
                       if packet.dst == TARGET[family]]
            capture.close()
            self.assertEqual(result.returncode, 1, result)
            self.assertEqual([hop["probes"][0]["status"] for hop in result.json["hops"]],
                             ["answered", "answered", "lost"])
            self.assertEqual(arrived, [(0, 16), (8, 24), (32, 8)])
            self.assertEqual(result.json["stop"]["reason"], "hop_limit")

    def test_reassembly_time_exceeded(self):
        """A hole: the target waits for it, and says that it was in vain."""
        for family in FAMILIES:
            found = self.trace("--fragment", "0+8,16+8", "-m3", TARGET[family], status=1)
            last = found["hops"][-1]["probes"][0]
            self.assertEqual(last["reply"], "reassembly_time_exceeded")
            self.assertEqual((last["icmp_type"], last["icmp_code"]),
                             (11, 1) if family == 4 else (3, 1))
            self.assertEqual(self.owners(found)[-1], ["t"])
            self.assertEqual(found["stop"]["reason"], "unreachable")
        result = self.run_trace("-w8", "--fragment", "0+8,16+8", "-f3", "-m3", TARGET[6])
        self.assertEqual(result.returncode, 1, result)
        self.assertIn("[fragment reassembly time exceeded]", result.stdout)
        self.assertIn("could not put its fragments together in time", result.stderr)


class Narrow(FragmentTest):
    """A link that takes less: IPv4 routers cut fragments again."""

    network = Network("s - a -1300- b - c - t")

    def test_cut_on_the_way(self):
        found = self.trace("--fragment", "1400", "-a", "packetbypacket", TARGET[4], "1600")
        self.assertEqual(self.owners(found), [["a"], ["b"], ["c"], ["t"]])
        self.assertEqual(list(quotes(found, 1)), [(0, 1400, "sent")])
        for ttl in (2, 3):
            self.assertEqual(list(quotes(found, ttl)), [(0, 1280, "cut")])
        self.assertEqual(quotes(found, 4), {(0, 1580, "whole"): 1})

    def test_may_not_be_cut(self):
        """With -F over IPv4, and always over IPv6: the router says what it takes."""
        for family, options in ((4, ("-F",)), (6, ())):
            found = self.trace("--fragment", "1400", *options, TARGET[family], "1600",
                               status=1)
            last = found["hops"][-1]["probes"][0]
            self.assertEqual(self.owners(found)[-1], ["a"])
            self.assertEqual(last["mtu"], 1300)


if __name__ == "__main__":
    unittest.main()
