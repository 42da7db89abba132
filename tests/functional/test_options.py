"""Options of traceroute(8) beyond those that every trace uses, on simulated networks."""

import re
import shutil
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import hostile  # noqa: E402
import paris  # noqa: E402
import test_same_text  # noqa: E402

V4, V6 = "198.51.100.9", "2001:db8:ffff::9"


def masked(result):
    return re.sub(r"[0-9]+\.[0-9]{3} ms", "TIME", result.stdout)


class Interfaces(unittest.TestCase):
    """extensions.topo, with -e."""

    ALL = ('MPLS:L=17,E=0,S=0,T=1/L=18,E=5,S=1,T=3;'
           'INC:4,10.3.255.1,"ge-0/0/0.0",mtu=9000;SUB:"ge-0/0/0";OUT:2001:db8:3:ff::1;')
    EXPECTED = {  # by hop: over IPv4, over IPv6
        1: ('INC:2,"eth0"',) * 2,
        2: ("OUT:3,10.2.255.1,mtu=1500", "OUT:3,2001:db8:2:ff::1,mtu=1500"),
        3: (ALL + "NXT:10.3.254.1", ALL + "NXT:2001:db8:3:fe::1"),
        4: ("MPLS:L=16001,E=0,S=1,T=1;200/7:c0ffee00;201/0:",) * 2,
    }

    def test_text(self):
        for family, target in enumerate((V4, V6)):
            for method in ((), ("-I",), ("-T",)):
                result = paris.fakeroute("extensions.topo", "paris-traceroute", "-n", "-e",
                                         "-q", "2", "-m", "4", *method, target)
                found = re.findall(r"(?m)^ (\d)  \S+ <(.*)>  TIME  TIME$", masked(result))
                self.assertEqual(found, [(str(ttl), texts[family])
                                         for ttl, texts in self.EXPECTED.items()], result)

    def test_json(self):
        for target, address in ((V4, "10.2.255.1"), (V6, "2001:db8:2:ff::1")):
            trace = paris.fakeroute("extensions.topo", "paris-traceroute", "-n", "-m", "4",
                                    "--format", "json", target).json
            shown = [[entry.get("interface") for entry in probe["extensions"]]
                     for hop in trace["hops"] for probe in hop["probes"][:1]]
            self.assertEqual(shown[:2], [
                [{"role": "incoming", "index": 2, "name": "eth0"}],
                [{"role": "outgoing", "index": 3, "address": address, "mtu": 1500}]])
            self.assertEqual([entry and entry["role"] for entry in shown[2]],
                             [None, "incoming", "sub_ip", "outgoing", "next_hop"])
            self.assertEqual(shown[3], [None] * 3)


class Replies(unittest.TestCase):
    """What is printed of the reply's own TTL."""

    # As they arrive over hops of the simulator, all of which take one off.
    TOPOLOGY = """
        defaults rtt=1ms
        router a 10.0.1.1 2001:db8:1::1 reply-ttl=64
        router b 10.0.2.1 2001:db8:2::1 reply-ttl=255
        router c 10.0.3.1 2001:db8:3::1 reply-ttl=61
        target t 198.51.100.9 2001:db8:ffff::9 reply-ttl=128
        link host a b c t
    """

    def lines(self, *words):
        result = paris.fakeroute(self.TOPOLOGY, "paris-traceroute", "-n", "-q", "2", *words)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return masked(result).splitlines()[1:]

    def test_back(self):
        for method in ((), ("-I",)):
            for target, routers in ((V4, "10.0.{}.1"), (V6, "2001:db8:{}::1")):
                a, b, c = map(routers.format, (1, 2, 3))
                self.assertEqual(self.lines("--back", *method, target), [
                    f" 1  {a}  TIME  TIME", f" 2  {b}  TIME  TIME",
                    f" 3  {c} '-6'  TIME  TIME", f" 4  {target}  TIME  TIME"])

    def test_print_ttl(self):
        for method in ((), ("-I",)):
            self.assertEqual(self.lines("--print-ttl", *method, V4), [
                f" {hop}  {address}  TIME [ttl={ttl}]  TIME [ttl={ttl}]"
                for hop, (address, ttl) in enumerate((
                    ("10.0.1.1", 64), ("10.0.2.1", 254), ("10.0.3.1", 59), (V4, 125)), 1)])


