"""Names of hops, from a DNS server that wishes us ill: harmless in every output, and
never in the way of a probe."""

import codecs
import json
import re
import shutil
import sys
import unittest
from pathlib import Path

import paris

V4, V6 = "198.51.100.9", "2001:db8:ffff::9"
LONGEST = (b"a" * 63, b"b" * 63, b"c" * 63, b"d" * 61)  # 255 bytes on the wire

# The labels of the name of each hop of line.topo, from 1 to 15.
HOSTILE = (
    (b"\x1b]0;owned\x07\x1b[31mred", b"example"),
    (b'quote"back\\slash', b"example"),
    (b"new\nline\r 4  10.9.9.9  0.001 ms", b"example"),
    (b"\xff\xfe\xc3(\x80", b"example"),
    (b"evil) (10.6.6.6", b"example"),
    (b"two words  and\ttab", b"example"),
    LONGEST,
    (b"%s%n%x%1000000d", b"example"),
    ("\u202etxt.exe\u2066".encode(), b"example"),
    (b"\x9b31m\xc2\x9b31m\x84", b"example"),
    (b"nul\0byte", b"example"),
    (b"<script>&amp;'`$(id)", b"example"),
    (b"10.0.14.1",),
    (b"dot.inside", b"example"),
    (b"server", b"example"),
)

# Starts the DNS server in the network and the tool with it; prints what that prints.
INSIDE = """
import json, socket, subprocess, sys
sys.path.insert(0, sys.argv[1])
import dns_server as dns
table = {}
for address, labels in json.loads(sys.argv[2]).items():
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    data = socket.inet_pton(family, address)
    if ":" in address:
        name = ".".join(reversed(data.hex())) + ".ip6.arpa"
    else:
        name = ".".join(map(str, reversed(data))) + ".in-addr.arpa"
    reply = dns.ptr(*[bytes.fromhex(label) for label in labels])
    if float(sys.argv[3]):
        reply = dns.delayed(float(sys.argv[3]), reply)
    table[name.encode(), dns.PTR] = reply
with dns.DnsServer(table) as server:
    done = subprocess.run(sys.argv[4:-1] + ["--resolver", server.address, sys.argv[-1]],
                          stdin=subprocess.DEVNULL)
sys.exit(done.returncode)
"""


def replace_bytes(error):
    """Each byte that is not of UTF-8 on its own, whatever follows."""
    return "\ufffd" * (error.end - error.start), error.end


codecs.register_error("replacement", replace_bytes)


def hops_to(target):
    if ":" in target:
        return [f"2001:db8:{n}::1" for n in range(1, 15)] + [target]
    return [f"10.0.{n}.1" for n in range(1, 15)] + [target]


def start(*arguments, names=HOSTILE, delay=0, topology="line.topo",
          program="paris-traceroute", driver=(), hops=None):
    """Starts the tool, to the last of its arguments, with names for the hops; by a driver, if
    there is one."""
    folder = paris.temporary_folder()
    shutil.copy(Path(__file__).parent / "dns_server.py", folder)
    (folder / "dns_server.py").chmod(0o644)
    table = {address: [label.hex() for label in labels]
             for address, labels in zip(hops or hops_to(arguments[-1]), names)}
    return paris.start_fakeroute(topology, sys.executable, "-c", INSIDE, folder,
                                 json.dumps(table), delay,
                                 *driver, *paris.started_with([program, *arguments]))


def trace(*arguments, **more):
    return start(*arguments, **more).finish()


KINDS = tuple((method, target) for method in ((), ("-I",), ("-T",))
              for target in (V4, V6))


