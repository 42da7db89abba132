"""make install, install-caps and uninstall: the files that they name and no others, which
work wherever they are put; nothing setuid."""

import os
import re
import shutil
import stat
import subprocess
import unittest

import paris

TREE = paris.TESTS.parent
TARGET = "198.51.100.9"
HELPER = "libexec/paris-traceroute/paris-privsep"


def make(*arguments, status=0):
    """make's output; it must end so. What is built is not built again."""
    variant = {"release": [], "valgrind": ["VALGRIND=1"]}.get(
        paris.VARIANT, ["SAN=" + paris.VARIANT.removeprefix("san-").replace("-", ",")])
    done = subprocess.run(["make", "-s", "--no-print-directory", "-o", "all", *variant,
                           f"BUILD={paris.BUILD}", *arguments], cwd=TREE, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False,
                          timeout=300 * paris.SLOWNESS)
    if done.returncode != status:
        raise AssertionError(f"make {arguments}: {done.returncode}\n{done.stdout}")
    return done.stdout


def files(folder):
    return {path for path in folder.rglob("*") if not path.is_dir()}


class InstallTest(unittest.TestCase):
    def setUp(self):
        self.folder = paris.temporary_folder()
        self.folder.chmod(0o755)

    def test_exactly_what_is_listed(self):
        """Into a DESTDIR with a blank, over what is there and beside what others have."""
        destdir = self.folder / "a b"
        others = [destdir / "usr" / name for name in
                  ("bin/mdadm", "libexec/paris-traceroute/of-others", "share/man/man1/x.1")]
        for other in others:
            other.parent.mkdir(parents=True)
            other.touch()
        where = (f"DESTDIR={destdir}", "prefix=/usr")
        for _ in range(2):
            old = os.umask(0o077)
            try:
                make("install", *where)
            finally:
                os.umask(old)
            found = files(destdir)
            self.assertEqual(sorted(map(str, found.difference(others))),
                             sorted(make("installed", *where).splitlines()))
        for path in found.difference(others):
            programs = "/bin/" in str(path) or "/libexec/" in str(path)
            self.assertEqual(stat.S_IMODE(path.stat().st_mode),
                             0o755 if programs else 0o644, path)
        for path in (destdir / "usr/share", destdir / "usr/share/man/man8"):
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o755, path)
        for name in ("bin/paris-traceroute", "bin/mda", HELPER, "share/man/man1/mda.1",
                     "share/doc/paris-traceroute/README.md",
                     "share/doc/paris-traceroute/examples/demo.topo"):
            self.assertIn(destdir / "usr" / name, found)
        make("uninstall", *where)
        self.assertEqual(files(destdir), set(others))
        self.assertFalse((destdir / "usr/share/doc/paris-traceroute").exists())
        make("uninstall", *where)  # of what is not there

    def test_works_where_it_is_moved_to(self):
        make("install", f"DESTDIR={self.folder}", "prefix=/usr")
        shutil.move(self.folder / "usr", self.folder / "else where")
        tool = self.folder / "else where" / "bin" / "paris-traceroute"
        result = paris.fakeroute("line.topo", tool, "-n", "-q", "1", TARGET)
        self.assertEqual(result.returncode, 0, result)
        self.assertIn(f"  {TARGET}  ", result.stdout)

    def test_page_of_each_tool(self):
        """Of each program that users start, and of the helper."""
        names = [line.rsplit("/", 1) for line in make("installed").splitlines()]
        pages = {name for folder, name in names if "/man/" in folder}
        for folder, name in names:
            if folder.endswith("/bin"):
                self.assertIn(name + ".1", pages)
        self.assertIn("paris-privsep.8", pages)

    def test_debian_knows_what_the_build_needs(self):
        """What `make deps` installs to build with, debian/control names, and no more."""
        words = re.search(r"(?m)^packages := ((?:.*\\\n)*.*)$",
                          (TREE / "Makefile").read_text())[1].replace("\\", "").split()
        control = re.search(r"(?m)^Build-Depends:\n((?: .*\n)*)",
                            (TREE / "debian/control").read_text())[1]
        named = {line.split()[0].rstrip(",") for line in control.splitlines()
                 if "nocheck" not in line}
        always = {"gcc", "libc6-dev"}  # every build of Debian has them
        self.assertEqual(named - {"debhelper-compat", "dh-apparmor"}, set(words) - always)

    @unittest.skipUnless(paris.VARIANT == "release", "the helper of this variant must not")
    def test_capability(self):
        where = f"prefix={self.folder}"
        self.assertIn("make install first", make("install-caps", where, status=2))
        self.assertIn("without DESTDIR",
                      make("install-caps", "prefix=/usr", f"DESTDIR={self.folder}",
                           status=2))
        make("install", where)
        if os.geteuid() != 0:
            self.assertIn("run it as root", make("install-caps", where, status=2))
            return
        make("install-caps", where)
        capable = [path for path in files(self.folder)
                   if "security.capability" in os.listxattr(path)]
        self.assertEqual(capable, [self.folder / HELPER])
        result = paris.start_fakeroute(
            "line.topo", self.folder / "bin/paris-traceroute", "-n", "-T", "--privilege",
            "helper", TARGET, options=("--keep-caps",), user=False).finish()
        self.assertEqual(result.returncode, 0, result)
        # An installation over it takes it away, as the manual says.
        make("install", where)
        self.assertNotIn("security.capability", os.listxattr(self.folder / HELPER))


if __name__ == "__main__":
    unittest.main()
