"""Names of hosts, of interfaces (RFC 5837) and of autonomous systems that wish us ill, all of
them at every hop, in each thing that is printed: harmless there, and true where the format
can hold them."""

import json
import re
import shutil
import sys
import unittest
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor

import mmdb_file
import other_formats
import paris
import test_names_in_trace as names

# (label of the host's name, name of the interface, name of the AS)
EVIL = (
    (b"\x1b]0;owned\x07\x1b[31mred", b"\x1b]0;owned\x07\x1b[31mred", "\x1b]0;owned\x07\x1b[31mred"),
    (b'quote"];n9 -> n1;"', b'eth"];n9 -> n1;"', 'quote"];n9 -> n1;"'),
    (b"new\nline\r 2  10.9.9.9", b"new\nline\r 2  10.9.9.9", "new\nline\r 2  10.9.9.9  0.1 ms"),
    (b"=cmd|'/C calc'!A0", b"=cmd|'/C calc'!A0", "=cmd|'/C calc'!A0"),
    (b"\xff\xfe\xc3(\x80\x9b31m", b"\xff\xfe\xc3(\x80\x9b31m",
     "\udcff\udcfe\udcc3(\udc80\udc9b31m"),
    (b"</text><script>&amp;", b"</text><script>&amp;", "</text><script>&amp;"),
    ("\u202etxt.exe\u2066".encode(), "\u202etxt\u2066".encode(), "\u202etxt.exe\u2066"),
    (b"back\\slash\\", b"back\\slash\\", "back\\slash\\"),
)
HOPS = len(EVIL)
TARGET = "198.51.100.9"
ADDRESSES = [f"10.0.{n}.1" for n in range(1, HOPS)] + [TARGET]
RAW = (b"\x1b]0;", b"\x1b[31mred", b"\x9b31m", "\u202e".encode(), b"\nline")
ON_TERMINAL = """
import os, pty, sys
sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))
"""


def interface(name):
    """The content of an object of class 2, type 2: an interface's name alone."""
    size = (len(name) + 4) & ~3
    return (bytes([size]) + name.ljust(size - 1, b"\0")).hex()


TOPOLOGY = "defaults rtt=2ms\n" + "".join(
    f"router r{n} 10.0.{n}.1\n" for n in range(1, HOPS)) + (
    f"target server {TARGET}\nlink host {' '.join(f'r{n}' for n in range(1, HOPS))} server\n") + \
    "".join(f"extension r{n} object=2:2 data={interface(EVIL[n - 1][1])}\n"
            for n in range(1, HOPS))


def host_name(at):
    return EVIL[at][0] + b".example"


