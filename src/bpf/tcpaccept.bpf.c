// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/* TCP connections that processes accept. */
#include "events.h"
#include "sock_owner.h"
#include "accept.h"

enum by {
	BY_EVENT,
	BY_LPORT,
	BY_RADDR,
	BY_PID,
	BY_COMM,
};

const volatile u32 by = BY_EVENT;
const volatile u64 min_wait = 0; /* ns */

struct acceptance {
	event_time_t time_ns;
	cgroup_id_t cgroup;
	ns_or_none_t wait;
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

/* 9,000 connections; user space empties it ten times a second. */
EVENT_RING(events, struct acceptance, 1 << 20);

/* Only what is asked for is not zero. */
struct acceptance_key {
	tgid_t pid;
	ip_t raddr;
	comm_t comm;
	port_t lport;
	u16 _pad;
};

struct acceptances {
	count_t count;
	ns_sum_t wait_sum;
	ns_max_t wait_max;
	count_t waits; /* those whose wait is known */
	comm_t comm;
};

HASH_HALVES(counts, struct acceptance_key, struct acceptances, 10240);

/* When the handshake of a connection was over, by the address of its socket. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, u64);
	__type(value, u64);
} ready SEC(".maps");

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(ready__1, struct sock *sk, int oldstate, int newstate)
{
	u64 addr = (u64)sk, now;
	long err;

	if (newstate == TCP_CLOSE) {
		bpf_map_delete_elem(&ready, &addr);
		return 0;
	}
	if (oldstate != TCP_SYN_RECV || newstate != TCP_ESTABLISHED || !is_tcp(sk))
		return 0;
	now = bpf_ktime_get_ns();
	err = bpf_map_update_elem(&ready, &addr, &now, BPF_ANY);
	if (err)
		count_failed_insert(err);
	return 0;
}

/* How long it lay in the queue; NS_NONE if it was there before the view. */
static __always_inline u64 waited(struct sock *sk, u64 now)
{
	u64 addr = (u64)sk, *since = bpf_map_lookup_elem(&ready, &addr), wait;

	/* It is put into the queue before its state changes (tcp_check_req, tcp_child_process). */
	if (!since)
		return tcp_state(sk) == TCP_SYN_RECV ? 0 : NS_NONE;
	wait = now > *since ? now - *since : 0;
	bpf_map_delete_elem(&ready, &addr);
	return wait;
}

static __always_inline void count_acceptance(struct sock *sk, u64 wait)
{
	struct acceptance_key key = {};
	struct acceptances zero = {}, *sum;
	ip_t local;

	if (by == BY_LPORT)
		key.lport = local_port(sk);
	else if (by == BY_RADDR)
		read_addresses(sk, local, key.raddr);
	else if (by == BY_PID)
		key.pid = bpf_get_current_pid_tgid() >> 32;
	else
		read_current_comm(&key.comm);
	sum = lookup_or_init(HALF(counts), &key, &zero);
	if (!sum)
		return;
	add(&sum->count, 1);
	if (by == BY_PID)
		read_current_comm(&sum->comm);
	if (wait == NS_NONE)
		return;
	add(&sum->waits, 1);
	add(&sum->wait_sum, wait);
	/* Two that race for the maximum of one key are a microsecond apart. */
	if (wait > sum->wait_max)
		sum->wait_max = wait;
}

static __always_inline void on_accept(struct sock *sk)
{
	u64 now = bpf_ktime_get_ns(), wait;
	struct acceptance *event;
	ip_t local, remote;

	if (!is_tcp(sk))
		return;
	wait = waited(sk, now);
	if (!is_current_owner_wanted())
		return;
	if (are_ends_filtered()) {
		u8 version = read_addresses(sk, local, remote);

		if (!are_ends_wanted(version, local, remote, local_port(sk), remote_port(sk)))
			return;
	}
	if (min_wait && (wait == NS_NONE || wait < min_wait))
		return;
	if (by != BY_EVENT) {
		count_acceptance(sk, wait);
		return;
	}
	event = reserve_event(events, struct acceptance);
	if (!event)
		return;
	event->time_ns = now;
	event->cgroup = bpf_get_current_cgroup_id();
	event->wait = wait;
	event->pid = bpf_get_current_pid_tgid() >> 32;
	event->uid = bpf_get_current_uid_gid();
	fill_ends(event, sk);
	read_current_comm(&event->comm);
	submit_event(event);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
