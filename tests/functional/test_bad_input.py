"""Everything that can be wrong with what paris-traceroute is given: values of options,
the machine it runs on, the programs it starts. Each gives one line on standard error
that names the thing and the remedy, the right exit status, soon, in text and in json."""

import random
import re
import shutil
import struct
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import hostile  # noqa: E402
import paris  # noqa: E402

OK, NOT_REACHED, USAGE, FAILED = range(4)
V4, V6 = "198.51.100.9", "2001:db8:ffff::9"
TIME_LIMIT = 600
FIRST = True
# Nothing in here waits for a packet that does not come; all else is a busy machine.
SOON = 10


class BadInputTest(unittest.TestCase):
    def check(self, result, status, *parts, lines=1):
        self.assertEqual(result.returncode, status, result)
        self.assertLess(result.seconds, SOON * paris.SLOWNESS)
        found = result.stderr.splitlines()
        self.assertEqual(len(found), lines, result)
        if lines:
            self.assertRegex(found[0], r"\A(paris-traceroute|mda|paris-prober): ")
            self.assertNotRegex(found[0], r"[\0-\x1f\x7f-\x9f]")
        for part in parts:
            self.assertRegex(result.stderr, part)


# ---- values of options ---------------------------------------------------------------

# {option: (lowest, highest, what else makes every value between them right)}
WHOLE = {
    "-f": (1, 255, "-m 255"), "--first": (1, 255, "-m 255"), "-m": (1, 255, ""),
    "--max-hops": (1, 255, ""), "-N": (1, 65535, ""), "--sim-queries": (1, 65535, ""),
    "-p": (1, 65535, ""), "--port": (1, 65535, ""), "-q": (1, 10, ""),
    "--queries": (1, 10, ""), "-t": (0, 255, ""), "--tos": (0, 255, ""),
    "-l": (0, 0xfffff, "-6"), "--flowlabel": (0, 0xfffff, "-6"),
    "--flow-id": (0, 65535, ""), "--gap-limit": (0, 255, ""), "--loop-limit": (0, 255, ""),
    "--rounds": (1, 10**9, "--live"),
    "--max-flows": (1, 65536, "-a mda"), "--max-probes": (1, 10**9, "-a mda"),
    "--parallel": (1, 1000, ""),
    "--phi": (2, 64, "-a mda"), "--prefix": (8, 127, "-a mda -6"), "--pps": (1, 1000000, ""),
    "--sport": (1, 65535, ""), "packet_len": (0, 65000, ""),
}
# {option: (smallest, largest, one below, one above)} in its unit
TIMES = {
    "--timeout": ("0.001", "86400", "0.000999", "86400.001"),
    "--interval": ("0.1", "3600", "0.0999", "3600.001"),
    "-w": ("0.001", "3600", "0.000999", "3600.001"),
    "--wait": ("0.001", "3600", "0", "3601"),
    "-z": ("0", "3600000", None, "3600000.1"), "--sendwait": ("0", "9.9", None, "1e1"),
}
NO_NUMBER = ["", "x", "-", "-1", "--1", "+1", "1.5", ".5", "1e2", "1e99", "0x", "0xg", "0x-1",
             "08", "1x", "1 ", " 1", "1,1", "1_0", "nan", "NaN", "inf", "-inf", "INFINITY",
             "0x1p3", "٣", "1\n", "\x9b1", "\x1b[1m", "9" * 400, "-" + "9" * 400]
NO_TIME = ["", "x", "-", "-1", "+1", ".", "..5", "1.5.", "1s", "1 ", " 1", "0x1", "1e3",
           "nan", "inf", "-0.1", "1:00", "4294967296000", "18446744073709551616",
           "9" * 400]
