"""Several of our programs on one machine at once, and beside others that have what ours
would choose. Each finds what it finds alone, and no reply crosses over."""

import json
import os
import shlex
import socket
import sys
import unittest

import paris
import root_inside
from multipath import SURE, TARGET, Network, fan, seen

TIME_LIMIT = 300
OK, FAILED = 0, 3
KINDS = {"U": socket.SOCK_DGRAM, "T": socket.SOCK_STREAM}
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
LAST_OF_OURS = 32767
LINE = [["10.1.0.1"], ["10.2.0.1"], ["10.3.0.1"], [TARGET[4]]]
# Runs the commands of a list at once; prints [[status, stdout, stderr] of each].
AT_ONCE = """
import json, subprocess, sys
runs = [subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True)
        for command in json.loads(sys.argv[1])]
print(json.dumps([[*run.communicate(), run.returncode] for run in runs]))
"""
# Runs a command while another program takes each port from 24000 to 24039 that was in use
# and is not any more, once, for so many seconds.
GREEDY = """
import socket, subprocess, sys, time
family, kind = map(int, sys.argv[1:3])
seconds = float(sys.argv[3])
run = subprocess.Popen(sys.argv[4:])
used, held, port = set(), {}, 24000
while run.poll() is None:
    port = 24000 + (port - 23999) % 40
    if port in held:
        one, until = held[port]
        if time.monotonic() > until:
            one.close()
        continue
    one = socket.socket(family, kind)
    try:
        one.bind(("", port))
        if port in used:
            held[port] = one, time.monotonic() + seconds
    except OSError:
        used.add(port)
    if port not in held:
        one.close()
sys.exit(run.returncode)
"""


def at_once(topology, commands, **more):
    """[(stdout, stderr, status)] of commands that run in one network at once."""
    lines = [paris.started_with(command) for command in commands]
    result = paris.fakeroute(topology, sys.executable, "-c", AT_ONCE, json.dumps(lines),
                             limit=120, **more)
    return json.loads(result.stdout)


def traceroute(*arguments):
    return ["paris-traceroute", "-n", "--format", "json", "-w", "5", *arguments]


def mda(*arguments):
    return ["mda", "-n", "--format", "json", "-w", "5", *SURE, *arguments]


def source_ports(result, family):
    source = {4: "192.0.2.2", 6: "2001:db8::2"}[family]
    return {packet.sport for packet in result.packets() if packet.src == source}


def addresses(trace):
    return [sorted({probe["from"] for probe in hop["probes"] if "from" in probe})
            for hop in trace["hops"]]


class PortsInUse(unittest.TestCase):
    def beside(self, count, letter, command, family=4, topology=fan(4)):
        result = paris.fakeroute(topology, *paris.ports_taken(
            count, [*command, "-" + letter, TARGET[family]], FAMILIES[family],
            KINDS[letter]))
        self.assertEqual((result.returncode, result.stderr), (OK, ""))
        return result

    def test_hundreds_in_a_row(self):
        for letter in KINDS:
            result = self.beside(450, letter, mda())
            self.assertEqual(seen(result.json), Network(fan(4)).truth(TARGET[4]))
            ports = source_ports(result, 4)
            self.assertGreaterEqual(min(ports), 24450)
            self.assertTrue(any(port < LAST_OF_OURS for port in ports))

    def test_all_of_ours(self):
        """A program has every port from 24000 to 32767: the kernel knows others."""
        def run(case):
            letter, family, command = case
            return self.beside(LAST_OF_OURS - 24000 + 1, letter, command, family)

        cases = [(letter, family, command) for letter in KINDS for family in (4, 6)
                 for command in (mda(), traceroute("-a", "traceroute", "--tag",
                                                   {"U": "udp", "T": "tcp"}[letter]
                                                   + ".src_port"))]
        for (_, family, command), result in paris.in_parallel(run, paris.some(cases)):
            if command[0] == "mda":
                truth = Network(fan(4)).truth(TARGET[family])
                self.assertEqual(seen(result.json), truth)
            else:
                self.assertEqual(result.json["hops"][-1]["ttl"], 4)
            self.assertGreater(min(source_ports(result, family)), LAST_OF_OURS)

    def greedy(self, seconds, command):
        return paris.fakeroute(
            fan(4), sys.executable, "-c", GREEDY, str(int(FAMILIES[4])), str(int(KINDS["T"])),
            str(seconds), *command, *paris.started_with(mda("-T", "-N", "4", TARGET[4])))

    def found_all(self, result):
        self.assertEqual((result.returncode, result.stderr), (OK, ""))
        self.assertEqual(seen(result.json), Network(fan(4)).truth(TARGET[4]))

    def test_greedy_neighbour(self):
        """A flow keeps its port between two probes, though another program wants it."""
        self.found_all(self.greedy(100, ()))

    def test_lost_ports(self):
        """Of few descriptors a flow keeps none. No other port is that flow: its own is waited
        for, but not for ever."""
        few = ("sh", "-c", 'ulimit -n 16; exec "$@"', "sh")
        self.found_all(paris.until(lambda result: result.returncode == OK,
                                   lambda: self.greedy(0.2, few)))
        # Unless it never has a chance.
        result = paris.until(lambda result: result.returncode != OK,
                             lambda: self.greedy(100, few))
        self.assertEqual(result.returncode, FAILED, result)
        self.assertRegex(result.stderr, r"\Amda: cannot measure: the source port of flow \d+ was "
                         r"taken by another program when open files ran short \(ulimit -n\)\n\Z")
        self.assertGreater(result.seconds, 5)


