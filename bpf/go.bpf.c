// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * Probes on functions of Go programs, at their entry, and at runtime.newproc1's returns (an
 * ordinary probe on each RET: a uretprobe would replace an address that Go's runtime reads).
 * Arguments are in registers (Go's ABIInternal: AX, BX, CX, DI …; X0, X1 …), g in R14, X28.
 * Uprobes run with preemption on, so nothing here is kept per CPU.
 */
#include "go_calls.h"
#include "go_connection.h"
#include "go_registers.h"
#include <bpf/bpf_tracing.h>

/* In http2serverConn, the pointer of `conn`; in Go 1.27's, of net/http/internal/http2, the next word: this one is a type's. */
#define GO_SERVER_CONN 24

/* NULL when it is not to be followed. */
static __always_inline struct go_program *go_enter(__u32 *tgid)
{
	*tgid = bpf_get_current_pid_tgid() >> 32;
	if (!gos || !filter_process(*tgid))
		return NULL;
	return go_program_of(*tgid);
}

/* func newproc1(fn *funcval, callergp *g, ...) *g, at a return: AX is the new goroutine. */
SEC("uprobe")
int go_started(struct pt_regs *regs)
{
	struct goroutine child = {}, *parent;
	struct go_program *program;
	__u32 tgid;

	program = go_enter(&tgid);
	if (!program)
		return 0;
	child.g = GO_ARGUMENT_1(regs);
	parent = go_find(tgid, go_word(child.g + program->parent_goid));
	if (!parent)
		return 0;
	child.cause = parent->cause;
	child.doubted = !go_undisturbed(program, parent, go_word(GO_SP(regs)), GO_BP(regs));
	if (child.doubted && parent->calling)
		child.called =
			go_within(program->call + program->bias, program->call_size, GO_BP(regs));
	go_set(tgid, go_id(program, child.g), &child);
	return 0;
}

/* func (t *Transport) roundTrip(req *Request) (*Response, error) of net/http: before it looks for a
 * connection, which may take a wait. */
SEC("uprobe")
int go_call(struct pt_regs *regs)
{
	struct goroutine *goroutine;
	struct go_program *program;
	__u32 tgid;

	program = go_enter(&tgid);
	goroutine = program ? go_find(tgid, go_id(program, GO_G(regs))) : NULL;
	if (goroutine)
		goroutine->calling =
			go_undisturbed(program, goroutine, go_word(GO_SP(regs)), GO_BP(regs));
	return 0;
}

/* func (pc *persistConn) roundTrip(req *transportRequest) (*Response, error) of net/http: from now
 * on, until the next one, the connection's write loop writes what this goroutine wants. */
SEC("uprobe")
int go_round_trip(struct pt_regs *regs)
{
	__u64 pc = GO_ARGUMENT_1(regs), net_conn;
	struct goroutine *goroutine;
	struct go_program *program;
	struct conn_state *conn;
	__u32 tgid;

	program = go_enter(&tgid);
	if (!program)
		return 0;
	net_conn = go_word(pc + program->conn + sizeof(__u64)); /* an interface: (type, pointer) */
	if (go_word(pc + program->tls_state))
		net_conn = go_word(net_conn + sizeof(__u64)); /* tls.Conn.conn, another one */
	conn = go_connection(net_conn);
	if (!conn)
		return 0;
	goroutine = go_find(tgid, go_id(program, GO_G(regs)));
	go_tell_cause(goroutine, goroutine && goroutine->calling, &conn->go_cause);
	conn->go |= GO_CALLED;
	return 0;
}

/* Loops that live as long as a connection, whichever request it was made for. */
SEC("uprobe")
int go_serves_many(struct pt_regs *regs)
{
	struct go_program *program;
	struct go_key key = {};

	program = go_enter(&key.tgid);
	if (!program)
		return 0;
	key.goid = go_id(program, GO_G(regs));
	bpf_map_delete_elem(&goroutines, &key);
	return 0;
}

/* func (cs *http2clientStream) doRequest(...): a goroutine that net/http starts for one call over
 * HTTP/2, also after it has waited for a connection. It waits for its turn to write, and nobody gives
 * it other work. */
SEC("uprobe")
int go_one_call(struct pt_regs *regs)
{
	struct goroutine *goroutine;
	struct go_program *program;
	__u32 tgid;

	program = go_enter(&tgid);
	goroutine = program ? go_find(tgid, go_id(program, GO_G(regs))) : NULL;
	if (goroutine && (!goroutine->doubted || goroutine->called))
		goroutine->own = 1;
	return 0;
}

/* func (t *http2Client) newStream(...) of grpc-go, at a return: AX is the new stream, which nobody else has
 * seen yet. */
SEC("uprobe")
int go_rpc_made(struct pt_regs *regs)
{
	struct go_call_key key = { .of = GO_ARGUMENT_1(regs) };
	struct go_cause cause = {};
	struct goroutine *goroutine;
	struct go_program *program;

	program = go_enter(&key.tgid);
	if (!program)
		return 0;
	goroutine = go_find(key.tgid, go_id(program, GO_G(regs)));
	go_tell_cause(goroutine,
		goroutine && go_undisturbed(program, goroutine, go_word(GO_SP(regs)), GO_BP(regs)),
		&cause);
	if (cause.owner || cause.turn != GO_NO_CAUSE)
		bpf_map_update_elem(&go_calls, &key, &cause, BPF_ANY);
	else
		bpf_map_delete_elem(&go_calls,
			&key); /* of a stream that was never sent, and whose address this is now */
	return 0;
}

/* func (l *loopyWriter) originateStream(str *outStream, hdr *headerFrame) error of grpc-go, and since 1.82.1
 * clientHeaderHandler(hdr *clientHeaders): the connection's writer. `str` and `hdr` begin with the stream's
 * number; hdr.onOrphaned is a closure of the stream alone. */
SEC("uprobe")
int go_rpc_sent(struct pt_regs *regs)
{
	struct goroutine relay = { .relays = 1 }, *goroutine;
	struct go_call_key key = {};
	struct go_cause cause = {};
	__u64 str = GO_ARGUMENT_2(regs), hdr = GO_ARGUMENT_3(regs), writer;
	struct go_program *program;

	program = go_enter(&key.tgid);
	if (!program)
		return 0;
	writer = go_id(program, GO_G(regs));
	goroutine = go_find(key.tgid, writer);
	if (!goroutine || !goroutine->relays)
		go_set(key.tgid, writer, &relay);
	barrier_var(hdr); /* the verifier wants no offset in `regs` that is calculated */
	if (!program->rpc_headers_third)
		hdr = str;
	key.of = go_word(go_word(hdr + program->rpc_orphaned) + sizeof(__u64));
	if (!go_take_call(&key, &cause)) /* or again, on a larger stack */
		return 0;
	key.of = writer;
	key.stream = go_word(str);
	bpf_map_update_elem(&go_calls, &key, &cause, BPF_ANY);
	return 0;
}

/* The cause of all that comes by a connection, and not of one stream. */
static __always_inline bool go_reads_streams(const struct go_cause *cause)
{
	return cause->owner && !(cause->owner >> 32);
}

/* From now on the goroutine serves this stream of the connection whose reader's cause it has inherited. A worker
 * that has taken it out of a channel has not. */
static __always_inline void go_serves(
	const struct go_program *program, struct pt_regs *regs, __u32 tgid, __u32 stream)
{
	struct goroutine *goroutine = go_find(tgid, go_id(program, GO_G(regs)));
	struct goroutine fresh = {};

	if (!goroutine || goroutine->own || !go_reads_streams(&goroutine->cause) || !stream)
		return;
	fresh.g = goroutine->g; /* not doubted: what the reader took is what its stream says */
	if (!go_undisturbed(program, &fresh, go_word(GO_SP(regs)), GO_BP(regs)))
		return;
	goroutine->cause.owner = GO_STREAM_OWNER(goroutine->cause.owner, stream);
	goroutine->own = 1;
}

/* func (s *Server) handleStream(t transport.ServerTransport, stream *transport.Stream) of grpc-go. */
SEC("uprobe")
int go_rpc_served(struct pt_regs *regs)
{
	__u64 stream = GO_ARGUMENT_4(regs);
	struct go_program *program;
	__u32 tgid;

	program = go_enter(&tgid);
	if (!program)
		return 0;
	if (program->rpc_stream_apart)
		stream = go_word(stream);
	go_serves(program, regs, tgid, go_word(stream + program->rpc_stream));
	return 0;
}

/* func (sc *http2serverConn) runHandler(rw *http2responseWriter, ...) of net/http: a goroutine that was started
 * for it, but not by the reader, of which sc.conn knows: the connection, or what begins with it. */
SEC("uprobe")
int go_http2_served(struct pt_regs *regs)
{
	struct goroutine handler = { .g = GO_G(regs), .own = 1 };
	struct go_program *program;
	struct conn_state *conn;
	__u64 server = GO_ARGUMENT_1(regs) + GO_SERVER_CONN, stream;
	__u32 tgid;

	program = go_enter(&tgid);
	if (!program)
		return 0;
	conn = go_connection_in(go_word(server));
	if (!conn)
		conn = go_connection_in(go_word(server + sizeof(__u64)));
	stream = go_word(go_word(GO_ARGUMENT_2(regs))); /* rw.rws.stream */
	if (!conn || conn->http2.state != HTTP2_YES || !go_reads_streams(&conn->go_cause))
		return 0;
	handler.cause.owner =
		GO_STREAM_OWNER(conn->go_cause.owner, (__u32)go_word(stream + sizeof(__u64)));
	handler.cause.turn = conn->go_cause.turn;
	go_set(tgid, go_id(program, GO_G(regs)), &handler);
	return 0;
}
