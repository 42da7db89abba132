"""Many hosts in one run of paris-traceroute: lists of them, what is printed when, readers
that are slow or gone, interruptions, what is never probed."""

import json
import os
import re
import signal
import sys
import time
import unittest
from collections import Counter

import named
import paris
import root_inside
from test_leaks import kill

OK, NOT, USAGE, FAILED = range(4)
# 15 hops to each of 4094 addresses, and one that answers nothing.
LINE = """
defaults rtt=1ms
router r[1-14] 10.0.[1-14].1
target many 203.0.112.0/20
target dark 198.51.100.8/29 silent
link host r1 r2 r3 r4 r5 r6 r7 r8 r9 r10 r11 r12 r13 r14 many,dark
"""
DARK = "198.51.100.8"
WAIT = "20"  # what is held against the truth waits for busy machines
MANY = 1000 if paris.VARIANT == "release" else 60
ON_TERMINAL = """
import os, pty, sys
sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))
"""
# Writes hosts to a pipe one by one, each when the trace to the last one has come.
ASKS_AS_IT_GOES = """
import subprocess, sys
hosts = sys.stdin.read().split()
tool = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
for host in hosts:
    tool.stdin.write(host + "\\n")
    tool.stdin.flush()
    print(tool.stdout.readline(), end="")
print(tool.communicate()[0], end="")
sys.exit(tool.returncode)
"""
# Lets the tool's output wait in a pipe of one page until no more packets leave; prints how
# many have left by then, and what comes.
SLOW_READER = """
import fcntl, subprocess, sys, time
def sent():
    with open("/proc/net/snmp") as file:
        values = [line.split() for line in file if line.startswith("Udp:")]
    return int(values[1][values[0].index("OutDatagrams")])
tool = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, text=True)
fcntl.fcntl(tool.stdout, 1031, 4096)
before = -1
while before < 45 or sent() != before:
    before = sent()
    time.sleep(0.5)
print(before)
print(tool.communicate()[0], end="")
sys.exit(tool.returncode)
"""
PEAK = """
import os, subprocess, sys
tool = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(tool.pid, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def hosts(count):
    return [f"203.0.{112 + n // 250}.{n % 250 + 1}" for n in range(count)]


def listed(lines):
    """A file that every user can read."""
    path = paris.temporary_folder() / "list"
    path.write_bytes(b"".join(line if isinstance(line, bytes) else line.encode() + b"\n"
                              for line in lines))
    path.chmod(0o644)
    return path


def run(*arguments, topology=LINE, **more):
    return paris.undisturbed(topology, "paris-traceroute", "-n", "-w", WAIT, *arguments,
                             **more)


def run_by(driver, *arguments, stdin=None, **more):
    """Runs a Python program with the tool's command as its arguments."""
    tool = paris.started_with(["paris-traceroute", "-n", "-w", WAIT, *arguments])
    if stdin is None:
        return paris.fakeroute(LINE, sys.executable, "-c", driver, *tool, **more)
    return paris.fakeroute(LINE, "sh", "-c", 'file=$1; shift; exec "$@" <"$file"', "sh", stdin,
                           sys.executable, "-c", driver, *tool, **more)


def traces(text):
    return [json.loads(line) for line in text.splitlines()]


def named_hosts(text):
    return [trace["host"] for trace in traces(text)]


class ManyTest(unittest.TestCase):
    maxDiff = None

    def check_true(self, found):
        """15 hops, and each of the routers where it is."""
        for trace in found:
            self.assertEqual(trace["stop"], {"reason": "reached", "ttl": 15}, trace)
            self.assertEqual({(ttl, probe["from"]) for ttl, probe in paris.answers(trace)},
                             {(ttl, f"10.0.{ttl}.1") for ttl in range(1, 15)} |
                             {(15, trace["target"])})


