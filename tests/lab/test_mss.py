"""A router that lowers the MSS of connections: where it does is found, and shown once."""

import os
import unittest

import paris
import routers
from networks import FAMILIES, TARGET, Behaviour, Network, chain


class Clamps(Behaviour):
    """Lowers the MSS of what it forwards."""

    def __init__(self, size):
        self.size = size

    def rules(self, network, node):
        return chain("filter hook forward priority 0",
                     f"tcp flags syn tcp option maxseg size set {self.size};")


class Clamping(routers.LabTest):
    network = Network("s - a - b - c - d - t", a=Clamps(1300), c=Clamps(1200))

    def run_at_source(self, *arguments, user=True):
        result = self.lab.inside("s", lambda: paris.run(
            *paris.started_with(["paris-traceroute"]), "-n", "-w", "5", *arguments, user=user))
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result

    def test_found(self):
        """By anybody, and through raw sockets: the hop behind the router says so."""
        with self.lab.listen(80):
            for family in FAMILIES:
                for privilege in ("none", *(["raw"] if os.geteuid() == 0 else [])):
                    user = privilege == "none"
                    for given, first in (("mss", None), ("mss=1250", 1250)):
                        words = ("-T", "-O", given, "--privilege", privilege,
                                 TARGET[family])
                        # The first router sees it as it left, and quotes that.
                        lines = self.run_at_source(*words, user=user).stdout.splitlines()
                        seen = [line.split("M=")[1:] for line in lines]
                        seen = [[part.split()[0] for part in parts] for parts in seen]
                        lowered = [] if first else ["1300"]
                        self.assertEqual(seen, [[], [], lowered, [], ["1200"], []], lines)

    def test_what_the_target_says(self):
        """Raw sockets see the answer's MSS, too; the kernel does not tell it."""
        with self.lab.listen(80):
            for family in FAMILIES:
                lowest = 1200
                for privilege in ("none", "raw"):
                    text = self.run_at_source("-T", "-O", "info", "-q1", "--privilege",
                                              privilege, TARGET[family],
                                              user=privilege == "none").stdout
                    words = f"mss={lowest}," if privilege == "raw" else ""
                    self.assertIn(f"<syn,ack,{words}sack,timestamps,window_scaling>", text)


if __name__ == "__main__":
    unittest.main()
