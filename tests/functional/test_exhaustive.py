"""The text of -a exhaustive, read by a reader that knows the first Paris traceroute's form
only, against what the simulated network says of every packet."""

import re
import unittest

import paris
from multipath import SERIES

V4, V6 = "198.51.100.9", "2001:db8:ffff::9"
# One balancer in a thousand million may be left incomplete, if all its ways are alike.
SURE = "99.9999999"
HEADER = re.compile(r"traceroute \[\((\S+):(\d+)\) -> \((\S+):(\d+)\)\], "
                    r"protocol (\w+), algo exhaustive, duration (\d+) s")
HOP = re.compile(r"([ \d]\d)  P\((\d+), (\d+)\)(.*)")
# A bare IPv6 address has no flows behind it.
INTERFACE = re.compile(r" (\[\S+?\]|[\da-f]*:[\da-f:]*:[\da-f]*|[^\s:]+)"
                       r"(?: \((\S+?)\))?(?::([\d,]+))?( [=<])?"
                       r"  ([\d.]+)/([\d.]+)/([\d.]+)/([\d.]+) ms (!\S+ )*")


class Interface:
    def __init__(self, match):
        name, address, flows, mark, *times = match.groups()[:8]
        self.name, self.address = name, (address or name).strip("[]")
        self.flows = [int(flow) for flow in flows.split(",")] if flows else None
        self.mark = mark and mark.strip()
        self.least, self.mean, self.most, self.deviation = map(float, times)


class Text:
    """One run: what was read, {ttl: [Interface]}, and the truth."""

    def __init__(self, topology, *arguments, program="paris-traceroute", status=0):
        self.result = paris.undisturbed(topology, program, "-a", "exhaustive", "-w", "5",
                                        *arguments, options=("--report-probes",))
        if self.result.returncode != status:
            raise AssertionError(f"expected exit status {status}, got {self.result}")
        header, *lines = self.result.stdout.splitlines()
        self.header = HEADER.fullmatch(header).groups()
        self.hops, self.counts, self.labels = {}, {}, {}
        for line in lines:
            if line.startswith("   MPLS Label "):
                self.labels[max(self.hops)] = line.removeprefix("   MPLS Label ")
                continue
            ttl, answered, asked, rest = HOP.fullmatch(line).groups()
            self.hops[int(ttl)] = [Interface(match) for match in
                                   INTERFACE.finditer(rest)]
            if "".join(match[0] for match in INTERFACE.finditer(rest)) != rest:
                raise AssertionError(line)
            self.counts[int(ttl)] = (int(answered), int(asked))

    def met(self):
        """{ttl: {flow: addresses}}, by the source ports of the packets."""
        names = {node["name"]: [one.partition("/")[0] for one in node["addresses"]]
                 for node in self.result.report["nodes"]}
        first = int(self.header[1])
        found = {}
        for probe in self.result.report["probes"]:
            found.setdefault(probe["ttl"], {})[probe["src_port"] - first] = \
                names[probe["node"]]
        return found


class Exhaustive(unittest.TestCase):
    def check(self, text, marks):
        """Every hop, interface and flow is what the network did; marks: {ttl: mark}."""
        met = text.met()
        self.assertEqual(list(text.hops), list(range(1, len(text.hops) + 1)))
        for ttl, interfaces in text.hops.items():
            for interface in interfaces:
                self.assertLessEqual(interface.least, interface.mean)
                self.assertLessEqual(interface.mean, interface.most)
                self.assertLessEqual(interface.deviation, interface.most)
                self.assertEqual(interface.flows is not None, len(interfaces) > 1)
                self.assertEqual(interface.mark, marks.get(ttl))
                for flow in interface.flows or ():
                    self.assertIn(interface.address, met[ttl][flow])
            self.assertEqual(len({one.address for one in interfaces}), len(interfaces))
            flows = [flow for one in interfaces for flow in one.flows or ()]
            self.assertEqual(len(set(flows)), len(flows))
            if len(interfaces) > 1:
                self.assertEqual(text.counts[ttl], (len(flows), len(flows)))
            self.assertLessEqual(*text.counts[ttl])

    def test_per_flow(self):
        for target, source in ((V4, "192.0.2.2"), (V6, "2001:db8::2")):
            text = Text(SERIES, "-n", "-B", SURE, target)
            self.assertEqual(text.header[0::2][:3], (source, target, "udp"))
            self.assertEqual(text.header[3], "33434")
            self.check(text, {1: "=", 3: "=", 5: "="})
            self.assertEqual([len(hop) for hop in text.hops.values()],
                             [1, 2, 1, 4, 1, 3, 1, 1])
            self.assertEqual(text.hops[8][0].address, target)
            self.assertEqual(text.result.stderr, "")

    def test_per_packet(self):
        text = Text("per-packet.topo", "-n", "-B", SURE, V4, status=1)
        self.assertEqual(text.hops[1][0].mark, "<")
        self.assertEqual(len(text.hops[2]), 3)
        self.assertIn("did not stay on their paths", text.result.stderr)

    def test_icmp_has_no_ports(self):
        text = Text("line.topo", "-n", "-I", V4)
        self.assertEqual(text.header[:5], ("192.0.2.2", "0", V4, "0", "icmp"))

    def test_labels(self):
        text = Text("mpls.topo", "-n", V4, program="mda")
        self.assertEqual(text.labels, {2: "16001 TTL=1", 3: "16002 TTL=1 | 17",
                                       4: "299776 TTL=7", 5: "16003 TTL=1"})

    def test_names(self):
        """Without a resolver that knows, each address stands for its name."""
        text = Text("line.topo", "--resolver", "127.0.0.1:9", V4)
        for hop in text.hops.values():
            self.assertEqual([one.name for one in hop], [one.address for one in hop])
            self.assertIn(f"{hop[0].name} ({hop[0].address})", text.result.stdout)

    def test_silence(self):
        text = Text("silent-tail.topo", "-n", "-w", "0.5", V4, status=1)
        answered, asked = text.counts[4]
        self.assertEqual(answered, 0)
        self.assertGreater(asked, 0)
        self.assertEqual(text.hops[4], [])
        self.assertEqual(text.result.stderr,
                         f"paris-traceroute: {V4} was not reached; 5 hops in a row did "
                         "not answer (--gap-limit)\n")

    def test_several_hosts(self):
        result = paris.fakeroute("line.topo", "mda", "-n", "-w", "5", "-a", "exhaustive", V4,
                                 V6)
        headers = [line for line in result.stdout.splitlines() if HEADER.fullmatch(line)]
        self.assertEqual(len(headers), 2, result)
        self.assertEqual(len(result.stdout.splitlines()), 2 * 16)


if __name__ == "__main__":
    unittest.main()
