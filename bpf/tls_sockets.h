/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* What sys_exit does with an operation whose bytes may be ciphertext. */
#ifndef TRACELET_BPF_TLS_SOCKETS_H
#define TRACELET_BPF_TLS_SOCKETS_H

#include "announce.h"
#include "loop.h"
#include "tls_records.h"

/*
 * The first operation of a call on a connection that is not known to be encrypted. What was
 * counted so far was ciphertext; a session that begins with this operation begins both.
 */
static __noinline bool tls_begin(
	const struct socket_ref *ref, struct conn_state *conn, const struct operation *op)
{
	__u64 sock = conn->id.sock, header = 0, user = tls_user(op), at, origin;
	struct tls_conn *tls;
	bool whole;

	if (conn->status & CONN_UNIX || conn->closing == CONN_DYING || !op->length ||
		op->flags & DATA_PEEK || op->length < TLS_HEADER || !user ||
		!tls_read_header(&header, user, TLS_HEADER) || !tls_is_header(header))
		return false;
	if (bpf_map_update_elem(&tls_conns, &sock, &tls_conn_empty, BPF_ANY))
		return false;
	tls = bpf_map_lookup_elem(&tls_conns, &sock);
	if (!tls)
		return false;
	at = tls_locate(ref, conn, op, conn->direction[op->direction & 1].next);
	whole = !at && !conn->direction[~op->direction & 1].next &&
		header >> 32 == TLS_HANDSHAKE_RECORD;
	tls->tx_base = conn->id.tx_base;
	tls->rx_base = conn->id.rx_base;
	tls->streams[0].next = conn->direction[0].next;
	tls->streams[1].next = conn->direction[1].next;
	tls->streams[op->direction & 1].next = at;
	tls->streams[op->direction & 1].begin = at;
	tls->streams[~op->direction & 1].lost = !whole;
	origin = whole ? 0 : PLAINTEXT_JOINED;
	__builtin_memset(conn->direction, 0, sizeof(conn->direction));
	__builtin_memset(&conn->http2, 0, sizeof(conn->http2));
	conn->direction[0].next = origin;
	conn->direction[1].next = origin;
	conn->last_direction = 0;
	conn->status = (conn->status & ~CONN_IGNORED) | CONN_TLS;
	return true;
}

/* Remembers the ClientHello that the operation moved, if it begins a connection with one. */
static __noinline bool tls_hello(const struct conn_state *conn, const struct operation *op)
{
	struct tls_hello_key key = { .tgid = bpf_get_current_pid_tgid() >> 32 };
	struct tls_hello hello = { .sock = conn->id.sock }, *other;
	__u64 user = tls_user(op), first8 = 0;

	if (conn->direction[0].next || conn->direction[1].next || !user ||
		op->length < TLS_RANDOM_AT + 32 || conn->status & CONN_IGNORED ||
		bpf_probe_read_user(&first8, sizeof(first8), (void *)user) ||
		(first8 & 0xff) != TLS_HANDSHAKE_RECORD || (first8 >> 40 & 0xff) != 1 ||
		bpf_probe_read_user(
			&key.random, sizeof(key.random), (void *)(user + TLS_RANDOM_AT)) ||
		bpf_probe_read_user(
			hello.random, sizeof(hello.random), (void *)(user + TLS_RANDOM_AT + 8)))
		return false;
	other = bpf_map_lookup_elem(&tls_hellos, &key);
	if (other)
		other->twice = 1;
	else
		bpf_map_update_elem(&tls_hellos, &key, &hello, BPF_ANY);
	return true;
}

/* The thread that moves a ClientHello outside of a call encrypts in memory. */
static __noinline int tls_in_memory(void)
{
	__u32 tid = bpf_get_current_pid_tgid();
	struct tls_thread *thread = bpf_map_lookup_elem(&tls_threads, &tid);

	if (thread)
		thread->memory = 1;
	return 0;
}

