/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Which process sent a datagram to a port of jaeger-agent's. SDKs of Python make a socket for
 * each datagram: when it is read here, /proc no longer knows the socket. Only sendto() with
 * an address is looked at; sockets that are connected, or live on, are found in /proc.
 */
#ifndef TRACELET_BPF_SDK_H
#define TRACELET_BPF_SDK_H

#include "socket.h"

/* One port, sent from by two processes within this time: nobody's. */
#define SDK_SENDER_NS 1000000000ULL

/* By network namespace << 16 | port of the sender. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct sdk_sender);
} sdk_senders SEC(".maps");

static __always_inline bool sdk_port(__u16 port)
{
	for (__u32 i = 0; i < SDK_PORTS; i++) {
		if (settings.sdk_ports[i] && settings.sdk_ports[i] == port)
			return true;
	}
	return false;
}

static __noinline int sdk_sent(__u32 fd, __u64 address)
{
	struct sdk_sender sender = {}, *before;
	struct socket_ref ref = {};
	struct {
		__u16 family;
		__be16 port;
	} to = {};
	struct sock *sk;
	__u64 key;

	if (bpf_probe_read_user(&to, sizeof(to), (void *)address) ||
		!sdk_port(__builtin_bswap16(to.port)) || !socket_of_fd(fd, &ref) ||
		ref.family == AF_UNIX || socket_is_stream(ref.sk))
		return 0;
	sk = ref.sk;
	key = (__u64)BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum) << 16 |
	      BPF_CORE_READ(sk, __sk_common.skc_num);
	sender.time_ns = bpf_ktime_get_ns();
	sender.tgid = bpf_get_current_pid_tgid() >> 32;
	before = bpf_map_lookup_elem(&sdk_senders, &key);
	if (before && before->tgid != sender.tgid &&
		before->time_ns + SDK_SENDER_NS > sender.time_ns)
		sender.tgid = 0;
	bpf_map_update_elem(&sdk_senders, &key, &sender, BPF_ANY);
	return 0;
}

#endif /* TRACELET_BPF_SDK_H */
