/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/*
 * The same as unlink.h from system calls alone. What a call has deleted is only known by its name, so the new files of that name are looked at: the one
 * whose inode has lost its last link is it. The inode may be free by then, but its memory stays for a grace period.
 */
#ifndef BCC_TOP_NAMESAKES_H
#define BCC_TOP_NAMESAKES_H

#include "fd.h"
#include "unlink.h"

#if defined(__TARGET_ARCH_x86)
#define SYSCALL_ARG5(regs) ((regs)->r8)
#define NR_RENAME 82
#define NR_LINK 86
#define NR_UNLINK 87
#define NR_UNLINKAT 263
#define NR_RENAMEAT 264
#define NR_LINKAT 265
#define NR_RENAMEAT2 316
#elif defined(__TARGET_ARCH_arm64)
#define SYSCALL_ARG5(regs) ((regs)->regs[4])
#define NR_UNLINKAT 35
#define NR_LINKAT 37
#define NR_RENAMEAT 38
#define NR_RENAMEAT2 276
#endif
#define AT_REMOVEDIR 0x200
#define RENAME_EXCHANGE 2
#define PATH_MAX 4096

/* What names have in common behind it does not matter: the inode decides. */
#define INDEX_NAME_SIZE 64
#define NAMESAKES 4

struct namesakes {
	struct {
		u64 inode; /* 0 is a free place */
		struct file_id id;
	} file[NAMESAKES];
	u64 next;
};

struct index_name {
	char text[INDEX_NAME_SIZE];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct index_name);
	__type(value, struct namesakes);
} names SEC(".maps");

static const struct namesakes no_namesakes;

/* A path is too long for the stack. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, char[PATH_MAX]);
} paths SEC(".maps");

static __always_inline void add_namesake(const struct index_name *name, u64 inode, const struct file_id *id)
{
	struct namesakes *same = lookup_or_init(&names, name, &no_namesakes);
	u64 at;
	int i;

	if (!same)
		return;
	for (i = 0; i < NAMESAKES; i++) {
		if (same->file[i].inode == inode && same->file[i].id.inode == id->inode)
			return;
	}
	at = same->next++;
	asm volatile("" : "+r"(at));
	at &= NAMESAKES - 1;
	same->file[at].id = *id;
	same->file[at].inode = inode;
}

static __always_inline void born_with_name(struct file *file)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	struct index_name name = {};
	struct file_id id = id_of(inode);

	if (!born(file))
		return;
	bpf_probe_read_kernel_str(name.text, sizeof(name.text), BPF_CORE_READ(file, f_path.dentry, d_name.name));
	add_namesake(&name, (u64)inode, &id);
}

/* The last component of a path of the process: what stands behind the last slash, looked for from its end. */
static __always_inline const char *last_component(const char *path)
{
	u32 zero = 0, at, i;
	char *copy = bpf_map_lookup_elem(&paths, &zero);
	long len;

	if (!copy)
		return NULL;
	len = bpf_probe_read_user_str(copy, PATH_MAX, path);
	if (len <= 0)
		return NULL;
	for (i = 0; i < FILE_NAME_SIZE && i < len; i++) {
		at = len - 1 - i;
		asm volatile("" : "+r"(at));
		at &= PATH_MAX - 1;
		if (copy[at] == '/')
			return path + at + 1;
	}
	return path;
}

enum state {
	ALIVE,
	DEAD,
	UNKNOWN, /* its memory is another's: whether it is gone, and since when, nobody can tell */
};

static __always_inline enum state state_of(u64 known, const struct file_id *id)
{
	struct inode *inode = (void *)known;

	/* Filesystems change the generation of what they delete (xfs_inode_uninit). */
	if (BPF_CORE_READ(inode, i_ino) != id->inode || BPF_CORE_READ(inode, i_sb, s_dev) != id->device)
		return UNKNOWN;
	return BPF_CORE_READ(inode, i_nlink) ? ALIVE : DEAD;
}

