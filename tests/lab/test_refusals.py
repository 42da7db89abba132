"""Routers, firewalls and targets that refuse, and one that goes round in circles."""

import subprocess
import unittest

import routers
from networks import FAMILIES, ICMP, TARGET, UDP, Network, Rejects, Route

LINE = "s - a - b - c - t"


class Prohibits(routers.PathTest):
    network = Network(LINE, b=Rejects("admin", "udp", "icmp", "tcp"))


class RejectsUdpAsTheTargetWould(routers.PathTest):
    """A closed port, says a router: that is an arrival, but at another address."""

    network = Network(LINE, b=Rejects("port", "udp"))


class RejectsIcmp(routers.PathTest):
    network = Network(LINE, b=Rejects("port", "icmp"))


class RejectsTcp(routers.PathTest):
    network = Network(LINE, b=Rejects("port", "tcp"))


class ResetsTcpAsTheTargetWould(routers.PathTest):
    """From the target's address: nobody can tell."""

    network = Network(LINE, b=Rejects("reset", "tcp"))


class TargetProhibits(routers.PathTest):
    network = Network(LINE, t=Rejects("admin", "udp", "icmp", "tcp"))


class OneOfTwoRejects(routers.PathTest):
    network = Network("""
        s - a - b1 - c - t
            a - b2 - c
    """, b2=Rejects("host", "udp", "icmp", "tcp"))


class Unreachable(routers.PathTest):
    network = Network(LINE, b=Route("unreachable"))
    own_sources = True


class Prohibited(routers.PathTest):
    network = Network(LINE, b=Route("prohibit"))
    own_sources = True


class Loop(routers.PathTest):
    """c sends what is for the target back to b."""

    network = Network("""
        s - a - b - c > b
    """)


class NarrowLink(routers.PathTest):
    """Probes that are too big for a link, and may not be fragmented. A SYN never is."""

    network = Network("s - a - b -1400- c - t")
    methods = (UDP, ICMP)
    length, dont_fragment = 1450, True


class NarrowLinkFragments(routers.PathTest):
    """Likewise, but they may. Over IPv6 that is for the ends to do, as soon as they
    know: the source and, for its answer to an echo, the target."""

    network, methods = NarrowLink.network, NarrowLink.methods
    length = 1450

    def arguments(self, method, family, number):
        return [*method.arguments, "--flow-id", number, "-w", 2, TARGET[family],
                self.length]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.teach()

    @classmethod
    def teach(cls):
        for method in cls.methods:
            cls.lab.trace(*method.arguments, "-w", 1, TARGET[6], cls.length)

    def test_not_known_yet(self):
        """The first probe that is too big is how the source learns it: that hop tells
        it, and the trace ends there, as traceroute(8)'s does."""
        for method in self.methods:
            for node in "st":
                self.lab.inside(node, lambda: subprocess.run(
                    ["ip", "-6", "route", "flush", "cache"], check=True))
            trace = self.lab.trace(*method.arguments, "-w", 5, TARGET[6], self.length)
            self.assertEqual(self.network.word(trace.json["hops"][2]["probes"][0],
                                               trace.json), "b(mtu 1400)", trace.seen)
            self.assertTrue(trace.seen.endswith(": unreachable"), trace.seen)
            self.assertEqual(trace.status, 1)
            self.teach()

    def test_known_or_not_it_is_not_done_against_the_option(self):
        """What the kernel has learned about the path does not keep -F from showing the
        link that is too narrow."""
        for method in self.methods:
            for family in FAMILIES:
                trace = self.lab.trace(*method.arguments, "-w", 5, "-F", TARGET[family],
                                       self.length)
                self.assertEqual({trace.seen}, self.network.truth(
                    method, family, self.length, True))


if __name__ == "__main__":
    unittest.main()
