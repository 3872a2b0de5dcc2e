/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * How much of an operation is copied: message heads, not bodies. This knows
 * blank lines and nothing else of any protocol (DESIGN §4: framing, not meaning).
 */
#ifndef TRACELET_BPF_HEAD_H
#define TRACELET_BPF_HEAD_H

#include "maps.h"

/* These many bytes after a change of direction are reported whatever they are. */
#define HEAD_MIN 256

#define HEAD_NEWLINES 0x0a0a0a0a0a0a0a0aULL
#define HEAD_LOW_BITS 0x7f7f7f7f7f7f7f7fULL

/* High bit set in each byte of `word` that is '\n' (exact, no false hits). */
static __always_inline __u64 head_newlines(__u64 word)
{
	__u64 x = word ^ HEAD_NEWLINES;

	return ~(((x & HEAD_LOW_BITS) + HEAD_LOW_BITS) | x | HEAD_LOW_BITS);
}

/* Two newlines at most one byte apart. A field line has at least two bytes, so this is a blank line. */
static __always_inline bool head_blank(__u32 last4)
{
	/* Little-endian: the last byte is the highest. */
	return last4 >> 16 == 0x0a0a || last4 >> 8 == 0x0a0d0a;
}

#define HEAD_WINDOW 64 /* all frames together have 512 bytes of stack */

/*
 * Bytes up to and including the word with the first blank line; 0 when there is none.
 * Reads user memory itself, so that what follows the head is never copied out. A
 * global function, which the verifier checks once, for any arguments, instead of
 * once for every place where the search may stop.
 */
__weak __noinline __u32 head_end(__u64 user, __u32 length)
{
	__u64 window[HEAD_WINDOW / 8], before = 0;

	for (__u32 start = 0; start < EVENT_DATA_MAX; start += HEAD_WINDOW) {
		__u32 size = HEAD_WINDOW;

		if (start >= length)
			return 0;
		if (size > length - start)
			size = length - start;
		__builtin_memset(window, 0, sizeof(window));
		if (bpf_probe_read_user(window, size, (void *)(user + start)))
			return 0;
		for (__u32 i = 0; i < HEAD_WINDOW / 8; i++) {
			__u64 lines = head_newlines(window[i]);

			if (lines & (lines << 8 | before >> 56 | lines << 16 | before >> 48))
				return start + 8 * (i + 1);
			before = lines;
		}
	}
	return 0;
}

/* Written behind the bytes that head_closes() looks at. */
#define HEAD_SENTINEL 8

/* Whether a head ends among the first `size` <= HEAD_MIN bytes. Most end with the last of them. */
static __always_inline bool head_closes(__u8 *bytes, __u32 size)
{
	__u64 before = 0, lines;

	if (size >= 4 && size <= HEAD_MIN && head_blank(*(__u32 *)(bytes + size - 4)))
		return true;
	if (size <= HEAD_MIN)
		*(__u64 *)(bytes + size) = 0;
	for (__u32 i = 0; i < HEAD_MIN && i < size; i += 8) {
		lines = head_newlines(*(__u64 *)(bytes + i));
		if (lines & (lines << 8 | before >> 56 | lines << 16 | before >> 48))
			return true;
		before = lines;
	}
	return false;
}

/* How many of these bytes belong to the head, or are to be reported anyway, and
 * whether the head ends among them. Most heads end with the operation. */
static __always_inline __u32 head_cut(__u64 user, __u32 length, bool *closed)
{
	__u32 last4 = 0, end;

	*closed = false;
	if (length >= 4 &&
		!bpf_probe_read_user(&last4, sizeof(last4), (void *)(user + length - 4)) &&
		head_blank(last4)) {
		*closed = true;
		return length;
	}
	end = head_end(user, length);
	if (!end)
		return length;
	*closed = true;
	if (end < HEAD_MIN)
		end = HEAD_MIN;
	return length < end ? length : end;
}

/* Could a message begin here? Upper-case method, "HTTP", or the empty line that
 * some clients send first. Only asked where no change of direction says so. */
static __always_inline bool head_may_begin(const __u8 *first4)
{
	for (int i = 0; i < 3; i++) {
		if ((first4[i] < 'A' || first4[i] > 'Z') && first4[i] != '-')
			return false;
	}
	return true;
}

#endif /* TRACELET_BPF_HEAD_H */
