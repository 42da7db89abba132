"""What earlier tools of this family did wrong, one test a fault. Each says what was
observed there; here it must not be so."""

import json
import os
import re
import signal
import stat
import time
import unittest
from collections import defaultdict
from pathlib import Path

import hostile
import paris

FIRST = True
V4, V6 = "198.51.100.9", "2001:db8:ffff::9"
KINDS = tuple((method, target) for method in ((), ("-I",)) for target in (V4, V6))
TCP = tuple((("-T",), target) for target in (V4, V6))
ROOT = Path(__file__).resolve().parent.parent.parent


def tool(topology, *arguments, options=(), **more):
    """No wait that a busy machine may take for silence, unless one is given."""
    return paris.undisturbed(topology, "paris-traceroute", "-w", "5", *arguments,
                             options=options, **more)


def started(*arguments, topology="silent-tail.topo", options=()):
    """A running tool; signals may be sent to it by its pid."""
    running = paris.start_fakeroute(topology, "paris-traceroute", *arguments,
                                    options=options)
    return running, running.find("paris-traceroute")


def status(pid):
    return dict(line.split(":\t", 1)
                for line in Path(f"/proc/{pid}/status").read_text().splitlines())


def probes(result, target):
    """What was sent to the target; of TCP connections the first segments, once each: the
    kernel repeats them while a prober stands still."""
    packets = [packet for packet in result.packets() if packet.dst == target
               and packet.flags in (None, hostile.SYN)]
    return [packet for at, packet in enumerate(packets) if packet.flags is None
            or (packet.sport, packet.seq) not in {(one.sport, one.seq)
                                                  for one in packets[:at]}]


class Row01(unittest.TestCase):
    """ICMP mode never saw the destination."""

    def test_row_01_icmp_sees_the_destination(self):
        for target in (V4, V6):
            for topology, hops in (("line.topo", 15), ("instant.topo", 5)):
                result = tool(topology, "-I", "-n", "--format", "json", target)
                self.assertEqual((result.returncode, result.stderr), (0, ""))
                last = result.json["hops"][-1]
                self.assertEqual(last["ttl"], hops)
                self.assertEqual([(probe["from"], probe["reply"])
                                  for probe in last["probes"]],
                                 [(target, "echo_reply")] * 3)


class Row02(unittest.TestCase):
    """TCP mode never saw the destination, sent segments without flags, and not to port
    80. (More of it: test_tcp.)"""

    def test_row_02_tcp_sees_the_destination(self):
        for target in (V4, V6):
            for topology, hops in (("line.topo", 15), ("instant.topo", 5),
                                   ("short-quotes.topo", 10)):
                result = tool(topology, "-T", "-n", "--format", "json", target)
                self.assertEqual((result.returncode, result.stderr), (0, ""))
                last = result.json["hops"][-1]
                self.assertEqual(last["ttl"], hops)
                # port 80 is closed in one of them
                self.assertEqual([(probe["from"], probe["reply"])
                                  for probe in last["probes"]],
                                 [(target, "reset" if hops == 10 else "syn_ack")] * 3)
                sent = [packet for packet in result.packets() if packet.dst == target]
                self.assertEqual({packet.dport for packet in sent}, {80})
                self.assertEqual(len(probes(result, target)), 3 * hops)
                # What is no probe ends a connection that was accepted.
                rest = [packet.flags for packet in sent if packet.flags != hostile.SYN]
                self.assertEqual(rest, [] if hops == 10 else
                                 [hostile.ACK, hostile.ACK | hostile.RST] * 3)


