"""Rare cases are results: each has a name, which is in json, in the text or on standard
error, and in the manual; each is provoked here. What cannot be seen is not named."""

import contextlib
import os
import re
import shutil
import signal
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import hostile
import paris
from multipath import fan

V4, V6 = "198.51.100.9", "2001:db8:ffff::9"
UDP, ICMP, TCP = "", "-I", "-T"
MANUAL = Path(__file__).resolve().parent.parent.parent / "man" / "paris-traceroute.1"
QUERIES = 3

# Four routers, each with its options, and the server at hop 5.
LINE = """
defaults rtt=2ms
router a 10.0.1.1 2001:db8:1::1 {a}
router b 10.0.2.1 2001:db8:2::1 {b}
router c 10.0.3.1 2001:db8:3::1 {c}
router d 10.0.4.1 2001:db8:4::1 {d}
target server {server}
link host a b c d server
{rules}
"""


def line(rules="", server=f"{V4} {V6}", **options):
    return LINE.format(**dict(dict(a="", b="", c="", d=""), **options), server=server,
                       rules=rules)


def nat(options=""):
    """The server has other addresses, and c translates."""
    return line(f"rule c dnat=10.9.9.9 dst={V4} {options}\n"
                f"rule c dnat=2001:db8:99::9 dst={V6} {options}",
                "10.9.9.9 2001:db8:99::9", c=f"{V4} {V6}")


class Case:
    """A network, and what traces through it must name: {name: hops}; None: any hops.
    `marks` is what stands in the text behind the times at a hop, {hop: marks}, `notes`
    are lines of standard error. `also` may be named besides, as chance has it."""

    def __init__(self, topology, names, marks=None, notes=(), also=(),
                 methods=(UDP, ICMP, TCP), targets=(V4, V6), arguments=(), status=0):
        self.topology = topology
        self.names = names
        self.marks = marks or {}
        self.notes = notes
        self.also = also
        self.kinds = [(method, target) for method in methods for target in targets]
        self.arguments = arguments
        self.status = status

    def at(self, mark, *hops):
        """The mark of a hop that has no other, at several hops."""
        self.marks.update(dict.fromkeys(hops, mark))
        return self


FROM_TARGET = {3: "[from-target]", 4: "[loop] [from-target]"}
DATAGRAMS = (UDP, ICMP)  # the kernel closes a TCP probe's ears after the first answer
ANYTHING = ("altered", "translated", "extensions_bad", "stray", "duplicate", "ambiguous",
            "late", "several_addresses", "loop", "cycle", "early_end", "from_target")

