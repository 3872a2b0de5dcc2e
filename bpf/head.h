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

/* Could a message begin with these bytes, of which `size` count? Upper-case method or
 * "HTTP". Only asked where no change of direction says so. */
static __always_inline bool head_may_begin(const __u8 *first3, __u32 size)
{
	for (__u32 i = 0; i < 3; i++) {
		if (i < size && (first3[i] < 'A' || first3[i] > 'Z') && first3[i] != '-')
			return false;
	}
	return size > 0;
}

/* In each byte that ends a blank line the high bit: a newline at most two bytes after another. */
static __always_inline __u64 head_blanks(__u64 lines, __u64 before)
{
	return lines & (lines << 8 | before >> 56 | lines << 16 | before >> 48);
}

/* Index of the byte after the first one marked: the lowest bit times a table of 0..7. */
static __always_inline __u32 head_after(__u64 marks)
{
	return ((((marks & -marks) >> 7) * 0x0001020304050607ULL) >> 56) + 1;
}

#define HEAD_WINDOW 64 /* all frames together have 512 bytes of stack */

/*
 * Bytes up to and including the blank line after which no further message begins
 * (pipelined heads are one stretch); 0 when the head goes on. Reads user memory
 * itself, so that what follows the head is never copied out. A global function,
 * which the verifier checks once, for any arguments, instead of once for every
 * place where the search may stop.
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
			__u64 lines = head_newlines(window[i]), blanks = head_blanks(lines, before);
			__u8 next[4] = {};
			__u32 end;

			before = lines;
			if (!blanks)
				continue;
			end = start + 8 * i + head_after(blanks);
			if (end >= length ||
				bpf_probe_read_user(next, sizeof(next), (void *)(user + end)) ||
				!head_may_begin(next, length - end))
				return end;
		}
	}
	return 0;
}

/* Written behind the bytes that head_closes() looks at. */
#define HEAD_SENTINEL 8

/* Whether the head ends among the first `size` <= HEAD_MIN bytes, as head_end() says. Most end with the last. */
static __always_inline bool head_closes(__u8 *bytes, __u32 size)
{
	__u64 before = 0, lines, blanks;

	if (size >= 4 && size <= HEAD_MIN && head_blank(*(__u32 *)(bytes + size - 4)))
		return true;
	if (size <= HEAD_MIN)
		*(__u64 *)(bytes + size) = 0;
	for (__u32 i = 0; i < HEAD_MIN && i < size; i += 8) {
		lines = head_newlines(*(__u64 *)(bytes + i));
		blanks = head_blanks(lines, before);
		before = lines;
		if (blanks) {
			__u32 end = i + head_after(blanks);

			if (end >= size || end > HEAD_MIN ||
				!head_may_begin(bytes + end, size - end))
				return true;
		}
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

#endif /* TRACELET_BPF_HEAD_H */
