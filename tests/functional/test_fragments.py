"""--fragment: what leaves, what comes back and what is told of it, in the simulated
network; and probes that the kernel splits, for who is not root. Real routers and a real
target: the lab's test_fragments.py."""

import os
import unittest

import paris
from fragmented import bounds, quotes
import root_inside

ROOT = os.geteuid() == 0
TARGETS = {4: "198.51.100.9", 6: "2001:db8:ffff::9"}
HEADER = {4: 20, 6: 40}
METHODS = {"udp": (), "icmp": ("-I",), "tcp": ("-T",), "raw": ("-P", "253")}
# A router that is far enough from the target: what it says of all fragments is here
# before the target has answered.
NETWORK = """
    defaults rtt=5ms
    router a 10.0.1.1 2001:db8:1::1
    router b 10.0.2.1 2001:db8:2::1
    target t 198.51.100.9 2001:db8:ffff::9
    link host a b t
"""
ROUTERS = (1, 2)


def trace(*arguments, status=0, topology=NETWORK):
    result = paris.undisturbed(topology, "paris-traceroute", "-n", "-w", "8", "--format",
                               "json", *arguments, run=root_inside.run)
    if result.returncode != status or result.stderr:
        raise AssertionError(str(result))
    return result.json, result


def sent(result, family):
    """{(TTL, identification): packets in the order of sending} of what the host sent."""
    found = {}
    for packet in result.packets():
        if packet.dst == TARGETS[family] and not (packet.flags or 0) & 4:
            found.setdefault((packet.ttl, packet.ip_id), []).append(packet)
    return found


@unittest.skipUnless(ROOT, "only root sends fragments of its own")
class Wire(unittest.TestCase):
    """What is on the wire, by capture."""

    # What is asked for, and the 40 bytes behind the IP header as they leave.
    SPLITS = {
        "8,16": [(0, 8), (8, 16), (24, 16)],
        "8,16;order=last-first;repeat=2": [(24, 16)] * 2 + [(8, 16)] * 2 + [(0, 8)] * 2,
        "0+16,8+24;order=2,3": [(8, 24), (32, 8), (0, 16)],
        "0+24,24+16": [(0, 24), (24, 16)],
    }

    def check(self, found, result, family, pieces):
        probes = sent(result, family)
        self.assertEqual(len(probes), found["counters"]["sent"])
        self.assertEqual(result.report["received"]["malformed"], 0)
        self.assertEqual(result.report["received"]["bad_header_checksum"], 0)
        self.assertEqual(result.report["received"]["bad_checksum"], 0)
        ids = [identification for _, identification in probes]
        self.assertEqual(len(set(ids)), len(ids))
        for packets in probes.values():
            self.assertEqual([bounds(packet) for packet in packets], pieces)
            whole = bytearray(40)
            for packet in packets:
                offset, length = bounds(packet)
                self.assertEqual(packet.more_fragments, offset + length < 40)
                whole[offset:offset + length] = packet.transport
            for packet in packets:  # overlapping bytes agree
                offset, length = bounds(packet)
                self.assertEqual(bytes(whole[offset:offset + length]), packet.transport)
            self.assertEqual(len({packet.raw[:4] if family == 6 else packet.raw[8:10]
                                  for packet in packets}), 1)
        expected = [{"offset": offset, "length": length}
                    for offset, length in dict.fromkeys(pieces)]
        self.assertEqual(found["fragments"]["list"], expected)
        self.assertEqual(found["fragments"]["by"], "prober")

    def test_every_split(self):
        for text, pieces in self.SPLITS.items():
            for family, target in TARGETS.items():
                with self.subTest(text=text, family=family):
                    found, result = trace("--fragment", text, "-q2", target)
                    self.check(found, result, family, pieces)
                    self.assertEqual(found["fragments"]["repeat"],
                                     2 if "repeat" in text else 1)
                    self.assertEqual(found["stop"]["reason"], "reached")

    def test_every_protocol(self):
        """The target puts them together and answers; routers are seen before it."""
        for method, options in METHODS.items():
            for family, target in TARGETS.items():
                with self.subTest(method=method, family=family):
                    found, result = trace("--fragment", "8,16", *options, target)
                    self.check(found, result, family, [(0, 8), (8, 16), (24, 16)])
                    self.assertEqual(found["stop"]["reason"], "reached")
                    self.assertTrue(found["plan"]["send"].endswith("-raw"))
                    if family == 4:
                        self.assertEqual(found["plan"]["tag"], "ipv4.identification")
                    for hop in found["hops"]:
                        for probe in hop["probes"]:
                            self.assertEqual(probe["status"], "answered")
                            self.assertNotIn("altered", probe.get("flags", ()))

    def test_not_fragmented_further(self):
        for family, target in TARGETS.items():
            _, result = trace("--fragment", "16", "-F", "-m1", "-q1", target, status=1)
            for packets in sent(result, family).values():
                for packet in packets:
                    if family == 4:
                        self.assertTrue(packet.dont_fragment)
                    self.assertEqual(packet.family, family)

    def test_long_packets(self):
        """Longer than the link: each fragment has to fit, and does."""
        for family, target in TARGETS.items():
            found, result = trace("--fragment", "1400,1400,8", "-q1", target, "4000")
            pieces = [(0, 1400), (1400, 1400), (2800, 8),
                      (2808, 4000 - HEADER[family] - 2808)]
            for packets in sent(result, family).values():
                self.assertEqual([bounds(packet) for packet in packets], pieces)
            self.assertEqual(found["stop"]["reason"], "reached")


