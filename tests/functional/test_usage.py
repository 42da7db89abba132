"""Wrong use of paris-traceroute, broken surroundings and early ends: one clear line, the
right exit status, soon, and nothing left behind."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import paris  # noqa: E402

REACHED, NOT_REACHED, USAGE, FAILED = range(4)
TARGET = "198.51.100.9"
SOON = 10  # seconds: what happens at once, on a machine that is busy
# Routers that answer, then silence for ever: a trace that only ends when told to.
SILENT_TAIL = """
defaults rtt=1ms
router r[1-3] 10.0.[1-3].1
target server 198.51.100.9 silent
link host r1 r2 r3 server
"""
LINE = """
defaults rtt=1ms
router r[1-3] 10.0.[1-3].1 2001:db8:[1-3]::1
target server 198.51.100.9 2001:db8:ffff::9
link host r1 r2 r3 server
"""
# Runs a command whose output is a full disk, or a pipe that nobody reads any more.
WRITING_TO = """
import os, subprocess, sys
full = os.open("/dev/full", os.O_WRONLY)
reader, gone = os.pipe()
os.close(reader)
sys.exit(subprocess.run(sys.argv[1:], stdout={"FULL": full, "GONE": gone}["WHERE"]).returncode)
"""


class UsageTest(unittest.TestCase):
    def check_line(self, result, status, *parts):
        """One line on standard error with these parts, nothing on standard output."""
        lines = result.stderr.splitlines()
        self.assertEqual(result.returncode, status, result)
        self.assertEqual(len(lines), 1, result)
        self.assertTrue(lines[0].startswith("paris-traceroute: "), result)
        for part in parts:
            self.assertIn(part, lines[0])
        self.assertEqual(result.stdout, "")
        self.assertLess(result.seconds, SOON * paris.SLOWNESS)

    def test_wrong_values(self):
        cases = {
            "-q 0": "from 1 to 10", "-q 11": "from 1 to 10", "-q x": "from 1 to 10",
            "--queries=-1": "from 1 to 10", "-m 0": "from 1 to 255",
            "-m 256": "from 1 to 255", "-f 0": "from 1 to 255",
            "-f 5 -m 2": "first hop 5 is above the last one, 2",
            "-f 31": "above the last one, 30", "-N 0": "from 1 to 65535",
            "-N 99999999999999999999": "from 1 to 65535", "-p 0": "from 1 to 65535",
            "-p 65536": "from 1 to 65535", "--sport 0": "from 1 to 65535",
            "-t 256": "from 0 to 255", "-l 0x100000": "from 0 to 1048575",
            "--flow-id 65536": "from 0 to 65535", "-w 0": "0.001 to 3600 seconds",
            "-w 1,2,3,4": "MAX[,HERE,NEAR]", "-w abc": "MAX[,HERE,NEAR]",
            "-z -1": "a time", "-z 1s": "a time", "--timeout 0": "from 0.001 to 86400",
            "-s nowhere": "a numeric IPv4 or IPv6 address", "-i ''": None,
            "-s ::1": "not an IPv4 address", "-l 5": "IPv4 has no flow label",
            "-i nosuchdevice": "not a network interface", "-I --sport 9": "--sport",
            "-a nosuch": "there are: paris", "--format xml": "one of text, json",
            "--resolver x": "addresses of name servers", "--gap-limit 256": "0 to 255",
            "--loop-limit -1": "0 to 255", "--tag udp.nosuch": "udp.payload",
            "--tag udp.src_port": "flow", "-x": "unknown option -x", "-q": None,
            "--nosuch": "unknown option --nosuch", "--s": "ambiguous option --s",
            "--icmp=1": "takes no value",
        }
        for options, part in cases.items():
            if part is None:
                continue
            with self.subTest(options):
                result = paris.run("paris-traceroute", *options.split(), "127.0.0.1")
                value = options.split()[-1].split("=")[-1].lstrip("-")
                self.check_line(result, USAGE, part, value)

    def test_wrong_operands(self):
        for arguments, part in {
                (): 'specify "host"', ("-n",): 'specify "host"', ("-q",): "needs a value",
                ("-i", "", "127.0.0.1"): "1 to 15 bytes",
                ("127.0.0.1", "65001"): "from 0 to 65000",
                ("127.0.0.1", "0x"): "from 0 to 65000",
                ("127.0.0.1", "60", "70"): "too many arguments",
                ("",): "a name or address", ("x" * 300,): "a name or address",
                ("0.0.0.0",): "unspecified", ("-6", "127.0.0.1"): "not an IPv6 address",
                ("-4", "::1"): "not an IPv4 address",
                ("-r", "::1"): "routes IPv6 packets",
                # Of the family that was asked for.
                ("-6", "--tag", "ipv6.flow_label", "::1"): "is part of the flow",
                ("-4", "--tag", "ipv6.flow_label", "127.0.0.1"): "a tag on ipv4/udp",
                ("-6", "--tag", "ipv4.identification", "::1"): "a tag on ipv6/udp",
        }.items():
            with self.subTest(arguments):
                self.check_line(paris.run("paris-traceroute", *arguments), USAGE, part)

    def test_hints_at_help(self):
        result = paris.run("paris-traceroute", "-q", "11", "127.0.0.1")
        self.assertIn("(try 'paris-traceroute --help')", result.stderr)

    def test_hostile_arguments_do_not_move_the_cursor(self):
        for arguments in (("\033[31m",), ("-q", "\033[31m\n", "h"), ("--\033[31m", "h"),
                          ("\033]0;x\a",)):
            result = paris.run("paris-traceroute", *arguments)
            self.assertEqual(result.returncode, USAGE, result)
            self.assertNotIn("\033", result.stderr)
            self.assertEqual(result.stderr.count("\n"), 1, result)

    def test_unknown_name(self):
        # No server listens there: the answer comes at once.
        result = paris.run("paris-traceroute", "--resolver", "127.0.0.1:9",
                           "nosuch.invalid")
        self.check_line(result, USAGE, "cannot resolve nosuch.invalid: ")

    def test_help_and_version(self):
        result = paris.run("paris-traceroute", "--help")
        self.assertEqual(result.returncode, 0, result)
        self.assertEqual(result.stderr, "")
        self.assertIn("Usage: paris-traceroute", result.stdout)
        for option in ("-q N, --queries=N", "--flow-id=N", "--explain", "--tag=FIELD"):
            self.assertIn(option, result.stdout)
        self.assertLessEqual(max(map(len, result.stdout.splitlines())), 80)
        version = (paris.TESTS.parent / "VERSION").read_text().strip()
        for option in ("-V", "--version"):
            result = paris.run("paris-traceroute", option)
            self.assertEqual((result.returncode, result.stdout),
                             (0, f"paris-traceroute {version}\n"), result)

    def test_explain(self):
        result = paris.run("paris-traceroute", "--explain")
        self.assertEqual(result.returncode, 0, result)
        self.assertIn("IPv4:\n", result.stdout)
        self.assertIn("IPv6:\n", result.stdout)
        for host, family, other in (("127.0.0.1", "IPv4:", "IPv6:"),
                                    ("::1", "IPv6:", "IPv4:")):
            result = paris.run("paris-traceroute", "--explain", host)
            self.assertEqual(result.returncode, 0, result)
            self.assertIn(family, result.stdout)
            self.assertNotIn(other, result.stdout)

    def test_explain_what_neither_family_can(self):
        result = paris.run("paris-traceroute", "--explain", "--privilege", "none", "--tag",
                           "ipv4.identification")
        self.assertEqual((result.returncode, result.stdout), (FAILED, ""), result)
        for line in ("IPv4: ipv4.identification cannot be set by a udp socket",
                     "IPv6: ipv4.identification cannot carry a tag on ipv6/udp"):
            self.assertIn(line, result.stderr)

    def in_empty_network(self, *arguments):
        """A network namespace as it is born: nothing but a loopback that is down, and
        net.ipv4.ping_group_range as the kernel has it: nobody."""
        if os.geteuid() != 0:
            self.skipTest("only root makes a network namespace for another user")
        command = paris.as_user(paris.started_with(["paris-traceroute", *arguments]))
        return paris.run("unshare", "-n", "--", *command, user=False)

    def test_no_ping_socket(self):
        result = self.in_empty_network("-I", "-n", TARGET)
        self.check_line(result, FAILED, "ping socket", "net.ipv4.ping_group_range", "-I")

    def test_unreachable_network(self):
        for target in (TARGET, "2001:db8::1"):
            result = self.in_empty_network("-n", target)
            self.check_line(result, FAILED, "no route to", target)

    def test_packet_too_large(self):
        result = paris.fakeroute(LINE, "paris-traceroute", "-n", "-F", TARGET, "64000")
        self.assertIn(result.returncode, (NOT_REACHED, FAILED), result)
        self.assertTrue("too long" in result.stderr or "!F-" in result.stdout, result)


class OutputTest(unittest.TestCase):
    """Standard output that does not take what is written."""

    def run_with(self, stdout, *arguments, close_fds=()):
        command = paris.as_user(paris.started_with(["paris-traceroute", *arguments]))

        def close():
            for number in close_fds:
                os.close(number)
        return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=stdout, cwd="/",
                              stderr=subprocess.PIPE, text=True, check=False,
                              preexec_fn=close, timeout=30 * paris.SLOWNESS)

    def check(self, result):
        self.assertEqual(result.returncode, FAILED, result)
        self.assertEqual(len(result.stderr.splitlines()), 1, result)
        self.assertIn("cannot write to standard output: ", result.stderr)

    CASES = (("-n", "127.0.0.1"), ("-n", "--format", "json", "127.0.0.1"), ("--help",),
             ("--version",), ("--explain",))

    def test_full_disk(self):
        for arguments in self.CASES:
            with self.subTest(arguments), open("/dev/full", "wb") as full:
                self.check(self.run_with(full, *arguments))

    @unittest.skipIf(paris.VARIANT == "valgrind", "valgrind opens what is closed")
    def test_closed(self):
        for arguments in self.CASES:
            with self.subTest(arguments):
                self.check(self.run_with(subprocess.DEVNULL, *arguments, close_fds=(1,)))

    @unittest.skipIf(paris.VARIANT == "valgrind", "valgrind opens what is closed")
    def test_everything_closed(self):
        result = self.run_with(subprocess.DEVNULL, "-n", "127.0.0.1",
                               close_fds=(0, 1, 2))
        self.assertEqual(result.returncode, FAILED, result)

    def test_reader_gone(self):
        for arguments in self.CASES:
            with self.subTest(arguments):
                reader, writer = os.pipe()
                os.close(reader)
                try:
                    self.check(self.run_with(writer, *arguments))
                finally:
                    os.close(writer)

    def test_reader_goes_during_the_trace(self):
        """Told at once, although nothing is to be written for seconds."""
        inner = " ".join(paris.started_with(["paris-traceroute"]))
        script = f"({inner} -n -w 60 {TARGET}; echo status $? >&2) | head -n 1"
        result = paris.fakeroute(SILENT_TAIL, "sh", "-c", script)
        self.assertIn("status 3", result.stderr)
        self.assertIn("cannot write to standard output: Broken pipe", result.stderr)
        self.assertLess(result.seconds, SOON * paris.SLOWNESS)

    def test_slow_reader_loses_nothing(self):
        inner = " ".join(paris.started_with(["paris-traceroute"]))
        script = f"{inner} -n -q 10 {TARGET} | (sleep 1; cat)"
        result = paris.fakeroute(LINE, "sh", "-c", script)
        self.assertEqual(len(result.stdout.splitlines()), 5, result)
        self.assertEqual(result.stderr, "")


class FormatsTest(unittest.TestCase):
    """Each format of each tool, to a disk that is full and to a reader that has gone."""

    TOOLS = (("paris-traceroute", FAILED, ("text", "json", "csv", "scamper", "atlas")),
             ("mda", FAILED, ("text", "json", "scamper", "dot", "svg")),
             ("paris-ping", USAGE, ("text", "json")))  # which has one status for all that

    def run_one(self, case):
        program, _, format_, (where, _), many = case
        more = ("-c", "3") if program == "paris-ping" else ("10.0.2.1",) if many else ()
        return case, paris.fakeroute(
            LINE, sys.executable, "-c", WRITING_TO.replace("WHERE", where),
            *paris.started_with([program, "-n", "--format", format_, *more, TARGET]))

    def test_each(self):
        cases = [(program, status, format_, where, many)
                 for program, status, formats in self.TOOLS for format_ in formats
                 for where in (("FULL", "No space left on device"), ("GONE", "Broken pipe"))
                 for many in (False, True)
                 if not (many and (format_ == "svg" or program == "paris-ping"))
                 and (format_ != "svg" or shutil.which("dot"))]
        with ThreadPoolExecutor(4) as pool:
            for case, result in pool.map(self.run_one, cases):
                program, status, _, (_, why), _ = case
                with self.subTest(case):
                    self.assertEqual((result.returncode, result.stderr), (
                        status, f"{program}: cannot write to standard output: {why}\n"))

    def test_a_target_that_is_none(self):
        """Of several, the others are there in every format, and the status tells."""
        for program, _, formats in self.TOOLS[:2]:
            for format_ in formats:
                if format_ == "svg":
                    continue
                result = paris.fakeroute(
                    LINE, program, "-n", "-w", "20", "--format", format_, "--resolver",
                    "127.0.0.1:9", "no.example", TARGET)
                with self.subTest(program, format=format_):
                    self.assertEqual(result.returncode, USAGE, result)
                    self.assertRegex(result.stderr, rf"\A{program}: cannot resolve no\.example: "
                                     rf"[^\n]+\n({program}: [^\n]*\n)?\Z")
                    self.assertIn(TARGET, result.stdout)
                    self.assertNotIn("no.example", result.stdout)


class InstallationTest(unittest.TestCase):
    """A tool whose servants are missing or are not what they should be."""

    def setUp(self):
        self.folder = paris.temporary_folder()
        shutil.copytree(paris.stage() / "bin", self.folder / "bin")
        self.libexec = self.folder / "libexec" / "paris-traceroute"
        self.libexec.mkdir(parents=True)
        os.chmod(self.folder, 0o755)

    def run_tool(self, *arguments):
        return paris.run(str(self.folder / "bin" / "paris-traceroute"), *arguments)

    def put(self, name, text=None):
        path = self.libexec / name
        if text is None:
            shutil.copy(paris.stage() / "libexec" / "paris-traceroute" / name, path)
        else:
            path.write_text(text)
            path.chmod(0o755)

    def check(self, result, *parts):
        self.assertEqual(result.returncode, FAILED, result)
        self.assertEqual(len(result.stderr.splitlines()), 1, result)
        for part in parts:
            self.assertIn(part, result.stderr)

    def test_missing_prober(self):
        result = self.run_tool("-n", "127.0.0.1")
        self.check(result, str(self.folder), "paris-prober", "No such file", "install")
        self.assertLess(result.seconds, SOON * paris.SLOWNESS)

    def test_unreadable_prober(self):
        self.put("paris-prober", "#!/bin/sh\n")
        (self.libexec / "paris-prober").chmod(0o644)
        self.check(self.run_tool("-n", "127.0.0.1"), "Permission denied", "execute")

    def test_dead_probers(self):
        for text, how in (("#!/bin/sh\nkill -SEGV $$\n", "died of signal 11"),
                          ("#!/bin/sh\nexit 7\n", "exited with status 7"),
                          ("#!/bin/sh\necho nonsense >&3\n",
                           "sent a message that makes no sense")):
            with self.subTest(how):
                self.put("paris-prober", text)
                result = self.run_tool("-n", "127.0.0.1")
                self.check(result, "paris-prober " + how)
                self.assertEqual(result.stdout, "")
                self.assertLess(result.seconds, SOON * paris.SLOWNESS)

    def test_dead_prober_in_json(self):
        self.put("paris-prober", "#!/bin/sh\nexit 7\n")
        result = self.run_tool("-n", "--format", "json", "127.0.0.1")
        self.check(result, "exited with status 7")
        self.assertEqual(result.json["stop"]["reason"], "failed")
        self.assertIn("exited with status 7", result.json["stop"]["detail"])
        self.assertEqual(result.json["hops"], [])

    def test_silent_prober(self):
        self.put("paris-prober", "#!/bin/sh\nexec sleep 600 <&3\n")
        result = self.run_tool("-n", "127.0.0.1")
        seconds = 60 if paris.VARIANT == "valgrind" else 5
        self.check(result, f"did not get ready in {seconds} seconds")
        self.assertLess(result.seconds, seconds + SOON * paris.SLOWNESS)

    def test_missing_names(self):
        self.put("paris-prober")
        result = self.run_tool("127.0.0.1")
        self.assertEqual(result.returncode, REACHED, result)
        self.assertIn("going on without names", result.stderr)
        self.assertIn("127.0.0.1", result.stdout)
        self.check(self.run_tool("host.invalid"), "paris-names", "No such file")


class SignalTest(unittest.TestCase):
    """Ended early: all that is known is printed, nothing stays."""

    def begin(self, *arguments, **more):
        running = paris.start_fakeroute(SILENT_TAIL, "paris-traceroute", "-n", "-w", "60",
                                        *arguments, TARGET, **more)
        pid = running.find("paris-traceroute")
        running.find("paris-prober")
        return running, pid

    def end(self, number, *arguments, delay=0.0):
        running, pid = self.begin(*arguments)
        if "json" not in arguments:
            paris.wait_for(lambda: " 3  10.0.3.1" in running.text(), 10, "no third hop")
        time.sleep(delay)
        begun = time.monotonic()
        os.kill(pid, number)
        result = running.finish()
        self.assertLess(time.monotonic() - begun, SOON * paris.SLOWNESS)
        return result

    def test_text(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number):
                result = self.end(number)
                self.assertEqual(result.returncode, NOT_REACHED, result)
                lines = result.stdout.splitlines()
                self.assertEqual([line.split()[:2] for line in lines[1:4]],
                                 [["1", "10.0.1.1"], ["2", "10.0.2.1"],
                                  ["3", "10.0.3.1"]], result)
                self.assertTrue(result.stdout.endswith("\n"))
                self.assertNotIn("*", result.stdout)  # not answered yet is not lost
                self.assertIn("interrupted", result.stderr)

    def test_nohup(self):
        """A hangup that is ignored from the start ends nothing."""
        command = ["paris-traceroute", "-n", "-w", "5", "-m", "4", TARGET]
        running = paris.start_fakeroute(SILENT_TAIL, "sh", "-c", 'trap "" HUP; exec "$@"',
                                        "sh", *paris.started_with(command))
        pid = running.find("paris-traceroute")
        paris.wait_for(lambda: " 3  10.0.3.1" in running.text(), 10, "no third hop")
        os.kill(pid, signal.SIGHUP)
        result = running.finish()
        self.assertIn("not reached within 4 hops", result.stderr)

    def test_json(self):
        for delay in (0.3, 3, 30):  # nothing tells before its end that hops are known
            result = self.end(signal.SIGTERM, "--format", "json", delay=delay)
            self.assertEqual(result.returncode, NOT_REACHED, result)
            self.assertEqual(result.json["stop"]["reason"], "interrupted")
            if len(result.json["hops"]) >= 3:
                break
        self.assertEqual([hop["ttl"] for hop in result.json["hops"]][:3], [1, 2, 3])

    def test_second_signal_ends_at_once(self):
        running, pid = self.begin(may_leave=True)  # the stopped prober
        prober = running.find("paris-prober")
        os.kill(prober, signal.SIGSTOP)
        os.kill(pid, signal.SIGINT)
        # Signals of one kind that wait are one: the first must have been read.
        paris.wait_for(lambda: "\nShdPnd:\t0000000000000000\n" in
                       Path(f"/proc/{pid}/status").read_text(), 10, "it is not taken")
        os.kill(pid, signal.SIGINT)
        try:
            paris.wait_for(lambda: not Path(f"/proc/{pid}/exe").exists(), 10,
                           "the tool runs on")
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(prober, signal.SIGCONT)
        # A prober that was given up would make it another one.
        self.assertIn(running.finish().returncode, (128 + signal.SIGINT, -signal.SIGINT))

    def test_stuck_prober(self):
        """A prober that does not stop is given up; what is known is printed."""
        running, pid = self.begin()
        prober = running.find("paris-prober")
        paris.wait_for(lambda: " 3  10.0.3.1" in running.text(), 10, "no third hop")
        os.kill(prober, signal.SIGSTOP)
        os.kill(pid, signal.SIGTERM)
        result = running.finish()
        self.assertEqual(result.returncode, FAILED, result)
        self.assertIn("did not stop", result.stderr)
        self.assertIn(" 3  10.0.3.1", result.stdout)

    def test_prober_killed_during_the_trace(self):
        running, _ = self.begin()
        paris.wait_for(lambda: " 3  10.0.3.1" in running.text(), 10, "no third hop")
        os.kill(running.find("paris-prober"), signal.SIGKILL)
        result = running.finish()
        self.assertEqual(result.returncode, FAILED, result)
        self.assertIn("paris-prober died of signal 9", result.stderr)
        self.assertIn(" 3  10.0.3.1", result.stdout)
        self.assertTrue(result.stdout.endswith("\n"))

    def test_names_killed_during_the_trace(self):
        # A name server that never answers.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM):
            running = paris.start_fakeroute(
                LINE, "paris-traceroute", "--resolver", "198.51.100.99", TARGET)
            os.kill(running.find("paris-names"), signal.SIGKILL)
            result = running.finish()
        self.assertEqual(result.returncode, REACHED, result)
        self.assertEqual(len(result.stdout.splitlines()), 5, result)
        self.assertIn("going on without names", result.stderr)


class PrivilegeTest(unittest.TestCase):
    @unittest.skipUnless(os.geteuid() == 0, "only root can start it as root")
    def test_started_by_root(self):
        """No process of ours stays root, keeps a capability or may gain one."""
        tool = " ".join(paris.started_with(["paris-traceroute"]))
        # Packets to there come back to a machine that does not want them: silence.
        running = paris.start("unshare", "-n", "sh", "-c", "ip link set lo up && ip route "
                              f"add {TARGET} dev lo && exec {tool} -w 5 {TARGET}",
                              user=False)
        try:
            paris.wait_for(lambda: "traceroute to" in running.text(), 10, "no header")
            for name in ("paris-traceroute", "paris-prober", "paris-names"):
                pid = running.find(name)

                def settled(pid=pid):
                    """Its status, once it has given up what it gives up."""
                    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
                    status = dict(line.split(":", 1) for line in lines)
                    return status if status["NoNewPrivs"].strip() == "1" else None
                status = paris.wait_for(settled, 10, f"{name} may gain privileges")
                self.assertNotIn("0", status["Uid"].split() + status["Gid"].split(), name)
                self.assertEqual(status["Groups"].split(), [], name)
                for sort in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                    self.assertEqual(int(status[sort], 16), 0, (name, sort))
        finally:
            os.kill(running.find("paris-traceroute"), signal.SIGTERM)
            result = running.finish()
        self.assertEqual(result.returncode, NOT_REACHED, result)


class ReasonTest(unittest.TestCase):
    """The exit status and the words for each end."""

    def trace(self, topology, *arguments):
        text = paris.fakeroute(topology, "paris-traceroute", "-n", *arguments)
        obj = paris.traceroute(topology, "-n", *arguments, status=text.returncode)
        return text, obj["stop"]["reason"]

    def test_reached(self):
        text, reason = self.trace(LINE, TARGET)
        self.assertEqual((text.returncode, reason), (REACHED, "reached"))
        self.assertEqual(text.stderr, "")

    def test_gap_limit(self):
        text, reason = self.trace(SILENT_TAIL, "-w", "0.5", "--gap-limit", "4", TARGET)
        self.assertEqual((text.returncode, reason), (NOT_REACHED, "gap_limit"))
        self.assertIn("4 hops in a row", text.stderr)

    def test_hop_limit(self):
        text, reason = self.trace(LINE, "-m", "2", TARGET)
        self.assertEqual((text.returncode, reason), (NOT_REACHED, "hop_limit"))
        self.assertIn("within 2 hops (-m)", text.stderr)
        self.assertEqual(len(text.stdout.splitlines()), 3)

    def test_timeout(self):
        text, reason = self.trace(SILENT_TAIL, "-w", "60", "--timeout", "0.7", TARGET)
        self.assertEqual((text.returncode, reason), (NOT_REACHED, "timed_out"))
        self.assertIn("0.700 s (--timeout)", text.stderr)
        self.assertLess(text.seconds, SOON * paris.SLOWNESS)

    def test_json_is_one_line(self):
        result = paris.fakeroute(LINE, "paris-traceroute", "-n", "--format", "json",
                                 TARGET)
        self.assertEqual(result.stdout.count("\n"), 1)
        trace = json.loads(result.stdout)
        self.assertEqual(trace["schema"], 1)
        self.assertEqual(trace["target"], TARGET)
        self.assertEqual([len(hop["probes"]) for hop in trace["hops"]], [3] * 4)


if __name__ == "__main__":
    unittest.main()
