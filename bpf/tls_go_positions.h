/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* At which position in the ciphertext, and for which goroutine, did plaintext of Go's crypto/tls go? */
#ifndef TRACELET_BPF_TLS_GO_POSITIONS_H
#define TRACELET_BPF_TLS_GO_POSITIONS_H

#include "go_evidence.h"
#include "report.h"
#include "tls_positions.h"

/* Before anything of it is sent: its records come next. */
static __always_inline __s64 tls_go_sent(const struct tls_stream *stream)
{
	return stream->lost || stream->have || !stream->next ? -1 : (__s64)stream->next;
}

/*
 * The session knows: crypto/tls.Conn has the ciphertext that it has read and not yet decrypted
 * in `rawInput`, a bytes.Buffer, and behind it the plaintext of one record in `input`, a
 * bytes.Reader. So the record ends where the former begins.
 */
static __always_inline __s64 tls_go_received(
	__u64 sock, struct tls_conn *tls, const struct tls_call *call, __u32 count, __u32 raw_input)
{
	struct {
		struct {
			__u64 data, length, capacity, offset, last;
		} raw;
		struct {
			__u64 data, length, capacity, offset;
		} input;
	} conn = {};
	struct tls_stream *stream = &tls->streams[DIRECTION_RX];
	__u32 end, which;

	if (!raw_input || stream->lost ||
		bpf_probe_read_user(&conn, sizeof(conn), (void *)(call->session + raw_input)) ||
		conn.raw.length < conn.raw.offset || conn.input.offset < count)
		return -1;
	end = stream->next - (conn.raw.length - conn.raw.offset);
	which = tls_ends_at(sock, end);
	if (which >= TLS_COMPLETE) {
		if (stream->complete > TLS_COMPLETE)
			LEDGER_ADD(records_lost);
		return -1;
	}
	return tls_offset(stream, &tls->records[which]) + conn.input.offset - count;
}

static __always_inline __s64 tls_go_position(
	__u64 sock, struct tls_conn *tls, const struct tls_call *call, __u32 count, __u64 offset)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct go_program *program = go_program_of(tgid);
	__s64 position = -1;

	if (tls && call->kind == TLS_WRITE)
		position = tls_go_sent(&tls->streams[DIRECTION_TX]);
	else if (tls && program)
		position = tls_go_received(sock, tls, call, count, program->raw_input);
	return position < 0 ? RECORD_UNKNOWN : position - (__s64)offset;
}

static __always_inline void tls_go_tell(
	struct report *report, struct conn_state *conn, const struct go_caller *go, __u32 count)
{
	struct go_program *program = gos ? go_program_of(report->event.header.tgid) : NULL;

	if (!program)
		return;
	report->go.caller = *go;
	report->go.caller.length = count;
	go_tell(program, &report->event, conn, &report->go);
}

#endif /* TRACELET_BPF_TLS_GO_POSITIONS_H */
