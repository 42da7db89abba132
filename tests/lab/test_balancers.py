"""Paths through real balancers, by flow, by flow label and by packet."""

import unittest

import paris
import routers
from networks import FAMILIES, METHODS, TARGET, TCP_OPEN, UDP, Hash, Network, PerPacket


class Line(routers.PathTest):
    network = Network("""
        s - a - b - c - t
    """)


class TwoWide(routers.PathTest):
    network = Network("""
        s - a - b1 - c - t
            a - b2 - c
    """)


class OpenPort(routers.PathTest):
    """A target that accepts connections, which must not stay open."""

    network = TwoWide.network
    methods = (TCP_OPEN,)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.listener = cls.lab.listen(443)
        cls.addClassCleanup(cls.listener.close)

    def test_connections_are_reset(self):
        self.listener.setblocking(False)
        for family in FAMILIES:
            trace = self.lab.trace("-T", "-w", 5, "-p", 443, TARGET[family])
            self.assertTrue(trace.seen.endswith(": reached"), trace.seen)
            paris.wait_for(self.accept_one, 10, "no connection to accept")
            while self.accept_one():
                pass

    def accept_one(self):
        try:
            connection, _ = self.listener.accept()
        except BlockingIOError:
            return False
        with connection, self.assertRaises(ConnectionResetError):
            connection.recv(1)
        return True


class FourWide(routers.PathTest):
    network = Network("""
        s - a - b1 - c - t
            a - b2 - c
            a - b3 - c
            a - b4 - c
    """)


class TwoInSeries(routers.PathTest):
    network = Network("""
        s - a - b1 - c - d1 - e - t
            a - b2 - c - d2 - e
                     c - d3 - e
                     c - d4 - e
    """)


class LongWays(routers.PathTest):
    """Not every two neighbouring hops are a link: a mixture of flows has false ones."""

    network = Network("""
        s - a - b1 - c1 - d1 - e - t
            a - b2 - c2 - d2 - e
            a - b3 - c3 - d3 - e
    """)

    def test_varied_flows_do_mix(self):
        """What the truth is there to tell apart: what traceroute(8) does."""
        truth = self.network.truth(UDP, 4)
        seen = {self.lab.trace("-a", "traceroute", "-w", 5, "--sport", 25000 + 100 * number,
                               TARGET[4]).seen for number in range(10)}
        self.assertTrue(seen - truth, seen)


class UnequalWays(routers.PathTest):
    network = Network("""
        s - a - b1 - c1 - d - t
            a - b2 - d
    """)


class ByFlowLabel(routers.PathTest):
    """What routers do that do not look into packets: IPv6 has the label for them."""

    network = Network("""
        s - a - b1 - c - d1 - e - t
            a - b2 - c - d2 - e
    """, a=Hash(0), c=Hash(0))
    families = (6,)

    def arguments(self, method, family, number):
        return [*method.arguments, "--flow-id", number, TARGET[family]]


class ByPacket(routers.LabTest):
    """No flow has a path: a trace shows what is there, and that it is more than one."""

    network = Network("""
        s - a - b1 - c - t
            a - b2 - c
            a - b3 - c
    """, a=PerPacket())

    def test_all_routers_at_their_distance(self):
        for method in METHODS:
            for family in FAMILIES:
                with self.subTest(protocol=method.protocol, family=family):
                    self.check(method, family)

    def check(self, method, family):
        arrived = f"t({method.arrival})"
        expected = [{"a"}, {"b1", "b2", "b3"}, {"c"}, {arrived}]
        traces = self.lab.traces([(*method.arguments, "-w", 5, TARGET[family])] *
                                 routers.RUNS, routers.AT_ONCE)
        found = set()
        for trace in traces:
            hops = [{self.network.word(probe, trace.json).partition("(several_")[0]
                     for probe in hop["probes"]} for hop in trace.json["hops"]]
            self.assertEqual(len(hops), len(expected))
            for words, possible in zip(hops, expected):
                self.assertLessEqual(words, possible, trace.seen)
            found |= hops[1]
            self.assertTrue(trace.seen.endswith(": reached"), trace.seen)
            self.assertEqual((trace.status, trace.errors), (0, ""))
        self.assertEqual(found, expected[1])
        # One trace alone, whose packets the balancer deals out in turn.
        alone = self.lab.trace(*method.arguments, "-w", 5, TARGET[family])
        second = alone.json["hops"][1]["probes"]
        self.assertEqual(len({probe["from"] for probe in second}), 3, alone.seen)
        self.assertIn("several_addresses",
                      [one["name"] for one in alone.json["anomalies"]])


if __name__ == "__main__":
    unittest.main()
