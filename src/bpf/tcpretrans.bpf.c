// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/* Segments that TCP sends again. */
#include "events.h"
#include "tcp_owner.h"
#include "tcp_state.h"

enum by {
	BY_EVENT,
	BY_FLOW,
	BY_RADDR,
	BY_STATE,
	BY_PID,
};
enum loss_probe {
	PROBES_TOO,
	NO_PROBES,
	ONLY_PROBES,
};

const volatile u32 by = BY_EVENT;
const volatile u32 lossprobe = PROBES_TOO;

NARGS(tcp_retransmit_skb);

struct retransmit {
	event_time_t time_ns;
	cgroup_id_t cgroup;
	count_t segments;
	tgid_t pid;
	ns_inum_t netns;
	ip_t laddr;
	ip_t raddr;
	port_t lport;
	port_t rport;
	ip_version_t family;
	letter_t type;
	u8 _pad[2];
	tcp_seq_t seq;
	enum tcp_state_name state;
	comm_t comm;
};

/* 9,000 events; user space empties it ten times a second. */
EVENT_RING(events, struct retransmit, 1 << 20);

/* Only what is asked for is not zero. */
struct flow {
	ip_t laddr;
	ip_t raddr;
	tgid_t pid;
	ns_inum_t netns;
	port_t lport;
	port_t rport;
	enum tcp_state_name state;
};

struct retransmits {
	count_t count;
	count_t segments;
	count_t probes;
	comm_t comm;
};

HASH_HALVES(counts, struct flow, struct retransmits, 10240);

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct inet_connection_sock___retrans {
	u8 icsk_pending;
	u8 icsk_ca_state: 5;
};
struct tcp_skb_cb {
	u32 seq;
	u16 tcp_gso_segs;
};
struct sk_buff___cb {
	char cb[48];
};
/* A connection that is not yet a socket, at the listener's side. */
struct sock_common___request {
	u16 skc_num;
};
struct request_sock {
	struct sock_common___request __req_common;
};
struct tcp_request_sock {
	u32 snt_isn;
};

#pragma clang attribute pop

/* include/net/inet_connection_sock.h, and TCP_CA_Recovery of the UAPI. */
#define ICSK_TIME_LOSS_PROBE 5
#define CA_RECOVERY 3

/*
 * A tail loss probe that sends old data again: tcp_send_loss_probe() calls __tcp_retransmit_skb() with its timer still marked as pending,
 * which tcp_write_timer_handler() has cleared for all others. After an ACK that began a recovery it may still be
 * pending too, but probes are sent in no recovery (tcp_schedule_loss_probe).
 */
static __always_inline bool is_loss_probe(struct sock *sk)
{
	struct inet_connection_sock___retrans *icsk = (void *)sk;

	return BPF_CORE_READ(icsk, icsk_pending) == ICSK_TIME_LOSS_PROBE &&
	       BPF_CORE_READ_BITFIELD_PROBED(icsk, icsk_ca_state) < CA_RECOVERY;
}

static __always_inline bool is_type_wanted(char type)
{
	return lossprobe == PROBES_TOO || (lossprobe == ONLY_PROBES) == (type == 'L');
}

static __always_inline void count_retransmit(const struct retransmit *sent)
{
	struct retransmits zero = {}, *sum;
	struct flow key = {};

	if (by == BY_FLOW) {
		__builtin_memcpy(key.laddr, sent->laddr, sizeof(key.laddr));
		key.netns = sent->netns;
		key.lport = sent->lport;
		key.rport = sent->rport;
		key.pid = sent->pid;
	}
	if (by == BY_FLOW || by == BY_RADDR)
		__builtin_memcpy(key.raddr, sent->raddr, sizeof(key.raddr));
	else if (by == BY_STATE)
		key.state = sent->state;
	else
		key.pid = sent->pid;
	sum = lookup_or_init(HALF(counts), &key, &zero);
	if (!sum)
		return;
	add(&sum->count, 1);
	add(&sum->segments, sent->segments);
	if (sent->type == 'L')
		add(&sum->probes, 1);
	if (by == BY_FLOW || by == BY_PID)
		__builtin_memcpy(sum->comm, sent->comm, sizeof(sum->comm));
}

/* `sk` is the one whose owner is asked for. It runs in a softirq, so the current task says nothing. */
static __always_inline void record(struct sock *sk, struct retransmit *sent)
{
	struct sock_owner *owner = owner_of(sk);
	struct retransmit *event;

	if (!are_ends_wanted(sent->family, sent->laddr, sent->raddr, sent->lport, sent->rport) ||
	    !is_type_wanted(sent->type))
		return;
	if (!is_owner_wanted(owner))
		return;
	if (is_owner_known(owner)) {
		sent->pid = owner->pid;
		sent->cgroup = owner->cgroup;
		__builtin_memcpy(sent->comm, owner->comm, sizeof(sent->comm));
	} else {
		count_lost(LOST_UNATTRIBUTED);
	}
	if (by != BY_EVENT) {
		count_retransmit(sent);
		return;
	}
	event = reserve_event(events, struct retransmit);
	if (!event)
		return;
	*event = *sent;
	submit_event(event);
}

/* Newer kernels (6.18 does, 6.12 does not) also tell of attempts that failed, with the error behind the buffer. */
SEC("tp_btf/tcp_retransmit_skb")
int retransmit__1(u64 *ctx)
{
	struct retransmit sent = { .time_ns = bpf_ktime_get_ns(), .pid = PID_UNKNOWN };
	struct sock *sk = (void *)ctx[0];
	struct sk_buff___cb *skb = (void *)ctx[1];
	struct tcp_skb_cb *cb;

	if (nargs__tcp_retransmit_skb >= 3 && (int)ctx[2])
		return 0;
	fill_ends(&sent, sk);
	cb = (void *)skb + bpf_core_field_offset(skb->cb);
	sent.seq = BPF_CORE_READ(cb, seq);
	sent.segments = BPF_CORE_READ(cb, tcp_gso_segs);
	sent.state = tcp_state(sk);
	sent.type = is_loss_probe(sk) ? 'L' : 'R';
	record(sk, &sent);
	return 0;
}

/* A SYN-ACK, of what is not yet a socket and belongs to the listener. */
SEC("tp_btf/tcp_retransmit_synack")
int BPF_PROG(synack__1, struct sock *listener, struct request_sock *req)
{
	struct retransmit sent = { .time_ns = bpf_ktime_get_ns(), .pid = PID_UNKNOWN };
	struct tcp_request_sock *request = (void *)req;
	struct sock *common = (void *)req;

	sent.family = read_addresses(common, sent.laddr, sent.raddr);
	sent.lport = BPF_CORE_READ(req, __req_common.skc_num);
	sent.rport = remote_port(common);
	sent.netns = net_namespace(common);
	sent.seq = BPF_CORE_READ(request, snt_isn);
	sent.segments = 1;
	sent.state = STATE_NEW_SYN_RECV;
	sent.type = 'R';
	record(listener, &sent);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