# Others that take a value, with right and wrong ones.
WORDS = {
    "-a": (("paris", "traceroute", "hopbyhop", "packetbypacket", "concurrent", "scout"),
           ("", "Paris", "mda2", "paris traceroute")),
    "--algorithm": (("paris",), ("x" * 300,)),
    "--format": (("text", "json", "csv", "scamper", "atlas"),
                 ("", "xml", "JSON", "jsonl", "text,json", "dot", "svg")),
    "-M": (("default", "udp", "tcp", "udplite", "mda", "paris", "scout",
            "exhaustive"),
           ("", "UDP", "Paris", "sctp")),
    "--module": (("mda",), ("x" * 300,)),
    "-B": (("95", "99.9,5", "50,1000,1024", "95,5,16"),
           ("", "95,", "49.9", "100", "95,0", "95,1001", "95,1,1025", "95,1,1,1", "95,x",
            ",5", "95,,5", "1e2", "95;5", "nan")),
    "--mda": (("95,30",), ("101",)),
    "--confidence": (("95", "50", "99.9", "99.9999999"),
                     ("", "49.99", "100", "99.99999999", "x", "95%", "-95", "inf")),
    "--bound": (("node", "graph"), ("", "Node", "nodes", "graph=5")),
    "--flow": (("default", "src-port", "dst-port"),
               ("", "port", "checksum", "flow-label", "udp.src_port", "src-port,dst-port")),
    "-O": (("help",), ("", "syn", "raw", "x" * 300, "\x9b1")),
    "--options": (("help",), ("sack", "x" * 99)),
    # Right ones take root: test_gateways, test_fragments, test_started_by_root.
    "-g": ((), ("", "x", "0", "0,", "192.0.2.1,", ",192.0.2.1", "192.0.2.1,2001:db8::1",
                "0,192.0.2.1", "1,2001:db8::1", "0.0.0.0", "host.example",
                ",".join(["192.0.2.1"] * 9), "1" * 600)),
    "--gateway": ((), ("192.0.2.1;192.0.2.2",)),
    "--fragment": ((), ("", "x", "8,", "0", "12,8", "4+8", "8+", "8;", "8;order=3",
                        "8;repeat=17", "8;repeat=1;repeat=1", "0x8", "-8", "65528+8",
                        ",".join(["8"] * 17), "8" * 600)),
    "-P": ((), ("", "0", "1", "6", "17", "33", "58", "136", "43", "44", "60", "255", "256",
                "-1", "udp", "tcp", "icmp", "nosuch", "x" * 300)),
    "--protocol": ((), ("nosuch",)),
    "--privilege": (("auto", "none"), ("", "root", "AUTO", "helper,none", "1")),
    "-i": (("lo",), ("", "nosuchdevice", "x" * 16, "x" * 4000, "lo\n", "../lo")),
    "--interface": (("lo",), ("lo0",)),
    "-s": (("127.0.0.1",), ("", "::1", "localhost", "127.0.0", "127.0.0.1/8", "fe80::1%x",
                            "x" * 300)),
    "--targets": (("-", "/dev/null"), ("", "/nosuch/file", "/nosuch\nfile", "/" + "x" * 300)),
    "--resume": (("/dev/null",), ("", "/nosuch/file", "/" + "x" * 300)),
    "--exclude": (("/dev/null",), ("", "/nosuch/file", "/" + "x" * 300, "/dev/null/x")),
    "--source": (("127.0.0.9",), ("256.0.0.1",)),
    "--fwmark": (("0", "0x0"), ("", "x", "-1", "4294967296", "1.5", "1 ", "0x1g", "9" * 400)),
    "--resolver": (("127.0.0.1", "127.0.0.1:53", "::1", "[::1]:53", "127.0.0.1,::1"),
                   ("", ",", "x", "127.0.0.1:0", "127.0.0.1:65536", "[::1", "::1]:53",
                    "[127.0.0.1", "127.0.0.1,", "dns.example", "1" * 3000)),
    "--asn-db": (("file",), ("", "x" * 4096)), "--country-db": (("file",), ("",)),
    "--as-source": (("whois", "dns"), ("", "database", "DNS", "whois,dns", "cymru", "0")),
    "--tag": (("udp.payload",), ("", "udp", "udp.nosuch", "ipv4.ttl", "x" * 99,
                                              "icmp.sequence", "udp.src_port", "*")),
}


def escaped(text):
    """As messages show it."""
    return "".join(c if c.isprintable() and c not in " \\()" else
                   "".join(f"\\x{byte:02x}" for byte in c.encode()) for c in text)


