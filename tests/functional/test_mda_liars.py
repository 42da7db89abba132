"""mda among liars: a router that forges, cuts and repeats, and programs that are not what
mda takes them for."""

import unittest

import hostile
import test_bad_input
from multipath import TARGET, seen

OK = 0


class Liars(unittest.TestCase):
    """A router that forges, cuts and repeats: the graph is what is there."""

    maxDiff = None

    def check(self, scenario, *arguments):
        for family, target in TARGET.items():
            with self.subTest(scenario=scenario, family=family):
                # This network takes its time: no answer is called late because of others.
                result = hostile.trace(scenario, "-n", "-a", "mda", "-w", "20", "--format",
                                       "json", *arguments, target)
                self.assertEqual(result.returncode, OK, result)
                path = [f"10.0.{ttl}.1" if family == 4 else f"2001:db8:{ttl}::1"
                        for ttl in (1, 2, 3)] + [target]
                nodes, _ = seen(result.json)
                self.assertEqual({node for node in nodes if node[0] > 0},
                                 set(enumerate(path, 1)))

    def test_what_answers_nothing(self):
        for scenario in ("forged", "ihl", "protocols", "cut_short", "kinds", "noise"):
            self.check(scenario)
            self.check(scenario, "-I")

    def test_what_is_odd(self):
        for scenario in ("cut_late", "extensions"):
            self.check(scenario)


class Impostors(test_bad_input.Impostors):
    """In the place of paris-prober and paris-names stands something else."""

    tool = "mda"
