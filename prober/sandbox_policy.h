/*
 * The system calls that the prober makes once it reads from the network. Shared with
 * the test that proves each other call deadly.
 */
#ifndef PROBER_SANDBOX_POLICY_H
#define PROBER_SANDBOX_POLICY_H

#include <stdint.h>

#include "common/message.h"
#include "common/sandbox.h"

/*
 * Raw sockets that send have this descriptor (over IPv4) and the next (IPv6): behind
 * those that every prober finds, so that the policy can name them.
 */
#define RAW_SENDER_FD (MESSAGE_CHILD_FD + 2)

/*
 * The policy of a prober that uses these transports (bits of enum prober_transport):
 * UDP sockets in any case, other sockets only when they are asked for. Valid until the
 * next call.
 */
void prober_sandbox_policy(uint32_t transports, struct sandbox_policy *policy);

#endif
