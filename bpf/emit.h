/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Reserve, stamp, submit, count: the only way an event reaches user space. */
#ifndef TRACELET_BPF_EMIT_H
#define TRACELET_BPF_EMIT_H

#include "maps.h"

/* Wake-ups cost more than the event: the reader is woken when a ring passes the
 * fill level (once or a few times, then it is running) and by its own timer. The level is
 * asked for at every fourth event: a window of more than four of the largest is not jumped over. */
#define WAKE_EVERY 4
#define WAKE_WINDOW 32768

static __always_inline struct ledger *ledger_here(__u32 cpu)
{
	return &ledgers[cpu & (MAX_CPUS - 1)];
}

/* BPF_XADD (no fetch: 5.10 has none), so that a softirq in between loses nothing. In a function because it is seldom
 * called, and each call of a helper that the kernel inlines moves the whole program when it is loaded. */
__weak __noinline int ledger_add(__u32 counter)
{
	__u64 *counters = (__u64 *)ledger_here(bpf_get_smp_processor_id());

	if (counter < sizeof(struct ledger) / sizeof(__u64))
		__sync_fetch_and_add(&counters[counter], 1);
	return 0;
}

#define LEDGER_ADD(counter) ledger_add(__builtin_offsetof(struct ledger, counter) / sizeof(__u64))

/* A function for the same reason. */
static __noinline __attribute__((unused)) void *emit_ring(__u32 cpu)
{
	__u32 index = (__u64)cpu * settings.rings_per_cpu >> RINGS_SHIFT;

	return bpf_map_lookup_elem(&rings, &index);
}

/* `size` must be a constant. The time is stamped after the reservation: see struct event_header. */
static __always_inline void *emit_reserve(void *ring, __u64 size, __u32 cpu, __u16 kind)
{
	struct event_header *header;

	header = bpf_ringbuf_reserve(ring, size, 0);
	/* After the reservation: a locked instruction makes it visible before the clock is read. */
	__sync_fetch_and_add(&ledger_here(cpu)->attempted, 1);
	if (!header) {
		__sync_fetch_and_add(&ledger_here(cpu)->ring_full, 1);
		return NULL;
	}
	header->time_ns = bpf_ktime_get_ns();
	header->size = size;
	header->kind = kind;
	header->cpu = cpu;
	return header;
}

/* How the event that was just reserved is to be submitted. Global, so that the verifier follows its branches once. */
__weak __noinline __u64 emit_flags(void)
{
	__u32 cpu = bpf_get_smp_processor_id();
	__u64 above;
	void *ring;

	if (ledger_here(cpu)->attempted % WAKE_EVERY)
		return BPF_RB_NO_WAKEUP;
	ring = emit_ring(cpu);
	if (!ring)
		return BPF_RB_NO_WAKEUP;
	above = bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) - settings.wake_bytes;
	return above < WAKE_WINDOW ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

static __always_inline void emit_submit(void *event)
{
	bpf_ringbuf_submit(event, emit_flags());
}

static __always_inline void emit_no_process(struct event_header *header)
{
	header->tgid = 0;
	header->tid = 0;
	header->tgid_start_ns = 0;
	header->cgroup_id = 0;
	header->netns = 0;
	header->thread_start = 0;
}

#endif /* TRACELET_BPF_EMIT_H */
