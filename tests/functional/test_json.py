"""The json of a trace: its schema, and that every member is true, compared with the
packets that crossed the simulated network, with what that network says, and with what was
asked. A member for which there is no check here fails, and so does one of the schema that
no trace in here has."""

import datetime
import json
import os
import struct
import unittest
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import paris
import test_helper
import test_names_in_trace
import test_rare
from harness import schema

V4, V6 = "198.51.100.9", "2001:db8:ffff::9"
HOST = "192.0.2.2"
ROOT = paris.TESTS.parent
VERSION = (ROOT / "VERSION").read_text().strip()
AT_ONCE = 4
TIME_LIMIT = 300
SYN, RST = 2, 4
TCP_FLAGS = ("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr")
TCP_OPTIONS = {"sack": 4, "timestamps": 8, "window_scaling": 3}
# What only the helper sees, which some variants do not have.
HELPERS = {"reply_ip_id", "quoted_ttl", "quoted_tos", "quoted_ip_id", "nat_id"}
HELPED = paris.VARIANT == "release" and os.geteuid() == 0
# Thousands of replies make the first, tests/unit/check_render_json.c; the others are
# compared with what is on the wire in test_options.py and test_module_options.py, but for
# the answer's tcp_mss: the simulator's SYN-ACK has no options. Those of -g and -P are in
# the lab's test_gateways.py; test_origins_in_trace.py has those of -A and --country,
# test_fragments.py those of fragments.
ELSEWHERE = {"trace/other_replies_not_kept", "options/mtu_discovery", "probe/path_mtu",
             "options/tcp_flags", "options/tcp_options", "options/tcp_mss",
             "options/coverage", "options/ip_protocol", "options/gateways",
             "options/dont_route", "answer/tcp_mss", "probe/asn", "probe/as_name",
             "probe/country", "trace/fragments", "answer/quoted_fragment"}
PORTS = {"udp": paris.UDP, "udplite": paris.UDPLITE, "tcp": paris.TCP}


def seconds(text):
    """RFC 3339 as seconds since 1970."""
    day, fraction = text.rstrip("Z").split(".")
    parsed = datetime.datetime.strptime(day, "%Y-%m-%dT%H:%M:%S")
    return parsed.replace(tzinfo=datetime.timezone.utc).timestamp() + float("0." + fraction)


def answers_probe(reply, probe):
    """Whether a packet is an answer to the other one."""
    if reply.quoted is not None:
        quoted = reply.quoted
        if quoted.proto != probe.proto or quoted.sport != probe.sport:
            return False
        if probe.proto == paris.TCP:
            return quoted.seq == probe.seq
        if probe.proto in (paris.ICMP, paris.ICMP6):
            return (quoted.id, quoted.seq) == (probe.id, probe.seq)
        if quoted.dst == probe.dst:  # no two of ours have one checksum
            return quoted.checksum == probe.checksum
        return quoted.payload[:4] == probe.payload[:4]
    if reply.proto != probe.proto:
        return False
    if probe.proto == paris.TCP:
        return reply.dport == probe.sport and reply.ack == (probe.seq + 1) % (1 << 32)
    if probe.proto in (paris.ICMP, paris.ICMP6):
        return reply.seq == probe.seq and reply.type in (0, 129)
    return reply.payload == probe.payload


def interface(c_type, data):
    """RFC 5837 section 4: the members of "interface"."""
    found = {"role": ("incoming", "sub_ip", "outgoing", "next_hop")[c_type >> 6]}
    if c_type & 8:
        found["index"], = struct.unpack_from("!I", data)
        data = data[4:]
    if c_type & 4:
        size = 4 if struct.unpack_from("!H", data)[0] == 1 else 16
        found["address"] = str(paris.ipaddress.ip_address(data[4:4 + size]))
        data = data[4 + size:]
    if c_type & 2:
        found["name"] = data[1:data[0]].rstrip(b"\0").decode()
        data = data[data[0]:]
    if c_type & 1:
        found["mtu"], = struct.unpack_from("!I", data)
    return found