class Lists(ManyTest):
    def test_a_thousand(self):
        asked = hosts(MANY)
        result = run("--format", "json", "--targets", listed(asked), limit=120)
        self.assertEqual((result.returncode, result.stderr), (OK, ""), str(result)[:4000])
        found = traces(result.stdout)
        self.assertEqual(sorted(trace["host"] for trace in found), sorted(asked))
        self.check_true(found)

    @unittest.skipIf(paris.VARIANT != "release", "other allocators keep what is freed")
    def test_memory_does_not_grow(self):
        peaks = [int(run_by(PEAK, "--format", "json", "--parallel", "10", "-q", "1",
                            "--targets", listed(hosts(count)), limit=120).stdout)
                 for count in (100, 900)]
        self.assertLess(peaks[1], 1.25 * peaks[0])

    def test_lines(self):
        path = listed([
            b"\xef\xbb\xbf203.0.112.1\n", "# a comment", "", "  203.0.112.2\t# another",
            b"203.0.112.3\r\n", "two words", "203.0.112.4#", b"nul\0byte\n", "x" * 256,
            "y" * 5000, "z" * 70000, "::1:2:g", "#" * 9000, "0.0.0.0", b"203.0.112.5"])
        result = run("--ordered", "--format", "json", "--targets", path, "203.0.112.9")
        self.assertEqual(result.returncode, USAGE, result)
        self.assertEqual(named_hosts(result.stdout),
                         ["203.0.112.9"] + [f"203.0.112.{n}" for n in range(1, 6)])
        wrong = {6: r"more follows 'two': one word a line", 8: "a NUL byte is in the line",
                 9: "'x+.*' is not a name or address of 1 to 255 bytes",
                 10: "the line has more than 4095 bytes",
                 11: "the line has more than 4095 bytes", 12: "cannot resolve ::1:2:g: not an",
                 13: "the line has more", 14: "host: no packet can be sent to the unspecified"}
        lines = result.stderr.splitlines()
        self.assertEqual(len(lines), len(wrong), result)
        for number, part in wrong.items():
            self.assertTrue(any(re.match(rf"paris-traceroute: {path}:{number}: {part}", line)
                                for line in lines), (number, result))

    def test_what_is_no_file(self):
        for name, part in (("/nosuch", "--targets: cannot open '/nosuch': No such file"),
                           ("/proc", "cannot read /proc: Is a directory")):
            result = run("--targets", name, "203.0.112.1")
            self.assertEqual(result.returncode, USAGE, result)
            self.assertIn(part, result.stderr)
            self.assertEqual(result.stdout.count("\n"), 0 if name == "/nosuch" else 16)

    def test_no_host_at_all(self):
        for format_, text in (("json", ""), ("csv", "host,")):
            result = run("--targets", "/dev/null", "--format", format_)
            self.assertEqual((result.returncode, result.stderr), (OK, ""), result)
            self.assertEqual(result.stdout[:5], text)

    def test_hosts_that_come_through_a_pipe(self):
        """Each result is there before the next host is."""
        result = run_by(ASKS_AS_IT_GOES, "--format", "json", "--targets", "-",
                        stdin=listed(hosts(3)))
        self.assertEqual(result.returncode, OK, result)
        self.assertEqual(named_hosts(result.stdout), hosts(3))

    def test_names(self):
        result = named.run("honest", "paris-traceroute", "-n", "--format", "json",
                           "four.example", "nosuch.example", "-4", "server.example")
        self.assertEqual(result.returncode, USAGE, result)
        self.assertEqual({(trace["host"], trace["target"], trace["stop"]["reason"])
                          for trace in traces(result.stdout)},
                         {(host, named.V4, "reached")
                          for host in ("four.example", "server.example")})
        self.assertEqual(result.stderr, "paris-traceroute: cannot resolve nosuch.example: no "
                                        "such name, or it has no IPv4 address\n")

    def test_no_trace_waits_for_a_name(self):
        """Hosts whose names nobody looks up hold nobody up, and are not waited for when
        it is interrupted."""
        path = listed([f"{n}.example" for n in range(5)] + hosts(20))
        running = paris.start_fakeroute(
            LINE, "paris-traceroute", "-n", "-w", WAIT, "--format", "json", "--resolver", DARK,
            "--parallel", "6", "--targets", path)
        paris.wait_for(lambda: running.text().count("\n") == 20, 4.5, "names are waited for")
        kill(running.find("paris-traceroute"), signal.SIGINT)
        result = running.finish()
        self.assertEqual((result.returncode, result.stderr), (NOT, ""), result)
        self.assertEqual(Counter(named_hosts(result.stdout)), Counter(hosts(20)))

