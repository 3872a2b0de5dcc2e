/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * What crosses from the kernel to user space, and nothing else does. Included by
 * the BPF programs and by C++; nobody retypes it. Every struct is padded by hand
 * and its size asserted below, because recordings contain these bytes: a change
 * here is a new EVENTS_VERSION.
 *
 * Words: an *operation* is one system call that moved bytes on a stream socket.
 * Its bytes are reported by one or more DATA events that follow each other
 * without a hole. A *stream offset* is the 64-bit number of bytes that went
 * before in one direction of one connection; the first byte of a connection has
 * offset 0 on both sides.
 *
 * On an encrypted connection on which a TLS library is probed, offsets count plaintext, and
 * what a call of the library moved is an operation (DATA_PLAINTEXT); the system calls that
 * moved the ciphertext are not reported. Offsets begin at 0 with the session, or at
 * PLAINTEXT_JOINED when it is older than the probes.
 */
#ifndef TRACELET_BPF_EVENTS_H
#define TRACELET_BPF_EVENTS_H

#ifdef __bpf__
#include "kernel_types.h"
#else
#include <linux/types.h>
#endif

#define EVENTS_VERSION 3

/* Longest stretch of bytes in one DATA event. A longer head comes in several. */
#define EVENT_DATA_MAX 4096
/* Bytes of a head that are copied at most, per direction and message. */
#define EVENT_HEAD_MAX 16384
/* Bytes of a command line in an EXEC event (NUL between arguments). */
#define EVENT_ARGS_MAX 512
/* Bytes of an executable's path in an EXEC event, its NUL included. A longer one is cut. */
#define EVENT_EXE_MAX 256
#define EVENT_COMM_MAX 16	/* TASK_COMM_LEN, include/linux/sched.h */
#define EVENT_UNIX_PATH_MAX 108 /* UNIX_PATH_MAX, include/uapi/linux/un.h */

enum event_kind {
	EVENT_DATA = 1,	   /* struct event_data: bytes moved by a thread */
	EVENT_OPEN = 2,	   /* struct event_open: a connection is first seen */
	EVENT_CLOSE = 3,   /* struct event_close: a direction or a connection ended */
	EVENT_EXEC = 4,	   /* struct event_exec: a process runs a new program */
	EVENT_EXIT = 5,	   /* struct event_header: the last thread of a process ended */
	EVENT_CONNECT = 6, /* struct event_connect: an event loop began to connect */
	EVENT_MAPPED =
		7, /* struct event_header: a process mapped a library that may have to be probed */
};

enum event_direction { DIRECTION_RX = 0, DIRECTION_TX = 1 };

/* Who called connect(). Unknown for connections older than the agent. */
enum conn_role { ROLE_UNKNOWN = 0, ROLE_CLIENT = 1, ROLE_SERVER = 2 };

/* First part of every event. `time_ns` is CLOCK_MONOTONIC, stamped after the
 * record was reserved: a ring that was drained up to the producer position read
 * at T holds everything stamped before T. */
struct event_header {
	__u64 time_ns;
	__u32 size; /* of the whole event in bytes, this header included */
	__u16 kind; /* enum event_kind */
	__u16 cpu;
	__u32 tgid; /* 0: not in the context of a process (a packet came in) */
	__u32 tid;
	__u64 tgid_start_ns; /* start of the process; (tgid, this) is never reused */
	__u64 cgroup_id;     /* cgroup v2 id of the thread, 0 where there is none */
	__u32 netns;	     /* inode number of the socket's or thread's network namespace */
	/* Low half of the thread's start_time >> 20 (about 1 ms), 0 without a thread: tells
	 * a thread from an earlier one that had its tid. */
	__u32 thread_start;
};

/*
 * Names one end of one connection for as long as the machine runs.
 * TCP: the bases are the sequence number of the first data byte of each
 * direction, as seen by this end: a client's tx_base is its server's rx_base.
 * Adopted TCP (CONN_ADOPTED): tx_base is snd_una - bytes_acked, one less than the
 * true base on the side that called connect(), whose SYN is counted
 * (net/ipv4/tcp_input.c, tcp_snd_una_update()).
 * Unix: the bases are 0, `inode` and the peer's inode name the pair.
 */
struct conn_id {
	__u64 sock;  /* address of the struct sock */
	__u32 inode; /* of the socket in sockfs */
	__u32 tx_base;
	__u32 rx_base;
	__u32 pad;
};

/* event_open.flags */
#define CONN_ADOPTED (1 << 0)	 /* was there before the agent */
#define CONN_TORN_BASE (1 << 1)	 /* no consistent base could be read: never a name */
#define CONN_UNNAMEABLE (1 << 2) /* MPTCP, sockmap, SYN proxy: sequence numbers mean nothing */

