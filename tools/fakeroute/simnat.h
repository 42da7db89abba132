/*
 * What a NAT does to the bytes of packets: to those of the host on their way, and to
 * the answers on their way back. What it makes of addresses and ports is network.h's.
 */
#ifndef FAKEROUTE_SIMNAT_H
#define FAKEROUTE_SIMNAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/fakeroute/network.h"
#include "tools/fakeroute/simpacket.h"

/*
 * Copies the packet to out, which has room for it, with the addresses, ports and
 * checksums that the network gave it.
 */
void simnat_forward(
    uint8_t *out, const struct simpacket *p, const struct network_packet *changed);

/* An answer that passes a NAT: a whole packet without IP options. */
struct simnat_answer {
	uint8_t *bytes;
	size_t len;
	bool error;              /* an ICMP error, which quotes ... */
	size_t quoted;           /* ... so many bytes of the packet */
	size_t quoted_transport; /* where its transport header would be in them */
};

/*
 * Changes an answer back over one NAT, as Linux's conntrack does unless the rule says
 * otherwise. before and after: the packet that was asked, on either side of the NAT.
 */
void simnat_back(const struct simnat_answer *answer, const struct topology_rule *rule,
    const struct network_packet *before, const struct network_packet *after);

#endif
