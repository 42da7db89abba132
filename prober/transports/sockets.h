/*
 * Setting up the sockets of endpoints. Included by prober/transports/ only.
 */
#ifndef PROBER_TRANSPORTS_SOCKETS_H
#define PROBER_TRANSPORTS_SOCKETS_H

#include <sys/socket.h>

#include "common/sockopt.h"
#include "prober/transport.h"

/*
 * What every socket of ours needs of its IP layer: the error queue with extensions, TTL
 * and TOS of what arrives, and fragmentation as e->key has it. 0 or -errno.
 */
int socket_options_ip(const struct endpoint *e, int fd);

/* Binds to e->key.device, if there is one. 0 or -errno. */
int socket_bind_device(const struct endpoint *e, int fd);

/*
 * Binds to e->key.source and this port (0: the kernel's choice); *bound receives which
 * port it is. 0 or -errno.
 */
int socket_bind(const struct endpoint *e, int fd, uint16_t port, uint16_t *bound);

/* The value of a field of a packet of ours that the kernel shall write. */
uint32_t socket_header_value(
    const struct endpoint *e, const struct packet *packet, struct field_ref ref);

/* The source address that stands in a packet of ours. */
struct addr socket_packet_source(const struct endpoint *e, const struct packet *packet);

/* Where the packet goes, its flow label too; returns the length of *name. */
socklen_t socket_destination(const struct endpoint *e, const struct probe *p,
    const struct packet *packet, struct sockaddr_storage *name);

#endif
