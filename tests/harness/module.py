#!/usr/bin/python3
"""Runs one unittest module and writes what came of it: module.py MODULE RESULT.json

A test fails as well if it leaves a process behind, the module if it leaves a descriptor.
"""

import faulthandler
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

from harness import system  # noqa: E402

# Seconds in which a servant whose tool is gone has to be gone as well.
GRACE = 10.0 * float(os.environ.get("PARIS_SLOWNESS", "1"))


class Result(unittest.TestResult):
    """Counts, and looks for processes left after each test."""

    def __init__(self):
        super().__init__()
        self.passed = 0
        self.texts = []
        self.known = {}

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

    def finish(self):
        self.texts += [f"{test}:\n{text}" for test, text in self.errors + self.failures]


def load(path):
    sys.path.insert(1, str(path.parent))
    specification = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(specification)
    sys.modules[path.stem] = module
    specification.loader.exec_module(module)
    return unittest.defaultTestLoader.loadTestsFromModule(module)


def run(path):
    """Returns the result as it is written."""
    result = Result()
    try:
        suite = load(path)
    except unittest.SkipTest as skip:
        return {"passed": 0, "failures": [], "skips": [(path.stem, str(skip))]}
    except Exception:  # pylint: disable=broad-except
        return {"passed": 0, "failures": [traceback.format_exc()], "skips": []}
    gc.collect()
    before = system.open_files()
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
    return {"passed": result.passed, "failures": result.texts, "skips": skips}


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
