"""Several users on one host: what is one's never reaches the other."""

import itertools
import os
import socket
import struct
import unittest
from pathlib import Path

import paris
import privsep
from privsep import (ACK, ERROR, FAMILIES, ICMP_OF, RST, SECOND, SOURCE, SYN, TARGET, TCP, UDP,
                     Helper, error_packet, icmp_packet, tcp_packet, udp_packet)

wire = None


def setUpModule():
    global wire
    if not privsep.ROOT:
        raise unittest.SkipTest("two users: only root can be both")
    wire = privsep.Wire()
    Path("/proc/sys/net/ipv4/ping_group_range").write_text("0 2147483647")


def tearDownModule():
    wire.close()


class AsOther:
    """A part of this program that runs as the second user, without any privilege, until
    it is left; its function is told when by an event."""

    def __init__(self, function):
        self.near, far = socket.socketpair()
        self.pid = os.fork()
        if not self.pid:
            status = 1
            try:
                self.near.close()
                privsep.become(privsep.OTHER_USER, False)
                function(far)
                status = 0
            finally:
                os._exit(status)
        far.close()

    def __enter__(self):
        return self.near

    def __exit__(self, *_):
        self.near.close()
        if privsep.ended(self.pid):
            raise AssertionError("the other user's part failed")


class Isolation(unittest.TestCase):
    """The first user's helper listens as widely as it can; the second user works."""

    def setUp(self):
        self.first = Helper("tcp")
        self.addCleanup(self.first.close)
        wire.take()

    def nothing_told(self):
        self.assertEqual(self.first.replies(), [])

    def reserve_all(self, source=None):
        """What there is to reserve, from any address: UDP, TCP and echo identifiers."""
        for number in range(60):
            family = FAMILIES[number % 2]
            protocol = (UDP, TCP, ICMP_OF[family])[number // 2 % 3]
            answer = self.first.reserve(number, protocol, source, family=family)
            self.assertEqual(answer.error, 0)

    def other_packets(self, function):
        """What the second user's function makes leave."""
        with AsOther(lambda channel: (function(), channel.recv(1))):
            packets = privsep.until(wire.take, "no packet")
            yield from packets

    def test_ordinary_sockets(self):
        """ICMP errors, echo replies and TCP segments of the second user's own sockets."""
        self.reserve_all()

        def udp():
            for family, kind in ((4, socket.AF_INET), (6, socket.AF_INET6)):
                with socket.socket(kind, socket.SOCK_DGRAM) as own:
                    own.sendto(b"secret", (TARGET[family], 33434))
                    kept.append(os.dup(own.fileno()))

        def ping():
            for family, kind, protocol in ((4, socket.AF_INET, 1), (6, socket.AF_INET6, 58)):
                own = socket.socket(kind, socket.SOCK_DGRAM, protocol)
                own.sendto(struct.pack("!BBHHH", 8 if family == 4 else 128, 0, 0, 0, 7) +
                           b"secret", (TARGET[family], 0))
                kept.append(own.detach())

        def tcp():
            for family, kind in ((4, socket.AF_INET), (6, socket.AF_INET6)):
                own = socket.socket(kind, socket.SOCK_STREAM)
                own.setblocking(False)
                own.connect_ex((TARGET[family], 443))
                kept.append(own.detach())
        kept = []
        for function in (udp, ping, tcp):
            for packet in self.other_packets(function):
                wire.give(error_packet(packet.raw))
                if packet.proto == ICMP_OF[packet.family]:
                    wire.give(icmp_packet(packet.dst, packet.src,
                                          0 if packet.family == 4 else 129,
                                          rest=packet.transport[4:8], body=packet.payload))
                if packet.proto == TCP:
                    for flags in (SYN | ACK, RST | ACK):
                        wire.give(tcp_packet(packet.dst, packet.src, packet.dport,
                                             packet.sport, flags, ack=packet.seq + 1))
                self.nothing_told()
            wire.take()

    def test_same_port_of_our_other_address(self):
        """Each has the port at an address of his own: errors and segments reach the owner
        alone."""
        for family in FAMILIES:
            with Helper("tcp", uid=privsep.OTHER_USER) as second:
                for number, protocol in enumerate((UDP, TCP)):
                    answer = self.first.reserve(number, protocol, SOURCE[family])
                    other = second.reserve(number, protocol, SECOND[family], answer.port)
                    self.assertEqual((other.error, other.port), (0, answer.port))
                    for helper, source in ((self.first, SOURCE), (second, SECOND)):
                        helper.send(number, protocol, source[family], TARGET[family], 443)
                    mine, theirs = wire.take()
                    self.assertEqual((mine.src, theirs.src),
                                     (SOURCE[family], SECOND[family]))
                    wire.give(error_packet(theirs.raw))
                    if protocol == TCP:
                        wire.give(tcp_packet(TARGET[family], theirs.src, 443, theirs.sport,
                                             SYN | ACK))
                    self.nothing_told()
                    found = second.replies()
                    self.assertEqual(len(found), 2 if protocol == TCP else 1)
                    wire.give(error_packet(mine.raw))
                    self.assertEqual(len(self.first.replies()), 1)
                    self.assertEqual(second.replies(), [])
                    self.first.say(privsep.RELEASE, bytes([number]))
                wire.take()

    def test_a_reserved_port_is_not_to_be_had(self):
        """Neither by the second user's sockets nor by his helper, at any address."""
        reserved = []
        for number, protocol in enumerate((UDP, TCP)):
            reserved.append(self.first.reserve(number, protocol, None, family=4).port)

        def bind():
            for kind, port in zip((socket.SOCK_DGRAM, socket.SOCK_STREAM), reserved):
                for address in ("0.0.0.0", SOURCE[4], SECOND[4], "127.0.0.1"):
                    with socket.socket(socket.AF_INET, kind) as own:
                        own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                        try:
                            own.bind((address, port))
                        except OSError:
                            continue
                        raise AssertionError(f"{address} {port}")
        with AsOther(lambda channel: bind()):
            pass
        with Helper("tcp", uid=privsep.OTHER_USER) as second:
            for number, protocol in enumerate((UDP, TCP)):
                for source in (SOURCE[4], SECOND[4], None):
                    answer = second.reserve(number, protocol, source, reserved[number],
                                            family=4)
                    self.assertEqual(answer.error, 98)

    def test_a_port_given_back(self):
        """The second user waits for it and has it at once: what answers him is his alone,
        whether the first user has sent from it before, or reserves it again later."""
        for family, protocol in itertools.product(FAMILIES, (UDP, TCP)):
            port = self.first.reserve(0, protocol, SOURCE[family]).port
            self.first.send(0, protocol, SOURCE[family], TARGET[family], 443)
            mine, = wire.take()

            def work(channel, family=family, protocol=protocol, port=port):
                kind = {UDP: socket.SOCK_DGRAM, TCP: socket.SOCK_STREAM}[protocol]
                with socket.socket({4: socket.AF_INET, 6: socket.AF_INET6}[family],
                                   kind | socket.SOCK_NONBLOCK) as own:
                    while True:
                        try:
                            own.bind((SOURCE[family], port))
                            break
                        except OSError:
                            channel.send(b".")  # not yet
                    own.connect_ex((TARGET[family], 443))
                    if protocol == UDP:
                        own.send(b"secret")
                    channel.send(b"!")
                    channel.settimeout(60 * paris.SLOWNESS)
                    channel.recv(1)
            with AsOther(work) as channel:
                channel.recv(1)
                self.first.say(privsep.RELEASE, b"\0")
                while b"!" not in channel.recv(4096):
                    pass
                theirs = wire.take_one()
                self.assertEqual((mine.sport, theirs.sport), (port, port))
                answers = [error_packet(packet.raw) for packet in (mine, theirs)]
                if protocol == TCP:
                    answers.append(tcp_packet(TARGET[family], SOURCE[family], 443, port,
                                              RST | ACK, ack=theirs.seq + 1))
                else:
                    answers.append(udp_packet(TARGET[family], SOURCE[family], 443, port,
                                              b"secret"))
                for packet in answers:
                    wire.give(packet)
                self.nothing_told()
            answer = self.first.reserve(0, protocol, SOURCE[family], port)
            self.assertEqual((answer.error, answer.port), (0, port))
            if protocol == TCP:
                wire.give(answers[-1])
                self.nothing_told()
            self.first.say(privsep.RELEASE, b"\0")
            wire.take()

    def test_held_back(self):
        """The first user lets what arrives wait in the helper's sockets, by not reading,
        and takes the port when the second user is done with it: he is told none of it."""
        # A channel in which few records find room: so the helper soon waits, and what is
        # asked for last has its turn before all that has arrived is read.
        self.first = Helper("tcp", options=[(socket.SO_SNDBUF, 1)])
        self.addCleanup(self.first.close)
        self.first.channel.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        for family, protocol in itertools.product(FAMILIES, (UDP, TCP)):
            kind = {UDP: socket.SOCK_DGRAM, TCP: socket.SOCK_STREAM}[protocol]

            def work(channel, family=family, kind=kind):
                with socket.socket({4: socket.AF_INET, 6: socket.AF_INET6}[family],
                                   kind | socket.SOCK_NONBLOCK) as own:
                    own.connect_ex((TARGET[family], 443))
                    if kind == socket.SOCK_DGRAM:
                        own.send(b"secret")
                    channel.send(b"!")
                    channel.recv(1)
            asked = 0
            self.first.channel.setblocking(False)
            try:
                while True:  # each is answered, until there is no room
                    body = privsep.reserve_body(1, UDP, "224.0.0.1")
                    self.first.channel.send(privsep.record(privsep.RESERVE, body,
                                                           self.first.sequence))
                    self.first.sequence += 1
                    asked += 1
            except BlockingIOError:
                self.first.channel.setblocking(True)
            with AsOther(work) as channel:
                channel.recv(1)
                theirs = wire.take_one()
                for _ in range(300):
                    wire.give(error_packet(theirs.raw))
                wire.settle()
            last = privsep.record(privsep.RESERVE, privsep.reserve_body(
                0, protocol, SOURCE[family], theirs.sport), self.first.sequence)
            while True:
                try:
                    self.first.channel.send(last, socket.MSG_DONTWAIT)
                    break
                except BlockingIOError:
                    self.first.read(privsep.RESERVED)
                    asked -= 1
            self.first.sequence += 1
            for _ in range(asked):
                self.first.read(privsep.RESERVED)
            answer = self.first.read(privsep.RESERVED)
            self.assertEqual((answer.id, answer.error), (0, 0))
            self.nothing_told()
            self.first.say(privsep.RELEASE, b"\0")
            wire.take()

    def test_connections_of_others(self):
        """A port with a connection of the second user's cannot be reserved; nor does the
        kernel choose a reserved one for a connection."""
        with socket.socket() as server, socket.socket() as client:
            server.bind((SOURCE[4], 0))
            server.listen()
            client.connect(server.getsockname())
            port = client.getsockname()[1]
            for source in (SOURCE[4], None):
                self.assertEqual(self.first.reserve(0, TCP, source, port, family=4).error, 98)

    # -- echo identifiers, which nobody keeps apart

    def ping_of_other(self, family, identifier, sequence, payload):
        """The second user's ping socket sends one echo request with that identifier."""
        kind, protocol = ((socket.AF_INET, 1), (socket.AF_INET6, 58))[family == 6]

        def ping(channel):
            with socket.socket(kind, socket.SOCK_DGRAM, protocol) as own:
                own.bind((SOURCE[family], identifier))
                own.sendto(struct.pack("!BBHHH", 8 if family == 4 else 128, 0, 0, 0,
                                       sequence) + payload, (TARGET[family], 0))
                channel.sendall(b"sent")
                own.settimeout(10 * paris.SLOWNESS)
                if not own.recv(2000).endswith(payload):
                    raise AssertionError("not its own answer")
        return AsOther(ping)

    def answers_to(self, packet):
        yield error_packet(packet.raw)
        yield error_packet(packet.raw[:28 if packet.family == 4 else 48])
        yield icmp_packet(packet.dst, packet.src, 0 if packet.family == 4 else 129,
                          rest=packet.transport[4:8], body=packet.payload)

    def test_ping_with_the_same_identifier(self):
        """By force: same identifier, destination and sequence, at the same time."""
        for family in FAMILIES:
            port = self.first.reserve(0, ICMP_OF[family], SOURCE[family]).port
            self.first.send(0, ICMP_OF[family], SOURCE[family], TARGET[family], 77,
                            checksum=0x1111, payload_len=14)
            mine, = wire.take()
            with self.ping_of_other(family, port, 77, b"--secret--") as channel:
                channel.recv(4)
                theirs, = wire.take()
                self.assertEqual((theirs.id, theirs.seq), (mine.id, mine.seq))
                for packet in self.answers_to(theirs):
                    wire.give(packet)
                self.nothing_told()
            for packet in self.answers_to(mine):
                wire.give(packet)
            self.assertEqual([reply.answer for reply in self.first.replies()],
                             [ERROR, ERROR, privsep.ECHO_REPLY])
            self.first.say(privsep.RELEASE, b"\0")

    def test_helper_with_the_same_identifier(self):
        """A second helper with all the same, even the checksum: only an error that quotes
        no payload cannot be told apart."""
        for family in FAMILIES:
            with Helper(uid=privsep.OTHER_USER) as second:
                for helper in (self.first, second):
                    self.assertEqual(
                        helper.reserve(0, ICMP_OF[family], SOURCE[family], 4321).port, 4321)
                    helper.send(0, ICMP_OF[family], SOURCE[family], TARGET[family], 5,
                                checksum=0x2222, payload_len=20)
                mine, theirs = wire.take()
                self.assertEqual(mine.transport[:8], theirs.transport[:8])
                whole, short, reply = self.answers_to(theirs)
                wire.give(whole)
                wire.give(reply)
                self.assertEqual(len(second.replies()), 2)
                # The checksum in the quote is his own as well, so that alone is no proof.
                told = self.first.replies()
                self.assertEqual([one.answer for one in told], [])
                wire.give(short)
                self.assertEqual([len(helper.replies()) for helper in (self.first, second)],
                                 [1, 1])
                self.first.say(privsep.RELEASE, b"\0")

    def test_guessing(self):
        """Many identifiers and sequences reserved and sent: another's ping is not seen."""
        for family in FAMILIES:
            with self.ping_of_other(family, 6000, 3, b"secret") as channel:
                channel.recv(4)
                theirs, = wire.take()
                for identifier in range(5990, 6010):
                    self.first.reserve(0, ICMP_OF[family], SOURCE[family], identifier)
                    for sequence in range(6):
                        self.first.send(0, ICMP_OF[family], SOURCE[family], TARGET[family],
                                        sequence, checksum=1, payload_len=8)
                    for packet in self.answers_to(theirs):
                        wire.give(packet)
                    self.nothing_told()
                    self.first.say(privsep.RELEASE, b"\0")
                wire.take()

    def test_network_namespaces(self):
        """A helper sees the network that it was started in."""
        answer = self.first.reserve(0, UDP, "127.0.0.1")
        pid = os.fork()
        if not pid:
            status = 1
            try:
                privsep.enter_network()
                privsep.ip("link set lo up")
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
                    own.bind(("127.0.0.1", answer.port))
                    own.sendto(b"x", ("127.0.0.1", 9))
                status = 0
            finally:
                os._exit(status)
        self.assertEqual(privsep.ended(pid), 0)
        self.nothing_told()


if __name__ == "__main__":
    unittest.main()
