"""paris-names, driven through its channel as a tool does, against servers on loopback."""

import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import time
import unittest

import dns_server as dns

BUILD = os.path.abspath(os.environ.get("PARIS_BUILD", "build"))
VARIANT = os.environ.get("PARIS_VARIANT", "release")
PROGRAM = os.path.join(BUILD, "libexec/paris-traceroute/paris-names")
# What to start it with (valgrind and its options), by full path: it gets no PATH.
WRAP = os.environ.get("PARIS_WRAP", "").split()
if WRAP:
    WRAP[0] = shutil.which(WRAP[0]) or WRAP[0]
    # What it says is not what paris-names says.
    WRAP.append("--log-file=%s/valgrind.%%p" % os.environ.get("PARIS_LOGS", "/tmp"))
# Sanitizers and valgrind are slow; only upper bounds of time are stretched.
PATIENCE = 1 if VARIANT == "release" else 10

CONFIGURE, READY, REVERSE, FORWARD, NAME, ADDRS, WHOSE, ORIGIN = range(1, 9)
OK, NOT_FOUND, TIMEOUT, FAILED = range(4)
BOTH, V4, V6 = 0, 4, 6
NOBODY, DATABASE, WHOIS, DNS = range(4)  # who knows the AS


def text(data):
    return struct.pack("!H", len(data)) + data


def configuration(servers, timeout_ms, source=NOBODY, as_names=False, databases=0,
                  whois=("", 0)):
    """The body of CONFIGURE."""
    return text(servers) + struct.pack("!IBBBH", timeout_ms, source, as_names, databases,
                                       whois[1]) + text(whois[0].encode())


def addr(string):
    """An address as common/wire.h writes it."""
    if ":" in string:
        return struct.pack("!BI", 6, 0) + socket.inet_pton(socket.AF_INET6, string)
    return struct.pack("!BI", 4, 0) + socket.inet_aton(string) + bytes(12)


def read_text(data):
    """A text, and what follows it."""
    length, = struct.unpack_from("!H", data)
    return data[2:2 + length], data[2 + length:]


def read_addr(data):
    if data[0] == 6:
        return socket.inet_ntop(socket.AF_INET6, data[5:21])
    return socket.inet_ntoa(data[5:9])


def arpa(string):
    """The name of an address' PTR record."""
    if ":" not in string:
        return b".".join(reversed(string.encode().split(b"."))) + b".in-addr.arpa"
    nibbles = socket.inet_pton(socket.AF_INET6, string).hex()
    return ".".join(reversed(nibbles)).encode() + b".ip6.arpa"


