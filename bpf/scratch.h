/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * What the steps of a report find again by themselves, because it is too large for the
 * stack. sys_exit runs with preemption off, so it has one of these for each CPU. Uprobes may
 * be preempted (since 6.0): they define SCRATCH_OF_THREAD, and a thread has its own while
 * it reports.
 */
#ifndef TRACELET_BPF_SCRATCH_H
#define TRACELET_BPF_SCRATCH_H

#include "http2.h"

struct scratch {
	struct http2_stage stage;
	struct head_window window;
	struct report report; /* ends with the bytes of an event, none here */
};

#ifdef SCRATCH_OF_THREAD
#define SCRATCH_THREADS 512 /* that report at once: not more than are preempted in it */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SCRATCH_THREADS);
	__type(key, __u32); /* tid */
	__type(value, struct scratch);
} thread_scratches SEC(".maps");

static const struct scratch scratch_empty;

static __always_inline struct scratch *scratch_here(void)
{
	__u32 tid = bpf_get_current_pid_tgid();

	return bpf_map_lookup_elem(&thread_scratches, &tid);
}

static __always_inline struct scratch *scratch_take(void)
{
	__u32 tid = bpf_get_current_pid_tgid();

	bpf_map_update_elem(&thread_scratches, &tid, &scratch_empty, BPF_ANY);
	return bpf_map_lookup_elem(&thread_scratches, &tid);
}

static __always_inline void scratch_give(void)
{
	__u32 tid = bpf_get_current_pid_tgid();

	bpf_map_delete_elem(&thread_scratches, &tid);
}
#else
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} cpu_scratches SEC(".maps");

static __always_inline struct scratch *scratch_here(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&cpu_scratches, &zero);
}
#endif

/* Inlined where every operation comes by; elsewhere a function: see ledger_add(). */
static __always_inline struct report *report_inlined(void)
{
	struct scratch *scratch = scratch_here();

	return scratch ? &scratch->report : NULL;
}

static __noinline __attribute__((unused)) struct report *report_here(void)
{
	struct scratch *scratch = scratch_here();

	return scratch ? &scratch->report : NULL;
}

static __noinline __attribute__((unused)) struct http2_stage *http2_stage_here(void)
{
	struct scratch *scratch = scratch_here();

	return scratch ? &scratch->stage : NULL;
}

/* For the innermost of functions that call each other: on 5.10 all their frames together may take 512 bytes. */
static __always_inline struct head_window *head_window_inlined(void)
{
	struct scratch *scratch = scratch_here();

	return scratch ? &scratch->window : NULL;
}

static __noinline __attribute__((unused)) struct head_window *head_window_here(void)
{
	return head_window_inlined();
}

#endif /* TRACELET_BPF_SCRATCH_H */
