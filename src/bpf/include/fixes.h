/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/* One function for each change of a kernel layout, with the kernel that made it. */
#ifndef BCC_TOP_FIXES_H
#define BCC_TOP_FIXES_H

#include "kernel.h"

/* Number of arguments of a tracepoint on the running kernel, 0 if it has no such tracepoint.
 * Filled by the engine from kernel BTF (`btf_trace_NAME`) before load; being constant then, the
 * branch for other kernels is dead code and never verified. */
#define NARGS(tracepoint) const volatile u32 nargs__##tracepoint = 0

/* Address of a symbol, 0 if the kernel does not tell. Filled by the engine from /proc/kallsyms before load. */
#define KSYM(symbol) const volatile u64 ksym__##symbol = 0

/* Argument `at` of the program. In assembly, as clang would rather choose between two places than between two loads, and
 * before 5.11 the verifier takes no load at a place of the context that was computed. */
#define ARG_AT(at) ({								\
	u64 __arg;								\
	asm volatile("%0 = *(u64 *)(%1 + %2)" : "=r"(__arg) : "r"(ctx), "i"(8 * (at)));\
	(void *)__arg; })

/* Argument `at` of a tracepoint that has had `count` arguments since another was put before this one. */
#define ARG_MOVED(tracepoint, count, at) (nargs__##tracepoint >= (count) ? ARG_AT(at) : ARG_AT((at) - 1))

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* task_struct.state became __state in 5.14 (2f064a59a11f). */
struct task_struct___old {
	volatile long state;
};
struct task_struct___new {
	unsigned int __state;
};

/* request.rq_disk went away in 5.17 (f3fa33acca9f); the queue knows its disk since 5.15. */
struct request___old {
	struct gendisk *rq_disk;
};
struct request_queue___new {
	struct gendisk *disk;
};

/* Zone append is 13 in 5.10's enum req_opf and 7 in enum req_op. */
enum req_opf___old {
	REQ_OP_ZONE_APPEND___old = 13,
};
enum req_op___new {
	REQ_OP_ZONE_APPEND___new = 7,
};

/* cgroup.ancestor_ids became ancestors[] in 6.1 (7f203bc89eb6). */
struct cgroup___old {
	u64 ancestor_ids[1];
};
struct cgroup___new {
	struct cgroup *ancestors[1];
};

/* folio._folio_order moved into the low byte of _flags_1 in 6.6 (379708ffde1b). Flags became a
 * struct in 6.18 (memdesc_flags_t, 53fbef56e07d). */
struct folio___61 {
	unsigned long flags;
	unsigned char _folio_order;
};
struct folio___66 {
	unsigned long flags;
	unsigned long _flags_1;
};
struct memdesc_flags___618 {
	unsigned long f;
};
struct folio___618 {
	struct memdesc_flags___618 flags;
};

/* Pages were not yet folios before 5.16 (7b230db3b8d3). */
struct folio___mapped {
	struct address_space *mapping;
	unsigned long index;
};

/* A mount has a user namespace since 5.12 (a6435940b62f) and an idmap instead since 6.2 (256c8aed2b42). */
struct vfsmount___512 {
	void *mnt_userns;
};
struct vfsmount___62 {
	void *mnt_idmap;
};

/* dentry.d_u lost its name after 6.18. */
struct dentry___named {
	union {
		struct hlist_node d_alias;
	} d_u;
};
struct dentry___unnamed {
	struct hlist_node d_alias;
};

enum pageflags {
	PG_head = 6,
};

/* bpf_snprintf(), since 5.13. */
enum bpf_func_id___513 {
	BPF_FUNC_snprintf___513 = 165,
};

/* The current task has its type since 5.11 (3ca1032ab7ab). */
enum bpf_func_id___511 {
	BPF_FUNC_get_current_task_btf___511 = 158,
};

#pragma clang attribute pop

/* What a task of a tp_btf program does; loaded directly, as the helper that BPF_CORE_READ calls is forbidden in lockdown. */
static __always_inline u64 task_state(struct task_struct *task)
{
	struct task_struct___old *old = (void *)task;
	struct task_struct___new *new = (void *)task;

	if (bpf_core_field_exists(new->__state))
		return new->__state;
	return old->state;
}

