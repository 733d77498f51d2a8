/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/*
 * Sockets: whose ends they connect, and which of them are wanted. Fields that only views of sockets read are in flavours
 * here, so that kernel.h stays small. Everything is read through CO-RE helpers: the pointer may come from a map.
 */
#ifndef BCC_TOP_SOCK_H
#define BCC_TOP_SOCK_H

#include "fixes.h"
#include "units.h"

const volatile u32 family = 0; /* 0 any, 1 IPv4, 2 IPv6 */
/* Addresses whose bits in the mask are those of the address; all zero is any. */
typedef struct {
	u32 address[4];
	u32 mask[4];
} network_t;

const volatile network_t laddr = {}; /* only these local addresses */
const volatile network_t raddr = {}; /* only these remote addresses */

#define MAX_PORTS 8
const volatile u32 lport[MAX_PORTS] = {}; /* only these local ports; 0 is none, none is any */
const volatile u32 rport[MAX_PORTS] = {}; /* only these remote ports */

/* include/net/tcp_states.h; the numbers are UAPI. */
#define TCP_SYN_SENT 2
#define TCP_SYN_RECV 3
#define TCP_FIN_WAIT1 4
#define TCP_FIN_WAIT2 5
#define TCP_TIME_WAIT 6
#define TCP_CLOSE 7
#define TCP_CLOSE_WAIT 8
#define TCP_LAST_ACK 9
#define TCP_LISTEN 10
#define TCP_CLOSING 11

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sock_common___state {
	volatile unsigned char skc_state;
};
struct sock___state {
	struct sock_common___state __sk_common;
	int sk_err;
};

#pragma clang attribute pop

/* Addresses are kept at multiples of four in every row. */
static __always_inline void v4_mapped(u8 *ip, __be32 v4)
{
	u32 *word = (u32 *)ip;

	word[0] = word[1] = 0;
	word[2] = bpf_htonl(0xffff);
	word[3] = v4;
}

static __always_inline bool is_v4_mapped(const u8 *ip)
{
	const u32 *word = (const u32 *)ip;

	return !word[0] && !word[1] && word[2] == bpf_htonl(0xffff);
}

/* Both addresses; returns what they are: 4, also within an IPv6 socket, or 6. */
static __always_inline u8 read_addresses(struct sock *sk, u8 *local, u8 *remote)
{
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET) {
		v4_mapped(local, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
		v4_mapped(remote, BPF_CORE_READ(sk, __sk_common.skc_daddr));
		return 4;
	}
	bpf_core_read(local, sizeof(ip_t), &sk->__sk_common.skc_v6_rcv_saddr);
	bpf_core_read(remote, sizeof(ip_t), &sk->__sk_common.skc_v6_daddr);
	return is_v4_mapped(remote) ? 4 : 6;
}

/* In host order. skc_num is cleared when the port is given back (inet_put_port), inet_sport stays; before there is a
 * port both are 0. */
static __always_inline u16 local_port(struct sock *sk)
{
	struct inet_sock *inet = (void *)sk;

	return bpf_ntohs(BPF_CORE_READ(inet, inet_sport));
}

static __always_inline u16 remote_port(struct sock *sk)
{
	return bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
}

/* Inode number of the network namespace, as in /proc/PID/ns/net. */
static __always_inline u32 net_namespace(struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
}

/* Writes laddr, raddr, lport, rport, netns and family of the row that `row` points to. */
#define fill_ends(row, sk)						\
	({								\
		(row)->lport = local_port(sk);				\
		(row)->rport = remote_port(sk);				\
		(row)->netns = net_namespace(sk);			\
		(row)->family = read_addresses(sk, (row)->laddr, (row)->raddr); \
	})

static __always_inline bool is_tcp(struct sock *sk)
{
	u16 af = BPF_CORE_READ(sk, __sk_common.skc_family);

	return BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP && (af == AF_INET || af == AF_INET6);
}

static __always_inline u8 tcp_state(struct sock *sk)
{
	struct sock___state *state = (void *)sk;

	return BPF_CORE_READ(state, __sk_common.skc_state);
}

/* The error that the socket will tell its process, positive; 0 none. */
static __always_inline int sock_error(struct sock *sk)
{
	struct sock___state *state = (void *)sk;

	return BPF_CORE_READ(state, sk_err);
}

/* `version` is what read_addresses() returned. */
static __always_inline bool is_family_wanted(u8 version)
{
	return !family || version == (family == 1 ? 4 : 6);
}

/* Settings are constants for the verifier, so that what is not asked for costs nothing. */
static __always_inline bool is_in_network(const volatile network_t *network, const u8 *ip)
{
	const u32 *word = (const u32 *)ip;

	return (word[0] & network->mask[0]) == network->address[0] &&
	       (word[1] & network->mask[1]) == network->address[1] &&
	       (word[2] & network->mask[2]) == network->address[2] &&
	       (word[3] & network->mask[3]) == network->address[3];
}

static __always_inline bool is_port_wanted(const volatile u32 *ports, u16 port)
{
	if (!ports[0])
		return true;
#pragma unroll
	for (int i = 0; i < MAX_PORTS; i++) {
		if (ports[i] && ports[i] == port)
			return true;
	}
	return false;
}

/* Whether there is any filter by ends. */
static __always_inline bool are_ends_filtered(void)
{
	return family || lport[0] || rport[0] || laddr.mask[0] || raddr.mask[0];
}

/* Whether filters by the ends of a connection let it pass. */
static __always_inline bool are_ends_wanted(u8 version, const u8 *local, const u8 *remote, u16 from, u16 to)
{
	return is_family_wanted(version) && is_port_wanted(lport, from) && is_port_wanted(rport, to) &&
	       is_in_network(&laddr, local) && is_in_network(&raddr, remote);
}

#endif
