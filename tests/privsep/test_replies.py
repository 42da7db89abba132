"""What comes up: answers to our probes, whole and with all that the kernel knows of them;
and nothing else."""

import struct
import time
import unittest

import privsep
from privsep import (ACK, DATAGRAM, ECHO_REPLY, ERROR, FAMILIES, ICMP_OF, RST, SEGMENT, SOURCE,
                     SYN, TARGET, TCP, UDP, Helper, error_packet, icmp_packet, tcp_packet,
                     udp_packet)

wire = None
OTHER = {4: "198.51.100.99", 6: "2001:db8:f::99"}
MAPPED = {4: "203.0.113.200", 6: "2001:db8:99::1"}  # what a bad NAT leaves in a quote


def setUpModule():
    global wire
    wire = privsep.Wire()


def tearDownModule():
    wire.close()


class Replies(unittest.TestCase):
    def setUp(self):
        self.helper = Helper("tcp")
        self.addCleanup(self.helper.close)
        self.numbers = {}
        for number, key in enumerate((family, name) for family in FAMILIES
                                     for name in ("tcp", "icmp", "udp")):
            self.numbers[key] = number
            answer = self.helper.reserve(number, self.protocol(key), SOURCE[key[0]])
            self.assertEqual(answer.error, 0)
        wire.take()

    @staticmethod
    def protocol(key):
        return {"tcp": TCP, "udp": UDP, "icmp": ICMP_OF[key[0]]}[key[1]]

    def probe(self, key, port=443, **more):
        """Sends one and returns its bytes as they left."""
        if key[1] == "icmp":
            more = {"checksum": 0x1234, "payload_len": 40, **more}
        answer = self.helper.send(self.numbers[key], self.protocol(key), SOURCE[key[0]],
                                  TARGET[key[0]], port, **more)
        self.assertEqual(answer.error, 0)
        return privsep.until(wire.take, "no packet")[0].raw

    def told(self, *packets, count=None):
        """These packets arrive; returns the replies that are told."""
        wanted = len(packets) if count is None else count
        for packet in packets:
            wire.give(packet)
        found = []
        while len(found) < wanted:
            found.append(self.helper.read(privsep.REPLY))
        return found + self.helper.replies()

    def not_told(self, *packets):
        self.assertEqual(self.told(*packets, count=0), [], packets)

    @staticmethod
    def router(family):
        return "203.0.113.77" if family == 4 else "2001:db8:77::1"

    def shown(self, packet):
        """What of a packet is told: IPv6 without its header."""
        return packet if packet[0] >> 4 == 4 else packet[40:]


