/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/*
 * Maps that can be read while programs run: two halves chosen by `epoch`. User space flips it,
 * waits until running programs are done, and then drains the idle half, which nobody writes.
 */
#ifndef BCC_TOP_MAPS_H
#define BCC_TOP_MAPS_H

#include "kernel.h"
#include "units.h"

/* Flipped by user space at the end of each interval. */
volatile u32 epoch = 0;

#define HASH_HALVES(name, K, V, N)					\
	struct name##__map {						\
		__uint(type, BPF_MAP_TYPE_HASH);			\
		__uint(max_entries, N);					\
		__type(key, K);						\
		__type(value, V);					\
	};								\
	struct name##__map name##__0 SEC(".maps");			\
	struct name##__map name##__1 SEC(".maps")

/* A per-CPU array of two entries; entry `epoch & 1` is the live one. */
#define PERCPU_VALUE_HALVES(name, V)					\
	struct {							\
		__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);		\
		__uint(max_entries, 2);					\
		__type(key, u32);					\
		__type(value, V);					\
	} name##__x2 SEC(".maps")

/* The value of this CPU that is written now; NULL only in the eyes of the verifier. */
#define PERCPU_HALF(name)						\
	({								\
		u32 half = epoch & 1;					\
		bpf_map_lookup_elem(&name##__x2, &half);		\
	})

/*
 * Rows by a number that is less than N: a per-CPU array, which has no hash to compute and no writer but its own CPU.
 * The type K of the number names its column (`softirq_t`: softirq).
 */
#define PERCPU_ARRAY_HALVES(name, K, V, N)				\
	enum { name##__size = N };					\
	struct {							\
		__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);		\
		__uint(max_entries, 2 * (N));				\
		__type(key, K);						\
		__type(value, V);					\
	} name##__xn SEC(".maps")

/* The value of number `n` on this CPU that is written now; NULL if there is no such number. */
#define PERCPU_ARRAY_HALF(name, n)					\
	({								\
		u32 at = (n);						\
		void *value = NULL;					\
									\
		if (at < name##__size) {				\
			at += (epoch & 1) * name##__size;		\
			value = bpf_map_lookup_elem(&name##__xn, &at);	\
		}							\
		value;							\
	})

/* Whether the view reads the data in `name`: views that share a program may each read other data.
 * Filled by the engine from the declared map before load, so that the other branch is dead code. */
#define READS(name) const volatile bool reads__##name = false

#define HALF(name) ((epoch & 1) ? (void *)&name##__1 : (void *)&name##__0)

/* What could not be recorded; the order is that of Lost in src/probes/reader.rs. */
enum lost_kind {
	LOST_EVENTS,
	LOST_MAP_FULL,
	LOST_STACKS,
	LOST_UNATTRIBUTED,
	LOST_TRUNCATED,
	LOST_KINDS,
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LOST_KINDS);
	__type(key, u32);
	__type(value, u64);
} lost SEC(".maps");

static __always_inline void count_lost(u32 kind)
{
	u64 *n = bpf_map_lookup_elem(&lost, &kind);

	if (n)
		*n += 1;
}

/* An insert that failed: the map is full, or its bucket was locked by what we interrupted. */
static __always_inline void count_failed_insert(long err)
{
	count_lost(err == -E2BIG || err == -ENOMEM ? LOST_MAP_FULL : LOST_EVENTS);
}

/* The value of `key`, made from `init` if it is new; NULL, counted, if that fails. */
static __always_inline void *lookup_or_init(void *map, const void *key, const void *init)
{
	void *value = bpf_map_lookup_elem(map, key);
	long err;

	if (value)
		return value;
	err = bpf_map_update_elem(map, key, init, BPF_NOEXIST);
	if (err && err != -EEXIST) {
		count_failed_insert(err);
		return NULL;
	}
	return bpf_map_lookup_elem(map, key);
}

/* The same in the live half of `name`. Each half has a call of its own, which the verifier then makes a direct one
 * (htab_map_gen_lookup); the comments keep clang from making one of the two. */
#define HALF_LOOKUP_OR_INIT(name, key, init)				\
	({								\
		const void *at = (key), *from = (init);			\
		void *found;						\
									\
		if (epoch & 1) {					\
			found = bpf_map_lookup_elem(&name##__1, at);	\
			asm volatile("# half 1");			\
		} else {						\
			found = bpf_map_lookup_elem(&name##__0, at);	\
			asm volatile("# half 0");			\
		}							\
		found ? found : lookup_or_init(HALF(name), at, from);	\
	})

/* The value of `key`, whatever it was: for rows that say how things are, not what was counted. */
static __always_inline void put(void *map, const void *key, const void *value)
{
	long err = bpf_map_update_elem(map, key, value, BPF_ANY);

	if (err)
		count_failed_insert(err);
}

/* Atomic add of a value the compiler cannot fold: adding a constant 0 would become an OR, which
 * 5.10 refuses. */
static __always_inline void add(u64 *counter, u64 n)
{
	__sync_fetch_and_add(counter, n);
}

#define HIST_SLOTS 64

/* floor(log2(v)), 0 for 0. */
static __always_inline u32 log2_u64(u64 v)
{
	u32 r = 0;

	if (v >> 32) { r += 32; v >>= 32; }
	if (v >> 16) { r += 16; v >>= 16; }
	if (v >> 8) { r += 8; v >>= 8; }
	if (v >> 4) { r += 4; v >>= 4; }
	if (v >> 2) { r += 2; v >>= 2; }
	if (v >> 1) r += 1;
	/* 5.10 and 6.1 lose the bound through the additions, and clang drops a mask that it can
	 * prove redundant: hide the value, then mask. */
	asm volatile("" : "+r"(r));
	return r & (HIST_SLOTS - 1);
}

#endif
