/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/*
 * Whether a text is what a pattern says, one step for each byte (src/views/pattern.rs makes the pattern). bpf_strncmp() came
 * in 5.17 and knows no patterns; going back in the text would be more than a verifier follows.
 */
#ifndef BCC_TOP_PATTERN_H
#define BCC_TOP_PATTERN_H

#include "kernel.h"

struct pattern {
	u64 bytes[256];
	u64 stays;
	u64 end; /* 0: there is no pattern */
};

/* The first place, 1. Not constant for the verifier, or it would tell apart every state that can come of it. */
volatile u64 pattern_begin = 1;

static __always_inline u64 pattern_step(const volatile struct pattern *pattern, u64 state, char byte)
{
	return (state & pattern->bytes[(u8)byte]) << 1 | (state & pattern->stays);
}

/* All of a text in memory of the program, up to its NUL or `size`, which is constant. */
static __always_inline bool is_match(const volatile struct pattern *pattern, const char *text, u32 size)
{
	u64 state = pattern_begin;
	u32 i;

	if (!pattern->end)
		return true;
#pragma clang loop unroll(disable)
	for (i = 0; i < size && text[i]; i++)
		state = pattern_step(pattern, state, text[i]);
	return state & pattern->end;
}

#endif
