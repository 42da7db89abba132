"""Debian's scamper and paris-traceroute --format scamper on one flow in one simulated
network: the same hops, and one reader takes both."""

import os
import shutil
import signal
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "functional"))

import other_formats  # noqa: E402
import paris  # noqa: E402

V4, V6 = "198.51.100.9", "2001:db8:ffff::9"
SCAMPER = shutil.which("scamper", path="/usr/bin:/usr/sbin:/usr/local/bin")
ONE_PATH = """
    defaults rtt=1ms
    router a 10.1.0.1 2001:db8:1::1
    router b 10.2.0.1 2001:db8:2::1 mpls=16001,17
    router s silent
    router c 10.3.0.1 2001:db8:3::1
    target t 198.51.100.9 2001:db8:ffff::9 tcp-open=80
    link host a b s c t
"""


@unittest.skipUnless(os.geteuid() == 0, "scamper and joining a network take root")
@unittest.skipUnless(SCAMPER, "scamper is not installed")
class Scamper(unittest.TestCase):
    def inside(self, holder, command, user):
        """What a command prints in the network that a process is in."""
        enter = ["nsenter", "-t", str(holder), "-n", "--"]
        command = [*enter, *(paris.as_user(command) if user else command)]
        result = paris.Running(command, user=False).finish()
        self.assertIn((result.returncode, result.stderr), ((0, ""), (1, "")), result)
        return other_formats.scamper(result.stdout)[0]

    def both(self, topology, ours, theirs, target):
        """(our trace, scamper's): it takes the flow that we took."""
        network = paris.start_fakeroute(topology, "sleep", "600", may_leave=True, user=False)
        holder = network.find("sleep")
        groups = paris.run("nsenter", "-t", holder, "-n", "--", "sh", "-c",
                           "echo 0 65534 >/proc/sys/net/ipv4/ping_group_range", user=False)
        self.assertEqual(groups.returncode, 0, groups)
        try:
            found = self.inside(holder, paris.started_with(
                ["paris-traceroute", "-n", "-q", "1", "-w", "1", "--format", "scamper",
                 *ours, target]), True)
            flow = f"-s {found['sport']} -d {found['dport']}" if "sport" in found else ""
            known = self.inside(holder, [
                SCAMPER, "-O", "json", "-I", f"trace -q 1 -w 1 {theirs} {flow} {target}"], False)
        finally:
            os.kill(holder, signal.SIGTERM)
            paris.lateness.note(network.finish().report, "")
        return found, known

    def check(self, case):
        topology, ours, theirs, target = case
        found, known = self.both(topology, ours, theirs, target)
        self.assertEqual(other_formats.scamper_path(found), other_formats.scamper_path(known))
        for name in ("type", "version", "method", "src", "dst", "sport", "dport",
                     "stop_reason", "stop_data", "hop_count", "attempts", "firsthop", "wait",
                     "tos"):
            self.assertEqual(found.get(name), known.get(name), (name, case))
        for mine, theirs in zip(found["hops"], known["hops"]):
            for name in ("reply_ttl", "reply_tos", "icmpext", "probe_id"):
                if name in mine:  # not known of a TCP answer without privilege
                    self.assertEqual(mine[name], theirs.get(name), (name, case))
            # What it has and we have not is what we do not know.
            self.assertLessEqual(mine.keys(), theirs.keys(), case)
            self.assertLessEqual(theirs.keys() - mine.keys(), {
                "reply_ipid", "reply_size", "icmp_q_ttl", "icmp_q_ipl", "icmp_q_tos",
                "reply_ttl", "reply_tos", "tcp_flags"}, case)

    def test_same_hops(self):
        cases = [
            # Balanced by flow: the flow is the same, so is the path.
            ("demo.topo", (), "-P udp-paris", V4),
            (ONE_PATH, (), "-P udp-paris", V4), (ONE_PATH, (), "-P udp-paris", V6),
            (ONE_PATH, ("-I",), "-P icmp-paris", V4), (ONE_PATH, ("-I",), "-P icmp-paris", V6),
            ("unreachable.topo", ("-m", "9"), "-P udp-paris -m 9", "198.51.100.1"),
            (ONE_PATH, ("-m", "2"), "-P udp-paris -m 2", V4),
        ]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(self.check, cases))


if __name__ == "__main__":
    unittest.main()