@unittest.skipUnless(ROOT, "only root sends fragments of its own")
class Quotes(unittest.TestCase):
    """What replies quote of them."""

    def test_first_fragments_over_ipv4(self):
        """All that routers may answer (RFC 1122), whatever leaves first."""
        for order in ("first-last", "last-first"):
            found, _ = trace("--fragment", f"8,16;order={order};repeat=2", "-q2",
                             TARGETS[4])
            for ttl in ROUTERS:
                self.assertEqual(quotes(found, ttl), {(0, 8, "sent"): 4})
            self.assertEqual(found["counters"]["duplicates"], 0)
            self.assertEqual(found["anomalies"], [])

    def test_every_fragment_over_ipv6(self):
        """Those that show no port are matched by identification, and are no duplicates."""
        for method, options in METHODS.items():
            with self.subTest(method=method):
                found, _ = trace("--fragment", "8,16;order=last-first;repeat=2", "-q2",
                                 *options, TARGETS[6])
                for ttl in ROUTERS:
                    self.assertEqual(quotes(found, ttl), {
                        (0, 8, "sent"): 4, (8, 16, "sent"): 4, (24, 16, "sent"): 4})
                for reply in found["other_replies"]:
                    self.assertEqual(reply["status"], "fragment")
                    self.assertEqual(reply["from"], f"2001:db8:{reply['ttl']}::1")
                    self.assertGreaterEqual(reply["rtt_ms"], 0)
                self.assertEqual(found["counters"]["duplicates"], 0)
                self.assertEqual(found["counters"]["strays"], 0)
                self.assertEqual(found["anomalies"], [])

    def test_put_together(self):
        """What the target quotes is whole again."""
        for target in TARGETS.values():
            found, _ = trace("--fragment", "16", "-q1", target)
            self.assertEqual(quotes(found, 3), {(0, 40, "whole"): 1})

    def test_text(self):
        result = root_inside.run(NETWORK, "paris-traceroute", "-n", "-w", "8", "--fragment",
                                 "8,16;repeat=2", "-q1", TARGETS[6])
        self.assertEqual(result.returncode, 0, result)
        lines = result.stdout.splitlines()
        self.assertTrue(lines[0].endswith(
            " 80 byte packets in fragments 0+8 8+16 24+16 2 times each"), result)
        for line in lines[1:3]:
            self.assertRegex(line, r" ms \[fragment 0\+8\]$")
        self.assertRegex(lines[3], r" ms$")
        self.assertEqual(
            result.stderr, "paris-traceroute: hops 1-2: quoted fragment 0+8 (2), fragment "
            "8+16 (2), fragment 24+16 (2)\nparis-traceroute: hop 3: quoted the whole packet "
            "(1)\n")

    def test_a_hole(self):
        """Nobody can put them together, so the target says nothing."""
        for target in TARGETS.values():
            found, _ = trace("--fragment", "0+8,16+8", "-q1", "-w1", "-m3", target, status=1)
            self.assertEqual([hop["probes"][0]["status"] for hop in found["hops"]],
                             ["answered", "answered", "lost"])


