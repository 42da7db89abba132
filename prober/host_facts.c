#include "prober/host_facts.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/in6.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/privilege.h"
#include "common/user_namespace.h"

#ifndef IP_RECVERR_RFC4884
#define IP_RECVERR_RFC4884 26
#endif
#ifndef SCM_TS_OPT_ID
#define SCM_TS_OPT_ID 81
#endif

#define GROUP_RANGE "/proc/sys/net/ipv4/ping_group_range"

/* Opens a socket and closes it: 0 or the errno. */
static int
try_socket(int family, int type, int protocol)
{
	int fd = socket(family, type | SOCK_CLOEXEC, protocol);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

/* Sets an option of a datagram socket: 0 or the errno. */
static int
try_option(int family, int level, int name)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int on = 1;
	int error;

	if (fd < 0)
		return errno;
	error = setsockopt(fd, level, name, &on, sizeof(on)) == 0 ? 0 : errno;
	close(fd);
	return error;
}

/*
 * Sends an empty datagram to a port of our own that nothing else knows, with the
 * control message in question: the kernel refuses what it does not know.
 */
static bool
try_chosen_stamp_ids(void)
{
	struct sockaddr_in self = {
	    .sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(self);
	union {
		char bytes[CMSG_SPACE(sizeof(uint32_t))];
		struct cmsghdr header;
	} control = {0};
	struct msghdr m = {.msg_name = &self,
	    .msg_namelen = sizeof(self),
	    .msg_control = &control,
	    .msg_controllen = sizeof(control)};
	int flags = SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_SOFTWARE;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool works;

	if (fd < 0)
		return false;
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_TS_OPT_ID;
	control.header.cmsg_len = CMSG_LEN(sizeof(uint32_t));
	works = bind(fd, (struct sockaddr *)&self, len) == 0 &&
		getsockname(fd, (struct sockaddr *)&self, &len) == 0 &&
		setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof(flags)) == 0;
	/*
	 * A refusal of the control message is EINVAL; no route (loopback down) is not.
	 */
	works = works && (sendmsg(fd, &m, MSG_DONTWAIT) == 0 || errno != EINVAL);
	close(fd);
	return works;
}

/* The first bytes of a file, as a string. False when it cannot be read. */
static bool
read_text(const char *path, char *text, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, text, room - 1);

	if (fd >= 0)
		close(fd);
	if (len <= 0)
		return false;
	text[len] = '\0';
	return true;
}

/* Whether a number in /proc/sys/net/ipv4 is not 0; what cannot be read is taken so. */
static bool
tcp_setting(const char *path)
{
	char text[16];

	return !read_text(path, text, sizeof(text)) || strtol(text, NULL, 10) != 0;
}

/*
 * The kernel writes the SYN; this is what tcp_syn_options() in net/ipv4/tcp_output.c
 * puts into it (Linux 4.4 to 6.18): MSS, timestamps, window scale, and SACK permitted
 * within the timestamps' padding.
 */
static uint16_t
syn_len(void)
{
	bool stamps = tcp_setting("/proc/sys/net/ipv4/tcp_timestamps");
	uint16_t len = 20 + 4;

	if (stamps)
		len += 12;
	if (tcp_setting("/proc/sys/net/ipv4/tcp_window_scaling"))
		len += 4;
	if (!stamps && tcp_setting("/proc/sys/net/ipv4/tcp_sack"))
		len += 4;
	return len;
}

/* Reads "LOW HIGH". */
static bool
read_group_range(uint32_t *low, uint32_t *high)
{
	char text[64];
	char *end;

	if (!read_text(GROUP_RANGE, text, sizeof(text)))
		return false;
	*low = (uint32_t)strtoul(text, &end, 10);
	if (end == text)
		return false;
	*high = (uint32_t)strtoul(end, NULL, 10);
	return true;
}

/* The permitted capabilities of a file, of the first 32; 0: none. */
static uint32_t
file_capabilities(const char *path)
{
	struct vfs_ns_cap_data data;
	ssize_t len = getxattr(path, "security.capability", &data, sizeof(data));

	return len >= (ssize_t)XATTR_CAPS_SZ_1 ? le32toh(data.data[0].permitted) : 0;
}

