/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Which system calls matter and how their arguments lie in pt_regs. */
#ifndef TRACELET_BPF_SYSCALLS_H
#define TRACELET_BPF_SYSCALLS_H

#include "kernel_types.h"
#include <asm/unistd.h>

/* What a system call does, and how: bits, because each is tested on the way of every call. */
enum syscall_traits {
	SYSCALL_MOVES = 1 << 0, /* bytes: (fd, buffer, size, ...), sends unless it RECEIVES */
	SYSCALL_CONNECT = 1 << 1,
	SYSCALL_ACCEPT = 1 << 2,
	SYSCALL_POLL = 1 << 3,	 /* (pollfd, count, ...) */
	SYSCALL_SELECT = 1 << 4, /* (count, ...) */
	SYSCALL_WAIT = 1 << 5,	 /* an event loop's wait, whatever its arguments */
	SYSCALL_WAITS = SYSCALL_POLL | SYSCALL_SELECT | SYSCALL_WAIT,

	MOVES_RECEIVES = 1 << 6,
	MOVES_FLAGS_2 = 1 << 7,	  /* argument 2 is MSG_* */
	MOVES_FLAGS_3 = 1 << 8,	  /* argument 3 is MSG_* */
	MOVES_IOVEC = 1 << 9,	  /* (fd, iovec, count) */
	MOVES_MESSAGE = 1 << 10,  /* (fd, msghdr) */
	MOVES_MESSAGES = 1 << 11, /* (fd, mmsghdr, count), returns messages */
	MOVES_FILE = 1 << 12,	  /* (out, in, ...), between descriptors */
	MOVES_PIPE = 1 << 13,	  /* (in, offset, out, ...), likewise */

	SYSCALL_SOCKOPT = 1 << 14, /* (fd, level, name, ...) */
	SYSCALL_SHUTDOWN = 1 << 15,
	SYSCALL_RING = 1 << 16,	 /* io_uring_setup(entries, params) */
	SYSCALL_MAP = 1 << 17,	 /* (address, length, protection, flags, fd, ...) */
	SYSCALL_PEER = 1 << 19,	 /* getpeername(fd, ...) */
	SYSCALL_FUTEX = 1 << 20, /* (address, operation, value, timeout) */
	SYSCALL_EPOLL = 1 << 21, /* argument 3 is how long to wait, in ms */
	MOVES_ADDRESS = 1 << 18, /* argument 4 is where to, for datagrams */
	SYSCALL_ANY_RESULT = SYSCALL_WAITS | SYSCALL_CONNECT |
			     SYSCALL_FUTEX, /* of interest when they fail, too */

	MOVES_NO_BUFFER = MOVES_FILE | MOVES_PIPE,
	MOVES_NOT_PLAIN = MOVES_IOVEC | MOVES_MESSAGE | MOVES_NO_BUFFER,
	SYSCALL_RECEIVES = SYSCALL_MOVES | MOVES_RECEIVES,
};

#define SYSCALL_TABLE_SIZE 512 /* a power of two above the largest number used here */

/* A table in .rodata, because a switch over sparse numbers compiles to a chain of compares. */
static const __u32 syscall_traits[SYSCALL_TABLE_SIZE] = {
	[__NR_read] = SYSCALL_RECEIVES,
	[__NR_write] = SYSCALL_MOVES,
	[__NR_readv] = SYSCALL_RECEIVES | MOVES_IOVEC,
	[__NR_writev] = SYSCALL_MOVES | MOVES_IOVEC,
	[__NR_recvfrom] = SYSCALL_RECEIVES | MOVES_FLAGS_3,
	[__NR_sendto] = SYSCALL_MOVES | MOVES_FLAGS_3 | MOVES_ADDRESS,
	[__NR_recvmsg] = SYSCALL_RECEIVES | MOVES_MESSAGE | MOVES_FLAGS_2,
	[__NR_sendmsg] = SYSCALL_MOVES | MOVES_MESSAGE | MOVES_FLAGS_2,
	[__NR_recvmmsg] = SYSCALL_RECEIVES | MOVES_MESSAGES | MOVES_FLAGS_3,
	[__NR_sendmmsg] = SYSCALL_MOVES | MOVES_MESSAGES | MOVES_FLAGS_3,
	[__NR_sendfile] = SYSCALL_MOVES | MOVES_FILE,
	[__NR_splice] = SYSCALL_MOVES | MOVES_PIPE,
	[__NR_connect] = SYSCALL_CONNECT,
	[__NR_io_uring_setup] = SYSCALL_RING,
	[__NR_futex] = SYSCALL_FUTEX,
	[__NR_mmap] = SYSCALL_MAP,
	[__NR_getsockopt] = SYSCALL_SOCKOPT,
	[__NR_getpeername] = SYSCALL_PEER,
	[__NR_shutdown] = SYSCALL_SHUTDOWN,
	[__NR_accept] = SYSCALL_ACCEPT,
	[__NR_accept4] = SYSCALL_ACCEPT,
	[__NR_ppoll] = SYSCALL_POLL,
	[__NR_pselect6] = SYSCALL_SELECT,
	[__NR_epoll_pwait] = SYSCALL_WAIT | SYSCALL_EPOLL,
	[__NR_epoll_pwait2] = SYSCALL_WAIT,
	[__NR_io_uring_enter] = SYSCALL_WAIT,
#ifdef __NR_poll /* not on arm64 */
	[__NR_poll] = SYSCALL_POLL,
	[__NR_select] = SYSCALL_SELECT,
	[__NR_epoll_wait] = SYSCALL_WAIT | SYSCALL_EPOLL,
#endif
};

#if defined(__TARGET_ARCH_x86)
static __always_inline __u32 syscall_number(struct pt_regs *regs)
{
	return regs->orig_ax;
}

static __always_inline __u64 syscall_arg(struct pt_regs *regs, int index)
{
	switch (index) {
	case 0:
		return regs->di;
	case 1:
		return regs->si;
	case 2:
		return regs->dx;
	default:
		return regs->r10;
	}
}

static __always_inline __u64 syscall_arg4(struct pt_regs *regs)
{
	return regs->r8;
}
#elif defined(__TARGET_ARCH_arm64)
static __always_inline __u32 syscall_number(struct pt_regs *regs)
{
	return regs->syscallno;
}

static __always_inline __u64 syscall_arg(struct pt_regs *regs, int index)
{
	return index == 0 ? regs->orig_x0 : regs->regs[index];
}

static __always_inline __u64 syscall_arg4(struct pt_regs *regs)
{
	return regs->regs[4];
}
#endif

/* User space ABI of 64-bit tasks: struct iovec, user_msghdr, mmsghdr, pollfd (include/uapi/linux). */
struct user_iovec {
	__u64 base;
	__u64 length;
};

struct user_message {
	__u64 name;
	__u64 name_length;
	__u64 iov;
	__u64 iov_count;
	__u64 control;
	__u64 control_length;
	__u64 flags;
};

struct user_mmessage {
	struct user_message message;
	__u32 length;
	__u32 pad;
};

#define POLLIN 1 /* include/uapi/asm-generic/poll.h */

struct user_pollfd {
	__s32 fd;
	__s16 events;
	__s16 revents;
};

#endif /* TRACELET_BPF_SYSCALLS_H */
