// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/* How large block requests are. */
#include "block.h"
#include "hist.h"

enum by {
	BY_COMM,
	BY_PID,
	BY_DISK,
	BY_RW,
	BY_CGROUP,
};

const volatile u32 by = BY_COMM;

struct size_key {
	cgroup_id_t cgroup;
	tgid_t pid;
	disk_t disk;
	cpu_shard_t _cpu;
	letter_t rw;
	u8 _pad[3];
	comm_t comm;
};

struct sizes {
	log2_bytes_t slots[HIST_SLOTS];
	bytes_t sum;
	bytes_max_t max;
};

HASH_HALVES(sizes, struct size_key, struct sizes, 10240);

/* 272 bytes are too many for the stack. */
static const struct sizes zero_sizes;

static __always_inline bool needs_submit(void)
{
	return by == BY_COMM || by == BY_PID || by == BY_CGROUP || is_filtered();
}

/* The size is known at the end too, and a request that is handed over twice ends once. */
static __always_inline void completed(struct request *rq, struct inflight *known, const struct part *part)
{
	struct size_key key = { ._cpu = bpf_get_smp_processor_id() };
	struct sizes *sizes;

	if (!part->last)
		return;
	if (needs_submit() && (!known || known->owner.pid == PID_UNKNOWN))
		count_lost(LOST_UNATTRIBUTED);
	if (by == BY_DISK)
		key.disk = request_disk(rq);
	else if (by == BY_RW)
		key.rw = request_letter(rq);
	else if (by == BY_PID)
		key.pid = known ? known->owner.pid : PID_UNKNOWN;
	else if (by == BY_CGROUP)
		key.cgroup = known ? known->owner.cgroup : 0;
	else if (known)
		__builtin_memcpy(key.comm, known->owner.comm, sizeof(key.comm));
	sizes = lookup_or_init(HALF(sizes), &key, &zero_sizes);
	if (sizes)
		add_to_hist(sizes, (known ? known->done : 0) + part->bytes);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
