// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * tp_btf/inet_sock_set_state: the life of TCP connections, from the handshake to
 * CLOSE, whoever owns them. Runs in softirq as often as in a process, so nothing
 * here may look at the current task. Tracepoint since 4.16
 * (include/trace/events/sock.h), called with the socket locked.
 */
#include "close.h"
#include "filter.h"
#include <bpf/bpf_tracing.h>

/* See struct conn_slot. The verifier lets nobody calculate with a typed pointer: read from memory it is a number. */
static __always_inline __u64 conn_name(struct sock *sk)
{
	__u64 name = 0;

	bpf_probe_read_kernel(&name, sizeof(name), &sk);
	return name;
}

/* At ESTABLISHED both ends know both bases and no data has moved: write_seq and
 * copied_seq are the first bytes' numbers (net/ipv4/tcp_input.c,
 * tcp_rcv_synsent_state_process() and tcp_rcv_state_process()). */
static __always_inline void conn_established(struct sock *sk, __u64 name, int old_state)
{
	struct tcp_sock *tcp = (struct tcp_sock *)sk;
	struct conn_slot *slot;

	if (!filter_sock(sk))
		return;
	slot = conn_begin(name);
	if (!slot)
		return;
	slot->state.id.sock = name;
	slot->state.id.tx_base = BPF_CORE_READ(tcp, write_seq);
	slot->state.id.rx_base = BPF_CORE_READ(tcp, copied_seq);
	slot->state.role = old_state == TCP_SYN_SENT ? ROLE_CLIENT : ROLE_SERVER;
	slot->state.established_ns = bpf_ktime_get_ns();
	conn_publish(slot, name);
}

/* An entry that is kept behind TCP state CLOSE is known by its socket's inode. */
static __always_inline void conn_dies(struct conn_state *conn, struct sock *sk)
{
	if (!conn->id.inode)
		conn->id.inode = BPF_CORE_READ(sk, sk_socket, file, f_inode, i_ino);
	conn->closing = CONN_DYING;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(inet_sock_set_state, struct sock *sk, int old_state, int new_state)
{
	struct conn_state *conn;
	bool kept = false;
	__u64 name;
	int error;

	if (old_state == new_state) /* close() after shutdown() */
		return 0;
	name = conn_name(sk);
	/* What was read no further after an RST, of a socket that lay here before. */
	if (new_state == TCP_SYN_SENT || new_state == TCP_ESTABLISHED)
		conn_end(name);
	if (new_state == TCP_ESTABLISHED) {
		if (BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP)
			conn_established(sk, name, old_state);
		return 0;
	}
	if (new_state != TCP_FIN_WAIT1 && new_state != TCP_LAST_ACK && new_state != TCP_CLOSE)
		return 0;
	conn = conn_find(name);
	if (!conn)
		return 0;
	error = BPF_CORE_READ(sk, sk_err);
	conn->closing = CONN_CLOSING;
	/* After an RST the application may still read what had arrived, and calls that
	 * have moved bytes may not have returned. */
	if (new_state == TCP_CLOSE && BPF_CORE_READ(sk, sk_socket) &&
		(error || BPF_CORE_READ(sk, sk_receive_queue.qlen))) {
		conn_dies(conn, sk);
		kept = true;
	}
	if (conn->status & CONN_ANNOUNCED)
		close_emit(conn, new_state == TCP_CLOSE ? CLOSE_DONE : CLOSE_LOCAL_FIN, error);
	if (new_state == TCP_CLOSE && !kept)
		conn_end(name);
	return 0;
}
