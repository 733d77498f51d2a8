// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/* How long runnable tasks wait for a CPU. */
#include "hist.h"
#include "waits.h"

enum by {
	BY_ALL,
	BY_PID,
	BY_CGROUP,
	BY_PIDNS,
};

const volatile u32 by = BY_ALL;

struct hist {
	log2_ns_t slots[HIST_SLOTS];
	ns_sum_t sum;
	ns_max_t max;
};

/* One CPU writes an entry at a time: sched_switch runs with its run queue locked. */
struct wait_key {
	tgid_t pid;
	ns_inum_t pidns;
	cgroup_id_t cgroup;
	cpu_shard_t _cpu;
	u32 _pad;
};

struct keyed_hist {
	log2_ns_t slots[HIST_SLOTS];
	ns_sum_t sum;
	ns_max_t max;
	comm_t comm;
};

PERCPU_VALUE_HALVES(all, struct hist);
HASH_HALVES(keyed, struct wait_key, struct keyed_hist, 10240);

/* 328 bytes are too many for the stack. */
static const struct keyed_hist zero_hist;

static __always_inline u32 task_pidns(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	u32 level = BPF_CORE_READ(pid, level);
	struct upid *upid;

	upid = (void *)pid + bpf_core_field_offset(pid->numbers) + level * bpf_core_type_size(struct upid);
	return BPF_CORE_READ(upid, ns, ns.inum);
}

static __always_inline void record_keyed(struct task_struct *task, u64 wait)
{
	struct wait_key key = { ._cpu = bpf_get_smp_processor_id() };
	struct keyed_hist *hist;

	if (by == BY_PID)
		key.pid = task->tgid;
	else if (by == BY_CGROUP)
		key.cgroup = task->cgroups->dfl_cgrp->kn->id;
	else
		key.pidns = task_pidns(task);
	hist = HALF_LOOKUP_OR_INIT(keyed, &key, &zero_hist);
	if (!hist)
		return;
	/* read_comm() without its helper, which lockdown forbids. */
	__builtin_memcpy(hist->comm, task->group_leader->comm, sizeof(hist->comm));
	HIST_ADD(hist, wait);
}

static __always_inline void waited(struct task_struct *prev, struct task_struct *next, u64 since, u64 now)
{
	u32 half = epoch & 1;
	u64 wait = now - since;
	struct hist *hist;

	if (by != BY_ALL) {
		record_keyed(next, wait);
		return;
	}
	hist = bpf_map_lookup_elem(&all__x2, &half);
	if (!hist)
		return;
	HIST_ADD(hist, wait);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
