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
#include "c_registers.h"
#include "scratch.h"
#include "tls_go_positions.h"
#include "tls_positions.h"
#include "tls_sessions.h"
#include "tls_go.h"

#if defined(__TARGET_ARCH_x86)
#define TLS_RETURNED 8 /* the address that it returned to was popped */
#else
#define TLS_RETURNED 0
#endif

static const struct tls_thread tls_thread_empty;

static __always_inline struct tls_thread *tls_thread_here(bool make)
{
	__u32 tid = bpf_get_current_pid_tgid();
	struct tls_thread *thread = bpf_map_lookup_elem(&tls_threads, &tid);
	struct thread_state *state = make ? task_thread(tid) : NULL;

	if (state)
		state->tls = 1;
	if (thread || !make)
		return thread;
	bpf_map_update_elem(&tls_threads, &tid, &tls_thread_empty, BPF_NOEXIST);
	return bpf_map_lookup_elem(&tls_threads, &tid);
}

/* Calls that were left without a return (longjmp, exceptions) are at or below `stack`. */
static __always_inline void tls_drop_left(struct tls_thread *thread, __u64 stack)
{
	for (int i = 0; i < TLS_DEPTH; i++) {
		struct tls_call *call = tls_innermost(thread);

		if (call && call->stack <= stack)
			thread->depth--;
	}
}

static __always_inline int tls_enter(struct pt_regs *regs, __u8 kind, __u64 counted, __u64 place)
{
	struct tls_thread *thread;
	struct tls_call *call;
	__u32 depth;

	if (!filter_process(bpf_get_current_pid_tgid() >> 32))
		return 0;
	thread = tls_thread_here(true);
	if (!thread)
		return 0;
	tls_drop_left(thread, regs->sp);
	depth = thread->depth;
	if (depth >= TLS_DEPTH) {
		thread->depth = 0; /* of another stack: begins anew */
		depth = 0;
	}
	call = &thread->calls[depth];
	call->stack = regs->sp;
	call->session = C_ARGUMENT_1(regs);
	call->buffer = C_ARGUMENT_2(regs);
	call->size = C_ARGUMENT_3(regs);
	call->counted = counted;
	call->sock = 0;
	call->kind = kind;
	call->mixed = 0;
	call->place = place;
	call->before = thread->memory ? tls_bio_written(call) : TLS_NOT_KNOWN;
	call->outer = TLS_NOT_KNOWN;
	thread->depth = depth + 1;
	return 0;
}

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

/* The call that returns now is taken out; an outer one of the same session goes on and tells
 * what it moved. */
static __always_inline bool tls_leave(struct pt_regs *regs, struct tls_call *left)
{
	__u64 stack = regs->sp - TLS_RETURNED;
	struct tls_thread *thread = tls_thread_here(false);
	struct tls_call *call;

	if (!thread)
		return false;
	tls_drop_left(thread, stack - 1);
	call = tls_innermost(thread);
	if (!call || call->stack != stack)
		return false;
	*left = *call;
	thread->depth--;
	call = tls_innermost(thread);
	if (!call || call->session != left->session)
		return true;
	left->outer = call->before;
	call->mixed |= left->mixed || (call->sock && left->sock && call->sock != left->sock);
	if (left->sock)
		call->sock = left->sock;
	return call->kind != left->kind;
}

/* How many bytes of plaintext the call moved; not above 0: none. */
static __always_inline __s64 tls_count(const struct tls_call *call, __s32 result)
{
	__u64 counted = 0;

	if (!call->counted)
		return result;
	if (result != 1 || bpf_probe_read_user(&counted, sizeof(counted), (void *)call->counted))
		return 0;
	return counted;
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
