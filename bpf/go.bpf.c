// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * Probes on functions of Go programs, at their entry, and at runtime.newproc1's returns (an
 * ordinary probe on each RET: a uretprobe would replace an address that Go's runtime reads).
 * Arguments are in registers (Go's ABIInternal: AX, BX, CX, DI …; X0, X1 …), g in R14, X28.
 * Uprobes run with preemption on, so nothing here is kept per CPU.
 */
#include "go_connection.h"
#include "go_registers.h"
#include <bpf/bpf_tracing.h>

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
