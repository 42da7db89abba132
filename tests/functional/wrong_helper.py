"""A paris-privsep that says what a test wants it to say: test_wrong_helper.py puts it in
the helper's place, with the name of a behaviour below. By itself it answers as the helper
would in a network of four hops, UDP over IPv4 only, and sends nothing."""

import os
import random
import socket
import struct
import sys
import time

HELLO, RESERVE, RESERVED, RELEASE, SEND, SENT, REPLY, DROPPED = range(1, 9)
ERROR, ECHO_REPLY, SEGMENT, DATAGRAM = range(1, 5)
HOPS = 4


class Helper:
    def __init__(self, channel):
        self.channel = channel
        self.sequence = 0
        self.ports = {}
        self.requests = 0

    # -- what is said --

    def put(self, data, descriptor=None):
        ancillary = []
        if descriptor is not None:
            ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", descriptor))]
        self.channel.sendmsg([data], ancillary)

    def say(self, kind, body, **more):
        self.put(self.record(kind, body), **more)

    def record(self, kind, body, version=1, length=None, skip=0):
        self.sequence += skip
        data = struct.pack("!BBHI", version, kind, len(body) if length is None else length,
                           self.sequence & 0xFFFFFFFF) + body
        self.sequence += 1
        return data

    def hello(self):
        self.say(HELLO, struct.pack("!I", 15) + b"nonce!")

    def reserved(self, number, port, error=0):
        self.say(RESERVED, struct.pack("!BHi", number, port, error))

    def sent(self, cookie, error=0, stamp=None, by_kernel=1):
        now = time.time_ns() if stamp is None else stamp
        self.say(SENT, struct.pack("!IiBq", cookie, error, 0 if error else by_kernel,
                                   0 if error else now))

    def reply(self, number, source, data, answer=ERROR, received=None, ttl=60, tos=0,
              from_port=0, length=None, by_kernel=1, family=4):
        self.say(REPLY, struct.pack(
            "!BBBhhqBI16sHH", number, answer, by_kernel, ttl, tos,
            time.time_ns() if received is None else received, family, 0,
            bytes(map(int, source.split("."))) + bytes(12), from_port,
            len(data) if length is None else length) + data)

    # -- what is asked --

    def on_reserve(self, number, protocol, port):
        self.ports[number] = port or 7777
        self.reserved(number, self.ports[number])

    def on_send(self, send):
        self.sent(send.cookie)
        self.answer(send)

    def on_release(self, number):
        self.ports.pop(number)

    def answer(self, send, **more):
        self.reply(send.number, send.source(), send.error(self.ports[send.number]), **more)

    def serve(self):
        self.hello()
        while True:
            data = self.channel.recv(2048)
            if not data:
                return
            self.requests += 1
            body = data[8:]
            if data[1] == RESERVE:
                self.on_reserve(body[0], body[1], struct.unpack_from("!H", body, 3)[0])
            elif data[1] == SEND:
                self.on_send(Send(body))
            elif data[1] == RELEASE:
                self.on_release(body[0])


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    return ~(total % 0xFFFF) & 0xFFFF


class Send:
    """A probe, and the honest answer to it."""

    def __init__(self, body):
        self.cookie, self.number, self.protocol, self.ttl = struct.unpack_from("!IBBB", body)
        self.here, self.target = body[17:21], body[38:42]
        self.port, = struct.unpack_from("!H", body, 54)
        self.payload = body[79:]

    def source(self):
        return f"10.0.{self.ttl}.1" if self.ttl < HOPS \
            else ".".join(map(str, self.target))

    def packet(self, own_port):
        udp = struct.pack("!HHHH", own_port, self.port, 8 + len(self.payload), 0) \
            + self.payload
        pseudo = self.here + self.target + struct.pack("!HH", 17, len(udp))
        padded = udp + bytes(len(udp) % 2)
        udp = udp[:6] + struct.pack("!H", checksum(pseudo + padded)) + udp[8:]
        return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 1, 17, 0) \
            + self.here + self.target + udp

    def error(self, own_port):
        kind = (11, 0) if self.ttl < HOPS else (3, 3)
        icmp = struct.pack("!BBHI", *kind, 0, 0) + self.packet(own_port)
        icmp += bytes(len(icmp) % 2)
        icmp = icmp[:2] + struct.pack("!H", checksum(icmp)) + icmp[4:]
        return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(icmp), 9, 0, 60, 1, 0) \
            + bytes(map(int, self.source().split("."))) + self.here + icmp


