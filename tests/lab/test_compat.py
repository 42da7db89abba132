"""Option by option: Debian's traceroute and ours, called as traceroute, in one network of
real routers. Equal are the text, but for times, the exit status, and the packets to every
hop of the path as they leave the source, but for ports, tags and order. What differs all
the same stands in the tables, with the reason; what does not differ there any more fails,
too."""

import functools
import itertools
import os
import re
import selectors
import shutil
import socket
import struct
import subprocess
import threading
import unittest
from collections import Counter, namedtuple
from concurrent.futures import ThreadPoolExecutor

import paris
import routers
import test_same_text
import whois_server
from networks import FAMILIES, INSIDE, SOURCES, TARGET, Network, source
from test_gateways import Heeds

THEIRS = test_same_text.TRACEROUTE
AT_ONCE = 8  # they mostly wait
TIME_LIMIT = 240
V4, V6, BOTH = (4,), (6,), (4, 6)

# ---- the table -----------------------------------------------------------------------

# What may differ: the text, or a part of the packets (fields of Sent).
ROOM = "a constant checksum, which is the flow of ICMP, takes two bytes"
NEVER_LEFT = "theirs counts the port of the probe that its own link did not take"
SEQUENCE = "sequences start anywhere, so that runs at a time are told apart"
NO_WAY = "that there is no way is known before anything is printed"
NO_SUCH = "what can be wrong of an address or device is known before anything is printed"
HELP = "our own words, of ourselves, and not as an error"
SAID_MORE = "version 2.1.5 and ours show the options, too"
NOT_TOLD = "the kernel does not tell who connects the TTL of what the host answers"

Row = namedtuple("Row", "options families target name differs")


def row(options, families=V4, target="t", name="traceroute", **differs):
    """The options, and behind a / the packet_len; HOST is the target, which else stands
    behind them. `target`: t, a node at the first link, or "inside": to there only what
    is marked has a way, to a router that has none. `name`: as which it is called."""
    return Row(options, families, target, name, differs)