class Errors(Replies):
    def test_all_protocols(self):
        for key in self.numbers:
            quote = self.probe(key)
            kinds = ((3, 1), (11, 0), (12, 0)) if key[0] == 4 else \
                ((1, 4), (2, 0), (3, 0), (4, 1))
            packets = [error_packet(quote, kind=kind, code=code, ttl=50 + kind, tos=kind)
                       for kind, code in kinds]
            before = time.time_ns()
            replies = self.told(*packets)
            self.assertEqual([reply.bytes for reply in replies],
                             list(map(self.shown, packets)), key)
            for reply, (kind, _) in zip(replies, kinds):
                self.assertEqual((reply.id, reply.answer), (self.numbers[key], ERROR))
                self.assertEqual((reply.ttl, reply.tos, reply.from_port), (50 + kind, kind, 0))
                self.assertIn(reply.source, ("203.0.113.77", "2001:db8:77::1"))
                self.assertEqual(reply.by_kernel, 1)
                self.assertLessEqual(before, reply.received)
                self.assertLessEqual(reply.received, time.time_ns())

    def test_shortest_quotes(self):
        """RFC 792: the IP header and eight bytes."""
        for key in self.numbers:
            if key[0] == 4:
                packet = error_packet(self.probe(key)[:28])
                self.assertEqual(self.told(packet)[0].bytes, packet)

    def test_extensions(self):
        """RFC 4884: a quote padded to 128 bytes and labels behind it arrive whole."""
        for key in self.numbers:
            quote = self.probe(key)[:128].ljust(128, b"\0")
            labels = struct.pack("!BBHHBBI", 0x20, 0, 0, 8, 1, 1, 0x12345 << 12 | 0x1FF)
            length = bytes((0, 32, 0, 0)) if key[0] == 4 else bytes((16, 0, 0, 0))
            packet = error_packet(quote + labels, rest=length)
            self.assertEqual(self.told(packet)[0].bytes, self.shown(packet), key)

    def test_large_ones_are_cut(self):
        quote = self.probe((4, "udp"))
        packet = error_packet(quote.ljust(1400, b"z"))
        self.assertEqual(self.told(packet)[0].bytes, packet[:privsep.REPLY_MAX])

    def test_identification(self):
        """The IP id of a router's reply is seen, which tells its aliases apart."""
        packet = error_packet(self.probe((4, "udp")), identification=0xABCD)
        self.assertEqual(self.told(packet)[0].bytes[4:6], b"\xab\xcd")

    def test_changed_quotes(self):
        """What routers and NATs change is shown as they have it; not so our port."""
        for key in self.numbers:
            quote = bytearray(self.probe(key))
            ttl_at, checksum_at = (8, 10) if key[0] == 4 else (7, 6)
            quote[ttl_at] = 0
            quote[checksum_at] ^= 0 if key[0] == 6 else 0x55
            packet = error_packet(bytes(quote))
            self.assertEqual(self.told(packet)[0].bytes, self.shown(packet))
            header = 20 if key[0] == 4 else 40
            quote[header + (5 if key[1] == "icmp" else 1)] ^= 1
            self.not_told(error_packet(bytes(quote)))

    def test_sources(self):
        """Bound to one address: a quote with another is not ours. To any: it may be."""
        for key in self.numbers:
            family = key[0]
            quote = self.probe(key)
            header = 20 if family == 4 else 40
            mapped = privsep.ip_packet(MAPPED[family], TARGET[family], self.protocol(key),
                                       quote[header:])
            self.not_told(error_packet(mapped, to=SOURCE[family]))
            answer = self.helper.reserve(20, self.protocol(key), None, family=family)
            more = {"checksum": 1, "payload_len": 8} if key[1] == "icmp" else {}
            self.helper.send(20, self.protocol(key), SOURCE[family], TARGET[family], 443,
                             **more)
            quote = privsep.until(wire.take, "no packet")[0].raw
            mapped = privsep.ip_packet(MAPPED[family], TARGET[family], self.protocol(key),
                                       quote[header:])
            self.assertEqual(self.told(error_packet(mapped, to=SOURCE[family]))[0].id, 20)
            self.helper.say(privsep.RELEASE, bytes([20]))
            self.assertNotEqual(answer.port, 0)

    def test_malformed(self):
        """Lengths that lie, versions, fragments; at every size. None is told, but those
        which show our port."""
        for key in self.numbers:
            family = key[0]
            quote = self.probe(key)
            header = 20 if family == 4 else 40
            enough = header + (8 if key[1] == "icmp" else 2)
            for size in (0, 1, 8, header - 1, header, header + 1, enough - 1):
                self.not_told(error_packet(quote[:size], self.router(family),
                                           kind=11 if family == 4 else 3,
                                           to=SOURCE[family]))
            for first in (0x00, 0x41, 0x44, 0x55, 0x65, 0xF5) if family == 4 else \
                    (0x00, 0x45, 0x70):
                self.not_told(error_packet(bytes([first]) + quote[1:], to=SOURCE[family]))
            if family == 4:
                later = quote[:6] + b"\x00\x05" + quote[8:]
                self.not_told(error_packet(later))
                beyond = b"\x4f" + quote[1:28]  # a header longer than what is there
                self.not_told(error_packet(beyond, to=SOURCE[family]))
                options = bytes([0x47]) + quote[1:20] + bytes(8) + quote[20:]
                self.assertEqual(self.told(error_packet(options))[0].bytes[28], 0x47)

    def test_other_kinds(self):
        """Redirects, source quench, requests, neighbour discovery: the filter's work."""
        quote = {family: self.probe((family, "udp")) for family in FAMILIES}
        self.not_told(*(error_packet(quote[4], kind=kind) for kind in (4, 5, 9, 10, 13, 40)))
        self.not_told(*(error_packet(quote[6], kind=kind) for kind in
                        (5, 100, 127, 130, 137, 200)))

    def test_other_ports(self):
        """Of protocols that are not the reservation's, of ports that are nobody's."""
        for family in FAMILIES:
            udp = self.probe((family, "udp"))
            header = 20 if family == 4 else 40
            for protocol in (TCP, 132, 136, 33):
                self.not_told(error_packet(privsep.ip_packet(
                    SOURCE[family], TARGET[family], protocol, udp[header:])))
            self.not_told(error_packet(privsep.udp_packet(
                SOURCE[family], TARGET[family], 4242, 443, b"x")))

    def test_released(self):
        """From the moment on at which another may have the port; until then it is ours."""
        for key in self.numbers:
            quote = self.probe(key)
            self.told(error_packet(quote))
            self.helper.say(privsep.RELEASE, bytes([self.numbers[key]]))
            self.helper.replies()  # once there is an answer to more it has been done
            self.not_told(error_packet(quote))

    def test_before_any_probe(self):
        """An identifier alone opens nothing: there must have been such a probe."""
        with Helper() as helper:
            answer = helper.reserve(0, ICMP_OF[4], SOURCE[4], 5555)
            self.assertEqual(answer.port, 5555)
            forged = privsep.ip_packet(SOURCE[4], TARGET[4], ICMP_OF[4], struct.pack(
                "!BBHHHH", 8, 0, 0x1234, 5555, 1, 0) + helper.hello.nonce)
            wire.give(error_packet(forged))
            self.assertEqual(helper.replies(), [])


