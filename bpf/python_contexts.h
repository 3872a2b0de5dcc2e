/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Of which request a context is that CPython has just made. */
#ifndef TRACELET_BPF_PYTHON_CONTEXTS_H
#define TRACELET_BPF_PYTHON_CONTEXTS_H

#include "c_registers.h"
#include "python.h"

/* Offset of ob_type in every object (Include/object.h; not in builds without a GIL). */
#define PYTHON_TYPE 8

/* False, and the process is of no use any more, unless it is as its version's headers say: the
 * current context is an object of the new one's type, and there is one interpreter. */
static __always_inline bool python_sound(
	struct python_process *python, __u64 state, __u64 context, __u64 made)
{
	__u64 type = 0, type_made = 0, mine = 0, newest = 0;

	if (bpf_probe_read_user(&type, sizeof(type), (void *)(context + PYTHON_TYPE)) ||
		bpf_probe_read_user(&type_made, sizeof(type_made), (void *)(made + PYTHON_TYPE)) ||
		bpf_probe_read_user(&mine, sizeof(mine), (void *)(state + python->interpreter)) ||
		bpf_probe_read_user(&newest, sizeof(newest), (void *)python->interpreters))
		return false;
	if (type == type_made && mine == newest)
		return true;
	python->refused = 1;
	return false;
}

/* Of what a context is that `context` makes. */
static __always_inline struct python_node python_child(
	const struct python_process *python, const struct frame *frame, __u64 context)
{
	struct python_key key = python_key(python, frame, context);
	struct python_node *creator = bpf_map_lookup_elem(&python_nodes, &key);
	struct python_node node = {};

	bool for_it = frame->thread->python_family && frame->thread->python_context == context;

	if (creator && creator->family)
		node = *creator;
	if (for_it && (!node.family || frame->thread->python_step == PYTHON_CALLBACK)) {
		node.family = frame->thread->python_family;
		node.branch = 0;
		if (frame->thread->python_step != PYTHON_CALLBACK)
			frame->thread->python_family = 0;
	}
	if (node.family && !node.branch) {
		key.address = PYTHON_FRESH | node.family;
		if (!bpf_map_lookup_elem(&python_nodes, &key))
			node.branch = bpf_ktime_get_ns();
	}
	return node;
}

static __always_inline void python_made(struct pt_regs *regs, bool by_current)
{
	__u64 made = C_RESULT(regs), state, context;
	struct python_process *python;
	struct python_node node = {};
	struct frame frame = {};
	struct python_key key;

	python = python_process(bpf_get_current_pid_tgid() >> 32);
	if (!python || !made)
		return;
	if (!frame_init(&frame)) { /* an address that was known may be another's now */
		python->refused = 1;
		return;
	}
	state = python_thread_state(python);
	context = python_entered(python, state);
	if (context && by_current && python_sound(python, state, context, made))
		node = python_child(python, &frame, context);
	key = python_key(python, &frame, made);
	python_remember(&key, &node);
}

#endif /* TRACELET_BPF_PYTHON_CONTEXTS_H */
