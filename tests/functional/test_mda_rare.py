"""mda where things go wrong: loss, silence, limits of rate, loops, refusals, balancers of
packets, signals, processes that die. It always ends, and says what it did not learn."""

import json
import os
import re
import shutil
import signal
import sys
import unittest

import multipath
import paris
from multipath import SURE, TARGET, Network, fan, mda, seen

TIME_LIMIT = 600
FIRST = True
# Runs a command on a terminal of its own, and copies what it says there.
ON_TERMINAL = """
import os, pty, sys
sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))
"""
# Starts a command twice, and prints what both print, one after the other.
AT_ONCE = """
import subprocess, sys
runs = [subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE) for _ in range(2)]
for run in runs:
    sys.stdout.write(run.communicate()[0].decode())
"""
OK, NOT, USAGE, FAILED = range(4)


def kinds(found, ttl):
    return sorted(node["kind"] for node in found["nodes"] if node["ttl"] == ttl)


class RareTest(unittest.TestCase):
    maxDiff = None

    def check_true(self, text, found, family=4):
        """Nothing was found that is not there."""
        nodes, links = seen(found)
        truth = Network(text).truth(TARGET[family])
        self.assertEqual(nodes - truth[0], set())
        self.assertEqual(links - truth[1], set())

    def anomalies(self, found):
        return {one["name"] for one in found["anomalies"]}


class Loss(RareTest):
    def check(self, loss, *arguments, family=4):
        """Lost probes are retried, and are no evidence of anything."""
        text = fan(4).replace("defaults rtt=1ms", f"defaults rtt=1ms loss={loss}%")
        found = mda(text, *SURE, "-w", "1", *arguments, TARGET[family], status=None)
        told = {node["id"]: node for node in found["nodes"]}
        routers = {(node["ttl"], node["addr"]) for node in told.values()
                   if node["kind"] != "silent"}
        truth, links = Network(text).truth(TARGET[family])
        self.assertEqual(routers, truth)
        real = {((told[link["from"]]["ttl"], told[link["from"]]["addr"]),
                 (told[link["to"]]["ttl"], told[link["to"]]["addr"]))
                for link in found["links"] if "silent" not in
                (told[link["from"]]["kind"], told[link["to"]]["kind"])}
        self.assertEqual(real, links)
        self.assertGreater(found["counters"]["timeouts"], 0)
        return found

    def test_ten_percent(self):
        for family in TARGET:
            self.check(10, family=family)

    def test_thirty_percent(self):
        self.check(30)
        self.check(30, "-I", family=6)


class Silence(RareTest):
    def test_target(self):
        """The target says nothing: routers up to it are found, and it ends."""
        text = fan(2).replace("target server", "target server udp=silent icmp=silent") \
            .replace("target server udp=silent icmp=silent 198.51.100.9 2001:db8:ffff::9",
                     "target server 198.51.100.9 2001:db8:ffff::9 udp=silent")
        found = mda(text, *SURE, "-w", "0.4", TARGET[4], status=NOT)
        self.assertFalse(found["reached"])
        self.assertEqual(found["stop"]["reason"], "gap_limit")
        self.assertEqual(kinds(found, 2), ["router"] * 2)
        self.assertEqual(kinds(found, 3), ["router"])
        self.assertIn(kinds(found, 4), ([], ["silent"]))

    def test_all(self):
        text = "\n".join(line + " silent" if line.startswith("router") else
                         line + " udp=silent" if line.startswith("target") else line
                         for line in fan(2).splitlines()) + "\n"
        found = mda(text, "-w", "0.4", "--gap-limit", "3", TARGET[4], status=NOT)
        self.assertFalse(found["reached"])
        self.assertEqual({node["kind"] for node in found["nodes"]} - {"silent"}, {"source"})

    def test_rate_limited(self):
        """Routers that answer ten times a second, after a burst: it ends, and finds
        nothing that is not there."""
        text = fan(2, "rate=20/s burst=5")
        found = mda(text, "-w", "0.5", TARGET[4], status=None)
        self.assertTrue(found["reached"])
        self.assertEqual(kinds(found, 3), ["router"])
        self.assertIn("router", kinds(found, 1))
        self.assertEqual({node["addr"] for node in found["nodes"] if node["ttl"] == 2
                          and node["kind"] == "router"}, {"10.2.0.1", "10.2.0.2"})


