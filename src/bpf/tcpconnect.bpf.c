// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/* TCP connections that processes open. */
#define MAX_OWNERS 16384
#include "dns.h"
#include "events.h"
#include "sock_owner.h"

enum by {
	BY_EVENT,
	BY_ENDPOINT,
	BY_RADDR,
	BY_RPORT,
	BY_PID,
	BY_COMM,
	BY_UID,
};

const volatile u32 by = BY_EVENT;

struct connect {
	event_time_t time_ns;
	cgroup_id_t cgroup;
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
	/* Only there with dns. */
	text_t query[DNS_NAME];
};

/* 9,000 connects; user space empties it ten times a second. */
EVENT_RING(events, struct connect, 1 << 20);

/* Only what is asked for is not zero. */
struct connect_key {
	tgid_t pid;
	uid_num_t uid;
	ip_t laddr;
	ip_t raddr;
	comm_t comm;
	port_t rport;
	u16 _pad;
};

struct connects {
	count_t count;
	comm_t comm;
};

HASH_HALVES(counts, struct connect_key, struct connects, 10240);

static __always_inline void count_connect(struct sock *sk)
{
	struct connect_key key = {};
	struct connects zero = {}, *sum;
	ip_t unused;

	if (by == BY_ENDPOINT)
		read_addresses(sk, key.laddr, key.raddr);
	else if (by == BY_RADDR)
		read_addresses(sk, unused, key.raddr);
	else if (by == BY_PID)
		key.pid = bpf_get_current_pid_tgid() >> 32;
	else if (by == BY_COMM)
		read_current_comm(&key.comm);
	else if (by == BY_UID)
		key.uid = bpf_get_current_uid_gid();
	if (by == BY_ENDPOINT || by == BY_RPORT)
		key.rport = remote_port(sk);
	sum = lookup_or_init(HALF(counts), &key, &zero);
	if (!sum)
		return;
	add(&sum->count, 1);
	if (by == BY_PID)
		read_current_comm(&sum->comm);
}

/* The process is here, but the socket has no local port yet: tcp_v4_connect() looks for one after this. */
static __always_inline void begun(struct sock *sk)
{
	ip_t local, remote;

	if (!is_current_owner_wanted())
		return;
	if (are_ends_filtered()) {
		u8 version = read_addresses(sk, local, remote);

		if (!are_ends_wanted(version, local, remote, 0, remote_port(sk)))
			return;
	}
	if (by == BY_EVENT)
		remember_connect(sk);
	else
		count_connect(sk);
}

/* The port is known. */
static __always_inline void tell(struct sock *sk)
{
	struct sock_owner *owner = owner_of(sk);
	struct connect *event;

	if (!owner)
		return;
	event = reserve_event_or_until(events, struct connect, dns, query);
	if (event) {
		event->time_ns = owner->born;
		event->cgroup = owner->cgroup;
		event->pid = owner->pid;
		event->uid = owner->uid;
		fill_ends(event, sk);
		__builtin_memcpy(event->comm, owner->comm, sizeof(event->comm));
		if (dns)
			dns_name_of(event->query, event->raddr);
		submit_event(event);
	}
	forget_owner(sk);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(connect__1_state, struct sock *sk, int oldstate, int newstate)
{
	if (newstate == TCP_SYN_SENT) {
		if (is_tcp(sk))
			begun(sk);
	} else if (by == BY_EVENT && oldstate == TCP_SYN_SENT) {
		tell(sk);
	}
	return 0;
}

/* Who gets no answer is told when the SYN goes out once more, not when the process gives up. */
SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(connect__1_again, struct sock *sk)
{
	if (by == BY_EVENT && tcp_state(sk) == TCP_SYN_SENT)
		tell(sk);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
