/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/*
 * Waits for a CPU: from the moment a task becomes runnable until it is switched onto one. The hook is called `wait`;
 * whoever includes this says in waited() what is done with a wait that has ended.
 */
#ifndef BCC_TOP_WAITS_H
#define BCC_TOP_WAITS_H

#include "filter.h"
/* Here: when the task became runnable. */
#include "since.h"

/* `next` has waited from `since` until `now`, and gets the CPU of `prev`. */
static __always_inline void waited(struct task_struct *prev, struct task_struct *next, u64 since, u64 now);

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
	waited(prev, next, *since, now);
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
	waited(prev, next, *since, now);
	bpf_map_delete_elem(&since_pid, &pid);
	return 0;
}

#endif
