// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/* Operations of one filesystem that take long. */
#include "events.h"
#include "file.h"
#include "fsop.h"
#include "path.h"

enum by {
	BY_EVENT,
	BY_FILE,
	BY_COMM,
	BY_OP,
};

const volatile u32 by = BY_EVENT;
const volatile u64 min_latency = 0; /* ns */
const volatile bool full_path = false;

struct slow {
	event_time_t time_ns;
	cgroup_id_t cgroup;
	bytes_t bytes;
	position_t offset;
	ns_t latency;
	tgid_t pid;
	tid_t tid;
	ret_t ret;
	disk_t device;
	comm_t comm;
	text_t op[OP_NAME_SIZE];
	text_t file[FILE_NAME_SIZE];
	/* Only there with full_path: the ring holds four times as many events without. */
	text_len_t _path_len;
	path_names_t path[PATH_SIZE];
};

/* 4 MiB hold 12,000 operations; user space empties it ten times a second. */
EVENT_RING(events, struct slow, 1 << 22);

#define KEY_NAME_SIZE 128

/* Only what is asked for is not zero. */
struct slow_key {
	comm_t comm;
	text_t op[OP_NAME_SIZE];
	text_t file[KEY_NAME_SIZE];
};

struct slows {
	count_t count;
	bytes_t bytes;
	ns_sum_t latency_sum;
	ns_max_t latency_max;
};

HASH_HALVES(counts, struct slow_key, struct slows, 10240);

/* Whether the file is still the one that the call was about: another thread may have closed it, and its memory may be
 * another file's. Functions hold it until they return. */
static __always_inline bool is_held(const struct call *call)
{
	return call->fd < 0 || (u64)current_file(call->fd) == call->file;
}

static __always_inline void read_name(char *name, u32 size, u32 which, const struct call *call)
{
	struct dentry *dentry = (void *)call->file;
	struct file *file = (void *)call->file;

	name[0] = 0;
	if (!is_held(call))
		return;
	if (which != OP_GETATTR)
		dentry = BPF_CORE_READ(file, f_path.dentry);
	read_dentry_name(name, size, dentry);
}

/* How much of `names` the path takes. An inode is asked for its attributes wherever it may be mounted. */
static __always_inline u32 read_path(char *names, u32 which, const struct call *call)
{
	if (which == OP_GETATTR || !is_held(call))
		return 0;
	return append_path(names, 0, path_of((void *)call->file));
}

/* Where it read or wrote: for what appends, that is only known behind it. */
static __always_inline s64 offset_of(const struct call *call, s64 ret)
{
	struct kiocb *iocb = (void *)call->iocb;
	struct file *file = (void *)call->file;

	if (ret <= 0)
		return call->from;
	if (iocb)
		return BPF_CORE_READ(iocb, ki_pos) - ret;
	if (call->moves && is_held(call))
		return BPF_CORE_READ(file, f_pos) - ret;
	return call->from;
}

static __always_inline u64 bytes_of(u32 which, s64 ret)
{
	return (which == OP_READ || which == OP_WRITE) && ret > 0 ? ret : 0;
}

static __always_inline void count_slow(u32 which, const struct call *call, u64 took, s64 ret)
{
	struct slow_key key = {};
	struct slows zero = {}, *slows;

	if (by == BY_FILE)
		read_name(key.file, sizeof(key.file), which, call);
	else if (by == BY_COMM)
		read_current_comm(&key.comm);
	else
		set_op_name(key.op, which);
	slows = lookup_or_init(HALF(counts), &key, &zero);
	if (!slows)
		return;
	add(&slows->count, 1);
	add(&slows->bytes, bytes_of(which, ret));
	add(&slows->latency_sum, took);
	if (took > slows->latency_max)
		slows->latency_max = took;
}

static __always_inline void end_call(u32 which, const struct call *call, u64 took, s64 ret)
{
	struct slow *slow;

	if (took < min_latency)
		return;
	if (by != BY_EVENT) {
		count_slow(which, call, took, ret);
		return;
	}
	slow = reserve_event_or_until(events, struct slow, full_path, _path_len);
	if (!slow)
		return;
	slow->time_ns = call->began + took;
	slow->cgroup = bpf_get_current_cgroup_id();
	slow->bytes = bytes_of(which, ret);
	slow->offset = offset_of(call, ret);
	slow->latency = took;
	slow->pid = bpf_get_current_pid_tgid() >> 32;
	slow->tid = bpf_get_current_pid_tgid();
	slow->ret = ret;
	slow->device = call->device;
	read_current_comm(&slow->comm);
	set_op_name(slow->op, which);
	read_name(slow->file, sizeof(slow->file), which, call);
	if (full_path)
		slow->_path_len = read_path(slow->path, which, call);
	submit_event(slow);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
