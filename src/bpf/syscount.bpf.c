// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/* System calls, counted when they end. This runs for every one of the machine, so each step counts. */
#include "filter.h"
#include "listed.h"
#include "sampled.h"
#include "syscall.h"

enum by {
	BY_SYSCALL,
	BY_PID,
	BY_BOTH,
};

const volatile u32 by = BY_SYSCALL;
const volatile bool latency = false;
const volatile bool failed = false;   /* only calls that failed */
const volatile u32 tid = 0;	      /* only this thread */
const volatile u32 ppid = 0;	      /* only children of this process */
const volatile listed_t errno = {};   /* only calls that failed with these errors */
const volatile listed_t syscall = {}; /* only these calls */

#define MAX_ERRNO 4095
/* More than any architecture has. */
#define SYSCALLS 512

struct calls {
	count_t count;
	count_t failed;
	count_t timed;
	ns_sum_t latency_sum;
	ns_max_t latency_max;
};

PERCPU_ARRAY_HALVES(numbers, syscall_t, struct calls, SYSCALLS);

struct process_key {
	tgid_t pid;
	syscall_t syscall;
	cpu_shard_t _cpu;
};

struct process_calls {
	count_t count;
	count_t failed;
	count_t timed;
	ns_sum_t latency_sum;
	ns_max_t latency_max;
	comm_t comm;
};

HASH_HALVES(processes, struct process_key, struct process_calls, 16384);

/* On kernels whose programs may be preempted, another task may come in between: then only an atomic add is exact. */
#define ADD_CALL(calls, is_failed, took)			\
	do {							\
		u64 _one = 1;					\
								\
		add(&(calls)->count, _one);			\
		if (is_failed)					\
			add(&(calls)->failed, _one);		\
		if (!latency || (took) == NS_NONE)		\
			break;					\
		add(&(calls)->timed, _one);			\
		add(&(calls)->latency_sum, took);		\
		if ((took) > (calls)->latency_max)		\
			(calls)->latency_max = took;		\
	} while (0)

static __always_inline void count_of_process(u32 number, bool is_failed, u64 took)
{
	struct process_key key = { ._cpu = bpf_get_smp_processor_id() };
	struct process_calls zero = {}, *calls;

	key.pid = bpf_get_current_pid_tgid() >> 32;
	if (by == BY_BOTH)
		key.syscall = number;
	calls = HALF_LOOKUP_OR_INIT(processes, &key, &zero);
	if (!calls)
		return;
	/* Once in an interval: reading it costs as much as all the rest. */
	if (!calls->comm[0])
		read_current_comm(&calls->comm);
	ADD_CALL(calls, is_failed, took);
}

static __always_inline int count_call(u32 number, long ret, u64 took)
{
	bool is_failed = (u64)ret >= (u64)-MAX_ERRNO;
	struct calls *calls;

	if (((failed || errno[0]) && !is_failed) || !is_listed(errno, -ret))
		return 0;
	if (by != BY_SYSCALL) {
		count_of_process(number, is_failed, took);
		return 0;
	}
	calls = PERCPU_ARRAY_HALF(numbers, number);
	if (calls)
		ADD_CALL(calls, is_failed, took);
	else
		count_lost(LOST_UNATTRIBUTED);
	return 0;
}

static __always_inline bool is_parent_wanted(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	return !ppid || BPF_CORE_READ(task, real_parent, tgid) == ppid;
}

static __always_inline bool is_number_wanted(u32 number)
{
	if (!is_listed(syscall, number) || (tid && (u32)bpf_get_current_pid_tgid() != tid))
		return false;
	return is_parent_wanted() && is_current_wanted();
}

SEC("tp_btf/sys_exit")
int BPF_PROG(count__1, struct pt_regs *regs, long ret)
{
	u32 number = SYSCALL_NUMBER(regs);

	if (latency || !is_sampled() || !is_number_wanted(number) || is_typed_compat_syscall())
		return 0;
	return count_call(number, ret, NS_NONE);
}

/* Until 5.11 the current task comes without its type. */
SEC("tp_btf/sys_exit")
int BPF_PROG(count__2, struct pt_regs *regs, long ret)
{
	u32 number = SYSCALL_NUMBER(regs);

	if (latency || !is_sampled() || !is_number_wanted(number) || is_compat_syscall())
		return 0;
	return count_call(number, ret, NS_NONE);
}

/* With latency, these count: calls that never return would leave their begin behind. */
static __always_inline bool begins(u32 number)
{
	return number != NR_EXIT && number != NR_EXIT_GROUP && is_number_wanted(number);
}

static __always_inline u64 since(u64 began)
{
	return began ? bpf_ktime_get_ns() - began : NS_NONE;
}

static __always_inline int count_timed(u32 number, long ret, u64 began)
{
	/* Not the one in N. */
	if (!began && is_sampling())
		return 0;
	return count_call(number, ret, since(began));
}

SEC("tp_btf/sys_enter")
int BPF_PROG(latency__1_enter, struct pt_regs *regs, long number)
{
	if (is_sampled() && begins(number) && !is_typed_compat_syscall())
		begin_in_task();
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(latency__1_exit, struct pt_regs *regs, long ret)
{
	u32 number = SYSCALL_NUMBER(regs);

	if (!is_number_wanted(number) || is_typed_compat_syscall())
		return 0;
	return count_timed(number, ret, end_in_task());
}

SEC("tp_btf/sys_enter")
int BPF_PROG(latency__2_enter, struct pt_regs *regs, long number)
{
	if (is_sampled() && begins(number) && !is_compat_syscall())
		begin_in_hash();
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(latency__2_exit, struct pt_regs *regs, long ret)
{
	u32 number = SYSCALL_NUMBER(regs);

	if (!is_number_wanted(number) || is_compat_syscall())
		return 0;
	return count_timed(number, ret, end_in_hash());
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
