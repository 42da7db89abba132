"""What mda --hash-fields and --prefix say of balancers is what the topology says of them,
by each protocol and in both families."""

import os
import signal
import unittest
from pathlib import Path

import multipath
import test_helper
from multipath import SURE, TARGET, fan, mda, start

TIME_LIMIT = 300
# TCP probes go one at a time from a port, and have the same ports in each run: they need not
# be so many (the last of two options counts).
METHODS = {"UDP": (), "ICMP": ("-I",), "TCP": ("-T", "--confidence", "99.9999")}
# Which fields probes have.
FIELDS = {"UDP": ("src_port", "dst_port", "tos"), "ICMP": ("checksum", "tos"),
          "TCP": ("src_port", "dst_port", "tos")}
EVERYBODY = "target server 198.51.100.0/24 2001:db8:ffff::/64\n"

# One balancer for each field, the last by two; none hashes addresses.
HASHES = """
seed 4
defaults rtt=1ms
router a 10.1.0.1 2001:db8:1::1 hash=src-port
router b[1-2] 10.2.0.[1-2] 2001:db8:2::[1-2]
router c 10.3.0.1 2001:db8:3::1 hash=dst-port
router d[1-2] 10.4.0.[1-2] 2001:db8:4::[1-2]
router e 10.5.0.1 2001:db8:5::1 hash=tos
router f[1-3] 10.6.0.[1-3] 2001:db8:6::[1-3]
router g 10.7.0.1 2001:db8:7::1 hash=flow-label,icmp-checksum
router h[1-2] 10.8.0.[1-2] 2001:db8:8::[1-2]
router i 10.9.0.1 2001:db8:9::1 hash=ports
router j[1-2] 10.10.0.[1-2] 2001:db8:10::[1-2]
router k 10.11.0.1 2001:db8:11::1
link host a b[1-2] c d[1-2] e f[1-3] g h[1-2] i j[1-2] k server
""" + EVERYBODY
HASHED = {1: {"src_port"}, 3: {"dst_port"}, 5: {"tos"}, 7: {"flow_label", "checksum"},
          9: {"src_port", "dst_port"}}

# Each way of the first balancer leads to another one.
BRANCHES = """
seed 6
defaults rtt=1ms
router a 10.1.0.1 2001:db8:1::1 hash=src-port
router b1 10.2.0.1 2001:db8:2::1 hash=src-port,tos
router b2 10.2.0.2 2001:db8:2::2 hash=ports
router c[1-4] 10.3.0.[1-4] 2001:db8:3::[1-4]
router d 10.4.0.1 2001:db8:4::1
link host a b[1-2]
link b1 c[1-2] d server
link b2 c[3-4] d
""" + EVERYBODY

DESTINATIONS = """
seed 3
defaults rtt=1ms
router a 10.1.0.1 2001:db8:1::1 balance=per-destination
router b[1-2] 10.2.0.[1-2] 2001:db8:2::[1-2]
router c 10.3.0.1 2001:db8:3::1 hash=src-port,icmp-checksum
router d[1-2] 10.4.0.[1-2] 2001:db8:4::[1-2]
router e 10.5.0.1 2001:db8:5::1 hash=addresses,src-port,icmp-checksum
router f[1-2] 10.6.0.[1-2] 2001:db8:6::[1-2]
router g 10.7.0.1 2001:db8:7::1
link host a b[1-2] c d[1-2] e f[1-2] g server
""" + EVERYBODY


def only(found, ttl, addr=None):
    """The node of a hop."""
    nodes = [node for node in found["nodes"]
             if node["ttl"] == ttl and addr in (None, node.get("addr"))]
    assert len(nodes) == 1, nodes
    return nodes[0]


