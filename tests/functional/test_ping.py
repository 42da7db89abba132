"""paris-ping in simulated networks: what it sends, what it says of what came, and that
it says it as Debian's ping does."""

import json
import math
import os
import re
import shutil
import signal
import statistics
import sys
import unittest
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import named  # noqa: E402
import paris  # noqa: E402
import test_helper  # noqa: E402

ANSWERED, SILENT, OTHER = range(3)
V4, V6 = "198.51.100.9", "2001:db8:ffff::9"
# Of demo.topo: whose answer, in text and in json, to what.
KINDS = (
    ("icmp", (), "64 bytes", "echo_reply"),
    ("udp", ("--udp",), "Port unreachable", "unreachable"),
    ("udp", ("--udp", "--port", "7"), "UDP datagram", "udp_data"),
    ("tcp", ("--tcp",), "SYN-ACK", "syn_ack"),
    ("tcp", ("--tcp", "--port", "81"), "RST", "reset"),
)
PROTOCOLS = {"icmp": (paris.ICMP, paris.ICMP6), "udp": (paris.UDP,), "tcp": (paris.TCP,)}
NEAR = """
defaults rtt=1ms
router r 10.0.1.1 2001:db8:1::1
target server 198.51.100.9 2001:db8:ffff::9
target silent 198.51.100.8 2001:db8:ffff::8 silent
link host r server,silent
"""
LOSSY = """
seed 7
defaults rtt=1ms
router r 10.0.1.1 2001:db8:1::1
target server 198.51.100.9 2001:db8:ffff::9 loss=20% duplicates=30% late=20%,300ms
link host r server
"""


def ping(topology, *arguments, **more):
    return paris.fakeroute(topology, "paris-ping", *arguments, **more)


def objects(result):
    """The objects of --format json: the first, those of packets, the last."""
    first, *packets, last = map(json.loads, result.stdout.splitlines())
    assert (first["type"], last["type"]) == ("start", "summary"), result
    assert {packet["type"] for packet in packets} <= {"packet"}, result
    return first, packets, last


def sent(result, protocol, flags=2):
    """What we have sent of it, in order; of TCP with these flags."""
    return [packet for packet in result.packets()
            if packet.src in ("192.0.2.2", "2001:db8::2")
            and packet.proto in PROTOCOLS[protocol] and packet.type in (None, 8, 128)
            and packet.flags in (None, flags)]


def lines(result):
    return result.stdout.splitlines()


