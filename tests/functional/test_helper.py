"""Traces through paris-privsep: what needs raw sockets, run by a user without any
privilege; what whole packets show; and its end, which is the trace's."""

import functools
import os
import shutil
import signal
import struct
import unittest

import paris

V4, V6 = "198.51.100.9", "2001:db8:ffff::9"
METHODS = ((), ("-I",), ("-T",))
# security.capability: revision 2, cap_net_raw permitted (capabilities(7)).
NET_RAW = struct.pack("<5I", 0x02000000, 1 << 13, 0, 0, 0)
WHY = "the helper of this variant refuses file capabilities"


@functools.lru_cache(maxsize=None)
def tools(capable=True):
    """A copy of the programs, the helper with its capability."""
    folder = paris.temporary_folder()
    for part in ("bin", "libexec"):
        shutil.copytree(paris.stage() / part, folder / part)
    folder.chmod(0o755)
    if capable:
        os.setxattr(folder / "libexec/paris-traceroute/paris-privsep",
                    "security.capability", NET_RAW)
    return folder


def start(topology, *arguments, options=(), capable=True):
    return paris.start_fakeroute(topology, tools(capable) / "bin/paris-traceroute", "-n",
                                 *arguments, options=("--keep-caps", *options), user=False)


def trace(topology, *arguments, status=0, **more):
    """The json of a trace, which takes no stall of a busy machine for silence."""
    result = start(topology, "--format", "json", "-w", "5", *arguments, **more).finish()
    if result.returncode != status or (status == 0 and result.stderr):
        raise AssertionError(str(result))
    found = result.json
    found["result"] = result
    return found


