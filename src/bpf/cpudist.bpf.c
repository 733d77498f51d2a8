// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/* How long tasks have a CPU at a stretch, or are without one. */
#include "filter.h"
#include "hist.h"
/* Here: when the task lost its CPU. */
#include "since.h"

enum by {
	BY_ALL,
	BY_PID,
	BY_TID,
	BY_CPU,
};

const volatile u32 by = BY_ALL;
const volatile bool off = false;  /* the time without a CPU instead */
const volatile bool idle = false; /* the idle tasks too */

struct hist {
	log2_ns_t slots[HIST_SLOTS];
	ns_sum_t sum;
	ns_max_t max;
};

/* One CPU writes an entry at a time: sched_switch runs with its run queue locked. */
struct stretch_key {
	tgid_t pid;
	tid_t tid;
	cpu_shard_t _cpu;
};

struct keyed_hist {
	log2_ns_t slots[HIST_SLOTS];
	ns_sum_t sum;
	ns_max_t max;
	comm_t comm;
};

PERCPU_VALUE_HALVES(all, struct hist);
HASH_HALVES(keyed, struct stretch_key, struct keyed_hist, 10240);

/* Too many bytes for the stack. */
static const struct keyed_hist zero_hist;

/* Who has this CPU, and since when. */
struct running {
	u64 since;
	u32 tid;
	u32 _pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct running);
} running_here SEC(".maps");

static __always_inline void record_keyed(struct task_struct *task, u64 ns)
{
	struct stretch_key key = { ._cpu = bpf_get_smp_processor_id() };
	struct keyed_hist *hist;

	if (by != BY_CPU)
		key.pid = task->tgid;
	if (by == BY_TID)
		key.tid = task->pid;
	hist = HALF_LOOKUP_OR_INIT(keyed, &key, &zero_hist);
	if (!hist)
		return;
	if (by == BY_PID)
		__builtin_memcpy(hist->comm, task->group_leader->comm, sizeof(hist->comm));
	else if (by == BY_TID)
		__builtin_memcpy(hist->comm, task->comm, sizeof(hist->comm));
	HIST_ADD(hist, ns);
}

static __always_inline void record(struct task_struct *task, u64 since, u64 now)
{
	/* Clocks of two CPUs may be a little apart. */
	u64 ns = now > since ? now - since : 0;
	struct hist *hist;

	if (by != BY_ALL) {
		record_keyed(task, ns);
		return;
	}
	hist = PERCPU_HALF(all);
	if (hist)
		HIST_ADD(hist, ns);
}

/* Every switch of a CPU is seen, so the one before says since when `prev` has had it: no task is looked up. */
static __always_inline int on_switch(struct task_struct *prev, struct task_struct *next, u64 now)
{
	u32 zero = 0, tid;
	struct running *running = bpf_map_lookup_elem(&running_here, &zero);
	u64 since;

	if (!running)
		return 0;
	since = running->since;
	tid = running->tid;
	running->since = now;
	running->tid = next->pid;
	/* It had the CPU when the view was attached. */
	if (!since || !(prev->pid || idle) || !is_wanted(prev, prev->tgid))
		return 0;
	/* The program was skipped at a switch, or an exec gave the thread another number (de_thread). */
	if (tid != prev->pid) {
		count_lost(LOST_EVENTS);
		return 0;
	}
	record(prev, since, now);
	return 0;
}

/* Whether a task that is switched out may come back. */
static __always_inline bool may_return(struct task_struct *prev)
{
	return prev->pid && !(task_state(prev) & TASK_DEAD);
}

static __always_inline int off_switch_in_storage(struct task_struct *prev, struct task_struct *next, u64 now)
{
	u64 *since;

	if (may_return(prev) && is_wanted(prev, prev->tgid)) {
		since = bpf_task_storage_get(&since_task, prev, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
		if (since)
			*since = now;
		else
			count_lost(LOST_EVENTS);
	}
	if (!next->pid)
		return 0;
	since = bpf_task_storage_get(&since_task, next, NULL, 0);
	if (!since || !*since)
		return 0;
	record(next, *since, now);
	*since = 0;
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(switch__1, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	u64 now = bpf_ktime_get_ns();

	return off ? off_switch_in_storage(prev, next, now) : on_switch(prev, next, now);
}

/* The same with a hash by thread id, for kernels whose tracing programs have no task storage. */
static __always_inline int off_switch_in_hash(struct task_struct *prev, struct task_struct *next, u64 now)
{
	u32 tid = prev->pid;
	u64 *since;
	long err;

	if (may_return(prev) && is_wanted(prev, prev->tgid)) {
		err = bpf_map_update_elem(&since_pid, &tid, &now, BPF_ANY);
		if (err)
			count_failed_insert(err);
	}
	tid = next->pid;
	if (!tid)
		return 0;
	since = bpf_map_lookup_elem(&since_pid, &tid);
	if (!since)
		return 0;
	record(next, *since, now);
	bpf_map_delete_elem(&since_pid, &tid);
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(switch__2, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	u64 now = bpf_ktime_get_ns();

	return off ? off_switch_in_hash(prev, next, now) : on_switch(prev, next, now);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
