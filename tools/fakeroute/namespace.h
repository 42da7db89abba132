/*
 * The host's end of the simulated network: a user namespace (where they are open), a
 * network namespace for the command with one interface, and the far end of that
 * interface for the simulator, in a namespace that the command does not see.
 */
#ifndef FAKEROUTE_NAMESPACE_H
#define FAKEROUTE_NAMESPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "tools/fakeroute/topology.h"

#define NAMESPACE_INTERFACE "eth0"

struct namespace
{
	bool user;      /* a user namespace of our own; else we are real root */
	bool keep_caps; /* file capabilities count for the command */
	uid_t uid;      /* what the command runs as, as seen inside */
	gid_t gid;
	int far_fd; /* AF_PACKET socket of the far end, bound to it but not yet up */
	bool has_ipv6;
	char why[512]; /* what failed and what to do, when something failed */
};

/*
 * Moves the calling process, which must have one thread, into the namespaces and sets
 * them up for the topology. ping_groups: NULL opens ping sockets for the command's
 * group, "closed" leaves them closed, or "LOW HIGH". keep_caps: so that a file
 * capability counts there, set by root or by the user in a user namespace. Returns 0,
 * or -errno with the reason in ns->why.
 */
int namespace_enter(struct namespace *ns, const struct topology *t,
    const char *ping_groups, bool keep_caps);

/* Ethernet header (14 bytes) of what the far end sends for a family. */
#define NAMESPACE_ETHERNET_LEN 14
void namespace_ethernet(uint8_t header[NAMESPACE_ETHERNET_LEN], bool ipv6);

#endif
