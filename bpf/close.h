/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* The CLOSE event. */
#ifndef TRACELET_BPF_CLOSE_H
#define TRACELET_BPF_CLOSE_H

#include "conns.h"

static __noinline __attribute__((unused)) void close_emit(
	const struct conn_state *conn, __u32 how, int error)
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

#endif /* TRACELET_BPF_CLOSE_H */
