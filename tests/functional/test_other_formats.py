"""--format scamper, atlas and csv: each is read back by a reader of its own
(other_formats.py), and says what the json of the same network says; names that wish us ill
are harmless in all formats, dot and svg among them."""

import json
import math
import re
import shutil
import subprocess
import unittest
from concurrent.futures import ThreadPoolExecutor
from xml.etree import ElementTree

import other_formats
import paris
import test_names_in_trace
import test_rare

V4, V6 = "198.51.100.9", "2001:db8:ffff::9"
KINDS = tuple((method, target) for method in ((), ("-I",), ("-T",)) for target in (V4, V6))
AT_ONCE = 6
# Whole quotes: where they are short, chance has a say in what is asked again.
LABELS = """
    defaults rtt=1ms
    router a 10.1.0.1 2001:db8:1::1
    router b 10.2.0.1 2001:db8:2::1 mpls=16002,17:5:254
    router c 10.3.0.1 2001:db8:3::1 mpls=299776:3:7
    target t 198.51.100.9 2001:db8:ffff::9
    link host a b c t
"""
HOSTILE = test_names_in_trace.HOSTILE[:10] + (
    (b"=cmd|' /C calc'!A0", b"example"), (b"+1-1", b"example"), (b"@SUM(A1),\"x\"", b"example"),
    (b"a;=1", b"example"), (b"server", b"example"))


def run(format_, topology, *arguments):
    return paris.fakeroute(topology, "paris-traceroute", "-n", "--format", format_, *arguments)


def traces(topology, *arguments):
    """[(json's object, what the reader found)] of scamper, atlas, csv."""
    formats = ("json", "scamper", "atlas", "csv")
    with ThreadPoolExecutor(len(formats)) as pool:
        results = list(pool.map(lambda one: run(one, topology, *arguments), formats))
    for result in results:
        if result.stderr or result.returncode != results[0].returncode:
            raise AssertionError(str(result))
    known, scamper, atlas, rows = results
    return (known.json, *other_formats.scamper(scamper.stdout),
            *other_formats.atlas(atlas.stdout), other_formats.csv_rows(rows.stdout))


def without_times(replies):
    return [{name: value for name, value in reply.items() if name != "rtt"}
            for reply in replies]


class Agreement(unittest.TestCase):
    def check_scamper(self, known, trace):
        self.assertEqual(other_formats.scamper_path(trace), other_formats.path(known))
        icmp = known["protocol"] == "icmp"
        self.assertEqual(trace["method"], {"icmp": "icmp-echo-paris", "tcp": "tcp"}.get(
            known["protocol"], known["protocol"] + "-paris"))
        self.assertEqual((trace["src"], trace["dst"]), (known["source"], known["target"]))
        self.assertEqual({name: trace.get(name) for name in ("sport", "dport", "icmp_sum")}, {
            "sport": known.get("src_port"), "dport": known.get("dst_port"),
            "icmp_sum": known.get("icmp_checksum") if icmp else None})
        self.assertEqual(trace["stop_reason"], {"reached": "COMPLETED"}[
            known["stop"]["reason"]])
        asked = known["options"]
        self.assertEqual(
            (trace["hop_count"], trace["attempts"], trace["firsthop"], trace["hoplimit"],
             trace["wait"], trace["tos"], trace["probe_size"]),
            (known["stop"]["ttl"], asked["queries"], asked["first_ttl"], asked["max_ttl"],
             math.ceil(asked["wait_max_s"]), asked["tos"], known["packet_len"]))
        answers = paris.answers(known)
        for hop, (ttl, probe) in zip(trace.get("hops", ()), answers):
            self.assertEqual((hop["probe_ttl"], hop["probe_id"]), (ttl, probe["query"] + 1))
            self.assertEqual((hop.get("reply_ttl"), hop.get("reply_tos")),
                             (probe.get("reply_ttl"), probe.get("reply_tos")))
            self.assertEqual(hop.get("tcp_flags"), {"syn_ack": 18, "reset": 20}.get(
                probe["reply"]))

    def check_atlas(self, known, trace):
        self.assertEqual((trace["proto"], trace["af"], trace["src_addr"], trace["dst_addr"]),
                         (known["protocol"].upper(), known["ip_version"], known["source"],
                          known["target"]))
        header = 28 if known["ip_version"] == 4 else 48
        self.assertEqual(trace["size"], 0 if known["protocol"] == "tcp"
                         else known["packet_len"] - header)
        self.assertEqual(trace["paris_id"], 1)
        self.assertLessEqual(trace["timestamp"], trace["endtime"])
        self.assertEqual([hop["hop"] for hop in trace["result"]],
                         [hop["ttl"] for hop in known["hops"]])
        for hop, expected in zip(trace["result"], known["hops"]):
            self.assertEqual(without_times(hop["result"]), [
                self.reply(probe) for probe in expected["probes"]], hop["hop"])

    @staticmethod
    def reply(probe):
        """An element of Atlas's result for a probe."""
        if probe["status"] == "lost":
            return {"x": "*"}
        found = {"from": probe["from"]}
        if "reply_ttl" in probe:
            found["ttl"] = probe["reply_ttl"]
        if probe["reply"] in ("syn_ack", "reset"):
            found["flags"] = "SA" if probe["reply"] == "syn_ack" else "RA"
        if "extensions" in probe:
            found["icmpext"] = {"version": 2, "obj": [
                {"class": one["class"], "type": one["type"], **({"mpls": [
                    {"label": entry["label"], "exp": entry["traffic_class"],
                     "s": int(entry["bottom_of_stack"]), "ttl": entry["ttl"]}
                    for entry in one["mpls"]]} if "mpls" in one else {})}
                for one in probe["extensions"]]}
        return found

    def check_csv(self, known, rows):
        probes = [(hop["ttl"], probe) for hop in known["hops"] for probe in hop["probes"]]
        self.assertEqual(len(rows), len(probes))
        for row, (ttl, probe) in zip(rows, probes):
            whole = {**known, **probe, "ttl": ttl, "stop": known["stop"]["reason"],
                     "flags": " ".join(probe.get("flags", ())), "mpls": " ".join(
                         f"{entry['label']}:{entry['traffic_class']}:"
                         f"{int(entry['bottom_of_stack'])}:{entry['ttl']}"
                         for one in probe.get("extensions", ())
                         for entry in one.get("mpls", ()))}
            for name in row.keys() - {"start_time", "sent", "rtt_ms"}:
                self.assertEqual(row[name], str(whole.get(name, "")), (name, ttl))
            for name in ("start_time", "sent"):
                self.assertRegex(row[name], r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z\Z")
            self.assertRegex(row["rtt_ms"], r"\A\d+\.\d{6}\Z"
                             if probe["status"] == "answered" else r"\A\Z")

    def check(self, job):
        known, scamper, atlas, rows = traces(*job)
        self.check_scamper(known, scamper)
        self.check_atlas(known, atlas)
        self.check_csv(known, rows)

    def test_all_say_the_same(self):
        jobs = [(LABELS, "-q", "2", "-w", "5", *method, target) for method, target in KINDS]
        jobs += [("demo.topo", "-q", "1", "-w", "2", V4), ("extensions.topo", "-w", "5", V6),
                 ("line.topo", "-f", "3", "-t", "32", "-w", "5", "-I", V4),
                 ("line.topo", "-q", "1", "-T", "-p", "80", V4)]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(self.check, jobs))


