"""What functional and lab tests share: where the programs are, running them as a user
without privilege, the simulated network, its captures.

    trace = paris.traceroute("line.topo", "198.51.100.9")     # the parsed JSON
    result = paris.fakeroute("line.topo", "paris-traceroute", "-n", "198.51.100.9")
    result.returncode, result.stdout, result.report, result.packets()

A topology is the name of a file of tests/topologies, a path, or the text itself (if it
holds a newline). Programs are named as in bin/. Every wait has a limit, after which the
programs are killed and the test fails. A sanitizer's report on standard error fails the
test too; tests/run looks at everything that is left behind after each test.
"""

import atexit
import functools
import ipaddress
import itertools
import json
import os
import random
import shlex
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path.insert(1, str(TESTS))

from harness import lateness, reports, schema, system  # noqa: E402

TOPOLOGIES = TESTS / "topologies"
BUILD = Path(os.environ.get("PARIS_BUILD", TESTS.parent / "build")).resolve()
VARIANT = os.environ.get("PARIS_VARIANT", "release")
# Time limits are multiplied by it: valgrind is slow.
SLOWNESS = float(os.environ.get("PARIS_SLOWNESS", "1"))
# What our programs are started with (valgrind), and where that reports.
WRAP = shlex.split(os.environ.get("PARIS_WRAP", ""))
WRAP[:1] = filter(None, map(shutil.which, WRAP[:1]))  # for those who do not search PATH
LOGS = os.environ.get("PARIS_LOGS")

NOBODY = 65534
SETPRIV = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
           "--no-new-privs", "--"]
TIME_LIMIT = 30
# No wait for what happens at once is shorter: any process may stand still for a while.
LEAST_LIMIT = 20
TRIES = 6  # of what a busy machine may spoil
AT_ONCE = 4  # cases of a module, where they are independent

_run_number = itertools.count(1)


results_schema = functools.lru_cache(maxsize=None)(schema.results)


# ---- where, and as whom --------------------------------------------------------------

def as_user(command):
    """The command, as a user without any privilege if we are root."""
    return (SETPRIV if os.geteuid() == 0 else []) + [str(part) for part in command]


def temporary_folder():
    """A new folder that any user can write to; it goes when the module ends."""
    folder = tempfile.mkdtemp(prefix="paris-")
    os.chmod(folder, 0o777)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


@functools.lru_cache(maxsize=None)
def stage():
    """The build folder or, if other users cannot reach that, a copy of what they need."""
    prober = BUILD / "libexec" / "paris-traceroute" / "paris-prober"
    if subprocess.run(as_user(["test", "-r", prober, "-a", "-x", prober]),
                      check=False).returncode == 0:
        return BUILD
    folder = temporary_folder()
    for part in ("bin", "libexec", "tests/programs"):
        if (BUILD / part).is_dir():
            shutil.copytree(BUILD / part, folder / part)
    subprocess.run(["chmod", "-R", "a+rX", folder], check=True)
    return folder


def program(name):
    """The path of one of our programs; any other name is returned as it is."""
    for part in ("bin", "libexec/paris-traceroute", "tests/programs"):
        path = stage() / part / name
        if "/" not in str(name) and path.is_file():
            return str(path)
    return str(name)


def started_with(command):
    """The command as it is executed: with its path and under valgrind, if asked for."""
    path = program(command[0])
    wrap = []
    if WRAP and path.startswith(str(stage())):
        log = f"--log-file={LOGS}/valgrind.{next(_run_number)}.%p" if LOGS else ""
        wrap = WRAP + ([log] if log else [])
    return wrap + [path] + [str(part) for part in command[1:]]


# Runs a command while so many ports of a kind of socket from 24000 on are in use.
PORTS_TAKEN = """
import resource, socket, subprocess, sys
count, family, kind = map(int, sys.argv[1:4])
limits = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
held = [socket.socket(family, kind) for _ in range(count)]
for number, one in enumerate(held):
    one.bind(("", 24000 + number))
sys.exit(subprocess.run(sys.argv[4:], preexec_fn=lambda: resource.setrlimit(
    resource.RLIMIT_NOFILE, limits)).returncode)
"""


