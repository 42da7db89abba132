"""Processes and network namespaces that a test leaves behind."""

import ctypes
import os
import signal
import time
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36


def become_subreaper():
    """Orphans among our descendants become our children, so that they are seen."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def processes():
    """{pid: (parent, state, command line)} of all processes."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text(errors="replace")
            line = (entry / "cmdline").read_bytes()
        except OSError:
            continue  # it ended meanwhile
        name, rest = stat[stat.index("(") + 1:].rsplit(")", 1)
        state, parent = rest.split()[:2]
        text = line.replace(b"\0", b" ").decode(errors="replace").strip()
        found[int(entry.name)] = (int(parent), state, text or name)
    return found


def children(pid, everything=None):
    """The direct children of a process: {pid: (parent, state, command line)}."""
    everything = everything or processes()
    return {child: what for child, what in everything.items() if what[0] == pid}


def descendants(pid):
    """All processes below one, parents first."""
    everything = processes()
    found, queue = [], [pid]
    while queue:
        for child in children(queue.pop(0), everything):
            found.append(child)
            queue.append(child)
    return found


def send(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def kill(pids):
    """Kills them, and returns when they run no more."""
    send(pids, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        everything = processes()
        if all(pid not in everything or everything[pid][1] == "Z" for pid in pids):
            break
        time.sleep(0.01)


def kill_tree(pid):
    """Kills a process that we started and all that descends from it. They are stopped
    first: one that was about to start another is no longer."""
    stopped = set()
    while found := {pid, *descendants(pid)} - stopped:
        send(found, signal.SIGSTOP)
        stopped |= found
    kill(stopped)


def kill_descendants():
    """Kills all that we started."""
    kill(descendants(os.getpid()))


def leftovers(known, grace):
    """Command lines of our children that are not in `known` and do not end within
    `grace` seconds. Those are killed; all are reaped."""
    deadline = time.monotonic() + grace
    while True:
        found = {pid: what for pid, what in children(os.getpid()).items()
                 if pid not in known}
        alive = {pid: what for pid, what in found.items() if what[1] != "Z"}
        if not alive or time.monotonic() >= deadline:
            break
        time.sleep(0.02)
    for pid in alive:
        kill_tree(pid)
    for pid in found:
        try:
            os.waitpid(pid, 0)
        except ChildProcessError:
            pass
    return [f"{what[2]} (pid {pid})" for pid, what in alive.items()]


def reap_orphans():
    """What is still there once everything that we started has been waited for."""
    return leftovers(known=(), grace=0)


def named_namespaces():
    """Network namespaces that a mount keeps alive without any process."""
    found = set()
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, rest = line.split(" - ", 1)
        if rest.startswith("nsfs"):
            found.add(fields.split()[4])
    return found


def open_files(pid="self"):
    """{descriptor: what it is} of a process."""
    found = {}
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found[int(entry.name)] = os.readlink(entry)
        except OSError:
            continue  # the descriptor of this listing
    return found