def whole_cases():
    for option, (low, high, also) in WHOLE.items():
        right = {low, low + 1, high - 1, high}
        for value in sorted(right):
            for text in (f"{value}", f"{value:#x}", f"0{value:o}", f"{value:#X}"):
                yield option, text, also, True
        wrong = [*NO_NUMBER, *map(str, (high + 1, 2**31, 2**32, 2**32 + low, 2**63, 2**64,
                                        2**64 + low)), hex(high + 1), hex(2**64 + low)]
        if low > 0:
            wrong += ["0", "00", "0x0", str(low - 1)]
        for text in wrong:
            # What is no number at all is one more host.
            if option != "packet_len" or re.fullmatch(r"[0-9]+|0[xX][0-9a-fA-F]*", text):
                yield option, text, also, False


def time_cases():
    for option, (low, high, below, above) in TIMES.items():
        also = "--live" if option == "--interval" else ""
        for text in (low, high, low + ".0" if "." not in low else low + "0"):
            yield option, text, also, True
        for text in [below, above, *NO_TIME]:
            if text is not None:
                yield option, text, also, False
    for text in ("1,0", "1,1000", "1,0.001,1000", "1/3/10", "1,3/10"):
        yield "-w", text, "", True
    for text in ("1,", "1,,", ",1", "1,-1", "1,1001", "1,1,1001", "1,1,1,1", "1;1", "1,nan",
                 "1, 1", "1//1"):
        yield "-w", text, "", False


# Options of algorithms that find many paths.
MANY_PATHS = ("-B", "--mda", "--confidence", "--bound", "--flow")


def word_cases():
    for option, (right, wrong) in WORDS.items():
        also = "-a mda" if option in MANY_PATHS else ""
        yield from ((option, text, also, True) for text in right)
        yield from ((option, text, also, False) for text in wrong)


def explain(option, text, also, *more):
    """Runs with one value of one option, without sending anything."""
    host = "::1" if "-6" in also else "127.0.0.1"
    if option == "packet_len":
        words = ["--explain", *also.split(), "--", host, text]
    elif option.startswith("--"):
        words = ["--explain", *also.split(), f"{option}={text}", host]
    else:
        words = ["--explain", *also.split(), option, text, host]
    return paris.run("paris-traceroute", *words, *more)


