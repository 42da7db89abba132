"""paris-traceroute --live on a terminal of 80 x 24: tmux is that terminal, and says what
stands on it."""

import shlex
import shutil
import time
import unittest

import paris

TARGET = "198.51.100.9"
TOPOLOGY = """
seed 3
defaults rtt=1ms
router a 10.1.0.1
router b 10.2.0.1 balance=per-packet
router c[1-2] 10.3.0.[1-2]
router d silent
target server 198.51.100.9
link host a b c[1-2] d server
"""


class Terminal:
    """A terminal of which a command is the only program."""

    def __init__(self, command, width=80, height=24):
        self.folder = paris.temporary_folder()
        self.status = self.folder / "status"
        self.errors = self.folder / "errors"
        # The shell is told of C-c as well, and goes on.
        shell = (f"trap : INT; {shlex.join(command)} 2>{self.errors}; "
                 f"echo $? >{self.status}.new; "
                 f"mv {self.status}.new {self.status}; cat")
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", width, "-y", height, shell)

    def tmux(self, *arguments):
        result = paris.run("tmux", "-S", self.folder / "socket", *arguments,
                           env={"LC_ALL": "C.UTF-8", "TERM": "xterm",
                                "SHELL": "/bin/sh"})
        if result.returncode:
            raise AssertionError(str(result))
        return result.stdout

    def lines(self):
        return self.tmux("capture-pane", "-p").splitlines()

    def press(self, *keys):
        self.tmux("send-keys", *keys)

    def ended(self):
        return self.status.exists() and int(self.status.read_text())

    def end(self):
        self.tmux("kill-server")


