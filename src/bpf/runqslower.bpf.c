// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/* Single long waits for a CPU. */
#include "events.h"
#include "waits.h"

enum by {
	BY_EVENT,
	BY_COMM,
	BY_PID,
	BY_PREV,
};

const volatile u32 by = BY_EVENT;
const volatile u64 min_latency = 0; /* ns, 0 is the default */
const volatile u32 tid = 0;	       /* only this thread */

#define DEFAULT_MIN_LATENCY (10 * 1000 * 1000ULL)

struct slow_wait {
	event_time_t time_ns;
	ns_t latency;
	cgroup_id_t cgroup;
	tgid_t pid;
	tid_t tid;
	tgid_t prev_pid;
	tid_t prev_tid;
	cpu_t cpu;
	u32 _pad;
	comm_t comm;
	comm_t prev_comm;
};

EVENT_RING(events, struct slow_wait, 1 << 20);

/* Only what is asked for is not zero. One CPU writes an entry at a time: sched_switch runs with its run queue locked. */
struct wait_key {
	tgid_t pid;
	tgid_t prev_pid;
	comm_t comm;
	comm_t prev_comm;
	cpu_shard_t _cpu;
};

struct waits {
	count_t count;
	ns_sum_t latency_sum;
	ns_max_t latency_max;
};

HASH_HALVES(counts, struct wait_key, struct waits, 10240);

/* read_comm() without its helper, which lockdown forbids. */
#define COPY_COMM(to, task) __builtin_memcpy(to, (task)->group_leader->comm, sizeof(comm_t))

static __always_inline void count_wait(struct task_struct *prev, struct task_struct *next, u64 wait)
{
	struct wait_key key = { ._cpu = bpf_get_smp_processor_id() };
	struct waits zero = {}, *waits;

	if (by == BY_PREV) {
		key.prev_pid = prev->tgid;
		COPY_COMM(key.prev_comm, prev);
	} else {
		COPY_COMM(key.comm, next);
		if (by == BY_PID)
			key.pid = next->tgid;
	}
	waits = lookup_or_init(HALF(counts), &key, &zero);
	if (!waits)
		return;
	waits->count += 1;
	waits->latency_sum += wait;
	if (wait > waits->latency_max)
		waits->latency_max = wait;
}

static __always_inline void waited(struct task_struct *prev, struct task_struct *next, u64 since, u64 now)
{
	/* Clocks of two CPUs may be a little apart. */
	u64 wait = now > since ? now - since : 0;
	u64 least = min_latency ? min_latency : DEFAULT_MIN_LATENCY;
	struct slow_wait *event;

	if (wait < least || (tid && next->pid != tid))
		return;
	if (by != BY_EVENT) {
		count_wait(prev, next, wait);
		return;
	}
	event = reserve_event(events, struct slow_wait);
	if (!event)
		return;
	event->time_ns = now;
	event->latency = wait;
	event->cgroup = next->cgroups->dfl_cgrp->kn->id;
	event->pid = next->tgid;
	event->tid = next->pid;
	event->prev_pid = prev->tgid;
	event->prev_tid = prev->pid;
	event->cpu = bpf_get_smp_processor_id();
	COPY_COMM(event->comm, next);
	COPY_COMM(event->prev_comm, prev);
	submit_event(event);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
