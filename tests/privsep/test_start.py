"""How paris-privsep starts, in every way in which it may be started and in many in which
it should not; and what it is then."""

import ctypes
import itertools
import os
import re
import resource
import signal
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

import paris
import privsep
from privsep import DONE, FAILED, NO_CAPABILITY, USAGE, Helper

RELEASE = paris.VARIANT == "release"
SOURCES = paris.TESTS.parent
FILES_MAX = 4 + 4 + privsep.RESERVATIONS
SYS_PIDFD_GETFD, IP_HDRINCL, IPV6_HDRINCL, SO_DETACH_FILTER, SO_LOCK_FILTER = 438, 3, 36, 27, 44
MS_NOSUID, MS_REC, MS_PRIVATE = 2, 0x4000, 1 << 18

wire = None  # only for its network


def setUpModule():
    global wire
    wire = privsep.Wire()


def tearDownModule():
    wire.close()


def start_and_end(*arguments, **more):
    """Starts the helper with whatever channel; returns (status, standard error)."""
    with tempfile.TemporaryFile() as errors:
        more.setdefault("program", privsep.capable_program() or privsep.original())
        more.setdefault("ambient", privsep.capable_program() is None)
        program = more.pop("program")
        pid = privsep.spawn(program, arguments, stderr=errors.fileno(), **more)
        status = privsep.ended(pid)
        return status, os.pread(errors.fileno(), 1 << 16, 0).decode()


class Started(unittest.TestCase):
    """What it is once it has said hello."""

    def test_hello(self):
        for arguments, features in (((), 3), (("tcp",), 15)):
            with Helper(*arguments) as helper:
                self.assertEqual(helper.hello.features, features)
                self.assertEqual(helper.close(), (DONE, ""))

    def test_nonces_differ(self):
        nonces = set()
        for _ in range(5):
            with Helper() as helper:
                nonces.add(helper.hello.nonce)
        self.assertEqual(len(nonces), 5)

    @unittest.skipUnless(RELEASE, "the sandbox is compiled out of this variant")
    def test_state(self):
        with Helper("tcp") as helper:
            state = helper.state()
            self.assertEqual(state["Seccomp"].strip(), "2")
            self.assertEqual(state["NoNewPrivs"].strip(), "1")
            for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                self.assertEqual(int(state[name], 16), 0, name)
            expected = paris.NOBODY if privsep.ROOT else os.getuid()
            self.assertEqual(set(state["Uid"].split()), {str(expected)})
            self.assertEqual(set(state["Gid"].split()),
                             {str(paris.NOBODY if privsep.ROOT else os.getgid())})
            blocked = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
            self.assertEqual(int(state["SigBlk"], 16),
                             sum(1 << number - 1 for number in blocked))
            # Undumpable: /proc/PID belongs to root.
            self.assertEqual(helper.proc("status").stat().st_uid,
                             0 if privsep.ROOT else paris.NOBODY)

    @unittest.skipUnless(RELEASE, "the sandbox is compiled out of this variant")
    def test_limits(self):
        with Helper() as helper:
            limits = helper.proc("limits").read_text()
            for name, value in (("Max core file size", 0), ("Max processes", 0),
                                ("Max open files", FILES_MAX)):
                self.assertRegex(limits, rf"{name} +{value} +{value} ")

    @unittest.skipUnless(privsep.ROOT, "only root sees an undumpable process's files")
    def test_files(self):
        with Helper("tcp") as helper:
            files = paris.open_files(helper.pid)
            sockets = [number for number, what in files.items()
                       if what.startswith("socket:")]
            self.assertEqual(sorted(sockets)[:5], [3, 4, 5, 6, 7])
            if RELEASE:
                self.assertEqual(sorted(files), list(range(8)))
                self.assertEqual(os.readlink(helper.proc("cwd")), "/")

    @unittest.skipUnless(privsep.ROOT, "only root can take a socket from it, to look at it")
    def test_raw_sockets(self):
        """No header of the caller's, and a filter that whoever has the socket is not rid
        of."""
        with Helper("tcp") as helper:
            handle = os.pidfd_open(helper.pid)
            for number in range(4, 8):
                taken = socket.socket(fileno=privsep.check(privsep.libc.syscall(
                    SYS_PIDFD_GETFD, handle, number, 0), "pidfd_getfd"))
                with taken:
                    level, option = (socket.IPPROTO_IP, IP_HDRINCL) \
                        if taken.family == socket.AF_INET else \
                        (socket.IPPROTO_IPV6, IPV6_HDRINCL)
                    self.assertEqual(taken.type, socket.SOCK_RAW)
                    self.assertEqual(taken.getsockopt(level, option), 0)
                    self.assertEqual(taken.getsockopt(socket.SOL_SOCKET, SO_LOCK_FILTER), 1)
                    with self.assertRaises(PermissionError):
                        taken.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)
            os.close(handle)
            self.assertEqual(helper.close(), (DONE, ""))

    def test_ports_and_descriptors_fit(self):
        """All reservations that there are: the limit on descriptors allows them."""
        with Helper("tcp") as helper:
            for number in range(privsep.RESERVATIONS):
                protocol = (privsep.UDP, privsep.TCP)[number % 2]
                answer = helper.reserve(number, protocol, "127.0.0.1")
                self.assertEqual((answer.id, answer.error), (number, 0))
            self.assertEqual(helper.close(), (DONE, ""))


