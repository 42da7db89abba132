"""Many flows in one trace: each goes one way, whatever its tag and TTL, no two are alike,
and they cost no more sockets or reservations than they must. tests/programs/flow_prober
sends them; the simulated network tells which packets came."""

import functools
import os
import shutil
import unittest
from collections import Counter, defaultdict

import paris
from test_concurrent import FAILED, REACHED, Many
from test_helper import NET_RAW

SRC, DST, CHECKSUM, LABEL = 1, 2, 3, 4
V4, V6 = "198.51.100.9", "2001:db8:ffff::9"
HELPER = os.geteuid() == 0 and paris.VARIANT == "release"
WHY = "only root can give a file a capability, and a build for tests refuses it"


@functools.lru_cache(maxsize=None)
def folder(prober):
    """The driver with servants of its own: that prober, and the helper as installed."""
    found = paris.temporary_folder()
    (found / "programs").mkdir()
    servants = found / "libexec" / "paris-traceroute"
    servants.mkdir(parents=True)
    shutil.copy(paris.program("many"), found / "programs")
    shutil.copy(paris.program(prober), servants / "paris-prober")
    shutil.copy(paris.program("paris-privsep"), servants)
    if HELPER:
        os.setxattr(servants / "paris-privsep", "security.capability", NET_RAW)
    for path in (found, found / "programs", servants.parent, servants):
        path.chmod(0o755)
    return found


class ManyByHelper(Many):
    """The driver with another prober, or with paris-privsep."""

    def __init__(self, topology, prober="paris-prober", helper=True, **more):
        super().__init__(topology, **more)
        self.helper = helper
        self.prober = prober

    def command(self):
        program = folder(self.prober) / "programs" / "many"
        return paris.started_with([program, *(["helper"] if self.helper else [])])

    def execute(self, *command):
        options = ("--report-probes", *(("--keep-caps",) if self.helper else ()))
        return paris.fakeroute(self.topology, *command, options=options, limit=self.limit,
                               user=not self.helper)


def value(probe):
    """What balancers hash of a packet."""
    checksum = probe["checksum"] if probe["protocol"].startswith("icmp") else None
    return (probe["protocol"], probe.get("src_port"), probe.get("dst_port"), checksum,
            probe.get("flow_label"))


def sorted_path(path):
    return tuple(sorted(path.items()))


