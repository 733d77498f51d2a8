/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/*
 * Files from their creation until they have lost their last name, by the functions that do it. A program that includes this, or
 * namesakes.h too, defines died() and declares the hook `file`.
 */
#ifndef BCC_TOP_UNLINK_H
#define BCC_TOP_UNLINK_H

#include "filter.h"
#include "path.h"

/* Inode numbers are used again, with another generation. */
struct file_id {
	u64 inode;
	u32 device;
	u32 generation;
};

struct birth {
	u64 time;
	u64 mnt; /* where it was created: functions that delete know nothing of mounts */
	u32 creator;
	u32 _pad;
};

/* Most files stay: the oldest are forgotten. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct file_id);
	__type(value, struct birth);
} births SEC(".maps");

static __always_inline struct file_id id_of(struct inode *inode)
{
	struct file_id id = {};

	id.inode = BPF_CORE_READ(inode, i_ino);
	id.device = BPF_CORE_READ(inode, i_sb, s_dev);
	id.generation = BPF_CORE_READ(inode, i_generation);
	return id;
}

/* include/linux/fs.h; the same on every kernel of the matrix. */
#define FMODE_CREATED 0x100000

static __always_inline bool is_new(struct file *file)
{
	return BPF_CORE_READ(file, f_mode) & FMODE_CREATED;
}

/* False if it is none that is asked for. */
static __always_inline bool born(struct file *file)
{
	struct birth birth = { .time = bpf_ktime_get_ns(), .creator = bpf_get_current_pid_tgid() >> 32 };
	struct file_id id = id_of(BPF_CORE_READ(file, f_inode));
	long err;

	if (!is_in_wanted_directory(path_of(file)))
		return false;
	birth.mnt = (u64)BPF_CORE_READ(file, f_path.mnt);
	err = bpf_map_update_elem(&births, &id, &birth, BPF_ANY);
	if (err)
		count_failed_insert(err);
	return true;
}

/* Where the name of what died can be read: in the kernel, or what the call named. */
struct name {
	struct dentry *dentry;
	const char *user;
	const char *path; /* of which `user` is the end */
	s32 dirfd;	  /* the directory that it is relative to */
};

static __always_inline void read_name(char *to, u32 size, const struct name *name)
{
	long len;

	if (name->dentry) {
		read_dentry_name(to, size, name->dentry);
		return;
	}
	len = bpf_probe_read_user_str(to, size, name->user);
	if (len < 0)
		to[0] = 0;
	else if (len == size && size < FILE_NAME_SIZE)
		count_lost(LOST_TRUNCATED);
}

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct vfsmount___sb {
	struct super_block *mnt_sb;
};

#pragma clang attribute pop

/* The mount of its creation, unless that is gone: its memory would be something else's. */
static __always_inline struct vfsmount___path *mount_of(const struct birth *birth, struct dentry *dentry)
{
	struct vfsmount___sb *mnt = (void *)birth->mnt;

	return BPF_CORE_READ(mnt, mnt_sb) == BPF_CORE_READ(dentry, d_sb) ? (void *)mnt : NULL;
}

/* The path by which it was deleted; where the mount is not known any more, that in its filesystem. */
static __always_inline u32 read_path(char *names, const struct name *name, const struct birth *birth)
{
	struct place place = { .dentry = name->dentry };

	if (!name->dentry)
		return append_given(names, name->path, name->dirfd);
	place.mnt = mount_of(birth, name->dentry);
	return append_place(names, 0, place);
}

/* A file that may be among `births` has lost its last name: what the program makes of it. */
static __always_inline void died(const struct file_id *id, const struct name *name);

/* vfs_unlink() has the mount's user namespace or idmap in front since 5.12 (6521f8917082). */
static __always_inline bool unlink_has_mount(void)
{
	struct vfsmount___512 *old = NULL;
	struct vfsmount___62 *new = NULL;

	return bpf_core_field_exists(old->mnt_userns) || bpf_core_field_exists(new->mnt_idmap);
}

/* A known file that a thread is about to take a name from. */
struct unlinking {
	struct file_id id;
	u64 inode;
	u64 dentry;
	u64 stack;
	u64 depth; /* overlayfs calls vfs_unlink() for the file below */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, u32);
	__type(value, struct unlinking);
} unlinkings SEC(".maps");

/* `stack` is less in a call that is within another. What is not less is left over: the return of kretprobes may be missed. */
static __always_inline int begin_unlink(struct dentry *dentry, u64 stack)
{
	u32 tid = bpf_get_current_pid_tgid();
	struct unlinking *outer = bpf_map_lookup_elem(&unlinkings, &tid);
	struct unlinking new = { .dentry = (u64)dentry, .stack = stack };
	struct inode *inode;
	long err;

	if (outer && stack <= outer->stack) {
		outer->depth += 1;
		return 0;
	}
	inode = BPF_CORE_READ(dentry, d_inode);
	new.inode = (u64)inode;
	new.id = id_of(inode);
	if (!bpf_map_lookup_elem(&births, &new.id))
		return 0;
	err = bpf_map_update_elem(&unlinkings, &tid, &new, BPF_ANY);
	if (err)
		count_failed_insert(err);
	return 0;
}

/* The caller holds the inode and the dentry (do_unlinkat): they are there when the function returns. */
static __always_inline int end_unlink(long ret)
{
	u32 tid = bpf_get_current_pid_tgid();
	struct unlinking *known = bpf_map_lookup_elem(&unlinkings, &tid);
	struct name name = {};
	struct inode *inode;

	if (!known)
		return 0;
	if (known->depth) {
		known->depth -= 1;
		return 0;
	}
	inode = (void *)known->inode;
	if (!ret && BPF_CORE_READ(inode, i_nlink) == 0) {
		name.dentry = (void *)known->dentry;
		died(&known->id, &name);
	}
	bpf_map_delete_elem(&unlinkings, &tid);
	return 0;
}

/* Called for every file that is opened, also by kernel threads and io_uring, when it has its inode (do_dentry_open). */
SEC("fentry/security_file_open")
int BPF_PROG(file__1_open, struct file *file)
{
	if (is_new(file))
		born(file);
	return 0;
}

SEC("fentry/vfs_unlink")
int file__1_unlink(u64 *ctx)
{
	return begin_unlink((void *)(unlink_has_mount() ? ctx[2] : ctx[1]), 0);
}

/* The result stands behind the arguments. */
SEC("fexit/vfs_unlink")
int file__1_unlink_ret(u64 *ctx)
{
	return end_unlink((int)(unlink_has_mount() ? ctx[4] : ctx[3]));
}

SEC("kprobe/security_file_open")
int BPF_KPROBE(file__2_open, struct file *file)
{
	if (is_new(file))
		born(file);
	return 0;
}

SEC("kprobe/vfs_unlink")
int BPF_KPROBE(file__2_unlink, void *first, void *second, void *third)
{
	return begin_unlink(unlink_has_mount() ? third : second, PT_REGS_SP(ctx));
}

SEC("kretprobe/vfs_unlink")
int BPF_KRETPROBE(file__2_unlink_ret, int ret)
{
	return end_unlink(ret);
}

#endif
