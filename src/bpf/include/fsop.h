/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/*
 * Calls of one filesystem's operations, each with the time that it took. Which filesystem that is, the
 * declaration says: the functions to watch ([targets]; one that is not named is not watched) and the
 * magic number of its super blocks ([constants]).
 *
 * The program that includes this defines end_call(), and FSOP_NEEDS_FILE if it looks at files.
 */
#ifndef BCC_TOP_FSOP_H
#define BCC_TOP_FSOP_H

#include "fd.h"
#include "file.h"
#include "filter.h"
#include "pattern.h"

enum fs_op {
	OP_ALL,
	OP_READ,
	OP_WRITE,
	OP_OPEN,
	OP_FSYNC,
	OP_GETATTR,
	OP_COMMIT,
};

const volatile u32 fs_magic = 0; /* s_magic of the filesystem */
const volatile u32 op = OP_ALL;	 /* only this operation */
const volatile u32 mount = 0;	 /* only the filesystem of this device (s_dev) */

const volatile struct pattern file = {}; /* only files called so, without their directory */

#define OP_NAME_SIZE 8

/* A call that goes on. */
struct call {
	u64 began;
	s64 from;   /* where it reads or writes, -1 unknown */
	u64 file;   /* struct file; with OP_GETATTR and OP_COMMIT struct dentry */
	u64 iocb;   /* struct kiocb, 0 if there is none */
	u32 device; /* s_dev */
	s32 fd;	    /* descriptor of a system call, -1 otherwise */
	u32 moves;  /* the place of the file moves by what is read or written */
	u32 _pad;
};

/* One thread may be in two operations at once (a synchronous write is an fsync too), never twice in the same. */
struct call_key {
	u32 tid;
	u32 op;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct call_key);
	__type(value, struct call);
} calls SEC(".maps");

/* What the program makes of a call that has ended. */
static __always_inline void end_call(u32 which, const struct call *call, u64 took, s64 ret);

static __always_inline void set_op_name(char *name, u32 which)
{
	if (which == OP_READ)
		__builtin_memcpy(name, "read\0\0\0", OP_NAME_SIZE);
	else if (which == OP_WRITE)
		__builtin_memcpy(name, "write\0\0", OP_NAME_SIZE);
	else if (which == OP_OPEN)
		__builtin_memcpy(name, "open\0\0\0", OP_NAME_SIZE);
	else if (which == OP_FSYNC)
		__builtin_memcpy(name, "fsync\0\0", OP_NAME_SIZE);
	else if (which == OP_GETATTR)
		__builtin_memcpy(name, "getattr", OP_NAME_SIZE);
	else
		__builtin_memcpy(name, "commit\0", OP_NAME_SIZE);
}

static __always_inline bool is_op_wanted(u32 which)
{
	return (op == OP_ALL || op == which) && is_current_wanted();
}

static __always_inline struct call_key key_of(u32 which)
{
	struct call_key key = { .tid = bpf_get_current_pid_tgid(), .op = which };

	return key;
}

/* These are about an inode, wherever it may be mounted. */
static __always_inline bool is_of_inode(u32 which)
{
	return which == OP_GETATTR || which == OP_COMMIT;
}

/* Whether the filters by file let a call pass, whose file is held now. */
static __always_inline bool is_file_wanted(u32 which, const struct call *call)
{
	struct dentry *dentry = (void *)call->file;
	struct file *opened = (void *)call->file;
	char name[FILE_NAME_SIZE] = {};

	if (mount && call->device != mount)
		return false;
	if (!file.end)
		return true;
	if (!is_of_inode(which))
		dentry = BPF_CORE_READ(opened, f_path.dentry);
	read_dentry_name(name, sizeof(name), dentry);
	return is_match(&file, name, sizeof(name));
}

/* The file of a call that opens one may not be known yet. */
static __always_inline int begin_call(u32 which, struct call *call)
{
	struct call_key key = key_of(which);
	long err;

	if (call->file && !is_file_wanted(which, call))
		return 0;
	call->began = bpf_ktime_get_ns();
	err = bpf_map_update_elem(&calls, &key, call, BPF_NOEXIST);
	if (!err)
		return 0;
	if (err != -EEXIST) {
		count_failed_insert(err);
		return 0;
	}
	/* Nobody saw the last one return: a kretprobe has places for few tasks that wait at once. */
	count_lost(LOST_EVENTS);
	bpf_map_update_elem(&calls, &key, call, BPF_ANY);
	return 0;
}

/* Left to be completed by somebody else (EIOCBQUEUED): how long that takes is not seen here. */
#define NOT_CALLED (-529)

