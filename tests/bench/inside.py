#!/usr/bin/python3
"""Runs in the simulated network and measures commands there, in turns.

inside.py TASK.json RESULT.json, where the task holds "commands" ({name: [word...]}),
"rounds" and "memory" (whether to watch the peak memory, which costs time). The result
holds for each name one {wall, cpu, memory, status} a round: seconds, seconds, KiB.
"""

import json
import os
import sys
import time
from pathlib import Path


def parents():
    """{pid: parent} of all processes that can be seen."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            stat = (entry / "stat").read_text()
        except OSError:
            continue
        found[int(entry.name)] = int(stat.rsplit(")", 1)[1].split()[1])
    return found


def peak_memory(top):
    """{pid: peak resident KiB} of a process and its descendants, as far as readable."""
    known, found = parents(), {}
    for pid in known:
        above = pid
        while above and above != top:
            above = known.get(above)
        if not above:
            continue
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            continue
        found.update((pid, int(line.split()[1])) for line in status.splitlines()
                     if line.startswith("VmHWM:"))
    return found


def measure(command, memory):
    peaks = {}
    quiet = os.open("/dev/null", os.O_RDWR)
    redirect = [(os.POSIX_SPAWN_DUP2, quiet, number) for number in (0, 1, 2)]
    begun = time.monotonic()
    pid = os.posix_spawn(command[0], command, os.environ, file_actions=redirect)
    if memory:
        # The peak is a value that the kernel keeps: a look now and then is enough.
        while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            peaks.update(peak_memory(pid))
            time.sleep(0.002)
    _, status, usage = os.wait4(pid, 0)
    wall = time.monotonic() - begun
    os.close(quiet)
    return {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime,
            "memory": sum(peaks.values()), "status": os.waitstatus_to_exitcode(status)}


def main():
    task = json.loads(Path(sys.argv[1]).read_text())
    results = {name: [] for name in task["commands"]}
    for _ in range(task["rounds"]):
        for name, command in task["commands"].items():
            results[name].append(measure(command, task["memory"]))
    Path(sys.argv[2]).write_text(json.dumps(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