static int
try_raw(int family)
{
	return try_socket(family, SOCK_RAW, IPPROTO_RAW);
}

static uint8_t
helper_state(const char *path)
{
	struct statvfs fs;

	if (access(path, X_OK) != 0)
		return HELPER_MISSING;
	if (getuid() == 0 && user_namespace_has_one_user())
		return HELPER_ONE_USER;
	if (getuid() == 0) /* it needs no file capability then, but the right */
		return try_raw(AF_INET) == EPERM ? HELPER_BOUNDED : HELPER_USABLE;
	if ((file_capabilities(path) & 1U << CAP_NET_RAW) == 0)
		return HELPER_NO_CAPABILITY;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		return HELPER_NO_NEW_PRIVS;
	if (statvfs(path, &fs) == 0 && (fs.f_flag & ST_NOSUID) != 0)
		return HELPER_NOSUID;
	if (prctl(PR_CAPBSET_READ, CAP_NET_RAW, 0, 0, 0) == 0)
		return HELPER_BOUNDED;
	return user_namespace_owns_network() ? HELPER_USABLE : HELPER_FOREIGN;
}

static uint8_t
raw_state(void)
{
	if (getuid() != 0)
		return RAW_NOT_ROOT;
	if (user_namespace_has_one_user())
		return RAW_ONE_USER;
	return try_raw(AF_INET) == EPERM ? RAW_REFUSED : RAW_USABLE;
}

void
host_facts_gather(struct host_facts *facts, const char *helper_path)
{
	static const int families[] = {AF_INET, AF_INET6};
	static const int icmp[] = {IPPROTO_ICMP, IPPROTO_ICMPV6};

	memset(facts, 0, sizeof(*facts));
	for (size_t i = 0; i < 2; i++) {
		int f = families[i];

		facts->open[TRANSPORT_UDP][i] = try_socket(f, SOCK_DGRAM, 0);
		facts->open[TRANSPORT_PING][i] = try_socket(f, SOCK_DGRAM, icmp[i]);
		facts->open[TRANSPORT_TCP][i] = try_socket(f, SOCK_STREAM, 0);
		facts->open[TRANSPORT_UDPLITE][i] =
		    try_socket(f, SOCK_DGRAM, IPPROTO_UDPLITE);
		facts->open[TRANSPORT_UDP_RAW][i] = facts->open[TRANSPORT_TCP_RAW][i] =
		    facts->open[TRANSPORT_PING_RAW][i] =
			facts->open[TRANSPORT_DCCP_RAW][i] =
			    facts->open[TRANSPORT_OTHER_RAW][i] = try_raw(f);
	}
	facts->raw = raw_state();
	facts->syn_len = syn_len();
	facts->helper = helper_state(helper_path);
	(void)stpncpy(facts->helper_path, helper_path, HOST_PATH_MAX - 1);
	facts->group_range_known =
	    read_group_range(&facts->group_low, &facts->group_high);
	facts->gid = getegid();
	facts->mark = try_option(AF_INET, SOL_SOCKET, SO_MARK);
	facts->debug = try_option(AF_INET, SOL_SOCKET, SO_DEBUG);
	facts->extensions[0] = try_option(AF_INET, IPPROTO_IP, IP_RECVERR_RFC4884) == 0;
	facts->extensions[1] =
	    try_option(AF_INET6, IPPROTO_IPV6, IPV6_RECVERR_RFC4884) == 0;
	facts->stamp_ids_chosen = try_chosen_stamp_ids();
}

gid_t
host_facts_unprivileged_group(void)
{
	uint32_t low, high;

	if (user_namespace_has_one_user())
		return PRIVILEGE_STAY;
	if (!read_group_range(&low, &high) || low > high ||
	    (low <= PRIVILEGE_NOBODY && PRIVILEGE_NOBODY <= high))
		return PRIVILEGE_NOBODY;
	return low;
}
