"""The sandboxes of paris-prober, paris-names and paris-privsep: what they forbid dies of
SIGSYS, what they allow works, and what goes wrong inside still ends in order."""

import os
import re
import signal
import unittest
from pathlib import Path

import paris

BOTH = ("198.51.100.9", "2001:db8:ffff::9")
RELEASE = paris.VARIANT == "release"
WHY = "the sandbox is compiled out of this variant: its run-time needs calls of its own"
# Nobody answers there: the first router says that there is no way to it.
DEAD_RESOLVER = "198.51.100.8:53"


def calls(policy):
    """{call: (expected, outcome)} of tests/programs/forbidden."""
    result = paris.run("forbidden", policy)
    if result.returncode != 0 or result.stderr:
        raise AssertionError(str(result))
    found = {}
    for line in result.stdout.splitlines():
        name, expected, how, number = line.split()
        found[name] = (expected, (how, int(number)))
    return found


@unittest.skipUnless(RELEASE, WHY)
class Calls(unittest.TestCase):
    """Each call in a fork of its own, behind the very filter that the program loads."""

    @classmethod
    def setUpClass(cls):
        cls.outside = {name: outcome for name, (_, outcome) in calls("none").items()}

    def check(self, policy, allowed):
        inside = calls(policy)
        self.assertEqual(set(inside), set(self.outside))
        for name, (expected, outcome) in inside.items():
            with self.subTest(call=name):
                if name == "abort" and expected == "allowed":
                    self.assertEqual(outcome, ("signal", signal.SIGABRT))
                elif expected == "forbidden":
                    self.assertEqual(outcome, ("signal", signal.SIGSYS))
                else:
                    self.assertEqual(outcome[0], "returned")
        self.assertEqual({name for name, (expected, _) in inside.items()
                          if expected == "allowed"} & set(allowed), set(allowed))

    def test_prober(self):
        """Only the sockets of the transports that it was started for."""
        for transport, sockets in (("udp", ()), ("ping", ("socket_ping", "socket_ping6")),
                                   ("tcp", ("socket_stream", "socket_stream6")),
                                   ("udplite", ("socket_udplite",)),
                                   ("udp-raw", ("sendmsg_sender", "sendmsg_sender6")),
                                   ("ping-raw", ("sendmsg_sender", "sendmsg_sender6")),
                                   ("tcp-raw", ("sendmsg_sender", "sendmsg_sender6",
                                                "socket_stream", "socket_stream6"))):
            with self.subTest(transport=transport):
                self.check(transport, ("socket_udp", "bind", "recvmmsg_udp",
                                       "option_recverr") + sockets)

    def test_names(self):
        self.check("names", ("socket_udp", "socket_stream", "connect", "sendmsg"))

    def test_privsep(self):
        """No call that carries control messages on the channel: no descriptor leaves."""
        self.check("privsep", ("socket_udp", "socket_stream", "bind", "sendmsg_dontwait",
                               "recvmmsg_udp", "sendto_channel", "recvfrom_channel"))

    def test_outside(self):
        """Without a filter none is killed: it is the filter that the others die of."""
        for name, outcome in self.outside.items():
            with self.subTest(call=name):
                if name == "32_bit" and outcome == ("signal", signal.SIGSEGV):
                    continue  # a kernel without 32-bit calls
                if name == "abort":
                    self.assertEqual(outcome, ("signal", signal.SIGABRT))
                    continue
                self.assertEqual(outcome[0], "returned")
        works = {"openat", "fork", "clone", "ptrace", "kill_self", "prctl", "setuid",
                 "memfd_create", "ioctl", "socketpair", "pipe2", "write_stdout",
                 "mmap_exec", "mprotect_exec", "socket_unix", "socket_netlink",
                 "socket_stream", "option_reuse", "getsockopt_type"}
        for name in works & set(self.outside):
            self.assertEqual(self.outside[name], ("returned", 0), name)


def status(pid):
    """{field: value} of /proc/PID/status."""
    return dict(line.split(":\t", 1)
                for line in Path(f"/proc/{pid}/status").read_text().splitlines())


