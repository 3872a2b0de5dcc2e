/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * HTTP/2: which bytes of an operation are copied. Frames say themselves how long they
 * are (RFC 9113 §4.1), so the nine bytes of each header are read and the frames walked: DATA
 * is copied to 16 bytes, which is padding and a gRPC prefix, everything else whole. What
 * frames mean is left to user space; an event tells whether it begins with one (DATA_FRAME).
 *
 *   state       of a connection: http2_conn.state         leaves it when
 *   UNKNOWN     nothing was read yet; or, of an older      the client's preface comes, or
 *               one, nothing that decides                  HTTP2_EVIDENCE frames in a row, each
 *                                                          sound, end with their operations
 *   MAYBE       the server spoke first, as it may          the client speaks
 *   UPGRADING   HTTP/1.1 said 101                          the client speaks
 *   YES, NOT                                               never; NOT: by a 101
 *
 * A direction is lost when its bytes went unseen or could not be read; it is found again
 * by an operation that begins and ends with frames. Nothing is copied until then.
 */
#ifndef TRACELET_BPF_HTTP2_H
#define TRACELET_BPF_HTTP2_H

#include "report.h"

#define HTTP2_HEADER 9
#define HTTP2_PREFACE 24
#define HTTP2_PREFACE_BEGIN 0x5448202a20495250ULL /* "PRI * HT" */
#define HTTP2_COPY_DATA 16
#define HTTP2_COPY_MAX EVENT_HEAD_MAX /* of any frame */
#define HTTP2_STEPS 23	 /* squared: frames of one operation that are walked, or pieces of them */
#define HTTP2_READ 64	 /* bytes read with a header: most frames are not longer */
#define HTTP2_PIECE 256	 /* bytes read at once of longer ones */
#define HTTP2_STAGE 1024 /* bytes of one event, about */
#define HTTP2_EVIDENCE 3
#define HTTP2_TRIES 64

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
	report_submit(report, ring, event, stage->filled + stage->behind, captured);
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

/* What RFC 9113 §6 lets a client's stream or the connection have. Of pushed streams,
 * which are even, nothing is believed. */
static __always_inline bool http2_sound(const __u8 *header)
{
	__u32 word = http2_word(header), length = word >> 8, stream = http2_word(header + 5);
	__u8 flags = header[4];

	if (length > 1 << 22)
		return false;
	switch (word & 0xff) {
	case HTTP2_DATA:
		return stream & 1 && !(flags & ~0x9) && !(stream >> 31) && length + flags;
	case HTTP2_HEADERS:
		return stream & 1 && !(flags & ~0x2d) && !(stream >> 31) && length;
	case HTTP2_CONTINUATION:
		return stream & 1 && !(flags & ~0x4) && !(stream >> 31);
	case HTTP2_PRIORITY:
		return stream && !(stream >> 31) && !flags && length == 5;
	case HTTP2_RST_STREAM:
		return stream && !(stream >> 31) && !flags && length == 4;
	case HTTP2_WINDOW_UPDATE:
		return !(stream >> 31) && !flags && length == 4;
	case HTTP2_SETTINGS:
		return !stream && !(flags & ~0x1) && length % 6 == 0;
	case HTTP2_PING:
		return !stream && !(flags & ~0x1) && length == 8;
	case HTTP2_GOAWAY:
		return !stream && !flags && length >= 8;
	default:
		return false;
	}
}

/* As http2_step(), but only looks. Returns 0 at the end, or where no frame can be. */
__noinline int http2_probe_step(void)
{
	struct http2_stage *stage = http2_stage_here();
	struct report *report = report_here();
	__u32 available;

	if (!report || !stage || !report->left)
		return 0;
	available = http2_available(report);
	if (report->frames.left) {
		if (available > report->frames.left)
			available = report->frames.left;
		report->frames.left -= available;
		http2_consume(report, available);
		return available;
	}
	if (available < HTTP2_HEADER ||
		bpf_probe_read_user(stage->bytes, HTTP2_HEADER, (void *)report->user) ||
		!http2_sound(stage->bytes)) {
		stage->frames = 0;
		return 0;
	}
	stage->frames++;
	stage->heads += stage->bytes[3] == HTTP2_HEADERS;
	report->frames.left = http2_word(stage->bytes) >> 8;
	http2_consume(report, HTTP2_HEADER);
	return 1;
}

/* A loop in a loop: the verifier goes through the rounds of each once. */
__noinline int http2_probe_steps(void)
{
	int more = 1;

	for (int i = 0; i < HTTP2_STEPS && more; i++)
		more = http2_probe_step();
	return more;
}

