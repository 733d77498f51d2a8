// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/* Calls of the virtual filesystem's basic operations. */
#include "filter.h"

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
		if (is_current_wanted()) {				\
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

/* Threads in vfs_fsync(). */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u32);
	__type(value, u8);
} in_fsync SEC(".maps");

/*
 * fsync() calls vfs_fsync(), and that vfs_fsync_range(), which msync() and synchronous writes call
 * alone. They are in one file, and either is inlined somewhere (vfs_fsync_range() in Debian's 7.2):
 * both are counted, but the second not within the first.
 */
static __always_inline int fsync_begins(void)
{
	u32 tid = bpf_get_current_pid_tgid();
	u8 yes = 1;
	long err = bpf_map_update_elem(&in_fsync, &tid, &yes, BPF_ANY);

	if (err)
		count_failed_insert(err);
	return COUNT(fsync);
}

static __always_inline int fsync_ends(void)
{
	u32 tid = bpf_get_current_pid_tgid();

	bpf_map_delete_elem(&in_fsync, &tid);
	return 0;
}

static __always_inline int fsync_of_range(void)
{
	u32 tid = bpf_get_current_pid_tgid();

	return bpf_map_lookup_elem(&in_fsync, &tid) ? 0 : COUNT(fsync);
}

SEC("fentry/vfs_fsync")
int BPF_PROG(fsync__1)
{
	return fsync_begins();
}

SEC("fexit/vfs_fsync")
int BPF_PROG(fsync__1_ret)
{
	return fsync_ends();
}

SEC("fentry/vfs_fsync_range")
int BPF_PROG(fsync__1_range)
{
	return fsync_of_range();
}

SEC("kprobe/vfs_fsync")
int BPF_KPROBE(fsync__2)
{
	return fsync_begins();
}

SEC("kretprobe/vfs_fsync")
int BPF_KRETPROBE(fsync__2_ret)
{
	return fsync_ends();
}

SEC("kprobe/vfs_fsync_range")
int BPF_KPROBE(fsync__2_range)
{
	return fsync_of_range();
}

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
