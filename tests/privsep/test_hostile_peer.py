"""A caller that does not keep to the rules: the helper does what is right, or ends with a
message; and no packet ever leaves that policy forbids."""

import array
import os
import random
import select
import signal
import socket
import struct
import time
import unittest

import paris
import privsep
from privsep import (DONE, FAILED, ICMP, RELEASE, REPLY, RESERVE, RESERVED, SEND, SENT, SOURCE,
                     TARGET, TCP, UDP, Helper, record, reserve_body, send_body)

wire = None


def setUpModule():
    global wire
    wire = privsep.Wire()


def tearDownModule():
    wire.close()


def good_send(**more):
    more.setdefault("payload", b"x")
    return send_body(0, UDP, SOURCE[4], TARGET[4], 33434, **more)


class Peer(unittest.TestCase):
    def setUp(self):
        wire.forget()

    def ready(self):
        """A helper with UDP reserved as 0."""
        helper = Helper("tcp")
        self.addCleanup(helper.close)
        self.port = helper.reserve(0, UDP, SOURCE[4]).port
        self.assertNotEqual(self.port, 0)
        return helper

    def ends(self, helper, status=FAILED):
        """It ends with that status and one line, and has sent nothing."""
        self.assertIsNone(helper.receive())
        self.assertEqual(helper.wait(), status, helper.errors())
        expected = r"^$" if status == DONE else r"^paris-privsep: cannot go on: .*\n$"
        self.assertRegex(helper.errors(), expected)
        self.assertEqual(wire.take(), [])


class Records(Peer):
    """What is no record, or not one that is allowed."""

    def test_sizes(self):
        good = record(SEND, good_send(), 1)
        for data in (b"\0", good[:7], good[:8], good[:-1], good + b"\0", b"x" * 2048,
                     b"x" * 2049, b"x" * 65536, record(SEND, b"", 1),
                     record(RELEASE, b"\0\0", 1)):
            with self.subTest(size=len(data)):
                helper = self.ready()
                helper.write(data)
                self.ends(helper)

    def test_header(self):
        body = good_send()
        for change in ({"version": 0}, {"version": 2}, {"version": 255}, {"sequence": 0},
                       {"sequence": 2}, {"sequence": -1}, {"length": 0},
                       {"length": len(body) - 1}, {"length": len(body) + 1},
                       {"length": 65535}):
            with self.subTest(**change):
                helper = self.ready()
                helper.write(record(SEND, body, **{"sequence": 1, **change}))
                self.ends(helper)

    def test_types(self):
        allowed = (RESERVE, RELEASE, SEND)
        for kind in [kind for kind in range(12) if kind not in allowed] + [127, 128, 255]:
            for body in (b"", good_send(), b"\0" * 2040):
                with self.subTest(kind=kind, size=len(body)):
                    helper = self.ready()
                    helper.write(record(kind, body, 1))
                    self.ends(helper)

    def test_zero_length_is_the_end(self):
        helper = self.ready()
        helper.write(b"")
        self.ends(helper, DONE)

    def test_fields(self):
        """Bodies of the right size whose content is not allowed."""
        for body in (good_send(ttl=0), good_send(flow_label=1 << 20),
                     send_body(64, UDP, SOURCE[4], TARGET[4], 1),
                     send_body(255, UDP, SOURCE[4], TARGET[4], 1),
                     send_body(0, 0, SOURCE[4], TARGET[4], 1, payload_len=0),
                     send_body(0, 255, SOURCE[4], TARGET[4], 1, payload_len=0),
                     send_body(0, 132, SOURCE[4], TARGET[4], 1, payload_len=0),
                     send_body(0, UDP, None, TARGET[4], 1),
                     send_body(0, UDP, SOURCE[4], None, 1),
                     send_body(0, UDP, SOURCE[6], TARGET[4], 1),
                     send_body(0, UDP, SOURCE[4], TARGET[6], 1),
                     send_body(0, UDP, SOURCE[4], TARGET[4], 1, payload=b"x" * 1473),
                     send_body(0, UDP, SOURCE[4], TARGET[4], 1, payload=b"",
                               payload_len=1473)):
            helper = self.ready()
            helper.write(record(SEND, body, 1))
            self.ends(helper)


