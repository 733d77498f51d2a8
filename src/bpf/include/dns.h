/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/*
 * The setting `dns`: which name an address was the answer to. Answers are read where packets come in, before anybody knows whose they
 * are: each answer in UDP from port 53, to a resolver of this host, of its containers, or through it.
 */
#ifndef BCC_TOP_DNS_H
#define BCC_TOP_DNS_H

#include "fixes.h"
#include "maps.h"
#include "packet.h"
#include "sock.h"

const volatile bool dns = false;

/* What of a message is looked at; RFC 1035 has no longer ones in UDP without being asked for them. */
#define DNS_MESSAGE 512
#define DNS_AT (DNS_MESSAGE - 1)
#define DNS_NAME 128
#define DNS_ANSWERS 16
/* Labels of the name of an answer; one that points to the question has none. */
#define DNS_LABELS 16

#define DNS_PORT 53
#define DNS_TYPE_A 1
#define DNS_TYPE_AAAA 28
#define DNS_HEADER 12

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sk_buff___dns {
	unsigned int len;
	unsigned int data_len;
	__be16 protocol;
	unsigned char *data;
};

#pragma clang attribute pop

/* Its first byte is a dot: the length of the first label stood there. */
struct dns_name {
	text_t text[DNS_NAME];
};

/* Positions are masked; what is behind the message can be read, and is never used. */
struct dns_message {
	u8 bytes[DNS_MESSAGE + 16];
	struct dns_name name;
	u32 length;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct dns_message);
} dns_message SEC(".maps");

/* Names by address. The oldest make room: an address that was asked for long ago may be somebody else's. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, ip_t);
	__type(value, struct dns_name);
} dns_names SEC(".maps");

static __always_inline struct dns_message *dns_here(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&dns_message, &zero);
}

static __always_inline u32 dns_u8(const struct dns_message *message, u32 at)
{
	at &= DNS_AT;
	barrier_var(at);
	return message->bytes[at];
}

static __always_inline u32 dns_u16(const struct dns_message *message, u32 at)
{
	return dns_u8(message, at) << 8 | dns_u8(message, at + 1);
}

/* As it stands there. */
static __always_inline __be32 dns_be32(const struct dns_message *message, u32 at)
{
	return bpf_htonl(dns_u16(message, at) << 16 | dns_u16(message, at + 2));
}

/* Where the UDP header is, from the begin of the IP header; 0 if there is none that this can find. */
static __always_inline u32 dns_udp_at(const struct sk_buff___dns *skb)
{
	struct v4_header v4;
	struct v6_header v6;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		if (bpf_probe_read_kernel(&v4, sizeof(v4), skb->data) || v4.protocol != IPPROTO_UDP ||
		    (v4.frag & bpf_htons(IP_FRAGMENT)))
			return 0;
		return v4_header_size(&v4);
	}
	if (skb->protocol != bpf_htons(ETH_P_IPV6))
		return 0;
	if (bpf_probe_read_kernel(&v6, sizeof(v6), skb->data) || v6.next != IPPROTO_UDP)
		return 0;
	return sizeof(v6);
}

/* Copies a message if it is an answer. */
static __always_inline struct dns_message *dns_read(const struct sk_buff___dns *skb)
{
	u32 at = dns_udp_at(skb), there = skb->len - skb->data_len, length;
	struct dns_message *message;
	struct udp_header udp;

	if (!at || bpf_probe_read_kernel(&udp, sizeof(udp), skb->data + at) || udp.sport != bpf_htons(DNS_PORT))
		return NULL;
	at += sizeof(udp);
	/* The kernel is still to throw these away. */
	if (bpf_ntohs(udp.len) < sizeof(udp))
		return NULL;
	length = bpf_ntohs(udp.len) - sizeof(udp);
	/* What a card has put into pages of its own cannot be read from here. */
	if (there < at)
		there = at;
	if (length > there - at || length > DNS_MESSAGE) {
		count_lost(LOST_TRUNCATED);
		length = there - at;
	}
	if (length > DNS_MESSAGE)
		length = DNS_MESSAGE;
	message = dns_here();
	if (!message || length < DNS_HEADER)
		return NULL;
	if (bpf_probe_read_kernel(message->bytes, length, skb->data + at))
		return NULL;
	message->length = length;
	return message;
}

