/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/*
 * One event in N, so that a view keeps within `--max-overhead`. Ask is_sampled() before anything else, where one event is one
 * count; of a pair at its begin alone, so that its end finds nothing. The engine multiplies what was counted, and the view's
 * declaration says `sampled = true`.
 */
#ifndef BCC_TOP_SAMPLED_H
#define BCC_TOP_SAMPLED_H

#include "maps.h"

/* Without a limit none of this is in the program. */
const volatile u32 filter_sampled = 0;

/* Powers of two, one for each half: what is in a half was all counted in one way. 0 and 1: every event. */
volatile u32 one_in__0 = 0;
volatile u32 one_in__1 = 0;

static __always_inline u32 events_for_one(void)
{
	return (epoch & 1) ? one_in__1 : one_in__0;
}

/* Whether events are left out now, so that an end without a begin means nothing. */
static __always_inline bool is_sampling(void)
{
	return filter_sampled && events_for_one() > 1;
}

/* By chance: every Nth would see only the reads of a program that reads and writes in turn. */
static __always_inline bool is_sampled(void)
{
	u32 n;

	if (!filter_sampled)
		return true;
	n = events_for_one();
	return n <= 1 || !(bpf_get_prandom_u32() & (n - 1));
}

#endif