class Row03(unittest.TestCase):
    """Root for everything, four raw sockets always open."""

    def test_row_03_no_privilege_anywhere(self):
        for method, target in KINDS + TCP:
            running, pid = started("-w", "30", "--resolver", "198.51.100.8", *method,
                                   target)
            pids = {pid, running.find("paris-prober"), running.find("paris-names")}
            for one in pids:
                found = status(one)
                uids = set(found["Uid"].split())
                self.assertNotIn("0", uids)
                for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
                    self.assertEqual(int(found[name], 16), 0, name)
                paris.wait_for(lambda one=one: status(one)["NoNewPrivs"].strip() == "1",
                               5, "no_new_privs is not set")
                # No raw or packet socket in the whole network namespace, but for the
                # simulator's, which is in another one.
                for table in ("raw", "raw6", "packet"):
                    lines = Path(f"/proc/{one}/net/{table}").read_text().splitlines()
                    self.assertEqual(len(lines), 1, table)
            tables = {(): ("udp", "udp6"), ("-I",): ("icmp", "icmp6"),
                      ("-T",): ("tcp", "tcp6")}[method]
            paris.wait_for(lambda p=pid, t=tables: sum(
                len(Path(f"/proc/{p}/net/{table}").read_text().splitlines()) - 1
                for table in t) > 0, 5, "no socket of the kind that is expected")
            os.kill(pid, signal.SIGTERM)
            self.assertEqual(running.finish().returncode, 1)

    def test_row_03_nothing_is_setuid(self):
        files = [path for folder in ("bin", "libexec")
                 for path in (paris.BUILD / folder).rglob("*") if path.is_file()]
        self.assertGreaterEqual(len(files), 4)
        for path in files:
            self.assertEqual(path.stat().st_mode & (stat.S_ISUID | stat.S_ISGID), 0, path)
            self.assertNotIn("security.capability", os.listxattr(path))

    def test_row_03_started_by_root_it_leaves_root(self):
        if os.geteuid() != 0:
            self.skipTest("only root can try")
        result = paris.run("paris-traceroute", "-n", "-m", "1", "127.0.0.1", user=False)
        self.assertIn(result.returncode, (0, 1, 3), result)
        running = paris.start("paris-traceroute", "-n", "-w", "3", "-m", "2", "-f", "2",
                              "--flow-id", "77", "192.0.2.254", user=False)
        try:
            pid = running.find("paris-traceroute")
            found = paris.wait_for(lambda: status(pid)["NoNewPrivs"].strip() == "1"
                                   and status(pid), 5, "NNP")
            self.assertEqual(set(found["Uid"].split()), {str(paris.NOBODY)})
            self.assertEqual(int(found["CapPrm"], 16), 0)
        except (paris.Ended, FileNotFoundError, ProcessLookupError):
            pass  # there is no route, and it ended at once
        finally:
            if running.process.poll() is None:
                running.process.send_signal(signal.SIGTERM)
            running.finish()


class Row04(unittest.TestCase):
    """Replies matched by a 16-bit tag alone: runs stole each other's, forged ones were
    taken. (Many traces at once: test_concurrent.)"""

    def flows(self, result):
        """{source port or ICMP id: probes}"""
        found = defaultdict(list)
        for probe in result.report["probes"]:
            found[probe.get("src_port", probe.get("id"))].append(probe)
        return found

    def test_row_04_two_runs_do_not_mix(self):
        script = '"$@" >"$0.1" & "$@" -f 2 >"$0.2"; wait $!'
        for method, target in KINDS:
            out = paris.temporary_folder() / "out"
            # If one is over before the other begins, that may take its port.
            result = paris.until(
                lambda result: len(self.flows(result)) == 2,
                lambda o=out, m=method, t=target: paris.fakeroute(
                    "duplicates-late.topo", "sh", "-c", script, o, *paris.started_with([
                        "paris-traceroute", "-n", "--format", "json", "-w", "10", "-q", "10",
                        *m, t[:-1] + "2"]),
                    options=("--report-probes",)))
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            flows = self.flows(result)
            self.assertEqual(len(flows), 2)
            names = {address: node["name"] for node in result.report["nodes"]
                     for address in node["addresses"]}
            for number in "12":
                trace = json.loads(Path(f"{out}.{number}").read_text())
                sent = flows[trace.get("src_port", trace.get("icmp_id"))]
                self.assertEqual(trace["counters"]["sent"], len(sent))
                for hop in trace["hops"]:
                    for probe in hop["probes"]:
                        truth = sent[probe["probe"]]
                        self.assertEqual((truth["ttl"], truth["node"]),
                                         (hop["ttl"], names[probe["from"]]))

    def test_row_04_forged_replies_are_refused(self):
        hostile.check_possible()
        cases = [(*kind, delay) for kind in KINDS + TCP for delay in (0, 0.05)]
        for (method, target, delay), result in paris.in_parallel(
                lambda case: hostile.trace("forged", "-n", "--format", "json", "-w", "5",
                                           "-q", "1", *case[0], case[1], delay=case[2]),
                paris.some(cases, 2)):
            with self.subTest(method=method, target=target, delay=delay):
                self.assertEqual((result.returncode, result.stderr), (0, ""))
                self.assertGreater(result.injected, 50)
                self.assertEqual([hop["probes"][0]["from"] for hop in result.json["hops"]],
                                 [f"2001:db8:{n}::1" if ":" in target else f"10.0.{n}.1"
                                  for n in (1, 2, 3)] + [target])
                self.assertNotIn(hostile.FORGER[4], result.stdout)
                self.assertNotIn(hostile.FORGER[6], result.stdout)