/*
 * Whether a task of a tp_btf program that is switched out did not want to go. Read from the task, as sched_info_depart() does: the state that
 * sched_switch hands over (since 5.18, fa2c3254d7cf) was read before the next task was picked, and with delayed dequeue
 * (6.12) a task may be woken in between, as picking drops the run queue's lock.
 */
static __always_inline bool is_running(struct task_struct *prev)
{
	return task_state(prev) == 0;
}

/* dev_t of the whole disk a request goes to, 0 if it has none. */
static __always_inline u32 request_disk(struct request *rq)
{
	struct request___old *old = (void *)rq;
	struct request_queue___new *q;
	struct gendisk *disk;

	if (bpf_core_field_exists(old->rq_disk)) {
		disk = BPF_CORE_READ(old, rq_disk);
	} else {
		q = (void *)BPF_CORE_READ(rq, q);
		disk = BPF_CORE_READ(q, disk);
	}
	if (!disk)
		return 0;
	return (u32)BPF_CORE_READ(disk, major) << 20 | (u32)BPF_CORE_READ(disk, first_minor);
}

static __always_inline u32 zone_append_op(void)
{
	if (bpf_core_enum_value_exists(enum req_op___new, REQ_OP_ZONE_APPEND___new))
		return bpf_core_enum_value(enum req_op___new, REQ_OP_ZONE_APPEND___new);
	return bpf_core_enum_value(enum req_opf___old, REQ_OP_ZONE_APPEND___old);
}

/* Id of the ancestor of `cgrp` at `level`, itself included; 0 if it is above that level. */
static __always_inline u64 cgroup_ancestor(struct cgroup *cgrp, int level)
{
	struct cgroup___old *old = (void *)cgrp;
	struct cgroup___new *new = (void *)cgrp;
	struct cgroup *ancestor = NULL;
	u64 id = 0;

	if (level < 0 || BPF_CORE_READ(cgrp, level) < level)
		return 0;
	if (bpf_core_field_exists(old->ancestor_ids)) {
		bpf_probe_read_kernel(&id, sizeof(id),
				      (void *)cgrp + bpf_core_field_offset(old->ancestor_ids) + 8 * level);
		return id;
	}
	bpf_probe_read_kernel(&ancestor, sizeof(ancestor),
			      (void *)cgrp + bpf_core_field_offset(new->ancestors) + 8 * level);
	return ancestor ? BPF_CORE_READ(ancestor, kn, id) : 0;
}

/* Pages in a folio (in 5.10: of a page, which comes alone). */
static __always_inline u64 folio_pages(struct folio *folio)
{
	struct folio___61 *f61 = (void *)folio;
	struct folio___66 *f66 = (void *)folio;
	struct folio___618 *f618 = (void *)folio;
	u64 head = bpf_core_enum_value(enum pageflags, PG_head);
	u64 flags;

	if (!bpf_core_type_exists(struct folio___61))
		return 1;
	if (bpf_core_field_exists(f618->flags.f))
		flags = BPF_CORE_READ(f618, flags.f);
	else
		flags = BPF_CORE_READ(f61, flags);
	if (!(flags & (1ULL << head)))
		return 1;
	if (bpf_core_field_exists(f61->_folio_order))
		return 1ULL << (BPF_CORE_READ(f61, _folio_order) & 63);
	return 1ULL << (BPF_CORE_READ(f66, _flags_1) & 63);
}

/* A name of the inode, NULL if it has none. */
static __always_inline struct dentry *inode_alias(struct inode *inode)
{
	void *node = BPF_CORE_READ(inode, i_dentry.first);
	struct dentry___named *named = NULL;
	struct dentry___unnamed *unnamed = NULL;

	if (!node)
		return NULL;
	if (bpf_core_field_exists(named->d_u.d_alias))
		return node - bpf_core_field_offset(named->d_u.d_alias);
	return node - bpf_core_field_offset(unnamed->d_alias);
}

/* Where a folio of the page cache is. */
struct folio_place {
	u64 mapping;
	u64 index;
};

/* Fills `place`; false where there are no folios. */
static __always_inline bool folio_place(struct folio *folio, struct folio_place *place)
{
	struct folio___mapped *mapped = (void *)folio;

	if (!bpf_core_field_exists(mapped->mapping))
		return false;
	place->mapping = (u64)BPF_CORE_READ(mapped, mapping);
	place->index = BPF_CORE_READ(mapped, index);
	return true;
}

#endif
