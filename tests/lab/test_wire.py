"""What really leaves the source, captured at the first link: the probes that a trace
reports, nothing else, and nothing when it is over."""

import signal
import time
import unittest

import paris
import routers
from networks import FAMILIES, ICMP, METHODS, TARGET, TCP_OPEN, Network, Silent

SYN, ACK, RST_ACK = 0x02, 0x10, 0x14  # RFC 9293 section 3.1
WAIT = "0.1,3,10"  # for the silent router
# After that a kernel has sent its first two repetitions of a SYN.
LONG_ENOUGH = 3.5


class Wire(routers.LabTest):
    network = Network("""
        s - a - b1 - c - d - t
            a - b2 - c
    """, c=Silent())

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.capture = routers.Capture(cls.lab, "a", "s")
        cls.addClassCleanup(cls.capture.close)
        cls.listener = cls.lab.listen(443)
        cls.addClassCleanup(cls.listener.close)

    def setUp(self):
        self.capture.forget()

    def each_kind(self, check, *options, methods=METHODS):
        """Calls check(trace, packets that left the source, method) for every kind."""
        for method in methods:
            for family in FAMILIES:
                with self.subTest(protocol=method.protocol, family=family,
                                  options=options):
                    trace = self.lab.trace(*method.arguments, "-w", WAIT, *options,
                                           TARGET[family])
                    packets = self.capture.read().arriving
                    self.capture.forget()
                    check(trace, packets, method)

    def check_exact(self, trace, packets, method):
        """Probe by probe: their numbers count them in the order of sending."""
        reported = {probe["probe"]: hop["ttl"] for hop in
                    trace.json["hops"] + trace.json.get("hops_past_end", [])
                    for probe in hop["probes"]}
        probes = self.probes(packets, trace, method)
        self.assertEqual([packet.ttl for packet in probes],
                         [reported.get(number) for number in range(len(probes))],
                         trace.json)
        self.assertEqual(len(probes), len(reported), trace.json)
        self.check_constant(trace, packets, method)

    def probes(self, packets, trace, method):
        """Checks that all packets are counted, and returns those that are probes."""
        if method.protocol == "tcp":
            # What a busy machine lets the kernel send again is counted as well.
            packets = [packet for packet in packets if packet.flags == SYN]
            probes = list({packet.seq: packet for packet in reversed(packets)}.values())
            probes.reverse()
        else:
            probes = packets
        self.assertEqual(trace.json["counters"]["sent"], len(packets))
        return probes

    def check_constant(self, trace, packets, method):
        """What balancers look at, and that it is what the trace says."""
        self.assertEqual(len({packet.flow() for packet in packets}), 1, packets)
        self.assertEqual(len({packet.tos for packet in packets}), 1)
        for packet in packets:
            self.assertTrue(packet.checksum_ok, packet)
        sizes = {packet.length for packet in self.probes(packets, trace, method)}
        self.assertEqual(len(sizes), 1, sizes)
        one, said = packets[0], trace.json
        self.assertEqual((one.src, one.dst, one.length),
                         (said["source"], said["target"], said["packet_len"]))
        self.assertEqual(one.flow_label, said.get("flow_label"))
        if method is ICMP:
            self.assertEqual((one.id, one.checksum),
                             (said["icmp_id"], said["icmp_checksum"]))
        else:
            self.assertEqual((one.sport, one.dport),
                             (said["src_port"], said["dst_port"]))

    def test_exactly_the_probes_that_are_reported(self):
        for options in ((), ("-q", 1), ("-q", 10), ("-N", 1), ("-N", 4), ("-f", 3),
                        ("-z", 0.01), ("-F", "-t", 8)):
            self.each_kind(self.check_exact, *options)

    def test_every_answer_is_counted(self):
        def check(trace, packets, method):
            del packets, method
            answered = sum(probe["status"] == "answered" for hop in
                           trace.json["hops"] + trace.json.get("hops_past_end", [])
                           for probe in hop["probes"])
            self.assertEqual(trace.json["counters"]["replies"], answered)
        self.each_kind(check)

    def test_no_time_to_wait(self):
        """Preparing and sending so many takes longer than the wait for an answer, which
        begins when the probe has left."""
        for method in METHODS[:2]:
            for family in FAMILIES:
                trace = self.lab.trace(*method.arguments, "-w", 0.001, "-q", 10,
                                       "-m", 200, "-N", 2000, TARGET[family])
                packets = self.capture.read().arriving
                self.capture.forget()
                self.assertIn(trace.json["stop"]["reason"], ("reached", "hop_limit"))
                self.assertEqual(trace.json["counters"]["sent"], len(packets))

    def test_open_port(self):
        """A connection that was accepted is given up at once."""
        def check(trace, packets, method):
            self.check_exact(trace, packets, method)
            accepted = sum(probe.get("reply") == "syn_ack" for hop in trace.json["hops"]
                           for probe in hop["probes"])
            self.assertEqual(accepted, trace.json["options"]["queries"])
            others = [packet.flags for packet in packets if packet.flags != SYN]
            self.assertEqual(others, [ACK, RST_ACK] * accepted)
        self.each_kind(check, "-w", 5, methods=(TCP_OPEN,))

    def test_interrupted(self):
        for method in METHODS:
            for family in FAMILIES:
                with self.subTest(protocol=method.protocol, family=family):
                    self.interrupt(method, family)

    def interrupt(self, method, family):
        """A silent hop is waited for; by then all that can be sent has been."""
        arguments = (*method.arguments, "-q", 10, "-w", 600, TARGET[family])
        running = self.lab.start(*arguments)
        paris.wait_for(lambda: self.capture.read().leaving, 10, "no answer")
        running.process.send_signal(signal.SIGINT)
        trace = routers.Trace(self.network, arguments, running.finish())
        self.assertTrue(trace.seen.endswith(": interrupted"), trace.seen)
        self.assertEqual(trace.status, 1)
        packets = self.capture.read().arriving
        self.capture.forget()
        self.check_constant(trace, packets, method)

    def test_nothing_leaves_after_the_end(self):
        for method in (*METHODS, TCP_OPEN):
            for family in FAMILIES:
                for options in (("-w", 0.2), ("-w", 600, "--timeout", 0.2)):
                    self.lab.trace(*method.arguments, *options, TARGET[family])
        self.capture.forget()
        time.sleep(LONG_ENOUGH)
        self.assertEqual(self.capture.read().arriving, [])


if __name__ == "__main__":
    unittest.main()