class Values(BadInputTest):
    def check_cases(self, cases, describe):
        for case, result in paris.in_parallel(lambda case: explain(*case[:3]),
                                              paris.some(cases)):
            option, text, _, right = case
            with self.subTest(option=option, value=text[:80]):
                if right:
                    self.assertEqual((result.returncode, result.stderr), (OK, ""), result)
                    continue
                self.check(result, USAGE, describe(option))
                self.assertIn(escaped(text)[:40], result.stderr)
                self.assertEqual(result.stdout, "")

    def test_whole_numbers(self):
        self.check_cases(whole_cases(), lambda option: "{}: '.*' is not a whole number "
                         "from {} to {}.*try 'paris-traceroute --help'".format(
                             option, *WHOLE[option][:2]))

    def test_times(self):
        ranges = {"-w": "0.001 to 3600 seconds", "--wait": "0.001 to 3600 seconds",
                  "--interval": "a time from 0.1 to 3600 seconds",
                  "--timeout": "a time from 0.001 to 86400 seconds"}
        self.check_cases(time_cases(), lambda option: "{}: '.*' is not .*{}".format(
            option, ranges.get(option, "a time: below 10 in seconds")))

    def test_words(self):
        parts = {"--tag": "fields that can: |choose another --tag|--tag: '",
                 "--interface": "-i: ", "--options": "-O: "}
        self.check_cases(word_cases(), lambda option: parts.get(option, option))

    def options_with_values(self):
        """As --help has them: {short or long form}."""
        text = paris.run("paris-traceroute", "--help").stdout
        found = set()
        for short, long in re.findall(r"^ {2,6}(?:(-\w) \S+, )?(--[\w-]+)=", text, re.M):
            found.update(filter(None, (short, long)))
        return found

    def test_every_option_is_here(self):
        """A new option with a value gets a row above."""
        tried = {*WHOLE, *TIMES, *WORDS} - {"packet_len"}
        self.assertEqual(self.options_with_values() ^ tried, set())

    def test_options_without_their_values(self):
        for option in sorted(self.options_with_values()):
            for words in ((option,), (V4, option), ("-n", option)):
                with self.subTest(words):
                    self.check(paris.run("paris-traceroute", *words), USAGE,
                               re.escape(option) + " needs a value")

    def test_values_of_options_that_have_none(self):
        for option in ("icmp", "udp", "tcp", "extensions", "dont-fragment", "explain",
                       "version", "help"):
            self.check(paris.run("paris-traceroute", f"--{option}=1", V4), USAGE,
                       f"--{option} takes no value")

    def test_the_last_one_counts(self):
        result = explain("-q", "3", "", "-q", "0")
        self.check(result, USAGE, "-q: '0'")
        result = paris.run("paris-traceroute", "--explain", "-q", "0", "-q", "3", V4)
        self.check(result, USAGE, "-q: '0'")  # each is looked at

    def test_unknown_options(self):
        for word, part in (("-x", "unknown option -x"), ("-9", "unknown option -9"),
                           ("-nx", "unknown option -x"), ("-?", r"unknown option -\?"),
                           ("-:", "unknown option -:"), ("--nosuch", "option --nosuch"),
                           ("--nosuch=5", "option --nosuch=5"), ("---n", "option ---n"),
                           ("--", 'specify "host"'), ("--=", "ambiguous option --="),
                           ("--t", "ambiguous option --t"), ("-" + "x" * 5000, "option -x"),
                           ("--" + "x" * 5000, "unknown option --x")):
            with self.subTest(word[:20]):
                arguments = (word,) if word == "--" else (word, V4)
                self.check(paris.run("paris-traceroute", *arguments), USAGE, part)

    def test_operands(self):
        for arguments, part in (
                ((), 'specify "host"'), (("-n",), 'specify "host"'),
                (("",), "1 to 255 bytes"), (("", "60"), "1 to 255 bytes"),
                (("x" * 256,), "1 to 255 bytes"), ((V4, "60", "70"), "arguments: '70'"),
                ((V4, "60", *"abcdef" * 50), "arguments: 'a'"),
                ((V4, "--", "60", "-n"), "arguments: '-n'"),
                (("--", V4, "08"), "packet_len: '08'"), ((V4, V4, "6", V4), "arguments: '"),
                (("::1%lo",), "not an IPv6 address"), (("::g",), "not an IPv6 address"),
                (("1:2",), "not an IPv6 address"), (("[::1]",), "not an IPv6 address"),
                (("127.0.0.1:80",), "not an IPv6 address, and a name has no ':'.* without .*port"),
                (("-4", "::1"), "not an IPv4 address"),
                (("-6", "127.1"), "not an IPv6 address"),
                (("-6", "::ffff:127.0.0.1"), "not an IPv6 address"),
                (("0",), "unspecified"), (("::",), "unspecified"),
                (("::ffff:0.0.0.0",), "unspecified")):
            with self.subTest(arguments[:4]):
                result = paris.run("paris-traceroute", *arguments)
                self.check(result, USAGE, part)
                self.assertEqual(result.stdout, "")

    def test_together(self):
        for words, part in (
                ("-f 5 -m 4", r"-f: first hop 5 is above the last one, 4 \(-m\)"),
                ("-f 31", "above the last one, 30"), ("-f 255 -m 254", "the last one, 254"),
                ("-l 5", "-l 5: IPv4 has no flow label"),
                ("-I --sport 9", "--sport 9: ICMP probes"),
                ("-T 60", "packet_len 60: the kernel chooses"),
                ("-T -O nosuch", "-O: 'nosuch' is no option of tcp; there are: syn, ack"),
                ("-T -O mss=0", "-O mss: '0' is not a whole number from 1 to 65535"),
                ("-T -O fin=1", "-O fin: takes no value: '1'"),
                ("-T -O flags", "-O flags: needs a value: flags=NUM"),
                ("-M raw -O protocol=udp", "-O protocol: 'udp' is not a protocol number"),
                ("-P 253 -p 9", "-p: probes of any protocol .-P. have no ports"),
                ("-P 253 --sport 9", "--sport: probes of any protocol"),
                ("-P 253 -a mda", "-a mda: finds the paths of UDP, .* not of raw probes"),
                ("-D 60", "packet_len 60: a DCCP Request .-D. has no data"),
                ("-D --format scamper", "--format scamper: has no word for dccp"),
                ("--fragment 8 --mtu", "--fragment: --mtu looks for what links take"),
                ("--fragment 8 -a mda", "--fragment: is of algorithms that trace one path"),
                ("-6 -g 2001:db8::1", "-g 2001:db8::1: the gateway is not an IPv4|not an IPv6"),
                ("-I -O raw --privilege none", "-O raw: contradicts --privilege"),
                ("-UL -O coverage=7", "-O coverage: '7' is not a whole number from 8"),
                ("-a mda -T -O info", "-O info: is of algorithms that trace one path; mda"),
                ("--confidence 99", "--confidence: is of algorithms that find many"),
                ("--max-probes 9 -a paris", "--max-probes: .*; paris traces one"),
                ("-a mda -I --flow src-port", "ICMP probes .* have no ports"),
                ("-a mda --flow flow-label", "IPv4 has no flow label"),
                ("-a mda -6 -l 5 --flow flow-label", "gives all flows one label"),
                ("-4 -s ::1", "not an IPv4 address"), ("-6 -s 127.0.0.1", "not an IPv6")):
            for format_ in ("text", "json"):
                with self.subTest(words, format=format_):
                    options = [word for word in words.split() if word != "60"]
                    result = paris.run("paris-traceroute", "--format", format_, *options,
                                       "127.0.0.1", *(["60"] if "60" in words else []))
                    self.check(result, USAGE, part)
                    self.assertEqual(result.stdout, "")


