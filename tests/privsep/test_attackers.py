"""The caller as an enemy: a process of the same user may look at the helper at any moment
of its life, from the exec on. It gets nothing."""

import ctypes
import os
import random
import select
import signal
import socket
import time
import unittest
from pathlib import Path

import paris
import privsep
from privsep import DONE, NO_CAPABILITY, Helper

PTRACE_TRACEME, PTRACE_CONT, PTRACE_DETACH, PTRACE_SEIZE = 0, 7, 17, 0x4206
SYS_PROCESS_VM_READV, SYS_PROCESS_VM_WRITEV, SYS_PIDFD_GETFD = 310, 311, 438

wire = None


def setUpModule():
    global wire
    if privsep.capable_program() is None:
        raise unittest.SkipTest("without a file capability there is nothing to take: "
                                "only root sets one, and only on the release build")
    wire = privsep.Wire()


def tearDownModule():
    if wire is not None:
        wire.close()


# ---- attacks: each returns True when it has got something ----------------------------

def system_call(*arguments):
    """All arguments as wide as the kernel takes them."""
    return privsep.libc.syscall(*[one if hasattr(one, "_obj") else ctypes.c_ulong(one)
                                  for one in arguments])


class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


def with_ptrace(pid):
    if privsep.libc.ptrace(PTRACE_SEIZE, pid, None, None) != 0:
        return False
    privsep.libc.ptrace(PTRACE_DETACH, pid, None, None)
    return True


def with_pidfd(pid):
    handle = os.pidfd_open(pid)
    got = [system_call(SYS_PIDFD_GETFD, handle, number, 0) for number in range(12)]
    for number in got + [handle]:
        if number >= 0:
            os.close(number)
    return any(number >= 0 for number in got)


def with_vm(pid):
    own = ctypes.create_string_buffer(8)
    here = Vector(ctypes.addressof(own), 8)
    # The address of the stack is all that it takes to know; any mapped one will do.
    there = Vector(stack_of(pid), 8)
    return any(system_call(call, pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0) > 0
               for call in (SYS_PROCESS_VM_READV, SYS_PROCESS_VM_WRITEV))


def stack_of(pid):
    """Where its stack is, as far as it can be told."""
    try:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            if line.endswith("[stack]"):
                return int(line.split("-")[1].split()[0], 16) - 4096
    except OSError:
        pass
    return 0x7FFFFFFDE000


def opens(name, flags=os.O_RDONLY):
    def attack(pid):
        try:
            number = os.open(f"/proc/{pid}/{name}", flags)
        except OSError:
            return False
        try:
            if name == "mem":
                return bool(os.pread(number, 8, stack_of(pid)))
            return bool(os.read(number, 8))
        except OSError:
            return False
        finally:
            os.close(number)
    return attack


def links(*names):
    """What a link of /proc says, by any of these names, or opens."""
    def attack(pid):
        got = []
        for name in names:
            for function in (os.readlink, lambda path: os.open(path, os.O_PATH)):
                try:
                    got.append(function(f"/proc/{pid}/{name}"))
                except OSError:
                    pass
        for number in got:
            if isinstance(number, int):
                os.close(number)
        return bool(got)
    return attack


ATTACKS = {
    "ptrace": with_ptrace, "pidfd_getfd": with_pidfd, "process_vm": with_vm,
    "mem": opens("mem"), "mem, writing": opens("mem", os.O_RDWR), "maps": opens("maps"),
    "environ": opens("environ"), "auxv": opens("auxv"), "fdinfo": opens("fdinfo/2"),
    "fd": links(*(f"fd/{number}" for number in range(12))), "cwd": links("cwd"),
    "exe": links("exe"), "root": links("root"),
}


def successes(pid):
    """The names of the attacks that succeed against a process."""
    return sorted(name for name, attack in ATTACKS.items() if attack(pid))


