"""Addresses that are one's only with their interface: fe80::1%eth0."""

import os
import socket
import unittest

import paris
from networks import Network
from routers import LabTest
from test_helper import tools

USER = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


class LinkLocal(LabTest):
    network = Network("s - t")

    def add_address(self, node, address):
        """Gives its interface the address; returns the interface's name."""
        name = self.lab.inside(node, lambda: next(
            name for _, name in socket.if_nameindex() if name != "lo"))
        self.lab.ip(node, 6, [f"addr add {address}/64 dev {name} nodad"])
        return name

    def test_every_way(self):
        """Errors quote the destination without the interface: it is the one they come by."""
        self.add_address("t", "fe80::2")
        target = f"fe80::2%{self.add_address('s', 'fe80::1')}"
        ways = [((*USER, *paris.started_with(["paris-traceroute"])), "none")]
        if os.geteuid() == 0:
            ways.append((paris.started_with(["paris-traceroute"]), "raw"))
            if paris.VARIANT == "release":
                ways.append(((*USER, tools() / "bin/paris-traceroute"), "helper"))
        for tool, privilege in ways:
            for method in ((), ("-I",), ("-T",), ("--tag", "udp.length")):
                if privilege == "none" and "--tag" in method:
                    continue
                with self.subTest(privilege=privilege, method=method):
                    result = self.lab.inside("s", lambda t=tool, p=privilege, m=method:
                                             paris.run(*t, "-n", "-w", "5", "-m", "3",
                                                       "--privilege", p, "--format", "json",
                                                       *m, target, user=False))
                    self.assertEqual((result.returncode, result.stderr), (0, ""), result)
                    probes = [probe for hop in result.json["hops"] for probe in hop["probes"]]
                    self.assertEqual([probe["status"] for probe in probes],
                                     ["answered"] * 3, result)
                    self.assertEqual({probe["from"] for probe in probes},
                                     {result.json["target"]}, result)


if __name__ == "__main__":
    unittest.main()
