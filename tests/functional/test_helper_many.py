"""Many traces through one paris-privsep, and several helpers on one host, with the same
tags and with different ones: not one reply may come to a probe that it does not answer."""

import unittest
from collections import Counter

import paris
from test_concurrent import ManyTest, SeparateRuns, far, targets
from test_flows import HELPER, WHY, ManyByHelper
from test_helper import tools

PLANS = {
    "udp.checksum": "udp-helper udp.checksum 0",
    "udp.payload": "udp-helper udp.payload 0",
    "tcp.seq": "tcp-helper tcp.seq 0",
    "tcp.checksum": "tcp-helper tcp.checksum 0",
    "icmp.sequence": "ping-helper icmp.sequence 0",
    "datagrams": "udp udp.payload 0",
}


@unittest.skipUnless(HELPER, WHY)
class Tags(ManyTest):
    def many(self, topology, tags, where, count, **options):
        """Traces with each of the tags in turn, to the same target or to one each."""
        many = ManyByHelper(topology)
        number = 0
        for tag in tags:
            many.plan(f"{PLANS[tag]} {PLANS[tag]}")
            for family in (4, 6):
                for target in where(count, family, number):
                    many.start(target, "paris", tag.startswith("tcp"), wait_ms=10000,
                               **options)
            number += count
        return many.run()

    @staticmethod
    def one_target(count, family, number):
        return targets(1, family) * count

    @staticmethod
    def own_targets(count, family, number):
        return targets(count, family, first=1 + number)

    def check_all(self, many):
        self.check(many)
        self.assertEqual(self.total(many, "timeouts"), 0)
        self.assertEqual(self.total(many, "ambiguous"), 0)
        self.assertEqual(self.total(many, "lost_here"), 0)

    def test_the_same_tag(self):
        for tag in PLANS:
            for where in (self.one_target, self.own_targets):
                with self.subTest(tag=tag, where=where.__name__):
                    many = self.many(far("duplicates-late.topo"), [tag], where, 10)
                    self.check_all(many)
                    self.assertGreater(self.total(many, "duplicates"), 20)

    def test_all_tags_at_once(self):
        for where in (self.one_target, self.own_targets):
            with self.subTest(where=where.__name__):
                many = self.many(far("duplicates-late.topo"), PLANS, where, 6)
                self.check_all(many)
                self.assertGreater(many.most_in_flight(), 500)

    def test_on_28_bytes(self):
        """No trace has to ask anything again."""
        tags = [tag for tag in PLANS if tag not in ("udp.payload", "datagrams")]
        many = ManyByHelper("short-quotes.topo")
        for tag in tags:
            many.plan(f"{PLANS[tag]} {PLANS[tag]}")
            for target in ("198.51.100.9", "2001:db8:ffff::9"):
                for _ in range(3):
                    many.start(target, "paris", tag.startswith("tcp"), wait_ms=10000)
        many.run()
        self.check_all(many)
        self.assertEqual(self.total(many, "reasked"), 0)

    def test_more_than_ports(self):
        """64 reservations, and a trace that finds none says so; the others go on."""
        many = ManyByHelper("fan.topo")
        many.plan(PLANS["udp.checksum"] + " none - 0")
        for _ in range(66):
            many.start("198.51.100.9", "paris")
        many.run()
        reasons = Counter(done.reason for done in many.done.values())
        self.assertEqual(reasons, {1: 64, 9: 2})
        words = {done.detail for done in many.done.values() if done.reason == 9}
        self.assertEqual(words, {"paris-privsep keeps no more than 64 ports: fewer traces "
                                 "to one target at a time"})


@unittest.skipUnless(HELPER, WHY)
class SeparateHelpers(SeparateRuns):
    """As SeparateRuns, each run with a helper of its own, and some without."""

    RUNS = ("--privilege helper", "-I --privilege helper", "--privilege helper -I", "",
            "--tag udp.checksum", "--privilege helper", "-I")

    def check(self, topology, target):
        self.run_all([str(tools() / "bin" / "paris-traceroute")], topology, target,
                     options=("--keep-caps",), user=False)


del ManyTest, SeparateRuns  # they run where they are from

if __name__ == "__main__":
    unittest.main()
