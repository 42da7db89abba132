"""What shells complete: bash does it here; of zsh and fish the files are read. What must be
offered is what --help says, and the program itself judges the words that are."""

import re
import shlex
import subprocess
import unittest

import paris

COMPLETIONS = paris.BUILD / "completions"
PROGRAMS = ("paris-traceroute", "mda", "paris-ping")
# The words after the script: those of the command line, the last one being completed.
ASK = """
source "$1"; shift
complete -p "$1" >/dev/null || exit 1
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
function=$(complete -p "$1"); function=${function#*-F }; "${function%% *}"
printf '%s\\n' "${COMPREPLY[@]}"
"""
# "-q N, --queries=N", "--flow=FIELD", "-4", "-UL, --udplite"
ROW = re.compile(r"^ {2,6}(?:-(?P<letter>\w+)(?: (?P<value>\S+))?)?(?:, )?"
                 r"(?:--(?P<name>[\w-]+)(?:=(?P<value2>\S+))?)?(?:  |$)")


def options(program):
    """[(letter, name, argument)] of --help; what is not there is None."""
    text = paris.run(program, "--help").stdout.partition("\nAlgorithms")[0]
    rows = [ROW.match(line) for line in text.splitlines() if re.match(r" {2,6}-", line)]
    found = [(row["letter"], row["name"], row["value"] or row["value2"]) for row in rows]
    assert len(found) > 20, text
    return found


def forms(rows):
    return {f"-{letter}" for letter, _, _ in rows if letter} | {
        f"--{name}" for _, name, _ in rows if name}


def bash(program, *words):
    """What bash offers for the last word."""
    result = subprocess.run(
        ["bash", "--norc", "-c", ASK, "bash", COMPLETIONS / "bash" / program, program,
         *words], capture_output=True, text=True, timeout=30 * paris.SLOWNESS, check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": "/"}, stdin=subprocess.DEVNULL)
    if result.returncode or result.stderr:
        raise AssertionError(f"{program} {words}: {result}")
    return result.stdout.split()


class Bash(unittest.TestCase):
    def test_every_option(self):
        for program in PROGRAMS:
            self.assertEqual(sorted(bash(program, "-")), sorted(forms(options(program))))

    def test_beginnings(self):
        self.assertEqual(bash("mda", "--conf"), ["--confidence"])
        self.assertEqual(bash("mda", "host", "--hash"), ["--hash-fields"])
        self.assertEqual(bash("mda", "--nosuch"), [])
        self.assertEqual(bash("mda", "-U"), ["-U", "-UL"])

    def test_words(self):
        """All that are offered are right, and all that are right are offered."""
        formats = {"paris-traceroute": "text json scamper csv atlas dot svg",
                   "mda": "text json scamper dot svg", "paris-ping": "text json"}
        for program, words in formats.items():
            self.assertEqual(sorted(bash(program, "--format", "")), sorted(words.split()))
            for word in words.split():
                also = {"mda": [], "paris-ping": ["--udp"]}.get(
                    program, ["-a", "mda"] if word in ("dot", "svg") else [])
                result = paris.run(program, *also, "--format", word, "--explain", "127.0.0.1")
                self.assertEqual(result.returncode, 0, result)
        for program in ("paris-traceroute", "mda"):
            offered = bash(program, "-a", "")
            listed = paris.run(program, "--help").stdout.partition("\nAlgorithms")[2]
            self.assertEqual(offered, re.findall(r"^  (\S+)", listed, re.M))
            self.assertEqual(bash(program, "--algorithm", ""), offered)
        self.assertEqual(bash("mda", "--bound", ""), ["node", "graph"])
        self.assertEqual(bash("mda", "--bound", "g"), ["graph"])
        self.assertEqual(bash("paris-ping", "--privilege", "h"), ["helper"])

    def test_equals_sign(self):
        """As bash takes words apart: --format, =, js."""
        self.assertEqual(bash("mda", "--format", "=", "js"), ["json"])
        self.assertEqual(sorted(bash("mda", "--bound", "=")), ["graph", "node"])
        self.assertEqual(bash("mda", "--pps", "=", "1"), [])

    def test_values_of_their_own(self):
        """Where a number or an address is wanted nothing is offered, above all no option."""
        free = 0
        for program in PROGRAMS:
            for letter, name, value in options(program):
                form = f"-{letter}" if letter else f"--{name}"
                if value is None or bash(program, form, ""):
                    continue
                free += 1
                self.assertEqual(bash(program, form, "-"), [], (program, form))
        self.assertGreater(free, 30)

    def test_devices_and_files(self):
        self.assertIn("lo", bash("mda", "-i", "l"))
        self.assertIn("lo", bash("paris-ping", "-I", ""))
        folder = paris.temporary_folder()
        (folder / "targets list").write_text("")
        self.assertEqual(" ".join(bash("paris-traceroute", "--targets", f"{folder}/tar")),
                         f"{folder}/targets list")

    def test_hosts(self):
        self.assertIn("localhost", bash("mda", "localh"))
        self.assertIn("localhost", bash("mda", "-n", "localh"))


class Others(unittest.TestCase):
    def test_zsh(self):
        """One specification of _arguments for each row, and hosts."""
        for program in PROGRAMS:
            lines = (COMPLETIONS / "zsh" / f"_{program}").read_text().splitlines()
            self.assertEqual(lines[0], f"#compdef {program}")
            command = lines[2:]
            self.assertTrue(all(line.endswith(" \\") for line in command[:-1]))
            # zsh's words are sh's here, but for the braces, which stand outside of quotes.
            words = shlex.split(" ".join(line.rstrip("\\") for line in command))
            self.assertEqual(words[:3], ["_arguments", "-s", "-S"])
            self.assertEqual(words[-1], "*:host:_hosts")
            rows = options(program)
            self.assertEqual(len(words[3:-1]), len(rows))
            for word, (letter, name, value) in zip(words[3:-1], rows):
                plus, equals = ("+", "=") if value else ("", "")
                head, _, rest = word.partition("[")
                self.assertEqual(head, (
                    f"(-{letter} --{name}){{-{letter}{plus},--{name}{equals}}}"
                    if letter and name else f"--{name}{equals}" if name
                    else f"-{letter}{plus}"))
                self.assertRegex(rest, r"\A[^]]+\]" + (r":[^:]*(\\:[^:]*)*:.+\Z" if value
                                                       else r"\Z"), word)

    def test_fish(self):
        for program in PROGRAMS:
            lines = (COMPLETIONS / "fish" / f"{program}.fish").read_text().splitlines()
            self.assertEqual(lines[1], f"complete -c {program} -f -a "
                             "'(__fish_print_hostnames)'")
            rows = options(program)
            self.assertEqual(len(lines) - 2, len(rows))
            for line, (letter, name, value) in zip(lines[2:], rows):
                short, old = (letter, None) if len(letter or "") < 2 else (None, letter)
                pattern = (rf"\Acomplete -c {program}" + (f" -s {short}" if short else "")
                           + (f" -l {name}" if name else "") + (f" -o {old}" if old else "")
                           + (r"( -r -F| -x( -a '[^']+')?)" if value else "")
                           + r" -d '([^'\\]|\\['\\])+'\Z")
                self.assertRegex(line, pattern)


if __name__ == "__main__":
    unittest.main()
