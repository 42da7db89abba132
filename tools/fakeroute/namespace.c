#include "tools/fakeroute/namespace.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/privilege.h"
#include "tools/fakeroute/netlink.h"

#define FAR_INTERFACE "far0"

static const uint8_t near_mac[6] = {0x02, 0, 0, 0, 0, 0x01};
static const uint8_t far_mac[6] = {0x02, 0, 0, 0, 0, 0x02};

/* Notes what failed with -error and returns that error. */
static int __attribute__((format(printf, 3, 4)))
failed(struct namespace *ns, int error, const char *format, ...)
{
	va_list args;
	size_t len;

	va_start(args, format);
	vsnprintf(ns->why, sizeof(ns->why), format, args);
	va_end(args);
	len = strlen(ns->why);
	snprintf(ns->why + len, sizeof(ns->why) - len, ": %s", strerror(-error));
	return error;
}

static int
write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	size_t len = strlen(text);
	ssize_t written;
	int error;

	if (fd < 0)
		return -errno;
	written = write(fd, text, len);
	error = written < 0 ? -errno : (size_t)written < len ? -EIO : 0;
	close(fd);
	return error;
}

/* ---- namespaces ------------------------------------------------------------------ */

/* One uid and gid inside, for one outside. */
static int
map_ids(struct namespace *ns, uid_t inner_uid, gid_t inner_gid, uid_t uid, gid_t gid)
{
	char uids[64], gids[64];
	int error;

	snprintf(uids, sizeof(uids), "%u %u 1", inner_uid, uid);
	snprintf(gids, sizeof(gids), "%u %u 1", inner_gid, gid);
	error = write_file("/proc/self/setgroups", "deny");
	if (error == 0)
		error = write_file("/proc/self/uid_map", uids);
	if (error == 0)
		error = write_file("/proc/self/gid_map", gids);
	if (error != 0)
		return failed(ns, error,
		    "cannot map uid %u into a user namespace (is /proc mounted, and "
		    "are user namespaces open: user.max_user_namespaces, "
		    "kernel.unprivileged_userns_clone, "
		    "kernel.apparmor_restrict_unprivileged_userns?)",
		    uid);
	return 0;
}

/*
 * A user namespace in which we are root, around the command's. A file capability that
 * was set in a user namespace holds the uid of whoever was root there, and counts only
 * where that uid is root, or below (capabilities(7), "Namespaced file capabilities");
 * one that real root set counts everywhere.
 */
static int
enter_around(struct namespace *ns, uid_t uid, gid_t gid)
{
	if (map_ids(ns, 0, 0, uid, gid) != 0)
		return -EPERM;
	if (unshare(CLONE_NEWUSER) != 0)
		return failed(ns, -errno,
		    "cannot make a second user namespace, which file capabilities "
		    "take; see sysctl user.max_user_namespaces");
	return map_ids(ns, ns->uid, ns->gid, 0, 0);
}

/* Capabilities that cannot be kept are told of here, not by a test that fails. */
static int
check_keeping(struct namespace *ns)
{
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		return failed(ns, -EPERM,
		    "file capabilities cannot be kept, since no_new_privs is set here "
		    "(by whoever started us)");
	if (!ns->user &&
	    (capng_get_caps_process() != 0 ||
		capng_have_capability(CAPNG_BOUNDING_SET, CAP_NET_RAW) == 0))
		return failed(ns, -EPERM,
		    "cap_net_raw cannot be kept: the bounding set does not have it");
	return 0;
}

/* The user namespace, and the network namespace of the far end. */
static int
enter_first(struct namespace *ns)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int error = 0;

	ns->uid = uid == 0 ? PRIVILEGE_NOBODY : uid;
	ns->gid = uid == 0 ? PRIVILEGE_NOBODY : gid;
	ns->user = unshare(CLONE_NEWUSER) == 0;
	if (!ns->user && uid != 0)
		return failed(ns, -errno,
		    "cannot make a user namespace; open them (sysctl "
		    "user.max_user_namespaces=10000, "
		    "kernel.unprivileged_userns_clone=1,"
		    " kernel.apparmor_restrict_unprivileged_userns=0), or run as root");
	if (ns->keep_caps)
		error = check_keeping(ns);
	if (error == 0 && ns->user)
		error = ns->keep_caps ? enter_around(ns, uid, gid)
				      : map_ids(ns, ns->uid, ns->gid, uid, gid);
	if (error != 0)
		return error;
	if (unshare(CLONE_NEWNET) != 0)
		return failed(ns, -errno, "cannot make a network namespace; %s",
		    ns->user ? "see sysctl user.max_net_namespaces and "
			       "kernel.apparmor_restrict_unprivileged_userns"
			     : "this needs CAP_SYS_ADMIN, or open user namespaces");
	return 0;
}

