"""Traces through real routers: Linux forwards, balances and answers, each router in a
network namespace of its own.

    source - a = b1,b2 = c = d1..d4 = e - target

`a` and `c` balance by a hash of addresses and ports (fib_multipath_hash_policy 1).
"""

import os
import shutil
import subprocess
import unittest
from pathlib import Path

import paris

RUNS = 20
LAYERS = (("s",), ("a",), ("b1", "b2"), ("c",), ("d1", "d2", "d3", "d4"), ("e",), ("t",))
TARGET = {4: "198.51.100.9", 6: "2001:db8:ffff::9"}
SOURCE = {4: "192.0.2.2", 6: "2001:db8:aaaa::2"}
SYSCTLS = {
    "net/ipv4/ip_forward": 1, "net/ipv6/conf/all/forwarding": 1,
    "net/ipv4/icmp_ratelimit": 0, "net/ipv4/icmp_msgs_per_sec": 1000000,
    "net/ipv4/icmp_msgs_burst": 1000000,
    "net/ipv4/icmp_msgs_burst": 100000,
    "net/ipv6/icmp/ratelimit": 0, "net/ipv4/conf/all/rp_filter": 0,
    "net/ipv4/conf/default/rp_filter": 0, "net/ipv4/fib_multipath_hash_policy": 1,
    "net/ipv6/fib_multipath_hash_policy": 1,
}


def command(*words, check=True):
    return subprocess.run([str(word) for word in words], check=check, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True)


class Lab:
    """Namespaces held by a process each, so that nothing stays when they end."""

    def __init__(self):
        self.holders = {}
        self.links = set()
        self.addresses = {}  # of each node: its addresses
        self.count = 0

    def add(self, name):
        holder = subprocess.Popen(["unshare", "--net", "sleep", "600"],
                                  stdin=subprocess.DEVNULL)
        self.holders[name] = holder
        ours = os.readlink("/proc/self/ns/net")
        paris.wait_for(lambda: os.readlink(f"/proc/{holder.pid}/ns/net") != ours
                       and Path(f"/proc/{holder.pid}/comm").read_text() == "sleep\n",
                       10, "no namespace")
        self.addresses[name] = set()
        self.ip(name, "link", "set", "lo", "up")

    def enter(self, name):
        return ["nsenter", f"--net=/proc/{self.holders[name].pid}/ns/net", "--"]

    def ip(self, name, *words):
        command(*self.enter(name), "ip", *words)

    def sysctl(self, name, values):
        script = "; ".join(f'if [ -e /proc/sys/{key} ]; then echo "{value}" '
                           f">/proc/sys/{key}; fi" for key, value in values.items())
        command(*self.enter(name), "sh", "-c", script)

    def connect(self, left, right):
        """A veth pair with addresses of both families and permanent neighbours."""
        self.count += 1
        number = self.count
        names = {left: f"{left}-{right}", right: f"{right}-{left}"}
        self.ip(left, "link", "add", names[left], "type", "veth", "peer", "name",
                names[right], "netns", self.holders[right].pid)
        self.links.add((left, right))
        macs = {left: f"02:00:00:00:{number:02x}:01", right: f"02:00:00:00:{number:02x}:02"}
        inside = {left: (f"10.{number}.0.1", f"2001:db8:{number:x}::1"),
                  right: (f"10.{number}.0.2", f"2001:db8:{number:x}::2")}
        for one, other in ((left, right), (right, left)):
            device = names[one]
            self.ip(one, "link", "set", device, "address", macs[one], "up")
            for address, length in zip(inside[one], (24, 64)):
                self.ip(one, "addr", "add", f"{address}/{length}", "dev", device,
                        *(("nodad",) if ":" in address else ()))
                self.addresses[one].add(address)
            if shutil.which("ethtool"):
                command(*self.enter(one), "ethtool", "-K", device, "tx", "off",
                        check=False)
        for one, other in ((left, right), (right, left)):
            for address in inside[other]:
                self.ip(one, "neigh", "replace", address, "lladdr", macs[other], "nud",
                        "permanent", "dev", names[one])
        return inside

    def route(self, name, prefix, hops):
        words = [part for hop in hops for part in ("nexthop", "via", hop)]
        if name == "s":
            words = ["src", SOURCE[6 if ":" in prefix else 4]] + words
        family = ("-6",) if ":" in prefix else ()
        self.ip(name, *family, "route", "add", prefix, *words)

    def build(self):
        for layer in LAYERS:
            for name in layer:
                self.add(name)
        for number, name in enumerate(self.holders):
            # Alike seeds would make balancers in series choose alike.
            self.sysctl(name, {**SYSCTLS,
                               "net/ipv4/fib_multipath_hash_seed": 1000 + 77 * number})
        ways = {}
        for before, after in zip(LAYERS, LAYERS[1:]):
            for left in before:
                for right in after:
                    ways[left, right] = self.connect(left, right)
        for node, addresses in (("t", TARGET), ("s", SOURCE)):
            for address, length in ((addresses[4], 32), (addresses[6], 128)):
                self.ip(node, "addr", "add", f"{address}/{length}", "dev", "lo",
                        *(("nodad",) if length == 128 else ()))
                self.addresses[node].add(address)
        for at, layer in enumerate(LAYERS):
            for name in layer:
                for family in (0, 1):
                    if at + 1 < len(LAYERS):
                        self.route(name, list(TARGET.values())[family], [
                            ways[name, after][after][family] for after in LAYERS[at + 1]])
                    if at > 0:
                        self.route(name, list(SOURCE.values())[family], [
                            ways[before, name][before][family]
                            for before in LAYERS[at - 1]])
        self.sysctl("s", {"net/ipv4/ping_group_range": "0 2147483647"})
        for name in self.holders:  # before that a link drops what it is given
            paris.wait_for(lambda name=name: "qdisc noop " not in command(
                *self.enter(name), "ip", "-o", "link").stdout, 10, "a link is not up")
            for address in self.addresses[name]:  # and IPv6 what is sent there
                paris.wait_for(lambda name=name, address=address: command(
                    *self.enter(name), "ip", "route", "get", address).stdout.startswith(
                        "local "), 10, f"{address} is not up")
        return self

    def run(self, *words):
        """A command at the source, as a user without privilege."""
        return paris.run(*self.enter("s"), *paris.SETPRIV,
                         *paris.started_with(words), user=False)

    def close(self):
        for holder in self.holders.values():
            holder.terminate()
            holder.wait()


