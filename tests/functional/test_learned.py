"""What traces of one prober learn from those before: the second to a known target sends
fewer probes and finds the same, also when the route has changed meanwhile or what was
learned was a lie."""

import json
import re
import unittest

import paris
from test_concurrent import PLANS, REACHED, Many, ManyTest, is_tcp

V4, V6 = "198.51.100.9", "2001:db8:ffff::9"
QUERIES = 3
AT_ONCE = 16 * QUERIES  # probes before anything is known
SAME_FLOW = {"queries": QUERIES, "chosen": 1}


def line(routers, *more, options="", rtt="2ms"):
    """Routers r1, r2 ... in a row before two targets of one prefix."""
    numbers = range(1, routers + 1)
    return "\n".join((
        f"defaults rtt={rtt} {options}",
        *(f"router r{n} 10.0.{n}.1 2001:db8:{n}::1" for n in numbers),
        f"target server {V4} {V6} tcp-open=80",
        "target other 198.51.100.77 2001:db8:ffff::77",
        "link host " + " ".join(f"r{n}" for n in numbers) + " server,other",
        *more)) + "\n"


class Learned(ManyTest):
    def run_each(self, topology, tag, *starts):
        """One trace after the other in one prober; each is (target, options)."""
        many = Many(topology)
        many.plan(PLANS[tag])
        for target, options in starts:
            many.start(target, options.pop("algorithm", "paris"), is_tcp(tag),
                       **SAME_FLOW | options)
            many.wait()
        many.run()
        self.check(many)
        return many

    def path(self, many, number):
        """Who answered which query, up to the end."""
        return sorted((one.ttl, one.query, one.outcome, one.source)
                      for one in many.results[number]
                      if one.ttl <= many.done[number].end_ttl)

    def assert_path(self, many, number, routers, target=None):
        """The truth, which does not depend on what was known."""
        target = target or many.asked[number]["target"]
        hops = [f"2001:db8:{n}::1" if ":" in target else f"10.0.{n}.1" for n in routers]
        self.assertEqual(self.path(many, number), sorted(
            (ttl, query, "reply", source)
            for ttl, source in enumerate((*hops, target), 1) for query in range(QUERIES)))

    def sent(self, many):
        return [len(many.sent[number]) for number in many.asked]

    def test_second_to_a_known_target(self):
        """No probe past the target; TCP asks none anyway."""
        for tag in ("udp.payload", "icmp.sequence", "tcp"):
            for target in (V4, V6):
                with self.subTest(tag, target=target):
                    many = self.run_each(line(4), tag, (target, {}), (target, {}))
                    first, second = self.sent(many)
                    self.assertEqual(second, 5 * QUERIES)
                    if is_tcp(tag):
                        self.assertEqual(first, second)
                    else:
                        self.assertEqual(first, AT_ONCE)
                    self.assert_path(many, 1, range(1, 5))
                    self.assertEqual(self.path(many, 1), self.path(many, 2))

    def test_neighbour_and_stranger(self):
        """Another address of the prefix is as far, for all that is known; of one of
        another family nothing is."""
        many = self.run_each(line(4), "udp.payload", (V6, {}),
                             ("2001:db8:ffff::77", {}), (V4, {}))
        self.assertEqual(self.sent(many), [AT_ONCE, 5 * QUERIES, AT_ONCE])
        for number in many.asked:
            self.assert_path(many, number, range(1, 5))

    def test_no_wait_for_a_tag(self):
        """Where quotes may be short, the first trace sends one probe and waits for it;
        the second has seen that they are not."""
        def gap(many, number):
            times = [probe["time_ns"] for probe in many.sent[number]]
            return times[1] - times[0]
        many = paris.until(  # so fast that none can be here in between
            lambda many: gap(many, 2) < 30e6, lambda: self.run_each(
                line(4, rtt="30ms"), "udp.payload", (V4, {}), (V4, {})))
        self.assertGreaterEqual(gap(many, 1), 30e6)
        self.assertLess(gap(many, 2), 30e6)
        self.assertEqual(self.path(many, 1), self.path(many, 2))

    def test_tags_that_are_not_shown(self):
        """A trace whose replies show no tag teaches to be careful."""
        many = self.run_each(line(4, options="quote=28"), "udp.payload", (V4, {}), (V4, {}))
        self.assertEqual(self.sent(many)[0], self.sent(many)[1])
        self.assertEqual(self.path(many, 1), self.path(many, 2))
        self.assert_path(many, 2, range(1, 5))

    def test_shorter_route(self):
        many = self.run_each(
            line(6, f"rule r2 to=r6 since={AT_ONCE}packets"), "udp.payload",
            (V6, {}), (V6, {}))
        self.assert_path(many, 1, range(1, 7))
        self.assert_path(many, 2, (1, 2, 6))
        self.assertEqual(self.sent(many), [AT_ONCE, 7 * QUERIES])

    def test_longer_route(self):
        many = self.run_each(
            line(6, f"rule r2 to=r6 until={AT_ONCE}packets"), "udp.payload",
            (V6, {}), (V6, {}))
        self.assert_path(many, 1, (1, 2, 6))
        self.assert_path(many, 2, range(1, 7))
        self.assertLessEqual(self.sent(many)[1], AT_ONCE)

    def test_silent_where_the_end_was(self):
        """No router but the first is heard any more, and the target is farther."""
        many = Many(line(
            6, f"rule r2 to=r6 until={AT_ONCE}packets",
            f"rule r1 drop at=return protocol=58 icmp-type=3 since={AT_ONCE}packets"))
        many.plan(PLANS["udp.payload"])
        many.start(V6, **SAME_FLOW)
        many.wait()
        many.start(V6, **SAME_FLOW, wait_ms=400)
        many.run()
        self.assert_path(many, 1, (1, 2, 6))
        self.assertEqual(many.done[2].end_ttl, 7)
        self.assertEqual([one.outcome for one in many.results[2] if 1 < one.ttl < 7],
                         ["timeout"] * 5 * QUERIES)

    def test_a_lie(self):
        """A firewall answers connections in the target's name: its lie is the result
        where it is told, and of no consequence elsewhere."""
        topology = line(6, "rule r2 reject=reset protocol=tcp dst-port=80")
        many = Many(topology)
        many.plan(PLANS["tcp"])
        many.start(V4, tcp=True, **SAME_FLOW)
        many.wait()
        many.plan(PLANS["udp.payload"])
        many.start(V4, **SAME_FLOW)
        many.start("198.51.100.77", **SAME_FLOW)
        many.run()
        self.assertEqual((many.done[1].reason, many.done[1].end_ttl), (REACHED, 3))
        self.assert_path(many, 2, range(1, 7))
        self.assert_path(many, 3, range(1, 7))

    def test_scout(self):
        """Of a known target no scout is needed."""
        many = self.run_each(line(4), "udp.payload", *(
            (V6, {"algorithm": "scout"}) for _ in range(2)))
        self.assertEqual(self.sent(many), [1 + 5 * QUERIES, 5 * QUERIES])
        self.assertEqual(self.path(many, 1), self.path(many, 2))


