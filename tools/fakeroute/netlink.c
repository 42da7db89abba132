#include "tools/fakeroute/netlink.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "common/clock.h"

#define REQUEST_ROOM 2048
#define ANSWER_ROOM 8192
#define START_WAIT (5 * NS_PER_SECOND)
#define START_STEP (NS_PER_MS / 2)

struct mnl_socket *
netlink_open(void)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);

	if (nl != NULL && mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) != 0) {
		mnl_socket_close(nl);
		return NULL;
	}
	return nl;
}

void
netlink_close(struct mnl_socket *nl)
{
	if (nl != NULL)
		mnl_socket_close(nl);
}

static struct nlmsghdr *
request(void *buffer, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);

	message->nlmsg_type = type;
	message->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
	message->nlmsg_seq = 1;
	return message;
}

/* Sends a request and waits for the kernel's verdict, or its answer for `take`. */
static int
ask(struct mnl_socket *nl, const struct nlmsghdr *message, mnl_cb_t take, void *data)
{
	char answer[ANSWER_ROOM];
	ssize_t len;

	if (mnl_socket_sendto(nl, message, message->nlmsg_len) < 0)
		return -errno;
	len = mnl_socket_recvfrom(nl, answer, sizeof(answer));
	if (len < 0)
		return -errno;
	if (mnl_cb_run(answer, (size_t)len, message->nlmsg_seq,
		mnl_socket_get_portid(nl), take, data) < 0)
		return -errno;
	return 0;
}

static int
talk(struct mnl_socket *nl, const struct nlmsghdr *message)
{
	return ask(nl, message, NULL, NULL);
}

static void
put_link(struct nlmsghdr *message, const char *name, const uint8_t mac[6], uint32_t mtu)
{
	mnl_attr_put_strz(message, IFLA_IFNAME, name);
	mnl_attr_put(message, IFLA_ADDRESS, 6, mac);
	mnl_attr_put_u32(message, IFLA_MTU, mtu);
}

