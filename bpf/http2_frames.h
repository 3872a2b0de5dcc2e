/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* The frames of an operation on a connection that is known to speak HTTP/2: copied or skipped, one by one. */
#ifndef TRACELET_BPF_HTTP2_FRAMES_H
#define TRACELET_BPF_HTTP2_FRAMES_H

#include "go_calls.h"
#include "report.h"

#define HTTP2_HEADER 9
#define HTTP2_PREFACE 24
#define HTTP2_COPY_DATA 16
#define HTTP2_COPY_MAX EVENT_HEAD_MAX /* of any frame */
#define HTTP2_STEPS                                                                                \
	100 /* with the next: frames of one operation that are walked, or pieces of them */
#define HTTP2_ROUNDS 80	 /* together 8,000: 64 KiB have at most 7,282 frames */
#define HTTP2_LOOKS 23	 /* squared: the same that are only looked at */
#define HTTP2_READ 64	 /* bytes read with a header: most frames are not longer */
#define HTTP2_PIECE 256	 /* bytes read at once of longer ones */
#define HTTP2_STAGE 1024 /* bytes of one event, about */

enum http2_type {
	HTTP2_DATA = 0,
	HTTP2_HEADERS = 1,
	HTTP2_PRIORITY = 2,
	HTTP2_RST_STREAM = 3,
	HTTP2_SETTINGS = 4,
	HTTP2_PUSH_PROMISE = 5,
	HTTP2_PING = 6,
	HTTP2_GOAWAY = 7,
	HTTP2_WINDOW_UPDATE = 8,
	HTTP2_CONTINUATION = 9,
};

/* The event in progress: bytes to copy, then bytes to skip. In scratch.h. */
struct http2_stage {
	__u32 filled;
	__u32 behind;
	__u32 begins; /* with a frame */
	__u32 frames; /* that http2_probe() saw, and of these HEADERS */
	__u32 heads;
	__u32 pad;
	__u8 bytes[HTTP2_STAGE + HTTP2_PIECE + HTTP2_HEADER + HTTP2_READ + 7];
};

static struct http2_stage *http2_stage_here(void);

static __always_inline __u32 http2_word(const __u8 *bytes)
{
	return (__u32)bytes[0] << 24 | (__u32)bytes[1] << 16 | (__u32)bytes[2] << 8 | bytes[3];
}

static __always_inline void http2_enter(struct http2_frames *frames, __u32 length_and_type)
{
	__u32 length = length_and_type >> 8, copy = HTTP2_COPY_MAX;

	if ((length_and_type & 0xff) == HTTP2_DATA)
		copy = HTTP2_COPY_DATA;
	frames->left = length;
	frames->copy = length < copy ? length : copy;
	frames->have = 0;
}

static __always_inline void http2_consume(struct report *report, __u32 count)
{
	report->left -= count;
	report->user += count;
	report->segment_left -= count;
}

/* Bytes that lie in one piece; 0: none can be read. */
static __always_inline __u32 http2_available(struct report *report)
{
	if (!report->segment_left)
		report_load_segment(report);
	return report->segment_left < report->left ? report->segment_left : report->left;
}

static __always_inline void http2_submit(
	struct report *report, struct http2_stage *stage, const __u32 capacity)
{
	__u32 cpu = bpf_get_smp_processor_id(), captured = stage->filled;
	void *ring = emit_ring(cpu);
	struct event_data *event;

	if (!ring)
		return;
	event = report_reserve(report, ring, cpu, capacity);
	if (!event)
		return;
	event->flags = report->op.flags | (stage->begins ? DATA_FRAME : 0);
	barrier_var(captured); /* older verifiers see the bound only on this very register */
	if (captured > capacity)
		captured = capacity;
	bpf_probe_read_kernel(event->bytes, captured, stage->bytes);
	report_submit(report, event, stage->filled + stage->behind, captured);
}

__noinline int http2_flush(void)
{
	struct http2_stage *stage = http2_stage_here();
	struct report *report = report_here();

	if (!report || !stage || !(stage->filled + stage->behind))
		return 0;
	if (stage->filled <= HEAD_MIN)
		http2_submit(report, stage, HEAD_MIN);
	else
		http2_submit(report, stage, sizeof(stage->bytes));
	report->event.offset += stage->filled + stage->behind;
	stage->filled = 0;
	stage->behind = 0;
	return 0;
}