class Order(ManyTest):
    ASKED = (DARK, *hosts(3))
    MORE = ("-w", "1", "-m", "16", "-q", "1")

    def test_as_they_end(self):
        result = run(*self.MORE, "--format", "json", *self.ASKED)
        self.assertEqual(result.returncode, NOT, result)
        self.assertEqual(named_hosts(result.stdout)[-1], DARK)
        self.assertEqual(sorted(named_hosts(result.stdout)), sorted(self.ASKED))

    def test_in_their_order(self):
        for arguments in ((*self.ASKED,), ("--targets", listed(self.ASKED))):
            result = run(*self.MORE, "--ordered", "--format", "json", *arguments)
            self.assertEqual(named_hosts(result.stdout), list(self.ASKED))

    def test_text(self):
        """One after the other, whole, an empty line between; notes name their host."""
        for more in ((), ("--ordered",)):
            result = run(*self.MORE, *more, *self.ASKED)
            self.assertEqual(result.returncode, NOT, result)
            blocks = result.stdout.split("\n\n")
            self.assertEqual(len(blocks), 4, result)
            self.assertEqual(sum(block.count("\n") for block in blocks), 3 * 15 + 17)
            for block in blocks:
                self.assertRegex(block, r"\Atraceroute to \S+ \(\S+\), 16 hops max, 60 byte")
            self.assertIn(f"paris-traceroute: {DARK} was not reached within 16 hops (-m)\n",
                          result.stderr)
            for line in result.stderr.splitlines():
                self.assertRegex(line, r"\Aparis-traceroute: [\d.]+(:| was)")

    def test_packet_len(self):
        for words in ((*hosts(2), "100"), ("--targets", listed(hosts(2)), "0x64")):
            result = run("--format", "json", *words)
            self.assertEqual([trace["packet_len"] for trace in traces(result.stdout)],
                             [100, 100], result)

    def test_one_at_a_time(self):
        """--parallel 1: the next one begins when the last one has ended."""
        result = run("--parallel", "1", *hosts(4))
        order = [packet.dst for packet in result.packets() if packet.src == "192.0.2.2"]
        self.assertEqual([host for at, host in enumerate(order)
                          if at == 0 or order[at - 1] != host], hosts(4))

    def test_rate(self):
        result = run("--pps", "400", "-q", "1", *hosts(10))
        times = [packet.time for packet in result.packets() if packet.src == "192.0.2.2"]
        self.assertGreater(len(times), 140)
        # From one of the first that left in time.
        self.assertGreaterEqual(max((times[-1] - first) / (len(times) - 1 - at)
                                    for at, first in enumerate(times[:40])), 0.9 / 400)


class Readers(ManyTest):
    def test_slow_reader(self):
        """What is not read holds the probes back, and is not lost."""
        asked = hosts(400 if paris.VARIANT == "release" else 120)
        result = run_by(SLOW_READER, "--format", "json", "--parallel", "8", "--targets",
                        listed(asked), limit=120)
        self.assertEqual((result.returncode, result.stderr), (OK, ""), str(result)[:4000])
        held, text = result.stdout.split("\n", 1)
        found = traces(text)
        sent = sum(trace["counters"]["sent"] for trace in found)
        self.assertLess(int(held), 0.9 * sent)
        self.assertEqual(sorted(trace["host"] for trace in found), sorted(asked))
        self.check_true(found)

    def test_reader_gone(self):
        for redirection in ("| head -c 10", ">/dev/full"):
            result = paris.fakeroute(
                LINE, "sh", "-c", f'{{ "$@"; echo "status $?" >&2; }} {redirection}', "sh",
                *paris.started_with(["paris-traceroute", "-n", "--format", "json",
                                     "--targets", listed(hosts(200))]))
            self.assertRegex(result.stderr, r"\Aparis-traceroute: cannot write to standard "
                             r"output: (Broken pipe|No space left on device)\nstatus 3\n\Z")

    @unittest.skipIf(paris.WRAP, "valgrind writes to the terminal, too")
    def test_progress(self):
        for more, shown in (((), True), (("--quiet",), False)):
            result = run_by(ON_TERMINAL, "--pps", "1000", "--parallel", "4", *more,
                            "--targets", listed(hosts(20)))
            self.assertEqual(result.returncode, OK, result)
            seen = re.findall(r"\r\x1b\[K(\d+) hosts(?: of (?:about )?(\d+), \d+:\d\d left)?, "
                              r"\d+ at work, [\d.]+ hosts/s, \d+ probes/s", result.stdout)
            self.assertEqual(bool(seen), shown, result)
            if shown:
                self.assertIn("20", [of for _, of in seen])
            self.assertRegex(result.stdout, r"(^|\x1b\[K)traceroute to 203\.0\.112\.")


