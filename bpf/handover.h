/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Threads that wake each other by futexes: who gave whom work, and who gave its result back
 * (agent/span/rules/worker.h). For a thread that waits for a condition (a condition variable, a
 * semaphore, Java's park) it is remembered
 *   who woke it, if that one has read a request while it slept: its *opener*. A thread that was
 *     started has its starter for one. A lock that the opener took for its request does not look like
 *     that: who waits for it fell asleep later. When a thread fell asleep is not seen. It was at the latest as
 *     long after its last futex call as it has run since, if it was never off its processor in between but now;
 *   which thread that it is itself the opener of woke it last: its *closer*.
 * Waits for a mutex have other operations, and mean nothing.
 */
#ifndef TRACELET_BPF_HANDOVER_H
#define TRACELET_BPF_HANDOVER_H

#include "handover_evidence.h"

/* include/uapi/linux/futex.h */
#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define FUTEX_WAIT_BITSET 9
#define FUTEX_WAKE_BITSET 10
#define FUTEX_PRIVATE 0x80
#define FUTEX_CMD_MASK 0x7f
#define ETIMEDOUT 110
#define NANOSECONDS 1000000000ULL

/* A thread that has not returned by then has returned before its waker did, and has looked too early. */
#define HANDOVER_LATE_NS 100000000
#define HANDOVER_SLACK_NS 20000 /* interrupts, which count as nobody's time */

struct handover_word {
	__u64 address;
	__u32 tgid;
	__u32 pad;
};

/* The last call that woke somebody there. */
struct handover_wake {
	__u64 time_ns;
	__u64 waker;  /* thread_name() */
	__u64 opener; /* the waker's */
	__u64 read_ns;
	__u32 attempts;
	__u32 wakes;
	__s32 left;  /* how many of those it woke have not returned yet */
	__u32 mixed; /* 1: several threads' */
};

/* What is pushed out is not known any more, which only refuses links. */
__weak SEC(".maps") struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct handover_word);
	__type(value, struct handover_wake);
} handover_wakes;

/* How long it ran, or could have: waiting for a processor is no sleep. */
static __always_inline __u64 handover_ran(void)
{
	if (TASK_IS_TYPED)
		return bpf_get_current_task_btf()->se.sum_exec_runtime +
		       bpf_get_current_task_btf()->sched_info.run_delay;
	return BPF_CORE_READ(task_current(), se.sum_exec_runtime) +
	       BPF_CORE_READ(task_current(), sched_info.run_delay);
}

static __always_inline __u32 handover_sleeps(void)
{
	return TASK_IS_TYPED ? bpf_get_current_task_btf()->nvcsw
			     : BPF_CORE_READ(task_current(), nvcsw);
}

static __always_inline void handover_left(struct thread_state *thread)
{
	thread->left_ns = bpf_ktime_get_ns();
	thread->ran_ns = handover_ran();
	thread->sleeps = handover_sleeps();
}

/* Whether the wait's end is so far that it was not for something that becomes due. */
static __always_inline bool handover_far(__u32 operation, __u64 timeout)
{
	struct {
		__s64 seconds;
		__s64 nanoseconds;
	} end = {};

	if (operation != (FUTEX_WAIT_BITSET | FUTEX_PRIVATE) || /* else by another clock */
		bpf_probe_read_user(&end, sizeof(end), (void *)timeout))
		return false;
	return end.seconds * NANOSECONDS > bpf_ktime_get_ns() + NANOSECONDS;
}

static __noinline void handover_woke(
	struct thread_state *thread, const struct handover_word *word, __u32 tid, long woken)
{
	struct handover_wake *last = bpf_map_lookup_elem(&handover_wakes, word);
	struct handover_wake wake = { .left = woken };

	wake.time_ns = bpf_ktime_get_ns();
	if (last && (last->left <= 0 || wake.time_ns - last->time_ns > HANDOVER_LATE_NS))
		last = NULL;
	if (!thread || !thread->attempts) {
		if (last)
			last->mixed = 1;
		return;
	}
	wake.waker = thread_name(thread, tid);
	if (last) {
		wake.mixed = last->mixed || last->waker != wake.waker;
		wake.left += last->left;
		wake.time_ns = last->time_ns;
	}
	wake.opener = thread->opener;
	wake.read_ns = thread->read_ns;
	wake.attempts = thread->attempts;
	wake.wakes = thread->wakes;
	bpf_map_update_elem(&handover_wakes, word, &wake, BPF_ANY);
}

static __noinline void handover_waited(
	struct thread_state *thread, const struct handover_word *word, __u64 self, __u64 was)
{
	struct handover_wake *wake = bpf_map_lookup_elem(&handover_wakes, word);
	__u64 asleep_ns = thread->left_ns + (handover_ran() - thread->ran_ns) + HANDOVER_SLACK_NS;

	if (!wake || wake->left <= 0 || wake->time_ns < thread->left_ns)
		return;
	__sync_fetch_and_add(&wake->left, -1);
	if (wake->mixed)
		return;
	if (thread->attempts && !handovers)
		handovers = 1;
	if (wake->opener == self) {
		thread->closer = wake->waker;
		thread->closer_attempts = wake->attempts;
		thread->closer_wakes = wake->wakes;
	}
	if (was == wake->waker && thread->opener_attempts == wake->attempts) {
		thread->opener = was;
		return;
	}
	if (!thread->left_ns || handover_sleeps() - thread->sleeps != 1 ||
		asleep_ns >= wake->read_ns)
		return;
	thread->opener = wake->waker;
	thread->opener_attempts = wake->attempts;
}

/* At the exit of futex(). */
__weak __noinline int handover_futex(__u64 address, __u32 operation, __u64 timeout, long result)
{
	struct handover_word word = { .address = address };
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	__u32 command = operation & FUTEX_CMD_MASK;
	struct thread_state *thread = thread_find(pid_tgid);
	__u64 was;

	word.tgid = pid_tgid >> 32;
	if (command == FUTEX_WAKE || command == FUTEX_WAKE_BITSET) {
		if (result > 0)
			handover_woke(thread, &word, pid_tgid, result);
	} else if (thread && (command == FUTEX_WAIT_BITSET || operation == FUTEX_WAIT)) {
		was = thread->opener;
		thread->opener = 0;
		thread->wakes++;
		if (result == -ETIMEDOUT)
			thread->wakes |= WAKES_TIMED;
		else if (!result && (!timeout || handover_far(operation, timeout)))
			handover_waited(thread, &word, thread_name(thread, pid_tgid), was);
	}
	if (thread && thread->attempts)
		handover_left(thread);
	return 0;
}

#endif /* TRACELET_BPF_HANDOVER_H */
