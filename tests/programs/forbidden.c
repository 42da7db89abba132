/*
 * System calls inside and outside of our sandboxes, for tests/functional/
 * test_sandbox.py: each in a child of its own, which first enters the very policy that
 * the program in question enters.
 *
 *   forbidden none|names|privsep|udp|ping|tcp|udplite|udp-raw|ping-raw|tcp-raw
 *
 * Those from udp on are the prober's policy for that transport.
 *
 * One line a call: name, "allowed" or "forbidden" (in that policy), and what came of
 * it: "returned ERRNO" (0: success) or "signal NUMBER".
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/in6.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/message.h"
#include "common/prober_messages.h"
#include "common/sandbox.h"
#include "privsep/privsep.h"
#include "prober/sandbox_policy.h"
#include "tools/names/sandbox_policy.h"

#define NO_SUCH "/nonexistent/paris"
#define DATAGRAM (SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC)
#define X32_BIT 0x40000000

enum policy {
	NONE = 0,
	NAMES = 1,
	UDP = 2,
	PING = 4,
	TCP = 8,
	LITE = 16,
	HELPER = 32,
	RAW = 64,
	RAW_TCP = 128,
	PROBER = UDP | PING | TCP | LITE | RAW | RAW_TCP,
	BOTH = PROBER | NAMES,
	ALL = BOTH | HELPER
};

static const struct {
	const char *name;
	enum policy policy;
	uint32_t transport; /* of the prober */
} policies[] = {
    {"none", NONE, 0},
    {"names", NAMES, 0},
    {"privsep", HELPER, 0},
    {"udp", UDP, 1U << TRANSPORT_UDP},
    {"ping", PING, 1U << TRANSPORT_PING},
    {"tcp", TCP, 1U << TRANSPORT_TCP},
    {"udplite", LITE, 1U << TRANSPORT_UDPLITE},
    {"udp-raw", RAW, 1U << TRANSPORT_UDP_RAW},
    {"ping-raw", RAW, 1U << TRANSPORT_PING_RAW},
    {"tcp-raw", RAW_TCP, 1U << TRANSPORT_TCP_RAW},
};

#define POLICIES (sizeof(policies) / sizeof(policies[0]))

/* A UDP socket and a page, made before the sandbox is entered. */
static int udp;
static int other_process;
static char *page;

/* ---- the calls: each returns as the system call does ---- */

#define CALL(name, expression) \
	static long call_##name(void) \
	{ \
		return (long)(expression); \
	}

static struct sockaddr_in nowhere = {.sin_family = AF_INET};
static int on = 1;
static char byte;
static struct iovec part = {&byte, 1};
static struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
static struct mmsghdr messages;

static long
option(int level, int name)
{
	return setsockopt(udp, level, name, &on, sizeof(on));
}

static long
new_socket(int family, int type, int protocol)
{
	return syscall(SYS_socket, family, type, protocol);
}

