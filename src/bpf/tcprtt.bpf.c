// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/* Smoothed round-trip times of TCP connections. */
#include "filter.h"
#include "hist.h"
#include "sampled.h"
#include "sock.h"

enum by {
	BY_ALL,
	BY_LADDR,
	BY_RADDR,
	BY_LPORT,
	BY_RPORT,
	BY_NETNS,
};

const volatile u32 by = BY_ALL;

struct rtt {
	log2_ns_t slots[HIST_SLOTS];
	ns_sum_t sum;
	ns_max_t max;
};

/* Only what is asked for is not zero. */
struct rtt_key {
	ip_t laddr;
	ip_t raddr;
	port_t lport;
	port_t rport;
	ns_inum_t netns;
	cpu_shard_t _cpu;
};

PERCPU_VALUE_HALVES(all, struct rtt);
HASH_HALVES(keyed, struct rtt_key, struct rtt, 10240);

/* 272 bytes are too many for the stack. */
static const struct rtt zero_rtt;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct tcp_sock___rtt {
	u32 srtt_us; /* of eighths of a microsecond */
};

#pragma clang attribute pop

static __always_inline struct rtt *rtt_of(const struct rtt_key *ends)
{
	struct rtt_key key = { ._cpu = bpf_get_smp_processor_id() };

	if (by == BY_LADDR)
		__builtin_memcpy(key.laddr, ends->laddr, sizeof(key.laddr));
	else if (by == BY_RADDR)
		__builtin_memcpy(key.raddr, ends->raddr, sizeof(key.raddr));
	else if (by == BY_LPORT)
		key.lport = ends->lport;
	else if (by == BY_RPORT)
		key.rport = ends->rport;
	else
		key.netns = ends->netns;
	return lookup_or_init(HALF(keyed), &key, &zero_rtt);
}

static __always_inline int segment(struct sock *sk)
{
	struct tcp_sock___rtt *tp = (void *)sk;
	u64 ns = (BPF_CORE_READ(tp, srtt_us) >> 3) * 1000ULL;
	struct rtt_key ends = {};
	struct rtt *rtt;
	u8 version;

	/* Not measured yet. */
	if (!ns)
		return 0;
	version = read_addresses(sk, ends.laddr, ends.raddr);
	ends.lport = local_port(sk);
	ends.rport = remote_port(sk);
	if (!are_ends_wanted(version, ends.laddr, ends.raddr, ends.lport, ends.rport))
		return 0;
	/* It runs in a softirq, so nobody knows whether a filter by process matches. */
	if (is_filtered()) {
		count_lost(LOST_UNATTRIBUTED);
		return 0;
	}
	if (by == BY_NETNS)
		ends.netns = net_namespace(sk);
	rtt = by == BY_ALL ? PERCPU_HALF(all) : rtt_of(&ends);
	if (rtt)
		add_to_hist(rtt, ns);
	return 0;
}

/* The first thing in tcp_rcv_established(), before the segment's own acknowledgement has changed the estimate. */
SEC("tp_btf/tcp_probe")
int BPF_PROG(segment__1, struct sock *sk)
{
	return is_sampled() ? segment(sk) : 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
