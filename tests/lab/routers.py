"""A lab of real routers: a drawn network (networks.py), built of network namespaces and
veth pairs, so that Linux forwards, balances, filters and answers.

    lab = Lab(network).build()                      # it is there, until close()
    lab.trace("-I", networks.TARGET[4]).seen        # as network.truth(ICMP, 4) has it

PathTest is what all networks are tested for: a class with a drawing is a test.
"""

import ctypes
import fcntl
import itertools
import os
import re
import shutil
import socket
import struct
import subprocess
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import paris
from networks import (FAMILIES, ICMP, INSIDE, METHODS, SOURCE_NET, SOURCES,
                      TARGET, source)

# ---- namespaces ----------------------------------------------------------------------

CLONE_NEWNET = 0x40000000
SIOCETHTOOL, ETHTOOL_STXCSUM = 0x8946, 0x17
ETH_P_ALL, PACKET_OUTGOING, SO_RCVBUFFORCE = 3, 4, 33
MLD_ROUTERS = "ff02::16"  # RFC 3810 section 5.2.14
BALANCING = {f"net/ipv{family}/fib_multipath_hash_{name}": value for family in FAMILIES
             for name, value in (("policy", 3), ("fields", 0x37))}

SYSCTLS = {
    # No limit of ICMP errors: neither a destination's, nor all of a namespace's, which
    # before Linux 6.12 is one of all namespaces.
    "net/ipv4/icmp_ratemask": 0, "net/ipv6/icmp/ratemask": "",
    # Answers may come back another way.
    "net/ipv4/conf/all/rp_filter": 0, "net/ipv4/conf/default/rp_filter": 0,
    # Balancing by addresses, protocol and ports. So does policy 1, but that prefers the
    # hash which came with the packet: from a network card; or, on veth, the number that
    # the sender's TCP socket drew by lot: each SYN a flow of its own (Linux 6.18).
    **BALANCING,
    # No link-local addresses, and so none of the packets that come with them.
    "net/ipv6/conf/default/addr_gen_mode": 1,
}
ROUTER_SYSCTLS = {"net/ipv4/ip_forward": 1, "net/ipv6/conf/all/forwarding": 1}
SOURCE_SYSCTLS = {"net/ipv4/ping_group_range": "0 2147483647"}

_libc = ctypes.CDLL(None, use_errno=True)