/* Whoever of this name is dead by now died of this call. */
static __always_inline void unlinked(const char *path, s32 dirfd)
{
	struct name last = { .user = last_component(path), .path = path, .dirfd = dirfd };
	struct index_name name = {};
	struct namesakes *same;
	struct file_id id;
	enum state state;
	int i;

	if (!last.user || bpf_probe_read_user_str(name.text, sizeof(name.text), last.user) <= 0) {
		count_lost(LOST_EVENTS);
		return;
	}
	same = bpf_map_lookup_elem(&names, &name);
	if (!same)
		return;
	for (i = 0; i < NAMESAKES; i++) {
		id = same->file[i].id;
		if (!same->file[i].inode)
			continue;
		state = state_of(same->file[i].inode, &id);
		if (state == ALIVE)
			continue;
		if (state == DEAD)
			died(&id, &last);
		else if (bpf_map_lookup_elem(&births, &id))
			count_lost(LOST_EVENTS);
		same->file[i].inode = 0;
	}
}

/* The files of one name may have another now, or one more. What had that name is dead if it was renamed over, and nobody is told. */
static __always_inline void renamed(const char *from, const char *to, bool exchanged)
{
	struct index_name old = {}, new = {};
	struct namesakes *same;
	struct file_id id;
	int i;

	from = last_component(from);
	to = last_component(to);
	if (!from || !to || bpf_probe_read_user_str(old.text, sizeof(old.text), from) <= 0 ||
	    bpf_probe_read_user_str(new.text, sizeof(new.text), to) <= 0) {
		count_lost(LOST_EVENTS);
		return;
	}
	same = bpf_map_lookup_elem(&names, &new);
	for (i = 0; same && i < NAMESAKES; i++) {
		id = same->file[i].id;
		if (!same->file[i].inode)
			continue;
		if (state_of(same->file[i].inode, &id) != ALIVE) {
			bpf_map_delete_elem(&births, &id);
			same->file[i].inode = 0;
		} else if (exchanged) {
			add_namesake(&old, same->file[i].inode, &id);
		}
	}
	same = bpf_map_lookup_elem(&names, &old);
	for (i = 0; same && i < NAMESAKES; i++) {
		id = same->file[i].id;
		if (same->file[i].inode && state_of(same->file[i].inode, &id) == ALIVE)
			add_namesake(&new, same->file[i].inode, &id);
	}
}

static __always_inline int end_of_unlink(struct pt_regs *regs)
{
	bool at = SYSCALL_NUMBER(regs) == NR_UNLINKAT;

	if (!is_compat_syscall() && !(at && SYSCALL_ARG3(regs) & AT_REMOVEDIR))
		unlinked((void *)(at ? SYSCALL_ARG2(regs) : SYSCALL_ARG1(regs)), at ? (s32)SYSCALL_ARG1(regs) : AT_FDCWD);
	return 0;
}

static __always_inline int end_of_rename(struct pt_regs *regs)
{
	u64 number = SYSCALL_NUMBER(regs);
	bool at = number == NR_RENAMEAT || number == NR_RENAMEAT2 || number == NR_LINKAT;
	bool exchanged = number == NR_RENAMEAT2 && SYSCALL_ARG5(regs) & RENAME_EXCHANGE;

	if (!is_compat_syscall())
		renamed((void *)(at ? SYSCALL_ARG2(regs) : SYSCALL_ARG1(regs)),
			(void *)(at ? SYSCALL_ARG4(regs) : SYSCALL_ARG2(regs)), exchanged);
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(file__3, struct pt_regs *regs, long ret)
{
	struct file *file;

	if (ret < 0)
		return 0;
	switch (SYSCALL_NUMBER(regs)) {
#ifdef NR_OPEN
	case NR_OPEN:
	case NR_CREAT:
#endif
	case NR_OPENAT:
	case NR_OPENAT2:
		file = is_compat_syscall() ? NULL : current_file(ret);
		if (file && is_new(file))
			born_with_name(file);
		return 0;
#ifdef NR_UNLINK
	case NR_UNLINK:
#endif
	case NR_UNLINKAT:
		return end_of_unlink(regs);
#ifdef NR_RENAME
	case NR_RENAME:
	case NR_LINK:
#endif
	case NR_RENAMEAT:
	case NR_RENAMEAT2:
	case NR_LINKAT:
		return end_of_rename(regs);
	}
	return 0;
}

#endif
