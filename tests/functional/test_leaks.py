"""Ends that nobody planned: signals at any moment, servants and tools that are killed,
readers that are slow or gone. Nothing may be left: no process (tests/harness looks after
each test, and the simulator in its network), no descriptor, no namespace."""

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

import paris

V4, V6 = "198.51.100.9", "2001:db8:ffff::9"
KINDS = tuple((method, target) for method in ((), ("-I",)) for target in (V4, V6))
# TCP asks one probe at a time: not for traces that go on to the end.
ALL = KINDS + tuple((("-T",), target) for target in (V4, V6))
DEAD_RESOLVER = "198.51.100.8"
ROUNDS = 40 if paris.VARIANT == "release" else 6


def start(*arguments, topology="silent-tail.topo", **more):
    return paris.start_fakeroute(topology, "paris-traceroute", *arguments, **more)


def is_gone(pid):
    try:
        return "Z" in re.search(r"State:\s(\S)",
                                Path(f"/proc/{pid}/status").read_text()).group(1)
    except (FileNotFoundError, ProcessLookupError):
        return True


def kill(pid, number):
    try:
        os.kill(pid, number)
        return True
    except ProcessLookupError:
        return False


class AtAnyMoment(unittest.TestCase):
    """SIGINT and SIGTERM from before the first instruction to after the last."""

    def interrupt(self, number, seed, arguments):
        dice = random.Random(seed)
        running = start(*arguments, may_leave=True)
        delay = dice.choice((0.0, 0.002, 0.01, 0.05, 0.2)) * dice.random()
        try:
            pid = running.find("paris-traceroute")
            if paris.WRAP:  # valgrind finds all kinds of things left by what is killed
                running.find("paris-prober")
            time.sleep(delay)
            sent = kill(pid, number)
        except paris.Ended:  # after its last
            sent = False
        result = running.finish(5)
        # Before it blocks signals the signal itself ends it; after the end it is too
        # late; in between it prints what it knows.
        self.assertIn(result.returncode, (0, 1, 128 + number), (seed, str(result)))
        self.assertNotIn("paris-prober", result.stderr, (seed, str(result)))
        if result.returncode in (0, 1):  # killed outright, its servants follow it
            self.assertEqual(result.report["processes_left"], 0, (seed, str(result)))
        if result.returncode == 1 and sent and "--format" in arguments:
            self.assertIn(json.loads(result.stdout)["stop"]["reason"],
                          ("interrupted", "hop_limit"))
        elif result.returncode == 1:
            self.assertTrue(result.stdout.endswith("\n"))

    def test_text(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            for round_ in range(ROUNDS):
                method, target = ALL[round_ % 6]
                self.interrupt(number, f"text {round_}", (
                    "-w", "0.4", "--resolver", DEAD_RESOLVER, *method, target))

    def test_json(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            for round_ in range(ROUNDS):
                method, target = ALL[round_ % 6]
                self.interrupt(number, f"json {round_}", (
                    "-n", "-w", "0.4", "--format", "json", *method, target))

    def test_whole_process_group(self):
        """As Ctrl-C does: the servants get it too, and leave the ending to the tool."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            for method, target in ALL:
                running = start("-w", "20", "--resolver", DEAD_RESOLVER, *method, target)
                pids = [running.find(name) for name in
                        ("paris-traceroute", "paris-prober", "paris-names")]
                paris.wait_for(lambda r=running: r.text(), 10, "no header")
                for pid in reversed(pids):
                    kill(pid, number)
                result = running.finish(5)
                self.assertEqual(result.returncode, 1, result)
                self.assertIn("interrupted before", result.stderr)

    @unittest.skipIf(paris.WRAP, "valgrind reports what the killed tool still had")
    def test_second_signal_ends_at_once(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            ends = []
            # The tool gives a prober that does not stop up after 5 s: a machine that is
            # too busy for the second signal before that has another try.
            while len(ends) < 5 and (not ends or ends[-1][0] > 4):
                ends.append(self.signal_twice(number))
            late, result = ends[-1]
            self.assertLess(late, 4, result)
            self.assertEqual(result.returncode, 128 + number, result)

    def signal_twice(self, number):
        """(seconds from the first signal to the second, the Result)"""
        running = start("-n", "-w", "20", V4, may_leave=True)  # the stopped one
        pid = running.find("paris-traceroute")
        prober = running.find("paris-prober")
        paris.wait_for(lambda: "\n 3 " in running.text(), 10, "no third hop")
        kill(prober, signal.SIGSTOP)  # so that the first cannot end it
        begun = time.monotonic()
        kill(pid, number)
        # Signals of one kind that wait are one: the first must have been read.
        paris.wait_for(lambda: is_gone(pid) or int(re.search(
            r"ShdPnd:\s(\w+)", Path(f"/proc/{pid}/status").read_text()).group(1), 16) == 0,
            5, "the first signal is not taken")
        kill(pid, number)
        return time.monotonic() - begun, running.finish(20)


class Killed(unittest.TestCase):
    """A process that dies takes no other with it unawares, and leaves none behind."""

    def test_prober_killed(self):
        for format_ in ("text", "json"):
            for round_ in range(max(len(ALL), ROUNDS // 4 + 1)):
                method, target = ALL[round_ % 6]
                running = start("-n", "-w", "20", "--format", format_, *method, target)
                prober = running.find("paris-prober")
                time.sleep(random.Random(round_).random() * 0.02)
                kill(prober, signal.SIGKILL)
                result = running.finish(5)
                self.assertEqual(result.returncode, 3, result)
                self.assertIn("paris-prober died of signal 9", result.stderr)
                if format_ == "json":
                    self.assertEqual(result.json["stop"]["reason"], "failed")

    def test_names_killed(self):
        """The trace goes on without names."""
        for format_ in ("text", "json"):
            for method, target in KINDS:
                killed, result = paris.until(
                    lambda found: found[0], lambda f=format_, m=method, t=target:
                    self.kill_names("--format", f, *m, t))
                self.assertTrue(killed, result)
                self.assertEqual(result.returncode, 1, result)
                if format_ == "json":
                    self.assertEqual(len(result.json["hops"]), 30)
                else:
                    self.assertEqual(result.stdout.count("\n"), 31)

    def kill_names(self, *arguments):
        """(whether it was in time, the Result)"""
        running = start("-w", "0.3", "--resolver", DEAD_RESOLVER, *arguments)
        try:
            killed = kill(running.find("paris-names"), signal.SIGKILL)
        except paris.Ended:
            killed = False
        return killed, running.finish(10)

    def test_tool_killed(self):
        """Its servants see the end of their channels and go, whatever they are at."""
        for round_ in range(max(len(ALL), ROUNDS // 4 + 1)):
            method, target = ALL[round_ % 6]
            running = paris.start_fakeroute(
                "silent-tail.topo", "sh", "-c", '"$@"; sleep 60', "sh",
                *paris.started_with(["paris-traceroute", "-w", "20", "--resolver",
                                     DEAD_RESOLVER, *method, target]), may_leave=True)
            pids = {name: running.find(name) for name in
                    ("paris-prober", "paris-names")}
            tool = next(int(re.search(r"PPid:\s(\d+)", Path(
                f"/proc/{pid}/status").read_text()).group(1)) for pid in pids.values())
            time.sleep(random.Random(round_).random() * 0.02)
            kill(tool, signal.SIGKILL)
            for name, pid in pids.items():
                paris.wait_for(lambda p=pid: is_gone(p), 3, f"{name} stays")
            kill(running.find("sleep"), signal.SIGTERM)
            running.finish(5)

    def test_no_descriptor_is_passed_on(self):
        """Servants have their channel, /dev/null and standard error, and no more."""
        for method in ((), ("-T",)):
            self.check_descriptors(*method)

    def check_descriptors(self, *method):
        running = start("-w", "20", "--resolver", DEAD_RESOLVER, *method, V4)
        prober, names = running.find("paris-prober"), running.find("paris-names")
        paris.wait_for(lambda: "\n" in running.text() or running.text(), 10, "no header")
        for pid, allowed in ((prober, ("socket:", "anon_inode:[eventpoll]")),
                             (names, ("socket:",))):
            if paris.WRAP:
                continue  # valgrind has descriptors of its own

            def passed_on(pid=pid, allowed=allowed):
                return {number: what for number, what in paris.open_files(pid).items()
                        if number != 2 and (what != "/dev/null" if number in (0, 1)
                                            else not what.startswith(allowed))}
            # One that was only just started reads its libraries still.
            with contextlib.suppress(AssertionError):
                paris.wait_for(lambda look=passed_on: not look(), 10, "still open")
            self.assertEqual(passed_on(), {})
        kill(running.find("paris-traceroute"), signal.SIGTERM)
        running.finish(5)


class Readers(unittest.TestCase):
    """Standard output that is slow, gone, full or closed."""

    def piped(self, reader, *arguments, topology="line.topo"):
        """The tool's output through a pipe into a Python program."""
        tool = paris.started_with(["paris-traceroute", "-n", *arguments])
        shell = 'reader=$1; shift; { "$@"; echo "status $?" >&2; } | "$0" -c "$reader"'
        return paris.fakeroute(topology, "sh", "-c", shell, sys.executable, reader, *tool)

    def test_slow_reader_gets_every_line(self):
        """One byte at a time from a pipe of one page: the tool holds what it knows."""
        reader = ("import fcntl, os, sys, time\n"
                  "fcntl.fcntl(0, 1031, 4096)\n"
                  "time.sleep(0.5)\n"
                  "while (data := os.read(0, 512)):\n"
                  "    time.sleep(0.001)\n"
                  "    sys.stdout.buffer.write(data)\n")
        for format_ in ("text", "json"):
            result = self.piped(reader, "-q", "10", "-m", "255", "-w", "0.2", "--format",
                                format_, V4, topology="silent-tail.topo")
            self.assertEqual(result.stderr.splitlines()[-1], "status 1", result)
            if format_ == "json":
                self.assertEqual([hop["ttl"] for hop in result.json["hops"]],
                                 list(range(1, 256)))
            else:
                lines = result.stdout.splitlines()
                self.assertEqual(len(lines), 256)
                self.assertEqual([int(line.split()[0]) for line in lines[1:]],
                                 list(range(1, 256)))
                self.assertEqual(lines[255], "255  * * * * * * * * * *")

    def test_reader_gone(self):
        """Told in one line, status 3, no signal."""
        for reader in ("", "import os; os.read(0, 10)"):
            for method, target in ALL:
                result = self.piped(reader, "-w", "60", *method, target,
                                    topology="silent-tail.topo")
                self.assertRegex(result.stderr, r"\Aparis-traceroute: cannot write to "
                                 r"standard output: Broken pipe\nstatus 3\n\Z")
                self.assertLess(result.seconds, 20 * paris.SLOWNESS)

    @unittest.skipIf(paris.VARIANT == "valgrind", "valgrind opens a file there")
    def test_no_standard_output(self):
        for redirection in (">&-", ">/dev/full"):
            result = paris.fakeroute("line.topo", "sh", "-c", f'exec "$@" {redirection}',
                                     "sh", *paris.started_with(["paris-traceroute", "-n",
                                                                V4]))
            self.assertEqual(result.returncode, 3, result)
            self.assertIn("cannot write to standard output", result.stderr)

    def test_no_standard_files_at_all(self):
        result = paris.fakeroute(
            "line.topo", "sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh",
            *paris.started_with(["paris-traceroute", "-n", V4]))
        self.assertEqual((result.returncode, result.stdout), (3, ""))

    def test_stopped_reader_then_killed_tool(self):
        """A reader that never reads does not keep the servants alive."""
        tool = paris.started_with(["paris-traceroute", "-n", "-w", "0.2", "-q", "10", "-m",
                                   "255", V4])
        read_end, write_end = os.pipe()
        command = [paris.program("paris-fakeroute"),
                   paris.topology_file("silent-tail.topo"), "--", *tool]
        process = subprocess.Popen(paris.as_user(command), stdout=write_end,
                                   stdin=subprocess.DEVNULL, start_new_session=True)
        os.close(write_end)
        try:
            paris.wait_for(lambda: paris.system.descendants(process.pid), 5, "nothing")
            process.terminate()
            status = process.wait(10 * paris.SLOWNESS)
            self.assertNotEqual(status, 0)
        finally:
            os.close(read_end)
            paris.system.kill_tree(process.pid)
            process.wait()


if __name__ == "__main__":
    unittest.main()
