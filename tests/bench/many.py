#!/usr/bin/python3
"""Many hosts: paris-traceroute beside scamper, at one rate, in turns in one simulated network:
called by run.

1000 targets of 15 hops, one probe a hop, as scamper's trace has it (it asks again only what was
not answered). Prints wall and processor time, memory, probes and how many traces were right,
and their ratios. scamper takes root, so this does: it enters the simulated network,
paris-traceroute as an ordinary user there.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path[0:1] = [str(BENCH), str(BENCH.parent / "functional")]

import mda  # noqa: E402
import paris  # noqa: E402

ROUNDS, TARGETS, HOPS, RATE = 3, 1000, 15, 2000
OURS, THEIRS = "paris-traceroute", "scamper"
NETWORK = f"""
defaults rtt=2.7ms
router r[1-14] 10.0.[1-14].1
target many 203.0.112.0/20
link host {" ".join(f"r{n}" for n in range(1, HOPS))} many
"""


def hosts():
    return [f"203.0.{112 + n // 250}.{n % 250 + 1}" for n in range(TARGETS)]


def commands(holder, folder):
    names = folder / "hosts"
    names.write_text("".join(f"{host}\n" for host in hosts()))
    names.chmod(0o644)
    enter = ["nsenter", "-t", str(holder), "-n", "--"]
    user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"]
    return {OURS: [*enter, *user, paris.program(OURS), "-n", "-q", "1", "--pps", str(RATE),
                   "--format", "json", "--targets", names],
            THEIRS: [*enter, shutil.which(THEIRS), "-p", str(RATE), "-O", "json", "-c",
                     "trace -P udp-paris", "-f", names]}


def ours(line):
    """(host, [(hop, address)], packets) of a line, or None."""
    found = json.loads(line)
    hops = [(ttl, probe["from"]) for ttl, probe in paris.answers(found)]
    return found["host"], hops, found["counters"]["sent"]


def theirs(line):
    found = json.loads(line)
    if found["type"] != "trace":
        return None
    hops = [(hop["probe_ttl"], hop["addr"]) for hop in found["hops"]]
    return found["dst"], hops, len(hops)


def judge(text, read):
    """(packets, traces that are right), each target once."""
    found = list(filter(None, map(read, text.splitlines())))
    routers = [(ttl, f"10.0.{ttl}.1") for ttl in range(1, HOPS)]
    right = {host for host, hops, _ in found if hops == routers + [(HOPS, host)]}
    return sum(packets for _, _, packets in found), len(right)


def one_round(memory):
    """{name: {what: value}} of both."""
    folder = paris.temporary_folder()
    running = paris.start_fakeroute(NETWORK, "sleep", "600", may_leave=True)
    holder = running.find("sleep")
    found = {}
    try:
        for name, command in commands(holder, folder).items():
            found[name], text = mda.timed(command)
            found[name]["probes"], found[name][f"right, of {TARGETS}"] = judge(
                text, ours if name == OURS else theirs)
            if memory:
                found[name]["peak memory, MiB"] = mda.watched(command)
    finally:
        os.kill(holder, 15)
        running.finish()
    return found


def main():
    if os.geteuid() != 0 or shutil.which(THEIRS) is None:
        print("skipped: bench of many hosts: scamper is not installed, or this is not root")
        return 0
    rounds = [one_round(number == 0) for number in range(ROUNDS)]
    table = {name: {what: statistics.median(one[name].get(what, value) for one in rounds)
                    for what, value in rounds[0][name].items()} for name in (OURS, THEIRS)}
    print(f"\n{f'{TARGETS} hosts, {RATE} probes/s':24} {OURS:>18} {THEIRS:>12} {'ratio':>8}")
    for what, value in table[OURS].items():
        print(f"{what:24} {value:18.2f} {table[THEIRS][what]:12.2f} "
              f"{value / table[THEIRS][what]:8.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
