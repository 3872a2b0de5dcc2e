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

#include "http2_frames.h"

#define HTTP2_PREFACE_BEGIN 0x5448202a20495250ULL /* "PRI * HT" */
#define HTTP2_EVIDENCE 3
#define HTTP2_TRIES 64

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

/* As http2_steps(). */
__noinline int http2_probe_steps(void)
{
	int more = 1;

	for (int i = 0; i < HTTP2_LOOKS && more; i++)
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
	for (int i = 0; i < HTTP2_LOOKS && more; i++)
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

/* An operation on a connection that is older than its entry: frames in a row, or not. One that begins with
 * text is none, which would be a frame of four megabytes; but it may begin in the middle of one, as what
 * is read into a small buffer does. */
static __always_inline void http2_weigh(struct report *report, bool text)
{
	struct http2_stage *stage = http2_stage_here();
	int frames = text ? 0 : http2_probe();

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

/* An older connection's bytes are weighed; a new one's begin as they must. */
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
	} else if (!report->event.offset && !report->other_begun) {
		report->http2.state = HTTP2_NOT;
	} else {
		http2_weigh(report, (first8 & 0xff) >= 'A');
	}
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
	for (int i = 0; i < HTTP2_ROUNDS && more && !report->frames.lost; i++)
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
