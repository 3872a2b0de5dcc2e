/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Event loops: what is the cause of what the thread does now (DESIGN §6, rule "loop").
 *
 * A loop waits, then runs one callback for each descriptor that is ready, each to its end.
 * A callback that reads a connection begins with that read, so the last read is the cause of
 * what follows, until a callback begins that does not. Those are told by what they do first:
 *   the next turn            a wait
 *   timers, deferred work    probes on the loop's own functions (loop.bpf.c); reads that come
 *                            later in this turn are no causes either. But what Node defers in a turn
 *                            that had one callback, and nothing to do before, is that one's
 *   a thread pool is done    a read of an eventfd or a pipe (libuv before 1.49), or a probe
 *   a connection was made    getsockopt(SO_ERROR)
 *   a connection was refused at once: libuv says so later in this turn, without a system call
 *   a connection can be      the bytes that did not fit are written: on a connection that is not
 *   written again            the cause, or after a write that stopped short
 *   half a connection ended  shutdown
 *   something else was read  accept, datagrams, end of file, connections that are not followed
 * Files (S_IFREG) are read within a callback and change nothing.
 *
 * A proxy (HAProxy) has a function that works for one stream, a request and its answer, in a later phase
 * than the one that reads. There the cause is the read with which the stream began, as long as that
 * function runs: its return address still lies where it lay. Elsewhere such a thread writes the first
 * bytes of a connection for whom it connected, and all else for nobody.
 *
 * Only for threads on which the probes were met: thread_state.loop. `loops` is 0 while no
 * file has probes, and then none of this costs anything.
 */
#ifndef TRACELET_BPF_LOOP_H
#define TRACELET_BPF_LOOP_H

#include "socket.h"

#define SOL_SOCKET 1 /* include/uapi/asm-generic/socket.h */
#define SO_ERROR 4
#define IORING_SETUP_SQPOLL 2	       /* include/uapi/linux/io_uring.h, struct io_uring_params */
#define ANON_INODE_FS_MAGIC 0x09041934 /* include/uapi/linux/magic.h */
#define EINTR 4
#define EAGAIN 11
#define EINPROGRESS 115

static __always_inline bool loop_trusted(const struct thread_state *thread)
{
	return (thread->loop & ~LOOP_STREAMS) == LOOP_KNOWN;
}

static __always_inline void loop_clear(struct thread_state *thread, __u8 reason)
{
	if (reason == LOOP_OTHER || reason == LOOP_POOL)
		thread->others++;
	if (reason != LOOP_READ)
		thread->began = 1;
	if (!thread->shut)
		thread->reason = reason;
}

static __always_inline void loop_waited(struct thread_state *thread)
{
	thread->shut = 0;
	thread->reason = LOOP_WAITED;
}

/* The current thread, if it is known to run a loop. */
static __always_inline struct thread_state *loop_thread(void)
{
	struct thread_state *thread;

	if (!loops)
		return NULL;
	thread = thread_find(bpf_get_current_pid_tgid());
	return thread && loop_trusted(thread) ? thread : NULL;
}

static __always_inline __u64 loop_evidence(const struct thread_state *thread, __u64 sock)
{
	__u64 reason = thread->reason;

	if (reason == LOOP_CONNECTED && thread->connected_sock != sock)
		reason = LOOP_DEFERRED;
	if (reason == LOOP_STREAM)
		return LOOP_EVIDENCE(reason, thread->stream_turn);
	if (reason == LOOP_READ && thread->loop & LOOP_STREAMS)
		reason = LOOP_STREAM;
	return LOOP_EVIDENCE(reason, thread->turn);
}

/* A write, or with `sock` 0 a connect(), by a thread whose stack is at `sp`; 0: unknown. */
static __always_inline void loop_stream_acts(struct thread_state *thread, __u64 sock, __u64 sp)
{
	__u64 word = 0;

	if (!(thread->loop & LOOP_STREAMS))
		return;
	if (thread->reason == LOOP_STREAM && sp && sp < thread->stream_sp &&
		!bpf_probe_read_user(&word, sizeof(word), (void *)thread->stream_sp) &&
		word == thread->stream_return)
		return;
	thread->reason = LOOP_CONNECTED;
	thread->connected_sock = sock;
}

/* A write that says which callback runs: one that goes on with what was begun in another. */
static __always_inline void loop_sent(struct thread_state *thread, struct conn_state *conn)
{
	if (conn->status & CONN_BLOCKED ||
		(conn->role == ROLE_SERVER && thread->read_sock != conn->id.sock) ||
		(conn->last_direction == 1 + DIRECTION_TX && conn->turn != thread->turn)) {
		conn->status &= ~CONN_BLOCKED;
		loop_clear(thread, LOOP_DEFERRED);
	}
	conn->turn = thread->turn;
}

