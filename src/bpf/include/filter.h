/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/*
 * Capture filters common to all views, decided in the kernel. The constants are set before load;
 * a filter that is off costs nothing.
 */
#ifndef BCC_TOP_FILTER_H
#define BCC_TOP_FILTER_H

#include "fixes.h"
#include "maps.h"

const volatile u32 filter_pid = 0;	    /* only this process */
const volatile char filter_comm[16] = {};   /* only processes of exactly this name */
const volatile u32 filter_comm_begin = 0;   /* or of any that begins so */
const volatile u64 filter_cgroup = 0;	    /* only tasks in this cgroup or below it */
const volatile u32 filter_cgroup_level = 0; /* the level of that cgroup */
const volatile u32 filter_tree = 0;	    /* only this process and its descendants */
const volatile u32 self_tgid = 0;	    /* bcc-top itself, left out */

/* Processes of the tree of filter_tree. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, u32);
	__type(value, u8);
} followed SEC(".maps");

SEC("tp_btf/sched_process_fork")
int BPF_PROG(follow__1_fork, struct task_struct *parent, struct task_struct *child)
{
	u32 from = parent->tgid, to = child->tgid;
	u8 one = 1;
	long err;

	if (from == to || !bpf_map_lookup_elem(&followed, &from))
		return 0;
	err = bpf_map_update_elem(&followed, &to, &one, BPF_ANY);
	if (err)
		count_failed_insert(err);
	return 0;
}

/* do_exit() takes the thread off signal->live before the tracepoint. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(follow__1_exit, struct task_struct *task)
{
	u32 tgid = task->tgid;

	if (task->signal->live.counter == 0)
		bpf_map_delete_elem(&followed, &tgid);
	return 0;
}

/* The name of the process a task belongs to: threads may have names of their own. Read at each
 * event, as exec changes it. */
static __always_inline void read_comm(comm_t *comm, struct task_struct *task)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);

	bpf_probe_read_kernel(comm, sizeof(*comm), &leader->comm);
}

static __always_inline void read_current_comm(comm_t *comm)
{
	read_comm(comm, (void *)bpf_get_current_task());
}

static __always_inline bool comm_is_wanted(struct task_struct *task)
{
	comm_t comm = {};
	int i;

	read_comm(&comm, task);
	for (i = 0; i < 16; i++) {
		if (!filter_comm[i])
			return filter_comm_begin || !comm[i];
		if (comm[i] != filter_comm[i])
			return false;
	}
	return true;
}

/* Whether a filter is set at all: then what is not known to match is left out. */
static __always_inline bool is_filtered(void)
{
	return filter_pid || filter_comm[0] || filter_cgroup || filter_tree;
}

static __always_inline bool is_process_wanted(struct task_struct *task, u32 tgid)
{
	if (self_tgid && tgid == self_tgid)
		return false;
	if (filter_pid && tgid != filter_pid)
		return false;
	if (filter_tree && !bpf_map_lookup_elem(&followed, &tgid))
		return false;
	return !filter_comm[0] || comm_is_wanted(task);
}

/* Any task: each type that CO-RE has to find costs a millisecond at start, so only views that
 * look at other tasks than the current one use this. */
static __always_inline bool is_wanted(struct task_struct *task, u32 tgid)
{
	if (!is_process_wanted(task, tgid))
		return false;
	return !filter_cgroup ||
	       cgroup_ancestor(BPF_CORE_READ(task, cgroups, dfl_cgrp), filter_cgroup_level) == filter_cgroup;
}

static __always_inline bool is_current_wanted(void)
{
	if (!is_process_wanted((void *)bpf_get_current_task(), bpf_get_current_pid_tgid() >> 32))
		return false;
	return !filter_cgroup || bpf_get_current_ancestor_cgroup_id(filter_cgroup_level) == filter_cgroup;
}

#endif
