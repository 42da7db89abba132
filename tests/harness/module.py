#!/usr/bin/python3
"""Runs one unittest module and writes what came of it: module.py MODULE RESULT.json

A test fails as well if it leaves a process behind, the module if it leaves a descriptor.
One that fails is run again where lateness.py has an excuse.
"""

import faulthandler
import functools
import gc
import importlib.util
import json
import os
import signal
import sys
import traceback
import unittest
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
# Modules import `paris`, the helper of the functional tests, and their own neighbours.
sys.path[0:1] = [str(TESTS), str(TESTS / "functional"), str(Path(sys.argv[1]).parent)]

from harness import lateness, system  # noqa: E402

# Seconds in which a servant whose tool is gone has to be gone as well.
GRACE = 10.0 * float(os.environ.get("PARIS_SLOWNESS", "1"))


class Result(unittest.TestResult):
    """Counts, and looks for processes left after each test."""

    def __init__(self):
        super().__init__()
        self.passed = 0
        self.texts = []
        self.again = []
        self.known = {}
        self.fault = False

    def startTest(self, test):
        super().startTest(test)
        self.known = system.children(os.getpid())

    def stopTest(self, test):
        left = system.leftovers(self.known, GRACE)
        if left:
            self.texts.append(f"{test}: left running: {', '.join(left)}")
        super().stopTest(test)

    def addSuccess(self, test):
        self.passed += 1

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.texts.append(f"{test}: succeeded against expectation")

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self.addSkip(test, "known to fail: " + str(err[1]).split("\n", maxsplit=1)[0])

    def addFailure(self, test, err):
        self.note_fault(err)
        super().addFailure(test, err)

    def addSubTest(self, test, subtest, err):
        self.note_fault(err)
        super().addSubTest(test, subtest, err)

    def note_fault(self, err):
        self.fault = self.fault or err is not None and issubclass(err[0], lateness.Fault)

    def repeated(self, test, run):
        """Runs a test, and again when it failed and that is excused."""
        for attempt in range(lateness.ATTEMPTS):
            lateness.begin()
            self.fault = False
            before = len(self.errors), len(self.failures)
            run(test, self)
            excuse = lateness.excuse()
            if (len(self.errors), len(self.failures)) == before or self.fault \
                    or excuse is None or attempt == lateness.ATTEMPTS - 1:
                return
            del self.errors[before[0]:], self.failures[before[1]:]
            self.again.append((str(test), excuse))

    def finish(self):
        self.texts += [f"{test}:\n{text}" for test, text in self.errors + self.failures]


def load(path):
    sys.path.insert(1, str(path.parent))
    specification = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(specification)
    sys.modules[path.stem] = module
    specification.loader.exec_module(module)
    return unittest.defaultTestLoader.loadTestsFromModule(module)


def repeating(run):
    """TestCase.run, as Result repeats it."""
    @functools.wraps(run)
    def run_repeated(test, result):
        result.repeated(test, run)
    return run_repeated


def run(path):
    """Returns the result as it is written."""
    result = Result()
    try:
        suite = load(path)
    except unittest.SkipTest as skip:
        return {"passed": 0, "failures": [], "skips": [(path.stem, str(skip))], "again": []}
    except Exception:  # pylint: disable=broad-except
        return {"passed": 0, "failures": [traceback.format_exc()], "skips": [], "again": []}
    gc.collect()
    before = system.open_files()
    unittest.TestCase.run = repeating(unittest.TestCase.run)
    suite.run(result)
    del suite
    gc.collect()
    result.finish()
    left = {what for number, what in system.open_files().items() if number not in before}
    if left:
        result.texts.append(f"{path.name} left open: {', '.join(sorted(left))}")
    running = system.leftovers({}, GRACE)
    if running:
        result.texts.append(f"{path.name} left running: {', '.join(running)}")
    skips = [(str(test).split(" ", maxsplit=1)[0], reason)
             for test, reason in result.skipped]
    return {"passed": result.passed, "failures": result.texts, "skips": skips,
            "again": result.again}


def main():
    faulthandler.register(signal.SIGUSR1)  # the runner's, when it takes too long
    system.become_subreaper()
    path, target = Path(sys.argv[1]), Path(sys.argv[2])
    found = run(path)
    partial = target.with_suffix(".part")
    partial.write_text(json.dumps(found))
    partial.rename(target)
    return 1 if found["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
