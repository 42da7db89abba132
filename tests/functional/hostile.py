#!/usr/bin/python3
"""A network whose only router is a test: it sees every packet and may answer anything.

    result = hostile.trace("forged", "-I", "198.51.100.9")   # or "malformed.fragments"
    result.stdout, result.returncode, result.stderr, result.cpu, result.injected

Routers at TTL 1 to 3 are 10.0.TTL.1 and 2001:db8:TTL::1, the target answers from TTL 4
on. Before each honest answer a scenario of this file injects its own packets.

The tool runs without privilege; the network is in a namespace of its own, which an
ordinary user makes with a user namespace, root without. Run as a program this file is
the network.
"""

import importlib
import ipaddress
import itertools
import json
import os
import random
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import paris

HOPS = 4
FORGER = {4: "10.66.6.6", 6: "2001:db8:666::6"}
OURS = {4: "192.0.2.2", 6: "2001:db8::2"}
OUR_MAC = "02:00:00:00:00:02"  # TCP takes nothing that is broadcast
ETHERNET = 14
SO_TIMESTAMPNS = 35
BURST = 128
# Bytes that may wait in a socket, which takes 200 kB at least, before more is injected; for
# how many seconds at most; where the kernel shows them.
ROOM = 50_000
PATIENCE = 10
TABLES = [f"/proc/self/net/{name}" for name in ("udp", "udp6", "icmp", "icmp6", "raw", "raw6")]


# ---- packets -------------------------------------------------------------------------

def packed(address):
    return ipaddress.ip_address(address).packed


def checksum_into(data, at, pseudo=b""):
    data = bytearray(data)
    data[at:at + 2] = bytes(2)
    struct.pack_into("!H", data, at, paris.internet_checksum(pseudo + bytes(data)))
    return bytes(data)


def ip_packet(src, dst, proto, body, ttl=60):
    family = ipaddress.ip_address(src).version
    if family == 4:
        header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 7, 0, ttl, proto, 0)
        return checksum_into(header + packed(src) + packed(dst), 10) + body
    return struct.pack("!IHBB", 6 << 28, len(body), proto, ttl) \
        + packed(src) + packed(dst) + body


def icmp_packet(src, dst, kind, code, rest, body):
    """rest: the four bytes after the checksum."""
    family = ipaddress.ip_address(src).version
    data = struct.pack("!BBH", kind, code, 0) + rest + body
    pseudo = b""
    if family == 6:
        pseudo = packed(src) + packed(dst) + struct.pack("!II", len(data), 58)
    return ip_packet(src, dst, 58 if family == 6 else 1, checksum_into(data, 2, pseudo))


def error(probe, src, quote=None, final=False, rest=bytes(4), kind=None):
    """An ICMP error about a probe: time exceeded, or port unreachable."""
    if kind is None:
        kind = {4: ((11, 0), (3, 3)), 6: ((3, 0), (1, 4))}[probe.family][final]
    return icmp_packet(src, probe.src, *kind, rest, probe.raw if quote is None else quote)


def udp_packet(src, sport, dst, dport, payload):
    data = struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload
    pseudo = packed(src) + packed(dst) + struct.pack("!II", len(data), 17)
    if ipaddress.ip_address(src).version == 4:
        pseudo = packed(src) + packed(dst) + struct.pack("!BBH", 0, 17, len(data))
    return ip_packet(src, dst, 17, checksum_into(data, 6, pseudo))


SYN, RST, ACK = 2, 4, 16


def tcp_packet(src, sport, dst, dport, seq, ack, flags):
    data = struct.pack("!HHIIBBHHH", sport, dport, seq % 2**32, ack % 2**32, 5 << 4, flags,
                       1000, 0, 0)
    pseudo = packed(src) + packed(dst) + struct.pack("!II", len(data), paris.TCP)
    return ip_packet(src, dst, paris.TCP, checksum_into(data, 16, pseudo))


def router(probe):
    return f"10.0.{probe.ttl}.1" if probe.family == 4 else f"2001:db8:{probe.ttl}::1"


def honest_source(probe):
    return probe.dst if probe.ttl >= HOPS else router(probe)


