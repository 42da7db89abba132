"""What the tests of paris-privsep share: its messages, starting it in every way there is,
and a wire to watch.

    wire = privsep.Wire()                  # this process moves into a network of its own
    helper = privsep.Helper("tcp")
    helper.reserve(0, privsep.TCP, wire.address(4))
    helper.send(...); helper.read()

The helper is started as an ordinary user, from a copy with the file capability; where
that cannot be had (not root, a build without sandbox, a nosuid mount) with an ambient
capability, which looks the same to it. Each of these processes owns its network
namespace, so nothing here touches a real network.
"""

import ctypes
import fcntl
import functools
import ipaddress
import os
import select
import signal
import socket
import struct
import subprocess
import tempfile
from pathlib import Path

import paris

# ---- messages (common/privsep_messages.h) --------------------------------------------

HELLO, RESERVE, RESERVED, RELEASE, SEND, SENT, REPLY, DROPPED = range(1, 9)
ICMP, TCP, UDP, ICMP6 = 1, 6, 17, 58
ICMP4_BIT, ICMP6_BIT, TCP4_BIT, TCP6_BIT = 1, 2, 4, 8
ERROR, ECHO_REPLY, SEGMENT, DATAGRAM = range(1, 5)
DONE, FAILED, USAGE, NO_CAPABILITY = range(4)
RESERVATIONS, RATE, BURST = 64, 5000, 1024
PAYLOAD_MAX, REPLY_MAX, MESSAGE_MAX = 1472, 1280, 2048
SYN, RST, ACK, ECE, CWR = 0x02, 0x04, 0x10, 0x40, 0x80


def address_bytes(text, scope=0):
    """An address as it stands in a message; None: none."""
    if text is None:
        return bytes(21)
    found = ipaddress.ip_address(text)
    return struct.pack("!BI16s", found.version, scope, found.packed)


def address_text(data):
    version, _, packed = struct.unpack("!BI16s", data)
    return str(ipaddress.ip_address(packed[:4 if version == 4 else 16]))


def record(kind, body, sequence, version=1, length=None):
    return struct.pack("!BBHI", version, kind, len(body) if length is None else length,
                       sequence & 0xFFFFFFFF) + body


def reserve_body(number, protocol, source, port=0, dont_fragment=0, interface=0,
                 family=None, scope=0):
    family = family or ipaddress.ip_address(source).version
    return struct.pack("!BBBHIB", number, protocol, dont_fragment, port, interface,
                       family) + address_bytes(source, scope)


def send_body(number, protocol, source, destination, port, *, cookie=1, ttl=64, tos=0,
              flow_label=0, checksum=0, payload=b"", payload_len=None, sequence=0, ack=0,
              flags=SYN, options=0, window=0, mss=0, window_scale=0, timestamp=0,
              scope=0):
    body = struct.pack("!IBBBBI", cookie, number, protocol, ttl, tos, flow_label)
    body += address_bytes(source, scope) + address_bytes(destination, scope)
    body += struct.pack("!HHIIBBHHBI", port, checksum, sequence, ack, flags, options,
                        window, mss, window_scale, timestamp)
    length = len(payload) if payload_len is None else payload_len
    return body + struct.pack("!H", length) + payload


class Record:
    """What the helper said; the fields are named as in the header."""

    def __init__(self, data):
        self.version, self.kind, length, self.sequence = struct.unpack_from("!BBHI", data)
        body = data[8:]
        if length != len(body):
            raise AssertionError(f"a record of {len(body)} bytes says {length}")
        if self.kind == HELLO:
            self.features, self.nonce = struct.unpack("!I6s", body)
        elif self.kind == RESERVED:
            self.id, self.port, self.error = struct.unpack("!BHi", body)
        elif self.kind == SENT:
            self.cookie, self.error, self.by_kernel, self.stamp = struct.unpack(
                "!IiBq", body)
        elif self.kind == REPLY:
            (self.id, self.answer, self.by_kernel, self.ttl, self.tos, self.received,
             source, self.from_port, count) = struct.unpack_from("!BBBhhq21sHH", body)
            self.source = address_text(source)
            self.bytes = body[40:]
            if count != len(self.bytes):
                raise AssertionError(f"{len(self.bytes)} bytes, said {count}")
        elif self.kind == DROPPED:
            self.count, = struct.unpack("!I", body)
        else:
            raise AssertionError(f"the helper sent type {self.kind}")

    def __repr__(self):
        return str(vars(self))