class Echo(Replies):
    def reply(self, quote, source=None, kind=None, change=None):
        family = quote[0] >> 4
        header = 20 if family == 4 else 40
        message = bytearray(quote[header:])
        if change is not None:
            message[change] ^= 1
        return icmp_packet(source or TARGET[family], SOURCE[family],
                           (0 if family == 4 else 129) if kind is None else kind,
                           rest=bytes(message[4:8]), body=bytes(message[8:]), ttl=44, tos=9)

    def test_reply(self):
        for family in FAMILIES:
            packet = self.reply(self.probe((family, "icmp")))
            reply, = self.told(packet)
            self.assertEqual((reply.answer, reply.bytes), (ECHO_REPLY, self.shown(packet)))
            self.assertEqual((reply.ttl, reply.tos), (44, 9))
            self.assertEqual((reply.source, reply.id),
                             (TARGET[family], self.numbers[family, "icmp"]))

    def test_not_ours(self):
        """Another identifier, sequence, nonce or host; a request."""
        for family in FAMILIES:
            quote = self.probe((family, "icmp"))
            for at in (4, 5, 6, 7, 10, 15):
                self.not_told(self.reply(quote, change=at))
            self.not_told(self.reply(quote, source=OTHER[family]))
            self.not_told(self.reply(quote, kind=8 if family == 4 else 128))
            self.assertEqual(len(self.told(self.reply(quote), self.reply(quote))), 2)

    def test_at_once(self):
        """Our own host answers within the very system call; the answer to the request
        still comes first."""
        for family in FAMILIES:
            address = privsep.LOOPBACK[family]
            self.helper.reserve(30, ICMP_OF[family], address)
            for sequence in range(50):
                self.helper.say(privsep.SEND, privsep.send_body(
                    30, ICMP_OF[family], address, address, sequence, cookie=sequence,
                    checksum=7, payload_len=8))
            kinds = [self.helper.receive() for _ in range(100)]
            sent = [one.cookie for one in kinds if one.kind == privsep.SENT]
            self.assertEqual(sent, list(range(50)))
            seen = set()
            for one in kinds:
                if one.kind == privsep.SENT:
                    seen.add(one.cookie)
                else:
                    at = 26 if family == 4 else 6
                    self.assertIn(struct.unpack_from("!H", one.bytes, at)[0], seen)
            self.helper.say(privsep.RELEASE, bytes([30]))


