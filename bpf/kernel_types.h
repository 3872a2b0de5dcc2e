/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * The few kernel structures that the programs touch, with the few fields they
 * read. libbpf relocates every access to the running kernel (CO-RE), so order
 * and size here mean nothing. No vmlinux.h: this builds where there is no BTF.
 */
#ifndef TRACELET_BPF_KERNEL_TYPES_H
#define TRACELET_BPF_KERNEL_TYPES_H

#include <linux/types.h>
#include <stdbool.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

#if defined(__TARGET_ARCH_x86)
/* arch/x86/include/asm/ptrace.h. At sys_exit the argument registers still hold
 * the arguments: the entry code saves them and restores only ax. */
struct pt_regs {
	unsigned long di, si, dx, r10, r8, r9, orig_ax, ax;
	unsigned long bx, cx, r14, ip, bp, sp; /* for Go */
};

struct thread_struct {
	unsigned long fsbase;
};
#elif defined(__TARGET_ARCH_arm64)
/* arch/arm64/include/asm/ptrace.h: x0 is the result by then, orig_x0 keeps the argument. */
struct pt_regs {
	unsigned long long regs[31];
	unsigned long long sp, pc;
	unsigned long long orig_x0;
	int syscallno;
};
#endif

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	atomic_t live;
};

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

struct nsproxy {
	struct net *net_ns;
};

struct file;

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct thread_info {
	unsigned int status; /* x86: TS_COMPAT */
};

struct mm_struct {
	unsigned long arg_start;
	unsigned long arg_end;
};

struct sched_entity {
	__u64 sum_exec_runtime;
};

struct sched_info {
	unsigned long long run_delay; /* with CONFIG_SCHED_INFO, as distributions have it */
};

struct task_struct {
	struct thread_info thread_info;
	int pid;
	int tgid;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	__u64 start_time; /* CLOCK_MONOTONIC at fork, kernel/fork.c copy_process() */
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	int exit_code; /* as wait() gives it; set before sched_process_exit, kernel/exit.c do_exit() */
	struct mm_struct *mm;
#if defined(__TARGET_ARCH_x86)
	struct thread_struct thread;
#endif
	char comm[16];
	struct sched_entity se;
	struct sched_info sched_info;
	unsigned long nvcsw; /* voluntary context switches: how often it slept */
};

struct super_block {
	unsigned long s_magic;
};

struct inode {
	__u16 i_mode;
	struct super_block *i_sb;
	unsigned long i_ino;
};

struct qstr {
	const unsigned char *name;
};

struct dentry {
	struct qstr d_name;
};

struct path {
	struct dentry *dentry;
};

struct file {
	struct path f_path;
	struct inode *f_inode;
	unsigned int f_flags;
	void *private_data; /* of a socket: struct socket */
};

struct socket {
	short type;
	struct file *file;
	struct sock *sk;
};

struct in6_addr {
	__u8 bytes[16];
};

typedef struct {
	struct net *net;
} possible_net_t;

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct sk_buff_head {
	__u32 qlen;
};

struct sock {
	struct sock_common __sk_common;
	struct sk_buff_head sk_receive_queue;
	__u16 sk_protocol;
	__u16 sk_type;
	int sk_err;
	struct socket *sk_socket;
};

struct tcp_sock {
	__u32 copied_seq; /* next byte that the application reads */
	__u32 rcv_nxt;
	__u32 write_seq; /* next byte that the application writes */
	__u32 snd_una;
	__u64 bytes_acked;
	__u64 bytes_received;
};

struct sockaddr_un {
	__u16 sun_family;
	char sun_path[108];
};

struct unix_address {
	int len;
	struct sockaddr_un name[0];
};

struct unix_sock {
	struct unix_address *addr;
	struct sock *peer;
};

struct linux_binprm {
	const char *interp;
};

#pragma clang attribute pop

/* Kernel constants that are not in BTF. */
#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_TCP 6
#define SOCK_STREAM 1
#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define S_IFREG 0100000
#define O_NONBLOCK 04000
#define TS_COMPAT 0x0002 /* arch/x86/include/asm/thread_info.h */
enum {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT = 2,
	TCP_SYN_RECV = 3,
	TCP_FIN_WAIT1 = 4,
	TCP_FIN_WAIT2 = 5,
	TCP_TIME_WAIT = 6,
	TCP_CLOSE = 7,
	TCP_CLOSE_WAIT = 8,
	TCP_LAST_ACK = 9,
	TCP_LISTEN = 10,
	TCP_CLOSING = 11
}; /* include/net/tcp_states.h */
/* include/linux/socket.h */
#define MSG_OOB 0x01
#define MSG_PEEK 0x02
#define MSG_TRUNC 0x20
#define MSG_DONTWAIT 0x40
#define MSG_ERRQUEUE 0x2000

#endif /* TRACELET_BPF_KERNEL_TYPES_H */
