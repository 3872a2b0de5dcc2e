/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
#ifndef TRACELET_BPF_OPERATION_H
#define TRACELET_BPF_OPERATION_H

#include "socket.h"

/* What one system call moved, or one call of a TLS library. */
struct operation {
	__u64 buffer;	/* user address of the bytes, or of the iovec array; 0: not to be read */
	__u32 segments; /* 0: `buffer` is the bytes */
	__u32 length;	/* bytes moved */
	__u32 trailing; /* bytes that the same call moved after these (sendmmsg) */
	__s32 error;
	__u16 flags; /* DATA_* */
	__u8 direction;
	__u8 nonblocking; /* MSG_DONTWAIT */
	__u32 fd;
};

static __always_inline bool operation_blocks(
	const struct socket_ref *ref, const struct frame *frame, const struct operation *op)
{
	if (!op->nonblocking && !socket_nonblocking(ref->file))
		return true;
	return frame->thread->polled_sock == (__u64)ref->sk;
}

/* Whether anybody asks if the thread blocked: see DATA_BLOCKING. */
static __always_inline bool operation_tells_blocking(
	const struct thread_state *thread, const struct conn_state *conn, __u8 direction)
{
	return direction == DIRECTION_RX && (conn->role != ROLE_CLIENT || thread->wakes);
}

#endif /* TRACELET_BPF_OPERATION_H */
