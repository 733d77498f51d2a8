// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/*
 * Signals that processes send. The end of a call still has its arguments, and a process that kills itself gets there
 * before it dies: signals are delivered on the way out, behind the tracepoint (syscall_exit_to_user_mode).
 */
#include "events.h"
#include "fd.h"
#include "listed.h"

enum by {
	BY_EVENT,
	BY_COMM,
	BY_SIGNAL,
	BY_TARGET,
	BY_PAIR,
};

const volatile u32 by = BY_EVENT;
const volatile bool failed = false;  /* only calls that failed */
const volatile listed_t signal = {}; /* only these signals */
const volatile u32 target_pid = 0;   /* only what names this process */

#if defined(__TARGET_ARCH_x86)
#define NR_KILL 62
#define NR_RT_SIGQUEUEINFO 129
#define NR_TKILL 200
#define NR_TGKILL 234
#define NR_RT_TGSIGQUEUEINFO 297
#elif defined(__TARGET_ARCH_arm64)
#define NR_KILL 129
#define NR_TKILL 130
#define NR_TGKILL 131
#define NR_RT_SIGQUEUEINFO 138
#define NR_RT_TGSIGQUEUEINFO 240
#endif
#define NR_PIDFD_SEND_SIGNAL 424

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kernel_siginfo {
	struct {
		int si_code;
	};
};

#pragma clang attribute pop

struct sent {
	event_time_t time_ns;
	cgroup_id_t cgroup;
	count_t receivers;
	tgid_t pid;
	tid_t tid;
	uid_num_t uid;
	named_pid_t target;
	tgid_t receiver;
	ret_t ret;
	signal_t signal;
	u8 _pad[7];
	comm_t comm;
	comm_t receiver_comm;
	text_t call[16];
};

/* 9,000 calls; user space empties it ten times a second. */
EVENT_RING(events, struct sent, 1 << 20);

/* Only what is asked for is not zero. */
struct sent_key {
	named_pid_t target;
	signal_t signal;
	u8 _pad[3];
	comm_t comm;
};

struct calls {
	count_t count;
	count_t failed;
};

HASH_HALVES(counts, struct sent_key, struct calls, 10240);

/* Whom the call of a thread has reached so far. What a 32-bit call leaves here is pushed out by others. */
struct reached {
	u64 receivers;
	u32 pid;
	u32 signal;
	comm_t comm;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u32);
	__type(value, struct reached);
} under_way SEC(".maps");

#define SI_USER 0
#define SI_QUEUE -1
#define SI_TKILL -6

static __always_inline int reached(int sig, int code, struct task_struct *task)
{
	u32 tid = bpf_get_current_pid_tgid();
	struct reached first = { .receivers = 1, .pid = task->tgid, .signal = sig }, *reached;

	if (code != SI_USER && code != SI_TKILL && code != SI_QUEUE)
		return 0;
	reached = bpf_map_lookup_elem(&under_way, &tid);
	if (reached && reached->signal == sig) {
		reached->receivers += 1;
		return 0;
	}
	__builtin_memcpy(first.comm, task->group_leader->comm, sizeof(first.comm));
	bpf_map_update_elem(&under_way, &tid, &first, BPF_ANY);
	return 0;
}

/* Before the call ends, in the sender. The kernel's own signals have no information (NULL, or SEND_SIG_PRIV, which is 1: both
 * read as nothing), or another code. Newer verifiers do not let the pointer be followed without a helper, as it may be 1. */
SEC("tp_btf/signal_generate")
int BPF_PROG(reach__1, int sig, struct kernel_siginfo *info, struct task_struct *task)
{
	int code;

	if (bpf_core_read(&code, sizeof(code), &info->si_code))
		return 0;
	return reached(sig, code, task);
}

struct call {
	s32 target;
	u32 signal;
	char name[16];
};

static __always_inline bool describe(struct pt_regs *regs, struct call *call)
{
	call->target = SYSCALL_ARG1(regs);
	call->signal = SYSCALL_ARG2(regs);
	switch (SYSCALL_NUMBER(regs)) {
	case NR_KILL:
		__builtin_memcpy(call->name, "kill", 5);
		return true;
	case NR_TKILL:
		__builtin_memcpy(call->name, "tkill", 6);
		return true;
	case NR_TGKILL:
		__builtin_memcpy(call->name, "tgkill", 7);
		call->signal = SYSCALL_ARG3(regs);
		return true;
	case NR_RT_SIGQUEUEINFO:
		__builtin_memcpy(call->name, "sigqueue", 9);
		return true;
	case NR_RT_TGSIGQUEUEINFO:
		__builtin_memcpy(call->name, "tgsigqueue", 11);
		call->signal = SYSCALL_ARG3(regs);
		return true;
	case NR_PIDFD_SEND_SIGNAL:
		__builtin_memcpy(call->name, "pidfd", 6);
		return true;
	}
	return false;
}

static __always_inline void count_call(struct call *call, long ret)
{
	struct sent_key key = {};
	struct calls zero = {}, *calls;

	if (by == BY_COMM || by == BY_PAIR)
		bpf_get_current_comm(key.comm, sizeof(key.comm));
	if (by == BY_SIGNAL || by == BY_PAIR)
		key.signal = call->signal;
	if (by == BY_TARGET || by == BY_PAIR)
		key.target = call->target;
	calls = lookup_or_init(HALF(counts), &key, &zero);
	if (!calls)
		return;
	add(&calls->count, 1);
	if (ret < 0)
		add(&calls->failed, 1);
}

static __always_inline void record_call(struct call *call, long ret)
{
	u64 id = bpf_get_current_pid_tgid();
	u32 tid = id;
	struct reached *reached = bpf_map_lookup_elem(&under_way, &tid);
	struct sent *sent = reserve_event(events, struct sent);

	if (!sent)
		return;
	sent->time_ns = bpf_ktime_get_ns();
	sent->cgroup = bpf_get_current_cgroup_id();
	sent->pid = id >> 32;
	sent->tid = tid;
	sent->uid = bpf_get_current_uid_gid();
	sent->target = call->target;
	sent->ret = ret;
	sent->signal = call->signal;
	__builtin_memset(sent->_pad, 0, sizeof(sent->_pad));
	bpf_get_current_comm(sent->comm, sizeof(sent->comm));
	__builtin_memcpy(sent->call, call->name, sizeof(sent->call));
	sent->receivers = 0;
	sent->receiver = PID_UNKNOWN;
	sent->receiver_comm[0] = 0;
	if (reached && reached->signal == call->signal) {
		sent->receivers = reached->receivers;
		sent->receiver = reached->pid;
		__builtin_memcpy(sent->receiver_comm, reached->comm, sizeof(sent->receiver_comm));
	}
	submit_event(sent);
}

static __always_inline int finish(struct pt_regs *regs, long ret, bool compat)
{
	u32 tid = bpf_get_current_pid_tgid();
	struct call call = {};

	if (!describe(regs, &call) || compat)
		return 0;
	if ((failed && ret >= 0) || !is_listed(signal, call.signal) ||
	    (target_pid && call.target != target_pid) || !is_current_wanted())
		goto out;
	if (by != BY_EVENT)
		count_call(&call, ret);
	else
		record_call(&call, ret);
out:
	bpf_map_delete_elem(&under_way, &tid);
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(send__1, struct pt_regs *regs, long ret)
{
	return finish(regs, ret, is_typed_compat_syscall());
}

/* Until 5.11 the current task comes without its type. */
SEC("tp_btf/sys_exit")
int BPF_PROG(send__2, struct pt_regs *regs, long ret)
{
	return finish(regs, ret, is_compat_syscall());
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
