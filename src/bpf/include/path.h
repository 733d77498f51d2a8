/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/*
 * Paths of files, as far as the kernel lets us: the names on the way up from a file, one behind the other, each with its NUL.
 * User space puts them in their order (path_names_t in units.h), so nothing has to be moved here.
 *
 *	struct thing { ...; text_len_t _path_len; path_names_t path[PATH_SIZE]; };
 *	thing->_path_len = append_path(thing->path, 0, &file->f_path);
 *
 * Nothing is locked: a file that is moved meanwhile may be shown with names of both places.
 */
#ifndef BCC_TOP_PATH_H
#define BCC_TOP_PATH_H

#include "fd.h"
#include "file.h"

/* A power of two. A name is only appended where the longest one fits. */
#define PATH_SIZE 1024
/* Names and mounts on the way, at most. */
#define PATH_STEPS 40

#define AT_FDCWD (-100)

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct vfsmount___path {
	struct dentry *mnt_root;
};

struct mount___path {
	struct mount___path *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount___path mnt;
};

struct fs_struct___path {
	struct path root;
	struct path pwd;
};

struct task_struct___path {
	struct fs_struct___path *fs;
};

struct file_system_type___path {
	const char *name;
};

struct super_block___path {
	struct file_system_type___path *s_type;
};

#pragma clang attribute pop

/* 5.10 and 6.1 lose bounds on their way through a loop, and clang drops a mask that it can prove redundant: hide the value, then mask. */
static __always_inline u32 path_place(u32 used)
{
	asm volatile("" : "+r"(used));
	return used & (PATH_SIZE - 1);
}

/* What is used once this name is there too: the same if there is no room left, or no name. */
static __always_inline u32 append_name(char *names, u32 used, const void *name)
{
	u32 at = path_place(used);
	long len;

	if (at > PATH_SIZE - FILE_NAME_SIZE)
		return used;
	len = bpf_probe_read_kernel_str(names + at, FILE_NAME_SIZE, name);
	return len > 0 ? at + (u32)len : at;
}

/* An empty name, which stands for the root: what follows begins with a slash. */
static __always_inline u32 append_root(char *names, u32 used, struct dentry *root)
{
	u32 at = path_place(used);

	/* The root is called "/". */
	if (!at)
		return append_name(names, at, BPF_CORE_READ(root, d_name.name));
	names[at] = 0;
	return at + 1;
}

static __always_inline u32 append_cut(char *names, u32 used)
{
	u32 at = path_place(used);

	count_lost(LOST_TRUNCATED);
	if (at > PATH_SIZE - 4)
		return at;
	names[at] = names[at + 1] = names[at + 2] = '.';
	names[at + 3] = 0;
	return at + 4;
}

/* What is not mounted where anybody could see it: pipes, sockets and their like. They are called as their filesystem is. */
static __always_inline u32 append_filesystem(char *names, u32 used, struct dentry *dentry)
{
	struct super_block___path *sb = (void *)BPF_CORE_READ(dentry, d_sb);

	return append_name(names, used, BPF_CORE_READ(sb, s_type, name));
}

/*
 * Appends the names from `from` up to the root that the current process has, over all mounts (as prepend_path() does);
 * returns what is used of the PATH_SIZE bytes at `names`. A path with more names, or longer ones, than there is room for
 * is counted as cut and begins with three dots.
 */
static __always_inline u32 append_path(char *names, u32 used, struct path *from)
{
	struct task_struct___path *task = (void *)bpf_get_current_task();
	struct fs_struct___path *fs = BPF_CORE_READ(task, fs);
	struct dentry *root = BPF_CORE_READ(fs, root.dentry);
	u64 root_mnt = (u64)BPF_CORE_READ(fs, root.mnt);
	struct vfsmount___path *mnt = (void *)BPF_CORE_READ(from, mnt);
	struct dentry *dentry = BPF_CORE_READ(from, dentry), *parent;
	struct mount___path *mount, *above;
	u32 i;

#pragma clang loop unroll(disable)
	for (i = 0; i < PATH_STEPS; i++) {
		if (dentry == root && (u64)mnt == root_mnt)
			return append_root(names, used, dentry);
		if (dentry == BPF_CORE_READ(mnt, mnt_root)) {
			mount = (void *)mnt - bpf_core_field_offset(mount->mnt);
			above = BPF_CORE_READ(mount, mnt_parent);
			if (above == mount)
				return append_root(names, used, dentry);
			dentry = BPF_CORE_READ(mount, mnt_mountpoint);
			mnt = (void *)above + bpf_core_field_offset(mount->mnt);
			continue;
		}
		parent = BPF_CORE_READ(dentry, d_parent);
		if (parent == dentry)
			return append_filesystem(names, used, dentry);
		if (path_place(used) > PATH_SIZE - FILE_NAME_SIZE)
			break;
		used = append_name(names, used, BPF_CORE_READ(dentry, d_name.name));
		dentry = parent;
	}
	return append_cut(names, used);
}

/* Appends the directory that a path is relative to: that of the descriptor, or the one the process is in. */
static __always_inline u32 append_directory(char *names, u32 used, s32 dirfd)
{
	struct task_struct___path *task = (void *)bpf_get_current_task();
	struct path *from;

	if (dirfd == AT_FDCWD) {
		from = (void *)BPF_CORE_READ(task, fs) + bpf_core_field_offset(struct fs_struct___path, pwd);
	} else {
		from = (void *)current_file(dirfd);
		if (!from)
			return used;
		from = (void *)from + bpf_core_field_offset(struct file, f_path);
	}
	return append_path(names, used, from);
}

#endif
