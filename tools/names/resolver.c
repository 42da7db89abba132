#include "tools/names/resolver.h"

#include <errno.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"

/* Bytes of socket buffer for the answers to LOOKUP_ASKED_MAX questions. */
#define RECEIVE_BUFFER (1 << 20)
/*
 * With one server: asked at 0, 1/4 and, waiting twice as long, until 3/4 of the time.
 */
#define TRY_FRACTION 4
#define TRIES 2

static ares_socket_t
socket_open(int family, int type, int protocol, void *context)
{
	int room = RECEIVE_BUFFER;
	int fd;

	(void)protocol;
	(void)context;
	fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	/* The kernel gives less when the administrator wants so; no matter. */
	if (fd >= 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	return fd;
}

static int
socket_close(ares_socket_t fd, void *context)
{
	(void)context;
	return close(fd);
}

static int
socket_connect(
    ares_socket_t fd, const struct sockaddr *to, ares_socklen_t len, void *context)
{
	(void)context;
	return connect(fd, to, len);
}

static ares_ssize_t
socket_receive(ares_socket_t fd, void *data, size_t len, int flags,
    struct sockaddr *from, ares_socklen_t *from_len, void *context)
{
	(void)context;
	return recvfrom(fd, data, len, flags, from, from_len);
}

static ares_ssize_t
socket_send(ares_socket_t fd, const struct iovec *parts, int count, void *context)
{
	struct msghdr header = {
	    .msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = (size_t)count};

	(void)context;
	return sendmsg(fd, &header, MSG_NOSIGNAL);
}

static const struct ares_socket_functions socket_functions = {
    .asocket = socket_open,
    .aclose = socket_close,
    .aconnect = socket_connect,
    .arecvfrom = socket_receive,
    .asendv = socket_send,
};

/* c-ares tells which sockets it waits for; neither direction: no longer. */
static void
socket_state(void *context, ares_socket_t fd, int readable, int writable)
{
	struct resolver *r = context;
	short events = (short)((readable ? POLLIN : 0) | (writable ? POLLOUT : 0));
	size_t i = 0;

	while (i < r->watch_count && r->watch[i].fd != fd)
		i++;
	if (events == 0) {
		if (i < r->watch_count)
			r->watch[i] = r->watch[--r->watch_count];
		return;
	}
	if (i == RESOLVER_WATCH_MAX)
		return;
	if (i == r->watch_count)
		r->watch_count++;
	r->watch[i] = (struct pollfd){.fd = fd, .events = events};
}

/* How many servers c-ares will ask. */
static size_t
servers_count(ares_channel ares)
{
	struct ares_addr_port_node *first = NULL;
	size_t count = 0;

	if (ares_get_servers_ports(ares, &first) != ARES_SUCCESS)
		return 0;
	for (struct ares_addr_port_node *at = first; at != NULL; at = at->next)
		count++;
	ares_free_data(first);
	return count;
}

/* c-ares skips what it cannot read in a list, so they are counted. */
static int
set_servers(struct resolver *r, const char *servers)
{
	size_t wanted = 1;

	if (servers[0] == '\0')
		return 0;
	for (const char *at = servers; *at != '\0'; at++)
		wanted += *at == ',';
	if (wanted > LOOKUP_SERVERS_MAX ||
	    ares_set_servers_ports_csv(r->ares, servers) != ARES_SUCCESS ||
	    servers_count(r->ares) != wanted) {
		log_line("cannot use the name servers \"%s\": expected at most %d of "
			 "the form 192.0.2.1:53,[2001:db8::1]:53",
		    servers, LOOKUP_SERVERS_MAX);
		return -EINVAL;
	}
	return 0;
}

int
resolver_open(struct resolver *r, const struct names_configure *configure)
{
	char lookups[] = "b"; /* DNS alone: the hosts file is ours */
	struct ares_options options = {
	    .flags = ARES_FLAG_NOALIASES,
	    .timeout = (int)(configure->timeout_ms / TRY_FRACTION + 1),
	    .tries = TRIES,
	    .lookups = lookups,
	    .sock_state_cb = socket_state,
	    .sock_state_cb_data = r,
	};
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
		   ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB;
	int status = ares_init_options(&r->ares, &options, mask);

	if (status != ARES_SUCCESS) {
		r->ares = NULL;
		log_line("cannot start the resolver: %s", ares_strerror(status));
		return status == ARES_ENOMEM ? -ENOMEM : -EIO;
	}
	ares_set_socket_functions(r->ares, &socket_functions, NULL);
	return set_servers(r, configure->servers);
}
