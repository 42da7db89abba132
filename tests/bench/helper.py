#!/usr/bin/python3
"""How many probes and replies a second go through paris-privsep, and what they cost: a build
without its limit of probes a second, over a veth pair and over the loopback interface. Then
the limit, of the helper as it is installed. Before that, what a probe costs all processes of
a measurement, by datagram sockets and through the helper: many traces at once in a simulated
network. Run by tests/bench/run, which says what was built.
"""

import json
import os
import shutil
import statistics
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
                              text=True, check=True, preexec_fn=privsep.use_all_processors)
        cpu = helper.cpu()
    names = ("seconds", "sent", "failed", "replies", "dropped")
    return dict(zip(names, map(float, done.stdout.split())), cpu=cpu)


TOPOLOGY = "fan.topo"
TRACES, QUERIES, ROUNDS = 100, 20, 3
# The plan of each family: transport by datagram sockets, through the helper, tag.
PATHS = {"UDP": ("udp", "udp-helper", "udp.payload"),
         "ICMP echo": ("ping", "ping-helper", "icmp.sequence")}


def programs():
    """A folder with the driver of many traces, and a helper that is capable."""
    folder = paris.temporary_folder()
    for part, names in (("bin", ("many",)),
                        ("libexec/paris-traceroute", ("paris-prober", "paris-privsep"))):
        (folder / part).mkdir(parents=True)
        for name in names:
            shutil.copy(paris.program(name), folder / part)
    shutil.copy(BENCH / "inside.py", folder)
    privsep.capable_copy(folder / "libexec" / "paris-traceroute")
    return folder


def cost(transport, tag):
    """CPU seconds a probe, of all processes but the network's; the median of some runs."""
    folder = programs()
    spec, task, answer = folder / "spec", folder / "task.json", folder / "answer.json"
    spec.write_text(f"plan {transport} {tag} 0 {transport} {tag} 0\n" + "".join(
        f"start {n + 1} paris 203.0.113.{n % 250 + 1} queries={QUERIES}\n"
        for n in range(TRACES)))
    shell = 'exec "$0" "$1" <"$2"'
    task.write_text(json.dumps({"rounds": ROUNDS, "memory": False, "commands": {
        "many": ["/bin/sh", "-c", shell, str(folder / "bin" / "many"), transport,
                 str(spec)]}}))
    subprocess.run(["chmod", "-R", "a+rwX", folder], check=True)
    result = paris.start_fakeroute(TOPOLOGY, sys.executable, folder / "inside.py", task,
                                   answer, options=("--keep-caps",), user=False).finish(300)
    if result.returncode != 0:
        raise SystemExit(f"tests/bench/helper.py: cannot measure: {result}")
    rounds = json.loads(answer.read_text())["many"]
    if any(one["status"] != 0 for one in rounds):
        raise SystemExit(f"tests/bench/helper.py: {transport}: {rounds}")
    probes = result.report["received"]["packets"] / ROUNDS
    return statistics.median(one["cpu"] for one in rounds) / probes


def compare():
    print(f"\n{f'{TRACES} traces, all processes':26} {'datagrams':>18} {'helper':>18} "
          f"{'ratio':>7}")
    for name, (datagram, helper, tag) in PATHS.items():
        direct, through = cost(datagram, tag), cost(helper, tag)
        print(f"{name:26} {direct * 1e6:9.2f} us/probe {through * 1e6:9.2f} us/probe "
              f"{through / direct:7.2f}", flush=True)


def main():
    compare()
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
