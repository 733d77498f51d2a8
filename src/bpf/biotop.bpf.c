// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/* Block I/O by process. */
#include "block.h"

const volatile bool queued = false; /* latency from submit instead of issue */

struct io_key {
	tgid_t pid;
	disk_t disk;
	cgroup_id_t cgroup;
	cpu_shard_t _cpu; /* completions of one key on several CPUs: each has its own maximum */
	letter_t rw;
	u8 _pad[3];
};

struct io {
	count_t io;
	bytes_t bytes;
	count_t timed;
	ns_sum_t latency_sum;
	ns_max_t latency_max;
	count_t errors;
	comm_t comm;
};

HASH_HALVES(io, struct io_key, struct io, 16384);

static __always_inline bool needs_submit(void)
{
	return true;
}

static __always_inline void completed(struct request *rq, struct inflight *known, const struct part *part)
{
	struct io_key key = { ._cpu = bpf_get_smp_processor_id(), .pid = PID_UNKNOWN };
	struct io zero = {}, *io;
	u64 since, latency;

	key.disk = request_disk(rq);
	key.rw = request_letter(rq);
	if (known) {
		key.pid = known->owner.pid;
		key.cgroup = known->owner.cgroup;
	}
	if (part->last && key.pid == PID_UNKNOWN)
		count_lost(LOST_UNATTRIBUTED);
	io = lookup_or_init(HALF(io), &key, &zero);
	if (!io)
		return;
	if (known)
		__builtin_memcpy(io->comm, known->owner.comm, sizeof(io->comm));
	if (!part->failed)
		add(&io->bytes, part->bytes);
	if (!part->last)
		return;
	add(&io->io, 1);
	if (part->failed)
		add(&io->errors, 1);
	since = timed_since(known, queued);
	if (!since)
		return;
	latency = bpf_ktime_get_ns() - since;
	add(&io->timed, 1);
	add(&io->latency_sum, latency);
	if (latency > io->latency_max)
		io->latency_max = latency;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
