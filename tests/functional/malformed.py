"""Malformed replies, for the network of hostile.py: each function makes packets about a
probe, which are sent before its honest answer. ROWS says what has to become of them."""

import random
import struct

import hostile
import paris
from hostile import FORGER, changed, error, extension, header_length, item

DROPPED = "dropped"      # by the kernel: as if it had never been sent
STRAY = "stray"          # reaches the prober and is no answer to any probe
ANSWER = "answer"        # what is malformed is not seen, or does not matter

LABEL = struct.pack("!I", 16001 << 12 | 1 << 8 | 1)
# Quotes with extensions have 128 bytes: 32 words of 4 bytes, or 16 of 8.
QUOTED = 128
BATCH = 24  # packets before one honest answer


# ---- pieces --------------------------------------------------------------------------

def pseudo_header(src, dst, length, proto):
    addresses = hostile.packed(src) + hostile.packed(dst)
    return addresses + struct.pack("!II", length, proto)


def icmp_proto(probe):
    return 58 if probe.family == 6 else 1


def with_checksum(probe, src, body):
    """An ICMP message whose checksum is right, whatever else."""
    pseudo = pseudo_header(src, probe.src, len(body), 58) if probe.family == 6 else b""
    return hostile.checksum_into(body, 2, pseudo) if len(body) >= 4 else body


def from_router(probe, quote=None, rest=bytes(4)):
    """What answers the probe: an error from where it was dropped; targets send errors
    about datagrams only."""
    if hostile.only_answers_itself(probe):
        return []
    return [error(probe, hostile.honest_source(probe), quote,
                  probe.ttl >= hostile.HOPS, rest)]


def split(packet, family):
    """(header, body)"""
    at = 20 if family == 4 else 40
    return packet[:at], packet[at:]


def header4(header, **fields):
    """An IPv4 header with other fields and the right checksum, or `checksum`."""
    first, tos, length, ident, offset, ttl, proto = struct.unpack_from("!BBHHHBB", header)
    values = {"first": first, "tos": tos, "length": length, "ident": ident,
              "offset": offset, "ttl": ttl, "proto": proto, "src": header[12:16],
              "dst": header[16:20], "options": b""}
    values.update(fields)
    made = struct.pack("!BBHHHBBH", values["first"], values["tos"], values["length"],
                       values["ident"], values["offset"], values["ttl"], values["proto"],
                       0) + values["src"] + values["dst"] + values["options"]
    if "checksum" in fields:
        return changed(made, 10, struct.pack("!H", fields["checksum"]))
    return hostile.checksum_into(made, 10)


def each(probe, quotes, rest=bytes(4)):
    return [packet for quote in quotes for packet in from_router(probe, quote, rest)]


def dice_of(probe, name):
    return random.Random(f"{name} {probe.family} {probe.proto} {probe.ttl}")


# ---- quoted headers ------------------------------------------------------------------

def quoted_header_lengths(probe):
    """IHL 0 to 15 where it is 5: what follows is taken for something else."""
    if probe.family == 6:
        return []
    return each(probe, (changed(probe.raw, 0, bytes([0x40 | value]))
                        for value in range(16) if value != 5))


def quoted_options(probe):
    """IHL 6 to 15 and as many options: a probe as something on the way changed it."""
    if probe.family == 6:
        return []
    header, body = split(probe.raw, 4)
    return each(probe, (
        header4(header, first=0x40 | 5 + words, length=len(probe.raw) + 4 * words,
                options=bytes([option]) * 4 * words) + body
        for words in range(1, 11) for option in (0, 1, 7)))


def quoted_extension_headers(probe):
    """IPv6 headers between the two, each of which the kernel steps over."""
    if probe.family == 4:
        return []
    header, body = split(probe.raw, 6)
    proto = probe.proto
    chains = [(0, bytes([proto, 0]) + bytes(6)), (60, bytes([proto, 1]) + bytes(14)),
              (43, bytes([proto, 0]) + bytes(6)), (44, bytes([proto, 0]) + bytes(6)),
              (0, bytes([60, 0]) + bytes(6) + bytes([proto, 0]) + bytes(6)),
              (60, (bytes([60, 0]) + bytes(6)) * 5 + bytes([proto, 0]) + bytes(6))]
    return each(probe, (changed(header, 6, bytes([first])) + chain + body
                        for first, chain in chains))