CASES = {
    "loop": (
        # c gets what expired at b with a TTL of 0. That is not visible, nor named.
        Case(line(b="ttl=zero"), {"loop": [3]}, {3: "[loop]"}),
        Case(line(c="errors-from=10.0.2.1,2001:db8:2::1"), {"loop": [3]}, {3: "[loop]"}),
    ),
    "cycle": (
        # For ever: the third address that comes back ends it, whatever came meanwhile.
        Case(line("rule d to=b"), {"cycle": None}, status=1, notes=[
            ".* was not reached: packets go in a circle, seen at hop 7 .*"]).at(
                "[cycle]", 5, 6, 7),
        # For a while: what is sent with the TTLs from 3 to 8.
        Case(line("rule c to=a since=6packets until=24packets"),
             {"cycle": [4, 5, 6, 7, 8]}, methods=DATAGRAMS,
             arguments=("--loop-limit", "0")).at("[cycle]", 4, 5, 6, 7, 8),
    ),
    "several_addresses": (
        # The route changes between the probes of hop 2.
        Case(line("router x 10.0.9.1 2001:db8:9::1\nlink x c\n"
                  "rule a to=x since=4packets"), {"several_addresses": [2]},
             methods=DATAGRAMS),
        # A balancer that does not look at flows.
        Case(fan(64, "balance=per-packet"), {"several_addresses": [2]},
             arguments=("-q", "10")),
    ),
    "from_target": (
        Case(nat(), {"from_target": [3, 4], "loop": [4]}, FROM_TARGET),
    ),
    "other_address": (
        Case(line(server=f"{V4} {V6} errors-from=10.0.5.1,2001:db8:5::1"),
             {"other_address": [5]}, {5: "[other-address]"}, methods=(UDP,)),
        Case(line(server=f"{V4} {V6} udp=echo answers-from=10.0.5.1,2001:db8:5::1"),
             {"other_address": [5]}, {5: "[other-address]"}, methods=DATAGRAMS),
    ),
    "translated": (
        Case(nat("quotes=translated"),
             {"from_target": [3, 4], "loop": [4], "translated": [3, 4, 5]},
             {3: "[from-target] [translated]", 4: "[loop] [from-target] [translated]",
              5: "[translated]"}, methods=(UDP,)),
        Case(nat("quotes=translated errors=kept"),
             {"translated": [3, 4]}, methods=(ICMP,)).at("[translated]", 3, 4),
        Case(nat("quotes=translated errors=kept port=8000-8000"),
             {"translated": [3, 4, 5], "other_address": [5]},
             {3: "[translated]", 4: "[translated]", 5: "[other-address] [translated]"},
             methods=(UDP,)),
    ),
    "altered": (
        Case(line(b="misquote=flow-label:+1", c="misquote=flow-label:0"),
             {"altered": [2, 3]}, methods=DATAGRAMS, targets=(V6,)).at("[altered]", 2, 3),
        Case(line(c="misquote=checksum:+1"), {"altered": [3]}, {3: "[altered]"},
             methods=(ICMP,)),
        Case(line(**dict.fromkeys("abcd", "altered=100%")), {"altered": None}, None,
             also=ANYTHING, methods=DATAGRAMS, arguments=("-q", "10", "-w", "0.5")),
    ),
    "extensions_bad": (
        Case(line(**dict.fromkeys("abcd", "mpls=1,2,3,4,5,6,7,8 altered=100%")),
             {"extensions_bad": None}, None, also=ANYTHING, methods=DATAGRAMS,
             arguments=("-q", "10", "-w", "0.5"),
             notes=[r"hops? [1-4, -]+: malformed extensions in \d+ repl(y|ies)"]),
    ),
    "early_end": (
        # What has a TTL of 2 takes a short cut. Hop 1 holds the trace up.
        Case(line("rule a to=server since=1packets until=2packets",
                  a="late=100%,3s"), {"early_end": [3, 4]}, methods=DATAGRAMS,
             arguments=("-w", "5", "-q", "1"), notes=[
                 "hops 3-4: answered as routers do, although the path ended at hop 2"]),
    ),
    "duplicate": (
        Case(line(b="duplicates=100%"), {"duplicate": [2]}, methods=DATAGRAMS,
             notes=["hop 2: 3 duplicate replies"]),
    ),
    "late": (
        # While the silent ones after it are waited for.
        Case(line(b="late=100%,600ms", c="silent", d="silent"), {"late": [2]},
             methods=DATAGRAMS, arguments=("-w", "0.4", "-N", "3"),
             notes=["hop 2: 3 late replies"]),
    ),
    "ambiguous": (
        # The first one shows a tag, so that all others are asked together.
        Case(line(**dict.fromkeys("bcd", "quote=28")), {"ambiguous": []},
             methods=(UDP,), targets=(V4,),
             notes=[r"\d+ repl(y|ies) could answer several probes, or be duplicates: "
                    r"\d+ asked again"]),
    ),
    "stray": (
        Case(line(b="misquote=payload:flip,icmp-sequence:+16384"), {"stray": []},
             methods=DATAGRAMS, arguments=("-w", "0.5"),
             notes=["3 replies fitted no probe: .*"]),
    ),
}
COUNTERS = {"duplicate": "duplicates", "late": "late", "ambiguous": "ambiguous",
            "lost_here": "lost_here", "stray": "strays"}
# What no ordinary user can see, or what is no anomaly.
UNSEEN = (
    Case(line(), {}),
    Case(line(b="ttl=keep", d="silent"), {}, arguments=("-w", "0.5")),
    Case(line("rule b snat=10.0.2.1\nrule b snat=2001:db8:2::1"), {}),
    Case(line(b="misquote=ttl:77,id:5,tos:16,src:10.6.6.6",
              c="misquote=udp-length:1,header-checksum:+1"), {}, targets=(V4,)),
    # Left to the device to finish; ICMP over IPv4 has none that could be.
    Case(line(b="misquote=checksum:partial"), {}, methods=(UDP, TCP)),
    Case(line(b="misquote=checksum:partial"), {}, methods=(ICMP,), targets=(V6,)),
    # A router that calls the host unreachable stands where it stood.
    Case("unreachable.topo", {}, status=1, targets=("198.51.100.2", "2001:db8:ffff::2")),
)


def both(run):
    """The same trace in json and in text."""
    case, words = run
    return [paris.undisturbed(case.topology, "paris-traceroute", "-n", *form, *words)
            for form in (("--format", "json"), ())]


def waiting_bytes(pid):
    """What waits to be read on the UDP sockets of a process's network."""
    rows = Path(f"/proc/{pid}/net/udp").read_text().splitlines()[1:]
    return sum(int(row.split()[4].partition(":")[2], 16) for row in rows)


class Growing:
    """Tells when a number that has begun to grow has not grown for half a second."""

    def __init__(self, number):
        self.number = number
        self.last, self.since = 0, time.monotonic()

    def ended(self):
        now = self.number()
        if now != self.last:
            self.last, self.since = now, time.monotonic()
        return self.last > 0 and time.monotonic() - self.since > 0.5


