"""A small DNS server on loopback that can misbehave in every way a test asks for.

    with DnsServer({(b"1.2.0.192.in-addr.arpa", PTR): ptr(b"host", b"example")}) as s:
        ... ask s.address, which is "127.0.0.1:PORT" ...

A record's value is a reply: a function from a Query to the list of datagrams (over TCP:
messages) to send back. ptr(), a(), aaaa(), cname() make honest ones; silent(),
delayed(), wrong_id(), truncated(), cut(), rcode(), raw_rdata(), hang_up() the others.
Labels are raw bytes. What is not in the table gets `default`, NXDOMAIN.
"""

import socket
import struct
import threading

A, NS, CNAME, PTR, AAAA = 1, 2, 5, 12, 28
SERVFAIL, NXDOMAIN, REFUSED = 2, 3, 5


class HangUp(Exception):
    """Raised by a reply to close the TCP connection instead of answering."""


class Query:
    def __init__(self, packet, tcp):
        self.packet = packet
        self.tcp = tcp
        self.id, self.flags, count = struct.unpack_from("!HHH", packet)
        if count != 1:
            raise ValueError("not one question")
        labels, at = [], 12
        while packet[at]:
            labels.append(packet[at + 1:at + 1 + packet[at]])
            at += 1 + packet[at]
        self.name = b".".join(labels).lower()
        self.type, self.qclass = struct.unpack_from("!HH", packet, at + 1)
        self.question = packet[12:at + 5]

    def answer(self, rrs=(), code=0, flags=0, count=None, ident=None):
        """The whole message with these resource records (bytes, owner included)."""
        header = struct.pack(
            "!HHHHHH", self.id if ident is None else ident,
            0x8180 | flags | code, 1, len(rrs) if count is None else count, 0, 0)
        return header + self.question + b"".join(rrs)


def pack_name(*labels):
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def rr(rtype, rdata, owner=b"\xc0\x0c", ttl=60):
    """A resource record; the owner is a pointer to the question by default."""
    return owner + struct.pack("!HHIH", rtype, 1, ttl, len(rdata)) + rdata


def records(*rrs):
    return lambda query: [query.answer(rrs)]


def ptr(*labels):
    return records(rr(PTR, pack_name(*labels)))


def raw_rdata(rtype, rdata):
    return records(rr(rtype, rdata))


def a(*addrs):
    return records(*[rr(A, socket.inet_aton(addr)) for addr in addrs])


def aaaa(*addrs):
    return records(*[rr(AAAA, socket.inet_pton(socket.AF_INET6, x)) for x in addrs])


def cname_then(target, *rrs):
    """A CNAME from the question to target (labels), then more records."""
    return records(rr(CNAME, pack_name(*target)), *rrs)


def silent():
    return lambda query: []


def rcode(code):
    return lambda query: [query.answer(code=code)]


def no_data():
    return lambda query: [query.answer()]


def wrong_id(reply, then_right=False):
    """Answers with another id; then_right: followed by the real answer."""
    def reply_wrong(query):
        good = reply(query)
        bad = [struct.pack("!H", query.id ^ 0x5555) + m[2:] for m in good]
        return bad + good if then_right else bad
    return reply_wrong


def truncated(reply):
    """Over UDP an empty answer with TC set; the real one over TCP only."""
    return lambda q: reply(q) if q.tcp else [q.answer(flags=0x0200)]


def cut(reply, size):
    """The answer without its last bytes, its counts unchanged."""
    return lambda query: [message[:-size] for message in reply(query)]


def garbage(data):
    """These bytes after the right id, as the whole message."""
    return lambda query: [struct.pack("!H", query.id) + data]


def hang_up(query):
    if query.tcp:
        raise HangUp
    return [query.answer(flags=0x0200)]


def delayed(seconds, reply):
    def reply_late(query):
        return reply(query)
    reply_late.delay = seconds
    return reply_late


class DnsServer:
    def __init__(self, table=None, family=socket.AF_INET, default=None, port=0):
        self.table = dict(table or {})
        self.default = default or rcode(NXDOMAIN)
        self.queries = []  # (name, type, tcp) in the order of arrival
        self.lock = threading.Lock()
        self.stopping = False
        self.timers = []
        host = "127.0.0.1" if family == socket.AF_INET else "::1"
        self.tcp, self.udp = self._bind(family, host, port)
        self.port = self.udp.getsockname()[1]
        self.address = ("%s:%d" if family == socket.AF_INET else "[%s]:%d") % (
            host, self.port)
        self.threads = [threading.Thread(target=target, daemon=True)
                        for target in (self._serve_udp, self._serve_tcp)]

    @staticmethod
    def _bind(family, host, port):
        """UDP and TCP on one port, 0: one that both have free."""
        for _ in range(50):
            tcp = socket.socket(family, socket.SOCK_STREAM)
            udp = socket.socket(family, socket.SOCK_DGRAM)
            try:
                tcp.bind((host, port))
                udp.bind((host, tcp.getsockname()[1]))
                udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
                tcp.listen(16)
                return tcp, udp
            except OSError:
                tcp.close()
                udp.close()
        raise OSError("no port is free for both UDP and TCP")

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *unused):
        self.stop()

    def stop(self):
        self.stopping = True
        for timer in self.timers:
            timer.cancel()
        self.tcp.shutdown(socket.SHUT_RDWR)
        with socket.socket(self.udp.family, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", self.udp.getsockname())
        for thread in self.threads:
            thread.join(5)
        self.tcp.close()
        self.udp.close()

    def asked(self, name=None):
        """How many queries came (for that name)."""
        with self.lock:
            return sum(1 for query in self.queries if name in (None, query[0]))

    def _answer(self, packet, tcp, send):
        try:
            query = Query(packet, tcp)
        except (ValueError, IndexError, struct.error):
            return
        with self.lock:
            self.queries.append((query.name, query.type, tcp))
        reply = self.table.get((query.name, query.type), self.default)
        delay = getattr(reply, "delay", None)
        if delay is None:
            self._send(reply, query, send)
            return
        timer = threading.Timer(delay, self._send, (reply, query, send))
        timer.daemon = True
        self.timers.append(timer)
        timer.start()

    @staticmethod
    def _send(reply, query, send):
        try:
            for message in reply(query):
                send(message)
        except OSError:
            pass

    def _serve_udp(self):
        while True:
            packet, peer = self.udp.recvfrom(65535)
            if self.stopping:
                return
            self._answer(packet, False,
                         lambda message, peer=peer: self.udp.sendto(message, peer))

    def _serve_tcp(self):
        while not self.stopping:
            try:
                connection, _ = self.tcp.accept()
            except OSError:
                return
            threading.Thread(target=self._serve_connection, args=(connection,),
                             daemon=True).start()

    def _serve_connection(self, connection):
        def send(message):
            connection.sendall(struct.pack("!H", len(message)) + message)

        with connection, connection.makefile("rb") as stream:
            try:
                while True:
                    prefix = stream.read(2)
                    if len(prefix) != 2:
                        return
                    packet = stream.read(struct.unpack("!H", prefix)[0])
                    self._answer(packet, True, send)
            except (HangUp, OSError):
                return