static long
map(int protection)
{
	/* -1 is what an anonymous mapping has for a file; it goes with the process. */
	// cppcheck-suppress invalidFunctionArg
	void *at = mmap(NULL, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	// cppcheck-suppress memleak
	return at == MAP_FAILED ? -1 : 0;
}

static long
fork_here(long number)
{
	long pid = syscall(number, SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return pid;
}

static long
call_32_bit(void)
{
#ifdef __x86_64__
	long result;

	/* getpid of the 32-bit table */
	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(20L)
			 : "memory", "r8", "r9", "r10", "r11");
	if (result < 0 && result > -4096) {
		errno = (int)-result;
		return -1;
	}
	return 0;
#else
	errno = ENOSYS;
	return -1;
#endif
}

CALL(openat, openat(AT_FDCWD, "/dev/null", O_RDONLY))
#ifdef SYS_open
CALL(open, syscall(SYS_open, "/dev/null", O_RDONLY))
CALL(unlink, syscall(SYS_unlink, NO_SUCH))
CALL(fork, fork_here(SYS_fork))
CALL(getdents, syscall(SYS_getdents, 0, page, 100))
CALL(getpgrp, syscall(SYS_getpgrp))
#endif
CALL(creat, syscall(SYS_openat, AT_FDCWD, NO_SUCH, O_CREAT | O_WRONLY, 0600))
CALL(execve, execve(NO_SUCH, (char *[]){NULL}, (char *[]){NULL}))
CALL(execveat, syscall(SYS_execveat, -1, NO_SUCH, NULL, NULL, 0))
CALL(clone, fork_here(SYS_clone))
CALL(clone3, syscall(SYS_clone3, NULL, 0))
CALL(unshare, unshare(0))
CALL(ptrace, ptrace(PTRACE_TRACEME, 0, NULL, NULL))
CALL(kill_self, kill(getpid(), 0))
CALL(kill_other, kill(other_process, 0))
CALL(tgkill_other, syscall(SYS_tgkill, other_process, other_process, 0))
CALL(tkill, syscall(SYS_tkill, getpid(), 0))
CALL(prctl, prctl(PR_GET_DUMPABLE, 0, 0, 0, 0))
CALL(prctl_dumpable, prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))
CALL(unlinkat, unlinkat(AT_FDCWD, NO_SUCH, 0))
CALL(mkdirat, mkdirat(AT_FDCWD, NO_SUCH, 0700))
CALL(rename, syscall(SYS_renameat2, AT_FDCWD, NO_SUCH, AT_FDCWD, NO_SUCH, 0))
CALL(getdents64, syscall(SYS_getdents64, 0, page, 100))
CALL(chdir, chdir(NO_SUCH))
CALL(chroot, chroot(NO_SUCH))
CALL(mount, mount(NO_SUCH, NO_SUCH, NULL, 0, NULL))
CALL(setuid, syscall(SYS_setuid, getuid()))
CALL(setresgid, syscall(SYS_setresgid, -1, -1, -1))
CALL(capset, syscall(SYS_capset, NULL, NULL))
CALL(process_vm_readv, process_vm_readv(other_process, &part, 1, &part, 1, 0))
CALL(process_vm_writev, process_vm_writev(other_process, &part, 1, &part, 1, 0))
CALL(bpf, syscall(SYS_bpf, -1, NULL, 0))
CALL(io_uring_setup, syscall(SYS_io_uring_setup, 0, NULL))
CALL(perf_event_open, syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0))
CALL(userfaultfd, syscall(SYS_userfaultfd, -1))
CALL(memfd_create, syscall(SYS_memfd_create, "x", 0))
CALL(pidfd_open, syscall(SYS_pidfd_open, other_process, 0))
CALL(pidfd_getfd, syscall(SYS_pidfd_getfd, -1, 0, 0))
CALL(keyctl, syscall(SYS_keyctl, -1, 0, 0, 0, 0))
CALL(seccomp, syscall(SYS_seccomp, -1, 0, NULL))
CALL(prlimit, syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, NULL))
CALL(setrlimit, syscall(SYS_prlimit64, other_process, RLIMIT_NOFILE, NULL, NULL))
CALL(tiocsti, ioctl(0, TIOCSTI, &byte))
CALL(ioctl, ioctl(udp, FIONREAD, &on))
CALL(fcntl, fcntl(udp, F_GETFL))
CALL(dup2, dup2(2, 9))
CALL(dup, dup(2))
CALL(socketpair, socketpair(AF_UNIX, SOCK_DGRAM, 0, (int[2]){0}))
CALL(pipe2, pipe2((int[2]){0}, 0))
CALL(listen, listen(udp, 1))
CALL(accept4, accept4(udp, NULL, NULL, 0))
CALL(shutdown, shutdown(-1, 0))
CALL(read_stdin, read(0, &byte, 1))
CALL(write_stdout, syscall(SYS_write, 1, &byte, 0))
CALL(writev_stdout, writev(1, &part, 0))
CALL(write_udp, syscall(SYS_write, udp, &byte, 0))
CALL(sendto, sendto(udp, &byte, 1, 0, (struct sockaddr *)&nowhere, sizeof(nowhere)))
CALL(recvfrom_peek, recvfrom(udp, &byte, 1, MSG_DONTWAIT | MSG_PEEK, NULL, NULL))
CALL(sendmsg_plain, sendmsg(udp, &message, 0))
CALL(sendmsg_oob, sendmsg(udp, &message, MSG_OOB))
/* On a TCP socket this is a connect(2). */
CALL(sendmsg_fastopen, sendmsg(udp, &message, MSG_FASTOPEN | MSG_DONTWAIT))
CALL(sendmsg_dontwait, sendmsg(udp, &message, MSG_DONTWAIT))
CALL(recvmsg, recvmsg(udp, &message, MSG_DONTWAIT))
CALL(kexec, syscall(SYS_kexec_load, 0, 0, NULL, -1L))
CALL(reboot, syscall(SYS_reboot, 0, 0, 0, NULL))
CALL(init_module, syscall(SYS_init_module, NULL, 0, NULL))
CALL(settimeofday, syscall(SYS_settimeofday, NULL, NULL))
CALL(personality, syscall(SYS_personality, 0xffffffffUL))
CALL(sysinfo, syscall(SYS_sysinfo, NULL))
CALL(mmap_exec, map(PROT_READ | PROT_EXEC))
CALL(mmap_all, map(PROT_READ | PROT_WRITE | PROT_EXEC))
CALL(mprotect_exec, mprotect(page, 4096, PROT_READ | PROT_EXEC))
CALL(mprotect_high, syscall(SYS_mprotect, page, 4096, PROT_GROWSDOWN | PROT_EXEC))
CALL(pkey_mprotect, syscall(SYS_pkey_mprotect, page, 4096, PROT_READ | PROT_EXEC, -1))
CALL(shmat, syscall(SYS_shmat, -1, NULL, 0))
CALL(x32_getpid, syscall(SYS_getpid | X32_BIT))

