/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* What a system call has moved on a stream socket, and where in user memory it lies. */
#ifndef TRACELET_BPF_MOVES_H
#define TRACELET_BPF_MOVES_H

#include "go_registers.h"
#include "scratch.h"

/* sendmmsg and recvmmsg of more messages are reported with their heads uncopied. */
#define DATA_MESSAGES 4

/* The iovec of a struct user_msghdr. */
static __always_inline void data_message(struct operation *op, __u64 address)
{
	struct {
		__u64 iov;
		__u64 count;
	} array = {};

	if (bpf_probe_read_user(&array, sizeof(array),
		    (void *)(address + __builtin_offsetof(struct user_message, iov))))
		LEDGER_ADD(unreadable);
	op->buffer = array.iov;
	op->segments = array.count;
}

/* sendmmsg and recvmmsg return a count; each message is an operation, the bytes of
 * those behind it are `trailing`. */
static __always_inline void data_messages(struct operation *op, __u64 address, __u32 count)
{
	__u32 lengths[DATA_MESSAGES] = {}, total = 0;
	__u16 flags = op->flags;

	for (__u32 i = 0; i < DATA_MESSAGES && i < count; i++) {
		bpf_probe_read_user(&lengths[i], sizeof(lengths[i]),
			(void *)(address + i * sizeof(struct user_mmessage) +
				 sizeof(struct user_message)));
		total += lengths[i];
	}
	for (__u32 i = 0; i < DATA_MESSAGES && i < count; i++) {
		total -= lengths[i];
		op->length = lengths[i];
		op->flags = flags;
		op->trailing = total;
		data_message(op, address + i * sizeof(struct user_mmessage));
		report_operation();
	}
}

static __always_inline __u32 data_message_flags(struct pt_regs *regs, __u32 traits)
{
	if (!(traits & (MOVES_FLAGS_2 | MOVES_FLAGS_3)))
		return 0;
	return traits & MOVES_FLAGS_2 ? syscall_arg(regs, 2) : syscall_arg(regs, 3);
}

/* False when the call moved nothing worth telling. */
static __always_inline bool data_result(struct operation *op, struct pt_regs *regs, long result)
{
	op->error = 0;
	op->length = result;
	op->trailing = 0;
	if (result > 0)
		return true;
	op->length = 0;
	if (result < 0) {
		op->error = -result;
		op->flags |= DATA_ERROR;
		return true;
	}
	op->flags |= DATA_EOF;
	return op->direction == DIRECTION_RX &&
	       syscall_arg(regs, 2); /* a read of nothing returns 0 too */
}

/* Where the bytes lie in user memory. */
static __always_inline void data_buffer(struct operation *op, struct pt_regs *regs, __u32 traits)
{
	op->buffer = syscall_arg(regs, 1);
	op->segments = 0;
	if (traits & MOVES_NOT_PLAIN) {
		if (traits & MOVES_IOVEC)
			op->segments = syscall_arg(regs, 2);
		else if (traits & MOVES_MESSAGE)
			data_message(op, op->buffer);
		else
			op->flags |= DATA_ZERO_COPY;
	}
	if (op->flags & (DATA_ZERO_COPY | DATA_STALE)) {
		op->buffer = 0;
		op->segments = 0;
	}
}

static __always_inline void data_moved(struct pt_regs *regs, long result, __u32 traits)
{
	__u32 flags = data_message_flags(regs, traits);
	struct report *report = report_inlined();
	struct operation *op;
	struct socket_ref ref;

	if (!report || flags & (MSG_OOB | MSG_ERRQUEUE))
		return;
	if (gos) {
		report->go.caller.g = GO_G(regs);
		report->go.caller.ip = GO_IP(regs);
		report->go.caller.bp = GO_BP(regs);
	}
	if (loops)
		report->sp = regs->sp;
	op = &report->op;
	op->fd = syscall_arg(regs, 0);
	op->direction = traits & MOVES_RECEIVES ? DIRECTION_RX : DIRECTION_TX;
	if (traits & MOVES_PIPE) { /* one of its descriptors is a pipe */
		if (socket_of_fd(op->fd, &ref))
			op->direction = DIRECTION_RX;
		else
			op->fd = syscall_arg(regs, 2);
	}
	op->flags = 0;
	op->nonblocking = 0;
	if (flags) {
		op->nonblocking = !!(flags & MSG_DONTWAIT);
		if (traits & MOVES_RECEIVES)
			op->flags = (flags & MSG_PEEK ? DATA_PEEK : 0) |
				    (flags & MSG_TRUNC ? DATA_STALE : 0);
	}
	if (!data_result(op, regs, result)) {
		if (loops)
			loop_clear_here(LOOP_OTHER); /* the end, read by recvmsg() */
		return;
	}
	if (traits & MOVES_MESSAGES && result > 0) {
		data_messages(op, syscall_arg(regs, 1), result);
		return;
	}
	data_buffer(op, regs, traits);
	report_operation();
	if (loops && !(traits & (MOVES_RECEIVES | MOVES_NOT_PLAIN)) && result > 0 &&
		(__u64)result < syscall_arg(regs, 2))
		loop_blocked(op->fd);
}

#endif /* TRACELET_BPF_MOVES_H */
