"""Our text and that of Debian's traceroute differ in nothing but the times."""

import re
import shutil
import subprocess
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import paris  # noqa: E402

TRACEROUTE = shutil.which("traceroute", path="/usr/sbin:/usr/bin:/sbin:/bin")
V4, V6 = "198.51.100.", "2001:db8:ffff::"
# (topology, last parts of the targets, option lines with the packet length)
CASES = (
    ("line.topo", "9", ("-m 4", "-n", "-q 1", "-f 3 -m 7 -n", "-q 10 -n", "-N 1 -m 4",
                        "-n len=500", "-U -n")),
    ("mpls.topo", "9", ("-n -e", "-n -e -q 1", "-n")),
    ("silent-tail.topo", "9", ("-n -m 8", "-n -m 5 -q 2")),
    ("unreachable.topo", "1 2 3 4 5 6 7", ("-n", "-n -q 1")),
    # Too big for our own link, and for one on the way.
    ("line.topo", "9", ("-n -F len=2000", "-n -F -q 1 -f 3 len=2000")),
    ("unreachable.topo", "7", ("-n -F len=1400", "-n -F -q 1 len=1400")),
    ("targets.topo", "1 4 9", ("-n -m 6",)),
    ("short-quotes.topo", "9", ("-n",)),
    # ICMP: traceroute loses replies on fast paths, so it goes slowly.
    ("unreachable.topo", "1 4 5", ("-I -n -N 1 -m 4",)),
    ("targets.topo", "1 5", ("-I -n -N 1 -m 4",)),
)


def version():
    if not TRACEROUTE:
        return ""
    done = subprocess.run([TRACEROUTE, "--version"], capture_output=True, text=True,
                          check=False)
    return done.stdout + done.stderr


@unittest.skipUnless("version 2.1.2" in version(), "traceroute 2.1.2 is not installed")
class SameTextTest(unittest.TestCase):
    def texts(self, topology, program, options, target):
        words, _, length = options.partition(" len=")
        result = paris.fakeroute(topology, program, "-w", "1", *words.split(), target,
                                 *length.split())
        return re.sub(r"[0-9]+\.[0-9]{3} ms", "TIME ms", result.stdout), result

    def check(self, case):
        """Once more when they differ: on a busy machine either may lose a reply."""
        for _ in range(3):
            theirs, _ = self.texts(case[0], TRACEROUTE, *case[1:])
            ours, result = self.texts(case[0], "paris-traceroute", *case[1:])
            if theirs == ours:
                break
        return theirs, ours, result

    def test_same(self):
        cases = [(topology, options, prefix + part)
                 for topology, parts, lines in CASES for options in lines
                 for part in parts.split() for prefix in (V4, V6)]
        with ThreadPoolExecutor(4) as pool:
            for case, (theirs, ours, result) in zip(cases, pool.map(self.check, cases)):
                with self.subTest(case):
                    self.assertGreater(len(theirs.splitlines()), 1)
                    self.assertEqual(theirs, ours, result)


if __name__ == "__main__":
    unittest.main()
