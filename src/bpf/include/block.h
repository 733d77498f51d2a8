/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/*
 * The life of a block request, followed by its address: submit remembers the owner, issue the first
 * hand-over to the driver, done tells the view. A view that includes this writes two functions,
 * needs_submit() and completed(), and declares the hooks submit, issue and done.
 */
#ifndef BCC_TOP_BLOCK_H
#define BCC_TOP_BLOCK_H

#include "filter.h"

NARGS(block_rq_issue);
NARGS(block_rq_insert);
NARGS(block_bio_queue);
NARGS(block_split);

const volatile u32 disk = 0; /* only this one; 0 any */
const volatile u32 rw = 0;   /* only this operation: the place of its letter in RWFDZO, 0 any */

#define WANTED_LETTERS 0x4f5a44465752ULL /* RWFDZO, the first one lowest: a number needs no bounds */

struct owner {
	u64 submitted;
	u64 cgroup;
	u32 pid;
	comm_t comm;
};

struct inflight {
	struct owner owner;
	u64 issued;
	u64 done; /* bytes, of parts that are completed already */
#ifdef BLOCK_PATTERN
	u64 pattern; /* S, R, or 0 unknown */
#endif
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, struct inflight);
} requests SEC(".maps");

/* Owners of bios that have no request yet; a merged bio never gets one, so old ones must go. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, struct owner);
} bios SEC(".maps");

/* Whether the view has to know who submitted a request, and when. Where it is constant and false, submit does nothing. */
static __always_inline bool needs_submit(void);

/* A part of a request is done, or the last of it. `known` is NULL if its beginning was not seen. */
struct part {
	u32 bytes;
	bool failed;
	bool last;
};
static __always_inline void completed(struct request *rq, struct inflight *known, const struct part *part);

#define REQ_OP_MASK 0xff

static __always_inline char letter(u32 op)
{
	switch (op) {
	case 0: return 'R';
	case 1: return 'W';
	case 2: return 'F';
	case 3: case 5: return 'D';
	case 9: return 'Z';
	}
	return op == zone_append_op() ? 'W' : 'O';
}

/* Whether the filters by disk and operation let it pass. */
static __always_inline bool is_request_wanted(struct request *rq)
{
	if (disk && request_disk(rq) != disk)
		return false;
	return !rw || letter(BPF_CORE_READ(rq, cmd_flags) & REQ_OP_MASK) ==
		      (char)(WANTED_LETTERS >> ((rw - 1) & 7) * 8);
}

/*
 * The group that is charged: for writeback it is that of whoever dirtied the pages, not of the
 * kworker (wbc_init_bio). On a host with blkio in a v1 hierarchy the id would be of that one.
 */
static __always_inline u64 charged_cgroup(struct bio *bio)
{
	struct cgroup *cgroup;

	if (bpf_core_field_exists(bio->bi_blkg) && bio) {
		cgroup = BPF_CORE_READ(bio, bi_blkg, blkcg, css.cgroup);
		if (cgroup && BPF_CORE_READ(cgroup, root, hierarchy_id) == 0)
			return BPF_CORE_READ(cgroup, kn, id);
	}
	return bpf_get_current_cgroup_id();
}

static __always_inline void remember(u64 request, struct inflight *new)
{
	long err = bpf_map_update_elem(&requests, &request, new, BPF_ANY);

	if (err)
		count_failed_insert(err);
}

static __always_inline void fill_owner(struct owner *owner, struct bio *bio)
{
	owner->submitted = bpf_ktime_get_ns();
	owner->cgroup = charged_cgroup(bio);
	owner->pid = bpf_get_current_pid_tgid() >> 32;
	read_current_comm(&owner->comm);
}

static __always_inline int submitted(struct request *rq)
{
	struct inflight new = {};
	u64 key = (u64)rq;

	if (!needs_submit() || !is_request_wanted(rq))
		return 0;
	if (!is_current_wanted()) {
		/* The address may be known from a request that was merged away. */
		bpf_map_delete_elem(&requests, &key);
		return 0;
	}
	fill_owner(&new.owner, BPF_CORE_READ(rq, bio));
	remember(key, &new);
	return 0;
}

