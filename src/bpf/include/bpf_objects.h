/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/* Programs, maps and links of BPF, as the kernel has them. */
#ifndef BCC_TOP_BPF_OBJECTS_H
#define BCC_TOP_BPF_OBJECTS_H

#include "kernel.h"

#define NAME_SIZE 16 /* BPF_OBJ_NAME_LEN */
#define TAG_SIZE 8   /* BPF_TAG_SIZE */

/* Some of their names; the engine has them all from the running kernel. */
enum bpf_prog_type {
	BPF_PROG_TYPE_SOCKET_FILTER = 1,
	BPF_PROG_TYPE_KPROBE = 2,
};

enum bpf_map_type {
	BPF_MAP_TYPE_PROG_ARRAY = 3,
	BPF_MAP_TYPE_PERF_EVENT_ARRAY = 4,
};

enum bpf_link_type {
	BPF_LINK_TYPE_RAW_TRACEPOINT = 1,
	BPF_LINK_TYPE_TRACING = 2,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct bpf_prog_stats {
	u64 cnt;
	u64 nsecs;
};

/* The same bits since 61a0abaee209 (5.16), in a struct. */
struct bpf_prog_stats___new {
	struct u64_stats_t___new {
		u64 bits;
	} cnt, nsecs;
};

struct user_struct {
	struct {
		u32 val;
	} uid;
};

struct bpf_prog_aux {
	u32 used_map_cnt;
	u32 id;
	struct user_struct *user;
	u64 load_time;
	char name[NAME_SIZE];
};

/* 5.10 has the counters there. */
struct bpf_prog_aux___old {
	struct bpf_prog_stats *stats;
};

/* Since 5.16 (aba64c7da983). */
struct bpf_prog_aux___new {
	u32 verified_insns;
};

struct bpf_prog {
	enum bpf_prog_type type;
	u32 len;
	u32 jited_len;
	u8 tag[TAG_SIZE];
	struct bpf_prog_stats *stats;
	struct bpf_prog_aux *aux;
};

struct bpf_map {
	enum bpf_map_type map_type;
	u32 key_size;
	u32 value_size;
	u32 max_entries;
	u32 map_flags;
	u32 id;
	char name[NAME_SIZE];
};

struct bpf_link {
	u32 id;
	enum bpf_link_type type;
	struct bpf_prog *prog;
};

struct perf_event {
	struct bpf_prog *prog;
};

struct bpf_array {
	void *pptrs[0];
};

#pragma clang attribute pop

struct bpf_iter__bpf_prog {
	struct bpf_iter_meta *meta;
	struct bpf_prog *prog;
};

struct bpf_iter__bpf_map {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
};

struct bpf_iter__bpf_link {
	struct bpf_iter_meta *meta;
	struct bpf_link *link;
};

#endif
