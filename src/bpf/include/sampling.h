/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/*
 * Programs of SEC("perf_event") run from a timer of each CPU (the software event cpu-clock), also where the CPU is idle. The engine
 * opens an event for each CPU that is online (src/probes/sampling.rs); the setting is for it alone.
 */
#ifndef BCC_TOP_SAMPLING_H
#define BCC_TOP_SAMPLING_H

#include "filter.h"

/* Samples of each CPU in a second; 0 is 99, which does not march in step with what happens a hundred times a second. */
const volatile u32 frequency = 0;

#endif
