"""Many traces through one paris-privsep, and several helpers on one host, with the same
tags and with different ones: not one reply may come to a probe that it does not answer."""

import ipaddress
import unittest
from collections import Counter

from test_concurrent import FAILED, REACHED, ManyTest, SeparateRuns, targets
from test_flows import HELPER, V4, V6, WHY, ManyByHelper
from test_helper import tools
from test_trace import far

PLANS = {
    "udp.checksum": "udp-helper udp.checksum 0",
    "udp.payload": "udp-helper udp.payload 0",
    "tcp.seq": "tcp-helper tcp.seq 0",
    "tcp.checksum": "tcp-helper tcp.checksum 0",
    "icmp.sequence": "ping-helper icmp.sequence 0",
    "datagrams": "udp udp.payload 0",
}


def pseudo_header_sum(source, target, length):
    """Of a UDP packet (RFC 768, RFC 8200 section 8.1)."""
    header = 20 if ":" not in target else 40
    packed = b"".join(ipaddress.ip_address(one).packed for one in (source, target))
    total = sum(int.from_bytes(packed[i:i + 2], "big") for i in range(0, len(packed), 2))
    total += 17 + length - header
    while total > 0xffff:
        total = (total & 0xffff) + (total >> 16)
    return total


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

    def test_a_checksum_for_no_probe(self):
        """The pseudo-header's sum is what is left of a checksum that a device was to
        finish, and no tag: tags count past it."""
        source = None
        for target in (V4, V6):
            for turn in range(2):
                length, more = 60 if target == V4 else 80, {}
                if turn == 1:
                    more["first_tag"] = pseudo_header_sum(source, target, length) - 5
                many = ManyByHelper("short-quotes.topo")
                many.plan(" ".join([PLANS["udp.checksum"]] * 2))
                many.start(target, "paris", wait_ms=10000, length=length, **more)
                many.run()
                source = many.sent[1][0]["src"]
                self.check_all(many)
                if turn == 1:
                    tags = sorted(one["checksum"] for one in many.sent[1])
                    first = more["first_tag"]
                    self.assertEqual(tags, [*range(first, first + 5), *range(
                        first + 6, first + 1 + len(tags))])

    def test_more_than_a_burst(self):
        """The helper sends no more at once: what a trace that is over had not handed to
        it does not leave, and what it had is sent and counted."""
        for tag in ("tcp.seq", "icmp.sequence"):
            for target in (V4, V6):
                with self.subTest(tag=tag, target=target):
                    many = ManyByHelper("instant.topo")
                    many.plan(" ".join([PLANS[tag]] * 2))
                    many.start(target, "paris", tag == "tcp.seq", wait_ms=10000,
                               queries=255)
                    many.run()
                    self.check(many)
                    self.assertGreater(len(many.sent[1]), 1024)

    def test_more_than_ports(self):
        """64 reservations, and a trace that finds none says so; the others go on."""
        many = ManyByHelper("fan.topo")
        many.plan(PLANS["udp.checksum"] + " none - 0")
        for _ in range(66):
            many.start("198.51.100.9", "paris")
        many.run()
        reasons = Counter(done.reason for done in many.done.values())
        self.assertEqual(reasons, {REACHED: 64, FAILED: 2})
        words = {done.detail for done in many.done.values() if done.reason == FAILED}
        self.assertEqual(words, {"paris-privsep keeps no more than 64 ports: fewer traces "
                                 "to one target at a time"})

    def test_one_port_serves_all_targets(self):
        """One of the helper's choice, too: there are more traces than reservations."""
        many = ManyByHelper(far("diamond.topo").replace(V4, "203.0.113.0/24"))
        many.plan("udp-helper udp.dst_port 0 none - 0")
        for target in targets(70):
            many.start(target, "traceroute", queries=1, wait_ms=10000)
        self.check(many.run())
        self.assertEqual({done.reason for done in many.done.values()}, {REACHED})


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
