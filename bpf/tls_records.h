/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Follows the records of one direction through the ciphertext that system calls move. */
#ifndef TRACELET_BPF_TLS_RECORDS_H
#define TRACELET_BPF_TLS_RECORDS_H

#include "operation.h"
#include "tls.h"

/* Type, version 3.x, length. */
static __always_inline bool tls_is_header(__u64 header)
{
	__u32 type = header >> 32, length = header & 0xffff;

	return type >= 20 && type <= 24 && (header >> 24 & 0xff) == 3 &&
	       (header >> 16 & 0xff) <= 4 && length <= TLS_LONGEST;
}

/* Where the operation's bytes are, if they lie in one piece. */
static __always_inline __u64 tls_user(const struct operation *op)
{
	struct user_iovec iov = {};

	if (!op->segments)
		return op->buffer;
	if (bpf_probe_read_user(&iov, sizeof(iov), (void *)op->buffer) || iov.length < op->length)
		return 0;
	return iov.base;
}

/* The first `size` <= TLS_HEADER bytes at `user` behind those of `header`. */
static __always_inline bool tls_read_header(__u64 *header, __u64 user, __u32 size)
{
	__u8 bytes[8] = {};

	barrier_var(size);
	if (size > TLS_HEADER || bpf_probe_read_user(bytes, size, (void *)user))
		return false;
	for (__u32 i = 0; i < TLS_HEADER; i++) {
		if (i < size)
			*header = *header << 8 | bytes[i];
	}
	return true;
}

static __always_inline void tls_completed(struct tls_conn *tls, struct tls_stream *stream)
{
	struct tls_record *record = &tls->records[stream->complete & (TLS_COMPLETE - 1)];

	record->offset = stream->begin;
	record->length = stream->length;
	if (stream->complete < 255)
		stream->complete++;
}

/* A record's header is complete. */
static __always_inline bool tls_begins(struct tls_stream *stream, __u32 direction)
{
	if (!tls_is_header(stream->header))
		return false;
	stream->length = stream->header & 0xffff;
	stream->left = stream->length;
	if (direction == DIRECTION_TX && stream->header >> 32 == TLS_APPLICATION_RECORD) {
		if (!stream->begun)
			stream->record = stream->begin;
		if (stream->begun < 255)
			stream->begun++;
	}
	return true;
}

/* A record begins: if one was said to begin here, or before, was that right? */
static __always_inline void tls_promise_kept(struct tls_conn *tls, struct tls_stream *sent)
{
	if (!tls->promised || sent->begin < tls->promised)
		return;
	if (sent->begin != tls->promised || sent->header >> 32 != TLS_APPLICATION_RECORD)
		sent->odd = 1;
	tls->promised = 0;
}

#define TLS_NO_RECORDS (~0U)

/* Goes over some of the `left` bytes before `end` (in page 0 if they are not to be read), to the end of a header or of a payload at
 * most. Returns how many are left then, or TLS_NO_RECORDS. Global, so that it is verified once. */
__noinline __u32 tls_step(__u64 sock, __u32 direction, __u64 end, __u32 left)
{
	struct tls_conn *tls = bpf_map_lookup_elem(&tls_conns, &sock);
	struct tls_stream *stream;
	__u32 step;

	if (!tls)
		return TLS_NO_RECORDS;
	stream = direction == DIRECTION_TX ? &tls->streams[DIRECTION_TX]
					   : &tls->streams[DIRECTION_RX];
	if (stream->have < TLS_HEADER) {
		step = TLS_HEADER - stream->have;
		if (step > left)
			step = left;
		if (!tls_read_header(&stream->header, end - left, step))
			return TLS_NO_RECORDS;
		stream->have += step;
		if (stream->have == TLS_HEADER && !tls_begins(stream, direction))
			return TLS_NO_RECORDS;
		if (direction == DIRECTION_TX && stream->have == TLS_HEADER)
			tls_promise_kept(tls, stream);
	} else {
		step = stream->left < left ? stream->left : left;
		stream->left -= step;
	}
	if (stream->have == TLS_HEADER && !stream->left) {
		if (direction == DIRECTION_RX)
			tls_completed(tls, stream);
		stream->begin += TLS_HEADER + stream->length;
		stream->have = 0;
		stream->header = 0;
	}
	return left - step;
}

/* Goes over bytes that lie in one piece, from record to record, as far as it can: returns how many are left. The
 * verifier goes through each round of a loop, and a loop in a loop has fewer. Global, as tls_step() is. */
__noinline __u32 tls_steps(__u64 sock, __u32 direction, __u64 end, __u32 left)
{
	for (int i = 0; i < TLS_STEPS && (__s32)left > 0; i++)
		left = tls_step(sock, direction, end, left);
	return left;
}

/* Goes over the operation's bytes; `user`: where they are, if they lie in one piece. */
static __always_inline bool tls_follow(__u64 sock, const struct operation *op, __u64 user)
{
	__u32 left = op->length;

	if (!op->segments || user) {
		for (int i = 0; i < TLS_ROUNDS && (__s32)left > 0; i++)
			left = tls_steps(sock, op->direction, user + op->length, left);
		return !left;
	}
	for (__u32 i = 0; i < TLS_PIECES && i < op->segments && left; i++) {
		struct user_iovec iov = {};
		__u32 size;

		if (bpf_probe_read_user(&iov, sizeof(iov), (void *)(op->buffer + i * sizeof(iov))))
			return false;
		size = iov.length < left ? iov.length : left;
		if (size && tls_steps(sock, op->direction, iov.base + size, size))
			return false;
		left -= size;
	}
	return !left;
}

/* Where records were not followed before: does one begin here? */
static __always_inline void tls_join(
	struct tls_conn *tls, struct tls_stream *stream, __u64 user, __u32 length)
{
	__u64 header = 0;

	if (!user || length < TLS_HEADER || !tls_read_header(&header, user, TLS_HEADER) ||
		!tls_is_header(header) || header >> 32 != TLS_APPLICATION_RECORD ||
		(length != TLS_HEADER && length < TLS_HEADER + (header & 0xffff)))
		return;
	tls->promised = 0; /* whether it was kept may not have been seen: to be agreed anew */
	tls->agreed &= ~TLS_AGREED_TX;
	stream->lost = 0;
	stream->begin = stream->next;
	stream->have = 0;
	stream->header = 0;
	stream->begun = 0;
	stream->again = 0;
	stream->known = 0;
}

/* The stream offset at which the operation's bytes began, in ciphertext. */
static __always_inline __u64 tls_locate(const struct socket_ref *ref, const struct conn_state *conn,
	const struct operation *op, __u64 next)
{
	__u32 base = op->direction == DIRECTION_TX ? conn->id.tx_base : conn->id.rx_base;
	__s32 ahead = socket_position(ref->sk, op->direction) - op->trailing - op->length - base -
		      (__u32)next;

	if (ahead == 1 && op->direction == DIRECTION_RX && socket_fin_received(ref->sk))
		ahead = 0;
	return next + ahead;
}

#endif /* TRACELET_BPF_TLS_RECORDS_H */
