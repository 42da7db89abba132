#include "tools/names/sandbox_policy.h"

#include <sys/socket.h>

#include "common/message.h"

/* How lookup.c opens its sockets: no other family, type or flag. */
#define DATAGRAM (SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC)
#define STREAM (SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC)

static const struct sandbox_rule rules[] = {
    /* The channel. */
    {SCMP_SYS(recvmmsg), 1, {{0, MESSAGE_CHILD_FD}}},
    {SCMP_SYS(sendmmsg), 1, {{0, MESSAGE_CHILD_FD}}},
    /* Talking to name servers over UDP and TCP. */
    SANDBOX_SOCKET(AF_INET, DATAGRAM, 0),
    SANDBOX_SOCKET(AF_INET, STREAM, 0),
    SANDBOX_SOCKET(AF_INET6, DATAGRAM, 0),
    SANDBOX_SOCKET(AF_INET6, STREAM, 0),
    SANDBOX_SETSOCKOPT(SOL_SOCKET, SO_RCVBUF),
    SANDBOX_CALL(connect),
    {SCMP_SYS(sendmsg), 1, {{2, MSG_NOSIGNAL}}},
    {SCMP_SYS(recvfrom), 1, {{3, 0}}},
};

const struct sandbox_policy names_sandbox_policy = {
    rules, sizeof(rules) / sizeof(*rules)};
