"""Networks as drawings, and what a trace must find in them:

    network = Network('''
        s - a - b1 - c - t
            a - b2 - c
    ''', b2=Silent())

    network.truth(ICMP, 4)      # {"a b1 c t(echo,reached): reached",
                                #  "a * c t(echo,reached): reached"}
    network.seen(trace)         # one of them, if all is well; trace: parsed json

`s` traces, `t` is the target. Each line is a chain of links. Packets cross a link both
ways (-), only away from `s` (>), or only towards it (<); a number is its MTU (-1400-).
Where several links lead on from a node it balances by flow, there and back. A node does
nothing else, unless a behaviour is given for it.

The text of a trace has a word for each hop, and the reason of its end. The word is the
node that answered, or * if none did; in brackets what the answer was, if it was not
"time exceeded", and the trace's flags for it. `b@ADDRESS` is an address that b should
not answer from, `{x|y}` a hop whose probes were not answered alike.
"""

import re
import textwrap
from collections import namedtuple

FAMILIES = (4, 6)
SOURCE_NET = {4: "192.0.2.0/24", 6: "2001:db8:aaaa::/64"}
SOURCES = 80  # addresses that `s` has
TARGET = {4: "198.51.100.9", 6: "2001:db8:ffff::9"}
# Where the target really is when a router on the way translates its address.
INSIDE = {4: "198.51.100.10", 6: "2001:db8:ffff::10"}
MAX_HOPS = 8  # of any way, and of one that goes in a circle
LOOP_LIMIT = 3  # of paris-traceroute, by default


def source(family, number=1):
    return f"192.0.2.{number}" if family == 4 else f"2001:db8:aaaa::{number:x}"


# ---- what is asked, and the words for what is answered -------------------------------

Method = namedtuple("Method", "protocol arguments arrival")
UDP = Method("udp", (), "port,reached")
ICMP = Method("icmp", ("-I",), "echo,reached")
TCP = Method("tcp", ("-T",), "reset,reached")  # nobody listens at port 80
TCP_OPEN = Method("tcp", ("-T", "-p", 443), "syn_ack,reached")  # if somebody does there
METHODS = (UDP, ICMP, TCP)

LOST = "*"
# By ICMP type and code; the same words for both families where they mean the same.
ANSWERS = {
    4: {(0, 0): "echo", (3, 0): "net", (3, 1): "host", (3, 3): "port", (3, 4): "mtu",
        (3, 13): "admin"},
    6: {(129, 0): "echo", (1, 0): "net", (1, 1): "admin", (1, 3): "host",
        (1, 4): "port", (2, 0): "mtu"},
}
# What may be said of a "time exceeded", which ends no trace.
MARKS = {"loop", "cycle", "from_target"}


def is_end(word):
    """Whether a trace ends with this word."""
    _, bracket, rest = word.partition("(")
    return bool(bracket) and not set(rest.rstrip(")").split(",")) <= MARKS


def text(words, reason):
    return f"{' '.join(words)}: {reason}"


class Probe(namedtuple("Probe", "method family length dont_fragment")):
    """What the network may know of a probe."""

    def is_of(self, protocols):
        return self.method.protocol in protocols


# ---- behaviours ----------------------------------------------------------------------

IP = {4: "ip", 6: "ip6"}  # as nft(8) calls it


class Behaviour:
    """What a node does besides forwarding and answering: nothing. The first methods
    make it do more, the last two say what comes of that."""

    hides = False  # it and what is behind it answer from the target's address

    def sysctls(self):
        return {}

    def commands(self, network, node, family):
        """Lines for ip(8), to be executed when the routes are there."""
        return ()

    def rules(self, network, node):
        """Chains for nft(8)."""
        return ""

    def sources(self, network, node, family):
        """Addresses that packets from `s` get here."""
        return ()

    def answers(self, word, node, probe):
        """What comes of a probe that ends at this node; usually it answers `word`."""
        return word

    def passes(self, node, probe):
        """What comes of a probe that is to go on; None: it goes on."""
        return None


def chain(kind, *rules):
    name = re.sub(r"\W+", "_", kind)
    return f"chain {name} {{ type {kind}; {' '.join(rules)} }}\n"


class Silent(Behaviour):
    """Forwards, but tells the source nothing."""

    def commands(self, network, node, family):
        return [f"rule add iif lo to {SOURCE_NET[family]} blackhole"]

    def answers(self, word, node, probe):
        return LOST


