/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* One operation on one connection -> its DATA events. */
#ifndef TRACELET_BPF_REPORT_H
#define TRACELET_BPF_REPORT_H

#include "announce.h"
#include "go_evidence.h"
#include "head.h"
#include "loop.h"
#include "operation.h"
#include "python_calls.h"
#include "syscalls.h"

/* A longer iovec, or a head in more pieces, is reported but not copied further. */
#define REPORT_PIECES 40

/*
 * One operation on its way to the ring. It lies in a map (scratch.h) and not on the stack,
 * and the steps are global functions that look it up: the verifier then checks each step
 * once, for any content, and not once for every path that leads there.
 */
struct report {
	struct operation op;
	__u64 user; /* address of the next byte */
	__u32 left; /* bytes to the end of the operation */
	__u32 segment_left;
	__u32 segment;		    /* next one to load */
	__u32 head_left;	    /* see direction_state */
	struct http2_frames frames; /* of the operation's direction */
	struct http2_conn http2;
	__u8 other_begun; /* the other direction: bytes went, as frames, and it is lost now */
	__u8 other_walked;
	__u8 other_lost;
	__u8 switching; /* HTTP/1.1 said 101 */
	struct go_scratch go;
	struct conn_state fresh; /* see report_adopt() */
	struct event_data event; /* as it will be sent, from header.tgid on */
};

static struct report *report_here(void);

/* As words, because of void pointers the compiler copies byte by byte. */
static __always_inline void report_copy(struct event_data *event, const struct event_data *shared)
{
	const __u64 *from = (const __u64 *)&shared->header.tgid;
	__u64 *to = (__u64 *)&event->header.tgid;

	for (__u32 i = 0;
		i < (sizeof(*event) - __builtin_offsetof(struct event_header, tgid)) / sizeof(*to);
		i++)
		to[i] = from[i];
}

/* Room for the `captured` bytes of an event. `capacity` is a constant so that the reservation is. */
static __always_inline struct event_data *report_reserve(
	struct report *report, void *ring, __u32 cpu, const __u32 capacity)
{
	struct event_data *event = emit_reserve(ring, sizeof(*event) + capacity, cpu, EVENT_DATA);

	report->event.attempts++; /* also of what is lost: the hole tells */
	if (event)
		report_copy(event, &report->event);
	return event;
}

static __always_inline void report_submit(const struct report *report, void *ring,
	struct event_data *event, __u32 length, __u32 captured)
{
	event->header.size = sizeof(*event) + captured;
	event->length = length;
	event->captured = captured;
	emit_submit(ring, event);
}

/* While the head goes on, an event stands for what it carries; the last one for the rest. */
static __always_inline __u32 report_length(struct report *report, __u32 want, bool closed)
{
	report->head_left = closed ? 0 : report->head_left - want;
	return report->head_left ? want : report->left;
}

/* Up to HEAD_MIN bytes are reported whatever they are, so they are read once, into the
 * record, and the end of the head is looked for there. */
static __always_inline __u32 report_short(struct report *report, void *ring, __u32 cpu, __u32 want)
{
	struct event_data *event = report_reserve(report, ring, cpu, HEAD_MIN + HEAD_SENTINEL);
	__u32 captured = want, length;
	bool closed = false;

	if (!event) {
		report->head_left = 0; /* it has a hole now; copying more would lose more */
		return 0;
	}
	barrier_var(captured); /* older verifiers see the bound only on this very register */
	if (captured > HEAD_MIN)
		captured = HEAD_MIN;
	if (bpf_probe_read_user(event->bytes, captured, (void *)report->user)) {
		LEDGER_ADD(unreadable);
		captured = 0;
	} else {
		closed = head_closes(event->bytes, captured, report->user);
		if (want > HEAD_STATUS_LINE)
			report->switching |= head_switches(event->bytes);
	}
	length = report_length(report, want, closed);
	report_submit(report, ring, event, length, captured);
	return length;
}

static __always_inline __u32 report_sized(struct report *report, void *ring, __u32 cpu,
	__u32 length, __u32 captured, const __u32 capacity)
{
	struct event_data *event = report_reserve(report, ring, cpu, capacity);

	if (!event)
		return 0;
	barrier_var(captured);
	if (captured > capacity)
		captured = capacity;
	if (capacity && bpf_probe_read_user(event->bytes, captured, (void *)report->user)) {
		LEDGER_ADD(unreadable);
		captured = 0;
	}
	report_submit(report, ring, event, length, captured);
	return length;
}

/* Larger heads: what follows the head must not be copied, so its end is looked for first.
 * The smallest of the few record sizes that fits: a reservation cannot be shortened. */
static __always_inline __u32 report_long(struct report *report, void *ring, __u32 cpu, __u32 want)
{
	bool closed = true;
	__u32 captured = want ? head_cut(report->user, want, &closed) : 0;
	__u32 length = report_length(report, want, closed);

	if (!captured)
		return report_sized(report, ring, cpu, length, captured, 0);
	if (captured <= HEAD_MIN)
		return report_sized(report, ring, cpu, length, captured, HEAD_MIN);
	if (captured <= 1024)
		return report_sized(report, ring, cpu, length, captured, 1024);
	return report_sized(report, ring, cpu, length, captured, EVENT_DATA_MAX);
}