class Refused(unittest.TestCase):
    """What cannot be done, and why."""

    def test_ordinary_user(self):
        """What is missing, in the words of -g."""
        for target in TARGETS.values():
            texts = []
            for options, what in (
                    (("-g", "192.0.2.9" if "." in target else "2001:db8::9"),
                     "a source route (-g)"),
                    (("--fragment", "8,16"), "a probe in fragments (--fragment)")):
                result = paris.fakeroute("line.topo", "paris-traceroute", *options, target)
                self.assertEqual(result.returncode, 3, result)
                self.assertIn(what, result.stderr)
                self.assertIn("only root may use raw sockets of its own: start this as root",
                              result.stderr)
                texts.append(result.stderr.replace(what, "it"))
            self.assertEqual(*texts)

    @unittest.skipUnless(ROOT, "only root sends fragments of its own")
    def test_what_does_not_fit(self):
        for text, words in (
                ("64", "--fragment: 0+64 ends at byte 64, but there are 40 bytes behind the "
                       "IP header: give a longer packet"),
                ("8,12", "--fragment: 8+12 does not end with the packet's 40 bytes, so its "
                         "length must be a multiple of 8")):
            for target in TARGETS.values():
                result = root_inside.run(NETWORK, "paris-traceroute", "--fragment", text,
                                         target)
                self.assertEqual(result.returncode, 3, result)
                self.assertEqual(result.stderr, f"paris-traceroute: cannot measure: {words}\n")
        result = root_inside.run(NETWORK, "paris-traceroute", "--fragment", "1600",
                                 TARGETS[4], "2000")
        self.assertEqual(result.returncode, 3, result)
        self.assertIn("larger than the interface takes", result.stderr)
        for options, words in (
                (("--tag", "udp.checksum"),
                 "udp.checksum cannot carry the tag: fragments are told by "
                 "ipv4.identification, which does so: leave --tag out"),
                (("-UL",), "a probe in fragments (--fragment) cannot be sent by"),
                (("--privilege", "none"), "the kernel writes the IP header; or leave "
                                          "--privilege out")):
            result = root_inside.run(NETWORK, "paris-traceroute", "--fragment", "8", *options,
                                     TARGETS[4])
            self.assertEqual(result.returncode, 3, result)
            self.assertIn(words, result.stderr)


class Kernel(unittest.TestCase):
    """Longer than the way out takes: the kernel splits, and how is told."""

    def test_told_as_it_is(self):
        for method in ("udp", "icmp"):
            for family, target in TARGETS.items():
                with self.subTest(method=method, family=family):
                    result = paris.fakeroute(
                        NETWORK, "paris-traceroute", "-n", "-q1", "-w8", "--privilege",
                        "none", "--format", "json", *METHODS[method], target, "4000")
                    self.assertEqual(result.returncode, 0, result)
                    found = result.json
                    self.assertEqual(found["fragments"]["by"], "kernel")
                    self.assertEqual(found["fragments"]["mtu"], 1500)
                    told = [(one["offset"], one["length"])
                            for one in found["fragments"]["list"]]
                    seen = sent(result, family)
                    self.assertEqual(len(seen), found["counters"]["sent"])
                    for packets in seen.values():
                        self.assertEqual([bounds(packet) for packet in packets], told)

    def test_not_told_where_it_does_not(self):
        for arguments, status in ((("1500",), 0), (("-F", "1500"), 0), (("-F", "1501"), 1)):
            for target in TARGETS.values():
                found = paris.traceroute(NETWORK, "-q1", "-w8", "--privilege", "none",
                                         *arguments[:-1], target, arguments[-1],
                                         status=status)
                self.assertNotIn("fragments", found)

    def test_words(self):
        result = paris.fakeroute(NETWORK, "paris-traceroute", "-n", "-q1", "-w8",
                                 "--privilege", "none", TARGETS[6], "4000")
        self.assertEqual(result.returncode, 0, result)
        self.assertEqual(
            result.stderr, "paris-traceroute: the kernel sends each probe in 3 fragments of "
            "1448 bytes and less, for the way out takes 1500 bytes; routers' errors about "
            "the first one come back\n")
        self.assertTrue(result.stdout.splitlines()[0].endswith("4000 byte packets"))
        result = paris.fakeroute(NETWORK, "paris-traceroute", "--explain", "--privilege",
                                 "none", TARGETS[6], "4000")
        self.assertIn("\nfragments: the kernel's, where the way out takes less than 4000 bytes",
                      result.stdout)


if __name__ == "__main__":
    unittest.main()
