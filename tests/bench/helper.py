#!/usr/bin/python3
"""How many probes and replies a second go through paris-privsep, and what they cost: a build
without its limit of probes a second, over a veth pair and over the loopback interface. Then
the limit, of the helper as it is installed. Run by tests/bench/run, which says what was built.
"""

import os
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parent
sys.path[0:1] = [str(BENCH.parent / "functional"), str(BENCH.parent / "privsep")]

import paris  # noqa: E402
import privsep  # noqa: E402

COUNT = 200000
# What is measured: protocol, source, destination.
CASES = {
    "echo, nobody answers": (privsep.ICMP, privsep.SOURCE[4], privsep.TARGET[4]),
    "TCP SYN, nobody answers": (privsep.TCP, privsep.SOURCE[4], privsep.TARGET[4]),
    "UDP, nobody answers": (privsep.UDP, privsep.SOURCE[4], privsep.TARGET[4]),
    "echo, echo replies": (privsep.ICMP, "127.0.0.1", "127.0.0.1"),
    "UDP, port unreachable": (privsep.UDP, "127.0.0.1", "127.0.0.1"),
    "TCP SYN over IPv6, RST": (privsep.TCP, "::1", "::1"),
}


def measure(program, count, case):
    """Sends so many; returns what came of it, with the helper's CPU seconds."""
    protocol, source, destination = CASES[case]
    with privsep.Helper("tcp", program=program, ambient=True, hello=False) as helper:
        command = [paris.program("helper_load"), str(count), str(protocol), source,
                   destination]
        # The channel becomes its descriptor 3, as helpers and servants have it.
        done = subprocess.run(["sh", "-c", 'exec "$0" "$@" 3<&"$CHANNEL"', *command],
                              env={"CHANNEL": str(helper.channel.fileno())},
                              pass_fds=(helper.channel.fileno(),), stdout=subprocess.PIPE,
                              text=True, check=True)
        cpu = helper.cpu()
    names = ("seconds", "sent", "failed", "replies", "dropped")
    return dict(zip(names, map(float, done.stdout.split())), cpu=cpu)


def main():
    wire = privsep.Wire()
    unlimited = paris.stage() / "tests" / "programs" / "privsep-unlimited"
    print(f"\n{'paris-privsep, no limit':26} {'probes/s':>10} {'replies/s':>10} "
          f"{'lost here':>10} {'CPU us/probe':>13}")
    for case in CASES:
        found = measure(unlimited, COUNT, case)
        print(f"{case:26} {found['sent'] / found['seconds']:10.0f} "
              f"{found['replies'] / found['seconds']:10.0f} {found['dropped']:10.0f} "
              f"{found['cpu'] / COUNT * 1e6:13.2f}", flush=True)
    found = measure(privsep.original(), privsep.BURST + 2 * privsep.RATE,
                    "TCP SYN, nobody answers")
    rate = (found["sent"] - privsep.BURST) / found["seconds"]
    kept = rate <= privsep.RATE * 1.02
    print(f"as installed: {rate:.0f} TCP probes/s after the burst, "
          f"at most {privsep.RATE}: {'yes' if kept else 'NO'}")
    wire.close()
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
