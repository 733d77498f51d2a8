/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/* Distributions: structs with `slots`, `sum` and `max`. */
#ifndef BCC_TOP_HIST_H
#define BCC_TOP_HIST_H

#include "maps.h"

/* Adds a value where an interrupt or another CPU may come between load and store. Only the maximum may lose a race, so
 * keep one writer for each: by CPU, with PERCPU_VALUE_HALVES or a cpu_shard_t in the key. */
#define add_to_hist(hist, value)					\
	({								\
		u64 _v = (value);					\
		u32 _one = 1;						\
		__sync_fetch_and_add(&(hist)->slots[log2_u64(_v)], _one);	\
		add(&(hist)->sum, _v);					\
		if (_v > (hist)->max)					\
			(hist)->max = _v;				\
	})

/* The same for what one CPU alone writes, and no interrupt. */
#define HIST_ADD(hist, ns)					\
	do {							\
		u64 value = (ns);				\
								\
		(hist)->slots[log2_u64(value)] += 1;		\
		(hist)->sum += value;				\
		if (value > (hist)->max)			\
			(hist)->max = value;			\
	} while (0)

#endif