class Ends(RareTest):
    def test_loop(self):
        text = fan(2) + "rule c to=a\n"
        found = mda(text, "-m", "20", TARGET[4], status=NOT)
        self.assertFalse(found["reached"])
        self.assertIn(found["stop"]["reason"], ("loop", "hop_limit"))
        self.assertIn("cycle", self.anomalies(found))
        # Where packets go round, branches are not unequal, and not all was tested.
        self.assertNotIn("unequal_branches", self.anomalies(found))
        short = [node for node in found["nodes"]
                 if node.get("flows_tested", 0) < node.get("flows_needed", 0)]
        self.assertEqual(found["coverage"], "untested" if short else "complete")

    def test_a_branch_in_a_loop(self):
        """The other reaches the target; the text names the circle all the same."""
        text = fan(2) + "rule b1 to=a\n"
        result = paris.fakeroute(text, "mda", "-n", "-m", "20", TARGET[4])
        self.assertIn(" was reached", result.stdout)
        self.assertRegex(result.stdout, r"\nIn a circle: \d+ nodes?, at hops to which")

    def test_late(self):
        """An answer that comes after its time, but while others are waited for, counts."""
        text = fan(2).replace("2001:db8:ffff::9\n", "2001:db8:ffff::9 late=100%,400ms\n")
        found = mda(text, "-w", "0.3", TARGET[4], status=None)
        self.assertEqual(found["reached"], found["stop"]["reason"] == "reached")
        self.assertEqual(kinds(found, 4), ["target"])
        target = next(node for node in found["nodes"] if node["ttl"] == 4)
        self.assertGreater(target["answers"], 0)
        self.assertGreater(target["rtt_min_ms"], 400)

    def test_unreachable(self):
        text = fan(2).replace("router c 10.3.0.1 2001:db8:3::1",
                              "router c 10.3.0.1 2001:db8:3::1 unreachable=host")
        for family in TARGET:
            found = mda(text, *SURE, TARGET[family], status=NOT)
            self.assertFalse(found["reached"])
            self.assertEqual(found["stop"]["reason"], "unreachable")
            self.assertIn("unreachable", self.anomalies(found))
            self.assertEqual(kinds(found, 2), ["router"] * 2)

    def test_one_branch_unreachable(self):
        """One of the branches refuses; the other leads to the target."""
        text = fan(3) + "rule b2 reject=prohibited\n"
        found = mda(text, *SURE, TARGET[4], status=None)
        self.assertTrue(found["reached"])
        self.assertIn("unreachable", self.anomalies(found))
        self.assertEqual({node["addr"] for node in found["nodes"] if node["ttl"] == 2},
                         {"10.2.0.1", "10.2.0.2", "10.2.0.3"})

    def test_hop_limit(self):
        found = mda(fan(2), "-m", "2", TARGET[4], status=NOT)
        self.assertFalse(found["reached"])
        self.assertEqual(found["stop"]["reason"], "hop_limit")
        self.assertEqual(kinds(found, 2), ["router"] * 2)

    def test_max_probes(self):
        found = mda(fan(16), "--max-probes", "40", TARGET[4], status=NOT)
        self.assertLessEqual(found["counters"]["sent"], 40)
        self.assertEqual(found["coverage"], "max_probes")
        found = mda(fan(16), "--max-probes", "1", TARGET[4], status=NOT)
        self.assertEqual(found["stop"]["reason"], "search_limit")
        self.assertEqual(found["counters"]["sent"], 1)

    def test_max_flows(self):
        found = mda(fan(16), "--max-flows", "9", TARGET[4], status=NOT)
        self.assertLessEqual(len({probe["flow"] for probe in found["probes"]}), 9)
        self.assertEqual(found["coverage"], "max_flows")

    def test_no_more_ports(self):
        """Flows that there are no ports for are as those that may not be used."""
        for more in (("--sport", "65530"), ("--flow", "dst-port", "-p", "65530")):
            found = mda(fan(16), *more, TARGET[4], status=NOT)
            self.assertEqual({probe["flow"] for probe in found["probes"]}, set(range(6)))
            self.assertEqual((found["coverage"], found["stop"]["reason"]),
                             ("max_flows", "reached"))

    def test_timeout(self):
        text = fan(2).replace("defaults rtt=1ms", "defaults rtt=1ms loss=60%")
        found = mda(text, "--timeout", "0.5", TARGET[4], status=None)
        self.assertIn(found["stop"]["reason"], ("timed_out", "reached"))

    def test_other_address(self):
        """The target answers from another address: reached all the same."""
        text = fan(2).replace("2001:db8:ffff::9\n",
                              "2001:db8:ffff::9 errors-from=198.51.100.77\n")
        found = mda(text, *SURE, TARGET[4])
        self.assertIn("other_address", self.anomalies(found))
        self.assertEqual([node["addr"] for node in found["nodes"]
                          if node["kind"] == "target"], ["198.51.100.77"])
        # Those probes beyond it were answered so, too, by nobody on a path.
        told = {node["id"] for node in found["nodes"]}
        for one in found["anomalies"]:
            self.assertLessEqual(set(one.get("nodes", ())), told, one)