static __always_inline int finish_call(u32 which, s64 ret)
{
	struct call_key key = key_of(which);
	struct call *call = bpf_map_lookup_elem(&calls, &key);

	if (!call)
		return 0;
	if (ret != NOT_CALLED)
		end_call(which, call, bpf_ktime_get_ns() - call->began, ret);
	bpf_map_delete_elem(&calls, &key);
	return 0;
}

/*
 * The functions themselves. Programs of a trampoline follow typed pointers without a helper, which lockdown
 * allows; those of kprobes have to use one. Files are only looked at where they are needed.
 */
static __always_inline u32 device_of(struct inode *inode, bool typed)
{
	return typed ? inode->i_sb->s_dev : BPF_CORE_READ(inode, i_sb, s_dev);
}

static __always_inline struct inode *inode_of(struct file *file, bool typed)
{
	return typed ? file->f_inode : BPF_CORE_READ(file, f_inode);
}

static __always_inline int begin_file(u32 which, struct file *file, struct inode *inode, bool typed)
{
	struct call call = { .from = -1, .file = (u64)file, .fd = -1 };

	call.device = device_of(inode, typed);
	return begin_call(which, &call);
}

/* xfs_dir_open() goes through xfs_file_open(). */
static __always_inline int begin_open(struct inode *inode, struct file *file, bool typed)
{
	u32 mode = typed ? inode->i_mode : BPF_CORE_READ(inode, i_mode);

	if (!is_op_wanted(OP_OPEN) || (mode & S_IFMT) != S_IFREG)
		return 0;
	return begin_file(OP_OPEN, file, inode, typed);
}

static __always_inline int begin_fsync(struct file *file, bool typed)
{
	if (!is_op_wanted(OP_FSYNC))
		return 0;
	return begin_file(OP_FSYNC, file, inode_of(file, typed), typed);
}

static __always_inline int begin_io(u32 which, struct kiocb *iocb, bool typed)
{
	struct call call = { .iocb = (u64)iocb, .fd = -1 };
	struct file *file;

	if (!is_op_wanted(which))
		return 0;
	file = typed ? iocb->ki_filp : BPF_CORE_READ(iocb, ki_filp);
	call.file = (u64)file;
	call.from = typed ? iocb->ki_pos : BPF_CORE_READ(iocb, ki_pos);
	call.device = device_of(inode_of(file, typed), typed);
	return begin_call(which, &call);
}

SEC("fentry/@read")
int BPF_PROG(call__1_read, struct kiocb *iocb)
{
	return begin_io(OP_READ, iocb, true);
}

SEC("fexit/@read")
int BPF_PROG(call__1_read_ret, struct kiocb *iocb, void *iter, long ret)
{
	return finish_call(OP_READ, ret);
}

SEC("fentry/@write")
int BPF_PROG(call__1_write, struct kiocb *iocb)
{
	return begin_io(OP_WRITE, iocb, true);
}

SEC("fexit/@write")
int BPF_PROG(call__1_write_ret, struct kiocb *iocb, void *iter, long ret)
{
	return finish_call(OP_WRITE, ret);
}

SEC("fentry/@open")
int BPF_PROG(call__1_open, struct inode *inode, struct file *file)
{
	return begin_open(inode, file, true);
}

SEC("fexit/@open")
int BPF_PROG(call__1_open_ret, struct inode *inode, struct file *file, int ret)
{
	return finish_call(OP_OPEN, ret);
}

SEC("fentry/@fsync")
int BPF_PROG(call__1_fsync, struct file *file)
{
	return begin_fsync(file, true);
}

SEC("fexit/@fsync")
int BPF_PROG(call__1_fsync_ret, struct file *file, s64 start, s64 end, int datasync, int ret)
{
	return finish_call(OP_FSYNC, ret);
}

SEC("kprobe/@read")
int BPF_KPROBE(call__2_read, struct kiocb *iocb)
{
	return begin_io(OP_READ, iocb, false);
}

SEC("kretprobe/@read")
int BPF_KRETPROBE(call__2_read_ret, long ret)
{
	return finish_call(OP_READ, ret);
}

SEC("kprobe/@write")
int BPF_KPROBE(call__2_write, struct kiocb *iocb)
{
	return begin_io(OP_WRITE, iocb, false);
}

SEC("kretprobe/@write")
int BPF_KRETPROBE(call__2_write_ret, long ret)
{
	return finish_call(OP_WRITE, ret);
}

SEC("kprobe/@open")
int BPF_KPROBE(call__2_open, struct inode *inode, struct file *file)
{
	return begin_open(inode, file, false);
}

SEC("kretprobe/@open")
int BPF_KRETPROBE(call__2_open_ret, int ret)
{
	return finish_call(OP_OPEN, ret);
}

SEC("kprobe/@fsync")
int BPF_KPROBE(call__2_fsync, struct file *file)
{
	return begin_fsync(file, false);
}

