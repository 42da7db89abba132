#!/usr/bin/python3
"""mda side by side with scamper's tracelb, in turns in one simulated network: called by run.

Prints probes, wall and processor time, memory and how often the whole graph was found, and
their ratios. scamper takes root, so this does: it enters the simulated network, mda as an
ordinary user there. scamper waits between two probes for 150 ms at least (-W 15), and its
flows are told by the destination port: with the source port it takes an Ethernet link.
"""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

BENCH = Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(BENCH.parent / "functional"))

import multipath  # noqa: E402
import paris  # noqa: E402

ROUNDS = 6
OURS, THEIRS = "mda", "scamper"
TARGET = multipath.TARGET[4]
NETWORKS = {"two, four, three ways": multipath.SERIES, "sixteen ways": multipath.fan(16)}


def commands(holder):
    enter = ["nsenter", "-t", str(holder), "-n", "--"]
    user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"]
    return {OURS: [*enter, *user, paris.program("mda"), "-n", "--format", "json", TARGET],
            THEIRS: [*enter, shutil.which(THEIRS), "-O", "json", "-I",
                     f"tracelb -P udp-dport -W 15 {TARGET}"]}


def peak(pid):
    """KiB that a process and its descendants held at most, as far as can be seen."""
    found = 0
    for one in [pid, *paris.system.descendants(pid)]:
        try:
            status = Path(f"/proc/{one}/status").read_text()
        except OSError:
            continue
        line = re.search(r"VmHWM:\s+(\d+)", status)
        found += int(line.group(1)) if line else 0
    return found


def timed(command):
    """(what was measured, what was printed)"""
    begun = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          cwd="/") as process:
        text = process.stdout.read().decode()
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0
    return {"wall time, ms": (time.monotonic() - begun) * 1e3,
            "CPU time, ms": (usage.ru_utime + usage.ru_stime) * 1e3}, text


def watched(command):
    """Peak memory, MiB: looking at it takes time, so it is not timed."""
    most = 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          cwd="/") as process:
        while process.poll() is None:
            most = max(most, peak(process.pid))
            time.sleep(0.001)
    return most / 1024


def ours(text, truth):
    """(probes, whether all was found)"""
    found = json.loads(text)
    return found["counters"]["sent"], multipath.seen(found) == truth


def theirs(text, truth):
    """Likewise; of scamper all addresses count, as it draws a diamond that it takes for
    one link with all of them side by side."""
    found = next(json.loads(line) for line in text.splitlines() if '"tracelb"' in line)
    nodes = found.get("nodes", [])
    seen = {node["addr"] for node in nodes} | {
        end["addr"] for node in nodes for hop in node.get("links", []) for end in hop}
    return found["probec"], {address for ttl, address in truth[0] if ttl > 0} <= seen


def one_round(text, seed, truth, memory):
    """{name: {what: value}} of both, in one network that hashes as this seed has it."""
    running = paris.start_fakeroute(text, "sleep", "600", options=("--seed", seed),
                                    may_leave=True)
    holder = running.find("sleep")
    found = {}
    try:
        for name, command in commands(holder).items():
            found[name], printed = timed(command)
            judge = ours if name == OURS else theirs
            found[name]["probes"], found[name]["found all"] = judge(printed, truth)
            if memory:
                found[name]["peak memory, MiB"] = watched(command)
    finally:
        os.kill(holder, 15)
        running.finish()
    return found


def measure(text):
    """{name: {what: value}}"""
    truth = multipath.Network(text).truth(TARGET)
    rounds = [one_round(text, seed, truth, seed == 1) for seed in range(1, ROUNDS + 1)]
    table = {}
    for name in (OURS, THEIRS):
        table[name] = {what: statistics.median(one[name][what] for one in rounds)
                       for what in ("probes", "wall time, ms", "CPU time, ms")}
        table[name]["peak memory, MiB"] = rounds[0][name]["peak memory, MiB"]
        table[name][f"found all, of {ROUNDS}"] = sum(
            one[name]["found all"] for one in rounds)
    return table


def show(title, table):
    print(f"\n{title:24} {OURS:>12} {THEIRS:>12} {'ratio':>8}")
    for what, value in table[OURS].items():
        other = table[THEIRS][what]
        ratio = f"{value / other:8.4f}" if other else "       -"
        print(f"{what:24} {value:12.2f} {other:12.2f} {ratio}")


def main():
    if os.geteuid() != 0 or shutil.which(THEIRS) is None:
        print("skipped: bench of mda: scamper is not installed, or this is not root")
        return 0
    for title, text in NETWORKS.items():
        show(title, measure(text))
    return 0


if __name__ == "__main__":
    sys.exit(main())