class Rare(unittest.TestCase):
    maxDiff = None

    def check_json(self, case, trace):
        found = {entry["name"]: entry for entry in trace["anomalies"]}
        self.assertEqual(set(found) - set(case.also) | set(case.names), set(case.names))
        for name, hops in case.names.items():
            self.assertIn(name, found)
            self.assertGreater(found[name]["count"], 0)
            if hops is not None:
                self.assertEqual(found[name]["hops"], hops)
        for name, counter in COUNTERS.items():
            self.assertEqual(found.get(name, {"count": 0})["count"],
                             trace["counters"][counter])
        self.check_flags(trace, found)

    def check_flags(self, trace, found):
        """The list says what the flags of all replies say, where there are flags."""
        replies = [(hop["ttl"], probe) for part in ("hops", "hops_past_end")
                   for hop in trace.get(part, ()) for probe in hop["probes"]]
        replies += [(other.get("ttl"), other) for other in trace.get("other_replies", ())]
        for name in CASES:
            flagged = [ttl for ttl, reply in replies if name in reply.get("flags", ())]
            if flagged:
                self.assertEqual(found[name]["count"], len(flagged))
                self.assertEqual(found[name]["hops"], sorted(set(flagged) - {None}))

    def check_text(self, case, result):
        if case.marks is not None and not case.also:
            for row in result.stdout.splitlines()[1:]:
                hop = int(row.split()[0])
                marks = re.findall(r" ms(?: !\S+)?((?: \[[^ ]*\])*)", row)
                expected = {" " + case.marks[hop]} if hop in case.marks else {""}
                self.assertEqual(set(marks) or {""}, expected, result)
        notes = result.stderr.splitlines()
        for note in case.notes:
            self.assertTrue(any(re.fullmatch("paris-traceroute: " + note, each)
                                for each in notes), (note, result))
        if not case.also and case.status == 0:
            self.assertEqual(len(notes), len(case.notes), result)

    def check(self, cases):
        # On a busy machine an answer is late where adaptive waits are short.
        runs = [(case, [*method.split(), *case.arguments,
                        *(() if "-w" in case.arguments else ("-w", "5")), target])
                for case in cases for method, target in case.kinds]
        with ThreadPoolExecutor(4) as pool:
            for (case, words), (in_json, in_text) in zip(runs, pool.map(both, runs)):
                with self.subTest(topology=case.topology, words=words):
                    self.assertEqual(in_json.returncode, case.status, in_json)
                    self.check_json(case, in_json.json)
                    self.assertEqual(in_text.returncode, case.status, in_text)
                    self.check_text(case, in_text)

    def check_all(self, *names):
        for name in names:
            for case in CASES[name]:
                self.assertIn(name, case.names)
        self.check([case for name in names for case in CASES[name]])

    def test_addresses_at_several_hops(self):
        self.check_all("loop", "cycle")

    def test_changing_paths(self):
        self.check_all("several_addresses", "early_end")

    def test_translation(self):
        self.check_all("from_target", "other_address", "translated")

    def test_changed_packets(self):
        self.check_all("altered", "extensions_bad", "stray")

    def test_replies_twice_late_and_without_a_tag(self):
        self.check_all("duplicate", "late", "ambiguous")

    def test_what_is_not_seen_is_not_named(self):
        self.check(UNSEEN)

    def test_quoted_destination(self):
        """Where the probe went is told, as far as the quote does."""
        topology = nat("quotes=translated errors=kept port=8000-8000")
        for method, target, quoted in ((UDP, V4, "10.9.9.9"), (UDP, V6, "2001:db8:99::9"),
                                       (ICMP, V4, "10.9.9.9")):
            trace = paris.traceroute(topology, "-n", *method.split(), target)
            for hop in trace["hops"]:
                for probe in hop["probes"]:
                    found = probe.get("quoted_target"), probe.get("quoted_port")
                    self.assertEqual(
                        found, (quoted, None if method else 8000)
                        if "translated" in probe.get("flags", ()) else (None, None))

    def test_port_of_an_answer(self):
        trace = paris.traceroute(
            line(server=f"{V4} udp=echo answers-from=10.0.5.1"), "-n", V4)
        for probe in trace["hops"][-1]["probes"]:
            self.assertEqual((probe["from"], probe["from_port"], probe["reply"]),
                             ("10.0.5.1", 33434, "udp_data"))

    def test_several_addresses_are_printed(self):
        result = paris.undisturbed(CASES["several_addresses"][0].topology,
                                   "paris-traceroute", "-n", "-w", "5", V4)
        self.assertRegex(result.stdout, r"\n 2  10\.0\.2\.1  \S+ ms 10\.0\.9\.1  \S+ ms  "
                                        r"\S+ ms\n")

    def test_lost_here(self):
        """More answers than the socket has room for, while the prober stands still."""
        # In time: before the first answer.
        result = paris.until(lambda result: "lost on this machine" in result.stderr,
                             self.lose_here)
        self.assertEqual(result.returncode, 0, result)
        self.assertRegex(result.stderr, r"\Aparis-traceroute: \d+ repl(y|ies) lost on this "
                                        r"machine: the socket's buffer was full; .*\n\Z")

    def lose_here(self):
        running = paris.start_fakeroute(
            f"router a 10.0.1.1\ntarget server {V4} rtt=3s\n"
            "link host a server\n", "paris-traceroute", "-n", "-q", "10", "-m", "255",
            "-N", "3000", "-w", "9", V4)
        prober = running.find("paris-prober")
        paris.wait_for(lambda: paris.sent_datagrams(prober) >= 2550, 10,
                       "not all probes leave")
        os.kill(prober, signal.SIGSTOP)
        try:
            with contextlib.suppress(AssertionError):  # none come, if they came before
                seen = Growing(lambda: waiting_bytes(prober))
                paris.wait_for(seen.ended, 30, "answers do not stop coming")
        finally:
            os.kill(prober, signal.SIGCONT)
        return running.finish()