# ---- privileges ----------------------------------------------------------------------

libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x20000, 0x10000000, 0x40000000
PR_SET_DUMPABLE, PR_SET_KEEPCAPS, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 4, 8, 24, 38
PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 47, 2
CAP_NET_ADMIN, CAP_NET_RAW = 12, 13
ROOT = os.geteuid() == 0
OTHER_USER = 65533
PROCESSORS = os.sched_getaffinity(0)


def check(result, what):
    if result < 0:
        raise OSError(ctypes.get_errno(), what)
    return result


def prctl(*arguments):
    check(libc.prctl(*[ctypes.c_ulong(value) for value in arguments + (0,) * 5][:5]),
          f"prctl {arguments}")


def use_all_processors():
    """For what a process that has a Wire starts."""
    os.sched_setaffinity(0, PROCESSORS)


def unshare(flags):
    check(libc.unshare(flags), "unshare")


def set_capabilities(capabilities):
    """Permitted, effective and inheritable: those numbers."""
    mask = sum(1 << number for number in capabilities)
    header = struct.pack("=Ii", 0x20080522, 0)
    low, high = mask & 0xFFFFFFFF, mask >> 32
    check(libc.capset(header, struct.pack("=6I", low, low, low, high, high, high)),
          "capset")


def become(uid, ambient):
    """This process turns into that user's, with cap_net_raw ambient or nothing."""
    if os.geteuid() == 0:
        prctl(PR_SET_KEEPCAPS, 1)
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    set_capabilities([CAP_NET_RAW] if ambient else [])
    prctl(PR_SET_DUMPABLE, 1)  # again, to have one's own /proc/self
    if ambient:
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW)


def file_capability(effective=False, permitted=1 << CAP_NET_RAW):
    """The attribute that `setcap cap_net_raw+p` writes (linux/capability.h)."""
    return struct.pack("<IIIII", 0x02000000 | effective, permitted, 0, 0, 0)


def each_suid_dumpable():
    """For a loop: with fs.suid_dumpable 0 and 1 (it is put back). Others who start
    programs meanwhile do not mind."""
    setting = Path("/proc/sys/fs/suid_dumpable")
    before = setting.read_text()
    try:
        for value in "01":
            setting.write_text(value)
            yield value
    finally:
        setting.write_text(before)


# ---- starting it ---------------------------------------------------------------------

PROGRAM = "paris-privsep"


def original():
    return Path(paris.program(PROGRAM))


def capable_copy(folder=None, name=PROGRAM, attribute=None):
    """A copy of the helper with a file capability; OSError where there can be none."""
    target = (folder or paris.temporary_folder()) / name
    target.write_bytes(original().read_bytes())
    target.chmod(0o755)
    os.setxattr(target, "security.capability", attribute or file_capability())
    return target


@functools.lru_cache(maxsize=None)
def capable_program():
    """The copy that tests start, or None where file capabilities do not count."""
    if not ROOT or paris.VARIANT != "release":
        return None
    for folder in (None, paris.BUILD / "tests"):
        try:
            program = capable_copy(folder)
        except OSError:
            continue
        usable = subprocess.run(paris.as_user(["test", "-x", program]), check=False)
        if not os.statvfs(program).f_flag & os.ST_NOSUID and usable.returncode == 0:
            return program
    return None


