"""Our programs started by root in the simulated network, where paris-fakeroute's own
command is nobody: that one only keeps the network open (a sleep), and root's joins it.

    result = root_inside.run("line.topo", "paris-traceroute", "-n", "198.51.100.9")

`as_whom` stands before the command, such as setpriv for somebody in between.
"""

import os
import signal

import paris


class Inside:
    """A command of root's that runs; end it with finish(), which returns its Result."""

    def __init__(self, topology, command, options=(), groups=None, as_whom=()):
        # As root, so that the network's own user namespace is the one of all.
        self.network = paris.start_fakeroute(topology, "sleep", "3600", options=options,
                                             user=False)
        try:
            pid = self.network.find("sleep")
            enter = ["nsenter", "--target", str(pid), "--net", "--"]
            if groups is not None:
                done = paris.run(*enter, "sh", "-c", 'echo "$1" >"$0"',
                                 "/proc/sys/net/ipv4/ping_group_range", groups, user=False)
                if done.returncode != 0:
                    raise AssertionError(str(done))
            self.running = paris.Running(
                [*enter, *as_whom, *paris.started_with([str(command[0])]), *command[1:]],
                user=False)
        except BaseException:
            self.stop()
            raise

    def stop(self):
        os.kill(self.network.find("sleep"), signal.SIGTERM)
        return self.network.finish()

    def finish(self, limit=paris.TIME_LIMIT):
        try:
            result = self.running.finish(limit)
        finally:
            self.network_result = self.stop()
        result.files = self.network_result.files
        return result


def start(topology, *command, **more):
    return Inside(topology, command, **more)


def run(topology, *command, limit=paris.TIME_LIMIT, **more):
    return start(topology, *command, **more).finish(limit)
