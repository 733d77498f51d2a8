/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/* What a file is: its place, its kind and its plain name. */
#ifndef BCC_TOP_FILE_H
#define BCC_TOP_FILE_H

#include "maps.h"

#define S_IFIFO 0010000
#define S_IFCHR 0020000
#define S_IFBLK 0060000
#define S_IFSOCK 0140000

/* NAME_MAX and its NUL. */
#define FILE_NAME_SIZE 256

static __always_inline char file_letter(u32 mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG: return 'R';
	case S_IFSOCK: return 'S';
	case S_IFIFO: return 'P';
	case S_IFBLK: return 'B';
	case S_IFCHR: return 'C';
	}
	return 'O';
}

/* The last component of its path; of what has no path, what its filesystem calls it, or nothing. */
static __always_inline void read_dentry_name(char *name, u32 size, struct dentry *dentry)
{
	long len = bpf_probe_read_kernel_str(name, size, BPF_CORE_READ(dentry, d_name.name));

	if (len < 0)
		name[0] = 0;
	else if (len == size && size < FILE_NAME_SIZE)
		count_lost(LOST_TRUNCATED);
}

#endif