class PathMtu(unittest.TestCase):
    """--mtu"""

    TOPOLOGY = """
        defaults rtt=1ms
        router a 10.0.1.1 2001:db8:1::1 {a}
        router b 10.0.2.1 2001:db8:2::1 mtu=1400 {b}
        router c 10.0.3.1 2001:db8:3::1 mtu=1300 {c}
        target t 198.51.100.9 2001:db8:ffff::9
        link host a b c t
    """
    METHODS = ("", "-I", "-UL", "-a traceroute")

    def topology(self, a="", b="", c=""):
        return self.TOPOLOGY.format(a=a, b=b, c=c)

    def lines(self, topology, *words, status=0):
        result = paris.fakeroute(topology, "paris-traceroute", "-n", "--mtu", "-q", "2",
                                 *words)
        self.assertEqual((result.returncode, result.stderr), (status, ""), result)
        return masked(result).splitlines()

    def test_every_method(self):
        for method in self.METHODS:
            for target, routers in ((V4, "10.0.{}.1"), (V6, "2001:db8:{}::1")):
                a, b, c = map(routers.format, (1, 2, 3))
                for length, first in ((65000, " F=1500"), (1499, ""))[:2 - bool(method)]:
                    self.assertEqual(
                        self.lines(self.topology(), *method.split(), target, str(length)), [
                            f"traceroute to {target} ({target}), 30 hops max, {length} byte "
                            "packets", f" 1  {a}  TIME{first}  TIME", f" 2  {b}  TIME  TIME",
                            f" 3  {c}  TIME F=1400  TIME",
                            f" 4  {target}  TIME F=1300  TIME"])

    def test_short_quotes(self):
        """Where nothing but the address tells whose reply it is."""
        short = self.topology(*["quote=28"] * 3)
        self.assertEqual(self.lines(short, V4)[1:], [
            " 1  10.0.1.1  TIME F=1500  TIME", " 2  10.0.2.1  TIME  TIME",
            " 3  10.0.3.1  TIME F=1400  TIME", f" 4  {V4}  TIME F=1300  TIME"])

    def test_silent_behind_the_link(self):
        result = paris.fakeroute(self.topology(c="silent"), "paris-traceroute", "-n",
                                 "--mtu", "-q", "2", "-m", "3", "-w", str(paris.SLOWNESS), V4)
        self.assertEqual(result.returncode, 1, result)
        self.assertEqual(masked(result).splitlines()[3:], [" 3  * F=1400 *"])

    def test_lengths_on_the_wire(self):
        """Each is what was told to fit, and nothing is asked twice but what was not."""
        result = paris.fakeroute(self.topology(), "paris-traceroute", "-n", "--mtu", "-q",
                                 "2", "--format", "json", V4)
        found = result.json
        sent = [packet for packet in result.packets() if packet.dst == V4]
        self.assertEqual([packet.length for packet in sent], [1500] * 5 + [1400] * 3 + [
            1300, 1300])
        self.assertEqual([(hop["ttl"], probe.get("path_mtu")) for hop in found["hops"]
                          for probe in hop["probes"]],
                         [(1, 1500), (1, None), (2, None), (2, None), (3, 1400), (3, None),
                          (4, 1300), (4, None)])
        self.assertEqual(found["counters"]["sent"], 10)
        self.assertEqual(found["counters"]["asked_again"], 0)
        self.assertEqual(found["stop"], {"reason": "reached", "ttl": 4})
        self.assertEqual(found["options"]["mtu_discovery"], True)

    def test_wrong_together(self):
        for words, part in (("--mtu -T", "leave -T out"), ("--mtu -a mda", "trace one path"),
                            ("--mtu -a scout", "choose another -a"),
                            ("--back -a mda", "trace one path"),
                            ("--print-ttl -a mda", "trace one path")):
            result = paris.run("paris-traceroute", *words.split(), "127.0.0.1")
            self.assertEqual((result.returncode, result.stdout), (2, ""))
            self.assertIn(part, result.stderr)


class Attached(unittest.TestCase):
    """-r"""

    # A network without a router, and others behind one.
    SHELL = """
        ip link set lo up
        ip link add near type veth peer name far
        ip link set near up; ip link set far up
        ip addr add 192.0.2.1/24 dev near
        ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev near
        ip route add default via 192.0.2.2
        exec "$@"
    """

    def run_inside(self, *words):
        return paris.run("unshare", "-rn", "sh", "-c", self.SHELL, "sh",
                         *paris.started_with(["paris-traceroute"]), "-n", "-m", "1", "-q",
                         "1", "-w", "0.1", *words)

    @unittest.skipUnless(shutil.which("ip"), "there is no ip(8)")
    def test_attached_or_not(self):
        hostile.check_possible()
        for method in ((), ("-T",)):
            near = self.run_inside("-r", *method, "192.0.2.2")
            self.assertEqual((near.returncode, masked(near).splitlines()[1:]),
                             (1, [" 1  *"]), near)
            far = self.run_inside("-r", *method, "198.51.100.9")
            self.assertEqual((far.returncode, far.stdout), (3, ""))
            self.assertIn("198.51.100.9: Network is unreachable; it is on no attached "
                          "network: leave -r out\n", far.stderr)
            self.assertEqual(self.run_inside(*method, "198.51.100.9").returncode, 1)

        told = self.run_inside("-r", "--format", "json", "192.0.2.2").json
        self.assertIs(told["options"]["dont_route"], True)

    def test_not_by_the_helper(self):
        result = paris.run("paris-traceroute", "--privilege", "helper", "-r", "127.0.0.1")
        self.assertEqual((result.returncode, result.stdout), (3, ""))
        self.assertIn("paris-privsep sends by the routing table, against -r",
                      result.stderr)


class Names(unittest.TestCase):
    """What the program does by the name that it is called by, and options by theirs."""

    def test_called(self):
        """What is planned, as options and as names say it."""
        for name, options in (("traceroute", ""), ("traceroute.db", ""), ("tracert", "-I"),
                              ("traceroute6", "-6"), ("tracert4", "-4 -I"),
                              ("tcptraceroute", "-T"), ("tcptraceroute6", "-6 -T"),
                              ("tcptraceroute.db", "-T")):
            theirs, ours = (paris.fakeroute("line.topo", *command) for command in (
                test_same_text.started_as(name, "--explain"),
                ("paris-traceroute", "--explain", *options.split())))
            self.assertEqual((theirs.returncode, theirs.stdout), (0, ours.stdout), name)
        for name in ("tracert", "tcptraceroute6", "traceroute4"):
            result = paris.run(*test_same_text.started_as(name))
            self.assertEqual((result.returncode, result.stdout[:6]), (0, "Usage:"))

    def test_module_names(self):
        def plan(*words):
            return paris.run("paris-traceroute", "--explain", *words, "127.0.0.1").stdout
        for module, option in (("default", "-n"), ("udp", "-U"), ("udplite", "-UL"),
                               ("tcp", "-T"), ("tcpconn", "-T"), ("icmp", "-I")):
            self.assertEqual(plan("-M", module), plan(option))
            self.assertEqual(plan(f"--module={module}"), plan(option))


if __name__ == "__main__":
    unittest.main()
