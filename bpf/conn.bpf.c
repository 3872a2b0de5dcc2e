// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * tp_btf/inet_sock_set_state: the life of TCP connections, from the handshake to
 * CLOSE, whoever owns them. Runs in softirq as often as in a process, so nothing
 * here may look at the current task. Tracepoint since 4.16
 * (include/trace/events/sock.h), called with the socket locked.
 */
#include "conns.h"
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

static __always_inline void conn_emit_close(const struct conn_state *conn, __u32 how, int error)
{
	__u32 cpu = bpf_get_smp_processor_id();
	void *ring = emit_ring(cpu);
	struct event_close *event;

	if (!ring)
		return;
	event = emit_reserve(ring, sizeof(*event), cpu, EVENT_CLOSE);
	if (!event)
		return;
	emit_no_process(&event->header);
	event->conn = conn->id;
	event->tx_end = conn->direction[DIRECTION_TX].next;
	event->rx_end = conn->direction[DIRECTION_RX].next;
	event->how = how;
	event->error = error;
	emit_submit(event);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(inet_sock_set_state, struct sock *sk, int old_state, int new_state)
{
	struct conn_state *conn;
	__u64 name;

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
	conn->closing = 1;
	if (conn->status & CONN_ANNOUNCED)
		conn_emit_close(conn, new_state == TCP_CLOSE ? CLOSE_DONE : CLOSE_LOCAL_FIN,
			BPF_CORE_READ(sk, sk_err));
	if (new_state != TCP_CLOSE)
		return 0;
	/* After an RST the application may still read what had arrived. */
	if (BPF_CORE_READ(sk, sk_receive_queue.qlen) && BPF_CORE_READ(sk, sk_socket))
		conn->status |= CONN_DYING;
	else
		conn_end(name);
	return 0;
}
