"""mda finds every node and link of networks in which Linux balances."""

import unittest

import paris
import routers
from networks import FAMILIES, TARGET, Network, PerPacket

TIME_LIMIT = 300
# Older kernels hash with a seed of their own, by which flows go other ways in each network.
SURE = ("--confidence", "99.9999999", "-w", "5")
# Kernels hash neither id nor checksum of an echo: all of them are one flow.
METHODS = {"UDP": (), "TCP": ("-T",)}


def fan(width):
    """A picture of so many branches. Answers of the node behind them take one way back,
    so that over IPv4 it has one address, not one for each flow by its hash."""
    return "s - a - b1 - c - t\n" + "\n".join(f"a - b{n} > c" for n in range(2, width + 1))


class GraphTest:
    """What mda finds is all there is. A router has an address on each link, and answers
    from one of them: nodes are told by whose address it is."""

    methods = METHODS

    def run_mda(self, *arguments):
        running = self.lab.inside("s", lambda: paris.start(
            "mda", "-n", "--format", "json", *SURE, *arguments))
        return running.finish(120)

    def seen(self, found):
        """({(ttl, node)}, {((ttl, node), (ttl, node))})"""
        told = {}
        for node in found["nodes"]:
            name = "s" if node["kind"] == "source" else \
                self.network.owner(node["addr"])[0]
            told[node["id"]] = (node["ttl"], name)
        return set(told.values()), {(told[link["from"]], told[link["to"]])
                                    for link in found["links"]}

    def truth(self):
        walks = [("s", *walk) if walk[0] != "s" else tuple(walk)
                 for walk in self.network.walks()]
        return ({(ttl, node) for walk in walks for ttl, node in enumerate(walk)},
                {((ttl, walk[ttl]), (ttl + 1, walk[ttl + 1])) for walk in walks
                 for ttl in range(len(walk) - 1)})

    def test_whole_graph(self):
        for name, method in self.methods.items():
            for family in FAMILIES:
                with self.subTest(protocol=name, family=family):
                    result = self.run_mda(*method, TARGET[family])
                    self.assertEqual((result.returncode, result.stderr), (0, ""), result)
                    self.assertEqual(self.seen(result.json), self.truth())
                    self.assertEqual(result.json["coverage"], "complete")


class TwoWide(GraphTest, routers.LabTest):
    network = Network(fan(2))


class FourWide(GraphTest, routers.LabTest):
    network = Network(fan(4))


class SixteenWide(GraphTest, routers.LabTest):
    network = Network(fan(16))


class SixtyFourWide(GraphTest, routers.LabTest):
    network = Network(fan(64))
    methods = {"UDP": ()}


class NinetySixWide(GraphTest, routers.LabTest):
    network = Network(fan(96))
    methods = {"UDP": ()}


class Series(GraphTest, routers.LabTest):
    network = Network("""
        s - a - b1 - c - d1 - e - t
            a - b2 - c - d2 - e
                     c - d3 - e
    """)


class Nested(GraphTest, routers.LabTest):
    network = Network("""
        s - a - b1 - c1 - d - t
                b1 - c2 - d
            a - b2 - c3 - d
                b2 - c4 - d
    """)


class Meshed(GraphTest, routers.LabTest):
    network = Network("""
        s - a - b1 - c1 - d - t
            a - b2 - c2 - d
                b1 - c2
                b2 - c1
    """)


class Unequal(GraphTest, routers.LabTest):
    network = Network("""
        s - a - b1 - d - t
            a - b2 - c - d
    """)


class OneFlow(routers.LabTest):
    """ICMP through kernels that hash addresses only: one path, and no other is made up."""

    network = Network(fan(4))

    def test_one_path(self):
        for family in FAMILIES:
            running = self.lab.inside("s", lambda f=family: paris.start(
                "mda", "-n", "-I", "--format", "json", TARGET[f]))
            found = running.finish(60).json
            self.assertTrue(found["reached"])
            owners = {self.network.owner(node["addr"])[0] for node in found["nodes"]
                      if node["ttl"] == 2}
            self.assertEqual(len(owners), 1, owners)


class ByPacket(GraphTest, routers.LabTest):
    """It is told that flows are not kept on a path. Dealt out in turn they may seem to be, as
    the same flows are asked again in the same order, if nobody else sends packets."""

    network = Network(fan(3), a=PerPacket("random"))

    def test_whole_graph(self):
        for family in FAMILIES:
            result = self.run_mda(TARGET[family])
            self.assertEqual(result.returncode, 1, result)
            nodes = [node for node in result.json["nodes"] if node["ttl"] == 1]
            self.assertEqual({node["balancer"] for node in nodes}, {"per_packet"})
            self.assertEqual(self.seen(result.json)[0] - self.truth()[0], set())


if __name__ == "__main__":
    unittest.main()
