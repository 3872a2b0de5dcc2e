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

/* Could a message begin with the lowest three of these bytes, of which `size` count? Upper-case
 * method or "HTTP". Only asked where no change of direction says so. All bytes at once, by their high bits:
 * branches are what the verifier takes its time for. */
static __always_inline bool head_may_begin(__u32 first4, __u32 size)
{
	__u32 mask = size > 2 ? 0x808080 : size > 1 ? 0x8080 : 0x80, low = first4 & 0x7f7f7f;
	__u32 from_a = (low | 0x808080) - 0x414141, to_z = 0xdadada - low;
	__u32 not_dash = (low ^ 0x2d2d2d) + 0x7f7f7f;

	return size && (((from_a & to_z) | ~not_dash) & ~first4 & mask) == mask;
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

/* Whether a message begins at `user`, of whose bytes `left` count. Global, as head_end() is. */
__weak __noinline int head_begins(__u64 user, __u32 left)
{
	__u32 first4 = 0;

	return left && !bpf_probe_read_user(&first4, sizeof(first4), (void *)user) &&
	       head_may_begin(first4, left);
}

/* Searched at a time. */
#define HEAD_STRIDE 64

struct head_window {
	__u64 before; /* newlines in the word before what is searched next */
	__u8 bytes[HEAD_MIN + HEAD_STRIDE];
};

/* "HTTP/1.1 101": what follows the head is another protocol. */
#define HEAD_STATUS_LINE 12
static __always_inline bool head_switches(const __u8 *bytes)
{
	return *(__u64 *)bytes == 0x312e312f50545448ULL && *(__u32 *)(bytes + 8) == 0x31303120;
}

/* Where head_end() reads to: too large for the stack. In scratch.h. */
static struct head_window *head_window_here(void);
static struct head_window *head_window_inlined(void);

/*
 * Functions that search are global: the verifier checks those once, for any arguments, instead of
 * once for every place where the search may stop. That is most of the time in which the programs load.
 */

/* Index of the byte after the first blank line among HEAD_STRIDE bytes of the window; 0 if there is none. */
__weak __noinline __u32 head_stride(__u32 from)
{
	struct head_window *window = head_window_inlined();

	if (!window || from >= HEAD_MIN)
		return 0;
#pragma unroll
	for (__u32 word = 0; word < HEAD_STRIDE; word += 8) {
		__u64 lines = head_newlines(*(__u64 *)(window->bytes + from + word));
		__u64 blanks = lines ? head_blanks(lines, window->before) : 0;

		if (blanks)
			return from + word + head_after(blanks);
		window->before = lines;
	}
	return 0;
}

/* Bytes up to the end of the first blank line among the next HEAD_MIN of the
 * `left` bytes; 0 if there is none. */
static __always_inline __u32 head_end_here(__u64 user, __u32 left)
{
	struct head_window *window = head_window_here();
	__u32 size = left, end = 0;

	barrier_var(size); /* older verifiers see the bound only on this very register */
	if (size > HEAD_MIN)
		size = HEAD_MIN;
	if (!window || bpf_probe_read_user(window->bytes, size, (void *)user))
		return 0;
	for (__u32 from = 0; from < HEAD_MIN && from < left && !end; from += HEAD_STRIDE)
		end = head_stride(from);
	if (end > left) /* what an earlier search left behind */
		end = 0;
	if (end)
		window->before = 0;
	return end;
}

/* Steps of one head_end(): windows, and heads that follow each other. */
#define HEAD_STEPS 64
#define HEAD_CLOSED                                                                                \
	(1U << 31) /* above the length of any operation, MAX_RW_COUNT of include/linux/fs.h */

/* One of them: how many of the `left` bytes before `user_end` are left behind it. */
__weak __noinline __u32 head_step(__u64 user_end, __u32 left)
{
	__u32 end = head_end_here(user_end - left, left);

	if (!end)
		return left > HEAD_MIN ? left - HEAD_MIN : 0;
	left -= end;
	return head_begins(user_end - left, left) ? left : left | HEAD_CLOSED;
}

/*
 * Bytes up to and including the blank line after which no further message begins
 * (pipelined heads are one stretch); 0 when the head goes on. Reads user memory
 * itself, so that what follows the head is never copied out.
 */
__weak __noinline __u32 head_end(__u64 user, __u32 length)
{
	struct head_window *window = head_window_here();
	__u64 user_end = user + length;
	__u32 left = length;

	if (!window)
		return 0;
	window->before = 0;
	for (__u32 i = 0; i < HEAD_STEPS && (__s32)left > 0; i++)
		left = head_step(user_end, left);
	return left & HEAD_CLOSED ? length - (left & ~HEAD_CLOSED) : 0;
}

/* Zeros written behind bytes, so that pairs of words can be searched. */
#define HEAD_SENTINEL 16

/* Whether the head ends among the first `size` <= HEAD_MIN bytes, which were read from
 * `user`, as head_end() says. Most end with the last of them. `place` is in a map: what is read from there the
 * verifier knows nothing of, so what follows the search is looked at once, and not for each place where it may stop. */
static __always_inline bool head_closes(__u8 *bytes, __u32 size, __u64 user, volatile __u32 *place)
{
	__u64 before = 0, first, second, blanks = 0;
	__u32 i, end;

	if (size >= 4 && size <= HEAD_MIN && head_blank(*(__u32 *)(bytes + size - 4)))
		return true;
	if (size <= HEAD_MIN) {
		*(__u64 *)(bytes + size) = 0;
		*(__u64 *)(bytes + size + 8) = 0;
	}
	for (i = 0; i < HEAD_MIN && i < size; i += 16) {
		first = head_newlines(*(__u64 *)(bytes + i));
		second = head_newlines(*(__u64 *)(bytes + i + 8));
		if (first | second) {
			blanks = head_blanks(first, before);
			if (blanks)
				break;
			blanks = head_blanks(second, first);
			if (blanks) {
				i += 8;
				break;
			}
		}
		before = second;
	}
	if (!blanks)
		return false;
	*place = i;
	end = *place + head_after(blanks);
	if (end >= size || end > HEAD_MIN || !head_may_begin(*(__u32 *)(bytes + end), size - end))
		return true;
	return head_end(user, size);
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
