"""The manual pages against the programs, both ways: options, their defaults, ranges and
words are those of the tables that --help, the refusals and the completions come from; the
keywords of topology files those of the parser, and members of the json those of the schema."""

import functools
import json
import re
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import paris  # noqa: E402

TREE = paris.TESTS.parent
PAGES = sorted((TREE / "man").glob("*.[158]"))
TABLED = ("paris-traceroute", "mda", "paris-ping")  # whose options are in one table
PROGRAMS = (*TABLED, "paris-fakeroute")
SOURCES = TREE / "tools/fakeroute"
# What each page of a program tells, besides what mdoc asks of it.
SECTIONS = ("FILES", "EXIT STATUS", "SEE ALSO", "SECURITY CONSIDERATIONS")
SECTIONS_OF_TOOLS = (*SECTIONS, "PRIVILEGES", "EXAMPLES")
# Words of an option that the page tells in a section of their own.
WORDS_IN = {"--algorithm": "ALGORITHMS"}
# Values in parts, whose ranges and defaults the page alone tells.
IN_PARTS = {"--fragment"}
# Not offered by completion: other names of what is.
OTHER_NAMES = {"--module": {"tcpconn"}}
NUMBER = r"\d+(?:\.\d+)?"


# ---- pages ---------------------------------------------------------------------------

def plain(line):
    """A line of mdoc as words; options keep their dashes."""
    if line.startswith("."):
        line = re.sub(r"\bFl ((?:[\w-]+ , )*[\w-]+)",
                      lambda flags: re.sub(r"[\w-]+", r"-\g<0>", flags[1]), line[1:])
        line = re.sub(r"\b(?:It|Pq|Po|Pc|Op|Oo|Oc|Ar|Cm|Li|Ns|Dv|Ev|Pa|Sx|Xr|Va|Ic|Ql|Sq|Qq|"
                      r"Dq|Em|Nm|No|Dl) ", "", line)
    return re.sub(r" ([.,;:)])", r"\1", line.replace("\\&", "").replace("\\-", "-"))


@functools.lru_cache(maxsize=None)
def sections(name):
    """{section: its lines}"""
    found, lines = {}, []
    for line in (TREE / "man" / name).read_text().splitlines():
        if line.startswith(".Sh "):
            lines = found.setdefault(line[4:], [])
        else:
            lines.append(line)
    return found


def items(lines):
    """[(heads, lines)] of the outermost lists."""
    found, depth, heads = [], 0, []
    for line in lines:
        depth += line.startswith(".Bl ") - line.startswith(".El")
        if line.startswith(".It ") and depth == 1:  # several may share what follows
            heads = [*(heads if found and not found[-1][1] else []), line[4:]]
            found.append((heads, []))
        elif found and depth >= 1:
            found[-1][1].append(line)
    return [(heads, lines) for heads, lines in found if lines]


def flags(head):
    """The options that the head of an item names, with their dashes."""
    found = set()
    for part in head.split(" , "):
        name = re.match(r"(?:Fl )?(-[a-z][a-z-]*|UL|[A-Za-z0-9])(?: |$)", part)
        found.update({"-" + name[1]} if name else ())
    return found


@functools.lru_cache(maxsize=None)
def described(name):
    """{option: its item} of a page of options."""
    return {flag: (heads, lines)
            for heads, lines in items(sections(f"{name}.1")["DESCRIPTION"])
            for head in heads if head.startswith("Fl ") for flag in flags(head)}


def items_of(name, flag):
    """The item of an option and, where it sends the reader on, that of the other page."""
    found = [described(name)[flag]] if flag in described(name) else []
    for other in TABLED:
        if found and other != name and f".Xr {other} 1" in "\n".join(found[0][1]):
            found += [described(other)[flag]] if flag in described(other) else []
    return found


def text_of(name, flag):
    return "\n".join(plain(line) for _, lines in items_of(name, flag) for line in lines)


def marked(macro, lines):
    """The words behind a macro of mdoc, such as Cm: what is typed."""
    found = set()
    for line in lines:
        typed = False
        for word in re.sub(r"^\.", "", line).split():
            if re.fullmatch(r"[A-Z][a-z]", word):
                typed = word == macro
            elif typed and re.match(r"\w", word):
                found.add(word)
    return found


# ---- programs ------------------------------------------------------------------------

@functools.lru_cache(maxsize=None)
def helped(name):
    """[(options, argument, what --help says)]"""
    text = paris.run(name, "--help").stdout.partition("\nAlgorithms")[0]
    rows = re.findall(r"(?m)^ {2,6}(-.*(?:\n {10,}.*)*)", text)
    found = []
    for row in rows:
        forms, _, said = re.sub(r"\n +", "  ", row).partition("  ")
        argument = re.search(r"[ =](?!-)(\S+)$", forms)
        found.append((set(re.findall(r"(?:^|, )(--?[A-Za-z0-9][A-Za-z-]*)", forms)),
                      argument and argument[1], re.sub(r" +", " ", said)))
    assert len(found) > 8, text
    return found


