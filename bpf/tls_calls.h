/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Calls of a TLS library's functions, from their entries to where they return. */
#ifndef TRACELET_BPF_TLS_CALLS_H
#define TRACELET_BPF_TLS_CALLS_H

#include "c_registers.h"
#include "tls_memory.h"
#include "tls_sessions.h"

#if defined(__TARGET_ARCH_x86)
#define TLS_RETURNED 8 /* the address that it returned to was popped */
#else
#define TLS_RETURNED 0
#endif

static const struct tls_thread tls_thread_empty;

static __always_inline struct tls_thread *tls_thread_here(bool make)
{
	__u32 tid = bpf_get_current_pid_tgid();
	struct tls_thread *thread = bpf_map_lookup_elem(&tls_threads, &tid);
	struct thread_state *state = make ? task_thread(tid) : NULL;

	if (state)
		state->tls = 1;
	if (thread || !make)
		return thread;
	bpf_map_update_elem(&tls_threads, &tid, &tls_thread_empty, BPF_NOEXIST);
	return bpf_map_lookup_elem(&tls_threads, &tid);
}

/* Calls that were left without a return (longjmp, exceptions) are at or below `stack`. */
static __always_inline void tls_drop_left(struct tls_thread *thread, __u64 stack)
{
	for (int i = 0; i < TLS_DEPTH; i++) {
		struct tls_call *call = tls_innermost(thread);

		if (call && call->stack <= stack)
			thread->depth--;
	}
}

static __always_inline int tls_enter(struct pt_regs *regs, __u8 kind, __u64 counted, __u64 place)
{
	struct tls_thread *thread;
	struct tls_call *call;
	__u32 depth;

	if (!filter_process(bpf_get_current_pid_tgid() >> 32))
		return 0;
	thread = tls_thread_here(true);
	if (!thread)
		return 0;
	tls_drop_left(thread, regs->sp);
	depth = thread->depth;
	if (depth >= TLS_DEPTH) {
		thread->depth = 0; /* of another stack: begins anew */
		depth = 0;
	}
	call = &thread->calls[depth];
	call->stack = regs->sp;
	call->session = C_ARGUMENT_1(regs);
	call->buffer = C_ARGUMENT_2(regs);
	call->size = C_ARGUMENT_3(regs);
	call->counted = counted;
	call->sock = 0;
	call->kind = kind;
	call->mixed = 0;
	call->place = place;
	call->before = thread->memory ? tls_bio_written(call) : TLS_NOT_KNOWN;
	call->outer = TLS_NOT_KNOWN;
	thread->depth = depth + 1;
	return 0;
}

/* The call that returns now is taken out; an outer one of the same session goes on and tells
 * what it moved. */
static __always_inline bool tls_leave(struct pt_regs *regs, struct tls_call *left)
{
	__u64 stack = regs->sp - TLS_RETURNED;
	struct tls_thread *thread = tls_thread_here(false);
	struct tls_call *call;

	if (!thread)
		return false;
	tls_drop_left(thread, stack - 1);
	call = tls_innermost(thread);
	if (!call || call->stack != stack)
		return false;
	*left = *call;
	thread->depth--;
	call = tls_innermost(thread);
	if (!call || call->session != left->session)
		return true;
	left->outer = call->before;
	call->mixed |= left->mixed || (call->sock && left->sock && call->sock != left->sock);
	if (left->sock)
		call->sock = left->sock;
	return call->kind != left->kind;
}

/* How many bytes of plaintext the call moved; not above 0: none. */
static __always_inline __s64 tls_count(const struct tls_call *call, __s32 result)
{
	__u64 counted = 0;

	if (!call->counted)
		return result;
	if (result != 1 || bpf_probe_read_user(&counted, sizeof(counted), (void *)call->counted))
		return 0;
	return counted;
}

#endif /* TRACELET_BPF_TLS_CALLS_H */