def in_thread(work):
    """What work() returns. The thread may change its network; no other thread does."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def enter(descriptor):
    """Moves the calling thread, and what it starts, into a network namespace."""
    if _libc.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def new_namespaces(count):
    """Descriptors, which alone hold the namespaces: however this process ends, the
    kernel closes them, and no namespace stays."""
    found = []
    try:
        for _ in range(count):
            if _libc.unshare(CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "unshare")
            found.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY))
    except OSError:
        for descriptor in found:
            os.close(descriptor)
        raise
    return found


def check_possible():
    if os.geteuid() != 0:
        raise unittest.SkipTest("making namespaces for routers takes root")
    if shutil.which("ip") is None:
        raise unittest.SkipTest("there is no ip(8)")
    for name in BALANCING:
        if not Path("/proc/sys", name).exists():
            raise unittest.SkipTest(f"this kernel has no {name} (Linux 5.14)")
    try:
        for descriptor in in_thread(lambda: new_namespaces(1)):
            os.close(descriptor)
    except OSError as error:
        raise unittest.SkipTest(f"no network namespace can be made: {error}") from error


def execute(lines, *words):
    done = subprocess.run(words, input="\n".join(lines) + "\n", text=True, check=False,
                          capture_output=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr}of\n" + "\n".join(lines))


# ---- the lab -------------------------------------------------------------------------

class Trace:
    """One run of paris-traceroute at the source."""

    def __init__(self, network, arguments, result):
        self.arguments = arguments
        self.status, self.errors = result.returncode, result.stderr
        try:
            self.json = result.json
        except ValueError:
            raise AssertionError(f"{arguments}: {result}") from None
        self.seen = network.seen(self.json)


class Lab:
    """A network, built."""

    def __init__(self, network):
        self.network = network
        self.holders = {}

    def build(self):
        nodes = self.network.nodes
        self.holders = dict(zip(nodes, in_thread(lambda: new_namespaces(len(nodes)))))
        for node in nodes:
            self.inside(node, lambda node=node: self._set_sysctls(node))
        self.ip("s", None, self._links())
        for node in nodes:
            self.ip(node, None, ["link set lo up"])
        for family in FAMILIES:
            for node in nodes:
                self.ip(node, family, self._addresses(node, family))
        for node in nodes:
            paris.wait_for(lambda node=node: self._is_up(node), 10, f"{node} is not up")
            for family in FAMILIES:
                self.ip(node, family, self._routes(node, family))
            self._add_rules(node)
            self.inside(node, lambda node=node: self._leave_no_checksum_undone(node))
        return self

    def close(self):
        for descriptor in self.holders.values():
            os.close(descriptor)
        self.holders = {}

    def inside(self, node, work):
        """What work() returns, called in this node."""
        def enter_and_work():
            enter(self.holders[node])
            return work()
        return in_thread(enter_and_work)

    # -- building

    def ip(self, node, family, lines):
        options = [f"-{family}"] if family else []
        self.inside(node, lambda: execute(list(lines), "ip", *options, "-batch", "-"))

    def _set_sysctls(self, node):
        # Alike seeds would make balancers in series choose alike.
        values = dict(SYSCTLS, **{"net/ipv4/fib_multipath_hash_seed":
                                  1000 + 77 * self.network.nodes.index(node)})
        values.update({"s": SOURCE_SYSCTLS, "t": {}}.get(node, ROUTER_SYSCTLS))
        values.update(self.network.behaviours[node].sysctls())
        for name, value in values.items():
            path = Path("/proc/sys", name)
            if path.exists():
                path.write_text(f"{value}\n")

    def _devices(self, node):
        """[(name, the node at its other end, MTU)]"""
        return [(f"{node}-{other}", other, mtu)
                for (left, right), mtu in self.network.links.items()
                for one, other in ((left, right), (right, left)) if one == node]

    def _hardware(self, node, other):
        first, second = (self.network.nodes.index(one) for one in (node, other))
        return f"02:00:00:00:{first:02x}:{second:02x}"

    def _links(self):
        def end(node, other):
            return (f"name {node}-{other} address {self._hardware(node, other)} netns "
                    f"/proc/{os.getpid()}/fd/{self.holders[node]}")
        return [f"link add {end(left, right)} type veth peer {end(right, left)}"
                for left, right in self.network.links]

    def _own(self, node, family):
        """[(device, address)]"""
        own = {"s": [source(family, number) for number in range(1, SOURCES + 1)],
               "t": [(INSIDE if self.network.hides else TARGET)[family]]}
        return [("lo", address) for address in own.get(node, ())] + [
            (device, self.network.address(node, other, family))
            for device, other, _ in self._devices(node)]

    def _addresses(self, node, family):
        for device, _, mtu in self._devices(node):
            yield f"link set {device} mtu {mtu} up"
        for device, address in self._own(node, family):
            length = "" if device == "lo" else "/24" if family == 4 else "/64 nodad"
            yield f"addr add {address}{length} dev {device}"

    def _routes(self, node, family):
        network = self.network
        for device, other, _ in self._devices(node):
            yield (f"neigh replace {network.address(other, node, family)} lladdr "
                   f"{self._hardware(other, node)} nud permanent dev {device}")
        there = [TARGET[family]] + [INSIDE[family]] * network.hides
        near = [network.address(other, node, family) for _, other, _ in
                self._devices(node)]
        back = [SOURCE_NET[family]] + [
            address for one, behaviour in network.behaviours.items() if one != node
            for address in behaviour.sources(network, one, family)
            if address not in near]
        preferred = f"src {source(family)}" if node == "s" else ""
        for prefixes, ways in ((there, network.onward), (back, network.back)):
            hops = [f"nexthop via {network.address(other, node, family)}"
                    for other in ways[node]]
            for prefix in prefixes if hops else ():
                yield f"route add {prefix} {preferred} {' '.join(hops)}"
        yield from network.behaviours[node].commands(network, node, family)

    def _add_rules(self, node):
        rules = self.network.behaviours[node].rules(self.network, node)
        if not rules:
            return
        if shutil.which("nft") is None:
            raise unittest.SkipTest("there is no nft(8)")
        try:
            self.inside(node, lambda: execute([f"table inet lab {{\n{rules}}}"],
                                              "nft", "-f", "-"))
        except RuntimeError as error:
            if re.search("not supported|No such file", str(error)):
                raise unittest.SkipTest(f"this kernel cannot do it: {error}") from error
            raise

    def _leave_no_checksum_undone(self, node):
        """By default veth leaves transport checksums to a network card that is not
        there: quotes would show half of one, and so would captures."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for device, _, _ in self._devices(node):
                value = ctypes.create_string_buffer(
                    struct.pack("II", ETHTOOL_STXCSUM, 0))
                fcntl.ioctl(sock, SIOCETHTOOL, struct.pack(
                    "16sP16x", device.encode(), ctypes.addressof(value)))

    def _is_up(self, node):
        """Before that its links drop what they are given, and its IPv6 addresses can
        neither be used nor reached: the kernel adds their routes a moment later."""
        def show(*words):
            return subprocess.run(["ip", "-o", *words], text=True, check=True,
                                  capture_output=True).stdout

        def look():
            return (show("link"), show("-6", "addr", "show", "scope", "global"),
                    show("-6", "route", "show", "table", "local"))
        links, addresses, routes = self.inside(node, look)
        return "qdisc noop " not in links and all(
            f"local {address} " in routes
            for address in re.findall(r"inet6 ([^/ ]+)", addresses))

    # -- using

    def start(self, *arguments):
        """Starts paris-traceroute at the source, as a user without privilege."""
        return self.inside("s", lambda: self._start(arguments))

    def trace(self, *arguments):
        """Its Trace, when it is done."""
        return Trace(self.network, arguments, self.start(*arguments).finish(60))

    def traces(self, many, width):
        """Those of many runs, so many at once, in the order given."""
        def run(arguments):
            return Trace(self.network, arguments, self._start(arguments).finish(60))
        with ThreadPoolExecutor(width, initializer=enter,
                                initargs=(self.holders["s"],)) as pool:
            return list(pool.map(run, many))

    def _start(self, arguments):
        return paris.start("paris-traceroute", "-n", "-m", self.network.max_hops,
                           "--format", "json", *arguments)

    def listen(self, port):
        """Has the target accept TCP connections; returns the socket."""
        def work():
            return socket.create_server(("::", port), family=socket.AF_INET6,
                                        dualstack_ipv6=True, backlog=1000)
        return self.inside("t", work)


