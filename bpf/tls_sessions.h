/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Which connection is a session's? Of the probes at libraries. */
#ifndef TRACELET_BPF_TLS_SESSIONS_H
#define TRACELET_BPF_TLS_SESSIONS_H

#include "tls.h"

/* Is one of the words in this part of the session's memory the random of a ClientHello? */
__noinline __u64 tls_scan(__u64 user)
{
	struct tls_hello_key key = { .tgid = bpf_get_current_pid_tgid() >> 32 };
	__u64 words[TLS_SCAN_STEP / 8] = {}, rest[3];
	struct tls_hello *hello;

	if (bpf_probe_read_user(words, sizeof(words), (void *)user))
		return 0;
	for (__u32 i = 0; i < TLS_SCAN_STEP / 8; i++) {
		key.random = words[i];
		hello = bpf_map_lookup_elem(&tls_hellos, &key);
		if (!hello || bpf_probe_read_user(rest, sizeof(rest), (void *)(user + i * 8 + 8)))
			continue;
		if (rest[0] == hello->random[0] && rest[1] == hello->random[1] &&
			rest[2] == hello->random[2] && !hello->twice)
			return hello->sock;
	}
	return 0;
}

/* BoringSSL keeps them at the beginning of an object that the session points to. */
static __always_inline __u64 tls_scan_at(__u64 pointer)
{
	__u64 object = 0, sock = 0;

	if (bpf_probe_read_user(&object, sizeof(object), (void *)pointer) || !object)
		return 0;
	sock = tls_scan(object);
	return sock ? sock : tls_scan(object + TLS_SCAN_STEP);
}

/* Looks for the session's connection by its ClientHello. 0: not found. */
static __always_inline __u64 tls_search(
	const struct tls_session_key *key, const struct tls_session *known)
{
	struct tls_session fresh = { .tries = known ? known->tries : 0 };
	__u64 sock = 0;

	if (fresh.tries++ >= TLS_TRIES)
		return 0;
	bpf_map_update_elem(&tls_sessions, key, &fresh, BPF_ANY);
	for (int i = 0; i < TLS_SCAN_STEPS && !sock; i++)
		sock = tls_scan(key->session + i * TLS_SCAN_STEP);
	for (int i = 0; i < TLS_SCAN_POINTERS && !sock; i++)
		sock = tls_scan_at(key->session + i * sizeof(__u64));
	return sock;
}

/* Plaintext went of a session without a connection: what follows would not be its beginning. */
static __always_inline void tls_give_up(const struct tls_call *call)
{
	struct tls_session_key key = { .session = call->session,
		.tgid = bpf_get_current_pid_tgid() >> 32 };
	struct tls_session *known = bpf_map_lookup_elem(&tls_sessions, &key);

	if (known && !known->sock)
		known->tries = TLS_TRIES;
}

/* The session's connection: the one that this call moved ciphertext of, else the last one. */
static __always_inline struct conn_state *tls_connection(const struct tls_call *call)
{
	struct tls_session_key key = { .session = call->session,
		.tgid = bpf_get_current_pid_tgid() >> 32 };
	struct tls_session *known = bpf_map_lookup_elem(&tls_sessions, &key), fresh = {};
	struct conn_state *conn;
	__u64 name = 0, found = 0;

	if (call->mixed) {
		bpf_map_delete_elem(&tls_sessions, &key);
		return NULL;
	}
	if (call->sock)
		name = call->sock;
	else if (known)
		name = known->sock;
	if (!name)
		name = found = tls_search(&key, known);
	if (!name)
		return NULL;
	conn = conn_find(name);
	if (!conn || !(conn->status & CONN_TLS))
		return NULL;
	if (known && known->sock == name && known->tx_base == conn->id.tx_base &&
		known->rx_base == conn->id.rx_base)
		return conn;
	if (!call->sock && !found)
		return NULL;
	fresh.sock = name;
	fresh.tx_base = conn->id.tx_base;
	fresh.rx_base = conn->id.rx_base;
	bpf_map_update_elem(&tls_sessions, &key, &fresh, BPF_ANY);
	return conn;
}

#endif /* TRACELET_BPF_TLS_SESSIONS_H */
