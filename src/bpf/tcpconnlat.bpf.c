// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/* How long TCP connects take, and what becomes of them. */
#define MAX_OWNERS 16384
#include "events.h"
#include "sock_owner.h"

enum by {
	BY_EVENT,
	BY_ENDPOINT,
	BY_RADDR,
	BY_RPORT,
	BY_COMM,
	BY_RESULT,
};

enum results {
	RESULTS_ALL,
	RESULTS_OK,
	RESULTS_FAILED,
};

const volatile u32 by = BY_EVENT;
const volatile u32 results = RESULTS_ALL;
const volatile u64 min_latency = 0; /* ns */

#define RESULT_SIZE 12

struct attempt {
	event_time_t time_ns;
	cgroup_id_t cgroup;
	ns_t latency;
	count_t retransmits;
	tgid_t pid;
	uid_num_t uid;
	ns_inum_t netns;
	ip_t laddr;
	ip_t raddr;
	port_t lport;
	port_t rport;
	ip_version_t family;
	u8 _pad[3];
	ret_t ret;
	text_t result[RESULT_SIZE];
	comm_t comm;
	u32 _end;
};

/* 8,000 connects; user space empties it ten times a second. */
EVENT_RING(events, struct attempt, 1 << 20);

/* Only what is asked for is not zero. */
struct attempt_key {
	ip_t raddr;
	comm_t comm;
	text_t result[RESULT_SIZE];
	port_t rport;
	u16 _pad;
};

struct attempts {
	count_t count;
	count_t failed;
	count_t established;
	ns_sum_t latency_sum; /* of those that were established */
	ns_max_t latency_max;
};

HASH_HALVES(counts, struct attempt_key, struct attempts, 10240);

#define ENETUNREACH 101
#define ETIMEDOUT 110
#define ECONNREFUSED 111
#define EHOSTUNREACH 113

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct tcp_sock___connect {
	u32 total_retrans;
};

#pragma clang attribute pop

#define write_result(to, text) __builtin_memcpy(to, text "\0\0\0\0\0\0\0\0\0\0\0\0", RESULT_SIZE)

/* The kernel stores the error before it closes the socket (tcp_reset, tcp_write_err, tcp_v4_err); a process that closes
 * it leaves none. */
static __always_inline void fill_result(struct attempt *end, bool is_ok, int err)
{
	end->ret = -err;
	if (is_ok)
		write_result(end->result, "ok");
	else if (err == ECONNREFUSED)
		write_result(end->result, "refused");
	else if (err == ETIMEDOUT)
		write_result(end->result, "timed out");
	else if (err == EHOSTUNREACH || err == ENETUNREACH)
		write_result(end->result, "unreachable");
	else if (!err)
		write_result(end->result, "given up");
	else
		write_result(end->result, "failed");
}

static __always_inline void count_attempt(struct attempt *end, bool is_ok)
{
	struct attempt_key key = {};
	struct attempts zero = {}, *sum;

	if (by == BY_ENDPOINT || by == BY_RADDR)
		__builtin_memcpy(key.raddr, end->raddr, sizeof(key.raddr));
	if (by == BY_ENDPOINT || by == BY_RPORT)
		key.rport = end->rport;
	if (by == BY_COMM)
		__builtin_memcpy(key.comm, end->comm, sizeof(key.comm));
	if (by == BY_RESULT)
		__builtin_memcpy(key.result, end->result, sizeof(key.result));
	sum = lookup_or_init(HALF(counts), &key, &zero);
	if (!sum)
		return;
	add(&sum->count, 1);
	if (!is_ok) {
		add(&sum->failed, 1);
		return;
	}
	add(&sum->established, 1);
	add(&sum->latency_sum, end->latency);
	/* Two that race for the maximum of one key are a microsecond apart. */
	if (end->latency > sum->latency_max)
		sum->latency_max = end->latency;
}

static __always_inline void ended(struct sock *sk, struct sock_owner *owner, bool is_ok)
{
	struct tcp_sock___connect *tp = (void *)sk;
	struct attempt end = { .time_ns = bpf_ktime_get_ns() }, *event;

	end.latency = end.time_ns - owner->born;
	if (end.latency < min_latency)
		return;
	fill_ends(&end, sk);
	if (!are_ends_wanted(end.family, end.laddr, end.raddr, end.lport, end.rport))
		return;
	end.cgroup = owner->cgroup;
	end.pid = owner->pid;
	end.uid = owner->uid;
	end.retransmits = BPF_CORE_READ(tp, total_retrans);
	__builtin_memcpy(end.comm, owner->comm, sizeof(end.comm));
	fill_result(&end, is_ok, is_ok ? 0 : sock_error(sk));
	if (by != BY_EVENT) {
		count_attempt(&end, is_ok);
		return;
	}
	event = reserve_event(events, struct attempt);
	if (!event)
		return;
	*event = end;
	submit_event(event);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(connect__1, struct sock *sk, int oldstate, int newstate)
{
	bool is_ok = newstate == TCP_ESTABLISHED;
	struct sock_owner *owner;

	if (newstate == TCP_SYN_SENT) {
		if (is_tcp(sk) && is_current_owner_wanted())
			remember_connect(sk);
		return 0;
	}
	/* Two that connect to each other at once go through SYN_RECV. */
	if (!is_ok && newstate != TCP_CLOSE)
		return 0;
	owner = owner_of(sk);
	if (!owner)
		return 0;
	if (results == RESULTS_ALL || is_ok == (results == RESULTS_OK))
		ended(sk, owner, is_ok);
	forget_owner(sk);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