class Row05(unittest.TestCase):
    """One malformed ICMP (quoted IHL 0) looped for ever; short quotes were read out of
    bounds; unknown quoted protocols spilled tables into the output."""

    def test_row_05_malformed_icmp(self):
        hostile.check_possible()
        cases = [(scenario, *kind) for scenario in (
            "ihl", "protocols", "cut_short", "cut_late", "lying", "extensions", "noise")
                 for kind in KINDS + TCP]
        for (scenario, method, target), result in paris.in_parallel(
                lambda case: hostile.trace(case[0], "-n", "-w", "5", "-q", "1", *case[1],
                                           case[2]), paris.some(cases, 3)):
            with self.subTest(scenario=scenario, method=method, target=target):
                self.assertEqual(result.returncode, 0, result)
                self.assertRegex(result.stderr, r"\A(paris-traceroute: hops [1-4, -]+: "
                                 r"(\d+ duplicate replies"
                                 r"|malformed extensions in \d+ repl(y|ies))\n)*\Z")
                self.assertGreaterEqual(result.injected, 90)
                self.assertLess(result.cpu, 0.5 * paris.SLOWNESS)
                lines = result.stdout.splitlines()
                self.assertEqual(len(lines), 5, result)
                self.assertEqual([line.split()[1] for line in lines[1:]], [
                    f"2001:db8:{n}::1" if ":" in target else f"10.0.{n}.1"
                    for n in (1, 2, 3)] + [target])


class Row06(unittest.TestCase):
    """Silent routers, loss, routing loops and unreachables hung or crashed it."""

    NETWORK = """seed 6
defaults rtt=2ms {defaults}
router a 10.1.0.1 2001:db8:1::1
router b1 10.2.0.1 2001:db8:2::1 silent
router b2 10.2.0.2 2001:db8:2::2
router c 10.3.0.1 2001:db8:3::1 {last}
target server 198.51.100.9 2001:db8:ffff::9
link host a b1,b2 c server
{rules}
"""

    def end(self, method, target, flows=1, defaults="", last="", rules=""):
        """How a trace of each flow ends."""
        ends = set()
        for flow in range(flows):
            result = tool(self.NETWORK.format(defaults=defaults, last=last, rules=rules),
                          "-n", "--format", "json", "--flow-id", flow, "-w", "1",
                          *method, target)
            ends.add((result.returncode, result.json["stop"]["reason"]))
        return ends

    def test_row_06_nothing_hangs_or_crashes(self):
        list(paris.in_parallel(lambda kind: self.ends(*kind), KINDS + TCP))

    def ends(self, method, target):
        self.assertEqual(self.end(method, target, flows=4), {(0, "reached")})
        self.assertLessEqual(self.end(method, target, defaults="loss=10%"),
                             {(0, "reached"), (1, "hop_limit")})
        self.assertEqual(self.end(method, target, rules="rule c to=a"), {(1, "loop")})
        self.assertEqual(self.end(method, target, last="unreachable=host"),
                         {(1, "unreachable")})


class Row07(unittest.TestCase):
    """-m 255 never ended: the 8-bit TTL wrapped."""

    def test_row_07_m_255_ends(self):
        list(paris.in_parallel(lambda kind: self.far(*kind), KINDS + TCP))

    def far(self, method, target):
        for queries in ("1",) if method == ("-T",) else ("1", "10"):
            result = tool("silent-tail.topo", "-n", "-q", queries, "-w", "0.05", "-m",
                          "255", "--format", "json", *method, target)
            self.assertEqual(result.returncode, 1, result)
            self.assertEqual(result.json["stop"], {"reason": "hop_limit", "ttl": 255})
            self.assertEqual([hop["ttl"] for hop in result.json["hops"]],
                             list(range(1, 256)))
            self.assertEqual(max(packet.ttl for packet in probes(result, target)), 255)
        result = tool("silent-tail.topo", "-n", "-q1", "-w", "0.1", "-m", "255", "-f",
                      "255", *method, target)
        self.assertEqual({packet.ttl for packet in probes(result, target)}, {255})
        self.assertEqual(result.stdout.splitlines()[1:], ["255  *"])