def honest(probe):
    if probe.ttl < HOPS:
        return error(probe, router(probe))
    if probe.proto == paris.UDP:
        return error(probe, probe.dst, final=True)
    if probe.proto == paris.TCP:
        return tcp_packet(probe.dst, probe.dport, probe.src, probe.sport, 7, probe.seq + 1,
                          SYN | ACK)
    return icmp_packet(probe.dst, probe.src, 129 if probe.family == 6 else 0, 0,
                       probe.transport[4:8], probe.payload)


def header_length(probe):
    return 20 if probe.family == 4 else 40


def changed(data, at, value):
    """A copy with other bytes at an offset."""
    return data[:at] + value + data[at + len(value):]


# ---- scenarios: what is injected before a probe's honest answer -----------------------

def nothing(probe):
    return []


def tag_at(probe):
    """Where the tag is: the payload's first bytes, or the sequence number, by which the
    kernel tells TCP probes apart."""
    return header_length(probe) + {paris.UDP: 8, paris.TCP: 4}.get(probe.proto, 6)


def other_tag(probe):
    """The probe with a tag that none in flight has."""
    at = tag_at(probe)
    return changed(probe.raw, at, bytes([probe.raw[at] ^ 0x40]))


def elsewhere(probe, packet):
    """The packet with other destinations."""
    at = 16 if probe.family == 4 else 24
    size = len(packed(probe.dst))
    found = [changed(packet, at, packed(FORGER[probe.family])),
             changed(packet, at + size - 1, bytes([packet[at + size - 1] ^ 1]))]
    if probe.proto != paris.ICMP and probe.proto != paris.ICMP6:
        found.append(changed(packet, header_length(probe) + 2, struct.pack("!H", 40001)))
    return found


def forged(probe):
    """Errors and answers of packets that were never sent. None may be taken. (A wrong
    source in the quote cannot be told without privilege: the kernel keeps it.) With
    another destination all that is visible must agree, the tag above all."""
    src = FORGER[probe.family]
    inner, tag = header_length(probe), tag_at(probe)
    quotes = [other_tag(probe)]
    quotes += elsewhere(probe, other_tag(probe))
    quotes += elsewhere(probe, probe.raw[:tag + (3 if probe.proto == paris.UDP else 1)])
    quotes += elsewhere(probe, changed(probe.raw, len(probe.raw) - 1, b"\xff"))
    if probe.proto in (paris.UDP, paris.TCP):
        quotes.append(changed(probe.raw, inner, struct.pack("!H", 40001)))
        quotes += [changed(probe.raw, tag + at, bytes([probe.raw[tag + at] ^ 1]))
                   for at in range(3)]
    else:
        quotes.append(changed(probe.raw, inner + 4, struct.pack("!H", probe.id ^ 1)))
    quotes.append(changed(probe.raw, 9 if probe.family == 4 else 6,
                          bytes([17 if probe.proto == paris.TCP else 6])))
    found = [error(probe, src, quote, final)
             for quote in quotes for final in (False, True)]
    if probe.proto == paris.UDP:
        payloads = (b"me", probe.payload[:4], probe.payload[:-1],
                    other_tag(probe)[tag:], probe.payload[:-1] + b"\xff")
        found += [udp_packet(sender, port, probe.src, probe.sport, payload)
                  for sender, port in ((src, probe.dport), (probe.dst, probe.dport ^ 1),
                                       (probe.dst, 7)) for payload in payloads]
    elif probe.proto == paris.TCP:
        found += forged_segments(probe)
    else:
        reply = 129 if probe.family == 6 else 0
        found += [icmp_packet(src, probe.src, reply, 0,
                              struct.pack("!HH", probe.id, probe.seq ^ 0x4000),
                              probe.payload),
                  icmp_packet(src, probe.src, reply, 0,
                              struct.pack("!HH", probe.id ^ 1, probe.seq), probe.payload),
                  # a request with our id is none of ours
                  icmp_packet(src, probe.src, 128 if probe.family == 6 else 8, 0,
                              probe.transport[4:8], probe.payload)]
    return found


