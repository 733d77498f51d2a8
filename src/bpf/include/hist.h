/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/* Distributions that several writers may add to: an interrupt can come between load and store. */
#ifndef BCC_TOP_HIST_H
#define BCC_TOP_HIST_H

#include "maps.h"

/* Adds a value to a struct with `slots`, `sum` and `max`. Only the maximum may lose a race, so keep one
 * writer for each: by CPU, with PERCPU_VALUE_HALVES or a cpu_shard_t in the key. */
#define add_to_hist(hist, value)					\
	({								\
		u64 _v = (value);					\
		u32 _one = 1;						\
		__sync_fetch_and_add(&(hist)->slots[log2_u64(_v)], _one);	\
		add(&(hist)->sum, _v);					\
		if (_v > (hist)->max)					\
			(hist)->max = _v;				\
	})

#endif
