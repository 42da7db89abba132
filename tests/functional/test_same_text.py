"""Our text and that of Debian's traceroute, in the same simulated networks, differ in
nothing but the times; the differences on purpose (traceroute(8) under STANDARDS in
paris-traceroute(1)) are tested as such; called as traceroute, the end is the same too."""

import functools
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import hostile  # noqa: E402
import named  # noqa: E402
import paris  # noqa: E402
import raw_inside  # noqa: E402

TRACEROUTE = shutil.which("traceroute", path="/usr/sbin:/usr/bin:/sbin:/bin")
V4, V6 = "198.51.100.", "2001:db8:ffff::"
# Where all answer, waiting long costs nothing, and a busy machine loses none.
PATIENT = "-w 5"
# Where some are silent; and where each waits for the one before.
BRIEF, QUICK = "-w 2", "-w 1"
AT_ONCE = 12  # they mostly wait
TIME_LIMIT = 400
FIRST = True
# traceroute loses an answer to -I when its next send meets the socket's pending error,
# and prints a star: it must be alone when it sends.
PING = "-I -N 1"

REFUSALS = "defaults rtt=5ms\nrouter gateway 10.1.0.1 2001:db8:1::1\n" + "".join(
    f"router r{code} 10.2.{code}.1 2001:db8:2:{code}::1 unreachable={code}\n"
    f"target t{code} {V4}{100 + code} {V6}{100 + code}\nlink gateway r{code} t{code}\n"
    for code in (*range(17), 99)) + "link host gateway\n"
ON_ARRIVAL = """
defaults rtt=5ms
router a 10.1.0.1 2001:db8:1::1
router b 10.2.0.1 2001:db8:2::1 unreachable=prohibited unreachable-at=arrival
target server 198.51.100.9 2001:db8:ffff::9 unreachable=host
target shy 198.51.100.8 2001:db8:ffff::8
link host a server
link a b shy
"""
SILENT_HOPS = """
defaults rtt=5ms
router r1 10.0.1.1 2001:db8:1::1
router s2 silent
router r3 10.0.3.1 2001:db8:3::1
router s[4-5] silent
router r6 10.0.6.1 2001:db8:6::1
target server 198.51.100.9 2001:db8:ffff::9
target dark 198.51.100.8 2001:db8:ffff::8 silent
link host r1 s2 r3 s4 s5 r6 server,dark
"""
SILENT_FIRST = """
defaults rtt=5ms
router s1 silent
router r2 10.0.2.1 2001:db8:2::1
target server 198.51.100.9 2001:db8:ffff::9
link host s1 r2 server
"""
NEXT_DOOR = """
defaults rtt=5ms
target server 198.51.100.9 2001:db8:ffff::9
target dark 198.51.100.8 2001:db8:ffff::8 silent
link host server,dark
"""
# By chance, but asked one after the other in the same order with the same result.
MANY = """
seed 5
defaults rtt=5ms
router a 10.1.0.1 2001:db8:1::1 balance=per-packet
router b[1-4] 10.2.0.[1-4] 2001:db8:2::[1-4]
router b5 silent
router c 10.3.0.1 2001:db8:3::1 balance=per-packet
router d1 10.4.0.1 2001:db8:4::1 mpls=16001
router d2 10.4.0.2 2001:db8:4::2 mpls=16002,7
router d3 10.4.0.3 2001:db8:4::3
router e 10.5.0.1 2001:db8:5::1 loss=40%
target server 198.51.100.9 2001:db8:ffff::9 duplicates=50%
link host a b[1-5] c d[1-3] e server
"""
# Ways of unequal length, and one of three that ends early.
UNEVEN = """
seed 5
defaults rtt=5ms
router a 10.1.0.1 2001:db8:1::1 balance=per-packet
router b[1-2] 10.2.0.[1-2] 2001:db8:2::[1-2]
router c 10.3.0.1 2001:db8:3::1
target server 198.51.100.9 2001:db8:ffff::9
link host a b1 server
link a b2 c server
"""
SOME_REFUSED = """
seed 5
defaults rtt=5ms
router a 10.1.0.1 2001:db8:1::1 balance=per-packet
router b1 10.2.0.1 2001:db8:2::1 unreachable=prohibited
router b2 10.2.0.2 2001:db8:2::2
router b3 10.2.0.3 2001:db8:2::3 unreachable=net unreachable-at=arrival
target server 198.51.100.9 2001:db8:ffff::9
link host a b[1-3] server
"""
BY_PORT = """
seed 5
defaults rtt=5ms
router a 10.1.0.1 2001:db8:1::1 hash=dst-port
router b[1-4] 10.2.0.[1-4] 2001:db8:2::[1-4]
router c 10.3.0.1 2001:db8:3::1
target server 198.51.100.9 2001:db8:ffff::9
link host a b[1-4] c server
"""
NARROW = """
defaults rtt=5ms
router a 10.1.0.1 2001:db8:1::1
router b 10.2.0.1 2001:db8:2::1 mtu=1300
router c 10.3.0.1 2001:db8:3::1
target server 198.51.100.9 2001:db8:ffff::9
link host a b c server
"""
LABELS = """
defaults rtt=5ms quote=128 quote6=128
router plain 10.1.0.1 2001:db8:1::1
router one 10.2.0.1 2001:db8:2::1 mpls=16001
router two 10.3.0.1 2001:db8:3::1 mpls=16002,17:5:254
router old 10.4.0.1 2001:db8:4::1 mpls=299776:3:7 mpls-noncompliant
router short 10.5.0.1 2001:db8:5::1 mpls=16003 quote=28
router refusing 10.6.0.1 2001:db8:6::1 mpls=16004 unreachable=host
target server 198.51.100.9 2001:db8:ffff::9
target beyond 198.51.100.8 2001:db8:ffff::8
link host plain one two old short server
link short refusing beyond
"""
LOOP = "defaults rtt=5ms shared=yes\n" + "".join(
    f"router r{ttl} 10.0.{ttl % 2}.1 2001:db8:{ttl % 2}::1\n" for ttl in range(1, 13)) \
    + "target server 198.51.100.9 2001:db8:ffff::9\nlink host " \
    + " ".join(f"r{ttl}" for ttl in range(1, 13)) + " server\n"
