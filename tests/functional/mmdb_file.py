"""Writes MaxMind DB files (version 2.0 of the format), so that tests have databases of
their own:

    write({"192.0.2.0/24": {"autonomous_system_number": Uint32(64496)}}, record_bits=28)

returns the bytes. Prefixes must not contain each other. In an IPv6 trie (the default)
IPv4 prefixes lie below ::/96. Equal texts are written once and pointed to, as MaxMind's
own writer does. Values are dict, list, str, bool, int (of the least type that has room)
Uint16, Uint32, Uint64; Raw is a data field as it is, for what no writer would write.
"""

import ipaddress
import struct

MARKER = b"\xab\xcd\xefMaxMind.com"
TEXT, UINT16, UINT32, MAP, UINT64, UINT128, ARRAY, BOOLEAN = 2, 5, 6, 7, 9, 10, 11, 14


class Uint16(int):
    kind = UINT16


class Uint32(int):
    kind = UINT32


class Uint64(int):
    kind = UINT64


class Raw(bytes):
    pass


def control(kind, size):
    """The bytes that begin a field."""
    extended = bytes([kind - 7]) if kind > 7 else b""
    first = 0 if extended else kind << 5
    if size < 29:
        return bytes([first | size]) + extended
    if size < 285:
        return bytes([first | 29]) + extended + bytes([size - 29])
    if size < 65821:
        return bytes([first | 30]) + extended + struct.pack("!H", size - 285)
    return bytes([first | 31]) + extended + (size - 65821).to_bytes(3, "big")


def pointer(target, size=None):
    """A pointer; size: how many bytes its target takes, less one (default: the least)."""
    for bits, bias in ((11, 0), (19, 2048), (27, 526336)):
        number = (bits - 11) // 8
        if size in (None, number) and bias <= target < bias + (1 << bits):
            value = target - bias
            return bytes([1 << 5 | number << 3 | value >> 8 * (number + 1)]) + \
                (value & (1 << 8 * (number + 1)) - 1).to_bytes(number + 1, "big")
    return bytes([1 << 5 | 3 << 3]) + struct.pack("!I", target)


class Data:
    """The data section in the making."""

    def __init__(self, share=True):
        self.bytes = b""
        self.texts = {}  # where each is
        self.share = share

    def text(self, value, base):
        encoded = value.encode("utf-8", "surrogateescape")
        if self.share and encoded in self.texts:
            return pointer(self.texts[encoded])
        self.texts[encoded] = base
        return control(TEXT, len(encoded)) + encoded

    def field(self, value, base):
        """A field that begins at `base`."""
        if isinstance(value, Raw):
            return bytes(value)
        if isinstance(value, str):
            return self.text(value, base)
        if isinstance(value, bool):
            return control(BOOLEAN, value)
        if isinstance(value, int):
            kind = getattr(value, "kind", None) or next(
                kind for kind, bits in ((UINT16, 16), (UINT32, 32), (UINT64, 64),
                                        (UINT128, 128)) if value < 1 << bits)
            data = value.to_bytes((value.bit_length() + 7) // 8, "big")
            return control(kind, len(data)) + data
        parts = [part for pair in value.items() for part in pair] \
            if isinstance(value, dict) else value
        data = control(MAP if isinstance(value, dict) else ARRAY, len(value))
        for part in parts:
            data += self.field(part, base + len(data))
        return data

    def add(self, value):
        """Appends a field; where it is."""
        at = len(self.bytes)
        self.bytes += self.field(value, at)
        return at


def bits_of(prefix, ip_version):
    network = ipaddress.ip_network(prefix)
    bits = format(int(network.network_address), f"0{network.max_prefixlen}b")
    if ip_version == 6 and network.version == 4:
        return "0" * 96 + bits[:network.prefixlen]
    return bits[:network.prefixlen]


def build_trie(table, ip_version, data):
    """[[left, right]]: a record is the index of a node, None, or ("data", offset)."""
    nodes = [[None, None]]
    for prefix, value in table.items():
        bits, node = bits_of(prefix, ip_version), 0
        for bit in map(int, bits[:-1]):
            if nodes[node][bit] is None:
                nodes.append([None, None])
                nodes[node][bit] = len(nodes) - 1
            node = nodes[node][bit]
        nodes[node][int(bits[-1])] = ("data", data.add(value))
    return nodes


def pack_node(left, right, record_bits):
    if record_bits == 28:
        return (left & 0xffffff).to_bytes(3, "big") + \
            bytes([left >> 24 << 4 | right >> 24]) + (right & 0xffffff).to_bytes(3, "big")
    return b"".join(record.to_bytes(record_bits // 8, "big") for record in (left, right))


def pack_trie(nodes, record_bits):
    def number(record):
        if record is None:
            return len(nodes)
        return record[1] + len(nodes) + 16 if isinstance(record, tuple) else record
    return b"".join(pack_node(number(left), number(right), record_bits)
                    for left, right in nodes)


def metadata(**settings):
    """The metadata behind its marker; what is None is left out."""
    known = {"binary_format_major_version": Uint16(2),
             "binary_format_minor_version": Uint16(0), "build_epoch": Uint64(1700000000),
             "database_type": "Test", "description": {"en": "of a test"},
             "ip_version": Uint16(6), "languages": ["en"], "node_count": Uint32(0),
             "record_size": Uint16(24)}
    known.update(settings)
    return MARKER + Data().field({key: value for key, value in known.items()
                                  if value is not None}, 0)


def write(table, record_bits=28, ip_version=6, share=True, **settings):
    data = Data(share)
    nodes = build_trie(table, ip_version, data)
    known = {"node_count": Uint32(len(nodes)), "record_size": Uint16(record_bits),
             "ip_version": Uint16(ip_version)}
    known.update(settings)
    return pack_trie(nodes, record_bits) + bytes(16) + data.bytes + metadata(**known)
