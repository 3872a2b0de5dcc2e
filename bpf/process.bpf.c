// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * Threads and processes: born by fork, renamed by exec, gone by exit. Keeps
 * `threads` and `processes` free of the dead and lets a selected process tree
 * grow. All three tracepoints since 2.6.x, include/trace/events/sched.h.
 */
#include "filter.h"
#include "task.h"
#include <bpf/bpf_tracing.h>

/* Its memory is its parent's; its contexts are new ones for us. Where its first thread goes on in a base context (python.h)
 * nothing is said of it. */
static __always_inline void process_inherits(__u32 parent, __u32 child)
{
	struct python_process *python = bpf_map_lookup_elem(&python_processes, &parent), mine;

	if (!python)
		return;
	mine = *python;
	mine.refused |= python->bases && (__u32)bpf_get_current_pid_tgid() != parent;
	bpf_map_update_elem(&python_processes, &child, &mine, BPF_ANY);
}

/* See handover.h. */
static __always_inline void process_starts_thread(struct thread_state *thread, __u32 tid)
{
	struct thread_state *starter = thread_find(tid);

	if (!starter || !starter->attempts)
		return;
	thread->opener = thread_name(starter, tid);
	thread->opener_attempts = starter->attempts;
	thread->wakes = 1;
}

/* In the context of the parent, before the child can run. */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(sched_process_fork, struct task_struct *parent, struct task_struct *child)
{
	__u32 parent_tgid = BPF_CORE_READ(parent, tgid), tgid = BPF_CORE_READ(child, tgid);
	__u32 tid = BPF_CORE_READ(child, pid);
	struct thread_state *thread;
	__u32 *verdict;

	if (!filter_process(parent_tgid))
		return 0;
	if (settings.by_process && tgid != parent_tgid) {
		verdict = bpf_map_lookup_elem(&processes, &parent_tgid);
		if (verdict && *verdict == VERDICT_TRACE_TREE)
			bpf_map_update_elem(&processes, &tgid, verdict, BPF_ANY);
	}
	if (pythons && tgid != parent_tgid)
		process_inherits(parent_tgid, tgid);
	thread = task_born(tid);
	if (thread && tgid == parent_tgid)
		process_starts_thread(thread, bpf_get_current_pid_tgid());
	return 0;
}

/* User space judged the old program: let it see the new one. */
static __always_inline void process_judge_again(__u32 tgid)
{
	__u32 *verdict;

	if (!settings.by_process)
		return;
	verdict = bpf_map_lookup_elem(&processes, &tgid);
	if (verdict && *verdict == VERDICT_IGNORE)
		*verdict = VERDICT_TRACE;
}

static __always_inline void process_forget_python(__u32 tgid)
{
	if (pythons)
		bpf_map_delete_elem(&python_processes, &tgid);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(sched_process_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	__u32 tid = BPF_CORE_READ(task, pid), size;
	struct frame frame = {};
	struct event_exec *event;
	void *ring;
	struct mm_struct *mm;
	__u64 start;

	process_judge_again(BPF_CORE_READ(task, tgid));
	process_forget_python(BPF_CORE_READ(task, tgid));
	if (!filter_process(BPF_CORE_READ(task, tgid)))
		return 0;
	if ((__u32)old_pid !=
		tid) /* another thread than the first, whose number it took (fs/exec.c de_thread()) */
		thread_end(old_pid);
	/* A new program starts with no past; its cgroup may be new as well. */
	task_born(tid);
	if (!frame_init(&frame))
		return 0;
	ring = emit_ring(frame.cpu);
	event = ring ? emit_reserve(ring, sizeof(*event), frame.cpu, EVENT_EXEC) : NULL;
	if (!event)
		return 0;
	frame_header(&frame, &event->header);
	event->ppid = BPF_CORE_READ(task, real_parent, tgid);
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	mm = BPF_CORE_READ(task, mm);
	start = BPF_CORE_READ(mm, arg_start);
	size = BPF_CORE_READ(mm, arg_end) - start;
	if (size > EVENT_ARGS_MAX)
		size = EVENT_ARGS_MAX;
	if (bpf_probe_read_user(event->args, size, (void *)start)) {
		LEDGER_ADD(unreadable);
		size = 0;
	}
	event->args_size = size;
	/* Of a script this is its interpreter, as in /proc/PID/exe (fs/exec.c exec_binprm()). */
	event->exe[0] = 0;
	bpf_probe_read_kernel_str(event->exe, sizeof(event->exe), BPF_CORE_READ(bprm, interp));
	/* Woken at once: a short-lived process must be looked up in /proc now or never. */
	bpf_ringbuf_submit(event, BPF_RB_FORCE_WAKEUP);
	return 0;
}

/* By tgid. User space takes the entries of processes that it has probes in. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct crash);
} crashes SEC(".maps");

static __always_inline void process_crashed(struct task_struct *task, __u32 tgid)
{
	struct crash crash = { .signal = BPF_CORE_READ(task, exit_code) & 0x7f };

	crash.ppid = BPF_CORE_READ(task, real_parent, tgid);
	if (crash.signal == 4 || crash.signal == 5 || crash.signal == 7 || crash.signal == 11)
		/* ILL, TRAP, BUS, SEGV */
		bpf_map_update_elem(&crashes, &tgid, &crash, BPF_ANY);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(sched_process_exit, struct task_struct *task)
{
	__u32 tid = BPF_CORE_READ(task, pid), tgid = BPF_CORE_READ(task, tgid);
	struct event_header *event;
	void *ring;
	struct frame frame = {};
	bool last, traced;

	/* kernel/exit.c do_exit() counts signal->live down before the tracepoint. */
	last = BPF_CORE_READ(task, signal, live.counter) == 0;
	traced = filter_process(tgid);
	if (last && settings.by_process) /* also of ignored ones: the number will be reused */
		bpf_map_delete_elem(&processes, &tgid);
	if (last)
		process_forget_python(tgid);
	if (!traced)
		return 0;
	if (last && tls_files)
		process_crashed(task, tgid);
	if (last && frame_init(&frame)) {
		ring = emit_ring(frame.cpu);
		event = ring ? emit_reserve(ring, sizeof(*event), frame.cpu, EVENT_EXIT) : NULL;
		if (event) {
			frame_header(&frame, event);
			emit_submit(event);
		}
	}
	thread_end(tid);
	return 0;
}
