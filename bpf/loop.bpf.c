// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * Probes at the entry of functions that event loops run their phases with. User space
 * attaches them, once per file, those before loop_turn first: a thread that met loop_turn
 * has them all. Uprobes run with preemption on; a thread's state is its own.
 */
#include "filter.h"
#include "task.h"

static __always_inline void loop_shut(struct thread_state *thread, __u8 reason)
{
	thread->shut = 1;
	thread->reason = reason;
}

static __always_inline struct thread_state *loop_known(void)
{
	return thread_find(bpf_get_current_pid_tgid());
}

/* node::Environment::RunTimers */
SEC("uprobe")
int loop_timers(void *context)
{
	struct thread_state *thread = loop_known();

	if (!thread)
		return 0;
	thread->others++;
	loop_shut(thread, LOOP_TIMER);
	return 0;
}

/* uv__async_io: results of the thread pool, messages of other threads. */
SEC("uprobe")
int loop_pool(void *context)
{
	struct thread_state *thread = loop_known();

	if (!thread)
		return 0;
	thread->others++;
	if (!thread->shut)
		thread->reason = LOOP_POOL;
	return 0;
}

/* node::Environment::CheckImmediate: in each turn, after the callbacks of descriptors. */
SEC("uprobe")
int loop_turn(void *context)
{
	struct frame frame = {};

	if (!filter_process(bpf_get_current_pid_tgid() >> 32) || !frame_init(&frame))
		return 0;
	frame.thread->loop |= LOOP_KNOWN;
	loop_shut(frame.thread, LOOP_DEFERRED);
	return 0;
}

/* ngx_event_process_posted: likewise. Results of nginx's thread pool (aio threads) come
 * without a system call, so a process that has one is not trusted. */
SEC("uprobe")
int loop_turn_alone(void *context)
{
	struct frame frame = {};

	if (!filter_process(bpf_get_current_pid_tgid() >> 32) || !frame_init(&frame))
		return 0;
	frame.thread->loop |= LOOP_KNOWN;
	if (BPF_CORE_READ(task_current(), signal, live.counter) != 1)
		frame.thread->loop |= LOOP_HIDDEN;
	loop_shut(frame.thread, LOOP_DEFERRED);
	return 0;
}
