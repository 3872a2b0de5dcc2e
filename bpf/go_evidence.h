/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* What an operation of a Go program tells of the goroutine behind it: see go.h. */
#ifndef TRACELET_BPF_GO_EVIDENCE_H
#define TRACELET_BPF_GO_EVIDENCE_H

#include "go.h"

/* Where the steps keep what would not fit on the stack: see struct report. */
struct go_scratch {
	struct go_caller caller;
	struct go_key key; /* of the goroutine */
	struct goroutine fresh;
	__u64 relay; /* the goroutine that writes what others call, by number; 0: this one does not */
};

/* A read from a connection that is not a client's. The byte that net/http reads ahead, on another
 * goroutine, is not the request's beginning for those who serve it. */
static __always_inline void go_read(
	struct event_data *event, struct conn_state *conn, struct go_scratch *scratch)
{
	struct goroutine *known = bpf_map_lookup_elem(&goroutines, &scratch->key);
	bool turned = conn->last_direction != 1 + DIRECTION_RX;
	bool ahead = turned && scratch->caller.length == 1;
	bool begins = !ahead && (turned || conn->go & GO_AHEAD);

	if (conn->http2.state == HTTP2_YES) {
		/* Streams are told apart by what serves them; of the connection's own reader and
		 * of them all, one goroutine is the ancestor. */
		begins = !known;
	} else {
		conn->go = ahead ? conn->go | GO_AHEAD : conn->go & ~GO_AHEAD;
		if (conn->role != ROLE_SERVER && known && !known->own)
			begins = false;
	}
	if (begins) {
		scratch->fresh.cause.owner = scratch->key.goid;
		scratch->fresh.cause.turn = bpf_ktime_get_ns();
		scratch->fresh.g = scratch->caller.g;
		scratch->fresh.own = 1;
		bpf_map_update_elem(&goroutines, &scratch->key, &scratch->fresh, BPF_ANY);
		event->evidence = scratch->fresh.cause.owner;
		event->evidence_parent = scratch->fresh.cause.turn;
	} else if (known) {
		event->evidence = known->cause.owner;
		event->evidence_parent = known->cause.turn;
	}
	if (conn->http2.state == HTTP2_YES) {
		conn->go_cause.owner = event->evidence;
		conn->go_cause.turn = event->evidence_parent;
	}
}

/* What an operation says of the goroutine that made it, or had it made. */
static __always_inline void go_tell(const struct go_program *program, struct event_data *event,
	struct conn_state *conn, struct go_scratch *scratch)
{
	bool receives = event->direction == DIRECTION_RX;
	struct goroutine *goroutine;
	struct go_cause cause = {};

	event->evidence_type = EVIDENCE_GOROUTINE;
	event->evidence = 0;
	event->evidence_parent = GO_NO_CAUSE;
	scratch->relay = 0;
	if (conn->role == (receives ? ROLE_CLIENT : ROLE_SERVER))
		return;
	if (!receives && conn->go & GO_CALLED) {
		event->evidence = conn->go_cause.owner;
		event->evidence_parent = conn->go_cause.turn;
		return;
	}
	scratch->key.tgid = event->header.tgid;
	scratch->key.goid = go_id(program, scratch->caller.g);
	if (!scratch->key.goid)
		return;
	if (receives) {
		go_read(event, conn, scratch);
		return;
	}
	goroutine = bpf_map_lookup_elem(&goroutines, &scratch->key);
	if (goroutine && goroutine->relays) {
		scratch->relay = scratch->key.goid;
		return;
	}
	go_tell_cause(goroutine,
		goroutine &&
			go_undisturbed(program, goroutine, scratch->caller.ip, scratch->caller.bp),
		&cause);
	event->evidence = cause.owner;
	event->evidence_parent = cause.turn;
}

#ifndef SCRATCH_OF_THREAD /* sys_exit's */
static __noinline int go_describe(struct event_data *event, struct thread_state *thread,
	struct conn_state *conn, struct go_scratch *scratch)
{
	struct go_program *program = go_program_cached(thread, event->header.tgid);

	if (program && scratch->caller.ip - program->bias == program->syscall_end)
		go_tell(program, event, conn, scratch);
	return 0;
}
#endif

#endif /* TRACELET_BPF_GO_EVIDENCE_H */
