"""Readers of what --format scamper, atlas and csv print, written from the documents of
those formats (scamper's warts2json, the RIPE Atlas result format of firmware 5000, RFC
4180) and strict: a member that is not documented is an error, so is a missing one.

    trace, = other_formats.scamper(result.stdout)
    trace, = other_formats.atlas(result.stdout)
    rows = other_formats.csv_rows(result.stdout)
"""

import json
import re

import paris
from harness import schema

U8 = {"type": "integer", "minimum": 0, "maximum": 255}
U16 = {"type": "integer", "minimum": 0, "maximum": 65535}
COUNT = {"type": "integer", "minimum": 0}
TEXT = {"type": "string"}
ADDRESS = {"type": "string", "pattern": "^[0-9a-f.:]+$"}
MS = {"type": "number", "minimum": 0}


def numbers(kind, *names):
    return dict.fromkeys(names, kind)


def thing(required, **members):
    return {"type": "object", "required": required.split(), "properties": members}


def several(item, **more):
    return {"type": "array", "items": item, **more}


def checked(document, value):
    problems = schema.Schema(document).errors(value)
    if problems:
        raise AssertionError("\n".join(problems))
    return value


# ---- scamper -------------------------------------------------------------------------

SCAMPER_CYCLE = thing("type list_name id hostname", type={"enum": ["cycle-start", "cycle-stop"]},
                      list_name=TEXT, id=COUNT, hostname=TEXT, start_time=COUNT,
                      stop_time=COUNT)
SCAMPER_TIME = {"sec": COUNT, "usec": {"type": "integer", "minimum": 0, "maximum": 999999}}
SCAMPER_EXTENSION = thing(
    "ie_cn ie_ct ie_dl", **numbers(U8, "ie_cn", "ie_ct"), ie_dl=U16,
    mpls_labels=several(thing(
        "mpls_ttl mpls_s mpls_exp mpls_label", mpls_ttl=U8, mpls_s={"enum": [0, 1]},
        mpls_exp={"type": "integer", "minimum": 0, "maximum": 7},
        mpls_label={"type": "integer", "minimum": 0, "maximum": 0xfffff})))
# What scamper leaves out when it reads the error queue is not required.
SCAMPER_HOP = thing(
    "addr probe_ttl probe_id probe_size tx rtt", addr=ADDRESS, name=TEXT,
    probe_ttl=U8, probe_id={"type": "integer", "minimum": 1}, probe_size=U16,
    tx=thing("sec usec", **SCAMPER_TIME), rtt=MS,
    **numbers(U8, "reply_ttl", "reply_tos", "icmp_type", "icmp_code", "icmp_q_ttl",
              "icmp_q_tos", "tcp_flags"),
    **numbers(U16, "reply_ipid", "reply_size", "icmp_q_ipl", "icmp_nhmtu", "icmp_nhmtu:"),
    icmpext=several(SCAMPER_EXTENSION, minItems=1))
SCAMPER_TRACE = thing(
    "type version userid method src dst stop_reason stop_data start hop_count attempts "
    "hoplimit firsthop wait wait_probe tos probe_size probe_count",
    type={"const": "trace"}, version={"const": "0.1"}, userid=COUNT,
    method={"enum": ["udp", "udp-paris", "icmp-echo", "icmp-echo-paris", "tcp", "tcp-ack"]},
    src=ADDRESS, dst=ADDRESS, **numbers(U16, "sport", "dport", "icmp_sum", "probe_size"),
    stop_reason={"enum": ["NONE", "COMPLETED", "UNREACH", "ICMP", "LOOP", "GAPLIMIT",
                          "ERROR", "HOPLIMIT", "GSS", "HALTED"]},
    start=thing("sec usec ftime", ftime={"type": "string", "pattern": "^[0-9: -]{19}$"},
                **SCAMPER_TIME),
    **numbers(U8, "stop_data", "hop_count", "attempts", "hoplimit", "firsthop", "wait",
              "tos"),
    **numbers(COUNT, "wait_probe", "probe_count"),
    hops=several(SCAMPER_HOP, minItems=1))


def scamper(text):
    """The traces between the lines of a cycle."""
    first, *traces, last = map(json.loads, text.splitlines())
    for line, kind, when in ((first, "start", "start_time"), (last, "stop", "stop_time")):
        checked(SCAMPER_CYCLE, line)
        if line["type"] != f"cycle-{kind}" or when not in line:
            raise AssertionError(f"no line of a cycle: {line}")
    return [checked(SCAMPER_TRACE, trace) for trace in traces]


def scamper_path(trace):
    """[(ttl, address, ICMP type and code, labels)]"""
    return [(hop["probe_ttl"], hop["addr"], hop.get("icmp_type"), hop.get("icmp_code"),
             [entry["mpls_label"] for one in hop.get("icmpext", ())
              for entry in one.get("mpls_labels", ())]) for hop in trace.get("hops", ())]


# ---- RIPE Atlas ----------------------------------------------------------------------

