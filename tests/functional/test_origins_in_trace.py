"""-A, --as-names and --country in traces: in every output, harmless, and never in the
way of a probe or of the end; and as Debian's traceroute -A prints it."""

import json
import re
import shutil
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import mmdb_file as mmdb  # noqa: E402
import other_formats  # noqa: E402
import paris  # noqa: E402

V4, V6 = "198.51.100.9", "2001:db8:ffff::9"
TRACEROUTE = shutil.which("traceroute", path="/usr/sbin:/usr/bin:/sbin:/bin")
HOPS = 5
TOPOLOGY = "defaults rtt=2ms\n" + "".join(
    f"router r{n} 10.0.{n}.1 2001:db8:{n}::1\n" for n in range(1, HOPS)) + \
    f"target server {V4} {V6}\nlink host {' '.join(f'r{n}' for n in range(1, HOPS))} server\n"

# Starts the servers in the network, then the commands, one after the other.
INSIDE = """
import json, os, subprocess, sys
sys.path.insert(0, sys.argv[1])
import dns_server as dns
import whois_server as whois
table, texts, silent, commands = json.loads(sys.argv[2])
replies = {address.encode(): whois.says(bytes.fromhex(text))
           for address, text in table.items()}
records = {(name.encode(), 16): dns.records(dns.rr(
               16, bytes([len(bytes.fromhex(text))]) + bytes.fromhex(text)))
           for name, text in texts.items()}
with whois.WhoisServer(replies, whois.silent if silent else whois.nobody) as server, \\
        dns.DnsServer(records) as resolver:
    os.environ.update(RA_SERVER="127.0.0.1", RA_SERVICE=str(server.port))
    for command in commands:
        command = [part.replace("RESOLVER", resolver.address) for part in command]
        done = subprocess.run(command, stdin=subprocess.DEVNULL)
        sys.stdout.flush()
sys.exit(done.returncode)
"""


# Has the first host traced, cuts the file, has the second one traced.
CUTS = """
import os, subprocess, sys
path, first, second = sys.argv[1:4]
tool = subprocess.Popen(sys.argv[4:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
for host in (first, second):
    print(host, file=tool.stdin, flush=True)
    print(tool.stdout.readline(), end="")
    os.truncate(path, 0)
sys.exit(tool.wait() if tool.stdin.close() is None else 1)
"""


def route(prefix, *numbers):
    return "".join(f"route{'6' if ':' in prefix else ''}: {prefix}\norigin: AS{number}\n"
                   for number in numbers).encode().hex()


def run(*commands, whois=None, zones=None, silent=False, files=None):
    """Runs commands in the network, whose servers say this; files: {name: bytes}, which
    the commands name with FOLDER/ before."""
    folder = paris.temporary_folder()
    for name in ("dns_server.py", "whois_server.py"):
        shutil.copy(Path(__file__).parent / name, folder)
        (folder / name).chmod(0o644)
    for name, content in (files or {}).items():
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o644)
    commands = [[part.replace("FOLDER", str(folder)) for part in paris.started_with(command)]
                for command in commands]
    return paris.fakeroute(TOPOLOGY, sys.executable, "-c", INSIDE, folder,
                           json.dumps((whois or {}, zones or {}, silent, commands)))


def database(records):
    return mmdb.write({prefix: record for prefix, record in records.items()})


def record(number, name=None, country=None):
    made = {"asn": f"AS{number}"}
    made.update({"as_name": name} if name is not None else {})
    made.update({"country_code": country} if country else {})
    return made


def hops(text):
    """What stands between address and times on the line of each hop."""
    return [re.sub(r"(  \d+\.\d+ ms)+$", "", line)[4:] for line in text.splitlines()[1:]]


