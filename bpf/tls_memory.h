/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Positions of plaintext whose ciphertext the program moves itself (memory BIOs). A session takes
 * the ciphertext from one BIO and puts it into another, and OpenSSL and BoringSSL count the bytes
 * in both. The connection began with the session's own ClientHello, so these counts are
 * offsets in the socket's streams:
 *
 *   sent      the records of a call begin where the count was before it, if the call added what
 *             its plaintext is encrypted to and nothing else
 *   received  a session that does not read ahead has taken all up to the end of the record
 *             that it gives plaintext of, and nothing behind it; where one read completed more
 *             records than are kept, its beginning is the end of the one before, if what the
 *             call took is what its plaintext was encrypted to
 *
 * Both are held against what the socket moved: each count must have been equal to the socket's at
 * least once, records must end where the count says, and those that are sent later must
 * begin where they were said to, else nothing is known any more.
 */
#ifndef TRACELET_BPF_TLS_MEMORY_H
#define TRACELET_BPF_TLS_MEMORY_H

#include "tls.h"

/* Optional: since 5.15. */
static __always_inline __u64 tls_place(struct pt_regs *regs)
{
	if (!bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_attach_cookie))
		return 0;
	return bpf_get_attach_cookie(regs);
}

/* A count of one of the session's BIOs. */
static __always_inline __u64 tls_bio_count(__u64 session, __u32 bio, __u32 count)
{
	__u64 address = 0, value = 0;

	if (!bio || !count ||
		bpf_probe_read_user(&address, sizeof(address), (void *)(session + bio * 8)) ||
		bpf_probe_read_user(&value, sizeof(value), (void *)(address + count * 8)))
		return TLS_NOT_KNOWN;
	return value;
}

static __always_inline __u64 tls_bio_written(const struct tls_call *call)
{
	return tls_bio_count(
		call->session, TLS_PLACE_WBIO(call->place), TLS_PLACE_WRITTEN(call->place));
}

static __always_inline __u64 tls_bio_read(const struct tls_call *call)
{
	return tls_bio_count(
		call->session, TLS_PLACE_RBIO(call->place), TLS_PLACE_READ(call->place));
}

static __always_inline bool tls_reads_ahead(const struct tls_call *call)
{
	__u32 ahead = TLS_PLACE_AHEAD(call->place), value = 1;

	return ahead &&
	       (bpf_probe_read_user(&value, sizeof(value), (void *)(call->session + ahead * 4)) ||
		       value);
}

/*
 * What `records` records are longer than their plaintext, if a call that added `added` bytes more
 * than plaintext made these and nothing else; 0: it did not. A header of 5 bytes, and what tls_fits()
 * says: TLS 1.3 has 22, TLS 1.2 29 or 21. The first call of a client may end its handshake
 * before. TLS 1.3: 58 or 74 bytes by the cipher's hash, and 6 in front for old middleboxes;
 * TLS 1.2, of a session that is resumed: 6 and 45 or 37 (RFC 8446 appendix D.4, RFC 5246 §7.4.9).
 * Global, so that it is verified once.
 */
__noinline __u32 tls_overhead(__u64 added, __u32 records)
{
	__u64 more = added - records * 22;
	__u32 overhead = 0, found = 0;

	if (more == 0 || more == 6 + 58 || more == 6 + 74 || more == 58 || more == 74) {
		overhead = records * 22;
		found++;
	}
	more = added - records * 29;
	if (more == 0 || more == 6 + 45) {
		overhead = records * 29;
		found++;
	}
	more = added - records * 21;
	if (more == 0 || more == 6 + 37) {
		overhead = records * 21;
		found++;
	}
	return found == 1 ? overhead : 0;
}

/* Of the first of `count` bytes that the call has encrypted; -1: not certain. */
static __always_inline __s64 tls_memory_sent(
	struct tls_conn *tls, const struct tls_call *call, __u32 count)
{
	struct tls_stream *sent = &tls->streams[DIRECTION_TX];
	__u64 after = tls_bio_written(call);
	__u32 overhead;
	__s64 position;

