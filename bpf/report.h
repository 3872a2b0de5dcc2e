/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* One operation on one connection -> its DATA events. */
#ifndef TRACELET_BPF_REPORT_H
#define TRACELET_BPF_REPORT_H

#include "announce.h"
#include "handover_evidence.h"
#include "loop.h"
#include "python_calls.h"
#include "report_pieces.h"

/* A turn opens the head; so does what looks like a new message in the same direction
 * (a final response after a 103, a pipelined request). */
static __always_inline void report_open_head(struct report *report, struct conn_state *conn)
{
	__u32 first4 = 0;

	report->head_left = conn->direction[report->op.direction & 1].head_left;
	if (conn->last_direction != report->op.direction + 1) {
		conn->last_direction = report->op.direction + 1;
		report->head_left = EVENT_HEAD_MAX;
	} else if (!report->head_left && report->op.length >= 4 && report->user &&
		   !bpf_probe_read_user(&first4, sizeof(first4), (void *)report->user) &&
		   head_may_begin(first4, 3)) {
		report->head_left = EVENT_HEAD_MAX;
	}
}

/* What all events of the operation say. */
static __always_inline void report_describe(
	struct report *report, const struct frame *frame, struct conn_state *conn, __u64 offset)
{
	struct event_data *event = &report->event;

	frame_header(frame, &event->header);
	event->conn = conn->id;
	event->offset = offset;
	event->direction = report->op.direction;
	event->flags = report->op.flags;
	event->error = report->op.error;
	event->waits = frame->thread->waits;
	event->attempts = frame->thread->attempts;
	event->evidence_type = EVIDENCE_NONE;
	event->evidence = 0;
	event->evidence_parent = 0;
	if (loop_trusted(frame->thread)) {
		event->evidence_type = EVIDENCE_LOOP;
		event->evidence = loop_evidence(frame->thread, conn->id.sock);
		event->evidence_parent = frame->thread->others;
	}
	if (pythons)
		python_describe(frame, conn, event);
	if (event->evidence_type == EVIDENCE_NONE)
		handover_describe(frame->thread, conn, event);
}

/* Not inlined: its stack is free again when the report begins. */
static __noinline struct conn_state *report_adopt(
	const struct socket_ref *ref, const struct operation *op)
{
	__u64 name = socket_name(ref);
	bool is_unix = ref->family == AF_UNIX;
	struct conn_slot *slot;
	struct conn_state *conn;

	if (!socket_is_stream(ref->sk) || !filter_sock(ref->sk))
		return NULL;
	/* After an RST a socket is in CLOSE while its data is still read: its past is unknown. */
	if (!is_unix &&
		(!socket_is_tcp(ref->sk) || ref->state == TCP_CLOSE || ref->state == TCP_LISTEN))
		return NULL;
	slot = conn_begin(name);
	if (!slot)
		return NULL;
	conn = &slot->state;
	conn->id.sock = (__u64)ref->sk;
	conn->closing = CONN_CLOSING;
	if (is_unix) {
		conn->status = CONN_UNIX;
		conn->flags = CONN_ADOPTED;
	} else {
		socket_adopt_tcp(ref->sk, conn);
		conn->direction[op->direction & 1].next -= op->length + op->trailing;
	}
	conn_publish(slot, name);
	return conn;
}

/* The stream offset of the operation's first byte: the end of the last one, checked
 * against the sequence numbers (DESIGN §5). */
static __always_inline __u64 report_locate(
	const struct socket_ref *ref, struct conn_state *conn, struct operation *op)
{
	struct direction_state *direction = &conn->direction[op->direction & 1];
	__u32 base = op->direction == DIRECTION_TX ? conn->id.tx_base : conn->id.rx_base;
	__u64 offset = direction->next;
	__s32 ahead = 0;

	if (!op->length || op->flags & DATA_PEEK)
		return offset;
	if (!(conn->status & CONN_UNIX))
		ahead = socket_position(ref->sk, op->direction) - op->trailing - op->length - base -
			(__u32)offset;
	if (ahead == 1 && op->direction == DIRECTION_RX && socket_fin_received(ref->sk))
		ahead = 0;
	if (ahead) {
		op->flags |= DATA_GAP_BEFORE;
		offset += ahead;
	}
	direction->next = offset + op->length;
	return offset;
}

