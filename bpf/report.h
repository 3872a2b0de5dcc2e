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
	struct event_data *event =
		emit_reserve(frame->ring, sizeof(*event) + capacity, frame->cpu, EVENT_DATA);
	const struct operation *op = &frame->thread->operation;

	frame->thread->attempts++; /* also of what is lost: the hole tells */
	if (!event)
		return false;
	barrier_var(captured); /* older verifiers see the bound only on this very register */
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
static __always_inline bool report_sized(
	const struct frame *frame, const struct conn_state *conn, __u32 length, __u32 captured)
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
	if (bpf_probe_read_user(
		    &iov, sizeof(iov), (void *)(op->buffer + op->segment * sizeof(iov))))
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
		   !bpf_probe_read_user(first4, sizeof(first4), (void *)op->user) &&
		   head_may_begin(first4)) {
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

static __always_inline struct conn_state *report_adopt(
	const struct socket_ref *ref, const struct conn_key *key, const struct operation *op)
{
	struct conn_state fresh = { .id = { .sock = (__u64)ref->sk } };
	struct conn_state *conn;

	if (!socket_is_stream(ref->sk) || !filter_sock(ref->sk))
		return NULL;
	if (ref->family == AF_UNIX) {
		fresh.status = CONN_UNIX;
		fresh.flags = CONN_ADOPTED;
	} else {
		/* After an RST a socket is in CLOSE while its data is still read: its past is unknown. */
		if (!socket_is_tcp(ref->sk) || ref->state == TCP_CLOSE || ref->state == TCP_LISTEN)
			return NULL;
		socket_adopt_tcp(ref->sk, &fresh);
		fresh.direction[op->direction & 1].next -= op->length + op->trailing;
	}
	bpf_map_update_elem(&conns, key, &fresh, BPF_NOEXIST);
	conn = bpf_map_lookup_elem(&conns, key);
	if (!conn)
		LEDGER_ADD(conns_full);
	return conn;
}

/* The stream offset of the operation's first byte: the end of the last one, checked
 * against the sequence numbers (DESIGN §5). */
static __always_inline void report_locate(
	const struct socket_ref *ref, struct conn_state *conn, struct operation *op)
{
	struct direction_state *direction = &conn->direction[op->direction & 1];
	__u32 base = op->direction == DIRECTION_TX ? conn->id.tx_base : conn->id.rx_base;
	__s32 ahead = 0;

	op->offset = direction->next;
	if (!op->length || op->flags & DATA_PEEK)
		return;
	if (!(conn->status & CONN_UNIX))
		ahead = socket_position(ref->sk, op->direction) - op->trailing - op->length - base -
			(__u32)op->offset;
	if (ahead == 1 && op->direction == DIRECTION_RX && socket_fin_received(ref->state))
		ahead = 0;
	if (ahead) {
		op->flags |= DATA_GAP_BEFORE;
		op->offset += ahead;
	}
	direction->next = op->offset + op->length;
}

static __always_inline bool report_blocking(const struct socket_ref *ref, const struct frame *frame)
{
	if (!frame->thread->operation.nonblocking && !socket_nonblocking(ref->file))
		return true;
	return frame->thread->polled_sock == (__u64)ref->sk;
}

/* Reports frame->thread->operation. A function of its own, so that the verifier may forget what led here. */
static __noinline int report_operation(const struct frame *frame)
{
	struct operation *op = &frame->thread->operation;
	struct socket_ref ref = {};
	struct conn_key key;
	struct conn_state *conn;

	if (!socket_of_fd(frame->task, op->fd, &ref))
		return 0;
	key = socket_key(&ref);
	conn = bpf_map_lookup_elem(&conns, &key);
	if (!conn && op->length)
		conn = report_adopt(&ref, &key, op);
	if (!conn || conn->status & CONN_IGNORED)
		return 0;
	if (!(conn->status & CONN_ANNOUNCED) &&
		(!op->length || !announce(conn, &ref, frame, false)))
		return 0;
	if (frame->thread->born)
		op->flags |= DATA_THREAD_BORN;
	if (op->direction == DIRECTION_RX && conn->role != ROLE_CLIENT &&
		report_blocking(&ref, frame))
		op->flags |= DATA_BLOCKING;
	report_locate(&ref, conn, op);
	if (!op->length || op->flags & DATA_PEEK)
		report_event(frame, conn, 0, 0, 0);
	else
		report_pieces(frame, conn);
	return 0;
}

#endif /* TRACELET_BPF_REPORT_H */
