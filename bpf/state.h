/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* What the programs remember, and what user space sets. Included by both sides, never recorded. */
#ifndef TRACELET_BPF_STATE_H
#define TRACELET_BPF_STATE_H

#include "events.h"

#define MAX_CPUS 512
#define MAX_PORTS 8

enum verdict {
	VERDICT_IGNORE = 1,
	VERDICT_TRACE = 2,
	VERDICT_TRACE_TREE = 3, /* and every process it starts, by the fork tracepoint */
};

#define SDK_PORTS 4
#define RINGS_SHIFT 20 /* exact for MAX_CPUS, however many share a ring */

struct settings {
	__u32 agent_tgid; /* never traced */
	__u32 rings_per_cpu; /* times 2 to the power of RINGS_SHIFT, rounded up: a division costs more */
	__u32 wake_bytes; /* wake the reader when a ring holds this much */
	__u32 default_verdict;
	__u32 netns;		    /* inode number; 0: all */
	__u32 by_cgroup;	    /* 1: only tasks below cgroups[0] */
	__u32 by_process;	    /* 0: `processes` is empty, do not look */
	__u32 port_count;	    /* 0: all */
	__u32 thread_bits;	    /* `threads` has 2 to their power slots, and THREAD_WAYS more */
	__u32 conn_bits;	    /* `conns` likewise, and CONN_WAYS */
	__u16 ports[MAX_PORTS];	    /* local or remote */
	__u16 sdk_ports[SDK_PORTS]; /* of this agent, for datagrams of SDKs; 0: none */
};

/* attempted == submitted to a ring + ring_full. The rest count what was not tried. */
struct ledger {
	__u64 attempted;
	__u64 ring_full;
	__u64 conns_full;   /* connections not traced: table full */
	__u64 threads_full; /* operations not reported: thread table full */
	__u64 compat_tasks; /* operations of 32-bit tasks, not decoded */
	__u64 unreadable;   /* user memory that could not be read: bytes not captured */
	__u64 frames_lost;  /* operations of which not all HTTP/2 frames could be walked */
	__u64 records_lost; /* the same of TLS's records; and plaintext of one that is not kept any more */
};

/* Of a datagram to one of settings.sdk_ports. */
struct sdk_sender {
	__u64 time_ns;
	__u32 tgid; /* 0: several */
	__u32 pad;
};

/* Where in HTTP/2's frames a direction is: see http2.h. */
struct http2_frames {
	__u32 left;   /* bytes to the end of the frame */
	__u32 copy;   /* of these, still to be copied */
	__u32 header; /* length and type, of a frame header that comes in pieces */
	__u8 have;    /* bytes of that header */
	__u8 lost;    /* 1: where frames begin is not known */
	__u8 walked;  /* 1: it began with a frame */
	__u8 preface; /* 1: the next byte is the preface's first */
};

/* See go.h. In events, `owner` is event_data.evidence and `turn` evidence_parent. */
struct go_cause {
	/* goroutine that read a request, by number, of HTTP/2 see GO_STREAM_OWNER; 0: none, and `turn` says why */
	__u64 owner;
	__u64 turn; /* time of the first read, CLOCK_MONOTONIC */
};

/* What is known of a Go program: offsets in its structs, which change with Go's version. */
struct go_program {
	__u32 goid; /* in runtime.g */
	__u32 parent_goid;
	__u32 wait_reason;
	__u32 file;	      /* see struct go_block */
	__u64 harmless_waits; /* bit n: runtime.waitReason n hands over no work */
	__u32 conn;	      /* in net/http.persistConn */
	__u32 tls_state;
	__u32 raw_input; /* in crypto/tls.Conn; `input` is behind it */
	__u32 pad;
	__u64 bias;	   /* of addresses in memory, from those that were linked */
	__u64 syscall_end; /* behind Go's SYSCALL instruction, as linked */
	__u64 call;	   /* net/http.(*Transport).roundTrip, as linked; 0: not linked in */
	__u64 call_size;
	__u64 tls_write; /* as linked: where crypto/tls.(*Conn).Write is probed; 0: not linked in */
	__u64 tls_read;	 /* (*Conn).Read */
	__u64 tls_read_size;
	__u64 since_ns; /* from when on all its probes are there, CLOCK_MONOTONIC */
	/* grpc-go: in its *headerFrame, and which argument that is. In its *Stream, or behind the pointer with
	 * which that begins, the stream's number. */
	__u32 rpc_orphaned;
	__u32 rpc_stream;
	__u8 rpc_headers_third;
	__u8 rpc_stream_apart;
	__u8 rpc_pad[6];
};

/* Which functions of a Go program take values from channels: see go_takers.h. */
#define GO_BLOCK 32 /* bytes: functions are aligned to it */
#define GO_FILES 256

/* Registers of a thread that made a system call, and how many bytes it moved. */
struct go_caller {
	__u64 g;
	__u64 ip;
	__u64 bp;
	__u32 length;
	__u32 pad;
};