class NotAsItShould(unittest.TestCase):
    """Channels, arguments, descriptors, signals, environment, limits."""

    def test_no_channel(self):
        pairs = {"pipe": os.pipe()}
        sockets = {
            "stream": socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM),
            "datagram": socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM),
            "internet": (socket.socket(socket.AF_INET, socket.SOCK_DGRAM),)}
        try:
            channels = {name: ends[0] for name, ends in sockets.items()}
            channels["pipe"] = os.fdopen(pairs["pipe"][0], "rb", closefd=False)
            channels["closed"] = None
            channels["terminal or file"] = open("/dev/null", "rb")
            for name, channel in channels.items():
                with self.subTest(channel=name):
                    status, errors = start_and_end(channel=channel)
                    self.assertEqual(status, USAGE, errors)
                    self.assertRegex(errors, r"^paris-privsep: not started by a tool.*\n$")
        finally:
            channels["terminal or file"].close()
            for number in pairs["pipe"]:
                os.close(number)
            for end in itertools.chain(*sockets.values()):
                end.close()

    def test_channel_without_peer(self):
        """A socket of the right kind that nobody is at the other end of."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as alone:
            self.assertEqual(start_and_end(channel=alone), (DONE, ""))
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with near:
            far.close()
            self.assertEqual(start_and_end(channel=near), (DONE, ""))

    def test_arguments(self):
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with near, far:
            for arguments in (["udp"], [""], ["tcp", "tcp"], ["tcp "], ["-h"],
                              ["x" * 4096]):
                status, errors = start_and_end(*arguments, channel=near)
                self.assertEqual(status, USAGE, errors)

    @unittest.skipUnless(RELEASE, "valgrind and the sanitizers want a name")
    def test_no_arguments_at_all(self):
        """argc 0; since Linux 5.18 it is 1 and the name empty."""
        def execute(path, _, environment):
            text = [f"{name}={value}".encode() for name, value in environment.items()]
            privsep.libc.execve(path.encode(), (ctypes.c_char_p * 1)(None),
                                (ctypes.c_char_p * (len(text) + 1))(*text, None))
        with Helper(execute=execute, hello=False) as helper:
            if helper.receive() is None:
                self.assertEqual(helper.wait(), USAGE)
            else:
                self.assertEqual(helper.close(), (DONE, ""))

    def test_closed_descriptors(self):
        for count in range(4):
            for closed in itertools.combinations((0, 1, 2), count):
                if 2 in closed and not RELEASE:
                    continue  # where valgrind and the sanitizers report
                with self.subTest(closed=closed), Helper("tcp", closed=closed) as helper:
                    if privsep.ROOT and paris.VARIANT != "valgrind":  # whose own it is
                        files = paris.open_files(helper.pid)
                        for number in closed:
                            # The C library does it too, for a capable file.
                            self.assertIn(files[number], ("/dev/null", "/dev/full"))
                    self.assertEqual(helper.reserve(0, privsep.UDP, "127.0.0.1").error, 0)
                    self.assertEqual(helper.close()[0], DONE)

    def test_inherited_descriptors(self):
        def prepare():
            for number in range(100, 400):
                os.dup2(0, number)
        with Helper(prepare=prepare) as helper:
            if privsep.ROOT and RELEASE:
                self.assertEqual(len(paris.open_files(helper.pid)), 6)
            self.assertEqual(helper.close(), (DONE, ""))

    def test_signals(self):
        """Neither ignored nor blocked ones are inherited; but the C library lets nobody set
        the two of its own, 32 and 33, which whoever started us may have ignored."""
        def prepare():
            for number in set(signal.valid_signals()) - {signal.SIGKILL, signal.SIGSTOP}:
                signal.signal(number, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        with Helper(prepare=prepare) as helper:
            state = helper.state()
            if RELEASE:
                self.assertEqual(int(state["SigIgn"], 16) & ~(3 << 31), 0)
                self.assertEqual(bin(int(state["SigBlk"], 16)).count("1"), 4)
            for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
                os.kill(helper.pid, number)
            self.assertEqual(helper.reserve(0, privsep.UDP, "127.0.0.1").error, 0)
            self.assertEqual(helper.close(), (DONE, ""))

    def test_environment(self):
        """Large, and with what steers the loader and the C library."""
        environment = {f"X{number}": "y" * 100000 for number in range(8)}
        environment.update(MALLOC_CHECK_="3", LC_ALL="de_DE.UTF-8", TZ="/etc/passwd",
                           GLIBC_TUNABLES="glibc.malloc.check=3", GCONV_PATH="/tmp")
        environment.update({name: value for name, value in os.environ.items()
                            if not RELEASE})
        with Helper(environment=environment) as helper:
            self.assertEqual(helper.close(), (DONE, ""))

    @unittest.skipUnless(RELEASE, "valgrind and the sanitizers need more")
    def test_limits(self):
        """Works, or says that it does not; nothing hangs, nothing dies of the sandbox."""
        cases = [(resource.RLIMIT_NOFILE, value) for value in range(14)]
        cases += [(resource.RLIMIT_AS, value << 16) for value in range(1, 200, 7)]
        cases += [(resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_DATA, 1 << 16),
                  (resource.RLIMIT_NPROC, 0), (resource.RLIMIT_MEMLOCK, 0),
                  (resource.RLIMIT_SIGPENDING, 0), (resource.RLIMIT_MSGQUEUE, 0),
                  (resource.RLIMIT_STACK, 1 << 15), (resource.RLIMIT_CPU, 1)]
        seen = set()
        for limit, value in cases:
            def prepare(limit=limit, value=value):
                resource.setrlimit(limit, (value, value))
            with self.subTest(limit=limit, value=value), \
                    Helper("tcp", prepare=prepare, hello=False) as helper:
                if helper.receive() is not None:
                    seen.add("works")
                    self.assertEqual(helper.close(), (DONE, ""))
                    continue
                status = helper.wait()
                seen.add(status)
                # 127: the loader; SIGKILL and SIGSEGV: the kernel, within the exec
                self.assertIn(status, (FAILED, USAGE, 126, 127, -signal.SIGKILL,
                                       -signal.SIGSEGV))
                if status in (FAILED, USAGE):
                    self.assertRegex(helper.errors(), r"^paris-privsep: .*\n$")
        self.assertLessEqual({"works", FAILED}, seen)

    @unittest.skipUnless(RELEASE, "valgrind and the sanitizers need more")
    def test_too_few_descriptors(self):
        """Fewer than it may come to need are too few at once, and it says so."""
        for files in (FILES_MAX - 50, FILES_MAX - 1, FILES_MAX):
            def prepare(files=files):
                resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
            with Helper("tcp", prepare=prepare, hello=False) as helper:
                if files == FILES_MAX:
                    helper.read(privsep.HELLO)
                    continue
                self.assertIsNone(helper.receive())
                self.assertEqual(helper.wait(), FAILED)
                self.assertEqual(helper.errors(), "paris-privsep: fewer than 72 open files "
                                 "(ulimit -n) are not enough: Too many open files\n")


@unittest.skipUnless(privsep.ROOT and RELEASE, "only root makes files capable, and only "
                     "the release build is to be")
class Capability(unittest.TestCase):
    """Where the file capability does not count, and where there is more than that."""

    def check_missing(self, program=None, **more):
        with Helper(program=program or privsep.capable_copy(), hello=False,
                    **more) as helper:
            self.assertIsNone(helper.receive())
            self.assertEqual(helper.wait(), NO_CAPABILITY, helper.errors())
            self.assertRegex(helper.errors(),
                             r"^paris-privsep: cap_net_raw is missing: [^\n]*setcap[^\n]*\n$")

    def test_not_set(self):
        self.check_missing(privsep.original())

    def test_no_new_privileges(self):
        self.check_missing(prepare=lambda: privsep.prctl(privsep.PR_SET_NO_NEW_PRIVS, 1))

    def test_bounding_set(self):
        def cut():
            privsep.prctl(privsep.PR_CAPBSET_DROP, privsep.CAP_NET_RAW)
        self.check_missing(first=cut)
        # With +ep the kernel would not even start it, so nothing could be explained.
        program = privsep.capable_copy(attribute=privsep.file_capability(effective=True))
        with Helper(program=program, first=cut, hello=False) as helper:
            self.assertIsNone(helper.receive())
            self.assertEqual(helper.wait(), 126)
            self.assertIn("PermissionError", helper.errors())

    def test_nosuid_mount(self):
        folder = paris.temporary_folder()

        def mount():
            privsep.unshare(privsep.CLONE_NEWNS)
            privsep.check(privsep.libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None),
                          "mount")
            privsep.check(privsep.libc.mount(b"none", str(folder).encode(), b"tmpfs",
                                             MS_NOSUID, None), "mount")
            folder.chmod(0o755)
            privsep.capable_copy(folder)
        self.check_missing(folder / privsep.PROGRAM, first=mount)

    def test_user_namespace(self):
        """Capabilities of a user namespace that does not own the network."""
        self.check_missing(prepare=lambda: privsep.unshare(privsep.CLONE_NEWUSER))

        def as_its_root():
            privsep.unshare(privsep.CLONE_NEWUSER)
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"0 {paris.NOBODY} 1")
            Path("/proc/self/gid_map").write_text(f"0 {paris.NOBODY} 1")
        self.check_missing(prepare=as_its_root)

    def test_root_that_cannot_leave(self):
        """uid 0 of a container in which there is no other: it does not stay uid 0."""
        def container():
            privsep.unshare(privsep.CLONE_NEWUSER | privsep.CLONE_NEWNET)
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"0 {paris.NOBODY} 1")
            Path("/proc/self/gid_map").write_text(f"0 {paris.NOBODY} 1")
        with Helper(prepare=container, hello=False) as helper:
            self.assertIsNone(helper.receive())
            self.assertEqual(helper.wait(), FAILED)
            self.assertIn("cannot start in safety", helper.errors())

    def test_root_that_may_not_leave(self):
        """Likewise one without the capabilities that it takes to become another."""
        def cut():
            for number in (6, 7):  # CAP_SETGID, CAP_SETUID
                privsep.prctl(privsep.PR_CAPBSET_DROP, number)
        with Helper(program=privsep.original(), uid=None, prepare=cut,
                    hello=False) as helper:
            self.assertIsNone(helper.receive())
            self.assertEqual(helper.wait(), FAILED)
            self.assertEqual(helper.errors(), "paris-privsep: cannot start in safety: "
                             "Operation not permitted\n")

    def test_setuid(self):
        """Never: neither a setuid nor a setgid copy starts."""
        for mode in (0o4755, 0o2755):
            program = privsep.capable_copy()
            program.chmod(mode)
            os.setxattr(program, "security.capability", privsep.file_capability())
            with Helper(program=program, hello=False) as helper:
                self.assertIsNone(helper.receive())
                self.assertEqual(helper.wait(), USAGE)
                self.assertIn("Operation not permitted", helper.errors())

    def test_more_capabilities(self):
        """A file or a caller that has all of them: none is left either."""
        everything = int(Path("/proc/self/status").read_text().split("CapBnd:")[1].split()[0],
                         16) & 0xFFFFFFFF
        program = privsep.capable_copy(
            attribute=privsep.file_capability(True, everything))
        for more in ({"program": program}, {"uid": None}):
            with Helper("tcp", **more) as helper:
                state = helper.state()
                for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                    self.assertEqual(int(state[name], 16), 0, name)

    def test_ambient(self):
        """A caller with the capability needs none on the file."""
        with Helper("tcp", program=privsep.original(), ambient=True) as helper:
            self.assertEqual(int(helper.state()["CapAmb"], 16), 0)
            self.assertEqual(helper.close(), (DONE, ""))

    def test_root(self):
        """Started by uid 0, with groups: it is nobody, for good."""
        def with_groups():
            os.setgroups([0, 4, 20])
        for suid_dumpable in privsep.each_suid_dumpable():
            with Helper("tcp", program=privsep.original(), uid=None,
                        first=with_groups) as helper:
                state = helper.state()
                nobody = {str(paris.NOBODY)}
                self.assertEqual(set(state["Uid"].split()), nobody)
                self.assertEqual(set(state["Gid"].split()), nobody)
                self.assertEqual(state["Groups"].split(), [])
                self.assertEqual(helper.proc("status").stat().st_uid, 0, suid_dumpable)
                # It keeps a port for nobody, not for root.
                self.assertEqual(helper.reserve(0, privsep.UDP, "127.0.0.1", 53).error, 13)
                self.assertEqual(helper.close(), (DONE, ""))


class Variant(unittest.TestCase):
    @unittest.skipUnless(privsep.ROOT, "only root makes files capable")
    def test_file_capability(self):
        """It counts only with the sandbox."""
        program = privsep.capable_copy()
        environment = {} if RELEASE else {"ASAN_OPTIONS": "detect_leaks=0"}
        with Helper(program=program, hello=False, environment=environment) as helper:
            if RELEASE:
                self.assertEqual(helper.read(privsep.HELLO).features, 3)
                self.assertEqual(helper.close(), (DONE, ""))
            else:
                self.assertIsNone(helper.receive())
                self.assertEqual(helper.wait(), USAGE, helper.errors())
                self.assertRegex(helper.errors(), "^paris-privsep: a build without sandbox "
                                 "must have no file capability: [^\n]*\n$")


@unittest.skipUnless(RELEASE, "once is enough")
class Installed(unittest.TestCase):
    """make install, and make install-caps."""

    def make(self, *words):
        return subprocess.run(
            ["make", "-s", "--no-print-directory", "-C", SOURCES, f"BUILD={paris.BUILD}",
             *words], capture_output=True, text=True, check=False)

    def test_install(self):
        folder = paris.temporary_folder()
        done = self.make(f"prefix={folder}", "install")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        helper = folder / "libexec" / "paris-traceroute" / privsep.PROGRAM
        self.assertEqual(helper.stat().st_mode & 0o7777, 0o755)
        self.assertNotIn("security.capability", os.listxattr(helper))
        for path in folder.rglob("*"):
            self.assertEqual(path.stat().st_mode & 0o6000, 0, path)
        pages = {path.name for path in (folder / "share" / "man").glob("man?/*")}
        self.assertEqual(pages, {path.name for path in (SOURCES / "man").iterdir()})
        self.assertTrue((folder / "share" / "man" / "man8" / "paris-privsep.8").is_file())
        if privsep.ROOT:
            done = self.make(f"prefix={folder}", "install-caps")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(os.getxattr(helper, "security.capability"),
                             privsep.file_capability())
            self.assertEqual(helper.stat().st_mode & 0o7777, 0o755)

    def test_refusals(self):
        """Each says what to do instead, and none comes as far as the file."""
        folder = paris.temporary_folder()
        self.assertEqual(self.make(f"prefix={folder}", "install").returncode, 0)
        for words, why in ((["DESTDIR=/nonexistent"], "without DESTDIR"),
                           (["SAN=address,undefined"], "without SAN and VALGRIND"),
                           (["VALGRIND=1"], "without SAN and VALGRIND"),
                           (["libexecdir=/nonexistent"], "make install first"),
                           (["PATH=/nonexistent"], "install libcap2-bin")):
            done = self.make(f"prefix={folder}", "install-caps", *words)
            self.assertNotEqual(done.returncode, 0, words)
            self.assertRegex(done.stderr, f"^install-caps: .*{why}")
        helper = folder / "libexec" / "paris-traceroute" / privsep.PROGRAM
        self.assertNotIn("security.capability", os.listxattr(helper))

    def test_a_file_system_without_capabilities(self):
        """What setcap says is not all that the user is told."""
        folder = paris.temporary_folder()
        self.assertEqual(self.make(f"prefix={folder}", "install").returncode, 0)
        setcap = folder / "bin" / "setcap"
        setcap.write_text("#!/bin/sh\nexit 1\n")
        setcap.chmod(0o755)
        done = self.make(f"prefix={folder}", "install-caps",
                         f"PATH={setcap.parent}:{os.environ['PATH']}")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("run it as root, on a file system", done.stderr)


class Documented(unittest.TestCase):
    def test_diagnostics(self):
        """The manual has each message that there is."""
        source = (SOURCES / "privsep" / "main.c").read_text()
        found = re.findall(r'fail\((?:PRIVSEP_\w+|status),\s*"([^":]+)', source)
        page = (SOURCES / "man" / "paris-privsep.8").read_text()
        diagnostics = page.split(".Sh DIAGNOSTICS")[1].split(".Sh")[0]
        self.assertEqual(len(found), source.count("fail(PRIVSEP_"))
        for message in found:
            self.assertIn(f'.It "{message}: ', diagnostics)

    def test_exit_status(self):
        header = (SOURCES / "common" / "privsep_messages.h").read_text()
        found = re.findall(r"PRIVSEP_EXIT_\w+ = (\d)", header)
        page = (SOURCES / "man" / "paris-privsep.8").read_text()
        statuses = page.split(".Sh EXIT STATUS")[1].split(".Sh")[0]
        self.assertEqual(re.findall(r"^\.It (\d)$", statuses, re.M), found)


@unittest.skipUnless(RELEASE, "of the build for users")
class Imports(unittest.TestCase):
    """privsep/check, which the build runs, can fail."""

    def check(self, name):
        copy = paris.temporary_folder() / name  # beside which it may write
        copy.write_bytes(Path(paris.program(name)).read_bytes())
        return subprocess.run([SOURCES / "privsep" / "check", copy], text=True,
                              capture_output=True, check=False)

    def test_ours(self):
        done = self.check(privsep.PROGRAM)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_others(self):
        done = self.check("paris-prober")
        self.assertEqual(done.returncode, 1)
        for name in ("malloc", "epoll_wait|epoll_pwait", "strtoul|isoc23_strtoul|calloc"):
            self.assertRegex(done.stderr, rf"privsep/imports: .*\b({name})\b")


if __name__ == "__main__":
    unittest.main()
