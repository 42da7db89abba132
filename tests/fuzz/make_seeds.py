#!/usr/bin/python3
"""Writes the inputs of tests/fuzz/corpus that follow from what is in the tree: malformed
replies, packets of every row of tests/functional/malformed.py, and every extension
structure there; whose addresses are, as files, whois servers and zones say; and messages
between our processes (tests/programs/message_seeds.c, from build/, or from $PARIS_BUILD).
A test (tests/functional/test_malformed.py) sees that none is missing, and that no message
is of an older layout. The rest are packets too, or what a fuzzer found ("fuzzed").

    make tests && tests/fuzz/make_seeds.py
"""

import struct
import subprocess
import sys
from pathlib import Path

FUZZ = Path(__file__).resolve().parent
sys.path.insert(0, str(FUZZ.parent / "functional"))
sys.dont_write_bytecode = True

import dns_server as dns  # noqa: E402
import hostile  # noqa: E402
import malformed  # noqa: E402
import mmdb_file as mmdb  # noqa: E402
import paris  # noqa: E402

TARGETS = {4: "198.51.100.9", 6: "2001:db8:ffff::9"}
A_ROW = 3  # packets of each row, family and method


def probe(family, method, ttl):
    """A probe as paris-traceroute sends them."""
    src, dst = hostile.OURS[family], TARGETS[family]
    if method == "udp":
        packet = hostile.udp_packet(src, 24000, dst, 33434, bytes(range(1, 33)))
    else:
        packet = hostile.icmp_packet(src, dst, 128 if family == 6 else 8, 0,
                                     struct.pack("!HH", 0x1234, 0x5678), bytes(32))
    at = 7 if family == 6 else 8
    return paris.Packet(hostile.changed(packet, at, bytes([ttl])))


def spread(packets):
    """The first, the last, and what lies in the middle."""
    if len(packets) <= A_ROW:
        return packets
    return [packets[at * (len(packets) - 1) // (A_ROW - 1)] for at in range(A_ROW)]


def databases():
    """{name: a small MaxMind DB file}"""
    maxmind = {"autonomous_system_number": mmdb.Uint32(64496), "country": {
        "iso_code": "DE"}, "autonomous_system_organization": "Example Ltd"}
    ipinfo = {"asn": "AS64497", "as_name": "Example Ltd", "country_code": "FR",
              "list": [True, 1 << 20, 1 << 40, 1 << 70, {}]}
    found = {}
    for bits in (24, 28, 32):
        for share in (True, False):
            found[f"ipv4-{bits}-{'shared' if share else 'apart'}"] = mmdb.write(
                {"192.0.2.0/24": maxmind, "255.0.0.0/8": ipinfo}, bits,
                ip_version=4, share=share)
        found[f"ipv6-{bits}"] = mmdb.write({"2000::/3": ipinfo, "f000::/4": maxmind}, bits)
    return found


def origins():
    """{name: the answer of a whois server or zone, behind the byte that says which}"""
    route = b"route: 192.0.2.0/24\norigin: AS64496\n\n"
    query = dns.Query(bytes(5) + b"\1" + bytes(6) + b"\1a\0\0\x10\0\1", False)
    text = b"64496 64497 | 192.0.2.0/24 | US | arin | 2001-01-01"
    name = b"64496 | US | arin | 2001-01-01 | EXAMPLE, US"
    return {"whois": b"\0" + route, "whois-two": b"\x06" + route + route.replace(b"6\n", b"7\n"),
            "whois-long": b"\xfe" + b"remarks: " + b"x" * 1100 + b"\r\n" + route,
            "whois-v6": b"\4" + b"route6: 2001:db8::/32\norigin: as4294967295 # last",
            **{f"zone-{number}": b"\1" + query.answer([dns.rr(16, bytes([len(one)]) + one)
                                                      for one in texts])
               for number, texts in enumerate(((text,), (name,), (text, name), ()))}}


def messages():
    """{path under corpus/: a message of each kind, as our structures are now}"""
    printed = subprocess.run([paris.BUILD / "tests/programs/message_seeds"], check=True,
                             capture_output=True, text=True).stdout
    return {Path(path): bytes.fromhex(data)
            for path, data in (line.split(" ") for line in printed.splitlines())}


def seeds():
    """{path under corpus/: bytes}"""
    found = {}
    for function, families, *fates in malformed.ROWS:
        for method, fate in zip(("udp", "icmp"), fates):
            for family in map(int, families if fate else ""):
                made = function(probe(family, method, 1)) \
                    or function(probe(family, method, hostile.HOPS))
                # Bit 0: IPv6; bit 1: a checksum that is wrong may be put right.
                first = 1 if family == 6 else 2 * (function != malformed.wrong_checksums)
                for number, packet in enumerate(spread(made)):
                    name = f"{function.__name__}-ipv{family}-{method}-{number}"
                    found[Path("packets") / name.replace("_", "-")] = \
                        bytes([first]) + packet
    for number, (structure, fate) in enumerate(malformed.STRUCTURES):
        found[Path("extensions") / f"malformed-{number:02}-{fate}"] = structure
    for name, data in databases().items():
        found[Path("mmdb") / name] = data
    for name, data in origins().items():
        found[Path("origin") / name] = data
    return found | messages()


def main():
    for path, data in seeds().items():
        (FUZZ / "corpus" / path).write_bytes(data)


if __name__ == "__main__":
    main()
