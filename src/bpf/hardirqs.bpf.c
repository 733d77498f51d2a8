// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/* Handlers of device interrupts. */
#include "hist.h"
#include "interrupts.h"

enum show {
	SHOW_TOTAL,
	SHOW_CPU, /* the same data */
	SHOW_DISTRIBUTION,
};

const volatile u32 show = SHOW_TOTAL;

#define NAME_SIZE 32
#define IRQ_NONE 0

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct irqaction {
	const char *name;
};
#pragma clang attribute pop

/* Each handler of a line by itself: devices may share one. Its address names it, so that its name is read once an interval. */
struct irq_key {
	irq_t irq;
	cpu_shard_t _cpu;
	u64 _handler;
};

struct total {
	count_t count;
	count_t unhandled;
	ns_sum_t sum;
	ns_max_t max;
	text_t name[NAME_SIZE];
};

struct distribution {
	log2_ns_t slots[HIST_SLOTS];
	ns_sum_t sum;
	ns_max_t max;
	text_t name[NAME_SIZE];
};

HASH_HALVES(totals, struct irq_key, struct total, 10240);
HASH_HALVES(distributions, struct irq_key, struct distribution, 10240);

static const struct total zero_total;
static const struct distribution zero_distribution;

static __always_inline void read_name(char *name, struct irqaction *action)
{
	if (!name[0] && bpf_probe_read_kernel_str(name, NAME_SIZE, action->name) == NAME_SIZE)
		count_lost(LOST_TRUNCATED);
}

SEC("tp_btf/irq_handler_entry")
int BPF_PROG(handle__1_entry, int irq, struct irqaction *action)
{
	handler_begins((u64)action);
	return 0;
}

SEC("tp_btf/irq_handler_exit")
int BPF_PROG(handle__1_exit, int irq, struct irqaction *action, int ret)
{
	struct irq_key key = { .irq = irq, ._cpu = bpf_get_smp_processor_id(), ._handler = (u64)action };
	struct distribution *distribution;
	struct total *total;
	u64 took;

	if (!handler_ends((u64)action, &took))
		return 0;
	if (show == SHOW_DISTRIBUTION) {
		distribution = HALF_LOOKUP_OR_INIT(distributions, &key, &zero_distribution);
		if (!distribution)
			return 0;
		read_name(distribution->name, action);
		HIST_ADD(distribution, took);
		return 0;
	}
	total = HALF_LOOKUP_OR_INIT(totals, &key, &zero_total);
	if (!total)
		return 0;
	read_name(total->name, action);
	total->count += 1;
	if (ret == IRQ_NONE)
		total->unhandled += 1;
	total->sum += took;
	if (took > total->max)
		total->max = took;
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