# A target that seldom answers.
SHY = """
defaults rtt=5ms
router r 10.1.0.1 2001:db8:1::1
target server 198.51.100.9 2001:db8:ffff::9 loss=60%
link host r server
"""
# Routers that quote all of a packet, with the extension behind.
LONG_QUOTES = LABELS.replace("quote=128 quote6=128", "")

# (topology, last parts of the targets, lines of options with the packet length at "len=")
ROWS = (
    ("line.topo", "9", (
        f"-m 4 {PATIENT}", f"-n {PATIENT}", f"-q 1 -n {PATIENT}", f"-q 2 -m 5 -n {PATIENT}",
        f"-q 10 -n {PATIENT}", f"-f 3 -m 7 -n {PATIENT}", f"-f 15 -n {PATIENT}",
        f"-f 30 -n {PATIENT}", f"-m 1 -n {PATIENT}", f"-f 1 -m 1 -q 1 -n {PATIENT}",
        f"-m 255 -n {PATIENT}", f"-f 255 -m 255 -n {PATIENT}", f"-N 1 -m 4 -n {PATIENT}",
        f"-N 3 -n {PATIENT}", f"-N 100 -n {PATIENT}", f"-z 15 -m 3 -n {PATIENT}",
        f"-z 0.005 -q 1 -n {PATIENT}", f"-t 16 -n {PATIENT}", f"-t 0x10 -m 3 -n {PATIENT}",
        f"-i eth0 -n {PATIENT}", f"--sport=30000 -n {PATIENT}", f"-p 7 -n {PATIENT}",
        f"-p domain -m 2 -n {PATIENT}", f"-m 010 -n {PATIENT}", "-n -m 3 -w 5/50/500",
        f"-U -n {PATIENT}", f"-U -p 7 -n {PATIENT}", f"-U -q 2 -f 14 -n {PATIENT}",
        *(f"-n {PATIENT} len={length}" for length in (0, 27, 28, 29, 47, 48, 49, 500, 1500,
                                                      1501, 5000, 65000)),
        *(f"-n -F {more} {PATIENT} len={length}" for length in (1500, 1501, 65000)
          for more in ("", "-U", "-q 1 -f 3", "-N 1")),
        *(f"{PING} -n -f 14 -m 15 {PATIENT} {more}" for more in (
            "", "-q 1", "-q 10", "-p 7", "-t 16", "len=50", "len=56", "len=500", "len=1500",
            "len=1501", "-F len=1500")),
        f"{PING} -n -m 4 {PATIENT}", f"{PING} -n -f 255 -m 255 {PATIENT}")),
    (REFUSALS, " ".join(str(100 + code) for code in (*range(17), 99)),
     (f"-n -m 4 -q 2 {BRIEF}",)),
    (REFUSALS, "100 101 102 103 105 109 113 114 115 199", (
        f"{PING} -n -m 4 -q 2 {BRIEF}",)),
    (REFUSALS, "101 109", (f"-n -q 1 {PATIENT}", f"-U -n {PATIENT}",
                           f"-f 3 -m 9 -n {PATIENT}")),
    (ON_ARRIVAL, "8 9", (f"-n {PATIENT}", f"-U -n {PATIENT}", f"{PING} -n {PATIENT}")),
    (SILENT_HOPS, "9", (f"-n {BRIEF}", f"-n -q 1 {BRIEF}", f"-U -n {BRIEF}",
                        f"-f 2 -m 4 -n {BRIEF}", f"-f 4 -m 5 -n {BRIEF}",
                        f"{PING} -n -q 1 {QUICK}", "-n -w 1,20,20", "-n -m 3 -w 1/30")),
    (SILENT_HOPS, "8", (f"-n -m 10 {BRIEF}", f"-n -m 10 -q 1 {BRIEF}",
                        f"{PING} -n -f 6 -m 8 -q 1 {QUICK}")),
    (SILENT_FIRST, "9", (f"-n {BRIEF}", f"-n -q 1 {BRIEF}", f"-N 1 -q 1 -n {QUICK}",
                         f"{PING} -n -q 1 {QUICK}")),
    (NEXT_DOOR, "9", (f"-n {PATIENT}", f"-n -q 1 {PATIENT}", f"-n -q 10 {PATIENT}",
                      f"{PING} -n {PATIENT}")),
    (NEXT_DOOR, "8", (f"-n -m 3 {BRIEF}", f"-n -q 1 -m 255 -w 0.5",
                      f"{PING} -n -q 1 -m 2 {QUICK}")),
    ("targets.topo", "1 2 3 4 5 8 9", (
        f"-n -m 4 {BRIEF}", f"-U -n -m 4 {BRIEF}", f"{PING} -n -m 3 -q 1 {QUICK}")),
    *((topology, "9", (
        f"-N 1 -n {QUICK}", f"-N 1 -n -e {QUICK}", f"-N 1 -n -q 9 -e {QUICK}",
        f"-N 1 -n -q 1 {QUICK}", f"{PING} -n -q 5 {QUICK}", f"{PING} -n -e -q 2 {QUICK}"))
      for topology in (MANY, UNEVEN, SOME_REFUSED)),
    (BY_PORT, "9", (f"-n -q 10 {PATIENT} ours=-a,traceroute",)),
    (NARROW, "9", (
        f"-n {PATIENT} len=1400", *(f"-n -F {PATIENT} len={length}"
                                    for length in (1300, 1301, 1400)),
        f"-n -F -q 1 -N 1 {PATIENT} len=1400", f"-U -n -F {PATIENT} len=1400",
        f"{PING} -n {PATIENT} len=1400", f"{PING} -n -F {PATIENT} len=1400")),
    (LABELS, "8 9", (
        f"-n -e {PATIENT}", f"-n -e -q 1 {PATIENT}", f"-n {PATIENT}",
        f"{PING} -n -e {PATIENT}", f"-n -e {PATIENT} len=28", f"-n -e {PATIENT} len=128",
        f"-n -e {PATIENT} len=200", f"-n -e {PATIENT} len=1500",
        f"{PING} -n -e {PATIENT} len=200")),
    ("short-quotes.topo", "9", (f"-n {PATIENT}",)),
    *((f"seed {seed}\n{SHY}", "9", (f"-n -N 1 -m 6 {QUICK}",)) for seed in range(1, 5)),
    (LOOP, "9", (f"-n {PATIENT} ours=--loop-limit,0",)),
)
# UDP-Lite, which the routers know and no target.
UDPLITE_ROWS = (
    ("line.topo", "9", (f"-UL -n {PATIENT}", f"-UL -p 7 -q 2 -m 4 -n {PATIENT}")),
    (REFUSALS, "101 109", (f"-UL -n -m 4 {BRIEF}",)),
)
# With raw sockets for traceroute and without any privilege for us.
TCP_ROWS = (
    ("line.topo", "9", (
        f"-T -m 4 {PATIENT}", f"-T -q 1 -n {PATIENT}", f"-T -q 2 -f 13 -p 443 -n {PATIENT}",
        f"-T -q 10 -f 14 -n {PATIENT}", f"-T -f 13 -p https -n {PATIENT}",
        f"-T -f 13 -p 81 -n {PATIENT}", f"-T -f 14 -N 1 -n {PATIENT}",
        f"-T -f 14 -F -n {PATIENT}", f"-T -f 14 -t 16 -n {PATIENT}",
        f"-T -f 14 --sport=30001 -n {PATIENT}", f"-T -f 14 -i eth0 -n {PATIENT}",
        f"-T -f 30 -n {PATIENT}", f"-T -m 1 -q 1 -n {PATIENT}")),
    ("targets.topo", "1 6 7 8", (f"-T -n -q 2 -m 3 {BRIEF}",
                                 f"-T -n -q 2 -m 3 -p 8005 {BRIEF}",
                                 f"-T -n -q 1 -m 3 -p 22 {BRIEF}")),
    (REFUSALS, "100 101 102 103 109 110 113 115 199", (f"-T -n -q 2 -m 4 {BRIEF}",)),
    (ON_ARRIVAL, "8 9", (f"-T -n {PATIENT}",)),
    (SILENT_HOPS, "9", (f"-T -n -q 1 {BRIEF}",)),
    (NEXT_DOOR, "9", (f"-T -n {PATIENT}",)),
    (LABELS, "8 9", (f"-T -n -e {PATIENT}",)),
    (NARROW, "9", (f"-T -n {PATIENT}",)),
)
# Other ways to say where to, at line.topo.
TARGETS = ("127.0.0.1", "::1", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "198.51.100",
           "198.51.100.0x9", "::ffff:127.0.0.1", "::ffff:198.51.100.9", "192.0.2.2",
           "2001:db8::2", "2001:DB8:FFFF:0:0::9", "fe80::1%eth0", "192.0.2.255",
           "203.0.113.1", "240.0.0.1", "0.0.0.1", "224.0.0.1")
