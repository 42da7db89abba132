#include "common/sandbox.h"

#include <errno.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#ifndef PARIS_NO_SANDBOX

/* Calls without an argument worth checking that every one of our loops makes. */
static const int bare_calls[] = {
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_gettime64), /* 32-bit machines; libseccomp leaves out what is not */
    SCMP_SYS(close),
    SCMP_SYS(exit_group),
    SCMP_SYS(ppoll),
    SCMP_SYS(ppoll_time64),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(rt_sigreturn),
};

/* And those of most. */
static const int common_calls[] = {
    SCMP_SYS(brk),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_pwait2),
    SCMP_SYS(exit),
    SCMP_SYS(futex),
    SCMP_SYS(futex_time64),
    SCMP_SYS(getpid),
    SCMP_SYS(getrandom),
    SCMP_SYS(gettid),
    SCMP_SYS(madvise),
    SCMP_SYS(mremap),
    SCMP_SYS(munmap),
    SCMP_SYS(rt_sigprocmask),
};

/* A rule's comparison: all 64 bits equal a value of 32, so nothing above them passes.
 */
static struct scmp_arg_cmp
equals(unsigned int argument, uint32_t value)
{
	return (struct scmp_arg_cmp){
	    .arg = argument, .op = SCMP_CMP_EQ, .datum_a = value, .datum_b = 0};
}

/* Memory may be mapped and protected in every way but executable. */
static int
allow_memory(scmp_filter_ctx filter)
{
	static const int calls[] = {
	    SCMP_SYS(mmap), SCMP_SYS(mmap2), SCMP_SYS(mprotect)};
	static const uint32_t protections[] = {
	    PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE};
	int error = 0;

	for (size_t i = 0; i < 3; i++)
		for (size_t j = 0; j < 3 && error == 0; j++)
			error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 1,
			    equals(2, protections[j]));
	return error;
}

/* What abort(3) does: a signal to ourselves, no other process's. */
static int
allow_abort(scmp_filter_ctx filter)
{
	return seccomp_rule_add(
	    filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, equals(0, (uint32_t)getpid()));
}

static int
allow_calls(scmp_filter_ctx filter, const int *calls, size_t count)
{
	int error = 0;

	for (size_t i = 0; i < count && error == 0; i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
	return error;
}

static int
allow_bare(scmp_filter_ctx filter)
{
	int error =
	    allow_calls(filter, bare_calls, sizeof(bare_calls) / sizeof(bare_calls[0]));

	if (error == 0)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(write), 1,
		    equals(0, STDERR_FILENO));
	return error;
}

static int
allow_common(scmp_filter_ctx filter)
{
	int error = allow_calls(
	    filter, common_calls, sizeof(common_calls) / sizeof(common_calls[0]));

	if (error == 0)
		error = allow_memory(filter);
	if (error == 0)
		error = allow_abort(filter);
	/* glibc's last words before it aborts. */
	if (error == 0)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(writev), 1,
		    equals(0, STDERR_FILENO));
	return error;
}

static int
allow_rule(scmp_filter_ctx filter, const struct sandbox_rule *rule)
{
	struct scmp_arg_cmp compare[SANDBOX_MATCHES_MAX];

	if (rule->matches_count > SANDBOX_MATCHES_MAX)
		return -EINVAL;
	for (unsigned int i = 0; i < rule->matches_count; i++)
		compare[i] = SCMP_CMP32(
		    rule->matches[i].argument, SCMP_CMP_EQ, rule->matches[i].value);
	return seccomp_rule_add_array(
	    filter, SCMP_ACT_ALLOW, rule->call, rule->matches_count, compare);
}

int
sandbox_enter(const struct sandbox_policy *policy)
{
	scmp_filter_ctx filter;
	int error;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -errno;
	filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (filter == NULL)
		return -ENOMEM;
	error =
	    seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (error == 0)
		error = allow_bare(filter);
	if (error == 0 && !policy->bare)
		error = allow_common(filter);
	for (size_t i = 0; error == 0 && i < policy->rules_count; i++)
		error = allow_rule(filter, &policy->rules[i]);
	if (error == 0)
		error = seccomp_load(filter);
	seccomp_release(filter);
	return error;
}

#else

int
sandbox_enter(const struct sandbox_policy *policy)
{
	(void)policy;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ? -errno : 0;
}

#endif
