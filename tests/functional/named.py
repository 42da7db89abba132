#!/usr/bin/python3
"""A line of routers with names, for any program: the system's own resolver asks a DNS
server of ours there, and reads a hosts file of ours.

    result = named.run("honest", "traceroute", "198.51.100.9")

Router TTL is 10.0.TTL.1 and 2001:db8:TTL::1, 5 ms apart; behind them every target
answers. A scene of this file says who is called what. Run as a program this file is the
network, whose routers are those of hostile.py.
"""

import ipaddress
import os
import subprocess
import sys
import tempfile

import dns_server as dns
import hostile
import paris

V4, V6 = "198.51.100.9", "2001:db8:ffff::9"
# A server that does not answer costs a second.
RESOLVER = "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"
NAMESWITCH = "hosts: files dns\nservices: files\n"
LONGEST = (b"a" * 63, b"b" * 63, b"c" * 63, b"d" * 61)  # 255 bytes on the wire


def line_of(*replies):
    """PTR records of routers 1, 2 ... over both families."""
    return {address: reply for ttl, reply in enumerate(replies, 1)
            for address in (f"10.0.{ttl}.1", f"2001:db8:{ttl}::1")}


TARGET = {V4: dns.ptr(b"server", b"example"), V6: dns.ptr(b"server", b"example"),
          (b"server.example", dns.A): dns.a(V4),
          (b"server.example", dns.AAAA): dns.aaaa(V6),
          (b"four.example", dns.A): dns.a(V4), (b"six.example", dns.AAAA): dns.aaaa(V6)}

# No host names; what we show of them.
ODD = (
    ((b"xn--bcher-kva", b"example"), "xn--bcher-kva.example"),
    ((b"-", b"example"), "-.example"),
    ((b"two words", b"example"), "two\\x20words.example"),
    ((b"\x1b[31mred", b"example"), "\\x1b[31mred.example"),
    ((b"new\nline", b"example"), "new\\x0aline.example"),
    ((b"bad\xff", b"example"), "bad\\xff.example"),
    ((b"star*", b"example"), "star*.example"),
    ((b"a(b)", b"example"), "a\\x28b\\x29.example"),
    ((), None),
)

# (lines of /etc/hosts, {address or (name, type): reply})
SCENES = {
    "honest": ("", TARGET | line_of(
        dns.ptr(b"gateway", b"example"), dns.ptr(b"CORE-1", b"Example"),
        dns.ptr(b"_under", b"score_d", b"example"), dns.ptr(b"9", b"9", b"example"),
        dns.ptr(b"one-label"), dns.ptr(*LONGEST),
        dns.records(dns.rr(dns.PTR, dns.pack_name(b"first", b"example")),
                    dns.rr(dns.PTR, dns.pack_name(b"second", b"example"))))),
    "nameless": ("", TARGET | line_of(
        dns.rcode(dns.NXDOMAIN), dns.rcode(dns.SERVFAIL), dns.rcode(dns.REFUSED),
        dns.no_data(), dns.silent(), dns.ptr(b"after", b"all"))),
    "hosts": ("10.0.1.1 gateway.hosts gateway\n2001:db8:1::1\tgateway6.hosts # comment\n"
              "10.0.2.1 over.dns\n198.51.100.9 Here.hosts other\n"
              "2001:db8:ffff::9 Here.hosts\n198.51.100.9 again.hosts\n",
              TARGET | line_of(dns.ptr(b"not", b"this"), dns.ptr(b"nor", b"this"))),
    "odd": ("", TARGET | line_of(*(dns.ptr(*labels) for labels, _ in ODD))),
}


def reverse(address):
    return ipaddress.ip_address(address).reverse_pointer.encode()


def mount(path, text):
    """Puts a text in the place of a file of the system, as our mount namespace sees it."""
    with tempfile.NamedTemporaryFile("w", delete=False) as file:
        file.write(text)
    os.chmod(file.name, 0o644)
    hostile.command("mount", "--bind", file.name, path)
    os.unlink(file.name)


def main():
    scene, *command = sys.argv[1:]
    hosts, records = SCENES[scene]
    table = {key if isinstance(key, tuple) else (reverse(key), dns.PTR): reply
             for key, reply in records.items()}
    hostile.HOPS = 1 + len([key for key in records if str(key).startswith("10.")])
    hostile.make_network()
    for path, text in (("/etc/resolv.conf", RESOLVER), ("/etc/hosts", hosts),
                       ("/etc/nsswitch.conf", NAMESWITCH)):
        mount(path, text)
    router = hostile.Router(hostile.nothing, 0.005)
    with dns.DnsServer(table, port=53):
        process = subprocess.Popen([*hostile.unprivileged(), *command],
                                   stdin=subprocess.DEVNULL)
        router.serve(process)
    sys.exit(process.wait())


def run(scene, *command, env=None):
    """Runs a command in the network of a scene, as an ordinary user."""
    return paris.Running(
        [*hostile.unshared(), "--mount", sys.executable, __file__, scene,
         *paris.started_with(command)], user=False,
        env=dict({"PYTHONDONTWRITEBYTECODE": "1"}, **(env or {}))).finish(60)


if __name__ == "__main__":
    main()