# (scene of named.py, arguments): names of hops and of the target.
NAMES = (
    *((scene, options, target) for scene in ("honest", "nameless", "hosts")
      for options in (PATIENT, f"-e -q 1 {PATIENT}") for target in (named.V4, named.V6)),
    ("honest", f"{PING} -q 1 {PATIENT}", named.V4),
    ("honest", f"{PING} -q 1 {PATIENT}", named.V6),
    *(("hosts", f"-n -q 1 {PATIENT} {family}", name)
      for family, name in (("", "server.example"), ("-4", "server.example"),
                           ("-6", "server.example"), ("", "SERVER.example."),
                           ("", "four.example"), ("", "six.example"), ("", "again.hosts"),
                           ("", "other"), ("-6", "here.hosts"), ("", "over.dns"))),
)

# Where something is rare (RARE CASES in paris-traceroute(1)) and marked, our tool is
# called as traceroute: then it marks nothing.
RARE = (REFUSALS, LOOP, MANY, UNEVEN, SOME_REFUSED, "over.dns")


def version():
    if not TRACEROUTE:
        return ""
    done = subprocess.run([TRACEROUTE, "--version"], capture_output=True, text=True,
                          check=False)
    return done.stdout + done.stderr


def masked(result):
    return re.sub(r"[0-9]+\.[0-9]{3} ms", "TIME ms", result.stdout)