def longest(options):
    return max(options, key=len)


def numbers(text):
    return {float(number)
            for number in re.findall(rf"(?<![-\w.]){NUMBER}(?![\w-])", text)}


def defaults(text):
    """The numbers that follow the word at once, up to the end of the sentence, and those
    alone in parentheses, as factors stand."""
    text = text.replace("\n", " ")
    found = set(map(float, re.findall(rf"\(({NUMBER})\)", text)))
    for clause in re.findall(r"\b[Dd]efault:?( (?:\d|all ).*?)(?:\.(?: |$)|\)|$)", text):
        found |= numbers(clause)
    return found


def ranges(text):
    return {(float(low), float(high)) for low, high in re.findall(
        rf"(?<![\w.])({NUMBER}) to ({NUMBER})", text.replace("\n", " "))}


def refusal(program, option):
    """What is said of a value that no option with a value of its own has."""
    return paris.run(program, "--explain", option, "x@").stderr


@functools.lru_cache(maxsize=None)
def words(name):
    """{long option: the words it takes}, as completion offers them."""
    text = (paris.BUILD / f"completions/fish/{name}.fish").read_text()
    found = re.findall(r"(?m)^complete -c \S+ (?:-s . )?-l (\S+) -x -a '([a-z0-9 -]+)'", text)
    return {f"--{option}": set(values.split()) for option, values in found}


def words_told(name, option):
    """The words of an option on its page or, if that has none, on the one it names."""
    section = sections(f"{name}.1").get(WORDS_IN.get(option))
    if section:
        return marked("Cm", (head for heads, _ in items(section) for head in heads))
    for heads, lines in items_of(name, option):
        told = marked("Cm", [*(head for head in heads if option in flags(head)), *lines])
        if told:
            return told
    return set()


class Pages(unittest.TestCase):
    def test_sections(self):
        for page in PAGES:
            if page.suffix == ".5":
                continue
            wanted = SECTIONS_OF_TOOLS if page.suffix == ".1" else SECTIONS
            with self.subTest(page.name):
                self.assertEqual(set(wanted) - set(sections(page.name)), set())

    def test_references(self):
        """Pages of ours that others name are there, and each is named by another one."""
        ours = {page.stem: page.suffix[1:] for page in PAGES}
        named = set()
        for page in PAGES:
            for name, section in re.findall(r"(?m)^\.(?:Pq see )?Xr (\S+) (\d)",
                                            page.read_text()):
                if name in ours:
                    self.assertEqual(section, ours[name], f"{page.name}: {name}")
                    self.assertNotEqual(name, page.stem, f"{page.name} names itself")
                    named.add(name)
        self.assertEqual(named, set(ours))


class Options(unittest.TestCase):
    def test_same_as_help(self):
        for name in PROGRAMS:
            with self.subTest(name):
                told = set().union(*(options for options, _, _ in helped(name)))
                page = set(described(name))
                self.assertEqual((told - page, page - told), (set(), set()),
                                 "only in --help, only in the page")

    def test_synopsis(self):
        """It has each option, in one of its forms."""
        for name in TABLED:
            shown = set()
            for line in sections(f"{name}.1")["SYNOPSIS"]:
                words = [word for word in re.findall(r"[|\w-]+", line) if word != "|"]
                for before, word in zip(["", *words], words):
                    if word.startswith("-") or word == "UL":
                        shown.add(f"-{word}")
                    elif before == "Fl":
                        shown.update(f"-{letter}" for letter in word)
            for options, _, _ in helped(name):
                with self.subTest(name, options=options):
                    self.assertTrue(options & shown)

    def test_defaults(self):
        for name in TABLED:
            for options, _, said in helped(name):
                with self.subTest(name, options=options):
                    if options & IN_PARTS:
                        continue
                    text = text_of(name, longest(options))
                    self.assertEqual(defaults(said), defaults(text),
                                     f"--help: {said}\nthe page: {text}")

    def test_ranges(self):
        asked = [(name, options) for name in TABLED for options, argument, _ in helped(name)
                 if argument and not re.match("FILE|DEVICE", argument)
                 and not options & IN_PARTS]
        self.assertGreater(len(asked), 60)
        with ThreadPoolExecutor(8) as pool:
            said = list(pool.map(lambda one: refusal(one[0], longest(one[1])), asked))
        found = 0
        for (name, options), line in zip(asked, said):
            with self.subTest(name, options=options):
                self.assertIn("x@", line)
                text = text_of(name, longest(options))
                self.assertEqual(ranges(line), ranges(text), f"{line}\nthe page: {text}")
                found += len(ranges(line))
        self.assertGreater(found, 40)

    def test_words(self):
        for name in TABLED:
            self.assertTrue(words(name))
            for option, known in words(name).items():
                with self.subTest(name, option=option):
                    told = words_told(name, option)
                    line = refusal(name, option)
                    listed = re.search(r"(?:one of|there are:) (.*) \(try", line)
                    self.assertEqual(known, set(re.findall(r"[\w-]+", listed[1])), line)
                    self.assertEqual(known, told - OTHER_NAMES.get(option, set()))


