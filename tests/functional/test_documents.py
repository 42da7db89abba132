"""What README and the manual pages say: their examples are run, as they stand, in a
simulated network."""

import contextlib
import ipaddress
import json
import os
import re
import shutil
import subprocess
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import paris  # noqa: E402

TREE = paris.TESTS.parent
PAGES = sorted((TREE / "man").glob("*.[158]"))
DOCUMENTS = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md",
             "doc/decisions.md")
PROGRAMS = [path.name for path in sorted((paris.BUILD / "bin").iterdir())]
TARGET, TARGET6 = "198.51.100.9", "2001:db8:ffff::9"
# Stands for whatever host an example names.
HOSTS = r"www\.example\.org|host\.example|\bHOST\b(?:\.\.\.)?"
# The addresses of the examples, a diamond before them, and the rest of a prefix.
NETWORK = """
    defaults rtt=1ms
    router gateway 10.0.1.1 2001:db8:0:1::1
    router west 10.0.2.1 2001:db8:0:2::1
    router east 10.0.2.2 2001:db8:0:2::2
    router edge 10.0.3.1 2001:db8:0:3::1
    target server 198.51.100.0/24 2001:db8:ffff::/64 udp-open=7 tcp-open=80,443
    target others 192.0.2.1 192.0.2.7
    link host gateway west,east edge server
    link edge others
"""


def network():
    """That, and the name servers of this machine, which say at once that they are none."""
    servers = []
    with contextlib.suppress(OSError):
        text = Path("/etc/resolv.conf").read_text()
        servers = re.findall(r"(?m)^nameserver\s+(\S+)", text)
    addresses = set()
    for server in servers:
        with contextlib.suppress(ValueError):
            address = ipaddress.ip_address(server)
            if address.is_global or address.is_private and not address.is_loopback:
                addresses.add(str(address))
    if not addresses:
        return NETWORK
    return NETWORK + f"    target names {' '.join(sorted(addresses))}\n    link edge names\n"


class Example:
    """A command of a document, and what it says that is printed."""

    def __init__(self, document, number, text, printed=None):
        self.where = f"{document.name}:{number}"
        self.text = text
        self.printed = printed

    def command(self):
        """It, to a host that is there; what would go on until it is ended has an end."""
        text = self.text.replace("--live ", "--live --rounds 2 ")
        if not re.search(r"paris-ping .*-c ", text):
            text = text.replace("paris-ping ", "paris-ping -c 2 ")
        target = TARGET6 if re.search(r"(^|\s)-6\b", self.text) else TARGET
        text = re.sub(r"\bparis-fakeroute ", "paris-fakeroute --report report ", text, count=1)
        return re.sub(HOSTS, target, text).replace(" FILE ", " hosts ")


def of_readme():
    """Lines that start with a tool, and those that follow a prompt, with their output."""
    path = TREE / "README.md"
    found = []
    inside = None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.startswith("    $ "):
            inside = Example(path, number, line[6:], [])
            found.append(inside)
        elif inside and line.startswith("    "):
            inside.printed.append(line[4:])
        else:
            inside = None
            if re.match(rf"    (?:{'|'.join(PROGRAMS)}) ", line):
                found.append(Example(path, number, line[4:].split(" #")[0].strip()))
    return found


def section(name):
    """The lines of README below a heading, up to the next one."""
    text = (TREE / "README.md").read_text().split(f"## {name}\n")[1]
    return text.split("\n## ")[0].splitlines()


def graph(nodes, edges):
    """Edges of names of nodes: [(id, name)], [(id, id)]."""
    names = dict(nodes)
    return sorted((names[one], names[other]) for one, other in edges)


def plain(line):
    """A line of mdoc as it is read."""
    return line.replace("\\e", "\\").replace("\\&", "").replace("\\-", "-")


def of_page(path):
    """What EXAMPLES shows on a line of its own (Dl), or in a display (Bd), and that is not
    root's (a prompt of #)."""
    found = []
    section = display = ""
    block = None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.startswith(".Sh "):
            section = line[4:]
        elif section != "EXAMPLES":
            continue
        elif line.startswith(".Dl ") and not line.startswith(".Dl #"):
            found.append(Example(path, number, plain(line[4:]).removeprefix("$ ")))
        elif line.startswith(".Bd "):
            display, block = number, []
        elif line == ".Ed":
            found.append(Example(path, display, "\n".join(block).removeprefix("$ ")))
            block = None
        elif block is not None:
            block.append(plain(line))
    return found


def shape(text):
    """The output without what differs from run to run: times, and counts of probes."""
    text = re.sub(r"[0-9.]+(/[0-9.]+)? ms", "TIME", text)
    text = re.sub(r"\(\d+( flows?)?(, [0-9.]+ %)?\)|\d+ (flows|probes|lost)", "N", text)
    return [line.rstrip() for line in text.splitlines()]