class Resume(ManyTest):
    def output(self):
        path = paris.temporary_folder() / "traces"
        path.touch()
        path.chmod(0o666)
        return path

    def append(self, path, *arguments):
        return paris.fakeroute(
            LINE, "sh", "-c", 'file=$1; shift; exec "$@" >>"$file"', "sh", path,
            *paris.started_with(["paris-traceroute", "-n", "-w", WAIT, "--format", "json",
                                 *arguments]), limit=60)

    def test_interrupted_and_resumed(self):
        """What is known is written at once; the rest comes later, nothing twice."""
        path, asked = self.output(), listed(hosts(60))
        running = paris.start_fakeroute(
            LINE, "sh", "-c", 'file=$1; shift; exec "$@" >>"$file"', "sh", path,
            *paris.started_with(["paris-traceroute", "-n", "-w", WAIT, "--format", "json",
                                 "--parallel", "5", "--pps", "500", "--targets", asked]))
        paris.wait_for(lambda: path.read_text().count("\n") >= 5, 20, "no trace")
        kill(running.find("paris-traceroute"), signal.SIGINT)
        result = running.finish(20)
        self.assertEqual((result.returncode, result.stderr), (NOT, ""), result)
        first = traces(path.read_text())
        self.assertLess(len(first), 60)
        reasons = Counter(trace["stop"]["reason"] for trace in first)
        self.assertLessEqual(reasons["interrupted"], 5)
        self.assertEqual(reasons["reached"] + reasons["interrupted"], len(first))
        result = self.append(path, "--resume", path, "--targets", asked)
        self.assertEqual(result.returncode, OK, result)
        self.assertIn(f"{reasons['reached']} hosts are in {path} already", result.stderr)
        whole = [trace for trace in traces(path.read_text())
                 if trace["stop"]["reason"] != "interrupted"]
        self.assertEqual(sorted(trace["host"] for trace in whole), sorted(hosts(60)))
        self.check_true(whole)
        result = self.append(path, "--resume", path, "--targets", asked)
        self.assertEqual((result.returncode, len(traces(path.read_text()))),
                         (OK, len(first) + len(whole) - reasons["reached"]), result)

    def test_torn_lines(self):
        """A run that was killed leaves half a line: ended, told, and traced again."""
        path = self.output()
        self.append(path, *hosts(3))
        path.write_text(path.read_text()[:-40])
        torn = path.read_text().splitlines()
        lost = ({*hosts(3)} - {json.loads(line)["host"] for line in torn[:2]}).pop()
        result = self.append(path, "--resume", path, *hosts(3))
        self.assertEqual(result.returncode, OK, result)
        self.assertIn(f"{path}:3: the line is no JSON, or not all of it", result.stderr)
        lines = path.read_text().splitlines()
        self.assertEqual((lines[:3], len(lines)), (torn, 4))
        self.assertEqual(json.loads(lines[3])["host"], lost)

    def test_other_lines(self):
        """Neither other objects nor traces that could not be measured count."""
        path = listed(['{"type":"graph","host":"203.0.112.1","stop":{"reason":"reached"}}',
                       '{"type":"trace","host":"203.0.112.1","stop":{"reason":"failed"}}',
                       '{"type":"trace","host":"203.0.112.1"}', '["trace"]', "",
                       '{"type":"trace","host":"203.0.112.2","stop":{"reason":"loop"}}'])
        result = run("--format", "json", "--resume", path, *hosts(2))
        self.assertEqual(named_hosts(result.stdout), hosts(1), result)

    def test_another_file(self):
        """Text instead of json: told in a few lines, and nothing is traced anew."""
        path = listed(["traceroute to x"] + [f" {n}  10.0.0.{n}" for n in range(1, 30)])
        result = run("--format", "json", "--resume", path, *hosts(1))
        self.assertEqual((result.returncode, result.stdout), (USAGE, ""), result)
        self.assertEqual(result.stderr.count("the line is no JSON"), 3, result)
        self.assertIn(f"--resume {path}: none of its lines is JSON", result.stderr)