def ports_taken(count, command, family=socket.AF_INET, kind=socket.SOCK_DGRAM):
    """The command, beside a program that has the ports that ours would choose."""
    return [sys.executable, "-c", PORTS_TAKEN, str(count), str(int(family)),
            str(int(kind)), *started_with(command)]


# ---- running -------------------------------------------------------------------------

class Result:
    """What a command did. Text is decoded so that no byte is lost (surrogateescape)."""

    def __init__(self, returncode, stdout, stderr, seconds, files=None):
        self.returncode = returncode
        self.stdout = stdout.decode("utf-8", "surrogateescape")
        self.stderr = stderr.decode("utf-8", "surrogateescape")
        self.seconds = seconds
        self.files = files or {}

    @property
    def report(self):
        """The simulator's report, parsed."""
        return json.loads(self.files["report"].read_text() or '{"processes_left": 0}')

    @property
    def pcap(self):
        """The path of the simulator's capture."""
        return self.files["pcap"]

    def packets(self):
        """The captured packets, decoded, in the order of time."""
        return read_pcap(self.pcap)

    @property
    def json(self):
        """What it printed as one object, which must be as doc/results.schema.json has it.
        Of thousands of probes of mda the first hundreds are looked at."""
        found = json.loads(self.stdout)
        kind = found.get("type") if isinstance(found, dict) else None
        if kind in ("trace", "multipath"):
            shown = dict(found, probes=found["probes"][:200]) if "probes" in found else found
            problems = results_schema().errors(shown, f"#/$defs/{kind}")
            if problems:
                raise AssertionError("not as doc/results.schema.json has it: "
                                     + "\n".join(problems[:5]))
        return found

    def __str__(self):
        text = (f"exit status {self.returncode} after {self.seconds:.2f} s\n"
                f"--- stdout\n{self.stdout}--- stderr\n{self.stderr}---")
        return text.encode("utf-8", "replace").decode()


class Ended(AssertionError):
    """A command is over that should have been seen while it ran."""


class Running:
    """A command that runs; end it with finish()."""

    def __init__(self, command, user=True, env=None, files=None, stdin=None,
                 may_leave=False):
        self.may_leave = may_leave
        self.command = [str(part) for part in command]
        self.files = files
        self.begun = time.monotonic()
        # Files, not pipes: nobody has to read meanwhile, and no limit applies.
        self.output = tempfile.TemporaryFile()
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            as_user(self.command) if user else self.command,
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=self.output, stderr=self.errors, env=dict(os.environ, **(env or {})),
            cwd="/", start_new_session=True)

    def find(self, name, limit=10):
        """The pid of the descendant that runs one of our programs, once it does. Raises
        Ended when the command has ended."""
        def runs(pid):
            try:
                line = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
            except OSError:
                return False
            names = [os.path.basename(part) for part in line]
            holders = {"paris-fakeroute", "setpriv"} - {name}
            return name in names and not holders.intersection(names)

        def look():
            over = self.process.poll() is not None
            pids = [self.process.pid] + system.descendants(self.process.pid)
            found = next(filter(runs, pids), None)
            if over and not found:
                raise Ended(f"{shlex.join(self.command)} has ended without {name}, or "
                            "before anybody looked")
            return found
        return wait_for(look, limit, f"{name} is not running")

    def text(self):
        """What it has written to standard output so far."""
        return os.pread(self.output.fileno(), 1 << 24, 0).decode(errors="replace")

    def finish(self, limit=TIME_LIMIT):
        """Waits for its end; returns its Result."""
        limit = max(limit, LEAST_LIMIT)
        late = False
        try:
            self.process.wait(limit * SLOWNESS)
        except subprocess.TimeoutExpired:
            late = True
            system.kill_tree(self.process.pid)
            self.process.wait()
        texts = []
        for stream in (self.output, self.errors):
            stream.seek(0)
            texts.append(stream.read())
            stream.close()
        result = Result(self.process.returncode, *texts,
                        time.monotonic() - self.begun, self.files)
        shown = shlex.join(self.command)
        if late:
            raise lateness.Fault(f"{shown}: no end within {limit * SLOWNESS} s\n{result}")
        if reports.in_text(result.stderr):
            raise lateness.Fault(f"{shown}\n{result}")
        if self.files and not self.may_leave and self.files["report"].exists():
            lateness.note(result.report, result.stderr, result.returncode)
            if result.report["processes_left"]:
                raise lateness.Fault(f"{shown}: processes left running\n{result}")
        return result