def forged_segments(probe):
    """Answers to a SYN that acknowledge another one, or nothing, or are somebody else's."""
    src = FORGER[probe.family]
    found = []
    for flags in (SYN | ACK, RST | ACK, RST, ACK):
        right = probe.seq + 1 if flags & ACK else 0
        for wrong in (0, right + 1, right - 1, right ^ 0x80000000):
            found.append(tcp_packet(probe.dst, probe.dport, probe.src, probe.sport, 7,
                                    wrong, flags))
        found += [tcp_packet(src, probe.dport, probe.src, probe.sport, 7, right, flags),
                  tcp_packet(probe.dst, probe.dport ^ 1, probe.src, probe.sport, 7, right,
                             flags),
                  tcp_packet(probe.dst, probe.dport, probe.src, probe.sport ^ 1, 7, right,
                             flags)]
    return found


def ihl(probe):
    """Quoted IPv4 headers of every wrong length; over IPv6, chains of extensions that
    lead nowhere."""
    src = FORGER[probe.family]
    if probe.family == 6:
        chains = [bytes([0, 0]), bytes([0, 255]), bytes([60, 7]), bytes([44, 0]),
                  bytes([43, 1]), bytes([50, 0]), bytes([51, 255])]
        return [error(probe, src, changed(probe.raw, 6, bytes([first])), final)
                for first in (0, 43, 44, 50, 51, 59, 60, 135) for final in (False, True)] \
            + [error(probe, src, changed(probe.raw, 6, b"\0")[:40] + chain * count)
               for chain in chains for count in (1, 4, 50)]
    return [error(probe, src, changed(probe.raw, 0, bytes([0x40 | value])), final)
            for value in range(16) if value != 5 for final in (False, True)]


def protocols(probe):
    """Quoted packets of every other protocol."""
    at = 9 if probe.family == 4 else 6
    return [error(probe, FORGER[probe.family], changed(probe.raw, at, bytes([value])))
            for value in range(256) if value != probe.proto]


def visible(probe):
    """The shortest quote that still tells which probe it is of."""
    return header_length(probe) + (12 if probe.proto == paris.UDP else 8)


def cut_short(probe):
    """Errors cut at each byte before anything tells whose they are."""
    whole = error(probe, FORGER[probe.family])
    outer = header_length(probe)
    found = []
    for length in range(outer, outer + 8 + header_length(probe) + 8):
        body = whole[outer:length]
        if len(body) >= 4:
            pseudo = b""
            if probe.family == 6:
                pseudo = packed(FORGER[6]) + packed(probe.src) \
                    + struct.pack("!II", len(body), 58)
            body = checksum_into(body, 2, pseudo)
        found.append(ip_packet(FORGER[probe.family], probe.src,
                               58 if probe.family == 6 else 1, body))
    return found


def only_answers_itself(probe):
    """A target sends no error about an echo request."""
    return probe.proto != paris.UDP and probe.ttl >= HOPS


def cut_late(probe):
    """Cut at each byte after that: answers, from where the probe was answered."""
    if only_answers_itself(probe):
        return []
    return [error(probe, honest_source(probe), probe.raw[:length], probe.ttl >= HOPS)
            for length in range(visible(probe), len(probe.raw))]


def lying(probe):
    """Quoted lengths and versions that are not so, and lengths of RFC 4884."""
    if only_answers_itself(probe):
        return []
    src, final = honest_source(probe), probe.ttl >= HOPS
    at = 2 if probe.family == 4 else 4
    found = [error(probe, src, changed(probe.raw, at, struct.pack("!H", value)), final)
             for value in (0, 1, 19, 20, 27, 28, 29, 1500, 65535)]
    found += [error(probe, src, changed(probe.raw, 0, bytes([
        value << 4 | probe.raw[0] & 15])), final) for value in range(16)]
    for value in range(256):
        rest = bytes([value, 0, 0, 0]) if probe.family == 6 else bytes([0, value, 0, 0])
        found.append(error(probe, src, probe.raw, final, rest))
    return found


def extension(*objects, version=2, wrong=0):
    data = struct.pack("!BBH", version << 4, 0, 0) + b"".join(objects)
    data = checksum_into(data, 2)
    return changed(data, 2, struct.pack("!H", struct.unpack_from("!H", data, 2)[0] ^ wrong))