/* The connection is followed from now on: it begins with this operation, in a call or not. */
static __always_inline bool tls_follows(const struct socket_ref *ref, struct conn_state *conn,
	const struct operation *op, bool called)
{
	struct tls_conn *tls;

	if (!called && !tls_hello(conn, op))
		return false;
	if (!called)
		tls_in_memory();
	if (!tls_begin(ref, conn, op))
		return false;
	tls = tls_find(conn);
	if (tls)
		tls->apart = !called;
	return true;
}

/* Most connections are not encrypted, and nothing of them changes that: one is if it begins with a
 * ClientHello, or if the thread is in a call of a TLS library. */
static __always_inline bool tls_may_move(
	const struct conn_state *conn, const struct thread_state *thread)
{
	return conn->status & CONN_TLS || thread->tls ||
	       !(conn->direction[0].next || conn->direction[1].next);
}

/* The call that what the thread moves now is for. Programs that encrypt in memory may do anything
 * in a library's callbacks, also write to sockets: theirs is for none. */
static __noinline struct tls_call *tls_caller(struct tls_thread *thread)
{
	struct tls_call *call = tls_innermost(thread);
	struct tls_session_key key = { .tgid = bpf_get_current_pid_tgid() >> 32 };
	struct tls_session *session;
	struct tls_conn *tls;

	if (!call || !thread->memory)
		return call;
	key.session = call->session;
	session = bpf_map_lookup_elem(&tls_sessions, &key);
	tls = session ? bpf_map_lookup_elem(&tls_conns, &session->sock) : NULL;
	return tls && !tls->apart ? call : NULL;
}

/* True when the operation moved ciphertext of a connection that is CONN_TLS: there is
 * nothing to report of it. */
static __noinline bool tls_moved(const struct socket_ref *found, struct conn_state *conn,
	const struct frame *frame, const struct operation *op)
{
	__u32 tid = bpf_get_current_pid_tgid();
	struct tls_thread *thread = bpf_map_lookup_elem(&tls_threads, &tid);
	struct tls_call *call = thread ? tls_caller(thread) : NULL;
	struct socket_ref ref = *found;
	struct tls_stream *stream;
	struct tls_conn *tls;
	__u64 at;

	if (!(conn->status & CONN_TLS) && !tls_follows(&ref, conn, op, call))
		return false;
	if (!op->length)
		return false;
	if (op->flags & DATA_PEEK)
		return true;
	if (call) {
		call->mixed |= call->sock && call->sock != conn->id.sock;
		call->sock = conn->id.sock;
	}
	if (!(conn->status & CONN_ANNOUNCED) && (ref.family || socket_look(&ref)))
		announce(conn, &ref, frame, false);
	if (op->direction == DIRECTION_RX)
		loop_clear(frame->thread, LOOP_OTHER);
	tls = tls_find(conn);
	if (!tls)
		return true;
	if (call)
		tls->apart = 0;
	if (tls->apart && tls->unclaimed < TLS_UNCLAIMED && ++tls->unclaimed == TLS_UNCLAIMED)
		conn->status = (conn->status & ~CONN_TLS) | CONN_IGNORED;
	stream = &tls->streams[op->direction & 1];
	if (op->direction == DIRECTION_RX) {
		tls->blocking = operation_blocks(&ref, frame, op);
		stream->complete = 0;
		stream->first = 0;
	}
	at = tls_locate(&ref, conn, op, stream->next);
	stream->lost |= at != stream->next;
	stream->next = at;
	if (stream->lost)
		tls_join(tls, stream, tls_user(op), op->length);
	if (!stream->lost && !tls_follow(conn->id.sock, op, tls_user(op))) {
		stream->lost = 1;
		LEDGER_ADD(records_lost);
	}
	stream->next = at + op->length;
	return true;
}

#endif /* TRACELET_BPF_TLS_SOCKETS_H */
