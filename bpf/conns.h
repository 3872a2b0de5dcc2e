/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* The table of connections: a hash table of our own in an array, because a look into the kernel's takes 130 instructions,
 * and an array is looked into by place. */
#ifndef TRACELET_BPF_CONNS_H
#define TRACELET_BPF_CONNS_H

#include "emit.h"

static __always_inline struct conn_slot *conn_slot_at(__u32 place)
{
	return bpf_map_lookup_elem(&conns, &place);
}

/* CONN_NOWHERE: it has none. Global: see head.h. */
__weak __noinline __u32 conn_place(__u64 name)
{
	__u32 place = CONN_FIRST(name, settings.conn_bits);

#pragma clang loop unroll(disable) /* each look-up is patched in: see ledger_add() */
	for (int way = 0; way < CONN_WAYS; way++, place++) {
		struct conn_slot *slot = conn_slot_at(place);

		if (slot && slot->name == name)
			return place;
	}
	return CONN_NOWHERE;
}

/* These are functions because each look-up is patched in: see ledger_add(). */
static __noinline __attribute__((unused)) struct conn_state *conn_find(__u64 name)
{
	return (struct conn_state *)conn_slot_at(conn_place(name));
}

/* One wins, or none: nobody reads 1 behind another's addition. (5.10 cannot compare and exchange.) */
static __always_inline bool slot_claim(__u32 *claims)
{
	if (*claims)
		return false;
	__sync_fetch_and_add(claims, 1);
	if (*(volatile __u32 *)claims == 1)
		return true;
	__sync_fetch_and_add(claims, -1);
	return false;
}

/* A free place for `name`, where nobody finds it yet; CONN_NOWHERE, which is counted. */
__weak __noinline __u32 conn_claim(__u64 name)
{
	__u32 place = CONN_FIRST(name, settings.conn_bits);

#pragma clang loop unroll(disable) /* see conn_place() */
	for (int way = 0; way < CONN_WAYS; way++, place++) {
		struct conn_slot *slot = conn_slot_at(place);

		if (slot && slot_claim(&slot->claims))
			return place;
	}
	LEDGER_ADD(conns_full);
	return CONN_NOWHERE;
}

/* An entry to be filled in and then published; nobody else sees it before. NULL: the table is full. */
static __noinline __attribute__((unused)) struct conn_slot *conn_begin(__u64 name)
{
	__u32 place = conn_claim(name);
	struct conn_slot *slot = conn_slot_at(place);

	if (!slot)
		return NULL;
	__builtin_memset(&slot->state, 0, sizeof(slot->state));
	slot->state.place = place;
	return slot;
}

static __always_inline void conn_publish(struct conn_slot *slot, __u64 name)
{
	barrier();
	*(volatile __u64 *)&slot->name = name;
}

static __noinline __attribute__((unused)) void conn_end(__u64 name)
{
	struct conn_slot *slot = conn_slot_at(conn_place(name));

	if (!slot)
		return;
	slot->state.file = 0;
	slot->name = 0;
	__sync_fetch_and_add(&slot->claims, -1);
}

#endif /* TRACELET_BPF_CONNS_H */