def check_possible():
    if os.geteuid() != 0:
        raise unittest.SkipTest("making namespaces for routers takes root")
    for name in ("ip", "nsenter", "unshare"):
        if shutil.which(name) is None:
            raise unittest.SkipTest(f"there is no {name}")
    if command("unshare", "--net", "true", check=False).returncode != 0:
        raise unittest.SkipTest("this root may not make network namespaces")


class KernelRouters(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        check_possible()
        cls.lab = Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.lab.build()

    def path(self, trace):
        """The nodes of a trace; each hop must be one node, answering every query."""
        nodes = []
        for hop in trace["hops"]:
            found = {probe.get("from") for probe in hop["probes"]}
            self.assertEqual(len(found), 1, trace["hops"])
            address = found.pop()
            names = [name for name, own in self.lab.addresses.items() if address in own]
            self.assertEqual(len(names), 1, (address, trace["hops"]))
            nodes += names
        return nodes

    def check(self, *arguments, flows=None):
        """Twenty of twenty runs find one real and complete path."""
        seen = set()
        for number in range(RUNS):
            flow = () if flows is None else ("--flow-id", flows(number))
            # Kernels whose limit of all ICMP errors is not a namespace's own let the
            # target answer only so many probes that went too far.
            result = self.lab.run("paris-traceroute", "-n", "-m", "8", "--format", "json",
                                  *flow, *arguments)
            self.assertEqual((result.returncode, result.stderr), (0, ""), result)
            nodes = ["s"] + self.path(result.json)
            self.assertEqual(len(nodes), len(LAYERS))
            self.assertEqual(nodes[-1], "t")
            self.assertLessEqual(set(zip(nodes, nodes[1:])), self.lab.links)
            seen.add(tuple(nodes))
        return seen

    def test_udp(self):
        for target in TARGET.values():
            self.check(target)

    def test_icmp(self):
        for target in TARGET.values():
            self.check("-I", target)

    def test_flows_take_different_paths(self):
        """That the routers do balance: of twenty flows all on one way is 2^-19."""
        for target in TARGET.values():
            seen = self.check("-q", "2", target, flows=lambda number: number)
            self.assertEqual({path[2] for path in seen}, {"b1", "b2"})
            self.assertGreaterEqual(len({path[4] for path in seen}), 2)

    def test_one_flow_one_path(self):
        for target in TARGET.values():
            self.assertEqual(len(self.check(target, flows=lambda number: 3)), 1)


if __name__ == "__main__":
    unittest.main()