class Row08(unittest.TestCase):
    """No route, a packet larger than the MTU, -f 5 -m 2: an error, and it hung."""

    def check_fails(self, result, exit_status, pattern):
        self.assertEqual(result.returncode, exit_status, result)
        self.assertRegex(result.stderr, rf"\Aparis-traceroute: [^\n]*{pattern}[^\n]*\n\Z")
        self.assertLess(result.seconds, 10 * paris.SLOWNESS)

    def test_row_08_no_route(self):
        """In a network namespace in which nothing is up."""
        hostile.check_possible()
        for method, target in KINDS[:2] + TCP:
            begun = time.monotonic()
            ran = paris.run(*hostile.unshared(), *hostile.unprivileged(),
                            *paris.started_with(["paris-traceroute", "-n", *method,
                                                 target]), user=False)
            ran.seconds = time.monotonic() - begun
            self.check_fails(ran, 3, "no route to " + re.escape(target))

    def test_row_08_no_route_for_ping(self):
        hostile.check_possible()
        for target in (V4, V6):
            ran = paris.run(*hostile.unshared(), "sh", "-c",
                            'echo "$0 $0" >/proc/sys/net/ipv4/ping_group_range; '
                            'exec "$@"', "65534" if os.geteuid() == 0 else os.getgid(),
                            *hostile.unprivileged(),
                            *paris.started_with(["paris-traceroute", "-n", "-I", target]),
                            user=False)
            self.check_fails(ran, 3, "no route to " + re.escape(target))

    def test_row_08_larger_than_the_mtu(self):
        for method, target in KINDS:
            result = tool("line.topo", "-n", "-F", *method, target, "2000")
            self.check_fails(result, 1, "was not reached: cannot send 2000 bytes to "
                             f"{re.escape(target)}: Message too long; .*leave -F out")
            self.assertRegex(result.stdout, r"\A[^\n]*\n 1 ( \*  \d+\.\d{3} ms !F-1500)"
                             r"{3}\n\Z")
            self.assertLess(result.seconds, 10 * paris.SLOWNESS)
            self.assertEqual(probes(result, target), [])

    def test_row_08_no_length_for_tcp(self):
        """The kernel makes them as long as it likes, so none is too large."""
        for method, target in TCP:
            self.check_fails(tool("line.topo", "-n", "-F", *method, target, "2000"), 2,
                             "packet_len 2000: the kernel chooses")

    def test_row_08_first_above_last(self):
        for method, target in KINDS[:2] + TCP:
            self.check_fails(tool("line.topo", "-n", "-f", "5", "-m", "2", *method, target),
                             2, "-f: first hop 5 is above the last one, 2")

    def test_row_08_no_ping_sockets(self):
        for target in (V4, V6):
            result = tool("line.topo", "-n", "-I", target,
                          options=("--ping-group", "closed"))
            self.check_fails(result, 3, "ping socket: .*ping_group_range")
            self.assertEqual(probes(result, target), [])


class Row09(unittest.TestCase):
    """Every probe, reply and event leaked, 1.15 kB a probe."""

    def test_row_09_no_leak(self):
        """The prober counts its probes and packets and complains at its exit; the
        variants with sanitizers and valgrind count every byte."""
        list(paris.in_parallel(lambda kind: self.run_all(*kind), KINDS + TCP))

    def run_all(self, method, target):
        for arguments in (("-q", "10"), ("-N", "1", "-q1"), ("-m", "3"),
                          ("--timeout", "0.02"), ("-w", "0.05,0.1,0.1", "-q10")):
            result = tool("duplicates-late.topo", "-n", *arguments, *method,
                          target[:-1] + "2")
            self.assertIn(result.returncode, (0, 1), result)
            self.assertNotIn("not given back", result.stderr)
            self.assertNotIn("paris-prober", result.stderr)

    def test_row_09_memory_does_not_grow_with_probes(self):
        """A thousand probes more, all remembered, cost less than it was there."""
        peaks = []
        for queries, last in ((1, 15), (10, 120)):
            running, tool_ = started("-n", "-w", "60", "-q", queries, "-m", last, "-N", "3000",
                                     V4)
            pid = running.find("paris-prober")
            paris.wait_for(lambda p=pid, n=queries * last: paris.sent_datagrams(p) >= n,
                           10, "not all probes leave")
            # What the first hops answer is all that there is to do: it may be done.
            paris.wait_for(lambda r=running: "\n 3 " in r.text(), 10, "no third hop")
            peaks.append(int(status(pid)["VmHWM"].split()[0]))
            os.kill(tool_, signal.SIGTERM)
            running.finish()
        if paris.VARIANT == "release":
            self.assertLess(peaks[1] - peaks[0], 1200 * 1.15)


