"""Routers that quote 28 bytes over IPv4, so that an ordinary user sees no tag of a UDP
probe: nothing is mistaken, and what that costs stays within bounds."""

import datetime
import unittest

import paris
from test_trace import KINDS, V4, Trace, TraceTest


def network(routers, links=None, defaults="rtt=2ms", seed=1, target=""):
    """The text of a topology. routers: {name: its options}, in the order of the path
    unless there are links. Each quotes 28 bytes unless it says otherwise."""
    lines = [f"seed {seed}", f"defaults quote=28 {defaults}"]
    lines += [f"router {name} 10.0.0.{number} {options}"
              for number, (name, options) in enumerate(routers.items(), 1)]
    lines += [f"target server {V4} {target}",
              f"link host {links or ' '.join(routers)} server"]
    return "\n".join(lines) + "\n"


def line(hops, options="", **more):
    """Routers in a row, and the target as the last of so many hops."""
    return network({f"r{hop}": options for hop in range(1, hops)}, **more)


def nanoseconds(time):
    """Since the epoch, of a time in the json output."""
    seconds, fraction = time.rstrip("Z").split(".")
    day = datetime.datetime.fromisoformat(seconds + "+00:00")
    return int(day.timestamp()) * 10 ** 9 + int(fraction)


def duration(trace):
    """From the first probe to the last answer, in nanoseconds."""
    answered = [record for _, record in trace.records() if record["status"] == "answered"]
    sent = [nanoseconds(record["sent"]) for record in answered]
    return max(time + record["rtt_ms"] * 1e6
               for time, record in zip(sent, answered)) - min(sent)


class ShortQuotes(TraceTest):

    def check_cost(self, trace, most, **how):
        """All is right, and it took so many probes at most."""
        self.check(trace, **how)
        self.assertEqual(trace.json["stop"]["reason"], "reached")
        self.assertLessEqual(len(trace.sent), most)

    def by_address(self, trace):
        """{query: whether its answers were told by who sent them}"""
        return {(record["query"], "by_address" in record.get("flags", ()))
                for _, record in trace.records()}

    def test_everywhere(self):
        """Each hop is asked once alone; then who answers tells whose reply it is."""
        trace = Trace("short-quotes.topo", V4)
        self.check_cost(trace, 30)
        self.check_real_path(trace)
        counters = trace.json["counters"]
        self.assertEqual((counters["ambiguous"], counters["asked_again"]), (0, 0))
        self.assertEqual(counters["window_at_end"], 1)
        self.assertEqual(self.by_address(trace), {(0, False), (1, True), (2, True)})

    def test_where_tags_are_seen_all_the_same(self):
        for method, target in KINDS[1:]:
            trace = Trace("short-quotes.topo", *method, target)
            counters = trace.json["counters"]
            self.assertEqual((counters["ambiguous"], counters["asked_again"]), (0, 0))
            self.assertNotIn("window_at_end", counters)
            self.assertEqual({told for _, told in self.by_address(trace)}, {False})

    def test_no_slower_than_hop_by_hop(self):
        """One probe at a time takes 3 * (20 + 40 + ... + 160) ms, more than twice as
        long as this does when nothing disturbs it."""
        topology = line(8, defaults="rtt=20ms")
        together, alone = Trace(topology, V4), Trace(topology, "-N", 1, V4)
        for trace in (together, alone):
            self.check_cost(trace, 24)
            self.check_real_path(trace)
        self.assertLess(duration(together), duration(alone))

    def test_lengths(self):
        for hops in (1, 2, 4, 15, 25):
            self.about = hops
            topology = line(hops) if hops > 1 else network({}, " ")
            trace = Trace(topology, V4)
            self.check_cost(trace, 3 * hops)
            self.assertEqual(trace.json["stop"]["ttl"], hops)

    def test_among_long_quotes(self):
        """Hops that tags have told are not asked again."""
        for long in ((1,), (1, 2, 3, 5, 6, 8), (3, 4), (2, 7)):
            self.about = long
            routers = {f"r{hop}": "quote=full" if hop in long else ""
                       for hop in range(1, 9)}
            trace = Trace(network(routers), "-w", "1", V4)
            self.check_cost(trace, 48 * 22 // 10)
            self.check_real_path(trace)
            for hop in range(1, 9):
                sent = sum(probe["ttl"] == hop for probe in trace.sent)
                self.assertLessEqual(sent, 3 if hop in long else 6)

    def test_silent_hops(self):
        for silent in (1, 3, 5):
            self.about = silent
            routers = {f"r{hop}": "silent" if hop == silent else "" for hop in range(1, 6)}
            trace = Trace(network(routers), "-w", "0.4", V4)
            self.check_cost(trace, 18 * 22 // 10)
            self.assertEqual([len(hop) for hop in trace.path()],
                             [int(hop != silent) for hop in range(1, 7)])

    def test_silent_target(self):
        trace = Trace(line(4, target="udp=silent"), "-m", 12, "-w", "0.4", V4, status=1)
        self.check(trace)
        self.assertEqual(trace.json["stop"], {"reason": "hop_limit", "ttl": 12})
        self.assertEqual(len(trace.sent), 36)

    def test_loss(self):
        for seed in range(1, 4):
            self.about = seed
            trace = Trace(line(8, defaults="rtt=5ms loss=10%", seed=seed), "-w", "0.4",
                          V4)
            self.check_cost(trace, 24 * 22 // 10, may_be_late=True)

    def test_jitter(self):
        trace = Trace(line(8, defaults="rtt=5ms jitter=10ms"), V4)
        self.check_cost(trace, 24)
        self.check_real_path(trace)

    def test_per_packet_balancer(self):
        """Two routers at one hop, and each answer is told of the right probe."""
        routers = {"r1": "", "r2": "", "r3": "balance=per-packet", "r4": "", "twin": "",
                   "r5": "", "r6": ""}
        for seed in range(1, 4):
            self.about = seed
            trace = Trace(network(routers, "r1 r2 r3 r4,twin r5 r6", "rtt=5ms", seed),
                          "-w", "1", V4)
            self.check_cost(trace, 21 * 22 // 10)
            self.assertLessEqual(trace.path()[3], {"10.0.0.4", "10.0.0.5"})

    def test_duplicates_and_late_replies(self):
        """A reply that comes twice or late is not taken for another hop's."""
        path = [f"10.0.{ttl}.1" for ttl in range(1, 7)] + [V4]
        for seed in range(1, 13):
            self.about = seed
            result = paris.undisturbed(
                "short-quotes-dups.topo", "paris-traceroute", "-n", "--format", "json", "-w",
                "5", V4, options=("--seed", seed))
            self.assertEqual(result.returncode, 0)
            found = [{probe.get("from") for probe in hop["probes"]} - {None}
                     for hop in result.json["hops"]]
            self.assertEqual(found, [{address} for address in path])
            self.assertLessEqual(result.json["counters"]["sent"], 21 * 22 // 10)


if __name__ == "__main__":
    unittest.main()
