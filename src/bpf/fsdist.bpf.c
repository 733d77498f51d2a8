// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/* How long the operations of one filesystem take. */
#include "fsop.h"
#include "hist.h"

enum by {
	BY_OP,
	BY_DEVICE,
	BY_PID,
};

const volatile u32 by = BY_OP;

/* A process writes the entries of its CPU; only what preempts it there may write the same one meanwhile. */
struct op_key {
	text_t op[OP_NAME_SIZE];
	tgid_t pid;
	disk_t device;
	cpu_shard_t _cpu;
};

struct op_hist {
	log2_ns_t slots[HIST_SLOTS];
	ns_sum_t sum;
	ns_max_t max;
	comm_t comm;
};

HASH_HALVES(operations, struct op_key, struct op_hist, 10240);

/* 288 bytes are too many for the stack. */
static const struct op_hist zero_hist;

/* read_current_comm() without its helper, which lockdown forbids. */
static __always_inline void read_process_name(comm_t *comm)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id___511, BPF_FUNC_get_current_task_btf___511))
		__builtin_memcpy(comm, bpf_get_current_task_btf()->group_leader->comm, sizeof(*comm));
	else
		read_current_comm(comm);
}

static __always_inline void end_call(u32 which, const struct call *call, u64 took, s64 ret)
{
	struct op_key key = { ._cpu = bpf_get_smp_processor_id() };
	struct op_hist *hist;

	set_op_name(key.op, which);
	if (by == BY_DEVICE)
		key.device = call->device;
	else if (by == BY_PID)
		key.pid = bpf_get_current_pid_tgid() >> 32;
	hist = lookup_or_init(HALF(operations), &key, &zero_hist);
	if (!hist)
		return;
	if (by == BY_PID)
		read_process_name(&hist->comm);
	add_to_hist(hist, took);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