ROWS = (
    row("", BOTH), row("-4"), row("-6", V6),
    row("-U", BOTH), row("--udp -p 5353"), row("-M udp"), row("-M default"),
    row("-p 40000", BOTH), row("--port=domain"),
    row("-I", BOTH, first=SEQUENCE), row("--icmp -p 9", BOTH), row("-M icmp -p 9"),
    row("-T", BOTH),
    row("-T -p 443", BOTH),
    row("--module=tcpconn"), row("-M tcpconn -p 443"), row("-UL", BOTH),
    row("-f 3", BOTH), row("--first=2 --max-hops=3"), row("-m 2", BOTH), row("-m255"),
    row("-i s-a", BOTH), row("--interface=s-a -I -p 1"), row("-UL -i s-a"),
    row("-N 1"), row("--sim-queries=5 -I -p 1"), row("-n"), row("-nq 1 -e", BOTH),
    row("-q10 --ext"), row("--queries=2 -w 5,999,999"), row("--wait=9"), row("-w 9/999"),
    row("-w 5,0,0"), row("-w 5.0,0"), row("-w 5,999/999 -q 1"),
    row("-t 184", BOTH), row("--tos=0x10 -I -p 1", BOTH), row("-UL -t 3", BOTH),
    row("-T -t 8", BOTH),
    row("-l 5", V6), row("--flowlabel=0xfffff -I -p 1", V6), row("-T -l 5", V6),
    row("-UL -l 0x77", V6),
    row("-z 0.02"), row("--sendwait=20 -q 1"), row("-z 10.5 -q 1"), row("-z .01 -q 1"),
    row("--sport=30000", BOTH), row("--sport=30001 -U"), row("--sport=30003 -UL"),
    row("--sport=30004 -T", BOTH), row("--sport=30005 -N 3"),
    row("--back", BOTH), row("--back -I -p 1"), row("--back -UL"),
    row("-d", BOTH), row("--fwmark=7", BOTH, "inside"), row("--fwmark=7 -I -p 1", V4, "inside"),
    row("--fwmark=7 -T -i s-a", BOTH, "inside"), row("--fwmark=0"), row("-T -d"),
    row("-r", target="a"), row("-r", text=NO_WAY), row("-r -I", target="a", first=SEQUENCE),
    row("-A", BOTH), row("--as-path-lookups -q 1"), row("-A -I -p 1 -e"),
    # Modules' options.
    *(row(f"-T -O {given}") for given in (
        "ack", "fin", "psh", "urg", "ece", "cwr", "syn,ack", "syn,fin", "flags=0", "flags=2",
        "flags=0x10", "ecn", "window_scaling", "sysctl", "syn,sysctl", "ack,sysctl",
        "sack,timestamps,window_scaling", "mss=600,syn", "mss=600,ack", "reuse", "info,ack",
        "ack,timestamps", "ack,sack", "syn,,sack", "syn,", "syn -O ack")),
    *(row(f"-T -O {given}", BOTH) for given in (
        "syn", "ack,syn", "sack", "timestamps", "mss=600", "info,syn", "info")),
    row("-T -O rst -w 0.5 -q 1 -m 4"), row("-T -O flags=255 -w 0.5 -q 1 -m 4"),
    row("-T -O syn -p 443", BOTH), row("-T -O ack -p 443"),
    row("-T -O syn -t 3", BOTH), row("-T -O syn -l 9", V6), row("-T -O syn -F --back"),
    row("--module=tcp --options=syn --sport=30009"), row("-T -O syn -d"),
    row("-I -O raw -p 1", BOTH), row("-I -Odgram -p 1 -N 1", BOTH),
    row("-UL -O coverage=8", BOTH), row("-UL -O coverage=20", BOTH),
    row("-UL -O coverage=100"),
    # What the target answers itself.
    row("-U -p 7", BOTH), row("-UL -p 7", BOTH), row("-P 254", BOTH),
    # Other protocols.
    row("-P 253", BOTH), row("-P gre", BOTH), row("--protocol=253 / 100", BOTH),
    row("-M raw", BOTH), row("-M raw -O protocol=47"), row("-P 253 -O protocol=47"),
    row("-P 253 / 28"), row("-P 253 / 48", V6), row("-P 253 --back"),
    row("-P 253 -f 2 -m 3 -t 16 -i s-a"), row("-P 253 -d"), row("-P 253 -l 5", V6),
    row("-P 253 --fwmark=7", V4, "inside"),
    # As whom.
    row("-q 1", V6, name="traceroute6"),
    row("-q 1", V4, name="traceroute4"), row("-q 1", V6, name="traceroute4"),
    row("-q 1", V4, name="traceroute6"), row("-p 1 -q 1", BOTH, name="tracert"),
    row("-U -q 1", name="tracert"), row("-p 1 -q 1", V6, name="tracert6"),
    row("-q 1", BOTH, name="tcptraceroute"), row("-q 1", V4, name="tcp4"),
    # How it may be written.
    *(row(line) for line in (
        "-nU -q1", "-Un", "-f3 -m3", "-nf 3", "-n4q 1", "-is-a", "-Micmp -p 1", "-p5000",
        "--dont", "--ext -q 1", "--", "-n -- HOST", "HOST -n -q 1", "-q 1 HOST -f 2",
        "HOST 100 -q 1", "HOST -f 2 100", "-q 1 -- HOST 100", "-n -UL", "/ 0x64", "/ 0100",
        "-t 0270", "-m 010", "--port=0x1000", "-nTq 1")),
    # The last word counts.
    *(row(line) for line in (
        "-I -T", "-I -U", "-U -UL", "-UL -U", "-T -I -p 1", "-D -I -p 1", "-M icmp -T",
        "-M udp -M icmp -p 1", "-U -M default", "-6 -4", "-q 2 -q 1", "-f 1 -f 2", "-w 6 -w 5",
        "-p 4000 -p 5000", "-m 2 -m 3")),
    # Without effect.
    row("-l 5"), row("-r", V6), row("--sport=30002 -I -p 1"), row("-T / 100", BOTH),
    row("-T --mtu", BOTH), row("-T -O ack / 100"), row("-P 253 --sport=30006"),
    row("-O any"), row("-U -O any"), row("-p 0"), row("--sport=0"), row("-N 0"),
    row("/ 100", BOTH), row("/ 28"), row("-I -p 1 / 28", text=ROOM, length=ROOM),
    row("/ 0"), row("/ 48", V6), row("-UL / 0"), row("-UL -p 9 / 100"),
    row("-I -p 1 / 1000", V6), row("/ 3000"), row("-UL / 3000"),
    # Wrong: nothing is sent.
    *(row(line) for line in (
        "-f 0", "-f 256", "-f -1", "-f x", "-f 3x", "-f=2", "-f 5 -m 4", "-m 0", "-m 256",
        "-m 255x", "-q 0", "-q 11", "-q -1", "-q=1", "-q2nf3", "-N x", "-N=3", "-t x", "-t=16",
        "-p x", "-l x", "-w -1", "-w x", "-w 5,", "-w 5,,0", "-w 5,9,9,9", "-w=5",
        "-z -1", "-z x", "-s x.invalid", "-s=192.0.2.1", "-s ::1", "--sport=x", "--fwmark=x",
        "--fwmark=", "-M nosuch", "-M=icmp", "-M", "-q", "-O", "--first", "--q=2", "--ty=1",
        "--m=3", "--icmp=1", "--dont-fragment=1", "-n=1", "-x", "-nUL", "-ULn", "-U -L",
        "--nosuch", "-4 -6", "/ x", "/ 60x", "/ 65001", "/ 60 70", "HOST HOST", "-g x",
        "-I -O raw,dgram", "-I -O raw -O dgram", "-I -O nosuch", "-T -O nosuch", "-T -O mss=x",
        "-T -O flags=x", "-T -O flags", "-T -O flags=", "-T -O syn=1", "-T -O ,syn",
        "-UL -O coverage=x", "-UL -O coverage", "-D -O service=x", "-M raw -O protocol=x",
        "-P nosuch")),
    row("-4", V6), row("-6"), row("-s 192.0.2.1", V6),
    row("-i nosuch", text=NO_SUCH), row("-s 192.0.3.1", text=NO_SUCH),
    row("--sport=domain", text=NO_SUCH),
    # What helps.
    *(row(f"{line}", text=HELP, errors=HELP) for line in (
        "-I -O help", "-T -O help", "-UL -O help", "-D -O help", "-P 253 -O help", "-O help",
        "-T -O syn,help", "--help", "-V", "--version")),
)