class Kinds(unittest.TestCase):
    """Each kind of packet, over IPv4 and IPv6, in text and in json."""

    def run_all(self, *arguments):
        cases = [(kind, target) for kind in KINDS for target in (V4, V6)]
        with ThreadPoolExecutor(4) as pool:
            results = pool.map(lambda case: ping(
                "demo.topo", "-c", "3", "-i", "0.02", *arguments, *case[0][1], case[1]),
                cases)
            yield from zip(cases, results)

    def test_text(self):
        for ((protocol, options, words, _), target), result in self.run_all():
            with self.subTest(options, target=target):
                self.assertEqual((result.returncode, result.stderr), (ANSWERED, ""), result)
                found = lines(result)
                self.assertTrue(found[0].startswith(f"PING {target}"), result)
                # Without privilege nobody sees the TTL of TCP's answers.
                ttl = "" if protocol == "tcp" else " ttl=57"
                for number in (1, 2, 3):
                    self.assertRegex(found[number], rf"\A{words} from {target}: {protocol}"
                                     rf"_seq={number}{ttl} time=\d+(\.\d+)? ms\Z")
                self.assertEqual(found[4:6], ["", f"--- {target} ping statistics ---"])
                self.assertRegex(found[6], r"\A3 packets transmitted, 3 received, "
                                 r"0% packet loss, time \d+ms\Z")
                self.assertRegex(found[7], r"\Artt min/avg/max/mdev = "
                                 r"(\d+\.\d{3}/){3}\d+\.\d{3} ms(, pipe \d+)?\Z")
                self.assertEqual(len(found), 8)

    def test_json_and_packets(self):
        for ((protocol, options, _, reply), target), result in self.run_all(
                "--format", "json", "-Q", "0x20"):
            with self.subTest(options, target=target):
                self.assertEqual((result.returncode, result.stderr), (ANSWERED, ""), result)
                first, packets, last = objects(result)
                self.assertEqual(first["protocol"], protocol)
                self.assertEqual([packet["seq"] for packet in packets], [1, 2, 3])
                for packet in packets:
                    self.assertEqual((packet["status"], packet["from"], packet["reply"]),
                                     ("answered", target, reply))
                    # Seven routers before it, of 600 us, 2, 2, 2, 3, 3 and 2 ms.
                    self.assertGreaterEqual(packet["rtt_ms"], 16)
                    self.assertEqual(packet.get("bytes"),
                                     64 if protocol == "icmp" else None)
                self.check_statistics(packets, last)
                self.check_packets(first, protocol, sent(result, protocol))

    def check_statistics(self, packets, last):
        times = [packet["rtt_ms"] for packet in packets]
        for name, value in (("min", min(times)), ("avg", statistics.mean(times)),
                            ("max", max(times)), ("mdev", statistics.pstdev(times))):
            self.assertTrue(math.isclose(last["rtt"][f"{name}_ms"], value, abs_tol=2e-6),
                            (name, last, value))
        self.assertEqual((last["transmitted"], last["received"], last["loss_percent"]),
                         (3, 3, 0))
        self.assertEqual(last["stop"], {"reason": "reached"})

    def check_packets(self, first, protocol, packets):
        self.assertEqual(len(packets), 3)
        self.assertEqual(len({packet.flow() for packet in packets}), 1, packets)
        self.assertTrue(all(packet.checksum_ok for packet in packets))
        self.assertEqual({(packet.ttl, packet.tos, packet.length) for packet in packets},
                         {(64, 0x20, first["packet_len"])})
        if protocol == "icmp":
            self.assertEqual([packet.seq for packet in packets], [1, 2, 3])
            self.assertEqual({packet.checksum for packet in packets},
                             {first["icmp_checksum"]})
            self.assertEqual(first["packet_len"] - 64, 20 if first["ip_version"] == 4
                             else 40)

    def test_flows(self):
        """A flow is a path; another one may be another path."""
        for protocol, options in (("icmp", ()), ("udp", ("--udp",)), ("tcp", ("--tcp",))):
            routers = set()
            for flow in range(6):
                result = ping("demo.topo", "-t", "3", "-c", "4", "-i", "0.01", "--flow-id",
                              str(flow), *options, V4)
                self.assertEqual(result.returncode, SILENT, result)
                found = set(re.findall(r"^From (\S+) \w+_seq=\d Time to live exceeded$",
                                       result.stdout, re.M))
                self.assertEqual(len(found), 1, result)
                routers |= found
            self.assertEqual(routers, {"10.2.0.1", "10.2.0.2"}, protocol)

    def test_short_quotes(self):
        """No tag in any answer: one at a time, and none is lost or guessed."""
        result = ping("short-quotes.topo", "--udp", "-c", "8", "-i", "0.01", "-l", "3", V4)
        self.assertEqual(result.returncode, ANSWERED, result)
        self.assertIn("8 packets transmitted, 8 received, 0% packet loss", result.stdout)
        self.assertNotIn("pipe", result.stdout)


