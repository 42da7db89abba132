"""What leaves: the bytes of each probe, and that nothing does which policy forbids. Packets
are captured on the only interface, as they leave."""

import itertools
import os
import shutil
import socket
import struct
import subprocess
import time
import unittest
from pathlib import Path

import paris
import privsep
from privsep import (ACK, CWR, ECE, FAMILIES, ICMP_OF, ROUTER, RST, SECOND, SEND, SENT, SOURCE,
                     SYN, TARGET, TCP, UDP, Helper)

wire = None
FIN, PSH, URG = 0x01, 0x08, 0x20
EACCES, EINVAL, EMSGSIZE, ENETUNREACH = 13, 22, 90, 101


def setUpModule():
    global wire
    wire = privsep.Wire()


def tearDownModule():
    wire.close()


class Wire(unittest.TestCase):
    """One helper with a reservation of each protocol and family, from any address and
    from one."""

    def setUp(self):
        self.helper = Helper("tcp")
        self.addCleanup(self.helper.close)
        self.ids = {}
        self.ports = {}
        number = itertools.count()
        for family, name, any_source, fragment in itertools.product(
                FAMILIES, ("tcp", "icmp", "udp"), (False, True), (0, 1)):
            protocol = {"tcp": TCP, "udp": UDP, "icmp": ICMP_OF[family]}[name]
            key = (family, name, any_source, fragment)
            self.ids[key] = next(number)
            answer = self.helper.reserve(
                self.ids[key], protocol, None if any_source else SOURCE[family],
                family=family, dont_fragment=fragment)
            self.assertEqual(answer.error, 0)
            self.ports[key] = answer.port
        wire.take()

    def send(self, key, source=None, destination=None, port=33434, **more):
        """Sends a probe from that reservation; returns the answer."""
        family, name = key[:2]
        if name == "icmp":
            more.setdefault("checksum", 0x1234)
            more.setdefault("payload_len", 8)
        protocol = {"tcp": TCP, "udp": UDP, "icmp": ICMP_OF[family]}[name]
        return self.helper.send(self.ids[key], protocol, source or SOURCE[family],
                                destination or TARGET[family], port, **more)

    def one(self):
        """The one packet that has left since the last call."""
        packets = privsep.until(wire.take, "no packet")
        self.assertEqual(len(packets), 1, packets)
        privsep.check_policy(self, packets[0])
        return packets[0]

    def none(self):
        self.assertEqual(wire.take(), [])