class Row10(unittest.TestCase):
    """Fractional -z and -w were wrong."""

    def test_row_10_send_gap(self):
        list(paris.in_parallel(lambda kind: self.send_gap(*kind), KINDS + TCP))

    def send_gap(self, method, target):
        for given, seconds in (("0.05", 0.05), ("0.0125", 0.0125), ("20.5", 0.0205)):
            def gaps(result):
                times = [packet.time for packet in probes(result, target)]
                return [later - earlier for earlier, later in zip(times, times[1:])]

            def kept(result, gap=seconds):
                least = len(gaps(result)) * gap
                return sum(gaps(result)) >= least - min(least / 4, 0.005 * paris.SLOWNESS)

            # A stamp is taken behind the sending: the first may lag.
            result = paris.until(kept, lambda g=given: tool(
                "instant.topo", "-n", "-q1", "-m", "7", "-z", g, *method, target))
            self.assertGreaterEqual(len(gaps(result)), 4)
            self.assertTrue(kept(result), gaps(result))
            if paris.VARIANT == "release":
                self.assertLess(min(gaps(result)), seconds + 0.2)

    def test_row_10_wait(self):
        list(paris.in_parallel(lambda kind: self.waits(*kind), KINDS + TCP))

    def waits(self, method, target):
        for given, seconds in (("0.25", 0.25), ("0.6", 0.6)):
            result = tool("silent-tail.topo", "-n", "-q1", "-f", "5", "-m", "5", "-w",
                          given, *method, target)
            self.assertEqual(result.returncode, 1)
            self.assertEqual(result.stdout.splitlines()[1:], [" 5  *"])
            self.assertGreaterEqual(result.seconds, seconds)
            self.assertLess(result.seconds, seconds + 10 * paris.SLOWNESS)

    def test_row_10_options_do_something(self):
        """-w's factors: a silent hop before one that answers is not waited for to the
        maximum of 5 s."""
        topology = """
            defaults rtt=2ms
            router a 10.1.0.1 2001:db8:1::1
            router b silent
            target t 198.51.100.9 2001:db8:ffff::9
            link host a b t
            """
        for method, target in KINDS:
            # If the server's answers are late, that is a round trip.
            quick = paris.until(
                lambda result: result.seconds < 5, lambda m=method, t=target:
                paris.fakeroute(topology, "paris-traceroute", "-n", *m, t))
            slow = tool(topology, "-n", "-w", "1.2", *method, target)
            self.assertEqual(quick.stdout.splitlines()[2], " 2  * * *")
            self.assertEqual(slow.stdout.splitlines()[2], " 2  * * *")
            self.assertGreaterEqual(slow.seconds, 1.2)
            if paris.VARIANT == "release":
                self.assertLess(quick.seconds, 5)