enum http2_state { HTTP2_UNKNOWN, HTTP2_MAYBE, HTTP2_UPGRADING, HTTP2_YES, HTTP2_NOT };

struct http2_conn {
	__u8 state;  /* enum http2_state */
	__u8 frames; /* sound ones in a row */
	__u8 heads;  /* 1: HEADERS among them */
	__u8 tries;  /* operations that were none */
};

struct direction_state {
	__u64 next;	 /* stream offset after the last byte seen */
	__u32 head_left; /* bytes that may still be copied of the current head; 0: head closed */
	__u32 pad;
	struct http2_frames frames;
};

/* conn_state.status */
#define CONN_ANNOUNCED (1 << 0) /* an OPEN event was submitted */
#define CONN_IGNORED (1 << 2)	/* set by user space: carries nothing of interest */
#define CONN_UNIX (1 << 3)
#define CONN_TLS (1 << 5)     /* direction[] and http2 are of the plaintext, see tls.h */
#define CONN_BLOCKED (1 << 4) /* a write did not fit; the rest is written in a later callback */

/* conn_state.closing */
#define CONN_CLOSING 1 /* its file may go without a word, or one was missed: see socket_cached() */
#define CONN_DYING 2   /* TCP state CLOSE: data may be left to read, calls may not have returned */

/* conn_state.go */
#define GO_CALLED (1 << 0) /* client: `go_cause` is the cause of what is written */
#define GO_AHEAD (1 << 1)  /* server: one byte of a request was read, perhaps ahead */

/* How a program went wrong. */
struct crash {
	__u32 signal;
	__u32 ppid; /* who started it, and may have mapped what it used */
};

/* Functions of a TLS library; where one link has probes at all of them, what the program is told of each. */
enum tls_function {
	TLS_CALLS_READ,
	TLS_CALLS_READ_EX,
	TLS_CALLS_WRITE,
	TLS_CALLS_WRITE_EX,
	TLS_CALLS_HANDSHAKE,
	TLS_CALLS_FREE,
};

/*
 * What the program is told of a place in a TLS library, as the probe's cookie: the function, and
 * where the library keeps what bpf/tls_memory.h reads, in bytes / 8; 0: not known. Of a
 * session: rbio, wbio, and whether it reads ahead (in bytes / 4; 0: it never does). Of a BIO:
 * how many bytes were read from it and written to it.
 */
#define TLS_PLACE_FUNCTION(place) ((place)&0xff)
#define TLS_PLACE_RBIO(place) ((place) >> 8 & 0x3ff)
#define TLS_PLACE_WBIO(place) ((place) >> 18 & 0x3ff)
#define TLS_PLACE_READ(place) ((place) >> 28 & 0xff)
#define TLS_PLACE_WRITTEN(place) ((place) >> 36 & 0xff)
#define TLS_PLACE_AHEAD(place) ((place) >> 44 & 0xfff)
#define TLS_PLACE(function, rbio, wbio, read, written, ahead)                                      \
	((__u64)(function) | (__u64)(rbio) << 8 | (__u64)(wbio) << 18 | (__u64)(read) << 28 |      \
		(__u64)(written) << 36 | (__u64)(ahead) << 44)

struct conn_state {
	struct conn_id id;
	struct direction_state direction[2]; /* by enum event_direction */
	__u64 established_ns;
	__u32 flags; /* CONN_ADOPTED... of events.h */
	__u32 status;
	__u32 peer_inode;
	__u8 role;	     /* enum conn_role */
	__u8 last_direction; /* 0 none, 1 + enum event_direction */
	__u8 closing;	     /* 0, CONN_CLOSING, CONN_DYING; only its state changes it */
	__u8 python_read;    /* 1: something was read for python_family */
	struct http2_conn http2;
	__u32 turn;	     /* thread_state.turn of the loop thread that wrote last */
	__u64 file;	     /* struct file through which it was used last; 0: not known */
	__u64 python_family; /* of the contexts that work for this connection, see bpf/python.h; 0: none */
	struct go_cause
		go_cause; /* of a client see GO_CALLED, of a server of HTTP/2 its reader's */
	__u32 go;	  /* GO_CALLED, GO_AHEAD */
	__u32 place;	  /* in `conns` */
};

/* A connection's place in the table: the first free one of CONN_WAYS that its name tells. */
#define CONN_WAYS 8
#define CONN_NOWHERE (~0U)
/* Fibonacci hashing: the high bits of the product depend on all of the name. */
#define CONN_FIRST(name, bits) ((__u32)((name)*0x9e3779b97f4a7c15ULL >> (64 - (bits))))
struct conn_slot {
	struct conn_state state; /* first, so that one check for NULL is one for both */
	/* TCP: the sock's address, whose reuse its state tracepoint tells; Unix: the inode. 0: nobody's, or not
	 * filled yet */
	__u64 name;
	__u32 claims; /* how many have taken it or try to */
	__u32 pad;
};

