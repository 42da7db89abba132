"""Whose an address is, as paris-names finds it out for a tool: from whois servers, from
Team Cymru's zones and from MaxMind DB files, honest ones and others."""

import random
import shutil
import socket
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import dns_server as dns  # noqa: E402
import mmdb_file as mmdb  # noqa: E402
import paris  # noqa: E402
import test_names as tn  # noqa: E402
import whois_server as whois  # noqa: E402
from test_names import FAILED, NOT_FOUND, OK, TIMEOUT  # noqa: E402

V4, V6 = "192.0.2.1", "2001:db8::1"
NONE = (b"", b"")  # no country, no name
TXT = 16


class Whois(tn.NamesTest):
    def start_whois(self, table=None, default=whois.nobody, servers="127.0.0.1:1",
                    name="127.0.0.1", **options):
        self.whois = whois.WhoisServer(
            {address.encode(): reply for address, reply in (table or {}).items()}, default)
        self.whois.__enter__()
        self.addCleanup(self.whois.stop)
        return self.start_with(servers, source=tn.WHOIS, whois=(name, self.whois.port),
                               **options)

    def test_honest(self):
        """The numbers of the longest prefix, in their order, each once."""
        table = {
            V4: (whois.is_routed("192.0.2.0/24", 64496), [64496]),
            V6: (whois.is_routed("2001:db8::/32", 64497), [64497]),
            "192.0.2.2": (whois.nobody, None),
            "192.0.2.3": (whois.says(
                whois.route("192.0.0.0/16", 1), whois.route("192.0.2.0/24", 2, 3, 2),
                whois.route("192.0.0.0/8", 4), whois.route("192.0.2.0/24", 5)), [2, 3, 5]),
            "192.0.2.4": (whois.says(*(bytes([byte]) for byte in
                                       whois.route("192.0.2.0/24", 4294967295))),
                          [4294967295]),
            "192.0.2.5": (whois.says(b"route: 192.0.2.0/24\r\norigin:\tas7 # seven"), [7]),
            "192.0.2.6": (whois.says(b"origin: AS8\n"), [8]),
        }
        names = self.start_whois({address: reply for address, (reply, _) in table.items()})
        for address, (_, numbers) in table.items():
            self.assertEqual(names.whose(address),
                             (NOT_FOUND if numbers is None else OK, numbers or [], *NONE))
        self.assertEqual(self.whois.asked, [address.encode() for address in table])
        # Each is asked once.
        self.assertEqual(names.whose(V4), (OK, [64496], *NONE))
        self.assertEqual(len(self.whois.asked), len(table))

    def test_hostile(self):
        """Nothing but numbers comes through, and not too many."""
        good = b"route: 192.0.2.0/24\norigin: AS1\n"
        table = {
            "192.0.2.1": (b"origin: AS\x1b[31m5\norigin: \x1b]0;owned\x07\n" + good, [1]),
            "192.0.2.2": (b"origin: AS4294967296\norigin: AS-1\norigin: AS1.10\n" + good +
                          b"origin: AS" + b"9" * 4000 + b"\norigin:\norigin: AS\n", [1]),
            "192.0.2.3": (b"x" * 20000 + b"\norigin: AS7\0AS8\n", [7]),
            "192.0.2.4": (b"\n\n\r\n\0\0\n:\norigin\n" + good + b"\xff\xfe\n", [1]),
            "192.0.2.5": (b"route: 192.0.2.0/99999999999\norigin: AS2\n" + good, [1]),
            "192.0.2.6": (b"x" * 1100 + b"origin: AS2\n" + good, [1]),
            "192.0.2.7": (whois.route("192.0.2.0/24", *range(1, 2000)), list(range(1, 17))),
            "192.0.2.8": (bytes(range(256)) * 100, []),
            "192.0.2.9": (b"", []),
        }
        names = self.start_whois(
            {address: whois.says(reply) for address, (reply, _) in table.items()})
        for address, (_, numbers) in table.items():
            with self.subTest(address):
                self.assertEqual(names.whose(address),
                                 (OK if numbers else NOT_FOUND, numbers, *NONE))

    def test_endless_answer(self):
        """What comes first counts; the rest is not waited for."""
        names = self.start_whois(default=whois.endless(whois.route("192.0.2.0/24", 1)),
                                 timeout_ms=60000)
        self.assertEqual(names.whose(V4), (OK, [1], *NONE))

    def test_silent_and_slow(self):
        """None is waited for longer than names are, and names are not held up."""
        self.server = dns.DnsServer({(tn.arpa(V4), dns.PTR): dns.ptr(b"router")})
        self.server.__enter__()
        self.addCleanup(self.server.stop)
        # So long that even under valgrind four are asked before it is over.
        patience = 9000 if paris.VARIANT == "valgrind" else 5000
        for reply in (whois.silent, whois.endless(b"", b"x", 0.05)):
            names = tn.Names(self.server.address, timeout_ms=patience, source=tn.WHOIS,
                             whois=("127.0.0.1", self.begin(reply)))
            begun = time.monotonic()
            for number in range(50):
                names.ask_whose(number, f"192.0.2.{number}")
            self.assertEqual(names.reverse(V4), (OK, b"router"))
            self.assertEqual(sorted(names.answer() for _ in range(50)),
                             [(number, TIMEOUT, ([], *NONE)) for number in range(50)])
            self.assertGreaterEqual(time.monotonic() - begun, 0.6)
            status, said = names.end()
            self.assertEqual((status, said.count(b"\n")), (0, 1))
            self.assertIn(b"no answer in time", said)

    def begin(self, reply):
        server = whois.WhoisServer(default=reply)
        server.__enter__()
        self.addCleanup(server.stop)
        return server.port

    def test_reset_and_refused(self):
        """Nothing could be learned, and it is said once."""
        # A port that is held, at which nobody listens: no other test gets it.
        held = socket.socket()
        self.addCleanup(held.close)
        held.bind(("127.0.0.1", 0))
        for port, reason in ((self.begin(whois.reset), b"Connection reset by peer"),
                             (held.getsockname()[1], b"Connection refused")):
            names = tn.Names("127.0.0.1:1", source=tn.WHOIS, whois=("127.0.0.1", port))
            for address in (V4, V6, V4):
                self.assertEqual(names.whose(address), (FAILED, [], *NONE))
            status, said = names.end()
            self.assertEqual((status, said.count(b"\n")), (0, 1))
            self.assertIn(b"whois server 127.0.0.1, port %d: %s" % (port, reason), said)

    def test_a_few_at_once(self):
        names = self.start_whois(default=whois.says(
            whois.route("192.0.2.0/24", 1), b"\n", pause=0.02), timeout_ms=60000)
        for number in range(40):
            names.ask_whose(number, f"192.0.2.{number}")
        self.assertEqual(sorted(names.answer() for _ in range(40)),
                         [(number, OK, ([1], *NONE)) for number in range(40)])
        self.assertEqual(len(self.whois.asked), 40)
        self.assertLessEqual(self.whois.most_at_once, 4)

    def test_server_by_name(self):
        """Looked up once; an address at which nobody listens gives way to the next."""
        with dns.DnsServer({(b"whois.example", dns.A): dns.a("127.0.0.77", "127.0.0.1")}) \
                as resolver:
            names = self.start_whois(default=whois.is_routed("192.0.2.0/24", 1),
                                     servers=resolver.address, name="WHOIS.example")
            for number in range(3):
                names.ask_whose(number, f"192.0.2.{number}")
            self.assertEqual(sorted(names.answer() for _ in range(3)),
                             [(number, OK, ([1], *NONE)) for number in range(3)])
            self.assertEqual(names.whose("192.0.2.9"), (OK, [1], *NONE))
            self.assertEqual(resolver.asked(b"whois.example"), 2)  # A and AAAA

    def test_server_without_address(self):
        """Each question tries again: it may come back."""
        table = {(b"whois.example", kind): dns.rcode(dns.SERVFAIL)
                 for kind in (dns.A, dns.AAAA)}
        with dns.DnsServer(table) as resolver, \
                whois.WhoisServer(default=whois.is_routed("192.0.2.0/24", 1)) as server:
            names = tn.Names(resolver.address, source=tn.WHOIS,
                             whois=("whois.example", server.port))
            for address in (V4, V6):
                self.assertEqual(names.whose(address), (FAILED, [], *NONE))
            resolver.table[b"whois.example", dns.A] = dns.a("127.0.0.1")
            self.assertEqual(names.whose(V4), (OK, [1], *NONE))
            status, said = names.end()
            self.assertEqual((status, said.count(b"\n")), (0, 1))
            self.assertIn(b"the name servers failed to answer", said)
            names = tn.Names(resolver.address, source=tn.WHOIS, whois=("no.example", 43))
            for address in (V4, V6):
                self.assertEqual(names.whose(address), (NOT_FOUND, [], *NONE))
            self.assertIn(b"whois server no.example, port 43: no such name", names.end()[1])

    def test_ends_with_questions_open(self):
        names = self.start_whois(default=whois.silent, timeout_ms=60000)
        for number in range(30):
            names.ask_whose(number, f"192.0.2.{number}")
        paris.wait_for(lambda: len(self.whois.asked) == 4, 10, "not asked")