class Readers(unittest.TestCase):
    """They would be worth nothing if they took everything, or refused what is right."""

    def test_atlas_sample(self):
        found = json.loads(other_formats.ATLAS_SAMPLE)
        other_formats.checked(other_formats.ATLAS, found)
        for name in ("fw", "type", "msm_id", "result"):
            with self.assertRaises(AssertionError):
                other_formats.checked(other_formats.ATLAS, {
                    member: value for member, value in found.items() if member != name})
        with self.assertRaises(AssertionError):
            other_formats.checked(other_formats.ATLAS, {**found, "ours": 1})

    def test_csv(self):
        self.assertEqual(other_formats.csv_records('a,"b,""c""\r\n",\r\n'),
                         [["a", 'b,"c"\r\n', ""]])
        for wrong in ("a", "a\n", 'a"b\r\n', '"a\r\n', '"a"b\r\n', "a\rb\r\n"):
            with self.assertRaises(AssertionError):
                other_formats.csv_records(wrong)


class Ends(unittest.TestCase):
    """Traces that do not reach their target."""

    def test_reasons(self):
        cases = (  # (topology, arguments, scamper's reason and data, atlas's last word)
            ("unreachable.topo", ("198.51.100.4",), ("UNREACH", 13), {"err": "A"}),
            ("unreachable.topo", ("198.51.100.1",), ("UNREACH", 0), {"err": "N"}),
            ("unreachable.topo", ("198.51.100.5",), ("UNREACH", 5), {"err": 5}),
            ("unreachable.topo", ("-F", "198.51.100.7", "1400"), ("UNREACH", 4), {"mtu": 1300}),
            ("line.topo", ("-m", "3", V4), ("HOPLIMIT", 0), {}),
            ("silent-tail.topo", ("-w", "0.3", "--gap-limit", "2", V4), ("GAPLIMIT", 0),
             {"x": "*"}),
            (test_rare.line("rule d to=b"), (V4,), ("LOOP", 0), {}),
        )

        def check(case):
            topology, arguments, stop, last = case
            scamper = run("scamper", topology, *arguments)
            trace, = other_formats.scamper(scamper.stdout)
            self.assertEqual((trace["stop_reason"], trace["stop_data"]), stop, case)
            result = run("atlas", topology, *arguments)
            self.assertEqual((scamper.returncode, result.returncode), (1, 1))
            trace, = other_formats.atlas(result.stdout)
            final = trace["result"][-1]["result"][-1]
            self.assertEqual({name: final[name] for name in last}, last, case)
            rows = other_formats.csv_rows(run("csv", topology, *arguments).stdout)
            self.assertEqual({row["stop"] for row in rows}, {
                {"UNREACH": "unreachable", "HOPLIMIT": "hop_limit", "GAPLIMIT": "gap_limit",
                 "LOOP": "loop"}[stop[0]]})

        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(check, cases))

    def test_not_sent(self):
        """Each tells of a packet that the own link does not take."""
        for format_ in ("scamper", "atlas", "csv"):
            result = run(format_, "line.topo", "-F", V4, "2000")
            self.assertEqual(result.returncode, 1)
            if format_ == "scamper":
                trace, = other_formats.scamper(result.stdout)
                self.assertEqual((trace["stop_reason"], trace["hop_count"]), ("UNREACH", 0))
            elif format_ == "atlas":
                trace, = other_formats.atlas(result.stdout)
                self.assertEqual(trace["result"], [
                    {"hop": 1, "result": [{"error": "Message too long"}] * 3}])
            else:
                rows = other_formats.csv_rows(result.stdout)
                self.assertEqual([(row["status"], row["mtu"], row["sent"]) for row in rows],
                                 [("send_failed", "1500", "")] * 3)


