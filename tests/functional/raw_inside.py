#!/usr/bin/python3
"""Other people's tools that need raw sockets, in the simulated network: the command of
paris-fakeroute has no capability, so it only keeps the network open (a sleep), and the
tool joins it from outside, with CAP_NET_RAW there and nothing anywhere else.

    result = raw_inside.run("line.topo", "/usr/sbin/traceroute", "-T", "198.51.100.9")

Who owns a user namespace may enter it with every capability: no root is needed. Run as
a program this file is the joining.
"""

import ctypes
import os
import signal
import sys

import paris

CAPABILITY_VERSION = 0x20080522
CAP_NET_RAW = 13
PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 47, 2


def main():
    libc = ctypes.CDLL(None, use_errno=True)

    def call(name, *arguments):
        if getattr(libc, name)(*arguments) != 0:
            raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")

    pid, *command = sys.argv[1:]
    for space in [os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC)
                  for name in ("user", "net")]:
        call("setns", space, 0)
    # Two words each of effective, permitted and inheritable; ambient survives the exec.
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    sets = (ctypes.c_uint32 * 6)()
    call("capget", header, sets)
    sets[2], sets[5] = sets[1], sets[4]
    call("capset", header, sets)
    call("prctl", PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0)
    os.execv(command[0], command)


def run(topology, *command, limit=paris.TIME_LIMIT):
    """Runs a command (a path, and no program of ours) in a simulated network."""
    network = paris.start_fakeroute(topology, "sleep", "3600")
    try:
        pid = network.find("sleep")
        return paris.Running(
            [sys.executable, __file__, pid, *command],
            env={"PYTHONDONTWRITEBYTECODE": "1"}).finish(limit)
    finally:
        os.kill(network.find("sleep"), signal.SIGTERM)
        network.finish()


if __name__ == "__main__":
    main()