def spawn(program, arguments=(), channel=None, prepare=None, uid=paris.NOBODY,
          ambient=False, closed=(), environment=None, stderr=None, first=None,
          execute=os.execve):
    """Forks and executes: `channel` becomes descriptor 3. `first` is called before the
    process turns into that user's (uid None: it does not), `prepare` last before the
    exec. Returns the pid."""
    command = paris.started_with([str(program), *arguments])
    environment = os.environ if environment is None else environment
    pid = os.fork()
    if pid:
        return pid
    try:
        use_all_processors()
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        if first is not None:
            first()
        null = os.open("/dev/null", os.O_RDWR)
        kept = fcntl.fcntl(null if channel is None else channel.fileno(),
                           fcntl.F_DUPFD_CLOEXEC, 20)
        error = fcntl.fcntl(null if stderr is None else stderr, fcntl.F_DUPFD_CLOEXEC, 20)
        os.dup2(null, 0)
        os.dup2(null, 1)
        os.dup2(error, 2)
        if channel is None:
            os.closerange(3, 4)
        else:
            os.dup2(kept, 3)
        for number in closed:
            os.closerange(number, number + 1)
        if uid is not None:
            become(uid, ambient)
        if prepare is not None:
            prepare()
        execute(command[0], command, environment)
    except BaseException as problem:  # pylint: disable=broad-except
        os.write(2, f"not started: {problem!r}\n".encode())
    os._exit(126)