class Hashes(unittest.TestCase):
    maxDiff = None

    def check(self, found, fields, kinds=True):
        for ttl, hashed in HASHED.items():
            node = only(found, ttl)
            self.assertEqual(node["hashes"], {name: name in hashed for name in fields}, node)
            kind = "per_flow" if hashed & set(fields) else "none"
            if kinds:
                self.assertEqual(node["balancer"], kind, node)
        for node in found["nodes"]:
            if node["ttl"] not in HASHED:
                self.assertNotIn(True, node.get("hashes", {}).values(), node)
        told = found["classification"]
        self.assertTrue(told["complete"], told)
        self.assertGreater(told["probes"], 0)
        self.assertEqual(found["options"]["hash_fields"], True)

    def test_fields(self):
        for name, method in METHODS.items():
            for family in TARGET:
                with self.subTest(method=name, family=family):
                    label = ("flow_label",) if family == 6 else ()
                    found = mda(HASHES, *SURE, *method, "--hash-fields", TARGET[family])
                    self.check(found, FIELDS[name] + label)

    def test_search_by_other_fields(self):
        """In whatever field the flows of the search differ, the rest is tried."""
        for family, field in ((4, "dst-port"), (6, "dst-port"), (6, "flow-label")):
            with self.subTest(family=family, field=field):
                found = mda(HASHES, *SURE, "--flow", field, "--hash-fields", TARGET[family])
                label = ("flow_label",) if family == 6 else ()
                self.check(found, FIELDS["UDP"] + label)

    def test_mda_lite(self):
        found = mda(HASHES, *SURE, "-a", "mda-lite", "--hash-fields", TARGET[4])
        # It need not have asked a flow again, so the kind may be untested.
        self.check(found, FIELDS["UDP"], kinds=False)

    def test_short_quotes(self):
        """Nothing in an answer shows the TOS or a tag of the probe."""
        found = mda(HASHES.replace("rtt=1ms", "rtt=1ms quote=28"), *SURE, "--hash-fields",
                    TARGET[4])
        self.check(found, FIELDS["UDP"])

    @unittest.skipUnless(multipath.paris.VARIANT == "release", test_helper.WHY)
    @unittest.skipUnless(os.geteuid() == 0, "only root can give a file a capability here")
    def test_helper(self):
        """It keeps one port for each instance: so source ports differ between them."""
        for name, method in METHODS.items():
            for family in TARGET:
                with self.subTest(method=name, family=family):
                    result = multipath.paris.start_fakeroute(
                        HASHES, test_helper.tools() / "bin/mda", "-n", "--format", "json",
                        *SURE, *method, "--privilege", "helper", "--hash-fields",
                        TARGET[family], options=("--keep-caps",), user=False).finish(60)
                    self.assertEqual(result.returncode, 0, result)
                    label = ("flow_label",) if family == 6 else ()
                    self.check(result.json, FIELDS[name] + label)

    def test_beside_flow_zero(self):
        """Balancers that packets of flow 0 do not come to."""
        expected = {"10.2.0.1": {"src_port": True, "dst_port": False, "tos": True},
                    "10.2.0.2": {"src_port": True, "dst_port": True, "tos": False}}
        found = mda(BRANCHES, *SURE, "--hash-fields", TARGET[4])
        for addr, hashes in expected.items():
            self.assertEqual(only(found, 2, addr)["hashes"], hashes)

    def test_loss(self):
        """What is lost is no evidence: fewer verdicts, but no wrong ones."""
        found = mda(HASHES.replace("rtt=1ms", "rtt=1ms loss=10%"), *SURE, "-w", "0.1",
                    "--hash-fields", TARGET[4], status=None)
        for node in found["nodes"]:
            for field, verdict in node.get("hashes", {}).items():
                self.assertEqual(verdict, field in HASHED.get(node["ttl"], ()), node)

    def test_per_packet(self):
        """Who balances packets hashes nothing, and is not said to."""
        found = mda(fan(3, more="balance=per-packet"), *SURE, "--hash-fields", "--prefix", "28",
                    TARGET[4], status=None)
        node = only(found, 1)
        self.assertEqual(node["balancer"], "per_packet")
        self.assertNotIn("hashes", node)
        self.assertNotIn("splits_destinations", node)

    def test_not_asked_for(self):
        found = mda(HASHES, *SURE, TARGET[4])
        self.assertNotIn("classification", found)
        self.assertFalse([node for node in found["nodes"] if "hashes" in node])

    def test_text(self):
        result = multipath.paris.fakeroute(HASHES, "mda", "-n", *SURE, "--hash-fields",
                                           TARGET[4])
        self.assertEqual(result.returncode, 0, result)
        for words in ("balances per flow, 2 ways, hashes source port; not destination port, "
                      "TOS  (",
                      "balances per flow, 3 ways, hashes TOS; not source port, destination "
                      "port  (",
                      "balances per flow, 2 ways, hashes source port, destination port; not "
                      "TOS  (",
                      "Not shown: where 2 nodes send what differs in other fields"):
            self.assertIn(words, result.stdout)
        self.assertRegex(result.stdout, r"What nodes tell packets apart by took \d+ further")


