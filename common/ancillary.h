/*
 * What the kernel tells beside the bytes of a packet, and is told with one: control
 * messages of recvmsg(2) and sendmsg(2) (ip(7), ipv6(7)). For whoever reads and writes
 * packets: the prober and the helper.
 */
#ifndef COMMON_ANCILLARY_H
#define COMMON_ANCILLARY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include <linux/errqueue.h>

#include "common/addr.h"

/* The id that a send stamp shall come back with (Linux 6.13). */
#ifndef SCM_TS_OPT_ID
#define SCM_TS_OPT_ID 81
#endif

#define CONTROL_ROOM 512 /* bytes for the control messages of one packet */

/* What the control messages of one packet said. */
struct ancillary {
	int16_t ttl; /* -1: not told; so is tos */
	int16_t tos;
	int64_t stamp; /* CLOCK_REALTIME, ns; 0: none */
	bool has_error;
	struct sock_extended_err error;
	struct addr offender;
	struct addr to;     /* IPv6: where the packet went; none: not told */
	uint32_t interface; /* IPv6: on which it came; 0: not told */
	bool dropped_known;
	uint32_t dropped; /* SO_RXQ_OVFL: a running count */
};

/* Reads all control messages; what is malformed is left out. */
void ancillary_read(struct msghdr *m, struct ancillary *a);

/*
 * Appends a control message of len bytes to m, whose msg_control has `room` bytes, of
 * which msg_controllen are used. One that does not fit is left out.
 */
void ancillary_add(
    struct msghdr *m, size_t room, int level, int type, const void *value, size_t len);

#endif
