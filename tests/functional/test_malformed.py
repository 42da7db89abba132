"""Replies that are malformed in one way each (see malformed.py): what the kernel drops
leaves no trace, what reaches the prober is counted as what it is, what is an answer all
the same is taken, and the true replies are found; in text nothing else is printed."""

import re
import sys
import unittest
from pathlib import Path

import hostile
import malformed
import paris

TARGETS = {"4": "198.51.100.9", "6": "2001:db8:ffff::9"}
METHODS = ((), ("-I",))
KINDS = tuple((method, target) for method in METHODS for target in TARGETS.values())
# (function's name, method, target, what becomes of its packets)
CASES = tuple(
    (function.__name__, method, TARGETS[family], fate)
    for function, families, *fates in malformed.ROWS
    for method, fate in zip(METHODS, fates) for family in families if fate)
FUZZ = Path(__file__).resolve().parent.parent / "fuzz"
FIRST = True
CPU_SECONDS = 5.0  # of one run, thousands of packets


def setUpModule():
    hostile.check_possible()


def path_to(target):
    routers = "10.0.{}.1" if "." in target else "2001:db8:{}::1"
    return [routers.format(ttl) for ttl in (1, 2, 3)] + [target]


def traced(name, method, target, *arguments):
    return hostile.trace("malformed." + name, "-n", "-w", "20", *method, *arguments,
                         target)


class Corpus(unittest.TestCase):
    def test_every_kind_is_fuzzed(self):
        """tests/fuzz/corpus holds packets of each row, and messages as they are now, as
        tests/fuzz/make_seeds.py makes them."""
        sys.path.insert(0, str(FUZZ))
        import make_seeds
        made = make_seeds.seeds()
        for path, data in made.items():
            with self.subTest(str(path)):
                self.assertEqual((FUZZ / "corpus" / path).read_bytes(), data)
        for folder in ("messages", "privsep_request"):
            for path in (FUZZ / "corpus" / folder).iterdir():
                if not path.name.startswith("fuzzed"):
                    self.assertIn(path.relative_to(FUZZ / "corpus"), made)


class Malformed(unittest.TestCase):
    def each(self, check, *arguments):
        """Runs all cases and checks what holds for any, then what `check` does."""
        for case, result in paris.in_parallel(lambda case: traced(*case[:3], *arguments),
                                              paris.some(CASES, 2)):
            with self.subTest(case):
                self.assertEqual(result.returncode, 0, result)
                self.assertGreater(result.injected, 0)
                self.assertLess(result.cpu, CPU_SECONDS * paris.SLOWNESS)
                check(result, *case[2:])

    def test_json(self):
        def check(result, target, fate):
            self.assertEqual((result.stderr, result.stdout.count("\n")), ("", 1), result)
            trace = result.json
            self.assertEqual(trace["stop"], {"reason": "reached", "ttl": 4})
            self.assertEqual([[probe.get("from") for probe in hop["probes"]]
                              for hop in trace["hops"]],
                             [[address] * 3 for address in path_to(target)])
            counters = trace["counters"]
            for name in ("timeouts", "ambiguous", "asked_again", "lost_here", "late"):
                self.assertEqual(counters[name], 0, name)
            self.assertEqual(counters["strays"] > 0, fate == malformed.STRAY)
            self.assertEqual(counters["duplicates"] > 0, fate == malformed.ANSWER)
            self.assertLessEqual(counters["duplicates"] + counters["strays"],
                                 result.injected)
            for other in trace.get("other_replies", ()):
                self.assertEqual(other["status"], "duplicate")
                self.assertIn(other["from"], path_to(target))
            flags = {flag for hop in trace["hops"] for probe in hop["probes"]
                     for flag in probe.get("flags", ())}
            self.assertLessEqual(flags, {"reached", "final"})
        # Not all at once: what comes with the last answer is not read any more.
        self.each(check, "-N", "4", "--format", "json")

    def test_text(self):
        note = r"paris-traceroute: (hops? [1-4, -]+: )?(\d+ duplicate replies|" \
               r"malformed extensions in \d+ repl(y|ies))"

        def check(result, target, fate):
            notes = result.stderr.splitlines()
            self.assertEqual(bool(notes), fate == malformed.ANSWER, result)
            for line in notes:
                self.assertRegex(line, rf"\A{note}\Z")
            lines = result.stdout.splitlines()
            self.assertEqual(len(lines), 5, result)
            for ttl, (line, address) in enumerate(zip(lines[1:], path_to(target)), 1):
                self.assertRegex(line, rf"\A {ttl}  {re.escape(address)}"
                                 r"( <[!-;=?-~]+>)?(  \d+\.\d{3} ms){3}\Z")
        self.each(check, "-e")

    def test_extensions(self):
        """Each structure alone: shown if it is well-formed, else told to be malformed."""
        queries, hops = 10, 3  # the routers, which send errors of all methods
        count = len(malformed.STRUCTURES)
        for method, target in KINDS:
            seen = set()
            for first in range(0, count, queries * hops):
                result = hostile.trace(
                    f"malformed.extensions*{first}", "-n", "-w", "20", "--format", "json",
                    "-q", queries, "-m", hops, *method, target)
                self.assertEqual(result.returncode, 1, result)
                for hop in result.json["hops"]:
                    for probe in hop["probes"]:
                        number = (first + probe["probe"]) % count
                        seen.add(number)
                        self.check_extension(malformed.STRUCTURES[number], probe)
            self.assertEqual(seen, set(range(count)))

    def check_extension(self, structure, probe):
        fate = structure[1]
        with self.subTest(structure[0].hex(), fate=fate):
            self.assertEqual(probe["status"], "answered")
            self.assertEqual("extensions_bad" in probe.get("flags", ()),
                             fate == malformed.BAD)
            shown = probe.get("extensions", [])
            if fate != malformed.GOOD:
                self.assertEqual(shown, [])
            for item in shown:
                self.assertIn(item["class"], (1, 2, 9, 255))
                for label in item.get("mpls", ()):
                    self.assertEqual(label["label"], 16001)

    def test_unknown_errors(self):
        """RFC 4443 has types below 128 passed on: nobody knows what they say, but who
        says so answers, and the path ends there."""
        for method in METHODS:
            result = traced("unknown_errors", method, TARGETS["6"])
            self.assertEqual(result.returncode, 1, result)
            self.assertRegex(result.stdout, r"\n 1  2001:db8:1::1(  \d+\.\d+ ms "
                             r"!<1(00|01|27)-\d+>){3}\n\Z")


if __name__ == "__main__":
    unittest.main()
