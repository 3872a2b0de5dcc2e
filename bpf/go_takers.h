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

/* A bit for each GO_BLOCK bytes of a file's code, from address 0 as linked up to the last such function: sized by
 * user space (BPF_F_INNER_MAP, Linux 5.10: 4a8f87e60f6d). */
struct go_takers_of_file {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_INNER_MAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
};

/* By go_program.file. Filled by user space before a program of the file is followed. */
__weak SEC(".maps") struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, GO_FILES);
	__type(key, __u32);
	__array(values, struct go_takers_of_file);
} go_takers;

/* Whether one of the goroutine's functions may have given it work; also when not all of them are seen.
 * `address` is in the innermost function that counts, as linked with `bias` added, `frame` the frame pointer there.
 * A global function: the verifier goes through it once. */
__weak __noinline int go_takes(__u32 file, __u64 bias, __u64 address, __u64 frame)
{
	struct {
		__u64 frame;
		__u64 address;
	} caller;
	void *takers;
	__u64 block, *word;
	__u32 index;

	index = file;
	takers = bpf_map_lookup_elem(&go_takers, &index);
	if (!takers)
		return 1;
	for (int i = 0; i < GO_FRAMES; i++) {
		block = (address - bias) / GO_BLOCK;
		index = block / 64;
		word = bpf_map_lookup_elem(takers, &index);
		if (word && *word >> block % 64 & 1)
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

/* Whether the function at `begin`, of `size` bytes, has called the one with this frame, itself or by others. */
__weak __noinline int go_within(__u64 begin, __u64 size, __u64 frame)
{
	struct {
		__u64 frame;
		__u64 address;
	} caller;

	for (int i = 0; i < GO_FRAMES && frame; i++) {
		if (bpf_probe_read_user(&caller, sizeof(caller), (void *)frame))
			return 0;
		if (caller.address - begin < size)
			return 1;
		frame = caller.frame;
	}
	return 0;
}

#endif /* TRACELET_BPF_GO_TAKERS_H */
