"""Every member of doc/results.schema.json is checked against the truth somewhere: those of
paths (mda) and of paris-ping here, with what crossed the simulated network, those of a
trace in test_json.py. A member without a check fails."""

import json
import math
import statistics
import unittest
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import multipath
import named
import paris
from harness import schema
from test_json import VERSION, seconds

V4, V6 = "198.51.100.9", "2001:db8:ffff::9"
OURS = ("192.0.2.2", "2001:db8::2")
FLOW_0 = 24000
# What no object in here has, and what checks it; of parts whose name is an object here the
# rest is checked here, by a function or a table of that part.
ELSEWHERE = {
    "test_json": ("trace/*", "hops/*", "probe/*", "other_reply/*", "answer/*", "plan/*",
                  "stop/*", "counters/*", "extensions/*"),
    "test_origins_in_trace": ("node/asn", "node/as_name", "node/country"),
    "test_hostile_texts": ("node/name",),
    "test_mda_class": ("node/hashes/*", "node/hashes", "node/splits_destinations",
                       "multipath/classification/detail", "multipath/options/prefix"),
    "test_fragments": ("fragment/offset", "fragment/length"),
    "test_mda_rare": ("multipath/links/doubtful", "multipath/anomalies/*"),
}
# So rare that they are held against the schema alone.
UNCHECKED = {"multipath/replies_not_kept", "flow_probe/candidates", "flow_probe/error",
             "packet/candidates"}


def members(document):
    """PART/MEMBER of all, and PART/MEMBER/MEMBER of what is described in its place."""
    def walk(part, definition):
        for name, rule in definition.get("properties", {}).items():
            yield f"{part}/{name}"
            yield from walk(f"{part}/{name}", rule)
        for inside in ("items", "then", "else"):
            if isinstance(definition.get(inside), dict):
                yield from walk(part, definition[inside])
        for inside in ("allOf", "oneOf", "anyOf"):
            for one in definition.get(inside, ()):
                yield from walk(part, one)
    return {member for part, definition in document["$defs"].items()
            for member in walk(part, definition)}


def all_seen(ways, flows):
    """The probability that so many flows, each on any way as likely, take all the ways."""
    return float(sum((-1) ** n * math.comb(ways, n) * Fraction(ways - n, ways) ** flows
                     for n in range(ways + 1)))


