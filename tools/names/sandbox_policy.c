#include "tools/names/sandbox_policy.h"

#include <seccomp.h>
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
    {SCMP_SYS(socket), 3, {{0, AF_INET}, {1, DATAGRAM}, {2, 0}}},
    {SCMP_SYS(socket), 3, {{0, AF_INET}, {1, STREAM}, {2, 0}}},
    {SCMP_SYS(socket), 3, {{0, AF_INET6}, {1, DATAGRAM}, {2, 0}}},
    {SCMP_SYS(socket), 3, {{0, AF_INET6}, {1, STREAM}, {2, 0}}},
    {SCMP_SYS(setsockopt), 2, {{1, SOL_SOCKET}, {2, SO_RCVBUF}}},
    {SCMP_SYS(connect), 0, {{0, 0}}},
    {SCMP_SYS(sendmsg), 1, {{2, MSG_NOSIGNAL}}},
    {SCMP_SYS(recvfrom), 1, {{3, 0}}},
};

const struct sandbox_policy names_sandbox_policy = {
    rules, sizeof(rules) / sizeof(*rules)};
