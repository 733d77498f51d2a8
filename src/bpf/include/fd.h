/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/* What a system call with a descriptor is about. */
#ifndef BCC_TOP_FD_H
#define BCC_TOP_FD_H

#include "kernel.h"

#if defined(__TARGET_ARCH_x86)
#define SYSCALL_ARG4(regs) ((regs)->r10)
#define NR_READ 0
#define NR_WRITE 1
#define NR_OPEN 2
#define NR_PREAD64 17
#define NR_PWRITE64 18
#define NR_READV 19
#define NR_WRITEV 20
#define NR_FSYNC 74
#define NR_FDATASYNC 75
#define NR_CREAT 85
#define NR_OPENAT 257
#define NR_PREADV 295
#define NR_PWRITEV 296
#define NR_OPEN_BY_HANDLE_AT 304
#define NR_PREADV2 327
#define NR_PWRITEV2 328
#define NR_OPENAT2 437
#elif defined(__TARGET_ARCH_arm64)
#define SYSCALL_ARG4(regs) ((regs)->regs[3])
#define NR_OPENAT 56
#define NR_READ 63
#define NR_WRITE 64
#define NR_READV 65
#define NR_WRITEV 66
#define NR_PREAD64 67
#define NR_PWRITE64 68
#define NR_PREADV 69
#define NR_PWRITEV 70
#define NR_FSYNC 82
#define NR_FDATASYNC 83
#define NR_OPEN_BY_HANDLE_AT 265
#define NR_PREADV2 286
#define NR_PWRITEV2 287
#define NR_OPENAT2 437
#endif

/* Whether the call was made by 32-bit code, where the same numbers are other calls. */
static __always_inline bool is_compat_syscall(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();

#if defined(__TARGET_ARCH_x86)
	return BPF_CORE_READ(task, thread_info.status) & 2; /* TS_COMPAT */
#else
	return BPF_CORE_READ(task, thread_info.flags) & 1 << 22; /* TIF_32BIT */
#endif
}

/* The same without a helper, which lockdown allows; the current task has its type since 5.11. */
static __always_inline bool is_typed_compat_syscall(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

#if defined(__TARGET_ARCH_x86)
	return task->thread_info.status & 2; /* TS_COMPAT */
#else
	return task->thread_info.flags & 1 << 22; /* TIF_32BIT */
#endif
}

/* The open file behind a descriptor of the current process; NULL if it is none. */
static __always_inline struct file *current_file(s32 fd)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct fdtable *fdt = BPF_CORE_READ(task, files, fdt);
	struct file *file = NULL, **place;

	if (fd < 0 || (u32)fd >= BPF_CORE_READ(fdt, max_fds))
		return NULL;
	place = BPF_CORE_READ(fdt, fd);
	bpf_probe_read_kernel(&file, sizeof(file), &place[fd]);
	return file;
}

#endif
