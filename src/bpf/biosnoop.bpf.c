// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/* Block requests, one by one. */
#define BLOCK_PATTERN
#include "block.h"
#include "events.h"

enum by {
	BY_EVENT,
	BY_COMM,
	BY_DISK,
	BY_RW,
};

enum pattern_shown {
	PATTERN_NO,
	PATTERN_SHOW,
	PATTERN_SEQUENTIAL,
	PATTERN_RANDOM,
};

const volatile u32 by = BY_EVENT;
const volatile u64 min_latency = 0; /* ns, in the driver and the disk */
const volatile u32 pattern = PATTERN_NO;

struct block_io {
	event_time_t time_ns;
	cgroup_id_t cgroup;
	sector_no_t sector;
	bytes_t bytes;
	ns_or_none_t queue;
	ns_or_none_t latency;
	tgid_t pid;
	disk_t disk;
	comm_t comm;
	text_t flags[RWBS_SIZE];
	letter_t rw;
	flag_t failed;
	letter_t pattern;
	u8 _pad[5];
};

/* 4 MiB hold 36,000 requests; user space empties it ten times a second. */
EVENT_RING(events, struct block_io, 1 << 22);

/* Only what is asked for is not zero. */
struct io_key {
	disk_t disk;
	letter_t rw;
	u8 _pad[3];
	comm_t comm;
};

struct ios {
	count_t io;
	bytes_t bytes;
};

HASH_HALVES(counts, struct io_key, struct ios, 10240);

static __always_inline bool needs_submit(void)
{
	return true;
}

static __always_inline bool needs_pattern(void)
{
	return pattern != PATTERN_NO;
}

static __always_inline bool is_pattern_wanted(const struct inflight *known)
{
	if (pattern < PATTERN_SEQUENTIAL)
		return true;
	return known && known->pattern == (pattern == PATTERN_SEQUENTIAL ? 'S' : 'R');
}

static __always_inline void count_io(struct request *rq, struct inflight *known, u64 bytes)
{
	struct ios zero = {}, *ios;
	struct io_key key = {};

	if (by == BY_DISK)
		key.disk = request_disk(rq);
	else if (by == BY_RW)
		key.rw = request_letter(rq);
	else if (known)
		__builtin_memcpy(key.comm, known->owner.comm, sizeof(key.comm));
	ios = lookup_or_init(HALF(counts), &key, &zero);
	if (!ios)
		return;
	add(&ios->io, 1);
	add(&ios->bytes, bytes);
}

static __always_inline void tell(struct request *rq, struct inflight *known, const struct part *part, u64 now)
{
	struct block_io *io = reserve_event(events, struct block_io);
	u64 done = known ? known->done : 0;

	if (!io)
		return;
	__builtin_memset(io, 0, sizeof(*io));
	io->time_ns = now;
	io->pid = PID_UNKNOWN;
	io->queue = io->latency = NS_NONE;
	if (known) {
		io->cgroup = known->owner.cgroup;
		io->pid = known->owner.pid;
		io->pattern = known->pattern;
		__builtin_memcpy(io->comm, known->owner.comm, sizeof(io->comm));
		if (known->issued)
			io->latency = now - known->issued;
		/* The same moment stands for a request that nobody was seen to submit. */
		if (known->issued > known->owner.submitted)
			io->queue = known->issued - known->owner.submitted;
	}
	io->disk = request_disk(rq);
	io->rw = request_letter(rq);
	fill_rwbs(io->flags, BPF_CORE_READ(rq, cmd_flags));
	io->bytes = done + part->bytes;
	/* It moves on with each part that is done (blk_update_request). */
	io->sector = io->bytes ? request_sector(rq) - (done >> 9) : SECTOR_NONE;
	io->failed = part->failed;
	submit_event(io);
}

static __always_inline void completed(struct request *rq, struct inflight *known, const struct part *part)
{
	u64 now = bpf_ktime_get_ns(), issued = known ? known->issued : 0;

	if (!part->last)
		return;
	if (!known || known->owner.pid == PID_UNKNOWN)
		count_lost(LOST_UNATTRIBUTED);
	if (min_latency && (!issued || now - issued < min_latency))
		return;
	if (!is_pattern_wanted(known))
		return;
	if (by != BY_EVENT)
		count_io(rq, known, (known ? known->done : 0) + part->bytes);
	else
		tell(rq, known, part, now);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