class Flows(unittest.TestCase):
    def trace(self, plan, target, flows, last=3, traces=1, shell=None, **options):
        helper = "-helper" in plan
        many = ManyByHelper("fan.topo", "flow_prober", helper, limit=60)
        if shell is not None:
            many.shell = shell
        many.plan(f"{plan} {plan}")
        for _ in range(traces):
            many.start(target, "flows", plan.startswith("tcp"), last=last,
                       window=flows, **options)
        return many.run()

    def paths(self, many, number=1, lost=0):
        """{flow: {ttl: who answered}} as told, {value: {ttl: who answered}} as it was:
        every flow has one value, and all of its probes have that."""
        done, last = many.done[number], many.asked[number]["last"]
        self.assertEqual((done.reason, done.detail), (REACHED, ""))
        self.assertEqual(len(many.sent[number]) + many.resent[number], done.sent)
        told, true = defaultdict(dict), defaultdict(dict)
        missing = 0
        for record in many.results[number]:
            self.assertIn(record.outcome, ("reply", "timeout"))
            self.assertNotIn(record.ttl, told[record.flow])
            missing += record.outcome == "timeout"
            told[record.flow][record.ttl] = record.source
        for probe in many.sent[number]:
            self.assertNotIn(probe["ttl"], true[value(probe)])
            true[value(probe)][probe["ttl"]] = many.address(probe)
        self.assertLessEqual(missing, lost)
        for path in (*told.values(), *true.values()):
            self.assertEqual(sorted(path), list(range(1, last + 1)))
        return told, true

    def agree(self, told, true):
        """The same, but for what was lost."""
        self.assertEqual({ttl: one for ttl, one in told.items() if one != "-"},
                         {ttl: one for ttl, one in true.items() if told[ttl] != "-"})

    def check_flows(self, many, flows, field, lost=0):
        """Values count from flow 0's, in one field."""
        told, true = self.paths(many, lost=lost)
        self.assertEqual((sorted(told), len(true)), (list(range(flows)), flows))
        at = {SRC: 1, DST: 2, CHECKSUM: 3, LABEL: 4}[field]
        if field != LABEL:  # which may begin anywhere
            values = {one[at]: one for one in true}
            first = min(values)
            self.assertEqual(sorted(values), list(range(first, first + flows)))
            for flow in range(flows):
                self.agree(told[flow], true[values[first + flow]])
        else:
            self.assertEqual(len({one[at] for one in true}), flows)
            self.assertEqual(Counter(map(sorted_path, told.values())),
                             Counter(map(sorted_path, true.values())))
        for other in {1, 2, 3} - {at}:
            self.assertEqual(len({one[other] for one in true}), 1)

    def late(self, many):
        """TCP sockets wait for 0.9 s at most, which a busy machine may take."""
        return len(many.sent[1]) // (20 if paris.VARIANT == "release" else 2) \
            if many.asked[1]["tcp"] else 0

    def check_plans(self, plans):
        for plan, flows, field in plans:
            for target in (V4, V6):
                with self.subTest(plan=plan, target=target):
                    many = self.trace(plan, target, flows, wait_ms=20000)
                    self.check_flows(many, flows, field, self.late(many))

    def test_a_thousand(self):
        """A socket each for UDP; those of idle flows are closed when they are too many."""
        self.check_plans((("udp udp.payload 0", 1000, SRC),
                          ("ping icmp.sequence 0", 1000, CHECKSUM),
                          ("tcp - 1", 60, SRC)))

    @unittest.skipUnless(HELPER, WHY)
    def test_a_thousand_through_the_helper(self):
        """One reservation each."""
        self.check_plans((("udp-helper udp.checksum 0", 1000, DST),
                          ("udp-helper udp.payload 0", 1000, DST),
                          ("tcp-helper tcp.seq 0", 1000, DST),
                          ("tcp-helper tcp.checksum 0", 1000, DST),
                          ("ping-helper icmp.sequence 0", 1000, CHECKSUM)))

    def test_chosen_fields(self):
        for plan, target, field in (("udp udp.payload 0", V4, DST),
                                    ("udp udp.payload 0", V6, LABEL),
                                    ("ping icmp.sequence 0", V6, LABEL),
                                    ("udp udp.payload 0", V6, DST)):
            with self.subTest(plan=plan, field=field):
                many = self.trace(plan, target, 100, flow_field=field, wait_ms=20000)
                self.check_flows(many, 100, field)

    def test_fields_that_are_none(self):
        for plan, target, field, words in (
                ("udp udp.payload 0", V4, LABEL, "Invalid argument"),
                ("udp udp.payload 0", V4, CHECKSUM, "Invalid argument"),
                ("ping icmp.sequence 0", V4, DST, "Invalid argument")) + ((
                    ("udp-helper udp.checksum 0", V4, SRC, "paris-privsep keeps one port"),
                ) if HELPER else ()):
            with self.subTest(plan=plan, field=field):
                many = self.trace(plan, target, 10, flow_field=field)
                self.assertEqual(many.done[1].reason, FAILED)
                self.assertIn(words, many.done[1].detail)
                self.assertEqual(many.sent[1], [])

    def test_flows_that_there_are_not(self):
        """Ports end at 65535: no flow wraps into another's."""
        many = self.trace("udp udp.payload 0", V4, 20, last=1, sport=65526, wait_ms=20000)
        self.assertEqual(many.done[1].reason, FAILED)
        self.assertIn("there is no flow 10", many.done[1].detail)
        self.assertEqual(len({probe["src_port"] for probe in many.sent[1]}),
                         len(many.sent[1]))

    def test_traces_to_one_target(self):
        """Their flows have nothing in common."""
        for plan, field in (("udp udp.payload 0", SRC),) + (
                (("udp-helper udp.checksum 0", DST),) if HELPER else ()):
            many = self.trace(plan, V4, 150, traces=2, wait_ms=20000)
            found = [self.paths(many, number) for number in (1, 2)]
            for told, true in found:
                self.assertEqual(len(true), 150)
                self.assertEqual(Counter(map(sorted_path, told.values())),
                                 Counter(map(sorted_path, true.values())))
            self.assertEqual(set(found[0][1]) & set(found[1][1]), set())

    def test_port_in_use(self):
        """That flow takes another port, and keeps it; the others have their own."""
        shell = """spec=$1; shift; exec python3 -c 'if True:
            import os, socket, sys
            taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            taken.bind(("", 24003))
            taken.set_inheritable(True)
            os.execvp(sys.argv[1], sys.argv[1:])' "$@" < "$spec" """
        many = self.trace("udp udp.payload 0", V4, 10, shell=shell, wait_ms=20000)
        told, true = self.paths(many)
        true = {one[1]: path for one, path in true.items()}
        other = max(true)
        self.assertGreater(other, 24099)
        for flow in range(10):
            self.agree(told[flow], true[other if flow == 3 else 24000 + flow])


if __name__ == "__main__":
    unittest.main()
