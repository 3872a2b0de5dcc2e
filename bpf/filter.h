/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* What is traced, decided before anything is copied (config::Selector). */
#ifndef TRACELET_BPF_FILTER_H
#define TRACELET_BPF_FILTER_H

#include "maps.h"
#include <bpf/bpf_core_read.h>

static __always_inline bool filter_process(__u32 tgid)
{
	__u32 verdict = settings.default_verdict;
	__u32 zero = 0;
	__u32 *found;

	if (tgid == settings.agent_tgid)
		return false;
	if (settings.by_process) {
		found = bpf_map_lookup_elem(&processes, &tgid);
		if (found)
			verdict = *found;
	}
	if (verdict == VERDICT_IGNORE)
		return false;
	return !settings.by_cgroup || bpf_current_task_under_cgroup(&cgroups, zero) == 1;
}

/* For connections. Unix sockets have no port and never match one. */
static __always_inline bool filter_sock(struct sock *sk)
{
	struct sock_common *common = &sk->__sk_common;
	__u16 local, remote;

	if (settings.netns && BPF_CORE_READ(common, skc_net.net, ns.inum) != settings.netns)
		return false;
	if (!settings.port_count)
		return true;
	local = BPF_CORE_READ(common, skc_num);
	remote = __builtin_bswap16(BPF_CORE_READ(common, skc_dport));
	for (__u32 i = 0; i < MAX_PORTS && i < settings.port_count; i++) {
		if (settings.ports[i] == local || settings.ports[i] == remote)
			return true;
	}
	return false;
}

#endif /* TRACELET_BPF_FILTER_H */
