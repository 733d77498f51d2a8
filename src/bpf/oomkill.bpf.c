// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/* Processes that the kernel kills for lack of memory. */
#include "events.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct mm_struct___vm {
	unsigned long total_vm;
};

struct signal_struct___oom {
	short oom_score_adj;
};

struct oom_control {
	struct task_struct *chosen;
};

#pragma clang attribute pop

struct oom {
	event_time_t time_ns;
	cgroup_id_t cgroup;
	bytes_t vm;
	tgid_t pid;
	tgid_t trigger;
	ret_t adj;
	u32 _pad;
	comm_t comm;
	comm_t trigger_comm;
};

/* 600 of them. */
EVENT_RING(events, struct oom, 1 << 16);

static __always_inline int record(struct task_struct *victim)
{
	struct task_struct *current = (void *)bpf_get_current_task();
	struct signal_struct___oom *signal;
	struct mm_struct___vm *mm;
	struct oom *oom;

	if (!is_wanted(victim, BPF_CORE_READ(victim, tgid)))
		return 0;
	oom = reserve_event(events, struct oom);
	if (!oom)
		return 0;
	mm = (void *)BPF_CORE_READ(victim, mm);
	signal = (void *)BPF_CORE_READ(victim, signal);
	oom->time_ns = bpf_ktime_get_ns();
	oom->cgroup = BPF_CORE_READ(victim, cgroups, dfl_cgrp, kn, id);
	oom->vm = BPF_CORE_READ(mm, total_vm) << PAGE_SHIFT;
	oom->pid = BPF_CORE_READ(victim, tgid);
	oom->trigger = bpf_get_current_pid_tgid() >> 32;
	oom->adj = BPF_CORE_READ(signal, oom_score_adj);
	oom->_pad = 0;
	read_comm(&oom->comm, victim);
	read_comm(&oom->trigger_comm, current);
	submit_event(oom);
	return 0;
}

/* Also for each further process of memory.oom.group. It had only a number before 6.8, and in older stable kernels. */
SEC("tp_btf/mark_victim")
int BPF_PROG(kill__1, struct task_struct *victim)
{
	return record(victim);
}

SEC("fentry/oom_kill_process")
int BPF_PROG(kill__2, struct oom_control *oc)
{
	return record(BPF_CORE_READ(oc, chosen));
}

SEC("kprobe/oom_kill_process")
int BPF_KPROBE(kill__3, struct oom_control *oc)
{
	return record(BPF_CORE_READ(oc, chosen));
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
