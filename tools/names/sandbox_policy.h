/*
 * The system calls that paris-names may make once it reads from the network, besides
 * those of every event loop (common/sandbox.h). Part of paris-names and of the test
 * that proves it.
 */
#ifndef TOOLS_NAMES_SANDBOX_POLICY_H
#define TOOLS_NAMES_SANDBOX_POLICY_H

#include "common/sandbox.h"

extern const struct sandbox_policy names_sandbox_policy;

#endif