def start(*command, user=True, env=None, stdin=None):
    """Starts a command outside any simulated network."""
    return Running(started_with(command), user=user, env=env, stdin=stdin)


def run(*command, user=True, env=None, stdin=None, limit=TIME_LIMIT):
    """Runs a command outside any simulated network; returns its Result."""
    return start(*command, user=user, env=env, stdin=stdin).finish(limit)


def topology_file(topology):
    """The path of a topology file that every user can read."""
    source = Path(topology) if "\n" not in str(topology) else None
    if source is not None and not source.is_absolute():
        source = TOPOLOGIES / source
    path = temporary_folder() / (source.name if source is not None else "net.topo")
    path.write_text(source.read_text() if source is not None else topology)
    path.chmod(0o644)
    return path


def start_fakeroute(topology, *command, options=(), user=True, env=None,
                    may_leave=False):
    """Starts a command in a simulated network; options are paris-fakeroute's. A command
    that leaves processes running there fails the test, unless it may."""
    folder = temporary_folder()
    files = {"report": folder / "report.json", "pcap": folder / "capture.pcap"}
    line = [program("paris-fakeroute"), "--report", files["report"], "--pcap",
            files["pcap"], *options, topology_file(topology), "--", *started_with(command)]
    return Running(line, user=user, env=env, files=files, may_leave=may_leave)


def fakeroute(topology, *command, limit=TIME_LIMIT, **more):
    """Runs a command in a simulated network; returns its Result. `more` is for
    start_fakeroute."""
    return start_fakeroute(topology, *command, **more).finish(limit)


def patience(command):
    """The least seconds that a command line makes a probe wait for its answer."""
    words = [str(word) for word in command]
    given = [word[2:] or words[at + 1] for at, word in enumerate(words)
             if word.startswith("-w") and words[at:] != ["-w"]]
    # A maximum alone; with factors, or by default, waits are as short as round trips.
    wait = float(given[-1]) if given and given[-1].replace(".", "").isdigit() else 0.05
    return min(wait, 0.9) if "-T" in words else wait


def was_late(result, wait):
    """Whether the simulated network was late by about as much as probes are waited for
    (seconds). With less than 0.25 s there is no telling: such a test lives with losses."""
    behind = result.report.get("sent", {}).get("behind_ns", 0)
    return wait >= 0.25 and behind >= 0.6e9 * wait


def undisturbed(topology, *command, run=fakeroute, wait=None, **more):
    """As fakeroute, for what is compared with the truth: run again when the simulated
    network was late, as it is on a busy machine, by about as much as probes are waited
    for, or by `wait` seconds of another program. `-w 5` makes that rare; a TCP probe waits
    for 0.9 s at most. `run` runs it, if fakeroute does not."""
    wait = patience(command) if wait is None else wait
    for _ in range(TRIES):
        result = run(topology, *command, **more)
        if not was_late(result, wait):
            break
    return result


def until(agreed, run, tries=TRIES):
    """The result of run(), which is called again while it is not as agreed(result) has
    it: for what a process that stands still at the wrong moment makes different, and a
    fault each time."""
    for _ in range(tries):
        result = run()
        if agreed(result):
            break
    return result


