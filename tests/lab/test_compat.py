"""Option by option: Debian's traceroute and ours, called as traceroute, in one network of
real routers. Equal are the text, but for times, the exit status, and the packets to every
hop of the path as they leave the source, but for ports, tags and order. What differs all
the same stands in the table, with the reason; what does not differ there any more fails,
too."""

import re
import shutil
import struct
import subprocess
import unittest
from collections import Counter, namedtuple
from concurrent.futures import ThreadPoolExecutor

import paris
import routers
import test_same_text
from networks import FAMILIES, INSIDE, SOURCES, TARGET, Network, source

THEIRS = test_same_text.TRACEROUTE
AT_ONCE = 8  # they mostly wait
TIME_LIMIT = 120
V4, V6, BOTH = (4,), (6,), (4, 6)

# ---- the table -----------------------------------------------------------------------

# What may differ: the text, or a part of the packets (fields of Sent).
ROOM = "a constant checksum, which is the flow of ICMP, takes two bytes"
NEVER_LEFT = "theirs counts the port of the probe that its own link did not take"
SEQUENCE = "sequences start anywhere, so that runs at a time are told apart"
NO_WAY = "that there is no way is known before anything is printed"

Row = namedtuple("Row", "options families target differs")


def row(options, families=V4, target="t", **differs):
    """The options, and behind a / the packet_len. `target`: t, a node at the first link,
    or "inside": to there only what is marked has a way, to a router that has none."""
    return Row(options, families, target, differs)


ROWS = (
    row("", BOTH), row("-4"), row("-6", V6),
    row("-U", BOTH), row("--udp -p 5353"), row("-M udp"), row("-M default"),
    row("-p 40000", BOTH), row("--port=domain"),
    row("-I", BOTH, first=SEQUENCE), row("--icmp -p 9", BOTH), row("-M icmp -p 9"),
    row("-T", BOTH),
    row("-T -p 443"),
    row("--module=tcpconn"), row("-UL", BOTH),
    row("-F / 1450", BOTH), row("-I --dont-frag -p 1 / 1450", BOTH),
    row("-F / 1600", BOTH),
    row("-f 3", BOTH), row("--first=2 --max-hops=3"), row("-m 2", BOTH), row("-m255"),
    row("-i s-a", BOTH), row("--interface=s-a -I -p 1"),
    row("-N 1"), row("--sim-queries=5 -I -p 1"), row("-n"), row("-nq 1 -e", BOTH),
    row("-q10 --ext"), row("--queries=2 -w 5,999,999"), row("--wait=9"), row("-w 9/999"),
    row("-t 184", BOTH), row("--tos=0x10 -I -p 1", BOTH),
    row("-T -t 8"),
    row("-l 5", V6), row("--flowlabel=0xfffff -I -p 1", V6),
    row("-z 0.02"), row("--sendwait=20 -q 1"),
    row("--sport=30000", BOTH), row("--sport=30001 -U"),
    row("--mtu", BOTH, first=NEVER_LEFT), row("-q 1 --mtu -I -p 1 / 1450", BOTH),
    row("--back", BOTH), row("--back -I -p 1"),
    row("-d", BOTH), row("--fwmark=7", BOTH, "inside"), row("--fwmark=7 -I -p 1", V4, "inside"),
    row("--fwmark=7 -T -i s-a", BOTH, "inside"),
    row("-r", target="a"), row("-r", text=NO_WAY), row("-r -I", target="a", first=SEQUENCE),
    # Without effect.
    row("-l 5"), row("-r", V6), row("--sport=30002 -I -p 1"), row("-T / 100", BOTH),
    row("-T --mtu", BOTH),
    row("/ 100", BOTH), row("/ 28"), row("-I -p 1 / 28", text=ROOM, length=ROOM),
    row("-I -p 1 / 1000", V6), row("/ 3000"),
)
# Options that stand in no row.
ELSEWHERE = "ours, if we have it, is tested elsewhere"
NOT_HERE = {"-s": "in every row", "-V": "tells of itself", "--help": "tells of itself",
            **dict.fromkeys(("-A", "-D", "-O", "-P", "-g"), ELSEWHERE)}