CALL(socket_packet, new_socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0))
CALL(socket_packet_dgram, new_socket(AF_PACKET, DATAGRAM, 0))
CALL(socket_unix, new_socket(AF_UNIX, DATAGRAM, 0))
CALL(socket_netlink, new_socket(AF_NETLINK, DATAGRAM, 0))
CALL(socket_raw, new_socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 1))
CALL(socket_raw6, new_socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 58))
CALL(socket_stream, new_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0))
CALL(
    socket_stream6, new_socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0))
CALL(socket_inherited, new_socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0))
CALL(socket_udplite, new_socket(AF_INET, DATAGRAM, IPPROTO_UDPLITE))
CALL(socket_ping, new_socket(AF_INET, DATAGRAM, IPPROTO_ICMP))
CALL(socket_ping6, new_socket(AF_INET6, DATAGRAM, IPPROTO_ICMPV6))
CALL(socket_udp, new_socket(AF_INET, DATAGRAM, 0))
CALL(socket_udp6, new_socket(AF_INET6, DATAGRAM, 0))

CALL(option_hdrincl, option(IPPROTO_IP, IP_HDRINCL))
CALL(option_transparent, option(IPPROTO_IP, IP_TRANSPARENT))
CALL(option_freebind, option(IPPROTO_IP, IP_FREEBIND))
CALL(option_options, option(IPPROTO_IP, IP_OPTIONS))
CALL(option_mark, option(SOL_SOCKET, SO_MARK))
CALL(option_reuse, option(SOL_SOCKET, SO_REUSEADDR))
CALL(option_broadcast, option(SOL_SOCKET, SO_BROADCAST))
CALL(option_filter, option(SOL_SOCKET, SO_ATTACH_FILTER))
CALL(option_rcvbufforce, option(SOL_SOCKET, SO_RCVBUFFORCE))
CALL(option_rcvbuf, option(SOL_SOCKET, SO_RCVBUF))
CALL(option_ttl, option(IPPROTO_IP, IP_TTL))
CALL(getsockopt_tcp_info,
    getsockopt(udp, IPPROTO_TCP, TCP_INFO, &on, &(socklen_t){sizeof(on)}))
