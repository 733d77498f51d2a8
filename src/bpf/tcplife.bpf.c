// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/* TCP sessions that end. */
#include "events.h"
#include "sock_owner.h"
#include "sock_seed.h"
#include "accept.h"

enum by {
	BY_EVENT,
	BY_LPORT,
	BY_RADDR,
	BY_RPORT,
	BY_PID,
	BY_COMM,
};

const volatile u32 by = BY_EVENT;
const volatile u64 min_bytes = 0;
const volatile u64 min_duration = 0; /* ns */

struct session {
	event_time_t time_ns;
	cgroup_id_t cgroup;
	bytes_t rx;
	bytes_t tx;
	ns_or_none_t duration;
	tgid_t pid;
	uid_num_t uid;
	ns_inum_t netns;
	ip_t laddr;
	ip_t raddr;
	port_t lport;
	port_t rport;
	ip_version_t family;
	u8 _pad[7];
	comm_t comm;
};

/* 8,000 sessions; user space empties it ten times a second. */
EVENT_RING(events, struct session, 1 << 20);

/* Only what is asked for is not zero. */
struct session_key {
	tgid_t pid;
	ip_t raddr;
	comm_t comm;
	port_t lport;
	port_t rport;
};

struct sessions {
	count_t count;
	bytes_t rx;
	bytes_t tx;
	ns_sum_t duration_sum;
	ns_max_t duration_max;
	count_t timed; /* those whose duration is known */
	comm_t comm;
};

HASH_HALVES(counts, struct session_key, struct sessions, 10240);

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct tcp_sock___life {
	u64 bytes_received;
	u64 bytes_sent;
	u64 bytes_retrans;
};

#pragma clang attribute pop

/* What was sent once: bytes_acked is one more for the SYN and one for the FIN, and less where the peer was gone. */
static __always_inline u64 bytes_sent(struct sock *sk)
{
	struct tcp_sock___life *tp = (void *)sk;

	return BPF_CORE_READ(tp, bytes_sent) - BPF_CORE_READ(tp, bytes_retrans);
}

/* The peer's FIN counts like a byte (tcp_data_queue, tcp_rcv_nxt_update), and sets SOCK_DONE (tcp_fin). */
static __always_inline u64 bytes_received(struct sock *sk)
{
	struct tcp_sock___life *tp = (void *)sk;
	u64 done = 1ULL << bpf_core_enum_value(enum sock_flags, SOCK_DONE);
	u64 received = BPF_CORE_READ(tp, bytes_received);

	return received && (BPF_CORE_READ(sk, __sk_common.skc_flags) & done) ? received - 1 : received;
}

static __always_inline void count_session(struct session *end)
{
	struct session_key key = {};
	struct sessions zero = {}, *sum;

	if (by == BY_LPORT)
		key.lport = end->lport;
	else if (by == BY_RADDR)
		__builtin_memcpy(key.raddr, end->raddr, sizeof(key.raddr));
	else if (by == BY_RPORT)
		key.rport = end->rport;
	else if (by == BY_PID)
		key.pid = end->pid;
	else
		__builtin_memcpy(key.comm, end->comm, sizeof(key.comm));
	sum = lookup_or_init(HALF(counts), &key, &zero);
	if (!sum)
		return;
	add(&sum->count, 1);
	add(&sum->rx, end->rx);
	add(&sum->tx, end->tx);
	if (by == BY_PID)
		__builtin_memcpy(sum->comm, end->comm, sizeof(sum->comm));
	if (end->duration == NS_NONE)
		return;
	add(&sum->timed, 1);
	add(&sum->duration_sum, end->duration);
	/* Two that race for the maximum of one key are a microsecond apart. */
	if (end->duration > sum->duration_max)
		sum->duration_max = end->duration;
}

static __always_inline void fill_owner(struct session *end, struct sock_owner *owner)
{
	end->pid = owner->pid;
	end->uid = owner->uid;
	end->cgroup = owner->cgroup;
	__builtin_memcpy(end->comm, owner->comm, sizeof(end->comm));
}

static __always_inline bool is_session_wanted(const struct session *end)
{
	if (!are_ends_wanted(end->family, end->laddr, end->raddr, end->lport, end->rport) ||
	    end->rx + end->tx < min_bytes)
		return false;
	return !min_duration || (end->duration != NS_NONE && end->duration >= min_duration);
}

static __always_inline void ended(struct sock *sk, struct sock_owner *owner)
{
	struct session end = { .time_ns = bpf_ktime_get_ns(), .pid = PID_UNKNOWN, .uid = UID_ANY }, *event;

	fill_ends(&end, sk);
	end.duration = owner && owner->born ? end.time_ns - owner->born : NS_NONE;
	end.rx = bytes_received(sk);
	end.tx = bytes_sent(sk);
	if (!is_session_wanted(&end))
		return;
	if (is_owner_known(owner))
		fill_owner(&end, owner);
	else
		count_lost(LOST_UNATTRIBUTED);
	if (!is_owner_wanted(owner))
		return;
	if (by != BY_EVENT) {
		count_session(&end);
		return;
	}
	event = reserve_event(events, struct session);
	if (!event)
		return;
	*event = end;
	submit_event(event);
}

static __always_inline bool was_established(int oldstate)
{
	return oldstate != TCP_SYN_SENT && oldstate != TCP_SYN_RECV && oldstate != TCP_LISTEN &&
	       oldstate != TCP_CLOSE;
}

/* A socket enters CLOSE also when what is left of it becomes a TIME_WAIT one (tcp_time_wait calls tcp_done). */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(life__1, struct sock *sk, int oldstate, int newstate)
{
	if (!is_tcp(sk))
		return 0;
	if (newstate != TCP_CLOSE) {
		follow_owner(sk, oldstate, newstate);
		return 0;
	}
	if (was_established(oldstate))
		ended(sk, owner_of(sk));
	forget_owner(sk);
	return 0;
}

static __always_inline void on_accept(struct sock *sk)
{
	if (is_tcp(sk))
		remember_current(sk);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
