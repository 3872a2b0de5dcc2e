/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* The current thread: who it is, its descriptors, its evidence. */
#ifndef TRACELET_BPF_TASK_H
#define TRACELET_BPF_TASK_H

#include "emit.h"
#include <bpf/bpf_core_read.h>

static __always_inline struct task_struct *task_current(void)
{
	return (struct task_struct *)bpf_get_current_task();
}

/* Since 5.11 the current task is a typed pointer: following it takes one instruction
 * where bpf_probe_read_kernel() takes 90. Known at load time; the other branch is dropped. */
#define TASK_IS_TYPED bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf)

static __always_inline bool task_is_compat(void)
{
#if defined(__TARGET_ARCH_x86)
	if (TASK_IS_TYPED)
		return bpf_get_current_task_btf()->thread_info.status & TS_COMPAT;
	return BPF_CORE_READ(task_current(), thread_info.status) & TS_COMPAT;
#else
	return false; /* arm64: 32-bit tasks have numbers below 512 too; not yet told apart */
#endif
}

/* The file behind a descriptor that the thread has just used successfully, so fd
 * is in bounds; if another thread closed it since, NULL or another file. A struct file *: global functions return
 * numbers. Global, so that the verifier looks at it once: for each step along typed pointers it goes
 * through all types of the kernel (6.12: seven million instructions). */
__weak __noinline __u64 task_file(__u32 fd)
{
	struct file **files;
	__u64 file = 0;

	if (TASK_IS_TYPED)
		files = bpf_get_current_task_btf()->files->fdt->fd;
	else
		files = BPF_CORE_READ(task_current(), files, fdt, fd);
	bpf_probe_read_kernel(&file, sizeof(file), files + fd);
	return file;
}

static __always_inline __u64 task_start(struct task_struct *task)
{
	return BPF_CORE_READ(task, group_leader, start_time);
}

static __always_inline void task_describe(struct task_struct *task, struct thread_state *thread)
{
	thread->tgid_start_ns = task_start(task);
	thread->thread_start = BPF_CORE_READ(task, start_time) >> 20;
	thread->cgroup_id = bpf_get_current_cgroup_id();
	thread->netns = BPF_CORE_READ(task, nsproxy, net_ns, ns.inum);
}

static const struct thread_state thread_unknown;
static const struct thread_state thread_newborn = { .born = 1 };

static __always_inline void task_born(__u32 tid)
{
	if (bpf_map_update_elem(&threads, &tid, &thread_newborn, BPF_ANY))
		LEDGER_ADD(threads_full);
}

/* The thread's state, made on first use; NULL when the table is full. */
static __always_inline struct thread_state *task_thread(__u32 tid)
{
	struct thread_state *thread = bpf_map_lookup_elem(&threads, &tid);

	if (!thread) {
		bpf_map_update_elem(&threads, &tid, &thread_unknown, BPF_NOEXIST);
		thread = bpf_map_lookup_elem(&threads, &tid);
	}
	if (!thread)
		LEDGER_ADD(threads_full);
	else if (!thread->tgid_start_ns) /* new, or made by the fork tracepoint in the parent */
		task_describe(task_current(), thread);
	return thread;
}

/* What all events of one system call share. */
struct frame {
	struct thread_state *thread;
	__u64 pid_tgid;
	__u32 cpu;
	__u32 pad;
};

static __always_inline bool frame_init(struct frame *frame)
{
	frame->pid_tgid = bpf_get_current_pid_tgid();
	frame->cpu = bpf_get_smp_processor_id();
	frame->thread = task_thread(frame->pid_tgid);
	return frame->thread;
}

static __always_inline void frame_header(const struct frame *frame, struct event_header *header)
{
	header->tgid = frame->pid_tgid >> 32;
	header->tid = frame->pid_tgid;
	header->tgid_start_ns = frame->thread->tgid_start_ns;
	header->cgroup_id = frame->thread->cgroup_id;
	header->netns = frame->thread->netns;
	header->thread_start = frame->thread->thread_start;
}

#endif /* TRACELET_BPF_TASK_H */
