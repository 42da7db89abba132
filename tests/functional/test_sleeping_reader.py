"""Whoever reads the output sleeps for a minute: no result is lost, and meanwhile no more
probes leave than there is room for what becomes of them."""

import json
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import paris
from test_many import LINE, ManyTest, hosts, listed, traces

FIRST = True  # it does hardly anything, for long
SLEEP = 60 if paris.VARIANT == "release" else 2
LIMIT = 240
PIPE = 4096
# Bytes that wait in the tool before it leaves the prober's results alone, then in the kernel
# (which counts more than them), then in the prober; a line of paris-ping's has more than
# LINE_LEN, a result more than RECORD.
TOOL, PROBER, LINE_LEN, RECORD = 64 << 10, 128 << 10, 200, 100
KERNEL = int(Path("/proc/sys/net/core/wmem_default").read_text())
# Reads the first line through a pipe of one page, sleeps, tells how many datagrams have left,
# then reads the rest.
READER = """
import fcntl, subprocess, sys, time
tool = subprocess.Popen(sys.argv[2:], stdout=subprocess.PIPE, text=True, bufsize=1)
fcntl.fcntl(tool.stdout, 1031, %d)
first = tool.stdout.readline()
time.sleep(float(sys.argv[1]))
with open("/proc/net/snmp") as file:
    names, values = [line.split() for line in file if line.startswith("Udp:")]
print(values[names.index("OutDatagrams")])
print(first + tool.stdout.read(), end="")
sys.exit(tool.wait())
""" % PIPE


class Sleep(ManyTest):
    def read(self, *command):
        """(datagrams that had left when it woke, what it read)"""
        result = paris.fakeroute(LINE, sys.executable, "-c", READER, str(SLEEP),
                                 *paris.started_with(command), limit=LIMIT)
        self.assertEqual((result.returncode, result.stderr), (0, ""), str(result)[:4000])
        left, text = result.stdout.split("\n", 1)
        return int(left), text

    def traces(self):
        parallel, asked = 4, hosts(200)
        left, text = self.read(
            "paris-traceroute", "-n", "-w", "20", "--format", "json", "--parallel", parallel,
            "--targets", listed(asked))
        found = traces(text)
        self.assertEqual(sorted(trace["host"] for trace in found), sorted(asked))
        self.check_true(found)
        # Begun were those that are read or wait to be, the one that is being printed, and
        # four for each that may run.
        begun = (PIPE + TOOL) // min(map(len, text.splitlines())) + 2 + 4 * parallel
        sent = [trace["counters"]["sent"] for trace in found]
        self.assertLess(left, begun * max(sent))
        self.assertLess(left, sum(sent) / 4)

    def packets(self):
        """Of paris-ping, two results for each packet: that it left, and what came."""
        most = (PIPE + TOOL) // LINE_LEN + (KERNEL + PROBER) // (2 * RECORD)
        count = 2 * most
        left, text = self.read(
            "paris-ping", "-n", "--udp", "-i", "0.002", "-W", "20", "-c", count, "--format",
            "json", hosts(1)[0])
        first, *packets, last = map(json.loads, text.splitlines())
        self.assertEqual((first["type"], last["type"]), ("start", "summary"))
        self.assertEqual([packet["seq"] for packet in packets], list(range(1, count + 1)))
        self.assertEqual({packet["status"] for packet in packets}, {"answered"})
        self.assertEqual((last["transmitted"], last["received"]), (count, count))
        self.assertGreater(min(map(len, text.splitlines())), LINE_LEN)
        self.assertLess(left, most)

    def test_nothing_is_lost(self):
        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(one) for one in (self.traces, self.packets)]:
                done.result()


if __name__ == "__main__":
    unittest.main()
