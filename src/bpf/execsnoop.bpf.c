// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/* Programs that are started. */
#include "events.h"
#include "mntns.h"
#include "pattern.h"
#include "user.h"

enum by {
	BY_EVENT,
	BY_COMM,
	BY_PATH,
	BY_PPID,
	BY_UID,
};

enum failed {
	FAILED_NO,
	FAILED_ALSO,
	FAILED_ONLY,
};

const volatile u32 by = BY_EVENT;
const volatile u32 failed = FAILED_NO;
const volatile u32 ppid = 0;		 /* only what this process starts */
const volatile struct pattern name = {}; /* only files called so, without their directory */
const volatile struct pattern args = {}; /* only lines of arguments like this */

#define PATH_SIZE 256
#define ARGS_SIZE 1024
/* Of a call that failed: it has no memory of its own yet, so each argument is read by itself. */
#define FAILED_ARGS 20
#define FAILED_ARG_SIZE 128

struct exec {
	event_time_t time_ns;
	cgroup_id_t cgroup;
	tgid_t pid;
	tgid_t ppid;
	uid_num_t uid;
	ret_t ret;
	comm_t comm;
	text_t path[PATH_SIZE];
	text_len_t _args_len;
	args_t args[ARGS_SIZE];
};

/* 4 MiB hold 3,000 programs; user space empties it ten times a second. */
EVENT_RING(events, struct exec, 1 << 22);

#define KEY_PATH_SIZE 128

/* Only what is asked for is not zero. */
struct exec_key {
	tgid_t ppid;
	uid_num_t uid;
	comm_t comm;
	text_t path[KEY_PATH_SIZE];
};

struct execs {
	count_t count;
	count_t failed;
};

HASH_HALVES(counts, struct exec_key, struct execs, 10240);

/* A string of the process; what does not fit is counted as cut. */
static __always_inline void read_path(char *path, u32 size, const void *from)
{
	long len = bpf_probe_read_user_str(path, size, from);

	if (len < 0)
		path[0] = 0;
	else if (len == size)
		count_lost(LOST_TRUNCATED);
}

/* What is matched at a time: the stack has little room. */
#define CHUNK 128
/* Each chunk more is a tenth of a second for the verifier. */
#define NAMED_PATH 512

/*
 * Steps without a branch: a verifier follows each one that a loop makes in every round, and gives up at 8192 of them. A mask is all ones
 * where the step is taken.
 */
static __always_inline u64 all_if_negative(u64 number)
{
	barrier_var(number);
	number = -(number >> 63);
	barrier_var(number);
	return number;
}

static __always_inline u64 is_not(u64 byte, u64 other)
{
	u64 differs = byte ^ other;

	barrier_var(differs);
	return all_if_negative(differs | -differs);
}

/* One step for each byte of a path, up to its NUL; each slash begins anew. */
static __always_inline u64 name_steps(u64 state, const char *chunk)
{
	u64 goes_on = ~0ULL, inside, next;
	u32 i;

#pragma clang loop unroll(disable)
	for (i = 0; i < CHUNK; i++) {
		goes_on &= is_not((u8)chunk[i], 0);
		inside = is_not((u8)chunk[i], '/');
		next = (pattern_step(&name, state, chunk[i]) & inside) | (pattern_begin & ~inside);
		state = (next & goes_on) | (state & ~goes_on);
	}
	return state;
}

/* The last name of a path. */
static __always_inline bool is_name_wanted(char *chunk, const char *path)
{
	u64 state = pattern_begin;
	long len;
	u32 at;

	if (!name.end)
		return true;
#pragma clang loop unroll(disable)
	for (at = 0; at < NAMED_PATH; at += CHUNK - 1) {
		len = bpf_probe_read_user_str(chunk, CHUNK, path + at);
		if (len < 0)
			return false;
		state = name_steps(state, chunk);
		if (len < CHUNK)
			break;
	}
	return state & name.end;
}

