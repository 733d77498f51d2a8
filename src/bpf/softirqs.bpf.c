// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/* Deferred interrupt work, by kind. */
#include "hist.h"
#include "interrupts.h"

/* In include/linux/interrupt.h since 4.8. */
#define NR_SOFTIRQS 10

enum show {
	SHOW_TOTAL,
	SHOW_CPU, /* the same data */
	SHOW_DISTRIBUTION,
};

const volatile u32 show = SHOW_TOTAL;

struct total {
	count_t count;
	ns_sum_t sum;
	ns_max_t max;
};

struct distribution {
	log2_ns_t slots[HIST_SLOTS];
	ns_sum_t sum;
	ns_max_t max;
};

PERCPU_ARRAY_HALVES(totals, softirq_t, struct total, NR_SOFTIRQS);
PERCPU_ARRAY_HALVES(distributions, softirq_t, struct distribution, NR_SOFTIRQS);

SEC("tp_btf/softirq_entry")
int BPF_PROG(run__1_entry, unsigned int number)
{
	handler_begins(number);
	return 0;
}

SEC("tp_btf/softirq_exit")
int BPF_PROG(run__1_exit, unsigned int number)
{
	struct distribution *distribution;
	struct total *total;
	u64 took;

	if (!handler_ends(number, &took))
		return 0;
	if (show == SHOW_DISTRIBUTION) {
		distribution = PERCPU_ARRAY_HALF(distributions, number);
		if (distribution)
			HIST_ADD(distribution, took);
		return 0;
	}
	total = PERCPU_ARRAY_HALF(totals, number);
	if (!total)
		return 0;
	total->count += 1;
	total->sum += took;
	if (took > total->max)
		total->max = took;
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