@unittest.skipUnless(paris.VARIANT == "release", test_helper.WHY)
@unittest.skipUnless(os.geteuid() == 0, "only root can give a file a capability here")
class Helper(unittest.TestCase):
    """Through paris-privsep, which sees whole packets."""

    def test_status(self):
        """A terminal's SIGQUIT asks how it stands, and reaches the helper too."""
        running = paris.start_fakeroute(
            NEAR, test_helper.tools() / "bin/paris-ping", "--privilege", "helper",
            "-i", "0.05", V4, options=("--keep-caps",), user=False)
        pids = [running.find(name) for name in ("paris-ping", "paris-prober",
                                                "paris-privsep")]
        paris.wait_for(lambda: "_seq=2" in running.text(), 10, "no second answer")
        for pid in pids[::-1]:
            os.kill(pid, signal.SIGQUIT)
        count = running.text().count("_seq")
        paris.wait_for(lambda: running.text().count("_seq") > count + 2, 10,
                       "it does not go on")
        os.kill(pids[0], signal.SIGINT)
        result = running.finish(5)
        self.assertEqual(result.returncode, ANSWERED, result)
        self.assertRegex(result.stderr, r"\A\r\d+/\d+ packets[^\n]*\n\Z")

    def test_kinds(self):
        cases = [(protocol, options, reply, target) for protocol, options, _, reply in (
            *KINDS, ("tcp", ("--tcp-ack",), "RST", "reset"),
            ("tcp", ("--tcp-ack", "--port", "81"), "RST", "reset")) for target in (V4, V6)]

        def run(case):
            return paris.start_fakeroute(
                "demo.topo", test_helper.tools() / "bin/paris-ping", "--privilege", "helper",
                "--format", "json", "-c", "6", "-i", "0.002", *case[1], case[3],
                options=("--keep-caps",), user=False).finish()
        with ThreadPoolExecutor(4) as pool:
            for (protocol, options, reply, target), result in zip(cases,
                                                                  pool.map(run, cases)):
                with self.subTest(options, target=target):
                    self.assertEqual((result.returncode, result.stderr), (ANSWERED, ""),
                                     result)
                    _, packets, last = objects(result)
                    # What an open UDP port sends shows no checksum, hence no tag.
                    self.assertEqual(last["received"] + last["ambiguous"], 6)
                    self.assertTrue(last["ambiguous"] == 0 or reply == "udp_data", result)
                    self.assertEqual(last["loss_percent"], 0)
                    kinds = {packet["reply"] for packet in packets if packet["status"] != "lost"}
                    # A second SYN of a connection is refused.
                    self.assertLessEqual(kinds, {reply, "reset"} if reply == "syn_ack" else
                                         {reply})
                    self.assertEqual({packet["reply_ttl"] for packet in packets
                                      if packet["status"] != "lost"}, {57})
                    flags = 0x10 if "--tcp-ack" in options else 2
                    probes = sent(result, protocol, flags)
                    self.assertEqual(len(probes), 6)
                    self.assertEqual(len({probe.flow() for probe in probes}), 1)


class Packets(unittest.TestCase):
    """What options put into packets."""

    def test_data(self):
        for size, pattern in ((0, ()), (100, ()), (100, ("-p", "a5")),
                              (1400, ("-p", "00ff12"))):
            for target in (V4, V6):
                for options in ((), ("--udp",)):
                    result = ping(NEAR, "-c", "2", "-i", "0.01", "-s", str(size), *pattern,
                                  *options, target)
                    with self.subTest(size=size, pattern=pattern, target=target,
                                      options=options):
                        self.check_data(result, size, pattern, bool(options))

    def check_data(self, result, size, pattern, udp):
        self.assertEqual(result.returncode, ANSWERED, result)
        data = [packet.payload for packet in sent(result, "udp" if udp else "icmp")]
        self.assertEqual(len(data), 2)
        # Of no data as much is made as the flow takes: two bytes to balance a checksum.
        least = max(size, 0 if udp else 2)
        self.assertEqual({len(payload) for payload in data}, {least})
        shown = re.search(r" (\d+)(?:\((\d+)\) bytes of data\.| data bytes)$",
                          lines(result)[1 if pattern else 0])
        self.assertEqual(int(shown.group(1)), least)
        if not udp:
            self.assertIn(f"\n{least + 8} bytes from", result.stdout)
        if pattern:
            unit = bytes.fromhex(pattern[1])
            self.assertEqual(lines(result)[0], f"PATTERN: 0x{pattern[1]}")
            filled = (unit * size)[:size]
            for payload in data:
                self.assertEqual(payload[6:], filled[6:])

    def test_source_and_interface(self):
        for origin, shown in (("192.0.2.2", " from 192.0.2.2 :"), (None, " from {} {}:")):
            result = ping(NEAR, "-c", "1", "-I", origin or "veth0", V4)
            if origin is None and result.returncode == OTHER:
                name = re.search(r"dev (\S+)", paris.fakeroute(
                    NEAR, "ip", "route", "get", V4).stdout).group(1)
                result = ping(NEAR, "-c", "1", "-I", name, V4)
                shown = shown.format("192.0.2.2", name)
            self.assertEqual(result.returncode, ANSWERED, result)
            self.assertIn(f"({V4}){shown} 56(84) bytes", result.stdout)

    def test_rate(self):
        """No drift: as the capture shows, each packet leaves at a multiple of the interval
        or later, and never two at once."""
        result = ping(NEAR, "-c", "20", "-i", "0.05", V4)
        times = [packet.time for packet in sent(result, "icmp")]
        self.assertEqual(len(times), 20)
        offsets = [when - 0.05 * number for number, when in enumerate(times)]
        # Of those that were not late; there are some in each half.
        self.assertGreater(statistics.median(offsets[10:]) - statistics.median(offsets[:10]),
                           -0.045, offsets)

    def test_preload(self):
        # Under valgrind it takes a while from the first to the third.
        interval = "6" if paris.VARIANT == "valgrind" else "1.5"
        # The answers take 40 ms, the fourth waits for its time: if none is late.
        def step(result):
            times = [packet.time for packet in sent(result, "icmp")]
            self.assertEqual(len(times), 4)
            return times[3] - times[0]
        result = paris.until(
            lambda result: step(result) > 1.4 and ", pipe 3" in result.stdout,
            lambda: ping("line.topo", "-c", "4", "-i", interval, "-l", "3", V4))
        self.assertEqual(result.returncode, ANSWERED, result)
        self.assertGreater(step(result), 1.4)
        self.assertIn(", pipe 3", result.stdout)