SEC("tp_btf/block_io_start")
int BPF_PROG(submit__1, struct request *rq)
{
	return submitted(rq);
}

SEC("fentry/blk_account_io_start")
int BPF_PROG(submit__2, struct request *rq)
{
	return submitted(rq);
}

SEC("kprobe/blk_account_io_start")
int BPF_KPROBE(submit__3, struct request *rq)
{
	return submitted(rq);
}

/*
 * Where neither exists (6.1: the function is inlined), owners are found by bio. This alternative
 * is good on all kernels, but costs a program more for each bio. Its programs stand before
 * `issue__1`, which must find the request known: hooks run in the order of attaching.
 */
SEC("tp_btf/block_bio_queue")
int BPF_PROG(submit__4_queue)
{
	struct bio *bio = ARG_MOVED(block_bio_queue, 2, 1);
	struct owner owner = {};
	u64 key = (u64)bio;

	if (!needs_submit() || !is_current_wanted())
		return 0;
	fill_owner(&owner, bio);
	bpf_map_update_elem(&bios, &key, &owner, BPF_ANY);
	return 0;
}

/* bio_split() makes a new bio for the front part and chains it to the old one. */
SEC("tp_btf/block_split")
int BPF_PROG(submit__4_split)
{
	struct bio *bio = ARG_MOVED(block_split, 3, 1);
	u64 key = (u64)bio, parent;
	struct owner *known, owner;

	if (!needs_submit())
		return 0;
	parent = (u64)BPF_CORE_READ(bio, bi_private);
	known = bpf_map_lookup_elem(&bios, &parent);
	if (!known)
		return 0;
	owner = *known;
	bpf_map_update_elem(&bios, &key, &owner, BPF_ANY);
	return 0;
}

static __always_inline int claimed(struct request *rq)
{
	struct inflight new = {};
	u64 key = (u64)rq, bio;
	struct owner *owner;

	if (!needs_submit() || !is_request_wanted(rq))
		return 0;
	bio = (u64)BPF_CORE_READ(rq, bio);
	/* Known already by its insertion, or issued again: the bio may be another's by now. */
	if (!bio || bpf_map_lookup_elem(&requests, &key))
		return 0;
	owner = bpf_map_lookup_elem(&bios, &bio);
	if (!owner)
		return 0;
	new.owner = *owner;
	bpf_map_delete_elem(&bios, &bio);
	remember(key, &new);
	return 0;
}

SEC("tp_btf/block_rq_insert")
int BPF_PROG(submit__4_insert)
{
	return claimed(ARG_MOVED(block_rq_insert, 2, 1));
}

SEC("tp_btf/block_rq_issue")
int BPF_PROG(submit__4_issue)
{
	return claimed(ARG_MOVED(block_rq_issue, 2, 1));
}

/* Its operation, one letter. */
static __always_inline char request_letter(struct request *rq)
{
	return letter(BPF_CORE_READ(rq, cmd_flags) & REQ_OP_MASK);
}

/* Its first sector of 512 bytes that is not done; nonsense for what has no bytes, as a flush. */
static __always_inline u64 request_sector(struct request *rq)
{
	return BPF_CORE_READ(rq, __sector);
}

#ifdef BLOCK_PATTERN
/* A view that looks at the order of requests defines BLOCK_PATTERN, and says whether that is asked for. */
static __always_inline bool needs_pattern(void);

struct stream {
	u32 disk;
	u32 letter;
};

/* Where the last request of each operation ended on a disk. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct stream);
	__type(value, u64);
} ends SEC(".maps");

/* S where it begins where the last one ended, R elsewhere, 0 unknown. Taken when the driver gets it: requests complete in another
 * order than that in which they were asked for. */
static __always_inline char pattern_of(struct request *rq)
{
	struct stream stream = { .disk = request_disk(rq), .letter = request_letter(rq) };
	u64 from = request_sector(rq), sectors = BPF_CORE_READ(rq, __data_len) >> 9, to = from + sectors, *last;
	char pattern = 0;

	if (!sectors)
		return 0;
	last = bpf_map_lookup_elem(&ends, &stream);
	if (last)
		pattern = *last == from ? 'S' : 'R';
	bpf_map_update_elem(&ends, &stream, &to, BPF_ANY);
	return pattern;
}
#endif

