#include <stddef.h>

#include "prober/transport.h"
#include "prober/transports/transports.h"

const struct transport *const transport_table[] = {
    &transport_udp,
    &transport_ping,
    &transport_tcp,
    &transport_udplite,
    &transport_udp_helper,
    &transport_tcp_helper,
    &transport_ping_helper,
    &transport_udp_raw,
    &transport_tcp_raw,
    &transport_ping_raw,
    &transport_dccp_raw,
    &transport_other_raw,
    NULL,
};
