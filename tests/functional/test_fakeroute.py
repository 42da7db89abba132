"""paris-fakeroute: what its network answers, seen by plain sockets inside and by capture,
and what the command inside it is and is not."""

import json
import os
import re
import shutil
import signal
import socket
import struct
import sys
import textwrap
import unittest
from collections import Counter
from pathlib import Path

import paris

V4, V6 = "198.51.100.9", "2001:db8:ffff::9"
BOTH = (V4, V6)
ROOT = os.geteuid() == 0

# What programs inside the network start with: probing with ordinary sockets.
PRELUDE = """
import errno, json, os, select, socket, struct, sys, time
ERRQUEUE = 0x2000

def family_of(dst):
    return socket.AF_INET6 if ":" in dst else socket.AF_INET

def options(s, family, ttl):
    if family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, 25, 1)        # IPV6_RECVERR
        s.setsockopt(socket.IPPROTO_IPV6, 16, ttl)      # IPV6_UNICAST_HOPS
    else:
        s.setsockopt(socket.IPPROTO_IP, 11, 1)          # IP_RECVERR
        s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
        s.setsockopt(socket.IPPROTO_IP, 10, 0)          # no IP_MTU_DISCOVER

def error_of(s):
    data, ancillary, _, _ = s.recvmsg(2000, 512, ERRQUEUE)
    for level, kind, value in ancillary:
        if (level, kind) in ((0, 11), (41, 25)):
            number, origin, type_, code, _, info, _ = struct.unpack_from("=IBBBBII", value)
            at = value[16:]
            offender = None
            if len(at) >= 8 and struct.unpack_from("=H", at)[0] == socket.AF_INET:
                offender = socket.inet_ntoa(at[4:8])
            elif len(at) >= 24 and struct.unpack_from("=H", at)[0] == socket.AF_INET6:
                offender = socket.inet_ntop(socket.AF_INET6, at[8:24])
            return dict(kind="error", offender=offender, type=type_, code=code,
                        errno=number, origin=origin, info=info, quoted=len(data))
    return dict(kind="error without cause")

def answer(s, wait=20):
    poll = select.poll()
    poll.register(s, select.POLLIN)
    events = poll.poll(wait * 1000)
    if not events:
        return None
    if events[0][1] & select.POLLERR:
        try:
            return error_of(s)
        except BlockingIOError:  # the kernel set an error after it was read already
            s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            return answer(s, wait)
    data, address = s.recvfrom(70000)
    return dict(kind="data", offender=address[0], data=data.hex())

def send(s, data, address):
    for _ in range(3):  # an error that waits makes the first one fail
        try:
            return s.sendto(data, address)
        except OSError:
            pass

def udp(dst, ttl, sport=0, dport=40000, data=b"x" * 32, wait=20, count=1, proto=0):
    family = family_of(dst)
    with socket.socket(family, socket.SOCK_DGRAM, proto) as s:
        options(s, family, ttl)
        s.bind(("", sport))
        found = []
        for _ in range(count):
            send(s, data, (dst, dport))
            found.append(answer(s, wait))
        return found if count > 1 else found[0]

def echo(dst, ttl, identifier=77, sequence=1, data=b"payload!", wait=20):
    family = family_of(dst)
    six = family == socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM, 58 if six else 1) as s:
        options(s, family, ttl)
        s.bind(("", identifier))
        send(s, struct.pack("!BBHHH", 128 if six else 8, 0, 0, 0, sequence) + data,
             (dst, 0))
        return answer(s, wait)

def tcp(dst, port, ttl=64, wait=20):
    family = family_of(dst)
    with socket.socket(family, socket.SOCK_STREAM) as s:
        options(s, family, ttl)
        s.settimeout(wait)
        try:
            s.connect((dst, port))
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return "open"
        except socket.timeout:
            return "silent"
        except OSError as error:
            return errno.errorcode[error.errno]
"""


