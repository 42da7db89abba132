/*
 * The few requests to the kernel's routing tables that setting up a namespace takes
 * (rtnetlink through libmnl, and two old ioctls). Used by namespace.c only. Functions
 * return 0 or -errno.
 */
#ifndef FAKEROUTE_NETLINK_H
#define FAKEROUTE_NETLINK_H

#include <stdint.h>

#include "common/addr.h"

struct mnl_socket;

/* A socket in the network namespace that the caller is in now; NULL with errno set. */
struct mnl_socket *netlink_open(void);
void netlink_close(struct mnl_socket *nl);

/*
 * Makes a veth pair with given Ethernet addresses: near in this namespace, far in the
 * one that far_namespace is a descriptor of.
 */
int netlink_add_veth(struct mnl_socket *nl, const char *near, const uint8_t near_mac[6],
    const char *far, const uint8_t far_mac[6], int far_namespace, uint32_t mtu);

/* Brings an interface up; without_arp: no neighbour discovery on it. */
int netlink_set_up(struct mnl_socket *nl, unsigned int index, int without_arp);

/*
 * Waits until an interface whose other end is up as well sends what it is given: the
 * kernel starts its queue a moment later and drops everything before that, silently.
 */
int netlink_wait_sending(struct mnl_socket *nl, const char *name);

/*
 * Waits until what is sent to an address of ours arrives here: of IPv6 the kernel adds
 * the route of a new address later, even if no duplicate is looked for, and drops what
 * comes before that.
 */
int netlink_wait_local(struct mnl_socket *nl, const struct addr *a);

/* Gives an interface one address. */
int netlink_add_addr(struct mnl_socket *nl, unsigned int index, const struct addr *a);

/* Everything of src's family goes out by the interface, from src. */
int netlink_add_default(
    struct mnl_socket *nl, unsigned int index, const struct addr *src);

/* The index of an interface in the namespace of a socket. */
int netlink_index(int fd, const char *name, unsigned int *index);

/* Makes the interface compute checksums and segments before it hands packets over. */
int netlink_no_offload(int fd, const char *name);

#endif
