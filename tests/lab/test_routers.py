"""The lab itself: drawings are understood, what is wrong is seen, nothing stays."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import unittest
from pathlib import Path

import paris
import routers
from networks import (FAMILIES, ICMP, TARGET, UDP, Drops, Forwards, Network, Rejects,
                      Silent)

NUMBERS = {  # (type, code) by the words for them
    4: {"": (11, 0), "port": (3, 3), "echo": (0, 0), "admin": (3, 13)},
    6: {"": (3, 0), "port": (1, 4), "echo": (129, 0), "admin": (1, 1)},
}


def reply(address, word="", flags=()):
    """An answered probe, as a trace tells it."""
    number, code = NUMBERS[6 if ":" in address else 4][word]
    kind = {"": "time_exceeded", "echo": "echo_reply"}.get(word, "unreachable")
    return {"status": "answered", "from": address, "reply": kind, "icmp_type": number,
            "icmp_code": code, "flags": list(flags)}


LOST = {"status": "lost"}


def trace_of(hops, reason, family=4, queries=2):
    """A trace whose hops are lists of probes."""
    for probes in hops:
        probes[:] = [dict(probe, query=query) for query, probe in enumerate(probes)]
    counters = dict.fromkeys(("duplicates", "late", "ambiguous", "lost_here",
                              "asked_again"), 0)
    return {"options": {"first_ttl": 1, "queries": queries}, "ip_version": family,
            "stop": {"reason": reason, "ttl": len(hops)}, "counters": counters,
            "hops": [{"ttl": ttl, "probes": hop} for ttl, hop in enumerate(hops, 1)],
            "anomalies": []}


class Drawing(unittest.TestCase):
    def test_links_and_ways(self):
        network = Network("""
            s - a - b > c -1400- t
                a < x < c
        """)
        self.assertEqual(network.nodes, ["s", "a", "b", "c", "t", "x"])
        self.assertEqual(network.links, {
            ("s", "a"): 1500, ("a", "b"): 1500, ("b", "c"): 1500, ("c", "t"): 1400,
            ("a", "x"): 1500, ("x", "c"): 1500})
        self.assertEqual(network.onward, {
            "s": ["a"], "a": ["b"], "b": ["c"], "c": ["t"], "t": [], "x": []})
        self.assertEqual(network.back, {
            "s": [], "a": ["s"], "b": ["a"], "t": ["c"], "x": ["a"], "c": ["x"]})
        self.assertEqual(network.walks(), [("a", "b", "c", "t")])

    def test_every_way_is_found(self):
        network = Network("""
            s - a - b - c1 - d - t
                a - x - c2 - d
                        c2 - e - t
        """)
        self.assertEqual(set(network.walks()), {
            ("a", "b", "c1", "d", "t"), ("a", "x", "c2", "d", "t"),
            ("a", "x", "c2", "e", "t")})

    def test_what_is_no_drawing(self):
        for picture in ("s - a -", "s -- a", "s - a b", "a - t"):
            with self.assertRaises(ValueError, msg=picture):
                Network(picture)
        with self.assertRaises(ValueError):
            Network("s - a - t", b=Silent())

    def test_truth(self):
        line = "s - a - b - c - t"
        for behaviours, method, family, expected in (
                ({}, UDP, 4, "a b c t(port,reached): reached"),
                ({}, ICMP, 6, "a b c t(echo,reached): reached"),
                ({"b": Silent()}, UDP, 4, "a * c t(port,reached): reached"),
                ({"t": Silent()}, UDP, 4, "a b c * * *: hop_limit"),
                ({"b": Drops("udp")}, UDP, 4, "a b * * * *: hop_limit"),
                ({"b": Drops("udp")}, ICMP, 4, "a b c t(echo,reached): reached"),
                ({"b": Rejects("admin", "udp")}, UDP, 6, "a b b(admin): unreachable"),
                ({"a": Drops("udp"), "b": Rejects("admin", "udp")}, UDP, 6,
                 "a * * * * *: hop_limit"),
                ({"t": Rejects("admin", "icmp")}, ICMP, 4,
                 "a b c t(admin): unreachable"),
                ({"b": Forwards()}, UDP, 4,
                 "a t(from_target) t(from_target,loop) t(port,reached): reached")):
            network = Network(line, **behaviours)
            self.assertEqual(network.truth(method, family), {expected})
        loop = Network("s - a - b > a")
        self.assertEqual(loop.truth(UDP, 4), {"a b a(cycle) b(cycle) a(cycle): loop"})
        self.assertEqual(loop.truth(UDP, 6), {"a b a b(cycle) a(cycle) b(cycle): loop"})


class Seeing(unittest.TestCase):
    """That a trace which is wrong does not look like the truth."""

    network = Network("""
        s - a - b1 - c - t
            a - b2 - c
    """)

    def good(self, family=4):
        def of(node, other):
            return reply(self.network.address(node, other, family))
        end = reply(TARGET[family], "port", ("reached", "final"))
        return [[of("a", "s")] * 2, [of("b1", "a")] * 2, [of("c", "b1")] * 2, [end] * 2]

    def seen(self, hops, reason="reached", family=4):
        return self.network.seen(trace_of(hops, reason, family))

    def test_right(self):
        for family in FAMILIES:
            self.assertEqual(self.seen(self.good(family), family=family),
                             "a b1 c t(port,reached): reached")
            self.assertIn(self.seen(self.good(family), family=family),
                          self.network.truth(UDP, family))

    def test_wrong(self):
        address = self.network.address
        four, six = self.good(4), self.good(6)
        wrong = [
            (4, four[:1] + four[2:]),  # a link that is not there
            (4, four[:3]),
            (4, four[:2] + [[LOST] * 2] + four[3:]),
            (4, four[:2] + [[four[2][0], LOST]] + four[3:]),
            (4, four[:1] + [[four[1][0], reply(address("b2", "a", 4))]] + four[2:]),
            (4, four[:1] + [[four[1][0]]] + four[2:]),  # a query is missing
            (4, four[:1] + [[reply("203.0.113.1")] * 2] + four[2:]),
            (4, four[:1] + [[reply(address("b1", "c", 4))] * 2] + four[2:]),
            (4, four[:1] + [[dict(four[1][0], flags=["altered"])] * 2] + four[2:]),
            (4, four[:2] + [[reply(address("c", "b1", 4), "admin")] * 2] + four[3:]),
            (4, four[:3] + [[reply(TARGET[4], "echo", ("reached", "final"))] * 2]),
            (4, four[:3] + [[reply(TARGET[4], "port", ("final",))] * 2]),
            # c was reached by way of b2, but b1 stands before it.
            (6, six[:2] + [[reply(address("c", "b2", 6))] * 2] + six[3:]),
        ]
        for family, hops in wrong:
            seen = self.seen(hops, family=family)
            self.assertNotIn(seen, self.network.truth(UDP, family))
        self.assertNotIn(self.seen(four, "hop_limit"), self.network.truth(UDP, 4))

    def test_wrong_around_the_hops(self):
        def late(trace):
            trace["counters"]["late"] = 1

        def stray(trace):
            trace["anomalies"] = [{"name": "stray", "hops": [], "count": 1}]

        def too_early(trace):
            trace["stop"]["ttl"] = 3

        def beyond(trace):
            trace["hops_past_end"] = [{"ttl": 5, "probes": [dict(
                reply(self.network.address("c", "b1", 4)), query=0)]}]

        def hole(trace):
            trace["hops"][3]["ttl"] = 5
        for change in (late, stray, too_early, beyond, hole):
            trace = trace_of(self.good(), "reached")
            change(trace)
            self.assertNotIn(self.network.seen(trace), self.network.truth(UDP, 4))


class NothingStays(unittest.TestCase):
    """Namespaces end with the process that made them, however that ends."""

    SCRIPT = textwrap.dedent("""
        import os, signal, sys, time
        signal.signal(signal.SIGINT, signal.default_int_handler)  # if it was ignored
        sys.path[0:0] = sys.argv[1:]
        import routers
        from networks import Network
        lab = routers.Lab(Network("s - a - b - t")).build()
        print(*(os.fstat(one).st_ino for one in lab.holders.values()), flush=True)
        time.sleep(600)
    """)

    @staticmethod
    def in_use():
        """Numbers of the network namespaces that any process is in or holds."""
        found = set()
        for process in Path("/proc").iterdir():
            if not process.name.isdigit():
                continue
            # What is gone meanwhile is not in use.
            links = [process / "ns/net"]
            with contextlib.suppress(OSError):
                links += (process / "fd").iterdir()
            for link in links:
                with contextlib.suppress(OSError):
                    kind, _, number = os.readlink(link).partition(":[")
                    if kind == "net":
                        found.add(int(number.rstrip("]")))
        return found

    def test_ended_by_a_signal(self):
        routers.check_possible()
        tests = Path(__file__).resolve().parent.parent
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            with subprocess.Popen(
                    [sys.executable, "-c", self.SCRIPT, tests, tests / "functional",
                     tests / "lab"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL, text=True) as process:
                made = {int(word) for word in process.stdout.readline().split()}
                try:
                    self.assertEqual(len(made), 4)
                    self.assertLessEqual(made, self.in_use())
                    process.send_signal(number)
                    process.wait(20)
                finally:
                    process.kill()  # it sleeps long, whatever went wrong here
                paris.wait_for(lambda made=made: not made & self.in_use(), 10,
                               f"namespaces stay after signal {number}")

    def test_closed(self):
        routers.check_possible()
        lab = routers.Lab(Network("s - a - t")).build()
        made = {os.fstat(one).st_ino for one in lab.holders.values()}
        self.assertLessEqual(made, self.in_use())
        lab.trace(TARGET[4])
        lab.close()
        paris.wait_for(lambda: not made & self.in_use(), 10, "namespaces stay")


if __name__ == "__main__":
    unittest.main()