class Files(unittest.TestCase):
    """What the documents for those who change the toolkit name is there."""

    def test_files(self):
        there = subprocess.run([TREE / "tests/lint", "--files"], text=True, check=True,
                               stdout=subprocess.PIPE).stdout.split()
        found = 0
        for document in DOCUMENTS:
            named = re.findall(r"`((?:[\w.-]+/)*[\w-]+(?:\.(?:[ch]|py|json|md)|/))`",
                               (TREE / document).read_text())
            for name in named:
                # An upper-case word stands for any; a name without a folder is anywhere.
                name = re.sub(r"[A-Z]{3,}(?!\w*\.md)", r"[\\w-]+", re.escape(name))
                end = "" if name.endswith("/") else "$"
                self.assertTrue(any(re.search(f"(^|/){name}{end}", path) for path in there),
                                f"{document}: {name}")
                found += 1
        self.assertGreater(found, 60)

    def test_targets(self):
        phony = re.search(r"(?m)^\.PHONY: ((?:.*\\\n)*.*)$", (TREE / "Makefile").read_text())
        targets = set(phony[1].replace("\\", " ").split())
        for document in DOCUMENTS:
            named = re.findall(
                r"(?m)(?:^    |`|sudo )make(?: [A-Z_]+=\S*)* ([a-z][a-z-]*)(?![\w/-])",
                (TREE / document).read_text())
            self.assertEqual(set(named) - targets, set(), document)


class Examples(unittest.TestCase):
    # What may be said on standard error: there is no whois server in the network.
    NOTICES = (r"^paris-traceroute: [0-9]+ hosts are in traces already$",
               r"^paris-names: .*; going on without AS numbers")

    def setUp(self):
        self.folder = paris.temporary_folder()
        for path in paris.TOPOLOGIES.glob("*.topo"):
            shutil.copy(path, self.folder)
        (self.folder / "net").write_text(network())
        program = self.folder / "program"
        program.write_text('#!/bin/sh\nexec paris-traceroute -n "$@"\n')
        program.chmod(0o755)
        (self.folder / "hosts").write_text("192.0.2.1\n198.51.100.9\n198.51.100.7\n")

    def run_in(self, example):
        """Its process, run by a user without privilege in a folder of its own."""
        folder = self.folder / re.sub(r"\W", "-", example.where)
        shutil.copytree(self.folder, folder, ignore=lambda top, names: [
            name for name in names if Path(top, name).is_dir()])
        subprocess.run(["chmod", "-R", "a+rwX", folder], check=True)
        command = example.command()
        if "--live" in command:  # it wants a terminal
            command = f"script -qec '{command}' /dev/null"
        tools = str(paris.stage() / "bin")
        if "paris-fakeroute" not in command:
            command = [f"{tools}/paris-fakeroute", "--report", "report", "net", "--", "sh",
                       "-euc", command]
        else:
            command = ["sh", "-euc", command]
        done = subprocess.run(
            paris.as_user(command), cwd=folder, stdin=subprocess.DEVNULL, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
            timeout=paris.TIME_LIMIT * paris.SLOWNESS,
            env=dict(os.environ, PATH=f"{tools}:{os.environ['PATH']}"))
        report = folder / "report"
        if report.exists() and report.stat().st_size:
            paris.lateness.note(json.loads(report.read_text()), done.stderr, done.returncode)
        return done

    def check(self, examples):
        drawn = shutil.which("dot")
        with ThreadPoolExecutor(8) as pool:
            wanted = [example for example in examples
                      if drawn or "--format svg" not in example.text]
            done = list(pool.map(self.run_in, wanted))
        for example, result in zip(wanted, done):
            with self.subTest(example.where, command=example.command()):
                self.assertEqual(result.returncode, 0, result)
                told = [line for line in result.stderr.splitlines()
                        if not any(re.search(notice, line) for notice in self.NOTICES)]
                self.assertEqual(told, [])
                if example.printed is not None:
                    self.assertEqual(shape("\n".join(example.printed)),
                                     shape(result.stdout))
        return len(wanted)

    def test_readme(self):
        self.assertGreaterEqual(self.check(of_readme()), 10)
        commands = [line for line in section("Ten examples") if line.startswith("    ")]
        self.assertEqual(len(commands), 10)
        self.assertTrue(all(line.split()[0] in PROGRAMS for line in commands), commands)
        self.assertLessEqual(sum(map(bool, section("Privileges"))), 10)

    def test_picture(self):
        """The drawing of README shows the graph that mda finds in the demo's network."""
        picture = (TREE / "doc/mda-demo.svg").read_text()
        result = paris.fakeroute("demo.topo", "mda", "-n", "--format", "dot", TARGET)
        self.assertEqual(result.returncode, 0, result)
        found = graph(re.findall(r'(?m)^\s*(n\d+) \[label="([^"]+)"', result.stdout),
                      re.findall(r"(n\d+) -> (n\d+)", result.stdout))
        drawn = graph(re.findall(r"<title>(n\d+)</title>\n.*\n<text [^>]*>(.+?)<", picture),
                      re.findall(r"<title>(n\d+)&#45;&gt;(n\d+)</title>", picture))
        self.assertEqual(len(found), 16)
        self.assertEqual(drawn, found)

    def test_pages(self):
        for page in PAGES:
            examples = of_page(page)
            if page.suffix == ".1":
                self.assertGreaterEqual(len(examples), 1, page.name)
        self.check([example for page in PAGES if page.suffix != ".5"
                    for example in of_page(page)])

    def test_topologies(self):
        """The examples of the topology file's page are such files."""
        examples = of_page(TREE / "man/paris-topology.5")
        self.assertGreaterEqual(len(examples), 1)
        for example in examples:
            path = self.folder / "example"
            path.write_text(example.text + "\n")
            result = paris.run("paris-fakeroute", "--check", path)
            self.assertEqual((result.returncode, result.stderr), (0, ""), example.text)


if __name__ == "__main__":
    unittest.main()