# ---- the machine ---------------------------------------------------------------------

# Holds a port, then runs the command behind it.
HOLDING = """
import socket, subprocess, sys
kind, port = getattr(socket, sys.argv[1]), int(sys.argv[2])
held = [socket.socket(family, kind) for family in (socket.AF_INET, socket.AF_INET6)]
held[1].setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
for sock in held:
    sock.bind(("", port))
    if kind == socket.SOCK_STREAM:
        sock.listen()
sys.exit(subprocess.run(sys.argv[3:], stdin=subprocess.DEVNULL).returncode)
"""
METHODS = ("", "-U", "-I", "-T")
WITH_PORTS = ("", "-U", "-T")
# (options, target, exit status, words)
MACHINE = (
    *((f"{method} -s 192.0.2.99", V4, FAILED, "192.0.2.99 is not an address of")
      for method in METHODS),
    *((f"{method} -s 2001:db8::99", V6, FAILED, "2001:db8::99 is not an address of")
      for method in METHODS),
    *((f"{method}", "255.255.255.255", FAILED, "no route to .* a broadcast address")
      for method in METHODS),
    *((f"{method}", target, FAILED, f"no route to {target}: .*: {target}%INTERFACE")
      for method in METHODS for target in ("fe80::1", "ff02::1")),
    ("-P 253", V4, FAILED, r"IP protocol 253 \(-P\): only root may use raw sockets"),
    ("-D", V6, FAILED, r"DCCP \(-D\): only root may use raw sockets .* as root"),
    *((f"{method} -i lo", V6, FAILED, f"no route to {V6}: .*ip route get")
      for method in METHODS),
    *((f"{method} --sport 80", target, FAILED, "source port 80 is reserved for root")
      for method in WITH_PORTS for target in (V4, V6)),
    *((f"{method} --flow-id 65535", target, FAILED, "flow 65535 has no source port")
      for method in WITH_PORTS for target in (V4, V6)),
    *((f"{method} -F len=1501", target, NOT_REACHED, "1501 bytes .* or leave -F out")
      for method in ("", "-U", "-I") for target in (V4, V6)),
    *((f"{method} -F len=65000", target, NOT_REACHED, "65000 bytes .* or leave -F out")
      for method in ("", "-U", "-I") for target in (V4, V6)),
    *((f"--resolver 127.0.0.1:9 {family}", "nosuch.invalid", USAGE,
       "cannot resolve nosuch.invalid: ") for family in ("", "-4", "-6")),
    ("-i nosuchdevice", V4, USAGE, "'nosuchdevice' is not a network interface"),
)