/* A header of which not all bytes lie together: one byte of it. */
static __always_inline int http2_byte(
	struct report *report, struct http2_stage *stage, __u32 filled)
{
	struct http2_frames *frames = &report->frames;
	__u8 byte = 0;

	if (report_relays(report)) /* whose call it begins is not looked up */
		go_no_call(&report->event);

	if (bpf_probe_read_user(&byte, 1, (void *)report->user))
		return 0;
	stage->bytes[filled] = byte;
	stage->filled = filled + 1;
	http2_consume(report, 1);
	if (frames->have < sizeof(frames->header))
		frames->header = frames->header << 8 | byte;
	if (++frames->have == HTTP2_HEADER)
		http2_enter(frames, frames->header);
	return 1;
}

/* A whole header and the beginning of its payload. */
static __always_inline int http2_head(
	struct report *report, struct http2_stage *stage, __u32 filled, __u32 available)
{
	struct http2_frames *frames = &report->frames;
	__u32 size = available, taken;

	barrier_var(size);
	if (size > HTTP2_HEADER + HTTP2_READ)
		size = HTTP2_HEADER + HTTP2_READ;
	if (bpf_probe_read_user(stage->bytes + filled, size, (void *)report->user))
		return 0;
	if (report_relays(report) && stage->bytes[filled + 3] == HTTP2_HEADERS &&
		!go_call_begins(&report->event, report->go.relay,
			http2_word(stage->bytes + filled + 5), filled)) {
		http2_flush(); /* the frame comes again, in an event of its own */
		return 1;
	}
	http2_enter(frames, http2_word(stage->bytes + filled));
	taken = size - HTTP2_HEADER < frames->copy ? size - HTTP2_HEADER : frames->copy;
	frames->copy -= taken;
	frames->left -= taken;
	stage->filled = filled + HTTP2_HEADER + taken;
	http2_consume(report, HTTP2_HEADER + taken);
	return 1;
}

static __always_inline int http2_payload(
	struct report *report, struct http2_stage *stage, __u32 filled, __u32 available)
{
	struct http2_frames *frames = &report->frames;
	__u32 size = available < frames->copy ? available : frames->copy;

	barrier_var(size);
	if (size > HTTP2_PIECE)
		size = HTTP2_PIECE;
	if (bpf_probe_read_user(stage->bytes + filled, size, (void *)report->user))
		return 0;
	frames->copy -= size;
	frames->left -= size;
	stage->filled = filled + size;
	http2_consume(report, size);
	return 1;
}

/* Takes some of the next bytes. Returns 0 when there are none, or none that can be read. */
__noinline int http2_step(void)
{
	struct http2_stage *stage = http2_stage_here();
	struct report *report = report_here();
	struct http2_frames *frames;
	__u32 available, filled;

	if (!report || !stage || !report->left)
		return 0;
	frames = &report->frames;
	if (frames->left && !frames->copy) { /* whoever cannot read it can skip it */
		available = report->op.buffer ? http2_available(report) : report->left;
		if (!available)
			return 0;
		if (available > frames->left)
			available = frames->left;
		stage->behind += available;
		frames->left -= available;
		http2_consume(report, available);
		return 1;
	}
	available = http2_available(report);
	if (!available)
		return 0;
	if (stage->behind || stage->filled > HTTP2_STAGE)
		http2_flush();
	filled = stage->filled;
	if (filled > HTTP2_STAGE)
		return 0;
	if (!filled)
		stage->begins = frames->preface || (!frames->left && !frames->have);
	frames->preface = 0;
	if (frames->copy)
		return http2_payload(report, stage, filled, available);
	if (frames->have || available < HTTP2_HEADER)
		return http2_byte(report, stage, filled);
	return http2_head(report, stage, filled, available);
}

/* The verifier goes through each round of a loop: a loop in a loop has fewer. */
__noinline int http2_steps(void)
{
	struct report *report = report_here();
	int more = 1;

	if (!report)
		return 0;
	for (int i = 0; i < HTTP2_STEPS && more && !report->frames.lost; i++)
		more = http2_step();
	return more;
}

#endif /* TRACELET_BPF_HTTP2_FRAMES_H */