CALL(option_recverr, option(IPPROTO_IP, IP_RECVERR))
CALL(option_timestamping, option(SOL_SOCKET, SO_TIMESTAMPING))
CALL(getsockopt_error,
    getsockopt(udp, SOL_SOCKET, SO_ERROR, &on, &(socklen_t){sizeof(on)}))
CALL(getsockopt_type,
    getsockopt(udp, SOL_SOCKET, SO_TYPE, &on, &(socklen_t){sizeof(on)}))
CALL(bind, bind(udp, (struct sockaddr *)&nowhere, sizeof(nowhere)))
CALL(connect, connect(udp, (struct sockaddr *)&nowhere, sizeof(nowhere)))
CALL(getsockname,
    getsockname(udp, (struct sockaddr *)&nowhere, &(socklen_t){sizeof(nowhere)}))
CALL(getpeername,
    getpeername(udp, (struct sockaddr *)&nowhere, &(socklen_t){sizeof(nowhere)}))
CALL(sendmmsg_udp, sendmmsg(udp, &messages, 0, MSG_DONTWAIT))
CALL(recvmmsg_udp, recvmmsg(udp, &messages, 1, MSG_DONTWAIT, NULL))
CALL(sendmmsg_channel, sendmmsg(MESSAGE_CHILD_FD, &messages, 0, MSG_DONTWAIT))
CALL(recvmmsg_channel, recvmmsg(MESSAGE_CHILD_FD, &messages, 0, MSG_DONTWAIT, NULL))
CALL(sendto_channel, sendto(MESSAGE_CHILD_FD, &byte, 1, MSG_DONTWAIT, NULL, 0))
CALL(recvfrom_channel, recvfrom(MESSAGE_CHILD_FD, &byte, 1, MSG_DONTWAIT, NULL, NULL))
CALL(sendmsg_channel, sendmsg(MESSAGE_CHILD_FD, &message, MSG_DONTWAIT))
CALL(recvmsg_channel, recvmsg(MESSAGE_CHILD_FD, &message, MSG_DONTWAIT))
CALL(write_channel, syscall(SYS_write, MESSAGE_CHILD_FD, &byte, 0))
CALL(sendmsg, sendmsg(udp, &message, MSG_NOSIGNAL))
CALL(sendmsg_sender, sendmsg(RAW_SENDER_FD, &message, MSG_DONTWAIT))
CALL(sendmsg_sender6, sendmsg(RAW_SENDER_FD + 1, &message, MSG_DONTWAIT))
CALL(sendmsg_receiver, sendmsg(RAW_SENDER_FD + 2, &message, MSG_DONTWAIT))
CALL(recvfrom, recvfrom(udp, &byte, 1, 0, NULL, NULL))

CALL(getpid, syscall(SYS_getpid))
CALL(clock, syscall(SYS_clock_gettime, CLOCK_MONOTONIC, page))
CALL(mmap, map(PROT_READ | PROT_WRITE))
CALL(mprotect, mprotect(page, 4096, PROT_READ))
CALL(brk, syscall(SYS_brk, 0) > 0 ? 0 : -1)
CALL(madvise, madvise(page, 4096, MADV_DONTNEED))
CALL(munmap, munmap(page, 4096))
CALL(write_stderr, syscall(SYS_write, 2, &byte, 0))
CALL(close, close(udp))
CALL(getrandom, syscall(SYS_getrandom, &byte, 1, 0))
CALL(ppoll, ppoll(NULL, 0, &(struct timespec){0, 0}, NULL))
CALL(tgkill_self, syscall(SYS_tgkill, getpid(), gettid(), 0))
/* The process ends with the call: nothing is lost. */
// cppcheck-suppress leakReturnValNotUsed
CALL(malloc, malloc((size_t)1 << 20) != NULL ? 0 : -1)
// cppcheck-suppress leakReturnValNotUsed
CALL(malloc_too_much, malloc(SIZE_MAX / 4) != NULL ? 0 : -1)

static long
call_abort(void)
{
	abort();
}

/* ---- the table ---- */

