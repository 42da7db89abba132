"""The walkthroughs of CONTRIBUTING.md, followed as they stand there, in a copy of the tree:
a further algorithm and a further protocol, of tests/toys, are built and run."""

import os
import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import paris  # noqa: E402

TREE = paris.TESTS.parent
TIME_LIMIT = 240
# What is built is copied too, so that only what a walkthrough changes is built.
BUILT = ("obj", "lib", "bin", "libexec")


def walkthrough(title):
    """The commands of a section, each with the lines that continue it."""
    text = (TREE / "CONTRIBUTING.md").read_text().split(f"### {title}\n")[1]
    section = re.split(r"(?m)^##", text)[0]
    return "\n".join(line[4:] for line in section.splitlines() if line.startswith("    "))


class Walkthroughs(unittest.TestCase):
    def setUp(self):
        self.folder = paris.temporary_folder()
        self.folder.chmod(0o755)
        for name in ("Makefile", "VERSION", "algorithms", "common", "doc", "man",
                     "privsep", "prober", "tools", "tests/programs", "tests/support",
                     "tests/topologies", "tests/toys", "tests/unit"):
            target = self.folder / name
            target.parent.mkdir(exist_ok=True)
            if (TREE / name).is_dir():
                shutil.copytree(TREE / name, target)
            else:
                shutil.copy2(TREE / name, target)
        inside = paris.BUILD.is_relative_to(TREE)
        self.build = paris.BUILD.relative_to(TREE) if inside else Path("build")
        for name in BUILT:
            shutil.copytree(paris.BUILD / name, self.folder / self.build / name)

    def follow(self, title, steps):
        script = walkthrough(title)
        self.assertEqual(script.count("\n") + 1, steps)
        script = re.sub(r"\bbuild/", f"{self.build}/", script)
        variant = {"release": {}, "valgrind": {"VALGRIND": "1"}}.get(
            paris.VARIANT,
            {"SAN": paris.VARIANT.removeprefix("san-").replace("-", ",")})
        done = subprocess.run(
            ["sh", "-euc", script], cwd=self.folder, stdin=subprocess.DEVNULL, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
            env=dict(os.environ, WERROR="1", BUILD=str(self.build), **variant),
            timeout=300 * paris.SLOWNESS)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        return done.stdout

    def test_algorithm(self):
        output = self.follow("An algorithm, step by step", 6)
        self.assertRegex(output, r"(?m)^ 1  192\.0\.2\.1  [0-9.]+ ms$")
        self.assertRegex(output, r"(?m)^ 7  \*$")
        self.assertRegex(output, r"(?m)^ 8  198\.51\.100\.9  [0-9.]+ ms$")

    def test_protocol(self):
        output = self.follow("A protocol, step by step", 6)
        self.assertIn("100%: Checks: 5, Failures: 0, Errors: 0", output)


if __name__ == "__main__":
    unittest.main()