class Members(unittest.TestCase):
    """Compares members by functions of their names, and notes which there were."""

    def setUp(self):
        self.used = set()

    def compare(self, part, found, truth):
        for name, value in found.items():
            self.used.add(f"{part}/{name}")
            self.assertIn(name, truth, f"{part}/{name} has no check")
            expected = truth[name]() if callable(truth[name]) else truth[name]
            self.assertEqual(value, expected, (part, name, found))

    @staticmethod
    def near(value, truth_ms):
        """A time that was stamped outside of what the network sees of it."""
        return value if value >= truth_ms - 1e-3 else f"not below {truth_ms}"

    def answer(self, one, probe, reply):
        """What each answer tells, without what test_json.py compares."""
        kinds = {11: "time_exceeded", 3: "unreachable"} if reply.family == 4 else {
            3: "time_exceeded", 1: "unreachable"}
        return {
            "from": reply.src, "icmp_type": reply.type, "icmp_code": reply.code,
            "reply_ttl": reply.ttl, "reply_tos": reply.tos, "reply": kinds.get(reply.type),
            "rtt_source": lambda: one["rtt_source"] if one["rtt_source"] in (
                "kernel", "user", "prober") else None,
            "rtt_ms": lambda: self.near(one["rtt_ms"], (reply.time - probe.time) * 1e3),
            "flags": lambda: one["flags"] if reply.src in (V4, V6) and set(one["flags"]) in (
                {"reached"}, {"reached", "final"}) else "of the target alone",
        }

    # ---- paths

    ASKED = ("-f", "1", "-m", "20", "-q", "2", "-N", "50", "-w", "20,1000,999", "-z", "0.0001",
             "--timeout", "60", "--gap-limit", "7", "--loop-limit", "6", "-t", "8", "-F", "-B",
             "99.9,40,12", "--max-probes", "5000", "--max-flows", "400", "--packet-len", "90",
             "-i", "eth0")
    OPTIONS = {"confidence": 0.999, "bound": "graph", "max_branch": 40, "max_children": 12,
               "max_probes": 5000, "max_flows": 400, "first_ttl": 1, "max_ttl": 20,
               "attempts": 2, "sim_queries": 50, "wait_max_s": 20.0, "wait_here": 1000.0,
               "wait_near": 999.0, "send_wait_s": 0.0001, "timeout_s": 60.0, "gap_limit": 7,
               "loop_limit": 6, "tos": 8, "dont_fragment": True, "interface": "eth0"}

    def check_paths(self, text, target, *more, algorithm="mda", **options):
        source = OURS[":" in target]
        result = paris.fakeroute(text, "mda", "-n", "--format", "json", *self.ASKED, "-a",
                                 algorithm, "-s", source, *more, target)
        self.assertEqual(result.returncode, 0, result)
        found = result.json
        packets = result.packets()
        probes = [packet for packet in packets if packet.src == source]
        replies = {reply.quoted.payload[:8]: reply for reply in packets
                   if reply.quoted is not None}
        reply_of = {number: replies[probe.payload[:8]] for number, probe in enumerate(probes)}
        flow_of = {number: probe.sport - FLOW_0 for number, probe in enumerate(probes)}
        self.compare("multipath", found, {
            "type": "multipath", "schema": 1, "tool": f"mda {VERSION}", "host": target,
            "target": target, "algorithm": algorithm, "protocol": "udp",
            "ip_version": 6 if ":" in target else 4, "source": source,
            "start_time": lambda: found["start_time"] if
            seconds(found["start_time"]) < probes[0].time else "earlier",
            "end_time": lambda: found["end_time"] if
            seconds(found["end_time"]) > max(r.time for r in reply_of.values()) else "later",
            "flow_field": "src-port", "src_port": probes[0].sport, "dst_port": probes[0].dport,
            "flow_label": probes[0].flow_label, "packet_len": probes[0].length,
            "reached": True, "coverage": "complete", "anomalies": [],
            **{part: found.get(part) for part in (
                "plan", "options", "nodes", "links", "stop", "counters", "probes")}})
        self.compare("multipath/options", found["options"],
                     {**self.OPTIONS, **options, "source": source})
        self.check_plan(found)
        self.assertEqual(found["counters"]["sent"], len(probes))
        self.check_probes(found, probes, reply_of, flow_of)
        self.check_graph(text, target, found, probes, reply_of, flow_of)

    def check_echoes(self):
        """What paths by echo requests have besides."""
        result = paris.fakeroute(multipath.fan(2), "mda", "-n", "-I", "-w", "20", "--format",
                                 "json", V4)
        first = next(packet for packet in result.packets() if packet.src in OURS)
        self.compare("multipath", {name: result.json[name] for name in (
            "icmp_id", "icmp_checksum", "flow_field")}, {
                "icmp_id": first.id, "icmp_checksum": first.checksum, "flow_field": "checksum"})

    def check_classification(self):
        result = paris.fakeroute(multipath.fan(2), "mda", "-n", "-w", "20", "--hash-fields",
                                 "--format", "json", V4)
        found = result.json
        ours = [packet for packet in result.packets() if packet.src in OURS]
        self.compare("multipath", {"classification": found["classification"]}, {
            "classification": found["classification"]})
        self.compare("multipath/options", {"hash_fields": found["options"]["hash_fields"]},
                     {"hash_fields": True})
        self.compare("multipath/classification", found["classification"], {
            "complete": True, "probes": len(ours) - found["counters"]["sent"],
            "instances": lambda: found["classification"]["instances"] if
            0 < found["classification"]["instances"] <= found["classification"]["probes"]
            else "some"})

    def check_plan(self, found):
        self.assertEqual(found["plan"], {"send": "udp", "receive": "udp",
                                         "tag": "udp.payload"})
        self.assertEqual(found["stop"]["reason"], "reached")

    def check_probes(self, found, probes, reply_of, flow_of):
        asked = Counter()
        self.assertEqual(sorted(one["probe"] for one in found["probes"]),
                         list(range(len(probes))))
        for one in sorted(found["probes"], key=lambda one: one["probe"]):
            number = one["probe"]
            probe = probes[number]
            self.compare("flow_probe", one, {
                "status": "answered", "ttl": probe.ttl, "flow": flow_of[number],
                "attempt": asked[probe.ttl, flow_of[number]],  # so often before
                "probe": number,
                "sent": lambda one=one, probe=probe: one["sent"] if
                probe.time - 60 < seconds(one["sent"]) <= probe.time + 1e-6 else probe.time,
                **self.answer(one, probe, reply_of[number])})
            asked[probe.ttl, flow_of[number]] += 1

    def check_graph(self, text, target, found, probes, reply_of, flow_of):
        lite = found["algorithm"] == "mda-lite"  # which tests whole hops
        nodes, links = multipath.Network(text).truth(target)
        self.assertEqual(multipath.seen(found), (nodes, links))
        seen = defaultdict(list)  # (ttl, address): numbers of probes
        for number, reply in reply_of.items():
            seen[probes[number].ttl, reply.src].append(number)
        rtts = {one["probe"]: one["rtt_ms"] for one in found["probes"]}
        flows = {place: {flow_of[number] for number in numbers}
                 for place, numbers in seen.items()}
        place_of = {node["id"]: (node["ttl"], node["addr"]) for node in found["nodes"]}
        flows[0, OURS[":" in target]] = {flow for at, both in flows.items() for flow in both
                                         if at[0] == 1}
        for node in found["nodes"]:
            place = place_of[node["id"]]
            out = [link for link in found["links"] if link["from"] == node["id"]]
            told = [rtts[number] for number in seen[place]]
            tested = sum(len(link["flows"]) for link in out)
            twice = Counter(flow_of[number] for number in seen[place])
            kind = "source" if node["ttl"] == 0 else "target" if place[1] == target else "router"
            self.compare("node", dict(node, flows=sorted(node["flows"])), {
                "id": node["id"], "ttl": place[0], "addr": place[1], "kind": kind,
                "flows": sorted(flows[place]), "answers": len(seen[place]),
                "rtt_min_ms": lambda told=told: min(told),
                "rtt_median_ms": lambda told=told: statistics.median_low(told),
                "successors": len(out), "flows_tested": tested,
                "balancer": "none" if len(out) < 2 else "untested" if lite else "per_flow",
                "flows_needed": lambda node=node, tested=tested: node["flows_needed"] if
                (not lite) < node["flows_needed"] <= tested else "of those tested",
                "confidence": lambda node=node, out=out, tested=tested: node["confidence"] if
                abs(node["confidence"] - all_seen(len(out) + 1, tested)) < 1e-9 and
                (lite or node["confidence"] >= 0.999) else all_seen(len(out) + 1, tested),
                "repeats": lambda node=node, twice=twice: node["repeats"] if
                node["repeats"] <= sum(twice.values()) else "among the answers",
                "changes": 0, "flags": []})
        for link in found["links"]:
            both = flows[place_of[link["from"]]] & flows[place_of[link["to"]]]
            self.compare("multipath/links", dict(link, flows=set(link["flows"])), {
                "from": link["from"], "to": link["to"],
                "flows": lambda link=link, both=both: set(link["flows"]) if
                link["flows"] and set(link["flows"]) <= both else both})

    # ---- pings

    def check_ping(self, target, *more, **asked):
        result = paris.fakeroute(
            "line.topo", "paris-ping", "-n", "-c", "4", "-i", "0.05", "-W", "20", "-Q", "8", "-s",
            "64", "-l", "2", "-w", "60", "-t", "40", "-p", "00ff", "--dont-fragment", "-I",
            OURS[":" in target], "-I", "eth0", "--udp", "--flow-id", "3", "--format", "json",
            *more, target)
        first, *packets, last = map(json.loads, result.stdout.splitlines())
        for one in (first, *packets, last):
            self.assertEqual(schema.results().errors(one), [])
        wire = result.packets()
        probes = [packet for packet in wire if packet.src in OURS and
                  packet.proto == paris.UDP]
        self.assertEqual(len(probes), 4)
        answers = {reply.quoted.payload[:8]: reply for reply in wire
                   if reply.quoted is not None}
        self.assertLessEqual({probe.payload[:8] for probe in probes}, set(answers), result)
        replies = [answers[probe.payload[:8]] for probe in probes]
        self.compare("start", first, {
            "type": "start", "schema": 1, "tool": f"paris-ping {VERSION}", "host": target,
            "target": target, "protocol": "udp", "ip_version": 6 if ":" in target else 4,
            "start_time": lambda: first["start_time"] if
            seconds(first["start_time"]) < probes[0].time else "earlier",
            "flow_id": probes[0].sport - FLOW_0, "source": probes[0].src,
            "src_port": probes[0].sport, "dst_port": probes[0].dport,
            "flow_label": probes[0].flow_label, "packet_len": probes[0].length,
            "plan": {"send": "udp", "receive": "udp", "tag": "udp.payload"},
            "options": first["options"]})
        self.compare("start/options", first["options"], {
            "count": 4, "interval_s": 0.05, "wait_s": 20.0, "deadline_s": 60.0, "preload": 2,
            "ttl": 40, "tos": 8, "dont_fragment": True, "source": probes[0].src,
            "interface": "eth0", "pattern": "00ff"})
        self.assertEqual({(probe.ttl, probe.tos) for probe in probes}, {(40, 8)})
        for number, one in enumerate(packets):
            probe, reply = probes[number], replies[number]
            self.compare("packet", one, {
                "type": "packet", "seq": number + 1, "status": asked["status"],
                "sent": lambda one=one, probe=probe: one["sent"] if
                probe.time - 60 < seconds(one["sent"]) <= probe.time + 1e-6 else probe.time,
                **self.answer(one, probe, reply)})
        rtts = [one["rtt_ms"] for one in packets]
        good = asked["status"] == "answered"
        self.compare("summary", last, {
            "type": "summary", "host": target, "target": target, "transmitted": 4,
            "received": 4 if good else 0, "errors": 0 if good else 4, "late": 0,
            "duplicates": 0, "send_failed": 0, "ambiguous": 0, "lost_here": 0,
            "loss_percent": 0 if good else 100,
            "time_ms": lambda: self.near(last["time_ms"], (probes[-1].time - probes[0].time)
                                         * 1e3 - 50),
            "pipe": lambda: last["pipe"] if 1 < last["pipe"] <= 4 else "some",
            "rtt": last.get("rtt"), "stop": {"reason": "reached"}})
        if good:
            for name, of in (("min_ms", min), ("avg_ms", statistics.mean), ("max_ms", max),
                             ("mdev_ms", statistics.pstdev)):
                self.used.add(f"summary/rtt/{name}")
                self.assertAlmostEqual(last["rtt"][name], of(rtts), 4)

    def lines(self, result):
        return list(map(json.loads, result.stdout.splitlines()))

    def check_other_pings(self):
        """What echo requests have besides, TCP, packets too large, and names."""
        ping = ("paris-ping", "-c", "1", "-W", "20", "--format", "json")
        result = paris.fakeroute("line.topo", *ping, "-n", V4)
        probe, reply = [packet for packet in result.packets() if packet.type in (0, 8)]
        first, packet, _ = self.lines(result)
        self.compare("start", {name: first[name] for name in ("icmp_id", "icmp_checksum")},
                     {"icmp_id": probe.id, "icmp_checksum": probe.checksum})
        self.compare("packet", {"bytes": packet["bytes"]}, {"bytes": len(reply.transport)})
        first = self.lines(paris.fakeroute("line.topo", *ping, "-n", "--tcp", V4))[0]
        self.compare("start/options", {"tcp_flags": first["options"]["tcp_flags"]},
                     {"tcp_flags": "syn"})
        result = paris.fakeroute("line.topo", *ping, "-n", "-s", "2000", "--dont-fragment", V4)
        packet = self.lines(result)[1]
        self.compare("packet", {"error": packet["error"]}, {"error": "Message too long"})
        packet = self.lines(named.run("honest", *ping, "server.example"))[1]
        self.compare("packet", {"name": packet["name"]}, {"name": "server.example"})

    # ---- all

    def test_all(self):
        fan = multipath.fan(3).replace("rtt=1ms", "rtt=10ms")
        runs = (lambda: self.check_paths(fan, V4),
                lambda: self.check_paths(fan, V6, "--flow", "src-port"),
                lambda: self.check_paths(fan, V4, "--phi", "3", algorithm="mda-lite", phi=3),
                lambda: self.check_ping(V4, status="answered"),
                lambda: self.check_ping(V6, status="answered"),
                self.check_echoes, self.check_classification, self.check_other_pings)
        with ThreadPoolExecutor(3) as pool:
            for done in [pool.submit(run) for run in runs]:
                done.result()
        elsewhere = {member for of in ELSEWHERE.values() for member in of} | UNCHECKED
        known = members(schema.results().document)
        for member in known:
            part = member.rpartition("/")[0]
            above = {f"{'/'.join(part.split('/')[:n])}/*" for n in range(1, 1 + part.count("/")
                                                                        + 1)}
            with self.subTest(member):
                self.assertTrue(member in self.used or member in elsewhere or above & elsewhere,
                                "nothing checks it")
        for member in elsewhere:
            with self.subTest(member):
                self.assertTrue(any(one == member or one.startswith(member.rstrip("*"))
                                    for one in known), "the schema has no such member")
        self.assertLessEqual({f"{test}.py" for test in ELSEWHERE},
                             {path.name for path in (paris.TESTS / "functional").iterdir()})

    def test_a_new_member_fails(self):
        document = json.loads(json.dumps(schema.results().document))
        document["$defs"]["node"]["properties"]["new"] = {"type": "object", "properties": {
            "inside": {}}}
        self.assertEqual(members(document) - members(schema.results().document),
                         {"node/new", "node/new/inside"})


if __name__ == "__main__":
    unittest.main()
