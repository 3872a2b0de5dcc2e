/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* At which position in the ciphertext did a call's plaintext go? Of the probes at libraries. */
#ifndef TRACELET_BPF_TLS_POSITIONS_H
#define TRACELET_BPF_TLS_POSITIONS_H

#include "tls_memory.h"

/* Record position of the first of `count` bytes sent; -1: not certain. */
static __always_inline __s64 tls_sent(struct tls_stream *stream, __u32 count)
{
	bool known = !stream->lost && !stream->odd &&
		     stream->begun == (count + RECORD_MAX - 1) / RECORD_MAX;

	if (!stream->begun)
		stream->odd = 1;
	stream->begun = 0;
	stream->again = 0;
	return known ? (__s64)stream->record : -1;
}

/* Record position of the first of `count` bytes received into a buffer of `size`. */
static __always_inline __s64 tls_received(struct tls_conn *tls, __u32 count, __u64 size)
{
	struct tls_stream *stream = &tls->streams[DIRECTION_RX];
	__u32 fits = 0, which = 0;
	__s64 position;

	if (stream->lost || stream->complete > TLS_FEW) {
		stream->known = 0;
		return -1;
	}
	if (stream->first < stream->complete) { /* a record that was not begun to be taken */
		for (__u32 i = 0; i < TLS_FEW; i++) {
			if (i < stream->first || i >= stream->complete)
				continue;
			if (stream->complete == 1 || tls_fits(tls->records[i].length, count)) {
				if (!fits)
					which = i;
				fits++;
			}
		}
		/* Two that fit are taken in their order, if the next one comes first. */
		stream->known = fits == 1 || (fits && which == stream->first);
		if (!stream->known) {
			stream->first = stream->complete;
			return -1;
		}
		stream->record = tls_offset(stream, &tls->records[which & (TLS_FEW - 1)]);
		stream->taken = 0;
		stream->first = which + 1;
		if (count == size && stream->first < stream->complete) {
			/* Whether more of it comes before the next one is not known. */
			stream->first = stream->complete;
			stream->known = 0;
			return stream->record;
		}
	}
	if (!stream->known)
		return -1;
	position = stream->record + stream->taken;
	stream->taken += count;
	return position;
}

static __always_inline __s64 tls_position(
	__u64 sock, struct tls_conn *tls, const struct tls_call *call, __u32 count, __u64 offset)
{
	__s64 position;

	if (!tls)
		return RECORD_UNKNOWN;
	if (tls->apart)
		position = tls_memory_position(sock, tls, call, count);
	else if (call->kind == TLS_WRITE)
		position = tls_sent(&tls->streams[DIRECTION_TX], count);
	else
		position = tls_received(tls, count, call->size);
	return position < 0 ? RECORD_UNKNOWN : position - (__s64)offset;
}

/* Records that other calls send are no application data of a later one. */
static __always_inline void tls_moved_nothing(struct tls_conn *tls, const struct tls_call *call)
{
	struct tls_stream *sent = &tls->streams[DIRECTION_TX];

	if (call->kind == TLS_WRITE)
		sent->again = 1;
	else if (!sent->again)
		sent->begun = 0;
}

#endif /* TRACELET_BPF_TLS_POSITIONS_H */