class Tcp(Replies):
    def answer(self, quote, flags, source=None, sport=443, to=None, dport=None):
        family = quote[0] >> 4
        ours = struct.unpack_from("!H", quote, 20 if family == 4 else 40)[0]
        return tcp_packet(source or TARGET[family], to or SOURCE[family], sport,
                          dport or ours, flags, ttl=33)

    def test_answers(self):
        resets = 0
        for family in FAMILIES:
            quote = self.probe((family, "tcp"))
            for flags in (SYN | ACK, RST, RST | ACK, SYN | ACK | 0x40):
                packet = self.answer(quote, flags)
                reply, = self.told(packet)
                self.assertEqual((reply.answer, reply.bytes), (SEGMENT, self.shown(packet)))
                self.assertEqual((reply.ttl, reply.source), (33, TARGET[family]))
            # The kernel, which has no connection there, resets what would be one.
            for packet in wire.take():
                self.assertEqual((packet.flags & RST, packet.dst, packet.dport),
                                 (RST, TARGET[family], 443))
                resets += 1
        self.assertEqual(resets, 4)

    def test_not_ours(self):
        """Other flags, hosts, ports, addresses of ours; before any probe."""
        for family in FAMILIES:
            quote = self.probe((family, "tcp"))
            for flags in (SYN, ACK, ACK | 0x08, ACK | 0x01, 0, 0x28):
                self.not_told(self.answer(quote, flags))
            self.not_told(self.answer(quote, SYN | ACK, source=OTHER[family]),
                          self.answer(quote, SYN | ACK, sport=444),
                          self.answer(quote, SYN | ACK, to=privsep.SECOND[family]),
                          self.answer(quote, RST, dport=22))
            wire.take()


    def test_wrong_checksum(self):
        """Over IPv6 the kernel judges, as nobody else sees the header; over IPv4 whole
        packets are told, for whoever reads them to judge."""
        for family in FAMILIES:
            quote = self.probe((family, "tcp"))
            for flags in (SYN | ACK, RST):
                packet = bytearray(self.answer(quote, flags))
                packet[(20 if family == 4 else 40) + 17] ^= 0x55
                self.assertEqual(len(self.told(bytes(packet), count=family == 4)),
                                 family == 4)
            wire.take()


class Udp(Replies):
    def test_datagrams(self):
        """From anyone, as with any socket; the kernel tells TTL, TOS and time."""
        for family in FAMILIES:
            port = struct.unpack_from("!H", self.probe((family, "udp")),
                                      20 if family == 4 else 40)[0]
            for source, sport, payload in ((TARGET[family], 443, b"answer"),
                                           (OTHER[family], 53, b""),
                                           (OTHER[family], 53, b"z" * 1400)):
                reply, = self.told(udp_packet(source, SOURCE[family], sport, port, payload,
                                              ttl=21, tos=5))
                self.assertEqual((reply.answer, reply.bytes),
                                 (DATAGRAM, payload[:privsep.REPLY_MAX]))
                self.assertEqual((reply.source, reply.from_port, reply.ttl, reply.tos),
                                 (source, sport, 21, 5))
                self.assertEqual(reply.id, self.numbers[family, "udp"])
                self.assertEqual(reply.by_kernel, 1)

    def test_errors_do_not_stop_it(self):
        """A port that answers with errors only, for long: each probe leaves."""
        for family in FAMILIES:
            for _ in range(30):
                quote = self.probe((family, "udp"))
                self.told(error_packet(quote, kind=3 if family == 4 else 1,
                                       code=3 if family == 4 else 4))


if __name__ == "__main__":
    unittest.main()