class Excluded(ManyTest):
    def sent_to(self, result):
        return {packet.dst for packet in result.packets() if packet.src == "192.0.2.2"}

    def test_prefixes(self):
        path = listed(["203.0.112.2  # him", "203.0.113.0/24", "203.0.113.128/25",
                       "2001:db8::/32", "::ffff:203.0.112.3"])
        asked = [*hosts(5), "203.0.113.200", "::ffff:203.0.113.9", "3405803522", "2001:db8::1"]
        result = run("--exclude", path, "--format", "json", "--targets", listed(asked))
        self.assertEqual(result.returncode, NOT, result)
        left = [host for host in hosts(5) if host not in ("203.0.112.2", "203.0.112.3")]
        self.assertEqual(sorted(named_hosts(result.stdout)), left)
        self.assertEqual(self.sent_to(result), {*left})
        self.assertEqual(result.stderr.count(f"is excluded (--exclude {path})"), 6, result)
        self.assertRegex(result.stderr, r":6: 203\.0\.113\.200 \(203\.0\.113\.200\) is not "
                         r"probed: 203\.0\.113\.0/24 is excluded")

    def test_names(self):
        """An address is what counts, whatever it is called."""
        path = listed([f"{named.V4}/32"])
        for more in ((), ("10.0.1.1",)):
            result = named.run("honest", "paris-traceroute", "-n", "--exclude", path,
                               "four.example", *more)
            self.assertEqual(result.returncode, NOT, result)
            self.assertIn(f"four.example ({named.V4}) is not probed", result.stderr)
            self.assertEqual("traceroute to" in result.stdout, bool(more), result)

    def test_many_paths(self):
        """Of --prefix, whatever could be probed counts."""
        path = listed(["203.0.112.77"])
        for more, allowed in (((), True), (("--prefix", "28"), True),
                              (("--prefix", "24"), False)):
            result = paris.fakeroute(LINE, "mda", "-n", "--exclude", path, "--max-probes",
                                     "500", *more, "203.0.112.9")
            self.assertEqual("203.0.112.77/32 is excluded" not in result.stderr, allowed,
                             result)
            self.assertEqual(bool(self.sent_to(result)), allowed)
            self.assertNotIn("203.0.112.77", self.sent_to(result))

    def test_ping(self):
        path = listed(["203.0.112.8/30"])
        for host, allowed in (("203.0.112.7", True), ("203.0.112.9", False),
                              ("::ffff:203.0.112.10", False)):
            for more in ((), ("--format", "json"), ("--explain",)):
                result = paris.fakeroute(LINE, "paris-ping", "-c", "1", *more, "--exclude",
                                         path, host)
                self.assertEqual(result.returncode, OK if allowed else NOT, result)
                self.assertEqual(bool(self.sent_to(result)), allowed and more[:1] !=
                                 ("--explain",), result)
                self.assertEqual(bool(result.stdout), allowed, result)
                self.assertRegex(result.stderr, r"\A\Z" if allowed else
                                 rf"\Aparis-ping: {host} \([\d.:f]+\) is not probed: "
                                 rf"203\.0\.112\.8/30 is excluded \(--exclude {path}\)\n\Z")

    def test_wrong_list(self):
        """Then nothing is probed at all."""
        for word in ("203.0.112.1/33", "203.0.112", "x", "203.0.112.1/", "203.0.112.1/ 8",
                     "::/129", "::1%lo", "1.2.3.4/-1", "1.2.3.4/+1", "1.2.3.4/24/24", "/24"):
            path = listed(["# list", word, "203.0.112.9"])
            result = run("--exclude", path, *hosts(2))
            self.assertEqual((result.returncode, result.stdout), (USAGE, ""), result)
            self.assertIn(f"{path}:2: ", result.stderr)
            self.assertEqual(self.sent_to(result), set())
            result = paris.fakeroute(LINE, "paris-ping", "--exclude", path, hosts(1)[0])
            self.assertEqual((result.returncode, result.stdout), (USAGE, ""), result)
            self.assertIn(f"{path}:2: ", result.stderr)
            self.assertEqual(self.sent_to(result), set())


