"""Whether a test may have failed because a simulated network was late in it.

paris-fakeroute reports how long after its time its latest reply left. Our tools wait for
50 ms at least, so replies that are about as late may have been taken for lost, which no
test can tell from a fault. module.py has a test that failed so run again. Nothing else is
an excuse, and crashes and sanitizers' findings have none.
"""

import re

SHORTEST_NS = 30_000_000
ATTEMPTS = 3
CRASHES = (4, 5, 6, 7, 8, 11, 31)
CRASH = re.compile(rf"died of signal (?:{'|'.join(map(str, CRASHES))})\b")


class Fault(AssertionError):
    """A failure that no slow machine excuses."""


class _Seen:
    behind_ns = 0
    crashed = False


def begin():
    """Forgets what was before this test."""
    _Seen.behind_ns, _Seen.crashed = 0, False


def note(report, errors, status=0):
    """Of one simulated network: its report, parsed, and the command's standard error and
    exit status. A tool tells of servants that crash, a shell's status of the tool."""
    _Seen.behind_ns = max(_Seen.behind_ns, report.get("sent", {}).get("behind_ns", 0))
    _Seen.crashed = (_Seen.crashed or CRASH.search(errors) is not None
                     or status - 128 in CRASHES)


def excuse():
    """Why the test that runs may be run again, or None."""
    if _Seen.behind_ns < SHORTEST_NS or _Seen.crashed:
        return None
    return f"its simulated network was {_Seen.behind_ns // 1_000_000} ms late"