int
netlink_add_veth(struct mnl_socket *nl, const char *near, const uint8_t near_mac[6],
    const char *far, const uint8_t far_mac[6], int far_namespace, uint32_t mtu)
{
	char buffer[REQUEST_ROOM] = {0};
	struct nlmsghdr *message =
	    request(buffer, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
	struct nlattr *info, *data, *peer;

	mnl_nlmsg_put_extra_header(message, sizeof(struct ifinfomsg));
	put_link(message, near, near_mac, mtu);
	info = mnl_attr_nest_start(message, IFLA_LINKINFO);
	mnl_attr_put_str(message, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(message, VETH_INFO_PEER);
	mnl_nlmsg_put_extra_header(message, sizeof(struct ifinfomsg));
	put_link(message, far, far_mac, mtu);
	mnl_attr_put_u32(message, IFLA_NET_NS_FD, (uint32_t)far_namespace);
	mnl_attr_nest_end(message, peer);
	mnl_attr_nest_end(message, data);
	mnl_attr_nest_end(message, info);
	return talk(nl, message);
}

int
netlink_set_up(struct mnl_socket *nl, unsigned int index, int without_arp)
{
	char buffer[REQUEST_ROOM] = {0};
	struct nlmsghdr *message = request(buffer, RTM_NEWLINK, 0);
	struct ifinfomsg *link = mnl_nlmsg_put_extra_header(message, sizeof(*link));

	link->ifi_family = AF_UNSPEC;
	link->ifi_index = (int)index;
	link->ifi_flags = IFF_UP;
	if (without_arp)
		link->ifi_flags |= IFF_NOARP;
	link->ifi_change = link->ifi_flags;
	return talk(nl, message);
}

/* A queue that has not been started yet is called "noop". */
static int
take_attribute(const struct nlattr *attribute, void *data)
{
	bool *started = data;

	if (mnl_attr_get_type(attribute) == IFLA_QDISC)
		*started = strcmp(mnl_attr_get_str(attribute), "noop") != 0;
	return MNL_CB_OK;
}

static int
take_link(const struct nlmsghdr *message, void *data)
{
	return mnl_attr_parse(message, sizeof(struct ifinfomsg), take_attribute, data);
}

/* Asks again and again until take() has set its bool. The answer is the verdict. */
static int
ask_until(struct mnl_socket *nl, struct nlmsghdr *message, mnl_cb_t take)
{
	const struct timespec step = {0, START_STEP};
	int64_t deadline = clock_monotonic() + START_WAIT;
	bool started = false;

	message->nlmsg_flags = NLM_F_REQUEST;
	for (;;) {
		int error = ask(nl, message, take, &started);

		if (error != 0 || started)
			return error;
		if (clock_monotonic() >= deadline)
			return -ETIMEDOUT;
		nanosleep(&step, NULL);
	}
}

int
netlink_wait_sending(struct mnl_socket *nl, const char *name)
{
	char buffer[REQUEST_ROOM] = {0};
	struct nlmsghdr *message = request(buffer, RTM_GETLINK, 0);

	mnl_nlmsg_put_extra_header(message, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(message, IFLA_IFNAME, name);
	return ask_until(nl, message, take_link);
}

static int
take_route(const struct nlmsghdr *message, void *data)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(message);
	bool *started = data;

	*started = route->rtm_type == RTN_LOCAL;
	return MNL_CB_OK;
}

int
netlink_wait_local(struct mnl_socket *nl, const struct addr *a)
{
	char buffer[REQUEST_ROOM] = {0};
	struct nlmsghdr *message = request(buffer, RTM_GETROUTE, 0);
	struct rtmsg *route = mnl_nlmsg_put_extra_header(message, sizeof(*route));
	size_t len = addr_family_len(a->family);

	route->rtm_family = (uint8_t)a->family;
	route->rtm_dst_len = (uint8_t)(len * 8);
	mnl_attr_put(message, RTA_DST, len, a->bytes);
	return ask_until(nl, message, take_route);
}

int
netlink_add_addr(struct mnl_socket *nl, unsigned int index, const struct addr *a)
{
	char buffer[REQUEST_ROOM] = {0};
	struct nlmsghdr *message =
	    request(buffer, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
	struct ifaddrmsg *body = mnl_nlmsg_put_extra_header(message, sizeof(*body));
	size_t len = addr_family_len(a->family);

	body->ifa_family = (uint8_t)a->family;
	body->ifa_prefixlen = (uint8_t)(len * 8);
	body->ifa_flags = IFA_F_NODAD;
	body->ifa_scope = RT_SCOPE_UNIVERSE;
	body->ifa_index = index;
	mnl_attr_put(message, IFA_LOCAL, len, a->bytes);
	mnl_attr_put(message, IFA_ADDRESS, len, a->bytes);
	return talk(nl, message);
}

int
netlink_add_default(struct mnl_socket *nl, unsigned int index, const struct addr *src)
{
	char buffer[REQUEST_ROOM] = {0};
	struct nlmsghdr *message =
	    request(buffer, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
	struct rtmsg *route = mnl_nlmsg_put_extra_header(message, sizeof(*route));

	route->rtm_family = (uint8_t)src->family;
	route->rtm_table = RT_TABLE_MAIN;
	route->rtm_protocol = RTPROT_STATIC;
	route->rtm_scope = src->family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	route->rtm_type = RTN_UNICAST;
	mnl_attr_put_u32(message, RTA_OIF, index);
	mnl_attr_put(message, RTA_PREFSRC, addr_family_len(src->family), src->bytes);
	return talk(nl, message);
}

int
netlink_index(int fd, const char *name, unsigned int *index)
{
	struct ifreq request_of = {0};

	snprintf(request_of.ifr_name, sizeof(request_of.ifr_name), "%s", name);
	if (ioctl(fd, SIOCGIFINDEX, &request_of) != 0)
		return -errno;
	*index = (unsigned int)request_of.ifr_ifindex;
	return 0;
}

int
netlink_no_offload(int fd, const char *name)
{
	static const uint32_t commands[] = {
	    ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO};
	struct ethtool_value value = {0};
	struct ifreq request_of = {0};

	snprintf(request_of.ifr_name, sizeof(request_of.ifr_name), "%s", name);
	request_of.ifr_data = (char *)&value;
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		value.cmd = commands[i];
		if (ioctl(fd, SIOCETHTOOL, &request_of) != 0)
			return -errno;
	}
	return 0;
}