class Counting(unittest.TestCase):
    """Numbers against those of the simulator's capture."""

    def test_truth(self):
        cases = [(options, target) for options in ((), ("--udp",)) for target in (V4, V6)]
        with ThreadPoolExecutor(4) as pool:
            results = pool.map(lambda case: ping(
                LOSSY, "-c", "60", "-i", "0.01", "-W", "0.1", "--format", "json", *case[0],
                case[1]), cases)
            for (options, target), result in zip(cases, results):
                with self.subTest(options, target=target):
                    self.check_truth(result, bool(options), target)

    def check_truth(self, result, udp, target):
        _, packets, last = objects(result)
        answers = [packet for packet in result.packets() if packet.src == target]
        out = sent(result, "udp" if udp else "icmp")
        if udp:  # by the tag that comes first in the payload
            tags = [packet.payload[:4] for packet in out]
            numbers = [1 + tags.index(answer.quoted.payload[:4]) for answer in answers]
        else:
            numbers = [answer.seq for answer in answers]
        # What came when it had ended, which it had not before this, is not told.
        end = max(out[packet["seq"] - 1].time + packet.get("rtt_ms", 100) / 1000
                  for packet in packets) - 0.005
        told = Counter(packet["seq"] for packet in packets if packet["status"] != "lost")
        self.assertLessEqual(Counter(number for number, answer in zip(numbers, answers)
                                     if answer.time < end), told)
        self.assertLessEqual(told, Counter(numbers))
        numbers = list(told.elements())
        self.assertEqual(result.returncode, ANSWERED, result)
        self.assertEqual(last["transmitted"], 60)
        self.assertEqual(last["received"], len(set(numbers)), result)
        self.assertEqual(last["duplicates"], len(numbers) - len(set(numbers)))
        self.assertTrue(math.isclose(last["loss_percent"],
                                     100 * (60 - len(set(numbers))) / 60, abs_tol=1e-9))
        self.assertEqual(last["lost_here"], 0)
        statuses = {status: [packet for packet in packets if packet["status"] == status]
                    for status in ("answered", "late", "duplicate", "lost")}
        self.assertEqual(len(packets), sum(map(len, statuses.values())))
        self.assertEqual(len(statuses["late"]), last["late"])
        for packet in statuses["late"]:
            self.assertGreaterEqual(packet["rtt_ms"], 100)
        # Simulated, some are late by 300 ms.
        self.assertGreater(last["late"], 0)
        received = statuses["answered"] + statuses["late"]
        self.assertEqual({packet["seq"] for packet in received}, set(numbers))
        times = [packet["rtt_ms"] for packet in received]
        self.assertTrue(math.isclose(last["rtt"]["mdev_ms"], statistics.pstdev(times),
                                     abs_tol=2e-6))
        # A packet is lost at first, if it was to be late.
        self.assertLessEqual({packet["seq"] for packet in statuses["late"]},
                             {packet["seq"] for packet in statuses["lost"]})

    def test_marks(self):
        result = ping(LOSSY, "-c", "60", "-i", "0.01", "-W", "0.1", V4)
        found = lines(result)
        late = sum(line.endswith(" ms (LATE!)") for line in found)
        again = sum(line.endswith(" ms (DUP!)") for line in found)
        self.assertIn(f", +{again} duplicates, {late} late, ", result.stdout)
        self.assertTrue(late and again, result)


