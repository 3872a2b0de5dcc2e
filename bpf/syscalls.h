/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Which system calls matter and how their arguments lie in pt_regs. */
#ifndef TRACELET_BPF_SYSCALLS_H
#define TRACELET_BPF_SYSCALLS_H

#include "kernel_types.h"
#include <asm/unistd.h>

enum syscall_class {
	SYSCALL_OTHER = 0,
	SYSCALL_READ, /* (fd, buffer, size) */
	SYSCALL_WRITE,
	SYSCALL_READV, /* (fd, iovec, count) */
	SYSCALL_WRITEV,
	SYSCALL_RECVFROM, /* (fd, buffer, size, flags) */
	SYSCALL_SENDTO,
	SYSCALL_RECVMSG, /* (fd, msghdr, flags) */
	SYSCALL_SENDMSG,
	SYSCALL_RECVMMSG, /* (fd, mmsghdr, count, flags), returns messages */
	SYSCALL_SENDMMSG,
	SYSCALL_SENDFILE, /* (out, in, ...) */
	SYSCALL_SPLICE,	  /* (in, offset, out, ...) */
	SYSCALL_CONNECT,
	SYSCALL_ACCEPT,
	SYSCALL_POLL,	/* (pollfd, count, ...) */
	SYSCALL_SELECT, /* (count, ...) */
	SYSCALL_WAIT,	/* an event loop's wait, whatever its arguments */
};

#define SYSCALL_TABLE_SIZE 512 /* a power of two above the largest number used here */

/* A table in .rodata, because a switch over sparse numbers compiles to a chain of compares. */
static const __u8 syscall_classes[SYSCALL_TABLE_SIZE] = {
	[__NR_read] = SYSCALL_READ,
	[__NR_write] = SYSCALL_WRITE,
	[__NR_readv] = SYSCALL_READV,
	[__NR_writev] = SYSCALL_WRITEV,
	[__NR_recvfrom] = SYSCALL_RECVFROM,
	[__NR_sendto] = SYSCALL_SENDTO,
	[__NR_recvmsg] = SYSCALL_RECVMSG,
	[__NR_sendmsg] = SYSCALL_SENDMSG,
	[__NR_recvmmsg] = SYSCALL_RECVMMSG,
	[__NR_sendmmsg] = SYSCALL_SENDMMSG,
	[__NR_sendfile] = SYSCALL_SENDFILE,
	[__NR_splice] = SYSCALL_SPLICE,
	[__NR_connect] = SYSCALL_CONNECT,
	[__NR_accept] = SYSCALL_ACCEPT,
	[__NR_accept4] = SYSCALL_ACCEPT,
	[__NR_ppoll] = SYSCALL_POLL,
	[__NR_pselect6] = SYSCALL_SELECT,
	[__NR_epoll_pwait] = SYSCALL_WAIT,
	[__NR_epoll_pwait2] = SYSCALL_WAIT,
	[__NR_io_uring_enter] = SYSCALL_WAIT,
#ifdef __NR_poll /* not on arm64 */
	[__NR_poll] = SYSCALL_POLL,
	[__NR_select] = SYSCALL_SELECT,
	[__NR_epoll_wait] = SYSCALL_WAIT,
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
#elif defined(__TARGET_ARCH_arm64)
static __always_inline __u32 syscall_number(struct pt_regs *regs)
{
	return regs->syscallno;
}

static __always_inline __u64 syscall_arg(struct pt_regs *regs, int index)
{
	return index == 0 ? regs->orig_x0 : regs->regs[index];
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

struct user_pollfd {
	__s32 fd;
	__s16 events;
	__s16 revents;
};

#endif /* TRACELET_BPF_SYSCALLS_H */