@unittest.skipUnless(shutil.which("tmux"), "there is no tmux")
class Live(unittest.TestCase):
    def live(self, *arguments, topology=TOPOLOGY, **more):
        command = [paris.program("paris-fakeroute"), paris.topology_file(topology), "--",
                   *paris.started_with(["paris-traceroute", "--live", "--interval", "0.1",
                                        *arguments])]
        terminal = Terminal([str(part) for part in command], **more)
        self.addCleanup(terminal.end)
        return terminal

    def wait(self, terminal, condition):
        """The screen, once that is so."""
        screen = []

        def look():
            screen[:] = terminal.lines()
            return condition(screen)
        try:
            paris.wait_for(look, 30, "the screen stays otherwise")
        except AssertionError as error:
            raise AssertionError("\n".join([str(error), *screen])) from None
        return screen

    def wait_for_end(self, terminal):
        paris.wait_for(terminal.status.exists, 30, "it does not end")
        return terminal.ended(), terminal.lines()

    def round(self, screen):
        words = screen[0].replace(",", " ").split() if screen else []
        return int(words[words.index("round") + 1]) if "round" in words else 0

    def hop(self, screen, number):
        return next((line.split() for line in screen if line.startswith(f"{number:3}. ")),
                    [])

    def test_what_it_shows(self):
        def way(now):  # of a balancer by chance, the second one
            at = next((i for i, line in enumerate(now) if line.startswith("  3. ")), 0)
            return at and "%" in now[at + 1]
        terminal = self.live("-n", "-w", "5", TARGET)
        screen = self.wait(terminal, lambda now: self.round(now) >= 12 and way(now) and
                           self.hop(now, 4)[2:3] == ["100.0"] and
                           len(self.hop(now, 5)) > 3)
        self.assertTrue(screen[0].startswith(f"{TARGET} ({TARGET}), udp, round "))
        self.assertEqual(screen[2].split(),
                         "Host Loss% Snt Last Avg Best Wrst Jttr".split())
        self.assertEqual(self.hop(screen, 1)[1:3], ["10.1.0.1", "0.0"])
        self.assertEqual(self.hop(screen, 4)[1:3], ["*", "100.0"])
        self.assertEqual(self.hop(screen, 5)[1:3], [TARGET, "0.0"])
        self.assertEqual(self.hop(screen, 6), [])
        _, sent, last, mean, best, worst, _ = map(float, self.hop(screen, 1)[2:])
        self.assertGreater(sent, 1)
        self.assertTrue(best <= mean <= worst and best <= last <= worst, screen)
        # A balancer's ways, the commoner first, in percent of the replies.
        at = next(i for i, line in enumerate(screen) if line.startswith("  3. "))
        ways = [screen[at].split()[1:3], screen[at + 1].split()]
        self.assertEqual({way[1] for way in ways}, {"10.3.0.1", "10.3.0.2"})
        shares = [int(way[0].rstrip("%")) for way in ways]
        self.assertGreaterEqual(shares[0], shares[1])
        self.assertIn(sum(shares), (99, 100))
        terminal.press("q")
        status, screen = self.wait_for_end(terminal)
        self.assertEqual(status, 0)
        # What was known is printed, where the shell goes on.
        self.assertTrue(screen[0].startswith(f"{TARGET} ({TARGET}), udp, round "))
        self.assertEqual(self.hop(screen, 5)[1], TARGET)
        self.assertEqual(terminal.errors.read_text(), "")

    def test_keys(self):
        terminal = self.live("-n", TARGET)
        self.wait(terminal, lambda now: self.round(now) >= 3)
        terminal.press("p")
        # Nothing is under way any more: hop 4, which is silent, has all its losses.
        first = self.wait(terminal, lambda now: now[0].endswith(", paused") and
                          int((self.hop(now, 4) + ["0"] * 4)[3]) == self.round(now))
        terminal.press("r")
        screen = self.wait(terminal, lambda now: not self.hop(now, 5))
        self.assertEqual(self.round(screen), self.round(first))
        terminal.press("p")
        self.wait(terminal, lambda now: self.round(now) > self.round(first) and
                  self.hop(now, 5))
        # The host was reached, though the figures know no more of it.
        terminal.press("p")
        self.wait(terminal, lambda now: now[0].endswith(", paused"))
        terminal.press("r")
        terminal.tmux("send-keys", "C-c")
        self.assertEqual(self.wait_for_end(terminal)[0], 0)

    def test_it_goes_on_when_nothing_else_happens(self):
        """No answer is waited for, nothing changes but that the user ends the pause."""
        terminal = self.live("-n", TARGET,
                             topology=TOPOLOGY.replace("router d silent\n", "")
                             .replace(" d server", " server"))
        self.wait(terminal, lambda now: self.round(now) >= 2)
        terminal.press("p")
        first = self.wait(terminal, lambda now: now[0].endswith(", paused") and
                          int((self.hop(now, 4) + ["0"] * 4)[3]) == self.round(now))
        time.sleep(0.3)  # else the next screen is still to come, and wakes it
        terminal.press("p")
        self.wait(terminal, lambda now: self.round(now) > self.round(first) + 1)
        terminal.press("q")
        self.assertEqual(self.wait_for_end(terminal)[0], 0)

    def test_small_and_resized(self):
        """Hops that do not fit are scrolled to; the figures that fit are shown."""
        terminal = self.live("-n", TARGET, width=40, height=6)
        screen = self.wait(terminal, lambda now: self.hop(now, 3))
        self.assertEqual(screen[2].split(), ["Host", "Loss%", "Snt"])
        for _ in range(9):
            terminal.press("Down")
        screen = self.wait(terminal, lambda now: self.hop(now, 5))
        self.assertEqual(self.hop(screen, 1), [])
        terminal.tmux("resize-window", "-x", "80", "-y", "24")
        screen = self.wait(terminal, lambda now: self.hop(now, 1) and self.hop(now, 5))
        self.assertIn("Jttr", screen[2])
        terminal.press("q")
        self.assertEqual(self.wait_for_end(terminal)[0], 0)

    def test_rounds(self):
        terminal = self.live("-n", "--rounds", "3", "-I", TARGET)
        status, screen = self.wait_for_end(terminal)
        self.assertEqual((status, self.round(screen)), (0, 3))
        self.assertIn(", icmp, ", screen[0])
        self.assertEqual(self.hop(screen, 5)[3], "3")

    def test_target_that_is_not_reached(self):
        text = TOPOLOGY.replace("target server 198.51.100.9", "target server 198.51.100.9\n"
                                "rule b reject=host")
        terminal = self.live("-n", "--rounds", "2", TARGET, topology=text)
        status, screen = self.wait_for_end(terminal)
        self.assertEqual(status, 1)
        self.assertEqual(self.hop(screen, 2)[1], "10.2.0.1")

    def test_no_terminal(self):
        result = paris.fakeroute(TOPOLOGY, "paris-traceroute", "--live", TARGET)
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertIn("--live: standard output is not a terminal", result.stderr)

    def test_unknown_terminal(self):
        for type_, words in (("nosuch", "TERM=nosuch, is not known"),
                             ("dumb", "TERM=dumb cannot move its cursor")):
            terminal = Terminal(["env", f"TERM={type_}", *map(str, (
                paris.program("paris-fakeroute"), paris.topology_file(TOPOLOGY), "--",
                *paris.started_with(["paris-traceroute", "--live", TARGET])))])
            self.addCleanup(terminal.end)
            self.assertEqual(self.wait_for_end(terminal)[0], 2)
            self.assertIn(words, terminal.errors.read_text())


if __name__ == "__main__":
    unittest.main()