/* Strings one behind the other; a NUL between them is a blank for patterns, as it is shown. */
static __always_inline u64 arg_steps(u64 state, const char *chunk, u64 length)
{
	u64 goes_on;
	u32 i;

#pragma clang loop unroll(disable)
	for (i = 0; i < CHUNK; i++) {
		goes_on = all_if_negative(i - length);
		state = (pattern_step(&args, state, chunk[i]) & goes_on) | (state & ~goes_on);
	}
	return state;
}

/* The smaller of a number that is not 0 and CHUNK. */
static __always_inline u64 chunk_of(u64 left)
{
	s64 over = left - CHUNK;

	over &= over >> 63;
	left = CHUNK - 1 + over;
	barrier_var(left);
	return (left & (CHUNK - 1)) + 1;
}

/* Those of a new program; the last NUL is no blank. */
static __always_inline bool are_args_wanted(char *chunk, u64 start, u64 length)
{
	u64 state = pattern_begin, size;
	u32 at;

	if (!args.end)
		return true;
	length = length > ARGS_SIZE ? ARGS_SIZE : length ? length - 1 : 0;
#pragma clang loop unroll(disable)
	for (at = 0; at < ARGS_SIZE && at < length; at += CHUNK) {
		size = chunk_of(length - at);
		if (bpf_probe_read_user(chunk, size, (void *)start + at))
			return false;
		state = arg_steps(state, chunk, size);
	}
	return state & args.end;
}

static __always_inline bool is_parent_wanted(u32 parent)
{
	return !ppid || parent == ppid;
}

static __always_inline void count_exec(u32 parent, const void *path, long ret)
{
	struct exec_key key = {};
	struct execs zero = {}, *execs;

	if (by == BY_COMM)
		bpf_get_current_comm(key.comm, sizeof(key.comm));
	else if (by == BY_PATH)
		read_path(key.path, sizeof(key.path), path);
	else if (by == BY_PPID)
		key.ppid = parent;
	else
		key.uid = bpf_get_current_uid_gid();
	execs = lookup_or_init(HALF(counts), &key, &zero);
	if (!execs)
		return;
	add(&execs->count, 1);
	if (ret < 0)
		add(&execs->failed, 1);
}

static __always_inline struct exec *begin_exec(u32 parent, const void *path, long ret)
{
	struct exec *exec = reserve_event(events, struct exec);

	if (!exec)
		return NULL;
	exec->time_ns = bpf_ktime_get_ns();
	exec->cgroup = bpf_get_current_cgroup_id();
	exec->pid = bpf_get_current_pid_tgid() >> 32;
	exec->ppid = parent;
	exec->uid = bpf_get_current_uid_gid();
	exec->ret = ret;
	bpf_get_current_comm(exec->comm, sizeof(exec->comm));
	read_path(exec->path, sizeof(exec->path), path);
	exec->_args_len = 0;
	return exec;
}

/* The arguments lie one behind the other on the new stack, and the path behind the environment
 * (copy_string_kernel(bprm->filename) comes first in do_execveat_common, and the stack grows down). Typed pointers are
 * followed without a helper. */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(exec__1, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	u64 start = task->mm->arg_start, len = task->mm->arg_end - start;
	const void *path = (void *)task->mm->env_end;
	char chunk[CHUNK] = {};
	struct exec *exec;

	if (failed == FAILED_ONLY || !is_wanted(task, task->tgid))
		return 0;
	if (!is_parent_wanted(task->real_parent->tgid) || !is_current_user_wanted() || !is_current_mntns_wanted())
		return 0;
	if (!is_name_wanted(chunk, path) || !are_args_wanted(chunk, start, len))
		return 0;
	if (by != BY_EVENT) {
		count_exec(task->real_parent->tgid, path, 0);
		return 0;
	}
	exec = begin_exec(task->real_parent->tgid, path, 0);
	if (!exec)
		return 0;
	if (len > ARGS_SIZE) {
		count_lost(LOST_TRUNCATED);
		len = ARGS_SIZE;
	}
	/* The kernel has just written these pages: reading them does not fault. */
	if (bpf_probe_read_user(exec->args, len, (void *)start))
		count_lost(LOST_TRUNCATED);
	else
		exec->_args_len = len;
	submit_event(exec);
	return 0;
}

