"""Many traces at once, in one prober (tests/programs/many) and in two runs of the tool:
not one reply may come to a probe that it does not answer.

Each trace marks its packets with a traffic class and length of its own, and sends them
in the order of their numbers. So every probe is known in the simulator's report, and
every result is compared with what happened to that very packet.
"""

import ipaddress
import json
import os
import unittest
from collections import Counter, defaultdict

import paris
from test_trace import far

FIRST = True
UDP = "udp udp.payload 0 udp udp.payload 0"
MARKS = 250  # traffic classes used as marks
TCP_MARKS = 62

SHELL = 'spec=$1; shift; exec "$@" < "$spec"'


def give_servants():
    """The driver looks for its servants relative to itself, as tools do."""
    folder = paris.stage() / "tests" / "libexec" / "paris-traceroute"
    link = folder / "paris-prober"
    folder.mkdir(parents=True, exist_ok=True)
    if not os.path.lexists(link):
        link.symlink_to("../../../libexec/paris-traceroute/paris-prober")


class Many:
    """One run of the driver: what was asked, what came, and the truth."""

    def __init__(self, topology, limit=60, tries=paris.TRIES):
        self.topology = topology
        self.tries = tries
        self.limit = limit
        self.lines = []
        self.asked = {}
        self.shell = SHELL

    def plan(self, text):
        self.lines.append(f"plan {text}")

    def start(self, target, algorithm="paris", tcp=False, **options):
        """TCP: the kernel chooses the length and keeps two bits of the traffic class."""
        number = len(self.asked) + 1
        base = 80 if ":" in target else 60
        if tcp:
            options.setdefault("tos", number % TCP_MARKS * 4 + 4)
            options.setdefault("length", base)
            options.setdefault("dport", 80)
        options.setdefault("tos", number % MARKS + 1)
        options.setdefault("length", base + 4 * (number // MARKS))
        self.asked[number] = dict(options, target=target, algorithm=algorithm, tcp=tcp)
        words = " ".join(f"{name}={value}" for name, value in options.items())
        self.lines.append(f"start {number} {algorithm} {target} {words}")

    def wait(self):
        """What is started from here on is when all before has ended."""
        self.lines.append("wait")

    def patience(self):
        """How long an answer may be late at least (seconds). TCP waits for 0.9 s, and many
        traces have answers that take nearly as long."""
        if any(one["tcp"] for one in self.asked.values()):
            return 0.3
        return min(one.get("wait_ms", 5000) for one in self.asked.values()) / 1000

    def command(self):
        return paris.started_with(["many"])

    def execute(self, *command):
        return paris.fakeroute(self.topology, *command, options=("--report-probes",),
                               limit=self.limit)

    def run(self):
        give_servants()
        spec = paris.temporary_folder() / "spec"
        spec.write_text("\n".join(self.lines) + "\n")
        spec.chmod(0o644)
        result = paris.until(
            lambda result: not paris.was_late(result, self.patience()),
            lambda: self.execute("sh", "-c", self.shell, "sh", spec, *self.command()),
            self.tries)
        if result.returncode != 0 or result.stderr:
            raise AssertionError(str(result)[:4000])
        self.report = result.report
        self.results, self.done = defaultdict(list), {}
        for line in result.stdout.splitlines():
            kind, number, *words = line.split(" ")
            if kind == "result":
                self.results[int(number)].append(Record(words))
            elif kind == "done":
                self.done[int(number)] = Done(words)
        self.read_truth()
        return self

    def read_truth(self):
        """Packets in order of sending, by trace. Of a connection only its first segment
        is a probe, which a kernel that is not stopped in time may repeat."""
        self.nodes = {node["name"]: node for node in self.report["nodes"]}
        marks = {(one["target"], one["tos"], one["length"], one["tcp"]): number
                 for number, one in self.asked.items()}
        self.sent, self.resent = defaultdict(list), Counter()
        seen = set()
        for probe in self.report["probes"]:
            tcp = probe["protocol"] == "tcp"
            if tcp and probe["flags"] != "SYN":
                continue
            number = marks[probe["dst"], probe["tos"], probe["length"], tcp]
            segment = (number, probe.get("src_port"), probe.get("dst_port"),
                       probe.get("sequence"))
            if tcp and segment in seen:
                self.resent[number] += 1
                continue
            seen.add(segment)
            self.sent[number].append(probe)

    def address(self, probe):
        """Where an answer to this packet comes from."""
        node = self.nodes[probe["node"]]
        if node["kind"] == "target":
            return probe["dst"]
        version = ipaddress.ip_address(probe["dst"]).version
        return next(one for one in node["addresses"]
                    if ipaddress.ip_address(one).version == version)

    def most_in_flight(self):
        """How many probes waited for their answer at once, by the times of both."""
        steps = []
        for records in self.results.values():
            for record in records:
                if record.outcome == "reply":
                    steps += [(record.sent, 1), (record.sent + record.rtt, -1)]
        most = now = 0
        for _, step in sorted(steps):
            now += step
            most = max(most, now)
        return most


class Record:
    def __init__(self, words):
        self.probe, self.ttl, self.query = map(int, words[:3])
        self.outcome, self.source = words[3:5]
        self.sent, self.rtt = map(int, words[5:7])
        self.flow = int(words[8])


class Done:
    def __init__(self, words):
        (self.reason, self.end_ttl, self.sent, self.replies, self.timeouts,
         self.duplicates, self.late, self.ambiguous, self.reasked,
         self.lost_here) = map(int, words[:10])
        self.detail = " ".join(words[10:])


# Why a trace ended: enum prober_reason.
REACHED, HOP_LIMIT, TIMED_OUT, FAILED = 1, 4, 7, 10


class ManyTest(unittest.TestCase):
    def check(self, many, lost=0):
        """Every result is of the packet that it names. `lost`: so many probes may have
        stayed without their answer although the network gave one."""
        missing = 0
        self.assertEqual(set(many.done), set(many.asked))
        for number in many.asked:
            sent, done = many.sent[number], many.done[number]
            self.assertEqual((number, done.reason, done.detail), (number, REACHED, ""))
            self.assertEqual(len(sent) + many.resent[number], done.sent)
            seen = Counter()
            for record in many.results[number]:
                seen[record.outcome] += 1
                if record.outcome == "ambiguous":
                    continue
                truth = sent[record.probe]
                self.assertEqual(truth["ttl"], record.ttl)
                if record.outcome == "timeout":
                    missing += truth["result"] == "answered"
                    continue
                self.assertEqual(truth["result"], "answered")
                self.assertEqual(many.address(truth), record.source,
                                 (number, many.asked[number], record.__dict__, truth))
            self.assertEqual(seen["failed"], 0)
            self.assertLessEqual(seen["reply"], done.replies)
            self.assertLessEqual(seen["timeout"], done.timeouts)
            self.assertLessEqual(seen["duplicate"], done.duplicates)
            self.assertLessEqual(seen["late"], done.late)
            self.assertEqual(seen["ambiguous"], done.ambiguous)
        self.assertLessEqual(missing, lost)
        for name in ("missed", "dropped", "full", "malformed", "bad_checksum"):
            self.assertEqual(many.report["received"][name], 0, name)

    def slow_machine(self, many):
        """So many TCP probes may be unanswered: nothing may be waited for longer than
        0.9 s, however busy the machine is that simulates the network as well. When it was
        later than some answers may be, all of them."""
        part = 1 if paris.was_late(many, many.patience()) else 20
        return sum(len(many.sent[number]) for number, one in many.asked.items()
                   if one["tcp"]) // (part if paris.VARIANT == "release" else min(part, 2))

    def total(self, many, name):
        return sum(getattr(done, name) for done in many.done.values())


def targets(count, family=4, first=1):
    prefix = "203.0.113." if family == 4 else "2001:db8:fffe::"
    return [f"{prefix}{n if family == 4 else format(n, 'x')}"
            for n in range(first, first + count)]


PLANS = {
    "udp.payload": UDP,
    "udp.dst_port": "udp udp.dst_port 0 udp udp.dst_port 0",
    "icmp.sequence": "ping icmp.sequence 0 ping icmp.sequence 0",
    "tcp": "tcp - 1 tcp - 1",
    "tcp.src_port": "tcp tcp.src_port 0 tcp tcp.src_port 0",
}

DATAGRAMS = [tag for tag in PLANS if not tag.startswith("tcp")]


def algorithms(tag):
    if tag == "tcp":
        return ("paris",)
    return ("traceroute",) if tag.endswith("_port") else ("paris", "traceroute")


def is_tcp(tag):
    return tag.startswith("tcp")


class DifferentTargets(ManyTest):
    """One prober, one trace to each of many addresses."""

    def run_tag(self, tag, topology, count, queries=3, least=0, **options):
        for family in (4, 6):
            for algorithm in algorithms(tag):
                many = Many(topology)
                many.plan(PLANS[tag])
                for target in targets(count, family):
                    many.start(target, algorithm, is_tcp(tag), queries=queries, **options)
                # Again while the machine sends so slowly that answers come before.
                yield paris.until(lambda many: many.most_in_flight() > least, many.run)

    def test_instant(self):
        for tag in PLANS:
            for many in self.run_tag(tag, "fan.topo", 20):
                self.check(many)

    def test_duplicates_and_late(self):
        """All are waited for."""
        for tag in DATAGRAMS:
            for many in self.run_tag(tag, "duplicates-late.topo", 40, least=200,
                                     wait_ms=10000):
                self.check(many)
                self.assertGreater(self.total(many, "duplicates"), 100)
                self.assertEqual(self.total(many, "timeouts"), 0)
                self.assertGreater(many.most_in_flight(), 200)

    def test_tcp_duplicates_and_late(self):
        """What comes after the first answer, or too late, finds no socket any more. With
        a port for each probe they want more descriptors than there are."""
        for tag, at_once in (("tcp", 20), ("tcp.src_port", 200)):
            for many in self.run_tag(tag, "duplicates-late.topo", 40, least=at_once,
                                     wait_ms=10000):
                self.check(many, lost=self.slow_machine(many))
                self.assertEqual(self.total(many, "duplicates"), 0)
                self.assertEqual(self.total(many, "late"), 0)
                self.assertGreater(many.most_in_flight(), at_once)

    def test_late_ones_are_told_as_such(self):
        for tag in DATAGRAMS:
            for many in self.run_tag(tag, "duplicates-late.topo", 20, wait_ms=100,
                                     gap_us=8000, queries=8):
                self.check(many, lost=10 ** 6)
                self.assertGreater(self.total(many, "late"), 0)
                self.assertGreater(self.total(many, "duplicates"), 20)


class SameTarget(ManyTest):
    """One prober, many traces to one address: other flows, or the very same one."""

    def run_tag(self, tag, topology, count, **options):
        for target in ("198.51.100.9", "2001:db8:ffff::9"):
            if topology == "duplicates-late.topo":
                target = target[:-1] + "2"
            for algorithm in algorithms(tag):
                many = Many(topology)
                many.plan(PLANS[tag])
                for _ in range(count):
                    many.start(target, algorithm, is_tcp(tag), **options)
                yield many.run()

    def test_instant(self):
        for tag in PLANS:
            for many in self.run_tag(tag, "fan.topo", 12):
                self.check(many)

    def test_duplicates_and_late(self):
        for tag in DATAGRAMS:
            for many in self.run_tag(tag, "duplicates-late.topo", 30, wait_ms=10000):
                self.check(many)
                self.assertGreater(self.total(many, "duplicates"), 50)
                self.assertEqual(self.total(many, "timeouts"), 0)

    def test_tcp_duplicates_and_late(self):
        """Each trace has a port of its own; where each probe has one, no other has it
        meanwhile."""
        for tag in ("tcp", "tcp.src_port"):
            for many in self.run_tag(tag, "duplicates-late.topo", 30, wait_ms=10000):
                self.check(many, lost=self.slow_machine(many))
                ports = [{probe["src_port"] for probe in many.sent[number]}
                         for number in many.asked]
                if tag == "tcp":
                    self.assertEqual([len(some) for some in ports], [1] * 30)
                    self.assertEqual(len(set.union(*ports)), 30)
                else:
                    self.assertEqual(sum(map(len, ports)),
                                     sum(map(len, many.sent.values())))

    def test_one_flow(self):
        """Forced to one source port: their tags tell them apart."""
        for many in self.run_tag("udp.payload", "duplicates-late.topo", 20,
                                 wait_ms=10000, chosen=1, flow=5):
            self.check(many)
            self.assertEqual(len({(probe["src_port"], probe["dst_port"])
                                  for probe in many.report["probes"]}), 1)

    def test_one_flow_without_tags(self):
        """Nothing tells their probes apart: one at a time, whoever asks."""
        for plan, queries in (("udp - 1 udp - 1", 1), (UDP, 2), (PLANS["tcp"], 2)):
            many = Many("short-quotes.topo")
            many.plan(plan)
            for _ in range(4):
                many.start("198.51.100.9", "paris", is_tcp(plan), sport=24100,
                           queries=queries)
            many.run()
            self.check(many)
            self.assertEqual({probe["src_port"] for probe in many.report["probes"]},
                             {24100})

    def test_short_quotes_of_many_flows(self):
        many = Many("short-quotes.topo")
        many.plan(UDP)
        for flow in range(12):
            many.start("198.51.100.9", flow=flow, chosen=1)
        many.run()
        self.check(many)
        self.assertEqual(len(many.report["probes"]), 12 * 30)


class EverythingAtOnce(ManyTest):
    """One prober: both families, all tags, same and different targets."""

    def fill(self, many, count, **options):
        plans = (
            ("udp udp.payload 0 udp udp.dst_port 0", "traceroute"),
            ("udp udp.dst_port 0 udp udp.payload 0", "traceroute"),
            (UDP, "paris"),
            (PLANS["icmp.sequence"], "paris"),
            (PLANS["tcp"], "paris"),
            (PLANS["tcp.src_port"], "traceroute"),
            ("ping icmp.sequence 0 udp udp.payload 0", "paris"),
            ("udp udp.payload 0 ping icmp.sequence 0", "traceroute"),
        )
        for number, (plan, algorithm) in enumerate(plans):
            many.plan(plan)
            for family in (4, 6):
                for target in targets(count, family, first=1 + number):
                    many.start(target, algorithm, is_tcp(plan), **options)

    def crowd(self, least, count, lost, **options):
        """Runs them all, checks that so many were in flight at once, and returns the run;
        another one while the machine sends so slowly that answers come before."""
        for _ in range(5):
            many = Many(far("duplicates-late.topo"), limit=120, tries=1)
            self.fill(many, count, **options)
            many.run()
            self.check(many, lost=lost(many))
            if many.most_in_flight() > least:
                break
        self.assertGreater(many.most_in_flight(), least)
        return many

    def test_duplicates_and_late(self):
        many = self.crowd(3000, 10, self.slow_machine, wait_ms=10000)
        self.assertEqual(sum(done.timeouts for number, done in many.done.items()
                             if not many.asked[number]["tcp"]), 0)
        self.assertGreater(self.total(many, "duplicates"), 500)

    def test_instant(self):
        many = Many("fan.topo")
        self.fill(many, 5)
        self.check(many.run())

    def test_thousands(self):
        """What the machine drops on the way back is lost, never another's. A socket's
        buffer holds some 500 answers; how many come while a busy machine runs something
        else is not ours to say, so most must be answered, and all that is must be right.
        """
        many = self.crowd(5000, 20, lambda many: len(many.report["probes"]) // 3,
                          wait_ms=3000, queries=5)
        self.assertGreater(len(many.report["probes"]), 15000)


class SeparateRuns(unittest.TestCase):
    """Several runs of the tool on one machine, at the same time and to one target."""

    SCRIPT = """
        out=$1; number=0; shift
        for options in OPTIONS; do
            number=$((number + 1))
            "$@" -t $number $options >$out/$number &
            pids="$pids $!"
        done
        for pid in $pids; do wait $pid || exit 1; done
    """

    # Six programs under valgrind take longer to start than the tool waits for them.
    RUNS = ("", "-I", "-a traceroute", "", "-I -a traceroute", "")[:2 if paris.WRAP else 6]

    def test_runs_do_not_mix(self):
        for topology in ("duplicates-late.topo", "fan.topo"):
            for target in ("203.0.113.7", "2001:db8:fffe::7"):
                with self.subTest(topology=topology, target=target):
                    self.check(topology, target)

    def check(self, topology, target):
        tool = paris.started_with(["paris-traceroute"])
        spans = defaultdict(dict)
        for probe in self.run_all(tool, topology, target):
            flow = (probe["protocol"], probe.get("src_port"), probe.get("id"))
            run = spans[flow].setdefault(probe["tos"], [probe["time_ns"]] * 2)
            run[1] = probe["time_ns"]
        # Runs on one flow are one after the other: a short one may be over when the next
        # one begins.
        for flow, runs in spans.items():
            times = sorted(runs.values())
            for one, next_ in zip(times, times[1:]):
                self.assertLess(one[1], next_[0], flow)

    def run_all(self, tool, topology, target, options=(), **more):
        """Runs them all, checks each trace against what the network saw of its probes (by
        their TOS), and returns these."""
        folder = paris.temporary_folder()
        command = [*tool, "-n", "--format", "json", "-w", "10", "-q", "5", target]
        script = self.SCRIPT.replace("OPTIONS", " ".join(f"'{one}'" for one in self.RUNS))
        result = paris.fakeroute(topology, "sh", "-c", script, "sh", folder, *command,
                                 options=("--report-probes", *options), **more)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        nodes = {node["name"]: node for node in result.report["nodes"]}
        for number in range(1, len(self.RUNS) + 1):
            trace = json.loads((folder / str(number)).read_text())
            sent = [probe for probe in result.report["probes"] if probe["tos"] == number]
            self.assertEqual(len(sent), trace["counters"]["sent"])
            for hop in trace["hops"]:
                self.assertEqual(len(hop["probes"]), 5)
                for probe in hop["probes"]:
                    truth = sent[probe["probe"]]
                    self.assertEqual((truth["ttl"], truth["result"]),
                                     (hop["ttl"], "answered"))
                    self.assertIn(probe["from"], nodes[truth["node"]]["addresses"]
                                  + [target])
                    self.assertEqual(probe["from"] == target,
                                     nodes[truth["node"]]["kind"] == "target")
        return [probe for probe in result.report["probes"]
                if 1 <= probe["tos"] <= len(self.RUNS)]


if __name__ == "__main__":
    unittest.main()
