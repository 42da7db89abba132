"""Translated addresses, and answers that come back another way."""

import unittest

import routers
from networks import TARGET, Forwards, Masquerade, Network


class SourceTranslated(routers.PathTest):
    """The routers behind b see b's address; the source sees nothing of that."""

    network = Network("""
        s - a - b - c1 - d - t
                b - c2 - d
    """, b=Masquerade())


class TargetTranslated(routers.PathTest):
    """From b on all answers come from the target's address, and only the last of them
    is an arrival."""

    network = Network("""
        s - a - b - c - d - e - t
    """, b=Forwards())


class AnotherWayBack(routers.PathTest):
    """c answers through x: over IPv4 from an address that no probe passed."""

    network = Network("""
        s - a - b > c - t
            a < x < c
    """)

    def test_the_address_is_that_of_the_way_back(self):
        trace = self.lab.trace("-w", 5, TARGET[4])
        self.assertEqual(trace.json["hops"][2]["probes"][0]["from"],
                         self.network.address("c", "x", 4))


class OtherBalancersBack(routers.PathTest):
    """One way there, four back."""

    network = Network("""
        s - a - b > c - t
            a < x < c
            a < y < c
            a < z < c
    """)


if __name__ == "__main__":
    unittest.main()