# After all others: the source's kernel remembers what the path takes.
LARGE_ROWS = (
    row("-F / 1450", BOTH), row("-I --dont-frag -p 1 / 1450", BOTH), row("-F / 1600", BOTH),
    row("-U -F / 1450", BOTH), row("-UL -F / 1450", BOTH), row("-F / 1400", BOTH),
    row("--mtu", BOTH, first=NEVER_LEFT), row("-q 1 --mtu -I -p 1 / 1450", BOTH),
    row("--mtu -U"), row("--mtu -UL", BOTH), row("--mtu -f 2 -q 1", first=NEVER_LEFT),
    row("--mtu / 1200"), row("--fwmark=9 --mtu", BOTH, first=NEVER_LEFT),
    row("--fwmark=9 -F / 1450", BOTH), row("--fwmark=9 -F / 1600", BOTH),
    row("-P 253 --mtu", BOTH), row("-P 253 -F / 1450", BOTH), row("-P 253 -F / 1600", BOTH),
    row("-P 253 / 1600", **dict.fromkeys(
        ("status", "errors", "text", "to", "length", "tos", "df", "offset", "flags", "header"),
        "raw sockets that write the IP header do not fragment")),
)

# What theirs takes and we do not (status 0 and 2), and what it is the other way round.
CUT = "theirs cuts it, or takes it for the default: nobody means what is then sent"
DIGITS = "a time is digits with or without a point, and has an end"
OTHER = "a protocol with an option of its own, whose probes would not be answered"
ADDRESS = "names are looked up when all that takes privilege is done; addresses only"
REFUSED = (
    *((line, CUT) for line in (
        "-p 5x", "-t 256", "-t -1", "-p 65536", "-p -1", "-N -1", "-N 65536", "--sport=65536",
        "--sport=-1", "--fwmark=-1", "--fwmark=4294967296", "-l 1048576", "-T -O mss=0",
        "-T -O mss=65536", "-T -O mss=-1", "-T -O flags=256", "-UL -O coverage=0",
        "-UL -O coverage=7", "-UL -O coverage=65536")),
    *((line, DIGITS) for line in (
        "-w 0", "-w 5e0", "-w inf", "-w nan", "-w 0x5", "-w +5", "-w 3601", "-z 1e-2",
        "-z 0x1 -q 1 -m 1")),
    *((f"-P {protocol} -w 0.5 -q 1 -m 1", OTHER) for protocol in (1, 6, 17, 58)),
    ("-P 253 -p 8", "it is another way to say which protocol, and no port"),
)
# What takes raw sockets of root's own, which ours sends no UDP-Lite by (status 1).
NOT_RAW = ("-UL --fwmark=9", "-UL -d", "-UL -f 3 -m 3 -g 10.1.2.2")
TAKEN = ("--firs=3", "--first 3", "--port 5000", "--sport 30007", "-nq2", "--sim 3",
         "--sendwait 20 -q 1", "--tos 16", "--module icmp -p 1", "-T -O mss")

