/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* One operation on one connection -> its DATA events. */
#ifndef TRACELET_BPF_REPORT_H
#define TRACELET_BPF_REPORT_H

#include "announce.h"
#include "head.h"
#include "syscalls.h"

/* A longer iovec, or a head in more pieces, is reported but not copied further. */
#define REPORT_PIECES 8

/* Submits one event that stands for `length` bytes of the stream and carries
 * `captured` of them, with room for `capacity`, a constant so that the reservation is. */
static __always_inline bool report_event(const struct frame *frame, const struct conn_state *conn,
	__u32 length, __u32 captured, const __u32 capacity)
{
	struct event_data *event = emit_reserve(frame->ring, sizeof(*event) + capacity, frame->cpu, EVENT_DATA);
	const struct operation *op = &frame->thread->operation;

	frame->thread->attempts++; /* also of what is lost: the hole tells */
	if (!event)
		return false;
	if (captured > capacity)
		captured = capacity;
	if (capacity && bpf_probe_read_user(event->bytes, captured, (void *)op->user)) {
		LEDGER_ADD(unreadable);
		captured = 0;
	}
	frame_header(frame, &event->header);
	event->header.size = sizeof(*event) + captured;
	event->conn = conn->id;
	event->offset = op->offset;
	event->length = length;
	event->captured = captured;
	event->direction = op->direction;
	event->evidence_type = EVIDENCE_NONE;
	event->flags = op->flags;
	event->error = op->error;
	event->waits = frame->thread->waits;
	event->attempts = frame->thread->attempts;
	event->evidence = 0;
	emit_submit(frame->ring, event);
	return true;
}

/* The smallest of the few record sizes that fits: a reservation cannot be shortened. */
static __always_inline bool report_sized(const struct frame *frame, const struct conn_state *conn,
	__u32 length, __u32 captured)
{
	if (!captured)
		return report_event(frame, conn, length, captured, 0);
	if (captured <= 256)
		return report_event(frame, conn, length, captured, 256);
	if (captured <= 1024)
		return report_event(frame, conn, length, captured, 1024);
	return report_event(frame, conn, length, captured, EVENT_DATA_MAX);
}

static __always_inline void report_load_segment(struct operation *op)
{
	struct user_iovec iov = {};

	if (op->segment >= op->segments)
		return;
	if (bpf_probe_read_user(&iov, sizeof(iov), (void *)(op->buffer + op->segment * sizeof(iov))))
		LEDGER_ADD(unreadable);
	op->user = iov.base;
	op->segment_left = iov.length > 0xffffffffULL ? 0xffffffff : iov.length;
	op->segment++;
}

static __always_inline void report_begin(struct operation *op)
{
	op->left = op->length;
	op->segment = 0;
	op->segment_left = 0;
	op->user = 0;
	if (op->segments) {
		report_load_segment(op);
	} else if (op->buffer) {
		op->user = op->buffer;
		op->segment_left = op->length;
	}
}

/* A turn opens the head; so does what looks like a new message in the same direction
 * (a final response after a 103, a pipelined request). */
static __always_inline void report_open_head(struct conn_state *conn, const struct operation *op)
{
	struct direction_state *state = &conn->direction[op->direction & 1];
	__u8 first4[4] = {};

	if (conn->last_direction != op->direction + 1) {
		conn->last_direction = op->direction + 1;
		state->head_left = EVENT_HEAD_MAX;
	} else if (!state->head_left && op->length >= 4 && op->user &&
		!bpf_probe_read_user(first4, sizeof(first4), (void *)op->user) && head_may_begin(first4)) {
		state->head_left = EVENT_HEAD_MAX;
	}
}

static __always_inline void report_pieces(const struct frame *frame, struct conn_state *conn)
{
	struct operation *op = &frame->thread->operation;
	struct direction_state *state = &conn->direction[op->direction & 1];

	report_begin(op);
	report_open_head(conn, op);
	for (int i = 0; i < REPORT_PIECES; i++) {
		__u32 want = state->head_left, captured = 0, length;
		bool closed = true;

		if (!op->segment_left && op->segment < op->segments && want) {
			report_load_segment(op);
			continue;
		}
		if (want > op->segment_left)
			want = op->segment_left;
		if (want > op->left)
			want = op->left;
		if (want > EVENT_DATA_MAX)
			want = EVENT_DATA_MAX;
		if (want && i < REPORT_PIECES - 1)
			captured = head_cut(op->user, want, &closed);
		if (closed)
			state->head_left = 0;
		else
			state->head_left -= want;
		/* While the head goes on, an event stands for what it carries; the last one for the rest. */
		length = state->head_left ? want : op->left;
		if (!report_sized(frame, conn, length, captured))
			return;
		op->left -= length;
		if (!op->left)
			return;
		op->offset += want;
		op->user += want;
		op->segment_left -= want;
	}
}

#endif /* TRACELET_BPF_REPORT_H */
