"""Started by root: it works wherever ping sockets are closed or open, nothing stays root,
and raw sockets of the prober's own are root's alone."""

import functools
import ipaddress
import json
import os
import re
import shutil
import signal
import sys
import unittest
from pathlib import Path

import paris
import root_inside
from test_concurrent import REACHED, Many

ROOT = os.geteuid() == 0
V4, V6 = "198.51.100.9", "2001:db8:ffff::9"
METHODS = {"udp": (), "icmp": ("-I",), "tcp": ("-T",)}
RAW = {"udp": "udp-raw", "icmp": "ping-raw", "tcp": "tcp-raw"}
RANGES = ("1 0", "0 0", "0 2147483647")
NO_RAW = ("setpriv", f"--reuid={paris.NOBODY}", f"--regid={paris.NOBODY}", "--clear-groups")
AMBIENT = (*NO_RAW, "--inh-caps=+net_raw", "--ambient-caps=+net_raw")
# A network of our own with nothing but loopback.
ALONE = ("unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
# Root of a user namespace that has all of our uids, as they are, and of its network.
CONTAINER = """
import ctypes, os, sys
NEWUSER, NEWNET = 0x10000000, 0x40000000
ready, mapped = os.pipe(), os.pipe()
child = os.fork()
if child == 0:
    if ctypes.CDLL(None).unshare(NEWUSER | NEWNET) != 0:
        os._exit(99)
    os.write(ready[1], b".")
    os.read(mapped[0], 1)
    os.execvp("sh", ["sh", "-c", 'ip link set lo up && exec "$@"', "sh", *sys.argv[1:]])
os.read(ready[0], 1)
for name in ("uid_map", "gid_map"):
    with open(f"/proc/{child}/{name}", "w") as file:
        file.write("0 0 65536")
os.write(mapped[1], b".")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""

# Gives the prober, which follows, the channel that it looks for.
CHANNEL = """
import os, socket, sys
ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
os.dup2(its.fileno(), 30)
os.dup2(30, 3)
os.execv(sys.argv[1], sys.argv[1:])
"""


@functools.lru_cache(maxsize=None)
def without_helper():
    """A copy of the programs that has none."""
    folder = paris.temporary_folder()
    for part in ("bin", "libexec"):
        shutil.copytree(paris.stage() / part, folder / part)
    (folder / "libexec/paris-traceroute/paris-privsep").unlink()
    folder.chmod(0o755)
    return str(folder / "bin/paris-traceroute")


def trace(topology, *arguments, program="paris-traceroute", **more):
    """The json of a trace that must go well."""
    result = paris.undisturbed(topology, program, "-n", "-w", "5", "--format", "json",
                               *arguments, run=root_inside.run, **more)
    if result.returncode != 0 or result.stderr:
        raise AssertionError(str(result))
    found = result.json
    found["result"] = result
    return found


def status(pid):
    """{field: value} of /proc/PID/status."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, value in (line.split(":", 1) for line in lines)}


def raw_sockets(pid):
    """How many raw sockets of any family and protocol a process has open."""
    inodes = set()
    for table in ("raw", "raw6", "packet"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            inodes.add(line.split()[8 if table == "packet" else 9])
    opened = [re.fullmatch(r"socket:\[(\d+)\]", what)
              for what in paris.open_files(pid).values()]
    return sum(1 for one in opened if one and one[1] in inodes)


@unittest.skipUnless(ROOT, "only root can start it as root")
class Works(unittest.TestCase):
    def whole(self, found, target, hops):
        self.assertEqual(found["stop"]["reason"], "reached")
        expected = {(ttl, f"10.0.{ttl}.1" if "." in target else f"2001:db8:{ttl}::1")
                    for ttl in range(1, hops)} | {(hops, target)}
        answers = paris.answers(found)
        self.assertEqual({(ttl, probe["from"]) for ttl, probe in answers}, expected)
        self.assertEqual(len(answers), 3 * hops)
        for name in ("ambiguous", "asked_again", "strays", "timeouts"):
            self.assertEqual(found["counters"][name], 0, name)

    def test_every_group_range(self):
        """Datagram sockets where they do; then the helper, which needs no capability."""
        for groups in RANGES:
            for method, options in METHODS.items():
                for target in (V4, V6):
                    with self.subTest(groups=groups, method=method, target=target):
                        found = trace("line.topo", *options, target, groups=groups)
                        self.assertEqual(found["stop"]["reason"], "reached")
                        sends = {"udp": "udp", "tcp": "tcp",
                                 "icmp": "ping-helper" if groups == "1 0" else "ping"}
                        self.assertEqual(found["plan"]["send"], sends[method])

    def test_raw_where_there_is_no_helper(self):
        for target in (V4, V6):
            found = trace("short-quotes.topo", "-I", target, program=without_helper(),
                          groups="1 0")
            self.assertEqual(found["plan"]["send"], "ping-raw")
            self.whole(found, target, 10)

    def test_raw_when_asked_for(self):
        """Whole packets, seen whole, on routers that quote 28 bytes."""
        for method, options in METHODS.items():
            for target in (V4, V6):
                with self.subTest(method=method, target=target):
                    found = trace("short-quotes.topo", "--privilege", "raw", *options,
                                  target)
                    self.assertEqual(found["plan"]["send"], RAW[method])
                    self.whole(found, target, 10)
                    for ttl, probe in paris.answers(found):
                        self.assertEqual("reply_ip_id" in probe, target == V4)
                        if probe["reply"] == "time_exceeded":
                            self.assertEqual(probe["quoted_ttl"], 1)
                            self.assertEqual(probe.get("nat_id", 0), 0)

    def test_every_tag(self):
        for method, tag in (("udp", "udp.checksum"), ("udp", "udp.length"),
                            ("udp", "udp.payload"), ("tcp", "tcp.seq"),
                            ("tcp", "tcp.checksum"), ("icmp", "icmp.sequence")):
            for target in (V4, V6):
                with self.subTest(tag=tag, target=target):
                    found = trace("line.topo", "--privilege", "raw", "--tag", tag,
                                  *METHODS[method], target)
                    self.assertEqual(found["plan"], {"send": RAW[method],
                                                     "receive": RAW[method], "tag": tag})
                    self.whole(found, target, 15)

    def test_flow_is_constant(self):
        """On the wire: one flow, headers that are right, nothing that nobody asked for."""
        for method, options in METHODS.items():
            for target in (V4, V6):
                found = trace("line.topo", "--privilege", "raw", "--tos", "16", *options,
                              target)
                sent = [packet for packet in found["result"].packets()
                        if packet.dst == target and packet.flags in (None, 0x02)]
                self.assertEqual(len(sent), found["counters"]["sent"])
                self.assertEqual(len({(packet.src, packet.sport, packet.dport,
                                       packet.flow_label, packet.tos, packet.type, packet.id,
                                       packet.checksum if packet.type is not None else 0)
                                      for packet in sent}), 1, method)
                self.assertEqual({packet.tos for packet in sent}, {16})
                self.assertFalse([packet for packet in sent if packet.fragment_offset
                                  or packet.more_fragments])

    def test_ports_are_kept(self):
        """While a trace runs nobody has its port; and a port in use is not taken."""
        inside = root_inside.start("silent-tail.topo", "paris-traceroute", "-n",
                                   "--privilege", "raw", "-w", "60", "--sport", "24100", V4)
        try:
            inside.running.find("paris-prober")
            paris.wait_for(lambda: " 1  10." in inside.running.text(), 10, "no hop yet")
            pid = inside.network.find("sleep")
            for method in ((), ("-T",)):
                second = paris.run("nsenter", "--target", str(pid), "--net", "--",
                                   *paris.started_with(["paris-traceroute"]), "-n", *method,
                                   "--privilege", "raw", "--sport", "24100", "-m", "1", V4,
                                   user=False)
                if method:
                    self.assertEqual(second.returncode, 1, second)  # TCP's are others
                else:
                    self.assertEqual(second.returncode, 3, second)
                    self.assertIn("source port 24100 is in use", second.stderr)
        finally:
            os.kill(inside.running.find("paris-traceroute"), signal.SIGTERM)
            inside.finish()

    def test_larger_than_the_interface(self):
        """Nothing fragments them: said so, and not that -F is the cause. With -F what the
        interface takes is an answer, as with any socket."""
        for options, status, words in (
                ((), 3, "not fragmented by raw sockets: make it smaller"),
                (("-F",), 1, "make it smaller or leave -F out")):
            for target in (V4, V6):
                result = root_inside.run("line.topo", "paris-traceroute", "-n", "--privilege",
                                         "raw", *options, target, "1501")
                self.assertEqual(result.returncode, status, result)
                self.assertRegex(result.stderr, f"cannot send 1501 bytes to .*{words}\n$")
                self.assertEqual(result.stdout.count("!F-1500"), 3 if options else 0, result)

    def test_source_address_is_ours(self):
        for method, options in METHODS.items():
            result = root_inside.run("line.topo", "paris-traceroute", "-n", "--privilege",
                                     "raw", *options, "-s", "203.0.113.9", V4)
            self.assertEqual(result.returncode, 3, result)
            self.assertIn("203.0.113.9 is not an address of this machine", result.stderr)


@unittest.skipUnless(ROOT, "only root can start it as root")
class Identification(unittest.TestCase):
    """The tag that takes raw sockets."""

    def test_on_the_wire_and_in_quotes(self):
        """Each packet another identification; quoted by routers, 28 bytes or more."""
        for topology, hops in (("short-quotes.topo", 10), ("line.topo", 15)):
            for method, options in METHODS.items():
                with self.subTest(topology=topology, method=method):
                    found = trace(topology, "--tag", "ipv4.identification", *options, V4)
                    self.assertEqual(found["plan"]["send"], RAW[method])
                    self.assertEqual(found["plan"]["tag"], "ipv4.identification")
                    Works.whole(self, found, V4, hops)
                    sent = [packet for packet in found["result"].packets()
                            if packet.dst == V4 and packet.flags in (None, 0x02)]
                    self.assertEqual(len(sent), found["counters"]["sent"])
                    ids = [packet.ip_id for packet in sent]
                    self.assertEqual(len(set(ids)), len(ids))
                    self.assertNotIn(0, ids)
                    # Numbers of probes are those of packets, in the order of sending.
                    for _, probe in paris.answers(found):
                        if "quoted_ip_id" in probe:
                            self.assertEqual(probe["quoted_ip_id"], ids[probe["probe"]])

    def test_explained(self):
        result = root_inside.run("line.topo", "paris-traceroute", "--explain", "--tag",
                                 "ipv4.identification", V4)
        self.assertEqual(result.returncode, 0, result)
        for line in ("tag: ipv4.identification", "send: raw socket, the IP header included",
                     "receive: raw sockets: ICMP errors with all headers",
                     "window: no limit per flow: every ICMP error shows the tag",
                     "helper: not needed"):
            self.assertRegex(result.stdout, f"(?m)^{re.escape(line)}")
        self.assertNotIn("not possible", result.stdout)

    def test_no_field_of_ipv6(self):
        result = root_inside.run("line.topo", "paris-traceroute", "-n", "--tag",
                                 "ipv4.identification", V6)
        self.assertEqual(result.returncode, 3, result)
        self.assertIn("cannot carry a tag on ipv6/udp", result.stderr)


class ByRoot(Many):
    """The driver and its prober, started by root."""

    def execute(self, *command):
        return root_inside.run(self.topology, *command, options=("--report-probes",),
                               limit=self.limit)

    def command(self):
        return [*paris.started_with(["many"]), "raw"]


@unittest.skipUnless(ROOT, "only root can start it as root")
class Together(unittest.TestCase):
    def test_tags_side_by_side(self):
        """Instances with tags in the identification, and with others, raw and not."""
        many = ByRoot("fan.topo")
        plans = ("udp-raw ipv4.identification 0 udp-raw udp.checksum 0",
                 "udp-raw udp.checksum 0 udp-raw udp.payload 0",
                 "udp-raw udp.payload 0 udp-raw udp.payload 0",
                 "ping-raw ipv4.identification 0 ping-raw icmp.sequence 0",
                 "ping-raw icmp.sequence 0 ping-raw icmp.sequence 0",
                 "udp udp.payload 0 udp udp.payload 0",
                 "ping icmp.sequence 0 ping icmp.sequence 0")
        for plan in plans:
            many.plan(plan)
            for number in range(6):
                many.start(V4 if number < 3 else f"203.0.113.{number}")
            many.start(V6)
            many.start("2001:db8:fffe::7")
        many.run()
        for number in many.asked:
            done, sent = many.done[number], many.sent[number]
            self.assertEqual((done.reason, done.ambiguous), (REACHED, 0), number)
            self.assertEqual(done.sent, len(sent), number)
            for record in many.results[number]:
                probe = sent[record.probe]
                self.assertEqual(record.outcome, "reply", (number, record.probe))
                self.assertEqual(record.ttl, probe["ttl"], number)
                self.assertEqual(ipaddress.ip_address(record.source),
                                 ipaddress.ip_address(many.address(probe)), number)


@unittest.skipUnless(ROOT, "only root can start it as root")
class Unprivileged(unittest.TestCase):
    def check(self, inside, raw):
        """No process is root, has a capability or may gain one; raw: how many raw sockets
        each has, by its name."""
        for name, count in raw.items():
            pid = inside.running.find(name)
            found = paris.wait_for(
                lambda pid=pid: (lambda s: s if s["NoNewPrivs"] == "1" else None)(status(pid)),
                10, f"{name} may gain privileges")
            self.assertEqual(set(found["Uid"].split()), {str(paris.NOBODY)}, name)
            self.assertNotIn("0", found["Gid"].split(), name)
            self.assertEqual(found["Groups"], "", name)
            for sort in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                self.assertEqual(int(found[sort], 16), 0, (name, sort))
            self.assertEqual(raw_sockets(pid), count, name)

    def test_while_it_runs(self):
        plain = {"paris-traceroute": 0, "paris-prober": 0, "paris-names": 0}
        cases = [(method, plain) for method in METHODS.values()]
        cases += [(("--privilege", "helper"), {**plain, "paris-privsep": 2}),
                  (("--privilege", "helper", "-T"), {**plain, "paris-privsep": 4}),
                  (("--privilege", "raw"), {**plain, "paris-prober": 4}),
                  (("--privilege", "raw", "-I"), {**plain, "paris-prober": 4}),
                  (("--privilege", "raw", "-T"), {**plain, "paris-prober": 6}),
                  (("--tag", "ipv4.identification"), {**plain, "paris-prober": 4})]
        for options, raw in cases:
            with self.subTest(options=options):
                inside = root_inside.start(
                    "silent-tail.topo", "paris-traceroute", "-w", "60", "--resolver",
                    "198.51.100.99", *options, V4, groups=RANGES[-1])
                try:
                    paris.wait_for(lambda i=inside: "traceroute to" in i.running.text(), 10,
                                   "no header")
                    self.check(inside, raw)
                finally:
                    os.kill(inside.running.find("paris-traceroute"), signal.SIGTERM)
                    inside.finish()


class OnlyUser(unittest.TestCase):
    """An ordinary user, made root of a user namespace that has no other user: as ordinary
    as before, without a capability."""

    ROOT = ("unshare", "--user", "--map-root-user", "--net", "sh", "-c",
            'ip link set lo up && exec "$@"', "sh")

    def run_as(self, *options, program="paris-traceroute"):
        return paris.run(*self.ROOT, *paris.started_with([program]), "-n", *options)

    def test_traces(self):
        for method in ((), ("-T",), ("--privilege", "none")):
            for target in ("127.0.0.1", "::1"):
                with self.subTest(method=method, target=target):
                    result = self.run_as("--format", "json", *method, target)
                    self.assertEqual((result.returncode, result.stderr), (0, ""), result)
                    self.assertEqual(result.json["stop"]["reason"], "reached")

    def test_ping_sockets(self):
        opened = ("sh", "-c", 'echo 0 0 >/proc/sys/net/ipv4/ping_group_range && exec "$@"',
                  "sh")
        result = paris.run(*self.ROOT, *opened, *paris.started_with(["paris-traceroute"]),
                           "-n", "-I", "127.0.0.1")
        self.assertEqual((result.returncode, result.stderr), (0, ""), result)

    def test_refusals(self):
        """What takes a privilege says why there is none, before anything else."""
        for options in (("--privilege", "raw"), ("--privilege", "helper"),
                        ("--tag", "ipv4.identification"), ("-T", "--tag", "tcp.seq"),
                        ("-I",)):
            result = self.run_as(*options, "127.0.0.1")
            self.assertEqual((result.returncode, result.stdout), (3, ""), result)
            self.assertIn("root is the only user of this user namespace", result.stderr)
            self.assertEqual(result.stderr.count("\n"), 1, result)

    def test_while_it_runs(self):
        """No process has a capability, or may gain one."""
        lost = ("sh", "-c", 'ip route add 192.0.2.0/24 dev lo && exec "$@"', "sh")
        running = paris.Running(
            [*self.ROOT, *lost, *paris.started_with(["paris-traceroute"]), "-w", "60",
             "--resolver", "192.0.2.1", "192.0.2.9"])
        try:
            paris.wait_for(lambda: "traceroute to" in running.text(), 10, "no header")
            for name in ("paris-traceroute", "paris-prober", "paris-names"):
                pid = running.find(name)
                found = paris.wait_for(
                    lambda pid=pid: (lambda s: s if s["NoNewPrivs"] == "1" else None)(
                        status(pid)), 10, f"{name} may gain privileges")
                for sort in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                    self.assertEqual(int(found[sort], 16), 0, (name, sort))
        finally:
            os.kill(running.find("paris-traceroute"), signal.SIGTERM)
            running.finish()


@unittest.skipUnless(ROOT, "only root can become all these")
class NobodyElse(unittest.TestCase):
    """Raw sockets are for what real uid 0 starts."""

    def test_refusals(self):
        for whom in (NO_RAW, AMBIENT):
            for options in (("--privilege", "raw"), ("--privilege", "raw", "-I"),
                            ("--tag", "ipv4.identification")):
                with self.subTest(whom=whom, options=options):
                    result = root_inside.run("line.topo", "paris-traceroute", "-n", *options,
                                             V4, as_whom=whom)
                    self.assertEqual(result.returncode, 3, result)
                    self.assertEqual(result.stdout, "")
                    self.assertIn("only root may use raw sockets", result.stderr)
                    self.assertEqual(result.stderr.count("\n"), 1, result)

    def test_others_trace_as_ever(self):
        """Whose ambient capability is of no use to us, and is given up."""
        found = trace("line.topo", V4, as_whom=AMBIENT)
        self.assertEqual(found["plan"]["send"], "udp")

    def test_prober_itself(self):
        """Not even who starts the prober by hand, and may open raw sockets himself."""
        prober = paris.program("paris-prober")
        for whom in (NO_RAW, AMBIENT):
            for name in RAW.values():
                result = paris.run(*whom, sys.executable, "-c", CHANNEL, prober, name,
                                   user=False)
                self.assertNotEqual(result.returncode, 0, result)
                self.assertIn("raw sockets, which root alone has", result.stderr)

    def test_root_of_a_user_namespace(self):
        """Opens those of its own network namespace, and leaves that root too."""
        for options in ((), ("--privilege", "raw"), ("--tag", "ipv4.identification"),
                        ("--privilege", "helper")):
            tool = paris.started_with(["paris-traceroute"])
            result = paris.run(sys.executable, "-c", CONTAINER, *tool, "-n", "--format",
                               "json", *options, "127.0.0.1", user=False)
            self.assertEqual(result.returncode, 0, result)
            self.assertEqual(json.loads(result.stdout)["stop"]["reason"], "reached")

    def test_roots_only_user(self):
        """Root itself, there is no other uid to change to: said before anything else."""
        result = paris.run("unshare", "--user", "--map-root-user", "--net",
                           *paris.started_with(["paris-traceroute"]), "-n", "127.0.0.1",
                           user=False)
        self.assertEqual(result.returncode, 3, result)
        self.assertIn("cannot change to an unprivileged user", result.stderr)
        self.assertEqual(result.stderr.count("\n"), 1, result)

    def test_namespace_without_nobody(self):
        result = paris.run(sys.executable, "-c", CONTAINER.replace("65536", "1000"),
                           *paris.started_with(["paris-traceroute"]), "-n", "127.0.0.1",
                           user=False)
        self.assertEqual(result.returncode, 3, result)
        self.assertIn("this user namespace has no uid 65534", result.stderr)
        self.assertEqual(result.stderr.count("\n"), 1, result)

    def test_root_without_the_capability(self):
        """As in a container that has dropped it."""
        drop = ("setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw")
        for options, word in ((("--privilege", "raw"), "CAP_NET_RAW is missing"),
                              (("--privilege", "helper"), "CAP_NET_RAW is not in")):
            result = paris.run(*ALONE, *drop, *paris.started_with(["paris-traceroute"]), "-n",
                               *options, "127.0.0.1", user=False)
            self.assertEqual(result.returncode, 3, result)
            self.assertIn(word, result.stderr)
        result = paris.run(*ALONE, *drop, *paris.started_with(["paris-traceroute"]), "-n",
                           "127.0.0.1", user=False)
        self.assertEqual(result.returncode, 0, result)


if __name__ == "__main__":
    unittest.main()