/*
 * What follows are functions of their own, with numbers as arguments: so the verifier looks at each of them once, for any number, and
 * not at each way through a message, of which there are a million.
 */

/* The name that was asked for, with dots; where it ends in the message, 0 if it is too long. */
__noinline u32 dns_question(void)
{
	struct dns_message *message = dns_here();
	u32 left = 0, i;
	u8 byte;

	if (!message)
		return 0;
#pragma clang loop unroll(disable)
	for (i = 0; i < DNS_NAME; i++) {
		byte = message->bytes[DNS_HEADER + i];
		if (!left) {
			message->name.text[i] = byte ? '.' : 0;
			if (!byte)
				return DNS_HEADER + i + 1;
			left = byte & 63;
		} else {
			/* No text ends before its end. */
			message->name.text[i] = byte ? byte : '?';
			left = (left - 1) & 63;
		}
	}
	count_lost(LOST_TRUNCATED);
	return 0;
}

/* Where the name that begins there ends. */
__noinline u32 dns_skip_name(u32 at)
{
	struct dns_message *message = dns_here();
	u32 i, byte;

	if (!message)
		return at;
#pragma clang loop unroll(disable)
	for (i = 0; i < DNS_LABELS; i++) {
		byte = dns_u8(message, at);
		if ((byte & 0xc0) == 0xc0)
			return at + 2;
		at = (at + 1 + byte) & DNS_AT;
		if (!byte)
			break;
	}
	return at;
}

/* Keeps the name of an address of so many bytes. */
__noinline u32 dns_keep(u32 at, u32 type, u32 length)
{
	struct dns_message *message = dns_here();
	u32 i, ip[4];
	long err;

	if (!message)
		return 0;
	if (type == DNS_TYPE_A && length == 4)
		v4_mapped((u8 *)ip, dns_be32(message, at));
	else if (type == DNS_TYPE_AAAA && length == 16)
		for (i = 0; i < 4; i++)
			ip[i] = dns_be32(message, at + 4 * i);
	else
		return 0;
	err = bpf_map_update_elem(&dns_names, ip, &message->name, BPF_ANY);
	if (err)
		count_failed_insert(err);
	return 1;
}

static __always_inline void dns_answers(struct dns_message *message, u32 at)
{
	u32 count = dns_u16(message, 6), length, i;

#pragma clang loop unroll(disable)
	for (i = 0; i < DNS_ANSWERS && i < count; i++) {
		at = dns_skip_name(at) & DNS_AT;
		length = dns_u16(message, at + 8);
		if (at + 10 + length > message->length)
			break;
		dns_keep(at + 10, dns_u16(message, at), length);
		at = (at + 10 + length) & DNS_AT;
	}
	if (i < count)
		count_lost(LOST_TRUNCATED);
}

/* An answer (QR) without an error (RCODE) to one question. */
SEC("tp_btf/netif_receive_skb")
int BPF_PROG(dns__1, struct sk_buff___dns *skb)
{
	struct dns_message *message = dns_read(skb);
	u32 end;

	if (!message || !(dns_u8(message, 2) & 0x80) || (dns_u8(message, 3) & 0x0f) || dns_u16(message, 4) != 1 ||
	    !dns_u16(message, 6))
		return 0;
	end = dns_question();
	if (end)
		dns_answers(message, end + 4);
	return 0;
}

/* The name of an address, empty if nobody has asked for it. */
static __always_inline void dns_name_of(char *name, const u8 *address)
{
	struct dns_name *known;
	ip_t key;

	__builtin_memcpy(key, address, sizeof(key));
	known = bpf_map_lookup_elem(&dns_names, key);
	if (known)
		__builtin_memcpy(name, known->text + 1, DNS_NAME - 1);
	else
		name[0] = 0;
}

#endif