/* At accept() in the accepting thread, else before the first DATA event. */
struct event_open {
	struct event_header header;
	struct conn_id conn;
	__u64 established_ns;	/* 0: unknown (adopted) */
	__u8 local_address[16]; /* IPv4 as ::ffff:a.b.c.d */
	__u8 remote_address[16];
	__u16 local_port; /* host byte order */
	__u16 remote_port;
	__u16 family;	    /* AF_UNIX 1, AF_INET 2, AF_INET6 10 */
	__u8 role;	    /* enum conn_role */
	__u8 accepted_here; /* 1: this event is the exit of accept() by this thread */
	__u32 flags;	    /* CONN_* */
	__u32 peer_inode;   /* Unix: sockfs inode of the other end, 0 unknown */
	__u32 waits;	    /* see event_data.waits */
	char comm[EVENT_COMM_MAX];
	char unix_path
		[EVENT_UNIX_PATH_MAX]; /* address of the listening side, may start with NUL (abstract) */
};

/* event_data.flags */
#define DATA_GAP_BEFORE (1 << 0) /* offset does not follow the last operation's end */
#define DATA_PEEK (1 << 1)	 /* MSG_PEEK: the stream did not move, the same bytes come again */
#define DATA_EOF (1 << 2)	 /* read returned 0: the peer will send no more; length 0 */
#define DATA_ERROR (1 << 3)	 /* the operation failed with `error`; length 0 */
#define DATA_BLOCKING                                                                              \
	(1 << 4) /* the thread slept in the call itself, or in a poll of this one socket just before.
		  * A client's read says so only if the thread was ever woken by another one */
#define DATA_ZERO_COPY (1 << 5) /* sendfile, splice: bytes were never in user memory */
#define DATA_STALE (1 << 6)	/* MSG_TRUNC: stream moved, buffer was not written */
#define DATA_PLAINTEXT                                                                             \
	(1 << 7) /* seen at a TLS library's functions. The first one begins both streams of its
		  * connection anew, whatever was reported before */
#define DATA_NO_THREAD (1 << 8)	  /* thread table full: `waits` is unknown */
#define DATA_THREAD_BORN (1 << 9) /* the thread's start was seen, so `waits` is complete */
#define DATA_FRAME (1 << 10) /* the first byte begins an HTTP/2 frame, or the client's preface */

enum evidence_type {
	EVIDENCE_NONE = 0,
	/* The thread runs an event loop that is known to finish each callback before the
	 * next, and all its probes are in place: LOOP_EVIDENCE(reason, turn). `evidence_parent`
	 * counts the callbacks that began with anything but a read of a connection: equal in two
	 * events means that none came between (immediates are not seen). */
	EVIDENCE_LOOP = 1,
	/* Go: the goroutine that read the request which caused this, by number, and in
	 * `evidence_parent` the time of that read (bpf/go.h); 0: none, and GO_NO_CAUSE or why. */
	EVIDENCE_GOROUTINE = 2,
	/* CPython: the family of contexts that the thread runs in, named after a connection of a
	 * server, and in `evidence_parent` the branch of it (bpf/python.h); 0: none. */
	EVIDENCE_PYTHON = 3,
	/* The thread does a job that another one has given to it: `evidence` is that one's
	 * tid << 32 | thread_start, in `evidence_parent` is how many DATA events it had attempted
	 * then. It had waited for none but connections since it last read of a server's one. */
	EVIDENCE_HANDOVER = 4,
	/* A call: the thread's opener (bpf/handover.h) as tid << 32 | thread_start, 0: none; in `evidence_parent` is how
	 * often it was woken, with WAKES_TIMED, << 32 | how many DATA events the opener had attempted when it woke it.
	 * The first read of a request: only how often the thread was woken. */
	EVIDENCE_WOKEN = 5,
	/* An answer: the thread's closer, likewise; how often that was woken by then << 32 | how many DATA events
	 * it had attempted when it woke this thread. */
	EVIDENCE_RETURNED = 6,
};

#define WAKES_TIMED (1U << 31) /* a wait of the thread's was ever over because its time was */

/* `turn` numbers the reads of the thread that could cause something. With LOOP_READ the
 * last of them (of a received event: this one) is the cause of what the thread does
 * now; with any other reason there is no cause, and this is why. */
#define LOOP_EVIDENCE(reason, turn) ((__u64)(reason) << 32 | (turn))

