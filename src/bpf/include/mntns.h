/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/* The setting `mntns`: in which mount namespace work is looked at. */
#ifndef BCC_TOP_MNTNS_H
#define BCC_TOP_MNTNS_H

#include "fixes.h"

const volatile u32 mntns = 0; /* only in this mount namespace */

/* A task that ends has no namespaces any more; such a one neither execs nor opens. */
static __always_inline bool is_current_mntns_wanted(void)
{
	struct task_struct *task;

	if (!mntns)
		return true;
	task = (void *)bpf_get_current_task();
	return BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum) == mntns;
}

#endif