SEC("kretprobe/@fsync")
int BPF_KRETPROBE(call__2_fsync_ret, int ret)
{
	return finish_call(OP_FSYNC, ret);
}

/*
 * System calls with a descriptor, where the functions cannot be watched: any filesystem, told by the magic
 * number of its super block. sys_enter and sys_exit see every system call, so what is none of these has
 * to be out of here at once.
 */
static __always_inline u32 op_of_syscall(u64 number)
{
	switch (number) {
	case NR_READ:
	case NR_PREAD64:
	case NR_READV:
	case NR_PREADV:
	case NR_PREADV2:
		return OP_READ;
	case NR_WRITE:
	case NR_PWRITE64:
	case NR_WRITEV:
	case NR_PWRITEV:
	case NR_PWRITEV2:
		return OP_WRITE;
	case NR_OPENAT:
	case NR_OPENAT2:
	case NR_OPEN_BY_HANDLE_AT:
#ifdef NR_OPEN
	case NR_OPEN:
	case NR_CREAT:
#endif
		return OP_OPEN;
	case NR_FSYNC:
	case NR_FDATASYNC:
		return OP_FSYNC;
	}
	return OP_ALL;
}

/* Whether the call says itself where it reads or writes. */
static __always_inline bool is_positioned(u64 number)
{
	return number == NR_PREAD64 || number == NR_PREADV || number == NR_PREADV2 || number == NR_PWRITE64 ||
	       number == NR_PWRITEV || number == NR_PWRITEV2;
}

/* Directories are opened and read by other operations, but a directory is synced by the same one. */
static __always_inline bool is_of_filesystem(struct file *file, u32 which)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	u32 kind = BPF_CORE_READ(inode, i_mode) & S_IFMT;

	if (kind != S_IFREG && !(which == OP_FSYNC && kind == S_IFDIR))
		return false;
	return BPF_CORE_READ(inode, i_sb, s_magic) == fs_magic;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(call__3_enter, struct pt_regs *regs, long number)
{
	struct call call = { .from = -1, .fd = -1 };
	u32 which = op_of_syscall(number);
	struct file *file;

	if (which == OP_ALL || !is_op_wanted(which) || is_compat_syscall())
		return 0;
	if (which == OP_OPEN)
		return begin_call(which, &call);
	call.fd = SYSCALL_ARG1(regs);
	file = current_file(call.fd);
	if (!file || !is_of_filesystem(file, which))
		return 0;
	call.file = (u64)file;
	call.device = BPF_CORE_READ(file, f_inode, i_sb, s_dev);
	if (is_positioned(number))
		call.from = SYSCALL_ARG4(regs);
	else if (which == OP_READ || which == OP_WRITE) {
		call.from = BPF_CORE_READ(file, f_pos);
		call.moves = true;
	}
	return begin_call(which, &call);
}

/* A descriptor is known when the call has returned it; of a path that leads nowhere, no filesystem is. */
static __always_inline int finish_open(s64 ret)
{
	struct call_key key = key_of(OP_OPEN);
	struct call *call = bpf_map_lookup_elem(&calls, &key);
	struct file *file;

	if (!call)
		return 0;
	file = ret < 0 ? NULL : current_file(ret);
	if (file && is_of_filesystem(file, OP_OPEN)) {
		call->file = (u64)file;
		call->fd = ret;
		call->device = BPF_CORE_READ(file, f_inode, i_sb, s_dev);
		if (is_file_wanted(OP_OPEN, call))
			end_call(OP_OPEN, call, bpf_ktime_get_ns() - call->began, ret);
	}
	bpf_map_delete_elem(&calls, &key);
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(call__3_exit, struct pt_regs *regs, long ret)
{
	u32 which = op_of_syscall(SYSCALL_NUMBER(regs));

	if (which == OP_ALL)
		return 0;
	if (which == OP_OPEN)
		return finish_open(ret);
	/* A descriptor that was not opened for this: the filesystem has not heard of it. */
	return finish_call(which, ret == -EBADF ? NOT_CALLED : ret);
}

/* Attributes, which filesystems over a network have to ask for. Tracepoints of modules are known by name on every kernel,
 * and to ordinary users, where their functions are not. */
SEC("raw_tp/@getattr_enter")
int BPF_PROG(getattr__1_enter, struct inode *inode)
{
	struct call call = { .from = -1, .fd = -1 };

	if (!is_op_wanted(OP_GETATTR))
		return 0;
	call.file = (u64)inode_alias(inode);
	call.device = BPF_CORE_READ(inode, i_sb, s_dev);
	return begin_call(OP_GETATTR, &call);
}

SEC("raw_tp/@getattr_exit")
int BPF_PROG(getattr__1_exit, struct inode *inode, int ret)
{
	return finish_call(OP_GETATTR, ret);
}

#endif
