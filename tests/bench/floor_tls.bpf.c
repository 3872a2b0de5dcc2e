// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
// The floor: what any agent on these functions costs before it does a thing.
// The second header needs the types of the first.
// clang-format off
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
// clang-format on

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define LIBRARY "/usr/lib/x86_64-linux-gnu/libssl.so.3"

SEC("uprobe/" LIBRARY ":SSL_read")
int read_begins(void* ctx) { return 0; }
SEC("uretprobe/" LIBRARY ":SSL_read")
int read_ends(void* ctx) { return 0; }
SEC("uprobe/" LIBRARY ":SSL_write")
int write_begins(void* ctx) { return 0; }
SEC("uretprobe/" LIBRARY ":SSL_write")
int write_ends(void* ctx) { return 0; }
