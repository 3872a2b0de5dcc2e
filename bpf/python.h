/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * CPython: whose work a thread does, by the context (contextvars) that it has entered.
 *
 * Every task, callback and call to a thread runs in a context of its own that was copied from the
 * one that made it (PyContext_CopyCurrent). So the contexts made for one connection of a server
 * are a *family*, named by a number that is never used again:
 *   accept()        in a context (asyncio): the next one made there begins the connection's family
 *   a read          of a server's connection in a context without a family gives it the connection's
 *   a copy          is of its creator's family
 * Contexts that do not come from a connection (workers, timers, listeners) have no family.
 *
 * uvloop accepts and reads in no context, then enters the listener's to call the protocol, for
 * every connection the same one. So what is made there is of the connection that the thread has
 *   read            just before it entered it, whatever this is
 *   looked up       by getpeername(), in a context that was entered right after an accept(): uvloop
 *                   does so before it says connection_made()
 *   decrypted       likewise, in such a context (its TLS reads in no context, too)
 * until it enters the next one: PyContext_Enter() is probed, which asyncio's loop does not call, and
 * Context.run(), which it does, only where uvloop is. Before 0.23 it wrote later and in no context, so UVStream.write() says who wrote first.
 *
 * Executors (concurrent.futures) run a job on a thread of theirs, in no context. A job is an object, a
 * _WorkItem, which the thread that gives it puts into a SimpleQueue and a worker gets out of it: these
 * are probed. Until the worker asks for the next one it works for whoever gave this one: a
 * context's family, or a thread that has read a request.
 *
 * One connection has many requests, so a family has *branches*: a context made after the first
 * request was read, by one that was made before, begins a branch, named by the time; what it makes
 * is of that branch. What was made for one request can so be told from the next one's. Branch 0
 * lives as long as the connection.
 *
 * Contexts are known by address, and addresses are used again as soon as a context dies. So all
 * that makes contexts is probed (agent/runtime/python.h), but for the one that a thread begins
 * with, which is not *entered* and has no family.
 *
 * Read from user memory, with what user space knows of this CPython (struct python_process):
 *   pthread_getspecific(autoTSSkey)  is the PyThreadState; its thread_id must be this thread's
 *   PyThreadState.context            is the context; its ctx_entered must be set
 * From 3.14 on threading.Thread runs in a context from its start to its end: the one, in a thread that is not the process's
 * first, that was entered while there was none (ctx_prev). It is as if it had entered none.
 * Anything else, and more interpreters than one, is no evidence.
 */
#ifndef TRACELET_BPF_PYTHON_H
#define TRACELET_BPF_PYTHON_H

#include "task.h"

#if defined(__TARGET_ARCH_x86)
/* glibc's struct pthread, specific_1stblock: {sequence, data} of the first 32 keys
 * (nptl/descr.h; the same since 2.4). With another libc thread_id does not match. */
#define PYTHON_FIRST_KEY 0x310
#define PYTHON_KEYS 32

static __always_inline __u64 python_thread_pointer(void)
{
	if (TASK_IS_TYPED)
		return bpf_get_current_task_btf()->thread.fsbase;
	return BPF_CORE_READ(task_current(), thread.fsbase);
}

/* Of the thread; 0 if it has none, or none that can be trusted. */
static __always_inline __u64 python_thread_state(const struct python_process *python)
{
	__u64 self = python_thread_pointer(), state = 0, id = 0;
	struct {
		__u32 initialized;
		__u32 key;
	} key = {};

	if (bpf_probe_read_user(&key, sizeof(key), (void *)python->thread_key) ||
		!key.initialized || key.key >= PYTHON_KEYS ||
		bpf_probe_read_user(&state, sizeof(state),
			(void *)(self + PYTHON_FIRST_KEY + key.key * 16 + 8)) ||
		!state ||
		bpf_probe_read_user(&id, sizeof(id), (void *)(state + python->thread_id)) ||
		id != self)
		return 0;
	return state;
}
#else
/* arm64: where glibc keeps the values of keys is not known here. */
static __always_inline __u64 python_thread_state(const struct python_process *python)
{
	return 0;
}
#endif

/* PyContext.ctx_prev (Include/internal/pycore_context.h, the same in all). */
#define PYTHON_PREVIOUS 16

static __always_inline bool python_is_base(__u64 context)
{
	__u64 id = bpf_get_current_pid_tgid(), previous = 0;

	return (__u32)id != id >> 32 && (bpf_probe_read_user(&previous, sizeof(previous),
						 (void *)(context + PYTHON_PREVIOUS)) ||
						!previous);
}

/* The context that the thread with this state has entered; 0: none. */
static __always_inline __u64 python_entered(const struct python_process *python, __u64 state)
{
	__u64 context = 0;
	__u32 entered = 0;

	if (!state ||
		bpf_probe_read_user(&context, sizeof(context), (void *)(state + python->context)) ||
		!context ||
		bpf_probe_read_user(
			&entered, sizeof(entered), (void *)(context + python->entered)) ||
		!entered || (python->bases && python_is_base(context)))
		return 0;
	return context;
}

static __always_inline struct python_process *python_process(__u32 tgid)
{
	struct python_process *python = bpf_map_lookup_elem(&python_processes, &tgid);

	return python && !python->refused ? python : NULL;
}

static __always_inline struct python_key python_key(
	const struct python_process *python, const struct frame *frame, __u64 address)
{
	struct python_key key = {
		.address = address,
		.tgid_start_ns = frame->thread->tgid_start_ns,
		.tgid = frame->pid_tgid >> 32,
		.generation = python->generation,
	};

	return key;
}

/* Never used before in this process: its threads are on other CPUs when they ask at once. A function: see ledger_add(). */
static __noinline __attribute__((unused)) __u64 python_new_family(void)
{
	return bpf_ktime_get_ns() << 4 | (bpf_get_smp_processor_id() & 15);
}

/* Of what uvloop has buffered for a connection. */
static __always_inline struct python_key python_buffer_key(
	const struct frame *frame, const struct conn_state *conn)
{
	struct python_key key = {
		.address = conn->id.sock,
		.tgid_start_ns = conn->established_ns,
		.tgid = frame->pid_tgid >> 32,
		.generation = conn->id.tx_base,
	};

	return key;
}

static __always_inline void python_remember(
	const struct python_key *key, const struct python_node *node)
{
	if (bpf_map_update_elem(&python_nodes, key, node, BPF_ANY))
		bpf_map_delete_elem(&python_nodes, key);
}

#endif /* TRACELET_BPF_PYTHON_H */
