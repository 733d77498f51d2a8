/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/* Distributions: structs with `slots`, `sum` and `max`, each written by one CPU at a time. */
#ifndef BCC_TOP_HIST_H
#define BCC_TOP_HIST_H

#include "maps.h"

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