class Ends(unittest.TestCase):
    def test_exit_status(self):
        silent = V4[:-1] + "8"
        cases = [(options, *row) for options in ((), ("--udp",), ("--tcp", "--port", "81"))
                 for row in (
                     (("-c", "1", V4), ANSWERED, "1 received"),
                     (("-c", "2", "-i", "0.01", "-W", "0.1", silent), SILENT, " 100% packet"),
                     (("-c", "3", "-i", "0.01", "-w", "0.3", silent), SILENT, "0 received"),
                     (("-c", "9", "-i", "0.2", "-w", "0.3", V4), SILENT, "packets transmitted"),
                     (("-c", "2", "-i", "0.1", "-w", "50", V4), ANSWERED, " 2 received"),
                     (("-w", str(3 * paris.SLOWNESS), "-i", "0.3", V4), ANSWERED,
                      "received"),
                     (("-w", "50", "-t", "1", V4), SILENT, "0 received, +1 errors"))]
        with ThreadPoolExecutor(4) as pool:
            results = pool.map(lambda case: ping(NEAR, *case[0], *case[1]), cases)
            for (options, arguments, status, part), result in zip(cases, results):
                with self.subTest(arguments, options=options):
                    self.assertEqual((result.returncode, result.stderr), (status, ""),
                                     result)
                    self.assertIn(part, result.stdout)

    def test_interval_shorter_than_the_answers(self):
        """One connection at a time: the next packet waits for the answer. No number is
        left out, and what has not left is not lost."""
        result = ping(NEAR.replace("1ms", "20ms"), "--tcp", "-c", "5", "-i", "0.002", V4)
        self.assertEqual((result.returncode, result.stderr), (ANSWERED, ""), result)
        self.assertEqual(re.findall(r" tcp_seq=(\d+) ", result.stdout), list("12345"))
        self.assertIn("5 packets transmitted, 5 received, 0% packet loss", result.stdout)
        steps = [(packet.sport, packet.dport) for packet in result.packets()
                 if packet.proto == paris.TCP and packet.flags in (0x02, 0x12, 0x14)]
        there, back = steps[0], steps[0][::-1]
        self.assertEqual(steps, [there, back] * 5)

    def test_quiet(self):
        for format_ in ("text", "json"):
            result = ping(NEAR, "-q", "-c", "2", "-i", "0.01", "--format", format_, V4)
            self.assertEqual(result.returncode, ANSWERED, result)
            self.assertEqual(len(lines(result)), 5 if format_ == "text" else 2, result)

    def test_time_of_day(self):
        result = ping(NEAR, "-D", "-c", "2", "-i", "0.01", V4)
        arrived = [packet.time for packet in result.packets() if packet.src == V4]
        stamps = re.findall(r"^\[(\d+\.\d{6})\] 64 bytes", result.stdout, re.M)
        self.assertEqual(len(stamps), 2, result)
        for stamp, when in zip(stamps, arrived):
            self.assertLess(abs(float(stamp) - when), 5 * paris.SLOWNESS)
            self.assertGreaterEqual(float(stamp), when - 0.001)

    def test_signals(self):
        """SIGQUIT tells how it stands, SIGINT prints the summary; as a terminal does it,
        all processes get them."""
        for options in ((), ("--tcp",), ("--format", "json")):
            running = paris.start_fakeroute(NEAR, "paris-ping", "-i", "0.05", *options, V4)
            pids = [running.find(name) for name in ("paris-ping", "paris-prober")]
            mark = '"seq":3' if options and "json" in options else "_seq=3"
            paris.wait_for(lambda r=running, m=mark: m in r.text(), 10, "no third answer")
            for pid in pids[::-1]:
                os.kill(pid, signal.SIGQUIT)
            count = running.text().count("_seq") + running.text().count('"seq"')
            paris.wait_for(lambda r=running, c=count: r.text().count("_seq") +
                           r.text().count('"seq"') > c + 2, 10, "it does not go on")
            for pid in pids[::-1]:
                os.kill(pid, signal.SIGINT)
            result = running.finish(5)
            self.assertEqual(result.returncode, ANSWERED, result)
            self.assertRegex(result.stderr, r"\A\r\d+/\d+ packets, \d+% loss, "
                             r"min/avg/ewma/max = (\d+\.\d{3}/){3}\d+\.\d{3} ms\n\Z")
            self.assertRegex(result.stdout, r"packets transmitted|\"interrupted\"")
            self.assertEqual(result.report["processes_left"], 0)

    def test_the_prober_dies(self):
        running = paris.start_fakeroute(NEAR, "paris-ping", "-i", "0.05", V4)
        prober = running.find("paris-prober")
        paris.wait_for(lambda: "_seq=2" in running.text(), 10, "no second answer")
        os.kill(prober, signal.SIGKILL)
        result = running.finish(10)
        self.assertEqual(result.returncode, OTHER, result)
        self.assertIn("paris-ping: paris-prober died of signal 9", result.stderr)
        self.assertIn("ping statistics", result.stdout)