static const struct {
	const char *name;
	long (*call)(void);
	int allowed; /* the policies that allow it */
} calls[] = {
/* clang-format off */
#define ROW(name, allowed) {#name, call_##name, allowed},
#ifdef SYS_open
	ROW(open, NONE)
	ROW(unlink, NONE)
	ROW(fork, NONE)
	ROW(getdents, NONE)
	ROW(getpgrp, NONE)
#endif
	ROW(openat, NONE)
	ROW(creat, NONE)
	ROW(execve, NONE)
	ROW(execveat, NONE)
	ROW(clone, NONE)
	ROW(clone3, NONE)
	ROW(unshare, NONE)
	ROW(ptrace, NONE)
	ROW(kill_self, NONE)
	ROW(kill_other, NONE)
	ROW(tgkill_other, NONE)
	ROW(tkill, NONE)
	ROW(prctl, NONE)
	ROW(prctl_dumpable, NONE)
	ROW(unlinkat, NONE)
	ROW(mkdirat, NONE)
	ROW(rename, NONE)
	ROW(getdents64, NONE)
	ROW(chdir, NONE)
	ROW(chroot, NONE)
	ROW(mount, NONE)
	ROW(setuid, NONE)
	ROW(setresgid, NONE)
	ROW(capset, NONE)
	ROW(process_vm_readv, NONE)
	ROW(process_vm_writev, NONE)
	ROW(bpf, NONE)
	ROW(io_uring_setup, NONE)
	ROW(perf_event_open, NONE)
	ROW(userfaultfd, NONE)
	ROW(memfd_create, NONE)
	ROW(pidfd_open, NONE)
	ROW(pidfd_getfd, NONE)
	ROW(keyctl, NONE)
	ROW(seccomp, NONE)
	ROW(prlimit, NONE)
	ROW(setrlimit, NONE)
	ROW(tiocsti, NONE)
	ROW(ioctl, NONE)
	ROW(fcntl, NONE)
	ROW(dup2, NONE)
	ROW(dup, NONE)
	ROW(socketpair, NONE)
	ROW(pipe2, NONE)
	ROW(listen, NONE)
	ROW(accept4, NONE)
	ROW(shutdown, NONE)
	ROW(read_stdin, NONE)
	ROW(write_stdout, NONE)
	ROW(writev_stdout, NONE)
	ROW(write_udp, NONE)
	ROW(sendto, NONE)
	ROW(recvfrom_peek, NONE)
	ROW(sendmsg_plain, NONE)
	ROW(sendmsg_oob, NONE)
	ROW(sendmsg_fastopen, NONE)
	ROW(recvmsg, NONE)
	ROW(kexec, NONE)
	ROW(reboot, NONE)
	ROW(init_module, NONE)
	ROW(settimeofday, NONE)
	ROW(personality, NONE)
	ROW(sysinfo, NONE)
	ROW(mmap_exec, NONE)
	ROW(mmap_all, NONE)
	ROW(mprotect_exec, NONE)
	ROW(mprotect_high, NONE)
	ROW(pkey_mprotect, NONE)
	ROW(shmat, NONE)
	ROW(x32_getpid, NONE)
	{"32_bit", call_32_bit, NONE},

	ROW(socket_packet, NONE)
	ROW(socket_packet_dgram, NONE)
	ROW(socket_unix, NONE)
	ROW(socket_netlink, NONE)
	ROW(socket_raw, NONE)
	ROW(socket_raw6, NONE)
	ROW(socket_stream, NAMES | TCP | HELPER | RAW_TCP)
	ROW(socket_stream6, NAMES | TCP | HELPER | RAW_TCP)
	ROW(socket_inherited, NONE)
	ROW(socket_udplite, LITE)
	ROW(socket_ping, PING)
	ROW(socket_ping6, PING)
	ROW(socket_udp, ALL)
	ROW(socket_udp6, ALL)

	ROW(option_hdrincl, NONE)
	ROW(option_transparent, NONE)
	ROW(option_freebind, NONE)
	ROW(option_options, NONE)
	ROW(option_mark, NONE)
	ROW(option_reuse, TCP)
	ROW(option_ttl, TCP)
	ROW(option_broadcast, NONE)
	ROW(option_filter, NONE)
	ROW(option_rcvbufforce, NONE)
	ROW(option_rcvbuf, ALL)
	ROW(option_recverr, PROBER)
	ROW(option_timestamping, PROBER | HELPER)

	ROW(getsockopt_error, PROBER)
	ROW(getsockopt_tcp_info, TCP)
	ROW(getsockopt_type, NONE)

	ROW(bind, PROBER | HELPER)
	ROW(connect, BOTH)
	ROW(getsockname, PROBER)
	ROW(getpeername, NONE)
	ROW(sendmmsg_udp, PROBER)
	ROW(recvmmsg_udp, PROBER | HELPER)
	ROW(sendmmsg_channel, BOTH)
	ROW(recvmmsg_channel, BOTH)
	ROW(sendto_channel, HELPER)
	ROW(recvfrom_channel, HELPER)
	ROW(sendmsg_channel, NONE)
	ROW(recvmsg_channel, NONE)
	ROW(write_channel, NONE)
	ROW(sendmsg, NAMES)
	ROW(sendmsg_dontwait, HELPER)
	ROW(sendmsg_sender, HELPER | RAW | RAW_TCP)
	ROW(sendmsg_sender6, HELPER | RAW | RAW_TCP)
	ROW(sendmsg_receiver, HELPER)
	ROW(recvfrom, NAMES)

	ROW(getpid, BOTH)
	ROW(clock, ALL)
	ROW(mmap, BOTH)
	ROW(mprotect, BOTH)
	ROW(brk, BOTH)
	ROW(madvise, BOTH)
	ROW(munmap, BOTH)
	ROW(write_stderr, ALL)
	ROW(close, ALL)
	ROW(getrandom, ALL)
	ROW(ppoll, ALL)
	ROW(tgkill_self, BOTH)
	ROW(malloc, BOTH)
	ROW(malloc_too_much, BOTH)
	ROW(abort, BOTH)
    /* clang-format on */
};

