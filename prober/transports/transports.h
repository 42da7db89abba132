/*
 * The transports, for their table and their files only.
 */
#ifndef PROBER_TRANSPORTS_TRANSPORTS_H
#define PROBER_TRANSPORTS_TRANSPORTS_H

#include "prober/transport.h"

extern const struct transport transport_udp;
extern const struct transport transport_ping;
extern const struct transport transport_tcp;
extern const struct transport transport_udplite;
extern const struct transport transport_udp_helper;
extern const struct transport transport_tcp_helper;
extern const struct transport transport_ping_helper;
extern const struct transport transport_udp_raw;
extern const struct transport transport_tcp_raw;
extern const struct transport transport_ping_raw;
extern const struct transport transport_dccp_raw;
extern const struct transport transport_other_raw;

#endif