@unittest.skipUnless(os.geteuid() == 0, "takes root")
class OfRoot(ManyTest):
    def test_files(self):
        """What only root may read is not read for whom sudo lets run this; what root gives
        as standard input is."""
        path = listed([hosts(1)[0], "secret word"])
        path.chmod(0o600)
        for option in ("--targets", "--exclude", "--resume"):
            result = root_inside.run(LINE, "paris-traceroute", "-n", option, path, hosts(1)[0])
            self.assertEqual((result.returncode, result.stdout), (USAGE, ""), result)
            self.assertEqual(result.stderr, f"paris-traceroute: {option}: cannot open "
                                            f"'{path}': Permission denied\n")
        result = root_inside.run(LINE, "paris-ping", "--exclude", path, hosts(1)[0])
        self.assertEqual((result.returncode, result.stdout, result.stderr), (
            USAGE, "", f"paris-ping: --exclude: cannot open '{path}': Permission denied\n"))
        result = root_inside.run(LINE, "sh", "-c", 'exec "$@" <"$0"', path,
                                 *paris.started_with(["paris-traceroute", "-n", "--format",
                                                      "json", "--targets", "-"]))
        self.assertEqual(result.returncode, USAGE, result)
        self.assertEqual(named_hosts(result.stdout), hosts(1))