class Unsteady(RareTest):
    def test_per_packet(self):
        found = mda(fan(3, "balance=per-packet"), *SURE, TARGET[4], status=NOT)
        node = [node for node in found["nodes"] if node["ttl"] == 1][0]
        self.assertEqual((node["balancer"], found["coverage"]), ("per_packet", "unstable"))
        self.check_true(fan(3), found)

    def test_per_packet_before_another(self):
        """Links between two hops of strewn packets are marked as doubtful."""
        text = multipath.MESHED.replace("router a 10.1.0.1 2001:db8:1::1",
                                        "router a 10.1.0.1 2001:db8:1::1 "
                                        "balance=per-packet")
        found = mda(text, TARGET[4], status=NOT)
        told = {node["id"]: node["ttl"] for node in found["nodes"]}
        for link in found["links"]:
            self.assertEqual(link.get("doubtful", False), told[link["from"]] == 2, link)

    def test_text_says_so(self):
        result = paris.fakeroute(fan(3, "balance=per-packet"), "mda", "-n", *SURE,
                                 TARGET[4])
        self.assertEqual(result.returncode, NOT, result)
        self.assertRegex(result.stdout, r" 1  10\.1\.0\.1 .*balances per packet, \d ways")
        self.assertIn("Flows did not stay on their paths", result.stdout)