class Json(unittest.TestCase):
    """paris-traceroute-json(5) and the schema, which other tests hold against the truth."""

    @staticmethod
    def collect(schema, names, values):
        """The names of members in a schema, and the words that members may have."""
        if isinstance(schema, dict):
            names.update(schema.get("properties", ()))
            values.update(value for value in schema.get("enum", ()) if isinstance(value, str))
            schema = schema.values()
        elif not isinstance(schema, list):
            return
        for part in schema:
            Json.collect(part, names, values)

    def test_members(self):
        names, values = set(), set()
        self.collect(json.loads((TREE / "doc/results.schema.json").read_text()), names, values)
        self.assertGreater(len(names), 150)
        lines = (TREE / "man/paris-traceroute-json.5").read_text().splitlines()
        self.assertEqual(names - marked("Li", lines), set(), "not on the page")
        heads = marked("Li", [line for line in lines if line.startswith(".It Li ")])
        self.assertEqual(heads - names, set(), "not in the schema")
        # Flags and anomalies are those of RARE CASES, sockets those of -helper and -raw.
        said = {word for page in PAGES for word in re.findall(r"[\w-]+", page.read_text())}
        values = {re.sub("-(?:helper|raw)$", "", value) for value in values}
        self.assertEqual(values - said, set(), "on no page")


class Topology(unittest.TestCase):
    """paris-topology(5) and the tables that the parser goes by."""

    @staticmethod
    def table(source):
        """The keywords of a source's table."""
        text = (SOURCES / source).read_text()
        text = text[text.index("static const struct topology_word table[]"):]
        text = text[:text.index("\n};")]
        found = re.findall(r'(?:^    [A-Z]+\(|^    \{)"([a-z0-9-]+)"', text, re.MULTILINE)
        assert len(found) > 8, source
        return set(found)

    @staticmethod
    def heads(title):
        """The keywords that items of a subsection begin with."""
        lines = sections("paris-topology.5")["DESCRIPTION"]
        starts = [number for number, line in enumerate(lines) if line.startswith(".Ss ")]
        found = set()
        for start, end in zip(starts, [*starts[1:], len(lines)]):
            if not lines[start][4:].startswith(title):
                continue
            for line in lines[start:end]:
                head = re.match(r"\.It (?:Cm|Ic) ((?:[\w-]+ , )*[\w-]+)", line)
                found.update(head[1].split(" , ") if head else ())
        return found

    def test_statements(self):
        text = (SOURCES / "topology.c").read_text()
        self.assertEqual(self.heads("Statements"),
                         set(re.findall(r'strcmp\(keyword, "(\w+)"\)', text)))

    def test_options(self):
        self.assertEqual(self.heads("Options"), self.table("topology_options.c"))

    def test_rules(self):
        # Told of what they belong to, snat and dnat, not on lines of their own.
        within = {"port", "quotes", "errors"}
        self.assertEqual(self.heads("Rules") | within, self.table("topology_rules.c"))

    def test_extensions(self):
        within = {"index", "address", "name", "mtu", "data", "length"}
        self.assertEqual(self.heads("Extensions") | within,
                         self.table("topology_extensions.c"))

    def test_words(self):
        """Every word that an option, a rule or an extension takes is on the page."""
        page = (TREE / "man/paris-topology.5").read_text()
        told = marked("Cm", page.splitlines())
        checked = 0
        for source in ("options", "rules", "extensions", "values"):
            text = (SOURCES / f"topology_{source}.c").read_text()
            for words_of in re.findall(r"\*const \w+\[\] = \{([^}]*), NULL\}", text):
                for word in re.findall(r'"([^"]+)"', words_of):
                    self.assertIn(word, told, source)
                    checked += 1
        self.assertGreater(checked, 30)
        for source, within in (("rules", ("port", "quotes", "errors")),
                               ("extensions", ("index", "address", "name", "mtu", "data",
                                               "length"))):
            for word in within:
                self.assertRegex(page, rf"(?m)^\.Cm {word}\b", source)


if __name__ == "__main__":
    unittest.main()