def item(kind, subkind, data, length=None):
    return struct.pack("!HBB", 4 + len(data) if length is None else length, kind,
                       subkind) + data


def extensions(probe):
    """RFC 4884 structures in every kind of disorder, behind quotes of 128 bytes."""
    label = struct.pack("!I", 16001 << 12 | 1 << 8 | 1)
    structures = [
        b"", b"\x20", b"\x20\x00", b"\x20\x00\x00", b"\x20\x00\x00\x00", bytes(500),
        extension(), extension(version=0), extension(version=15), extension(wrong=1),
        extension(item(1, 1, label), version=3), extension(item(1, 1, label), wrong=77),
        extension(item(1, 1, label)), extension(item(1, 1, label * 40)),
        extension(*[item(1, 1, label)] * 60), extension(*[item(9, 9, b"")] * 60),
        extension(item(1, 1, label[:3])), extension(item(1, 1, b"")),
        extension(item(2, 0x0F, b"\xff" * 63)), extension(item(2, 5, b"")),
        extension(item(255, 255, b"x" * 300)),
    ] + [extension(item(1, 1, label, length)) for length in
         (0, 1, 2, 3, 4, 5, 6, 7, 9, 12, 255, 256, 1000, 65532, 65535)]
    if only_answers_itself(probe):
        return []
    src, final = honest_source(probe), probe.ttl >= HOPS
    found = []
    for structure in structures:
        for length in (0, 16 if probe.family == 6 else 32, 1, 255):
            rest = bytes([length, 0, 0, 0]) if probe.family == 6 \
                else bytes([0, length, 0, 0])
            quote = probe.raw.ljust(128, b"\0") + structure
            found.append(error(probe, src, quote, final, rest))
    return found


def objects(probe):
    """Well-formed extensions, label stacks before and behind other objects."""
    if only_answers_itself(probe):
        return []
    label = struct.pack("!I", (16000 + probe.ttl) << 12 | 1 << 8 | 1)
    chosen = [
        [item(2, 10, b"abcdefgh"), item(1, 1, label * 2), item(5, 0, b""),
         item(1, 1, label), item(1, 2, label)],
        [item(1, 1, label), item(2, 10, b"abcd")],
        [item(3, 1, b"\0" * 12), item(1, 1, b""), item(1, 1, label * 3)],
    ][probe.ttl % 3]
    rest = bytes([16, 0, 0, 0]) if probe.family == 6 else bytes([0, 32, 0, 0])
    return [error(probe, honest_source(probe),
                  probe.raw.ljust(128, b"\0") + extension(*chosen), probe.ttl >= HOPS, rest)]


def kinds(probe):
    """Errors of every other type and code about somebody else's packet."""
    quote = changed(probe.raw, header_length(probe), b"\x9c\x41")
    if probe.proto != paris.UDP:
        quote = changed(probe.raw, header_length(probe) + 4, bytes(2))
    return [error(probe, FORGER[probe.family], quote, kind=(kind, code))
            for kind in range(256) for code in (0, 1, 255)]


def noise(probe):
    """Errors about other packets, with bytes changed at random and random bytes behind;
    seeded, so that a failure can be repeated."""
    dice = random.Random(f"{probe.ttl} {probe.family} {probe.proto}")
    outer = header_length(probe)
    quote = elsewhere(probe, other_tag(probe))[0]
    # The address and the tag are wrong in any case, so whatever else is: not ours.
    at, tag = 8 + (16 if probe.family == 4 else 24), 8 + tag_at(probe)
    keep = {*range(at, at + 4), *range(tag, tag + 4)}
    found = []
    for _ in range(300):
        body = bytearray(error(probe, FORGER[probe.family], quote)[outer:])
        for _ in range(dice.randrange(1, 12)):
            where = dice.randrange(len(body))
            if where not in keep:
                body[where] = dice.randrange(256)
        data = bytes(body[:dice.randrange(8, len(body) + 1)]) \
            + bytes(dice.randrange(256) for _ in range(dice.randrange(0, 64)))
        pseudo = packed(FORGER[6]) + packed(probe.src) + struct.pack("!II", len(data), 58) \
            if probe.family == 6 else b""
        found.append(ip_packet(FORGER[probe.family], probe.src,
                               58 if probe.family == 6 else 1,
                               checksum_into(data, 2, pseudo)))
    return found