class Machine(BadInputTest):
    """In a simulated network where something does not fit."""

    def check_json(self, result, status):
        """Nothing at all, or one object that says the same."""
        if status == USAGE or not result.stdout:
            self.assertEqual(result.stdout, "")
            return
        self.assertEqual(result.stdout.count("\n"), 1)
        reason = {FAILED: "failed", NOT_REACHED: "unreachable"}[status]
        stop = result.json["stop"]
        self.assertEqual(stop["reason"], reason)
        self.assertIn(stop["detail"], result.stderr or stop["detail"])

    def run_one(self, case):
        (options, target, _, _), format_ = case
        words, _, length = options.partition(" len=")
        return paris.fakeroute(
            "line.topo", "paris-traceroute", "-n", "-q", "1", "-m", "3", "--format", format_,
            *words.split(), target, *length.split())

    def test_machine(self):
        cases = [(row, format_) for row in MACHINE for format_ in ("text", "json")]
        for (row, format_), result in paris.in_parallel(self.run_one, cases):
            with self.subTest(row, format=format_):
                # Json has it all; only what could not be measured is told here too.
                told = format_ == "text" or row[2] != NOT_REACHED
                self.check(result, row[2], *([row[3]] if told else []), lines=int(told))
                if format_ == "json":
                    self.check_json(result, row[2])

    def test_ports_in_use(self):
        for kind, options in (("SOCK_DGRAM", "--sport 30000"),
                              ("SOCK_DGRAM", "--sport 30000 -U"),
                              ("SOCK_STREAM", "--sport 30000 -T"),
                              ("SOCK_DGRAM", "--flow-id 6000")):
            for target in (V4, V6):
                for format_ in ("text", "json"):
                    with self.subTest(options, target=target, format=format_):
                        tool = paris.started_with(["paris-traceroute", "-n", "--format",
                                                   format_, *options.split(), target])
                        result = paris.fakeroute("line.topo", sys.executable, "-c", HOLDING,
                                                 kind, "30000", *tool)
                        self.check(result, FAILED, "port 30000 is in use.* choose another")
                        if format_ == "json":
                            self.check_json(result, FAILED)

    def test_no_ping_sockets(self):
        for target in (V4, V6):
            for format_ in ("text", "json"):
                result = paris.fakeroute(
                    "line.topo", "paris-traceroute", "-I", "-n", "--format", format_,
                    target, options=("--ping-group", "closed"))
                self.check(result, FAILED, "ping socket.*ping_group_range.*leave -I")
                self.assertEqual(result.stdout, "")

    def test_nothing_set_up(self):
        """A network namespace as it is born: its loopback is down, and there is no
        route."""
        hostile.check_possible()
        for method in METHODS:
            for target in (V4, V6, "127.0.0.1", "::1"):
                for format_ in ("text", "json"):
                    with self.subTest(method, target=target, format=format_):
                        command = [*hostile.unshared(), *hostile.unprivileged(),
                                   *paris.started_with([
                                       "paris-traceroute", "-n", "--format", format_,
                                       *method.split(), target])]
                        result = paris.run(*command, user=False)
                        part = "ping socket" if method == "-I" else \
                            f"no route to {target}|cannot send"
                        self.check(result, FAILED, part)

    def test_no_ipv6(self):
        hostile.check_possible()
        disabled = ["sh", "-c", "ip link set lo up && cd /proc/sys/net/ipv6/conf && "
                    'echo 1 >all/disable_ipv6 && exec "$@"', "sh"]
        for tool in ("paris-traceroute", "mda"):
            with self.subTest(tool):
                result = paris.run(*hostile.unshared(), *disabled, *hostile.unprivileged(),
                                   *paris.started_with([tool, "-n", "::1"]), user=False)
                self.check(result, FAILED, "no route to ::1: .*; this machine has no IPv6 "
                           "address to send from")


# ---- limits --------------------------------------------------------------------------