/* A driver that is full gives the request back and gets it again: only the first time counts. */
SEC("tp_btf/block_rq_issue")
int BPF_PROG(issue__1)
{
	struct request *rq = ARG_MOVED(block_rq_issue, 2, 1);
	struct inflight new = {}, *known;
	u64 key = (u64)rq;

	if (!is_request_wanted(rq))
		return 0;
	known = bpf_map_lookup_elem(&requests, &key);
	if (known && known->issued)
		return 0;
#ifdef BLOCK_PATTERN
	new.pattern = needs_pattern() ? pattern_of(rq) : 0;
	if (known)
		known->pattern = new.pattern;
#endif
	if (known) {
		known->issued = bpf_ktime_get_ns();
		return 0;
	}
	if (is_filtered())
		return 0;
	/* No bio: the flush machinery or a driver made it. Else we came too late to see who. */
	new.issued = new.owner.submitted = bpf_ktime_get_ns();
	if (BPF_CORE_READ(rq, bio)) {
		new.owner.pid = PID_UNKNOWN;
	} else {
		__builtin_memcpy(new.owner.comm, "(kernel)", 8);
	}
	remember(key, &new);
	return 0;
}

/* Fires for each part of a request that is done in parts, before __data_len goes down
 * (blk_update_request): the last part is the one that takes all that is left. */
SEC("tp_btf/block_rq_complete")
int BPF_PROG(done__1, struct request *rq, int error, unsigned int bytes)
{
	struct part part = { .bytes = bytes, .failed = (error & 0xff) != 0 };
	u64 key = (u64)rq;
	struct inflight *known;

	if (!is_request_wanted(rq))
		return 0;
	part.last = bytes >= BPF_CORE_READ(rq, __data_len);
	known = bpf_map_lookup_elem(&requests, &key);
	if (!known && is_filtered())
		return 0;
	completed(rq, known, &part);
	if (!known)
		return 0;
	if (part.last)
		bpf_map_delete_elem(&requests, &key);
	else
		known->done += bytes;
	return 0;
}

/* Since when a request is timed: the moment that it was handed to the driver, or `queued`, that it was submitted. 0 is unknown. */
static __always_inline u64 timed_since(const struct inflight *known, bool queued)
{
	if (!known)
		return 0;
	return queued || !known->issued ? known->owner.submitted : known->issued;
}

#define RWBS_SIZE 8

static __always_inline u64 rwbs_letter(u64 text, char letter)
{
	return text << 8 | (u8)letter;
}

#define HAS_FLAG(flags, bit) ((flags) >> bpf_core_enum_value(enum req_flag_bits, bit) & 1)

/*
 * Operation and flags as blktrace writes them (blk_fill_rwbs), and behind them P priority and B background. The text is put together
 * in a number, from behind: 5.10 has no stores to the stack at a place that is not constant.
 */
static __always_inline void fill_rwbs(text_t *to, u32 flags)
{
	u64 text = 0;

	if (HAS_FLAG(flags, __REQ_BACKGROUND))
		text = rwbs_letter(text, 'B');
	if (HAS_FLAG(flags, __REQ_PRIO))
		text = rwbs_letter(text, 'P');
	if (HAS_FLAG(flags, __REQ_META))
		text = rwbs_letter(text, 'M');
	if (HAS_FLAG(flags, __REQ_SYNC))
		text = rwbs_letter(text, 'S');
	if (HAS_FLAG(flags, __REQ_RAHEAD))
		text = rwbs_letter(text, 'A');
	if (HAS_FLAG(flags, __REQ_FUA))
		text = rwbs_letter(text, 'F');
	text = rwbs_letter(text, letter(flags & REQ_OP_MASK));
	if (HAS_FLAG(flags, __REQ_PREFLUSH))
		text = rwbs_letter(text, 'F');
	__builtin_memcpy(to, &text, RWBS_SIZE);
}

#endif
