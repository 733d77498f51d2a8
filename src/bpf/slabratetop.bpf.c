// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/* Objects that the kernel allocates from its slab caches. */
#include "filter.h"
#include "pattern.h"
#include "sampled.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kmem_cache {
	unsigned int size;
	const char *name;
};

#pragma clang attribute pop

#define CACHE_NAME_SIZE 32

const volatile struct pattern cache = {}; /* only caches called so */

struct cache_key {
	cpu_shard_t _cpu;
	text_t cache[CACHE_NAME_SIZE];
};

struct allocations {
	count_t allocs;
	bytes_t bytes;
	bytes_max_t size;
};

/* A busy host has 300 caches, and each CPU its own numbers of them. Memory for it is there before: allocating while
 * allocating would not end. */
HASH_HALVES(caches, struct cache_key, struct allocations, 16384);

static __always_inline int record(struct kmem_cache *from, u64 objects)
{
	struct cache_key key = { ._cpu = bpf_get_smp_processor_id() };
	struct allocations zero = {}, *allocations;
	u64 size;

	if (!objects || !is_sampled() || !is_current_wanted())
		return 0;
	if (bpf_probe_read_kernel_str(key.cache, sizeof(key.cache), BPF_CORE_READ(from, name)) == sizeof(key.cache))
		count_lost(LOST_TRUNCATED);
	if (!is_match(&cache, key.cache, sizeof(key.cache)))
		return 0;
	size = BPF_CORE_READ(from, size);
	allocations = lookup_or_init(HALF(caches), &key, &zero);
	if (!allocations)
		return 0;
	/* An interrupt may come in between, and it allocates too. */
	add(&allocations->allocs, objects);
	add(&allocations->bytes, objects * size);
	allocations->size = size;
	return 0;
}

/* The cache is an argument since 6.1 (2c1d697fb8ba); every entry point but the one for bulks reports here. The object is a
 * `const void *`, which verifiers before 6.18 do not let a program read: so an allocation that fails is counted as well. */
SEC("tp_btf/kmem_cache_alloc")
int BPF_PROG(alloc__1, unsigned long site, void *object, struct kmem_cache *cache)
{
	return record(cache, 1);
}

SEC("fexit/kmem_cache_alloc")
int BPF_PROG(alloc__2_plain, struct kmem_cache *cache, u32 flags, void *object)
{
	return record(cache, object != NULL);
}

SEC("fexit/kmem_cache_alloc_node")
int BPF_PROG(alloc__2_node, struct kmem_cache *cache, u32 flags, int node, void *object)
{
	return record(cache, object != NULL);
}

SEC("fexit/kmem_cache_alloc_bulk")
int BPF_PROG(alloc__2_bulk, struct kmem_cache *cache, u32 flags, u64 size, void **objects, int got)
{
	return record(cache, got > 0 ? got : 0);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