class OutOfState(Peer):
    def test_reservations(self):
        """Used before they are there, twice, after they are gone, as something else."""
        icmp = dict(checksum=1, payload_len=8)
        cases = {
            "not reserved": (SEND, send_body(1, UDP, SOURCE[4], TARGET[4], 1)),
            "twice": (RESERVE, reserve_body(0, UDP, SOURCE[4])),
            "not there to release": (RELEASE, b"\1"),
            "no such id": (RELEASE, b"\x40"),
            "no such id to reserve": (RESERVE, reserve_body(64, UDP, SOURCE[4])),
            "as TCP": (SEND, send_body(0, TCP, SOURCE[4], TARGET[4], 80)),
            "as ICMP": (SEND, send_body(0, ICMP, SOURCE[4], TARGET[4], 1, **icmp)),
            "over IPv6": (SEND, send_body(0, UDP, SOURCE[6], TARGET[6], 1)),
            "from our other address": (
                SEND, send_body(0, UDP, privsep.SECOND[4], TARGET[4], 1)),
            "from another's address": (
                SEND, send_body(0, UDP, "203.0.113.9", TARGET[4], 1)),
        }
        for name, (kind, body) in cases.items():
            with self.subTest(name):
                helper = self.ready()
                helper.write(record(kind, body, 1))
                self.ends(helper)

    def test_family_of_any_address(self):
        """A reservation for all addresses of one family is none for the other's."""
        for protocol in (UDP, TCP):
            helper = self.ready()
            self.assertEqual(helper.reserve(1, protocol, None, family=4).error, 0)
            helper.say(SEND, send_body(1, protocol, SOURCE[6], TARGET[6], 80))
            self.ends(helper)

    def test_after_release(self):
        helper = self.ready()
        helper.say(RELEASE, b"\0")
        helper.say(SEND, good_send())
        self.ends(helper)

    def test_release_and_reserve_many_times(self):
        """Nothing is used up by it."""
        helper = self.ready()
        for number in range(3000):
            protocol = (UDP, TCP)[number % 2]
            self.assertEqual(helper.reserve(7, protocol, SOURCE[4]).error, 0)
            helper.say(RELEASE, b"\7")
        self.assertEqual(helper.close(), (DONE, ""))

    def test_reservations_that_cannot_be(self):
        """Refused in order: the id stays free, and the helper lives."""
        helper = self.ready()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind((SOURCE[4], 0))
            taken = other.getsockname()[1]
            for protocol, source, port, error in (
                    (UDP, SOURCE[4], taken, 98), (UDP, SOURCE[4], self.port, 98),
                    (UDP, SOURCE[4], 53, 13), (TCP, SOURCE[4], 1023, 13),
                    (UDP, "203.0.113.9", 0, 99), (TCP, "203.0.113.9", 0, 99),
                    (UDP, "224.0.0.1", 0, 13), (UDP, "255.255.255.255", 0, 13),
                    (UDP, "0.0.0.0", 0, 13), (UDP, "0.1.2.3", 0, 13), (UDP, "::", 0, 13),
                    (UDP, "ff02::1", 0, 13), (UDP, "::ffff:192.0.2.1", 0, 13),
                    (ICMP, "224.0.0.1", 0, 13)):
                answer = helper.reserve(1, protocol, source, port)
                self.assertEqual((answer.error, answer.port), (error, 0), (source, port))
            for _ in range(2 * privsep.RESERVATIONS):  # nor is a descriptor used up
                self.assertEqual(helper.reserve(1, UDP, SOURCE[4], taken).error, 98)
        self.assertEqual(helper.reserve(1, UDP, SOURCE[4]).error, 0)
        self.assertEqual(helper.close(), (DONE, ""))

    def test_without_tcp(self):
        with Helper() as helper:
            self.assertEqual(helper.reserve(0, TCP, SOURCE[4]).error, 93)
            self.assertEqual(helper.reserve(0, UDP, SOURCE[4]).error, 0)


