/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* From a descriptor to the connection behind it, and where its streams stand. */
#ifndef TRACELET_BPF_SOCKET_H
#define TRACELET_BPF_SOCKET_H

#include "filter.h"
#include "task.h"

struct socket_ref {
	struct file *file;
	struct sock *sk;
	__u16 family; /* 0: not looked at */
	__u8 state;   /* TCP_* */
};

/* False unless the descriptor is a socket, of any kind. A socket's private_data is
 * the struct socket that points back at the file (net/socket.c sock_alloc_file());
 * checking that is cheaper than the inode's mode and fails for every other file.
 * Neighbours are read at once: struct socket {…, file, sk, …} and struct sock_common
 * {…, skc_family, skc_state, …} have been so since 2.6 and 4.4. */
static __always_inline bool socket_link(struct socket_ref *ref)
{
	struct file *file = ref->file;
	struct socket *socket;
	struct {
		struct file *file;
		struct sock *sk;
	} link = {};

	if (!file)
		return false;
	socket = BPF_CORE_READ(file, private_data);
	bpf_core_read(&link, sizeof(link), &socket->file);
	ref->sk = link.sk;
	return link.file == file && link.sk;
}

static __always_inline bool socket_at(__u32 fd, struct socket_ref *ref)
{
	ref->file = (void *)task_file(fd);
	return socket_link(ref);
}

static __always_inline __u32 *socket_place(const struct file *file)
{
	__u32 slot = ((__u64)file >> 6 ^ (__u64)file >> 19) % CONNS_OF_FILES;

	return bpf_map_lookup_elem(&conns_of_files, &slot);
}

/*
 * The connection behind a file, as it was the last time; saves three reads. A connection has
 * one file until an end of it is shut or the file is released, and both are told by a
 * change of its TCP state (tcp_close(), tcp_shutdown()) before the file's address can be
 * given to another: `closing`. Never of those whose past is unknown, or without states (Unix).
 */
static __always_inline struct conn_state *socket_cached(struct socket_ref *ref)
{
	__u32 *place = socket_place(ref->file);
	struct conn_slot *slot;

	if (!place || !ref->file)
		return NULL;
	slot = conn_slot_at(*place);
	if (!slot || slot->state.closing || slot->state.file != (__u64)ref->file)
		return NULL;
	ref->sk = (struct sock *)slot->state.id.sock;
	return &slot->state;
}

static __always_inline void socket_remember(const struct socket_ref *ref, struct conn_state *conn)
{
	__u32 *place = socket_place(ref->file);

	if (!place || conn->closing)
		return;
	conn->file = (__u64)ref->file;
	*place = conn->place;
}

/* False unless it is one of a family that is traced. */
static __always_inline bool socket_look(struct socket_ref *ref)
{
	struct sock *sk = ref->sk;
	struct {
		__u16 family;
		__u8 state;
		__u8 rest;
	} common = {};

	bpf_core_read(&common, sizeof(common), &sk->__sk_common.skc_family);
	ref->family = common.family;
	ref->state = common.state;
	return ref->family == AF_INET || ref->family == AF_INET6 || ref->family == AF_UNIX;
}

static __always_inline bool socket_of_fd(__u32 fd, struct socket_ref *ref)
{
	return socket_at(fd, ref) && socket_look(ref);
}

static __always_inline __u32 socket_inode(struct file *file)
{
	return BPF_CORE_READ(file, f_inode, i_ino);
}

static __always_inline bool socket_is_stream(struct sock *sk)
{
	return BPF_CORE_READ(sk, sk_type) == SOCK_STREAM;
}

/* False for MPTCP, whose sequence numbers are those of its subflows. */
static __always_inline bool socket_is_tcp(struct sock *sk)
{
	return BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP;
}

static __always_inline bool socket_nonblocking(struct file *file)
{
	return BPF_CORE_READ(file, f_flags) & O_NONBLOCK;
}

/* See struct conn_slot. */
static __always_inline __u64 socket_name(const struct socket_ref *ref)
{
	return ref->family == AF_UNIX ? socket_inode(ref->file) : (__u64)ref->sk;
}

/* A dying connection may have left its address to another. */
static __always_inline struct conn_state *socket_conn(const struct socket_ref *ref)
{
	struct conn_state *conn = conn_find(socket_name(ref));

	if (conn && conn->closing == CONN_DYING && conn->id.inode != socket_inode(ref->file))
		return NULL;
	return conn;
}

/* Sockfs inode of the other end of a Unix connection; 0 before accept() or after close(). */
static __always_inline __u32 socket_unix_peer(struct sock *sk)
{
	struct sock *peer = BPF_CORE_READ((struct unix_sock *)sk, peer);
	struct file *file;

	if (!peer)
		return 0;
	file = BPF_CORE_READ(peer, sk_socket, file);
	return file ? socket_inode(file) : 0;
}

/*
 * Bases and offsets of a TCP connection older than the agent, from counters that
 * the kernel keeps since its start. Without the socket lock a pair may tear, so
 * read until two readings agree; DESIGN §5 has the rate.
 */
static __always_inline void socket_adopt_tcp(struct sock *sk, struct conn_state *conn)
{
	struct tcp_sock *tcp = (struct tcp_sock *)sk;
	__u32 tx_base = 0, rx_base = 0, write_seq = 0, copied_seq = 0;
	__u64 acked = 0, received = 0;
	bool agreed = false;

	for (int i = 0; i < 4 && !agreed; i++) {
		__u32 tx, rx;

		acked = BPF_CORE_READ(tcp, bytes_acked);
		tx = BPF_CORE_READ(tcp, snd_una) - (__u32)acked;
		received = BPF_CORE_READ(tcp, bytes_received);
		rx = BPF_CORE_READ(tcp, rcv_nxt) - (__u32)received;
		agreed = i > 0 && tx == tx_base && rx == rx_base;
		tx_base = tx;
		rx_base = rx;
	}
	write_seq = BPF_CORE_READ(tcp, write_seq);
	copied_seq = BPF_CORE_READ(tcp, copied_seq);
	conn->flags |= agreed ? CONN_ADOPTED : CONN_ADOPTED | CONN_TORN_BASE;
	conn->id.tx_base = tx_base;
	conn->id.rx_base = rx_base;
	/* The sent end lies ahead of what is acknowledged, the read end behind what has arrived. */
	conn->direction[DIRECTION_TX].next = acked + (write_seq - tx_base - (__u32)acked);
	conn->direction[DIRECTION_RX].next = received - ((__u32)received - (copied_seq - rx_base));
}

/* The stream position after the operation that just returned: the sequence number
 * of the next byte to write or to read. */
static __always_inline __u32 socket_position(struct sock *sk, __u8 direction)
{
	struct tcp_sock *tcp = (struct tcp_sock *)sk;

	return direction == DIRECTION_TX ? BPF_CORE_READ(tcp, write_seq)
					 : BPF_CORE_READ(tcp, copied_seq);
}

/* The peer's FIN takes a sequence number too, which moves copied_seq by one more
 * (net/ipv4/tcp.c tcp_recvmsg_locked(), found_fin_ok). */
static __always_inline bool socket_fin_received(struct sock *sk)
{
	__u8 state = BPF_CORE_READ(sk, __sk_common.skc_state);

	return state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK || state == TCP_CLOSING ||
	       state == TCP_TIME_WAIT || state == TCP_CLOSE;
}

#endif /* TRACELET_BPF_SOCKET_H */