# Options that stand in no row.
NOT_HERE = {"-s": "in every row", "-g": "in a network of its own",
            "-D": "theirs takes a kernel that has DCCP; ours is in test_dccp.py"}
# Theirs needs root for -T; for -I it does not, but loses what it sends while an error waits
# on its socket. Nothing is lost here, so waiting costs nothing, and a busy machine is slow.
BOTH_NEED_ROOT = re.compile(
    r"-d( |$)|--fwmark|-[gDP] ?\w|--protocol|--gateway|raw( |$)|"
    r"-T -O (?!mss=600$|info$|reuse$|sysctl$|syn,sysctl$)|--options=syn|-O raw")
NEEDS_ROOT = re.compile(r"-\w*[IT]|--icmp|--tcp|icmp|tcpconn|tracert|^tcp|" +
                        BOTH_NEED_ROOT.pattern)
ALWAYS = ("-n", "-w", "5")

# ---- packets -------------------------------------------------------------------------

# A packet as it left the source. `first` is the lowest port or sequence number that it
# was sent to with this run's options: the others may count up from it. `header` is what
# else headers say: options, flags, coverage.
Sent = namedtuple("Sent", "source to ttl proto length tos df offset port label flags header")
TSHARK = {
    4: ("ip.src", "ip.dst", "ip.ttl", "ip.proto", "ip.len", "ip.dsfield", "ip.flags.df",
        "ip.frag_offset"),
    6: ("ipv6.src", "ipv6.dst", "ipv6.hlim", "ipv6.nxt", "ipv6.plen", "ipv6.tclass", None,
        None),
}
PORTS = ("udp.dstport", "tcp.dstport", "icmp.seq",
         "icmpv6.echo.sequence_number")
HEADER = ("ip.opt.type", "ip.cur_rt", "ipv6.routing.type", "ipv6.routing.segleft",
          "tcp.option_kind", "tcp.options.mss_val", "udp.checksum_coverage")
PADDING = (0, 1)  # TCP options
SYN, RST = 2, 4
PROBES = re.compile("-O |--options")  # others are SYNs


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
        "ipv6.flow", "tcp.flags", *PORTS, *HEADER]
    done = subprocess.run(
        ["tshark", "-r", path, "-n", "-o", "ip.defragment:FALSE", "-T", "fields",
         "-E", "separator=;", "-E", "occurrence=a",
         *(word for name in names for word in ("-e", name))],
        capture_output=True, text=True, check=True)
    for line in done.stdout.splitlines():
        every = dict(zip(names, line.split(";")))
        told = {name: value.split(",")[0] for name, value in every.items()}
        family = 6 if told["ipv6.src"] else 4
        src, dst, ttl, proto, length, tos, df, offset = (
            told[name] if name else "0" for name in TSHARK[family])
        port = next((number(told[name]) for name in PORTS if told[name]), None)
        kinds = {number(kind) for kind in every["tcp.option_kind"].split(",") if kind}
        every["tcp.option_kind"] = str(sorted(kinds.difference(PADDING)))
        yield Sent(src, dst, number(ttl), number(proto),
                   number(length) + (40 if family == 6 else 0), number(tos), number(df),
                   number(offset), port, number(told["ipv6.flow"] or "0"),
                   number(told["tcp.flags"] or "0"),
                   " ".join(f"{name}={every[name]}" for name in HEADER if every[name]))