class Descriptors(Peer):
    """What comes with a record is not taken."""

    def test_attached(self):
        helper = self.ready()
        before = len(paris.open_files(helper.pid)) if privsep.ROOT else None
        null = os.open("/dev/null", os.O_RDWR)
        try:
            for count in (1, 2, 253):
                helper.write(record(SEND, good_send(cookie=count), helper.sequence),
                             (socket.SOL_SOCKET, socket.SCM_RIGHTS,
                              array.array("i", [null] * count)))
                helper.sequence += 1
                answer = helper.read(SENT)
                self.assertEqual((answer.cookie, answer.error), (count, 0))
        finally:
            os.close(null)
        if privsep.ROOT:
            self.assertEqual(len(paris.open_files(helper.pid)), before)

    def test_credentials(self):
        """The caller had the other end too, and may have asked for more to come along."""
        for option in (16, 34, 76):  # SO_PASSCRED, SO_PASSSEC, SO_PASSPIDFD
            try:
                helper = Helper(options=[(option, 1)])
            except OSError:
                continue  # an older kernel
            with helper:
                before = len(paris.open_files(helper.pid)) if privsep.ROOT else 0
                for number in range(5):
                    self.assertEqual(helper.reserve(number, ICMP, SOURCE[4]).error, 0)
                if privsep.ROOT:
                    self.assertEqual(len(paris.open_files(helper.pid)), before)
                self.assertEqual(helper.close(), (DONE, ""))

    def test_buffers_of_the_channel(self):
        """As small as the kernel allows, at its end."""
        small = [(socket.SO_SNDBUF, 1), (socket.SO_RCVBUF, 1)]
        with Helper(options=small) as helper:
            self.assertEqual(helper.reserve(0, UDP, SOURCE[4]).error, 0)
            for number in range(200):
                self.assertEqual(helper.send(0, UDP, SOURCE[4], TARGET[4], 9, cookie=number,
                                             payload=b"x" * 1472).error, 0)
            self.assertEqual(helper.close(), (DONE, ""))


