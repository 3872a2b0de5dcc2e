/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* What an event tells of who woke its thread: handover.h says what that means. */
#ifndef TRACELET_BPF_HANDOVER_EVIDENCE_H
#define TRACELET_BPF_HANDOVER_EVIDENCE_H

#include "task.h"

/* Set by the programs: a thread that makes calls was woken by one that reads requests. */
__weak volatile __u32 handovers;

static __always_inline void handover_describe(
	struct thread_state *thread, const struct conn_state *conn, struct event_data *event)
{
	if (event->direction == DIRECTION_RX) {
		if (!thread->wakes && !handovers)
			return;
		if (conn->role == ROLE_CLIENT || conn->last_direction == 1 + DIRECTION_RX)
			return;
		if (thread->wakes) {
			event->evidence_type = EVIDENCE_WOKEN;
			event->evidence_parent = (__u64)thread->wakes << 32;
		}
		if (handovers) {
			thread->read_ns = bpf_ktime_get_ns();
			thread->closer = 0;
		}
	} else if (conn->role != ROLE_CLIENT && thread->closer) {
		event->evidence_type = EVIDENCE_RETURNED;
		event->evidence = thread->closer;
		event->evidence_parent =
			(__u64)thread->closer_wakes << 32 | thread->closer_attempts;
	} else if (thread->wakes) {
		event->evidence_type = EVIDENCE_WOKEN;
		event->evidence = thread->opener;
		event->evidence_parent = (__u64)thread->wakes << 32 | thread->opener_attempts;
	}
}

#endif /* TRACELET_BPF_HANDOVER_EVIDENCE_H */