/* ---- settings -------------------------------------------------------------------- */

struct setting {
	const char *path;
	const char *value;
};

/* True when a file's first line is the value already. */
static bool
has_value(const char *path, const char *value)
{
	char text[64] = "";
	FILE *file = fopen(path, "re");

	if (file == NULL)
		return false;
	if (fgets(text, sizeof(text), file) == NULL)
		text[0] = '\0';
	fclose(file);
	text[strcspn(text, "\n")] = '\0';
	return strcmp(text, value) == 0;
}

static int
apply(struct namespace *ns, const struct setting *settings, size_t count)
{
	int error;

	for (size_t i = 0; i < count; i++) {
		if (has_value(settings[i].path, settings[i].value))
			continue;
		error = write_file(settings[i].path, settings[i].value);
		if (error != 0)
			return failed(ns, error,
			    "cannot set %s to %s (is /proc/sys read-only here?)",
			    settings[i].path, settings[i].value);
	}
	return 0;
}

#define V4 "/proc/sys/net/ipv4/conf/"
#define V6 "/proc/sys/net/ipv6/conf/"

static int
apply_near(struct namespace *ns)
{
	static const struct setting both[] = {
	    {V4 "all/rp_filter", "0"},
	    {V4 "default/rp_filter", "0"},
	};
	static const struct setting six[] = {
	    {V6 "all/disable_ipv6", "0"},
	    {V6 "default/disable_ipv6", "0"},
	    {V6 "default/accept_ra", "0"},
	    {V6 "default/autoconf", "0"},
	    {V6 "default/router_solicitations", "0"},
	    {V6 "default/accept_dad", "0"},
	    {V6 "default/addr_gen_mode", "1"},
	};
	int error = apply(ns, both, sizeof(both) / sizeof(*both));

	if (error == 0 && ns->has_ipv6)
		error = apply(ns, six, sizeof(six) / sizeof(*six));
	return error;
}

/* The far end must not speak for itself. */
static int
apply_far(struct namespace *ns)
{
	static const struct setting six[] = {
	    {V6 "all/disable_ipv6", "1"},
	    {V6 "default/disable_ipv6", "1"},
	};

	return ns->has_ipv6 ? apply(ns, six, sizeof(six) / sizeof(*six)) : 0;
}

static int
apply_ping_groups(struct namespace *ns, const char *ping_groups)
{
	char own[64];
	int error;

	if (ping_groups != NULL && strcmp(ping_groups, "closed") == 0)
		return 0;
	snprintf(own, sizeof(own), "%u %u", ns->gid, ns->gid);
	if (ping_groups == NULL || strcmp(ping_groups, "open") == 0)
		ping_groups = own;
	error = write_file("/proc/sys/net/ipv4/ping_group_range", ping_groups);
	if (error != 0)
		return failed(ns, error,
		    "cannot set net.ipv4.ping_group_range to '%s' (inside, only gid %u "
		    "exists)",
		    ping_groups, ns->gid);
	return 0;
}

/* ---- the interface --------------------------------------------------------------- */

static int
add_addrs(struct namespace *ns, struct mnl_socket *nl, unsigned int index,
    const struct topology_node *host)
{
	char text[ADDR_TEXT_MAX];
	uint32_t routed = 0;
	int error;

	for (size_t i = 0; i < host->addrs_count; i++) {
		const struct addr *a = &host->addrs[i].addr;
		uint32_t bit = a->family == AF_INET ? 1 : 2;

		if (a->family == AF_INET6 && !ns->has_ipv6)
			continue;
		error = netlink_add_addr(nl, index, a);
		if (error == 0 && (routed & bit) == 0)
			error = netlink_add_default(nl, index, a);
		if (error != 0)
			return failed(ns, error, "cannot add the address %s",
			    addr_to_text(a, text));
		routed |= bit;
	}
	return 0;
}

