/*
 * The system calls that the prober makes once it reads from the network. Shared with
 * the test that proves each other call deadly.
 */
#ifndef PROBER_SANDBOX_POLICY_H
#define PROBER_SANDBOX_POLICY_H

#include "common/sandbox.h"

extern const struct sandbox_policy prober_sandbox_policy;

#endif
