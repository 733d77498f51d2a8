/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/*
 * System calls that go on, and the functions of single ones. sys_exit still has the arguments of a call, so the begin has
 * only to be watched by whoever wants to know how long it took.
 */
#ifndef BCC_TOP_SYSCALL_H
#define BCC_TOP_SYSCALL_H

#include "fd.h"
#include "maps.h"

/* The function that does one call, by architecture (SYSCALL_DEFINEx): fentry and fexit on it see this call only, and its
 * first argument is the registers, as that of sys_enter and sys_exit is. Calls of 32-bit programs have others. */
#if defined(__TARGET_ARCH_x86)
#define SYSCALL_FUNCTION(name) "__x64_sys_" name
#define NR_STAT 4
#define NR_FSTAT 5
#define NR_LSTAT 6
#define NR_EXIT 60
#define NR_STATFS 137
#define NR_FSTATFS 138
#define NR_EXIT_GROUP 231
#define NR_NEWFSTATAT 262
#define NR_STATX 332
#elif defined(__TARGET_ARCH_arm64)
#define SYSCALL_FUNCTION(name) "__arm64_sys_" name
#define NR_STATFS 43
#define NR_FSTATFS 44
#define NR_NEWFSTATAT 79
#define NR_FSTAT 80
#define NR_EXIT 93
#define NR_EXIT_GROUP 94
#define NR_STATX 291
#endif

/* When the call of the current thread began, 0 if it is in none that was seen. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, u64);
} began_of_task SEC(".maps");

static __always_inline void begin_in_task(void)
{
	u64 *began = bpf_task_storage_get(&began_of_task, bpf_get_current_task_btf(), NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (began)
		*began = bpf_ktime_get_ns();
	else
		count_lost(LOST_EVENTS);
}

static __always_inline u64 end_in_task(void)
{
	u64 *began = bpf_task_storage_get(&began_of_task, bpf_get_current_task_btf(), NULL, 0);
	u64 when;

	if (!began)
		return 0;
	when = *began;
	*began = 0;
	return when;
}

/* The same by thread id: for 5.10, whose tracing programs have no task storage, and for what is watched too seldom to need one. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__type(key, u32);
	__type(value, u64);
} began_of_tid SEC(".maps");

static __always_inline void begin_in_hash(void)
{
	u64 now = bpf_ktime_get_ns();
	u32 tid = bpf_get_current_pid_tgid();
	long err = bpf_map_update_elem(&began_of_tid, &tid, &now, BPF_ANY);

	if (err)
		count_failed_insert(err);
}

static __always_inline u64 end_in_hash(void)
{
	u32 tid = bpf_get_current_pid_tgid();
	u64 *began = bpf_map_lookup_elem(&began_of_tid, &tid);
	u64 when;

	if (!began)
		return 0;
	when = *began;
	bpf_map_delete_elem(&began_of_tid, &tid);
	return when;
}

#endif