class Destinations(unittest.TestCase):
    def check(self, found, neighbours):
        kinds = {node["ttl"]: node.get("balancer") for node in found["nodes"]}
        splits = {ttl: only(found, ttl)["splits_destinations"] for ttl in (1, 3, 5, 7)}
        self.assertEqual((kinds[1], kinds[3], kinds[5], kinds[7]),
                         ("per_destination", "per_flow", "per_flow", "none"))
        # The last router has one next hop for each destination, which is no balancing.
        self.assertEqual(splits, {1: True, 3: False, 5: True, 7: False})
        self.assertEqual(found["options"]["prefix"], neighbours)
        self.assertTrue(found["classification"]["complete"])

    def test_prefix(self):
        for name, method in METHODS.items():
            for family, prefix in ((4, 26), (6, 120)):
                with self.subTest(method=name, family=family):
                    self.check(mda(DESTINATIONS, *SURE, *method, "--prefix", prefix,
                                   TARGET[family]), prefix)

    def test_within_the_prefix(self):
        """Only neighbours are asked, and neither the network nor its broadcast address;
        with eight addresses nothing is proved at so much."""
        result = multipath.paris.fakeroute(DESTINATIONS, "mda", "-n", "--format", "json", *SURE,
                                           "--prefix", "29", TARGET[4])
        asked = {packet.dst for packet in result.packets() if packet.src == "192.0.2.2"}
        self.assertEqual(asked, {f"198.51.100.{last}" for last in range(9, 15)})
        node = only(result.json, 1)
        self.assertEqual(node["balancer"], "per_destination")
        self.assertNotIn("splits_destinations", only(result.json, 3))

    def test_with_fields(self):
        """Both at once, of two hosts at once, each in its order."""
        result = multipath.paris.fakeroute(
            DESTINATIONS, "mda", "-n", "--format", "json", *SURE, "--hash-fields", "--prefix",
            "26", TARGET[4], "198.51.100.77")
        self.assertEqual(result.returncode, 0, result)
        objects = [multipath.paris.json.loads(line) for line in result.stdout.splitlines()]
        self.assertEqual([found["target"] for found in objects],
                         [TARGET[4], "198.51.100.77"])
        for found in objects:
            self.check(found, 26)
            self.assertEqual(only(found, 3)["hashes"],
                             {"src_port": True, "dst_port": False, "tos": False})


class Ends(unittest.TestCase):
    def test_max_probes(self):
        """The limit is of all probes together; what it cut short is said."""
        found = mda(HASHES, "--hash-fields", "--max-probes", "250", TARGET[4], status=None)
        told = found["classification"]
        self.assertLessEqual(found["counters"]["sent"] + told["probes"], 250)
        self.assertFalse(told["complete"])
        self.assertEqual(found["coverage"], "complete")

    def test_interrupted(self):
        """SIGINT ends it, with what is known printed: the graph is there. Packets to other
        ports than the search's are lost, so they are waited for at length."""
        text = HASHES + "rule a drop at=arrival dst-port=81-65535\n"
        run = start(text, "-T", "-n", "--format", "json", "--hash-fields", TARGET[4])
        tcp = Path(f"/proc/{run.find('mda')}/net/tcp")

        def asks_another_port():
            lines = [line.split() for line in tcp.read_text().splitlines()[1:]]
            return any(int(line[2].split(":")[1], 16) > 80 for line in lines)
        multipath.paris.wait_for(asks_another_port, 60, "no packet to another port")
        os.kill(run.find("mda"), signal.SIGINT)
        result = run.finish()
        self.assertEqual(result.returncode, 0, result)
        self.assertFalse(result.json["classification"]["complete"])
        self.assertEqual(result.json["stop"]["reason"], "reached")

    def test_usage(self):
        for arguments, words in (
                (("mda", "--prefix", "32", TARGET[4]), "give a length from 8 to 31"),
                (("mda", "--prefix", "0", TARGET[4]), "from 8 to 127"),
                (("paris-traceroute", "--hash-fields", TARGET[4]), "--hash-fields: is of"),
                (("paris-traceroute", "--prefix", "28", TARGET[4]), "--prefix: is of")):
            result = multipath.paris.fakeroute(HASHES, *arguments)
            self.assertEqual(result.returncode, 2, result)
            self.assertIn(words, result.stderr)
