"""What paris-prober makes of a paris-privsep that has been taken over (wrong_helper.py):
the trace ends in order with what is true, and nothing it says does harm."""

import functools
import os
import shutil
import signal
import sys
import unittest
from pathlib import Path

import paris
from test_helper import NET_RAW, V4

REACHED, NOT_REACHED, FAILED = 0, 1, 3
NONSENSE = "said something that makes no sense"
SILENT = "paris-privsep does not answer any more"
ENDED = "paris-privsep ended before the trace did"
UNTOLD = "paris-privsep ended before it said what it had sent"

# Behaviour, exit status, words on standard error. With status 0 the trace is whole.
BEHAVIOURS = (
    ("honest", REACHED, ""),
    ("silent", FAILED, "paris-privsep does not start"),
    ("ends_at_once", FAILED, ENDED),
    ("ends_with_3", FAILED, "no capability, it says"),
    ("two_hellos", FAILED, NONSENSE),
    ("short_hello", FAILED, NONSENSE),
    ("other_version", FAILED, NONSENSE),
    ("other_length", FAILED, NONSENSE),
    ("features_of_tomorrow", FAILED, NONSENSE),
    ("sent_before_hello", FAILED, NONSENSE),
    ("number_left_out", FAILED, NONSENSE),
    ("unknown_type", FAILED, NONSENSE),
    ("callers_words", FAILED, NONSENSE),
    ("with_descriptor", FAILED, NONSENSE),
    ("other_reservation", FAILED, NONSENSE),
    ("reservation_64", FAILED, NONSENSE),
    ("reserved_twice", FAILED, NONSENSE),
    ("other_port", FAILED, NONSENSE),
    ("refuses_four_ports", REACHED, ""),
    ("refuses_all_ports", FAILED, "no source port is free"),
    ("refuses_by_no_errno", FAILED, "cannot open a udp-helper socket: unknown error"),
    ("reserves_never", FAILED, SILENT),
    ("sends_never", FAILED, SILENT),
    ("talks_of_other_things", FAILED, SILENT),
    ("stops_reading", FAILED, SILENT),
    ("thinks_before_the_second", NOT_REACHED, ""),
    ("dies_while_sending", None, ENDED),
    ("unknown_cookie", FAILED, NONSENSE),
    ("answers_alone", REACHED, SILENT),
    ("ends_when_all_is_answered", REACHED, UNTOLD),
    ("sent_twice", FAILED, NONSENSE),
    ("sent_in_reverse", FAILED, NONSENSE),
    ("refuses_to_send", FAILED, "Operation not permitted"),
    ("stamps_of_1970", REACHED, ""),
    ("stamps_of_tomorrow", REACHED, ""),
    ("answers_before_sent", REACHED, ""),
    ("received_in_1970", REACHED, ""),
    ("received_before_time", REACHED, ""),
    ("received_tomorrow", REACHED, ""),
    ("ttl_of_300", FAILED, NONSENSE),
    ("answer_of_no_kind", FAILED, NONSENSE),
    ("no_family", FAILED, NONSENSE),
    ("longer_than_it_is", FAILED, NONSENSE),
    ("strays", REACHED, ""),
    ("loses_all", NOT_REACHED, ""),
    ("drops_nothing", FAILED, NONSENSE),
    ("floods", REACHED, ""),
)


OPTIONS = {
    "loses_all": ("-w", "1", "-m", "6"),
    "thinks_before_the_second": ("-q", "1", "-m", "2", "-z", "4.5"),
}


@functools.lru_cache(maxsize=None)
def folder():
    """The programs, with room for a helper of ours."""
    found = paris.temporary_folder()
    for part in ("bin", "libexec"):
        shutil.copytree(paris.stage() / part, found / part)
    found.chmod(0o755)
    return found


def start(behaviour, *arguments):
    """The helper has to look as if it had its capability."""
    helper = folder() / "libexec/paris-traceroute/paris-privsep"
    source = Path(__file__).with_name("wrong_helper.py").read_text()
    helper.unlink()
    helper.write_text(f"#!{sys.executable} -IS\nBEHAVIOUR = {behaviour!r}\n{source}")
    helper.chmod(0o755)
    os.setxattr(helper, "security.capability", NET_RAW)
    tool = paris.started_with([folder() / "bin/paris-traceroute", "-n", *arguments])
    return paris.start_fakeroute("line.topo", *tool, options=("--keep-caps",), user=False)


@unittest.skipUnless(os.geteuid() == 0, "only root can give a file a capability here")
class WrongHelper(unittest.TestCase):
    def check(self, behaviour, status, words, result):
        found = result.json
        self.assertNotIn("died of", result.stderr)
        self.assertNotIn("please report", result.stderr)
        if status is not None:
            self.assertEqual(result.returncode, status, result)
        if words:
            self.assertIn(words, result.stderr, result)
        else:
            self.assertEqual(result.stderr, "")
        seen = {(ttl, probe["from"]) for ttl, probe in paris.answers(found)}
        honest = {(ttl, f"10.0.{ttl}.1") for ttl in (1, 2, 3)} | {(4, V4)}
        self.assertLessEqual(seen, honest)
        if status == REACHED:
            self.assertEqual(seen, honest)
            self.assertEqual(len(paris.answers(found)), 12)
        for _, probe in paris.answers(found):
            self.assertTrue(0 <= probe["rtt_ms"] < 60000, probe)

    def test_behaviours(self):
        for behaviour, status, words in BEHAVIOURS:
            with self.subTest(behaviour):
                options = OPTIONS.get(behaviour, ("-w", "20"))
                result = start(behaviour, "--format", "json", "--privilege", "helper",
                               *options, V4).finish(60)
                self.check(behaviour, status, words, result)

    def test_dying_while_probes_wait(self):
        """What was learned is told: a failure only if that is nothing."""
        result = start("dies_while_sending", "--privilege", "helper", V4).finish()
        learned = " 1  10.0.1.1" in result.stdout
        self.assertEqual(result.returncode, NOT_REACHED if learned else FAILED, result)

    def test_interrupted_while_it_owes(self):
        """What it does not say to have sent is waited for, but not for long; what was
        answered has left."""
        running = start("answers_nine", "--format", "json", "--privilege", "helper", V4)
        paris.wait_for(lambda: b"nine" in os.pread(running.errors.fileno(), 1000, 0), 30,
                       "it has not answered")
        os.kill(running.find("paris-traceroute"), signal.SIGINT)
        result = running.finish()
        self.assertEqual(result.returncode, NOT_REACHED, result)
        self.assertNotIn("did not stop", result.stderr)
        self.assertNotIn("does not answer", result.stderr)
        self.assertEqual(result.json["stop"]["reason"], "interrupted")
        self.assertEqual(result.json["counters"]["sent"], 9)

    def test_silence_at_the_start_can_be_interrupted(self):
        running = start("silent", "--privilege", "helper", V4)
        running.find("paris-prober")
        os.kill(running.find("paris-traceroute"), signal.SIGINT)
        result = running.finish()
        self.assertEqual(result.returncode, FAILED, result)

    def test_every_behaviour_is_tried(self):
        source = Path(__file__).with_name("wrong_helper.py").read_text()
        named = {line.split("(")[0][6:] for line in source.splitlines()
                 if line.startswith("class ") and line.endswith("(Helper):")}
        self.assertEqual(named, {name for name, _, _ in BEHAVIOURS} | {"answers_nine"})


if __name__ == "__main__":
    unittest.main()
