"""Checksums that a device was to finish: routers on the same machine quote them as they
are, partial, which is no trace of address translation."""

import array
import fcntl
import socket
import struct
import unittest

import paris
import routers
from networks import FAMILIES, TARGET, Network
from routers import ETHTOOL_STXCSUM, SIOCETHTOOL
from test_helper import tools

USER = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


@unittest.skipUnless(paris.VARIANT == "release",
                     "the helper of this variant refuses file capabilities")
class Offload(routers.LabTest):
    network = Network("s - a - b - c - t")

    def set_offload(self, on):
        """Has the source leave the checksums of what it sends to its device, or not."""
        def work():
            name = next(name for _, name in socket.if_nameindex() if name != "lo")
            with socket.socket() as control:
                value = array.array("B", struct.pack("II", ETHTOOL_STXCSUM, on))
                request = struct.pack("16sP8x", name.encode(), value.buffer_info()[0])
                fcntl.ioctl(control, SIOCETHTOOL, request)
        self.lab.inside("s", work)

    def trace(self, *arguments):
        tool = [*USER, tools() / "bin/paris-traceroute", "-n", "-w", "5", "--format", "json",
                "--privilege", "helper", *arguments]
        result = self.lab.inside("s", lambda: paris.run(*tool, user=False))
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        found = result.json
        self.assertEqual(found["stop"]["reason"], "reached")
        return [(hop["ttl"], probe) for hop in found["hops"] for probe in hop["probes"]]

    def test_partial_checksums(self):
        for on in (0, 1):
            self.set_offload(on)
            for family in FAMILIES:
                for tag in ("udp.checksum", "udp.payload", "udp.length"):
                    with self.subTest(offload=on, family=family, tag=tag):
                        probes = self.trace("--tag", tag, TARGET[family])
                        self.assertEqual(len(probes), 12)
                        for ttl, probe in probes:
                            # The next link finishes what reaches it.
                            partial = on == 1 and ttl == 1
                            self.assertEqual(probe["status"], "answered")
                            self.assertEqual(probe.get("nat_id"), None if partial else 0)
                            self.assertLessEqual(set(probe.get("flags", ())),
                                                 {"reached", "final"})

    def test_tcp_and_icmp(self):
        """The helper makes these packets whole: nothing is left to the device."""
        self.set_offload(1)
        for family in FAMILIES:
            for _, probe in self.trace("-T", TARGET[family]):
                self.assertEqual(probe.get("nat_id", 0), 0)
                self.assertEqual("nat_id" in probe, probe["reply"] == "time_exceeded")
            self.assertEqual(len(self.trace("-I", TARGET[family])), 12)


if __name__ == "__main__":
    unittest.main()