class Capture:
    """What passes one end of a link, from now on, but for what kernels tell each other
    of multicast groups."""

    def __init__(self, lab, node, other):
        self.socket = lab.inside(node, lambda: socket.socket(
            socket.AF_PACKET, socket.SOCK_DGRAM, 0))  # nothing yet
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)
        self.socket.bind((f"{node}-{other}", ETH_P_ALL))
        self.socket.setblocking(False)
        self.arriving, self.leaving = [], []

    def read(self):
        """Sorts what has passed so far into arriving and leaving packets."""
        while True:
            try:
                data, address = self.socket.recvfrom(1 << 16)
            except BlockingIOError:
                break
            own = self.leaving if address[2] == PACKET_OUTGOING else self.arriving
            packet = paris.Packet(data)
            if packet.dst != MLD_ROUTERS:
                own.append(packet)
        return self

    def forget(self):
        self.read()
        self.arriving, self.leaving = [], []

    def close(self):
        self.socket.close()


# ---- what every network is tested for ------------------------------------------------

RUNS = {"release": 20, "valgrind": 2}.get(paris.VARIANT, 4)
AGAIN = max(1, RUNS // 4)  # flows that are traced a second time
AT_ONCE = 4
WAITING_AT_ONCE = 4 if paris.WRAP else 100  # valgrind does not only wait


class LabTest(unittest.TestCase):
    """Tests in one network."""

    network = None

    @classmethod
    def setUpClass(cls):
        check_possible()
        cls.lab = Lab(cls.network)
        cls.addClassCleanup(cls.lab.close)
        cls.lab.build()

    def _formatMessage(self, msg, standardMsg):
        return super()._formatMessage(msg, f"in\n{self.network.picture}\n{standardMsg}")


class PathTest(LabTest):
    """Twenty runs of twenty find one real and complete path, whatever is asked how."""

    methods, families = METHODS, FAMILIES
    options = ()  # of the command
    length, dont_fragment = 60, False
    # Some answers never come: many traces can wait for them together.
    waits = False
    # Over IPv4 Linux limits some ICMP errors for each destination, and that for good.
    own_sources = False

    def arguments(self, method, family, number):
        """Those of flow `number`: kernels hash neither id nor checksum of an echo, so
        that such a flow is one of addresses."""
        words = [*method.arguments, *self.options, "--flow-id", number]
        if method is ICMP or self.own_sources:
            first = 1 + RUNS * ("udp", "icmp", "tcp").index(method.protocol)
            words += ["-s", source(family, first + number)]
        words += ["-w", min(paris.SLOWNESS, 3) if self.waits else 5]
        if self.waits and method.protocol == "tcp":
            words += ["-q", 1]  # one after the other, each close to a second
        length = [] if self.length == PathTest.length else [self.length]
        return words + ["-F"] * self.dont_fragment + [TARGET[family]] + length

    def trace_all(self, numbers):
        """{(method, family): traces} of flows with these numbers."""
        kinds = list(itertools.product(self.methods, self.families))
        traces = self.lab.traces(
            [self.arguments(*kind, number) for kind in kinds for number in numbers],
            WAITING_AT_ONCE if self.waits else AT_ONCE)
        return {kind: traces[at * len(numbers):(at + 1) * len(numbers)]
                for at, kind in enumerate(kinds)}

    def test_every_trace_is_one_real_path(self):
        first = self.trace_all(range(RUNS))
        balanced = len(self.network.walks()) > 1
        again = self.trace_all(range(AGAIN)) if balanced else {}
        for (method, family), traces in first.items():
            with self.subTest(protocol=method.protocol, family=family):
                truth = self.network.truth(method, family, self.length,
                                           self.dont_fragment)
                for trace in traces + again.get((method, family), []):
                    self.check(trace, truth)
                for one, other in zip(traces, again.get((method, family), [])):
                    self.assertEqual(one.seen, other.seen, one.arguments)
                if balanced and RUNS == 20:  # fewer flows may well be alike
                    self.check_spread({trace.seen for trace in traces}, method, family)

    def check(self, trace, truth):
        self.assertIn(trace.seen, truth, trace.arguments)
        reached = trace.seen.endswith(": reached")
        self.assertEqual((trace.status, trace.errors), (0 if reached else 1, ""))

    def check_spread(self, seen, method, family):
        """That there are balancers at all: different flows went different ways."""
        self.assertGreater(len(seen), 1, (method, family))
