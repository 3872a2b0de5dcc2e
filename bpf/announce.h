/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* The OPEN event: once per connection, before anything else is said of it; its CLOSE is next if it has ended by then. */
#ifndef TRACELET_BPF_ANNOUNCE_H
#define TRACELET_BPF_ANNOUNCE_H

#include "close.h"
#include "socket.h"

static __always_inline void announce_inet(struct sock *sk, struct event_open *open)
{
	open->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	open->remote_port = __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (open->family == AF_INET6) {
		BPF_CORE_READ_INTO(
			(struct in6_addr *)open->local_address, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(
			(struct in6_addr *)open->remote_address, sk, __sk_common.skc_v6_daddr);
		return;
	}
	open->local_address[10] = open->local_address[11] = 0xff;
	open->remote_address[10] = open->remote_address[11] = 0xff;
	*(__be32 *)&open->local_address[12] = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
	*(__be32 *)&open->remote_address[12] = BPF_CORE_READ(sk, __sk_common.skc_daddr);
}

/* The path is the listener's: an accepted socket inherits it, a client finds it at its peer. */
static __always_inline void announce_unix(struct sock *sk, struct event_open *open)
{
	struct unix_sock *owner = (struct unix_sock *)sk;
	struct unix_address *address;
	__u32 size;

	if (open->role == ROLE_CLIENT)
		owner = (struct unix_sock *)BPF_CORE_READ(owner, peer);
	address = BPF_CORE_READ(owner, addr);
	if (!address)
		return;
	size = BPF_CORE_READ(address, len) -
	       sizeof(__u16); /* an abstract name does not end with NUL */
	if (size > sizeof(open->unix_path))
		return;
	bpf_probe_read_kernel(open->unix_path, size,
		(void *)address + bpf_core_field_offset(struct unix_address, name) + sizeof(__u16));
}

/* False when there was no room: nothing may be reported of a connection that was not announced. */
static __always_inline bool announce(struct conn_state *conn, const struct socket_ref *ref,
	const struct frame *frame, bool accepted_here)
{
	void *ring = emit_ring(frame->cpu);
	struct sock *sk = ref->sk;
	struct event_open *open;

	if (conn->status & CONN_UNIX && !conn->peer_inode)
		conn->peer_inode = socket_unix_peer(sk);
	conn->id.inode = socket_inode(ref->file);
	open = ring ? emit_reserve(ring, sizeof(*open), frame->cpu, EVENT_OPEN) : NULL;
	if (!open)
		return false;
	__builtin_memset(&open->conn, 0, sizeof(*open) - sizeof(open->header));
	frame_header(frame, &open->header);
	open->conn = conn->id;
	open->established_ns = conn->established_ns;
	open->family = ref->family;
	open->role = conn->role;
	open->accepted_here = accepted_here;
	open->flags = conn->flags;
	open->peer_inode = conn->peer_inode;
	open->waits = frame->thread->waits;
	bpf_get_current_comm(open->comm, sizeof(open->comm));
	if (ref->family == AF_UNIX)
		announce_unix(sk, open);
	else
		announce_inet(sk, open);
	emit_submit(open);
	conn->status |= CONN_ANNOUNCED;
	if (conn->closing == CONN_DYING)
		close_emit(conn, CLOSE_DONE, BPF_CORE_READ(sk, sk_err));
	return true;
}

#endif /* TRACELET_BPF_ANNOUNCE_H */