def ended(pid, limit=20.0):
    """Waits for the end of a process that we started: its exit status, or minus the
    signal. One that does not end is killed, and an AssertionError."""
    handle = os.pidfd_open(pid)
    try:
        in_time = select.select([handle], [], [], limit * paris.SLOWNESS)[0]
        if not in_time:
            os.kill(pid, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    finally:
        os.close(handle)
    if not in_time:
        raise AssertionError(f"process {pid} does not end")
    return status


class Helper:
    """A running helper and the other end of its channel."""

    def __init__(self, *arguments, program=None, hello=True, ambient=None, uid=paris.NOBODY,
                 options=(), **more):
        capable = capable_program()
        if ambient is None:
            ambient = program is None and capable is None and uid is not None
        self.channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for option, value in options:  # of its end
            theirs.setsockopt(socket.SOL_SOCKET, option, value)
        self.stderr = tempfile.TemporaryFile()
        self.sequence = self.expected = 0
        self.said = []
        self.last = self.status = self.outcome = None
        with theirs:
            self.pid = spawn(program or capable or original(), arguments, theirs, uid=uid,
                             ambient=ambient, stderr=self.stderr.fileno(), **more)
        if hello:
            self.hello = self.read(HELLO)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __del__(self):
        self.channel.close()
        self.stderr.close()

    # -- talking

    def write(self, data, *ancillary):
        self.channel.sendmsg([data], list(ancillary))

    def say(self, kind, body):
        self.write(record(kind, body, self.sequence))
        self.sequence += 1

    def receive(self, limit=10.0):
        """The next record, or None when the helper has closed."""
        if not select.select([self.channel], [], [], limit * paris.SLOWNESS)[0]:
            raise AssertionError(f"the helper says nothing: {self.errors()}")
        try:
            data, ancillary, flags, _ = self.channel.recvmsg(4096, 256)
        except ConnectionResetError:
            return None
        if ancillary or flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
            raise AssertionError(f"unexpected: {ancillary} {flags:#x}")
        if not data:
            return None
        found = Record(data)
        if found.version != 1 or found.sequence != self.expected:
            raise AssertionError(f"sequence {self.expected} expected: {found}")
        self.expected += 1
        return found

    def read(self, kind, limit=10.0):
        """The next record of that kind; others go to `said`."""
        while True:
            found = self.receive(limit)
            if found is None:
                raise AssertionError(
                    f"ended with {self.wait()} before type {kind}: {self.errors()}")
            if found.kind == kind:
                self.last = found
                return found
            self.said.append(found)

    def reserve(self, number, protocol, source, port=0, **more):
        """Reserves and returns the answer."""
        self.say(RESERVE, reserve_body(number, protocol, source, port, **more))
        return self.read(RESERVED)

    def send(self, *arguments, **more):
        """Sends one probe and returns the answer."""
        self.say(SEND, send_body(*arguments, **more))
        return self.read(SENT)

    def replies(self):
        """All replies to what has arrived so far, a few dozen packets at most: those told
        before two marks that arrive last. With the first the helper may have looked at
        its raw sockets too early; with the second it has looked again, and at them first."""
        mark = RESERVATIONS - 1
        port = self.reserve(mark, UDP, "127.0.0.1").port
        for _ in range(2):
            send_mark(port)
            while self.read(REPLY).id != mark:
                self.said.append(self.last)
        self.say(RELEASE, bytes([mark]))
        found = [one for one in self.said if one.kind == REPLY]
        self.said = [one for one in self.said if one.kind != REPLY]
        return found

    # -- ending

    def errors(self):
        return os.pread(self.stderr.fileno(), 1 << 20, 0).decode(errors="replace")

    def wait(self, limit=20.0):
        """Waits for the end: the exit status, or minus the signal."""
        if self.status is None:
            self.status = ended(self.pid, limit)
        return self.status

    def close(self):
        """Closes the channel and waits for the end; returns (status, standard error)."""
        if not self.stderr.closed:
            self.channel.close()
            self.outcome = self.wait(), self.errors()
            self.stderr.close()
        return self.outcome

    def cpu(self):
        """Seconds of CPU time so far."""
        fields = self.proc("stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def proc(self, name):
        return Path(f"/proc/{self.pid}/{name}")

    def state(self):
        """{field: value} of /proc/PID/status."""
        return dict(line.split(":", 1) for line in
                    self.proc("status").read_text().splitlines())


# ---- the wire ------------------------------------------------------------------------

NEAR_MAC, FAR_MAC = bytes.fromhex("020000000001"), bytes.fromhex("020000000009")
ETH_P_ALL, PACKET_OUTGOING, SOL_PACKET, PACKET_STATISTICS = 3, 4, 263, 6
SOURCE = {4: "192.0.2.1", 6: "2001:db8::1"}
SECOND = {4: "192.0.2.2", 6: "2001:db8::2"}
ROUTER = {4: "192.0.2.9", 6: "2001:db8::9"}
TARGET = {4: "198.51.100.7", 6: "2001:db8:f::7"}
LOOPBACK = {4: "127.0.0.1", 6: "::1"}
ICMP_OF = {4: ICMP, 6: ICMP6}
FAMILIES = (4, 6)


def enter_network():
    """This process moves into a network namespace of its own, owned by its user
    namespace; as no other user than it is."""
    uid, gid = os.getuid(), os.getgid()
    unshare(CLONE_NEWNET if ROOT else CLONE_NEWUSER | CLONE_NEWNET)
    if not ROOT:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")


def send_mark(port):
    """A datagram that arrives behind all packets that this process has caused so far: a
    processor handles them in order, and we keep to one (see Wire)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"mark", ("127.0.0.1", port))


def ip(*lines):
    def administrate():
        """Who is not root has the capability here, but a program of his has it not."""
        if not ROOT:
            set_capabilities([CAP_NET_ADMIN])
            prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_ADMIN)
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines), text=True, check=True,
                   preexec_fn=administrate)


class Wire:
    """One interface with both families, everything behind it, and an eye on it: a packet
    is seen within the system call that sends it, so there is nothing to wait for. There
    is one a process, and the process cannot leave it; nor, from then on, its processor,
    so that what it sends arrives in order. Programs that it starts may use them all."""

    def __init__(self):
        enter_network()
        os.sched_setaffinity(0, {min(PROCESSORS)})
        for name in ("all", "default"):
            for setting, value in (("accept_dad", 0), ("accept_ra", 0),
                                   ("router_solicitations", 0)):
                Path(f"/proc/sys/net/ipv6/conf/{name}/{setting}").write_text(str(value))
            Path(f"/proc/sys/net/ipv4/conf/{name}/rp_filter").write_text("0")
        Path("/proc/sys/net/ipv4/icmp_ratelimit").write_text("0")
        ip("link set lo up",
           f"link add near0 address {NEAR_MAC.hex(':')} type veth peer name far0")
        Path("/proc/sys/net/ipv6/conf/far0/disable_ipv6").write_text("1")
        ip("link set far0 up", "link set near0 up",
           *(f"addr add {table[4]}/24 dev near0" for table in (SOURCE, SECOND)),
           *(f"addr add {table[6]}/64 dev near0 nodad" for table in (SOURCE, SECOND)),
           *(f"neigh add {ROUTER[family]} lladdr {FAR_MAC.hex(':')} dev near0"
             for family in FAMILIES),
           *(f"route add default via {ROUTER[family]}" for family in FAMILIES))
        # Long enough that no stalled test finds a neighbour given up.
        for family in FAMILIES:
            Path(f"/proc/sys/net/ipv{family}/neigh/near0/mcast_solicit").write_text("60")
        self.index = socket.if_nametoindex("near0")
        self.link_local = self._link_local()
        self.far = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.far.bind(("far0", 0))  # it only sends
        self.eye = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
        for option in (socket.SO_RCVBUF, 33):  # SO_RCVBUFFORCE: only for root
            try:
                self.eye.setsockopt(socket.SOL_SOCKET, option, 64 << 20)
            except PermissionError:
                pass
        self.eye.bind(("near0", ETH_P_ALL))

    def _link_local(self):
        def look():
            for line in Path("/proc/net/if_inet6").read_text().splitlines():
                packed, _, _, _, _, name = line.split()
                if name == "near0" and packed.startswith("fe80"):
                    return str(ipaddress.ip_address(bytes.fromhex(packed)))
            return None
        return paris.wait_for(look, 10, "no link-local address")

    def close(self):
        self.far.close()
        self.eye.close()

    def forget(self):
        """What has left so far is of no interest, nor whether there was room for it."""
        self._take()

    def take(self):
        """All IP packets that have left since the last call, decoded; not the kernel's
        neighbour discovery and multicast reports."""
        found, missed = self._take()
        if missed:
            raise AssertionError(f"{missed} packets found no room: take more often")
        return found

    def take_one(self):
        """The one packet that has left; a SYN may have been sent again by a kernel whose
        test stood still."""
        first, *again = self.take()
        if any((one.proto, one.flags, one.seq) != (TCP, SYN, first.seq) for one in again):
            raise AssertionError(f"more than one: {[first, *again]}")
        return first

    def _take(self):
        found = []
        while True:
            try:
                frame, (_, kind, direction, *_) = self.eye.recvfrom(65536)
            except BlockingIOError:
                statistics = self.eye.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
                return found, struct.unpack("=II", statistics)[1]
            if direction != PACKET_OUTGOING or kind not in (0x0800, 0x86DD):
                continue
            packet = paris.Packet(frame[14:])
            if packet.family == 6 and (packet.proto == ICMP6 and
                                       packet.type in (130, 131, 132, 143, *range(133, 138))
                                       or packet.raw[6] == 0):
                continue
            packet.destination_mac = frame[:6]
            found.append(packet)

    @staticmethod
    def settle():
        """Returns when all that was given, or sent by this process, has arrived."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
            own.bind(("127.0.0.1", 0))
            own.settimeout(10 * paris.SLOWNESS)
            send_mark(own.getsockname()[1])
            own.recv(16)

    def give(self, packet):
        """A packet arrives on our interface."""
        kind = 0x0800 if packet[0] >> 4 == 4 else 0x86DD
        self.far.send(NEAR_MAC + FAR_MAC + struct.pack("!H", kind) + packet)


def ip_packet(source, destination, protocol, payload, ttl=61, tos=0, identification=0x1234,
              fragment=0, options=b""):
    source, destination = map(ipaddress.ip_address, (source, destination))
    if source.version == 6:
        return struct.pack("!IHBB", 6 << 28 | tos << 20, len(payload), protocol, ttl) + \
            source.packed + destination.packed + payload
    words = 5 + len(options) // 4
    header = struct.pack("!BBHHHBBH4s4s", 0x40 | words, tos, words * 4 + len(payload),
                         identification, fragment, ttl, protocol, 0, source.packed,
                         destination.packed) + options
    total = paris.internet_checksum(header)
    return header[:10] + struct.pack("!H", total) + header[12:] + payload


def with_checksum(source, destination, protocol, payload, at):
    """The payload with its transport checksum at that offset."""
    payload = payload[:at] + b"\0\0" + payload[at + 2:]
    pseudo = b""
    if protocol != ICMP:
        pseudo = b"".join(ipaddress.ip_address(one).packed for one in (source, destination))
        pseudo += struct.pack("!II", len(payload), protocol)
    total = paris.internet_checksum(pseudo + payload)
    return payload[:at] + struct.pack("!H", total) + payload[at + 2:]


def icmp_packet(source, destination, kind, code=0, rest=b"\0\0\0\0", body=b"", **more):
    """An ICMP or ICMPv6 message."""
    protocol = ICMP_OF[ipaddress.ip_address(source).version]
    message = struct.pack("!BBH", kind, code, 0) + rest + body
    return ip_packet(source, destination, protocol,
                     with_checksum(source, destination, protocol, message, 2), **more)


def error_packet(quote, router=None, kind=None, code=0, to=None, **more):
    """A router's ICMP error that quotes these bytes of a packet."""
    family = 6 if ":" in (router or to or "") else 4 if router or to else quote[0] >> 4
    router = router or ("203.0.113.77" if family == 4 else "2001:db8:77::1")
    if to is None:
        to = str(ipaddress.ip_address(quote[12:16] if family == 4 else quote[8:24]))
    return icmp_packet(router, to, kind or (11 if family == 4 else 3), code,
                       body=quote, **more)


def tcp_packet(source, destination, sport, dport, flags, sequence=0, ack=0, **more):
    segment = struct.pack("!HHIIBBHHH", sport, dport, sequence, ack, 0x50, flags, 1024, 0, 0)
    return ip_packet(source, destination, TCP,
                     with_checksum(source, destination, TCP, segment, 16), **more)


def udp_packet(source, destination, sport, dport, payload=b"", **more):
    datagram = struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload
    return ip_packet(source, destination, UDP,
                     with_checksum(source, destination, UDP, datagram, 6), **more)


def until(function, what="it does not happen", limit=10):
    """Calls it until it gives something true."""
    return paris.wait_for(function, limit, what)


def check_policy(test, packet):
    """What SECURITY.md promises of every packet that the helper sends, whoever asks."""
    options = packet.raw[0] & 15 != 5 if packet.family == 4 else \
        packet.raw[6] not in (TCP, UDP, ICMP6)
    test.assertFalse(options or packet.fragment_offset or packet.more_fragments, packet)
    destination = ipaddress.ip_address(packet.dst)
    test.assertFalse(destination.is_multicast or destination.is_unspecified, packet)
    test.assertNotEqual(packet.destination_mac[0] & 1, 1, packet)
    if packet.family == 4:
        test.assertFalse(destination.packed[0] == 0 or packet.dst.endswith(".255"), packet)
    else:
        test.assertIsNone(destination.ipv4_mapped, packet)
    test.assertIn(packet.proto, (TCP, UDP, ICMP_OF[packet.family]), packet)
    if packet.proto == TCP:
        test.assertIn(packet.flags, (SYN, SYN | ECE, SYN | CWR, SYN | ECE | CWR, ACK))
        test.assertEqual(packet.payload, b"")
    if packet.proto == ICMP_OF[packet.family]:
        test.assertEqual((packet.type, packet.code), (8 if packet.family == 4 else 128, 0))
    if packet.proto in (TCP, UDP):
        test.assertGreaterEqual(packet.sport, 1024)
    test.assertGreaterEqual(packet.ttl, 1)