/* The number of frames of which the operation consists; 0 if it does not. */
__noinline int http2_probe(void)
{
	struct http2_stage *stage = http2_stage_here();
	struct report *report = report_here();
	int more = 1;

	if (!report || !stage)
		return 0;
	stage->frames = 0;
	stage->heads = 0;
	report->frames.left = 0;
	for (int i = 0; i < HTTP2_STEPS && more; i++)
		more = http2_probe_steps();
	if (report->left || report->frames.left)
		stage->frames = 0;
	report->frames.left = 0;
	report_begin(report);
	return stage->frames;
}

static __always_inline void http2_found(struct report *report, __u8 state, __u32 frame_left)
{
	report->http2.state = state;
	report->frames.left = frame_left;
	report->frames.copy = frame_left;
	report->frames.have = 0;
	report->frames.preface = !!frame_left;
	report->frames.lost = 0;
	report->frames.walked = 1;
}

/* An operation on a connection that is older than its entry: frames in a row, or not. */
static __always_inline void http2_weigh(struct report *report)
{
	struct http2_stage *stage = http2_stage_here();
	int frames = http2_probe();

	if (!stage)
		return;
	if (frames <= 0) {
		report->http2.frames = 0;
		report->http2.heads = 0;
		if (++report->http2.tries == HTTP2_TRIES)
			report->http2.state = HTTP2_NOT;
		return;
	}
	report->http2.frames =
		frames > HTTP2_EVIDENCE ? HTTP2_EVIDENCE : report->http2.frames + frames;
	report->http2.heads |= !!stage->heads;
	if (report->http2.frames >= HTTP2_EVIDENCE && report->http2.heads) {
		http2_found(report, HTTP2_YES, 0);
		report->other_lost = 1;
	}
}

/* A server's SETTINGS, of not too many settings. */
static __always_inline bool http2_is_settings(__u64 first8)
{
	__u32 length = first8 >> 16 & 0xff;

	return (first8 & ~0xff0000ULL) == 0x04000000 && length % 6 == 0 && length <= 192;
}

/* An older connection's bytes are weighed; a new one's begin as they must. Text is no frame: it
 * would be one of four megabytes. */
static __always_inline void http2_decide(struct report *report)
{
	__u8 state = report->http2.state;
	__u64 first8 = 0;

	if (report->segment_left < sizeof(first8) || report->left < sizeof(first8) ||
		bpf_probe_read_user(&first8, sizeof(first8), (void *)report->user))
		return;
	if (first8 == HTTP2_PREFACE_BEGIN) {
		report->other_lost = report->other_begun && !report->other_walked;
		http2_found(report, HTTP2_YES, HTTP2_PREFACE);
	} else if (state == HTTP2_MAYBE) {
		if (!report->frames.walked)
			report->http2.state = HTTP2_NOT;
	} else if ((!report->event.offset || state == HTTP2_UPGRADING) &&
		   http2_is_settings(first8)) {
		http2_found(report, state == HTTP2_UPGRADING ? HTTP2_UPGRADING : HTTP2_MAYBE, 0);
	} else if (state == HTTP2_UPGRADING) {
		if (!report->frames.walked)
			report->http2.state = HTTP2_NOT;
	} else if ((!report->event.offset && !report->other_begun) || (first8 & 0xff) >= 'A') {
		report->http2.state = HTTP2_NOT;
	} else {
		http2_weigh(report);
	}
}

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

/* Reports the operation in report_here() if it consists of frames; else returns 0 and leaves it
 * as it was. */
__weak __noinline int http2_operation(void)
{
	struct http2_stage *stage = http2_stage_here();
	struct report *report = report_here();
	int more = 1;

	if (!report || !stage)
		return 0;
	if (report->http2.state != HTTP2_YES)
		http2_decide(report);
	if (report->http2.state == HTTP2_NOT || report->http2.state == HTTP2_UNKNOWN ||
		!(report->http2.state == HTTP2_YES || report->frames.walked))
		return 0;
	if (report->op.flags & DATA_GAP_BEFORE)
		report->frames.lost = 1;
	if (report->frames.lost && http2_probe() > 0)
		http2_found(report, report->http2.state, 0);
	stage->filled = 0;
	stage->behind = 0;
	stage->begins = 0;
	for (int i = 0; i < HTTP2_STEPS && more && !report->frames.lost; i++)
		more = http2_steps();
	if (report->left) {
		if (!report->frames.lost)
			LEDGER_ADD(frames_lost);
		report->frames.lost = 1;
		stage->behind += report->left;
		report->left = 0;
	}
	http2_flush();
	return 1;
}

#endif /* TRACELET_BPF_HTTP2_H */
