// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * tp_btf/sys_exit: every system call that moves bytes on a stream socket, and the
 * waits of event loops. At exit the buffers are filled, the result is known and
 * the arguments are still in pt_regs, so no entry probe is needed (DESIGN §4).
 * Raw tracepoint since 4.17, with BTF since 5.5.
 */
#include "handover.h"
#include "moves.h"
#include "sdk.h"
#include "tls_mapped.h"
#include <bpf/bpf_tracing.h>

/* errno values that end a connection; EAGAIN and its like say nothing. */
#define EPIPE 32
#define ECONNABORTED 103
#define ECONNRESET 104

static __always_inline bool data_ends_connection(long result)
{
	return result == -ECONNRESET || result == -EPIPE || result == -ETIMEDOUT ||
	       result == -ECONNABORTED;
}

static __noinline void data_open_unix(const struct socket_ref *ref, __u32 role)
{
	__u64 name = socket_name(ref);
	struct conn_slot *slot;

	conn_end(name);
	slot = conn_begin(name);
	if (!slot)
		return;
	slot->state.id.sock = (__u64)ref->sk;
	slot->state.status = CONN_UNIX;
	slot->state.role = role;
	slot->state.closing = CONN_CLOSING;
	slot->state.established_ns = bpf_ktime_get_ns();
	conn_publish(slot, name);
}

/* The server's socket exists from the handshake on; here it gets its thread and process. */
static __always_inline void data_accepted(const struct frame *frame, __u32 fd)
{
	struct socket_ref ref = {};
	struct conn_state *conn;

	loop_clear(frame->thread, LOOP_OTHER);
	if (!socket_of_fd(fd, &ref))
		return;
	if (ref.family == AF_UNIX) {
		if (!socket_is_stream(ref.sk) || !filter_sock(ref.sk))
			return;
		data_open_unix(&ref, ROLE_SERVER);
	}
	conn = socket_conn(&ref);
	if (conn && !(conn->status & CONN_ANNOUNCED))
		announce(conn, &ref, frame, true);
	if (conn && pythons)
		python_accepted(frame, conn);
}

static __always_inline void data_looked_up(const struct frame *frame, __u32 fd)
{
	if (pythons)
		python_looked_up(frame, fd);
}

/* A Unix connection is complete when connect() returns; TCP ones are made by the state tracepoint. */
static __always_inline void data_connected(__u32 fd, long result, __u64 sp)
{
	struct socket_ref ref = {};

	if (loops)
		loop_connected(fd, result, sp);
	if (result < 0 || !socket_of_fd(fd, &ref) || ref.family != AF_UNIX ||
		!socket_is_stream(ref.sk) || !filter_sock(ref.sk))
		return;
	data_open_unix(&ref, ROLE_CLIENT);
}

static __always_inline void data_socket_call(struct pt_regs *regs, __u32 traits)
{
	if (!loops)
		return;
	if (traits & SYSCALL_SHUTDOWN)
		loop_clear_here(LOOP_DEFERRED);
	else if (syscall_arg(regs, 1) == SOL_SOCKET && syscall_arg(regs, 2) == SO_ERROR)
		loop_asked(syscall_arg(regs, 0));
}

/* Waiting for one connection is a blocking read in two calls, whether it has been seen yet
 * or not (urllib3 asks so before it uses one again); waiting for one datagram socket is a
 * name being looked up, waiting for nothing is a sleep (or urllib3 trying whether poll()
 * works); anything else is an event loop. */
static __always_inline void data_waited(
	const struct frame *frame, struct pt_regs *regs, __u32 traits)
{
	struct user_pollfd polled = {};
	struct socket_ref ref = {};

	if (traits & (SYSCALL_POLL | SYSCALL_SELECT) &&
		!syscall_arg(regs, traits & SYSCALL_POLL ? 1 : 0))
		return;
	if (traits & SYSCALL_POLL && syscall_arg(regs, 1) == 1 &&
		!bpf_probe_read_user(&polled, sizeof(polled), (void *)syscall_arg(regs, 0)) &&
		socket_of_fd(polled.fd, &ref)) {
		if (ref.family != AF_UNIX && !socket_is_stream(ref.sk))
			return;
		if (ref.family == AF_UNIX ? socket_conn(&ref) != NULL : ref.state != TCP_LISTEN) {
			if (polled.events & POLLIN)
				frame->thread->polled_sock = (__u64)ref.sk;
			return;
		}
	}
	frame->thread->waited = traits;
	frame->thread->timeout = syscall_arg(regs, 3);
	frame->thread->polled_sock = 0;
	frame->thread->waits++;
	frame->thread->python_family = 0;
	loop_waited(frame->thread);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(sys_exit, struct pt_regs *regs, long result)
{
	__u32 number = syscall_number(regs);
	struct frame frame;
	__u32 traits;

	if (number >= SYSCALL_TABLE_SIZE)
		return 0;
	barrier_var(number); /* else clang drops the mask, and the verifier the program */
	traits = syscall_traits[number & (SYSCALL_TABLE_SIZE - 1)];
	if (!traits)
		return 0;
	if (result < 0 && !(traits & SYSCALL_ANY_RESULT) && !data_ends_connection(result)) {
		if (!loops)
			return 0;
		if (result == -EAGAIN && !(traits & MOVES_RECEIVES))
			loop_blocked(syscall_arg(regs, 0));
		else if (result != -EAGAIN && result != -EINTR && traits & MOVES_RECEIVES)
			loop_clear_here(LOOP_OTHER); /* a callback that is told of an error */
		return 0;
	}
	/* Read again: the verifier knows which error it was, and would follow what comes now for each of them. */
	result = *(volatile long *)&ctx[1];
	if (!filter_process(bpf_get_current_pid_tgid() >> 32))
		return 0;
	if (task_is_compat()) {
		LEDGER_ADD(compat_tasks);
		return 0;
	}
	if (traits & MOVES_ADDRESS && settings.sdk_ports[0] && result > 0 && syscall_arg4(regs))
		sdk_sent(syscall_arg(regs, 0), syscall_arg4(regs));
	if (traits & SYSCALL_MOVES)
		data_moved(regs, result, traits);
	else if (traits & SYSCALL_CONNECT)
		data_connected(syscall_arg(regs, 0), result, regs->sp);
	else if (traits & (SYSCALL_SOCKOPT | SYSCALL_SHUTDOWN))
		data_socket_call(regs, traits);
	else if (traits & SYSCALL_MAP)
		tls_mapped(syscall_arg(regs, 2), syscall_arg4(regs));
	else if (traits & SYSCALL_FUTEX)
		handover_futex(
			syscall_arg(regs, 0), syscall_arg(regs, 1), syscall_arg(regs, 3), result);
	else if (!frame_init(&frame))
		return 0;
	else if (traits & SYSCALL_ACCEPT)
		data_accepted(&frame, result);
	else if (traits & SYSCALL_PEER)
		data_looked_up(&frame, syscall_arg(regs, 0));
	else if (traits & SYSCALL_RING)
		loop_ring(frame.thread, syscall_arg(regs, 1));
	else
		data_waited(&frame, regs, traits);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