SCENARIOS = {function.__name__: function for function in (
    nothing, forged, ihl, protocols, cut_short, cut_late, lying, extensions, objects,
    kinds, noise)}


# ---- the network, in a process of its own ---------------------------------------------

def command(*words):
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL)


def answer_of(*words):
    return subprocess.run(words, check=True, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE).stdout


def started(*names, address=None):
    """Waits until what is sent on these devices is not dropped any more: the kernel
    starts their queues a moment after both ends are up, and adds the route of an IPv6
    address of ours, without which nothing arrives, a moment later too."""
    for name in names:
        paris.wait_for(lambda name=name: "qdisc noop " not in answer_of(
            "ip", "-o", "link", "show", "dev", name), 10, f"{name} does not start")
    if address:
        paris.wait_for(lambda: answer_of("ip", "route", "get", address).startswith(
            "local "), 10, f"{address} does not become ours")


def make_network():
    command("ip", "link", "set", "lo", "up")
    command("ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1")
    for name in ("v0", "v1"):
        command("ip", "link", "set", name, "arp", "off", "multicast", "off",
                "addrgenmode", "none")
    command("ip", "link", "set", "v0", "address", OUR_MAC)
    command("ip", "addr", "add", OURS[4] + "/24", "dev", "v0")
    command("ip", "link", "set", "v1", "up")
    command("ip", "link", "set", "v0", "up")
    command("ip", "addr", "add", OURS[6] + "/64", "dev", "v0", "nodad")
    started("v0", "v1", address=OURS[6])
    command("ip", "route", "add", "default", "dev", "v0")
    command("ip", "-6", "route", "add", "default", "dev", "v0")
    groups = f"{os.getgid()} {os.getgid()}" if os.geteuid() else "0 2147483647"
    Path("/proc/sys/net/ipv4/ping_group_range").write_text(groups)


