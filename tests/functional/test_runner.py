"""tests/run itself: what it counts, and that nothing a test leaves behind escapes it."""

import os
import shutil
import subprocess
import sys
import textwrap
import unittest
from pathlib import Path

import paris

# A program as Check would end: CHECKS and FAILURES filled in, then what it does first.
PROGRAM = """#!/bin/sh
{first}
echo "Running suite(s): x"
echo "90%: Checks: {checks}, Failures: {failures}, Errors: 0"
exit {status}
"""

PRELUDE = "import os, subprocess, time, unittest\nimport paris\n"


class Runner(unittest.TestCase):
    def setUp(self):
        self.root = paris.temporary_folder()
        self.tests = self.root / "tests"
        self.tests.mkdir()
        shutil.copy(paris.TESTS / "run", self.tests)
        shutil.copytree(paris.TESTS / "harness", self.tests / "harness")
        for folder in ("unit", "functional", "lab"):
            (self.tests / folder).mkdir()
        shutil.copy(Path(paris.__file__), self.tests / "functional")
        self.programs = self.root / "build" / "tests" / "unit"
        self.programs.mkdir(parents=True)

    def module(self, name, body, head=""):
        """A functional test module whose only test does this."""
        body = textwrap.indent(textwrap.dedent(body), " " * 8)
        (self.tests / "functional" / f"test_{name}.py").write_text(
            f"{PRELUDE}{head}\nclass T(unittest.TestCase):\n    def test(self):\n{body}\n")

    def program(self, name, checks=1, failures=0, status=0, first=""):
        (self.tests / "unit" / f"check_{name}.c").touch()
        path = self.programs / f"check_{name}"
        path.write_text(PROGRAM.format(checks=checks, failures=failures, status=status,
                                       first=first))
        path.chmod(0o755)

    def run_tests(self, *kinds, variant="release"):
        """(exit status, last line, everything)"""
        done = subprocess.run(
            [sys.executable, self.tests / "run", "--build", self.root / "build",
             "--variant", variant, *kinds], capture_output=True, text=True, timeout=100,
            env={"PATH": os.environ["PATH"]}, check=False)
        return done.returncode, done.stdout.splitlines()[-1], done.stdout + done.stderr

    def assert_fails(self, why, *kinds, **more):
        status, last, text = self.run_tests(*(kinds or ("functional",)), **more)
        self.assertEqual(status, 1, text)
        self.assertRegex(text, why)
        self.assertRegex(last, r"^\d+ passed, [1-9]\d* failed, \d+ skipped$")

    def test_counts(self):
        self.program("a", checks=7)
        self.program("b", checks=5)
        self.module("a", "pass")
        self.module("b", "self.skipTest('no such tool')")
        status, last, text = self.run_tests("unit", "functional", "lab")
        self.assertEqual((status, last), (0, "13 passed, 0 failed, 1 skipped"), text)
        self.assertIn("skipped: 1: no such tool: functional/test_b test", text)

    def test_failed_checks(self):
        self.program("a", checks=7, failures=2, status=1)
        status, last, _ = self.run_tests("unit")
        self.assertEqual((status, last), (1, "5 passed, 2 failed, 0 skipped"))

    def test_nothing_executed(self):
        self.assert_fails("no test was executed", "unit", "functional")

    def test_program_that_checks_nothing(self):
        self.program("a", checks=0)
        self.assert_fails("it executed no test", "unit")

    def test_crash_after_the_counts(self):
        self.program("a", status="3")
        self.assert_fails("exit status 3", "unit")

    def test_failed_module(self):
        self.module("a", "self.assertEqual(1, 2)")
        self.assert_fails("1 != 2")

    # Fails when it runs first, and says how late a simulated network was meanwhile.
    LATE = """
        paris.lateness.note({{"sent": {{"behind_ns": {behind}}}}}, "{errors}", {status})
        path = {path!r}
        if not os.path.exists(path):
            open(path, "w").close()
            raise {failure}("too late")
    """

    def late(self, name, behind=40_000_000, errors="", status=0, failure="AssertionError"):
        self.module(name, self.LATE.format(path=str(self.root / name), behind=behind,
                                           errors=errors, status=status, failure=failure))

    def test_again(self):
        """What failed while the simulated network was late is run again, and told."""
        self.late("a")
        status, last, text = self.run_tests("functional")
        self.assertEqual((status, last), (0, "1 passed, 0 failed, 0 skipped"), text)
        self.assertRegex(text, r"run again: functional/test_a test \(.*its simulated network was "
                         r"40 ms late\n")

    def test_not_again(self):
        """What failed otherwise, or was no matter of time, is not."""
        for name, more in (("a", {"behind": 20_000_000}),
                           ("b", {"failure": "paris.lateness.Fault"}),
                           ("c", {"errors": "paris-prober died of signal 11"}),
                           ("d", {"status": 128 + 11})):
            self.late(name, **more)
        status, last, text = self.run_tests("functional")
        self.assertEqual((status, last), (1, "0 passed, 4 failed, 0 skipped"), text)
        self.assertNotIn("run again", text)

    def test_not_for_ever(self):
        self.module("a", """
            paris.lateness.note({"sent": {"behind_ns": 40_000_000}}, "")
            with self.subTest("part"):
                self.assertEqual(1, 2)
            self.assertEqual(3, 4)
        """)
        self.assert_fails("1 != 2")
        self.assert_fails("3 != 4")

    def test_module_that_cannot_be_loaded(self):
        self.module("a", "pass", head="import no_such_module")
        self.assert_fails("No module named 'no_such_module'")

    def test_module_that_dies(self):
        self.module("a", "os.kill(os.getpid(), 9)")
        self.assert_fails("did not end in order")

    def test_time_limit(self):
        command = ["sleep", f"71.{os.getpid()}"]
        self.module("a", f"subprocess.run({['setsid', *command]})", head="TIME_LIMIT = 1")
        self.assert_fails("no end after 1 s")
        self.assertNotIn(" ".join(command), [line for _, _, line in
                                             paris.system.processes().values()])

    def test_process_left(self):
        self.module("a", "subprocess.run(['sh', '-c', 'sleep 72 &'])")
        self.assert_fails("left running: sleep 72")

    def test_daemon_left(self):
        self.module("a", "subprocess.run(['setsid', 'sh', '-c', 'setsid sleep 73 &'])")
        self.assert_fails("left running: sleep 73")

    def test_descriptor_left(self):
        self.module("a", "type(self).kept = os.open('/etc/passwd', 0)")
        self.assert_fails("left open: /etc/passwd")

    def test_command_without_end(self):
        self.module("a", "paris.LEAST_LIMIT = 0; paris.run('sleep', '74', limit=0.2)")
        self.assert_fails("sleep 74: no end within 0.2 s")

    def test_sanitizer_report_on_standard_error(self):
        self.module("a", "paris.run('sh', '-c', "
                         "'echo ==1==ERROR: AddressSanitizer: x >&2')")
        self.assert_fails("AddressSanitizer")

    def test_sanitizer_log(self):
        self.program("a", first='echo "==1==ERROR: LeakSanitizer: x" '
                                '>"${ASAN_OPTIONS##*log_path=}.1"')
        self.assert_fails("asan.1:\n.*LeakSanitizer", "unit", variant="san-address")

    @unittest.skipUnless(shutil.which("valgrind"), "valgrind is not installed")
    def test_valgrind_sees_a_descriptor(self):
        self.program("a", first="exec 9</etc/passwd")
        self.assert_fails(r"valgrind, process \d+:\n *descriptor 9 left open", "unit",
                          variant="valgrind")


if __name__ == "__main__":
    unittest.main()