# ---- behaviours: a class each, named as test_wrong_helper.py names it ----------------

class honest(Helper):
    pass


class silent(Helper):
    def hello(self):
        self.channel.recv(1)  # until the end


class ends_at_once(Helper):
    def serve(self):
        pass


class ends_with_3(Helper):
    def serve(self):
        print("paris-privsep: no capability, it says", file=sys.stderr, flush=True)
        os._exit(3)


class two_hellos(Helper):
    def hello(self):
        super().hello()
        super().hello()


class short_hello(Helper):
    def hello(self):
        self.say(HELLO, b"\0\0\0")


class other_version(Helper):
    def hello(self):
        self.put(self.record(HELLO, bytes(10), version=2))


class other_length(Helper):
    def hello(self):
        self.put(self.record(HELLO, bytes(10), length=11))


class features_of_tomorrow(Helper):
    def hello(self):
        self.say(HELLO, struct.pack("!I", 1 << 30) + b"nonce!")


class sent_before_hello(Helper):
    def hello(self):
        self.sent(0)


class number_left_out(Helper):
    def on_reserve(self, number, protocol, port):
        self.put(self.record(RESERVED, struct.pack("!BHi", number, port, 0), skip=1))


class unknown_type(Helper):
    def on_send(self, send):
        self.say(77, b"")


class callers_words(Helper):
    def on_send(self, send):
        self.say(RELEASE, bytes([send.number]))


class with_descriptor(Helper):
    def on_reserve(self, number, protocol, port):
        self.say(RESERVED, struct.pack("!BHi", number, port, 0), descriptor=2)


class other_reservation(Helper):
    def on_reserve(self, number, protocol, port):
        self.reserved(number + 1, port)


class reservation_64(Helper):
    def on_reserve(self, number, protocol, port):
        self.reserved(64, port)


class reserved_twice(Helper):
    def on_reserve(self, number, protocol, port):
        super().on_reserve(number, protocol, port)
        self.reserved(number, port)


class other_port(Helper):
    def on_reserve(self, number, protocol, port):
        self.reserved(number, port + 1)


class refuses_four_ports(Helper):
    def on_reserve(self, number, protocol, port):
        if self.requests <= 4:
            self.reserved(number, 0, 98)  # EADDRINUSE
        else:
            super().on_reserve(number, protocol, port)


class refuses_all_ports(Helper):
    def on_reserve(self, number, protocol, port):
        self.reserved(number, 0, 98)


class refuses_by_no_errno(Helper):
    def on_reserve(self, number, protocol, port):
        self.reserved(number, 0, 2**31 - 1)


class reserves_never(Helper):
    def on_reserve(self, number, protocol, port):
        pass


class sends_never(Helper):
    def on_send(self, send):
        pass


class talks_of_other_things(Helper):
    """Owes an answer for ever, but is never silent."""

    def on_send(self, send):
        while True:
            self.reply(send.number, "10.66.6.6", b"\x45" + bytes(200))
            time.sleep(0.1)


class stops_reading(Helper):
    def on_send(self, send):
        time.sleep(60)


class thinks_before_the_second(Helper):
    """What was owed before has been answered long ago: that is no silence."""

    def on_send(self, send):
        if send.ttl == 2:
            time.sleep(2)
        super().on_send(send)


class dies_while_sending(Helper):
    def on_send(self, send):
        if send.ttl == 3:
            os._exit(9)
        super().on_send(send)


class unknown_cookie(Helper):
    def on_send(self, send):
        self.sent(send.cookie + 1000)


