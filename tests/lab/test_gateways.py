"""Source routes (-g) over real routers: where they forward them, and where they do not;
and probes of protocols that the target does not have (-P, -D)."""

import os
import unittest

import paris
import routers
from networks import FAMILIES, TARGET, Behaviour, Network, source

LSRR = 131
ROUTING = 43


class Heeds(Behaviour):
    """Forwards source routes, and answers along them (RFC 1122 section 3.2.1.8)."""

    def __init__(self, gateway=None, side=None, over=None):
        self.gateway, self.side, self.over = gateway, side, over

    def sysctls(self):
        return {f"net/ipv4/conf/{name}/accept_source_route": 1
                for name in ("all", "default")}

    def commands(self, network, node, family):
        """A way to an address of the gateway, which is on the side of another node."""
        if self.gateway:
            preferred = f"src {source(family)}" if node == "s" else ""
            yield (f"route add {network.address(self.gateway, self.side, family)} via "
                   f"{network.address(self.over, node, family)} {preferred}")


@unittest.skipUnless(os.geteuid() == 0, "only root sends such packets")
class Gateways(routers.LabTest):
    """Two ways, between which a balances."""

    network = Network("""
        s - a - b1 - c - t
            a - b2 - c
    """, s=Heeds("b2", "a", "a"), a=Heeds(), b1=Heeds(), b2=Heeds(), c=Heeds(),
        t=Heeds("b2", "c", "c"))

    def trace(self, *arguments, status=0):
        result = self.lab.inside("s", lambda: paris.run(
            *paris.started_with(["paris-traceroute"]), "-n", "-w", "5", "--format",
            "json", *arguments, user=False))
        self.assertEqual(result.returncode, status, result)
        return result.json

    def owners(self, found):
        return [[self.network.owner(probe["from"])[0] for probe in hop["probes"]
                 if probe["status"] == "answered"] for hop in found["hops"]]

    def test_way(self):
        """Every flow goes over the gateway, whatever the balancer would do with it."""
        gateway = self.network.address("b2", "a", 4)
        for method in ((), ("-I",), ("-T",), ("-P", "253")):
            for flow in ((), ("--sport", "24077")) if method not in (
                    ("-I",), ("-P", "253")) else ((),):
                capture = routers.Capture(self.lab, "a", "s")
                found = self.trace("-g", gateway, *method, *flow, TARGET[4])
                self.assertEqual(found["stop"]["reason"], "reached")
                self.assertEqual(self.owners(found), [[node] * 3 for node in
                                                      ("a", "b2", "c", "t")])
                self.assertTrue(found["plan"]["send"].endswith("-raw"))
                self.assertEqual(found["options"]["gateways"], [gateway])
                self.assertEqual(found["options"].get("ip_protocol"),
                                 253 if "-P" in method else None)
                for ttl, probe in paris.answers(found):
                    self.assertLessEqual(set(probe.get("flags", ())), {"reached", "final"})
                    self.assertEqual(probe.get("nat_id", 0), 0)
                sent = [packet for packet in capture.read().arriving
                        if packet.dst == gateway]
                capture.close()
                self.assertEqual(len(sent), found["counters"]["sent"])
                for packet in sent:
                    self.assertEqual(packet.raw[20:24], bytes((1, LSRR, 7, 4)))
                    self.assertEqual(paris.internet_checksum(packet.raw[:28]), 0)

    def test_refused_by_a_router(self):
        """IPv6 routers take no routing header any more (RFC 5095): told by whom."""
        for given in (("-g",), ("-g", "0,")):
            gateway = self.network.address("b2", "a", 6)
            capture = routers.Capture(self.lab, "a", "s")
            found = self.trace("-g", "".join(given[1:]) + gateway, "-q1", "-w1", "-m3",
                               TARGET[6], status=1)
            sent = [packet for packet in capture.read().arriving if packet.dst == gateway]
            capture.close()
            self.assertEqual(self.owners(found)[0], ["a"])
            self.assertEqual(len(sent), found["counters"]["sent"])
            for packet in sent:
                self.assertEqual(packet.raw[6], ROUTING)
                # Next header, length, type, segments left.
                self.assertEqual(packet.raw[40:44], bytes((17, 2, 0 if given[1:] else 2, 1)))
                self.assertEqual(packet.raw[24 + 16 + 8:40 + 24], packet_address(TARGET[6]))

    def test_protocols(self):
        """The target's kernel says that it has no such protocol: it was reached."""
        for family in FAMILIES:
            for given in (("-P", "253"), ("-P", "gre"), ("-M", "raw"), ("-D",)):
                found = self.trace(*given, TARGET[family])
                self.assertEqual(found["stop"]["reason"], "reached")
                owners = self.owners(found)
                self.assertEqual([owners[0], owners[2], owners[3]],
                                 [[node] * 3 for node in ("a", "c", "t")])
                last = found["hops"][-1]["probes"][0]
                self.assertEqual((last["icmp_type"], last["icmp_code"]),
                                 (3, 2) if family == 4 else (4, 1))


def packet_address(text):
    import ipaddress
    return ipaddress.ip_address(text).packed


if __name__ == "__main__":
    unittest.main()
