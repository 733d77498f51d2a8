/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/* Since when something is so of a task: in its storage, or by thread id where tracing programs have no task storage. */
#ifndef BCC_TOP_SINCE_H
#define BCC_TOP_SINCE_H

#include "kernel.h"

/* A time, 0 for a task of which it is not so. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, u64);
} since_task SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, u32);
	__type(value, u64);
} since_pid SEC(".maps");

#endif