class Floods(Peer):
    def write_all(self, helper, records, read=True, kind=RESERVED):
        """Writes without ever waiting for the helper to read, unless it is asked to;
        returns how many answers of that kind came meanwhile."""
        answers = 0
        helper.channel.setblocking(False)
        try:
            for data in records:
                while True:
                    try:
                        helper.channel.send(data)
                        break
                    except BlockingIOError:
                        if not read:
                            return answers
                    answers += self.drain(helper, kind)
                    select.select([helper.channel], [helper.channel], [], 10)
        finally:
            helper.channel.setblocking(True)
        return answers

    @staticmethod
    def drain(helper, kind=RESERVED):
        count = 0
        while True:
            try:
                data = helper.channel.recv(4096)
            except BlockingIOError:
                return count
            if not data:
                raise AssertionError(f"it ended: {helper.errors()}")
            count += data[1] == kind
            helper.expected += 1

    def test_a_million_records(self):
        """Each is answered, or is the last."""
        total = 1000000 if paris.SLOWNESS == 1 else 20000
        reserve, release = reserve_body(1, ICMP, SOURCE[4], 7), b"\1"

        def records():
            for number in range(1, total, 2):
                yield record(RESERVE, reserve, number)
                yield record(RELEASE, release, number + 1)
        helper = self.ready()
        answers = self.write_all(helper, records())
        helper.channel.setblocking(False)
        deadline = time.monotonic() + 60 * paris.SLOWNESS
        while answers < total // 2:
            select.select([helper.channel], [], [], 1)
            answers += self.drain(helper)
            self.assertLess(time.monotonic(), deadline)
        self.assertEqual(answers, total // 2)
        self.assertEqual(helper.close(), (DONE, ""))

    def test_noise(self):
        """Random bytes end it, at the first record; many times."""
        chance = random.Random(7)
        for _ in range(200 if paris.SLOWNESS == 1 else 20):
            helper = Helper("tcp")
            try:
                for _ in range(chance.randrange(1, 40)):
                    helper.write(chance.randbytes(chance.randrange(1, 2100)))
            except (BrokenPipeError, ConnectionResetError):
                pass
            self.assertEqual(helper.wait(), FAILED)
            helper.close()
        self.assertEqual(wire.take(), [])

    def test_mutations(self):
        """Good requests with a byte or two changed: whatever leaves, policy allows."""
        chance = random.Random(11)
        goods = [good_send(), send_body(1, TCP, SOURCE[4], TARGET[4], 80, options=15),
                 send_body(2, ICMP, SOURCE[4], TARGET[4], 1, checksum=5, payload_len=9)]
        for _ in range(400 if paris.SLOWNESS == 1 else 20):
            helper = self.ready()
            owned = {(UDP, self.port), (TCP, helper.reserve(1, TCP, SOURCE[4]).port),
                     (ICMP, helper.reserve(2, ICMP, SOURCE[4]).port)}
            try:
                for _ in range(5):
                    body = bytearray(chance.choice(goods))
                    for _ in range(chance.randrange(1, 3)):
                        body[chance.randrange(len(body))] = chance.randrange(256)
                    helper.say(SEND, bytes(body))
                    if helper.receive() is None:
                        break
            except (BrokenPipeError, ConnectionResetError):
                pass
            self.assertIn(helper.close()[0], (DONE, FAILED))
            for packet in wire.take():
                self.assertEqual((packet.src, packet.raw[0]), (SOURCE[4], 0x45), packet)
                own = packet.id if packet.proto == ICMP else packet.sport
                self.assertIn((packet.proto, own), owned)
                privsep.check_policy(self, packet)

    def test_never_reading(self):
        """It stops reading too, costs nothing and ends with the channel."""
        helper = self.ready()
        self.more = written = 0

        def many():
            nonlocal written
            while True:
                yield record(SEND, good_send(), written + 1)
                written += 1
        self.write_all(helper, many(), read=False)
        paris.wait_for(lambda: helper.state()["State"].split()[0] == "S", 10, "no rest")
        before = helper.cpu()
        time.sleep(0.5)
        self.assertLess(helper.cpu() - before, 0.25)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            for number in range(5000):  # replies, some of which find no room
                other.sendto(b"x" * 500, (SOURCE[4], self.port))
            wire.settle()
            # Read to at last it goes on where it was, and says how many are lost.
            answered, lost = 0, 0
            while answered < written or lost == 0:
                found = self.receive(helper, other)
                answered += found.kind == SENT
                lost += found.count if found.kind == privsep.DROPPED else 0
        self.assertEqual((answered, lost > 0), (written, True))
        self.assertEqual(helper.close(), (DONE, ""))

    def receive(self, helper, other):
        """A record. The kernel's count comes with the next packet that finds room: one
        is sent by `other` for as long as there is none."""
        while not select.select([helper.channel], [], [], 0.05)[0]:
            self.more += 1
            other.sendto(struct.pack("!I", 2**32 - 1), (SOURCE[4], self.port))
        return helper.receive()

    def test_lost_replies_are_counted(self):
        """Sent = told + counted as lost; and the answers to requests are all there."""
        helper = self.ready()
        self.more, total = 0, 3000
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            for number in range(total):
                other.sendto(struct.pack("!I", number), (SOURCE[4], self.port))
            helper.say(SEND, good_send(cookie=99))
            told, lost, answered = [], 0, False
            while len(told) + lost < total + self.more or not answered:
                found = self.receive(helper, other)
                if found.kind == REPLY:
                    told.append(struct.unpack("!I", found.bytes)[0])
                elif found.kind == privsep.DROPPED:
                    lost += found.count
                else:
                    answered = found.cookie == 99
        self.assertEqual(len(told) + lost, total + self.more)
        self.assertEqual(told, sorted(told))
        self.assertGreater(lost, 0)
        self.assertEqual(helper.close(), (DONE, ""))

    @staticmethod
    def stop(helper):
        """Returns when it has stopped, wherever it was."""
        os.kill(helper.pid, signal.SIGSTOP)
        os.waitpid(helper.pid, os.WUNTRACED)

    def test_drops_of_the_kernel_are_counted(self):
        """What finds no room in the socket's buffer is told as lost with what does."""
        helper = self.ready()
        self.stop(helper)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            total = 6000
            for _ in range(total):
                other.sendto(b"x" * 1000, (SOURCE[4], self.port))
            os.kill(helper.pid, signal.SIGCONT)
            known = lost = 0
            while known < total:
                found = helper.receive()
                known += found.count if found.kind == privsep.DROPPED else 1
                lost += found.count if found.kind == privsep.DROPPED else 0
                if not select.select([helper.channel], [], [], 0.01)[0] and known < total:
                    # The count comes with the next packet that finds room.
                    other.sendto(b"x", (SOURCE[4], self.port))
                    total += 1
                    self.assertLess(total, 10000, "the rest is never told of")
        self.assertEqual(known, total)
        self.assertGreater(lost, 0)
        self.assertEqual(helper.close(), (DONE, ""))

    def test_closed_in_mid_burst(self):
        """Nothing that was not sent yet is sent afterwards, but the probe at hand; with
        many requests waiting, and answers that were read or were not."""
        for wanted in (0, 1, 50, 50, 70):
            for read in (False, True):
                helper = self.ready()
                many = (record(SEND, good_send(), number) for number in range(1, 10000))
                if wanted == 0:
                    self.stop(helper)
                self.write_all(helper, many, read=False)
                if wanted != 0:
                    for _ in range(wanted):
                        helper.read(SENT)
                    self.stop(helper)
                if read:
                    helper.channel.setblocking(False)
                    self.drain(helper)
                wire.forget()
                helper.channel.close()
                os.kill(helper.pid, signal.SIGCONT)
                self.assertEqual(helper.wait(), DONE)
                self.assertLessEqual(len(wire.take()), 1)
                helper.close()

    def test_late_stamps(self):
        """A probe waits for its neighbour's address to be known, and leaves long after it
        was answered for: its stamp, which nobody wants any more, wakes nobody for ever."""
        with Helper("tcp") as helper:
            numbers = {}
            for number, protocol in enumerate((UDP, TCP, ICMP)):
                self.assertEqual(helper.reserve(number, protocol, SOURCE[4]).error, 0)
                numbers[protocol] = number
            for protocol, number in numbers.items():
                more = {"checksum": 1, "payload_len": 8} if protocol == ICMP else {}
                to = f"192.0.2.{100 + number}"
                answer = helper.send(number, protocol, SOURCE[4], to, 80, **more)
                self.assertEqual((answer.error, answer.by_kernel), (0, 0))
                self.assertEqual(wire.take(), [])
                privsep.ip(f"neigh replace {to} lladdr {privsep.FAR_MAC.hex(':')} dev near0")
                late, = privsep.until(wire.take, "it does not leave")
                self.assertEqual((late.dst, late.proto), (to, protocol))
                before = helper.cpu()
                time.sleep(0.5)
                self.assertLess(helper.cpu() - before, 0.25)
                answer = helper.send(number, protocol, SOURCE[4], to, 80, cookie=9, **more)
                self.assertEqual((answer.cookie, answer.error), (9, 0))
                wire.take()
            self.assertEqual(helper.close(), (DONE, ""))

    def test_half_closed(self):
        helper = self.ready()
        helper.channel.shutdown(socket.SHUT_WR)
        self.assertEqual(helper.wait(), DONE)

    def test_stopped_and_continued(self):
        helper = self.ready()
        for number in range(20):
            self.stop(helper)
            os.kill(helper.pid, signal.SIGCONT)
            answer = helper.send(0, UDP, SOURCE[4], TARGET[4], 9, cookie=number)
            self.assertEqual((answer.cookie, answer.error), (number, 0))
        self.assertEqual(helper.close(), (DONE, ""))

    def test_rate(self):
        """TCP and ICMP: a burst, then so many a second."""
        with Helper("tcp") as helper:
            for number, protocol in ((0, TCP), (1, ICMP)):
                helper.reserve(number, protocol, SOURCE[4])
            more = 1500
            begun = time.monotonic()
            left = 0
            body = {0: send_body(0, TCP, SOURCE[4], TARGET[4], 80),
                    1: send_body(1, ICMP, SOURCE[4], TARGET[4], 1, checksum=1, payload_len=8)}
            for _ in range(privsep.BURST + more):
                helper.say(SEND, body[helper.sequence % 2])
                self.assertEqual(helper.read(SENT).error, 0)
                left += len(wire.take())
            seconds = time.monotonic() - begun
            self.assertGreaterEqual(seconds, more / privsep.RATE * 0.98)
            self.assertEqual(left, privsep.BURST + more)
            self.assertEqual(helper.close(), (DONE, ""))

    @unittest.skipUnless(paris.VARIANT == "release", "other variants are slower themselves")
    def test_no_rate_of_udp(self):
        """UDP has no limit: it is faster at least once, which it never could be with one."""
        helper = self.ready()
        more = 2000

        def seconds():
            first, left = helper.sequence, privsep.BURST + more
            helper.sequence += left
            begun = time.monotonic()
            answers = self.write_all(helper, (record(SEND, good_send(), first + number)
                                              for number in range(left)), kind=SENT)
            while answers < left:
                answers += helper.receive().kind == SENT
            return time.monotonic() - begun
        paris.wait_for(lambda: seconds() < more / privsep.RATE, 60, "held up")
        self.assertEqual(helper.close(), (DONE, ""))


if __name__ == "__main__":
    unittest.main()