	if (call->before == TLS_NOT_KNOWN || sent->lost || sent->odd ||
		tls->agreed != (TLS_AGREED_RX | TLS_AGREED_TX))
		return -1;
	if (call->before < sent->next) /* the socket has sent what the session did not make */
		sent->odd = 1;
	overhead =
		tls_overhead(after - call->before - count, (count + RECORD_MAX - 1) / RECORD_MAX);
	if (sent->odd || !overhead)
		return -1;
	position = after - count - overhead;
	if (!tls->promised)
		tls->promised = position;
	return position;
}

/* Is a record of this length what `count` bytes of plaintext are encrypted to? TLS 1.3; 1.2 with AES-GCM or
 * AES-CCM; with ChaCha20-Poly1305. */
static __always_inline bool tls_fits(__u32 length, __u32 count)
{
	__u32 more = length - count;

	return more == 17 || more == 24 || more == 16;
}

/* Which of the records that the last read completed ends at `end`, in the low bits of an offset in the
 * stream; TLS_COMPLETE: none. Global, so that it is verified once. */
__noinline __u32 tls_ends_at(__u64 sock, __u32 end)
{
	struct tls_conn *tls = bpf_map_lookup_elem(&tls_conns, &sock);
	__u32 i;

	if (!tls)
		return TLS_COMPLETE;
	for (i = 0; i < TLS_COMPLETE && i < tls->streams[DIRECTION_RX].complete; i++) {
		struct tls_record *record = &tls->records[i];

		if (record->offset + TLS_HEADER + record->length == end)
			return i;
	}
	return TLS_COMPLETE;
}

/* Of the first of `count` bytes that the call has decrypted; the session has `taken` that
 * much of the ciphertext. */
static __always_inline __s64 tls_memory_received(
	__u64 sock, struct tls_conn *tls, const struct tls_call *call, __u32 count, __u64 taken)
{
	struct tls_stream *received = &tls->streams[DIRECTION_RX];
	__s64 position;
	__u32 which;

	if (taken != tls->taken) {
		received->known = 0;
		received->taken = 0;
		which = received->lost ? TLS_COMPLETE : tls_ends_at(sock, taken);
		if (which < TLS_COMPLETE) {
			received->record = tls_offset(received, &tls->records[which]);
			received->known = !tls_reads_ahead(call);
		} else if (!received->lost && received->complete > TLS_COMPLETE) {
			received->record = tls->taken;
			received->known = tls->agreed & TLS_AGREED_RX &&
					  tls_fits(taken - tls->taken - TLS_HEADER, count) &&
					  !tls_reads_ahead(call);
			if (!received->known && count)
				LEDGER_ADD(records_lost);
		}
	}
	if (!received->known)
		return -1;
	position = received->record + received->taken;
	received->taken += count;
	return position;
}

/* A call for a session in memory returns, and has moved `count` bytes of plaintext. */
static __always_inline __s64 tls_memory_position(
	__u64 sock, struct tls_conn *tls, const struct tls_call *call, __u32 count)
{
	struct tls_stream *received = &tls->streams[DIRECTION_RX];
	struct tls_stream *sent = &tls->streams[DIRECTION_TX];
	__u64 taken = tls_bio_read(call);
	__s64 position = -1;

	if (taken && taken == received->next && !received->have && !received->lost)
		tls->agreed |= TLS_AGREED_RX;
	if ((call->before == sent->next || call->outer == sent->next) && !sent->have && !sent->lost)
		tls->agreed |= TLS_AGREED_TX;
	if (call->kind == TLS_READ)
		position = tls_memory_received(sock, tls, call, count, taken);
	else if (call->kind == TLS_WRITE && count)
		position = tls_memory_sent(tls, call, count);
	tls->taken = taken;
	return position;
}

#endif /* TRACELET_BPF_TLS_MEMORY_H */
