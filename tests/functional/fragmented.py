"""What is on the wire, and in json, of probes in fragments; for the tests of the simulated
network and of the lab."""

from collections import Counter


def bounds(packet):
    return (packet.fragment_offset, len(packet.transport))


def quotes(found, ttl):
    """How often each fragment was quoted by a hop, in any reply."""
    replies = [probe for hop in found["hops"] if hop["ttl"] == ttl
               for probe in hop["probes"]]
    replies += [reply for reply in found.get("other_replies", ())
                if reply["ttl"] == ttl]
    return Counter((one["quoted_fragment"]["offset"], one["quoted_fragment"]["length"],
                    one["quoted_fragment"]["as"])
                   for one in replies if "quoted_fragment" in one)
