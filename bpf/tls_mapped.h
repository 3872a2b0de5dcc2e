/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Who maps a TLS library, or one of CPython's that is probed? */
#ifndef TRACELET_BPF_TLS_MAPPED_H
#define TRACELET_BPF_TLS_MAPPED_H

#include "emit.h"
#include "task.h"

/* A file was mapped to be executed: user space is told of those that may be such libraries. */
static __noinline void tls_mapped(__u64 protection, __u32 fd)
{
	struct frame frame = {};
	struct event_header *event;
	struct file *file;
	void *ring;
	__u64 name[2] = {};

	if (!(protection & 4 /* PROT_EXEC */) || (__s32)fd < 0)
		return;
	file = (void *)task_file(fd);
	if (!file)
		return;
	bpf_probe_read_kernel_str(
		name, sizeof(name), BPF_CORE_READ(file, f_path.dentry, d_name.name));
	if ((name[0] & 0xffffffffffffULL) != 0x6c737362696cULL && /* libssl */
		name[0] != 0x6c74756e6762696cULL &&		  /* libgnutl */
		name[0] != 0x797474656e62696cULL &&		  /* libnetty */
		name[0] != 0x7970632e706f6f6cULL &&		  /* loop.cpy */
		name[0] != 0x632e65756575715fULL)		  /* _queue.c */
		return;
	if (!frame_init(&frame))
		return;
	ring = emit_ring(frame.cpu);
	event = ring ? emit_reserve(ring, sizeof(*event), frame.cpu, EVENT_MAPPED) : NULL;
	if (!event)
		return;
	frame_header(&frame, event);
	/* Woken at once: the process is about to use it. */
	bpf_ringbuf_submit(event, BPF_RB_FORCE_WAKEUP);
}

#endif /* TRACELET_BPF_TLS_MAPPED_H */