def extensions(packet):
    """RFC 4884 section 7: the objects of an ICMP error, as the json has them."""
    words = 4 * packet.transport[5] if packet.family == 4 else 8 * packet.transport[4]
    # A length that cannot be true counts as none, as of old.
    data = packet.payload[words if 128 <= words < len(packet.payload) else 128:]
    found, at = [], 4
    while at + 4 <= len(data):
        length, class_num, c_type = struct.unpack_from("!HBB", data, at)
        content = data[at + 4:at + length]
        one = {"class": class_num, "type": c_type, "length": len(content)}
        if (class_num, c_type) == (1, 1):
            one["mpls"] = [
                {"label": entry >> 12, "traffic_class": entry >> 9 & 7,
                 "bottom_of_stack": bool(entry >> 8 & 1), "ttl": entry & 255}
                for entry, in struct.iter_unpack("!I", content)]
        else:
            one["data"] = content[:64].hex()
        if class_num == 2:
            one["interface"] = interface(c_type, content)
        found.append(one)
        at += length
    return found


def options_of(packet):
    """{kind: value} of a TCP header, as much of it as there is."""
    data, found, at = packet.transport, {}, 20
    while at + 2 <= len(data) and data[at]:
        size = 1 if data[at] == 1 else data[at + 1]
        found[data[at]] = data[at + 2:at + size]
        at += size
    return found


def mss(packet):
    return int.from_bytes(options_of(packet)[2], "big")


class Seen:
    """A trace and what is true of it."""

    def __init__(self, result, method, asked):
        self.found = json.loads(result.stdout)
        self.result = result
        self.method, self.asked = method, asked
        v6 = ":" in self.found["target"]
        self.protocol = {"-I": "icmp", "-T": "tcp", "-UL": "udplite"}.get(method, "udp")
        number = PORTS.get(self.protocol, paris.ICMP6 if v6 else paris.ICMP)
        packets = result.packets()
        self.probes, self.others = [], []
        for packet in packets:
            ours = packet.proto == number and packet.src == self.found["source"] and (
                packet.flags == SYN if number == paris.TCP else packet.quoted is None)
            (self.probes if ours else self.others).append(packet)
        self.targets = {asked.get("answers_from")}.union(*(
            node["addresses"] for node in result.report["nodes"]
            if node["kind"] == "target"))
        self.used = Counter()

    def replies_to(self, number):
        return [packet for packet in self.others
                if answers_probe(packet, self.probes[number])]

    def records(self):
        return [(hop, probe) for part in ("hops", "hops_past_end")
                for hop in self.found.get(part, ()) for probe in hop["probes"]]

    def same(self, of):
        """What is the same in all probes."""
        values = {of(probe) for probe in self.probes}
        if len(values) != 1:
            raise AssertionError(f"varies: {values}")
        return values.pop()