@unittest.skipUnless(paris.VARIANT == "release", WHY)
@unittest.skipUnless(os.geteuid() == 0, "only root can give a file a capability here")
class Helper(unittest.TestCase):
    def whole(self, found, target, hops):
        """Every hop of line.topo and its like, three times each, and the target."""
        self.assertEqual(found["stop"]["reason"], "reached")
        expected = [(ttl, f"10.0.{ttl}.1" if "." in target else f"2001:db8:{ttl}::1")
                    for ttl in range(1, hops)] + [(hops, target)]
        answers = paris.answers(found)
        self.assertEqual(sorted(set((ttl, probe["from"]) for ttl, probe in answers)),
                         sorted(expected))
        self.assertEqual(len(answers), 3 * hops)
        self.assertEqual(found["counters"]["ambiguous"], 0)
        self.assertEqual(found["counters"]["asked_again"], 0)

    def test_every_protocol(self):
        """On routers that quote 28 bytes: nothing is ambiguous, nothing asked again."""
        for target in (V4, V6):
            for method in METHODS:
                with self.subTest(target=target, method=method):
                    found = trace("short-quotes.topo", "--privilege", "helper", *method,
                                  target)
                    self.whole(found, target, 10)
                    self.assertTrue(found["plan"]["send"].endswith("-helper"))
                    for ttl, probe in paris.answers(found):
                        if probe["reply"] == "time_exceeded":
                            self.assertEqual(probe["quoted_ttl"], 1)
                            self.assertEqual(probe.get("nat_id", 0), 0)
                            self.assertEqual("quoted_ip_id" in probe, target == V4)
                        self.assertLessEqual(set(probe.get("flags", ())),
                                             {"reached", "final"})

    def test_tags(self):
        """Fields that datagram sockets cannot set or see bring the helper by themselves."""
        for method, tag in (((), "udp.checksum"), ((), "udp.length"), (("-T",), "tcp.seq"),
                            (("-T",), "tcp.checksum")):
            for target in (V4, V6):
                with self.subTest(tag=tag, target=target):
                    found = trace("short-quotes.topo", "--tag", tag, *method, target)
                    self.assertEqual(found["plan"]["tag"], tag)
                    self.whole(found, target, 10)

    def test_open_port(self):
        """A target that accepts connections answers every probe of a flow."""
        for tag in ("tcp.seq", "tcp.checksum"):
            for target in (V4, V6):
                with self.subTest(tag=tag, target=target):
                    found = trace("line.topo", "-T", "--privilege", "helper", "--tag", tag,
                                  target)
                    self.whole(found, target, 15)

    def test_echo_port(self):
        """A UDP port that sends the payload back: the header with the tag is not in it,
        but what makes the tag come out."""
        network = """
        defaults rtt=40ms
        router r[1-4] 10.0.[1-4].1 2001:db8:[1-4]::1
        target server 198.51.100.9 2001:db8:ffff::9 udp-open=7
        link host r1 r2 r3 r4 server
        """
        for target in (V4, V6):
            found = trace(network, "-p", "7", "--privilege", "helper", target)
            self.whole(found, target, 5)
            self.assertEqual(found["plan"]["tag"], "udp.checksum")
            self.assertEqual({probe["reply"] for ttl, probe in paris.answers(found)
                              if ttl == 5}, {"udp_data"})
            self.assertNotIn("by_address", str(found["hops"]))

    def test_ping_sockets_closed(self):
        for target in (V4, V6):
            found = trace("short-quotes.topo", "-I", target,
                          options=("--ping-group", "closed"))
            self.assertEqual(found["plan"]["send"], "ping-helper")
            self.whole(found, target, 10)

    def test_tcp_probes_are_out_together(self):
        """Many SYNs of one flow at once, and no connection that is left standing."""
        for target in (V4, V6):
            def first(found, target=target):
                """How many leave before the first answer."""
                return next(n for n, packet in enumerate(found["result"].packets())
                            if packet.dst != target)
            # From hop 10 on: its answers take 27 ms.
            found = paris.until(lambda found: first(found) >= 16, lambda t=target: trace(
                "line.topo", "-T", "--privilege", "helper", "-f", "10", t))
            packets = found["result"].packets()
            syns = [packet for packet in packets if packet.dst == target
                    and packet.flags == 0x02]
            self.assertGreaterEqual(first(found), 16)
            self.assertEqual(len(syns), found["counters"]["sent"])
            self.assertEqual(len({(packet.sport, packet.dport, packet.flow_label)
                                  for packet in syns}), 1)

    def test_tcp_connections_are_torn_down(self):
        """Our kernel, which knows of no connection, resets each that an open port begins;
        so the port answers every probe, with SYN-ACK and RST in turn."""
        for target in (V4, V6):
            found = trace("line.topo", "-T", "--privilege", "helper", target)
            packets = [packet for packet in found["result"].packets()
                       if packet.proto == paris.TCP]
            accepted = [packet for packet in packets if packet.flags == 0x12]
            resets = [(packet.seq, packet.sport, packet.dport) for packet in packets
                      if packet.flags == 0x04 and packet.dst == target]
            self.assertGreater(len(accepted), 0)
            self.assertEqual(resets, [(packet.ack, packet.dport, packet.sport)
                                      for packet in accepted])
            kinds = {probe["reply"] for _, probe in paris.answers(found)
                     if probe["from"] == target}
            self.assertEqual(kinds, {"syn_ack", "reset"})

    def test_times_to_live_in_quotes(self):
        """A router that forwards TTL 0: the next one answers, and says so."""
        topology = ("defaults rtt=2ms\nrouter a 10.0.1.1\nrouter b 10.0.2.1 ttl=zero\n"
                    "router c 10.0.3.1\ntarget t 198.51.100.9\nlink host a b c t\n")
        found = trace(topology, "--privilege", "helper", V4)
        seen = {(ttl, probe["from"], probe.get("quoted_ttl"))
                for ttl, probe in paris.answers(found) if probe["reply"] == "time_exceeded"}
        self.assertEqual(seen, {(1, "10.0.1.1", 1), (2, "10.0.3.1", 0), (3, "10.0.3.1", 1)})
        text = start(topology, "--privilege", "helper", "-w", "5", V4).finish()
        self.assertRegex(text.stdout, r"\n 2  10\.0\.3\.1  \S+ ms !T0")
        plain = start(topology, "--privilege", "none", V4).finish()
        self.assertNotIn("!T", plain.stdout)

    def test_what_quotes_show(self):
        """The quoted TOS, the identification of the probe and that of the reply: each as
        it was on the wire."""
        for target in (V4, V6):
            for method in METHODS:
                found = trace("line.topo", "--privilege", "helper", "-t", "184", *method,
                              target)
                packets = found["result"].packets()
                for hop in found["hops"]:
                    probes = [probe for probe in hop["probes"]
                              if probe["reply"] == "time_exceeded"]
                    for probe in probes:
                        self.assertEqual(probe["quoted_tos"], 184)
                    if target == V6 or not probes:
                        self.assertNotIn("reply_ip_id", "".join(map(str, probes)))
                        continue
                    self.assertEqual(
                        sorted(probe["quoted_ip_id"] for probe in probes),
                        sorted(packet.ip_id for packet in packets
                               if packet.dst == target and packet.ttl == hop["ttl"]))
                    self.assertEqual(
                        sorted(probe["reply_ip_id"] for probe in probes),
                        sorted(packet.ip_id for packet in packets
                               if packet.src == probes[0]["from"]))

    def test_type_of_service_is_changed(self):
        """What quotes show of the probe is not what was sent: ECN is wiped out."""
        topology = ("defaults rtt=2ms\nrouter a 10.0.1.1\n"
                    "router b 10.0.2.1 misquote=tos:0xb8\n"
                    "target t 198.51.100.9\nlink host a b t\n")
        words = ("--privilege", "helper", "-w", "5", "-t", "0xb9", V4)
        found = trace(topology, *words)
        flags = {ttl: "tos_changed" in probe.get("flags", ())
                 for ttl, probe in paris.answers(found)}
        self.assertEqual(flags, {1: False, 2: True, 3: False})
        self.assertEqual(found["anomalies"],
                         [{"name": "tos_changed", "hops": [2], "count": 3}])
        self.assertRegex(start(topology, *words).finish().stdout,
                         r"\n 2  10\.0\.2\.1( +\S+ ms \[tos-changed\]){3}\n")

    def test_address_translation(self):
        """Its trace in quoted checksums, from the hop behind the translator on."""
        topology = ("defaults rtt=2ms\nrouter a 10.0.1.1\nrouter b 10.0.2.1\n"
                    "router c 10.0.3.1\ntarget t 198.51.100.9\nlink host a b c t\n"
                    "rule b snat=203.0.113.7 quotes=checksum\n")
        for tag in ("udp.checksum", "udp.payload"):
            found = trace(topology, "--privilege", "helper", "--tag", tag, V4)
            by_hop = {}
            for ttl, probe in paris.answers(found):
                if "nat_id" in probe:
                    by_hop.setdefault(ttl, set()).add(probe["nat_id"])
            self.assertEqual(by_hop.get(1), {0}, tag)
            self.assertEqual(by_hop.get(2), {0}, tag)
            self.assertEqual(len(by_hop.get(3, ())), 1, tag)
            self.assertNotIn(0, by_hop[3], tag)

    def test_never_when_not_wanted(self):
        running = start("silent-tail.topo", "-w", "30", V4)
        running.find("paris-prober")
        names = [line.split("\0")[0] for pid in (running.process.pid,)
                 for line in paris.children(pid).values()]
        self.assertFalse([name for name in names if "privsep" in name])
        paris.wait_for(running.text, 10, "no heading")
        os.kill(running.find("paris-traceroute"), signal.SIGTERM)
        running.finish()
        result = start("line.topo", "--privilege", "none", "--tag", "udp.checksum",
                       V4).finish()
        self.assertEqual(result.returncode, 3)
        self.assertIn("udp.checksum cannot be read back", result.stderr)
        self.assertNotIn("privsep", result.stderr)

    def test_without_the_capability(self):
        result = start("line.topo", "--privilege", "helper", V4, capable=False).finish()
        self.assertEqual(result.returncode, 3)
        self.assertIn("setcap cap_net_raw+p", result.stderr)
        self.assertEqual(result.stdout, "")

    def test_reasons_for_no_helper(self):
        """Each in words and with status 3, when it has to be the helper; else the trace
        is planned without."""
        nosuid = paris.temporary_folder()
        mount = ["unshare", "--mount", "sh", "-c",
                 f"mount -t tmpfs -o nosuid,mode=755 none {nosuid} && "
                 f"cp -a {tools()}/. {nosuid}/ && exec \"$@\"", "sh"]
        user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        here, there = tools() / "bin/paris-traceroute", nosuid / "bin/paris-traceroute"
        missing = paris.temporary_folder()
        shutil.copytree(tools() / "bin", missing / "bin")
        for command, words in (
                ([*user, here], None),
                ([*user, tools(False) / "bin/paris-traceroute"], "setcap cap_net_raw"),
                ([*user, missing / "bin/paris-traceroute"], "is not installed"),
                ([*user, "--no-new-privs", here], "no_new_privs"),
                ([*user, "--bounding-set=-net_raw", here], "bounding set"),
                ([*user, "unshare", "--user", here], "does not own the network"),
                ([*user, "unshare", "--user", "--net", here], None),
                ([*mount, *user, there], "mounted nosuid")):
            with self.subTest(words):
                asked = [["--privilege", "helper"], ["--tag", "udp.checksum"]]
                for options in asked:
                    result = paris.run(*command, *options, "--explain", V4, user=False)
                    self.assertEqual(result.returncode, 3 if words else 0, result)
                    self.assertIn(words or "send: paris-privsep",
                                  result.stderr if words else result.stdout)
                    self.assertEqual(bool(result.stdout), not words)
                for options in ((), ("-T",)):
                    result = paris.run(*command, *options, "--explain", V4, user=False)
                    self.assertEqual((result.returncode, result.stderr), (0, ""))
                    self.assertIn("no privilege needed", result.stdout)

    def test_why_the_helper(self):
        """--explain says what nothing less can do."""
        user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                tools() / "bin/paris-traceroute"]
        result = paris.run(*user, "--tag", "udp.checksum", "--explain", V4, user=False)
        self.assertIn("\nbecause: udp.checksum cannot be read back by a udp socket: replies "
                      "do not show it without a raw socket\n", result.stdout)
        self.assertRegex(result.stdout, r"\nhelper: /.*/paris-privsep\n")

    def test_stopped_helper(self):
        """It is given up after five seconds in which it owes an answer."""
        running = start("silent-tail.topo", "--privilege", "helper", "-w", "2", "-m", "255",
                        V4)
        pid = running.find("paris-privsep")
        paris.wait_for(lambda: " 1  10." in running.text(), 10, "no hop yet")
        os.kill(pid, signal.SIGSTOP)
        result = running.finish(60)
        self.assertEqual(result.returncode, 1, result)
        self.assertIn("paris-privsep does not answer any more", result.stderr)
        self.assertIn(" 1  10.", result.stdout)

    def test_killed_helper(self):
        """What was learned so far, within a second, and no success."""
        for method in METHODS:
            running = start("silent-tail.topo", "--privilege", "helper", "-w", "60", *method,
                            V4)
            pid = running.find("paris-privsep")
            paris.wait_for(lambda: " 1  10." in running.text(), 10, "no hop yet")
            os.kill(pid, signal.SIGKILL)
            result = running.finish(2)
            self.assertEqual(result.returncode, 1, result)
            self.assertIn("paris-privsep ended", result.stderr)
            self.assertIn(" 1  10.", result.stdout)

    def test_helper_killed_before_anything(self):
        running = start("silent-tail.topo", "--privilege", "helper", "-f", "20", "-w", "60",
                        V4)
        os.kill(running.find("paris-privsep"), signal.SIGKILL)
        result = running.finish(2)
        self.assertEqual(result.returncode, 3, result)
        self.assertIn("paris-privsep", result.stderr)


if __name__ == "__main__":
    unittest.main()