def quoted_lengths(probe):
    """The length of the IP packet, and of the datagram in it."""
    values = (0, 1, 7, 8, 9, 19, 20, 27, 28, 29, 60, 1500, 65535)
    at = 2 if probe.family == 4 else 4
    quotes = [changed(probe.raw, at, struct.pack("!H", value)) for value in values]
    if probe.proto == paris.UDP:
        quotes += [changed(probe.raw, header_length(probe) + 4, struct.pack("!H", value))
                   for value in values]
    return each(probe, quotes)


def quoted_fields(probe):
    """Versions, type of service, identification, fragmentation, TTL, checksums."""
    if probe.family == 4:
        quotes = [changed(probe.raw, 0, bytes([value << 4 | 5])) for value in range(16)]
        quotes += [changed(probe.raw, at, value) for at in (1, 4, 8, 10)
                   for value in (b"\0", b"\xff", b"\0\0", b"\xff\xff")
                   if at in (4, 10) or len(value) == 1]
        quotes += [changed(probe.raw, 6, value) for value in
                   (b"\x40\0", b"\x80\0", b"\x20\0", b"\0\1", b"\x1f\xff")]
    else:
        quotes = [changed(probe.raw, 0, bytes([value << 4])) for value in range(16)]
        quotes += [changed(probe.raw, 7, value) for value in (b"\0", b"\x01", b"\xff")]
    if probe.proto == paris.UDP:
        quotes += [changed(probe.raw, header_length(probe) + 6, value)
                   for value in (b"\0\0", b"\xff\xff")]
    return each(probe, quotes)


def quoted_fragments(probe):
    """A quoted fragment that is not the first: no header follows. (Of IPv4 the kernel
    does not look, Linux 6.18: see quoted_fields.)"""
    if probe.family == 4:
        return []
    header, body = split(probe.raw, 6)
    return each(probe, (changed(header, 6, b"\x2c") + bytes([probe.proto, 0])
                        + struct.pack("!HI", offset, 7) + body
                        for offset in (8, 9, 1480, 0xFFF8)))


def quoted_protocols(probe):
    """Every protocol but the probe's."""
    at = 9 if probe.family == 4 else 6
    headers = (0, 43, 44, 60) if probe.family == 6 else ()
    values = [value for value in range(256) if value != probe.proto and
              value not in headers]
    return each(probe, (changed(probe.raw, at, bytes([value]))
                        for value in dice_of(probe, "protocols").sample(values, BATCH)))


def quotes_too_short(probe):
    """Cut before they tell whose probe it is, down to nothing at all."""
    return each(probe, (probe.raw[:length] for length in range(header_length(probe) + 8)))


def quotes_cut(probe):
    """Cut at each byte behind that: as much as routers quote."""
    return each(probe, (probe.raw[:length] for length in range(
        hostile.visible(probe), len(probe.raw))))


def nested_errors(probe):
    """An error about an error about the probe, as nobody may send (RFC 1122, 3.2.2)."""
    inner = [error(probe, hostile.honest_source(probe), final=final)
             for final in (False, True)]
    if probe.family == 4:
        kinds = ((4, 0), (5, 1), (12, 0))
    else:
        kinds = ((2, 0), (4, 1))
    inner += [error(probe, FORGER[probe.family], kind=kind) for kind in kinds]
    twice = [error(probe, FORGER[probe.family], quote) for quote in inner]
    # With our own address where the kernel looks for a socket of ours.
    at = 12 if probe.family == 4 else 8
    ours = hostile.packed(probe.src)
    return each(probe, [*inner, *twice, *(changed(quote, at, ours) for quote in inner)])


def quoted_echoes(probe):
    """Replies quoted instead of requests, and the other way about."""
    if probe.proto == paris.UDP:
        return []
    at = header_length(probe)
    return each(probe, (changed(probe.raw, at, bytes([kind]))
                        for kind in (0, 3, 11, 13, 129, 1, 255)))


# ---- the ICMP message ----------------------------------------------------------------

def wrong_checksums(probe):
    found = []
    at = header_length(probe) + 2
    for packet in from_router(probe) or [hostile.honest(probe)]:
        right = struct.unpack_from("!H", packet, at)[0]
        wrong = {0, 0xFFFF, right ^ 1, right ^ 0x8000, right ^ 0xFFFF} - {right}
        found += [changed(packet, at, struct.pack("!H", value))
                  for value in sorted(wrong)]
        if probe.family == 6:  # as IPv4 has it, without the addresses
            header, body = split(packet, 6)
            found.append(header + hostile.checksum_into(body, 2))
    return found