class WrongInput(unittest.TestCase):
    """One line on standard error that names the option and what would be right."""

    ROWS = (
        ("-c 0", "-c: '0' is not a whole number from 1 to 4294967295"),
        ("-c x", "-c: 'x' is not"), ("-c -1", "-c: '-1' is not"),
        ("-i 0", "-i: '0' is not a time from 0.002 to 86400 seconds"),
        ("-i 0.0019", "-i: '0.0019' is not"), ("-i 1,5", "-i: '1,5' is not"),
        ("-i nan", "-i: 'nan' is not"), ("-i 86400.1", "-i: '86400.1' is not"),
        ("-l 0", "-l: '0' is not a whole number from 1 to 3 "),
        ("-l 65536", "-l: '65536' is not"),
        ("-p x", "-p: 'x' is not 1 to 16 bytes in hex"), ("-p=", "-p: '=' is not"),
        ("-p " + "ab" * 17, "-p: 'ab"), ("-p 0x1", "-p: '0x1' is not"),
        ("-Q 256", "-Q: '256' is not a whole number from 0 to 255"),
        ("-s 65508", "-s: '65508' is not a whole number from 0 to 65507"),
        ("-s -1", "-s: '-1' is not"), ("-t 0", "-t: '0' is not a whole number from 1 to 255"),
        ("-t 256", "-t: '256' is not"), ("-w -1", "-w: '-1' is not a time from 0 to 86400"),
        ("-W 3601", "-W: '3601' is not a time from 0.001 to 3600"),
        ("-W 0.0001", "-W: '0.0001' is not"),
        ("-I " + "x" * 16, "-I: 'xxxxxxxxxxxxxxxx' is not a numeric address, or the name"),
        ("-I nosuch0", "-I: 'nosuch0' is not a network interface"),
        ("-I ::1", "-I ::1: the source is not an IPv4 address"),
        ("-4 -I ::1", "-I ::1: the source is not an IPv4 address"),
        ("--port 0 --udp", "--port: '0' is not"), ("--port 53", "--port 53: echo requests"),
        ("--sport 53", "--sport 53: echo requests have no ports: give --udp or --tcp"),
        ("--tcp -s 5", "-s 5: TCP packets (--tcp) have no data"),
        ("--tcp -p 5", "-p: TCP packets (--tcp) have no data"),
        ("--tcp -Q 1", "-Q 1: the kernel keeps the two lowest bits"),
        ("--tcp-ack", "take a raw socket"),
        ("--flowlabel 5", "--flowlabel 5: IPv4 has no flow label"),
        ("--format csv", "--format csv: of a ping there are text and json"),
        ("--format xml", "--format: 'xml' is not one of"),
        ("--tag udp.payload", "udp.payload cannot carry a tag on ipv4/icmpv4"), ("-m 5", "unknown option -m"), ("-c", "-c needs"),
        ("--algorithm paris", "unknown option --algorithm"), ("-x", "unknown option -x"),
        ("127.0.0.1", "too many arguments: '127.0.0.1'"),
        ("\033[1m", "too many arguments: '127.0.0.1'"),
    )

    def check(self, result, *parts):
        self.assertEqual(result.returncode, OTHER, result)
        self.assertEqual(result.stdout, "", result)
        self.assertEqual(result.stderr.count("\n"), 1, result)
        self.assertNotIn("\033", result.stderr)
        for part in ("paris-ping: ", *parts):
            self.assertIn(part, result.stderr)

    def test_rows(self):
        def run(row):
            words = row[0].split(" ") if row[0] != "-c" else []
            return paris.run("paris-ping", *words, "127.0.0.1",
                             *(["-c"] if not words else []))
        with ThreadPoolExecutor(4) as pool:
            for (words, part), result in zip(self.ROWS, pool.map(run, self.ROWS)):
                with self.subTest(words):
                    self.check(result, part, "(try 'paris-ping --help')"
                               if "-I nosuch0" not in words and "source" not in part and
                               "-Q 1" not in part and "raw socket" not in part and "flow label" not in part else "")

    def test_no_host(self):
        self.check(paris.run("paris-ping"), 'specify "host": paris-ping [OPTION]... HOST')
        self.check(paris.run("paris-ping", "-s", "65500", "::1"), "give 65487 bytes at most")

    def test_the_machine(self):
        for arguments, part in (
                (("-I", "192.0.2.99", V4), "192.0.2.99 is not an address of this machine"),
                (("--udp", "255.255.255.255"), "a broadcast address"),
                (("fe80::1",), "fe80::1%INTERFACE"),
                (("--udp", "--sport", "80", V4), "source port 80 is reserved for root"),
                (("--resolver", "127.0.0.1:9", "nosuch.invalid"),
                 "cannot resolve nosuch.invalid: ")):
            with self.subTest(arguments):
                self.check(ping(NEAR, "-c", "1", *arguments), part)

    def test_no_ping_sockets(self):
        self.check(ping(NEAR, "-c", "1", V4, options=("--ping-group", "closed")),
                   "; use UDP (--udp), or ")

    def test_too_large(self):
        """For the own link: told for each packet, and it goes on."""
        result = ping(NEAR, "--dont-fragment", "-s", "1473", "-c", "2", "-i", "0.01", V4)
        self.assertEqual(result.returncode, SILENT, result)
        self.assertEqual([line.split(": ", 1)[1] for line in result.stderr.splitlines()],
                         [f"cannot send icmp_seq={number}: Message too long, mtu=1500"
                          for number in (1, 2)])
        self.assertIn("2 packets transmitted, 0 received, +2 errors", result.stdout)