@unittest.skipIf(paris.WRAP, "valgrind needs descriptors, processes and memory itself")
class Limits(BadInputTest):
    """prlimit(1) around the tool. Some limits are enough; if one is not, that is told."""

    def run_limited(self, limit, *arguments, topology="line.topo"):
        return paris.fakeroute(topology, "prlimit", limit, "--",
                               paris.program("paris-traceroute"), *arguments)

    def outcomes(self, limits, lines_of_arguments, remedy, **more):
        """Runs all; returns the exit statuses seen."""
        seen = set()
        cases = [(limit, line) for limit in limits for line in lines_of_arguments]
        for (limit, line), result in paris.in_parallel(
                lambda case: self.run_limited(case[0], *case[1].split(), **more), cases):
            with self.subTest(limit, line=line):
                seen.add(result.returncode)
                if result.returncode == 127:
                    continue  # said by the loader, before anything of ours
                self.assertIn(result.returncode, (OK, NOT_REACHED, FAILED), result)
                self.assertLess(result.seconds, SOON * paris.SLOWNESS)
                if result.returncode != FAILED:
                    continue
                self.assertRegex(result.stderr, remedy)
                # Tool and prober may both be out of memory.
                self.assertLessEqual(len(result.stderr.splitlines()), 2, result)
                if "json" in line and result.stdout:
                    self.assertEqual(result.json["stop"]["reason"], "failed")
        return seen

    LINES = tuple(f"{method} {names} --format {format_} -m 2 {target}"
                  for method in ("", "-I", "-T") for format_ in ("text", "json")
                  for names, target in (("-n", V4), ("--resolver 127.0.0.1:9", V6)))

    def test_descriptors(self):
        seen = self.outcomes([f"--nofile={count}" for count in range(4, 13)], self.LINES,
                             r"ulimit -n")
        self.assertEqual(seen & {NOT_REACHED, FAILED}, {NOT_REACHED, FAILED})

    @unittest.skipIf(paris.VARIANT.startswith("san-"),
                     "the leak sanitizer needs a process of its own")
    def test_processes(self):
        seen = self.outcomes(["--nproc=0", "--nproc=1"], self.LINES, r"ulimit -u")
        self.assertEqual(seen, {FAILED})

    @unittest.skipUnless(paris.VARIANT == "release", "sanitizers map terabytes")
    def test_memory(self):
        lines = [f"-n -q 10 -m 255 -w 0.1 --format {format_} {V4}"
                 for format_ in ("text", "json")]
        seen = self.outcomes([f"--as={kilobytes << 10}"
                              for kilobytes in (*range(2700, 6000, 80), 8000, 16000, 24000)],
                             lines, "[Mm]emory.*ulimit -v", topology="silent-tail.topo")
        self.assertEqual(seen & {NOT_REACHED, FAILED}, {NOT_REACHED, FAILED})


# ---- the programs it starts ----------------------------------------------------------

HELLO = struct.pack("!BBHI", 1, 1, 0, 0)
# What a program in the place of paris-prober says on its channel after HELLO, then it
# waits for its end. Times 100, of random types, lengths and bodies.
SPEAKER = """#!{python} -I
import socket, sys
channel = socket.socket(fileno=3)
for record in {records!r}:
    try:
        channel.send(record)
    except OSError:
        break
while channel.recv(1 << 16):
    pass
"""


def record(kind, body, sequence, version=1, length=None):
    return struct.pack("!BBHI", version, kind, len(body) if length is None else length,
                       sequence) + body


def nonsense(seed):
    """Records of each kind the prober has, with bodies that make no sense."""
    dice = random.Random(seed)
    kind = dice.choice((0, 1, 2, 3, 4, 5, 5, 6, 6, 6, 7, 7, 8, 255))
    body = bytes(dice.choice((0, 0, 1, 4, 255, dice.randrange(256)))
                 for _ in range(dice.choice((0, 1, 4, 40, 100, 300, 1000))))
    return record(kind, body, 1)


# (what stands there, how it is made, words): bytes are a file, a function makes it.
IMPOSTORS = (
    ("nothing", None, "No such file.*install the whole package"),
    ("an empty file", b"", "Exec format error|exited with status"),
    ("no program", random.Random(1).randbytes(5000),
     "Exec format error|exited with status|died of signal"),
    ("another machine's", b"\x7fELF\x02\x02\x01" + bytes(4000), "Exec format error"),
    ("a folder", lambda path: path.mkdir(), "Permission denied|Is a directory"),
    ("a loop", lambda path: path.symlink_to(path.name), "symbolic links"),
    ("a dangling link", lambda path: path.symlink_to("nowhere"), "No such file"),
    ("true", lambda path: path.symlink_to("/bin/true"), "exited with status 0"),
    ("false", lambda path: path.symlink_to("/bin/false"), "exited with status 1"),
    ("paris-names", lambda path: path.symlink_to(paris.program("paris-names")),
     "sent a message that makes no sense|did not get ready|exited"),
    ("silence", b"#!/bin/sh\nexec sleep 600 <&3\n", r"did not get ready in \d+ seconds"),
    ("an explanation", b"#!/bin/sh\nexit 3\n", "exited with status 3"),
)


