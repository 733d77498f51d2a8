// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/* How many tasks wait for each CPU, sampled. */
#include "sampling.h"

enum by {
	BY_LENGTH,
	BY_CPU,
	BY_CPU_LENGTH,
};

const volatile u32 by = BY_LENGTH;

struct length_key {
	cpu_shard_t _cpu;
	u32 _pad;
	count_t length;
};

struct samples {
	count_t samples;
	count_t waiting;
	count_t free;
	count_max_t longest;
};

HASH_HALVES(lengths, struct length_key, struct samples, 10240);

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct rq;

struct cfs_rq {
	struct rq *rq;
};

struct rq {
	unsigned int nr_running;
	struct cfs_rq cfs;
};

struct sched_entity {
	struct cfs_rq *cfs_rq;
};

struct task_struct___sched {
	int pid;
	struct sched_entity se;
};

/* Since 6.12 a task that goes to sleep may be kept in the queue for a while (delayed dequeue, 152e11f6df29): it is
 * in nr_running, but does not wait. Since c2a295bffeaf (6.14, backported) the queue says how many are not of that sort. */
struct cfs_rq___delayed {
	unsigned int h_nr_queued;
	unsigned int h_nr_runnable;
};
#pragma clang attribute pop

static __always_inline int sampled(u32 pid, u64 running, u64 delayed)
{
	struct length_key key = { ._cpu = bpf_get_smp_processor_id() };
	struct samples zero = {}, *samples;
	u64 length;

	/* With a filter: what waits while a process that is wanted has the CPU. */
	if (is_filtered() && !is_current_wanted())
		return 0;
	running -= delayed < running ? delayed : running;
	/* The one that runs does not wait; the idle task is not counted. */
	length = pid && running ? running - 1 : running;
	if (by != BY_CPU)
		key.length = length;
	samples = lookup_or_init(HALF(lengths), &key, &zero);
	if (!samples)
		return 0;
	samples->samples += 1;
	if (length)
		samples->waiting += 1;
	else
		samples->free += 1;
	if (length > samples->longest)
		samples->longest = length;
	return 0;
}

/* The queue of the CPU, over all groups: that of the current task's group (se.cfs_rq) may be much shorter. A program
 * of the timer cannot find a queue locked by what it interrupts: locking one disables interrupts. */
SEC("perf_event")
int sample__1(void *ctx)
{
	struct task_struct___sched *task = (void *)bpf_get_current_task_btf();
	struct rq *rq = task->se.cfs_rq->rq;
	struct cfs_rq___delayed *cfs = (void *)&rq->cfs;
	u64 delayed = 0;

	if (bpf_core_field_exists(cfs->h_nr_runnable))
		delayed = cfs->h_nr_queued - cfs->h_nr_runnable;
	return sampled(task->pid, rq->nr_running, delayed);
}

/* Until 5.11 the current task comes without its type. */
SEC("perf_event")
int sample__2(void *ctx)
{
	struct task_struct___sched *task = (void *)bpf_get_current_task();
	struct rq *rq = BPF_CORE_READ(task, se.cfs_rq, rq);
	struct cfs_rq___delayed *cfs = (void *)rq + bpf_core_field_offset(rq->cfs);
	u64 delayed = 0;

	if (bpf_core_field_exists(cfs->h_nr_runnable))
		delayed = BPF_CORE_READ(cfs, h_nr_queued) - BPF_CORE_READ(cfs, h_nr_runnable);
	return sampled(BPF_CORE_READ(task, pid), BPF_CORE_READ(rq, nr_running), delayed);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
