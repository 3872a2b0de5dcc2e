/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Goroutines: whose request is what a goroutine does now (DESIGN §6, rule "goroutine").
 *
 * The *cause* of a goroutine is a read: the goroutine that reads a request from a server's
 * connection owns it, and its `turn` is the time of the first read of that request. Whoever it
 * starts inherits the cause that it has then, at runtime.newproc1's return (go.bpf.c), so a
 * goroutine that is left behind keeps the request that started it, whichever its parent serves
 * by then. The parent's number alone (g.parentGoid) could not tell those apart.
 *
 * A goroutine that takes work from others is told by what it waited for last (g.waitreason):
 * an inherited cause is only believed of one that has never waited, or last for I/O, a lock, a
 * WaitGroup or time, and only if none of its functions takes values from channels (go_takers.h),
 * which may need no wait. Anything else may have handed it another's work. net/http itself waits
 * otherwise while a call is on its way, so what counts is what came before the call.
 *
 * The requests of an HTTP/2 connection are read by one goroutine, for one cause; their handlers say which stream
 * they serve, and their cause is the reader's with that (GO_STREAM_OWNER). Calls that one goroutine writes
 * for all are told in go_calls.h.
 *
 * Go's syscalls leave g in R14, and are made by one instruction of the runtime: those of C code
 * in the same process, which may leave anything there, are made elsewhere.
 *
 * `gos` is 0 while no Go process is known, and then none of this costs anything.
 */
#ifndef TRACELET_BPF_GO_H
#define TRACELET_BPF_GO_H

#include "go_takers.h"

struct go_key {
	__u32 tgid;
	__u32 pad;
	__u64 goid;
};

struct goroutine {
	struct go_cause cause;
	__u64 g;      /* address of its struct runtime.g */
	__u8 own;     /* it reads or serves the request itself, or makes one call and ends */
	__u8 calling; /* it has begun a call, and had its cause then */
	__u8 doubted; /* who started it may have been given work */
	__u8 called;  /* who started it was making a call, for this cause */
	__u8 relays;  /* it writes the calls of others, see go_calls */
	__u8 pad[3];
};

/* One that falls out has no cause any more: its calls are refused. Those that have ended are in it, too: while 3,000
 * wait for connections, net/http starts more than 16,384. */
__weak SEC(".maps") struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, struct go_key);
	__type(value, struct goroutine);
} goroutines;

/* By tgid. */
__weak SEC(".maps") struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct go_program);
} go_programs;

/* Written by user space: changes with every change of go_programs; 0 while that is empty. */
__weak volatile __u32 gos;

static __always_inline struct go_program *go_program_of(__u32 tgid)
{
	return bpf_map_lookup_elem(&go_programs, &tgid);
}

/* Threads of other programs look it up once. */
static __always_inline struct go_program *go_program_cached(struct thread_state *thread, __u32 tgid)
{
	struct go_program *program;
	__u32 version = gos;

	if (thread->go_version == version && !thread->go)
		return NULL;
	program = go_program_of(tgid);
	thread->go_version = version;
	thread->go = !!program;
	return program;
}

static __always_inline __u64 go_word(__u64 address)
{
	__u64 word = 0;

	bpf_probe_read_user(&word, sizeof(word), (void *)address);
	return word;
}

/* 0 when there is none. */
static __always_inline __u64 go_id(const struct go_program *program, __u64 g)
{
	return go_word(g + program->goid);
}

static __always_inline struct goroutine *go_find(__u32 tgid, __u64 goid)
{
	struct go_key key = { .tgid = tgid, .goid = goid };

	return bpf_map_lookup_elem(&goroutines, &key);
}

static __always_inline void go_set(__u32 tgid, __u64 goid, const struct goroutine *goroutine)
{
	struct go_key key = { .tgid = tgid, .goid = goid };

	bpf_map_update_elem(&goroutines, &key, goroutine, BPF_ANY);
}

/* Whether nobody can have handed it work since it was started. `address` is in the innermost of its
 * functions that counts, `frame` the frame pointer there. */
static __always_inline bool go_undisturbed(const struct go_program *program,
	const struct goroutine *goroutine, __u64 address, __u64 frame)
{
	__u8 reason = 64;

	if (goroutine->own || goroutine->doubted)
		return goroutine->own;
	bpf_probe_read_user(&reason, 1, (void *)(goroutine->g + program->wait_reason));
	return reason < 64 && program->harmless_waits >> reason & 1 &&
	       !go_takes(program->file, program->bias, address, frame);
}

/* `believed`: its cause is that of what it does now. */
static __always_inline void go_tell_cause(
	const struct goroutine *goroutine, bool believed, struct go_cause *cause)
{
	cause->owner = 0;
	cause->turn = GO_NO_CAUSE;
	if (!goroutine)
		return;
	if (believed)
		*cause = goroutine->cause;
	else
		cause->turn = GO_QUEUE;
}

#endif /* TRACELET_BPF_GO_H */
