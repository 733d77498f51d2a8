// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/* How long runnable tasks wait for a CPU. */
#include "filter.h"

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

/* When the task became runnable, 0 if it is not waiting. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, u64);
} since_task SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, u32);
	__type(value, u64);
} since_pid SEC(".maps");

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
	hist = lookup_or_init(HALF(keyed), &key, &zero_hist);
	if (!hist)
		return;
	/* read_comm() without its helper, which lockdown forbids. */
	__builtin_memcpy(hist->comm, task->group_leader->comm, sizeof(hist->comm));
	hist->slots[log2_u64(wait)] += 1;
	hist->sum += wait;
	if (wait > hist->max)
		hist->max = wait;
}

static __always_inline void record(struct task_struct *task, u64 wait)
{
	u32 half = epoch & 1;
	struct hist *hist;

	if (by != BY_ALL) {
		record_keyed(task, wait);
		return;
	}
	hist = bpf_map_lookup_elem(&all__x2, &half);
	if (!hist)
		return;
	hist->slots[log2_u64(wait)] += 1;
	hist->sum += wait;
	if (wait > hist->max)
		hist->max = wait;
}

/*
 * A task that is on a CPU does not wait: try_to_wake_up() reports also those that it found still
 * running. One that waits already (it was preempted) keeps its first time.
 */
static __always_inline void begin_in_storage(struct task_struct *task, u64 now)
{
	u64 *since = bpf_task_storage_get(&since_task, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!since)
		count_lost(LOST_EVENTS);
	else if (!*since)
		*since = now;
}

static __always_inline int woken_in_storage(struct task_struct *task)
{
	if (!task->on_cpu && is_wanted(task, task->tgid))
		begin_in_storage(task, bpf_ktime_get_ns());
	return 0;
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(wait__1_wakeup, struct task_struct *task)
{
	return woken_in_storage(task);
}

SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(wait__1_wakeup_new, struct task_struct *task)
{
	return woken_in_storage(task);
}

SEC("tp_btf/sched_switch")
int BPF_PROG(wait__1_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	u64 now = bpf_ktime_get_ns();
	u64 *since;

	/* A task preempted on its way to sleep is still runnable, whatever its state says. */
	if (prev->pid && (preempt || is_running(prev)) && is_wanted(prev, prev->tgid))
		begin_in_storage(prev, now);
	if (!next->pid)
		return 0;
	since = bpf_task_storage_get(&since_task, next, NULL, 0);
	if (!since || !*since)
		return 0;
	record(next, now - *since);
	*since = 0;
	return 0;
}

/* The same with a hash by thread id, for kernels whose tracing programs have no task storage. */
static __always_inline void begin_in_hash(struct task_struct *task, u64 now)
{
	u32 pid = task->pid;
	long err = bpf_map_update_elem(&since_pid, &pid, &now, BPF_NOEXIST);

	if (err && err != -EEXIST)
		count_failed_insert(err);
}

static __always_inline int woken_in_hash(struct task_struct *task)
{
	if (!task->on_cpu && is_wanted(task, task->tgid))
		begin_in_hash(task, bpf_ktime_get_ns());
	return 0;
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(wait__2_wakeup, struct task_struct *task)
{
	return woken_in_hash(task);
}

SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(wait__2_wakeup_new, struct task_struct *task)
{
	return woken_in_hash(task);
}

SEC("tp_btf/sched_switch")
int BPF_PROG(wait__2_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	u64 now = bpf_ktime_get_ns();
	u32 pid = next->pid;
	u64 *since;

	if (prev->pid && (preempt || is_running(prev)) && is_wanted(prev, prev->tgid))
		begin_in_hash(prev, now);
	if (!pid)
		return 0;
	since = bpf_map_lookup_elem(&since_pid, &pid);
	if (!since)
		return 0;
	record(next, now - *since);
	bpf_map_delete_elem(&since_pid, &pid);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