static __always_inline void report_load_segment(struct report *report)
{
	struct user_iovec iov = {};

	if (report->segment >= report->op.segments)
		return;
	if (bpf_probe_read_user(
		    &iov, sizeof(iov), (void *)(report->op.buffer + report->segment * sizeof(iov))))
		LEDGER_ADD(unreadable);
	report->user = iov.base;
	report->segment_left = iov.length > 0xffffffffULL ? 0xffffffff : iov.length;
	report->segment++;
}

/* Submits one event that stands for the next bytes of the operation. Returns 0 when it was the last. */
__noinline int report_piece(__u32 last)
{
	__u32 cpu = bpf_get_smp_processor_id(), want, length;
	struct report *report = report_here();
	void *ring = emit_ring(cpu);

	if (!report || !ring)
		return 0;
	want = last ? 0 : report->head_left;
	if (want && !report->segment_left && report->segment < report->op.segments) {
		report_load_segment(report);
		return 1;
	}
	if (want > report->segment_left)
		want = report->segment_left;
	if (want > report->left)
		want = report->left;
	if (want > EVENT_DATA_MAX)
		want = EVENT_DATA_MAX;
	if (want && want <= HEAD_MIN)
		length = report_short(report, ring, cpu, want);
	else
		length = report_long(report, ring, cpu, want);
	report->left -= length;
	report->event.offset += want;
	report->user += want;
	report->segment_left -= want;
	return length && report->left;
}

__noinline int report_pieces(void)
{
	int more = 1;

	for (int i = 0; i < REPORT_PIECES && more; i++)
		more = report_piece(i == REPORT_PIECES - 1);
	return 0;
}

static __always_inline void report_begin(struct report *report)
{
	report->left = report->op.length;
	report->segment = 0;
	report->segment_left = 0;
	report->user = 0;
	if (report->op.segments) {
		report_load_segment(report);
	} else if (report->op.buffer) {
		report->user = report->op.buffer;
		report->segment_left = report->op.length;
	}
}

/* A turn opens the head; so does what looks like a new message in the same direction
 * (a final response after a 103, a pipelined request). */
static __always_inline void report_open_head(struct report *report, struct conn_state *conn)
{
	__u8 first4[4] = {};

	report->head_left = conn->direction[report->op.direction & 1].head_left;
	if (conn->last_direction != report->op.direction + 1) {
		conn->last_direction = report->op.direction + 1;
		report->head_left = EVENT_HEAD_MAX;
	} else if (!report->head_left && report->op.length >= 4 && report->user &&
		   !bpf_probe_read_user(first4, sizeof(first4), (void *)report->user) &&
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
	if (frame->thread->loop == LOOP_KNOWN) {
		event->evidence_type = EVIDENCE_LOOP;
		event->evidence = loop_evidence(frame->thread, conn->id.sock);
	}
	if (pythons)
		python_describe(frame, conn, event);
}

/* Not inlined: its stack is free again when the report begins. */
static __noinline struct conn_state *report_adopt(
	const struct socket_ref *ref, const struct conn_key *key, struct report *report)
{
	const struct operation *op = &report->op;
	struct conn_state *fresh = &report->fresh;
	struct conn_state *conn;

	if (!socket_is_stream(ref->sk) || !filter_sock(ref->sk))
		return NULL;
	__builtin_memset(fresh, 0, sizeof(*fresh));
	fresh->id.sock = (__u64)ref->sk;
	fresh->closing = 1;
	if (ref->family == AF_UNIX) {
		fresh->status = CONN_UNIX;
		fresh->flags = CONN_ADOPTED;
	} else {
		/* After an RST a socket is in CLOSE while its data is still read: its past is unknown. */
		if (!socket_is_tcp(ref->sk) || ref->state == TCP_CLOSE || ref->state == TCP_LISTEN)
			return NULL;
		socket_adopt_tcp(ref->sk, fresh);
		fresh->direction[op->direction & 1].next -= op->length + op->trailing;
	}
	bpf_map_update_elem(&conns, key, fresh, BPF_NOEXIST);
	conn = bpf_map_lookup_elem(&conns, key);
	if (!conn)
		LEDGER_ADD(conns_full);
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
static __always_inline struct conn_state *report_find(struct socket_ref *ref, struct report *report)
{
	struct conn_key key = { .sock = (__u64)ref->sk };
	struct conn_state *conn = bpf_map_lookup_elem(&conns, &key);

	if (conn && !(conn->status & CONN_DYING))
		return conn;
	if (!socket_look(ref))
		return NULL;
	if (ref->family == AF_UNIX) {
		key = socket_key(ref);
		conn = bpf_map_lookup_elem(&conns, &key);
	}
	return conn || !report->op.length ? conn : report_adopt(ref, &key, report);
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
		conn = report_find(&ref, report);
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
	if (frame.thread->loop == LOOP_KNOWN)
		loop_moved(
			frame.thread, conn, op->direction, op->length && !(op->flags & DATA_PEEK));
	if (!(conn->status & CONN_ANNOUNCED) &&
		(!op->length || !report_announce(conn, &ref, &frame)))
		return 0;
	if (frame.thread->born)
		op->flags |= DATA_THREAD_BORN;
	if (op->direction == DIRECTION_RX && conn->role != ROLE_CLIENT &&
		operation_blocks(&ref, &frame, op))
		op->flags |= DATA_BLOCKING;
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