class Impostors(BadInputTest):
    """In the place of paris-prober and paris-names stands something else."""

    tool = "paris-traceroute"

    def setUp(self):
        self.folder = paris.temporary_folder()
        shutil.copytree(paris.stage() / "bin", self.folder / "bin")
        self.libexec = self.folder / "libexec" / "paris-traceroute"
        self.libexec.mkdir(parents=True)
        for folder in (self.folder, self.libexec):
            folder.chmod(0o755)

    def put(self, name, made):
        path = self.libexec / name
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink(missing_ok=True)
        if made == "true one":
            shutil.copy(paris.program(name), path)
        elif callable(made):
            made(path)
        elif made is not None:
            path.write_bytes(made)
            path.chmod(0o755)

    def run_tool(self, *arguments):
        return paris.run(*paris.started_with([self.folder / "bin" / self.tool,
                                              *arguments]))

    def speaker(self, *records):
        return SPEAKER.format(python=sys.executable, records=records).encode()

    def test_probers(self):
        for what, made, words in IMPOSTORS:
            self.put("paris-prober", made)
            for format_ in ("text", "json"):
                with self.subTest(what, format=format_):
                    result = self.run_tool("-n", "--format", format_, "127.0.0.1")
                    self.check(result, FAILED, words)
                    if format_ == "json" and result.stdout:
                        self.assertEqual(result.json["stop"]["reason"], "failed")
                    elif format_ == "text":
                        self.assertEqual(result.stdout, "")

    def test_probers_that_talk_nonsense(self):
        for seed in range(60 if paris.VARIANT == "release" else 10):
            self.put("paris-prober", self.speaker(HELLO, nonsense(seed)))
            format_ = ("text", "json")[seed % 2]
            with self.subTest(seed, format=format_):
                result = self.run_tool("-n", "--format", format_, "127.0.0.1")
                self.check(result, FAILED, "paris-prober")
                if format_ == "json":
                    self.assertEqual(result.json["stop"]["reason"], "failed")

    def test_probers_that_break_the_rules(self):
        for what, records in (
                ("no hello", [record(7, b"", 0)]), ("two hellos", [HELLO, record(1, b"", 1)]),
                ("another version", [record(1, b"", 0, version=2)]),
                ("another length", [record(1, b"", 0, length=4)]),
                ("a number left out", [HELLO, record(7, b"x", 2)]),
                ("the tool's words", [HELLO, record(4, bytes(4), 1)]),
                ("too long", [HELLO, record(6, bytes(9000), 1)]),
                ("nothing", [HELLO, b""]), ("half a header", [HELLO, b"\x01\x06"])):
            self.put("paris-prober", self.speaker(*records))
            with self.subTest(what):
                self.check(self.run_tool("-n", "127.0.0.1"), FAILED,
                           "paris-prober (sent a message that makes no sense|exited)")

    def test_names(self):
        """Without names the trace goes on; a host that is a name needs them."""
        self.put("paris-prober", "true one")
        for what, made, _ in IMPOSTORS:
            if what in ("silence", "paris-names"):
                continue
            self.put("paris-names", made)
            for format_ in ("text", "json"):
                with self.subTest(what, format=format_):
                    result = self.run_tool("--format", format_, "127.0.0.1")
                    self.check(result, OK, "paris-names.*going on without names")
                    self.assertIn("127.0.0.1", result.stdout)
                    result = self.run_tool("--format", format_, "host.invalid")
                    self.assertEqual(result.returncode, FAILED, result)
                    self.assertIn("paris-names", result.stderr)
                    self.assertEqual(result.stdout, "")

    def test_names_that_talk_nonsense(self):
        self.put("paris-prober", "true one")
        for seed in range(20 if paris.VARIANT == "release" else 4):
            self.put("paris-names", self.speaker(record(2, b"", 0), nonsense(seed)))
            with self.subTest(seed):
                result = self.run_tool("127.0.0.1")
                self.assertEqual(result.returncode, OK, result)
                self.assertIn("127.0.0.1", result.stdout)


if __name__ == "__main__":
    unittest.main()