ATLAS_REPLY = thing(
    "", x={"const": "*"}, error=TEXT, dup={"const": True}, late=COUNT, edst=ADDRESS,
    **{"from": ADDRESS}, **numbers(U8, "ttl", "ittl", "itos"), size=U16, rtt=MS, mtu=COUNT,
    err={"anyOf": [U8, {"enum": ["N", "H", "A", "P", "p", "h"]}]},
    flags={"type": "string", "pattern": "^[FSRPAU]+$"}, dstoptsize=COUNT, hbhoptsize=COUNT,
    icmpext=thing("version obj", version=U8, rfc4884={"enum": [0, 1]}, obj=several(thing(
        "class type", **{"class": U8, "type": U8}, mpls=several(thing(
            "exp label s ttl", exp={"type": "integer", "minimum": 0, "maximum": 7},
            label={"type": "integer", "minimum": 0, "maximum": 0xfffff},
            s={"enum": [0, 1]}, ttl=U8))))))
# A timeout, an error of the machine's own, or an answer.
ATLAS_REPLY["oneOf"] = [{"required": [one]} for one in ("x", "error", "from")]
ATLAS_HOP = {**thing("hop", hop=U8, error=TEXT, result=several(ATLAS_REPLY, minItems=1)),
             "oneOf": [{"required": ["error"]}, {"required": ["result"]}]}
ATLAS = thing(
    "fw type msm_id prb_id timestamp endtime msm_name lts dst_name dst_addr proto af "
    "paris_id result",
    fw={"type": "integer", "minimum": 5000}, type={"const": "traceroute"}, mver=TEXT,
    **numbers(COUNT, "msm_id", "prb_id", "timestamp", "endtime", "paris_id", "size",
              "group_id", "bundle", "stored_timestamp"),
    msm_name=TEXT, lts={"type": "integer", "minimum": -1}, ttr=MS, dst_name=TEXT,
    dst_addr=ADDRESS, src_addr=ADDRESS, **{"from": TEXT},
    proto={"enum": ["UDP", "ICMP", "TCP"]}, af={"enum": [4, 6]}, result=several(ATLAS_HOP))
# As the document of the format shows one, with what else it names.
ATLAS_SAMPLE = """
{"fw":5020,"mver":"2.2.1","lts":9,"msm_id":5006,"prb_id":1000580,"timestamp":1637626270,
 "endtime":1637626292,"msm_name":"Traceroute","type":"traceroute","from":"192.0.2.1",
 "dst_name":"h","dst_addr":"192.0.2.9","src_addr":"172.17.0.2","proto":"UDP","af":4,
 "size":40,"paris_id":10,"ttr":1.2,
 "result":[{"hop":1,"result":[{"from":"172.17.0.1","ttl":64,"size":68,"rtt":0.56},{"x":"*"}]},
  {"hop":5,"result":[{"from":"192.0.2.5","ttl":250,"size":140,"rtt":9.1,"ittl":2,"itos":8,
    "icmpext":{"version":2,"rfc4884":1,"obj":[{"class":1,"type":1,
     "mpls":[{"label":24015,"exp":0,"s":1,"ttl":1}]}]}}]},
  {"hop":6,"error":"sendto failed"},
  {"hop":255,"result":[{"from":"192.0.2.9","ttl":60,"size":40,"rtt":12,"err":"H","late":2},
   {"from":"192.0.2.9","ttl":60,"size":40,"rtt":12,"err":13,"dup":true,"mtu":1400,
    "edst":"192.0.2.8","flags":"SA"}]}]}"""


def atlas(text):
    return [checked(ATLAS, json.loads(line)) for line in text.splitlines()]


# ---- csv -----------------------------------------------------------------------------

def csv_records(text):
    """RFC 4180 section 2, by its grammar: [[field, ...], ...]."""
    records, fields, at = [], [], 0
    field = re.compile(r'"((?:[^"]|"")*)"|([^",\r\n]*)', re.DOTALL)
    while at < len(text):
        match = field.match(text, at)
        quoted, plain = match.groups()
        fields.append(plain if quoted is None else quoted.replace('""', '"'))
        at = match.end()
        if text.startswith(",", at):
            at += 1
        elif text.startswith("\r\n", at):
            records.append(fields)
            fields, at = [], at + 2
        else:
            raise AssertionError(f"neither comma nor line's end at {at}: {text[at:at + 40]!r}")
    if fields:
        raise AssertionError("the last line does not end")
    return records


def csv_rows(text):
    """[{column: field}], after the header."""
    header, *records = csv_records(text)
    if any(len(record) != len(header) for record in records):
        raise AssertionError("lines differ in their number of fields")
    return [dict(zip(header, record)) for record in records]


# ---- what json says, to compare with -------------------------------------------------

def path(trace):
    """Of an object of --format json, what scamper_path gives."""
    return [(ttl, probe["from"], probe.get("icmp_type"), probe.get("icmp_code"),
             [entry["label"] for one in probe.get("extensions", ())
              for entry in one.get("mpls", ())]) for ttl, probe in paris.answers(trace)]