class Crowd(unittest.TestCase):
    def test_many_searches(self):
        """Each has hundreds of flows, and a port for each."""
        for letter in KINDS:
            for told, said, status in at_once(fan(16), 6 * [mda("-" + letter, TARGET[4])]):
                self.assertEqual((status, said), (OK, ""))
                found = json.loads(told)
                self.assertEqual(seen(found), Network(fan(16)).truth(TARGET[4]))
                self.assertEqual(found["coverage"], "complete")
                self.assertEqual(found["counters"]["strays"], 0)

    def test_all_kinds(self):
        """Whatever they send, to one target and to its IPv6 address."""
        text = fan(1)
        ways = [[], ["-U"], ["-T"], ["-I"], ["-a", "traceroute"],
                ["-a", "traceroute", "--tag", "udp.src_port"], ["-T", "-a", "traceroute"]]
        commands = [traceroute(*way, TARGET[family]) for way in ways for family in (4, 6)]
        for told, said, status in at_once(text, 2 * commands):
            self.assertEqual((status, said), (OK, ""))
            trace = json.loads(told)
            if trace["ip_version"] == 4:
                self.assertEqual(addresses(trace), LINE)
            counters = trace["counters"]
            self.assertEqual((counters["strays"], counters["ambiguous"]), (0, 0))

    def test_one_after_the_other(self):
        """What answers a run that is over answers none of the next one's probes."""
        text = fan(1).replace("rtt=1ms", "rtt=1s")
        for before in (["-a", "traceroute"], ["-U"]):
            for family in (4, 6):
                with self.subTest(before=before, family=family):
                    over = paris.started_with(traceroute(
                        *before, "-m", "1", "-q", "6", "-w", "0.1", TARGET[family]))
                    then = paris.started_with(traceroute(
                        "-a", "traceroute", "-f", "2", "-m", "2", "-q", "6", TARGET[family]))
                    result = paris.fakeroute(text, "sh", "-c", f"{shlex.join(over)} >&2; exec "
                                             f"{shlex.join(then)}")
                    hop, = result.json["hops"]
                    found = {(probe["from"], probe["rtt_ms"] >= 2000) for probe in hop["probes"]}
                    second = {4: "10.2.0.1", 6: "2001:db8:2::1"}[family]
                    self.assertEqual(found, {(second, True)})

    @unittest.skipUnless(os.geteuid() == 0, "raw sockets of the prober's own are root's")
    def test_raw_sockets(self):
        """Each sees what answers all, and takes what answers its own."""
        ways = (["-D"], ["-P", "89"], ["--privilege", "raw", "-U"],
                ["--privilege", "raw", "-T"], ["--privilege", "raw", "-I"],
                ["--privilege", "raw", "-U", "--fragment", "8,16"])
        commands = 3 * [paris.started_with(traceroute(*way, TARGET[4])) for way in ways]
        result = root_inside.run(fan(1), sys.executable, "-c", AT_ONCE,
                                 json.dumps(commands), limit=120)
        for told, said, status in json.loads(result.stdout):
            self.assertEqual((status, said), (OK, ""))
            self.assertEqual(addresses(json.loads(told)), LINE)

    @unittest.skipUnless(os.geteuid() == 0, "DCCP is root's")
    def test_ports_of_dccp(self):
        """What has a UDP port, as a run of ours with -D, has that of DCCP."""
        for family in (4, 6):
            for asked, status in ([], OK), (["--sport", "24000"], FAILED):
                result = root_inside.run(fan(1), *paris.ports_taken(
                    1, traceroute("-D", *asked, TARGET[family]), FAMILIES[family]))
                self.assertEqual(result.returncode, status, result)
                if status == OK:
                    self.assertNotEqual(result.json["src_port"], 24000)
                else:
                    self.assertIn("source port 24000 is in use", result.stderr)


if __name__ == "__main__":
    unittest.main()