@functools.lru_cache(maxsize=None)
def called(name):
    """The path of our tool under another name."""
    path = paris.temporary_folder() / name
    path.symlink_to(paris.program("paris-traceroute"))
    return str(path)


def started_as(name, *arguments):
    """Our tool by that name, as it is executed."""
    tool = paris.program("paris-traceroute")
    return [called(name) if part == tool else part
            for part in paris.started_with(["paris-traceroute", *arguments])]


def rows_of(table):
    return [(topology, options, prefix + part) for topology, parts, lines in table
            for options in lines for part in parts.split() for prefix in (V4, V6)]


def command(program, options, target):
    """Options "len=" and "ours=": the packet length, and options for our tool alone."""
    words = options.split()
    length = [word[4:] for word in words if word.startswith("len=")]
    ours = [more for word in words if word.startswith("ours=")
            for more in word[5:].split(",")]
    words = [word for word in words if not word.startswith(("len=", "ours="))]
    if program == TRACEROUTE:
        return [program, *words, target, *length]
    return started_as(program, *words, *ours, target, *length)


def simulated(topology, *case):
    return paris.fakeroute(topology, *command(*case), limit=60)


def with_raw_sockets(topology, *case):
    run = raw_inside.run if case[0] == TRACEROUTE else paris.fakeroute
    return run(topology, *command(*case), limit=60)