class Limited(Behaviour):
    """Sends ICMP errors no more often than Linux does by default."""

    def sysctls(self):
        return {"net/ipv4/icmp_ratemask": 6168, "net/ipv6/icmp/ratemask": "0-1,3-127"}


class Drops(Behaviour):
    """A firewall: packets of these protocols go no further and, at `t`, not in."""

    NUMBERS = {4: {"icmp": 1, "tcp": 6, "udp": 17},
               6: {"icmp": 58, "tcp": 6, "udp": 17}}
    verdict = "drop"

    def __init__(self, *protocols):
        self.protocols = protocols

    def rules(self, network, node):
        hook = "input" if node == "t" else "forward"
        return chain(f"filter hook {hook} priority 0", *(
            f"{IP[family]} daddr {TARGET[family]} meta l4proto "
            f"{self.NUMBERS[family][protocol]} {self.verdict};"
            for protocol in self.protocols for family in FAMILIES))

    def answers(self, word, node, probe):
        return (self.passes(node, probe) or word) if node == "t" else word

    def passes(self, node, probe):
        return LOST if probe.is_of(self.protocols) else None


class Rejects(Drops):
    """Likewise, but it tells the source: "admin", "host", "port" or, as if it were the
    target, "reset"."""

    VERDICTS = {"admin": "icmpx type admin-prohibited", "reset": "tcp reset",
                "host": "icmpx type host-unreachable",
                "port": "icmpx type port-unreachable"}

    def __init__(self, how, *protocols):
        super().__init__(*protocols)
        self.how = how
        self.verdict = f"reject with {self.VERDICTS[how]}"

    def passes(self, node, probe):
        if not probe.is_of(self.protocols):
            return None
        if self.how == "reset":
            return "t(reset,reached)"
        if self.how == "port" and probe.is_of(("udp",)):
            # As the target would say it: a firewall in its place.
            return f"{node}(port,{'' if node == 't' else 'other_address,'}reached)"
        return f"{node}({self.how})"


class Route(Behaviour):
    """Has a route to the target that leads nowhere: "blackhole", "unreachable" or
    "prohibit". Linux looks it up before it looks at the TTL."""

    WORDS = {"unreachable": {4: "host", 6: "net"}, "prohibit": {4: "admin", 6: "admin"}}

    def __init__(self, kind):
        self.kind = kind

    def commands(self, network, node, family):
        return [f"route delete {TARGET[family]}",
                f"route add {self.kind} {TARGET[family]}"]

    def answers(self, word, node, probe):
        if self.kind == "blackhole":
            return LOST
        return f"{node}({self.WORDS[self.kind][probe.family]})"

    def passes(self, node, probe):
        return self.answers(node, node, probe)


class Hash(Behaviour):
    """Balances by another policy: 0 is addresses and, for IPv6, the flow label."""

    def __init__(self, policy):
        self.policy = policy

    def sysctls(self):
        return {f"net/ipv{family}/fib_multipath_hash_policy": self.policy
                for family in FAMILIES}


class PerPacket(Behaviour):
    """Deals packets out in turn, or by chance ("random")."""

    def __init__(self, how="inc"):
        self.how = how

    def rules(self, network, node):
        ways = len(network.onward[node])
        return chain("filter hook prerouting priority mangle", *(
            f"{IP[family]} daddr {TARGET[family]} meta mark set numgen {self.how} "
            f"mod {ways} offset 1;" for family in FAMILIES))

    def commands(self, network, node, family):
        for way, after in enumerate(network.onward[node], 1):
            yield f"rule add fwmark {way} to {TARGET[family]} lookup {100 + way}"
            yield (f"route add {TARGET[family]} via "
                   f"{network.address(after, node, family)} table {100 + way}")


class Masquerade(Behaviour):
    """Translates the source's address to its own."""

    def rules(self, network, node):
        return chain("nat hook postrouting priority srcnat", *(
            f"{IP[family]} saddr {SOURCE_NET[family]} masquerade;"
            for family in FAMILIES))

    def sources(self, network, node, family):
        return [network.address(node, after, family) for after in network.onward[node]]


