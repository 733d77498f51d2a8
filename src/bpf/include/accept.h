/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/*
 * The hook `accept`: a process has taken a connection out of a listener's queue. Whoever includes this defines
 * on_accept() first; it is called in that process, with a socket that may be of any protocol.
 */
#ifndef BCC_TOP_ACCEPT_H
#define BCC_TOP_ACCEPT_H

#include "fd.h"
#include "sock_file.h"

static __always_inline void on_accept(struct sock *sk);

#if defined(__TARGET_ARCH_x86)
#define NR_ACCEPT 43
#define NR_ACCEPT4 288
#elif defined(__TARGET_ARCH_arm64)
#define NR_ACCEPT 202
#define NR_ACCEPT4 242
#endif

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* The flags of inet_csk_accept() went into a struct in 6.10 (92ef0fd55ac8). */
struct proto_accept_arg {
	int flags;
};

#pragma clang attribute pop

static __always_inline int accepted(struct sock *sk)
{
	if (sk)
		on_accept(sk);
	return 0;
}

/* What it returns comes behind its arguments: four until 6.9, then two. Whoever waits in it when the program is detached returns
 * to freed memory until 5.12 (e21aa341785c): `needs` in the declaration asks for that mend. */
SEC("fexit/inet_csk_accept")
int accept__1(u64 *ctx)
{
	return accepted((void *)(bpf_core_type_exists(struct proto_accept_arg) ? ctx[2] : ctx[4]));
}

/* Every system call ends here. A kretprobe would be cheaper, but those who wait in accept() use its instances up, of which there
 * are two for each CPU and at least ten: from then on it misses calls in silence. */
SEC("tp_btf/sys_exit")
int BPF_PROG(accept__2, struct pt_regs *regs, long ret)
{
	u64 number;
	struct sock *sk;

	if (ret < 0)
		return 0;
	number = SYSCALL_NUMBER(regs);
	if ((number != NR_ACCEPT && number != NR_ACCEPT4) || is_compat_syscall())
		return 0;
	sk = sock_of_file(current_file(ret));
	/* Another thread was quick to close it. */
	if (!sk)
		count_lost(LOST_EVENTS);
	return accepted(sk);
}

#endif