def texts(*strings):
    """TXT records, each of one string."""
    return dns.records(*(dns.rr(TXT, bytes([len(text)]) + text) for text in strings))


def zone(address):
    name = tn.arpa(address)
    return name.replace(b".in-addr.arpa", b".origin.asn.cymru.com").replace(
        b".ip6.arpa", b".origin6.asn.cymru.com"), TXT


def as_zone(number):
    return b"as%d.asn.cymru.com" % number, TXT


class Zones(tn.NamesTest):
    said = rb"\A\Z"

    def end_well(self, names):
        status, said = names.end()
        self.assertEqual(status, 0)
        self.assertRegex(said, self.said)

    def check(self, replies, **options):
        """replies: {address: (reply, what is found)}"""
        names = self.start({zone(address): reply for address, (reply, _) in replies.items()},
                           source=tn.DNS, **options)
        for address, (_, found) in replies.items():
            with self.subTest(address):
                self.assertEqual(names.whose(address), found)

    def test_honest(self):
        self.check({
            V4: (texts(b"64496 | 192.0.2.0/24 | US | arin | 2001-01-01"),
                 (OK, [64496], b"US", b"")),
            V6: (texts(b"64497 | 2001:db8::/32 | de | ripencc |"),
                 (OK, [64497], b"DE", b"")),
            "192.0.2.2": (dns.rcode(dns.NXDOMAIN), (NOT_FOUND, [], *NONE)),
            "192.0.2.3": (texts(b"1 | 192.0.0.0/16 | US | arin | x", b"2 3 | 192.0.2.0/24 | FR",
                                b"4 | 192.0.0.0/8 | IT | x"), (OK, [2, 3], b"FR", b"")),
            "192.0.2.4": (dns.cname_then((b"x", b"example"), dns.rr(
                TXT, b"\x05 5 | \x0a192.0.2/24")), (OK, [5], *NONE)),
            "192.0.2.5": (dns.truncated(texts(b"6 | 192.0.2.0/24")), (OK, [6], *NONE)),
        })

    def test_hostile(self):
        # Of several answers that are none, once.
        self.said = rb"\Aparis-names: cannot ask the zones of --as-source dns: [^;\n]+; [^\n]+\n\Z"
        self.check({
            "192.0.2.1": (texts(b"\x1b[31m | 192.0.2.0/24 | \x1b[ | \n |"),
                          (NOT_FOUND, [], *NONE)),
            "192.0.2.2": (texts(b"1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 | /1"),
                          (OK, list(range(1, 17)), *NONE)),
            "192.0.2.3": (texts(b"1\0 | 192.0.2.0/24 | US", b"||||||||", b"", b"|", b"1"),
                          (NOT_FOUND, [], *NONE)),
            "192.0.2.4": (dns.cut(texts(b"1 | 192.0.2.0/24 | US"), 3),
                          (FAILED, [], *NONE)),
            "192.0.2.5": (dns.raw_rdata(TXT, b"\x20short"), (FAILED, [], *NONE)),
            # A name that is its own canonical name, and a chain that bites its tail.
            "192.0.2.6": (dns.records(dns.rr(dns.CNAME, b"\xc0\x0c")),
                          (NOT_FOUND, [], *NONE)),
            "192.0.2.7": (dns.records(
                dns.rr(dns.CNAME, dns.pack_name(b"a")),
                dns.rr(dns.CNAME, dns.pack_name(b"b"), owner=dns.pack_name(b"a")),
                dns.rr(dns.CNAME, dns.pack_name(b"a"), owner=dns.pack_name(b"b"))),
                          (NOT_FOUND, [], *NONE)),
            "192.0.2.8": (dns.raw_rdata(TXT, (b"\xff" + b"9" * 255) * 40),
                          (NOT_FOUND, [], *NONE)),
            "192.0.2.9": (texts(b"4294967296 99999999999999999999 7 | /999999999999 | USA"),
                          (OK, [7], *NONE)),
            "192.0.2.10": (dns.rcode(dns.SERVFAIL), (FAILED, [], *NONE)),
            "192.0.2.11": (dns.silent(), (TIMEOUT, [], *NONE)),
        }, timeout_ms=3000)

    def test_names_of_as(self):
        """They take a question more, which may fail or never end: no AS is lost by it."""
        table = {zone(f"192.0.2.{last}"): texts(b"%d | 192.0.2.0/24 | US" % last)
                 for last in range(1, 7)}
        table |= {
            as_zone(1): texts(b"1 | US | arin | 2001-01-01 | EXAMPLE, US"),
            as_zone(2): texts(b"2 | | | | \x1b[31mevil | bars\n\xff"),
            as_zone(3): texts(b"3 | US"),
            as_zone(4): dns.silent(),
            as_zone(5): texts(b"5 | US | arin | | " + b"n" * 230),
        }
        names = self.start(table, source=tn.DNS, as_names=True, timeout_ms=3000)
        for number, name in ((1, b"EXAMPLE, US"), (2, b"\x1b[31mevil | bars\n\xff"),
                             (3, b""), (4, b""), (5, b"n" * 230), (6, b"")):
            self.assertEqual(names.whose(f"192.0.2.{number}"), (OK, [number], b"US", name))


