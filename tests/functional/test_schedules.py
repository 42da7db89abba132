"""The algorithms that trace one path differ in what they ask when: seen on the wire, they
keep to it, and all of them find the simulator's path."""

import unittest

import paris
from test_short_quotes import nanoseconds
from test_trace import KINDS, TCP, V4, V6, Trace, TraceTest

HOPS = 15  # of line.topo
# One kind of probe whose quotes may show no tag, and one of the others.
FEW = (KINDS[0], KINDS[3])
ALGORITHMS = ("paris", "hopbyhop", "packetbypacket", "concurrent", "scout")


def most_in_flight(trace):
    """How many probes waited for their answer at once, by the tool's own times."""
    steps = []
    for _, probe in trace.records():
        sent = nanoseconds(probe["sent"])
        steps += [(sent, 1), (sent + round(probe["rtt_ms"] * 1e6), -1)]
    most = now = 0
    for _, step in sorted(steps):
        now += step
        most = max(most, now)
    return most


class Schedules(TraceTest):
    def traces(self, algorithm, queries, kinds=FEW):
        for method, target in kinds:
            trace = Trace("line.topo", "-a", algorithm, "-q", queries, *method, target)
            self.about = (algorithm, method, target)
            self.check(trace)
            self.check_real_path(trace)
            self.assertEqual(trace.json["algorithm"], algorithm)
            self.assertEqual(trace.json["stop"], {"reason": "reached", "ttl": HOPS})
            yield trace, [probe["ttl"] for probe in trace.sent]

    def in_order(self, hops, queries):
        return [ttl for ttl in range(1, hops + 1) for _ in range(queries)]

    def test_hop_by_hop(self):
        """No probe past the target, and none before the hop before it has answered."""
        for trace, sent in self.traces("hopbyhop", 3):
            self.assertEqual(sent, self.in_order(HOPS, 3))
            self.assertLessEqual(most_in_flight(trace), 3)
            before = 0
            for ttl in range(1, HOPS + 1):
                probes = trace.hops()[ttl]
                starts = [nanoseconds(probe["sent"]) for probe in probes]
                self.assertGreaterEqual(min(starts), before)
                before = max(start + round(probe["rtt_ms"] * 1e6)
                             for start, probe in zip(starts, probes))

    def test_packet_by_packet(self):
        for trace, sent in self.traces("packetbypacket", 2):
            self.assertEqual(sent, self.in_order(HOPS, 2))
            self.assertEqual(most_in_flight(trace), 1)

    def test_concurrent(self):
        """All of it, to the last hop there may be."""
        for trace, sent in self.traces("concurrent", 3):
            self.assertEqual(sent, self.in_order(30, 3))

    def test_scout(self):
        """One probe to the target, which says how far it is: nothing else is in vain."""
        for trace, sent in self.traces("scout", 3):
            self.assertEqual(sent, [30] + self.in_order(HOPS, 3))
            past, = trace.json["hops_past_end"]
            self.assertEqual((past["ttl"], len(past["probes"])), (30, 1))

    def test_tcp(self):
        """A connection can be opened once at a time, whatever the schedule."""
        for algorithm in ALGORITHMS:
            for trace, sent in self.traces(algorithm, 1, TCP[:1]):
                if algorithm in ("hopbyhop", "packetbypacket"):
                    self.assertEqual(sent, self.in_order(HOPS, 1))

    def test_limit(self):
        """-N holds for each of them."""
        for algorithm in ALGORITHMS:
            trace = Trace("line.topo", "-a", algorithm, "-N", 2, "-q", 2, V6)
            self.about = algorithm
            self.check(trace)
            self.assertLessEqual(most_in_flight(trace), 2)

    def test_short_quotes(self):
        """28-byte quotes: who answers what is told all the same."""
        for algorithm in ALGORITHMS:
            trace = Trace("short-quotes.topo", "-a", algorithm, V4)
            self.about = algorithm
            self.check(trace)
            self.check_real_path(trace)

    def test_no_answer_to_the_scout(self):
        for target in (V4, V6):
            trace = Trace("silent-tail.topo", "-a", "scout", "-w", "0.5", "--gap-limit",
                          "2", target, status=1)
            self.check(trace)
            self.assertEqual(trace.json["stop"], {"reason": "gap_limit", "ttl": 5})
            self.assertEqual([probe["ttl"] for probe in trace.sent],
                             [30] + self.in_order(5, 3))

    def test_text(self):
        """The text is a traceroute's, without the scout's hop."""
        result = paris.undisturbed("line.topo", "paris-traceroute", "-n", "-w", "5", "-a",
                                   "scout", V4)
        lines = result.stdout.splitlines()
        self.assertEqual(len(lines), 1 + HOPS, result)
        self.assertTrue(lines[-1].startswith(f"15  {V4}  "))
        self.assertEqual((result.returncode, result.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
