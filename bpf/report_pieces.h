/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* The bytes of an operation, as events: as much of them as belongs to heads, in pieces. */
#ifndef TRACELET_BPF_REPORT_PIECES_H
#define TRACELET_BPF_REPORT_PIECES_H

#include "go_evidence.h"
#include "head.h"
#include "operation.h"
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
	__u32 searched;		    /* see head_closes() */
	__u32 head_left;	    /* see direction_state */
	struct http2_frames frames; /* of the operation's direction */
	struct http2_conn http2;
	__u8 other_begun; /* the other direction: bytes went, as frames, and it is lost now */
	__u8 other_walked;
	__u8 other_lost;
	__u8 switching; /* HTTP/1.1 said 101 */
	__u64 sp;	/* the caller's stack, if there are event loops */
	struct go_scratch go;
	struct event_data event; /* as it will be sent, from header.tgid on */
};

static struct report *report_here(void);

/* Whether a goroutine wrote the operation that writes the calls of others. */
static __always_inline bool report_relays(const struct report *report)
{
	return report->event.evidence_type == EVIDENCE_GOROUTINE && report->go.relay;
}

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

static __always_inline void report_submit(
	const struct report *report, struct event_data *event, __u32 length, __u32 captured)
{
	event->header.size = sizeof(*event) + captured;
	event->length = length;
	event->captured = captured;
	emit_submit(event);
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
		closed = head_closes(event->bytes, captured, report->user, &report->searched);
		if (want > HEAD_STATUS_LINE)
			report->switching |= head_switches(event->bytes);
	}
	length = report_length(report, want, closed);
	report_submit(report, event, length, captured);
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
	report_submit(report, event, length, captured);
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

#endif /* TRACELET_BPF_REPORT_PIECES_H */