class Processes(RareTest):
    SLOW = fan(4).replace("defaults rtt=1ms", "defaults rtt=300ms")

    def begin(self, *arguments, **more):
        running = multipath.start(self.SLOW, "-n", *arguments, TARGET[4], **more)
        prober = running.find("paris-prober")
        return running, prober

    def test_signals(self):
        """What is known by then is printed."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            for format_ in ("text", "json", "scamper", "dot"):
                with self.subTest(number=number, format=format_):
                    # Killed outright, before it blocks signals, its servants follow it.
                    running, _ = self.begin("--format", format_, may_leave=True)
                    os.kill(running.find("mda"), number)
                    result = running.finish()
                    self.assertIn(result.returncode, (NOT, 128 + number), result)
                    if result.returncode == NOT:
                        self.assertEqual(result.report["processes_left"], 0, result)
                    if result.returncode == NOT and format_ == "json":
                        self.assertEqual(result.json["stop"]["reason"], "interrupted")
                        self.assertEqual(result.json["coverage"], "stopped")
                    elif result.returncode == NOT and format_ == "text":
                        self.assertIn("interrupted", result.stdout)

    def test_prober_killed(self):
        for format_ in ("text", "json", "scamper"):
            running, prober = self.begin("--format", format_)
            os.kill(prober, signal.SIGKILL)
            result = running.finish()
            self.assertEqual(result.returncode, FAILED, result)
            self.assertIn("paris-prober died of signal 9", result.stderr)
            if format_ == "json":
                self.assertEqual(result.json["stop"]["reason"], "failed")

    def test_prober_killed_among_hosts(self):
        """Those that were done are printed; the others are failures."""
        running = multipath.start(self.SLOW, "-n", "--format", "json", TARGET[4], "10.3.0.1",
                                  "10.1.0.1")
        os.kill(running.find("paris-prober"), signal.SIGKILL)
        result = running.finish()
        self.assertEqual(result.returncode, FAILED, result)
        self.assertEqual(result.stdout.count("\n"), 3)


class Several(RareTest):
    def test_in_the_order_given(self):
        hosts = [TARGET[4], "10.1.0.1", TARGET[6], "10.3.0.1"]
        result = paris.fakeroute(fan(3), "mda", "-n", "--format", "json", *SURE, *hosts)
        self.assertEqual(result.returncode, OK, result)
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        self.assertEqual([line["host"] for line in lines], hosts)
        for line, host in zip(lines, hosts):
            self.assertEqual(seen(line), Network(fan(3)).truth(host))

    def test_few_at_a_time(self):
        """Hops that are asked for the first time when others have answered: all the same,
        beyond one that is silent, too."""
        text = fan(2).replace("router c 10.3.0.1 2001:db8:3::1",
                              "router c silent\nrouter d silent\nrouter e 10.5.0.1") \
            .replace(" c server", " c d e server")
        for more in (("-N", "1"), ("--pps", "500")):
            found = mda(text, "-w", "0.5", *more, TARGET[4])
            self.assertEqual(seen(found), Network(text).truth(TARGET[4]))

    def test_one_prober(self):
        """And its results are nobody else's: forty searches at once."""
        text = fan(4).replace("198.51.100.9 ", "198.51.100.0/26 ")
        hosts = [f"198.51.100.{n}" for n in range(1, 41)]
        result = paris.fakeroute(text, "mda", "-n", "--format", "json", *SURE, *hosts)
        self.assertEqual(result.returncode, OK, result)
        for line, host in zip(result.stdout.splitlines(), hosts, strict=True):
            found = json.loads(line)
            nodes, _ = seen(found)
            self.assertEqual(nodes, {(0, "192.0.2.2"), (1, "10.1.0.1"), (3, "10.3.0.1"),
                                     (4, host)} | {(2, f"10.2.0.{n}") for n in range(1, 5)})

    def test_rate(self):
        """One limit for all."""
        hosts = [TARGET[4], "10.3.0.1", "10.1.0.1"]
        result = paris.fakeroute(fan(2), "mda", "-n", "--pps", "200", *hosts)
        times = [packet.time for packet in result.packets() if packet.src == "192.0.2.2"]
        self.assertGreater(len(times), 20)
        self.assertGreaterEqual((times[-1] - times[0]) / (len(times) - 1), 0.9 / 200)

    def test_worst_status(self):
        text = fan(2) + "target gone 198.51.100.20 udp=silent\nlink c gone\n"
        result = paris.fakeroute(text, "mda", "-n", "-w", "0.3", TARGET[4],
                                 "198.51.100.20")
        self.assertEqual(result.returncode, NOT, result)
        self.assertIn("198.51.100.9 was reached:", result.stdout)
        self.assertIn("198.51.100.20 was not reached;", result.stdout)

    def test_two_runs_at_once(self):
        """Two processes on one machine, and no reply crosses over."""
        command = paris.started_with(["mda", "-n", "--format", "json", *SURE, TARGET[4]])
        result = paris.fakeroute(fan(16), sys.executable, "-c", AT_ONCE, *command)
        lines = result.stdout.splitlines()
        self.assertEqual((result.returncode, result.stderr, len(lines)), (OK, "", 2))
        for line in lines:
            found = json.loads(line)
            self.assertEqual(seen(found), Network(fan(16)).truth(TARGET[4]))
            self.assertEqual(found["coverage"], "complete")


