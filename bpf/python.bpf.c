// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * Probes on what makes contexts in CPython: see python.h. User space attaches them, once per
 * file, before it enters a process into `python_processes`. They run at the return, because
 * the new context is known there, and not before. C code: its stacks may be probed so.
 */
#include "python_contexts.h"
#include "socket.h"

/* PyContext_CopyCurrent */
SEC("uretprobe")
int python_copied_current(struct pt_regs *regs)
{
	python_made(regs, true);
	return 0;
}

/* PyContext_Enter, Context.run() */
SEC("uprobe")
int python_enters(struct pt_regs *regs)
{
	struct python_process *python = python_process(bpf_get_current_pid_tgid() >> 32);
	struct python_node listener = { .branch = PYTHON_LISTENER };
	__u64 context = C_ARGUMENT_1(regs);
	struct frame frame = {};
	struct python_key key;
	__u32 step;

	if (!python || !frame_init(&frame))
		return 0;
	step = frame.thread->python_step;
	frame.thread->python_step = PYTHON_OTHER;
	if (step == PYTHON_READ) {
		frame.thread->python_context = context;
		frame.thread->python_step = PYTHON_CALLBACK;
	} else if (step == PYTHON_CALLBACK) {
		frame.thread->python_family = 0;
	} else if (step == PYTHON_ACCEPTED) {
		key = python_key(python, &frame, context);
		python_remember(&key, &listener);
	}
	return 0;
}

/* Context.copy(): of another, so that who makes it says nothing. contextvars.Context(): of none. */
SEC("uretprobe")
int python_copied_other(struct pt_regs *regs)
{
	python_made(regs, false);
	return 0;
}

/* In UVHandle (uvloop/handles/handle.pxd): its libuv handle, behind the object's head and its
 * table of methods. In uv_stream_t (include/uv/unix.h, the same since 1.0): what it belongs to,
 * and the descriptor. */
#define UVLOOP_HANDLE 24
#define UVLOOP_OWNER 0
#define UVLOOP_FD 184

static __always_inline struct conn_state *python_uvloop_conn(__u64 stream)
{
	__u64 handle = 0, owner = 0;
	struct socket_ref ref = {};
	__s32 fd = -1;

	if (bpf_probe_read_user(&handle, sizeof(handle), (void *)(stream + UVLOOP_HANDLE)) ||
		bpf_probe_read_user(&owner, sizeof(owner), (void *)(handle + UVLOOP_OWNER)) ||
		owner != stream ||
		bpf_probe_read_user(&fd, sizeof(fd), (void *)(handle + UVLOOP_FD)) || fd < 0 ||
		!socket_of_fd(fd, &ref))
		return NULL;
	return socket_conn(&ref);
}

/* UVStream.write, writelines: until something is written, the first one counts, and two are none. */
SEC("uprobe")
int python_buffers(struct pt_regs *regs)
{
	struct python_process *python = python_process(bpf_get_current_pid_tgid() >> 32);
	struct python_node node = {}, *known;
	struct conn_state *conn;
	struct frame frame = {};
	struct python_key key;

	if (!python || !frame_init(&frame))
		return 0;
	conn = python_uvloop_conn(C_ARGUMENT_1(regs));
	if (!conn || conn->role == ROLE_SERVER)
		return 0;
	python->buffers = 1;
	key = python_key(python, &frame, python_entered(python, python_thread_state(python)));
	known = key.address ? bpf_map_lookup_elem(&python_nodes, &key) : NULL;
	if (known && known->family)
		node = *known;
	key = python_buffer_key(&frame, conn);
	known = bpf_map_lookup_elem(&python_nodes, &key);
	if (!known) {
		python_remember(&key, &node);
	} else if (known->family != node.family || known->branch != node.branch) {
		known->family = 0;
		known->branch = 0;
	}
	return 0;
}

/* PyTypeObject.tp_name (Include/cpython/object.h). */
#define PYTHON_TYPE_NAME 24

static __always_inline bool python_is_job(__u64 object)
{
	static const char wanted[] = "_WorkItem";
	char name[sizeof(wanted)] = {};
	__u64 type = 0, text = 0;

	if (bpf_probe_read_user(&type, sizeof(type), (void *)(object + PYTHON_TYPE)) ||
		bpf_probe_read_user(&text, sizeof(text), (void *)(type + PYTHON_TYPE_NAME)) ||
		bpf_probe_read_user(name, sizeof(name), (void *)text))
		return false;
	for (__u32 i = 0; i < sizeof(name); i++) {
		if (name[i] != wanted[i])
			return false;
	}
	return true;
}

/* Who gives a job: what runs in a context without a family, or is a job itself, is nobody. */
static __always_inline struct python_node python_giver(
	const struct python_process *python, const struct frame *frame)
{
	__u64 context = python_entered(python, python_thread_state(python));
	struct python_node node = {};
	__u32 tid = frame->pid_tgid;

	if (context)
		return python_child(python, frame, context);
	if (frame->thread->python_step != PYTHON_SERVES || !frame->thread->python_family ||
		bpf_map_lookup_elem(&python_jobs, &tid))
		return node;
	node.family = PYTHON_GIVER | thread_name(frame->thread, tid);
	node.branch = frame->thread->attempts;
	return node;
}

/* SimpleQueue.put, put_nowait: (self, arguments, ...) */
SEC("uprobe")
int python_puts(struct pt_regs *regs)
{
	struct python_process *python = python_process(bpf_get_current_pid_tgid() >> 32);
	struct frame frame = {};
	struct python_node node;
	struct python_key key;
	__u64 object = 0;

	if (!python || !frame_init(&frame) ||
		bpf_probe_read_user(&object, sizeof(object), (void *)C_ARGUMENT_2(regs)) || !object)
		return 0;
	key = python_key(python, &frame, PYTHON_JOB | object);
	if (python_is_job(object)) {
		python->jobs = 1;
		node = python_giver(python, &frame);
		if (node.family) {
			python_remember(&key, &node);
			return 0;
		}
	}
	bpf_map_delete_elem(&python_nodes, &key); /* the address was another one's */
	return 0;
}

/* SimpleQueue.get, get_nowait */
SEC("uretprobe")
int python_got(struct pt_regs *regs)
{
	struct python_process *python = python_process(bpf_get_current_pid_tgid() >> 32);
	__u64 object = C_RESULT(regs);
	struct frame frame = {};
	struct python_node *job, mine;
	struct python_key key;
	__u32 tid;

	if (!python || !python->jobs || !frame_init(&frame))
		return 0;
	tid = frame.pid_tgid;
	key = python_key(python, &frame, PYTHON_JOB | object);
	job = object ? bpf_map_lookup_elem(&python_nodes, &key) : NULL;
	if (!job) {
		bpf_map_delete_elem(&python_jobs, &tid);
		return 0;
	}
	mine = *job;
	bpf_map_delete_elem(&python_nodes, &key);
	if (bpf_map_update_elem(&python_jobs, &tid, &mine, BPF_ANY))
		bpf_map_delete_elem(&python_jobs, &tid);
	return 0;
}