/* `moved`: bytes of the stream, so neither its end nor a peek. `sp`: see loop_stream_acts(). */
static __always_inline void loop_moved(
	struct thread_state *thread, struct conn_state *conn, __u8 direction, bool moved, __u64 sp)
{
	if (direction == DIRECTION_TX) {
		if (moved) {
			loop_sent(thread, conn);
			loop_stream_acts(thread, conn->id.sock, sp);
		}
		return;
	}
	loop_clear(thread, moved ? LOOP_READ : LOOP_OTHER);
	if (moved) {
		thread->turn++;
		thread->read_sock = conn->id.sock;
	}
}

#ifndef SCRATCH_OF_THREAD /* the rest is sys_exit's */
/* An eventfd: its inode was of type S_IFREG for a while (kernel cfd86ef7e8e7 to 1e7ab6f67824, and in stable ones). */
static __always_inline bool loop_is_anonymous(struct file *file)
{
	return BPF_CORE_READ(file, f_inode, i_sb, s_magic) == ANON_INODE_FS_MAGIC;
}

/* An operation on something that is not followed. `conn` is NULL when it is not in the table. */
static __noinline void loop_moved_other(struct file *file, struct conn_state *conn, __u8 direction)
{
	struct thread_state *thread = loop_thread();

	if (!thread)
		return;
	if (direction == DIRECTION_RX) {
		__u16 type = BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT;

		if (type != S_IFREG || loop_is_anonymous(file))
			loop_clear(thread, type == S_IFSOCK ? LOOP_OTHER : LOOP_POOL);
	} else if (conn && conn->status & CONN_BLOCKED) {
		conn->status &= ~CONN_BLOCKED;
		loop_clear(thread, LOOP_DEFERRED);
	} else if (thread->reason == LOOP_WAITED) {
		thread->began = 1; /* it could not be written before */
	}
}

/* A write on the connection did not fit. */
__weak __noinline int loop_blocked(__u32 fd)
{
	struct socket_ref ref = {};
	struct conn_state *conn;

	if (!socket_of_fd(fd, &ref))
		return 0;
	conn = socket_conn(&ref);
	if (conn)
		conn->status |= CONN_BLOCKED;
	return 0;
}

/* Whether a connection is there now. nginx also asks so before it uses one again. */
__weak __noinline int loop_asked(__u32 fd)
{
	struct thread_state *thread = loop_thread();
	struct socket_ref ref = {};
	struct conn_state *conn;

	if (!thread || !socket_of_fd(fd, &ref))
		return 0;
	conn = socket_conn(&ref);
	if (conn && conn->last_direction)
		return 0;
	thread->connected_sock = (__u64)ref.sk;
	loop_clear(thread, LOOP_CONNECTED);
	return 0;
}

__weak __noinline int loop_clear_here(__u8 reason)
{
	struct thread_state *thread = loop_thread();

	if (thread)
		loop_clear(thread, reason);
	return 0;
}

/* A ring with a polling thread gives results back without a system call. */
static __always_inline void loop_ring(struct thread_state *thread, __u64 params)
{
	__u32 flags = 0;

	if (bpf_probe_read_user(&flags, sizeof(flags), (void *)(params + 2 * sizeof(__u32))) ||
		flags & IORING_SETUP_SQPOLL)
		thread->loop |= LOOP_HIDDEN;
}

__weak __noinline int loop_connected(__u32 fd, long result, __u64 sp)
{
	struct thread_state *thread = loop_thread();
	struct socket_ref ref = {};
	struct event_connect *event;
	struct frame frame = {};
	void *ring;

	if (!thread)
		return 0;
	if (result < 0 && result != -EINPROGRESS) {
		thread->shut = 1;
		thread->reason = LOOP_DEFERRED;
		return 0;
	}
	if (!socket_of_fd(fd, &ref) || !socket_is_stream(ref.sk) || !filter_sock(ref.sk) ||
		!frame_init(&frame))
		return 0;
	ring = emit_ring(frame.cpu);
	event = ring ? emit_reserve(ring, sizeof(*event), frame.cpu, EVENT_CONNECT) : NULL;
	if (!event)
		return 0;
	frame_header(&frame, &event->header);
	__builtin_memset(&event->conn, 0, sizeof(event->conn));
	event->conn.sock = (__u64)ref.sk;
	event->conn.inode = socket_inode(ref.file);
	loop_stream_acts(thread, 0, sp);
	event->evidence = loop_evidence(thread, 0);
	emit_submit(event);
	return 0;
}

#endif

#endif /* TRACELET_BPF_LOOP_H */
