/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/*
 * Whose a TCP socket is. Its state changes mostly in a softirq, where the current task is whoever was interrupted, so the
 * owner is remembered when a process has it in hand: as it connects, as it accepts, as it closes.
 *
 * Remembered by address, as what sys_exit finds behind a descriptor is no pointer that socket storage takes. An entry is
 * made anew when a socket begins, and has to be deleted with forget_owner() when it enters CLOSE.
 */
#ifndef BCC_TOP_SOCK_OWNER_H
#define BCC_TOP_SOCK_OWNER_H

#include "filter.h"
#include "sock.h"
#include "user.h"

/* Sockets at a time; a view that forgets them early may have fewer. */
#ifndef MAX_OWNERS
#define MAX_OWNERS 65536
#endif

struct sock_owner {
	u64 born;	/* when it left CLOSE, or was made of a listener's; 0 is before the view */
	u64 cgroup;	/* 0 unknown */
	u32 pid;	/* PID_UNKNOWN unknown; then nothing below is known */
	u32 uid;
	comm_t comm;
	u8 is_wanted;	/* by the filters, when it became the owner */
	u8 _pad[7];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_OWNERS);
	__type(key, u64);
	__type(value, struct sock_owner);
} owners SEC(".maps");

static __always_inline struct sock_owner *owner_of(struct sock *sk)
{
	u64 addr = (u64)sk;

	return bpf_map_lookup_elem(&owners, &addr);
}

static __always_inline void forget_owner(struct sock *sk)
{
	u64 addr = (u64)sk;

	bpf_map_delete_elem(&owners, &addr);
}

static __always_inline bool is_owner_known(const struct sock_owner *owner)
{
	return owner && owner->pid != PID_UNKNOWN;
}

/* Whether the filters let a socket pass: one whose owner is not known matches none. */
static __always_inline bool is_owner_wanted(const struct sock_owner *owner)
{
	if (is_owner_known(owner))
		return owner->is_wanted;
	return !is_filtered() && uid == UID_ANY;
}

static __always_inline bool is_current_owner_wanted(void)
{
	return is_current_user_wanted() && is_current_wanted();
}

/* The current process, which has the socket in hand, is its owner. */
static __always_inline void own_by_current(struct sock_owner *owner)
{
	owner->cgroup = bpf_get_current_cgroup_id();
	owner->pid = bpf_get_current_pid_tgid() >> 32;
	owner->uid = bpf_get_current_uid_gid();
	read_current_comm(&owner->comm);
	owner->is_wanted = is_current_owner_wanted();
}

static __always_inline void store_owner(struct sock *sk, const struct sock_owner *owner, u64 flags)
{
	u64 addr = (u64)sk;
	long err = bpf_map_update_elem(&owners, &addr, owner, flags);

	if (err && err != -EEXIST)
		count_failed_insert(err);
}

/* CLOSE to SYN_SENT: tcp_v4_connect() and tcp_v6_connect() are called by the process. What was known of this address was
 * another socket. */
static __always_inline void remember_connect(struct sock *sk)
{
	struct sock_owner owner = { .born = bpf_ktime_get_ns() };

	own_by_current(&owner);
	store_owner(sk, &owner, BPF_ANY);
}

/* LISTEN to SYN_RECV: a listener's child begins, and is nobody's yet. */
static __always_inline void remember_child(struct sock *sk)
{
	struct sock_owner owner = { .born = bpf_ktime_get_ns(), .pid = PID_UNKNOWN, .uid = UID_ANY };

	store_owner(sk, &owner, BPF_ANY);
}

/* The current process has the socket in hand, and is its owner unless there is one: it was accepted, or is closed. */
static __always_inline void remember_current(struct sock *sk)
{
	struct sock_owner *known = owner_of(sk), owner = {};

	if (known) {
		if (known->pid == PID_UNKNOWN)
			own_by_current(known);
		return;
	}
	/* It was reset in the queue: no state change will come that deletes an entry. */
	if (tcp_state(sk) == TCP_CLOSE)
		return;
	own_by_current(&owner);
	store_owner(sk, &owner, BPF_NOEXIST);
}

/* These changes are made by close() and shutdown() only (tcp_close_state). */
static __always_inline bool is_closed_by_current(int oldstate, int newstate)
{
	return newstate == TCP_FIN_WAIT1 || (oldstate == TCP_CLOSE_WAIT && newstate == TCP_LAST_ACK);
}

/* What every view of owners has to do at inet_sock_set_state; forget_owner() at CLOSE, after the last look, is its own. */
static __always_inline void follow_owner(struct sock *sk, int oldstate, int newstate)
{
	if (newstate == TCP_SYN_SENT)
		remember_connect(sk);
	else if (oldstate == TCP_LISTEN && newstate == TCP_SYN_RECV)
		remember_child(sk);
	else if (is_closed_by_current(oldstate, newstate))
		remember_current(sk);
}

#endif
