/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/* The hooks `owner`, `accept` and `older` of views that look at TCP sockets from a softirq: whose a socket is, also a listening one. */
#ifndef BCC_TOP_TCP_OWNER_H
#define BCC_TOP_TCP_OWNER_H

#include "sock_owner.h"
#include "sock_seed.h"
#include "accept.h"

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(owner__1, struct sock *sk, int oldstate, int newstate)
{
	if (!is_tcp(sk))
		return 0;
	/* listen() is called by the process too. */
	if (newstate == TCP_LISTEN)
		remember_connect(sk);
	else if (newstate == TCP_CLOSE)
		forget_owner(sk);
	else
		follow_owner(sk, oldstate, newstate);
	return 0;
}

static __always_inline void on_accept(struct sock *sk)
{
	if (is_tcp(sk))
		remember_current(sk);
}

#endif