def header_of(packet):
    """Of the network: its options or routing header but for the address; of transport:
    options' kinds and MSS, or coverage."""
    data, found = packet.transport, []
    if packet.family == 4:
        found = list(packet.raw[20:23])
    elif packet.raw[6] == 43:
        found = list(packet.raw[40:44])
    if packet.proto == paris.UDPLITE:
        found.append(packet.udp_length)
    at = 20
    while packet.proto == paris.TCP and at < (data[12] >> 4) * 4:
        if data[at] not in PADDING:
            found.append((data[at], data[at + 2:at + 4] if data[at] == 2 else b""))
        at += 1 if data[at] in PADDING else data[at + 1]
    return str(sorted(found, key=str))


def by_ourselves(packets):
    for packet in packets:
        six = packet.family == 6
        port = packet.seq if packet.proto in (paris.ICMP, paris.ICMP6) else packet.dport
        whole = not packet.fragment_offset
        yield Sent(packet.src, packet.dst, packet.ttl, packet.proto, packet.length,
                   packet.tos, 0 if six else int(packet.dont_fragment),
                   packet.fragment_offset, port if whole else None,
                   packet.flow_label if six else 0, packet.flags or 0,
                   header_of(packet) if whole else "")


def summary(packets, hops, options):
    """By name of what may differ: what a run has sent to these hops."""
    # What a host accepts is then reset, by theirs half-open and by the kernel's connect(2)
    # with the handshake over. These are no probes.
    probes = PROBES.search(options)
    packets = [packet for packet in packets if packet.ttl <= hops and (
        packet.proto != paris.TCP or packet.flags == SYN or
        (probes and (packet.flags != RST or "rst" in options)))]
    ports = [packet.port for packet in packets if packet.port is not None]
    labelled = bool(re.search("-l |--flowlabel", options))
    return {
        "first": min(ports, default=None),
        **{name: Counter((packet.ttl, packet.proto, getattr(packet, name))
                         for packet in packets)
           for name in ("to", "length", "tos", "df", "offset", "flags", "header",
                        *["label"] * labelled)}}


# ---- who answers ---------------------------------------------------------------------

class Answering:
    """Servers at the target: UDP and UDP-Lite at port 7 and IP's protocol 254 send back
    what they get, TCP at port 443 accepts. At the source a whois server."""

    RAW = 254

    def __init__(self, lab):
        self.listener = lab.listen(443)
        self.sockets = lab.inside("t", self._open)
        self.whois = lab.inside("s", lambda: whois_server.WhoisServer(
            {source(4).encode(): whois_server.nobody},
            default=whois_server.is_routed("0.0.0.0/0", 64496, 64497)))
        self.whois.__enter__()
        self.wake, wakened = socket.socketpair()
        self.thread = threading.Thread(target=self._run, args=(wakened,))
        self.thread.start()

    def _open(self):
        found = []
        for family, address in ((socket.AF_INET, TARGET[4]), (socket.AF_INET6, TARGET[6])):
            for kind, protocol, port in ((socket.SOCK_DGRAM, socket.IPPROTO_UDP, 7),
                                         (socket.SOCK_DGRAM, paris.UDPLITE, 7),
                                         (socket.SOCK_RAW, self.RAW, 0)):
                found.append(socket.socket(family, kind, protocol))
                found[-1].bind((address, port))
        return found

    def _run(self, wakened):
        with selectors.DefaultSelector() as waiting, wakened:
            for sock in (*self.sockets, wakened):
                waiting.register(sock, selectors.EVENT_READ)
            while True:
                for key, _ in waiting.select():
                    if key.fileobj is wakened:
                        return
                    data, sender = key.fileobj.recvfrom(1 << 16)
                    # IPv4's raw socket shows the header.
                    raw4 = key.fileobj.type == socket.SOCK_RAW and len(sender) == 2
                    key.fileobj.sendto(data[20:] if raw4 else data, sender)

    def close(self):
        self.wake.close()
        self.thread.join()
        self.whois.__exit__(None, None, None)
        for sock in (self.listener, *self.sockets):
            sock.close()


# ---- the tests -----------------------------------------------------------------------