def in_scene(scene, *case):
    return named.run(scene, *command(*case))


def both(run, where, *case):
    """The results of traceroute and of ours."""
    return tuple(run(where, program, *case)
                 for program in (TRACEROUTE, "paris-traceroute"))


@unittest.skipUnless("version 2.1.2" in version(), "traceroute 2.1.2 is not installed")
class SameTextTest(unittest.TestCase):
    def check(self, run, cases):
        def compare(case):
            rare = case[0] in RARE or case[-1] in RARE
            name = "traceroute" if rare else "paris-traceroute"
            # A second in which a process stands still may change either.
            return paris.until(
                lambda found: masked(found[0]) == masked(found[1]), lambda:
                (run(case[0], TRACEROUTE, *case[1:]), run(case[0], name, *case[1:])), 3)

        cases = paris.some(cases)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            results = pool.map(compare, cases)
            for case, (theirs, ours) in zip(cases, results):
                with self.subTest(case[1:], topology=case[0]):
                    self.assertGreater(len(theirs.stdout.splitlines()), 1, theirs)
                    self.assertEqual(masked(theirs), masked(ours), ours)

    def test_rows(self):
        self.check(simulated, rows_of(ROWS))

    def test_udplite(self):
        try:
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_UDPLITE).close()
        except OSError as error:
            self.skipTest(f"this kernel has no UDP-Lite: {error.strerror}")
        self.check(simulated, rows_of(UDPLITE_ROWS))

    def test_tcp(self):
        self.check(with_raw_sockets, rows_of(TCP_ROWS))

    def test_source(self):
        self.check(simulated, [
            ("line.topo", f"-n {method} -m 3 {PATIENT} -s {source}", target)
            for method in ("", "-U", PING)
            for source, target in (("192.0.2.2", V4 + "9"), ("2001:db8::2", V6 + "9"))])

    def test_targets(self):
        self.check(simulated, [("line.topo", f"-n -q 1 -m 3 {BRIEF}", target)
                               for target in TARGETS])

    def test_names(self):
        hostile.check_possible()
        self.check(in_scene, NAMES)


def unmarked(lines):
    return [re.sub(r" \[[a-z-]+\]", "", line) for line in lines]


