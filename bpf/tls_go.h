/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Go's crypto/tls: probes at the beginning of (*Conn).Write and (*Conn).Read, and an ordinary
 * one on each return of Read, which tls_return takes like those of libraries. A call belongs to a goroutine, which may be another thread's
 * when it returns; and the session itself says which socket it is for, so nothing needs to be
 * found by what the thread does. Part of tls.bpf.c.
 */
#ifndef TRACELET_BPF_TLS_GO_H
#define TRACELET_BPF_TLS_GO_H

#include "go_connection.h"
#include "go_registers.h"

struct go_tls_key {
	__u64 g;
	__u32 tgid;
	__u32 pad;
};

struct go_tls_call {
	struct tls_call call;
	__u32 tx_base; /* the connection's */
	__u32 rx_base;
	__u64 stack_end; /* of the goroutine: stacks are moved, with what lies on them */
};

/* Reads that go on. Left over: of goroutines that panicked, until another one has its address. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct go_tls_key);
	__type(value, struct go_tls_call);
} go_tls_calls SEC(".maps");

/* runtime.g begins with its stack's bounds. */
static __always_inline __u64 go_stack_end(__u64 g)
{
	return go_word(g + sizeof(__u64));
}

/* The session's plaintext is reported from now on. What went before is unknown, unless the
 * connection is younger than the probes: then its bytes are counted from its beginning. */
static __always_inline struct tls_conn *go_tls_claim(
	const struct go_program *program, struct conn_state *conn)
{
	bool joined = conn->flags & CONN_ADOPTED || conn->established_ns <= program->since_ns;
	bool moved = conn->direction[0].next || conn->direction[1].next;
	__u64 sock = conn->id.sock;
	struct tls_conn *tls;

	if (conn->status & CONN_TLS) {
		tls = tls_find(conn);
		if (!tls || !tls->apart)
			return tls;
	} else {
		if (conn->status & CONN_UNIX || conn->closing == CONN_DYING ||
			bpf_map_update_elem(&tls_conns, &sock, &tls_conn_empty, BPF_ANY))
			return NULL;
		tls = bpf_map_lookup_elem(&tls_conns, &sock);
		if (!tls)
			return NULL;
		joined |= moved;
		tls->tx_base = conn->id.tx_base;
		tls->rx_base = conn->id.rx_base;
		tls->streams[0].next = conn->direction[0].next;
		tls->streams[1].next = conn->direction[1].next;
		tls->streams[0].lost = tls->streams[1].lost = joined;
	}
	tls->apart = 0;
	tls->unclaimed = TLS_UNCLAIMED;
	__builtin_memset(conn->direction, 0, sizeof(conn->direction));
	__builtin_memset(&conn->http2, 0, sizeof(conn->http2));
	conn->direction[0].next = conn->direction[1].next = joined ? PLAINTEXT_JOINED : 0;
	conn->last_direction = 0;
	conn->status = (conn->status & ~CONN_IGNORED) | CONN_TLS;
	return tls;
}

/* What a call of Read or Write is about, behind its prologue: before that, a function whose stack
 * is too small begins again on a larger one. Only the frame pointer has been pushed. */
static __always_inline struct conn_state *go_tls_enter(
	struct pt_regs *regs, const struct go_program *program, struct tls_call *call, __u8 kind)
{
	struct conn_state *conn;

	/* Its first field: net.Conn, an interface, (type, pointer). */
	conn = go_connection(go_word(GO_ARGUMENT_1(regs) + sizeof(__u64)));
	if (!conn || !go_tls_claim(program, conn))
		return NULL;
	call->session = GO_ARGUMENT_1(regs);
	call->sock = conn->id.sock;
	call->buffer = GO_ARGUMENT_2(regs);
	call->size = GO_ARGUMENT_3(regs);
	call->kind = kind;
	return conn;
}

/* func (c *Conn) Read(b []byte) (int, error) */
SEC("uprobe")
int go_tls_read(struct pt_regs *regs)
{
	struct go_tls_key key = { .g = GO_G(regs), .tgid = bpf_get_current_pid_tgid() >> 32 };
	struct go_tls_call fresh = {};
	struct go_program *program;
	struct conn_state *conn;

	program = gos && filter_process(key.tgid) ? go_program_of(key.tgid) : NULL;
	conn = program ? go_tls_enter(regs, program, &fresh.call, TLS_READ) : NULL;
	if (!conn)
		return 0;
	fresh.tx_base = conn->id.tx_base;
	fresh.rx_base = conn->id.rx_base;
	fresh.stack_end = go_stack_end(key.g);
	fresh.call.stack = fresh.stack_end - GO_SP(regs) - sizeof(__u64);
	bpf_map_update_elem(&go_tls_calls, &key, &fresh, BPF_ANY);
	return 0;
}

/* func (c *Conn) Write(b []byte) (int, error). Told when it begins: what the peer answers may be
 * read before it returns. */
static __always_inline struct conn_state *go_tls_writes(struct pt_regs *regs,
	const struct go_program *program, struct tls_call *call, __s64 *count, struct go_caller *go)
{
	struct conn_state *conn;

	if (!filter_process(bpf_get_current_pid_tgid() >> 32))
		return NULL;
	conn = go_tls_enter(regs, program, call, TLS_WRITE);
	*count = call->size;
	go->g = GO_G(regs);
	go->ip = go_word(GO_SP(regs) + sizeof(__u64));
	go->bp = GO_BP(regs);
	return conn;
}

/* At a RET of Read: AX is how many bytes. */
static __always_inline struct conn_state *go_tls_has_read(
	struct pt_regs *regs, struct tls_call *call, __s64 *count, struct go_caller *go)
{
	struct go_tls_key key = { .g = GO_G(regs), .tgid = bpf_get_current_pid_tgid() >> 32 };
	struct go_tls_call *left = bpf_map_lookup_elem(&go_tls_calls, &key);
	__u64 stack_end = go_stack_end(key.g), depth = stack_end - GO_SP(regs);
	struct conn_state *conn;
	__u32 tx_base, rx_base;

	if (!left)
		return NULL;
	*call = left->call;
	tx_base = left->tx_base;
	rx_base = left->rx_base;
	if (call->buffer < left->stack_end && call->buffer >= left->stack_end - call->stack)
		call->buffer += stack_end - left->stack_end;
	bpf_map_delete_elem(&go_tls_calls, &key);
	if (call->stack != depth)
		return NULL;
	conn = conn_find(call->sock);
	if (!conn || !(conn->status & CONN_TLS) || conn->id.tx_base != tx_base ||
		conn->id.rx_base != rx_base)
		return NULL;
	*count = GO_ARGUMENT_1(regs);
	go->g = key.g;
	go->ip = go_word(GO_SP(regs));
	go->bp = GO_BP(regs);
	return conn;
}

#endif /* TRACELET_BPF_TLS_GO_H */