# Executes its arguments as root of a user namespace that may have no further ones.
NO_USER_NAMESPACES = """
import ctypes, os, sys
ask, told = os.pipe(), os.pipe()
pid = os.fork()
if pid == 0:
    if ctypes.CDLL(None, use_errno=True).unshare(0x10000000) != 0:
        sys.exit("cannot unshare: " + os.strerror(ctypes.get_errno()))
    os.write(ask[1], b"x")
    os.read(told[0], 1)
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    with open("/proc/sys/user/max_user_namespaces", "w") as file:
        file.write("0")
    os.execv(sys.argv[1], sys.argv[1:])
os.close(ask[1])
os.read(ask[0], 1)
for kind in ("uid", "gid"):
    with open(f"/proc/{pid}/{kind}_map", "w") as file:
        file.write("0 0 65536")
os.write(told[1], b"x")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def inside(topology, code, options=(), user=True):
    """Runs Python inside the network; returns (what it printed as JSON, the Result). Again
    if that was so late that a kernel sends a SYN once more."""
    result = paris.undisturbed(topology, sys.executable, "-c",
                               PRELUDE + textwrap.dedent(code), wait=1, options=options,
                               user=user)
    if result.returncode != 0:
        raise AssertionError(str(result))
    return json.loads(result.stdout), result


def quick(name):
    """A topology of the folder in which little time passes."""
    text = (paris.TOPOLOGIES / name).read_text()
    return re.sub(r"\brtt=1ms", "rtt=10us", text)


def expected_line(dst, routers, kind="line"):
    if ":" in dst:
        return [f"2001:db8:{n}::1" for n in range(1, routers + 1)] + [dst]
    return [f"10.0.{n}.1" for n in range(1, routers + 1)] + [dst]


class Answers(unittest.TestCase):
    """Time exceeded, unreachable, echo, TCP."""

    def test_udp_hops_in_order(self):
        for dst in BOTH:
            found, result = inside("line.topo", f"""
                print(json.dumps([udp("{dst}", ttl) for ttl in range(1, 17)]))""")
            hops = expected_line(dst, 14) + [dst]
            self.assertEqual([one["offender"] for one in found], hops)
            six = ":" in dst
            expired, port = ((3, 0), (1, 4)) if six else ((11, 0), (3, 3))
            self.assertEqual([(one["type"], one["code"]) for one in found],
                             [expired] * 14 + [port] * 2)
            self.assertEqual(result.report["received"]["bad_checksum"], 0)
            self.assertEqual(result.report["received"]["answered"], 16)

    def test_udplite(self):
        try:
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 136).close()
        except OSError as error:
            self.skipTest(f"the kernel has no UDP-Lite: {error}")
        for dst in BOTH:
            found, result = inside("line.topo", f"""
                print(json.dumps([udp("{dst}", ttl, proto=136, dport=port)
                                  for ttl, port in ((3, 7), (64, 8), (64, 7))]))""")
            self.assertEqual([one["offender"] for one in found],
                             [expected_line(dst, 14)[2], dst, dst])
            self.assertEqual([one["kind"] for one in found], ["error", "error", "data"])
            self.assertEqual(found[2]["data"], (b"x" * 32).hex())
            self.assertEqual(result.report["received"]["bad_checksum"], 0)
            self.assertEqual(result.report["flows"][0]["protocol"], "udplite")

    def test_echo(self):
        for dst in BOTH:
            found, _ = inside("line.topo", f"""
                print(json.dumps([echo("{dst}", ttl) for ttl in (3, 14, 15, 64)]))""")
            hops = expected_line(dst, 14)
            self.assertEqual([one["offender"] for one in found],
                             [hops[2], hops[13], dst, dst])
            self.assertEqual([one["kind"] for one in found],
                             ["error", "error", "data", "data"])
            self.assertTrue(found[2]["data"].endswith(b"payload!".hex()))

    def test_tcp(self):
        for dst in BOTH:
            found, _ = inside("line.topo", f"""
                print(json.dumps([tcp("{dst}", 80), tcp("{dst}", 81),
                                  tcp("{dst}", 80, ttl=4)]))""")
            self.assertEqual(found[:2], ["open", "ECONNREFUSED"])
            self.assertEqual(found[2], "EHOSTUNREACH")

    def test_targets(self):
        for prefix in ("198.51.100.", "2001:db8:ffff::"):
            found, _ = inside("targets.topo", f"""
                to = ["{prefix}%d" % n for n in range(10)]
                print(json.dumps(dict(
                    plain=udp(to[1], 9), echo=udp(to[2], 9, data=b"again"),
                    open=udp(to[3], 9, dport=33440, data=b"more"),
                    shut=udp(to[3], 9, dport=33451), mute=udp(to[4], 9, wait=.1),
                    no_ping=echo(to[5], 9, wait=.1), ping=echo(to[1], 9),
                    tcp=[tcp(to[6], 80), tcp(to[6], 8010), tcp(to[6], 8011, wait=.1),
                         tcp(to[7], 9999), tcp(to[1], 80), tcp(to[8], 80, wait=.1)],
                    dark=udp(to[8], 9, wait=.1))))""")
            self.assertEqual(found["plain"]["kind"], "error")
            self.assertEqual(found["echo"]["data"], b"again".hex())
            self.assertEqual(found["open"]["data"], b"more".hex())
            self.assertEqual(found["shut"]["kind"], "error")
            self.assertIsNone(found["mute"])
            self.assertIsNone(found["no_ping"])
            self.assertEqual(found["ping"]["kind"], "data")
            self.assertEqual(found["tcp"], ["open", "open", "silent", "open",
                                            "ECONNREFUSED", "silent"])
            self.assertIsNone(found["dark"])

    def test_unreachables(self):
        codes = {  # by target: (IPv4, IPv6) as (type, code)
            1: ((3, 0), (1, 0)), 2: ((3, 1), (1, 3)), 3: ((3, 2), (4, 1)),
            4: ((3, 13), (1, 1)), 5: ((3, 5), (1, 5))}
        for at, prefix, router in ((0, "198.51.100.", "10.2.0."),
                                   (1, "2001:db8:ffff::", "2001:db8:2::")):
            found, _ = inside("unreachable.topo", f"""
                print(json.dumps([[udp("{prefix}%d" % n, ttl) for ttl in (1, 2, 3)]
                                  for n in range(1, 7)]))""")
            expired = (3, 0) if at else (11, 0)
            for number, kinds in codes.items():
                first, second, third = found[number - 1]
                self.assertEqual((second["type"], second["code"]), expired)
                self.assertEqual(third["offender"], f"{router}{number}")
                self.assertEqual((third["type"], third["code"]), kinds[at])
                self.assertNotEqual(first["offender"], second["offender"])
            self.assertEqual(found[5][1]["code"], 1 if at else 13, "on arrival")

    def test_frag_needed(self):
        for dst in ("198.51.100.7", "2001:db8:ffff::7"):
            six = ":" in dst
            found, _ = inside("unreachable.topo", f"""
                with socket.socket(family_of("{dst}"), socket.SOCK_DGRAM) as s:
                    options(s, family_of("{dst}"), 9)
                    s.setsockopt(*((41, 23, 3) if {six} else (0, 10, 3)))  # PROBE
                    s.sendto(bytes(1400), ("{dst}", 40000))
                    print(json.dumps(answer(s)))""")
            self.assertEqual(found["info"], 1300)
            self.assertEqual(found["offender"], "2001:db8:2::7" if six else "10.2.0.7")

    def test_unknown_destination(self):
        found, result = inside("line.topo", """
            print(json.dumps([udp("203.0.113.1", ttl) for ttl in (1, 2)]))""")
        self.assertEqual([one["offender"] for one in found], ["10.0.1.1"] * 2)
        self.assertEqual([one["type"] for one in found], [11, 3])
        self.assertEqual(result.report["received"]["unknown_destination"], 2)

    def test_router_answers_for_itself(self):
        found, _ = inside("line.topo", """
            print(json.dumps([echo("10.0.3.1", 64), echo("10.0.3.1", 2),
                              echo("2001:db8:3::1", 64)]))""")
        self.assertEqual([one["offender"] for one in found],
                         ["10.0.3.1", "10.0.2.1", "2001:db8:3::1"])

    def test_fragments(self):
        for dst in BOTH:
            found, result = inside("line.topo", f"""
                data = bytes(n % 251 for n in range(5000))
                print(json.dumps([echo("{dst}", 64, data=data)["data"][16:] == data.hex(),
                                  udp("{dst}", 64, dport=7, data=data)["data"] == data.hex(),
                                  udp("{dst}", 64, data=data), udp("{dst}", 3, data=data)]))
                """)
            self.assertEqual(found[:2], [True, True])
            self.assertEqual(found[2]["offender"], dst)
            self.assertEqual(found[3]["offender"], expected_line(dst, 14)[2])
            self.assertEqual(result.report["received"]["bad_checksum"], 0)
            self.assertEqual(result.report["received"]["fragment"], 3 * 3)

    @unittest.skipUnless(shutil.which("ping"), "no ping")
    def test_debian_ping(self):
        # A copy has no file capability, which could not be executed without bounds.
        copy = paris.temporary_folder() / "ping"
        shutil.copyfile(shutil.which("ping"), copy)
        copy.chmod(0o755)
        for dst in BOTH:
            result = paris.fakeroute("line.topo", copy, "-n", "-c", "2", "-i", "0.2", "-w",
                                     "20", dst)
            self.assertEqual(result.returncode, 0, result)
            self.assertIn("2 received", result.stdout)
            self.assertIn("ttl=50", result.stdout)


class Firewalls(unittest.TestCase):
    """Rules, and TCP ports; what the report says of connections."""

    def test_rules(self):
        for dst in BOTH:
            six = ":" in dst
            found, result = inside("firewall.topo", f"""
                print(json.dumps(dict(
                    passes=udp("{dst}", 9, dport=33434), expires=udp("{dst}", 2, dport=33440),
                    dropped=udp("{dst}", 9, dport=33440, wait=.1),
                    refused=udp("{dst}", 9, dport=53), hidden=udp("{dst}", 5, wait=.1),
                    shown=udp("{dst}", 4), other=udp("{dst}", 9, dport=54))))""")
            routers = [f"2001:db8:{n}::1" if six else f"10.{n}.0.1" for n in range(1, 6)]
            offenders = {what: answer and answer["offender"]
                         for what, answer in found.items()}
            self.assertEqual(offenders, {
                "passes": dst, "expires": routers[1], "dropped": None,
                "refused": routers[2], "hidden": None,
                "shown": routers[3], "other": dst})
            self.assertEqual((found["refused"]["type"], found["refused"]["code"]),
                             (1, 1) if six else (3, 13))
            received = result.report["received"]
            self.assertEqual((received["filtered"], received["answered"]), (2, 5))

    def test_tcp_ports(self):
        for dst, other in ((V4, "198.51.100.10"), (V6, "2001:db8:ffff::10")):
            found, result = inside("firewall.topo", f"""
                print(json.dumps([tcp("{dst}", 80), tcp("{dst}", 443), tcp("{dst}", 81),
                                  tcp("{dst}", 25, wait=.1), tcp("{dst}", 137),
                                  tcp("{other}", 22), tcp("{other}", 23),
                                  tcp("{other}", 24, wait=.1)]))""", ("--report-probes",))
            self.assertEqual(found, ["open", "open", "ECONNREFUSED", "silent",
                                     "ECONNREFUSED", "open", "ECONNREFUSED", "silent"])
            connections = result.report["connections"]
            self.assertEqual([(one["dst"], one["dst_port"]) for one in connections],
                             [(dst, 80), (dst, 443), (other, 22)])
            for one in connections:
                self.assertEqual((one["state"], one["segments"], one["bytes"]),
                                 ("reset", 3, 0))  # SYN, ACK, RST
            flows = {(flow["dst"], flow["dst_port"]): flow["flags"]
                     for flow in result.report["flows"]}
            self.assertEqual(flows[dst, 80], ["SYN", "ACK", "RST ACK"])
            self.assertEqual(flows[dst, 81], ["SYN"])
            flags = [probe["flags"] for probe in result.report["probes"]
                     if (probe["dst"], probe["dst_port"]) == (dst, 443)]
            self.assertEqual(flags, ["SYN", "ACK", "RST ACK"])

    def test_tcp_in_order(self):
        """A client that talks, and closes as it should."""
        for dst in BOTH:
            _, result = inside("line.topo", f"""
                with socket.create_connection(("{dst}", 80)) as s:
                    s.sendall(b"hello")
                    s.shutdown(socket.SHUT_WR)
                    assert s.recv(1) == b""
                print("null")""")
            one, = result.report["connections"]
            self.assertEqual((one["state"], one["bytes"]), ("ended", 5))


class Nat(unittest.TestCase):
    """What sockets and the wire show of NATs."""

    PREFIXES = (("198.51.100.", "10.{}.0.{}"), ("2001:db8:ffff::", "2001:db8:{}::{}"))

    def trace(self, dst):
        """(what a socket was told of TTL 1 to 5, the run)"""
        return inside("nat.topo", f"""
            print(json.dumps([udp("{dst}", ttl, sport=24000)
                              for ttl in range(1, 6)]))""")

    def test_destination(self):
        for prefix, router in self.PREFIXES:
            dst = prefix + "1"
            found, _ = self.trace(dst)
            self.assertEqual([one["offender"] for one in found],
                             [router.format(1, 1)] + [dst] * 4)
            found, result = inside("nat.topo", f"""
                print(json.dumps([echo("{dst}", 64), tcp("{dst}", 80), tcp("{dst}", 81),
                                  tcp("{dst}", 80, ttl=3)]))""")
            self.assertEqual(found[0]["offender"], dst)
            self.assertEqual(found[1:], ["open", "ECONNREFUSED", "EHOSTUNREACH"])
            self.assertEqual(result.report["connections"][0]["state"], "reset")

    def test_destination_that_shows(self):
        for prefix, router in self.PREFIXES:
            dst, inner = prefix + "2", router.format(9, 2)
            _, result = self.trace(dst)
            errors = error_packets(result)
            self.assertEqual([one.src for one in errors],
                             [router.format(1, 1), router.format(2, 2),
                              router.format(3, 2), inner, inner])
            self.assertEqual([one.quoted.dst for one in errors], [dst] + [inner] * 4)
            self.assertTrue(all(one.quoted.checksum_ok for one in errors))

    def test_source(self):
        for prefix, router in self.PREFIXES:
            dst = prefix + "3"
            found, result = self.trace(dst)
            self.assertEqual([one["offender"] for one in found],
                             [router.format(1, 1), router.format(2, 3),
                              router.format(3, 3), dst, dst])
            for one in error_packets(result):
                self.assertEqual(one.quoted.sport, 24000)
                self.assertTrue(one.quoted.checksum_ok)

    def test_source_that_shows(self):
        for prefix, _ in self.PREFIXES:
            for number, of_address, right in (("4", True, True), ("5", False, False)):
                found, result = self.trace(prefix + number)
                # A socket bound to no address is told all the same.
                self.assertTrue(all(found))
                errors = error_packets(result)
                outside = "2001:db8:5::1" if ":" in prefix else "203.0.113.1"
                probe = result.packets()[0].src
                self.assertEqual([one.quoted.src for one in errors],
                                 [probe] * 2 + [outside if of_address else probe] * 3)
                self.assertEqual([one.quoted.checksum_ok for one in errors],
                                 [True] * 2 + [right] * 3)


class Oddities(unittest.TestCase):
    """Loops, TTLs, wrong quotes, other addresses and changes, seen by sockets."""

    def offenders(self, number, count):
        answers = []
        for prefix, router in Nat.PREFIXES:
            found, result = inside("odd.topo", f"""
                print(json.dumps([udp("{prefix}{number}", ttl, sport=24000)
                                  for ttl in range(1, {count + 1})]))""")
            names = {prefix + str(number): "target"}
            for net in range(1, 10):
                for host in range(1, 10):
                    names[router.format(net, host)] = f"{net}.{host}"
            answers.append([names[one["offender"]] for one in found])
        self.assertEqual(*answers)  # both families alike
        return answers[0], result

    def test_ttl(self):
        found, result = self.offenders(1, 5)
        self.assertEqual(found, ["1.1", "3.1", "3.1", "target", "target"])
        self.assertEqual([one.quoted.ttl for one in error_packets(result)],
                         [1, 0, 1, 1, 2])
        found, _ = self.offenders(2, 4)
        self.assertEqual(found, ["1.1", "3.2", "target", "target"])

    def test_loop(self):
        found, _ = self.offenders(3, 8)
        self.assertEqual(found, ["1.1"] + ["2.3", "3.3"] * 3 + ["2.3"])

    def test_change(self):
        found, _ = self.offenders(6, 3)
        self.assertEqual(found, ["1.1", "2.6", "3.6"])
        found, result = inside("odd.topo", """
            print(json.dumps([udp("198.51.100.6", 2)["offender"] for _ in range(5)]))""")
        self.assertEqual(found, ["10.2.0.6"] * 3 + ["10.2.0.7"] * 2)
        self.assertTrue(any(link["packets"] == 2 for link in result.report["links"]))

    def test_wrong_quotes(self):
        _, result = inside("odd.topo", """
            print(json.dumps([udp("198.51.100.4", ttl) for ttl in (1, 2)]))""")
        good, bad = (one.quoted for one in error_packets(result))
        self.assertEqual((good.ttl, good.tos, good.checksum_ok), (1, 0, True))
        self.assertEqual((bad.ttl, bad.tos, bad.checksum_ok), (9, 0x40, False))

    def test_other_addresses(self):
        for (prefix, _), errors, answers in zip(
                Nat.PREFIXES, ("10.7.7.7", "2001:db8:7::7"), ("10.8.8.8", "2001:db8:8::8")):
            found, _ = inside("odd.topo", f"""
                print(json.dumps([udp("{prefix}5", ttl) for ttl in (2, 9)]))""")
            self.assertEqual([one["offender"] for one in found], [errors, answers])
            self.assertEqual(found[1]["kind"], "data")


class Routers(unittest.TestCase):
    """What the interfaces of one router share."""

    def errors(self, number, flows=12):
        """The errors of the second hop on the way to a server, by capture."""
        _, result = inside("aliases.topo", f"""
            print(json.dumps([udp("198.51.100.{number}", 2, sport=20000 + n)
                              for n in range({flows})]))""")
        errors = error_packets(result)
        self.assertEqual(len({one.src for one in errors}), 2, "both interfaces")
        return errors

    def by_interface(self, errors):
        found = {}
        for one in errors:
            found.setdefault(one.src, []).append(one.ip_id)
        return found.values()

    def test_one_counter(self):
        ids = [one.ip_id for one in self.errors(1)]
        steps = [(after - before) % 65536 for before, after in zip(ids, ids[1:])]
        # 200 a second of others besides our own: no bound on how slow we are.
        self.assertTrue(all(1 <= step < 30000 for step in steps), steps)

    def test_own_counters(self):
        for ids in self.by_interface(self.errors(2)):
            self.assertEqual(ids, [(ids[0] + n) % 65536 for n in range(len(ids))])

    def test_other_identifications(self):
        self.assertEqual({one.ip_id for one in self.errors(3)}, {0})
        self.assertGreater(len({one.ip_id for one in self.errors(4)}), 8)
        for one in self.errors(5):
            self.assertEqual(one.ip_id, one.quoted.ip_id)

    def test_reply_ttl(self):
        for number, ttl in ((1, 254), (3, 63), (4, 254), (5, 127)):
            self.assertEqual({one.ttl for one in self.errors(number, 8)}, {ttl})

    def test_limit(self):
        found, result = inside("aliases.topo", """
            found = [udp("198.51.100.6", 2, sport=20000 + n) for n in range(6)]
            while len(found) < 500 and found[-1]:  # until one finds no token
                found.append(udp("198.51.100.6", 2, sport=20000 + len(found), wait=1))
            print(json.dumps(found + [echo("10.2.6.1", 64)]))""")
        self.assertTrue(all(found[:6]))  # the burst, of both interfaces together
        self.assertEqual(found[-1]["kind"], "data")  # no error: no limit
        received = result.report["received"]
        self.assertEqual(received["limited"] + received["answered"], len(found))
        self.assertGreaterEqual(received["limited"], 1)


class Time(unittest.TestCase):
    def test_round_trip(self):
        found, _ = inside("line.topo", f"""
            times = []
            end = time.monotonic() + 20
            while not times or min(times) > 0.05 and time.monotonic() < end:
                begun = time.monotonic()
                udp("{V4}", 15)
                times.append(time.monotonic() - begun)
            print(json.dumps(min(times)))""")
        self.assertGreaterEqual(found, 0.0405)
        self.assertLess(found, 0.0405 + 0.01 * paris.SLOWNESS)


    def test_what_the_machine_adds(self):
        """How late a reply was for its time is reported."""
        _, result = inside("line.topo", f"""
            stat = open(f"/proc/{{os.getppid()}}/stat").read()  # of its keeper
            simulator = int(stat.rpartition(")")[2].split()[1])
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                options(s, socket.AF_INET, 1)
                os.kill(simulator, 19)  # SIGSTOP
                send(s, b"x", ("{V4}", 40000))
                time.sleep(.3)
                os.kill(simulator, 18)  # SIGCONT
                print(json.dumps(answer(s)))""")
        self.assertGreater(result.report["sent"]["behind_ns"], 290e6)


class Balancing(unittest.TestCase):
    def test_per_flow(self):
        for dst in BOTH:
            found, result = inside(quick("diamond.topo"), f"""
                print(json.dumps([[(udp("{dst}", ttl, sport=s) or {{}}).get("offender")
                                   for ttl in (2, 4, 2, 4)]
                                  for s in range(20000, 20400)]))""")
            for two, four, again, once_more in found:
                self.assertEqual((two, four), (again, once_more), "a flow moved")
            seconds = Counter(two for two, *_ in found)
            fourths = Counter(four for _, four, *_ in found)
            self.assertEqual(len(seconds), 2)
            self.assertEqual(len(fourths), 4)
            for count in seconds.values():  # 200 +- 4 standard deviations of 10
                self.assertTrue(160 <= count <= 240, seconds)
            heavy = fourths["2001:db8:4::1" if ":" in dst else "10.4.0.1"]
            self.assertTrue(160 <= heavy <= 240, fourths)  # a half
            pairs = Counter((two, four) for two, four, *_ in found)
            self.assertEqual(len(pairs), 8, "serial balancers choose alike")
            flows = result.report["flows"]
            self.assertEqual(len(flows), 400)
            self.assertFalse(any(flow["varied"] for flow in flows))
            self.assertTrue(all(flow["count"] == 4 and flow["ttls"] == [2, 4]
                                for flow in flows))

    def test_echo_flow_is_its_checksum(self):
        found, _ = inside(quick("diamond.topo"), f"""
            def hop(identifier, sequence, filler):
                # the checksum stays when filler makes up for the sequence
                return echo("{V4}", 2, identifier, sequence,
                            struct.pack("!H", filler))["offender"]
            print(json.dumps([[hop(n, s, 1000 - s) for s in range(5)]
                              for n in range(100, 140)]))""")
        for same_flow in found:
            self.assertEqual(len(set(same_flow)), 1)
        self.assertEqual(len({flow[0] for flow in found}), 2)

    def test_per_packet(self):
        for dst in BOTH:
            found, result = inside(quick("per-packet.topo"), f"""
                print(json.dumps(udp("{dst}", 2, sport=20000, count=60)))""")
            hops = Counter(one["offender"] for one in found)
            self.assertEqual(len(hops), 3, hops)
            self.assertTrue(result.report["flows"][0]["varied"])

    def test_same_seed_same_choices(self):
        code = f"""
            print(json.dumps([one["offender"] for one in
                              udp("{V4}", 2, sport=20000, count=40)]))"""
        runs = [inside(quick("per-packet.topo"), code, ("--seed", seed))[0]
                for seed in ("1", "1", "2")]
        self.assertEqual(runs[0], runs[1])
        self.assertNotEqual(runs[0], runs[2])

    def test_fields_that_count(self):
        topology = """
            router a 10.0.0.1 2001:db8:1::1 hash=addresses,dst-port
            router b[1-4] 10.0.1.[1-4] 2001:db8:2::[1-4]
            target t 198.51.100.9 2001:db8:ffff::9
            link host a b[1-4] t
            """
        found, _ = inside(topology, f"""
            print(json.dumps([[udp("{V4}", 2, sport=s, dport=d)["offender"]
                               for s in (20000, 20001, 20002, 20003)]
                              for d in range(40000, 40020)]))""")
        self.assertTrue(all(len(set(row)) == 1 for row in found))
        self.assertGreater(len({row[0] for row in found}), 2)


class Chance(unittest.TestCase):
    def test_loss(self):
        found, result = inside("lossy.topo", f"""
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            options(s, socket.AF_INET, 1)
            got = 0
            for n in range(8):  # few enough for the socket's memory
                for m in range(50):
                    send(s, b"x", ("{V4}", 40000 + n * 50 + m))
                while answer(s, 0.1 if n < 7 else 3):
                    got += 1
            print(json.dumps(got))""")
        lost = result.report["received"]["lost"]
        self.assertEqual(found + lost, 400)
        self.assertTrue(16 <= lost <= 64, lost)  # 40 +- 4 standard deviations of 6

    def test_duplicates_and_late(self):
        found, result = inside("duplicates-late.topo", """
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            options(s, socket.AF_INET, 3)
            late, got = 0, 0
            for n in range(4):
                begun = time.monotonic()  # before the first: what is late comes later yet
                for m in range(100):
                    send(s, b"x", ("203.0.113.%d" % m, 40000 + n))
                while answer(s, 2):
                    got += 1
                    late += time.monotonic() - begun > 0.25
            print(json.dumps([got, late]))""")
        sent = result.report["sent"]
        self.assertEqual(found[0], 400 + sent["duplicates"])
        self.assertTrue(80 <= sent["duplicates"] <= 160, sent)
        self.assertTrue(60 <= sent["late"] <= 150, sent)
        self.assertGreaterEqual(found[1], sent["late"])


def error_packets(result):
    return [packet for packet in result.packets()
            if packet.type in paris.ICMP_ERRORS[packet.family]]


class OnTheWire(unittest.TestCase):
    """What the replies hold, by capture."""

    def test_quotes(self):
        for dst in BOTH:
            _, result = inside("line.topo", f"""
                print(json.dumps([udp("{dst}", ttl, sport=20000, data=b"abcd" * 20)
                                  for ttl in (1, 5, 15, 30)]))""")
            sent = [packet for packet in result.packets() if packet.dst == dst]
            errors = error_packets(result)
            self.assertEqual(len(sent), 4)
            self.assertEqual(len(errors), 4)
            for probe, error, ttl in zip(sent, errors, (1, 1, 1, 16)):
                self.assertTrue(probe.checksum_ok)
                self.assertTrue(error.checksum_ok)
                quoted = bytearray(error.quoted.raw)
                self.assertEqual(len(quoted), len(probe.raw))
                self.assertEqual(error.quoted.ttl, ttl)
                if ":" in dst:
                    quoted[7] = probe.ttl
                else:
                    self.assertEqual(paris.internet_checksum(bytes(quoted[:20])), 0)
                    quoted[8], quoted[10:12] = probe.ttl, probe.raw[10:12]
                self.assertEqual(bytes(quoted), probe.raw)

    def test_reply_ttl(self):
        _, result = inside("line.topo", f"""
            print(json.dumps([udp("{V4}", ttl) for ttl in (1, 2, 15)]))""")
        self.assertEqual([packet.ttl for packet in error_packets(result)],
                         [255, 254, 50])

    def test_short_quotes(self):
        found, result = inside("short-quotes.topo", f"""
            print(json.dumps([udp(dst, 3) for dst in {BOTH}]))""")
        self.assertEqual([one["quoted"] for one in found], [0, 32])
        self.assertEqual([len(packet.quoted.raw) for packet in error_packets(result)],
                         [28, 80])

    def test_mpls(self):
        stacks = {  # by TTL: entries (label, class, bottom, ttl), length field set
            2: ([(16001, 0, 1, 1)], True),
            3: ([(16002, 0, 0, 1), (17, 5, 1, 254)], True),
            4: ([(299776, 3, 1, 7)], False),
            5: ([(16003, 0, 1, 1)], True)}
        for dst in BOTH:
            _, result = inside("mpls.topo", f"""
                print(json.dumps([udp("{dst}", ttl) for ttl in range(1, 6)]))""")
            errors = error_packets(result)
            self.assertEqual(len(errors), 5)
            self.assertEqual(len(errors[0].payload), 80 if ":" in dst else 60)
            for ttl, (stack, compliant) in stacks.items():
                with self.subTest(dst=dst, ttl=ttl):
                    self.check_extension(errors[ttl - 1], stack, compliant)

    def check_extension(self, error, stack, compliant):
        self.assertTrue(error.checksum_ok)
        length = error.transport[4] * 8 if error.family == 6 else error.transport[5] * 4
        self.assertEqual(length, 128 if compliant else 0)
        extension = error.payload[128:]
        probe = len(error.quoted.raw)
        self.assertEqual(error.payload[error.quoted.length:128].strip(b"\0"), b"", probe)
        version, _, size, kind, subkind = struct.unpack_from("!BxHHBB", extension)
        self.assertEqual((version >> 4, kind, subkind), (2, 1, 1))
        self.assertEqual(size, 4 + 4 * len(stack))
        self.assertEqual(len(extension), 4 + size)
        self.assertEqual(paris.internet_checksum(extension), 0)
        entries = [(word >> 12, word >> 9 & 7, word >> 8 & 1, word & 255)
                   for word, in struct.iter_unpack("!I", extension[8:])]
        self.assertEqual(entries, stack)

    def test_capture_is_in_order(self):
        _, result = inside("line.topo", f"""
            print(json.dumps([udp("{V4}", ttl) for ttl in range(1, 5)]))""")
        packets = result.packets()
        self.assertEqual(len(packets), 8)
        times = [packet.time for packet in packets]
        self.assertEqual(times, sorted(times))

    def test_report_of_probes(self):
        _, result = inside("line.topo", f"""
            udp("{V4}", 3, sport=20000, dport=40001, data=bytes(range(40)))
            echo("{V6}", 15, identifier=5, sequence=6)
            print(json.dumps(None))""", ("--report-probes",))
        first, second = result.report["probes"]
        for key, value in dict(protocol="udp", src="192.0.2.2", dst=V4, src_port=20000,
                               dst_port=40001, ttl=3, length=68, node="r3",
                               result="answered", checksum_good=True,
                               payload=bytes(range(16)).hex()).items():
            self.assertEqual(first[key], value, key)
        for key, value in dict(protocol="icmpv6", type=128, code=0, id=5, sequence=6,
                               node="server", result="answered").items():
            self.assertEqual(second[key], value, key)
        walked = {node["name"] for node in result.report["nodes"] if node["walked"]}
        self.assertIn("r14", walked)
        self.assertEqual([link["packets"] for link in result.report["links"]],
                         [2, 2, 2] + [1] * 12)


def gone(pid):
    """Whether a process has ended, be it reaped or not."""
    try:
        return ") Z" in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return True


def simulator(running):
    """The pid of paris-fakeroute itself, which setpriv has become."""
    return running.process.pid


class TheCommand(unittest.TestCase):
    """What runs inside has no privilege, nothing of ours, and leaves nothing."""

    def users(self):
        return (True, False) if ROOT else (True,)

    def test_no_capability(self):
        for user in self.users():
            result = paris.fakeroute("line.topo", "cat", "/proc/self/status", user=user)
            status = dict(re.findall(r"^(\w+):\s*(.*)$", result.stdout, re.MULTILINE))
            for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
                self.assertEqual(int(status[name], 16), 0, name)
            self.assertEqual(status["NoNewPrivs"], "1")
            self.assertEqual(int(status["SigBlk"], 16), 0)
            uid = paris.NOBODY if ROOT else os.geteuid()
            self.assertEqual(status["Uid"].split(), [str(uid)] * 4)

    def test_nothing_inherited(self):
        found, _ = inside("line.topo", """
            print(json.dumps([sorted(map(int, os.listdir("/proc/self/fd"))),
                              [name for _, name in socket.if_nameindex()]]))""")
        self.assertLessEqual(set(found[0]), {0, 1, 2, 3})  # 3: the listing itself
        self.assertEqual(found[1], ["lo", "eth0"])

    def test_no_raw_socket(self):
        found, _ = inside("line.topo", """
            found = []
            for arguments in ((2, 3, 1), (10, 3, 58), (17, 3, 0)):
                try:
                    socket.socket(*arguments).close()
                    found.append("open")
                except PermissionError:
                    found.append("refused")
            print(json.dumps(found))""")
        self.assertEqual(found, ["refused"] * 3)

    def test_ping_groups(self):
        code = """
            try:
                socket.socket(2, 2, 1).close()
                print("true")
            except PermissionError:
                print("false")"""
        for groups, allowed in (("open", True), ("closed", False)):
            found, _ = inside("line.topo", code, ("--ping-group", groups))
            self.assertEqual(found, allowed, groups)

    def test_exit_status(self):
        for user in self.users():
            for script, status in (("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137),
                                   ("kill -15 $$", 143)):
                result = paris.fakeroute("line.topo", "sh", "-c", script, user=user)
                self.assertEqual(result.returncode, status, result)
                self.assertEqual(result.report["exit_status"], status)
        self.assertEqual(paris.fakeroute("line.topo", "/nowhere/x").returncode, 127)
        self.assertEqual(paris.fakeroute("line.topo", "/etc/passwd").returncode, 126)

    def test_signals_are_passed_on(self):
        for number, status in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
            running = paris.start_fakeroute(
                "line.topo", "sh", "-c", "echo up; exec sleep 60", user=not ROOT)
            paris.wait_for(running.text, 10, "nothing printed")
            running.process.send_signal(number)
            result = running.finish(5)
            self.assertEqual(result.returncode, status, result)

    def killed(self, signal_receiver, *command, options=(), user=not ROOT):
        """Starts a command that prints its pid and those of its descendants in one line,
        kills a process with SIGKILL, and waits until all of those are gone. Returns the
        run, which is not waited for."""
        running = paris.start_fakeroute("line.topo", *command, options=options, user=user,
                                        may_leave=True)
        paris.wait_for(lambda: running.text().endswith("\n"), 10, "nothing printed")
        os.kill(signal_receiver(running), signal.SIGKILL)
        for pid in map(int, running.text().split()):
            paris.wait_for(lambda pid=pid: gone(pid), 5, "still running")
        return running

    # Children in all kinds of company: a session of its own, an orphan, an orphan's child.
    FAMILY = """