class Allowed(Wire):
    def test_ip_header(self):
        for key in self.ids:
            family, name, _, fragment = key
            for ttl, tos, label in ((1, 0, 0), (7, 0xB9, 0x12345), (255, 3, 0xFFFFF)):
                answer = self.send(key, ttl=ttl, tos=tos,
                                   flow_label=label if family == 6 else 0)
                self.assertEqual(answer.error, 0)
                packet = self.one()
                self.assertEqual((packet.src, packet.dst), (SOURCE[family], TARGET[family]))
                self.assertEqual((packet.ttl, packet.tos), (ttl, tos), key)
                if family == 4:
                    self.assertEqual(packet.dont_fragment, bool(fragment), key)
                    self.assertEqual(packet.raw[0], 0x45)
                else:
                    self.assertEqual(packet.flow_label, label)
                if name != "udp":  # its checksum is the device's work
                    self.assertTrue(packet.checksum_ok)

    def test_ports(self):
        for key, port in self.ports.items():
            self.send(key, port=0xBEEF)
            packet = self.one()
            if key[1] == "icmp":
                self.assertEqual((packet.id, packet.seq), (port, 0xBEEF))
            else:
                self.assertEqual((packet.sport, packet.dport), (port, 0xBEEF))
            self.assertGreaterEqual(port, 0x8000)

    def test_wanted_port(self):
        for name, protocol in (("tcp", TCP), ("udp", UDP), ("icmp", ICMP_OF[4])):
            answer = self.helper.reserve(60, protocol, SOURCE[4], 24007)
            self.assertEqual((answer.error, answer.port), (0, 24007), name)
            self.helper.say(privsep.RELEASE, bytes([60]))

    def test_source(self):
        """From any address: each of ours, as the probe says."""
        for key in self.ids:
            family, _, any_source, _ = key
            if any_source:
                for table in (SOURCE, SECOND):
                    self.assertEqual(self.send(key, source=table[family]).error, 0)
                    self.assertEqual(self.one().src, table[family])

    def test_tcp(self):
        for family in FAMILIES:
            key = (family, "tcp", False, 0)
            for flags in (SYN, SYN | ECE, SYN | CWR, SYN | ECE | CWR, ACK):
                self.send(key, port=80, sequence=0xDEADBEEF, ack=0x01020304, flags=flags,
                          window=5000)
                packet = self.one()
                self.assertEqual((packet.seq, packet.ack, packet.flags),
                                 (0xDEADBEEF, 0x01020304, flags))
                self.assertEqual(len(packet.transport), 20)
            self.send(key, options=15, mss=1460, window_scale=7, timestamp=0x01020304)
            options = bytes.fromhex("020405b4" "0402" "080a0102030400000000" "01030307")
            packet = self.one()
            self.assertEqual(packet.transport[20:], options)
            self.assertTrue(packet.checksum_ok)

    def test_echo(self):
        nonce = self.helper.hello.nonce
        for family in FAMILIES:
            for length, checksum in ((8, 0), (9, 1), (32, 0x1234), (1000, 0xFFFE)):
                self.send((family, "icmp", False, 0), checksum=checksum, payload_len=length)
                packet = self.one()
                self.assertEqual(packet.checksum, checksum)
                self.assertTrue(packet.checksum_ok)
                self.assertEqual(packet.payload[2:], nonce + bytes(
                    0x40 + at % 64 for at in range(8, length)))

    def test_udp(self):
        for family in FAMILIES:
            for payload in (b"", b"x", bytes(range(256)) * 5, b"y" * 1450):
                if len(payload) + (28 if family == 4 else 48) <= 1500:
                    self.send((family, "udp", True, 1), payload=payload)
                    self.assertEqual(self.one().payload, payload)

    def test_interface(self):
        """A probe leaves where its reservation says, whatever the route."""
        for protocol, number in ((TCP, 40), (UDP, 41)):
            answer = self.helper.reserve(number, protocol, SOURCE[4], interface=wire.index)
            self.assertEqual(answer.error, 0)
            answer = self.helper.send(number, protocol, SOURCE[4], ROUTER[4], 80)
            self.assertEqual(answer.error, 0)
            self.one()
            lo = socket.if_nametoindex("lo")
            self.helper.reserve(number + 10, protocol, SOURCE[4], interface=lo)
            self.helper.send(number + 10, protocol, SOURCE[4], TARGET[4], 80)
            self.none()

    def test_link_local(self):
        for name, protocol in (("tcp", TCP), ("icmp", ICMP_OF[6]), ("udp", UDP)):
            number = {"tcp": 50, "icmp": 51, "udp": 52}[name]
            answer = self.helper.reserve(number, protocol, wire.link_local,
                                         scope=wire.index)
            self.assertEqual(answer.error, 0, name)
            more = {"checksum": 1, "payload_len": 8} if name == "icmp" else {}
            privsep.ip("neigh replace fe80::9 lladdr 02:00:00:00:00:09 dev near0")
            answer = self.helper.send(number, protocol, wire.link_local, "fe80::9", 80,
                                      scope=wire.index, **more)
            self.assertEqual(answer.error, 0, name)
            self.assertEqual(self.one().dst, "fe80::9")

    def test_stamps(self):
        """Between asking and the answer; the kernel's where it takes ids."""
        known = tuple(map(int, os.uname().release.split("-")[0].split(".")[:2])) >= (6, 13)
        for key in self.ids:
            for cookie in (0, 7, 0xFFFFFFFF):
                before = time.time_ns()
                answer = self.send(key, cookie=cookie)
                self.assertLessEqual(before, answer.stamp)
                self.assertLessEqual(answer.stamp, time.time_ns())
                self.assertEqual((answer.cookie, answer.error), (cookie, 0))
                self.assertEqual(answer.by_kernel, int(known), key)


