/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * A goroutine that has never had to wait may still have found another request's work in a queue. The
 * function that took it is one of those on its stack (or was called by one of them), so the stack is
 * walked, by the frame pointers that Go's compiler always keeps, and each return address is looked up
 * among the functions that take values from channels, which user space has found in the file.
 */
#ifndef TRACELET_BPF_GO_TAKERS_H
#define TRACELET_BPF_GO_TAKERS_H

#include "socket.h"

#define GO_FRAMES 32

/* Filled by user space before a program of the file is followed. */
__weak SEC(".maps") struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1 << 18);
	__type(key, struct go_block);
	__type(value, __u32);
} go_takers;

/* Whether one of the goroutine's functions may have given it work; also when not all of them are seen.
 * `address` is in the innermost function that counts, `frame` the frame pointer there. */
static __noinline int go_takes(const struct go_program *program, __u64 address, __u64 frame)
{
	struct {
		__u64 frame;
		__u64 address;
	} caller;
	struct go_block block;

	if (!program)
		return 1;
	block.file = program->file;
	for (int i = 0; i < GO_FRAMES; i++) {
		block.number = (address - program->bias) / GO_BLOCK;
		if (bpf_map_lookup_elem(&go_takers, &block))
			return 1;
		if (!frame)
			return 0; /* the goroutine's first function */
		if (bpf_probe_read_user(&caller, sizeof(caller), (void *)frame))
			return 1;
		address = caller.address;
		frame = caller.frame;
	}
	return 1;
}

#endif /* TRACELET_BPF_GO_TAKERS_H */
