/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * TLS: plaintext is seen at the functions of TLS libraries (tls.bpf.c), ciphertext at
 * sys_exit (tls_sockets.h). What joins them is the call: the system calls that a thread makes
 * while it is inside SSL_read() or its like move that session's ciphertext, if it looks like
 * that.
 *
 *   thread -> calls it is in -> (process, session) -> connection -> records
 *
 * From its first such operation on, a connection is CONN_TLS: its conn_state counts
 * plaintext, and sys_exit only follows the records (RFC 8446 §5.1, the same in TLS 1.0 to
 * 1.2), so that plaintext has a position which is the same at both ends: event_data.record.
 * Wherever it is not certain which record a byte was in, its position is unknown.
 *
 * Programs that move the ciphertext themselves (memory BIOs: asyncio, Node) make no system
 * calls inside. There the session is found by what it says itself: each TLS connection begins
 * with a ClientHello, whose 32 random bytes the library keeps in the session's memory. A
 * connection that began with the same bytes, in this process, is the session's: looked for
 * among the session's words until plaintext moves, and compared whole. Found twice (both ends
 * in one process) or not at all, the session has no connection. Positions: tls_memory.h.
 *
 *   sent      a call that sent n bytes began as many application records as n bytes need,
 *             and no others: they begin with the first of them
 *   received  libraries read from the socket when nothing whole is left, so what a call
 *             gives is of a record that the last read completed, and never of two
 */
#ifndef TRACELET_BPF_TLS_H
#define TRACELET_BPF_TLS_H

#include "maps.h"

#define TLS_DEPTH 4	/* TLS within TLS: a proxy is spoken to by HTTPS */
#define TLS_STEPS 64	/* headers and payloads of records, of a piece of an operation */
#define TLS_ROUNDS 16	/* as many of them of an operation in one piece: 512 records */
#define TLS_PIECES 16	/* of an operation's bytes */
#define TLS_FEW 4	/* records that one read completed and that are told apart by their sizes */
#define TLS_COMPLETE 32 /* records that the last read completed, the last of them */
#define TLS_HEADER 5	/* type, version, length */
#define TLS_LONGEST (16384 + 2048) /* payload of a record, RFC 5246 §6.2.3 */
#define TLS_HANDSHAKE_RECORD 22
#define TLS_APPLICATION_RECORD 23

enum tls_kind { TLS_READ, TLS_WRITE, TLS_HANDSHAKE };

/* A call of the library that goes on. */
struct tls_call {
	__u64 stack;   /* stack pointer at its entry; of a call within it, lower */
	__u64 session; /* SSL *, gnutls_session_t */
	__u64 buffer;
	__u64 size;
	__u64 counted; /* address of the size_t that says how many; 0: the result does */
	__u64 sock;    /* whose ciphertext it moved; 0: none yet */
	__u64 place;   /* TLS_PLACE */
	__u64 before;  /* in memory: ciphertext that the session had made; TLS_NOT_KNOWN */
	__u64 outer;   /* the same of the call that this one was made in a callback of */
	__u8 kind;     /* enum tls_kind */
	__u8 mixed;    /* 1: of several sockets, so of none */
	__u8 pad[6];
};

struct tls_thread {
	__u32 depth;
	__u32 memory; /* 1: has called for a session whose ciphertext somebody else moves */
	struct tls_call calls[TLS_DEPTH];
};

struct tls_session_key {
	__u64 session;
	__u32 tgid;
	__u32 pad;
};

struct tls_session {
	__u64 sock;
	__u32 tx_base; /* the connection's: addresses are used again */
	__u32 rx_base;
	__u32 tries; /* to find its connection, with `sock` 0 */
	__u32 pad;
};

struct tls_record {
	__u32 offset; /* of its header in the ciphertext, its lower half */
	__u32 length; /* of its payload */
};