class Refused(Wire):
    """Each is answered with an error, and nothing leaves."""

    def check(self, key, errors, **more):
        answer = self.send(key, **more)
        self.assertIn(answer.error, errors, (key, more))
        self.assertEqual((answer.stamp, answer.by_kernel), (0, 0))
        self.none()

    def test_destinations(self):
        table = {
            4: ("0.0.0.0", "0.0.0.1", "0.255.0.1", "224.0.0.1", "239.255.255.255",
                "255.255.255.255", "192.0.2.255", "127.255.255.255"),
            6: ("::", "ff02::1", "ff05::2", "ffff::1", "::ffff:192.0.2.9",
                "::ffff:0.0.0.0", "::ffff:127.0.0.1")}
        for key in self.ids:
            for destination in table[key[0]]:
                self.check(key, (EACCES, EINVAL), destination=destination)

    def test_sources(self):
        """None that is not ours, and none that is no host's."""
        table = {
            4: ("203.0.113.9", "192.0.2.77", TARGET[4], "0.0.0.0", "255.255.255.255",
                "224.0.0.1", "192.0.2.255", "127.0.0.1", "127.9.9.9"),
            6: ("2001:db8:5::9", "2001:db8::77", TARGET[6], "::", "ff02::1",
                "::ffff:192.0.2.1", "fe80::1234")}
        for key in self.ids:
            if key[2]:
                for source in table[key[0]]:
                    self.check(key, (EACCES, EINVAL, ENETUNREACH, 99), source=source)

    def test_flags(self):
        allowed = {SYN, SYN | ECE, SYN | CWR, SYN | ECE | CWR, ACK}
        for family in FAMILIES:
            for flags in set(range(256)) - allowed:
                self.check((family, "tcp", True, 0), (EACCES,), flags=flags)

    def test_fragments(self):
        """Nothing that would have to be cut up, with DF or without."""
        for key in self.ids:
            if key[1] != "tcp":
                size = dict(payload=b"x" * 1472) if key[1] == "udp" else \
                    dict(payload_len=1472)
                if key[0] == 6:  # 48 bytes of headers
                    self.check(key, (EMSGSIZE,), **size)
                    continue
                self.assertEqual(self.send(key, **size).error, 0)
                self.assertEqual(self.one().length, 1500)

    def test_fragments_on_a_small_link(self):
        privsep.ip("link set near0 mtu 1280")
        self.addCleanup(privsep.ip, "link set near0 mtu 1500")
        for key in self.ids:
            if key[1] != "tcp":
                size = dict(payload=b"x" * 1300) if key[1] == "udp" else \
                    dict(payload_len=1300)
                self.check(key, (EMSGSIZE,), **size)

    def test_fragments_on_a_small_path(self):
        """A path MTU that the kernel knows of does not make it fragment either."""
        key = (4, "udp", False, 0)
        self.assertEqual(self.send(key, payload=b"x" * 1400).error, 0)
        quote = self.one().raw
        error = privsep.error_packet(quote[:28], kind=3, code=4,
                                     rest=struct.pack("!HH", 0, 600))
        for _ in range(3):
            wire.give(error)
        wire.settle()
        for fragment in (0, 1):
            for name, size in (("udp", dict(payload=b"x" * 1400)),
                               ("icmp", dict(payload_len=1400))):
                self.assertEqual(self.send((4, name, False, fragment), **size).error, 0)
                self.one()

    def test_port_0(self):
        self.check((4, "udp", False, 0), (EINVAL,), port=0)

    def test_low_ports(self):
        """Below ip_unprivileged_port_start, which an administrator may have moved."""
        for protocol, port in itertools.product((TCP, UDP), (1, 22, 53, 80, 1023)):
            answer = self.helper.reserve(60, protocol, SOURCE[4], port)
            self.assertEqual((answer.error, answer.port), (EACCES, 0))
        setting = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
        before = setting.read_text()
        self.addCleanup(setting.write_text, before)
        setting.write_text("30000")
        answer = self.helper.reserve(60, UDP, SOURCE[4], 29999)
        self.assertEqual((answer.error, answer.port), (EACCES, 0))

    def test_shared_ports(self):
        """A port in use is not to be had, however the other socket offers it."""
        for kind, protocol in ((socket.SOCK_STREAM, TCP), (socket.SOCK_DGRAM, UDP)):
            for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
                for address in (SOURCE[4], "0.0.0.0"):
                    with socket.socket(socket.AF_INET, kind) as other:
                        other.setsockopt(socket.SOL_SOCKET, option, 1)
                        other.bind((address, 0))
                        port = other.getsockname()[1]
                        for source in (SOURCE[4], None):
                            answer = self.helper.reserve(60, protocol, source, port,
                                                         family=4)
                            self.assertEqual((answer.error, answer.port), (98, 0))
        # Nor is ours, for another who would share.
        for name, kind in (("tcp", socket.SOCK_STREAM), ("udp", socket.SOCK_DGRAM)):
            with socket.socket(socket.AF_INET, kind) as other:
                other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                for any_source in (False, True):
                    with self.assertRaises(OSError):
                        other.bind((SOURCE[4], self.ports[4, name, any_source, 0]))

    def test_a_port_of_one_family(self):
        """One kept for IPv6 addresses is free for IPv4, and deaf to it."""
        for name, kind in (("tcp", socket.SOCK_STREAM), ("udp", socket.SOCK_DGRAM)):
            with socket.socket(socket.AF_INET, kind) as other:
                other.bind(("0.0.0.0", self.ports[6, name, True, 0]))
        wire.give(privsep.udp_packet(TARGET[4], SOURCE[4], 53,
                                     self.ports[6, "udp", True, 0], b"not for IPv6"))
        self.assertEqual(self.helper.replies(), [])

    def test_no_udp_by_raw_sockets(self):
        """UDP leaves from the socket that keeps the port: what answers it is ours."""
        key = (4, "udp", False, 0)
        self.send(key)
        packet = self.one()
        wire.give(privsep.udp_packet(TARGET[4], SOURCE[4], 33434, packet.sport, b"there"))
        reply = self.helper.read(privsep.REPLY)
        self.assertEqual((reply.answer, reply.bytes), (privsep.DATAGRAM, b"there"))
        self.assertEqual(wire.take(), [])  # no port unreachable: the kernel knows the port

    def test_nothing_else_in_a_long_run(self):
        """Whatever was asked for in a mixture: each packet that left keeps the promise."""
        for number in range(300):
            key = list(self.ids)[number % len(self.ids)]
            self.send(key, ttl=number % 255 + 1, port=number + 1)
        packets = wire.take()
        self.assertEqual(len(packets), 300)
        for packet in packets:
            privsep.check_policy(self, packet)
            own = packet.id if packet.proto == ICMP_OF[packet.family] else packet.sport
            self.assertIn(own, self.ports.values())


