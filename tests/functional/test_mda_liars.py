"""mda among liars: a router that forges, cuts and repeats, and programs that are not what
mda takes them for."""

import unittest

import hostile
import paris
import test_bad_input
from multipath import TARGET, seen

FIRST = True
OK = 0


class Liars(unittest.TestCase):
    """A router that forges, cuts and repeats: the graph is what is there."""

    maxDiff = None

    def check(self, scenarios, *methods):
        cases = [(scenario, method, family) for scenario in scenarios
                 for method in methods for family in TARGET]
        # This network takes its time: no answer is called late because of others.
        for (scenario, method, family), result in paris.in_parallel(
                lambda case: hostile.trace(case[0], "-n", "-a", "mda", "-w", "20",
                                           "--format", "json", *case[1], TARGET[case[2]]),
                paris.some(cases, 2)):
            target = TARGET[family]
            with self.subTest(scenario=scenario, method=method, family=family):
                self.assertEqual(result.returncode, OK, result)
                path = [f"10.0.{ttl}.1" if family == 4 else f"2001:db8:{ttl}::1"
                        for ttl in (1, 2, 3)] + [target]
                nodes, _ = seen(result.json)
                self.assertEqual({node for node in nodes if node[0] > 0},
                                 set(enumerate(path, 1)))

    def test_what_answers_nothing(self):
        self.check(("forged", "ihl", "protocols", "cut_short", "kinds", "noise"), (),
                   ("-I",))

    def test_what_is_odd(self):
        self.check(("cut_late", "extensions"), ())


class Impostors(test_bad_input.Impostors):
    """In the place of paris-prober and paris-names stands something else."""

    tool = "mda"