class Names(unittest.TestCase):
    """From a server that wishes us ill; text and json are in test_names_in_trace."""

    def read(self, format_):
        result = test_names_in_trace.trace("-w", "5", "-q", "1", "--format", format_, V4,
                                           names=HOSTILE)
        self.assertEqual((result.returncode, result.stderr), (0, ""), result)
        result.stdout.encode("utf-8")  # fails if bytes were not UTF-8
        return result.stdout

    def test_csv(self):
        text = self.read("csv")
        self.assertRegex(text, r"\A[ -~\r\n]*\Z")
        rows = other_formats.csv_rows(text)
        self.assertEqual([row["from"] for row in rows], test_names_in_trace.hops_to(V4))
        for field in (field for row in rows for field in row.values()):
            self.assertNotRegex(field, r"\A[-=+@ \t]|;")
        names = [row["name"] for row in rows]
        self.assertEqual(names[1], 'quote"back\\x5cslash.example')
        self.assertEqual(names[2], "new\\x0aline\\x0d 4  10.9.9.9  0.001 ms.example")
        self.assertEqual(names[10], "\\x3dcmd|' /C calc'!A0.example")
        self.assertEqual(names[12], "\\x40SUM(A1),\"x\".example")

    def test_scamper(self):
        text = self.read("scamper")
        self.assertRegex(text, r"\A[ -~\n]*\Z")
        trace, = other_formats.scamper(text)
        self.assertEqual([hop["name"] for hop in trace["hops"]], [
            b".".join(labels).decode("utf-8", "replacement") for labels in HOSTILE])

    def test_atlas(self):
        """It has no names of hops at all; the target's is what was typed."""
        text = self.read("atlas")
        self.assertNotIn("example", text)
        self.assertEqual(other_formats.atlas(text)[0]["dst_name"], V4)


class Drawings(unittest.TestCase):
    """The same names in what mda draws, and in its text and json."""

    def read(self, format_):
        result = test_names_in_trace.trace("-a", "mda", "-w", "5", "--format", format_, V4,
                                           names=HOSTILE)
        self.assertEqual((result.returncode, result.stderr), (0, ""), result)
        result.stdout.encode("utf-8")
        self.assertNotRegex(result.stdout, "[\0-\x08\x0b-\x1f\x7f-\x9f]")
        return result

    def test_text(self):
        lines = self.read("text").stdout.splitlines()
        for address in test_names_in_trace.hops_to(V4):
            self.assertEqual(sum(f"({address})" in line for line in lines[:17]), 1, address)

    def test_json(self):
        names = [node.get("name") for node in self.read("json").json["nodes"][1:]]
        self.assertEqual(names, [b".".join(labels).decode("utf-8", "replacement")
                                 for labels in HOSTILE])

    def test_dot(self):
        """Strings end where they should: outside of them stands nothing but our words."""
        text = self.read("dot").stdout
        strings = re.findall(r'"((?:[^"\\]|\\.)*)"', text)
        outside = re.sub(r'"(?:[^"\\]|\\.)*"', "", text)
        self.assertRegex(outside, r"\A[\w\s{}\[\]=;,.>#-]*\Z")
        for address in test_names_in_trace.hops_to(V4):
            labels = [one for one in strings if one.endswith(rf"\n{address}")]
            self.assertEqual(len(labels), 1, address)
        if shutil.which("dot"):
            drawn = subprocess.run(["dot", "-Tplain"], input=text, text=True,
                                   capture_output=True, check=True)
            self.assertEqual(drawn.stderr, "")
            self.assertEqual(len(re.findall("^node ", drawn.stdout, re.M)), 16)

    @unittest.skipUnless(shutil.which("dot"), "graphviz is not installed")
    def test_svg(self):
        root = ElementTree.fromstring(self.read("svg").stdout)
        tags = {element.tag.rpartition("}")[2] for element in root.iter()}
        self.assertLessEqual(tags, {"svg", "g", "title", "polygon", "path", "text",
                                    "ellipse", "polyline", "a"})
        self.assertEqual({name for element in root.iter() for name in element.attrib
                          if "href" in name or name.startswith("on")}, set())


if __name__ == "__main__":
    unittest.main()