static __always_inline void read_failed_args(struct exec *exec, const u64 *argv)
{
	u32 used = 0;
	long len;
	u64 arg;
	int i;

	for (i = 0; i < FAILED_ARGS; i++) {
		if (bpf_probe_read_user(&arg, sizeof(arg), &argv[i]) || !arg)
			break;
		if (used > ARGS_SIZE - FAILED_ARG_SIZE) {
			count_lost(LOST_TRUNCATED);
			break;
		}
		len = bpf_probe_read_user_str(exec->args + used, FAILED_ARG_SIZE, (void *)arg);
		if (len <= 0 || len > FAILED_ARG_SIZE)
			break;
		if (len == FAILED_ARG_SIZE)
			count_lost(LOST_TRUNCATED);
		used += len;
	}
	if (i == FAILED_ARGS)
		count_lost(LOST_TRUNCATED);
	exec->_args_len = used;
}

static __always_inline bool are_failed_args_wanted(char *chunk, const u64 *argv)
{
	u64 state = pattern_begin, arg;
	long len;
	int i;

	if (!args.end)
		return true;
#pragma clang loop unroll(disable)
	for (i = 0; i < FAILED_ARGS; i++) {
		if (bpf_probe_read_user(&arg, sizeof(arg), &argv[i]) || !arg)
			break;
		len = bpf_probe_read_user_str(chunk, FAILED_ARG_SIZE, (void *)arg);
		if (len <= 0)
			break;
		if (i)
			state = pattern_step(&args, state, ' ');
		state = arg_steps(state, chunk, len - 1);
	}
	return state & args.end;
}

static __always_inline bool is_failed_exec(struct pt_regs *regs, long ret)
{
	u64 number = SYSCALL_NUMBER(regs);

	return ret < 0 && (number == NR_EXECVE || number == NR_EXECVEAT) && is_current_wanted();
}

static __always_inline int record_failure(struct pt_regs *regs, long ret, u32 parent)
{
	bool at = SYSCALL_NUMBER(regs) == NR_EXECVEAT;
	const void *path = (void *)(at ? SYSCALL_ARG2(regs) : SYSCALL_ARG1(regs));
	const void *argv = (void *)(at ? SYSCALL_ARG3(regs) : SYSCALL_ARG2(regs));
	char chunk[CHUNK] = {};
	struct exec *exec;

	if (!is_parent_wanted(parent) || !is_current_user_wanted() || !is_current_mntns_wanted())
		return 0;
	if (!is_name_wanted(chunk, path) || !are_failed_args_wanted(chunk, argv))
		return 0;
	if (by != BY_EVENT) {
		count_exec(parent, path, ret);
		return 0;
	}
	exec = begin_exec(parent, path, ret);
	if (!exec)
		return 0;
	read_failed_args(exec, argv);
	submit_event(exec);
	return 0;
}

/* Every system call ends here, so this is only loaded when failures are asked for. Nothing that sees only these two
 * calls exists on every kernel: their functions are static or named by architecture. */
SEC("tp_btf/sys_exit")
int BPF_PROG(failure__1, struct pt_regs *regs, long ret)
{
	if (!is_failed_exec(regs, ret))
		return 0;
	return record_failure(regs, ret, bpf_get_current_task_btf()->real_parent->tgid);
}

/* Until 5.11 the current task comes without its type. */
SEC("tp_btf/sys_exit")
int BPF_PROG(failure__2, struct pt_regs *regs, long ret)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	if (!is_failed_exec(regs, ret))
		return 0;
	return record_failure(regs, ret, BPF_CORE_READ(task, real_parent, tgid));
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
