"""A router that lies: forged, malformed, cut and endless answers (see hostile.py). The
tool prints the path that is there, and nothing else; it neither spins nor waits."""

import re
import unittest

import hostile
import paris

FIRST = True
KINDS = tuple((method, target) for method in ((), ("-I",), ("-T",))
              for target in ("198.51.100.9", "2001:db8:ffff::9"))
# Their packets answer no probe of ours at all.
REFUSED = ("forged", "ihl", "protocols", "cut_short", "kinds", "noise")
# Theirs do, from the right address, with something wrong in them.
ODD = ("cut_late", "lying", "extensions")
CPU_SECONDS = 5.0  # the whole of one run, tens of thousands of packets


def setUpModule():
    hostile.check_possible()


def path_to(target):
    if ":" in target:
        return [f"2001:db8:{ttl}::1" for ttl in (1, 2, 3)] + [target]
    return [f"10.0.{ttl}.1" for ttl in (1, 2, 3)] + [target]


class HostileTest(unittest.TestCase):
    notes = ()  # what may be said on standard error of ODD ones

    def check_run(self, result, scenario):
        self.assertEqual(result.returncode, 0, result)
        for line in result.stderr.splitlines():
            self.assertIn(scenario, ODD, result)
            self.assertTrue(any(re.fullmatch(note, line) for note in self.notes), line)
        self.assertLess(result.cpu, CPU_SECONDS * paris.SLOWNESS)
        self.assertEqual(result.injected > 0, scenario != "nothing")

    def each(self, scenarios, *arguments, **more):
        cases = [(scenario, *kind) for scenario in scenarios for kind in KINDS]
        for (scenario, method, target), result in paris.in_parallel(
                lambda case: hostile.trace(case[0], "-n", "-w", "20", *arguments, *case[1],
                                           case[2], **more), paris.some(cases, 2)):
            with self.subTest(scenario=scenario, method=method, target=target):
                self.check_run(result, scenario)
                self.check(result, scenario, target)


class InJson(HostileTest):
    def check(self, result, scenario, target):
        self.assertEqual(result.stdout.count("\n"), 1)
        trace = result.json
        self.assertEqual(trace["stop"], {"reason": "reached", "ttl": 4})
        self.assertEqual([[probe.get("from") for probe in hop["probes"]]
                          for hop in trace["hops"]],
                         [[address] * 3 for address in path_to(target)])
        counters = trace["counters"]
        self.assertEqual((counters["timeouts"], counters["ambiguous"],
                          counters["asked_again"]), (0, 0, 0))
        if scenario in REFUSED:
            self.assertNotIn("other_replies", trace)
        for other in trace.get("other_replies", ()):
            self.assertIn(other["from"], path_to(target))

    def test_refused(self):
        self.each(REFUSED, "--format", "json")

    def test_odd(self):
        self.each(ODD, "--format", "json")

    def test_honest(self):
        self.each(("nothing",), "--format", "json")

    def test_forged_long_before_the_answer(self):
        """Nothing forged counts as the answer while the true one is on its way."""
        self.each(("forged", "noise"), "--format", "json", "-N", "6", delay=0.05)


class InText(HostileTest):
    notes = [r"paris-traceroute: hops? [1-4, -]+: " + note for note in (
        r"\d+ duplicate replies", r"malformed extensions in \d+ repl(y|ies)")]

    def check(self, result, scenario, target):
        lines = result.stdout.splitlines()
        self.assertEqual(len(lines), 5, result)
        for ttl, (line, address) in enumerate(zip(lines[1:], path_to(target)), 1):
            self.assertRegex(line, rf"^ {ttl}  {re.escape(address)}(  \d+\.\d+ ms){{3}}$")

    def test_refused(self):
        self.each(REFUSED)

    def test_odd(self):
        self.each(ODD)

    def test_extensions_shown(self):
        """-e prints what was well formed; the lines stay lines."""
        for method, target in KINDS:
            result = hostile.trace("extensions", "-n", "-e", "-w", "20", *method, target)
            self.check_run(result, "extensions")
            self.assertEqual(len(result.stdout.splitlines()), 5)
            self.assertRegex(result.stdout, r"\A[ -~\n]*\Z")


if __name__ == "__main__":
    unittest.main()
