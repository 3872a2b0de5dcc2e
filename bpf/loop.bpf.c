// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * Probes at the entry of functions that event loops run their phases with. User space
 * attaches them, once per file, those before loop_turn first: a thread that met loop_turn
 * has them all. Uprobes run with preemption on; a thread's state is its own.
 */
#include "c_registers.h"
#include "filter.h"
#include "syscalls.h"
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
	thread->began = 1;
	if (!thread->shut)
		thread->reason = LOOP_POOL;
	return 0;
}

/* The loop would have slept in its last wait, so nothing was left to do then: libuv's timeout is 0 while immediates or closed
 * handles are pending (and, in Node, for the first of two looks). Since then one callback ran, and it read: what the loop does
 * until the next wait, that callback has left. What has a timer of an addon's own is not told from it. */
static __always_inline bool loop_left_by_read(const struct thread_state *thread)
{
	return thread->loop & LOOP_KNOWN && thread->waited & SYSCALL_EPOLL && thread->timeout &&
	       !thread->shut && thread->reason == LOOP_READ && !thread->began &&
	       thread->turn - thread->checked_turn == 1;
}

/* node::Environment::CheckImmediate: in each turn, after the callbacks of descriptors. */
SEC("uprobe")
int loop_turn(void *context)
{
	struct frame frame = {};

	if (!filter_process(bpf_get_current_pid_tgid() >> 32) || !frame_init(&frame))
		return 0;
	if (!loop_left_by_read(frame.thread))
		loop_shut(frame.thread, LOOP_DEFERRED);
	frame.thread->loop |= LOOP_KNOWN;
	frame.thread->checked_turn = frame.thread->turn;
	frame.thread->began = 0;
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

/* A proxy's streams, and the read that each began with. What is pushed out is linked to nobody. */
struct loop_stream_key {
	__u64 stream;
	__u32 tgid;
	__u32 pad;
};
struct loop_stream {
	__u32 tid;
	__u32 turn;
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct loop_stream_key);
	__type(value, struct loop_stream);
} loop_streams SEC(".maps");

/* int flt_stream_init(struct stream *s) of HAProxy: the stream is new. It is that of the request which the
 * callback has just read; one that was read earlier (pipelined) finds nothing read. */
SEC("uprobe")
int loop_stream_made(struct pt_regs *regs)
{
	struct loop_stream_key key = { .stream = C_ARGUMENT_1(regs) };
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	struct thread_state *thread = loop_known();
	struct loop_stream stream = { .tid = pid_tgid };

	if (!thread || !(thread->loop & LOOP_STREAMS))
		return 0;
	key.tgid = pid_tgid >> 32;
	stream.turn = thread->turn;
	if (thread->reason == LOOP_READ)
		bpf_map_update_elem(&loop_streams, &key, &stream, BPF_ANY);
	else
		bpf_map_delete_elem(&loop_streams, &key);
	thread->reason = LOOP_DEFERRED;
	return 0;
}

/* appctx_finalize_startup() of HAProxy: the next stream is an applet's, and nobody's request. */
SEC("uprobe")
int loop_applet(void *context)
{
	struct thread_state *thread = loop_known();

	if (thread && thread->loop & LOOP_STREAMS)
		thread->reason = LOOP_DEFERRED;
	return 0;
}

#if defined(__TARGET_ARCH_x86)
#define STACK_HAS_RETURN true
#else
#define STACK_HAS_RETURN false /* arm64 has it in a register: nothing is linked */
#endif

/* struct task *process_stream(struct task *t, void *context, unsigned int state) of HAProxy */
SEC("uprobe")
int loop_stream_runs(struct pt_regs *regs)
{
	struct loop_stream_key key = { .stream = C_ARGUMENT_2(regs) };
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	struct loop_stream *stream;
	struct frame frame = {};

	key.tgid = pid_tgid >> 32;
	if (!filter_process(key.tgid) || !frame_init(&frame))
		return 0;
	frame.thread->loop |= LOOP_KNOWN | LOOP_STREAMS;
	frame.thread->reason = LOOP_DEFERRED;
	stream = bpf_map_lookup_elem(&loop_streams, &key);
	if (!STACK_HAS_RETURN || !stream || stream->tid != (__u32)pid_tgid)
		return 0;
	frame.thread->stream_turn = stream->turn;
	frame.thread->stream_sp = regs->sp;
	if (!bpf_probe_read_user(&frame.thread->stream_return, sizeof(frame.thread->stream_return),
		    (void *)regs->sp))
		frame.thread->reason = LOOP_STREAM;
	return 0;
}
