/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/* Settings that are lists of names out of a table (src/views/tables.rs): each is its number and one, so that 0 is none. */
#ifndef BCC_TOP_LISTED_H
#define BCC_TOP_LISTED_H

#include "kernel.h"

#define MAX_LISTED 16
typedef u32 listed_t[MAX_LISTED];

/* Whether a number is in the list; none is any. The list is constant for the verifier: what it does not have costs nothing. */
static __always_inline bool is_listed(const volatile u32 *list, u32 number)
{
	if (!list[0])
		return true;
#pragma unroll
	for (int i = 0; i < MAX_LISTED; i++) {
		if (list[i] && list[i] - 1 == number)
			return true;
	}
	return false;
}

/* Whether all bits of each in the list are among these. */
static __always_inline bool has_all_listed(const volatile u32 *list, u32 bits)
{
#pragma unroll
	for (int i = 0; i < MAX_LISTED; i++) {
		if (list[i] && (bits & (list[i] - 1)) != list[i] - 1)
			return false;
	}
	return true;
}

#endif