def as_nobody(function, *arguments):
    """What a function gives, run by the user that the helper belongs to: a string."""
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            privsep.become(paris.NOBODY, False)
            os.write(writer, repr(function(*arguments)).encode())
        except BaseException as problem:  # pylint: disable=broad-except
            os.write(writer, f"failed: {problem!r}".encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        text = stream.read().decode()
    privsep.ended(pid)
    return text


def stage(pid):
    """How far it has come, as the world may know."""
    status = dict(line.split(":", 1) for line in
                  Path(f"/proc/{pid}/status").read_text().splitlines())
    return (status["Uid"].split()[1], int(status["CapPrm"], 16) != 0,
            status["NoNewPrivs"].strip(), status["Seccomp"].strip())


class SameUser(unittest.TestCase):
    def test_the_attacks_are_real(self):
        """Each of them works against a process that is not protected."""
        pid = privsep.spawn("/bin/sleep", ("60",))
        try:
            paris.wait_for(lambda: b"sleep" in Path(f"/proc/{pid}/cmdline").read_bytes(), 10,
                           "no sleep")
            self.assertEqual(as_nobody(successes, pid), repr(sorted(ATTACKS)))
        finally:
            os.kill(pid, signal.SIGKILL)
            privsep.ended(pid)

    def stages(self, uid, wanted, **more):
        """Stops a helper at random moments of its start, attacks it, lets it go on."""
        chance = random.Random(5)
        seen = set()
        rounds = 0
        while rounds < 25 or not seen >= wanted:
            rounds += 1
            self.assertLess(rounds, 2000, seen)
            reader, writer = os.pipe()  # closed by the exec
            helper = Helper("tcp", uid=uid, hello=False, **more)
            os.close(writer)
            select.select([reader], [], [], 10)
            os.close(reader)
            # Where all is slow the last stage comes late: so the moments spread by and by.
            time.sleep(chance.random() * 0.006 * (1 + rounds / 50))
            os.kill(helper.pid, signal.SIGSTOP)
            os.waitpid(helper.pid, os.WUNTRACED)
            now = stage(helper.pid)
            seen.add(now)
            self.assertEqual(as_nobody(successes, helper.pid), "[]", now)
            os.kill(helper.pid, signal.SIGCONT)
            helper.read(privsep.HELLO)
            self.assertEqual(as_nobody(successes, helper.pid), "[]", "running")
            self.assertEqual(helper.close(), (DONE, ""))

    def test_every_stage(self):
        """With fs.suid_dumpable 1 an exec that gains capabilities may be dumped: then it
        is these that keep others out, until the helper has said that it may not."""
        nobody = str(paris.NOBODY)
        wanted = {(nobody, True, "0", "0"), (nobody, False, "1", "2")}
        for value in privsep.each_suid_dumpable():
            with self.subTest(suid_dumpable=value):
                self.stages(paris.NOBODY, wanted)

    def test_every_stage_of_roots(self):
        """Started by root it becomes nobody, whom other programs may be as well."""
        nobody = str(paris.NOBODY)
        wanted = {("0", True, "0", "0"), (nobody, False, "1", "2")}
        for value in privsep.each_suid_dumpable():
            with self.subTest(suid_dumpable=value):
                self.stages(None, wanted, program=privsep.original())

    def test_traced_from_the_start(self):
        """Who executes it under ptrace has a helper without the capability."""
        def traced():
            near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            pid = privsep.spawn(
                privsep.capable_program(), ("tcp",), far, uid=None,
                prepare=lambda: privsep.libc.ptrace(PTRACE_TRACEME, 0, None, None))
            os.waitpid(pid, 0)
            caught = successes(pid) != []
            privsep.libc.ptrace(PTRACE_CONT, pid, None, None)
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            near.close()
            far.close()
            return caught, status
        self.assertEqual(as_nobody(traced), repr((True, NO_CAPABILITY)))

    def test_loader(self):
        """What steers the loader does not steer it."""
        environment = {"LD_DEBUG": "all", "LD_PRELOAD": "/nonexistent.so",
                       "LD_AUDIT": "/nonexistent.so", "LD_LIBRARY_PATH": "/nonexistent"}
        with Helper(environment=environment) as helper:
            self.assertEqual(helper.close(), (DONE, ""))
        # With a capability of the caller's own it is the caller's program, and does.
        with Helper(environment=environment, program=privsep.original(),
                    ambient=True) as helper:
            self.assertIn("nonexistent", helper.close()[1])

    def test_signals(self):
        """A user may end or stop his own; nothing else comes of it."""
        for number in (signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV, signal.SIGSYS,
                       signal.SIGALRM):
            with Helper() as helper:
                os.kill(helper.pid, number)
                self.assertEqual(helper.wait(), -number)
                self.assertEqual(list(Path("/").glob("core*")), [])


if __name__ == "__main__":
    unittest.main()