@unittest.skipUnless("version 2.1.2" in version(), "traceroute 2.1.2 is not installed")
class DifferenceTest(unittest.TestCase):
    """What we do otherwise, and that traceroute does what we think it does."""

    def lines(self, run, *case):
        """The hops of either, without times, and our result."""
        theirs, ours = both(run, *case)
        return (masked(theirs).splitlines()[1:], masked(ours).splitlines()[1:], ours)

    def test_long_quotes(self):
        """Extensions behind more than 128 bytes: traceroute does not look there."""
        for prefix in (V4, V6):
            theirs, ours, _ = self.lines(
                simulated, LONG_QUOTES, f"-n -e {PATIENT} len=200", prefix + "9")
            self.assertNotIn("MPLS", theirs[1] + theirs[2])
            self.assertIn("<MPLS:L=16001,E=0,S=1,T=1>", ours[1])
            self.assertIn("<MPLS:L=16002,E=0,S=0,T=1/L=17,E=5,S=1,T=254>", ours[2])
            self.assertEqual(theirs[0], ours[0])
            self.assertEqual(theirs[3], ours[3])

    def test_short_pings(self):
        """Too short for a constant checksum; traceroute sees no target then."""
        for target, header in ((V4 + "9", 20), (V6 + "9", 40)):
            for length in (0, header + 8, header + 9, 39 if header == 20 else 50):
                theirs, ours = both(
                    simulated, NEXT_DOOR, f"{PING} -n -m 2 -q 1 -w 1 len={length}",
                    target)
                self.assertIn(f", {max(length, header + 8)} byte packets", theirs.stdout)
                self.assertIn(f", {max(length, header + 10)} byte packets", ours.stdout)
                self.assertIn(f"\n 1  {target}  ", ours.stdout)
                if header == 20:
                    self.assertIn("\n 1  *\n 2  *\n", theirs.stdout)

    def test_pings_too_large_for_the_own_link(self):
        """traceroute takes the kernel's word for the first query only."""
        for target in (V4 + "9", V6 + "9"):
            theirs, ours, _ = self.lines(
                simulated, "line.topo", f"{PING} -n -F {PATIENT} len=1501", target)
            self.assertEqual(theirs, [" 1  *  TIME ms !F-1500 * *"])
            self.assertEqual(ours, [" 1 " + 3 * " *  TIME ms !F-1500"])

    def test_loop(self):
        """It ends a trace, under either name."""
        for target in (V4 + "9", V6 + "9"):
            theirs, ours, result = self.lines(simulated, LOOP, f"-n {PATIENT}", target)
            self.assertEqual(len(theirs), 13)
            self.assertEqual(unmarked(ours), theirs[:5])
            self.assertEqual(result.returncode, 1)

    def test_marks(self):
        """What is rare has a mark behind the time, and nothing else is different."""
        for case, mark in (
                ((LOOP, f"-n --loop-limit 0 {PATIENT}", V4 + "9"), "[cycle]"),
                ((REFUSALS, f"-n -m 4 {PATIENT}", V4 + "103"), "[other-address]")):
            ours = simulated(case[0], "paris-traceroute", *case[1:])
            plain = simulated(case[0], "traceroute", *case[1:])
            self.assertIn(mark, ours.stdout)
            self.assertEqual(unmarked(masked(ours).splitlines()),
                             masked(plain).splitlines())

    def test_unspecified(self):
        for target in ("0.0.0.0", "::"):
            theirs, ours = both(simulated, "line.topo", "-n", target)
            self.assertEqual((theirs.returncode, ours.returncode), (0, 2))
            self.assertIn("unspecified", ours.stderr)

    def test_names_that_are_none(self):
        """Names of characters that no host name has, and those of other alphabets."""
        hostile.check_possible()
        theirs, ours, _ = self.lines(in_scene, "odd", PATIENT, named.V4)
        self.assertEqual(len(theirs), len(named.ODD) + 1)
        for ttl, (_, shown) in enumerate(named.ODD, 1):
            address = f"10.0.{ttl}.1"
            if ttl > 1:
                self.assertIn(theirs[ttl - 1].split()[1], (address, "."))
            self.assertEqual(ours[ttl - 1].split()[1:3], [shown or address, f"({address})"])
        self.assertEqual(theirs[-1], ours[-1])