def messages_cut(probe):
    """The whole packet ends at each byte before the quote."""
    src = hostile.honest_source(probe)
    found = []
    for packet in from_router(probe):
        body = split(packet, probe.family)[1]
        found += [hostile.ip_packet(src, probe.src, icmp_proto(probe),
                                    with_checksum(probe, src, body[:length]))
                  for length in range(9)]
    return found


def messages_with_a_tail(probe):
    """Bytes behind: of the packet, and of the frame (as Ethernet pads)."""
    dice = dice_of(probe, "tail")
    tails = [bytes(1), bytes(46), b"\xff" * 7, dice.randbytes(100), dice.randbytes(1300)]
    return each(probe, (probe.raw + tail for tail in tails)) \
        + [packet + tail for packet in from_router(probe) for tail in tails[:4]]


def other_kinds(probe):
    """Types that are no errors: all that IPv4 does not know, of IPv6 from 128 on (others
    are errors, known or not, RFC 4443 2.4)."""
    known = {4: (0, 3, 4, 5, 8, 11, 12), 6: (*range(128), 128, 129)}[probe.family]
    kinds = [(kind, code) for kind in range(256) for code in (0, 1, 255)
             if kind not in known]
    return [error(probe, FORGER[probe.family], kind=kind)
            for kind in dice_of(probe, "kinds").sample(kinds, BATCH)]


def unknown_errors(probe):
    """ICMPv6 errors of types that nobody has defined."""
    return [error(probe, hostile.honest_source(probe), kind=(kind, code))
            for kind in (100, 101, 127) for code in (0, 9)]


# ---- the IP packet -------------------------------------------------------------------

def outer_lengths(probe):
    """The packet says another length than it has: more, or less than its headers."""
    found = []
    for packet in from_router(probe):
        header, body = split(packet, probe.family)
        if probe.family == 4:
            lengths = (0, 1, 19, 20, 27, len(packet) + 1, 65535)
            found += [header4(header, length=length) + body for length in lengths]
        else:
            lengths = (1, 7, len(body) + 1, 65535)
            found += [changed(header, 4, struct.pack("!H", length)) + body
                      for length in lengths]
    return found


def outer_headers(probe):
    """Wrong checksums, versions and header lengths of the packet itself."""
    found = []
    for packet in from_router(probe):
        header, body = split(packet, probe.family)
        versions = [changed(packet, 0, bytes([value << 4 | packet[0] & 15]))
                    for value in range(16) if value not in (4, 6)]
        if probe.family == 6:
            found += versions
            continue
        found += [header4(header, first=0x40 | value) + body for value in range(5)]
        found += [header4(header, first=value << 4 | 5) + body
                  for value in range(16) if value not in (4, 6)]
        found += [header4(header, checksum=value) + body for value in (0, 1, 0xFFFF)]
        found += [header4(header, first=0x4F, length=40) + body]
    return found


def outer_options(probe):
    """IPv4 options before the message: rare, and right."""
    found = []
    for packet in from_router(probe) if probe.family == 4 else ():
        header, body = split(packet, 4)
        found += [header4(header, first=0x45 + words, length=len(packet) + 4 * words,
                          options=bytes([1]) * 4 * words) + body
                  for words in range(1, 11)]
    return found


def impossible_sources(probe):
    """From us, from nobody, from everybody."""
    sources = {4: ("192.0.2.2", "127.0.0.1", "0.0.0.0", "255.255.255.255", "224.0.0.1"),
               6: ("ff02::1", "ff0e::1")}[probe.family]
    return [error(probe, src) for src in sources]


def other_receivers(probe):
    """To addresses that are not ours."""
    found = []
    for packet in from_router(probe):
        for dst in {4: ("192.0.2.77", "203.0.113.5", "127.0.0.1"),
                    6: ("2001:db8::77", "::1")}[probe.family]:
            header, body = split(packet, probe.family)
            if probe.family == 4:
                found.append(header4(header, dst=hostile.packed(dst)) + body)
            else:
                header = changed(header, 24, hostile.packed(dst))
                pseudo = pseudo_header(hostile.honest_source(probe), dst, len(body), 58)
                found.append(header + hostile.checksum_into(body, 2, pseudo))
    return found