/* A TCP connection is in the table as long as it exists, so a socket that is found needs
 * no look; a dying one may have left its address to another. */
static __always_inline struct conn_state *report_find(
	struct socket_ref *ref, const struct operation *op)
{
	struct conn_state *conn = conn_find((__u64)ref->sk);

	if (conn && conn->closing != CONN_DYING)
		return conn;
	if (!socket_look(ref))
		return NULL;
	if (conn || ref->family == AF_UNIX)
		conn = socket_conn(ref);
	return conn || !op->length ? conn : report_adopt(ref, op);
}

static __always_inline bool report_announce(
	struct conn_state *conn, struct socket_ref *ref, const struct frame *frame)
{
	return (ref->family || socket_look(ref)) && announce(conn, ref, frame, false);
}

int http2_operation(void); /* http2.h */

/* True if the connection's bytes are frames, and the operation has been reported as such. */
static __always_inline bool report_frames(struct report *report, struct conn_state *conn)
{
	struct direction_state *mine = &conn->direction[report->op.direction & 1];
	struct direction_state *other = &conn->direction[~report->op.direction & 1];
	bool walked;

	report->http2 = conn->http2;
	report->frames = mine->frames;
	report->other_begun = !!other->next;
	report->other_walked = other->frames.walked;
	report->other_lost = 0;
	walked = http2_operation();
	conn->http2 = report->http2;
	mine->frames = report->frames;
	if (report->other_lost)
		other->frames.lost = 1;
	return walked;
}

/* Reports the bytes of an operation that has been described. */
static __always_inline void report_moved(struct report *report, struct conn_state *conn)
{
	report_begin(report);
	if (conn->http2.state != HTTP2_NOT && report_frames(report, conn))
		return;
	report_open_head(report, conn);
	report->switching = 0;
	if (report_piece(false)) /* mostly one is all */
		report_pieces();
	conn->direction[report->op.direction & 1].head_left = report->head_left;
	if (report->switching)
		conn->http2.state = HTTP2_UPGRADING;
}

#ifndef SCRATCH_OF_THREAD /* sys_exit's */
#include "tls_sockets.h"

/* Reports the operation in report_here(). */
__noinline int report_operation(void)
{
	struct report *report = report_here();
	struct conn_state *conn;
	struct socket_ref ref = {};
	struct frame frame = {};
	struct operation *op;

	if (!report)
		return 0;
	op = &report->op;
	ref.file = (void *)task_file(op->fd);
	conn = socket_cached(&ref);
	if (!conn) {
		if (!socket_link(&ref)) {
			if (loops && ref.file)
				loop_moved_other(ref.file, NULL, op->direction);
			return 0;
		}
		conn = report_find(&ref, op);
		if (conn)
			socket_remember(&ref, conn);
	}
	if (tls_files && conn) {
		if (!frame_init(&frame))
			return 0;
		if (tls_may_move(conn, frame.thread) && tls_moved(&ref, conn, &frame, op))
			return 0;
	}
	if (!conn || conn->status & CONN_IGNORED) {
		if (loops)
			loop_moved_other(ref.file, conn, op->direction);
		return 0;
	}
	if (!frame.thread && !frame_init(&frame))
		return 0;
	if (loop_trusted(frame.thread)) /* its descriptors do not block */
		loop_moved(frame.thread, conn, op->direction,
			op->length && !(op->flags & DATA_PEEK), report->sp);
	else if (operation_tells_blocking(frame.thread, conn, op->direction) &&
		 operation_blocks(&ref, &frame, op))
		op->flags |= DATA_BLOCKING;
	if (!(conn->status & CONN_ANNOUNCED) &&
		(!op->length || !report_announce(conn, &ref, &frame)))
		return 0;
	if (frame.thread->born)
		op->flags |= DATA_THREAD_BORN;
	report_describe(report, &frame, conn, report_locate(&ref, conn, op));
	if (gos && op->length && !(op->flags & DATA_PEEK)) {
		report->go.caller.length = op->length;
		go_describe(&report->event, frame.thread, conn, &report->go);
	}
	if (!op->length || op->flags & DATA_PEEK) {
		report->left = 0;
		report->head_left = 0;
		report_piece(true);
	} else {
		report_moved(report, conn);
	}
	frame.thread->attempts = report->event.attempts;
	return 0;
}
#endif

#endif /* TRACELET_BPF_REPORT_H */