class Router:
    def __init__(self, scenario, delay):
        self.scenario = scenario
        self.delay = delay
        self.probes = self.injected = 0
        self.behind = 0.0  # the longest that an honest answer was late for its time
        self.held = []  # (when, packet), by the time of day
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.bind(("v1", 0))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)

    def frame(self, packet):
        kind = b"\x08\x00" if packet[0] >> 4 == 4 else b"\x86\xdd"
        return bytes.fromhex(OUR_MAC.replace(":", "")) + b"\x02" + bytes(5) + kind + packet

    def send(self, packet):
        self.socket.send(self.frame(packet))

    def take(self):
        frame, ancillary, _, address = self.socket.recvmsg(70000, 64)
        seconds, nanoseconds = struct.unpack("@qq", ancillary[0][2])
        if address[2] == socket.PACKET_OUTGOING or frame[12:14] not in (b"\x08\x00",
                                                                        b"\x86\xdd"):
            return
        probe = paris.Packet(frame[ETHERNET:])
        if probe.src != OURS[probe.family] or probe.more_fragments:
            return
        if probe.proto not in (paris.UDP, paris.TCP, paris.ICMP, paris.ICMP6):
            return
        if probe.proto == paris.TCP and probe.flags != SYN:
            return
        if probe.type not in (None, 8, 128):
            return
        self.probes += 1
        for packet in self.scenario(probe):
            self.injected += 1
            self.send(packet)
            if self.injected % BURST == 0:  # the kernel queues only so many
                time.sleep(0.002)
                self.wait_until_read()
        self.held.append((seconds + nanoseconds / 1e9 + self.delay, honest(probe)))

    @staticmethod
    def wait_until_read():
        """Returns when what waits in the sockets of this network is little: a prober that
        stands still shall not lose the honest answer for want of room."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and max(map(waiting, TABLES), default=0) > ROOM:
            time.sleep(0.002)

    def send_due(self):
        while self.held and self.held[0][0] <= time.time():
            due, packet = self.held.pop(0)
            self.send(packet)
            self.behind = max(self.behind, time.time() - due)

    def serve(self, process):
        end = os.pidfd_open(process.pid)
        while True:
            wait = max(0, self.held[0][0] - time.time()) if self.held else None
            ready, _, _ = select.select([self.socket, end], [], [], wait)
            if self.socket in ready:
                self.take()
            self.send_due()
            if end in ready:
                os.close(end)
                return


def in_turn(scenario, first):
    """Of what is made about probe N, only packet N + first, counted round."""
    numbers = itertools.count(first)

    def chosen(probe):
        packets, number = scenario(probe), next(numbers)
        return packets and [packets[number % len(packets)]]
    return chosen


def waiting(table):
    """The most bytes that wait to be read in a socket of one kind."""
    with open(table, encoding="ascii") as file:
        rows = [line.split() for line in list(file)[1:]]
    return max((int(row[4].partition(":")[2], 16) for row in rows), default=0)


def find_scenario(name):
    """FUNCTION of this file or MODULE.FUNCTION of another one here; FUNCTION*FIRST: one
    packet a probe, in turn."""
    name, star, first = name.partition("*")
    module, _, function = name.rpartition(".")
    found = getattr(importlib.import_module(module), function) if module \
        else SCENARIOS[function]
    return in_turn(found, int(first)) if star else found


def main():
    scenario, delay, result, *line = sys.argv[1:]
    make_network()
    serving = Router(find_scenario(scenario), float(delay))
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        begun = time.monotonic()
        process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=errors)
        serving.serve(process)
        _, status, usage = os.wait4(process.pid, 0)
        texts = []
        for stream in (output, errors):
            stream.seek(0)
            texts.append(stream.read().decode("latin-1"))
    Path(result).write_text(json.dumps(dict(
        status=os.waitstatus_to_exitcode(status), stdout=texts[0], stderr=texts[1],
        seconds=time.monotonic() - begun, probes=serving.probes,
        injected=serving.injected, behind=serving.behind, cpu=usage.ru_utime + usage.ru_stime)))


# ---- for tests -----------------------------------------------------------------------

class Result(paris.Result):
    def __init__(self, found):
        super().__init__(found["status"], found["stdout"].encode("latin-1"),
                         found["stderr"].encode("latin-1"), found["seconds"])
        self.probes = found["probes"]
        self.injected = found["injected"]
        self.behind = found["behind"]
        self.cpu = found["cpu"]  # of the tool and all its servants, in seconds


def unshared():
    """How to get a network namespace of our own."""
    if os.geteuid() == 0:
        return ["unshare", "--net"]
    return ["unshare", "--user", "--map-current-user", "--net", "--keep-caps"]


def unprivileged():
    if os.geteuid() == 0:
        return [*paris.SETPRIV[:-1], "--bounding-set", "-all", "--"]
    return ["setpriv", "--bounding-set", "-all", "--ambient-caps", "-all", "--inh-caps",
            "-all", "--no-new-privs", "--"]


def check_possible():
    """Skips where no namespace can be made."""
    tried = subprocess.run([*unshared(), "ip", "link"], stdin=subprocess.DEVNULL,
                           capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        raise unittest.SkipTest("no network namespace: " + tried.stderr.strip())


def trace(scenario, *arguments, delay=0, limit=60, program="paris-traceroute"):
    """Runs paris-traceroute, or another program, in the network of a scenario, again if
    that was too late, as paris.undisturbed does; returns its Result."""
    for _ in range(5):
        result = run(scenario, delay, limit, program, *arguments)
        if result.behind < 0.6 * paris.patience(arguments):
            break
    return result


def run(scenario, delay, limit, program, *arguments):
    folder = paris.temporary_folder()
    tool = paris.started_with([program, *arguments])
    environment = {"PYTHONDONTWRITEBYTECODE": "1"}
    ran = paris.Running(
        [*unshared(), sys.executable, __file__, scenario, delay, folder / "result",
         *unprivileged(), *tool], user=False, env=environment).finish(limit)
    if ran.returncode != 0:
        raise AssertionError(f"the network of {scenario} failed: {ran}")
    result = Result(json.loads((folder / "result").read_text()))
    paris.lateness.note({"sent": {"behind_ns": int(1e9 * result.behind)}}, result.stderr,
                        result.returncode)
    return result


if __name__ == "__main__":
    main()
