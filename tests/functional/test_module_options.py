"""-O: TCP flags and options, sent by the least privilege that can, and seen on the wire;
what the target's segments say; raw and ping sockets; the coverage of UDP-Lite."""

import os
import socket
import unittest

import paris
import root_inside
from test_helper import WHY, tools

ROOT = os.geteuid() == 0
RELEASE = paris.VARIANT == "release"
V4, V6 = "198.51.100.9", "2001:db8:ffff::9"
BOTH = (V4, V6)
FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << bit for bit in range(8))
MSS, SACK, STAMPS, SCALE, FASTOPEN = 2, 4, 8, 3, 34
KINDS = [MSS, SACK, STAMPS, SCALE]


def options(packet):
    """{kind: content} of a TCP segment's options, and that they are whole words."""
    data, found = packet.transport[20:(packet.transport[12] >> 4) * 4], {}
    while data:
        if data[0] == 1:
            data = data[1:]
            continue
        found[data[0]] = data[2:data[1]]
        data = data[data[1]:]
    return found


# What is given to -O: flags, kinds of options, who has to send it.
SEGMENTS = (
    ("info", SYN, KINDS, "tcp"), ("mss=600", SYN, KINDS, "tcp"),
    ("sysctl,reuse", SYN, KINDS, "tcp"), ("mss=40000", SYN, KINDS, "tcp-helper"),
    ("syn", SYN, [MSS], "tcp-helper"), ("sack", SYN, [MSS, SACK], "tcp-helper"),
    ("timestamps,mss=99", SYN, [MSS, STAMPS], "tcp-helper"),
    ("window_scaling,sack", SYN, [MSS, SACK, SCALE], "tcp-helper"),
    ("ecn", SYN | ECE | CWR, [MSS], "tcp-helper"), ("syn,ece", SYN | ECE, [MSS], "tcp-helper"),
    ("sysctl -t 3", SYN, KINDS, "tcp-helper"),
    ("sysctl,cwr,syn", SYN | CWR, KINDS, "tcp-helper"), ("ack", ACK, [], "tcp-helper"),
    ("ack,timestamps", ACK, [STAMPS], "tcp-helper"), ("flags=0x10", ACK, [], "tcp-helper"),
    ("fin", FIN, [], "tcp-raw"), ("rst", RST, [], "tcp-raw"),
    ("fin,psh,urg", FIN | PSH | URG, [], "tcp-raw"), ("psh,ack", PSH | ACK, [], "tcp-raw"),
    ("syn,ack", SYN | ACK, [MSS], "tcp-raw"), ("flags=0", 0, [], "tcp-raw"),
    ("syn,fin", SYN | FIN, [MSS], "tcp-raw"), ("flags=255", 255, [MSS], "tcp-raw"),
    ("fastopen", SYN, [MSS, FASTOPEN], "tcp-raw"),
    ("fastopen,sack,timestamps,window_scaling", SYN, [*KINDS, FASTOPEN], "tcp-raw"),
)
NO_ANSWER = ("rst", "flags=255")  # a reset is never answered


class Segments(unittest.TestCase):
    def trace(self, send, *arguments):
        """(Result, its json) of a run by whom it takes."""
        words = ("-n", "-T", "--format", "json", *arguments)
        if send == "tcp":
            result = paris.fakeroute("instant.topo", "paris-traceroute", *words)
        elif send == "tcp-raw" or not RELEASE:
            result = root_inside.run("instant.topo", "paris-traceroute", *words)
        else:
            result = paris.start_fakeroute(
                "instant.topo", tools() / "bin/paris-traceroute", *words,
                options=("--keep-caps",), user=False).finish()
        return result, result.json

    def check(self, given, flags, kinds, send, target):
        silent = given in NO_ANSWER
        result, found = self.trace(send, "-O", *given.split(), "-p", "81", *(
            ("-m", "5", "-q1", "-w0.3") if silent else ()), target)
        self.assertEqual(result.returncode, 1 if silent else 0, result)
        self.assertEqual(found["plan"]["send"], send)
        sent = [packet for packet in result.packets() if packet.dst == target
                and (packet.sport, packet.dport) == (found["src_port"], 81)
                and (send != "tcp" or packet.flags == SYN)]
        self.assertEqual(len(sent), found["counters"]["sent"])
        for packet in sent:
            self.assertEqual(packet.flags, flags)
            self.assertEqual(packet.tos, 3 if "-t" in given else 0)
            self.assertEqual(sorted(options(packet)), sorted(kinds))
            self.assertTrue(packet.checksum_ok)
            self.assertEqual(packet.length, found["packet_len"])
            self.assertEqual(packet.payload, b"")
        self.assertEqual(len({(packet.sport, packet.flow_label) for packet in sent}), 1)
        number = given.partition("mss=")[2].partition(",")[0]
        if MSS in kinds:
            # What nobody chose is what fits an Ethernet, as that of the kernel here.
            self.assertEqual({int.from_bytes(options(packet)[MSS], "big")
                              for packet in sent},
                             {int(number or (1460 if target == V4 else 1440))})
        answers = paris.answers(found)
        hops = {(ttl, probe["from"]) for ttl, probe in answers}
        self.assertEqual(hops - {(5, target)}, {
            (ttl, f"10.0.{ttl}.1" if target == V4 else f"2001:db8:{ttl}::1")
            for ttl in range(1, 5)})
        self.assertEqual((5, target) in hops, not silent)
        for name in ("ambiguous", "asked_again", "strays"):
            self.assertEqual(found["counters"][name], 0, name)
        # A reset acknowledges, or stands where the probe acknowledged (RFC 9293, 3.5.2).
        self.assertEqual({probe["tcp_flags"] for ttl, probe in answers if ttl == 5},
                         set() if silent else {"rst" if flags & ACK else "rst,ack"})
        for ttl, probe in answers:
            if MSS in kinds and ttl < 5 and "quoted_mss" in probe:
                self.assertEqual(probe["quoted_mss"], probe["sent_mss"])

    def check_all(self, send):
        """In turn over the one family and the other, which differ in the header alone."""
        rows = [row for row in SEGMENTS if row[3] == send]
        for number, row in enumerate(rows):
            with self.subTest(row[0]):
                self.check(*row, BOTH[number % 2])

    def test_by_anybody(self):
        self.check_all("tcp")

    @unittest.skipUnless(RELEASE, WHY)
    @unittest.skipUnless(ROOT, "only root can give a file a capability here")
    def test_by_the_helper(self):
        self.check_all("tcp-helper")

    @unittest.skipUnless(ROOT, "only root can start it as root")
    def test_by_root(self):
        self.check_all("tcp-raw")

    def test_what_it_takes_is_said(self):
        """Not possible here: which privilege is missing, and how to get it."""
        for given, words in (("ecn", "start this as root|setcap"),
                             ("fin", "; paris-privsep sends SYN, ECE and CWR "
                              "with it, and ACK alone.*start this as root"),
                             ("fastopen", "without fastopen.*start this as root"),
                             ("info -t 3", "ECN bits .-t..*start this as root|setcap")):
            for options_ in ((), ("--privilege", "none")):
                result = paris.fakeroute("instant.topo", "paris-traceroute", "-T", "-O",
                                         *given.split(), *options_, V4)
                self.assertEqual(result.returncode, 3, result)
                self.assertRegex(result.stderr, r"\Aparis-traceroute: a tcp socket sends "
                                 r"the kernel's own SYN[^\n]*\n\Z")
                self.assertRegex(result.stderr,
                                 words if not options_ else "leave --privilege out")
                self.assertEqual(result.packets(), [])


