"""Routers, firewalls and targets that say nothing, or not always."""

import unittest

import routers
from networks import (FAMILIES, METHODS, TARGET, Drops, Limited, Network, Route, Silent,
                      source)

LINE = "s - a - b - c - t"


class SilentRouter(routers.PathTest):
    network = Network(LINE, b=Silent())
    waits = True


class SilentTarget(routers.PathTest):
    network = Network(LINE, t=Silent())
    waits = True


class SilentBranch(routers.PathTest):
    network = Network("""
        s - a - b1 - c - t
            a - b2 - c
    """, b2=Silent())
    waits = True


class DropsUdp(routers.PathTest):
    network = Network(LINE, b=Drops("udp"))
    waits = True


class DropsIcmp(routers.PathTest):
    network = Network(LINE, b=Drops("icmp"))
    waits = True


class DropsTcp(routers.PathTest):
    network = Network(LINE, b=Drops("tcp"))
    waits = True


class TargetDrops(routers.PathTest):
    network = Network(LINE, t=Drops("udp", "icmp", "tcp"))
    waits = True


class BlackHole(routers.PathTest):
    network = Network(LINE, b=Route("blackhole"))
    waits = True


class RateLimit(routers.LabTest):
    """Linux answers an address six times at once, and then every second (IPv6: it
    depends on the route): what is missing is lost, and nothing else is."""

    network = Network(LINE, b=Limited())
    BURST = 6

    def words(self, trace):
        return [[self.network.word(probe, trace.json) for probe in hop["probes"]]
                for hop in trace.json["hops"]]

    def test_the_burst_is_answered(self):
        for number, method in enumerate(METHODS):
            for family in FAMILIES:
                with self.subTest(protocol=method.protocol, family=family):
                    trace = self.lab.trace(*method.arguments, "-q", 10, "-w", 1, "-s",
                                           source(family, number + 2),
                                           TARGET[family])
                    first, limited, *others = self.words(trace)
                    self.assertEqual([first] + others, [["a"] * 10, ["c"] * 10, [
                        f"t({method.arrival})"] * 10])
                    self.assertEqual(set(limited), {"b", "*"})
                    self.assertGreaterEqual(limited.count("b"), self.BURST)
                    self.assertTrue(trace.seen.endswith(": reached"), trace.seen)

    def test_every_trace_is_the_path_or_less(self):
        kinds = [(method, family) for method in METHODS
                 for family in FAMILIES for _ in range(routers.RUNS)]
        traces = self.lab.traces([(*method.arguments, "-w", 1, TARGET[family])
                                  for method, family in kinds], routers.WAITING_AT_ONCE)
        for (method, family), trace in zip(kinds, traces):
            complete, = self.network.truth(method, family)
            # A SYN is sent twice when the prober stands still: told, and no matter here.
            self.assertIn(trace.seen.replace("(resent)", ""),
                          {complete.replace(" b ", word)
                           for word in (" b ", " * ", " {*|b} ")}, trace.arguments)


if __name__ == "__main__":
    unittest.main()
