/*
 * The system-call filter (seccomp, through libseccomp) that a program enters before it
 * reads its first byte from the network. A program states its policy as a table; what
 * is not in the table kills the process (SIGSYS), as does any other architecture.
 */
#ifndef COMMON_SANDBOX_H
#define COMMON_SANDBOX_H

#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SANDBOX_MATCHES_MAX 3

/* One integer argument that must equal a 32-bit value. */
struct sandbox_match {
	uint8_t argument; /* 0 to 5 */
	uint32_t value;
};

/*
 * One allowed form of one call; all its matches must hold. Several rules on one call
 * are alternatives, so a rule without matches silently widens the others: do not mix
 * them.
 */
struct sandbox_rule {
	int call; /* SCMP_SYS(...) */
	uint8_t matches_count;
	struct sandbox_match matches[SANDBOX_MATCHES_MAX];
};

/* clang-format off */
/* The commonest rules: a socket of this kind, an option of a socket, any use. */
#define SANDBOX_SOCKET(family, type, protocol) \
	{SCMP_SYS(socket), 3, {{0, family}, {1, type}, {2, protocol}}}
#define SANDBOX_SETSOCKOPT(level, name) \
	{SCMP_SYS(setsockopt), 2, {{1, level}, {2, name}}}
#define SANDBOX_GETSOCKOPT(level, name) \
	{SCMP_SYS(getsockopt), 2, {{1, level}, {2, name}}}
#define SANDBOX_CALL(name) {SCMP_SYS(name), 0, {{0, 0}}}
/* clang-format on */

struct sandbox_policy {
	const struct sandbox_rule *rules;
	size_t rules_count;
	bool bare; /* for a program that allocates nothing and polls: see below */
};

/*
 * Sets no_new_privs and loads the policy together with the calls that any of our event
 * loops needs (memory without PROT_EXEC, clocks, waiting, signal return, exit, write to
 * standard error, getrandom); with a bare one only ppoll, clock_gettime, close, signal
 * return, exit and write to standard error. There is no way back. Returns 0
 * or -errno; a program that cannot enter its sandbox must not go on. Compiled out
 * (returns 0) only in the sanitizer and valgrind variants, whose run-time needs calls
 * of its own.
 */
int sandbox_enter(const struct sandbox_policy *policy);

#endif
