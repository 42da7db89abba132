"""DCCP probes (-D) and a host that speaks DCCP. Few kernels do, this one perhaps not, and
Debian's traceroute takes one that does: so a raw socket at the target stands in for it,
which answers by RFC 4340, or wrongly, as the port says that is asked."""

import itertools
import os
import socket
import struct
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor

import paris
import routers
from networks import FAMILIES, TARGET, Network, source

DCCP = 33
REQUEST, RESPONSE, DATA_ACK, RESET = 0, 1, 4, 7
# Ports of the target.
CLOSED, OPEN, WRONG_NUMBER, WRONG_PORT, WRONG_SUM, OTHER_TYPE, CUT = range(33434, 33441)
ANSWERED = {CLOSED: "a reset", OPEN: "a response"}
NOT_TAKEN = {WRONG_NUMBER: "acknowledges what nobody sent", WRONG_PORT: "is for nobody",
             WRONG_SUM: "has a wrong checksum", OTHER_TYPE: "is no answer to a request",
             CUT: "ends before the acknowledgment"}
SERVICE = 1885957735  # traceroute's


class Request:
    """RFC 4340 sections 5.1 and 5.2."""

    def __init__(self, data):
        self.sport, self.dport, self.offset, self.coverage, self.checksum, kind, _, high, low \
            = struct.unpack_from("!HHBBHBBHI", data)
        self.type, self.long = kind >> 1 & 15, kind & 1
        self.seq = high << 32 | low
        self.service, = struct.unpack_from("!I", data, 16)
        self.size = len(data)


def summed(family, data):
    """With its checksum, between target and source."""
    ends = b"".join(socket.inet_pton(family, address) for address in (
        (TARGET[4], source(4)) if family == socket.AF_INET else (TARGET[6], source(6))))
    sum_ = paris.internet_checksum(ends + struct.pack("!II", len(data), DCCP) + data)
    return data[:6] + struct.pack("!H", sum_) + data[8:]


def answer(family, request):
    port = request.dport
    kind = {OPEN: RESPONSE, OTHER_TYPE: DATA_ACK}.get(port, RESET)
    acknowledged = request.seq + (port == WRONG_NUMBER)
    to = request.sport + (port == WRONG_PORT)
    data = struct.pack("!HHBBHBBHIHHIHH", port, to, 7, 0, 0, kind << 1 | 1, 0, 0, 4711,
                       0, acknowledged >> 32, acknowledged & 0xffffffff, 3 << 8, 0)
    if port == CUT:
        data = data[:4] + b"\5" + data[5:20]
    data = summed(family, data)
    if port == WRONG_SUM:
        data = data[:6] + bytes((data[6] ^ 1,)) + data[7:]
    return data


class Host:
    """Answers until it is closed; `requests`: what it got, by port."""

    def __init__(self, lab):
        self.requests = {}
        self.ended = False
        self.sockets = lab.inside("t", lambda: [
            (family, socket.socket(family, socket.SOCK_RAW, DCCP))
            for family in (socket.AF_INET, socket.AF_INET6)])
        self.threads = []
        for family, sock in self.sockets:
            sock.bind((TARGET[4 if family == socket.AF_INET else 6], 0))
            sock.settimeout(0.2)
            self.threads.append(threading.Thread(target=self._run, args=(family, sock)))
            self.threads[-1].start()

    def _run(self, family, sock):
        while not self.ended:
            try:
                data, sender = sock.recvfrom(2048)
            except TimeoutError:
                continue
            request = Request(data[20:] if family == socket.AF_INET else data)
            self.requests.setdefault((family, request.dport), []).append(request)
            sock.sendto(answer(family, request), sender)

    def close(self):
        self.ended = True
        for thread in self.threads:
            thread.join()
        for _, sock in self.sockets:
            sock.close()


@unittest.skipUnless(os.geteuid() == 0, "only root sends such packets")
class Dccp(routers.LabTest):
    network = Network("s - a - b - t")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.host = Host(cls.lab)
        cls.addClassCleanup(cls.host.close)

    def run_trace(self, family, port, *words):
        return self.lab.inside("s", lambda: paris.run(
            *paris.started_with(["paris-traceroute"]), "-n", "-D", "-p", port, "-m", 4,
            "--format", "json", *words, TARGET[family], user=False))

    def trace(self, *case):
        result = self.run_trace(*case)
        self.assertEqual((result.returncode, result.stderr), (0, ""), result)
        return result.json

    def test_answers(self):
        """Every probe is told apart, although all hops are asked at once: the answer
        acknowledges the tag."""
        for family in FAMILIES:
            for port, what in ANSWERED.items():
                with self.subTest(what, family=family):
                    capture = routers.Capture(self.lab, "a", "s")
                    self.addCleanup(capture.close)
                    found = self.trace(family, port, "-w", 5)
                    self.assertEqual(found["stop"], {"reason": "reached", "ttl": 3})
                    self.assertEqual(self.network.seen(found).count("["), 0, found)
                    last = found["hops"][-1]["probes"]
                    self.assertEqual([probe["from"] for probe in last], [TARGET[family]] * 3)
                    self.assertEqual({probe["reply"] for probe in last}, {"packet"})
                    for name in ("ambiguous", "asked_again", "strays", "duplicates"):
                        self.assertEqual(found["counters"][name], 0, name)
                    sent = [packet for packet in capture.read().arriving
                            if packet.proto == DCCP]
                    self.assertEqual(len(sent), found["counters"]["sent"])
                    self.check_requests(sent, found, port, SERVICE)

    def check_requests(self, sent, found, port, service):
        requests = [Request(packet.transport) for packet in sent]
        self.assertEqual({(request.type, request.long, request.offset * 4, request.size,
                           request.dport, request.service, request.coverage)
                          for request in requests},
                         {(REQUEST, 1, 20, 20, port, service, 0)})
        self.assertEqual({request.sport for request in requests}, {found["src_port"]})
        self.assertEqual(len({request.seq for request in requests}), len(requests))
        for packet in sent:
            self.assertTrue(packet.checksum_ok, packet)

    def test_service(self):
        for family in FAMILIES:
            self.host.requests.clear()
            self.trace(family, OPEN, "-O", "service=4294967294", "-w", 5)
            known = socket.AF_INET if family == 4 else socket.AF_INET6
            self.assertEqual({request.service for request in self.host.requests[known, OPEN]},
                             {4294967294})

    def test_wrong_answers(self):
        """Nobody has answered then, whoever did."""
        cases = list(itertools.product(FAMILIES, NOT_TAKEN))
        with ThreadPoolExecutor(len(cases)) as pool:
            traces = pool.map(lambda case: self.run_trace(
                *case, "-q", 1, "-w", 0.5, "-m", 3), cases)
            for (family, port), result in zip(cases, traces):
                with self.subTest(f"what {NOT_TAKEN[port]}", family=family):
                    self.assertEqual((result.returncode, result.stderr), (1, ""), result)
                    self.assertEqual(result.json["stop"]["reason"], "hop_limit")
                    last, = result.json["hops"][-1]["probes"]
                    self.assertEqual(last["status"], "lost")
                    known = socket.AF_INET if family == 4 else socket.AF_INET6
                    paris.wait_for(lambda key=(known, port): key in self.host.requests, 10,
                                   "the host got no request")


if __name__ == "__main__":
    unittest.main()