class EndToEnd(unittest.TestCase):
    """As a user does it: hosts in one run, one after the other."""

    def run_twice(self, target, *options):
        result = paris.fakeroute(line(4), "paris-traceroute", "-n", "-w", "20", "--flow-id", "1",
                                 "--parallel", "1", "--ordered", *options, target, target)
        self.assertEqual((result.returncode, result.stderr), (0, ""), result)
        return result

    def test_second_time(self):
        """Fewer probes, on the wire and as told, and the same path."""
        for target in (V4, V6):
            for options in ((), ("-I",)):
                with self.subTest(target, options=options):
                    result = self.run_twice(target, *options, "--format", "json")
                    found = [json.loads(text) for text in result.stdout.splitlines()]
                    sent = [trace["counters"]["sent"] for trace in found]
                    self.assertEqual(sent, [AT_ONCE, 5 * QUERIES])
                    on_wire = [packet for packet in result.packets()
                               if packet.src in ("192.0.2.2", "2001:db8::2")]
                    self.assertEqual(len(on_wire), sum(sent))
                    paths = [[(ttl, probe["query"], probe["from"], probe["reply"])
                              for ttl, probe in paris.answers(trace)] for trace in found]
                    self.assertEqual(paths[0], paths[1])
                    self.assertEqual(len(paths[0]), 5 * QUERIES)
                    self.assertEqual([trace["stop"] for trace in found],
                                     2 * [{"reason": "reached", "ttl": 5}])

    def test_text(self):
        blocks = re.sub(r"[\d.]+ ms", "TIME", self.run_twice(V4).stdout).split("\n\n")
        self.assertEqual(blocks[0] + "\n", blocks[1])
        self.assertEqual(blocks[1].count("\n"), 6)


if __name__ == "__main__":
    unittest.main()