PING = shutil.which("ping", path="/usr/bin:/bin")


def debians():
    """A copy of Debian's ping without the capability that no ordinary user may gain."""
    folder = paris.temporary_folder()
    shutil.copyfile(PING, folder / "ping")
    (folder / "ping").chmod(0o755)
    return folder / "ping"


def masked(text):
    """Without what differs from run to run."""
    text = re.sub(r"time=[\d.]+ ms", "time=T ms", text)
    text = re.sub(r"time \d+ms", "time Tms", text)
    text = re.sub(r"(, )?pipe 2$", "", text, flags=re.M)  # a busy machine
    # We are not told where in the packet the problem is; of a name ping(8) looks up its
    # name again, for its first line over IPv6 (and no more since 20240905).
    text = re.sub(r"(Unknown header) at \d+", r"\1", text)
    text = re.sub(r"^(PING \S+)\(\S+ (\(\S+\))\)", r"\1\2", text)
    text = re.sub(r"^rtt ([\w/]+) = [\d./]+ ms", r"rtt \1 = T ms", text, flags=re.M)
    return re.sub(r"\[\d+\.\d{6}\]", "[T]", text)


@unittest.skipUnless(PING, "there is no iputils ping to compare with")
class AsDebians(unittest.TestCase):
    """The same text and exit status, but for times."""

    UNREACHABLE = tuple(f"198.51.100.{number}" for number in range(1, 7)) + tuple(
        f"2001:db8:ffff::{number}" for number in range(1, 7))
    CASES = (
        *(("unreachable.topo", "-c 2 -i 0.02", target) for target in UNREACHABLE),
        *(("line.topo", options, target) for target in (V4, V6) for options in (
            "-c 2 -i 0.1", "-c 1 -q", "-c 2 -i 0.1 -D", "-c 1 -t 15", "-c 2 -i 0.1 -t 3",
            "-c 1 -s 0", "-c 1 -s 1000", "-c 1 -s 3000", "-c 1 -p ff00", "-c 3 -l 3",
            "-c 2 -i 1 -w 9", "-w 2 -i 1.5", "-w 9 -t 3")),
        ("line.topo", "-c 1 -I 192.0.2.2", V4), ("line.topo", "-c 1 -n", V4),
        ("silent-tail.topo", "-c 2 -i 0.1 -W 0.3", V4),
        ("silent-tail.topo", "-c 2 -w 1", V4),
    )

    def both(self, case, program):
        topology, options, target = case
        ours = options.replace("-s 0", "-s 2") if ":" in target or "-s 0" in options else \
            options
        return (paris.fakeroute(topology, "paris-ping", *ours.split(), target),
                paris.fakeroute(topology, program, *ours.split(), target))

    def wanted(self, case, theirs):
        text = masked(theirs.stdout)
        if "-s 0" in case[1]:  # too short for their time stamp, not for ours
            text = re.sub(r"(ttl=\d+)$", r"\1 time=T ms", text, flags=re.M)
            text = re.sub(r"\n\n\Z", "\nrtt min/avg/max/mdev = T ms\n", text)
        return text

    def test_text(self):
        program = debians()
        with ThreadPoolExecutor(4) as pool:
            # A second in which a process stands still may change either.
            results = pool.map(lambda case: paris.until(
                lambda found: masked(found[0].stdout) == self.wanted(case, found[1]),
                lambda: self.both(case, program)), self.CASES)
            for case, (ours, theirs) in zip(self.CASES, results):
                with self.subTest(case):
                    self.assertEqual(masked(ours.stdout), self.wanted(case, theirs))
                    self.assertEqual(ours.returncode, theirs.returncode)
                    self.assertEqual(ours.stderr, "")

    def named(self, scene, *command):
        """The scene's resolver waits for a second, which valgrind may take for itself."""
        for _ in range(4):
            result = named.run(scene, *command)
            if "no name server answered in time" not in result.stderr:
                break
        return result

    def test_names(self):
        program = debians()
        cases = [(scene, arguments) for scene, *rows in (
            ("honest", ("-4", "-c", "1", "server.example"),
             ("-6", "-c", "1", "server.example"), ("-4", "-c", "1", "-n", "server.example"),
             ("-c", "1", V4)),
            ("nameless", ("-4", "-c", "1", "-t", "1", "server.example")),
            ("hosts", ("-6", "-c", "1", "-t", "1", "server.example"))) for arguments in rows]
        with ThreadPoolExecutor(1 if paris.WRAP else 4) as pool:
            results = pool.map(lambda case: [self.named(case[0], name, *case[1])
                                             for name in ("paris-ping", program)], cases)
            for case, (ours, theirs) in zip(cases, results):
                with self.subTest(case):
                    # 20221126 has no name for its own host, if that is looked up with -4.
                    wanted = re.sub(r"^(PING|---) (?= )", r"\1 server.example",
                                    masked(theirs.stdout), flags=re.M)
                    self.assertEqual(masked(ours.stdout), wanted, ours)
                    self.assertEqual(ours.returncode, theirs.returncode)


if __name__ == "__main__":
    unittest.main()
