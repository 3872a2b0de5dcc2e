/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* What sys_exit learns and tells of CPython's contexts: python.h says what they mean. */
#ifndef TRACELET_BPF_PYTHON_CALLS_H
#define TRACELET_BPF_PYTHON_CALLS_H

#include "python.h"

static __always_inline void python_calls_back(
	struct thread_state *thread, struct conn_state *conn, __u64 context, enum python_step step)
{
	if (!conn->python_family)
		conn->python_family = python_new_family();
	thread->python_family = conn->python_family;
	thread->python_context = context;
	thread->python_step = step;
}

#ifndef SCRATCH_OF_THREAD /* sys_exit's */
/* At the exit of accept(). Like its peers it is not inlined to have a stack of its own. */
static __noinline void python_accepted(const struct frame *frame, struct conn_state *conn)
{
	struct python_process *python = python_process(frame->pid_tgid >> 32);
	struct python_node fresh = {};
	struct python_key key;
	__u64 context;

	if (!python)
		return;
	context = python_entered(python, python_thread_state(python));
	frame->thread->python_family = 0;
	frame->thread->python_step = context ? PYTHON_OTHER : PYTHON_ACCEPTED;
	if (!context)
		return;
	conn->python_family = python_new_family();
	frame->thread->python_family = conn->python_family;
	frame->thread->python_context = context;
	key = python_key(python, frame, PYTHON_FRESH | conn->python_family);
	python_remember(&key, &fresh);
}

/* At the exit of getpeername(). */
static __noinline void python_looked_up(const struct frame *frame, __u32 fd)
{
	struct python_process *python = python_process(frame->pid_tgid >> 32);
	struct python_node fresh = {}, *node;
	struct conn_state *conn;
	struct socket_ref ref = {};
	struct python_key key;

	if (!python)
		return;
	key = python_key(python, frame, python_entered(python, python_thread_state(python)));
	node = key.address ? bpf_map_lookup_elem(&python_nodes, &key) : NULL;
	if (!node || node->branch != PYTHON_LISTENER || !socket_of_fd(fd, &ref))
		return;
	conn = socket_conn(&ref);
	if (!conn || conn->role != ROLE_SERVER)
		return;
	python_calls_back(frame->thread, conn, key.address, PYTHON_CALLBACK);
	if (conn->python_read)
		return;
	key.address = PYTHON_FRESH | conn->python_family;
	python_remember(&key, &fresh);
}
#endif

/* The first read of what is for `family`. */
static __always_inline void python_first_read(
	struct conn_state *conn, struct python_key *key, __u64 family)
{
	if (conn->python_read || conn->python_family != family)
		return;
	conn->python_read = 1;
	key->address = PYTHON_FRESH | family;
	bpf_map_delete_elem(&python_nodes, key);
}

/* A read of a server's connection. `key` is of the context, whose address may be 0; `node` is the
 * context's, NULL if it is not known. */
static __always_inline __u64 python_received(const struct frame *frame, struct conn_state *conn,
	struct python_key *key, const struct python_node *node)
{
	struct python_node first = {};
	__u64 family = node ? node->family : 0;

	if (!key->address || (node && node->branch == PYTHON_LISTENER)) {
		python_calls_back(frame->thread, conn, key->address,
			key->address ? PYTHON_CALLBACK : PYTHON_READ);
		family = conn->python_family;
	} else if (!family) {
		if (!conn->python_family)
			conn->python_family = python_new_family();
		family = conn->python_family;
		first.family = family;
		python_remember(key, &first);
	}
	python_first_read(conn, key, family);
	return family;
}

static __always_inline void python_told(struct event_data *event, const struct python_node *node)
{
	if (!node || !node->family)
		return;
	if (node->family & PYTHON_GIVER)
		event->evidence_type = EVIDENCE_HANDOVER;
	event->evidence = node->family & ~PYTHON_GIVER;
	event->evidence_parent = node->branch;
}

/* What is written now may have been buffered before. True if it was. */
static __always_inline bool python_flushed(
	const struct frame *frame, const struct conn_state *conn, struct event_data *event)
{
	struct python_key key = python_buffer_key(frame, conn);
	struct python_node *node = bpf_map_lookup_elem(&python_nodes, &key);

	if (!node)
		return false;
	python_told(event, node);
	bpf_map_delete_elem(&python_nodes, &key);
	return true;
}

/* In no context a thread reads, or writes, that runs no loop. */
static __always_inline void python_blocked(const struct python_process *python,
	const struct frame *frame, const struct conn_state *conn, struct event_data *event)
{
	struct thread_state *thread = frame->thread;
	__u32 tid = frame->pid_tgid;

	if (event->direction == DIRECTION_TX) {
		if (python->jobs)
			python_told(event, bpf_map_lookup_elem(&python_jobs, &tid));
	} else if (conn->role == ROLE_SERVER && event->flags & DATA_BLOCKING) {
		thread->python_step = PYTHON_SERVES;
		thread->python_family = 1; /* until it waits */
		thread->python_context = 0;
		if (python->jobs)
			bpf_map_delete_elem(&python_jobs, &tid);
	}
}

/* What an operation on `conn` says of whose work it is. */
static __noinline void python_describe(
	const struct frame *frame, struct conn_state *conn, struct event_data *event)
{
	struct python_process *python = python_process(frame->pid_tgid >> 32);
	struct python_node *node = NULL;
	struct python_key key;

	if (!python)
		return;
	event->evidence_type = EVIDENCE_PYTHON;
	if (event->direction == DIRECTION_TX && python->buffers &&
		python_flushed(frame, conn, event))
		return;
	key = python_key(python, frame, python_entered(python, python_thread_state(python)));
	if (key.address) {
		node = bpf_map_lookup_elem(&python_nodes, &key);
		python_told(event, node);
	} else if (event->direction == DIRECTION_TX || event->flags & DATA_PLAINTEXT ||
		   (conn->role != ROLE_CLIENT && event->flags & DATA_BLOCKING)) {
		python_blocked(python, frame, conn, event);
		return;
	} else {
		frame->thread->python_family = 0;
	}
	if (event->direction == DIRECTION_RX && conn->role != ROLE_CLIENT)
		event->evidence = python_received(frame, conn, &key, node);
}

#endif /* TRACELET_BPF_PYTHON_CALLS_H */