/* thread_state.loop: 0 while no probe was met */
#define LOOP_KNOWN (1 << 0)  /* its probes have been met on this thread */
#define LOOP_HIDDEN (1 << 1) /* something of it cannot be seen: never trusted */
#define LOOP_STREAMS                                                                               \
	(1 << 2) /* a proxy's: a read is the cause of what its stream's function does */

struct thread_state {
	__u64 tgid_start_ns;
	__u64 cgroup_id;
	__u64 polled_sock; /* the one socket that the last poll was for, 0 otherwise */
	__u32 netns;
	__u32 waits;
	__u16 born;	    /* 1: entry made by the fork tracepoint */
	__u16 tls;	    /* 1: has called a TLS library */
	__u32 attempts;	    /* see event_data.attempts */
	__u32 thread_start; /* see event_header.thread_start */
	__u32 turn; /* the rest is for event loops, see bpf/loop.h: reads that could be a cause */
	__u64 read_sock;      /* of the last of them */
	__u64 connected_sock; /* found to be connected last */
	__u8 loop;	      /* LOOP_* */
	__u8 shut;	      /* 1: reads are no causes until the next wait */
	__u8 reason;	      /* enum loop_reason */
	__u8 go;	      /* 1: of a Go program, as far as `gos` was go_version */
	__u32 go_version;
	__u32 others;	      /* callbacks that nothing of HTTP began, as far as they are seen */
	__u16 python_step;    /* enum python_step */
	__u8 began;	      /* 1: in this turn a callback began with anything but a read */
	__u64 python_family;  /* what is made in python_context is for it; 0: nothing is */
	__u64 python_context; /* in which the connection was accepted, or uvloop's callback runs */
	__u64 stream_sp; /* the stack and what lay on it when the function of a proxy's stream began: */
	__u64 stream_return; /* its return address, for as long as it runs */
	__u32 stream_turn;   /* the read that the stream began with */
	__u32 checked_turn;  /* `turn` when the probe on the loop's turn was met last */
	__u32 waited;	     /* the last wait: its syscall_traits */
	__u32 timeout;	     /* and its argument 3 */
	__u64 opener; /* the rest is for threads that wake each other, see bpf/handover.h; tid << 32 | thread_start */
	__u64 closer;
	__u64 read_ns; /* when it read a request last */
	__u64 left_ns; /* its last futex call */
	__u64 ran_ns;  /* and how long it had run by then */
	__u32 sleeps;
	__u32 opener_attempts;
	__u32 closer_attempts;
	__u32 closer_wakes;
	__u32 wakes; /* how often it was woken, and WAKES_TIMED */
};

/* A thread's place in the table: the first free one of THREAD_WAYS that its number tells. */
#define THREAD_WAYS 8
struct thread_slot {
	struct thread_state state; /* first, as in struct conn_slot */
	__u32 tid;		   /* 0: nobody's */
	__u32 claims;		   /* how many have taken it or try to */
};

/* What a thread was seen to do last, see bpf/python.h. */
enum python_step {
	PYTHON_OTHER,
	PYTHON_ACCEPTED, /* in no context: the next one entered is the listener's */
	PYTHON_READ, /* in no context: the next one entered is that of the connection's callback */
	PYTHON_CALLBACK, /* python_context was entered for it, and none since */
	PYTHON_SERVES,	 /* blocked in no context for what it read of a server's connection */
};

/* A process that runs CPython: where things are in its memory. Set by user space, and by fork. */
struct python_process {
	__u64 thread_key;   /* address of the runtime's autoTSSkey (Py_tss_t) */
	__u64 interpreters; /* address of the pointer to the newest interpreter */
	__u32 generation;   /* another one after each exec */
	__u16 thread_id;    /* offsets in PyThreadState */
	__u16 interpreter;
	__u16 context;
	__u16 entered; /* offset in PyContext */
	__u8 refused;  /* 1: it is not as it should be, so nothing is said of it any more */
	__u8 buffers;  /* 1: it writes by uvloop */
	__u8 jobs;     /* 1: it gives jobs to executors */
	__u8 bases;    /* 1: threads run in a context from their start on */
};

/* Of a context object while it lives; or, with PYTHON_FRESH, of a family none of whose requests
 * was read yet; or, with PYTHON_JOB, of a job in an executor's queue; or of a connection (its sock, and
 * established_ns and tx_base in place of the process's start and the generation) with bytes that uvloop
 * has yet to write. */
#define PYTHON_FRESH (1ULL << 63)
#define PYTHON_JOB (1ULL << 62)
struct python_key {
	__u64 address;
	__u64 tgid_start_ns;
	__u32 tgid;
	__u32 generation;
};

struct python_node {
	__u64 family; /* 0: none; with PYTHON_GIVER, of a job: as in an event with EVIDENCE_HANDOVER */
	__u64 branch; /* see event_data.evidence_parent; without a family, PYTHON_LISTENER or 0 */
};
#define PYTHON_GIVER (1ULL << 63)
#define PYTHON_LISTENER 1 /* callbacks of all its connections run in this one */

#endif /* TRACELET_BPF_STATE_H */
