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
	if (!is_of_inode(which))
		dentry = BPF_CORE_READ(file, f_path.dentry);
	read_dentry_name(name, size, dentry);
}

/* How much of `names` the path takes. */
static __always_inline u32 read_path(char *names, u32 which, const struct call *call)
{
	if (is_of_inode(which) || !is_held(call))
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

/* Who does it: who ends a call, but for what others end. */
struct doer {
	u64 cgroup;
	u32 pid;
	u32 tid;
	comm_t comm;
};

static __always_inline void read_doer(struct doer *doer)
{
	u64 id = bpf_get_current_pid_tgid();

	doer->cgroup = bpf_get_current_cgroup_id();
	doer->pid = id >> 32;
	doer->tid = id;
	read_current_comm(&doer->comm);
}

static __always_inline void count_slow(u32 which, const struct call *call, const struct doer *doer, u64 took, s64 ret)
{
	struct slow_key key = {};
	struct slows zero = {}, *slows;

	if (by == BY_FILE)
		read_name(key.file, sizeof(key.file), which, call);
	else if (by == BY_COMM)
		__builtin_memcpy(key.comm, doer->comm, sizeof(key.comm));
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

static __always_inline void tell(u32 which, const struct call *call, const struct doer *doer, u64 took, s64 ret)
{
	struct slow *slow = reserve_event_or_until(events, struct slow, full_path, _path_len);

	if (!slow)
		return;
	slow->time_ns = call->began + took;
	slow->cgroup = doer->cgroup;
	slow->bytes = bytes_of(which, ret);
	slow->offset = offset_of(call, ret);
	slow->latency = took;
	slow->pid = doer->pid;
	slow->tid = doer->tid;
	slow->ret = ret;
	slow->device = call->device;
	__builtin_memcpy(slow->comm, doer->comm, sizeof(slow->comm));
	set_op_name(slow->op, which);
	read_name(slow->file, sizeof(slow->file), which, call);
	if (full_path)
		slow->_path_len = read_path(slow->path, which, call);
	submit_event(slow);
}

static __always_inline void end_by(u32 which, const struct call *call, const struct doer *doer, u64 took, s64 ret)
{
	if (by == BY_EVENT)
		tell(which, call, doer, took, ret);
	else
		count_slow(which, call, doer, took, ret);
}

static __always_inline void end_call(u32 which, const struct call *call, u64 took, s64 ret)
{
	struct doer doer = {};

	if (took < min_latency)
		return;
	read_doer(&doer);
	end_by(which, call, &doer, took, ret);
}

/*
 * Requests to a server to put on its disk what it was sent. They end in a kernel thread; who began it is who asked for it, or a
 * kernel thread that writes back. The types are the module's: where it says nothing of them, or not to whoever asks
 * (CAP_SYS_ADMIN), file and result are not known.
 */
struct commit {
	struct call call;
	struct doer doer;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, u64); /* struct nfs_commit_data */
	__type(value, struct commit);
} commits SEC(".maps");

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct nfs_commit_data {
	struct inode *inode;
};

struct rpc_task {
	int tk_status;
};

#pragma clang attribute pop

SEC("raw_tp/@commit_begin")
int commit__1_begin(u64 *ctx)
{
	struct nfs_commit_data *data = (void *)ctx[0];
	struct commit commit = { .call = { .from = -1, .fd = -1 } };
	u64 key = (u64)data;
	struct inode *inode;
	long err;

	if (!is_op_wanted(OP_COMMIT))
		return 0;
	if (bpf_core_field_exists(data->inode)) {
		inode = BPF_CORE_READ(data, inode);
		commit.call.file = (u64)inode_alias(inode);
		commit.call.device = BPF_CORE_READ(inode, i_sb, s_dev);
	}
	if (!is_file_wanted(OP_COMMIT, &commit.call))
		return 0;
	read_doer(&commit.doer);
	commit.call.began = bpf_ktime_get_ns();
	err = bpf_map_update_elem(&commits, &key, &commit, BPF_ANY);
	if (err)
		count_failed_insert(err);
	return 0;
}

SEC("raw_tp/@commit_end")
int commit__1_end(u64 *ctx)
{
	struct rpc_task *task = (void *)ctx[0];
	u64 key = ctx[1], took;
	struct commit *commit = bpf_map_lookup_elem(&commits, &key);
	s64 ret = RET_UNKNOWN;

	if (!commit)
		return 0;
	took = bpf_ktime_get_ns() - commit->call.began;
	if (bpf_core_field_exists(task->tk_status))
		ret = BPF_CORE_READ(task, tk_status);
	if (took >= min_latency)
		end_by(OP_COMMIT, &commit->call, &commit->doer, took, ret);
	bpf_map_delete_elem(&commits, &key);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