static int
set_up_near(struct namespace *ns, struct mnl_socket *nl, int far_namespace,
    const struct topology *t)
{
	int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	unsigned int lo, near;
	int error = any < 0 ? -errno : 0;

	if (error == 0)
		error = netlink_add_veth(nl, NAMESPACE_INTERFACE, near_mac,
		    FAR_INTERFACE, far_mac, far_namespace, t->mtu);
	if (error == 0)
		error = netlink_index(any, "lo", &lo);
	if (error == 0)
		error = netlink_index(any, NAMESPACE_INTERFACE, &near);
	if (error == 0)
		error = netlink_set_up(nl, lo, 0);
	if (error == 0)
		error = netlink_no_offload(any, NAMESPACE_INTERFACE);
	if (error == 0)
		error = netlink_set_up(nl, near, 1);
	if (any >= 0)
		close(any);
	if (error != 0)
		return failed(ns, error,
		    "cannot set up a veth pair (does the kernel have veth?)");
	return add_addrs(ns, nl, near, &t->nodes[TOPOLOGY_HOST]);
}

static int
set_up_far(struct namespace *ns, struct mnl_socket *nl)
{
	struct sockaddr_ll address = {
	    .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	unsigned int index;
	int error = netlink_index(ns->far_fd, FAR_INTERFACE, &index);

	if (error == 0) {
		address.sll_ifindex = (int)index;
		error = netlink_set_up(nl, index, 1);
	}
	if (error == 0 &&
	    bind(ns->far_fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		error = -errno;
	if (error != 0)
		return failed(ns, error, "cannot listen at the far end");
	return 0;
}

/* Not a packet is to be lost between the two ends, the first one neither. */
static int
wait_for_ends(struct namespace *ns, struct mnl_socket *near, struct mnl_socket *far,
    const struct topology_node *host)
{
	int error = netlink_wait_sending(near, NAMESPACE_INTERFACE);

	if (error == 0)
		error = netlink_wait_sending(far, FAR_INTERFACE);
	for (size_t i = 0; error == 0 && i < host->addrs_count; i++)
		if (host->addrs[i].addr.family == AF_INET || ns->has_ipv6)
			error = netlink_wait_local(near, &host->addrs[i].addr);
	return error == 0 ? 0 : failed(ns, error, "the veth pair does not start");
}

/* From the far end's namespace into the command's, and both ends set up. */
static int
enter_second(struct namespace *ns, struct mnl_socket *far, int far_namespace,
    const struct topology *t, const char *ping_groups)
{
	struct mnl_socket *near;
	int error;

	if (unshare(CLONE_NEWNET) != 0)
		return failed(ns, -errno,
		    "cannot make a second network namespace; see sysctl "
		    "user.max_net_namespaces");
	error = apply_near(ns);
	if (error == 0)
		error = apply_ping_groups(ns, ping_groups);
	if (error != 0)
		return error;
	near = netlink_open();
	if (near == NULL)
		return failed(ns, -errno, "cannot open a netlink socket");
	error = set_up_near(ns, near, far_namespace, t);
	if (error == 0)
		error = set_up_far(ns, far);
	if (error == 0)
		error = wait_for_ends(ns, near, far, &t->nodes[TOPOLOGY_HOST]);
	netlink_close(near);
	return error;
}

int
namespace_enter(struct namespace *ns, const struct topology *t, const char *ping_groups,
    bool keep_caps)
{
	struct mnl_socket *far;
	int far_namespace, error;

	*ns = (struct namespace){.far_fd = -1, .keep_caps = keep_caps};
	ns->has_ipv6 = access("/proc/sys/net/ipv6", F_OK) == 0;
	error = enter_first(ns);
	if (error == 0)
		error = apply_far(ns);
	if (error != 0)
		return error;
	ns->far_fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (ns->far_fd < 0)
		return failed(ns, -errno, "cannot open a packet socket");
	far = netlink_open();
	far_namespace = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (far == NULL || far_namespace < 0)
		error = failed(ns, -errno, "cannot open a network namespace");
	else
		error = enter_second(ns, far, far_namespace, t, ping_groups);
	netlink_close(far);
	if (far_namespace >= 0)
		close(far_namespace);
	return error;
}

void
namespace_ethernet(uint8_t header[NAMESPACE_ETHERNET_LEN], bool ipv6)
{
	memcpy(header, near_mac, 6);
	memcpy(header + 6, far_mac, 6);
	header[12] = ipv6 ? 0x86 : 0x08;
	header[13] = ipv6 ? 0xdd : 0x00;
}