class Extensions(unittest.TestCase):
    EXPECTED = {
        1: "MPLS:L=16001,E=0,S=1,T=1;2/10:61626364",
        2: "3/1:00000000,00000000,00000000;1/1:;MPLS:L=16002,E=0,S=1,T=1"
           "/L=16002,E=0,S=1,T=1/L=16002,E=0,S=1,T=1",
        3: "2/10:61626364,65666768;MPLS:L=16003,E=0,S=1,T=1/L=16003,E=0,S=1,T=1;5/0:;"
           "MPLS:L=16003,E=0,S=1,T=1;1/2:03e83101"}

    def setUp(self):
        hostile.check_possible()

    def test_order_of_objects(self):
        """As received, and as traceroute(8) prints them."""
        traceroute = shutil.which("traceroute", path="/usr/sbin:/usr/bin")
        for method, target in ((UDP, V4), (UDP, V6), (ICMP, V4), (ICMP, V6)):
            words = ["-n", "-e", "-q", "1", "-w", "5", *method.split(), target]
            result = hostile.trace("objects", *words)
            found = dict(re.findall(r"(?m)^ (\d)  \S+ <(\S*)> ", result.stdout))
            self.assertEqual({int(ttl): text for ttl, text in found.items() if ttl != "4"},
                             self.EXPECTED)
            if traceroute and not method:
                theirs = hostile.trace("objects", *words, "-N", "1", program=traceroute)
                self.assertEqual(*(re.sub(r"[0-9]+\.[0-9]{3} ms", "TIME ms", each.stdout)
                                   for each in (result, theirs)))

    def test_order_in_json(self):
        for target in (V4, V6):
            trace = hostile.trace("objects", "-n", "-w", "5", "--format", "json",
                                  target).json
            found = [[(entry["class"], entry["type"], entry["length"],
                       [label["label"] for label in entry.get("mpls", ())])
                      for entry in hop["probes"][0]["extensions"]]
                     for hop in trace["hops"][:3]]
            self.assertEqual(found, [
                [(1, 1, 4, [16001]), (2, 10, 4, [])],
                [(3, 1, 12, []), (1, 1, 0, []), (1, 1, 12, [16002] * 3)],
                [(2, 10, 8, []), (1, 1, 8, [16003] * 2), (5, 0, 0, []),
                 (1, 1, 4, [16003]), (1, 2, 4, [])]])


class Documentation(unittest.TestCase):
    def test_every_name_is_in_the_manual_and_provoked(self):
        section = MANUAL.read_text().split(".Sh RARE CASES")[1].split(".Sh ")[0]
        documented = [name for item in re.findall(r"^\.It Li (.*?) Pq", section, re.M)
                      for name in item.split(" , ")]
        self.assertEqual(sorted(documented), sorted(
            [*CASES, "lost_here", "tos_changed"]))  # the last: see test_helper.py
        marks = dict(re.findall(r"^\.It Li (\w+) Pq text: Li \\&(\[.*?\])$", section, re.M))
        shown = {mark for cases in CASES.values() for case in cases
                 for marks in case.marks.values() for mark in marks.split()}
        self.assertEqual(set(marks.values()), {*shown, "[tos-changed]"})
        for name, mark in marks.items():
            self.assertEqual(mark, f"[{name.replace('_', '-')}]")


if __name__ == "__main__":
    unittest.main()
