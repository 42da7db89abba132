#!/usr/bin/python3
"""Writes the inputs of tests/fuzz/corpus that are malformed replies: packets of every
row of tests/functional/malformed.py, and every extension structure there. A test
(tests/functional/test_malformed.py) sees that none is missing.

    tests/fuzz/make_seeds.py
"""

import struct
import sys
from pathlib import Path

FUZZ = Path(__file__).resolve().parent
sys.path.insert(0, str(FUZZ.parent / "functional"))
sys.dont_write_bytecode = True

import hostile  # noqa: E402
import malformed  # noqa: E402
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
    return found


def main():
    for path, data in seeds().items():
        (FUZZ / "corpus" / path).write_bytes(data)


if __name__ == "__main__":
    main()