class Names:
    """A running paris-names and our end of its channel."""

    def __init__(self, servers="", timeout_ms=20000, configure=True, files=(), **more):
        """files: paths of databases; `more` is for configuration()."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # Their own numbers may be those that they shall have there.
        opened = [os.open(path, os.O_RDONLY) for path in files]
        aside = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10)
                 for fd in (theirs.fileno(), *opened)]
        # A shell gives them those: subprocess has descriptors of its own meanwhile.
        moves = " ".join(f"{number}<&{fd} {fd}<&-" for number, fd in enumerate(aside, 3))
        self.process = subprocess.Popen(
            ["/bin/bash", "-c", f'exec "$@" {moves}', "bash", *WRAP, PROGRAM],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, pass_fds=aside,
            env={k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")})
        theirs.close()
        for fd in opened + aside:
            os.close(fd)
        self.socket = ours
        self.socket.settimeout(20)
        self.sent = self.received = 0
        if configure:
            self.send(CONFIGURE, configuration(servers.encode(), timeout_ms, **more))
            assert self.receive() == (READY, b""), "no NAMES_READY"

    def send(self, kind, body):
        self.socket.send(struct.pack("!BBHI", 1, kind, len(body), self.sent) + body)
        self.sent += 1

    def receive(self):
        """One message as (type, body), or None at the end."""
        record = self.socket.recv(4096)
        if not record:
            return None
        version, kind, length, sequence = struct.unpack_from("!BBHI", record)
        assert (version, length, sequence) == (1, len(record) - 8, self.received)
        self.received += 1
        return kind, record[8:]

    def ask_reverse(self, number, address):
        self.send(REVERSE, struct.pack("!I", number) + addr(address))

    def ask_forward(self, number, name, family=BOTH):
        self.send(FORWARD, struct.pack("!IB", number, family) + text(name))

    def ask_whose(self, number, address):
        self.send(WHOSE, struct.pack("!I", number) + addr(address))

    def answer(self):
        """One answer as (question, status, name or list of addresses, or for an origin
        (AS numbers, country, name of the AS))."""
        kind, body = self.receive()
        number, status = struct.unpack_from("!IB", body)
        if kind == ORIGIN:
            at = 6 + 4 * body[5]
            numbers = list(struct.unpack_from(f"!{body[5]}I", body, 6))
            country, body = read_text(body[at:])
            name, rest = read_text(body)
            assert rest == b""
            return number, status, (numbers, country, name)
        if kind == NAME:
            length, = struct.unpack_from("!H", body, 5)
            assert len(body) == 7 + length
            return number, status, body[7:]
        assert kind == ADDRS and len(body) == 6 + 21 * body[5]
        return number, status, [read_addr(body[at:]) for at in range(6, len(body), 21)]

    def reverse(self, address):
        self.ask_reverse(7, address)
        number, status, name = self.answer()
        assert number == 7
        return status, name

    def whose(self, address):
        """(status, AS numbers, country, name of the AS)"""
        self.ask_whose(9, address)
        number, status, origin = self.answer()
        assert number == 9
        return (status, *origin)

    def forward(self, name, family=BOTH):
        self.ask_forward(8, name, family)
        number, status, addrs = self.answer()
        assert number == 8
        return status, addrs

    def end(self):
        """Closes the channel; returns (exit status, what it said)."""
        self.socket.close()
        try:
            _, said = self.process.communicate(timeout=10 * PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise
        return self.process.returncode, said


class NamesTest(unittest.TestCase):
    """Ends every process it started and insists that it ended well."""

    def start(self, table=None, server_family=socket.AF_INET, default=None, **options):
        self.server = dns.DnsServer(table, server_family, default)
        self.server.__enter__()
        self.addCleanup(self.server.stop)
        return self.start_with(self.server.address, **options)

    def start_with(self, servers, **options):
        names = Names(servers, **options)
        self.addCleanup(self.end_well, names)
        return names

    def end_well(self, names):
        self.assertEqual(names.end(), (0, b""))


class Reverse(NamesTest):
    def test_both_families(self):
        names = self.start({
            (arpa("192.0.2.1"), dns.PTR): dns.ptr(b"router", b"example", b"net"),
            (arpa("2001:db8::1"), dns.PTR): dns.ptr(b"six", b"example"),
            (arpa("10.0.0.1"), dns.PTR): dns.ptr(b"private"),
            (arpa("fe80::1"), dns.PTR): dns.ptr(b"link", b"local"),
        })
        self.assertEqual(names.reverse("192.0.2.1"), (OK, b"router.example.net"))
        self.assertEqual(names.reverse("2001:db8::1"), (OK, b"six.example"))
        self.assertEqual(names.reverse("10.0.0.1"), (OK, b"private"))
        self.assertEqual(names.reverse("fe80::1"), (OK, b"link.local"))

    def test_no_name(self):
        names = self.start({
            (arpa("192.0.2.2"), dns.PTR): dns.no_data(),
            (arpa("192.0.2.3"), dns.PTR): dns.raw_rdata(dns.PTR, b"\0"),
            (arpa("192.0.2.4"), dns.PTR): dns.a("192.0.2.9"),
        })
        for last in range(1, 5):
            self.assertEqual(names.reverse("192.0.2.%d" % last), (NOT_FOUND, b""))

    def test_first_of_many_and_classless_delegation(self):
        names = self.start({
            (arpa("192.0.2.1"), dns.PTR): dns.records(
                dns.rr(dns.PTR, dns.pack_name(b"one")),
                dns.rr(dns.PTR, dns.pack_name(b"two"))),
            (arpa("192.0.2.2"), dns.PTR): dns.cname_then(
                (b"2", b"0-63", b"example"),
                dns.rr(dns.PTR, dns.pack_name(b"rfc2317", b"example"))),
            (arpa("192.0.2.3"), dns.PTR): dns.raw_rdata(
                dns.PTR, b"\x04host\xc0\x0c"),
        })
        self.assertEqual(names.reverse("192.0.2.1"), (OK, b"one"))
        self.assertEqual(names.reverse("192.0.2.2"), (OK, b"rfc2317.example"))
        self.assertEqual(
            names.reverse("192.0.2.3"), (OK, b"host.3.2.0.192.in-addr.arpa"))

    def test_cached_and_coalesced(self):
        name = arpa("192.0.2.1")
        names = self.start({(name, dns.PTR): dns.delayed(0.2, dns.ptr(b"once"))})
        for number in range(50):
            names.ask_reverse(number, "192.0.2.1")
        answers = [names.answer() for _ in range(50)]
        self.assertEqual(sorted(answers), [(n, OK, b"once") for n in range(50)])
        self.assertEqual(names.reverse("192.0.2.1"), (OK, b"once"))
        self.assertEqual(self.server.asked(name), 1)

    def test_server_of_ipv6(self):
        names = self.start({(arpa("192.0.2.1"), dns.PTR): dns.ptr(b"via", b"six")},
                           server_family=socket.AF_INET6)
        self.assertEqual(names.reverse("192.0.2.1"), (OK, b"via.six"))

    def test_long_answer_over_tcp(self):
        names = self.start({
            (arpa("192.0.2.1"), dns.PTR): dns.truncated(dns.ptr(b"over", b"tcp"))})
        self.assertEqual(names.reverse("192.0.2.1"), (OK, b"over.tcp"))
        self.assertIn((arpa("192.0.2.1"), dns.PTR, True), self.server.queries)


class Forward(NamesTest):
    TABLE = {
        (b"four.example", dns.A): dns.a("192.0.2.1", "192.0.2.2"),
        (b"six.example", dns.AAAA): dns.aaaa("2001:db8::1"),
        (b"both.example", dns.A): dns.delayed(0.1, dns.a("192.0.2.3")),
        (b"both.example", dns.AAAA): dns.aaaa("2001:db8::3"),
        (b"alias.example", dns.A): dns.cname_then(
            (b"four", b"example"),
            dns.rr(dns.A, b"\xc0\0\2\4", dns.pack_name(b"four", b"example"))),
        (b"many.example", dns.A): dns.a(*["192.0.2.%d" % n for n in range(1, 30)]),
        (b"half.example", dns.A): dns.a("192.0.2.5"),
        (b"half.example", dns.AAAA): dns.silent(),
        (b"short.example", dns.A): dns.raw_rdata(dns.A, b"\xc0\0\2"),
    }

    def test_families(self):
        names = self.start(self.TABLE)
        four = ["192.0.2.1", "192.0.2.2"]
        self.assertEqual(names.forward(b"four.example"), (OK, four))
        self.assertEqual(names.forward(b"FOUR.example.", V4), (OK, four))
        self.assertEqual(names.forward(b"four.example", V6), (NOT_FOUND, []))
        self.assertEqual(names.forward(b"six.example"), (OK, ["2001:db8::1"]))
        self.assertEqual(names.forward(b"nobody.example"), (NOT_FOUND, []))
        self.assertEqual(names.forward(b"alias.example", V4), (OK, ["192.0.2.4"]))

    def test_ipv4_first_whichever_comes_first(self):
        names = self.start(self.TABLE)
        self.assertEqual(
            names.forward(b"both.example"), (OK, ["192.0.2.3", "2001:db8::3"]))

    def test_bounded(self):
        names = self.start(self.TABLE)
        status, addrs = names.forward(b"many.example", V4)
        self.assertEqual((status, len(addrs)), (OK, 16))

    def test_broken_address(self):
        names = self.start(self.TABLE)
        self.assertEqual(names.forward(b"short.example", V4), (FAILED, []))

    def test_one_family_never_answers(self):
        names = self.start(self.TABLE, timeout_ms=3000)
        self.assertEqual(names.forward(b"half.example"), (OK, ["192.0.2.5"]))

    def test_without_a_server(self):
        names = self.start_with("127.0.0.1:1")
        self.assertEqual(names.forward(b"192.0.2.1"), (OK, ["192.0.2.1"]))
        self.assertEqual(names.forward(b"2001:db8::1", V6), (OK, ["2001:db8::1"]))
        self.assertEqual(names.forward(b"2001:db8::1", V4), (NOT_FOUND, []))
        self.assertEqual(names.forward(b"localhost", V4), (OK, ["127.0.0.1"]))
        self.assertEqual(names.forward(b"a.LOCALHOST.", V6), (OK, ["::1"]))
        status, addrs = names.forward(b"x.localhost")
        self.assertEqual((status, addrs), (OK, ["127.0.0.1", "::1"]))

    def test_odd_names(self):
        names = self.start(default=dns.rcode(dns.NXDOMAIN))
        for name in (b".", b"..", b"a..b", b"x" * 64, b"y." * 127, b"%eth0",
                     b"fe80::1%lo", b"\xff\xfe\x1b[31m", b"a\\", b"\\300", b" "):
            status, addrs = names.forward(name)
            self.assertIn(status, (NOT_FOUND, FAILED), name)
            self.assertEqual(addrs, [])


class Hostile(NamesTest):
    def test_bytes_arrive_as_they_came(self):
        labels = [b"\x1b[31mred", b"line\nfeed", b'"quoted\\"', b"\xff\xfe\xc3(",
                  b"caf\xc3\xa9", b"with.dot", b"\x9b2J", b"\xe2\x80\xae", b"a" * 63]
        table = {(arpa("192.0.2.%d" % n), dns.PTR): dns.ptr(label, b"example")
                 for n, label in enumerate(labels)}
        names = self.start(table)
        for n, label in enumerate(labels):
            self.assertEqual(
                names.reverse("192.0.2.%d" % n), (OK, label + b".example"))

    def test_malformed_answers(self):
        name = lambda n: (arpa("192.0.2.%d" % n), dns.PTR)
        names = self.start({
            name(1): dns.ptr(b"nul\0inside"),
            name(2): dns.raw_rdata(dns.PTR, b"\xc0\x2b"),  # points at itself
            name(3): dns.raw_rdata(dns.PTR, b"\x01a\xc0\x2b"),  # grows in a loop
            name(4): dns.raw_rdata(dns.PTR, b"\xff\xff"),  # beyond the message
            name(5): dns.raw_rdata(dns.PTR, b"\x3fshort"),
            name(6): dns.raw_rdata(dns.PTR, b"\x40reserved\0"),
            name(7): dns.cut(dns.ptr(b"cut", b"short"), 5),
            name(8): dns.raw_rdata(dns.PTR, dns.pack_name(*[b"z" * 63] * 5)),
            name(9): lambda q: [q.answer(count=65535)],
            name(10): dns.rcode(dns.SERVFAIL),
            name(11): dns.rcode(dns.REFUSED),
        })
        for n in range(1, 12):
            self.assertEqual(names.reverse("192.0.2.%d" % n), (FAILED, b""), n)

    def test_unrelated_answers_are_ignored(self):
        right = dns.ptr(b"right")
        names = self.start({
            (arpa("192.0.2.1"), dns.PTR): dns.wrong_id(right),
            (arpa("192.0.2.2"), dns.PTR): dns.wrong_id(right, then_right=True),
            (arpa("192.0.2.3"), dns.PTR): dns.garbage(b""),
            (arpa("192.0.2.4"), dns.PTR): dns.garbage(bytes(range(256))),
        }, timeout_ms=6000)
        for n in range(1, 5):
            names.ask_reverse(n, "192.0.2.%d" % n)
        answers = {number: (status, name) for number, status, name in
                   [names.answer() for _ in range(4)]}
        self.assertEqual(answers.pop(2), (OK, b"right"))
        for status, name in answers.values():
            self.assertIn(status, (TIMEOUT, FAILED))
            self.assertEqual(name, b"")

    def test_tcp_server_that_hangs_up(self):
        names = self.start({(arpa("192.0.2.1"), dns.PTR): dns.hang_up},
                           timeout_ms=1000)
        status, _ = names.reverse("192.0.2.1")
        self.assertIn(status, (TIMEOUT, FAILED))


class Time(NamesTest):
    def test_dead_server_is_bounded(self):
        names = self.start(default=dns.silent(), timeout_ms=5000)
        start = time.monotonic()
        names.ask_reverse(1, "192.0.2.1")
        names.ask_forward(2, b"nobody.example")
        answers = sorted(names.answer() for _ in range(2))
        elapsed = time.monotonic() - start
        self.assertEqual(answers, [(1, TIMEOUT, b""), (2, TIMEOUT, [])])
        # Not once a try, nor once a question.
        self.assertLess(elapsed, 5 + 4.9 * PATIENCE)
        self.assertGreater(elapsed, 3)

    def test_many_dead_servers_are_bounded(self):
        servers = [dns.DnsServer(default=dns.silent()) for _ in range(8)]
        for server in servers:
            server.__enter__()
            self.addCleanup(server.stop)
        names = self.start_with(",".join(s.address for s in servers), timeout_ms=2000)
        start = time.monotonic()
        for number in range(1000):
            names.ask_reverse(number, "10.0.%d.%d" % divmod(number, 256))
        answers = [names.answer() for _ in range(1000)]
        # Not once a server.
        self.assertLess(time.monotonic() - start, 2 + 10 * PATIENCE)
        self.assertEqual({status for _, status, _ in answers}, {TIMEOUT})
        self.assertEqual(len({number for number, _, _ in answers}), 1000)

    def test_second_server_takes_over(self):
        dead = dns.DnsServer(default=dns.silent())
        good = dns.DnsServer({(arpa("192.0.2.1"), dns.PTR): dns.ptr(b"second")})
        for server in (dead, good):
            server.__enter__()
            self.addCleanup(server.stop)
        names = self.start_with(dead.address + "," + good.address, timeout_ms=12000)
        self.assertEqual(names.reverse("192.0.2.1"), (OK, b"second"))

    def test_closed_port_fails_at_once(self):
        names = self.start_with("127.0.0.1:1", timeout_ms=30000)
        start = time.monotonic()
        status, _ = names.reverse("192.0.2.1")
        self.assertEqual(status, FAILED)
        self.assertLess(time.monotonic() - start, 15)

    def test_lost_query_is_asked_again(self):
        lost = []

        def lose_first(query):
            lost.append(query)
            return [] if len(lost) == 1 else dns.ptr(b"again")(query)

        names = self.start({(arpa("192.0.2.1"), dns.PTR): lose_first}, timeout_ms=12000)
        self.assertEqual(names.reverse("192.0.2.1"), (OK, b"again"))

    def test_idle_uses_no_time(self):
        names = self.start(default=dns.silent(), timeout_ms=2000)
        names.ask_reverse(1, "192.0.2.1")
        time.sleep(1)
        with open("/proc/%d/stat" % names.process.pid) as stat:
            before = sum(map(int, stat.read().rsplit(")", 1)[1].split()[11:13]))
        time.sleep(0.5)
        with open("/proc/%d/stat" % names.process.pid) as stat:
            after = sum(map(int, stat.read().rsplit(")", 1)[1].split()[11:13]))
        self.assertLessEqual(after - before, 5)  # of 50: it does not spin
        self.assertEqual(names.answer()[1], TIMEOUT)


class Many(NamesTest):
    COUNT = 2000

    def test_each_is_answered_once(self):
        addresses = ["10.1.%d.%d" % divmod(n, 256) for n in range(self.COUNT)]
        names = self.start({(arpa(a), dns.PTR): dns.ptr(b"n%d" % n)
                            for n, a in enumerate(addresses)},
                           timeout_ms=20000)
        folder = "/proc/%d/fd" % names.process.pid
        files = len(os.listdir(folder))
        self.ask_all(names, addresses)
        self.assertEqual(self.server.asked(), self.COUNT)
        self.assertLessEqual(len(os.listdir(folder)), files)
        self.ask_all(names, addresses)  # from the cache
        self.assertEqual(self.server.asked(), self.COUNT)

    def ask_all(self, names, addresses):
        asked, answers = 0, {}
        names.socket.setblocking(False)
        deadline = time.monotonic() + 20
        while len(answers) < len(addresses) and time.monotonic() < deadline:
            try:
                if asked < len(addresses):
                    names.ask_reverse(asked, addresses[asked])
                    asked += 1
                    continue
            except BlockingIOError:
                pass
            try:
                number, status, name = names.answer()
                self.assertNotIn(number, answers)
                answers[number] = (status, name)
            except BlockingIOError:
                time.sleep(0.001)
        names.socket.settimeout(20)
        self.assertEqual(
            answers, {n: (OK, b"n%d" % n) for n in range(len(addresses))})


class Process(NamesTest):
    def run_broken(self, record, configure=True):
        names = Names("127.0.0.1:1", configure=configure)
        names.socket.send(record)
        names.process.wait(10 * PATIENCE)
        status, said = names.end()
        self.assertEqual(status, 3)
        self.assertEqual(said.count(b"\n"), 1, said)
        self.assertTrue(said.startswith(b"paris-names: "))

    def test_broken_records(self):
        good = struct.pack("!I", 1) + addr("192.0.2.1")
        header = lambda *fields: struct.pack("!BBHI", *fields)
        for record in (
                b"x",
                header(2, REVERSE, len(good), 1) + good,  # version
                header(1, REVERSE, len(good) - 1, 1) + good,  # length
                header(1, REVERSE, len(good), 2) + good,  # sequence
                header(1, 99, len(good), 1) + good,  # type
                header(1, REVERSE, len(good) + 1, 1) + good + b"x",  # too much
                header(1, REVERSE, 4, 1) + good[:4],  # too little
                header(1, REVERSE, len(good), 1) + good[:4] + b"\5" + good[5:],
                header(1, FORWARD, 9, 1) + good[:4] + b"\4\0\2a\0",  # NUL
                header(1, CONFIGURE, 13, 1) + configuration(b"", 256),  # twice
                header(1, WHOSE, 25, 1) + good[:4] + bytes(21),  # whose nothing
                bytes(5000)):
            with self.subTest(record=record[:16]):
                self.run_broken(record)

    def test_question_before_configure(self):
        body = struct.pack("!I", 1) + addr("192.0.2.1")
        self.run_broken(
            struct.pack("!BBHI", 1, REVERSE, len(body), 0) + body, configure=False)

    def test_bad_configuration(self):
        for servers, timeout in ((b"127.0.0.1:53,nonsense", 1000),
                                 (b"dns.example", 1000), (b"127.0.0.1", 0),
                                 (b"127.0.0.1", 60001), (b",", 1000)):
            with self.subTest(servers=servers, timeout=timeout):
                body = configuration(servers, timeout)
                self.run_broken(
                    struct.pack("!BBHI", 1, CONFIGURE, len(body), 0) + body,
                    configure=False)

    def test_started_by_hand(self):
        done = subprocess.run(
            WRAP + [PROGRAM], stdin=subprocess.DEVNULL, capture_output=True)
        self.assertEqual((done.returncode, done.stdout), (2, b""))
        self.assertEqual(done.stderr.count(b"\n"), 1)
        self.assertIn(b"paris-traceroute", done.stderr)

    def test_ends_with_questions_open(self):
        names = self.start(default=dns.silent(), timeout_ms=60000)
        for number in range(600):
            names.ask_reverse(number, "10.0.%d.%d" % divmod(number, 256))
        names.ask_forward(600, b"nobody.example")
        time.sleep(0.2)

    def test_end_before_configure(self):
        names = Names(configure=False)
        self.assertEqual(names.end(), (0, b""))

    def test_zero_length_record_is_the_end(self):
        names = self.start_with("127.0.0.1:1")
        names.socket.send(b"")
        self.assertEqual(names.process.wait(10 * PATIENCE), 0)

    def test_stopped_and_continued(self):
        names = self.start({(arpa("192.0.2.1"), dns.PTR):
                            dns.delayed(0.5, dns.ptr(b"awake"))}, timeout_ms=20000)
        names.ask_reverse(1, "192.0.2.1")
        time.sleep(0.1)
        for _ in range(3):
            names.process.send_signal(signal.SIGSTOP)
            time.sleep(0.05)
            names.process.send_signal(signal.SIGCONT)
            time.sleep(0.05)
        self.assertEqual(names.answer(), (1, OK, b"awake"))

    def test_attached_descriptors_are_refused(self):
        names = Names("127.0.0.1:1")
        body = struct.pack("!I", 1) + addr("192.0.2.1")
        record = struct.pack("!BBHI", 1, REVERSE, len(body), 1) + body
        socket.send_fds(names.socket, [record], [0])
        self.assertEqual(names.process.wait(10 * PATIENCE), 3)
        self.assertEqual(names.end()[0], 3)

    @unittest.skipIf(VARIANT != "release", "this variant has no sandbox")
    def test_sandbox_is_on(self):
        names = self.start_with("127.0.0.1:1")
        with open("/proc/%d/status" % names.process.pid) as status:
            fields = dict(line.rstrip("\n").split(":\t", 1) for line in status)
        self.assertEqual(fields["Seccomp"], "2")
        self.assertEqual(fields["NoNewPrivs"], "1")
        for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            self.assertEqual(int(fields[kind], 16), 0, kind)
        self.assertNotIn("0", fields["Uid"].split())


if __name__ == "__main__":
    unittest.main()
