// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
// The floor: what any agent on this hook costs before it does a thing.
// The second header needs the types of the first.
// clang-format off
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
// clang-format on

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("tp_btf/sys_exit")
int floor_exit(void* ctx) { return 0; }
