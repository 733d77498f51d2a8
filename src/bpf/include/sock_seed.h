/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/*
 * The hook `older`: owners of the sockets that were open before the view was attached, from the files of all processes,
 * in every network namespace. Of processes that share a socket the first one that is met is the owner.
 */
#ifndef BCC_TOP_SOCK_SEED_H
#define BCC_TOP_SOCK_SEED_H

#include "sock_file.h"
#include "sock_owner.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct cred___uid {
	struct {
		u32 val;
	} uid;
};
struct task_struct___cred {
	struct cred___uid *cred;
};

#pragma clang attribute pop

SEC("iter/task_file")
int older__1_seed(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct task_struct___cred *credible = (void *)task;
	struct sock_owner owner = {};
	struct sock *sk;
	u8 state;

	if (!task || !file)
		return 0;
	sk = sock_of_file(file);
	if (!sk || !is_tcp(sk))
		return 0;
	state = tcp_state(sk);
	if (state == TCP_CLOSE || state == TCP_LISTEN)
		return 0;
	owner.cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	owner.pid = BPF_CORE_READ(task, tgid);
	owner.uid = BPF_CORE_READ(credible, cred, uid.val);
	read_comm(&owner.comm, task);
	owner.is_wanted = is_user_wanted(owner.uid) && is_wanted(task, owner.pid);
	store_owner(sk, &owner, BPF_NOEXIST);
	return 0;
}

#endif