# Theirs needs root for -T; for -I it does not, but loses what it sends while an error waits
# on its socket. Nothing is lost here, so waiting costs nothing, and a busy machine is slow.
BOTH_NEED_ROOT = re.compile("-d( |$)|--fwmark")
NEEDS_ROOT = re.compile("-[IT]|--icmp|--tcp|icmp|tcpconn|-d( |$)|--fwmark")
ALWAYS = ("-n", "-w", "5")

# ---- packets -------------------------------------------------------------------------

# A packet as it left the source. `first` is the lowest port or sequence number that it
# was sent to with this run's options: the others may count up from it.
Sent = namedtuple("Sent", "source ttl proto length tos df offset port label")
TSHARK = {
    4: ("ip.src", "ip.ttl", "ip.proto", "ip.len", "ip.dsfield", "ip.flags.df",
        "ip.frag_offset"),
    6: ("ipv6.src", "ipv6.hlim", "ipv6.nxt", "ipv6.plen", "ipv6.tclass", None, None),
}
PORTS = ("udp.dstport", "tcp.dstport", "icmp.seq",
         "icmpv6.echo.sequence_number")


def number(text):
    return int(text, 0) if text[:1].isdigit() else int(text == "True")


def write_pcap(path, packets):
    """Of link type RAW."""
    with path.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 1 << 16, 101))
        for packet in packets:
            size = len(packet.raw)
            out.write(struct.pack("<IIII", 0, 0, size, size) + packet.raw)


def by_tshark(packets):
    """What tshark says of them."""
    path = paris.temporary_folder() / "sent.pcap"
    write_pcap(path, packets)
    names = [name for family in TSHARK.values() for name in family if name] + [
        "ipv6.flow", "tcp.flags", *PORTS]
    done = subprocess.run(
        ["tshark", "-r", path, "-n", "-o", "ip.defragment:FALSE", "-T", "fields",
         "-E", "separator=;", "-E", "occurrence=f",
         *(word for name in names for word in ("-e", name))],
        capture_output=True, text=True, check=True)
    for line in done.stdout.splitlines():
        told = dict(zip(names, line.split(";")))
        family = 6 if told["ipv6.src"] else 4
        src, ttl, proto, length, tos, df, offset = (
            told[name] if name else "0" for name in TSHARK[family])
        if told["tcp.flags"] and number(told["tcp.flags"]) != 2:
            continue  # no SYN
        port = next((number(told[name]) for name in PORTS if told[name]), None)
        yield Sent(src, number(ttl), number(proto),
                   number(length) + (40 if family == 6 else 0), number(tos), number(df),
                   number(offset), port, number(told["ipv6.flow"] or "0"))


def by_ourselves(packets):
    for packet in packets:
        if packet.proto == paris.TCP and packet.flags != 2:
            continue
        six = packet.family == 6
        port = packet.seq if packet.proto in (paris.ICMP, paris.ICMP6) else packet.dport
        if packet.fragment_offset:
            port = None
        yield Sent(packet.src, packet.ttl, packet.proto, packet.length, packet.tos,
                   0 if six else int(packet.dont_fragment), packet.fragment_offset, port,
                   packet.flow_label if six else 0)


def summary(packets, hops, labelled):
    """By name of what may differ: what a run has sent to these hops."""
    packets = [packet for packet in packets if packet.ttl <= hops]
    ports = [packet.port for packet in packets if packet.port is not None]
    return {
        "first": min(ports, default=None),
        **{name: Counter((packet.ttl, packet.proto, getattr(packet, name))
                         for packet in packets)
           for name in ("length", "tos", "df", "offset", *["label"] * labelled)}}


# ---- the test ------------------------------------------------------------------------

class Run:
    """A program's run of a row."""

    def __init__(self, result, src):
        self.status, self.source = result.returncode, src
        self.text = test_same_text.masked(result)
        self.errors = result.stderr
        self.hops = max((int(ttl) for ttl in re.findall(r"(?m)^ ?(\d+) ", self.text)),
                        default=0)

    def __str__(self):
        return f"{self.status}\n{self.text}{self.errors}"