@functools.lru_cache(maxsize=None)
def theirs_called(name):
    """Their program under another name."""
    path = paris.temporary_folder() / name
    path.symlink_to(THEIRS)
    return str(path)


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
class Compared(routers.LabTest):
    """Runs of rows, both programs', in a network."""

    environment = None

    def target(self, each, family):
        told = {"t": TARGET[family], "inside": INSIDE[family]}
        return told.get(each.target) or self.network.address(each.target, "s", family)

    def run_pair(self, pair, first):
        """Both runs, from an address each, so that what they send is told apart."""
        each, family = pair
        target = self.target(each, family)
        words, _, length = each.options.partition("/")
        words = [target if word == "HOST" else word for word in words.split()]
        words += [target] * ("HOST" not in each.options) + length.split()
        privileged = [BOTH_NEED_ROOT.search(each.options) is not None]
        privileged.insert(0, privileged[0] or NEEDS_ROOT.search(each.options) or
                          NEEDS_ROOT.search(each.name))
        runs = []
        for turn, program in enumerate(([theirs_called(each.name)],
                                        test_same_text.started_as(each.name))):
            src = source(family, first + turn)
            running = paris.start(*program, *ALWAYS, "-s", src, *words,
                                  user=not privileged[turn], env=self.environment)
            runs.append(Run(running.finish(60), src))
        return runs

    def compare(self, rows, check):
        """Calls check(row, both runs, what was sent by source) for each row, which are run
        as many at a time as the source has addresses for."""
        capture = routers.Capture(self.lab, "a", "s")
        self.addCleanup(capture.close)
        pairs = [(each, family) for each in rows for family in each.families]
        runs, packets = [], []
        for at in range(0, len(pairs), SOURCES // 2):
            with ThreadPoolExecutor(AT_ONCE, initializer=routers.enter,
                                    initargs=(self.lab.holders["s"],)) as pool:
                runs += pool.map(self.run_pair, pairs[at:at + SOURCES // 2],
                                 range(1, SOURCES, 2))
            packets.append(capture.read().arriving)
            capture.forget()
        sent = self.by_source(packets)
        for number, ((each, family), both) in enumerate(zip(pairs, runs)):
            with self.subTest(options=each.options, name=each.name, family=family):
                check(each, both, sent[number // (SOURCES // 2)])

    @staticmethod
    def by_source(batches):
        """Of each batch of packets what was sent, by its source."""
        read = by_tshark if shutil.which("tshark") else by_ourselves
        told = read([packet for packets in batches for packet in packets])
        found = []
        for packets in batches:
            found.append({})
            for packet in itertools.islice(told, len(packets)):
                found[-1].setdefault(packet.source, []).append(packet)
        return found

    def check(self, each, both, sent):
        theirs, ours = both
        shown = f"theirs: {theirs}\nours: {ours}"
        self.assertLessEqual(ours.errors.count("\n"), 1, shown)
        said = [summary(sent.get(run.source, ()), theirs.hops, each.options)
                for run in both]
        for told, run in zip(said, both):
            told.update(text=run.text, status=run.status, errors=run.errors != "")
        for name in said[0]:
            if name in each.differs:
                self.assertNotEqual(said[0][name], said[1][name],
                                    f"{name} does not differ\n{shown}")
            else:
                self.assertEqual(said[0][name], said[1][name], f"{name}\n{shown}")


class Compatible(Compared):
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
        answering = Answering(cls.lab)
        cls.addClassCleanup(answering.close)
        cls.environment = {"RA_SERVER": "127.0.0.1",
                           "RA_SERVICE": str(answering.whois.port)}

    def test_every_row(self):
        self.compare(ROWS, self.check)
        self.compare(LARGE_ROWS, self.check)

    def test_refused(self):
        """What we do not take is said in a line that names it, and nothing is sent."""
        def check(each, both, sent):
            theirs, ours = both
            self.assertEqual((theirs.status, ours.status, ours.text), (0, 2, ""), ours)
            self.assertRegex(ours.errors, r"\A[a-z-]+: [^\n]+\n\Z")
            named = re.findall(r"-\w|--\w+|mss|flags|coverage", each.options)
            self.assertTrue(any(word in ours.errors for word in named), ours)
            self.assertNotIn(ours.source, sent)
        self.compare([row(line) for line, _ in REFUSED], check)

    def test_not_by_raw_sockets(self):
        def check(_, both, sent):
            theirs, ours = both
            self.assertEqual((theirs.status, ours.status, ours.text), (0, 1, ""), ours)
            self.assertRegex(ours.errors, r"\A[a-z-]+: [^\n]*(raw sockets|IP header)[^\n]*\n\Z")
            self.assertNotIn(ours.source, sent)
        self.compare([row(line) for line in NOT_RAW], check)

    def test_taken(self):
        def check(_, both, sent):
            theirs, ours = both
            self.assertEqual((theirs.status, ours.status, ours.errors), (2, 0, ""), ours)
            self.assertIn(ours.source, sent)
        self.compare([row(line) for line in TAKEN], check)

    def test_every_option_has_a_row(self):
        """Of those that traceroute tells of, and of those that its modules do."""
        options = set()
        for line in re.findall(r"(?m)^  (-.*)$", self.help()):
            forms = re.findall(r"(?:^|  )(--?[A-Za-z\d][\w-]*)", line)
            options.add(forms[0])
            if len(forms) > 1:
                self.assertTrue(forms[1].startswith("--"), line)
        tried = {form for each in (*ROWS, *LARGE_ROWS)
                 for form in re.findall(r"(?:^| )(--[a-z-]+|-UL|-\w)", each.options)}
        self.assertEqual(options - tried - set(NOT_HERE), set())
        for module in ("-I", "-T", "-UL", "-P253", "-D"):
            known = set(re.findall(r"(?m)^  ([a-z_]+)", self.help(module, "-O", "help")))
            self.assertTrue(known)
            tried = {name for each in ROWS for name in re.findall(r"[a-z_]+", each.options)}
            self.assertEqual(known - tried, set())

    @staticmethod
    def help(*words):
        shown = subprocess.run([THEIRS, *words, "--help"] if not words else [THEIRS, *words],
                               capture_output=True, text=True, check=False)
        return shown.stdout + shown.stderr


@unittest.skipUnless(os.geteuid() == 0, "only root sends such packets")
class Gateways(Compared):
    """Source routes (-g), which the routers forward. IPv6's this kernel refuses theirs; ours
    are in test_gateways.py."""

    network = Network("""
        s - a - b1 - c - t
            a - b2 - c
    """, s=Heeds("b2", "a", "a"), a=Heeds(), b1=Heeds(), b2=Heeds(), c=Heeds(),
        t=Heeds("b2", "c", "c"))

    def test_rows(self):
        """Theirs prints what comes from behind the last gateway only, since what it quotes
        went to that, and of UDP nothing from the end; and writes the target twice."""
        gateway = self.network.address("b2", "a", 4)

        def check(each, both, sent):
            theirs, ours = both
            shown = f"theirs: {theirs}\nours: {ours}"
            self.assertEqual((theirs.status, theirs.errors), (ours.status, ours.errors), shown)
            said = [summary(sent[run.source], 4, each.options) for run in both]
            for name in set(said[0]) - {"first", "length", "header"}:
                self.assertEqual(said[0][name], said[1][name], f"{name}\n{shown}")
            for told in said:
                for _, _, header in told["header"]:
                    self.assertIn(f"ip.cur_rt={gateway}", header)
            for told, run, words in zip(said, both, (2 + each.options.count(gateway),
                                                     1 + each.options.count(gateway))):
                added = 4 * words
                length, = {length for _, _, length in told["length"]}
                self.assertEqual(f"{length} byte packets", run.text.splitlines()[0].split(", ")[2])
                if "/" not in each.options and "-O" not in each.options:
                    self.assertEqual(length, 60 + added, shown)
            self.assertEqual(theirs.text.splitlines()[1:], ours.text.splitlines()[1:], shown)

        self.compare([row(f"-f 3 -m 4 -g {gateway} {more}") for more in (
            "-m 3", "-I -p 1", "-P 253", "-T -O syn", "-T -O ack -p 443", "-U -m 3",
            f"-g {gateway} -P 253", "-P 253 / 100", "--back -I -p 1", "-P 253 -F -t 16")] +
            [row(f"--gateway={gateway},{gateway} -I -p 1 -f 3 -m 4")], check)


if __name__ == "__main__":
    unittest.main()