enum loop_reason {
	LOOP_READ = 0,
	LOOP_WAITED = 1,   /* nothing was read since the wait */
	LOOP_TIMER = 2,	   /* timers run */
	LOOP_DEFERRED = 3, /* a later phase of the loop's turn, or a write that had to wait */
	LOOP_POOL = 4,	   /* an eventfd or a pipe was read: a thread pool is done */
	LOOP_OTHER =
		5, /* something was read that says nothing: datagrams, end of file, other protocols */
	LOOP_CONNECTED = 6, /* this connection was found to be connected: see its event_connect */
	LOOP_STREAM = 7,    /* read `turn`, which need not be the thread's last one */
};

/* Where plaintext offsets begin in a session that is older than the probes. */
#define PLAINTEXT_JOINED (1ULL << 32)
/* event_data.record when it is not certain which record it was. */
#define RECORD_UNKNOWN (-(1LL << 62))
#define RECORD_MAX 16384 /* plaintext bytes of a record, RFC 8446 §5.1 */

/* Of HTTP/2: the reader of the connection, and the stream. */
#define GO_STREAM_OWNER(reader, stream) ((reader) << 32 | (stream))

enum go_reason {
	GO_NO_CAUSE = 0,
	GO_QUEUE = 1, /* the goroutine has waited for something that may have given it work */
};

/* Bytes [offset, offset + length) of one direction; the first `captured` of them follow. */
struct event_data {
	struct event_header header;
	struct conn_id conn;
	__u64 offset;
	__u32 length;
	__u32 captured;
	__u8 direction;	    /* enum event_direction */
	__u8 evidence_type; /* enum evidence_type: what `evidence` is */
	__u16 flags;	    /* DATA_* */
	__s32 error;	    /* errno, positive, with DATA_ERROR */
	/* Event loop waits (epoll_*, select and pselect6 of descriptors, poll and ppoll of more
	 * than one or of one that is no connection, io_uring_enter) that this thread
	 * has completed: equal in two events means none came between. */
	__u32 waits;
	/* DATA events that this thread has attempted, this one included; 0 unknown. A hole
	 * in what arrives is a lost event. */
	__u32 attempts;
	__u64 evidence;
	__u64 evidence_parent; /* what `evidence` came from, where there is such a thing */
	/* With DATA_PLAINTEXT: added to the stream offset of a byte it gives the byte's record
	 * position, which is the same at both ends: the stream offset, in ciphertext, of the
	 * record's first byte, plus the plaintext bytes of the record that go before. The same
	 * in all events of an operation, of which only the first RECORD_MAX bytes have one. */
	__s64 record;
	__u8 bytes[];
};

enum close_how {
	CLOSE_LOCAL_FIN = 1, /* this end sends no more */
	CLOSE_DONE = 2,	     /* TCP state CLOSE; `error` is sk_err, e.g. ECONNRESET */
};

struct event_close {
	struct event_header header; /* tgid 0 when a packet or a timer caused it */
	struct conn_id conn;
	__u64 tx_end; /* stream offsets after the last byte that the programs saw */
	__u64 rx_end;
	__u32 how; /* enum close_how */
	__s32 error;
};

struct event_exec {
	struct event_header header;
	__u32 ppid;
	__u32 args_size; /* bytes used in args */
	char comm[EVENT_COMM_MAX];
	char args[EVENT_ARGS_MAX];
	char exe[EVENT_EXE_MAX]; /* path of the binary as it was looked up, links not followed; NUL at its end */
};

/* At the exit of connect() on a thread with EVIDENCE_LOOP: the connection's first bytes are
 * written later, when the loop hears that it is connected. Of `conn` only sock and inode are set. */
struct event_connect {
	struct event_header header;
	struct conn_id conn;
	__u64 evidence; /* as in event_data, of EVIDENCE_LOOP */
};

#ifdef __cplusplus
#define EVENTS_ASSERT static_assert
#else
#define EVENTS_ASSERT _Static_assert
#endif
EVENTS_ASSERT(sizeof(struct event_header) == 48, "recorded layout");
EVENTS_ASSERT(sizeof(struct conn_id) == 24, "recorded layout");
EVENTS_ASSERT(sizeof(struct event_open) == 256, "recorded layout");
EVENTS_ASSERT(sizeof(struct event_data) == 128, "recorded layout");
EVENTS_ASSERT(sizeof(struct event_close) == 96, "recorded layout");
EVENTS_ASSERT(sizeof(struct event_exec) == 840, "recorded layout");
EVENTS_ASSERT(sizeof(struct event_connect) == 80, "recorded layout");

#endif /* TRACELET_BPF_EVENTS_H */