class Info(unittest.TestCase):
    def test_text(self):
        """Behind the address, where it differs from the last answer of the hop."""
        for port, words in ((80, "syn,ack"), (81, "rst,ack")):
            for target in BOTH:
                result = paris.fakeroute("instant.topo", "paris-traceroute", "-n", "-T",
                                         "-O", "info", "-p", str(port), target)
                self.assertEqual((result.returncode, result.stderr), (0, ""))
                last = result.stdout.splitlines()[-1]
                self.assertRegex(last, rf"\A 5  {target} <{words}>(  \d+\.\d+ ms){{3}}\Z")
                self.assertEqual(result.stdout.count("<"), 1)

    def test_real_kernel(self):
        """What the kernel tells of a handshake: the options that both sides have."""
        from test_tcp import OnLoopback
        for family, target in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            for setting, words in ((1, "sack,timestamps,window_scaling"),
                                   (0, "sack,window_scaling")):
                run = OnLoopback("-T", "-O", "info", "-p", "8080", target,
                                 settings={"net/ipv4/tcp_timestamps": setting},
                                 servers=[(family, socket.SOCK_STREAM, 0, 8080)])
                self.assertEqual((run.returncode, run.stderr), (0, ""))
                self.assertIn(f" <syn,ack,{words}>  ", run.stdout)

    def test_mss_is_told_once(self):
        """No device lowers it here: as it was asked for, it says nothing."""
        for given in ("mss", "mss=700"):
            result = paris.fakeroute("instant.topo", "paris-traceroute", "-n", "-T", "-O",
                                     given, V4)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assertNotIn("M=", result.stdout)

    def test_help(self):
        for method, word in (("-T", "window_scaling"), ("-I", "dgram"),
                             ("-UL", "coverage=NUM"), ("-U", "no options (-O) of udp")):
            result = paris.run("paris-traceroute", method, "-O", "help")
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assertIn(word, result.stdout)
            self.assertLessEqual(max(map(len, result.stdout.splitlines())), 80)


class Others(unittest.TestCase):
    @unittest.skipUnless(ROOT, "only root can start it as root")
    def test_icmp(self):
        for given, sends in (("raw", ("ping-helper", "ping-raw")), ("dgram", ("ping",))):
            result = root_inside.run("instant.topo", "paris-traceroute", "-n", "-I", "-O",
                                     given, "--format", "json", V4)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assertIn(result.json["plan"]["send"], sends)

    def test_coverage(self):
        """The checksum is right over what it covers, and the field says how much that is."""
        try:
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM, paris.UDPLITE).close()
        except OSError as error:
            raise unittest.SkipTest(f"this kernel has no UDP-Lite: {error}") from error
        for given, covered in ((8, 8), (13, 13), (65535, 40)):
            for target, length in ((V4, "60"), (V6, "80")):
                result = paris.fakeroute("instant.topo", "paris-traceroute", "-n", "-UL",
                                         "-O", f"coverage={given}", "--format", "json",
                                         target, length)
                self.assertEqual((result.returncode, result.stderr), (0, ""))
                self.assertEqual(result.json["options"]["coverage"], given)
                sent = [packet for packet in result.packets() if packet.dst == target]
                self.assertEqual(len(sent), result.json["counters"]["sent"])
                for packet in sent:
                    # 0 stands for all (RFC 3828 section 3.1).
                    self.assertEqual(packet.udp_length or 40, covered)
                    whole, packet.proto = packet.transport, paris.UDPLITE
                    packet.transport = whole[:covered] + bytes(len(whole) - covered)
                    self.assertTrue(packet.checksum_ok, packet)