class AsTraceroute(unittest.TestCase):
    WHOIS = {"10.0.1.1": route("10.0.0.0/16", 64496), "10.0.2.1": route(
        "10.0.2.0/24", 64497, 4294967295) + route("10.0.0.0/8", 1),
             V4: b"% no route\norigin: AS64499\n".hex(),
             "2001:db8:1::1": route("2001:db8::/32", 64500),
             "127.0.0.1": route("127.0.0.0/8", 64501)}

    @unittest.skipUnless(TRACEROUTE, "there is no traceroute (make deps-ci installs it)")
    def test_same_text(self):
        """But for the times. The hosts file has a name for one of them."""
        for words, line in (
                (("-n", V4), " 2  10.0.2.1 [AS64497/AS4294967295]  TIME ms  TIME ms"),
                (("-n", V6), " 4  2001:db8:4::1 [*]  TIME ms  TIME ms"),
                (("127.0.0.1",), " 1  localhost (127.0.0.1) [AS64501]  TIME ms  TIME ms")):
            words = ("-A", "-q", "2", "-w", "5", *words)
            result = run((TRACEROUTE, "-N", "1", *words), ("paris-traceroute", *words),
                         whois=self.WHOIS)
            self.assertEqual((result.returncode, result.stderr), (0, ""), result)
            text = re.sub(r"\d+\.\d+ ms", "TIME ms", result.stdout)
            theirs, ours = text[:len(text) // 2], text[len(text) // 2:]
            self.assertEqual(theirs, ours)
            self.assertIn(line, ours.splitlines())

    def test_numbers(self):
        result = run(("paris-traceroute", "-A", "-n", "-q", "1", V4), whois=self.WHOIS)
        self.assertEqual(hops(result.stdout), [
            "10.0.1.1 [AS64496]", "10.0.2.1 [AS64497/AS4294967295]", "10.0.3.1 [*]",
            "10.0.4.1 [*]", f"{V4} [AS64499]"])
        self.assertEqual([packet for packet in result.packets() if packet.dport == 53], [])

    def test_no_name_server(self):
        """Why zones of DNS tell nothing is said, once."""
        result = run(("paris-traceroute", "-A", "--as-source", "dns", "--resolver",
                      "127.0.0.1:9", "-n", "-q", "1", V4))
        self.assertEqual(result.returncode, 0)
        self.assertEqual(hops(result.stdout), [
            *(f"10.0.{n}.1 [!!]" for n in range(1, HOPS)), f"{V4} [!!]"])
        self.assertRegex(result.stderr, r"\Aparis-names: cannot ask the zones of --as-source "
                         r"dns: [^;\n]+; going on without [^\n]+\n\Z")

    def test_silent_server(self):
        """Its silence ends with the time that names have, and holds nothing else up."""
        result = run(("paris-traceroute", "-A", "-n", "-q", "1", V4), silent=True)
        self.assertEqual(result.returncode, 0)
        self.assertEqual(hops(result.stdout), [
            *(f"10.0.{n}.1 [!!]" for n in range(1, HOPS)), f"{V4} [!!]"])
        self.assertEqual(result.stderr.count("\n"), 1)
        self.assertRegex(result.stderr, r"\Aparis-names: cannot ask the whois server "
                         r"127\.0\.0\.1, port \d+: no answer in time; going on")
        times = [packet.time for packet in result.packets() if packet.dst == V4]
        self.assertLess(times[-1] - times[0], 1 * paris.SLOWNESS)
        if paris.VARIANT == "release":
            self.assertLess(result.seconds, 15)

    def test_environment(self):
        for name, value in (("RA_SERVICE", "no-such-service"), ("RA_SERVICE", "65536"),
                            ("RA_SERVICE", "\x1b[31m"), ("RA_SERVER", "x" * 256)):
            result = paris.run("paris-traceroute", "-A", "127.0.0.1", env={name: value})
            self.assertEqual((result.returncode, result.stdout), (2, ""))
            self.assertRegex(result.stderr, rf"\Aparis-traceroute: {name}: '[!-~]+' is n[^\n]+\n\Z")
        # Only -A reads it, and what is empty is not set.
        for words, value in ((("-n",), "no-such-service"), (("-A", "-n"), "")):
            result = paris.run("paris-traceroute", "--explain", *words, "127.0.0.1",
                               env={"RA_SERVICE": value})
            self.assertEqual((result.returncode, result.stderr), (0, ""))


# Names of AS that wish us ill, and what of them is shown.
EVIL = (
    ("\x1b]0;owned\x07\x1b[31mred", "\\x1b\\x5d0;owned\\x07\\x1b\\x5b31mred"),
    ("x] [US\n 9  10.9.9.9 [AS1]  0.1 ms",
     "x\\x5d \\x5bUS\\x0a 9 \\x2010.9.9.9 \\x5bAS1\\x5d \\x200.1 ms"),
    ("=cmd|'\"</script>\udcff\u202e", "=cmd|'\"</script>\\xff\\xe2\\x80\\xae"),
    ("n" * 400, "n" * 255),
    ("Caf\u00e9 Ltd (Paris)", "Caf\u00e9 Ltd \\x28Paris\\x29"),
)


class Shown(unittest.TestCase):
    ADDRESSES = [f"10.0.{n}.1" for n in range(1, HOPS)] + [V4]
    FILES = {"db": database({f"{address}/32": record(64496 + at, EVIL[at][0], "DE")
                             for at, address in enumerate(ADDRESSES)})}
    WORDS = ("--as-names", "--country", "--asn-db", "FOLDER/db")

    def test_text(self):
        for program in ("paris-traceroute", "mda"):
            result = run((program, "-n", "-q", "1", *self.WORDS, V4), files=self.FILES)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assertRegex(result.stdout, r"\A[ -~\n\u00e9]*\Z")
            for at, address in enumerate(self.ADDRESSES):
                self.assertIn(f" {address} [AS{64496 + at} {EVIL[at][1]}] [DE]  ",
                              result.stdout)

    def test_json(self):
        for program in ("paris-traceroute", "mda"):
            result = run((program, "-n", "-q", "1", "--format", "json", *self.WORDS, V4),
                         files=self.FILES)
            self.assertRegex(result.stdout, r"\A[ -~]*\n\Z")
            nodes = [probe for _, probe in paris.answers(result.json)] \
                if program == "paris-traceroute" \
                else [dict(node, **{"from": node["addr"]}) for node in result.json["nodes"]
                      if node["kind"] in ("router", "target")]
            self.assertEqual({node["from"]: (node["asn"], node["country"])
                              for node in nodes},
                             {address: ([64496 + at], "DE")
                              for at, address in enumerate(self.ADDRESSES)})
            for node in nodes:
                name = EVIL[self.ADDRESSES.index(node["from"])][0]
                self.assertEqual(node["as_name"], name[:255].replace("\udcff", "\ufffd"))

    def test_csv(self):
        """No name of an AS is a formula, and none a second field or line."""
        result = run(["paris-traceroute", "-n", "-q", "1", "-w", "5", "--format", "csv",
                      *self.WORDS, V4], files=self.FILES)
        self.assertEqual((result.returncode, result.stderr), (0, ""), result)
        rows = other_formats.csv_rows(result.stdout)
        self.assertEqual([row["from"] for row in rows], self.ADDRESSES)
        for at, row in enumerate(rows):
            self.assertEqual((row["asn"], row["country"]), (str(64496 + at), "DE"))
            self.assertNotRegex(row["as_name"], r"\A[-=+@ ]|[;\0-\x1f\x7f]")
        self.assertEqual(rows[2]["as_name"][:8], "\\x3dcmd|")

    def test_what_is_not_known(self):
        """Of an AS nobody knows: an empty list; what could not be learned: null."""
        files = {"db": database({"10.0.1.0/24": record(1), "10.0.2.0/24": {"x": "y"}}),
                 "broken": b"no database at all"}
        words = ("paris-traceroute", "-n", "-q", "1", "-m", "3", "--format", "json", "-A",
                 "--country", "--asn-db")
        good = run((*words, "FOLDER/db", V4), files=files)
        self.assertEqual([(probe["asn"], probe["country"])
                          for _, probe in paris.answers(good.json)],
                         [([1], None), ([], None), ([], None)])
        broken = run((*words, "FOLDER/broken", V4), files=files)
        self.assertEqual([(probe["asn"], probe["country"])
                          for _, probe in paris.answers(broken.json)], [(None, None)] * 3)
        self.assertIn("paris-names: --asn-db: this is no MaxMind DB file", broken.stderr)
        self.assertNotIn("asn", run((*words[:-3], V4)).stdout)

    def test_zones(self):
        """Through the name servers of --resolver, with names and countries."""
        zones = {"1.1.0.10.origin.asn.cymru.com": b"64496 | 10.0.0.0/8 | DE | ripencc |".hex(),
                 "as64496.asn.cymru.com": b"64496 | DE | ripencc | | EXAMPLE, DE".hex(),
                 "1.2.0.10.origin.asn.cymru.com": b"64497 64498 | 10.0.0.0/8 | FR |".hex()}
        words = ("paris-traceroute", "-n", "-q", "1", "-m", "3", "--as-source", "dns",
                 "--country", "--resolver", "RESOLVER")
        result = run((*words, "--as-names", V4), zones=zones)
        self.assertEqual(hops(result.stdout), [
            "10.0.1.1 [AS64496 EXAMPLE, DE] [DE]", "10.0.2.1 [AS64497/AS64498] [FR]",
            "10.0.3.1 [*] [*]"])
        result = run((*words, V4), zones=zones)
        self.assertEqual(hops(result.stdout), ["10.0.1.1 [DE]", "10.0.2.1 [FR]",
                                               "10.0.3.1 [*]"])

    def test_two_files(self):
        files = {"as": database({"10.0.0.0/8": record(1, "one", "DE")}),
                 "places": database({"10.0.1.0/24": {"country": {"iso_code": "FR"}}})}
        result = run(("paris-traceroute", "-n", "-A", "-q", "1", "-m", "2", "--country",
                      "--asn-db", "FOLDER/as", "--country-db", "FOLDER/places", V4),
                     files=files)
        self.assertEqual(hops(result.stdout), ["10.0.1.1 [AS1] [FR]", "10.0.2.1 [AS1] [*]"])


class Files(unittest.TestCase):
    def test_wrong_ones(self):
        """Wrong usage, told in one line, before anything is sent."""
        folder = paris.temporary_folder()
        (folder / "empty").touch()
        (folder / "secret").write_bytes(b"x")
        (folder / "secret").chmod(0)
        for name, why in (("nothing", "No such file"), ("", "it is no regular file"),
                          ("empty", "it is empty"), ("secret", "Permission denied for uid")):
            for option, also in (("--asn-db", ("-A",)),
                                 ("--country-db", ("--country",))):
                result = paris.run("paris-traceroute", *also, option, folder / name,
                                   "127.0.0.1")
                self.assertEqual((result.returncode, result.stdout), (2, ""), result)
                self.assertRegex(result.stderr, rf"\Aparis-traceroute: {option}: cannot "
                                 rf"use '[!-~]+': {why}[^\n]*\n\Z")
        # What is not needed is not opened.
        result = paris.run("paris-traceroute", "--explain", "--asn-db", "/nonexistent",
                           "127.0.0.1")
        self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_cut_short(self):
        """A file of which pages go while it is mapped ends paris-names, not the traces."""
        for option, wanted, member, known in (
                ("--asn-db", "-A", "asn", [64496]),
                ("--country-db", "--country", "country", "DE")):
            path = paris.temporary_folder() / "database"
            path.write_bytes(database({"10.0.0.0/8": record(64496, country="DE")}))
            path.chmod(0o666)
            result = paris.fakeroute(
                TOPOLOGY, sys.executable, "-c", CUTS, path, "10.0.1.1", V4,
                *paris.started_with(["paris-traceroute", "-n", "-w", "20", wanted, option, path,
                                     "--format", "json", "--targets", "-"]))
            self.assertEqual(result.returncode, 0, result)
            first, second = map(json.loads, result.stdout.splitlines())
            self.assertEqual([probe[member] for _, probe in paris.answers(first)], 3 * [known])
            self.assertEqual({(ttl, probe["from"]) for ttl, probe in paris.answers(second)},
                             {(ttl, f"10.0.{ttl}.1") for ttl in range(1, HOPS)} | {(HOPS, V4)})
            self.assertEqual([probe[member] for ttl, probe in paris.answers(second)
                              if ttl == HOPS], 3 * [None], result)
            self.assertEqual(
                result.stderr, f"paris-names: {option}: the file was cut short while it was "
                "in use, or cannot be read any more; replace such a file, do not write into "
                "it\nparis-traceroute: paris-names ended early (exit status 3); going on "
                "without names\n")


if __name__ == "__main__":
    unittest.main()