class Validator(unittest.TestCase):
    """tests/harness/schema.py, which the other tests believe."""

    OBJECT = {"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#/$defs/n"}}}
    CASES = (  # (schema, right, wrong)
        ({"type": "integer"}, (1, -1, 1.0), (1.5, "1", True, None, [])),
        ({"type": "number", "minimum": 0, "maximum": 2}, (0, 2, 1.5), (-1, 2.1, "1", True)),
        ({"exclusiveMinimum": 0}, (0.1, "text"), (0, -1)),
        ({"type": "string", "pattern": "^a+$"}, ("a", "aa"), ("", "ab", "a\n", 1)),
        ({"const": 1}, (1, 1.0), (True, "1", 2)),
        ({"enum": [4, "x"]}, (4, "x"), (True, "4")),
        ({"type": "array", "minItems": 1, "uniqueItems": True, "items": {"type": "boolean"}},
         ([True], [True, False]), ([], [1], [True, True], {})),
        (OBJECT, ({"a": 1},), ({}, {"a": "1"}, {"a": 1, "b": 2}, [])),
        ({"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}, ({"a": 1}, {"b": 1}),
         ({}, {"a": 1, "b": 1})),
        ({"anyOf": [{"type": "string"}, {"const": 1}]}, ("x", 1), (2,)),
        ({"not": {"required": ["a"]}}, ({"b": 1},), ({"a": 1},)),
        ({"if": {"properties": {"a": {"const": 1}}}, "then": {"required": ["b"]},
          "else": {"required": ["c"]}}, ({"a": 1, "b": 1}, {"a": 2, "c": 1}),
         ({"a": 1}, {"a": 2})),
        # Members that another part knows are known.
        ({"type": "object", "allOf": [OBJECT, {"properties": {"b": {}}}]}, (),
         ({"a": 1, "b": 1},)),
        ({"type": "object", "allOf": [{"properties": {"b": {}}}]}, ({"b": 1},), ({"c": 1},)),
    )

    def test_keywords(self):
        for document, right, wrong in self.CASES:
            known = schema.Schema({**document, "$defs": {"n": {"type": "integer"}}})
            for value in right:
                self.assertEqual(known.errors(value), [], (document, value))
            for value in wrong:
                self.assertNotEqual(known.errors(value), [], (document, value))

    def test_open(self):
        known = schema.Schema({**self.OBJECT, "$defs": {"n": {"type": "integer"}}})
        self.assertEqual(known.errors({"a": 1, "b": 2}, closed=False), [])

    def test_unknown_keyword(self):
        with self.assertRaises(ValueError):
            schema.Schema({"contains": {}}).errors([])

    def test_golden_output(self):
        """All that the unit tests print, rare as it may be, of both tools."""
        known = schema.results()
        files = sorted((paris.TESTS / "golden").glob("*.json"))
        self.assertGreater(len(files), 25)
        for file in files:
            found = json.loads(file.read_text())
            self.assertEqual(known.errors(found, f"#/$defs/{found['type']}"), [], file)
            self.assertEqual(known.errors(found), [], file)


class Ping(unittest.TestCase):
    """The lines of paris-ping; what they say is compared in test_ping.py."""

    def lines(self, *words):
        topology, *arguments = words
        result = paris.fakeroute(topology, "paris-ping", "-n", "-i", "0.01", "--format",
                                 "json", *arguments)
        found = [json.loads(line) for line in result.stdout.splitlines()]
        for line in found:
            self.assertEqual(schema.results().errors(line), [], line)
        self.assertEqual((found[0]["type"], found[-1]["type"]), ("start", "summary"))
        return {line["status"] for line in found[1:-1]}

    def test_lines(self):
        runs = (("line.topo", "-c", "3", "-p", "00ff", "-s", "64", V4),
                ("line.topo", "-c", "3", "--udp", "--flow-id", "3", V6),
                ("demo.topo", "-c", "2", "--tcp", "-Q", "8", V4),
                ("unreachable.topo", "-c", "2", "-W", "1", "198.51.100.2"),
                ("line.topo", "-c", "2", "-t", "3", V4),
                (test_rare.line(d="duplicates=100%"), "-c", "2", "-t", "4", V4),
                ("silent-tail.topo", "-c", "2", "-W", "0.2", V4))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            seen = set().union(*pool.map(lambda words: self.lines(*words), runs))
        self.assertLessEqual({"answered", "error", "lost"}, seen)


class Truth(unittest.TestCase):
    """The checks are named after the members: what `root` or another part returns for a
    member is what it must be."""

    known = schema.results()

    # ---- the frame

    def root(self, seen, name, value):
        asked, probes = seen.asked, seen.probes
        first = probes[0] if probes else None
        if name in ("hops", "hops_past_end", "other_replies", "options", "plan", "stop",
                    "anomalies", "counters"):
            return value  # part by part
        if first is None and name in seen.asked:
            return seen.asked[name]  # of probes that did not leave
        return {
            "type": lambda: "trace", "schema": lambda: 1,
            "tool": lambda: f"paris-traceroute {VERSION}",
            "host": lambda: asked["host"], "target": lambda: asked["target"],
            "start_time": lambda: value if seconds(value) < (
                first.time if first else seconds(value) + 1) else "earlier",
            "algorithm": lambda: asked.get("algorithm", "paris"),
            "protocol": lambda: seen.protocol,
            "ip_version": lambda: 6 if ":" in asked["target"] else 4,
            # Flow N has the Nth source port from the first one up.
            "flow_id": lambda: first.sport - 24000,
            "source": lambda: seen.same(lambda packet: packet.src),
            "src_port": lambda: first.sport, "dst_port": lambda: first.dport,
            "icmp_id": lambda: seen.same(lambda packet: packet.id),
            "icmp_checksum": lambda: seen.same(lambda packet: packet.checksum),
            "flow_label": lambda: seen.same(lambda packet: packet.flow_label),
            "packet_len": lambda: seen.same(lambda packet: packet.length),
        }[name]()

    def options(self, seen, name, _value):
        defaults = {"first_ttl": 1, "max_ttl": 30, "queries": 3, "wait_max_s": 5.0,
                    "wait_here": 3.0, "wait_near": 10.0, "send_wait_s": 0.0,
                    "gap_limit": 0, "loop_limit": 3, "tos": 0, "dont_fragment": False,
                    "packet_len": 60 if "." in seen.found["target"] else 80}
        if seen.protocol == "tcp" and name == "packet_len":
            return seen.found["options"]["packet_len"]  # the kernel's
        return {**defaults, **seen.asked}[name]

    def plan(self, seen, name, value):
        sockets = {"icmp": "ping"}.get(seen.protocol, seen.protocol)
        if name in ("send", "receive"):
            return seen.asked.get("transport", sockets)
        if name == "window":  # TCP opens one connection at a time from a port
            return 1
        fields = {"udp.payload": lambda packet: packet.payload,
                  "udplite.payload": lambda packet: packet.payload,
                  "udp.checksum": lambda packet: packet.checksum,
                  "icmp.sequence": lambda packet: packet.seq,
                  "udp.dst_port": lambda packet: packet.dport}
        tags = [fields[value](probe) for probe in seen.probes]
        return value if len(set(tags)) == len(tags) else "of each its own"

    def stop(self, seen, name, _value):
        return seen.asked["stop"][name]

    def anomalies(self, seen):
        """Each kind is counted anew from the flags of the replies."""
        hops, counts = {}, Counter()
        for hop, probe in seen.records():
            for flag in set(probe.get("flags", ())) - {"reached", "final", "by_address",
                                                       "resent"}:
                hops.setdefault(flag, set()).add(hop["ttl"])
                counts[flag] += 1
        for other in seen.found.get("other_replies", ()):
            counts[other["status"]] += 1
            hops.setdefault(other["status"], set()).update(
                [other["ttl"]] if "ttl" in other else ())
        for one in seen.found["anomalies"]:
            if one["name"] not in ("stray", "lost_here", "early_end"):
                self.assertEqual((one["count"], set(one["hops"])),
                                 (counts[one["name"]], hops[one["name"]]), one["name"])

    def counters(self, seen, name, _value):
        status = Counter(probe["status"] for _, probe in seen.records())
        others = Counter(other["status"] for other in seen.found.get("other_replies", ()))
        return {
            "sent": lambda: len(seen.probes),
            "replies": lambda: status["answered"],
            "timeouts": lambda: status["lost"],
            "duplicates": lambda: others["duplicate"], "late": lambda: others["late"],
            "ambiguous": lambda: others["ambiguous"],
            "asked_again": lambda: sum(
                max(0, sent - seen.found["options"]["queries"])
                for sent in Counter(probe.ttl for probe in seen.probes).values()),
            "lost_here": lambda: 0, "strays": lambda: 0,
            "window_at_end": lambda: 1,
        }[name]()

    # ---- probes and replies

    def probe(self, seen, name, value, hop, record):
        if name == "status":
            return value  # each has its own members, see `answer` and the schema
        if name == "error":
            return seen.asked["error"]
        packet = seen.probes[record["probe"]] if record["status"] != "send_failed" else None
        return {
            "query": lambda: hop["probes"].index(record),
            "probe": lambda: seen.probes.index(packet) if packet else value,
            "flow": lambda: packet.sport - seen.probes[0].sport
            if seen.protocol == "udp" and packet else 0,
            "sent": lambda: value if seen.probes[0].time - 60 < seconds(value)
            <= packet.time + 1e-6 else packet.time,
            "mtu": lambda: seen.asked["mtu"],
        }[name]()

    def answer(self, seen, name, value, record, reply):
        probe = seen.probes[record["probe"]]
        quoted = reply.quoted
        kinds = {(4, 11): "time_exceeded", (6, 3): "time_exceeded", (4, 3): "unreachable",
                 (6, 1): "unreachable", (6, 2): "unreachable", (4, 0): "echo_reply",
                 (6, 129): "echo_reply"}
        if reply.proto == paris.TCP:
            kind = "reset" if reply.flags & RST else "syn_ack"
        elif reply.proto in (paris.ICMP, paris.ICMP6):
            kind = kinds[reply.family, reply.type]
        else:
            kind = "udp_data"
        return {
            "from": lambda: reply.src, "from_port": lambda: reply.sport,
            "name": lambda: seen.asked["names"][record["from"]],
            # Stamped outside of what the network sees of it.
            "rtt_ms": lambda: value if -1e-3 <= value - (reply.time - probe.time) * 1e3
            <= seen.result.seconds * 1e3 else (reply.time - probe.time) * 1e3,
            "rtt_source": lambda: value if value in (
                "kernel", "user", "prober") else "a stamp",
            "reply": lambda: kind,
            "icmp_type": lambda: reply.type, "icmp_code": lambda: reply.code,
            "reply_ttl": lambda: reply.ttl, "reply_tos": lambda: reply.tos,
            "reply_ip_id": lambda: reply.ip_id,
            "quoted_ttl": lambda: quoted.ttl, "quoted_tos": lambda: quoted.tos,
            "quoted_ip_id": lambda: quoted.ip_id,
            "nat_id": lambda: (probe.checksum - quoted.checksum) % 65535,
            "mtu": lambda: struct.unpack_from(
                "!H", reply.transport, 6)[0] if reply.family == 4 else struct.unpack_from(
                "!I", reply.transport, 4)[0],
            "tcp_flags": lambda: ",".join(
                name for bit, name in enumerate(TCP_FLAGS) if reply.flags >> bit & 1),
            "tcp_options": lambda: ",".join(
                name for name, kind in TCP_OPTIONS.items() if kind in options_of(reply)),
            "tcp_mss": lambda: mss(reply), "sent_mss": lambda: mss(probe),
            "quoted_mss": lambda: mss(quoted),
            "quoted_target": lambda: quoted.dst, "quoted_port": lambda: quoted.dport,
            "extensions": lambda: extensions(reply),
            "flags": lambda: value if ("reached" in value) == (
                kind != "time_exceeded" and reply.src in seen.targets)
            else "reached where the target answers",
        }[name]()

    def check_part(self, seen, part, what, check, *more):
        for name, value in part.items():
            seen.used[f"{what}/{name}"] += 1
            self.assertEqual(value, check(seen, name, value, *more), (what, name, part))

    def check_record(self, seen, hop, record):
        own = {name: value for name, value in record.items()
               if name in ("query", "probe", "flow", "status", "sent", "error")
               or (name == "mtu" and record["status"] == "send_failed")}
        self.check_part(seen, own, "probe", self.probe, hop, record)
        if record["status"] == "send_failed":
            return
        self.assertEqual(hop["ttl"], seen.probes[record["probe"]].ttl)
        replies = seen.replies_to(record["probe"])
        if record["status"] == "lost":
            late = [other for other in seen.found.get("other_replies", ())
                    if other.get("probe") == record["probe"]]
            self.assertTrue(not replies or late or seen.asked.get("may_be_late"), record)
            return
        rest = {name: value for name, value in record.items() if name not in own}
        self.check_part(seen, rest, "answer", self.answer, record, replies[0])

    def check_other(self, seen, other, place):
        """A reply that is no answer to a query."""
        own = ("status", "ttl", "query", "probe", "candidates")
        for name in own:
            seen.used[f"other_reply/{name}"] += name in other
        if other["status"] == "ambiguous":
            self.assertIn(other["from"], {packet.src for packet in seen.others})
            return
        probe = seen.probes[other["probe"]]
        self.assertEqual(other["ttl"], probe.ttl)
        queries = [record["query"] for _, record in seen.records()
                   if record["probe"] == other["probe"]]
        self.assertEqual(queries, [other["query"]])
        reply = seen.replies_to(other["probe"])[place]
        rest = {name: value for name, value in other.items() if name not in own}
        self.check_part(seen, rest, "answer", self.answer, other, reply)

    def check_trace(self, seen):
        found = seen.found
        self.assertEqual(self.known.errors(found, "#/$defs/trace"), [])
        self.check_part(seen, found, "trace", self.root)
        self.check_part(seen, found["options"], "options", self.options)
        self.check_part(seen, found["plan"], "plan", self.plan)
        self.check_part(seen, found["stop"], "stop", self.stop)
        if "counters" in found:
            self.check_part(seen, found["counters"], "counters", self.counters)
        self.anomalies(seen)
        for hop, record in seen.records():
            self.check_record(seen, hop, record)
        told = Counter(record["probe"] for _, record in seen.records()
                       if record["status"] == "answered")
        for other in found.get("other_replies", ()):
            self.check_other(seen, other, told[other.get("probe")])
            told[other.get("probe")] += 1
        return seen.used

    # ---- the traces

    def trace(self, topology, *arguments, target=V4, method=None, more=(), status=0,
              reason="reached", ttl=None, **asked):
        words = [*([method] if method else ()), *arguments, target, *more]
        result = paris.fakeroute(topology, "paris-traceroute", "-n", "--format", "json",
                                 *words)
        self.assertEqual(result.returncode, status, result)
        return self.finish(result, method, target, reason, ttl, asked)

    def finish(self, result, method, target, reason, ttl, asked):
        asked = {"host": target, "target": target, **asked}
        asked.setdefault("stop", {"reason": reason, "ttl": ttl})
        seen = Seen(result, method, asked)
        if ttl is None:
            asked["stop"]["ttl"] = seen.found["stop"].get("ttl")
        return self.check_trace(seen)

    def test_all(self):
        used = Counter()
        runs = [self.asked, self.datagrams, self.connections, self.replies, self.others,
                self.failures, self.named, *([self.helped] if HELPED else ())]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for found in pool.map(lambda run: run(), runs):
                used.update(found)
        wanted = {f"{part}/{name}" for part, definition in (
            ("trace", "trace"), ("probe", "probe"), ("other_reply", "other_reply"),
            ("answer", "answer"), ("plan", "plan"), ("stop", "stop"),
            ("counters", "counters"))
            for name in self.known.document["$defs"][definition]["properties"]}
        wanted |= {f"options/{name}" for name in self.known.document["$defs"]["trace"][
            "properties"]["options"]["properties"]}
        wanted = wanted - {"probe/name"} | {"answer/name"}  # the name of who answered
        helpers = set() if HELPED else {f"answer/{name}" for name in HELPERS}
        self.assertEqual({name for name in wanted if not used[name]} - ELSEWHERE - helpers,
                         set())

    def asked(self):
        """All options of a trace that the json tells of."""
        return self.trace(
            "demo.topo", "-f", "2", "-m", "12", "-q", "2", "-N", "40", "-w", "4.5,6,7",
            "-z", "0.001", "-t", "0x20", "-F", "--timeout", "20", "--gap-limit", "9",
            "--loop-limit", "5", "--flow-id", "3", "-s", HOST, "-i", "eth0",
            more=("100",), ttl=8, first_ttl=2, max_ttl=12, queries=2, sim_queries=40,
            wait_max_s=4.5, wait_here=6.0, wait_near=7.0, send_wait_s=0.001, tos=0x20,
            dont_fragment=True, timeout_s=20.0, gap_limit=9, loop_limit=5,
            source=HOST, interface="eth0", packet_len=100, flow_id=3,
            may_be_late=True)

    def datagrams(self):
        used = Counter()
        for target in (V4, V6):
            used += self.trace("line.topo", target=target, ttl=15)
            used += self.trace("line.topo", "-p", "9", target=target, method="-I", ttl=15,
                               first_sequence=9)
        used += self.trace("line.topo", "-l", "77", target=V6, ttl=15)
        used += self.trace("line.topo", "-a", "traceroute", "--tag", "udp.dst_port",
                           ttl=15, algorithm="traceroute")
        return used

    def connections(self):
        """An open port behind silence, and a closed one."""
        used = Counter()
        for target in (V4, V6):
            used += self.trace("demo.topo", "-w", "0.5", "-q", "1", target=target, ttl=8,
                               method="-T", queries=1, wait_max_s=0.5, wait_here=0.0,
                               wait_near=0.0)
            used += self.trace("line.topo", "-q", "1", "-p", "81", target=target, ttl=15,
                               method="-T", queries=1)
        return used

    def replies(self):
        used = Counter()
        for target in (V4, V6):
            used += self.trace("extensions.topo", target=target)
            used += self.trace("mpls.topo", "-q", "1", target=target, queries=1)
            used += self.trace(test_rare.nat("quotes=translated errors=kept port=80-80"),
                               target=target)
            used += self.trace(
                test_rare.line(server=f"{V4} {V6} udp=echo answers-from=10.0.5.1,"
                               "2001:db8:5::1"), target=target, ttl=5,
                answers_from="10.0.5.1" if target == V4 else "2001:db8:5::1")
            used += self.trace(test_rare.line(b="duplicates=100%"), target=target, ttl=5)
        used += self.trace("unreachable.topo", "-F", target="198.51.100.7", more=("1400",),
                           status=1, reason="unreachable", dont_fragment=True,
                           packet_len=1400)
        return used

    def others(self):
        """Late and ambiguous ones."""
        used = self.trace(test_rare.line(b="late=100%,600ms", c="silent", d="silent"),
                          "-N", "1", "-q", "1", "-w", "0.4", ttl=5, sim_queries=1,
                          queries=1, wait_max_s=0.4, wait_here=0.0, wait_near=0.0)
        used += self.trace(test_rare.line(**dict.fromkeys("bcd", "quote=28")), ttl=5)
        return used

    def failures(self):
        """What this machine does not send, and a target without a route."""
        used = self.trace(
            "line.topo", "-F", more=("2000",), status=1, dont_fragment=True, source=HOST,
            src_port=24000, dst_port=33434, packet_len=2000, mtu=1500,
            error="Message too long", stop={
                "reason": "unreachable", "ttl": 1, "error": "Message too long",
                "detail": f"cannot send 2000 bytes to {V4}: Message too long; larger than "
                "the interface takes: make it smaller or leave -F out"})
        return used

    def named(self):
        """Host names, asked of a server in the network."""
        target = V4
        addresses = test_names_in_trace.hops_to(target)
        names = [(b"hop%d" % n, b"example") for n in range(1, 16)]
        result = test_names_in_trace.trace("--format", "json", target, names=names)
        self.assertEqual(result.returncode, 0, result)
        return self.finish(result, None, target, "reached", 15, {"names": {
            address: b".".join(labels).decode()
            for address, labels in zip(addresses, names)}})

    def helped(self):
        """What whole packets show."""
        used = Counter()
        for target in (V4, V6):
            for method in (None, "-I"):
                result = test_helper.start(
                    "line.topo", "--format", "json", "--privilege", "helper", "-t", "184",
                    *([method] if method else ()), target).finish()
                used += self.finish(result, method, target, "reached", 15, {
                    "tos": 184, "transport": "ping-helper" if method else "udp-helper"})
        return used


if __name__ == "__main__":
    unittest.main()