class Row11(unittest.TestCase):
    """ICMP probes were not Paris: checksum and id varied."""

    def packets(self, *arguments):
        result = tool("diamond.topo", "-n", "-q", "10", *arguments)
        self.assertEqual(result.returncode, 0, result)
        found = probes(result, arguments[-1])
        self.assertGreaterEqual(len(found), 60)
        self.assertTrue(all(packet.checksum_ok for packet in found))
        self.assertEqual(result.report["received"]["bad_checksum"], 0)
        self.assertEqual(result.report["received"]["bad_header_checksum"], 0)
        return found

    def test_row_11_icmp_is_paris(self):
        for target in (V4, V6):
            found = self.packets("-I", target)
            for name in ("type", "code", "id", "checksum"):
                self.assertEqual(len({getattr(packet, name) for packet in found}), 1, name)
            self.assertEqual(len({packet.seq for packet in found}), len(found))
            # Every byte before the sequence number, and so all that flow_id names.
            self.assertEqual(len({packet.transport[:6] for packet in found}), 1)

    def test_row_11_udp_is_paris(self):
        for target in (V4, V6):
            found = self.packets(target)
            self.assertEqual(len({packet.transport[:4] for packet in found}), 1)
            self.assertEqual(len({packet.payload for packet in found}), len(found))
            self.assertEqual(len({packet.length for packet in found}), 1)

    def test_row_11_udp_checksum_as_tag(self):
        """What is asked for and cannot be done without privilege is refused in words."""
        result = tool("diamond.topo", "-n", "--tag", "udp.checksum", V4)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("udp.checksum", result.stderr)

    def test_row_11_ip_header(self):
        """All of the IP header that balancers may hash is constant, flow label and all."""
        for method, target in KINDS + TCP:
            found = self.packets(*method, target)
            for name in ("src", "dst", "proto", "tos", "flow_label"):
                self.assertEqual(len({getattr(packet, name) for packet in found}), 1, name)
            self.assertEqual(len({packet.flow() for packet in found}), 1)
            if ":" in target:
                self.assertNotEqual(found[0].flow_label, 0)
                self.assertEqual(len({packet.raw[:4] for packet in found}), 1)

    def test_row_11_first_probe_as_all_others(self):
        """Neither a hop asked again nor a higher TTL changes the flow."""
        for method, target in KINDS[:2] + TCP:
            result = tool("short-quotes.topo", "-n", "-q", "10", *method, target)
            self.assertEqual(len({packet.flow() for packet in probes(result, target)}), 1)


class Row12(unittest.TestCase):
    """DNS blocked the event loop: 10 s for five hops with a dead resolver."""

    # Nothing answers at this address, and nothing says so.
    SILENT = "\n".join(("defaults rtt=1ms", "router a 10.1.0.1 2001:db8:1::1",
                        "router b[1-3] 10.2.[1-3].1 2001:db8:2:[1-3]::1",
                        "target t 198.51.100.9 2001:db8:ffff::9",
                        "target dns 198.51.100.53 silent",
                        "link host a b1 b2 b3 t", "link a dns", ""))

    def test_row_12_dead_resolver(self):
        list(paris.in_parallel(lambda kind: self.dead_resolver(*kind), KINDS + TCP))

    def dead_resolver(self, method, target):
        def span(result):
            times = [packet.time for packet in probes(result, target)]
            return times[-1] - times[0]
        plain = tool(self.SILENT, "-n", "-q", "10", *method, target)
        named = paris.until(lambda named: span(named) < span(plain) + 2, lambda: tool(
            self.SILENT, "-q", "10", "--resolver", "198.51.100.53", "--format", "json",
            *method, target))
        self.assertEqual((plain.returncode, named.returncode), (0, 0), named)
        asked = probes(named, "198.51.100.53")
        self.assertGreaterEqual(len(asked), 1 + 4)  # it did ask
        if paris.VARIANT == "release":
            self.assertLess(span(named), span(plain) + 2)
        for hop in named.json["hops"]:
            for probe in hop["probes"]:
                self.assertEqual(probe["status"], "answered")
                self.assertNotIn("name", probe)
                if paris.VARIANT == "release":
                    behind = named.report["sent"]["behind_ns"] / 1e6
                    self.assertLess(probe["rtt_ms"], 1000 + behind)
        self.assertLess(named.seconds, 15 * paris.SLOWNESS)
        # All probes had left before the first look-up was given up.
        self.assertLess(max(packet.time for packet in probes(named, target)),
                        max(packet.time for packet in asked) + 1)


