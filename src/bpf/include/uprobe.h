/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/*
 * Functions of libraries: SEC("uprobe/LIBRARY:FUNCTION") and SEC("uretprobe/LIBRARY:FUNCTION"), where [libraries] of the
 * declaration says what LIBRARY is. The engine finds the files and attaches (src/probes/libraries).
 */
#ifndef BCC_TOP_UPROBE_H
#define BCC_TOP_UPROBE_H

#include "filter.h"

/* USER_FRAME is the same at the begin and at the end of one call: on x86, `ret` takes the return address off the stack. */
#if defined(__TARGET_ARCH_x86)
#define USER_ARG1(regs) ((regs)->di)
#define USER_ARG5(regs) ((regs)->r8)
#define USER_ARG6(regs) ((regs)->r9)
#define USER_RESULT(regs) ((regs)->ax)
#define USER_FRAME_AT_BEGIN(regs) ((regs)->sp)
#define USER_FRAME_AT_END(regs) ((regs)->sp - sizeof(u64))
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs___user {
	u64 regs[31];
	u64 sp;
} __attribute__((preserve_access_index));

#define USER_ARG1(regs) ((regs)->regs[0])
#define USER_ARG5(regs) ((regs)->regs[4])
#define USER_ARG6(regs) ((regs)->regs[5])
#define USER_RESULT(regs) ((regs)->regs[0])
#define USER_FRAME_AT_BEGIN(regs) (((struct pt_regs___user *)(regs))->sp)
#define USER_FRAME_AT_END(regs) (((struct pt_regs___user *)(regs))->sp)
#endif

/* Of 6.12: the one way to read a string that lockdown leaves, as libbpf puts a helper that is refused there in the place of
 * bpf_probe_read_user_str() (see execsnoop.toml). Only programs that may sleep have it, and no page is too far for it. */
extern int bpf_copy_from_user_str(void *to, u32 size, const void *from, u64 flags) __ksym __weak;

static __always_inline long read_user_str(char *to, u32 size, const void *from, bool sleepable)
{
	if (sleepable)
		return bpf_copy_from_user_str(to, size, from, 0);
	return bpf_probe_read_user_str(to, size, from);
}

static __always_inline long read_user(void *to, u32 size, const void *from, bool sleepable)
{
	if (sleepable)
		return bpf_copy_from_user(to, size, from);
	return bpf_probe_read_user(to, size, from);
}

/* The name of the process, as read_current_comm() has it, without its helper where the task has its type. */
static __always_inline void read_own_comm(comm_t *comm, bool sleepable)
{
	if (sleepable)
		__builtin_memcpy(comm, bpf_get_current_task_btf()->group_leader->comm, sizeof(*comm));
	else
		read_current_comm(comm);
}

#endif