def pieces(probe, packet, size, ident):
    """The packet as fragments of `size` bytes (a multiple of 8)."""
    header, body = split(packet, probe.family)
    parts = [(at, body[at:at + size]) for at in range(0, len(body), size)]
    found = []
    for at, part in parts:
        more = at + size < len(body)
        if probe.family == 4:
            found.append(header4(header, length=20 + len(part), ident=ident,
                                 offset=at // 8 | (0x2000 if more else 0)) + part)
        else:
            fragment = struct.pack("!BBHI", 58, 0, at | int(more), ident)
            found.append(changed(changed(header, 4, struct.pack("!H", 8 + len(part))), 6,
                                 b"\x2c") + fragment + part)
    return found


def fragments(probe):
    """Whole messages in fragments: in order, backwards, each twice, tiny."""
    found = []
    for packet in from_router(probe):
        base = probe.ttl << 8 | len(probe.raw)
        in_order = pieces(probe, packet, 24, base + 1)
        backwards = pieces(probe, packet, 32, base + 2)[::-1]
        tiny = pieces(probe, packet, 8, base + 3)
        found += in_order + backwards + tiny
    return found


def fragments_missing(probe):
    """Messages of which a fragment never comes, and fragments that overlap."""
    found = []
    for packet in from_router(probe):
        base = 0x8000 | probe.ttl << 8 | len(probe.raw)
        found += pieces(probe, packet, 24, base + 1)[1:]
        found += pieces(probe, packet, 24, base + 2)[:-1]
        found += pieces(probe, packet, 8, base + 3)[::2]
        whole, others = pieces(probe, packet, 24, base + 4), pieces(probe, packet, 16,
                                                                    base + 4)
        found += [whole[0], others[1], whole[-1]]
    return found


# ---- extensions (RFC 4884) -----------------------------------------------------------

RIGHT = extension(item(1, 1, LABEL), item(2, 15, b"1234"))
GOOD, BAD, NONE = "good", "bad", "none"
# (what follows a quote of 128 bytes whose length field says so, what that is)
STRUCTURES = (
    *((extension(*objects), GOOD) for objects in (
        (item(1, 1, LABEL),), (item(1, 1, LABEL * 16),), (item(1, 1, LABEL * 200),),
        (item(1, 1, LABEL), item(2, 15, b"12345678")), (item(9, 9, b""),),
        (item(255, 255, b"x" * 300),), [item(1, 1, LABEL)] * 60, [item(9, 9, b"")] * 250,
        (item(1, 1, b""),), ())),
    (changed(RIGHT, 2, b"\0\0"), GOOD),  # no checksum: some routers send none
    *((extension(item(1, 1, LABEL), version=version), BAD) for version in (0, 1, 3, 15)),
    *((extension(item(1, 1, LABEL), wrong=wrong), BAD) for wrong in (1, 0x8000, 0xFFFE)),
    *((extension(item(1, 1, LABEL, length)), BAD) for length in
      (0, 1, 2, 3, 5, 6, 7, 9, 12, 255, 256, 1000, 65532, 65535)),
    *((extension(item(1, 1, LABEL), item(1, 1, LABEL, length)), BAD)
      for length in (0, 3, 9, 65535)),
    (extension(*[item(9, 9, b"")] * 250, item(1, 1, b"", 3)), BAD),
    *((extension(item(1, 1, data)), BAD)
      for data in (LABEL[:1], LABEL[:3], LABEL + LABEL[:2])),
    (bytes(12), BAD), (b"\xff" * 40, BAD),
    *((RIGHT[:length], BAD if length >= 4 else NONE) for length in range(1, len(RIGHT))),
)


def extensions(probe):
    """One answer for each structure."""
    words = QUOTED // (8 if probe.family == 6 else 4)
    rest = bytes([words, 0, 0, 0] if probe.family == 6 else [0, words, 0, 0])
    return [packet for structure, _ in STRUCTURES for packet in
            from_router(probe, probe.raw.ljust(QUOTED, b"\0") + structure, rest)]


def length_fields(probe):
    """Every length of a quote that is not there: no extension follows."""
    return [packet for length in range(256)
            for packet in from_router(probe, None, bytes(
                [length, 0, 0, 0] if probe.family == 6 else [0, length, 0, 0]))]


# ---- what targets send ---------------------------------------------------------------

def echo_replies_cut(probe):
    """Echo replies that end before their number is told."""
    if probe.proto == paris.UDP or probe.ttl < hostile.HOPS:
        return []
    body = split(hostile.honest(probe), probe.family)[1]
    return [hostile.ip_packet(probe.dst, probe.src, icmp_proto(probe),
                              with_checksum(probe, probe.dst, body[:length]))
            for length in range(8)]


def echo_replies_of_others(probe):
    """Other numbers, to our socket: late replies to an earlier run look like that."""
    if probe.proto == paris.UDP or probe.ttl < hostile.HOPS:
        return []
    body = split(hostile.honest(probe), probe.family)[1]
    others = [struct.pack("!H", probe.seq ^ 0x4000 ^ other) for other in range(BATCH)]
    return [hostile.ip_packet(probe.dst, probe.src, icmp_proto(probe), with_checksum(
        probe, probe.dst, changed(body, 6, other))) for other in others]


def datagrams_malformed(probe):
    """UDP lengths and checksums that are not so."""
    if probe.proto != paris.UDP or probe.ttl < hostile.HOPS:
        return []
    packet = hostile.udp_packet(probe.dst, probe.dport, probe.src, probe.sport,
                                probe.payload)
    at = header_length(probe)
    found = [changed(packet, at + 4, struct.pack("!H", length))
             for length in (1, 7, len(packet) - at + 1, 65535)]
    found.append(changed(packet, at + 6, b"\x12\x34"))
    if probe.family == 6:
        found.append(changed(packet, at + 6, b"\0\0"))
    return found + [hostile.ip_packet(probe.dst, probe.src, 17, packet[at:at + length])
                    for length in range(8)]


def datagrams_of_others(probe):
    if probe.proto != paris.UDP:
        return []
    src = FORGER[probe.family]
    return [hostile.udp_packet(src, port, probe.src, probe.sport, payload)
            for port in (probe.dport, 53, 1) for payload in (b"", b"x", bytes(1400))]


def random_bytes(probe):
    """ICMP errors about nothing at all, and IP packets of noise."""
    dice = dice_of(probe, "random")
    src = FORGER[probe.family]
    found = []
    for _ in range(BATCH):
        data = dice.randbytes(dice.randrange(9, 300))
        kind = dice.choice((3, 11, 12) if probe.family == 4 else (1, 2, 3, 4))
        found.append(hostile.ip_packet(src, probe.src, icmp_proto(probe), with_checksum(
            probe, src, bytes([kind]) + data)))
        found.append(hostile.ip_packet(src, probe.src, dice.randrange(256), data))
    return found


# (what, over which families, for UDP, for ICMP); None: nothing to send.
ROWS = (
    (quoted_header_lengths, "4", DROPPED, DROPPED),
    (quoted_options, "4", ANSWER, ANSWER),
    (quoted_extension_headers, "6", ANSWER, ANSWER),
    (quoted_lengths, "46", ANSWER, ANSWER),
    (quoted_fields, "46", ANSWER, ANSWER),
    (quoted_fragments, "6", DROPPED, DROPPED),
    (quoted_protocols, "46", DROPPED, DROPPED),
    (quoted_echoes, "46", None, DROPPED),
    (quotes_too_short, "46", DROPPED, DROPPED),
    (quotes_cut, "46", ANSWER, ANSWER),
    (nested_errors, "46", DROPPED, DROPPED),
    (wrong_checksums, "46", DROPPED, DROPPED),
    (messages_cut, "46", DROPPED, DROPPED),
    (messages_with_a_tail, "46", ANSWER, ANSWER),
    (other_kinds, "46", DROPPED, DROPPED),
    (outer_lengths, "46", DROPPED, DROPPED),
    (outer_headers, "46", DROPPED, DROPPED),
    (outer_options, "4", ANSWER, ANSWER),
    (impossible_sources, "46", DROPPED, DROPPED),
    (other_receivers, "46", DROPPED, DROPPED),
    (fragments, "46", ANSWER, ANSWER),
    (fragments_missing, "46", DROPPED, DROPPED),
    (length_fields, "46", ANSWER, ANSWER),
    (extensions, "46", ANSWER, ANSWER),
    (echo_replies_cut, "46", None, DROPPED),
    (echo_replies_of_others, "46", None, STRAY),
    (datagrams_malformed, "46", DROPPED, None),
    (datagrams_of_others, "46", STRAY, None),
    (random_bytes, "46", DROPPED, DROPPED),
)
