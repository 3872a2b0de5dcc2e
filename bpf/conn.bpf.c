// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
#include "events.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";