LOST = "198.51.100.77"  # the net of line.topo, and nobody
# Command lines at line.topo, for their exit status; and whether anything is said on
# standard error.
ENDS = (
    f"-n {V4}9", f"-n {V6}9", f"-n -m 2 {V4}9", f"-n -q 1 {LOST}", f"-n -q 1 -m 3 -w 0.5 "
    "224.0.0.1", "nosuch.invalid", "-q 0 127.0.0.1", "-q 11 127.0.0.1", "-q x 127.0.0.1",
    "-q", "-f 0 127.0.0.1", "-f 5 -m 2 127.0.0.1", "-m 256 127.0.0.1", "-m 0 127.0.0.1",
    "-N x 127.0.0.1", "-w -1 127.0.0.1", "-w x 127.0.0.1", "-w 1,2,3,4 127.0.0.1",
    "-z -1 127.0.0.1", "-p nosuch 127.0.0.1", "-s ::1 127.0.0.1", "-x 127.0.0.1",
    "--nosuch 127.0.0.1", "127.0.0.1 65001", "127.0.0.1 x", "127.0.0.1 60 70", "-4 ::1",
    "-6 127.0.0.1", "-6 ::ffff:127.0.0.1", "-s 192.0.2.99 127.0.0.1", "-i nosuch 127.0.0.1",
    "255.255.255.255", "fe80::1", "fe80::1%lo", "::1%lo",
)


@unittest.skipUnless("version 2.1.2" in version(), "traceroute 2.1.2 is not installed")
class CalledTracerouteTest(unittest.TestCase):
    """By that name it can take traceroute's place in scripts."""

    def both(self, line, **more):
        return (paris.fakeroute("line.topo", TRACEROUTE, *line.split(), **more),
                paris.fakeroute("line.topo", *started_as("traceroute", *line.split()),
                                **more))

    def check(self, line, theirs, ours):
        with self.subTest(line):
            self.assertEqual(theirs.returncode, ours.returncode, (str(theirs), str(ours)))
            self.assertEqual(theirs.stderr == "", ours.stderr == "", ours)
            if theirs.returncode == 0:
                self.assertEqual(masked(theirs), masked(ours))
            else:
                self.assertLessEqual(ours.stderr.count("\n"), 1)

    def test_ends(self):
        def alike(found):
            return found[0].returncode == found[1].returncode and (
                found[0].returncode != 0 or masked(found[0]) == masked(found[1]))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for line, (theirs, ours) in zip(ENDS, pool.map(
                    lambda line: paris.until(alike, lambda: self.both(line), 3), ENDS)):
                self.check(line, theirs, ours)

    def test_no_ping_socket(self):
        self.check("-I", *self.both(f"-I -n {V4}9", options=("--ping-group", "closed")))

    def test_six(self):
        for line, status in ((f"-n -m 2 {V6}9", 0), (f"-n -m 2 {V4}9", 2)):
            ours = paris.fakeroute("line.topo", *started_as("traceroute6", *line.split()))
            self.assertEqual(ours.returncode, status, ours)

    def test_help(self):
        """Without arguments too, and then all is well."""
        theirs = paris.run(TRACEROUTE)
        for line in ("", "--help"):
            ours = paris.run(*started_as("traceroute", *line.split()))
            self.assertEqual(theirs.returncode, ours.returncode, ours)
            self.assertIn("Usage: ", ours.stdout)

    def test_signals(self):
        line = f"-n -w 20 {V4}9"
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            results = []
            for command in ([TRACEROUTE, *line.split()],
                            started_as("traceroute", *line.split())):
                running = paris.start_fakeroute("silent-tail.topo", *command,
                                                may_leave=True)
                pid = running.find("traceroute")
                paris.wait_for(lambda r=running: "\n 3 " in r.text(), 10, "no third hop")
                os.kill(pid, number)
                results.append(running.finish())
            theirs, ours = results
            self.assertEqual(theirs.returncode, 128 + number)
            self.assertEqual(ours.returncode, 128 + number, ours)
            self.assertEqual(ours.stderr, "")
            self.assertEqual(masked(ours).splitlines()[:4], masked(theirs).splitlines()[:4])
            self.assertTrue(ours.stdout.endswith("\n"))

    def test_output_lost(self):
        """Where traceroute ends well although nobody read it, we do not."""
        for redirection in (">/dev/full", ">&-"):
            if paris.WRAP and redirection == ">&-":
                continue  # valgrind opens what is closed
            ours = paris.fakeroute("line.topo", "sh", "-c", f'exec "$@" {redirection}',
                                   "sh", *started_as("traceroute", "-n", V4 + "9"))
            self.assertEqual(ours.returncode, 1, ours)
            self.assertIn("cannot write to standard output", ours.stderr)


if __name__ == "__main__":
    unittest.main()
