"""mda finds every node and every link there is, by each protocol and in both families:
what it prints is compared with the topology file."""

import unittest

import multipath
from multipath import MESHED, NESTED, SERIES, SURE, TARGET, UNEQUAL, Network, fan, mda, seen

TIME_LIMIT = 300
METHODS = {"UDP": (), "ICMP": ("-I",), "TCP": ("-T",)}


class MdaTest(unittest.TestCase):
    maxDiff = None

    def check(self, text, *arguments, family=4, status=0, **more):
        """Runs it; returns the object."""
        found = mda(text, *SURE, *arguments, TARGET[family], status=status, **more)
        self.assertEqual(seen(found), Network(text).truth(TARGET[family]))
        self.assertEqual((found["reached"], found["coverage"]), (True, "complete"))
        self.check_numbers(found)
        return found

    def check_numbers(self, found):
        """What the object says twice is the same."""
        told = {node["id"]: node for node in found["nodes"]}
        for node in told.values():
            out = [link for link in found["links"] if link["from"] == node["id"]]
            if "successors" in node:
                self.assertEqual(node["successors"], len(out), node)
                self.assertEqual(node["flows_tested"],
                                 sum(len(link["flows"]) for link in out), node)
                self.assertGreaterEqual(node["flows_tested"], node["flows_needed"], node)
                self.assertGreaterEqual(node["confidence"], 0.9999, node)
        for link in found["links"]:
            self.assertLessEqual(set(link["flows"]), set(told[link["to"]]["flows"]))
        answered = [probe for probe in found["probes"] if probe["status"] == "answered"]
        self.assertEqual(found["counters"]["replies"], len(answered))
        self.assertEqual(found["stop"]["reason"], "reached")


class Shapes(MdaTest):
    def each(self, text, **more):
        for name, method in METHODS.items():
            for family in TARGET:
                with self.subTest(method=name, family=family):
                    self.check(text, *method, family=family, **more)

    def test_two_ways(self):
        self.each(fan(2))

    def test_four_ways(self):
        self.each(fan(4))

    def test_series(self):
        self.each(SERIES)

    def test_nested(self):
        self.each(NESTED)

    def test_meshed(self):
        self.each(MESHED)

    def test_unequal(self):
        self.each(UNEQUAL)


class Wide(MdaTest):
    def test_sixteen_ways(self):
        for family in TARGET:
            self.check(fan(16), family=family)

    def test_sixty_four_ways(self):
        self.check(fan(64), "-I", family=6)

    def test_ninety_six_ways(self):
        """More flows than a process may have descriptors: sockets come and go."""
        self.check(fan(96))


class Details(MdaTest):
    def test_kinds_of_nodes(self):
        found = self.check(fan(2))
        kinds = {(node["ttl"], node["kind"]) for node in found["nodes"]}
        self.assertEqual(kinds, {(0, "source"), (1, "router"), (2, "router"),
                                 (3, "router"), (4, "target")})
        balancer = [node for node in found["nodes"] if node["ttl"] == 1][0]
        self.assertEqual(balancer["balancer"], "per_flow")
        self.assertGreater(balancer["repeats"], 0)

    def test_weights(self):
        """Ways of unequal share: a bound for equal ones need not hold, but with so many flows
        three quarters and one quarter are both seen."""
        text = fan(2).replace("link host a b[1-2] c", "link host a b1*3,b2 c")
        self.check(text)

    def test_silent_router(self):
        """Who does not answer is a node of its own behind each node before it."""
        text = fan(3).replace("router c 10.3.0.1 2001:db8:3::1", "router c silent") \
            .replace("2001:db8:3::1", "")
        found = self.check(text, "-w", "0.5")
        self.assertEqual([node["kind"] for node in found["nodes"]
                          if node["ttl"] == 3], ["silent"] * 3)

    def test_silent_branch(self):
        text = fan(3) + "router quiet silent\nlink a quiet c\n"
        found = mda(text, *SURE, "-w", "0.5", TARGET[4], status=None)
        self.assertEqual(seen(found), Network(text).truth(TARGET[4]))
        self.assertEqual(found["coverage"], "complete")

    def test_unequal_is_named(self):
        found = self.check(UNEQUAL)
        named = {one["name"]: one["nodes"] for one in found["anomalies"]}
        told = {node["id"]: node for node in found["nodes"]}
        self.assertEqual({told[n]["addr"] for n in named["unequal_branches"]},
                         {"10.4.0.1"})
        self.assertEqual({told[n]["ttl"] for n in named["several_distances"]}, {4, 5})

    def test_flow_fields(self):
        for family, method, field in ((4, (), "src-port"), (4, (), "dst-port"),
                                      (6, (), "flow-label"), (4, ("-I",), "checksum"),
                                      (6, ("-I",), "flow-label")):
            with self.subTest(family=family, method=method, field=field):
                found = self.check(fan(3), *method, "--flow", field, family=family)
                self.assertEqual(found["flow_field"], field)

    def test_text_of_mda_lite(self):
        """No node is said to be tested by few flows where its whole hop was."""
        text = multipath.paris.fakeroute(fan(4), "mda", "-n", "-a", "mda-lite", TARGET[4]).stdout
        self.assertIn("95 % confidence at each hop\n", text)
        self.assertRegex(text, r"10\.2\.0\.\d .* flows?; its whole hop was tested\)\n")
        self.assertNotIn(" 0.00 %", text)

    def test_mda_lite(self):
        for text in (fan(4), SERIES, MESHED):
            found = mda(text, *SURE, "-a", "mda-lite", TARGET[4])
            self.assertEqual(seen(found), Network(text).truth(TARGET[4]))

    def test_as_an_algorithm_of_paris_traceroute(self):
        """One implementation: -a mda and -M mda give the same object."""
        for option in ("-a", "-M"):
            result = multipath.paris.fakeroute(
                fan(3), "paris-traceroute", "-n", option, "mda", "--format", "json", *SURE,
                TARGET[4])
            self.assertEqual(result.returncode, 0, result)
            self.assertEqual(seen(result.json), Network(fan(3)).truth(TARGET[4]))