@unittest.skipUnless(shutil.which("tshark"), "tshark is not installed")
class SeenByOthers(Wire):
    FORBIDDEN = ("_ws.malformed or ip.opt.type or ip.flags.mf == 1 or ip.frag_offset > 0 or "
                 "ipv6.nxt == 0 or ipv6.nxt == 44 or ipv6.nxt == 43 or ipv6.nxt == 60 or "
                 "tcp.flags.reset == 1 or tcp.flags.fin == 1 or tcp.flags.push == 1 or "
                 "tcp.flags.urg == 1 or tcp.len > 0 or tcp.checksum.status == 0 or "
                 "icmp.checksum.status == 0 or icmpv6.checksum.status == 0 or "
                 "ip.checksum.status == 0 or ip.dst == 224.0.0.0/4 or ipv6.dst == ff00::/8")

    def tshark(self, path, *arguments):
        done = subprocess.run(
            ["tshark", "-n", "-r", path, "-o", "tcp.check_checksum:TRUE", "-o",
             "ip.check_checksum:TRUE", *arguments], text=True, capture_output=True,
            check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.splitlines()

    def test_with_tshark(self):
        """Another's eyes: each probe is what it is meant to be, and none is malformed."""
        packets = []
        for key in self.ids:
            if key[1] == "tcp":
                for flags in (SYN, SYN | ECE | CWR, ACK):
                    for options in range(16):
                        self.send(key, flags=flags, options=options, mss=1460,
                                  window_scale=7, timestamp=1)
            else:
                for length in (8, 9, 64, 1000):
                    size = {"payload": b"x" * length} if key[1] == "udp" else \
                        {"payload_len": length}
                    self.send(key, ttl=length % 255 + 1, tos=length % 256, **size)
            packets += wire.take()
        path = paris.temporary_folder() / "sent.pcap"
        forged = privsep.tcp_packet(SOURCE[4], TARGET[4], 40000, 80, RST)
        for extra, found in (([], 0), ([forged], 1)):  # the second: that it can fail
            with open(path, "wb") as file:
                file.write(struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
                for raw in [packet.raw for packet in packets] + extra:
                    file.write(struct.pack("=IIII", 1, 0, len(raw), len(raw)) + raw)
            self.assertEqual(len(self.tshark(path, "-Y", self.FORBIDDEN)), found)
        for display, count in (("tcp", 8 * 48 + 1), ("udp", 8 * 4), ("icmp.type == 8", 4 * 4),
                               ("icmpv6.type == 128", 4 * 4)):
            self.assertEqual(len(self.tshark(path, "-Y", display)), count, display)


class Forgery(unittest.TestCase):
    """Why the helper gives no socket away: what another could do with a raw one."""

    @unittest.skipUnless(privsep.ROOT, "needs a raw socket to begin with")
    def test_raw_socket_in_other_hands(self):
        """Measured: a process without any capability forges with an inherited one."""
        def forge():
            raw.setsockopt(socket.IPPROTO_IP, 3, 1)  # IP_HDRINCL
            raw.sendto(privsep.tcp_packet("203.0.113.66", TARGET[4], 22, 80, RST),
                       (TARGET[4], 0))
        wire.take()
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
            pid = os.fork()
            if not pid:
                privsep.become(paris.NOBODY, False)
                forge()
                os._exit(0)
            self.assertEqual(privsep.ended(pid), 0)
        self.assertEqual([packet.src for packet in wire.take()], ["203.0.113.66"])

    def test_none_is_given_away(self):
        """Whatever is asked: no record that comes up has a descriptor (`receive` looks)."""
        for uid in (paris.NOBODY, None) if privsep.ROOT else (paris.NOBODY,):
            with Helper("tcp", uid=uid) as helper:
                for number, protocol in enumerate((TCP, UDP, ICMP_OF[4])):
                    helper.reserve(number, protocol, SOURCE[4])
                    helper.send(number, protocol, SOURCE[4], TARGET[4], 9, checksum=1,
                                payload_len={UDP: 0, TCP: 0}.get(protocol, 8))
                self.assertEqual(helper.close()[0], 0)


if __name__ == "__main__":
    unittest.main()