class Searched(ManyTest):
    """Lists of hosts to which all paths are looked for."""

    def run_mda(self, *arguments):
        return paris.fakeroute(LINE, "mda", "-n", "-w", WAIT, "--format", "json", *arguments)

    def order(self, result):
        """In which order hosts were probed first."""
        return list(dict.fromkeys(packet.dst for packet in result.packets()
                                  if packet.src == "192.0.2.2"))

    def test_list(self):
        """What is wrong is told, by its line, and the rest goes on, in its order."""
        path = listed(["203.0.112.1", "two words", "::1:2:g  # no address", "203.0.112.2",
                       "no.example", "203.0.112.77", b"203.0.112.3"])
        excluded = listed(["203.0.112.64/26"])
        for program in (("mda",), ("paris-traceroute", "-a", "mda")):
            result = paris.fakeroute(
                LINE, *program, "-n", "-w", WAIT, "--format", "json", "--resolver",
                "127.0.0.1:9", "--exclude", excluded, "--targets", path, "203.0.112.9")
            self.assertEqual(result.returncode, USAGE, result)
            asked = ["203.0.112.9", *hosts(3)]
            self.assertEqual(named_hosts(result.stdout), asked)
            self.assertEqual(set(self.order(result)), set(asked))
            for found in traces(result.stdout):
                self.assertEqual({node.get("addr") for node in found["nodes"]},
                                 {"192.0.2.2", found["host"]} |
                                 {f"10.0.{n}.1" for n in range(1, 15)})
            lines = result.stderr.splitlines()
            for line, (number, part) in zip(lines, (
                    (2, r"more follows 'two': one word a line"),
                    (3, "cannot resolve ::1:2:g: not an"), (5, "cannot resolve no.example: "),
                    (6, r"203\.0\.112\.77 \(203\.0\.112\.77\) is not probed: 203")), strict=True):
                self.assertRegex(line, rf"\A{program[0]}: {path}:{number}: {part}")

    def test_one_at_a_time(self):
        result = self.run_mda("--parallel", "1", *hosts(4))
        self.assertEqual(result.returncode, OK, result)
        self.assertEqual(named_hosts(result.stdout), hosts(4))
        order = [packet.dst for packet in result.packets() if packet.src == "192.0.2.2"]
        self.assertEqual([host for at, host in enumerate(order)
                          if at == 0 or order[at - 1] != host], hosts(4))

    def test_more_than_run_at_a_time(self):
        asked = hosts(30)
        result = paris.fakeroute(
            LINE, "sh", "-c", 'exec "$@" <"$0"', listed(asked),
            *paris.started_with(["mda", "-n", "-w", WAIT, "--format", "json", "--parallel", "3",
                                 "--targets", "-"]))
        self.assertEqual((result.returncode, result.stderr), (OK, ""), result)
        self.assertEqual(named_hosts(result.stdout), asked)
        self.assertEqual(sorted(self.order(result)), sorted(asked))

    def test_interrupted(self):
        """What was begun is printed; no other search begins."""
        running = paris.start_fakeroute(
            LINE, "mda", "-n", "--format", "json", "--parallel", "1", "--pps", "300",
            *hosts(20))
        paris.wait_for(lambda: running.text().count("\n") >= 2, 20, "no search ended")
        kill(running.find("mda"), signal.SIGINT)
        result = running.finish()
        self.assertEqual(result.returncode, NOT, result)
        found = named_hosts(result.stdout)
        self.assertEqual(found, hosts(len(found)))
        self.assertLess(len(found), 20)
        self.assertEqual(self.order(result), found)

    def test_nothing_to_do(self):
        result = self.run_mda("--targets", "/dev/null")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (OK, "", ""))
        result = self.run_mda("--resolver", "127.0.0.1:9", "no.example", "no2.example")
        self.assertEqual((result.returncode, result.stdout), (USAGE, ""), result)
        self.assertEqual(result.stderr.count("mda: cannot resolve no"), 2, result)

    def test_what_is_of_one_path(self):
        for words, part in (
                (("--resume", "/dev/null"), "--resume: is of algorithms that trace one path"),
                (("--format", "svg", "--targets", "/dev/null"), "svg: draws the paths to one"),
                (("--format", "svg", "203.0.112.2"), "leave the other hosts out")):
            result = run("-a", "mda", *words, "203.0.112.1")
            self.assertEqual((result.returncode, result.stdout), (USAGE, ""), result)
            self.assertIn(part, result.stderr)


class Together(ManyTest):
    def test_two_protocols(self):
        for method in ("-I", "-T"):
            result = run(method, "--format", "json", *hosts(20))
            self.assertEqual(result.returncode, OK, result)
            found = traces(result.stdout)
            self.assertEqual(sorted(trace["host"] for trace in found), sorted(hosts(20)))
            if method == "-I":  # TCP waits for 0.9 s only
                self.check_true(found)

    def test_killed_prober(self):
        """What is known of each is printed; those that had no turn are not."""
        dark = [f"198.51.100.{n}" for n in range(8, 16)]
        running = paris.start_fakeroute(
            LINE, "paris-traceroute", "-n", "--format", "json", "--parallel", "4", "-w", "60",
            *hosts(1), *dark)
        paris.wait_for(running.text, 20, "no trace")
        kill(running.find("paris-prober"), signal.SIGKILL)
        result = running.finish(20)
        self.assertEqual(result.returncode, FAILED, result)
        self.assertEqual(result.stderr, "paris-traceroute: paris-prober died of signal 9 "
                                        "(Killed) before the trace ended\n")
        found = traces(result.stdout)
        self.assertIn(len(found), (4, 5))  # the fourth may not have begun
        self.assertEqual([(trace["host"], trace["stop"]["reason"]) for trace in found],
                         [(hosts(1)[0], "reached"), *((host, "failed") for host in
                                                      dark[:len(found) - 1])])


if __name__ == "__main__":
    unittest.main()