def answers(trace):
    """[(ttl, probe)] of all that were answered in an object of --format json."""
    return [(hop["ttl"], probe) for hop in trace["hops"] for probe in hop["probes"]
            if probe["status"] == "answered"]


def traceroute(topology, *arguments, status=0, **more):
    """The object that paris-traceroute --format json gives in a simulated network.
    `status` is the exit status it must have (None: any)."""
    result = undisturbed(topology, "paris-traceroute", "--format", "json", "-w", "5",
                         *arguments, **more)
    if status is not None and result.returncode != status:
        raise AssertionError(f"expected exit status {status}, got {result}")
    return result.json


def in_parallel(work, cases):
    """(case, work(case)) of each case, in their order: they mostly wait."""
    cases = list(cases)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from zip(cases, pool.map(work, cases))


def some(cases, part=4):
    """All the cases, in the release build; in others, which are slow, a part of them,
    which is another one in each run."""
    cases = list(cases)
    if VARIANT == "release":
        return cases
    chosen = random.sample(range(len(cases)), -(-len(cases) // part))
    return [cases[at] for at in sorted(chosen)]


def wait_for(condition, limit, complaint):
    """Calls condition until it returns something true, and returns that."""
    limit = max(limit, LEAST_LIMIT)
    deadline = time.monotonic() + limit * SLOWNESS
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"{complaint} (waited {limit * SLOWNESS} s)")
        time.sleep(0.01)


def open_files(pid):
    """{descriptor: what it is} of a process."""
    return system.open_files(pid)


def sent_datagrams(pid):
    """How many UDP packets have left the network of a process over IPv4."""
    names, values = (line.split() for line in Path(
        f"/proc/{pid}/net/snmp").read_text().splitlines() if line.startswith("Udp:"))
    return int(values[names.index("OutDatagrams")])


def children(pid):
    """{pid: command line} of the children of a process."""
    return {child: what[2] for child, what in system.children(pid).items()}


# ---- captures ------------------------------------------------------------------------

PCAP_MAGICS = {0xA1B2C3D4: 1e-6, 0xA1B23C4D: 1e-9}
LINKTYPE_RAW = 101
ICMP, TCP, UDP, ICMP6, UDPLITE = 1, 6, 17, 58, 136
IPV6_FRAGMENT = 44
IPV6_EXTENSIONS = (0, 43, 60)
# Errors that quote a packet, by family.
ICMP_ERRORS = {4: (3, 4, 5, 11, 12), 6: (1, 2, 3, 4)}


class Packet:
    """One IP packet; what is not there (other protocol, short quote) is None."""

    def __init__(self, data, when=None):
        self.raw = data
        self.time = when
        self.fragment_offset = 0
        self.more_fragments = False
        for name in ("sport", "dport", "checksum", "type", "code", "id", "seq", "ack",
                     "flags", "udp_length", "ip_id", "flow_label", "quoted"):
            setattr(self, name, None)
        self.family = data[0] >> 4
        transport = self._ipv4() if self.family == 4 else self._ipv6()
        self.transport = transport
        self.payload = b""
        if not self.fragment_offset:
            {UDP: self._udp, UDPLITE: self._udp, TCP: self._tcp, ICMP: self._icmp,
             ICMP6: self._icmp}.get(self.proto, lambda data: None)(transport)

    def _ipv4(self):
        data = self.raw
        self.length, self.ip_id, offset = struct.unpack_from("!HHH", data, 2)
        self.tos, self.ttl, self.proto = data[1], data[8], data[9]
        self.src, self.dst = (str(ipaddress.ip_address(data[at:at + 4]))
                              for at in (12, 16))
        self.dont_fragment = bool(offset & 0x4000)
        self.more_fragments = bool(offset & 0x2000)
        self.fragment_offset = (offset & 0x1FFF) * 8
        return data[(data[0] & 15) * 4:self.length]

    def _ipv6(self):
        data = self.raw
        first, payload_length, following, self.ttl = struct.unpack_from("!IHBB", data)
        self.tos, self.flow_label = first >> 20 & 0xFF, first & 0xFFFFF
        self.length = 40 + payload_length
        self.src, self.dst = (str(ipaddress.ip_address(data[at:at + 16]))
                              for at in (8, 24))
        at = 40
        while following in IPV6_EXTENSIONS and at + 8 <= len(data):
            following, at = data[at], at + 8 + data[at + 1] * 8
        if following == IPV6_FRAGMENT and at + 8 <= len(data):
            following, _, offset, self.ip_id = struct.unpack_from("!BBHI", data, at)
            self.fragment_offset, self.more_fragments = offset & ~7, bool(offset & 1)
            at += 8
        self.proto = following
        return data[at:self.length]

    def _udp(self, data):
        if len(data) >= 4:
            self.sport, self.dport = struct.unpack_from("!HH", data)
        if len(data) >= 8:
            self.udp_length, self.checksum = struct.unpack_from("!HH", data, 4)
        self.payload = data[8:]

    def _tcp(self, data):
        if len(data) >= 8:
            self.sport, self.dport, self.seq = struct.unpack_from("!HHI", data)
        if len(data) >= 20:
            self.ack, offset, self.flags, _, self.checksum = struct.unpack_from(
                "!IBBHH", data, 8)
            self.payload = data[(offset >> 4) * 4:]

    def _icmp(self, data):
        if len(data) < 8:
            return
        self.type, self.code, self.checksum, self.id, self.seq = struct.unpack_from(
            "!BBHHH", data)
        self.payload = data[8:]
        header = 20 if self.family == 4 else 40
        if self.type in ICMP_ERRORS[self.family] and len(self.payload) >= header:
            self.id = self.seq = None
            self.quoted = Packet(self.payload)

    @property
    def checksum_ok(self):
        """Whether the transport checksum is right (of a whole, unfragmented packet)."""
        if self.proto == ICMP:
            pseudo = b""
        else:
            addresses = b"".join(ipaddress.ip_address(address).packed
                                 for address in (self.src, self.dst))
            pseudo = addresses + struct.pack("!II", len(self.transport), self.proto)
        return internet_checksum(pseudo + self.transport) == 0

    def flow(self):
        """What a per-flow load balancer hashes (as the toolkit's flow_id)."""
        base = (self.family, self.src, self.dst, self.proto, self.flow_label)
        if self.proto in (ICMP, ICMP6):
            return base + (self.type, self.code, self.id, self.checksum)
        return base + (self.sport, self.dport)

    def __repr__(self):
        ports = f" {self.sport}>{self.dport}" if self.sport is not None else ""
        kind = f" type {self.type}/{self.code} {self.id}/{self.seq}" \
            if self.type is not None else ""
        return (f"<{self.src} > {self.dst} proto {self.proto} ttl {self.ttl}"
                f"{ports}{kind} length {self.length}>")


def internet_checksum(data):
    """RFC 1071; 0 for data that holds its own right checksum."""
    total = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def read_pcap(path):
    """The packets of a capture of link type RAW."""
    data = Path(path).read_bytes()
    order = "<" if struct.unpack_from("<I", data)[0] in PCAP_MAGICS else ">"
    magic, _, _, _, _, _, link = struct.unpack_from(order + "IHHiIII", data)
    if magic not in PCAP_MAGICS or link != LINKTYPE_RAW:
        raise ValueError(f"{path}: magic {magic:#x}, link type {link}")
    packets, at = [], 24
    while at + 16 <= len(data):
        seconds, fraction, size, _ = struct.unpack_from(order + "IIII", data, at)
        at += 16
        packets.append(Packet(data[at:at + size], seconds + fraction * PCAP_MAGICS[magic]))
        at += size
    return packets
