/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Every map and every setting of the kernel side. Sizes are set by user space
 * before loading (config::Source); nothing here grows.
 */
#ifndef TRACELET_BPF_MAPS_H
#define TRACELET_BPF_MAPS_H

#include "state.h"
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* Filled in by user space before loading; the verifier sees constants. */
__weak const volatile struct settings settings;

/* Written with BPF_XADD by this CPU only, which is exact even when a softirq
 * interrupts a program; read by user space through the skeleton. */
__weak struct ledger ledgers[MAX_CPUS];

/* Written by user space: how many files have probes on their event loops. */
__weak volatile __u32 loops;

/* Written by user space: how many processes were found to run CPython, ever. */
__weak volatile __u32 pythons;

/* Written by user space: how many files have probes on a TLS library's functions. */
__weak volatile __u32 tls_files;

/* Ring r serves CPUs [r * n, (r + 1) * n), with n of config::Source::cpus_per_ring. */
struct ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
};

__weak SEC(".maps") struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct ring);
} rings;

/* See conn_find(). Mapped by user space, a few pages at a time, to change an entry in its place. */
__weak SEC(".maps") struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct conn_slot);
} conns;

/* Where in `conns` the connection behind a file is, by a hash of the file's address: a guess, see socket_cached(). */
#define CONNS_OF_FILES 8192
__weak SEC(".maps") struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CONNS_OF_FILES);
	__type(key, __u32);
	__type(value, __u32);
} conns_of_files;

/* See thread_slot(). */
__weak SEC(".maps") struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct thread_slot);
} threads;

/* By tgid. */
__weak SEC(".maps") struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct python_process);
} python_processes;

/* Contexts that are gone leave their entries behind; what is pushed out is not known any more,
 * which only refuses links. */
__weak SEC(".maps") struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, struct python_key);
	__type(value, struct python_node);
} python_nodes;

/* By tid: for whom a thread of an executor works, until it asks for the next job. */
__weak SEC(".maps") struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u32);
	__type(value, struct python_node);
} python_jobs;

/* tgid -> enum verdict; a process that is not here has settings.default_verdict. */
__weak SEC(".maps") struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__type(key, __u32);
	__type(value, __u32);
} processes;

/* Entry 0: the cgroup (v2) below which tasks are traced, with settings.by_cgroup. */
__weak SEC(".maps") struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} cgroups;

#endif /* TRACELET_BPF_MAPS_H */
