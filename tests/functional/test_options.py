"""Options of traceroute(8) beyond those that every trace uses, on simulated networks."""

import re
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import paris  # noqa: E402

V4, V6 = "198.51.100.9", "2001:db8:ffff::9"


def masked(result):
    return re.sub(r"[0-9]+\.[0-9]{3} ms", "TIME", result.stdout)


class Interfaces(unittest.TestCase):
    """extensions.topo, with -e."""

    ALL = ('MPLS:L=17,E=0,S=0,T=1/L=18,E=5,S=1,T=3;'
           'INC:4,10.3.255.1,"ge-0/0/0.0",mtu=9000;SUB:"ge-0/0/0";OUT:2001:db8:3:ff::1;')
    EXPECTED = {  # by hop: over IPv4, over IPv6
        1: ('INC:2,"eth0"',) * 2,
        2: ("OUT:3,10.2.255.1,mtu=1500", "OUT:3,2001:db8:2:ff::1,mtu=1500"),
        3: (ALL + "NXT:10.3.254.1", ALL + "NXT:2001:db8:3:fe::1"),
        4: ("MPLS:L=16001,E=0,S=1,T=1;200/7:c0ffee00;201/0:",) * 2,
    }

    def test_text(self):
        for family, target in enumerate((V4, V6)):
            for method in ((), ("-I",), ("-T",)):
                result = paris.fakeroute("extensions.topo", "paris-traceroute", "-n", "-e",
                                         "-q", "2", "-m", "4", *method, target)
                found = re.findall(r"(?m)^ (\d)  \S+ <(.*)>  TIME  TIME$", masked(result))
                self.assertEqual(found, [(str(ttl), texts[family])
                                         for ttl, texts in self.EXPECTED.items()], result)

    def test_json(self):
        for target, address in ((V4, "10.2.255.1"), (V6, "2001:db8:2:ff::1")):
            trace = paris.fakeroute("extensions.topo", "paris-traceroute", "-n", "-m", "4",
                                    "--format", "json", target).json
            shown = [[entry.get("interface") for entry in probe["extensions"]]
                     for hop in trace["hops"] for probe in hop["probes"][:1]]
            self.assertEqual(shown[:2], [
                [{"role": "incoming", "index": 2, "name": "eth0"}],
                [{"role": "outgoing", "index": 3, "address": address, "mtu": 1500}]])
            self.assertEqual([entry and entry["role"] for entry in shown[2]],
                             [None, "incoming", "sub_ip", "outgoing", "next_hop"])
            self.assertEqual(shown[3], [None] * 3)


if __name__ == "__main__":
    unittest.main()