/* The ciphertext of one direction. */
struct tls_stream {
	__u64 next;   /* stream offset after the last byte seen */
	__u64 begin;  /* of the record that goes on or comes next */
	__u64 header; /* its first `have` bytes, the last one lowest */
	__u32 left;   /* of its payload */
	__u32 length;
	__u64 record; /* sent: the first of those begun; received: the one that is being taken */
	__u32 taken;  /* of it, bytes of plaintext */
	__u8 have;
	__u8 lost;     /* 1: where records begin is not known */
	__u8 begun;    /* application records sent since a call last succeeded */
	__u8 again;    /* the last call did not succeed: it will be repeated */
	__u8 odd;      /* what is sent is held back by somebody: never certain */
	__u8 known;    /* `record` is certain */
	__u8 complete; /* records that the last read completed and that were not taken */
	__u8 first;    /* of those, in tls_conn.records */
	__u8 pad[4];
};

struct tls_conn {
	__u32 tx_base;
	__u32 rx_base;
	__u8 blocking;	/* the last read slept in the call itself */
	__u8 apart;	/* 1: a ClientHello without a call, of a session that moves elsewhere */
	__u8 unclaimed; /* operations until its session was found */
	__u8 agreed;	/* in memory: TLS_AGREED_* */
	__u8 pad[4];
	__u64 taken;	/* in memory: ciphertext that the session has taken */
	__u64 promised; /* in memory: where a record will begin that is not sent yet; 0: none */
	struct tls_stream streams[2];		 /* by enum event_direction */
	struct tls_record records[TLS_COMPLETE]; /* received */
};

#define TLS_NOT_KNOWN (~0ULL)

/* The session had taken exactly what the socket had received, or made what it had sent. */
#define TLS_AGREED_RX (1 << 0)
#define TLS_AGREED_TX (1 << 1)

/* Entries come and go by themselves: what is missing is unknown. */
__weak SEC(".maps") struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32); /* tid */
	__type(value, struct tls_thread);
} tls_threads;

__weak SEC(".maps") struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct tls_session_key);
	__type(value, struct tls_session);
} tls_sessions;

__weak SEC(".maps") struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64); /* struct sock */
	__type(value, struct tls_conn);
} tls_conns;

#define TLS_RANDOM_AT 11 /* in a ClientHello, with the record's header */
#define TLS_UNCLAIMED 64 /* operations; then nobody decrypts it that is probed */
#define TLS_TRIES 16	 /* calls until a session's connection is found */
#define TLS_SCAN_STEP 64 /* bytes of a session's memory */
#define TLS_SCAN_STEPS 32
#define TLS_SCAN_POINTERS 16 /* at the session's beginning */

struct tls_hello_key {
	__u64 random; /* the first 8 bytes */
	__u32 tgid;
	__u32 pad;
};

struct tls_hello {
	__u64 random[3]; /* the rest */
	__u64 sock;
	__u8 twice; /* 1: of more than one connection of the process */
	__u8 pad[7];
};

__weak SEC(".maps") struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct tls_hello_key);
	__type(value, struct tls_hello);
} tls_hellos;

static const struct tls_conn tls_conn_empty;

/* The call that the thread is in, the innermost one. */
static __always_inline struct tls_call *tls_innermost(struct tls_thread *thread)
{
	__u32 depth = thread->depth;

	return depth ? &thread->calls[(depth - 1) & (TLS_DEPTH - 1)] : NULL;
}

/* The connection's records, if they are this connection's. */
static __always_inline struct tls_conn *tls_find(const struct conn_state *conn)
{
	__u64 sock = conn->id.sock;
	struct tls_conn *tls = bpf_map_lookup_elem(&tls_conns, &sock);

	return tls && tls->tx_base == conn->id.tx_base && tls->rx_base == conn->id.rx_base ? tls
											   : NULL;
}

/* Of the record in the ciphertext, all of it. */
static __always_inline __u64 tls_offset(
	const struct tls_stream *stream, const struct tls_record *record)
{
	return stream->next - (__u32)(stream->next - record->offset);
}

#endif /* TRACELET_BPF_TLS_H */
