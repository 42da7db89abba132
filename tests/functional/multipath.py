"""mda in simulated networks, and what it has to find there.

    network = Network(text)                        # a topology file's text
    nodes, links = network.truth("198.51.100.9")   # as seen() has them
    found = mda(text, "198.51.100.9")              # the json object
    seen(found) == (nodes, links)

A node is (ttl, address); one that does not answer is (ttl, "*", the node before). This
reads the part of paris-topology(5) that these tests use, by itself: an error of the
simulator's own reading is not mirrored.
"""

import ipaddress
import itertools
import re
from collections import Counter

import paris

SOURCE = {4: "192.0.2.2", 6: "2001:db8::2"}
TARGET = {4: "198.51.100.9", 6: "2001:db8:ffff::9"}
# How sure tests are to see all: ports of ping sockets are the kernel's choice, so that flows
# of echo requests take other ways in each run. One node in a thousand million may be left
# incomplete.
SURE = ("--confidence", "99.9999999")


def expand(words):
    """The statements that one with [first-last] stands for."""
    ranges = [re.search(r"\[(\d+)-(\d+)\]", word) for word in words]
    counts = [int(found[2]) - int(found[1]) + 1 for found in ranges if found]
    for step in range(max(counts, default=1)):
        yield [re.sub(r"\[(\d+)-\d+\]", lambda found: str(int(found[1]) + step), word)
               for word in words]


def group(text):
    """The names of one group of a link."""
    names = []
    for part in re.split(r",(?![^\[]*\])", text):
        names += [words[0].split("*")[0] for words in expand([part])]
    return names


class Network:
    def __init__(self, text):
        self.addresses, self.silent, self.next = {}, set(), {}
        for line in text.splitlines():
            words = line.split("#")[0].split()
            if words and words[0] in ("router", "target"):
                for single in expand(words[1:]):
                    self._add_node(single)
            elif words and words[0] == "link":
                groups = [group(word) for word in words[1:] if "=" not in word]
                for before, after in itertools.pairwise(groups):
                    for name in before:
                        self.next.setdefault(name, []).extend(after)

    def _add_node(self, words):
        name = words[0]
        found = [word for word in words[1:] if "=" not in word and word != "silent"]
        self.addresses[name] = {
            ipaddress.ip_address(text).version: str(ipaddress.ip_address(text))
            for text in found}
        if "silent" in words:
            self.silent.add(name)

    def _leads(self, name, target):
        return name == target or any(self._leads(other, target)
                                     for other in self.next.get(name, ()))

    def truth(self, address):
        """({nodes}, {links}) of all ways to an address."""
        address = str(ipaddress.ip_address(address))
        family = ipaddress.ip_address(address).version
        target = next(name for name, has in self.addresses.items()
                      if has.get(family) == address)
        start = (0, SOURCE[family])
        nodes, links, walked = {start}, set(), {(start, "host")}
        waiting = [(start, "host")]
        while waiting:
            node, name = waiting.pop()
            for after in self.next.get(name, ()):
                if not self._leads(after, target):
                    continue
                other = (node[0] + 1, "*", node) if after in self.silent \
                    else (node[0] + 1, self.addresses[after][family])
                nodes.add(other)
                links.add((node, other))
                if (other, after) not in walked:
                    walked.add((other, after))
                    waiting.append((other, after))
        return nodes, links


def seen(found):
    """({nodes}, {links}) of a json object, as Network.truth has them."""
    before = {link["to"]: link["from"] for link in found["links"]}
    told = {node["id"]: node for node in found["nodes"]}

    def node_of(number):
        node = told[number]
        if node["kind"] == "silent":
            return (node["ttl"], "*", node_of(before[number]))
        return (node["ttl"], node["addr"])
    links = {(node_of(link["from"]), node_of(link["to"])) for link in found["links"]}
    on_path = {end for link in links for end in link}
    return on_path, links


def start(topology, *arguments, program="mda", **more):
    return paris.start_fakeroute(topology, program, *arguments, **more)


def mda(topology, *arguments, status=0, limit=60, **more):
    """The object that mda --format json gives. `status` is the exit status it must have
    (None: any). Unless the arguments say how long, an answer is waited for long: where a node
    is silent they have to."""
    wait = () if "-w" in arguments else ("-w", "20")
    result = paris.undisturbed(topology, "mda", "-n", "--format", "json", *wait, *arguments,
                               limit=limit, **more)
    if status is not None and result.returncode != status:
        raise AssertionError(f"expected exit status {status}, got {result}")
    check_probes(result.json)
    return result.json


def check_probes(found):
    """Every probe that was sent is told, once; but what a kernel repeats of itself."""
    if "counters" not in found or found["protocol"] == "tcp":
        return
    statuses = Counter(probe["status"] for probe in found["probes"])
    told = sum(statuses[one] for one in ("answered", "lost", "unawaited"))
    sent = found["counters"]["sent"]
    if told != sent:
        raise AssertionError(f"{sent} probes were sent, {told} are told: {statuses}")


def fan(width, more=""):
    """A diamond of so many branches."""
    return f"""
seed 4
defaults rtt=1ms
router a 10.1.0.1 2001:db8:1::1 {more}
router b[1-{width}] 10.2.0.[1-{width}] 2001:db8:2::[1-{width}]
router c 10.3.0.1 2001:db8:3::1
target server 198.51.100.9 2001:db8:ffff::9
link host a b[1-{width}] c server
"""


SERIES = """
seed 8
defaults rtt=1ms
router a 10.1.0.1 2001:db8:1::1
router b[1-2] 10.2.0.[1-2] 2001:db8:2::[1-2]
router c 10.3.0.1 2001:db8:3::1
router d[1-4] 10.4.0.[1-4] 2001:db8:4::[1-4]
router e 10.5.0.1 2001:db8:5::1
router f[1-3] 10.6.0.[1-3] 2001:db8:6::[1-3]
router g 10.7.0.1 2001:db8:7::1
target server 198.51.100.9 2001:db8:ffff::9
link host a b[1-2] c d[1-4] e f[1-3] g server
"""

NESTED = """
seed 6
defaults rtt=1ms
router a 10.1.0.1 2001:db8:1::1
router b[1-2] 10.2.0.[1-2] 2001:db8:2::[1-2]
router c[1-2] 10.3.0.[1-2] 2001:db8:3::[1-2]
router d[1-3] 10.3.1.[1-3] 2001:db8:3:1::[1-3]
router e[1-2] 10.4.0.[1-2] 2001:db8:4::[1-2]
router f 10.5.0.1 2001:db8:5::1
target server 198.51.100.9 2001:db8:ffff::9
link host a b1,b2
link b1 c[1-2] e1
link b2 d[1-3] e2
link e1,e2 f server
"""

MESHED = """
seed 2
defaults rtt=1ms
router a 10.1.0.1 2001:db8:1::1
router b[1-3] 10.2.0.[1-3] 2001:db8:2::[1-3]
router c[1-3] 10.3.0.[1-3] 2001:db8:3::[1-3]
router d 10.4.0.1 2001:db8:4::1
target server 198.51.100.9 2001:db8:ffff::9
link host a b[1-3] c[1-3] d server
"""

UNEQUAL = """
seed 9
defaults rtt=1ms
router a 10.1.0.1 2001:db8:1::1
router short 10.2.0.1 2001:db8:2::1
router long[1-2] 10.2.1.[1-2] 2001:db8:2:1::[1-2]
router end 10.4.0.1 2001:db8:4::1
target server 198.51.100.9 2001:db8:ffff::9
link host a short end server
link a long1 long2 end
"""