class Running(unittest.TestCase):
    """The programs as the tool starts them."""

    def start(self, *arguments, topology="silent-tail.topo"):
        return paris.start_fakeroute(topology, "paris-traceroute", *arguments)

    def ready(self, running, name):
        """The pid of a servant once it is in its sandbox."""
        pid = running.find(name)
        if RELEASE:
            paris.wait_for(lambda: status(pid)["Seccomp"].strip() == "2", 10,
                           f"{name} does not enter its sandbox")
        return pid

    @unittest.skipUnless(RELEASE, WHY)
    def test_filters_are_loaded(self):
        for method, target in (((), BOTH[0]), (("-I",), BOTH[1])):
            running = self.start("-w", "2", "--resolver", DEAD_RESOLVER, *method, target)
            for name in ("paris-prober", "paris-names"):
                found = status(self.ready(running, name))
                self.assertEqual(found["Seccomp"].strip(), "2")
                self.assertEqual(found["NoNewPrivs"].strip(), "1")
                for caps in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
                    self.assertEqual(int(found[caps], 16), 0, caps)
            tool = status(running.find("paris-traceroute"))
            self.assertEqual(tool["NoNewPrivs"].strip(), "1")
            os.kill(running.find("paris-traceroute"), signal.SIGINT)
            self.assertEqual(running.finish().returncode, 1)

    def test_stopped_and_continued(self):
        """As Ctrl-Z and fg do: the interrupted wait is taken up again."""
        for method in ((), ("-I",)):
            running = self.start("-n", "-w", "6", "-m", "5", *method, BOTH[0])
            pid = self.ready(running, "paris-prober")
            tool = running.find("paris-traceroute")
            paris.wait_for(lambda: "\n 3 " in running.text(), 10, "no third hop")
            for _ in range(10):
                for number, state in ((signal.SIGSTOP, "T"), (signal.SIGCONT, "SR")):
                    for process in (tool, pid):
                        os.kill(process, number)
                    for process in (tool, pid):
                        paris.wait_for(lambda p=process, s=state:
                                       status(p)["State"][0] in s, 5, "not stopped")
            result = running.finish()
            self.assertEqual(result.returncode, 1, result)
            self.assertEqual(result.stdout.count("\n"), 6, result)
            self.assertNotIn("signal", result.stderr)

    def test_servant_aborts(self):
        """What is known is printed, the cause is told, and nothing stays."""
        for number in (signal.SIGABRT, signal.SIGSEGV, signal.SIGKILL):
            if number != signal.SIGKILL and not RELEASE:
                continue  # the sanitizers and valgrind catch them
            running = self.start("-n", "-w", "20", BOTH[0])
            pid = self.ready(running, "paris-prober")
            paris.wait_for(lambda: "\n 3 " in running.text(), 10, "no third hop")
            os.kill(pid, number)
            result = running.finish(5)
            self.assertEqual(result.returncode, 3, result)
            self.assertIn(f"paris-prober died of signal {int(number)} ", result.stderr)
            self.assertEqual(result.stdout.count("\n"), 4)

    @unittest.skipUnless(RELEASE, "sanitizers and valgrind need more address space")
    def test_little_memory(self):
        """Down to too little for a program to start: it works, or says that it does
        not; nothing dies of its sandbox and nothing hangs."""
        seen = set()
        for kilobytes in list(range(2500, 12000, 500)) + [16000, 64000]:
            result = paris.fakeroute(
                "line.topo", "sh", "-c", f'ulimit -v {kilobytes}; exec "$@"', "sh",
                *paris.started_with(["paris-traceroute", "-n", "-q10", BOTH[0]]))
            seen.add(result.returncode)
            self.assertIn(result.returncode, (0, 3, 127), result)
            self.assertNotIn("died of signal 31", result.stderr)
            if result.returncode == 0:
                self.assertEqual(len(re.findall(r"^ ?\d+  ", result.stdout,
                                                re.MULTILINE)), 15)
            else:
                self.assertNotEqual(result.stderr, "")
        self.assertLessEqual({0, 127}, seen)


if __name__ == "__main__":
    unittest.main()
