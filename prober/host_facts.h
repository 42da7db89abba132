/*
 * What this machine and this user may do: the impure half of planning. The tool calls
 * it once a run, before anything else starts; the choice itself (plan.h) is pure.
 */
#ifndef PROBER_HOST_FACTS_H
#define PROBER_HOST_FACTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/prober_messages.h"

/* Index 0 is IPv4, 1 is IPv6, as everywhere in plans. */
/* Whether paris-privsep would get its raw sockets. */
enum helper_state {
	HELPER_USABLE,
	HELPER_MISSING,
	HELPER_NO_CAPABILITY, /* the file has no cap_net_raw */
	HELPER_NO_NEW_PRIVS,  /* we have it, so file capabilities do not count */
	HELPER_NOSUID,        /* mounted so, likewise */
	HELPER_BOUNDED,       /* not in our bounding set, likewise */
	HELPER_FOREIGN,  /* our user namespace does not own the network, likewise */
	HELPER_ONE_USER, /* see host_facts_unprivileged_group */
};

/* Whether the prober would get raw sockets of its own. */
enum raw_state {
	RAW_NOT_ROOT, /* our real uid is not 0: nobody else gets them */
	RAW_REFUSED,  /* root without CAP_NET_RAW: open[] says what came of it */
	RAW_ONE_USER, /* see host_facts_unprivileged_group */
	RAW_USABLE,
};

#define HOST_PATH_MAX 512

struct host_facts {
	/* By enum prober_transport: 0, or the errno of opening such a socket. */
	int open[TRANSPORT_COUNT][2];
	uint8_t helper; /* enum helper_state */
	char helper_path[HOST_PATH_MAX];
	uint8_t raw;      /* enum raw_state */
	int mark;         /* 0, or the errno of setting SO_MARK */
	int debug;        /* likewise SO_DEBUG */
	uint16_t syn_len; /* TCP header of a SYN with its options, bytes */
	bool group_range_known;
	uint32_t group_low; /* net.ipv4.ping_group_range, which gates IPv6 too */
	uint32_t group_high;
	gid_t gid;          /* ours, for the message about that range */
	bool extensions[2]; /* IP_RECVERR_RFC4884 / IPV6_RECVERR_RFC4884 (Linux 5.9) */
	bool stamp_ids_chosen; /* SCM_TS_OPT_ID (Linux 6.13) */
};

/*
 * Tries each thing and closes it again: as root, before that is left, but with the
 * groups that will stay. helper_path: where paris-privsep would be.
 * Never fails: what cannot be told is "no".
 */
void host_facts_gather(struct host_facts *facts, const char *helper_path);

/*
 * The group that a process which leaves uid 0 should take so that ping sockets open:
 * PRIVILEGE_NOBODY where net.ipv4.ping_group_range admits it or nobody at all, else the
 * lowest group that the range admits. PRIVILEGE_STAY where there is no other uid: such
 * a root is given no more than an ordinary user.
 */
gid_t host_facts_unprivileged_group(void);

#endif
