/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* What sys_exit learns and tells of CPython's contexts: python.h says what they mean. */
#ifndef TRACELET_BPF_PYTHON_CALLS_H
#define TRACELET_BPF_PYTHON_CALLS_H

#include "python.h"

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
	if (!context)
		return;
	conn->python_family = python_new_family();
	frame->thread->python_family = conn->python_family;
	frame->thread->python_context = context;
	key = python_key(python, frame, PYTHON_FRESH | conn->python_family);
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

/* A read of a server's connection. `node` is the context's, NULL if it is not known. */
static __always_inline __u64 python_received(const struct python_process *python,
	const struct frame *frame, struct conn_state *conn, struct python_key *key,
	const struct python_node *node)
{
	struct python_node first = {};
	__u64 family = node ? node->family : 0;

	if (!family) {
		if (!conn->python_family)
			conn->python_family = python_new_family();
		family = conn->python_family;
		first.family = family;
		python_remember(key, &first);
	}
	python_first_read(conn, key, family);
	return family;
}

/* What an operation on `conn` says of whose work it is. */
static __noinline void python_describe(
	const struct frame *frame, struct conn_state *conn, struct event_data *event)
{
	struct python_process *python = python_process(frame->pid_tgid >> 32);
	struct python_node *node;
	struct python_key key;
	__u64 context;

	if (!python)
		return;
	event->evidence_type = EVIDENCE_PYTHON;
	context = python_entered(python, python_thread_state(python));
	if (!context)
		return;
	key = python_key(python, frame, context);
	node = bpf_map_lookup_elem(&python_nodes, &key);
	if (node) {
		event->evidence = node->family;
		event->evidence_parent = node->branch;
	}
	if (event->direction == DIRECTION_RX && conn->role != ROLE_CLIENT)
		event->evidence = python_received(python, frame, conn, &key, node);
}

#endif /* TRACELET_BPF_PYTHON_CALLS_H */