@unittest.skipUnless("version 2.1.2" in test_same_text.version(),
                     "traceroute 2.1.2 is not installed")
class Compatible(routers.LabTest):
    """The way back from t is longer than the one there."""

    network = Network("""
        s - a - b -1400- c > t
                b < x < y < t
    """)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for family in FAMILIES:
            router = cls.network.address("a", "s", family)
            cls.lab.ip("s", family, [
                "rule add fwmark 7 lookup 107",
                f"route add {INSIDE[family]} via {router} table 107"])

    def target(self, each, family):
        told = {"t": TARGET[family], "inside": INSIDE[family]}
        return told.get(each.target) or self.network.address(each.target, "s", family)

    def run_pair(self, pair, first):
        """Both runs, from an address each, so that what they send is told apart."""
        each, family = pair
        root = (NEEDS_ROOT.search(each.options), BOTH_NEED_ROOT.search(each.options))
        words, _, length = each.options.partition("/")
        words, length = words.split(), length.split()
        runs = []
        for turn, program in enumerate(([THEIRS], test_same_text.started_as("traceroute"))):
            src = source(family, first + turn)
            running = paris.start(*program, *ALWAYS, "-s", src, *words,
                                  self.target(each, family), *length, user=not root[turn])
            runs.append(Run(running.finish(60), src))
        return runs

    def test_every_row(self):
        """As many at a time as the source has addresses for."""
        capture = routers.Capture(self.lab, "a", "s")
        self.addCleanup(capture.close)
        pairs = [(each, family) for each in ROWS for family in each.families]
        for at in range(0, len(pairs), SOURCES // 2):
            some = pairs[at:at + SOURCES // 2]
            with ThreadPoolExecutor(AT_ONCE, initializer=routers.enter,
                                    initargs=(self.lab.holders["s"],)) as pool:
                runs = list(pool.map(self.run_pair, some, range(1, SOURCES, 2)))
            sent = self.sent(capture)
            for (each, family), (theirs, ours) in zip(some, runs):
                with self.subTest(options=each.options, family=family):
                    self.check(each, theirs, ours, sent)

    @staticmethod
    def sent(capture):
        """Packets since the last time, by their source."""
        packets = capture.read().arriving
        capture.forget()
        found = {}
        for packet in (by_tshark if shutil.which("tshark") else by_ourselves)(packets):
            found.setdefault(packet.source, []).append(packet)
        return found

    def check(self, each, theirs, ours, sent):
        shown = f"theirs: {theirs}\nours: {ours}"
        self.assertEqual(theirs.status, ours.status, shown)
        self.assertEqual(theirs.errors == "", ours.errors == "", shown)
        labelled = bool(re.search("-l |--flowlabel", each.options))
        said = [summary(sent.get(run.source, ()), theirs.hops, labelled)
                for run in (theirs, ours)]
        for told, run in zip(said, (theirs, ours)):
            told["text"] = run.text
        for name in said[0]:
            if name in each.differs:
                self.assertNotEqual(said[0][name], said[1][name],
                                    f"{name} does not differ\n{shown}")
            else:
                self.assertEqual(said[0][name], said[1][name], f"{name}\n{shown}")

    def test_every_option_has_a_row(self):
        """Of those that traceroute tells of."""
        shown = subprocess.run([THEIRS, "--help"], capture_output=True, text=True,
                               check=False)
        options = set()
        for line in re.findall(r"(?m)^  (-.*)$", shown.stdout + shown.stderr):
            forms = re.findall(r"(?:^|  )(--?[A-Za-z\d][\w-]*)", line)
            options.add(forms[0])
            if len(forms) > 1:
                self.assertTrue(forms[1].startswith("--"), line)
        tried = {form for each in ROWS
                 for form in re.findall(r"(?:^| )(--[a-z-]+|-UL|-\w)", each.options)}
        self.assertEqual(options - tried - set(NOT_HERE), set())


if __name__ == "__main__":
    unittest.main()
