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

static __always_inline struct path *path_of(struct file *file)
{
	return (void *)file + bpf_core_field_offset(struct file, f_path);
}

/* Where a file is: the same dentry may be mounted at several places. */
struct place {
	struct dentry *dentry;
	struct vfsmount___path *mnt;
};

static __always_inline struct place place_of(struct path *path)
{
	struct place place = {
		.dentry = BPF_CORE_READ(path, dentry),
		.mnt = (void *)BPF_CORE_READ(path, mnt),
	};

	return place;
}

/* What a step up from a place was. */
enum step {
	STEP_UP,      /* to its directory */
	STEP_MOUNT,   /* from the root of a mount to what that is mounted on: the same directory, with another name */
	STEP_ROOT,    /* there is none: it is the root, or that of the process */
	STEP_NOWHERE, /* there is none: it is not mounted */
};

/*
 * Over all mounts, as prepend_path() does. Where `mnt` is NULL its root reads as NULL, which is no dentry: asking for it
 * first costs the verifier five times as much. Members of a place are taken out of it before they are read through, as
 * BPF_CORE_READ() would look for them in the kernel.
 */
static __always_inline enum step step_up(struct place *place, const struct place *root)
{
	struct vfsmount___path *mnt = place->mnt;
	struct dentry *dentry = place->dentry, *parent;
	struct mount___path *mount, *above;

	if (dentry == root->dentry && mnt == root->mnt)
		return STEP_ROOT;
	if (dentry == BPF_CORE_READ(mnt, mnt_root)) {
		mount = (void *)mnt - bpf_core_field_offset(struct mount___path, mnt);
		above = BPF_CORE_READ(mount, mnt_parent);
		if (above == mount)
			return STEP_ROOT;
		place->dentry = BPF_CORE_READ(mount, mnt_mountpoint);
		place->mnt = (void *)above + bpf_core_field_offset(struct mount___path, mnt);
		return STEP_MOUNT;
	}
	parent = BPF_CORE_READ(dentry, d_parent);
	if (parent == dentry)
		return STEP_NOWHERE;
	place->dentry = parent;
	return STEP_UP;
}

/*
 * Appends the names from `place` up to the root that the current process has; returns what is used of the PATH_SIZE bytes
 * at `names`. A path with more names, or longer ones, than there is room for is counted as cut and begins with three dots.
 */
static __always_inline u32 append_place(char *names, u32 used, struct place place)
{
	struct task_struct___path *task = (void *)bpf_get_current_task();
	struct fs_struct___path *fs = BPF_CORE_READ(task, fs);
	struct place root = place_of((void *)fs + bpf_core_field_offset(struct fs_struct___path, root));
	struct dentry *dentry;
	enum step step;
	u32 i;

#pragma clang loop unroll(disable)
	for (i = 0; i < PATH_STEPS; i++) {
		dentry = place.dentry;
		step = step_up(&place, &root);
		if (step == STEP_ROOT)
			return append_root(names, used, dentry);
		if (step == STEP_NOWHERE)
			return append_filesystem(names, used, dentry);
		if (step == STEP_MOUNT)
			continue;
		if (path_place(used) > PATH_SIZE - FILE_NAME_SIZE)
			break;
		used = append_name(names, used, BPF_CORE_READ(dentry, d_name.name));
	}
	return append_cut(names, used);
}

static __always_inline u32 append_path(char *names, u32 used, struct path *from)
{
	return append_place(names, used, place_of(from));
}

/* The directory that a view is narrowed to, whatever is mounted below it included; 0 is all there are. */
const volatile u64 filter_directory_inode = 0;
const volatile u32 filter_directory_device = 0;

/* Up to the root of the mount namespace: what is mounted in a container has nothing of the host above it. */
static __always_inline bool is_in_wanted_directory(struct path *path)
{
	struct place place = place_of(path), root = {};
	struct dentry *dentry;
	struct inode *inode;
	enum step step;
	u32 i;

	if (!filter_directory_inode)
		return true;
#pragma clang loop unroll(disable)
	for (i = 0; i < PATH_STEPS; i++) {
		dentry = place.dentry;
		inode = BPF_CORE_READ(dentry, d_inode);
		if (BPF_CORE_READ(inode, i_ino) == filter_directory_inode &&
		    BPF_CORE_READ(inode, i_sb, s_dev) == filter_directory_device)
			return true;
		step = step_up(&place, &root);
		if (step == STEP_ROOT || step == STEP_NOWHERE)
			return false;
	}
	count_lost(LOST_TRUNCATED);
	return false;
}

/* Appends the directory that a path is relative to: that of the descriptor, or the one the process is in. */
static __always_inline u32 append_directory(char *names, u32 used, s32 dirfd)
{
	struct task_struct___path *task = (void *)bpf_get_current_task();
	struct file *file;

	if (dirfd == AT_FDCWD)
		return append_path(names, used, (void *)BPF_CORE_READ(task, fs) + bpf_core_field_offset(struct fs_struct___path, pwd));
	file = current_file(dirfd);
	return file ? append_path(names, used, path_of(file)) : used;
}

/* Of a path as it is given: what fits. With its directory it may have all of PATH_SIZE. */
#define GIVEN_SIZE 256

/* The path as a call has it; what does not fit is counted as cut. */
static __always_inline u32 read_given(char *to, u32 size, const char *path)
{
	long len;

	to[0] = 0;
	len = bpf_probe_read_user_str(to, size, path);
	if (len == size)
		count_lost(LOST_TRUNCATED);
	return len > 0 ? len : 0;
}

/* The same behind the directory that it is relative to. */
static __always_inline u32 append_given(char *names, const char *path, s32 dirfd)
{
	u32 len = read_given(names, GIVEN_SIZE, path);

	if (len <= 1 || names[0] == '/')
		return len;
	return append_directory(names, len, dirfd);
}

#endif
