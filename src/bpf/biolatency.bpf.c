// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/* How long block requests take. */
#include "block.h"
#include "hist.h"

enum by {
	BY_ALL,
	BY_DISK,
	BY_RW,
	BY_FLAGS,
	BY_PID,
	BY_CGROUP,
};

const volatile u32 by = BY_ALL;
const volatile bool queued = false; /* latency from submit instead of issue */

struct hist {
	log2_ns_t slots[HIST_SLOTS];
	ns_sum_t sum;
	ns_max_t max;
};

struct latency_key {
	cgroup_id_t cgroup;
	tgid_t pid;
	disk_t disk;
	cpu_shard_t _cpu;
	letter_t rw;
	u8 _pad[3];
	text_t flags[RWBS_SIZE];
};

struct keyed_hist {
	log2_ns_t slots[HIST_SLOTS];
	ns_sum_t sum;
	ns_max_t max;
	comm_t comm;
};

PERCPU_VALUE_HALVES(all, struct hist);
HASH_HALVES(keyed, struct latency_key, struct keyed_hist, 10240);

/* 328 bytes are too many for the stack. */
static const struct keyed_hist zero_hist;

static __always_inline bool needs_submit(void)
{
	return queued || by == BY_PID || by == BY_CGROUP || is_filtered();
}

static __always_inline void record_keyed(struct request *rq, struct inflight *known, u64 latency)
{
	struct latency_key key = { ._cpu = bpf_get_smp_processor_id() };
	struct keyed_hist *hist;

	if (by == BY_DISK)
		key.disk = request_disk(rq);
	else if (by == BY_RW)
		key.rw = request_letter(rq);
	else if (by == BY_FLAGS)
		fill_rwbs(key.flags, BPF_CORE_READ(rq, cmd_flags));
	else if (by == BY_CGROUP)
		key.cgroup = known->owner.cgroup;
	else
		key.pid = known->owner.pid;
	hist = lookup_or_init(HALF(keyed), &key, &zero_hist);
	if (!hist)
		return;
	__builtin_memcpy(hist->comm, known->owner.comm, sizeof(hist->comm));
	add_to_hist(hist, latency);
}

static __always_inline void completed(struct request *rq, struct inflight *known, const struct part *part)
{
	u64 since = timed_since(known, queued);
	struct hist *hist;

	if (!part->last)
		return;
	/* Begun before we came; or nobody was seen who submitted it, and that is asked for. */
	if (!known || (needs_submit() && known->owner.pid == PID_UNKNOWN))
		count_lost(LOST_UNATTRIBUTED);
	if (!known || !since)
		return;
	if (by != BY_ALL) {
		record_keyed(rq, known, bpf_ktime_get_ns() - since);
		return;
	}
	hist = PERCPU_HALF(all);
	if (hist)
		add_to_hist(hist, bpf_ktime_get_ns() - since);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
