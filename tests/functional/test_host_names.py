"""Names in paris-traceroute, end to end: resolving the host, naming the hops without
delaying a probe, and names that attack the terminal or the reader of the json."""

import re
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import paris  # noqa: E402
from dns_server import PTR, AAAA, A, DnsServer, a, aaaa, delayed, ptr, silent  # noqa: E402

# Loopback addresses that /etc/hosts does not name.
PLAIN, HOSTILE = "127.45.0.1", "127.45.0.2"


def reverse(addr):
    return (".".join(reversed(addr.split("."))) + ".in-addr.arpa").encode()


class HostNamesTest(unittest.TestCase):
    def trace(self, table, *arguments):
        with DnsServer(table) as server:
            return paris.run("paris-traceroute", "--resolver", server.address, "-q", "1",
                             *arguments)

    def test_resolved_and_named(self):
        table = {(b"host.test", A): a(PLAIN), (b"host.test", AAAA): aaaa("::1"),
                 (reverse(PLAIN), PTR): ptr(b"router", b"test")}
        result = self.trace(table, "host.test")
        self.assertEqual(result.returncode, 0, result)
        self.assertEqual(re.sub(r"[0-9.]+ ms", "TIME", result.stdout),
                         f"traceroute to host.test ({PLAIN}), 30 hops max, 60 byte "
                         f"packets\n 1  router.test ({PLAIN})  TIME\n")
        self.assertEqual(result.stderr, "")
        result = self.trace(table, "-n", "host.test")
        self.assertIn(f" 1  {PLAIN}  ", result.stdout)
        result = self.trace(table, "-6", "-n", "host.test")
        self.assertIn("host.test (::1)", result.stdout)
        result = self.trace(table, "--format", "json", "host.test")
        self.assertEqual((result.json["host"], result.json["target"]),
                         ("host.test", PLAIN))
        self.assertEqual(result.json["hops"][0]["probes"][0]["name"], "router.test")

    def test_no_such_name_or_family(self):
        for arguments, words in ((("none.test",), "no such name"),
                                 (("-6", "four.test"), "no IPv6 address")):
            result = self.trace({(b"four.test", A): a(PLAIN)}, *arguments)
            self.assertEqual(result.returncode, 2, result)
            self.assertEqual(len(result.stderr.splitlines()), 1, result)
            self.assertIn(words, result.stderr)
            self.assertEqual(result.stdout, "")

    def test_address_without_a_name(self):
        result = self.trace({}, PLAIN)
        self.assertIn(f" 1  {PLAIN} ({PLAIN})  ", result.stdout)
        result = self.trace({}, "--format", "json", PLAIN)
        self.assertNotIn("name", result.json["hops"][0]["probes"][0])

    def test_hostile_names(self):
        for label in (b"\x1b[31mred\x1b[0m", b'"quoted"', b"two\nlines", b"bad\xff\xc3(",
                      b"\xc2\x9b31m", b"\xe2\x80\xaeback", b"tab\there", b"sp ace",
                      b"br(10.0.0.1)", b"back\\slash", b"\x7f\x01\r"):
            table = {(reverse(HOSTILE), PTR): ptr(label, b"test")}
            with self.subTest(label):
                result = self.trace(table, HOSTILE)
                self.assertEqual(result.returncode, 0, result)
                lines = result.stdout.split("\n")
                self.assertEqual(len(lines), 3, result)
                row = re.fullmatch(r" 1  (\S+) \((\S+)\)  [0-9.]+ ms", lines[1])
                self.assertTrue(row, result)
                self.assertEqual(row[2], HOSTILE)
                self.assertTrue(all(" " <= c <= "~" for c in row[1]), result)
                result = self.trace(table, "--format", "json", HOSTILE)
                self.assertTrue(all(" " <= c <= "~" for c in result.stdout[:-1]), result)
                name = result.json["hops"][0]["probes"][0].get("name")
                self.assertEqual(name is None or name.endswith(".test"), True, result)

    def test_slow_and_silent_servers_delay_no_probe(self):
        result = self.trace({(reverse(PLAIN), PTR): delayed(1, ptr(b"late", b"test"))},
                            "--format", "json", PLAIN)
        probe = result.json["hops"][0]["probes"][0]
        self.assertEqual(probe["name"], "late.test")
        self.assertLess(probe["rtt_ms"], 990)
        result = self.trace({(reverse(PLAIN), PTR): silent()}, PLAIN)
        self.assertEqual(result.returncode, 0, result)
        self.assertIn(f" 1  {PLAIN} ({PLAIN})  ", result.stdout)
        self.assertLess(result.seconds, 20 * paris.SLOWNESS)


if __name__ == "__main__":
    unittest.main()
