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
/* open(O_CREAT) does not go through vfs_create(): lookup_open() calls the filesystem itself. */
OPERATION(create, security_inode_create)
/* vfs_fsync() is called in its own file and may be inlined there, and others call only this. */
OPERATION(fsync, vfs_fsync_range)
OPERATION(unlink, vfs_unlink)
OPERATION(mkdir, vfs_mkdir)
OPERATION(rmdir, vfs_rmdir)

char LICENSE[] SEC("license") = "Dual BSD/GPL";
