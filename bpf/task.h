/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* The current thread: who it is, its descriptors, its evidence. */
#ifndef TRACELET_BPF_TASK_H
#define TRACELET_BPF_TASK_H

#include "conns.h"
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

/* A thread for as long as the machine runs, though its number may be used again; never 0. */
static __always_inline __u64 thread_name(const struct thread_state *thread, __u32 tid)
{
	return (__u64)tid << 32 | thread->thread_start;
}

static __always_inline __u32 thread_first(__u32 tid)
{
	/* Fibonacci hashing: numbers that follow each other are spread evenly. */
	return tid * 2654435769U >> (32 - settings.thread_bits);
}

/* Where `tid` is, behind the first place; anywhere if it is nowhere. Global: see head.h. */
__weak __noinline __u32 thread_further(__u32 tid)
{
	__u32 index = thread_first(tid) + 1;

#pragma clang loop unroll(disable) /* each look-up is patched in: see ledger_add() */
	for (int way = 1; way < THREAD_WAYS; way++, index++) {
		struct thread_slot *slot = bpf_map_lookup_elem(&threads, &index);

		if (slot && slot->tid == tid)
			break;
	}
	return index;
}

/* NULL: it has none. A table of our own, in an array, because a look into a hash map takes 130 instructions. In a
 * function: see ledger_add(). */
static __noinline __attribute__((unused)) struct thread_slot *thread_slot(__u32 tid)
{
	__u32 index = thread_first(tid);
	struct thread_slot *slot = bpf_map_lookup_elem(&threads, &index);

	if (slot && slot->tid != tid) {
		index = thread_further(tid);
		slot = bpf_map_lookup_elem(&threads, &index);
	}
	return slot && slot->tid == tid ? slot : NULL;
}

static __always_inline struct thread_state *thread_find(__u32 tid)
{
	return (struct thread_state *)thread_slot(tid);
}

/* A place for a thread that has none: by itself, or before it runs. THREAD_NOWHERE: the table is full. */
#define THREAD_NOWHERE (~0U)
__weak __noinline __u32 thread_claim(__u32 tid)
{
	__u32 index = thread_first(tid);

#pragma clang loop unroll(disable) /* each look-up is patched in: see ledger_add() */
	for (int way = 0; way < THREAD_WAYS; way++, index++) {
		struct thread_slot *slot = bpf_map_lookup_elem(&threads, &index);

		if (slot && slot_claim(&slot->claims)) {
			__builtin_memset(&slot->state, 0, sizeof(slot->state));
			slot->tid = tid;
			return index;
		}
	}
	LEDGER_ADD(threads_full);
	return THREAD_NOWHERE;
}

/* In a function: see ledger_add(). */
static __noinline __attribute__((unused)) struct thread_state *thread_begin(__u32 tid)
{
	__u32 index = thread_claim(tid);

	return bpf_map_lookup_elem(&threads, &index);
}

static __always_inline void thread_end(__u32 tid)
{
	struct thread_slot *slot = thread_slot(tid);

	if (!slot)
		return;
	slot->tid = 0;
	__sync_fetch_and_add(&slot->claims, -1);
}

static __always_inline struct thread_state *task_born(__u32 tid)
{
	struct thread_state *thread;

	thread_end(tid);
	thread = thread_begin(tid);
	if (thread)
		thread->born = 1;
	return thread;
}

/* The thread's state, made on first use; NULL when the table is full. */
static __always_inline struct thread_state *task_thread(__u32 tid)
{
	struct thread_state *thread = thread_find(tid);

	if (!thread)
		thread = thread_begin(tid);
	if (thread &&
		!thread->tgid_start_ns) /* new, or made by the fork tracepoint in the parent */
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