class Row13(unittest.TestCase):
    """Exit status 0 when the target was not reached; SIGTERM printed nothing."""

    def test_row_13_exit_statuses(self):
        list(paris.in_parallel(lambda kind: self.statuses(*kind), KINDS + TCP))
        self.assertEqual(tool("line.topo", "no.such.host.invalid", "--resolver",
                              "127.0.0.1:9").returncode, 2)

    def statuses(self, method, target):
        slow = ("-m", "7") if method == ("-T",) else ()
        self.assertEqual(tool("line.topo", "-n", *method, target).returncode, 0)
        self.assertEqual(tool("line.topo", "-n", "-m", "5", *method,
                              target).returncode, 1)
        self.assertEqual(tool("silent-tail.topo", "-n", "-w", "0.1", *slow,
                              *method, target).returncode, 1)
        self.assertEqual(tool("unreachable.topo", "-n", *method,
                              target[:-1] + "2").returncode, 1)
        self.assertEqual(tool("line.topo", "-n", "--no-such", target).returncode, 2)
        if method != ("-T",):
            self.assertEqual(tool("line.topo", "-n", "-F", *method, target,
                                  "9000").returncode, 1)
        self.assertEqual(tool("line.topo", "-n", "-s", target, *method,
                              target).returncode, 3)

    def test_row_13_signals_print_what_is_known(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            for method, target in KINDS + TCP:
                running, pid = started("-n", "-w", "20", *method, target)
                paris.wait_for(lambda r=running: "\n 3 " in r.text(), 10, "no third hop")
                begun = time.monotonic()
                os.kill(pid, number)
                result = running.finish()
                self.assertEqual(result.returncode, 1, result)
                self.assertLess(time.monotonic() - begun, 10 * paris.SLOWNESS)
                lines = result.stdout.splitlines()
                prefix = "2001:db8:" if ":" in target else "10.0."
                for ttl in (1, 2, 3):
                    self.assertIn(f" {ttl}  {prefix}{ttl}", lines[ttl])
                self.assertEqual(len(lines), 4)
                self.assertTrue(result.stdout.endswith("\n"))
                self.assertIn("interrupted before", result.stderr)

    def test_row_13_signals_in_json(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            running, pid = started("-n", "-w", "20", "--format", "json", V4)
            running.find("paris-prober")
            # Text comes at the end only: wait for the probes instead.
            paris.wait_for(lambda r=running: r.files["pcap"].exists()
                           and r.files["pcap"].stat().st_size > 4000, 10, "no probes")
            os.kill(pid, number)
            result = running.finish()
            self.assertEqual(result.returncode, 1, result)
            self.assertEqual(result.json["stop"]["reason"], "interrupted")


class Row14(unittest.TestCase):
    """Only the first of several addresses at a hop was printed; no !H !N !X."""

    def test_row_14_several_addresses(self):
        for method, target in KINDS + TCP:
            shown = set()
            for _ in range(6):
                result = tool("per-packet.topo", "-n", "-q", "10", *method, target)
                line = result.stdout.splitlines()[2]
                addresses = [word for word in line.split()[1:]
                             if word.count(".") == 3 or ":" in word]
                shown |= set(addresses)
                self.assertEqual(line.count(" ms"), 10, line)
                # an address is printed when it differs from the one before
                self.assertTrue(all(one != two for one, two in
                                    zip(addresses, addresses[1:])))
            self.assertEqual(len(shown), 3)

    def test_row_14_annotations(self):
        marks = {1: ("!N", "!N"), 2: ("!H", "!H"), 3: ("!P", "!<4-1>"), 4: ("!X", "!X"),
                 5: ("!S", "!<5>"), 6: ("!X", "!X")}
        for number, pair in marks.items():
            for family, prefix in enumerate(("198.51.100.", "2001:db8:ffff::")):
                for method in ((), ("-I",), ("-T",)):
                    result = tool("unreachable.topo", "-n", *method, f"{prefix}{number}")
                    self.assertEqual(result.returncode, 1, result)
                    last = result.stdout.splitlines()[-1]
                    router = ("10.2.0.", "2001:db8:2::")[family] + str(number)
                    self.assertRegex(last, rf"^ [23]  {router}(  \d+\.\d+ ms "
                                     rf"{re.escape(pair[family])}){{3}}$")

    def test_row_14_mtu(self):
        for target, router in (("198.51.100.7", "10.2.0.7"),
                               ("2001:db8:ffff::7", "2001:db8:2::7")):
            for method in ((), ("-I",)):
                result = tool("unreachable.topo", "-n", "-F", *method, target, "1400")
                self.assertEqual(result.returncode, 1, result)
                self.assertRegex(result.stdout.splitlines()[-1],
                                 rf"^ 3  {router}(  \d+\.\d+ ms !F-1300){{3}}$")


class Row17(unittest.TestCase):
    """It did not build with clang or newer compilers: tests/lint builds with both."""

    def test_row_17_lint_builds_with_clang(self):
        text = (ROOT / "tests" / "lint").read_text()
        self.assertIn('"WERROR=1"', text)
        self.assertRegex(text, r'warnings_build\(("clang"|compiler)\)')
        self.assertIn("clang", text)
        script = (ROOT / ".ci" / "run")
        if script.exists():
            self.assertIn("make lint", script.read_text())


if __name__ == "__main__":
    unittest.main()
