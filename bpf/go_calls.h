/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Calls that one goroutine of a connection writes for all others: grpc-go's. Whose they are is told by names
 * that both ends have, never by order or time: the caller has made a *Stream (newStream, go_rpc_made), the
 * writer is given it, and gives it its number (originateStream, go_rpc_sent). Then the frame with this number
 * that the writer writes begins this call; a goroutine's number is never another's, and it writes to one
 * connection. Not found, because it fell out or came otherwise: no cause.
 */
#ifndef TRACELET_BPF_GO_CALLS_H
#define TRACELET_BPF_GO_CALLS_H

#include "go.h"

struct go_call_key {
	__u32 tgid;
	__u32 stream; /* its number in the connection; 0: it has none yet */
	__u64 of;     /* the writer, by number; without a number of the stream, its address */
};

/* An address is another stream's only after that one has written its own cause there. */
__weak SEC(".maps") struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct go_call_key);
	__type(value, struct go_cause);
} go_calls;

/* False when it is not there. */
static __always_inline bool go_take_call(const struct go_call_key *key, struct go_cause *cause)
{
	struct go_cause *known = bpf_map_lookup_elem(&go_calls, key);

	if (!known)
		return false;
	*cause = *known;
	bpf_map_delete_elem(&go_calls, key);
	return true;
}

static __always_inline void go_no_call(struct event_data *event)
{
	event->evidence = 0;
	event->evidence_parent = GO_NO_CAUSE;
}

/* The event tells whose call begins with this stream's first frame. Returns 0, and nothing is done, when it
 * tells of another one's already, and frames are in it (`filled`). */
static __noinline __attribute__((unused)) int go_call_begins(
	struct event_data *event, __u64 writer, __u32 stream, __u32 filled)
{
	struct go_call_key key = { .tgid = event->header.tgid, .stream = stream, .of = writer };
	struct go_cause none = {}, *cause = bpf_map_lookup_elem(&go_calls, &key);
	bool known = cause;

	if (!cause)
		cause = &none;
	if (event->evidence == cause->owner && event->evidence_parent == cause->turn)
		filled = 0;
	if (filled)
		return 0;
	event->evidence = cause->owner;
	event->evidence_parent = cause->turn;
	if (known)
		bpf_map_delete_elem(&go_calls, &key);
	return 1;
}

#endif /* TRACELET_BPF_GO_CALLS_H */
