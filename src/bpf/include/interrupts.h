/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/* How long handlers of interrupts take: what begins on a CPU ends there before another of its kind begins. */
#ifndef BCC_TOP_INTERRUPTS_H
#define BCC_TOP_INTERRUPTS_H

#include "filter.h"
#include "sampled.h"

#define CPU_ANY (~0U)

const volatile u32 cpu = CPU_ANY; /* only this CPU */

struct begun {
	u64 ns; /* 0: nothing runs */
	u64 what;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct begun);
} begun_here SEC(".maps");

static __always_inline void handler_begins(u64 what)
{
	u32 zero = 0;
	struct begun *begun;

	if (cpu != CPU_ANY && bpf_get_smp_processor_id() != cpu)
		return;
	if (!is_sampled())
		return;
	begun = bpf_map_lookup_elem(&begun_here, &zero);
	if (!begun)
		return;
	begun->what = what;
	begun->ns = bpf_ktime_get_ns();
}

/* Sets how long it took; false if that is not known, or is not wanted. An interrupt belongs to nobody: with a filter, those
 * are wanted that came while a process that is wanted had the CPU. */
static __always_inline bool handler_ends(u64 what, u64 *took)
{
	u32 zero = 0;
	struct begun *begun = bpf_map_lookup_elem(&begun_here, &zero);
	u64 since;

	/* It was on its way when the view was attached, or is not the one in N, or of another CPU. */
	if (!begun || !begun->ns)
		return false;
	since = begun->ns;
	begun->ns = 0;
	if (begun->what != what) {
		count_lost(LOST_EVENTS);
		return false;
	}
	if (is_filtered() && !is_current_wanted())
		return false;
	*took = bpf_ktime_get_ns() - since;
	return true;
}

#endif