/* ---- running them ---- */

/* In the child: enters the policy, makes the call, and exits with its errno. */
static void
make_call(size_t policy, long (*call)(void))
{
	struct sandbox_policy prober, helper;
	int error = 0;

	prober_sandbox_policy(policies[policy].transport, &prober);
	if ((policies[policy].policy & PROBER) != 0)
		error = sandbox_enter(&prober);
	else if (policies[policy].policy == NAMES)
		error = sandbox_enter(&names_sandbox_policy);
	else if (policies[policy].policy == HELPER) {
		sockets_sandbox(&helper);
		error = sandbox_enter(&helper);
	}
	if (error != 0) {
		fprintf(stderr, "forbidden: sandbox_enter: %s\n", strerror(-error));
		_exit(255);
	}
	errno = 0;
	error = call() < 0 ? errno : 0;
	_exit(error < 255 ? error : 254);
}

static int
try_call(size_t policy, size_t number)
{
	int allowed = calls[number].allowed & (int)policies[policy].policy;
	const char *expected = allowed != 0 ? "allowed" : "forbidden";
	pid_t pid;
	int status;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		make_call(policy, calls[number].call);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -errno;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 255)
		return -EINVAL;
	printf("%s %s %s %d\n", calls[number].name, expected,
	    WIFSIGNALED(status) ? "signal" : "returned",
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return 0;
}

int
main(int argc, char **argv)
{
	const struct rlimit no_core = {0, 0};
	size_t policy = 0;
	int error = 0;

	while (policy < POLICIES &&
	       (argc != 2 || strcmp(argv[1], policies[policy].name) != 0))
		policy++;
	if (policy == POLICIES)
		return 2;
	/* Not at the number of the channel, which policies name. */
	udp = fcntl(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), F_DUPFD, 20);
	page = mmap(
	    // cppcheck-suppress invalidFunctionArg
	    NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (udp < 0 || page == MAP_FAILED || setrlimit(RLIMIT_CORE, &no_core) != 0)
		return 3;
	other_process = getppid();
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]) && error == 0; i++)
		error = try_call(policy, i);
	return error == 0 ? 0 : 3;
}