def maxmind(number, name=None, country=None):
    """A record as GeoLite2 has it."""
    record = {"autonomous_system_number": mmdb.Uint32(number)}
    if name is not None:
        record["autonomous_system_organization"] = name
    if country is not None:
        record["country"] = {"geoname_id": 1, "iso_code": country,
                             "names": {"de": "so", "en": "such"}}
    return record


def ipinfo(number, name, country):
    """A record as IPinfo Lite has it."""
    return {"as_domain": "example.net", "as_name": name, "asn": f"AS{number}",
            "continent": "North America", "continent_code": "NA",
            "country": "United States", "country_code": country}


TABLE = {
    "192.0.2.0/25": maxmind(64496, "Example Ltd"), "192.0.2.128/25": maxmind(4294967295),
    "10.0.0.0/8": ipinfo(64498, "Inc. (of a test)", "US"),
    "2001:db8::/32": maxmind(64499, "Sechs", "DE"),
    "2001:db9::1/128": {"asn": "AS64500", "name": "of asn.mmdb", "country": "FR"},
    "198.51.100.0/24": {"country": {"iso_code": "IT"}},
    "203.0.113.0/24": {"autonomous_system_number": "no number", "as_name": 7,
                       "country_code": ["x"], "country": 3},
}
# {address: (status, AS, country, name)}
FOUND = {
    "192.0.2.1": (OK, [64496], b"", b"Example Ltd"),
    "192.0.2.255": (OK, [4294967295], b"", b""),
    "10.9.8.7": (OK, [64498], b"US", b"Inc. (of a test)"),
    "2001:db8:ffff::1": (OK, [64499], b"DE", b"Sechs"),
    "2001:db9::1": (OK, [64500], b"FR", b"of asn.mmdb"),
    "2001:db9::2": (NOT_FOUND, [], b"", b""), "11.0.0.1": (NOT_FOUND, [], b"", b""),
    "198.51.100.1": (NOT_FOUND, [], b"IT", b""), "203.0.113.1": (NOT_FOUND, [], b"", b""),
}