class Hostile(unittest.TestCase):
    def test_text(self):
        for method, target in KINDS:
            with self.subTest(method=method, target=target):
                result = trace("-w", "5", *method, target)
                self.assertEqual((result.returncode, result.stderr), (0, ""))
                # One line a hop, nothing that a terminal obeys or a reader mistakes.
                self.assertRegex(result.stdout, r"\A[ -~\n]*\Z")
                lines = result.stdout.splitlines()
                self.assertEqual(len(lines), 16)
                for ttl, address in enumerate(hops_to(target), 1):
                    self.assertRegex(lines[ttl], rf"^{ttl:2}  [!-~]+ "
                                     rf"\({re.escape(address)}\)(  \d+\.\d+ ms){{3}}$")
                    name = lines[ttl].split()[1]
                    self.assertNotRegex(name, r"[()]")
                self.assertIn(" server.example (", lines[15])
                self.assertIn(" " + b".".join(LONGEST).decode() + " (", lines[7])

    def test_json(self):
        for method, target in KINDS:
            with self.subTest(method=method, target=target):
                result = trace("-w", "5", "--format", "json", *method, target)
                self.assertEqual((result.returncode, result.stderr), (0, ""))
                self.assertEqual(result.stdout.count("\n"), 1)
                self.assertTrue(result.stdout.endswith("}\n"))
                result.stdout.encode("utf-8")  # fails if bytes were not UTF-8
                self.assertRegex(result.stdout, r"\A[ -~]*\n\Z")
                found = [{(probe["from"], probe.get("name")) for probe in hop["probes"]}
                         for hop in result.json["hops"]]
                self.assertEqual([len(names) for names in found], [1] * 15)
                names = [hop.pop() for hop in found]
                self.assertEqual([address for address, _ in names], hops_to(target))
                # Escaped in the line, JSON gives the names as they are; what is not
                # UTF-8 it cannot hold, and a name with a NUL in it is none.
                self.assertEqual([name for _, name in names], [
                    None if b"\0" in b".".join(labels)
                    else b".".join(labels).decode("utf-8", "replacement")
                    for labels in HOSTILE])

    def test_numeric_asks_nothing(self):
        result = trace("-n", V4)
        self.assertNotIn("example", result.stdout)
        self.assertEqual([packet for packet in result.packets()
                          if packet.dport == 53 or packet.sport == 53], [])


class Delays(unittest.TestCase):
    """Slow answers: printed all the same, while probes and times are as without names."""

    DELAY = 2.5  # of each name, in seconds; the probes of a trace take one

    def test_slow_names(self):
        names = [(b"hop%d" % n, b"example") for n in range(1, 16)]
        for (_, target), result in paris.in_parallel(
                lambda kind: trace("-q", "3", "-w", "5", "--format", "json", *kind[0], kind[1],
                                   delay=self.DELAY, names=names), KINDS):
            self.assertEqual(result.returncode, 0, result)
            self.assertGreater(result.seconds, self.DELAY)
            if paris.VARIANT == "valgrind":
                continue  # too slow for the time that look-ups have
            probes = [probe for hop in result.json["hops"] for probe in hop["probes"]]
            self.assertTrue(all("name" in probe for probe in probes), result)
            times = [packet.time for packet in result.packets() if packet.dst == target]
            self.assertLess(times[-1] - times[0], self.DELAY)
            self.assertLess(max(probe["rtt_ms"] for probe in probes), self.DELAY * 1e3)

    def test_hops_are_printed_as_they_are_known(self):
        """With its name, while later hops are still waited for."""
        running = start("-w", "8", "-m", "5", V4, topology="silent-tail.topo",
                        names=((b"first", b"hop"), (b"second", b"hop")))
        paris.wait_for(lambda: " 2  second.hop (10.0.2.1)  " in running.text(), 3,
                       "no second hop yet")
        self.assertIsNone(running.process.poll())
        result = running.finish()
        self.assertEqual(result.returncode, 1)
        self.assertGreaterEqual(result.seconds, 8)
        self.assertEqual(result.stdout.splitlines()[4:], [" 4  * * *", " 5  * * *"])


class Loopback(unittest.TestCase):
    def test_server_is_reached_inside(self):
        """The table of this module would test nothing if its server were not asked."""
        result = trace(V4, names=((b"first", b"hop"),))
        self.assertIn(" 1  first.hop (10.0.1.1)  ", result.stdout)
        self.assertIn(" 2  10.0.2.1 (10.0.2.1)  ", result.stdout)


if __name__ == "__main__":
    unittest.main()