class Forwards(Behaviour):
    """Translates the target's address to where the target is, and back in all that
    comes from there, ICMP errors included."""

    hides = True

    def rules(self, network, node):
        return chain("nat hook prerouting priority dstnat", *(
            f"{ip} daddr {TARGET[family]} dnat {ip} to {INSIDE[family]};"
            for family, ip in IP.items()))


# ---- networks ------------------------------------------------------------------------

class Network:
    """A drawing, understood."""

    def __init__(self, picture, **behaviours):
        self.picture = textwrap.dedent(picture).strip("\n")
        self.nodes = []
        self.links = {}   # (left, right): MTU
        self.onward = {}  # by node: where it sends what is for the target
        self.back = {}    # and what is for the source
        for line in self.picture.splitlines():
            self._read(line)
        unknown = (set(behaviours) | {"s"}) - set(self.nodes)
        if unknown:
            raise ValueError(f"no {', '.join(sorted(unknown))} in\n{picture}")
        self.behaviours = {node: behaviours.get(node, Behaviour())
                           for node in self.nodes}
        # Two hops more than the longest way has, to see what follows its end.
        self.max_hops = min(MAX_HOPS, max(len(walk) for walk in self.walks()) + 2)
        self.hides = any(one.hides for one in self.behaviours.values())

    def _read(self, line):
        words = line.split()
        if len(words) % 2 == 0:
            raise ValueError(f"not a chain of links: {line}")
        for left, link, right in zip(words[::2], words[1::2], words[2::2]):
            found = re.fullmatch(r"[-<>]|-(\d+)-", link)
            if not found:
                raise ValueError(f"not a chain of links: {line}")
            for node in (left, right):
                if node not in self.nodes:
                    self.nodes.append(node)
                    self.onward[node], self.back[node] = [], []
            if (right, left) not in self.links:
                self.links.setdefault((left, right), int(found.group(1) or 1500))
            if link != "<" and right not in self.onward[left]:
                self.onward[left].append(right)
            if link != ">" and left not in self.back[right]:
                self.back[right].append(left)

    # -- addresses

    def address(self, node, other, family):
        """Of a node, on its link to another one: its last part says whose it is."""
        low, high = sorted(self.nodes.index(one) + 1 for one in (node, other))
        own = self.nodes.index(node) + 1
        return f"10.{low}.{high}.{own}" if family == 4 else \
            f"2001:db8:{low:x}:{high:x}::{own:x}"

    def owner(self, address, before=None):
        """The node that has an address, and whether it may answer from there. Over IPv4
        Linux answers from the side on which the answer leaves; over IPv6, since 5.3,
        from the side on which the probe came: that of the node before, if known."""
        family = 6 if ":" in address else 4
        if address == TARGET[family]:
            return "t", True
        for left, right in self.links:
            for node, other in ((left, right), (right, left)):
                if address != self.address(node, other, family):
                    continue
                if family == 4:
                    return node, other in self.back[node]
                return node, other == before if before else node in self.onward[other]
        return "", False

    # -- truth

    def walks(self):
        """All ways that a packet may take, from the first router on."""
        done, unfinished = [], [("s",)]
        while unfinished:
            walk = unfinished.pop()
            if self.onward[walk[-1]] and len(walk) <= MAX_HOPS:
                unfinished += [walk + (after,) for after in self.onward[walk[-1]]]
            else:
                done.append(walk[1:])
        return done

    def truth(self, method, family, length=60, dont_fragment=False):
        """What a trace along any of the ways looks like."""
        probe = Probe(method, family, length, dont_fragment)
        return {self._follow(walk, probe) for walk in self.walks()}

    def _follow(self, walk, probe):
        """What a trace along this way looks like."""
        words, senders = [], []
        for at, node in enumerate(walk):
            words.append(self._answer(walk[:at + 1], probe, senders))
            if sum("cycle" in word for word in words) == LOOP_LIMIT:
                return text(words, "loop")
            if not is_end(words[-1]):
                word = self.behaviours[node].passes(node, probe) or \
                    self._too_big(walk[at:at + 2], probe)
                if word == LOST:
                    break
                words += [word] if word else []
            if is_end(words[-1]):
                return text(words,
                            "reached" if "reached" in words[-1] else "unreachable")
        words += [LOST] * self.max_hops
        return text(words[:self.max_hops], "hop_limit")

    def _answer(self, walk, probe, senders):
        """The word for a probe that ends at the end of this way. senders: who answered
        at the hops before; over IPv6 an address is that of one side of a node."""
        node, hidden = walk[-1], any(self.behaviours[one].hides for one in walk)
        word = f"t({probe.method.arrival})" if node == "t" else \
            "t(from_target)" if hidden else node
        word = self.behaviours[node].answers(word, node, probe)
        if word == LOST or is_end(word):
            senders.append(None)
            return word
        sender = "t" if hidden else walk[-2:] if probe.family == 6 else node
        if sender in senders:
            mark = "loop" if senders[-1] == sender else "cycle"
            word = f"{word[:-1]},{mark})" if "(" in word else f"{word}({mark})"
        senders.append(sender)
        return word

    def _too_big(self, link, probe):
        """What comes of a probe that is too big for the next link; None: it fits, or is
        fragmented, over IPv6 by a source that knows the path."""
        mtu = self.links.get(link) or self.links.get(link[::-1])
        if mtu is None or probe.length <= mtu or not probe.dont_fragment:
            return None
        return f"{link[0]}(mtu {mtu})"

    # -- what a trace says

    def seen(self, trace):
        """What a trace says, in words like those of the truth; [in brackets] what none
        should say."""
        words, stop = [], trace["stop"]
        if "counters" not in trace or "ttl" not in stop:
            return text([], f"{stop['reason']} [{stop.get('detail')}]")
        for hop in trace["hops"]:
            words.append(self._hop(hop, trace, words[-1] if words else "s"))
        odd = self._gaps(trace)
        odd += [name for name in ("duplicates", "late", "ambiguous", "lost_here",
                                  "asked_again") if trace["counters"][name]]
        odd += [one["name"] for one in trace["anomalies"]
                if one["name"] in ("early_end", "stray")]
        # What went too far met the end of the trace too, or was not waited for.
        for hop in trace.get("hops_past_end", ()):
            beyond = {self.word(probe, trace) for probe in hop["probes"]}
            if not beyond <= {words[-1], LOST}:
                odd.append(f"past the end {'|'.join(sorted(beyond))}")
        return text(words + [f"[{one}]" for one in odd], stop["reason"])

    def _gaps(self, trace):
        """Complaints about hops and queries that are missing or too many."""
        first, queries = trace["options"]["first_ttl"], trace["options"]["queries"]
        hops = trace["hops"] + trace.get("hops_past_end", [])
        ttls = [hop["ttl"] for hop in hops]
        wrong = []
        if ttls != list(range(first, first + len(ttls))):
            wrong.append(f"hops {ttls}")
        if len(trace["hops"]) != trace["stop"]["ttl"] - first + 1:
            wrong.append(f"ended at {trace['stop']['ttl']}")
        for hop in hops:
            asked = [probe["query"] for probe in hop["probes"]]
            # Past the end, all that is asked is known, but not all may be.
            count = queries if hop in trace["hops"] else len(asked)
            if asked != list(range(count)):
                wrong.append(f"hop {hop['ttl']}: queries {asked}")
        return wrong

    def _hop(self, hop, trace, before):
        before = before if before in self.nodes else None
        words = sorted({self.word(probe, trace, before) for probe in hop["probes"]})
        senders = sorted({probe["from"] for probe in hop["probes"] if "from" in probe})
        if len(words) == 1 and len(senders) > 1:
            return f"{words[0]}@{{{'|'.join(senders)}}}"
        return words[0] if len(words) == 1 else f"{{{'|'.join(words)}}}"

    def word(self, probe, trace, before=None):
        """Of one probe; before: the node that answered at the hop before, if known."""
        if probe["status"] != "answered":
            return LOST if probe["status"] == "lost" else f"[{probe['status']}]"
        words = []
        if "icmp_type" not in probe:
            words.append(probe["reply"])
        elif probe["reply"] != "time_exceeded":
            kind = probe["icmp_type"], probe["icmp_code"]
            words.append(ANSWERS[trace["ip_version"]].get(kind, f"{kind}"))
        if words == ["mtu"]:
            words = [f"mtu {probe.get('mtu')}"]
        flags = set(probe.get("flags", ()))
        node, right = self.owner(probe["from"], None if words else before)
        if bool(words) != ("final" in flags):
            words.append("final?")
        words += sorted(flags - {"final"})
        return (node + ("" if right else f"@{probe['from']}")
                + (f"({','.join(words)})" if words else ""))