class answers_alone(Helper):
    """Never says that anything left: it must have, for it was answered."""

    def on_send(self, send):
        self.answer(send)


class ends_when_all_is_answered(Helper):
    answered = 0

    def on_send(self, send):
        """It reads on: else what it said last would be lost with it."""
        if send.ttl <= HOPS:
            self.answer(send)
            self.answered += 1
        if self.answered == 3 * HOPS:
            self.answered = 0
            self.channel.shutdown(socket.SHUT_WR)


class answers_nine(Helper):
    """Of the routers, without a word of having sent them."""
    answered = 0

    def on_send(self, send):
        if send.ttl < HOPS:
            self.answer(send)
            self.answered += 1
        if self.answered == 9:
            print("nine are answered", file=sys.stderr, flush=True)
            self.answered += 1


class sent_twice(Helper):
    def on_send(self, send):
        self.sent(send.cookie)
        self.sent(send.cookie)


class sent_in_reverse(Helper):
    held = None

    def on_send(self, send):
        if self.held is None:
            self.held = send
            return
        self.sent(send.cookie)
        self.sent(self.held.cookie)


class refuses_to_send(Helper):
    def on_send(self, send):
        self.sent(send.cookie, error=1)  # EPERM


class stamps_of_1970(Helper):
    def on_send(self, send):
        self.sent(send.cookie, stamp=1)
        self.answer(send)


class stamps_of_tomorrow(Helper):
    def on_send(self, send):
        self.sent(send.cookie, stamp=2**63 - 1)
        self.answer(send)


class answers_before_sent(Helper):
    def on_send(self, send):
        self.answer(send)
        self.sent(send.cookie)


class received_in_1970(Helper):
    def answer(self, send):
        super().answer(send, received=0)


class received_before_time(Helper):
    def answer(self, send):
        super().answer(send, received=-2**63)


class received_tomorrow(Helper):
    def answer(self, send):
        super().answer(send, received=2**63 - 1)


class ttl_of_300(Helper):
    def answer(self, send):
        super().answer(send, ttl=300)


class answer_of_no_kind(Helper):
    def answer(self, send):
        super().answer(send, answer=5)


class no_family(Helper):
    def answer(self, send):
        super().answer(send, family=5)


class longer_than_it_is(Helper):
    def answer(self, send):
        super().answer(send, length=1000)


class strays(Helper):
    """Before each honest answer, all that may be said and answers no probe."""

    def answer(self, send):
        right = send.error(self.ports[send.number])
        dice = random.Random(send.cookie)
        self.reply(send.number + 1, "10.66.6.6", right)
        self.reply(63, "10.66.6.6", right)
        self.reply(send.number, "10.66.6.6", right, family=6)
        for answer in (ERROR, ECHO_REPLY, SEGMENT, DATAGRAM):
            self.reply(send.number, "10.66.6.6", b"", answer=answer)
            self.reply(send.number, "10.66.6.6", dice.randbytes(60), answer=answer)
            self.reply(send.number, "10.66.6.6", dice.randbytes(1280), answer=answer)
            for cut in range(1, len(right) - 24, 7):
                self.reply(send.number, "10.66.6.6", right[:cut], answer=answer)
        self.reply(send.number, "10.66.6.6", send.error(9), answer=ERROR)
        super().answer(send)


class loses_all(Helper):
    def answer(self, send):
        self.say(DROPPED, struct.pack("!I", 2**32 - 1))


class drops_nothing(Helper):
    def answer(self, send):
        self.say(DROPPED, bytes(4))


class floods(Helper):
    """Answers without end, of which the prober must not tire: it asks for no more."""

    def on_send(self, send):
        self.sent(send.cookie)
        for _ in range(2000):
            self.reply(send.number, "10.66.6.6", b"\x45" + bytes(200))
        self.answer(send)


if __name__ == "__main__":
    found = Helper.__subclasses__()
    wanted = next(one for one in found if one.__name__ == BEHAVIOUR)  # noqa: F821
    try:
        wanted(socket.socket(fileno=3)).serve()
    except (BrokenPipeError, ConnectionResetError):
        pass