class Texts(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.database = paris.temporary_folder() / "db"
        cls.database.write_bytes(mmdb_file.write({
            f"{address}/32": {"asn": f"AS{64496 + at}", "as_name": EVIL[at][2]}
            for at, address in enumerate(ADDRESSES)}))
        cls.database.chmod(0o644)

    def run_tool(self, program, *arguments, driver=()):
        words = ("--as-names", "--asn-db", self.database) if program != "paris-ping" else ()
        running = names.start(
            *words, *arguments, TARGET, topology=TOPOLOGY, program=program, driver=driver,
            hops=ADDRESSES, names=[(label, b"example") for label, _, _ in EVIL])
        result = running.finish()
        self.assertEqual(result.returncode, 0, result)
        for raw in RAW:
            self.assertNotIn(raw, result.stdout.encode("utf-8", "surrogateescape"), result)
        return result

    def printed(self, *arguments, also=""):
        """Of a format whose every byte is one that is seen, or ends a line."""
        result = self.run_tool(*arguments)
        self.assertEqual(result.stderr, "")
        self.assertRegex(result.stdout, rf"\A([ -~{also}]*\r?\n)+\Z")
        self.assertEqual("\r\n" in result.stdout, "csv" in arguments)
        return result

    def names_of(self, found):
        """[(address, host's name, AS)] of an object."""
        self.assertEqual([(one["from"], one.get("name"), one.get("asn"), one.get("as_name"))
                          for one in found],
                         [(address, host_name(at).decode("utf-8", "replacement"), [64496 + at],
                           EVIL[at][2].encode("utf-8", "surrogateescape").decode(
                               "utf-8", "replacement"))
                          for at, address in enumerate(ADDRESSES)])

    def text(self):
        lines = self.printed("paris-traceroute", "-e", "-q", "1").stdout.splitlines()
        self.assertEqual(len(lines), HOPS + 1)
        for at, line in enumerate(lines[1:]):
            self.assertRegex(line, rf"\A ?{at + 1}  [!-~]+ \({re.escape(ADDRESSES[at])}\) "
                             rf"\[AS{64496 + at} [^][]+\]( <INC:[!-~]+>)?  [\d.]+ ms"
                             r"( <INC:[!-~]+>)?\Z")
            self.assertEqual("<INC:" in line, at + 1 < HOPS)

    def json(self):
        result = self.printed("paris-traceroute", "-e", "-q", "1", "--format", "json")
        found = [probe for _, probe in paris.answers(result.json)]
        self.names_of(found)
        self.assertEqual([one["extensions"][0]["interface"]["name"] for one in found[:-1]],
                         [name.decode("utf-8", "replacement") for _, name, _ in EVIL[:-1]])

    def csv(self):
        text = self.printed("paris-traceroute", "-e", "-q", "1", "--format", "csv").stdout
        rows = other_formats.csv_rows(text)
        self.assertEqual([row["from"] for row in rows], ADDRESSES)
        for row in rows:
            for value in row.values():
                self.assertNotRegex(value, r"\A[-=+@ ]|[;\0-\x1f\x7f]", row)

    def of_one_path(self):
        for format_ in ("scamper", "atlas"):
            lines = self.printed("paris-traceroute", "-q", "1", "--format", format_).stdout
            found = list(map(json.loads, lines.splitlines()))
            self.assertEqual(len(found), 3 if format_ == "scamper" else 1, lines)
            for address in ADDRESSES:
                self.assertIn(f'"{address}"', lines)

    def multipath_text(self):
        for more in ((), ("-a", "exhaustive")):
            lines = self.printed("mda", "-w", "5", *more).stdout.splitlines()
            for at, address in enumerate(ADDRESSES):
                self.assertEqual(sum(f"({address})" in line or f" {address} " in line
                                     for line in lines[1:] if re.match(r" *\d+ ", line)), 1,
                                 (address, lines))

    def multipath_json(self):
        result = self.printed("mda", "-w", "5", "--format", "json")
        self.names_of([dict(node, **{"from": node["addr"]}) for node in result.json["nodes"]
                       if node["ttl"] > 0])

    def multipath_scamper(self):
        lines = self.printed("mda", "-w", "5", "--format", "scamper").stdout.splitlines()
        _, found, _ = map(json.loads, lines)
        told = {node["addr"]: node.get("name") for node in found["nodes"]}
        for at, address in enumerate(ADDRESSES[:-1]):
            self.assertEqual(told[address], host_name(at).decode("utf-8", "replacement"))

    def dot(self):
        text = self.printed("mda", "-w", "5", "--format", "dot", also="\t").stdout
        quoted = r'"(?:[^"\\\n]|\\.)*"'
        for line in text.splitlines():
            self.assertRegex(line, rf'\A(digraph {quoted} {{|\t?}}|}}|\t\w+=[^\n]*;|\t{{ rank=same;'
                             rf'|\t(node|edge) \[.*\];|\t\tn\d+ \[label={quoted}(, [a-z=, ]+)?\];'
                             rf'|\tn\d+ -> n\d+ \[label={quoted}(, style=dotted)?\];)\Z')
        self.assertEqual(text.count(" -> "), HOPS + text.count("n9 -> n1"))
        for at, address in enumerate(ADDRESSES):
            self.assertRegex(text, rf'\\n{re.escape(address)}\\n\[AS{64496 + at} ')

    def svg(self):
        if shutil.which("dot") is None:
            return
        result = self.run_tool("mda", "-w", "5", "--format", "svg")
        self.assertRegex(result.stdout, r"\A[ -~\n\u00a0-\u02ff]*\n\Z")
        shown = [element.text for element in ElementTree.fromstring(result.stdout).iter()
                 if element.tag.endswith("}text")]
        self.assertEqual([text for text in shown if text in ADDRESSES], ADDRESSES)
        self.assertEqual(sum(text.startswith("[AS") for text in shown), HOPS)
        self.assertTrue(any("</text><script>" in text for text in shown), shown)

    def live(self):
        if paris.WRAP:  # valgrind writes to the terminal, too
            return
        result = self.run_tool("paris-traceroute", "--live", "--interval", "0.5", "--rounds", "9",
                               driver=(sys.executable, "-c", ON_TERMINAL))
        table = result.stdout.replace("\r", "")[-3000:].splitlines()[-HOPS:]
        for at, line in enumerate(table):
            self.assertRegex(line, rf"\A *{at + 1}\. [ -~]+\Z")
        self.assertIn("owned", table[0])

    def ping(self):
        lines = self.printed("paris-ping", "-c", "2", "-i", "0.01").stdout.splitlines()
        self.assertEqual(len(lines), 7, lines)

    def test_each(self):
        checks = (self.text, self.json, self.csv, self.of_one_path, self.multipath_text,
                  self.multipath_json, self.multipath_scamper, self.dot, self.svg, self.live,
                  self.ping)
        with ThreadPoolExecutor(4) as pool:
            for check, done in [(check, pool.submit(check)) for check in checks]:
                with self.subTest(check.__name__):
                    done.result()


if __name__ == "__main__":
    unittest.main()
