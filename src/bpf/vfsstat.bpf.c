// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/* Calls of the virtual filesystem's basic operations. */
#include "filter.h"
#include "sampled.h"

struct vfs {
	count_t read;
	count_t write;
	count_t create;
	count_t open;
	count_t fsync;
	count_t unlink;
	count_t mkdir;
	count_t rmdir;
};

PERCPU_VALUE_HALVES(calls, struct vfs);

/* Programs of a trampoline may be preempted by one of another hook: atomic, though it is the CPU's own. */
#define COUNT(operation)						\
	({								\
		struct vfs *vfs;					\
									\
		if (is_sampled() && is_current_wanted()) {				\
			vfs = PERCPU_HALF(calls);			\
			if (vfs)					\
				add(&vfs->operation, 1);		\
		}							\
		0;							\
	})

/* Both ways to enter `function`; arguments are not looked at, as they changed often. */
#define OPERATION(operation, function)					\
	SEC("fentry/" #function)					\
	int BPF_PROG(operation##__1)					\
	{								\
		return COUNT(operation);				\
	}								\
									\
	SEC("kprobe/" #function)					\
	int BPF_KPROBE(operation##__2)					\
	{								\
		return COUNT(operation);				\
	}

OPERATION(read, vfs_read)
OPERATION(write, vfs_write)
OPERATION(open, vfs_open)

/*
 * The system calls come to vfs_fsync(), and that to vfs_fsync_range(), which msync() and synchronous
 * writes call alone. They are in one file, and kernels inline them: 7.2 both, 5.10 in fdatasync()
 * only. So all are looked at, and what is called within another is not counted once more.
 */
enum fsync_of {
	FSYNC_CALL = 1,
	FSYNC_FILE,
};

/* Threads in one of them, and in which they were first. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u32);
	__type(value, u32);
} in_fsync SEC(".maps");

/* Whether it is the first. */
static __always_inline bool enter_fsync(u32 of)
{
	u32 tid = bpf_get_current_pid_tgid();
	long err;

	if (bpf_map_lookup_elem(&in_fsync, &tid))
		return false;
	err = bpf_map_update_elem(&in_fsync, &tid, &of, BPF_ANY);
	if (err)
		count_failed_insert(err);
	return true;
}

static __always_inline int leave_fsync(u32 of)
{
	u32 tid = bpf_get_current_pid_tgid();
	u32 *first = bpf_map_lookup_elem(&in_fsync, &tid);

	if (first && *first == of)
		bpf_map_delete_elem(&in_fsync, &tid);
	return 0;
}

/* With a descriptor that is none, no file is written back. */
static __always_inline int leave_fsync_call(long ret)
{
	leave_fsync(FSYNC_CALL);
	return ret == -EBADF ? 0 : COUNT(fsync);
}

static __always_inline int fsync_file(void)
{
	return enter_fsync(FSYNC_FILE) ? COUNT(fsync) : 0;
}

static __always_inline int fsync_range(void)
{
	u32 tid = bpf_get_current_pid_tgid();

	return bpf_map_lookup_elem(&in_fsync, &tid) ? 0 : COUNT(fsync);
}

#define FSYNC_PARTS(number, entry, exit, PROG, RETPROG)					\
	SEC(entry "/vfs_fsync")								\
	int PROG(fsync__##number##_file) { return fsync_file(); }			\
	SEC(exit "/vfs_fsync")								\
	int RETPROG(fsync__##number##_file_ret) { return leave_fsync(FSYNC_FILE); }	\
	SEC(entry "/vfs_fsync_range")							\
	int PROG(fsync__##number##_range) { return fsync_range(); }

#define FSYNC_CALL_PARTS(number, entry, exit, PROG, RETPROG, call)			\
	SEC(entry "/" SYSCALL_PREFIX #call)						\
	int PROG(fsync__##number##_##call) { enter_fsync(FSYNC_CALL); return 0; }	\
	SEC(exit "/" SYSCALL_PREFIX #call)						\
	int RETPROG(fsync__##number##_##call##_ret, long ret)				\
	{										\
		return leave_fsync_call(ret);						\
	}

/* The one argument of a system call's function is its registers. */
#define FEXIT_PROG(name, result) BPF_PROG(name, const struct pt_regs *regs, result)

#if defined(__TARGET_ARCH_x86)
#define SYSCALL_PREFIX "__x64_sys_"
#else
#define SYSCALL_PREFIX "__arm64_sys_"
#endif

FSYNC_CALL_PARTS(1, "fentry", "fexit", BPF_PROG, FEXIT_PROG, fsync)
FSYNC_CALL_PARTS(1, "fentry", "fexit", BPF_PROG, FEXIT_PROG, fdatasync)
FSYNC_PARTS(1, "fentry", "fexit", BPF_PROG, BPF_PROG)
FSYNC_CALL_PARTS(2, "kprobe", "kretprobe", BPF_KPROBE, BPF_KRETPROBE, fsync)
FSYNC_CALL_PARTS(2, "kprobe", "kretprobe", BPF_KPROBE, BPF_KRETPROBE, fdatasync)
FSYNC_PARTS(2, "kprobe", "kretprobe", BPF_KPROBE, BPF_KRETPROBE)

/*
 * open(O_CREAT) does not go through vfs_create(): lookup_open() calls the filesystem itself.
 * vfs_unlink(), vfs_mkdir() and vfs_rmdir() are called in their own file too: a program attached
 * to one that was inlined there never runs and nobody is told (vfs_rmdir() in Debian's 5.10). Each
 * asks the security modules once, which is a function of another file.
 */
OPERATION(create, security_inode_create)
OPERATION(unlink, security_inode_unlink)
OPERATION(mkdir, security_inode_mkdir)
OPERATION(rmdir, security_inode_rmdir)

char LICENSE[] SEC("license") = "Dual BSD/GPL";