import os, signal, time
def fork(number):
    pid = os.fork()
    if pid:
        return
    os.setsid()
    if number % 2:
        fork(number - 1)
        if number % 3:
            os._exit(0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.write(pipe[1], b"%d " % os.getpid())
    time.sleep(1000)
pipe = os.pipe()
for number in range(6):
    fork(number)
pids = b"%d " % os.getpid()
while pids.count(b" ") < 8:
    pids += os.read(pipe[0], 1000)
os.write(1, pids + b"\\n")
time.sleep(1000)
"""

    def test_killed_with_its_command(self):
        running = self.killed(lambda running: running.process.pid, sys.executable, "-c",
                              self.FAMILY)
        running.process.wait()
        running.output.close()
        running.errors.close()

    def test_killed_keeper(self):
        """The process between the simulator and the command."""
        running = self.killed(lambda running: next(iter(paris.children(simulator(running)))),
                              sys.executable, "-c", self.FAMILY)
        result = running.finish(10)
        self.assertEqual(result.returncode, 137, result)
        self.assertEqual(result.report["exit_status"], 137)
        self.assertGreaterEqual(result.report["processes_left"], 7)

    def test_what_it_leaves_is_killed(self):
        result = paris.fakeroute("line.topo", "sh", "-c",
                                 "sleep 70 & (sleep 71 & sleep 72) & exit 3",
                                 may_leave=True)
        self.assertEqual(result.returncode, 3)
        self.assertGreaterEqual(result.report["processes_left"], 2)
        self.assertLess(result.seconds, 60)

    @unittest.skipIf(paris.VARIANT == "valgrind", "valgrind cannot write its log there")
    @unittest.skipUnless(ROOT, "only root can be without user namespaces")
    def test_root_without_user_namespaces(self):
        """In a namespace that is root's all but for making user namespaces."""
        topology = paris.topology_file("line.topo")
        code = PRELUDE + f'print(json.dumps([os.getresuid(), udp("{V4}", 2)]))'
        result = paris.run(sys.executable, "-c", NO_USER_NAMESPACES, *paris.started_with(
            ["paris-fakeroute", topology, "--", sys.executable, "-c", code]), user=False)
        self.assertEqual(result.returncode, 0, result)
        self.assertEqual(result.json[0], [paris.NOBODY] * 3)
        self.assertEqual(result.json[1]["offender"], "10.0.2.1")


# security.capability: revision 2, cap_net_raw permitted (capabilities(7)).
NET_RAW = struct.pack("<5I", 0x02000000, 1 << 13, 0, 0, 0)
SET_NET_RAW = f"import os, sys; os.setxattr(sys.argv[1], 'security.capability', {NET_RAW})"
WITHOUT_BOUNDS = [part for part in paris.SETPRIV if part != "--no-new-privs"]


class KeepCaps(unittest.TestCase):
    """--keep-caps: a program with the file capability cap_net_raw has it inside."""

    def capable(self, name, by_user=False):
        """A copy of a program with the capability, set by us, or as a user can set it:
        as root of a user namespace."""
        path = paris.temporary_folder() / Path(name).name
        shutil.copyfile(paris.program(name), path)
        path.chmod(0o755)
        command = [sys.executable, "-c", SET_NET_RAW, path]
        if by_user:
            if ROOT:
                os.chown(path, paris.NOBODY, paris.NOBODY)
            command = ["unshare", "--map-root-user", *command]
        result = paris.run(*command, user=by_user and not ROOT) if not by_user or not ROOT \
            else paris.run(*WITHOUT_BOUNDS, *command, user=False)
        if result.returncode != 0:
            self.skipTest(f"no file capability can be set here: {result.stderr.strip()}")
        return path

    def start(self, *command, options=("--keep-caps",), as_user=False):
        """A run of paris-fakeroute that no_new_privs does not hinder."""
        before = WITHOUT_BOUNDS if as_user and ROOT else []
        return paris.run(*before, paris.program("paris-fakeroute"), *options,
                         paris.topology_file("line.topo"), "--", *command, user=False)

    def check(self, result, permitted, uid):
        self.assertEqual(result.returncode, 0, result)
        opened = "open" if permitted else "Operation not permitted"
        self.assertEqual(result.json, {
            "uid": uid, "permitted": permitted, "effective": False, "bounding": True,
            "bounding_others": False, "no_new_privs": False, "raw": opened,
            "raw6": opened, "packet": opened})

    @unittest.skipUnless(ROOT, "only root can set a file capability for all")
    def test_set_by_root(self):
        for as_user in (False, True):
            self.check(self.start(self.capable("raw"), as_user=as_user), True, paris.NOBODY)

    def test_set_by_the_user(self):
        uid = paris.NOBODY if ROOT else os.geteuid()
        self.check(self.start(self.capable("raw", by_user=True), as_user=True), True, uid)

    @unittest.skipUnless(ROOT, "only root can be without user namespaces")
    def test_without_user_namespaces(self):
        for name, permitted in ((self.capable("raw"), True), (paris.program("raw"), False)):
            result = paris.run(sys.executable, "-c", NO_USER_NAMESPACES,
                               paris.program("paris-fakeroute"), "--keep-caps",
                               paris.topology_file("line.topo"), "--", name, user=False)
            self.check(result, permitted, paris.NOBODY)

    def test_without_capability(self):
        self.check(self.start(paris.program("raw"), as_user=True), False,
                   paris.NOBODY if ROOT else os.geteuid())

    def test_not_kept(self):
        result = self.start(self.capable("raw", by_user=not ROOT), options=())
        self.assertEqual(result.returncode, 0, result)
        for name, value in (("permitted", False), ("bounding", False),
                            ("no_new_privs", True), ("raw", "Operation not permitted")):
            self.assertEqual(result.json[name], value, name)

    def test_no_new_privs(self):
        result = paris.run("setpriv", "--no-new-privs", "--", paris.program("paris-fakeroute"),
                           "--keep-caps", paris.topology_file("line.topo"), "--", "true",
                           user=False)
        self.assertEqual(result.returncode, 3)
        self.assertIn("no_new_privs", result.stderr)

    def test_the_simulated_network_answers_raw_sockets(self):
        """The capability is one of the network namespace that is simulated."""
        python = self.capable(os.path.realpath(sys.executable), by_user=not ROOT)
        code = """
import ctypes, socket, struct
class Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]
class Sets(ctypes.Structure):
    _fields_ = [("all", ctypes.c_uint32 * 6)]
header, sets = Header(0x20080522, 0), Sets()
libc = ctypes.CDLL(None, use_errno=True)
libc.capget(ctypes.byref(header), ctypes.byref(sets))
sets.all[0] = sets.all[1]  # effective: what is permitted
assert libc.capset(ctypes.byref(header), ctypes.byref(sets)) == 0
with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as s:
    s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 3)
    s.settimeout(20)
    s.sendto(struct.pack("!BBHHH", 8, 0, 0xf7fe, 0, 1), ("198.51.100.9", 0))
    data, source = s.recvfrom(1500)
    print(source[0], data[20])
"""
        result = self.start(python, "-c", code, as_user=not ROOT)
        self.assertEqual((result.returncode, result.stdout), (0, "10.0.3.1 11\n"), result)

    def test_killed_with_its_command(self):
        """The kernel forgets to kill a program that gains a capability with its parent."""
        sleep = self.capable(shutil.which("sleep"), by_user=not ROOT)
        running = paris.start_fakeroute(
            "line.topo", "sh", "-c", f"echo $$; exec {sleep} 1000",
            options=("--keep-caps",), user=False)
        paris.wait_for(lambda: running.text().endswith("\n"), 10, "nothing printed")
        pid = int(running.text())
        paris.wait_for(lambda: str(sleep) in
                       Path(f"/proc/{pid}/cmdline").read_text(), 10, "not executed")
        running.process.kill()
        running.process.wait()
        paris.wait_for(lambda: gone(pid), 5, "still running")
        running.output.close()
        running.errors.close()


class Usage(unittest.TestCase):
    def test_every_topology_is_sound(self):
        for path in sorted(paris.TOPOLOGIES.glob("*.topo")):
            result = paris.run("paris-fakeroute", "--check", path, user=False)
            self.assertEqual((result.returncode, result.stderr), (0, ""), path)
            result = paris.run("paris-fakeroute", "--picture", path, user=False)
            self.assertEqual(result.returncode, 0)
            self.assertIn("host", result.stdout)
            self.check_dot(paris.run("paris-fakeroute", "--dot", path, user=False), path)

    def check_dot(self, result, path):
        """Nothing but nodes and links, whose texts hold nothing to be escaped."""
        self.assertEqual((result.returncode, result.stderr), (0, ""), path)
        text = r'[-+.:/%,*() \w]*(\\n[-+.:/%,*() \w]*)*'
        name, attribute = r'"[-.\w]+"', r'(shape|style|penwidth)=\w+'
        node = rf'\t{name} \[({attribute}, )*label="{text}"\];'
        link = rf'\t{name} -> {name} \[label="{text}"(, {attribute})*\];'
        begin, rank, *lines, end = result.stdout.splitlines()
        self.assertEqual((begin, rank, end),
                         ("digraph topology {", "\trankdir=LR;", "}"), path)
        for line in lines:
            self.assertRegex(line, f"^({node}|{link})$", path)
        self.assertRegex(lines[0], r'"host" \[shape=house')

    def test_errors_have_lines(self):
        path = paris.topology_file("\nrouter a 10.0.0.1\n\nrouter a 10.0.0.2\n")
        result = paris.run("paris-fakeroute", "--check", path)
        self.assertEqual(result.returncode, 2)
        self.assertIn(f"{path}:4: error: 'a'", result.stderr)

    def test_wrong_usage(self):
        good = paris.topology_file("line.topo")
        for arguments in ((), (good,), (good, "--"), ("--seed", "x", good, "--", "true"),
                          ("--ping-group", "some", good, "--", "true"),
                          ("--report-probes", good, "--", "true"), ("--no-such",),
                          ("/nowhere.topo", "--", "true"), ("/", "--", "true")):
            result = paris.run("paris-fakeroute", *arguments)
            self.assertEqual(result.returncode, 2, arguments)
            self.assertNotEqual(result.stderr, "")
            self.assertEqual(result.stdout, "")

    def test_cannot_set_up(self):
        good = paris.topology_file("line.topo")
        for option in ("--report", "--pcap"):
            result = paris.run("paris-fakeroute", option, "/nowhere/x", good, "--", "true")
            self.assertEqual(result.returncode, 3)
            self.assertIn("/nowhere/x", result.stderr)
        result = paris.run("unshare", "-U", paris.program("paris-fakeroute"), good, "--",
                           "true")
        if "unshare:" not in result.stderr:
            self.assertEqual(result.returncode, 3, result)
            self.assertIn("user namespace", result.stderr)

    def test_output_that_cannot_be_written(self):
        good = paris.topology_file("line.topo")
        program = paris.program("paris-fakeroute")
        for line in (f"{program} --picture {good} >/dev/full",
                     f"{program} --picture {good} >&-",
                     f"{program} --report /dev/full {good} -- true",
                     f"{program} --pcap /dev/full {good} -- true"):
            result = paris.run("sh", "-c", line)
            self.assertEqual(result.returncode, 3, line)
            self.assertIn("paris-fakeroute: ", result.stderr)

    def test_closed_standard_streams(self):
        folder = paris.temporary_folder()
        line = (f"{paris.program('paris-fakeroute')} --report {folder}/report "
                f"{paris.topology_file('line.topo')} -- sh -c 'echo mine' <&- >&- 2>&-")
        paris.run("sh", "-c", line)
        self.assertNotIn("mine", (folder / "report").read_text())
        json.loads((folder / "report").read_text())

    def test_help_and_version(self):
        for option in ("--help", "--version"):
            result = paris.run("paris-fakeroute", option)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assertIn("paris-fakeroute", result.stdout)

    def test_picture_of_a_walk(self):
        result = paris.fakeroute("diamond.topo", sys.executable, "-c",
                                 PRELUDE + f'udp("{V4}", 2)',
                                 options=("--show-walked",))
        self.assertEqual(result.returncode, 0)
        self.assertRegex(result.stdout, r"a\s.*b1 1/2 \([01]\), b2 1/2 \([01]\)")

    def test_picture_of_oddities(self):
        path = paris.TOPOLOGIES / "odd.topo"
        text = paris.run("paris-fakeroute", "--picture", path, user=False).stdout
        for line in (r"zero .*\[forwards TTL 0\]", r"keep .*\[keeps the TTL\]",
                     r"behind3 .*-> t-back  ~> back  \[leads elsewhere\]",
                     r"wrong .*\[misquotes\]", r"other .*\[answers from elsewhere\]",
                     r"old 1/2 \[until 3 packets\], new 1/2 \[from 3 packets on\]"):
            self.assertRegex(text, line)

    def test_picture_of_ports(self):
        path = paris.TOPOLOGIES / "targets.topo"
        text = paris.run("paris-fakeroute", "--picture", path, user=False).stdout
        for line in (r"tcp-open .*\[TCP 80,8000-8010 open\]",
                     r"udp-open .*\[UDP 53,33434-33450 open\]"):
            self.assertRegex(text, line)

    def test_graph_of_a_walk(self):
        result = paris.fakeroute("odd.topo", sys.executable, "-c",
                                 PRELUDE + 'udp("198.51.100.3", 5)',
                                 options=("--dot", "--show-walked"))
        self.check_dot(result, "odd.topo")
        for line in (r'"back" -> "behind3" \[label="\(2\)", penwidth=2\]',
                     r'"behind3" -> "back" \[label="by rule \(1\)", style=dotted, penwid',
                     r'"gateway" -> "zero" \[label="\(0\)"\]'):
            self.assertRegex(result.stdout, line)


if __name__ == "__main__":
    unittest.main()