class Databases(tn.NamesTest):
    def begin(self, *contents, databases=1, source=tn.DATABASE):
        folder = paris.temporary_folder()
        paths = []
        for number, content in enumerate(contents):
            paths.append(folder / f"{number}.mmdb")
            paths[-1].write_bytes(content)
        return tn.Names("127.0.0.1:1", source=source, databases=databases, files=paths)

    def check(self, names, found, status=0):
        for address, expected in found.items():
            with self.subTest(address):
                self.assertEqual(names.whose(address), expected)
        ended, said = names.end()
        self.assertEqual(ended, status)
        return said

    def test_honest(self):
        for bits in (24, 28, 32):
            for share in (True, False):
                names = self.begin(mmdb.write(TABLE, bits, share=share))
                self.assertEqual(self.check(names, FOUND), b"")

    def test_trie_of_ipv4(self):
        table = {prefix: record for prefix, record in TABLE.items() if ":" not in prefix}
        names = self.begin(mmdb.write(table, 24, ip_version=mmdb.Uint16(4)))
        found = {address: FOUND[address] if ":" not in address else (NOT_FOUND, [], *NONE)
                 for address in FOUND}
        self.assertEqual(self.check(names, found), b"")

    def test_far_pointers(self):
        """Of each of their four lengths."""
        for size, target in ((0, 200), (1, 2048), (1, 100000), (2, 526336), (3, 600000)):
            record = mmdb.Data(share=False).field({
                "autonomous_system_number": mmdb.Uint32(5),
                "autonomous_system_organization": mmdb.Raw(mmdb.pointer(target, size))}, 0)
            record += bytes(target - len(record)) + mmdb.Data().field("far", 0)
            names = self.begin(self.one(mmdb.Raw(record)))
            self.assertEqual(self.check(names, {V4: (OK, [5], b"", b"far")}), b"")

    def test_oracle(self):
        """libmaxminddb's own tool reads the files of these tests, and the same there."""
        tool = shutil.which("mmdblookup")
        if tool is None:
            self.skipTest("there is no mmdblookup (make deps-ci installs it)")
        folder = paris.temporary_folder()
        for bits in (24, 28, 32):
            (folder / "a.mmdb").write_bytes(mmdb.write(TABLE, bits))
            for address, (_, numbers, _, name) in FOUND.items():
                done = subprocess.run(
                    [tool, "-f", folder / "a.mmdb", "-i", address], text=True,
                    capture_output=True)
                for value in [str(number) for number in numbers] + [name.decode()]:
                    self.assertIn(value, done.stdout)

    def test_two_files(self):
        """Numbers of the first, countries of the second, whatever else they have."""
        numbers = mmdb.write({"192.0.2.0/24": maxmind(1, "one", "DE"),
                              "10.0.0.0/8": maxmind(2, "two", "DE")})
        countries = mmdb.write({"192.0.2.0/24": maxmind(3, "three", "FR"),
                                "11.0.0.0/8": {"registered_country": {"iso_code": "it"}}})
        found = {V4: (OK, [1], b"FR", b"one"), "10.0.0.1": (OK, [2], b"", b"two"),
                 "11.0.0.1": (NOT_FOUND, [], b"IT", b""),
                 "12.0.0.1": (NOT_FOUND, [], b"", b"")}
        self.assertEqual(self.check(self.begin(numbers, countries, databases=3), found), b"")
        # Countries alone.
        names = self.begin(countries, databases=2, source=tn.NOBODY)
        self.assertEqual(self.check(names, {
            V4: (OK, [], b"FR", b""), "10.0.0.1": (NOT_FOUND, [], b"", b"")}), b"")

    def test_country_beside_another_source(self):
        with whois.WhoisServer(default=whois.is_routed("192.0.2.0/24", 7)) as server, \
                dns.DnsServer({zone(V4): texts(b"8 | 192.0.2.0/24 | US")}) as resolver:
            folder = paris.temporary_folder()
            (folder / "db").write_bytes(mmdb.write({"192.0.2.0/24": maxmind(1, "x", "DE")}))
            for source, number in ((tn.WHOIS, 7), (tn.DNS, 8)):
                names = self.start_with(resolver.address, source=source, databases=2,
                                        files=[folder / "db"],
                                        whois=("127.0.0.1", server.port))
                self.assertEqual(names.whose(V4), (OK, [number], b"DE", b""))

    # What cannot be read at all: it is said, and no AS could be learned.
    UNUSABLE = {
        "no database": b"x" * 5000,
        "one byte": b"\0",
        "no metadata": mmdb.MARKER,
        "metadata cut": mmdb.write(TABLE)[:-5],
        "version 3": mmdb.write(TABLE, binary_format_major_version=mmdb.Uint16(3)),
        "no version": mmdb.write(TABLE, binary_format_major_version=None),
        "record size 25": mmdb.write(TABLE, record_size=mmdb.Uint16(25)),
        "record size 0": mmdb.write(TABLE, record_size=mmdb.Uint16(0)),
        "IPv5": mmdb.write(TABLE, ip_version=mmdb.Uint16(5)),
        "too many nodes": mmdb.write(TABLE, node_count=mmdb.Uint32(1 << 20)),
        "far too many nodes": mmdb.write(TABLE, node_count=mmdb.Uint32(0xffffffff)),
        "a text of nodes": mmdb.write(TABLE, node_count="7"),
        "metadata of a list": mmdb.write(TABLE)[:-1].rpartition(mmdb.MARKER)[0]
        + mmdb.MARKER + mmdb.Data().field([1, 2], 0),
        "metadata points to itself": mmdb.MARKER + mmdb.pointer(0),
        "a map without end": mmdb.MARKER + mmdb.control(mmdb.MAP, 1 << 24),
    }

    def test_unusable(self):
        for what, content in self.UNUSABLE.items():
            with self.subTest(what):
                names = self.begin(content)
                said = self.check(names, {V4: (FAILED, [], *NONE), V6: (FAILED, [], *NONE)})
                self.assertEqual(said.count(b"\n"), 1, said)
                self.assertIn(b"--asn-db: this is no MaxMind DB file", said)

    @staticmethod
    def one(record):
        """A file that has one record for all addresses."""
        return mmdb.write({"::/1": record}, share=False)

    def test_broken_inside(self):
        """Where the data are broken, no AS could be learned; it is said once."""
        deep = b"".join(mmdb.control(mmdb.ARRAY, 1) for _ in range(5000)) + b"\xa0"
        wide = mmdb.control(mmdb.ARRAY, 1 << 20) + b"\xa0" * 9000
        key = mmdb.control(mmdb.TEXT, 3)
        number = mmdb.Data().field({"autonomous_system_number": mmdb.Uint32(5)}, 0)[1:]
        for what, record in {
                "a pointer to itself": mmdb.pointer(0),
                "a pointer past the end": mmdb.pointer(1 << 26),
                "an unknown type": b"\x00\xff",
                "a text past the end": mmdb.control(mmdb.TEXT, 60000) + b"x"}.items():
            with self.subTest(what):
                names = self.begin(self.one(mmdb.Raw(record)))
                said = self.check(names, {V4: (FAILED, [], *NONE), V6: (FAILED, [], *NONE)})
                self.assertEqual(said.count(b"\n"), 1, said)
                self.assertIn(b"the file is broken, at least where it is about 192.0.2.1",
                              said)
        for what, before in {
                "far too deep": key + b"abc" + deep, "far too wide": key + b"abc" + wide,
                "a key that is none": b"\xa0\xa0",
                "a key that points to a pointer": mmdb.pointer(0)}.items():
            with self.subTest(what):
                names = self.begin(self.one(mmdb.Raw(
                    mmdb.control(mmdb.MAP, 2) + before + number)))
                self.check(names, {V4: (FAILED, [], *NONE)})
        # Beside what is odd but well-formed, the number is found.
        for what, before in {
                "every type": b"".join(key + b"ab%d" % n + value for n, value in enumerate((
                    mmdb.control(mmdb.BOOLEAN, 1), mmdb.control(mmdb.UINT128, 16) + bytes(16),
                    b"\x68" + bytes(8), b"\x04\x08" + bytes(4), b"\x04\x01" + bytes(4),
                    b"\x82ab", mmdb.control(mmdb.ARRAY, 2) + b"\xe0\xa0"))),
                }.items():
            with self.subTest(what):
                names = self.begin(self.one(mmdb.Raw(
                    mmdb.control(mmdb.MAP, 1 + before.count(key)) + before + number)))
                self.check(names, {V4: (OK, [5], *NONE)})

    def test_hostile_texts(self):
        """They arrive as they are, to be escaped by the tool, but with no NUL in them."""
        for name, expected in (("\x1b[31m\n\udcff", b"\x1b[31m\n\xff"), ("a\0b", b""),
                               ("", b""), ("n" * 300, b"n" * 255)):
            names = self.begin(self.one(maxmind(1, name, "Z\x1b")))
            self.check(names, {V4: (OK, [1], b"", expected)})

    def test_damaged_anywhere(self):
        """Whatever byte is wrong, an answer comes, and paris-names ends in order."""
        whole = mmdb.write(TABLE, 24)
        chance = random.Random(6)
        for _ in range(40 if tn.VARIANT == "release" else 10):
            damaged = bytearray(whole)
            for _ in range(chance.choice((1, 3, 50))):
                # Where most is decided: at the end.
                at = chance.choice((0, len(whole) // 2, len(whole) - 700))
                damaged[chance.randrange(at, len(whole))] = chance.randrange(256)
            names = self.begin(bytes(damaged[:chance.choice((len(whole), None, -3))]))
            for address in FOUND:
                self.assertIn(names.whose(address)[0], (OK, NOT_FOUND, FAILED))
            self.assertEqual(names.end()[0], 0)


if __name__ == "__main__":
    unittest.main()
