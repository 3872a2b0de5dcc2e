/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
#ifndef TRACELET_BPF_GO_CONNECTION_H
#define TRACELET_BPF_GO_CONNECTION_H

#include "go.h"

#define GO_SOCK_STREAM 1

/* The connection behind a net.Conn that is a *net.TCPConn or *net.UnixConn: both begin with a
 * *netFD, of which `fd` is Sysfd. What is another type does not look like one. */
static __always_inline struct conn_state *go_connection(__u64 net_conn)
{
	struct {
		__u64 lock[2];
		__s64 fd;
		__u64 rest[4];
		__s64 family;
		__s64 type;
	} net_fd = {};
	struct socket_ref ref = {};

	if (bpf_probe_read_user(&net_fd, sizeof(net_fd), (void *)go_word(net_conn)) ||
		net_fd.type != GO_SOCK_STREAM ||
		(net_fd.family != AF_INET && net_fd.family != AF_INET6 && net_fd.family != AF_UNIX))
		return NULL;
	if (net_fd.fd < 0 || net_fd.fd >= BPF_CORE_READ(task_current(), files, fdt, max_fds) ||
		!socket_of_fd(net_fd.fd, &ref))
		return NULL;
	return socket_conn(&ref);
}

/* Likewise of a connection, or of what begins with one, as *tls.Conn does. A function: see ledger_add(). */
static __noinline __attribute__((unused)) struct conn_state *go_connection_in(__u64 net_conn)
{
	struct conn_state *conn = go_connection(net_conn);

	return conn ? conn : go_connection(go_word(net_conn + sizeof(__u64)));
}

#endif /* TRACELET_BPF_GO_CONNECTION_H */
