// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * Probes at the functions of TLS libraries, at their entries and where they return. User
 * space attaches them, once per file. They run with preemption on, so the steps of a report
 * are here once more, on memory of the thread's own (scratch.h).
 */
#define SCRATCH_OF_THREAD
#define head_stride tls_head_stride
#define head_end_here tls_head_end_here
#define head_end tls_head_end
#define report_piece tls_report_piece
#define report_pieces tls_report_pieces
#define http2_flush tls_http2_flush
#define http2_step tls_http2_step
#define http2_steps tls_http2_steps
#define http2_probe_step tls_http2_probe_step
#define http2_probe_steps tls_http2_probe_steps
#define http2_probe tls_http2_probe
#define http2_operation tls_http2_operation
#include "scratch.h"
#include "tls_calls.h"
#include "tls_go_positions.h"
#include "tls_positions.h"
#include "tls_go.h"

SEC("uprobe")
int tls_read(struct pt_regs *regs)
{
	return tls_enter(regs, TLS_READ, 0, tls_place(regs));
}

SEC("uprobe")
int tls_read_ex(struct pt_regs *regs)
{
	return tls_enter(regs, TLS_READ, C_ARGUMENT_4(regs), tls_place(regs));
}

SEC("uprobe")
int tls_write(struct pt_regs *regs)
{
	return tls_enter(regs, TLS_WRITE, 0, tls_place(regs));
}

SEC("uprobe")
int tls_write_ex(struct pt_regs *regs)
{
	return tls_enter(regs, TLS_WRITE, C_ARGUMENT_4(regs), tls_place(regs));
}

SEC("uprobe")
int tls_handshake(struct pt_regs *regs)
{
	return tls_enter(regs, TLS_HANDSHAKE, 0, tls_place(regs));
}

static __always_inline int tls_forget(struct pt_regs *regs)
{
	struct tls_session_key key = { .session = C_ARGUMENT_1(regs),
		.tgid = bpf_get_current_pid_tgid() >> 32 };

	bpf_map_delete_elem(&tls_sessions, &key);
	return 0;
}

SEC("uprobe")
int tls_free(struct pt_regs *regs)
{
	return tls_forget(regs);
}

/* All of these in one, where a link can have many probes (6.6); cookies came in 5.15. */
SEC("uprobe")
int tls_function(struct pt_regs *regs)
{
	static const __u8 kinds[] = { TLS_READ, TLS_READ, TLS_WRITE, TLS_WRITE, TLS_HANDSHAKE };
	__u64 place = tls_place(regs), function = TLS_PLACE_FUNCTION(place);

	if (function >= TLS_CALLS_FREE)
		return tls_forget(regs);
	return tls_enter(regs, kinds[function],
		function == TLS_CALLS_READ_EX || function == TLS_CALLS_WRITE_EX ? C_ARGUMENT_4(regs)
										: 0,
		place);
}

/* Describes plaintext of a connection that is CONN_TLS, in scratch_here(). `go`: of Go's
 * crypto/tls, or NULL. False: it is not to be reported. */
static __always_inline bool tls_describe(struct conn_state *conn, struct tls_conn *tls,
	const struct tls_call *call, __u32 count, const struct go_caller *go)
{
	__u8 direction = call->kind == TLS_WRITE ? DIRECTION_TX : DIRECTION_RX;
	struct direction_state *stream = &conn->direction[direction & 1];
	__s64 record = go ? tls_go_position(conn->id.sock, tls, call, count, stream->next)
			  : tls_position(conn->id.sock, tls, call, count, stream->next);
	struct scratch *scratch;
	struct report *report;
	struct frame frame = {};

	if (!(conn->status & CONN_ANNOUNCED) || conn->status & CONN_IGNORED ||
		!frame_init(&frame)) {
		stream->next += count;
		return false;
	}
	scratch = scratch_take();
	if (!scratch) {
		LEDGER_ADD(threads_full);
		stream->next += count;
		return false;
	}
	report = &scratch->report;
	report->op.buffer = call->buffer;
	report->op.length = count;
	report->op.direction = direction;
	report->op.flags = DATA_PLAINTEXT;
	if (loop_trusted(frame.thread))
		loop_moved(frame.thread, conn, direction, true, 0);
	if (frame.thread->born)
		report->op.flags |= DATA_THREAD_BORN;
	if (operation_tells_blocking(frame.thread, conn, direction) && tls && tls->blocking)
		report->op.flags |= DATA_BLOCKING;
	report_describe(report, &frame, conn, stream->next);
	report->event.record = record;
	if (go)
		tls_go_tell(report, conn, go, count);
	stream->next += count;
	return true;
}

/* A library's call that returns. */
static __always_inline struct conn_state *tls_returns(
	struct pt_regs *regs, struct tls_call *call, __s64 *count)
{
	struct conn_state *conn;

	if (!tls_leave(regs, call))
		return NULL;
	*count = call->kind == TLS_HANDSHAKE ? 0 : tls_count(call, C_RESULT(regs));
	conn = tls_connection(call);
	if (!conn && *count > 0)
		tls_give_up(call);
	return conn;
}

/* What else a call says of its session's ciphertext. */
static __always_inline void tls_returned(
	__u64 sock, struct tls_conn *tls, const struct tls_call *call, __s64 count)
{
	struct tls_thread *thread;

	if (!tls->apart) {
		if (count <= 0 || call->kind != TLS_WRITE)
			tls_moved_nothing(tls, call);
		return;
	}
	if (count <= 0)
		tls_memory_position(sock, tls, call, 0);
	thread = tls_thread_here(false);
	if (thread)
		thread->memory = 1;
}

/* The connection of which something is described, or NULL. Not inlined: its stack is free again
 * when the report begins. */
static __noinline struct conn_state *tls_look(struct pt_regs *regs)
{
	bool described = false;
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct go_program *program = gos ? go_program_of(tgid) : NULL;
	__u64 place = program ? GO_IP(regs) - program->bias : 0;
	struct tls_call call = {};
	struct go_caller go = {};
	struct conn_state *conn;
	struct tls_conn *tls;
	__s64 count = 0;

	if (program && place == program->tls_write)
		conn = go_tls_writes(regs, program, &call, &count, &go);
	else if (program && place - program->tls_read < program->tls_read_size)
		conn = go_tls_has_read(regs, &call, &count, &go);
	else
		conn = tls_returns(regs, &call, &count);
	if (!conn)
		return NULL;
	tls = tls_find(conn);
	if (tls)
		tls->unclaimed = TLS_UNCLAIMED;
	if (count > 0 && count <= 0x7fffffff)
		described = tls_describe(conn, tls, &call, count, go.g ? &go : NULL);
	if (tls && !go.g)
		tls_returned(conn->id.sock, tls, &call, count);
	return described ? conn : NULL;
}

/* Go's too: one program, so that what reports is verified once. Where it is tells which. */
SEC("uretprobe")
int tls_return(struct pt_regs *regs)
{
	struct conn_state *conn = tls_look(regs);
	struct report *report = conn ? report_here() : NULL;
	struct thread_state *thread;

	if (!conn || !report)
		return 0;
	report_moved(report, conn);
	thread = task_thread(bpf_get_current_pid_tgid());
	if (thread)
		thread->attempts = report->event.attempts;
	scratch_give();
	return 0;
}