class Text(RareTest):
    def test_text(self):
        result = paris.fakeroute(fan(2), "mda", "-n", TARGET[4])
        self.assertEqual((result.returncode, result.stderr), (OK, ""), result)
        lines = result.stdout.splitlines()
        self.assertEqual(lines[0], "mda to 198.51.100.9 (198.51.100.9), 30 hops max, "
                                   "60 byte packets")
        self.assertEqual(lines[1], "flows differ in source port; 95 % confidence at each "
                                   "node")
        self.assertRegex(lines[3], r"^ 1  10\.1\.0\.1  \d+\.\d{3}/\d+\.\d{3} ms  balances per "
                                   r"flow, 2 ways  \(\d+ flows, 9\d\.\d\d %\)$")
        self.assertRegex(lines[4], r"^ {6}-> 10\.2\.0\.1 \(\d+ flows?\), 10\.2\.0\.2 "
                                   r"\(\d+\)$")
        self.assertTrue(re.search(r"was reached: 4 hops, 5 nodes, 6 links, up to 2 at a "
                                  r"hop; \d+ probes, 0 lost", lines[-1]), result)

    def test_hops_as_a_whole(self):
        """Of mda-lite, what is complete is not said to be left undone."""
        for seed in range(1, 9):
            text = fan(4).replace("seed 4", f"seed {seed}")
            result = paris.fakeroute(text, "mda", "-n", "-a", "mda-lite", TARGET[4])
            self.assertEqual(result.returncode, OK, result)
            self.assertNotIn("Not asked to the end", result.stdout)

    def test_first_hop(self):
        """What balances before it is not said to be this host."""
        result = paris.fakeroute(fan(2), "mda", "-n", "-f", "2", TARGET[4])
        self.assertRegex(result.stdout, r"\n 1  192\.0\.2\.2  this host \(or what is before "
                         r"hop 2\)  balances")

    def test_bound(self):
        result = paris.fakeroute(fan(2), "mda", "-n", "-B", "99,5", TARGET[4])
        self.assertIn("99 % confidence of the graph", result.stdout)
        result = paris.fakeroute(fan(2), "mda", "-n", "--confidence", "99.9999999", TARGET[4])
        self.assertIn("99.9999999 % confidence at each node", result.stdout)

    def test_scamper(self):
        result = paris.fakeroute(fan(2), "mda", "-n", "--format", "scamper", *SURE,
                                 TARGET[4])
        self.assertEqual(result.returncode, OK, result)
        first, graph, last = map(json.loads, result.stdout.splitlines())
        self.assertEqual((first["type"], last["type"]), ("cycle-start", "cycle-stop"))
        self.assertEqual((graph["type"], graph["method"], graph["nodec"], graph["linkc"]),
                         ("tracelb", "udp-sport", 5, 5))
        nodes = {node["addr"]: node for node in graph["nodes"]}
        self.assertEqual({end["addr"] for end in nodes["10.1.0.1"]["links"][0]},
                         {"10.2.0.1", "10.2.0.2"})
        probe = nodes["10.3.0.1"]["links"][0][0]["probes"][0]
        self.assertEqual((probe["ttl"], probe["replyc"], probe["replies"][0]["icmp_type"]),
                         (4, 1, 3))

    def test_drawing(self):
        result = paris.fakeroute(fan(2), "mda", "-n", "--format", "dot", TARGET[4])
        self.assertEqual(result.returncode, OK, result)
        self.assertEqual(result.stdout.count(" -> "), 6)
        self.assertEqual(result.stdout.count("[label=\"10.2.0."), 2)

    @unittest.skipUnless(shutil.which("dot"), "graphviz is not installed")
    def test_svg(self):
        result = paris.fakeroute(fan(2), "mda", "-n", "--format", "svg", TARGET[4])
        self.assertEqual(result.returncode, OK, result)
        self.assertIn("<svg", result.stdout)
        self.assertIn(">10.2.0.2<", result.stdout)

    @unittest.skipIf(paris.WRAP, "valgrind writes to the terminal, too")
    def test_progress(self):
        """On a terminal, a line that is wiped out before the graph; --quiet: none."""
        for more, shown in (((), True), (("--quiet",), False)):
            result = paris.fakeroute(
                Processes.SLOW, sys.executable, "-c", ON_TERMINAL,
                *paris.started_with(["mda", "-n", *more, TARGET[4]]))
            self.assertEqual(result.returncode, OK, result)
            self.assertEqual(bool(re.search(r"\r\x1b\[Khop \d+, \d+ links, \d+ probes, "
                                            r"\d+ in flight", result.stdout)), shown, result)
            self.assertRegex(result.stdout, r"(^|\x1b\[K)mda to 198\.51\.100\.9")

    def test_no_progress_without_a_terminal(self):
        result = paris.fakeroute(fan(2), "mda", "-n", TARGET[4])
        self.assertEqual(result.stderr, "")
