// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/* Processes that end. */
#include "events.h"

enum by {
	BY_EVENT,
	BY_COMM,
	BY_STATUS,
	BY_PPID,
	BY_UID,
};

const volatile u32 by = BY_EVENT;
const volatile bool threads = false; /* each thread's end, not only the last one's */
const volatile bool failed = false;  /* only what did not exit with 0 */
const volatile u64 min_age = 0; /* ns */
const volatile u64 max_age = 0; /* ns */

struct end {
	event_time_t time_ns;
	cgroup_id_t cgroup;
	ns_t age;
	tgid_t pid;
	tid_t tid;
	tgid_t ppid;
	uid_num_t uid;
	exit_code_t code;
	signal_t signal;
	flag_t core;
	u16 _pad;
	comm_t comm;
};

/* 15,000 ends; user space empties it ten times a second. */
EVENT_RING(events, struct end, 1 << 20);

/* Only what is asked for is not zero. */
struct end_key {
	tgid_t ppid;
	uid_num_t uid;
	exit_code_t code;
	signal_t signal;
	u8 _pad[3];
	comm_t comm;
};

struct ends {
	count_t count;
	ns_sum_t age_sum;
	ns_max_t age_max;
};

HASH_HALVES(counts, struct end_key, struct ends, 10240);

/* include/linux/sched/signal.h; the same number on every kernel of the matrix. */
#define SIGNAL_GROUP_EXIT 4

#define CORE_DUMPED 0x80

/* What wait() will tell of the process (wait_task_zombie), or of one thread. */
static __always_inline u32 exit_status(struct task_struct *task)
{
	if (task->signal->flags & SIGNAL_GROUP_EXIT)
		return task->signal->group_exit_code;
	return threads ? task->exit_code : task->group_leader->exit_code;
}

static __always_inline void count_end(struct task_struct *task, u64 age, u32 status)
{
	struct end_key key = {};
	struct ends zero = {}, *ends;

	if (by == BY_COMM) {
		__builtin_memcpy(key.comm, threads ? task->comm : task->group_leader->comm, sizeof(key.comm));
	} else if (by == BY_STATUS) {
		key.signal = status & 0x7f;
		key.code = key.signal ? -1 : (status >> 8 & 0xff);
	} else if (by == BY_PPID) {
		key.ppid = task->real_parent->tgid;
	} else {
		key.uid = bpf_get_current_uid_gid();
	}
	ends = lookup_or_init(HALF(counts), &key, &zero);
	if (!ends)
		return;
	add(&ends->count, 1);
	add(&ends->age_sum, age);
	/* Two that race for the maximum of one key are a microsecond apart. */
	if (age > ends->age_max)
		ends->age_max = age;
}

/* do_exit() takes the thread off signal->live, and stores its code, before the tracepoint. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(exit__1, struct task_struct *task)
{
	struct task_struct *whose = threads ? task : task->group_leader;
	u64 now = bpf_ktime_get_ns(), age;
	struct end *end;
	u32 status;

	if ((!threads && task->signal->live.counter) || !is_wanted(task, task->tgid))
		return 0;
	age = now - whose->start_time;
	status = exit_status(task);
	if (failed && !status)
		return 0;
	if ((min_age && age < min_age) || (max_age && age > max_age))
		return 0;
	if (by != BY_EVENT) {
		count_end(task, age, status);
		return 0;
	}
	end = reserve_event(events, struct end);
	if (!end)
		return 0;
	end->time_ns = now;
	end->age = age;
	end->cgroup = bpf_get_current_cgroup_id();
	end->pid = task->tgid;
	end->tid = task->pid;
	end->ppid = task->real_parent->tgid;
	end->uid = bpf_get_current_uid_gid();
	end->signal = status & 0x7f;
	end->code = end->signal ? -1 : (status >> 8 & 0xff);
	end->core = !!(status & CORE_DUMPED);
	end->_pad = 0;
	__builtin_memcpy(end->comm, whose->comm, sizeof(end->comm));
	submit_event(end);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
