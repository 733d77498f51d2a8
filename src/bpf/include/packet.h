/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/* Headers of packets as they are on the wire. */
#ifndef BCC_TOP_PACKET_H
#define BCC_TOP_PACKET_H

#include "kernel.h"

#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd
#define IPPROTO_UDP 17
#define IP_OFFSET 0x1fff
#define IP_FRAGMENT 0x3fff /* an offset, or more of them */

struct v4_header {
	u8 version_ihl;
	u8 tos;
	__be16 len, id, frag;
	u8 ttl, protocol;
	__be16 check;
	__be32 saddr, daddr;
};

struct v6_header {
	u32 flow;
	__be16 len;
	u8 next, hops;
	u8 saddr[16], daddr[16];
};

struct tcp_header {
	__be16 sport, dport;
	u32 seq, ack;
	u8 offset, flags;
};

struct udp_header {
	__be16 sport, dport, len, check;
};

static __always_inline u32 v4_header_size(const struct v4_header *ip)
{
	return (ip->version_ihl & 15) * 4;
}

#endif
